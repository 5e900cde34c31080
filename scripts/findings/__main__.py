"""Make `docs/findings.md` from scratch: prepare data, train, measure, draw, and write.

    python scripts/findings --mnist FOLDER           about 40 minutes on 2 cores
    python scripts/findings --quick --out /tmp/f     whether it runs

FOLDER has MNIST's `train-images-idx3-ubyte.gz` and `train-labels-idx1-ubyte.gz`; without it, that part is left out.
What was trained and measured before, in `--work`, is not done again: the same command continues what was cut off.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from collect import collect
from write import text

from autoencoder.machine.files import read_json, write_json

ROOT = Path(__file__).parents[2]
MNIST_FILES = ("train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz")


@dataclass(frozen=True)
class Size:
    """How much is trained.

    Attributes:
        images: of the arena, and of MNIST.
        side: of an arena image, in pixels.
        epochs: of networks that differ in their objective, and of those that differ in their encoder.
        seeds: of each setting.
        many: images of the run that shows the arena's arms, and its epochs.
    """

    images: tuple[int, int]
    side: int
    epochs: tuple[int, int]
    seeds: int
    many: tuple[int, int]


FULL = Size((4000, 3000), 50, (8, 3), 6, (32_000, 15))
QUICK = Size((240, 240), 16, (1, 1), 2, (300, 1))

AT_A_TIME = 2
"""Commands, each of which takes a thread."""


@dataclass(frozen=True)
class Job:
    """A command, and the file that is there once it has been carried out.

    Attributes:
        arguments: of `autoencoder`.
        makes: the file.
        needs_all: whether it needs what all others make.
    """

    arguments: tuple[str, ...]
    makes: Path
    needs_all: bool = False

    def text(self) -> str:
        """As it is typed."""
        return shlex.join(("autoencoder", *self.arguments))


def jobs(size: Size, work: Path, mnist: Path | None) -> dict[str, Job]:
    """Every command, by what it is called here."""
    data, studies = work / "data", work / "studies"
    found: dict[str, Job] = {}
    flags: tuple[object, ...]

    def add(name: str, makes: Path, *arguments: object, needs_all: bool = False) -> None:
        found[name] = Job(tuple(map(str, arguments)), makes, needs_all)

    def add_studies(name: str, objectives: str, noise: str) -> None:
        objective_epochs, encoder_epochs = size.epochs
        for what, vary, epochs, more in (
            ("objectives", (f"objective={objectives}",), objective_epochs, ("--control", "--encoder", "strided")),
            (
                "encoders",
                ("encoder=strided,pca,umap", "latent_dim=2,16"),
                encoder_epochs,
                ("--only", "quality", "units", "--decoder", "strided"),
            ),
        ):
            out = studies / f"{name}-{what}"
            flags = ("--seeds", size.seeds, "--epochs", epochs, "--noise", noise, "--threads", 1, *more, *FORMER)
            flags += ("--out", out)
            makes = out / "report.html"
            add(f"{name} {what}", makes, "study", data / f"{name}.npz", "--vary", *vary, *flags, "--quiet")

    arena = ("--size", size.side, "--quiet")
    add("arena", data / "arena.npz", "prepare", "arena", "--images", size.images[0], "--out", data / "arena", *arena)
    add_studies("arena", "reconstruct,angle,mask", "gaussian:0.1")
    if mnist is not None:
        images, labels = (mnist / name for name in MNIST_FILES)
        given = (images, "--labels", labels, "--limit", size.images[1], "--out", data / "mnist", "--quiet")
        add("mnist", data / "mnist.npz", "prepare", "idx", *given)
        add_studies("mnist", "reconstruct,classify", "gaussian:0.3")
        beside = (
            studies / "arena-objectives",
            "--only",
            "quality",
            "--beside",
            studies / "mnist-objectives",
            "--quiet",
        )
        add("beside", work / "beside.done", "study", "report", *beside, needs_all=True)
    n_many, epochs = size.many
    add("many", data / "many.npz", "prepare", "arena", "--images", n_many, "--out", data / "many", *arena)
    run = work / "runs" / "many"
    flags = ("--encoder", "strided", "--epochs", epochs, "--snapshots-per-epoch", 1, "--threads", 1, *FORMER, "--quiet")
    add("run of many", run / "checkpoints" / "last.pt", "train", data / "many.npz", "--run", run, *flags)
    colors = ("--color-by", "body_angle_deg", "distance_from_center")
    flags = ("--show", "scatter", *colors, "--out", work / "arms", "--quiet")
    add("arms", work / "arms", "visualize", "--run", run, "--snapshot", "last", *flags)
    add("grid", work / "grid" / "grid.png", "test", "--run", run, "--no-movies", "--out", work / "grid", "--quiet")
    runs = [studies / "arena-encoders" / "runs" / f"{name}-42" for name in ENCODER_RUNS]
    add("side by side", work / "encoders" / "comparison.md", "compare", *runs, "--out", work / "encoders", "--quiet")
    return found


FORMER = ("--optimizer", "adam", "--batch-size", 32)
"""With the encoder and the decoder `strided`, the default when the page was made."""

ENCODER_RUNS = ("strided_16", "pca_16", "umap_16", "pca_2", "umap_2")
"""Runs of the first seed, as they are called in their folder."""


TRACKS = (
    ("arena objectives",),
    ("arena encoders", "side by side"),
    ("run of many", "arms", "grid"),
    ("mnist objectives",),
    ("mnist encoders",),
)
"""Commands that need what the one before made, the longest tracks first; data come before all of them."""

ONE_THREAD = {"OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"}


def carry_out_all(todo: dict[str, Job]) -> None:
    """Run all commands that have not been carried out, so many at a time."""
    in_tracks = {name for track in TRACKS for name in track}
    first = [name for name in todo if name not in in_tracks and not todo[name].needs_all]
    last = [name for name in todo if todo[name].needs_all]
    for name in first:
        carry_out(todo[name])
    with ThreadPoolExecutor(AT_A_TIME) as pool:
        list(pool.map(lambda track: carry_out_track(todo, track), TRACKS))
    for name in last:
        carry_out(todo[name])


def carry_out_track(todo: dict[str, Job], track: Sequence[str]) -> None:
    """Run what there is of a track, one after the other."""
    for name in track:
        if name in todo:
            carry_out(todo[name])


def carry_out(job: Job) -> None:
    """Run a command that has not been carried out."""
    if job.makes.exists():
        return
    print(f"{time.strftime('%H:%M:%S')}  {job.text()}", flush=True)
    command = [sys.executable, "-m", "autoencoder", *job.arguments]
    subprocess.run(command, check=True, cwd=ROOT, env={**os.environ, **ONE_THREAD})
    if not job.makes.exists():
        job.makes.touch()


def pictures(work: Path) -> dict[str, Path]:
    """Where each picture comes from."""
    arena, mnist = (work / "studies" / f"{name}-objectives" for name in ("arena", "mnist"))
    found = {
        "grid": work / "grid" / "grid.png",
        "arms-angle": work / "arms" / "body_angle_deg.png",
        "arms-distance": work / "arms" / "distance_from_center.png",
        "encoders": work / "encoders" / "comparison-body_angle_deg.png",
        "arena-over-training": arena / "embeddings_over_training.png",
        "arena-space": arena / "space.png",
        "mnist-space": mnist / "space.png",
    }
    return {name: path for name, path in found.items() if path.exists()}


def _short(command: str, work: Path, mnist: Path | None) -> str:
    """A command as it is typed in the folder of all results, with MNIST in `mnist/`."""
    short = command.replace(f"{work}/", "")
    return short if mnist is None else short.replace(f"{mnist}/", "mnist/")


@contextlib.contextmanager
def spent(file: Path) -> Iterator[None]:
    """Add the time that is spent to that of earlier calls, also where this one is cut off."""
    started = time.monotonic()
    try:
        yield
    finally:
        before = read_json(file)["seconds"] if file.exists() else 0.0
        file.parent.mkdir(parents=True, exist_ok=True)
        write_json(file, {"seconds": before + time.monotonic() - started})


def main() -> None:
    """Do all that is not done yet, and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mnist", type=Path, metavar="FOLDER", help="with MNIST's training images and labels")
    parser.add_argument("--work", type=Path, default=ROOT / "findings", help="for data, studies and runs")
    parser.add_argument("--out", type=Path, default=ROOT / "docs", help="for findings.md, findings.json and pictures")
    parser.add_argument("--quick", action="store_true", help="smallest sizes")
    args = parser.parse_args()
    size = QUICK if args.quick else FULL
    todo = jobs(size, args.work, args.mnist)
    with spent(args.work / "seconds.json"):
        carry_out_all(todo)
    started = time.monotonic()
    found = collect(args.work, ["arena", *(["mnist"] if args.mnist else [])])
    found["size"] = {"images": size.images, "seeds": size.seeds}
    found["minutes"] = (read_json(args.work / "seconds.json")["seconds"] + time.monotonic() - started) / 60
    found["commands"] = [_short(job.text(), args.work, args.mnist) for job in todo.values()]
    write_json(args.out / "findings.json", found)
    (args.out / "findings.md").write_text(text(found), encoding="utf-8")
    folder = args.out / "images" / "findings"
    folder.mkdir(parents=True, exist_ok=True)
    for name, path in pictures(args.work).items():
        shutil.copyfile(path, folder / f"{name}.png")
    print(f"{found['minutes']:.1f} minutes: {args.out / 'findings.md'}")


if __name__ == "__main__":
    main()
