"""A run and its data that were moved together are found relative to each other."""

import pytest

from autoencoder.config import DataConfig
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
