"""`study --leave-one-out`: a network without each animal, scored on it."""

from __future__ import annotations

import csv
import json
import shutil

import numpy as np
import pytest

import autoencoder as ae
from autoencoder.config.presets import NO_PRESET
from autoencoder.data.images import load_images
from autoencoder.objectives.base import Score
from autoencoder.runs.folder import Run
from autoencoder.study.designs.design import base_of
from autoencoder.study.designs.folds import LEFT_OUT, leave_one_out
from autoencoder.study.training import share_of
from autoencoder.workflows.folds.measure import Folds, FoldScore
from autoencoder.workflows.folds.report import sentences

SETTINGS = ("--encoder", "dense", "--latent-dim", 2, "--epochs", 1, "--batch-size", 16, "--threads", 1)
ANIMALS = ("a0", "a1", "a2", "a3")


@pytest.fixture(scope="module")
def animals(tiny, tmp_path_factory):
    """Sixty images of four animals, two in each condition."""
    folder = tmp_path_factory.mktemp("animals")
    shutil.copy(tiny, folder / "data.npz")
    rows = [f"a{i // 15},{'xy'[i // 15 % 2]},{i % 15},{6 * i}\n" for i in range(60)]
    (folder / "data.csv").write_text("animal,condition,frame,body_angle_deg\n" + "".join(rows))
    return folder / "data.npz"


@pytest.fixture(scope="module")
def study(animals, tmp_path_factory, succeed):
    out = tmp_path_factory.mktemp("studies") / "folds"
    command = ("study", animals, "--leave-one-out", "animal", "--by", "condition", "--seeds", 1, "--seed", 5)
    return out, succeed(*command, *SETTINGS, "--out", out)


def test_each_animal_is_left_out_of_a_network_and_scored_by_it(animals, study, call) -> None:
    out, said = study
    assert said.out.startswith("4 runs: each value of 'animal' is left out in turn, with seeds 5")
    names = np.repeat(ANIMALS, 15)
    for animal in ANIMALS:
        split = Run(out / "runs" / f"{animal}-5").split()
        np.testing.assert_array_equal(split.val, np.flatnonzero(names == animal))
        np.testing.assert_array_equal(split.train, np.flatnonzero(names != animal))
    with (out / "folds.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["left_out"] for row in rows] == list(ANIMALS)
    assert {row["n_images"] for row in rows} == {"15"}
    assert all(float(row["score"]) > 0 and float(row["control"]) > 0 for row in rows)
    content = json.loads((out / "folds.json").read_text())
    assert (out / "report.md").read_text().startswith("Whether the condition of animals left out can be read")
    assert content["told"]["all runs"]["p"] is None  # 2 and 2 animals: p can't be below 1 / 3
    assert {"report.html", "folds.png", "folds.svg", "study.json"} <= {path.name for path in out.iterdir()}
    before = {path: path.read_bytes() for path in out.glob("*.*")}
    assert call("study", "report", out).status == 0
    assert {path: path.read_bytes() for path in out.glob("*.*")} == before
    shown = ae.score_folds(out)[0]._repr_html_()
    assert "Can the condition of animals that no network has seen be read from their codes?" in shown
    assert shown.count("<img") == 1
    call("study", "report", out, "--only", "similarity").refused("--leave-one-out", "--only")


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (("--leave-one-out", "animal", "--split", "random"), "leave --split out"),
        (("--leave-one-out", "condition"), "2 values"),
        (("--leave-one-out", "cage"), "no column 'cage'"),
        (("--leave-one-out", "animal", "--control"), "--control"),
        (("--leave-one-out", "animal", "--strata", "condition"), "--by COLUMN"),
        (("--by", "condition"), "--leave-one-out COLUMN"),
        (
            ("--leave-one-out", "animal", "--by", "condition", "--objective", "classify", "--target", "condition"),
            "learns the condition itself",
        ),
    ],
)
def test_what_cannot_be_left_out_is_refused(animals, tmp_path, call, flags, said) -> None:
    call("study", animals, *flags, *SETTINGS, "--out", tmp_path / "out").refused(said)
    assert not (tmp_path / "out").exists()


def test_fitted_encoders_are_fitted_without_what_is_left_out(animals) -> None:
    """Runs that leave out something else share no fit."""
    base = base_of(str(animals), NO_PRESET, {"encoder": "pca", "latent_dim": 2, "batch_size": 16})
    members = leave_one_out(
        "animal", base, {"objective": ("reconstruct", "angle")}, (1,), load_images(animals), {}
    ).members
    shares = [share_of(members, number, len(ANIMALS)) for number in range(1, len(ANIMALS) + 1)]
    assert [{member.levels[LEFT_OUT] for member in share} for share in shares] == [{animal} for animal in ANIMALS]
    assert {len(share) for share in shares} == {2}


def test_scores_are_said_of_every_setting() -> None:
    scores = [
        FoldScore(f"{setting}-{animal}", setting, animal, 1, 10, Score("IoU", value, 0.5))
        for setting, base in (("one", 0.6), ("two", 0.7))
        for animal, value in zip(ANIMALS[:3], (base, base + 0.1, base + 0.2), strict=True)
    ]
    said = sentences(Folds("animal", ANIMALS[:3], tuple(scores)))
    assert said == [
        "one: On animals that were left out: IoU 0.7 on average over 3, from 0.6 to 0.8; the PCA control 0.5 (1 seed).",
        "two: On animals that were left out: IoU 0.8 on average over 3, from 0.7 to 0.9; the PCA control 0.5 (1 seed).",
    ]
