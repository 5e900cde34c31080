from __future__ import annotations

import numpy as np
import pytest

from autoencoder.errors import UserError
from autoencoder.plots.colors import MISSING, color_by, cyclic_colormap, paled
from autoencoder.plots.movies.frames import choose_examples, frame_schedule, robust_limits

ANGLE = np.linspace(0, 360, 200, endpoint=False)
RING = np.stack([np.cos(np.radians(ANGLE)), np.sin(np.radians(ANGLE))], axis=1)


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


def test_categories_are_in_the_order_of_their_numbers() -> None:
    names = np.array([f"animal {i}" for i in range(12)])
    coloring = color_by(np.random.default_rng(0).permutation(np.repeat(names, 3)), "category")
    assert [name for name, _ in coloring.legend] == names.tolist()
    for name, color in coloring.legend:
        np.testing.assert_array_equal(color_by(names, "category").colors[names == name], [color])


def test_twenty_categories_are_told_apart_also_where_some_are_pale() -> None:
    """No two colours are as near to each other as the nearest of ten are, by more than a tenth; pale or not."""

    def as_seen(colors: np.ndarray) -> np.ndarray:
        """OKLab (Ottosson, 2020)."""
        shares = np.asarray(colors, np.float64) / 255
        linear = np.where(shares <= 0.04045, shares / 12.92, ((shares + 0.055) / 1.055) ** 2.4)
        cones = np.array([[0.41222, 0.53633, 0.05145], [0.2119, 0.6807, 0.1074], [0.0883, 0.28172, 0.62998]])
        mixed = np.array([[0.21045, 0.79362, -0.00407], [1.978, -2.42859, 0.45059], [0.0259, 0.78277, -0.80868]])
        return np.cbrt(linear @ cones.T) @ mixed.T

    def nearest(n: int) -> float:
        strong = color_by(np.arange(n), "category").colors
        everything = as_seen(np.concatenate([strong, [MISSING]]))
        between = np.linalg.norm(everything[:, None] - everything, axis=2)[np.triu_indices(n + 1, 1)]
        to_pale = np.linalg.norm(as_seen(strong)[:, None] - as_seen(paled(strong)), axis=2)
        return float(min(between.min(), to_pale.min()))

    assert nearest(20) > 0.9 * nearest(10) > 0.1


def test_texts_have_no_scale() -> None:
    with pytest.raises(UserError, match="colour by category"):
        color_by(np.array(["a", "b"]), "linear")
