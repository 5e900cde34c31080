"""Paths on a plane: what the figure holds, texts that fit, and frames in which paths grow."""

from __future__ import annotations

import json
from itertools import pairwise

import numpy as np
import pytest
from matplotlib.colors import to_rgb

from autoencoder.errors import UserError
from autoencoder.plots.study.panels import color_of
from autoencoder.plots.study.space import MOST_NAMED, Trail, path_until, snapshot_epochs, space_figure, space_frames

NAMES = ["$x_$", "<b>", "_hidden", r"\frac{a}{b} $\frac{x", "a\nb\x1b[2J", "x" * 90, "", "ключ"]
EPOCHS = (0.0, 0.1, 1.0, 10.0)
BLUE, ORANGE = color_of(0), color_of(1)


def walk(seed, n=4):
    return np.cumsum(np.random.default_rng(seed).normal(0, 8, (n, 2)), axis=0)


def run(setting, seed, color=BLUE, *, epochs=EPOCHS, is_control=False):
    return Trail(f"{setting}-{seed}", setting, color, epochs, walk(seed, len(epochs)), is_control)


def still(name, seed=0):
    return Trail(name, name, "0.55", None, walk(seed, 1), True)


def lines(ax):
    """Points of what is drawn in the axes, by the marker."""
    found = {}
    for line in ax.lines:
        found.setdefault(line.get_marker(), []).append(line.get_xydata())
    return found


def names(figure):
    return [text.get_text() for legend in figure.legends for text in legend.get_texts()]


def near(frame, color):
    """Pixels of about this colour."""
    return np.abs(frame / 255 - np.array(to_rgb(color))).max(axis=2) < 0.04


def test_every_run_is_a_path_with_a_beginning_and_an_end(check_texts):
    trails = [run("mask", 1), run("angle", 2, ORANGE), run("shuffled", 3, "0.55", is_control=True), still("pixels", 4)]
    figure = space_figure(trails, title="Runs", footnote="Stress 0.2. " * 30)
    (ax,) = figure.axes
    drawn = lines(ax)
    paths = [points for points in drawn["o"] if len(points) == 4]
    assert sorted(path.tolist() for path in paths) == sorted(trail.points.tolist() for trail in trails[:3])
    singles = [points[0].tolist() for points in drawn["o"] if len(points) == 1]
    assert sorted(singles) == sorted(
        [trail.points[0].tolist() for trail in trails[:3]] + [trail.points[-1].tolist() for trail in trails[:2]]
    )
    assert drawn["s"][0].tolist() == trails[2].points[-1:].tolist()  # a control ends in a square
    assert drawn["D"][0].tolist() == trails[3].points.tolist()
    texts = check_texts(figure)
    assert names(figure) == ["mask", "angle", "shuffled", "first snapshot", "last snapshot", "fixed codes"]
    assert {"Runs", "pixels"} < set(texts)
    assert "Stress 0.2." in texts[1] + texts[2] + texts[0]


def test_both_axes_have_one_scale_and_hold_every_point():
    trails = [Trail("r", "r", BLUE, (0, 1), np.array([[0.0, 0.0], [70.0, 5.0]]), False)]
    figure = space_figure(trails, title="", footnote="")
    figure.canvas.draw()
    (ax,) = figure.axes
    (x0, x1), (y0, y1) = ax.get_xlim(), ax.get_ylim()
    assert x0 < 0 < 70 < x1
    assert y0 < 0 < 5 < y1
    across, up = ax.transData.transform([[1, 0], [0, 1]]) - ax.transData.transform([[0, 0], [0, 0]])
    assert across[0] == pytest.approx(up[1])


def test_the_scale_bar_is_as_long_as_it_says():
    figure = space_figure([run("mask", 1)], title="", footnote="")
    figure.canvas.draw()
    (ax,) = figure.axes
    degrees = next(float(text.get_text().split("°")[0]) for text in figure.texts if "°" in text.get_text())
    bar = max(figure.artists, key=lambda line: np.ptp(line.get_xdata()))
    pixels = np.ptp(bar.get_xdata()) * figure.bbox.width
    one = ax.transData.transform([[1, 0], [0, 0]])
    assert pixels == pytest.approx(degrees * (one[0, 0] - one[1, 0]))
    assert np.diff(ax.get_xticks())[0] == pytest.approx(degrees)  # and as a square of the grid


def test_thirty_settings_of_any_name_leave_room(check_texts, root):
    texts = [*NAMES, *json.loads((root / "tests" / "hostile_texts.json").read_text())]
    trails = [run(f"{texts[i]}{i}", i, color_of(i)) for i in range(30)]
    spread = [
        Trail(text, "f", "0.55", None, np.array([[40.0 * i, 100.0 * (i % 2)]]), True)
        for i, text in enumerate(texts[:12])
    ]
    figure = space_figure([*trails, *spread], title=" ".join(texts), footnote=" ".join(texts))
    check_texts(figure)
    listed = names(figure)
    assert listed[:3] == ["$x_$0", "<b>1", "_hidden2"]
    assert "and 14 more" in listed
    assert f"fixed codes ({MOST_NAMED} of 12 named)" in listed
    assert len(figure.axes[0].texts) == MOST_NAMED


