"""Fixtures that the tests share: commands called in this process, small data sets and one finished run.

Tests of faults count what they tried and what came of it (`tally`); the counts of all are one table at the end.
"""

import contextlib
import csv
import gc
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[1]
REAL_DATA = ROOT.parent / "shared" / "data"


@dataclass(frozen=True)
class Result:
    """What a command did: its exit status and what it printed."""

    status: int
    out: str
    err: str

    def refused(self, *words: str) -> str:
        """The one line of an error that the user can mend; every word of `words` is in it."""
        assert self.status == 2, (self.status, self.out, self.err)
        assert self.err.startswith("error: "), self.err
        assert self.err.count("\n") == 1, self.err
        assert self.err.endswith("\n")
        assert "Traceback" not in self.err
        for word in words:
            assert word in self.err, f"{word!r} is not in {self.err!r}"
        return self.err


Call = Callable[..., Result]

COUNTS = (
    "tried",
    "survived",
    "lost",
    "resumed",
    "files checked",
    "differences",
    "clear errors",
    "worked",
    "tracebacks",
)
"""Columns of the table of faults: of processes that were disturbed, then of inputs."""


def _call(*arguments: object, program: str | None = None) -> Result:
    from autoencoder.cli.flags.old_flags import translate_with_documented_defaults
    from autoencoder.cli.main import main

    argv = [str(argument) for argument in arguments]
    options = {}
    if program is not None:  # what the files in scripts/ do
        argv, options = [program, *argv], {"translate": translate_with_documented_defaults}
    out, err = io.StringIO(), io.StringIO()
    handler = signal.getsignal(signal.SIGTERM)
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            status = main(argv, **options)
    except SystemExit as leaving:
        status = leaving.code
    finally:
        signal.signal(signal.SIGTERM, handler)
    return Result(status, out.getvalue(), err.getvalue())


@pytest.fixture(scope="session")
def call() -> Call:
    """Run a command of `autoencoder` in this process."""
    return _call


@pytest.fixture(scope="session")
def succeed() -> Call:
    """Run a command that must end with status 0."""

    def run(*arguments: object, **options: str) -> Result:
        result = _call(*arguments, **options)
        assert result.status == 0, result
        return result

    return run


@pytest.fixture(scope="session")
def start() -> Callable[..., subprocess.Popen]:
    """Start `python -m autoencoder` as a process of its own, for what only a process can show."""

    def popen(*arguments: object, **options: object) -> subprocess.Popen:
        command = [sys.executable, "-m", "autoencoder", *map(str, arguments)]
        # Processes that are killed, or may write no more, would leave bytecode that is cut short.
        settings = {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}
        environment = {**os.environ, **settings}
        defaults = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "env": environment}
        return subprocess.Popen(command, **{**defaults, **options})

    return popen


@pytest.fixture(autouse=True, scope="session")
def hear_interrupts() -> None:
    """Tests that were started as a background job ignore SIGINT, and so would the processes that they start."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def same_number_of_threads() -> Iterator[None]:
    """A test that trains with `--threads` leaves the process as it was: sums of other tests would be rounded anew."""
    torch = sys.modules.get("torch")
    before = torch.get_num_threads() if torch is not None else None
    yield
    if torch is not None and before is not None:
        torch.set_num_threads(before)


@pytest.fixture(autouse=True, scope="module")
def modules_are_no_garbage() -> Iterator[None]:
    """Collecting garbage passes over all that imports have made, half a million objects: a tenth of the tests' time."""
    before = len(sys.modules)
    yield
    if len(sys.modules) > before + 100:
        gc.collect()
        gc.freeze()


