"""Planes beside each other, and thumbnails."""

from __future__ import annotations

import numpy as np
import pytest

from autoencoder.errors import UserError
from autoencoder.plots.colors import MISSING, color_by
from autoencoder.plots.study.planes import (
    MOST_COLUMNS,
    PlaneCourse,
    PlaneRow,
    course_planes_figure,
    planes_figure,
    spread_moments,
    thumbnail,
)

RED, BLUE = (200, 0, 0), (0, 0, 200)


def points(seed=0, p=60):
    return np.random.default_rng(seed).normal(size=(p, 2))


def row_of(label, n, notes=()):
    return PlaneRow(label, [f"seed {i}" for i in range(n)], [points(i) for i in range(n)], notes)


COLORS = color_by(np.arange(60.0), "circular")


# ------------------------------------------------------------------------------------------------------------- figures


@pytest.mark.parametrize("coloring", [COLORS, color_by(np.arange(60) % 9, "category")])
@pytest.mark.parametrize("n", [1, 3, 6, 9])
def test_nothing_overlaps_and_what_is_left_out_is_said(check_texts, n, coloring):
    long = "a setting of a rather long name, width 16, shuffled targets"
    notes = ["a ring, which this plane tears", *[""] * (n - 1)]
    rows = [row_of("angle\nseed 42", n, notes), row_of(long, n), PlaneRow("controls", [long], [points()])]
    texts = check_texts(planes_figure(rows, coloring, "body angle (deg)", title="Codes"))
    assert sum(text.startswith("seed ") for text in texts) == min(n, MOST_COLUMNS) + 1
    assert f"Codes\nThe first 6 of {n} seeds are shown" in texts or n <= MOST_COLUMNS
    assert texts.count("body angle (deg)") == 1


def test_missing_runs_leave_their_place_empty_and_axes_have_one_scale(check_texts):
    rows = [
        PlaneRow("a", ["seed 1", "seed 2"], [points(), points() * [1, 9]]),
        PlaneRow("b", ["seed 1", "seed 2"], [None, points()]),
    ]
    fig = planes_figure(rows, COLORS, "angle")
    check_texts(fig)
    panels = [ax for ax in fig.axes if ax.collections]
    assert len(panels) == 3
    for ax in panels:
        width, height = ax.get_position().size * fig.get_size_inches()
        assert width == pytest.approx(height)
        assert np.ptp(ax.get_xlim()) == pytest.approx(np.ptp(ax.get_ylim()))
    left = [ax.get_position().x0 for ax in panels]
    assert left[0] < left[1] == left[2]
    assert panels[1].get_position().y0 > panels[2].get_position().y0


def test_a_course_begins_at_the_left_and_ends_at_the_right(check_texts):
    epochs = np.array([0, *np.geomspace(0.01, 40, 20)])
    planes = np.stack([points() + 100 * t for t in range(21)])
    fig = course_planes_figure([PlaneCourse("a", epochs, planes), PlaneCourse("b", epochs, planes)], COLORS, "angle")
    texts = check_texts(fig)
    assert texts.count("epoch 0") == texts.count("epoch 40") == 1
    panels = [ax for ax in fig.axes if ax.collections]
    assert len(panels) == 2 * MOST_COLUMNS
    shown = [round(np.asarray(ax.collections[0].get_offsets()).mean() / 100) for ax in panels]
    assert shown[:6] == shown[6:] == sorted(set(shown))
    assert (shown[0], shown[5]) == (0, 20)


def test_moments_are_spread_over_the_logarithm():
    assert spread_moments(np.array([0, 0.1, 1]), 6).tolist() == [0, 1, 2]
    epochs = np.array([0, *np.geomspace(0.01, 100, 41)])
    found = spread_moments(epochs, 6)
    np.testing.assert_allclose(epochs[found], [0, 0.01, 0.1, 1, 10, 100])
    assert spread_moments(np.arange(1.0, 50), 2).tolist() == [0, 48]
    assert spread_moments(np.arange(50.0), 2).tolist() == [0, 49]


def test_planes_and_colours_have_to_fit():
    with pytest.raises(UserError, match="no plane"):
        planes_figure([PlaneRow("a", ["seed 1"], [None])], COLORS, "angle")
    with pytest.raises(UserError, match=r"\(61, 2\) does not fit the colours of 60"):
        planes_figure([PlaneRow("a", ["seed 1"], [points(p=61)])], COLORS, "angle")


# ---------------------------------------------------------------------------------------------------------- thumbnails


def pixel_of(picture, color):
    """Column and row of the middle of all pixels of a colour."""
    rows, columns = np.nonzero((picture == color).all(axis=2))
    return columns.mean() + 0.5, rows.mean() + 0.5


def test_points_of_a_thumbnail_are_where_they_should_be():
    """A wide cross: its arms end at the same share of the side, and what is up in the plane is up in the picture."""
    plane = np.array([(66.0, -30.0), (74.0, -30.0), (70.0, -28.0), (70.0, -32.0)])
    colors = np.array([RED, BLUE, (0, 120, 0), (10, 10, 10)], np.uint8)
    picture = thumbnail(plane, colors, 100)
    assert picture.shape == (100, 100, 3)
    assert picture.dtype == np.uint8
    found = np.array([pixel_of(picture, color) for color in colors.tolist()])
    np.testing.assert_allclose(found.mean(axis=0), [50, 50], atol=0.6)
    right = found[1, 0] - 50
    assert 40 < right < 48
    np.testing.assert_allclose(found - 50, [(-right, 0), (right, 0), (0, -right / 2), (0, right / 2)], atol=0.8)
    assert tuple(picture[0, 0]) == (255, 255, 255)


def test_a_point_far_out_makes_the_others_no_smaller():
    plane = np.concatenate([points(p=999), [(1e4, 1e4)]])
    colors = np.full((1000, 3), 30, np.uint8)
    pictures = [thumbnail(some, colors[: len(some)]) for some in (plane, plane[:-1])]
    dark = [(picture < 128).all(axis=2).sum() for picture in pictures]
    assert dark[0] == pytest.approx(dark[1], rel=0.1)


def test_points_of_unknown_value_lie_below_the_others_and_one_place_is_drawn():
    colors = np.array([MISSING, RED, MISSING], np.uint8)
    picture = thumbnail(np.zeros((3, 2)), colors, 21)
    assert tuple(picture[10, 10]) == RED
    assert not (picture == np.array(MISSING)).all(axis=2).any()
