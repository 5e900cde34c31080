"""What the movies of `visualize` show beside the points, read back from the files."""

import json
import shutil
from pathlib import Path

import imageio.v3 as iio
import numpy as np
import pytest
from PIL import Image

import autoencoder as ae
from autoencoder.runs.folder import Run
from autoencoder.workflows.losses import losses
from autoencoder.workflows.movies.draw import LONGEST_STEM, movie_stem

PLAIN = ("--no-curves", "--no-reconstructions", "--trails", 0, "--examples", 0)


@pytest.fixture
def draw(finished, tmp_path, succeed):
    """Draw by PCA, three frames unless told otherwise, and give the folder."""

    def visualize(*flags, columns=("x",), run=finished, seconds=0.25):
        out = tmp_path / f"out-{len(list(tmp_path.glob('out-*')))}"
        flags = ("--reduce", "pca", "--color-by", *columns, "--out", out, "--quiet", *flags)
        succeed("visualize", "--run", run, *flags, *(("--seconds", seconds) if seconds else ()))
        return out

    return visualize


def read(movie: Path) -> np.ndarray:
    return np.stack(list(iio.imiter(movie, plugin="FFMPEG")))


def picture(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path).convert("RGB")).astype(np.int16)


@pytest.mark.slow
def test_the_movie_is_what_every_player_shows(draw):
    out = draw("--fps", 5, seconds=4)  # a second of rest at both ends
    frames, meta = read(out / "x.mp4"), iio.immeta(out / "x.mp4", plugin="FFMPEG")
    assert (meta["codec"], meta["fps"]) == ("h264", 5)
    assert meta["pix_fmt"].startswith("yuv420p")
    assert frames.shape == (20, *picture(out / "x.png").shape)
    changes = np.abs(np.diff(frames.astype(np.int16), axis=0)).mean(axis=(1, 2, 3))
    assert max(changes[:4].max(), changes[-4:].max()) < 0.1
    assert (changes > 0.3).sum() == 9  # between ten snapshots


@pytest.mark.slow
def test_columns_side_by_side(draw, tree):
    one, two = draw(), draw("--side-by-side", columns=("x", "body_angle_deg"))
    stem = "x+body_angle_deg"
    assert tree(two) == {"embedding.npz", "scores.json", "visualize.json", f"{stem}.mp4", f"{stem}.png"}
    assert read(two / f"{stem}.mp4")[-1].shape == picture(two / f"{stem}.png").shape
    assert picture(two / f"{stem}.png").shape[1] > 1.4 * picture(one / "x.png").shape[1]


def test_too_many_columns_side_by_side(call, finished, tmp_path):
    flags = ("--reduce", "pca", "--side-by-side", "--out", tmp_path / "out")
    call("visualize", "--run", finished, *flags).refused("up to 4 columns", "--color-by", "body_angle_deg")
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_each_part_can_be_left_out(draw):
    """Every flag changes the last frame; curves take their room with them."""
    last = {flag: picture(draw(*flag) / "x.png") for flag in ((), ("--no-curves",), ("--no-reconstructions",), PLAIN)}
    assert len({frame.tobytes() for frame in last.values()}) == 4
    assert last[()].shape[0] == last[("--no-reconstructions",)].shape[0] > last[("--no-curves",)].shape[0]
    assert last[PLAIN].shape[1] < last[()].shape[1]


def test_trails_go_through_snapshots_that_no_frame_shows(draw):
    """Three frames of ten snapshots; the last frame's trail is the same as in a movie of all."""
    alone = ("--no-curves", "--no-reconstructions")
    few, every = draw(*alone), draw(*alone, seconds=1)
    np.testing.assert_array_equal(picture(few / "x.png"), picture(every / "x.png"))
    assert (picture(draw(*alone, "--trails", 0) / "x.png") != picture(few / "x.png")).any()


def left_tiles(out):
    """Of each frame the examples at the left, and what is made of them."""
    return [picture(path)[:, :120] for path in sorted((out / "x_frames").iterdir())]


FIVE = ("--save-frames", "--stop-index", 5, "--fps", 2)
"""Snapshots at steps 0, 2, 4, 6 and 8, in 8 frames: 0, 0, 2, 4, 4, 6, 8, 8."""


@pytest.mark.slow
def test_no_network_of_a_later_moment_is_shown(draw):
    """Networks were kept at the steps 0, 2, 4 and 6: every frame has the latest of them, from the first one on."""
    tiles = left_tiles(draw(*FIVE, seconds=4))
    for same in ((0, 1), (3, 4), (5, 6), (6, 7)):
        np.testing.assert_array_equal(tiles[same[0]], tiles[same[1]])
    assert len({tile.tobytes() for tile in tiles}) == 4