@pytest.fixture(scope="session")
def root() -> Path:
    """The repository."""
    return ROOT


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder with the real video and MNIST, beside the repository."""
    if not (REAL_DATA / "arena-mouse" / "video.mp4").exists():
        pytest.skip(f"the real video and MNIST are not in {REAL_DATA}")
    return REAL_DATA


@pytest.fixture(scope="session")
def arena(tmp_path_factory: pytest.TempPathFactory, succeed: Call) -> Path:
    """120 images of the synthetic arena, 50x50, with clean images and eight columns."""
    folder = tmp_path_factory.mktemp("arena")
    succeed("prepare", "arena", "--out", folder / "arena", "--images", 120, "--quiet")
    return folder / "arena.npz"


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory, succeed: Call) -> Path:
    """60 images of the arena, 16x16: the smallest set that every command works on."""
    folder = tmp_path_factory.mktemp("tiny")
    succeed("prepare", "arena", "--out", folder / "tiny", "--images", 60, "--size", 16, "--quiet")
    return folder / "tiny.npz"


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory, succeed: Call, arena: Path) -> Path:
    """A run on `arena`, 3 epochs of 6 steps, a checkpoint each epoch. Read it; to write into it, take `finished_copy`.

    Its data lie where later tests can read them; everything later must come from the run folder alone.
    """
    run = tmp_path_factory.mktemp("runs") / "finished"
    options = ("--epochs", 3, "--batch-size", 16, "--latent-dim", 6, "--noise", "gaussian:0.2", "--seed", 7)
    succeed("train", arena, "--run", run, *options, "--val-interval", 1, "--checkpoint-interval", 1, "--quiet")
    return run


@pytest.fixture
def finished_copy(finished: Path, tmp_path: Path) -> Path:
    """A copy of `finished` that a test may change."""
    return Path(shutil.copytree(finished, tmp_path / "run"))


def _tree(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="session")
def tree() -> Callable[[Path], set[str]]:
    """The files below a folder, as relative paths."""
    return _tree


@pytest.fixture(scope="session")
def frame_count() -> Callable[[Path], int]:
    """Number of frames of a movie, by decoding it."""

    def count(movie: Path) -> int:
        import imageio.v3 as iio

        return sum(1 for _ in iio.imiter(movie, plugin="FFMPEG" if movie.suffix == ".mp4" else "pillow"))

    return count


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """40 random grey images, 12x12 uint8, without metadata, as `.npy`."""
    path = tmp_path / "images.npy"
    np.save(path, np.random.default_rng(0).integers(0, 256, (40, 12, 12), dtype=np.uint8))
    return path


PATIENCE = 120
"""Seconds that a process may take to come to where a test waits for it."""


@pytest.fixture(scope="session")
def wait_for() -> Callable[..., None]:
    """Wait until a condition holds, while a process goes on."""

    def wait(condition: Callable[[], bool], process: subprocess.Popen) -> None:
        end = time.monotonic() + PATIENCE
        while not condition():
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < end, f"{condition} does not hold after {PATIENCE} s"
            time.sleep(0.005)

    return wait


@pytest.fixture
def at_step(monkeypatch) -> Callable[..., pytest.MonkeyPatch]:
    """Have something happen in a training of this process right after update number `step`.

    `change(learner, loss)` is called then; what it returns is the loss of that update.
    """
    from autoencoder.training.engines import EagerEngine

    def arrange(step: int, change: Callable[..., object]) -> pytest.MonkeyPatch:
        update = EagerEngine.update

        def update_and_change(engine, rows, done):
            loss = update(engine, rows, done)
            return change(engine.learner, loss) if done + 1 == step else loss

        monkeypatch.setattr(EagerEngine, "update", update_and_change)
        return monkeypatch

    return arrange


@pytest.fixture
def signal_at(at_step: Callable[..., pytest.MonkeyPatch]) -> Callable[[int, int], pytest.MonkeyPatch]:
    """Have this process send itself a signal during update number `step` of a training."""

    def arrange(number, step):
        def send(learner, loss):
            os.kill(os.getpid(), number)
            return loss

        return at_step(step, send)

    return arrange


# ------------------------------------------------------------------------------------------------- what a run has left


def _read_whole(file):
    """Read a file to its end, as its suffix says; an error where it is broken."""
    if file.suffix in (".json", ".html", ".md", ".tsv", ".pbtxt"):
        text = file.read_text(encoding="utf-8")
        assert json.loads(text) if file.suffix == ".json" else text
    elif file.suffix == ".npy":
        assert np.isfinite(np.load(file, allow_pickle=False)).all()
    elif file.suffix == ".npz":
        with np.load(file, allow_pickle=False) as arrays:
            assert all(arrays[name].size for name in arrays.files)
    elif file.suffix == ".pt":
        assert _load(file)["model"]
    elif file.suffix == ".csv":
        with file.open(newline="") as opened:
            assert all(None not in row.values() for row in csv.DictReader(opened))
    elif file.suffix in (".png", ".mp4", ".gif"):
        import imageio.v3 as iio

        assert sum(1 for _ in iio.imiter(file, plugin="FFMPEG" if file.suffix == ".mp4" else "pillow")) > 0
    elif file.suffix == ".svg":
        assert len(xml.etree.ElementTree.parse(file).getroot())
    else:
        raise AssertionError(f"unexpected file {file}")


def _count_whole(folder):
    """Read every file under a final name, and count them; names of what is being written start with a dot."""
    files = [file for file in folder.rglob("*") if file.is_file() and not file.name.startswith(".")]
    for file in files:
        assert ".partial" not in file.name
        _read_whole(file)
    return len(files)


@pytest.fixture(scope="session")
def count_whole() -> Callable[[Path], int]:
    """Check that every file below a folder can be read to its end; returns how many there are."""
    return _count_whole


TIMES = ("seconds", "images_per_second", "epoch_seconds")
"""What two equal runs may differ in."""


def _load(file):
    import torch

    return torch.load(file, map_location="cpu", weights_only=True)


def _same(a, b):
    """Bit for bit, whatever is nested in whatever."""
    if type(a).__name__ == "Tensor":
        return a.dtype == b.dtype and a.equal(b)
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(_same(a[key], b[key]) for key in a)
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(_same(x, y) for x, y in zip(a, b, strict=True))
    return type(a) is type(b) and a == b


def _read_csv(file):
    with file.open(newline="") as opened:
        return [{name: value for name, value in row.items() if name not in TIMES} for row in csv.DictReader(opened)]


def _assert_same_run(run, other, early_networks=True):
    """Weights, optimizer, where the loop stands, what an encoder was fitted to, metrics and every snapshot."""

    def names(folder):
        files = [p for p in folder.rglob("*") if p.is_file() and not p.name.startswith(".")]
        return {str(p.relative_to(folder)) for p in files if early_networks or not p.match("checkpoints/step_*.pt")}

    assert names(run) == names(other)
    for file in sorted((run / "checkpoints").glob("[!.]*.pt" if early_networks else "[!.s]*.pt")):
        a, b = _load(file), _load(other / "checkpoints" / file.name)
        for part in ("model", "optimizer"):
            assert _same(a[part], b[part]), (file.name, part)
        for content in (a, b):
            content["state"] = {name: value for name, value in content["state"].items() if name not in TIMES}
        assert a["state"] == b["state"], file.name
    assert _read_csv(run / "metrics.csv") == _read_csv(other / "metrics.csv")
    headers = [(folder / "metrics.csv").read_text().partition("\n")[0] for folder in (run, other)]
    assert headers[0] == headers[1]
    for file in (run / "latents").glob("index.csv"):
        assert _read_csv(file) == _read_csv(other / "latents" / file.name)
    for file in (run / "latents").glob("step_*.npy"):
        np.testing.assert_array_equal(np.load(file), np.load(other / "latents" / file.name), err_msg=file.name)
    for file in run.glob("reducer.npz"):
        with np.load(file) as a, np.load(other / file.name) as b:
            assert a.files == b.files
            for name in a.files:
                np.testing.assert_array_equal(a[name], b[name], err_msg=name)


@pytest.fixture(scope="session")
def assert_same_run() -> Callable[[Path, Path], None]:
    """Two run folders hold the same, bit for bit, but for the times, and early networks where these are left out."""
    return _assert_same_run


# --------------------------------------------------------------------------------------------------------------- faults


@pytest.fixture
def tally(record_property: Callable[[str, object], None]) -> Callable[..., None]:
    """Count what a test of faults tried: `tally("killed: train", tried=1, survived=1)`; names are those of `COUNTS`."""

    def count(kind: str, **counts: int) -> None:
        named = {name.replace("_", " "): number for name, number in counts.items()}
        assert named.keys() <= set(COUNTS), named
        record_property("faults", {"kind": kind, **named})

    return count


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """The table of faults, where tests counted any; processes of pytest-xdist have sent theirs with their reports."""
    totals: dict[str, dict[str, int]] = {}
    for reports in terminalreporter.stats.values():
        for report in reports:
            if getattr(report, "when", None) != "call":
                continue
            for counts in (value for name, value in report.user_properties if name == "faults"):
                row = totals.setdefault(counts["kind"], dict.fromkeys(COUNTS, 0))
                for name in COUNTS:
                    row[name] += counts.get(name, 0)
    if not totals:
        return
    totals = dict(sorted(totals.items()))
    totals["all"] = {name: sum(row[name] for row in totals.values()) for name in COUNTS}
    width = max(map(len, totals))
    terminalreporter.section("faults")
    terminalreporter.line(" " * width + "  ".join(["", *COUNTS]))
    for kind, row in totals.items():
        none = 0 if kind == "all" else "-"
        cells = (f"{number or none:>{len(name)}}" for name, number in row.items())
        terminalreporter.line(f"{kind:<{width}}  " + "  ".join(cells))
