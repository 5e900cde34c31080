"""Frames are neighbours in time: what is held out, what is said of it, and what is shown of it."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

import autoencoder as ae
from autoencoder.config import DataConfig, RunConfig
from autoencoder.runs.data import resolve_split

QUICK = ("--epochs", 1, "--batch-size", 64, "--latent-dim", 4, "--threads", 1, "--quiet")


@pytest.fixture(scope="module")
def data(tmp_path_factory, succeed) -> Path:
    """1,500 arena images of 16x16, with a treatment that changes once."""
    path = tmp_path_factory.mktemp("time") / "data"
    succeed("prepare", "arena", "--out", path, "--images", 1500, "--size", 16, "--quiet")
    rows = list(csv.DictReader(path.with_suffix(".csv").open(encoding="utf-8")))
    for number, row in enumerate(rows):
        row["treatment"] = "control" if number < 750 else "drug"
    with path.with_suffix(".csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path.with_suffix(".npz")


@pytest.fixture(scope="module")
def run(data, tmp_path_factory, succeed) -> Path:
    folder = tmp_path_factory.mktemp("run") / "run"
    succeed("train", data, "--run", folder, *QUICK)
    return folder


def with_columns(folder: Path, **columns: np.ndarray) -> Path:
    """60 images with these columns."""
    images = np.random.default_rng(0).integers(0, 255, (60, 16, 16), dtype=np.uint8)
    np.savez(folder / "some.npz", images=images, **columns)
    return folder / "some.npz"


# --------------------------------------------------------------------------------------------------------------- split


def test_blocks_are_five_correlation_times_long_and_the_run_remembers_them(run, data) -> None:
    config = json.loads((run / "config.json").read_text())
    block, gap = config["data"]["block_size"], config["data"]["gap"]
    assert config["data"]["split"] == "blocks"
    assert block == pytest.approx(5 * gap, abs=5)
    split = np.load(run / "split.npz")
    assert np.abs(split["train"][:, None] - split["val"]).min() == gap + 1
    lengths = np.diff(np.flatnonzero(np.diff(np.concatenate([[-9], split["val"], [9_999]])) > 1))
    assert (lengths % block == 0).sum() >= len(lengths) - 1  # the last one may be cut


def test_what_was_chosen_is_said(data, tmp_path, succeed) -> None:
    said = succeed("train", data, "--run", tmp_path / "run", *QUICK[:-1]).out
    assert "split: blocks of" in said
    assert "left out of training at their borders" in said
    assert "resemble the training images" not in said


def test_too_short_a_recording_is_said_to_be(tmp_path, succeed) -> None:
    """A column that turns twice in the recording cannot be held out independently, whatever the gap."""
    frames, rng = np.arange(300), np.random.default_rng(0)
    columns = {"frame": frames, "slow_deg": frames * 2.4 % 360, "fast": rng.normal(size=300)}
    np.savez(tmp_path / "short.npz", images=rng.integers(0, 256, (300, 8, 8), np.uint8), **columns)
    said = succeed("train", tmp_path / "short.npz", "--run", tmp_path / "run", "--epochs", 1, "--batch-size", 16).out
    assert "the recording is too short for gaps as long as the correlation time of slower columns ('slow_deg', " in said


@pytest.mark.parametrize(
    ("columns", "split"),
    [
        ({"label": np.arange(60) % 3}, "random"),
        ({"frame": np.arange(60)}, "blocks"),
        ({"frame": np.tile(np.arange(15), 4), "recording": np.repeat(list("abcd"), 15)}, "group:recording"),
        ({"frame": np.tile(np.arange(30), 2), "recording": np.repeat(list("ab"), 30)}, "blocks"),
        ({"recording": np.repeat(list("abcd"), 15)}, "group:recording"),
    ],
)
def test_auto_takes_what_the_data_allow(tmp_path, columns, split) -> None:
    path = with_columns(tmp_path, **columns)
    images = ae.load_images(path)
    found = resolve_split(DataConfig(str(path)), images)
    assert found.data.split == split
    assert found.said.startswith("split: ")
    again = resolve_split(found.data, images)
    assert again.data == found.data  # leaves nothing open
    assert again.said is None


def test_a_gap_and_a_size_that_are_asked_for(data, tmp_path, succeed) -> None:
    succeed("train", data, "--run", tmp_path / "a", "--split", "blocks", "--gap", 7, *QUICK)
    config = json.loads((tmp_path / "a" / "config.json").read_text())["data"]
    assert (config["block_size"], config["gap"]) == (35, 7)
    succeed("train", data, "--run", tmp_path / "b", "--split", "blocks", "--gap", 0, *QUICK)
    config = json.loads((tmp_path / "b" / "config.json").read_text())["data"]
    assert (config["block_size"], config["gap"]) == (30, 0)  # a fiftieth


def test_gaps_that_cannot_be(data, tmp_path, call) -> None:
    call("train", data, "--run", tmp_path / "run", "--gap", 5, "--split", "random", *QUICK).refused("gap", "'blocks'")
    command = ("train", data, "--run", tmp_path / "run", "--split", "blocks", "--block-size", 700, "--gap", 900, *QUICK)
    call(*command).refused("gaps of 900", "nothing to learn from")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("version", [1, 2])
def test_runs_of_older_formats_keep_their_split(version) -> None:
    """Which held out at random where nothing was said, and had no gaps."""
    old = {"format_version": version, "data": {"images": "x.npz"}, "training": {"seed": 3}}
    assert (RunConfig.from_json(old).data.split, RunConfig.from_json(old).data.gap) == ("random", 0)
    blocks = {**old, "data": {"images": "x.npz", "split": "blocks", "block_size": 10}}
    assert (RunConfig.from_json(blocks).data.block_size, RunConfig.from_json(blocks).data.gap) == (10, 0)
    assert RunConfig.from_json({"format_version": 3, "data": {"images": "x.npz"}}).data.split == "auto"


# ------------------------------------------------------------------------------------------------------ labels in time


@pytest.mark.slow
def test_a_treatment_of_half_a_recording_is_named_by_all_three_commands(data, tmp_path, succeed) -> None:
    words = "column 'treatment' has 2 stretches of equal values in 1,500 frames"
    assert words in succeed("info", data).out
    trained = succeed(
        "train", data, "--run", tmp_path / "run", "--objective", "classify", "--target", "treatment", *QUICK[:-1]
    )
    assert words in trained.out
    compared = succeed("compare", tmp_path / "run", "--reduce", "pca", "--out", tmp_path / "out")
    assert words in compared.out
    assert words in (tmp_path / "out" / "comparison.md").read_text(encoding="utf-8").replace("\\", "")
    other = succeed("train", data, "--run", tmp_path / "other", "--objective", "angle", *QUICK[:-1])
    assert "'treatment'" not in other.out


def test_the_time_of_each_column_is_said(data, succeed) -> None:
    found = json.loads(succeed("info", data, "--json").out)
    assert "T/tau" in found["columns"]["x"]
    assert "T/tau" not in found["columns"]["frame"]
    assert "'treatment'" in found["time"]


def test_relations_of_columns(data, run, succeed, call) -> None:
    result = succeed("info", data, "--relations")
    assert "predicted \\ from" in result.out
    found = json.loads(succeed("info", data, "--relations", "--json").out)
    assert "frame" not in found
    told = {(source, score["column"], score["probe"]): score["score"] for source in found for score in found[source]}
    assert told["head_angle_deg", "body_angle_deg", "knn"] < 30
    assert ("x", "x", "knn") not in told
    assert told["nearest_port", "polar_angle_deg", "knn"] < told["body_angle_deg", "polar_angle_deg", "knn"]
    call("info", run, "--relations").refused("a data file (.npz, .npy)")


# ------------------------------------------------------------------------------------------------------------- compare


@pytest.mark.slow
def test_what_a_latent_adds_to_given_columns(run, tmp_path, succeed, call) -> None:
    result = succeed("compare", run, "--reduce", "pca", "--given", "body_angle_deg", "--out", tmp_path / "out")
    assert "What the latent adds to body_angle_deg" in result.out
    assert "no evidence that they hold anything else" in result.out
    numbers = json.loads((tmp_path / "out" / "comparison.json").read_text())["runs"][0]
    assert "body_angle_deg" not in {gain["column"] for gain in numbers["gains"]}
    few = succeed("compare", run, "--reduce", "pca", "--given", "x", "y", "--out", tmp_path / "few").out
    assert "error of ridge / neighbours" in few
    call("compare", run, "--given", "moon", "--out", tmp_path / "c").refused("moon")
    call("compare", run, "--given", "frame", "--out", tmp_path / "c").refused("'frame' cannot be given", "counts time")


@pytest.mark.slow
def test_single_frames_held_out_are_not_probed(data, tmp_path, succeed) -> None:
    succeed("train", data, "--run", tmp_path / "run", "--split", "random", *QUICK)
    result = succeed("compare", tmp_path / "run", "--reduce", "pca", "--out", tmp_path / "out")
    assert "not probed: images are frames, and single ones were held out" in result.out
    assert "--split blocks" in result.out
    (row,) = csv.DictReader((tmp_path / "out" / "comparison.csv").open(encoding="utf-8"))
    assert not [name for name in row if ":" in name]


# -------------------------------------------------------------------------------------------------------- held out seen


@pytest.mark.slow
def test_held_out_rows_alone(run, tmp_path, succeed, call) -> None:
    held_out = np.load(run / "split.npz")["val"]
    pca = ("--reduce", "pca", "--color-by", "x", "--quiet")
    succeed("visualize", "--run", run, *pca, "--rows", "held-out", "--seconds", 0.3, "--out", tmp_path / "movie")
    assert len(np.load(tmp_path / "movie" / "embedding.npz")["rows"]) == 1500  # all are projected, some are drawn
    succeed("visualize", "--run", run, *pca, "--snapshot", "last", "--rows", "held-out", "--out", tmp_path / "still")
    succeed("explore", run, "--reduce", "pca", "--rows", "held-out", "--out", tmp_path / "page.html", "--quiet")
    assert f'"count":{len(held_out)}' in (tmp_path / "page.html").read_text().replace(": ", ":")
    succeed("compare", run, "--reduce", "pca", "--rows", "held-out", "--out", tmp_path / "table", "--quiet")
    flags = ("visualize", "--run", run, "--rows", "held-out")
    call(*flags, "--traverse", "x").refused("--rows cannot be used with --traverse")
    call(*flags, "--score", "pca-last").refused("--rows cannot be used with --score")


def test_worst_images_are_of_different_moments(run) -> None:
    from autoencoder.data.timescales import slowest, timeline_of, timescales
    from autoencoder.workflows.testing import _of_other_moments

    evaluation = ae.evaluate(run)
    by_error = evaluation.rows[np.argsort(evaluation.result.errors)][::-1]
    metadata = evaluation.data.metadata
    timeline = timeline_of(metadata, len(evaluation.data))
    lasts = slowest(timescales(metadata, timeline))
    chosen = _of_other_moments(timeline, lasts, by_error, 5)
    gap = json.loads((run / "config.json").read_text())["data"]["gap"]
    apart = np.abs(chosen[:, None] - chosen)[~np.eye(5, dtype=bool)]
    assert chosen[0] == by_error[0]
    assert apart.min() >= min(gap, 5)
    assert np.abs(np.diff(np.sort(by_error[:5]))).min() < gap  # which they would not be by themselves
    everything = _of_other_moments(timeline, lasts, by_error, len(by_error))
    assert sorted(everything) == sorted(by_error)