def test_settings_of_one_colour_have_other_dashes():
    trails = [run(name, i, BLUE) for i, name in enumerate("abab")]
    figure = space_figure(trails, title="", footnote="")
    styles = [line.get_linestyle() for line in figure.axes[0].lines if len(line.get_xydata()) == 4]
    assert styles[0] == styles[2] != styles[1] == styles[3]


def test_a_name_beginning_with_an_underscore_and_two_that_begin_alike_are_in_the_legend():
    long = "x" * 40
    figure = space_figure([run(name, 1) for name in ("_a", long + "1", long + "2")], title="", footnote="")
    assert names(figure)[0] == "_a"
    assert [name.strip() for name in names(figure)[1:3]] == ["x" * 23 + "…"] * 2


@pytest.mark.parametrize(
    "trails",
    [
        [run("one", 1)],
        [run("moment", 1, epochs=(3.0,))],
        [still("file")],
        [run("late", 1, epochs=(2.0, 5.0)), still("f")],
    ],
    ids=["run", "moment", "file", "both"],
)
def test_little_is_drawn_as_well(trails, check_texts):
    check_texts(space_figure(trails, title="$x_$", footnote=""))
    frames = list(space_frames(trails, title="$x_$", n_frames=2, hold=1))
    assert [frame.shape for frame in frames] == [(800, 1000, 3)] * 3


def test_paths_grow_with_training_and_stand_at_the_end():
    trails = [run("mask", 1), run("angle", 2, ORANGE)]
    frames = list(space_frames(trails, title="Runs", n_frames=7, hold=2))
    assert len(frames) == 9
    assert all(frame.dtype == np.uint8 and frame.shape == (800, 1000, 3) for frame in frames)
    inked = [int((frame[80:720, 20:700] < 235).any(axis=2).sum()) for frame in frames]
    assert all(one < other for one, other in pairwise(inked[:7]))
    assert (frames[6] == frames[7]).all()
    assert (frames[6] == frames[8]).all()


def test_a_head_is_where_its_run_is_halfway_between_snapshots():
    points = np.array([[0.0, 0.0], [0.0, 40.0], [80.0, 40.0]])
    trails = [Trail("r", "r", BLUE, (0.0, 0.01, 100.0), points, False)]
    frames = list(space_frames(trails, title="", n_frames=9, hold=0))
    assert not near(frames[0], BLUE)[:, :700].any()  # only where it begins, without a colour
    figure = space_figure(trails, title="", footnote="")  # for the width of the axes
    width = figure.axes[0].bbox.width
    centers = []
    for frame in frames[1:]:
        rows, columns = np.nonzero(near(frame[:, : int(20 + width)], BLUE))
        centers.append((columns.mean(), -rows.mean()))
    steps = np.diff(centers, axis=0)
    up, across = steps[:3], steps[3:]
    np.testing.assert_allclose(up, np.tile(up.mean(axis=0), (3, 1)), atol=1.5)  # however short the epoch
    np.testing.assert_allclose(across, np.tile(across.mean(axis=0), (4, 1)), atol=1.5)
    assert up[0][1] == pytest.approx(across[0][0] / 2, abs=2)
    assert np.abs(up[:, 0]).max() < 1.5
    assert np.abs(across[:, 1]).max() < 1.5


def test_a_path_ends_between_its_snapshots_and_is_empty_before_it_begins():
    times, points = np.array([1.0, 2.0, 4.0]), np.array([[0.0, 0.0], [2.0, 0.0], [2.0, 8.0]])
    assert path_until(times, points, 0.5).shape == (0, 2)
    assert path_until(times, points, 1.0).tolist() == [[0, 0]]
    assert path_until(times, points, 3.0).tolist() == [[0, 0], [2, 0], [2, 4]]
    assert path_until(times, points, 9.0).tolist() == [[0, 0], [2, 0], [2, 8], [2, 8]]


def test_snapshots_of_all_runs_share_a_clock():
    trails = [run("a", 1), run("b", 2, epochs=(0.0, 0.1 + 1e-9, 5.0)), still("f")]
    assert snapshot_epochs(trails).tolist() == pytest.approx([0.0, 0.1, 1.0, 5.0, 10.0])
    assert snapshot_epochs([still("f")]).tolist() == []


def test_what_cannot_be_drawn_is_refused():
    with pytest.raises(UserError, match="nothing to draw"):
        space_figure([], title="", footnote="")
    wrong = Trail("r", "r", BLUE, (0.0, 1.0), np.zeros((3, 2)), False)
    with pytest.raises(UserError, match="the trail of r has 2 epochs"):
        space_figure([wrong], title="", footnote="")
    with pytest.raises(UserError, match="1 frame or more"):
        next(space_frames([run("a", 1)], title="", n_frames=0))
