"""The whole job on the real files, through the command line: a mouse in its arena, and MNIST."""

import json

import numpy as np
import pytest

from autoencoder import load_images


def test_mouse(real_data, tmp_path, succeed, frame_count):
    mouse, run = real_data / "arena-mouse", tmp_path / "run"
    flags = ("--pose", mouse / "pose.csv", "--out", tmp_path / "mouse", "--limit", 80)
    said = succeed("prepare", "video", mouse / "video.mp4", *flags).out
    assert "cut the last 1 of 750 rows of the pose" in said
    assert "the front of the body is 'Nose'" in said
    assert "80 grayscale images of 50x50" in said
    data = load_images(tmp_path / "mouse.npz")
    assert {"frame", "x", "y", "body_angle_deg", "speed_px_per_s", "distance_from_center"} <= set(data.metadata.names)
    assert data.metadata.column("distance_from_center").max() < 560  # the arena's radius is about 515 pixels

    succeed("train", tmp_path / "mouse.npz", "--run", run, "--epochs", 1, "--batch-size", 16, "--split", "blocks")
    succeed("test", "--run", run, "--movie-frames", 4, "--examples", 2)
    numbers = json.loads((run / "test" / "metrics.json").read_text())
    assert numbers["reference"] == "the input itself (no clean images)"
    assert numbers["input"] is None
    said = succeed("visualize", "--run", run, "--color-by", "body_angle_deg", "--reduce", "pca", "--seconds", 1).out
    movie = run / "visualize" / "pca-last" / "body_angle_deg.mp4"
    assert f"made {movie}" in said
    assert frame_count(movie) == 12  # a second


@pytest.mark.slow
def test_what_the_mouse_can_tell(real_data, tmp_path, succeed):
    """636 frames: places and headings change too slowly for a recording of half a minute; the speed does not."""
    mouse, run = real_data / "arena-mouse", tmp_path / "run"
    flags = ("--pose", mouse / "pose.csv", "--out", tmp_path / "mouse", "--arena-center", "532,535", "--size", 24)
    succeed("prepare", "video", mouse / "video.mp4", *flags, "--quiet")
    said = succeed("train", tmp_path / "mouse.npz", "--run", run, "--epochs", 2, "--batch-size", 16).out
    assert "split: blocks of" in said
    said = succeed("compare", run, "--reduce", "pca", "--out", tmp_path / "out").out
    found = {
        (score["column"], score["probe"]): score
        for score in json.loads((tmp_path / "out" / "comparison.json").read_text())["runs"][0]["probes"]
    }
    for column in ("x", "y", "body_angle_deg"):
        assert all(found[column, probe]["by_chance"] is None for probe in ("ridge", "knn"))
        assert f"{column} (" in said
    assert "so the score cannot be interpreted on its own" in said
    for probe in ("ridge", "knn"):
        assert found["speed_px_per_s", probe]["by_chance"]["p"] > 0
        assert found["speed_px_per_s", probe]["low"] < found["speed_px_per_s", probe]["high"]
        assert found["distance_from_center", probe]["by_chance"] is not None
    assert (
        min(score["score"] for (_, probe), score in found.items() if probe == "ridge" and score["kind"] == "linear")
        > -1
    )
    assert {name for name, _ in found}.isdisjoint({"frame", "time_s"})


@pytest.fixture(scope="module")
def mnist(real_data, tmp_path_factory, succeed):
    folder = tmp_path_factory.mktemp("mnist")
    for name, files in (("train", "train"), ("test", "t10k")):
        images, labels = (real_data / "mnist" / f"{files}-{kind}-ubyte.gz" for kind in ("images-idx3", "labels-idx1"))
        succeed("prepare", "idx", images, "--labels", labels, "--limit", 600, "--out", folder / name, "--quiet")
    return folder


def test_mnist(mnist, tmp_path, succeed):
    run = tmp_path / "run"
    flags = ("--noise", "gaussian:0.5", "--snapshots-per-epoch", 1, "--snapshot-samples", 50)
    succeed("train", mnist / "train.npz", "--run", run, "--epochs", 1, *flags)
    said = succeed("test", "--run", run, "--data", mnist / "test.npz", "--no-movies", "--examples", 1).out
    assert "600 images, noise gaussian:0.5; compared with images before the added noise" in " ".join(said.split())
    numbers = json.loads((run / "test" / "test" / "metrics.json").read_text())
    assert numbers["n_images"] == 600
    assert numbers["noise"] == "gaussian:0.5"
    # Clipped to [0, 1], noise of 0.5 on mostly black pixels leaves about half of its variance.
    assert 0.08 < numbers["input"]["mse"] < 0.16
    said = succeed("visualize", "--run", run, "--reduce", "pca", "--seconds", 1).out
    assert f"made {run / 'visualize' / 'pca-last' / 'label.png'}" in said
    assert set(np.unique(load_images(mnist / "train.npz").metadata.column("label"))) == set(range(10))
