from __future__ import annotations

import numpy as np
import pytest

from autoencoder.errors import UserError
from autoencoder.plots.colors import MISSING, color_by, cyclic_colormap
from autoencoder.plots.evolution import (
    AXES,
    HEIGHT,
    EvolutionFigure,
    Examples,
    choose_examples,
    frame_schedule,
    robust_limits,
)
from autoencoder.plots.points import paint_points

ANGLE = np.linspace(0, 360, 200, endpoint=False)
RING = np.stack([np.cos(np.radians(ANGLE)), np.sin(np.radians(ANGLE))], axis=1)
LIMITS = ((-1.2, 1.2), (-1.2, 1.2))


def is_near(frame: np.ndarray, pixel: np.ndarray, color: tuple[int, ...] | np.ndarray, reach: int = 2) -> bool:
    """Whether `color` is seen within `reach` of `pixel` (column, row from below)."""
    column, row = int(pixel[0]), int(HEIGHT - pixel[1])
    around = frame[row - reach : row + reach + 1, column - reach : column + reach + 1].astype(int)
    return bool((np.abs(around - np.asarray(color)).max(axis=2) < 40).any())


# -------------------------------------------------------------------------------------------------------------- layout


def test_limits_hold_the_last_frame_and_not_the_outliers_before() -> None:
    rng = np.random.default_rng(0)
    frames = rng.normal(size=(20, 500, 2))
    frames[3, :2] = 1000
    frames[-1, 0] = (9, -7)
    (x0, x1), (y0, y1) = robust_limits(frames)
    last = frames[-1]
    assert x0 < last[:, 0].min()
    assert last[:, 0].max() < x1 < 50
    assert y0 < last[:, 1].min()
    assert last[:, 1].max() < y1 < 50
    assert x1 - x0 == pytest.approx(y1 - y0)


def test_limits_of_a_single_place_have_a_span() -> None:
    (x0, x1), _ = robust_limits(np.full((2, 5, 2), 3.0))
    assert x0 < 3 < x1


