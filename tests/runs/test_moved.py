"""A run and its data that were moved together are found relative to each other."""

import numpy as np
import pytest

from autoencoder.config import DataConfig
from autoencoder.evaluation.evaluate import evaluate
from autoencoder.runs.folder import Run
from autoencoder.runs.moved import found_again


@pytest.fixture
def place(tmp_path):
    def make(name):
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"there")
        return str(file)

    return make


def test_what_is_where_it_was_stays(place, tmp_path):
    place("new/data/m.npz")
    data = DataConfig(place("old/data/m.npz"), metadata=place("old/data/m.csv"))
    assert found_again(data, tmp_path / "new" / "runs" / "a") == data


@pytest.mark.parametrize(
    ("before", "now", "run"),
    [
        ("/old/project/data/m.npz", "new/data/m.npz", "new/runs/a"),
        ("/old/project/data/m.npz", "new/project/data/m.npz", "new/runs/deep/a"),
        ("/old/project/runs/a/m.npz", "a/m.npz", "a"),
        ("C:\\Users\\me\\data\\m.npz", "new/data/m.npz", "new/runs/a"),
    ],
)
def test_found_where_it_lies_relative_to_the_run(before, now, run, place, tmp_path):
    there = place(now)
    assert found_again(DataConfig(before), tmp_path / run).images == there


def test_the_most_of_the_old_path_wins(place, tmp_path):
    place("new/m.npz")
    there = place("new/data/m.npz")
    assert found_again(DataConfig("/old/data/m.npz"), tmp_path / "new" / "runs" / "a").images == there


def test_what_is_nowhere_keeps_its_place(tmp_path):
    data = DataConfig("/old/data/m.npz", metadata="/old/data/other.csv")
    assert found_again(data, tmp_path / "runs" / "a") == data


@pytest.fixture
def project(tmp_path, succeed, images):
    """Data and a run of two folders beside each other."""
    data = tmp_path / "old" / "data"
    data.mkdir(parents=True)
    np.savez(data / "m.npz", images=np.load(images))
    (data / "m.csv").write_text("\n".join(["index", *map(str, range(40))]))
    run = tmp_path / "old" / "runs" / "a"
    succeed("train", data / "m.npz", "--run", run, "--epochs", 1, "--batch-size", 8, "--latent-dim", 2, "--quiet")
    return tmp_path / "old"


@pytest.mark.slow
def test_after_moving_both_every_command_finds_the_data(project, succeed):
    before = succeed("test", "--run", project / "runs" / "a", "--no-movies").out
    new = project.rename(project.with_name("new"))
    after = succeed("test", "--run", new / "runs" / "a", "--no-movies").out
    assert [line for line in after.splitlines() if "made" not in line and "next" not in line] == [
        line for line in before.splitlines() if "made" not in line and "next" not in line
    ]
    resumed = new / "runs" / "a"
    succeed("train", "--resume", resumed, "--epochs", 2, "--quiet")
    assert Run(resumed).config().data.images == str(new / "data" / "m.npz")


def test_data_that_were_moved_elsewhere_are_given_to_test(project, tmp_path, succeed, call):
    run, elsewhere = project / "runs" / "a", tmp_path / "elsewhere"
    before = evaluate(run)
    (project / "data").rename(elsewhere)
    call("test", "--run", run, "--no-movies").refused("m.npz", "is missing")
    after = evaluate(run, data=elsewhere / "m.npz")
    assert after.rows.tolist() == before.rows.tolist()  # held-out images, not all of them
    assert after.result.numbers() == before.result.numbers()
    assert after.images_name == "held-out images"


def test_other_images_of_the_same_name_are_not_taken(project, tmp_path, call):
    new = project.rename(tmp_path / "new")
    with np.load(new / "data" / "m.npz") as arrays:
        pixels = arrays["images"]
    np.savez(new / "data" / "m.npz", images=255 - pixels)
    said = call("test", "--run", new / "runs" / "a", "--no-movies").refused("holds other images", "--resume")
    assert str(tmp_path / "old" / "data" / "m.npz") in said
