"""A whole experiment on generated videos: ten animals, three recordings of each, two conditions.

Animals bend their bodies as they walk. In one set those under the drug bend further; in the other nothing differs but
what always does: each animal has a size and a gait of its own, and each recording its light, scale and length.
"""

from __future__ import annotations

import csv
import json
import re
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import imageio_ffmpeg
import numpy as np
import pytest

FPS, TABLE_RATE = 20, 50
WIDTH, HEIGHT = 112, 84
SCALES = (10.0, 11.5, 9.0)
"""Pixels per centimetre: the camera was moved between the days."""

WIDTHS = np.array([0.15, 0.25, 0.35, 0.42, 0.45, 0.45, 0.4, 0.35, 0.25])
"""Half of the body's, from tail root to nose, in centimetres."""

BEND, FURTHER = 0.8, 0.8
"""How far an animal bends from head to tail, at most, in radians, and how much further under the drug."""


@dataclass(frozen=True)
class Animal:
    """What an animal has of its own: how far it bends (radians), how often in a second, and how long it is."""

    name: str
    condition: str
    sex: str
    bend: float
    rhythm: float
    length_cm: float


def litter(n: int, further: float, rng: np.random.Generator) -> list[Animal]:
    """As many of each condition, and in each condition of each sex; those under the drug bend so much further."""
    return [
        Animal(
            f"m{number + 1:02d}",
            ("saline", "ketamine")[number % 2],
            "fm"[number // 2 % 2],
            BEND + 0.1 * rng.standard_normal() + further * (number % 2),
            rng.uniform(1.2, 1.6),
            rng.uniform(2.4, 2.7),
        )
        for number in range(n)
    ]


def film(folder: Path, name: str, animal: Animal, scale: float, n: int, rng: np.random.Generator) -> np.ndarray:
    """A video of an animal and its pose, at a scale, and at a light of its own.

    Returns:
        how far it bends in each frame, (n,) radians.
    """
    times = np.arange(n) / FPS
    bends = animal.bend * np.sin(2 * np.pi * animal.rhythm * times + rng.uniform(0, 2 * np.pi))
    bodies = walk(animal.length_cm * scale, bends, rng)
    lamp, ground = rng.uniform(120, 190), rng.uniform(15, 40)
    writer = imageio_ffmpeg.write_frames(
        str(folder / "videos" / f"{name}.mp4"),
        (WIDTH, HEIGHT),
        fps=FPS,
        pix_fmt_in="gray",
        quality=8,
        macro_block_size=1,
        ffmpeg_log_level="error",
    )
    writer.send(None)
    for body in bodies:
        frame = ground + lamp * drawn(body, WIDTHS * scale) + rng.normal(0, 2, (HEIGHT, WIDTH))
        writer.send(np.clip(frame, 0, 255).astype(np.uint8))
    writer.close()
    lines = ["scorer" + ",net" * 6, "bodyparts" + ",Nose" * 3 + ",Tailroot" * 3, "coords" + ",x,y,likelihood" * 2]
    lines += [f"{i},{x:.2f},{y:.2f},1,{u:.2f},{v:.2f},1" for i, ((u, v), *_, (x, y)) in enumerate(bodies)]
    (folder / "poses" / f"{name}.csv").write_text("\n".join(lines) + "\n")
    return bends


def walk(length: float, bends: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Points of the body from tail root to nose, (n, 9, 2) pixels: an arc that turns by `bends` from end to end."""
    n = len(bends)
    turn = rng.uniform(0, 2 * np.pi) + rng.uniform(0.5, 1) * np.arange(n) / FPS
    places = np.array([WIDTH, HEIGHT]) / 2 + np.stack([20 * np.cos(turn), 12 * np.sin(turn)], axis=1)
    headings = rng.uniform(0, 2 * np.pi) + np.cumsum(rng.normal(0, 0.15, n))
    turned = headings[:, None] + bends[:, None] * np.linspace(-0.5, 0.5, len(WIDTHS))
    points = np.cumsum(length / len(WIDTHS) * np.stack([np.cos(turned), np.sin(turned)], axis=2), axis=1)
    return points - points.mean(axis=1, keepdims=True) + places[:, None]


def drawn(body: np.ndarray, widths: np.ndarray) -> np.ndarray:
    """How much of each pixel a body covers, (HEIGHT, WIDTH) from 0 to 1."""
    x, y = (body[:, axis, None, None] for axis in (0, 1))
    across, down = np.arange(WIDTH), np.arange(HEIGHT)[:, None]
    away = np.sqrt((across - x) ** 2 + (down - y) ** 2) - widths[:, None, None]
    return np.clip(0.5 - away.min(axis=0), 0, 1)


def record(
    folder: Path, seed: int, further: float = FURTHER, days: int = 3, n_frames: tuple[int, int] = (30, 50)
) -> Path:
    """Videos and poses of ten animals, `recordings.csv`, and `photometry.csv`, a signal that follows the bends."""
    rng = np.random.default_rng(seed)
    for name in ("videos", "poses"):
        (folder / name).mkdir(parents=True)
    recordings, signal = [], []
    for animal in litter(10, further, rng):
        for day, scale in enumerate(SCALES[:days], start=1):
            name, n = f"{animal.name}_day{day}", int(rng.integers(*n_frames))
            bends = film(folder, name, animal, scale, n, rng)
            files = f"videos/{name}.mp4", f"poses/{name}.csv"
            recordings.append([*files, animal.name, animal.condition, animal.sex, day, scale])
            times = np.arange(0.003, n / FPS, 1 / TABLE_RATE)
            dff = np.abs(np.interp(times, np.arange(n) / FPS, bends)) + rng.normal(0, 0.1, len(times))
            signal += [[name, f"{time:.3f}", f"{value:.3f}"] for time, value in zip(times, dff, strict=True)]
    titles = ["video", "pose", "animal", "condition", "sex", "day", "px_per_cm"]
    write(folder / "photometry.csv", [["recording", "time_s", "dff"], *signal])
    return write(folder / "recordings.csv", [titles, *recordings])


def write(path: Path, rows: list[list[object]]) -> Path:
    with path.open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    return path


SETTINGS = ("--encoder", "dense", "--latent-dim", 8, "--epochs", 10, "--snapshots-per-epoch", 0, "--threads", 1)
SEEDS = (1, 2, 3)


def differing(folder: Path, succeed, *split: object) -> dict[str, Any]:
    """What differs between conditions by one `prepare experiment`, one design of training, and `compare --by`."""
    images = ("--align", "--normalise", "intensity", "--size", 20)
    succeed("prepare", "experiment", folder / "recordings.csv", "--out", folder / "exp", *images, "--quiet")
    runs = [folder / f"exp-{seed}" for seed in SEEDS]
    for seed, run in zip(SEEDS, runs, strict=True):
        flags = ("--split", "blocks", *split, "--balance", "animal", *SETTINGS, "--quiet")
        succeed("train", folder / "exp.npz", "--run", run, "--seed", seed, *flags)
    succeed("compare", *runs, "--by", "condition", "--unit", "animal", "--out", folder / "condition", "--quiet")
    return json.loads((folder / "condition" / "groups.json").read_text())


def check_effect(found: dict[str, Any]) -> None:
    """Animals that bend further move faster through latent space: saline is slower than ketamine."""
    assert found["concluded"]
    assert (found["conditions"], found["animals"]) == (["ketamine", "saline"], [5, 5])
    speed = next(summary for summary in found["summaries"] if summary["summary"] == "speed")
    assert speed["p_corrected"] < 0.05
    assert speed["high"] < 1


def test_an_effect_is_found_from_a_recording_of_each_animal(tmp_path: Path, succeed) -> None:
    """The small form: a second and a half of each animal; blocks are shorter, so that none is held out whole."""
    record(tmp_path, seed=0, days=1, n_frames=(26, 34))
    check_effect(differing(tmp_path, succeed, "--block-size", 6, "--gap", 2))


@pytest.mark.slow
def test_an_effect_is_found_and_none_where_there_is_none(tmp_path: Path, succeed) -> None:
    record(tmp_path / "differs", seed=0)
    check_effect(differing(tmp_path / "differs", succeed))
    record(tmp_path / "alike", seed=0, further=0.0)
    alike = differing(tmp_path / "alike", succeed)
    assert alike["concluded"]
    assert alike["answer"].startswith("No difference between ketamine and saline is found")
    assert min(summary["p_corrected"] for summary in alike["summaries"]) > 0.2


# ---------------------------------------------------------------------------------------------------- the page in docs/

SMALL = ("--encoder", "dense", "--latent-dim", "8", "--epochs", "10", "--threads", "1")

SUBSTITUTED = {
    "prepare": ("--size", "20", "--jobs", "1"),
    "train": (*SMALL, "--snapshots-per-epoch", "1"),
    "visualize": ("--reduce", "pca"),
    "explore": ("--reduce", "pca"),
    "study": (*SMALL, "--epochs", "2", "--seeds", "1"),
}
"""What a command of the page has at its end here, so that it takes seconds: smaller images in one process, smaller
networks that are trained for less long, one seed instead of three where animals are left out, and PCA's plane."""


def commands(page: Path) -> list[list[str]]:
    """The commands in the shell blocks of a page, in their order, without `autoencoder`."""
    blocks = re.findall(r"```sh\n(.*?)```", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    lines = [shlex.split(line, comments=True) for block in blocks for line in block.splitlines()]
    assert all(words[0] == "autoencoder" for words in lines)
    return [words[1:] for words in lines]


@pytest.mark.slow
def test_every_command_of_the_page_runs(tmp_path: Path, root: Path, monkeypatch, succeed) -> None:
    """In the order of the page, in the folder of its recordings; what it names is there, and what it quotes is said."""
    page = root / "docs" / "experiment.md"
    text = page.read_text(encoding="utf-8")
    table = record(tmp_path, seed=0)
    films = np.random.default_rng(1)
    film(tmp_path, "new", litter(1, 0.0, films)[0], 10.8, 40, films)
    monkeypatch.chdir(tmp_path)
    header, *rows = ([*map(str.strip, line.split("|")[1:-1])] for line in text.splitlines() if line.startswith("| "))
    with table.open(newline="") as file:
        written = list(csv.reader(file))
    assert header == written[0]
    assert all(row in written for row in rows)
    said = ""
    for words in commands(page):
        said += succeed(*words, *SUBSTITUTED.get(words[0], ())).out
    named = set(re.findall(r"`((?:data|runs|compare|studies|codes)/[\w./-]+\.\w+)`", text))
    assert len(named) > 4
    assert [name for name in sorted(named) if not Path(name).is_file()] == []
    assert Path("codes/new.csv").read_text().splitlines()[0].startswith("recording,frame,x,y,body_angle_deg")
    (quoted,) = re.findall(r"```text\n(.*?)```", text, flags=re.DOTALL)
    numbers = re.compile(r"\d+\.\d+")  # which other sizes and machines change
    assert [line for line in quoted.splitlines() if numbers.sub("#", line) not in numbers.sub("#", said)] == []