def test_examples_are_far_apart_and_sorted_by_side() -> None:
    rng = np.random.default_rng(0)
    corners = np.array([(-5, 5), (-6, -5), (5, 6), (6, -6)])
    embedding = np.concatenate([corner + rng.normal(0, 0.1, (50, 2)) for corner in corners])
    embedding[0] = (100, 100)  # alone, so not an example
    chosen = choose_examples(embedding, 4)
    assert (chosen // 50).tolist() == [0, 1, 2, 3]  # left from the top down, then right
    assert 0 not in chosen
    np.testing.assert_array_equal(chosen, choose_examples(embedding, 4))


def test_examples_are_different_even_in_one_place() -> None:
    assert len(set(choose_examples(np.zeros((30, 2)), 6).tolist())) == 6
    assert len(set(choose_examples(RING[:3], 6).tolist())) == 3


def test_schedule_holds_both_ends_and_shows_each_in_order() -> None:
    frames = frame_schedule(20, fps=10, seconds=6)
    assert len(frames) == 60
    assert frames[:10] == [0] * 10
    assert frames[-10:] == [19] * 10
    assert frames == sorted(frames)
    assert set(frames) == set(range(20))
    assert set(frame_schedule(1, 10, 3)) == {0}
    with pytest.raises(UserError):
        frame_schedule(0, 10, 3)


# ------------------------------------------------------------------------------------------------------------- colours


def test_circular_colours_close_and_wrap() -> None:
    a = color_by(np.array([0.0, 359.9, 360.0, -90.0, 270.0]), "circular").colors.astype(int)
    assert np.abs(a[0] - a[1]).max() < 8
    assert (a[0] == a[2]).all()
    assert (a[3] == a[4]).all()
    assert color_by(ANGLE, "circular").tick_labels == ("0", "90", "180", "270", "360")
    assert color_by(np.radians(ANGLE), "circular", 2 * np.pi).tick_labels[-1] == "2π"
    table = cyclic_colormap()(np.arange(512))[:, :3]
    steps = np.linalg.norm(np.diff(table, axis=0, append=table[:1]), axis=1)
    assert steps.max() < 12 * np.median(steps)  # no jump, at the seam neither


def test_linear_colours_are_ordered_and_missing_is_grey() -> None:
    coloring = color_by(np.array([0.0, 1.0, 2.0, np.nan]), "linear")
    assert coloring.missing.tolist() == [False, False, False, True]
    assert tuple(coloring.colors[3]) == MISSING
    assert (np.diff(coloring.colors[:3, 1].astype(int)) > 0).all()  # green grows along viridis
    for values in (np.full(5, 2.0), np.full(5, np.nan)):
        assert np.isfinite(color_by(values, "linear").limits).all()


def test_categories_have_named_colours() -> None:
    coloring = color_by(np.array(["wall", "", "port", "wall"]), "category")
    assert [name for name, _ in coloring.legend] == ["port", "wall", "unknown"]
    assert tuple(coloring.colors[0]) == coloring.legend[1][1]
    assert (coloring.colors[0] == coloring.colors[3]).all()
    assert [name for name, _ in color_by(np.array([7, 0, 7]), "category").legend] == ["0", "7"]
    many = color_by(np.repeat(np.arange(30), np.arange(1, 31)), "category").legend
    assert len(many) == 20
    assert many[-1][0] == "11 others"
    assert len({rgb for _, rgb in many}) == 20


def test_texts_have_no_scale() -> None:
    with pytest.raises(UserError, match="colour by category"):
        color_by(np.array(["a", "b"]), "linear")


# -------------------------------------------------------------------------------------------------------------- points


def test_points_are_discs_with_the_later_one_above() -> None:
    canvas = np.full((40, 40, 3), 255, np.uint8)
    red, blue = (200, 0, 0), (0, 0, 200)
    centers = np.array([(10.0, 20.0), (12.0, 20.0), (0.0, 0.0), (500.0, -30.0), (39.9, 39.9)])
    paint_points(canvas, centers, np.array([red, blue, red, red, red], np.uint8), 5.0)
    assert tuple(canvas[20, 6]) == red
    assert tuple(canvas[20, 12]) == blue
    assert tuple(canvas[20, 10]) == blue
    assert tuple(canvas[0, 0]) == red
    assert tuple(canvas[39, 39]) == red
    assert (canvas[30] == 255).all()
    covered = (255 - canvas[:, 25:30].astype(int)).sum()
    assert covered == 0


def test_a_disc_has_its_area() -> None:
    canvas = np.full((60, 60, 3), 255, np.uint8)
    paint_points(canvas, np.array([(30.0, 30.0)]), np.zeros((1, 3), np.uint8), 8.0)
    assert (1 - canvas[..., 0] / 255).sum() == pytest.approx(np.pi * 64, rel=0.06)


# -------------------------------------------------------------------------------------------------------------- figure


def test_points_are_drawn_where_they_are_in_their_colour() -> None:
    figure = EvolutionFigure(LIMITS, ANGLE, "circular", "body angle (deg)")
    frame = figure.draw(RING, 2, 345)
    assert frame.shape == (800, 1000, 3)
    assert frame.dtype == np.uint8
    colors = color_by(ANGLE, "circular").colors
    pixels = figure.pixel_positions(RING)
    for i in range(0, 200, 25):
        assert is_near(frame, pixels[i], colors[i])


def test_frames_do_not_keep_anything_of_those_before() -> None:
    figure = EvolutionFigure(
        LIMITS, ANGLE, "circular", "angle", examples=Examples(np.array([0, 50]), np.zeros((2, 8, 8)))
    )
    first = figure.draw(RING, 0, 0)
    other = figure.draw(RING * 0.5, 1.5, 100)
    assert (first != other).any()
    np.testing.assert_array_equal(figure.draw(RING, 0, 0), first)


def test_leader_lines_end_at_their_points() -> None:
    chosen = choose_examples(RING, 6)
    images = np.random.default_rng(0).random((6, 10, 12, 3))
    figure = EvolutionFigure(LIMITS, ANGLE, "circular", "angle", examples=Examples(chosen, images))
    for embedding in (RING, RING[::-1] * 0.7):
        frame = figure.draw(embedding, 0, 0)
        expected = figure.pixel_positions(embedding)[chosen]
        lines = figure.leader_lines()
        np.testing.assert_allclose(lines[:, 1], expected)
        for start, end in lines:
            assert is_near(frame, start + 0.9 * (end - start), (89, 89, 89))  # the line's grey
        left, _, width, _ = AXES
        assert (lines[:3, 0, 0] < left).all()
        assert (lines[3:, 0, 0] > left + width).all()


def test_leader_lines_stay_in_the_frame_when_a_point_leaves_it() -> None:
    figure = EvolutionFigure(LIMITS, ANGLE, "circular", "a", examples=Examples(np.array([0]), np.zeros((1, 8, 8))))
    figure.draw(RING * 100, 0, 0)
    left, _, width, _ = AXES
    assert figure.leader_lines()[0, 1, 0] == left + width


def test_long_category_names_widen_the_frame() -> None:
    values = np.where(ANGLE < 180, "upper half", "lower half of the ring")
    assert EvolutionFigure(LIMITS, values, "category", "half").draw(RING, 0, 0).shape[1] > 1000
    assert EvolutionFigure(LIMITS, np.arange(200) % 10, "category", "digit").draw(RING, 0, 0).shape[1] == 1000


def test_unknown_values_are_grey_and_below() -> None:
    values = np.where(np.arange(200) < 100, np.nan, 5.0)
    frame = EvolutionFigure(LIMITS, values, "linear", "distance").draw(np.zeros((200, 2)), 0, 0)
    center = np.array([AXES[0] + AXES[2] / 2, AXES[1] + AXES[3] / 2])
    assert not is_near(frame, center, MISSING)


def test_bad_use_is_refused() -> None:
    figure = EvolutionFigure(LIMITS, ANGLE, "circular", "angle")
    with pytest.raises(UserError, match="200 points are coloured"):
        figure.draw(RING[:10], 0, 0)
    with pytest.raises(UserError, match="not among the points"):
        EvolutionFigure(LIMITS, ANGLE, "circular", "a", examples=Examples(np.array([200]), np.zeros((1, 8, 8))))
    with pytest.raises(UserError, match="up to 6"):
        EvolutionFigure(LIMITS, ANGLE, "circular", "a", examples=Examples(np.arange(7), np.zeros((7, 8, 8))))