@pytest.mark.slow
def test_runs_without_early_networks_say_that_there_are_none(draw, finished_copy):
    """As of earlier versions: no empty box, but since when there are checkpoints; then that of the epoch."""
    for early in Run(finished_copy).early_checkpoints():
        early.unlink()
    tiles = left_tiles(draw(*FIVE, seconds=4, run=finished_copy))
    assert len({tile.tobytes() for tile in tiles}) == 2
    np.testing.assert_array_equal(tiles[0], tiles[4])
    np.testing.assert_array_equal(tiles[5], tiles[7])
    assert (np.abs(tiles[7] - tiles[0]).max(axis=2) > 60).mean() > 0.05


def test_a_run_in_its_first_epoch_has_neither_losses_nor_reconstructions(finished_copy, draw, call, tmp_path):
    shutil.rmtree(finished_copy / "checkpoints")
    (finished_copy / "metrics.csv").unlink()
    assert losses(Run(finished_copy)) == []
    plain = picture(draw("--no-curves", "--no-reconstructions") / "x.png")
    np.testing.assert_array_equal(picture(draw("--no-curves", run=finished_copy) / "x.png"), plain)
    flags = ("--reduce", "pca", "--reconstructions", "--out", tmp_path / "none")
    call("visualize", "--run", finished_copy, *flags).refused("no checkpoint", "--reconstructions")
    assert not (tmp_path / "none").exists()


def test_reconstructions_that_cannot_be_shown_are_refused(finished_copy, call):
    run = Run(finished_copy)
    flags = ("--reduce", "pca", "--color-by", "x", "--reconstructions")
    call("visualize", "--run", finished_copy, *flags, "--examples", 0).refused("--examples 1")
    config = json.loads(run.config_file.read_text())
    config["objective"] |= {"name": "angle", "loss": None, "target": "body_angle_deg"}
    run.config_file.write_text(json.dumps(config))
    call("visualize", "--run", finished_copy, *flags).refused("'angle'", "--reconstructions")
    assert not (finished_copy / "visualize").exists()


def test_what_cannot_be_drawn_is_said_before_the_projection(call, finished, tmp_path):
    flags = ("--reduce", "pca", "--out", tmp_path / "out")
    call("visualize", "--run", finished, *flags, "--format", "gif", "--fps", 60).refused("50 frames per second")
    assert not (tmp_path / "out").exists()


def test_masks_count_as_pictures(tiny, tmp_path, succeed, draw):
    run = tmp_path / "run"
    flags = ("--objective", "mask", "--epochs", 1, "--batch-size", 16, "--checkpoint-interval", 1, "--quiet")
    succeed("train", tiny, "--run", run, *flags)
    with_masks, without = draw(run=run), draw("--no-reconstructions", run=run)
    assert (picture(with_masks / "x.png") != picture(without / "x.png")).any()


def test_losses_are_those_of_the_metrics(finished):
    training, validation = losses(Run(finished))
    rows = Run(finished).metrics()
    assert training.epochs.tolist() == [1, 2, 3]
    assert training.values.tolist() == [row["train_loss"] for row in rows]
    assert validation.values.tolist() == [row["val_loss"] for row in rows]
    assert training.axes == validation.axes == "loss (MSE)"


def test_names_of_movies():
    assert movie_stem(["x", "body_angle_deg"]) == "x+body_angle_deg"
    long = [f"{letter * 60}_{i}" for i, letter in enumerate("abcd")]
    stem = movie_stem(long)
    assert len(stem) <= LONGEST_STEM
    assert stem.startswith("aaa")
    assert stem != movie_stem([*long[:3], long[3] + "_other"])


def test_flags_of_movies_do_not_go_with_stills(call, finished):
    for flag in (("--side-by-side",), ("--trails", 3), ("--no-curves",), ("--no-reconstructions",)):
        call("visualize", "--run", finished, "--snapshot", "last", *flag).refused(flag[0], "leave it out")


def test_from_python(finished, tmp_path):
    movie = ae.MovieOptions(side_by_side=True, trails=3, seconds=0.25)
    files = ae.visualize(finished, reducer="pca", color_by=["x", "y"], movie=movie, out=tmp_path / "out")
    assert [file.name for file in files] == ["embedding.npz", "scores.json", "x+y.mp4", "x+y.png"]
