from __future__ import annotations

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from autoencoder.plots import points
from autoencoder.plots.points import paint_points, point_radius, visible_points

RED, BLUE = (200, 0, 0), (0, 0, 200)


def paint(shape: tuple[int, int], centers: np.ndarray, colors: np.ndarray, radius: float, order: object = None):
    canvas = np.zeros((*shape, 3), np.uint8)
    order = np.arange(len(centers)) if order is None else np.array(order)
    paint_points(canvas, visible_points(shape, np.asarray(centers, float), radius, order), np.asarray(colors, np.uint8))
    return canvas


def test_points_are_discs_with_the_later_one_above() -> None:
    centers = np.array([(10.0, 20.0), (12.0, 20.0), (0.0, 0.0), (500.0, -30.0), (39.9, 39.9)])
    canvas = paint((40, 40), centers, [RED, BLUE, RED, RED, RED], 5.0)
    assert tuple(canvas[20, 6]) == RED
    assert tuple(canvas[20, 12]) == BLUE
    assert tuple(canvas[20, 10]) == BLUE
    assert tuple(canvas[0, 0]) == RED
    assert tuple(canvas[39, 39]) == RED
    assert (canvas[30] == 255).all()
    assert (canvas[:, 25:30] == 255).all()


def test_the_order_says_which_lies_above() -> None:
    centers, colors = [(20, 20), (20, 20)], [RED, BLUE]
    assert tuple(paint((40, 40), centers, colors, 5.0, [0, 1])[20, 20]) == BLUE
    assert tuple(paint((40, 40), centers, colors, 5.0, [1, 0])[20, 20]) == RED


def test_a_disc_has_its_area() -> None:
    canvas = paint((60, 60), [(30.0, 30.0)], [(0, 0, 0)], 8.0)
    assert (1 - canvas[..., 0] / 255).sum() == pytest.approx(np.pi * 64, rel=0.03)


@pytest.mark.parametrize("radius", [0.8, 1.3, 1.9, 2.6, 5.0])
def test_points_on_and_beyond_the_edge(radius: float) -> None:
    """Whatever is outside changes nothing inside, and nothing is painted on the other side."""
    rng = np.random.default_rng(0)
    inside = rng.uniform(5, 25, (20, 2))
    far = np.concatenate([rng.uniform(-60, 90, (2000, 2)), [(30 + radius, 30 + radius), (-radius, -radius)], inside])
    beyond = ((far < -radius - 0.3) | (far > 30.3 + radius)).any(axis=1)
    everything = np.concatenate([far[beyond], inside])
    blue = np.tile(BLUE, (len(everything), 1))
    np.testing.assert_array_equal(paint((30, 30), everything, blue, radius), paint((30, 30), inside, blue, radius))
    assert paint((30, 30), far, np.tile(BLUE, (len(far), 1)), radius).shape == (30, 30, 3)


def test_many_points_are_marked_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    centers, order = rng.uniform(0, 50, (300, 2)), rng.permutation(300)
    whole = visible_points((50, 50), centers, 3.0, order)
    monkeypatch.setattr(points, "POINTS_AT_ONCE", 7)
    np.testing.assert_array_equal(visible_points((50, 50), centers, 3.0, order), whole)


@pytest.mark.parametrize("radius", [1.3, 4.0])
def test_it_looks_as_matplotlib_draws_it(radius: float) -> None:
    rng = np.random.default_rng(0)
    side, n = 200, 400
    centers = rng.uniform(10, side - 10, (n, 2))
    colors = rng.integers(0, 256, (n, 3))
    fig = Figure(figsize=(side / 100, side / 100), dpi=100)
    canvas = FigureCanvasAgg(fig)
    ax = fig.add_axes((0, 0, 1, 1))
    ax.set(xlim=(0, side), ylim=(side, 0))
    ax.axis("off")
    ax.scatter(*centers.T, s=(2 * radius * 0.72) ** 2, c=colors / 255, linewidths=0)
    canvas.draw()
    theirs = np.asarray(canvas.buffer_rgba())[..., :3].astype(float)
    difference = np.abs(paint((side, side), centers, colors, radius) - theirs)
    assert difference.mean() < 2.0  # of 255
    blank = np.abs(255 - theirs)
    assert difference.mean() < 0.12 * blank.mean()


def test_more_points_are_smaller() -> None:
    sizes = [point_radius(n) for n in (10, 2000, 8000, 1_000_000)]
    assert sizes == sorted(sizes, reverse=True)
    assert point_radius(2000, side=320) == point_radius(2000) / 2
