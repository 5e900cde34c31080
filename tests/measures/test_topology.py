"""Loops of points whose shape is known."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

pytest.importorskip("ripser", reason="the extra 'topology' is not installed")

from autoencoder.measures.timeline import Timeline
from autoencoder.measures.topology import Loops, Rings, find_loops, loops_by_chance, rings

Array = NDArray[np.float64]

FEW = 150
"""Landmarks, for the sake of time."""


def circle(n: int = 600, noise: float = 0.02) -> np.ndarray:
    rng = np.random.default_rng(0)
    turn = np.arange(n) / n * 2 * np.pi
    return np.stack([np.cos(turn), np.sin(turn)], axis=1) + noise * rng.standard_normal((n, 2))


def on_circle(angles: Array) -> Array:
    return np.stack([np.cos(angles), np.sin(angles)], axis=1)


def noisy_ring(rng: np.random.Generator) -> Array:
    return on_circle(rng.uniform(0, 2 * np.pi, 600)) @ np.eye(2, 16) + 0.05 * rng.normal(size=(600, 16))


def eight(rng: np.random.Generator) -> Array:
    side = np.where(rng.uniform(size=600) < 0.5, -1, 1)
    return on_circle(rng.uniform(0, 2 * np.pi, 600)) + np.stack([side, 0 * side], axis=1)


def torus(rng: np.random.Generator) -> Array:
    return np.hstack([on_circle(rng.uniform(0, 2 * np.pi, 600)) for _ in range(2)])


def plane(rng: np.random.Generator) -> Array:
    return rng.uniform(size=(600, 2)) @ rng.normal(size=(2, 16))


def ball(rng: np.random.Generator) -> Array:
    return rng.normal(size=(600, 16))


NO_RINGS = pytest.mark.parametrize("shape", [eight, torus, plane, ball], ids=lambda shape: shape.__name__)


@pytest.mark.slow
def test_a_circle_is_a_ring_on_every_scale_and_in_every_space() -> None:
    found = find_loops(circle(), seed=0)
    assert found.is_ring
    assert found.first == pytest.approx(0.87, abs=0.15)  # sqrt(3) / 2, when three points of a circle see each other
    scaled = find_loops(1000 * circle() @ np.linalg.qr(np.random.default_rng(1).normal(size=(9, 9)))[0][:2], seed=0)
    assert (scaled.first, scaled.second) == pytest.approx((found.first, found.second), abs=1e-3)


def test_what_is_no_ring() -> None:
    rng = np.random.default_rng(0)
    assert not find_loops(rng.standard_normal((600, 2)), seed=0).is_ring
    eight = np.concatenate([circle() - np.array([1, 0]), circle() + np.array([1, 0])])
    assert not find_loops(eight, seed=0).is_ring  # two loops, neither of which dominates
    arc = circle()
    assert not find_loops(arc[arc[:, 0] < 0.8], seed=0).first > 0.87
    assert find_loops(np.ones((50, 3)), seed=0).first == 0


def test_the_bar_of_an_even_circle_goes_from_a_step_to_the_side_of_a_triangle() -> None:
    found = find_loops(circle(150, noise=0.0), seed=0)
    assert found.first == pytest.approx(math.sqrt(3) / 2 - math.sin(math.pi / 150), abs=1e-4)
    assert found.second == 0
    assert found.ratio == math.inf


def test_a_noisy_ring_is_one_on_each_of_five_sets_of_landmarks() -> None:
    found = rings(noisy_ring(np.random.default_rng(0)), seed=0, landmarks=FEW)
    assert found.is_ring
    assert found.ratio > 15
    assert len({loops.first for loops in found.sets}) == 5
    assert found.first == sorted(loops.first for loops in found.sets)[2]


@NO_RINGS
def test_two_loops_or_none_are_no_ring_on_any_set_of_landmarks(shape: Callable[[np.random.Generator], Array]) -> None:
    found = rings(shape(np.random.default_rng(0)), seed=0, landmarks=FEW)
    assert not any(loops.is_ring for loops in found.sets)
    assert found.ratio < 2


def test_a_torus_has_two_long_bars() -> None:
    found = rings(torus(np.random.default_rng(0)), seed=0, landmarks=FEW)
    assert min(found.first, found.second) > 0.3


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(20))
def test_decisions_are_right_whatever_is_drawn(seed: int) -> None:
    rng = np.random.default_rng(seed)
    assert rings(noisy_ring(rng), seed, landmarks=FEW).is_ring
    assert not any(rings(shape(rng), seed, landmarks=FEW).is_ring for shape in (eight, torus, plane, ball))


def test_one_set_without_a_ring_is_enough_against_it() -> None:
    ring, none = Loops(0.5, 0.01), Loops(0.4, 0.1)
    assert Rings((ring, ring, ring)).is_ring
    found = Rings((ring, none, ring))
    assert not found.is_ring
    assert (found.first, found.second, found.ratio) == pytest.approx((0.5, 0.01, 50))


@pytest.mark.parametrize("shape", [noisy_ring, torus], ids=["ring", "torus"])
def test_rotation_scale_and_shift_change_neither_bars_nor_decision(
    shape: Callable[[np.random.Generator], Array],
) -> None:
    points, rng = shape(np.random.default_rng(0)), np.random.default_rng(1)
    turned = np.linalg.qr(rng.normal(size=(20, 20)))[0][: points.shape[1]]
    found, again = (rings(x, seed=0, sets=2, landmarks=FEW) for x in (points, 300 * points @ turned + 1e5))
    assert again.is_ring == found.is_ring
    for one, other in zip(found.sets, again.sets, strict=True):
        assert (other.first, other.second) == pytest.approx((one.first, one.second), abs=1e-5)


def test_points_that_are_all_the_same_have_no_ring_not_even_by_chance() -> None:
    for found in (
        rings(np.ones((400, 3)), seed=0),
        loops_by_chance(np.ones((400, 3)), None, seed=0),
        rings(np.ones((1, 3)), seed=0),
    ):
        assert not found.is_ring
        assert (found.first, found.second, found.ratio) == (0, 0, 0)


def test_all_points_are_one_set_of_landmarks_where_there_are_few() -> None:
    assert len(rings(circle(100), seed=0, landmarks=100).sets) == 1
    assert len(rings(circle(101), seed=0, landmarks=100).sets) == 5


def test_nothing_is_left_of_a_ring_whose_units_are_permuted() -> None:
    points = noisy_ring(np.random.default_rng(0))
    chance = loops_by_chance(points, None, seed=0, landmarks=FEW)
    assert len(chance.sets) == 5
    assert not any(loops.is_ring for loops in chance.sets)
    assert chance.first < rings(points, seed=0, landmarks=FEW).first / 3


def in_time(angles: Array, seed: int) -> tuple[Array, Timeline]:
    """A ring gone through as the angles (n,) say, its rows in any order."""
    order = np.random.default_rng(seed).permutation(len(angles))
    return on_circle(angles)[order], Timeline(np.zeros(len(angles), np.int64), order)


def test_little_is_left_of_a_ring_walked_at_random_whose_units_are_moved_in_time() -> None:
    points, timeline = in_time(np.random.default_rng(0).normal(0, 0.3, 2000).cumsum(), seed=0)
    chance = loops_by_chance(points, timeline, seed=0, landmarks=FEW)
    assert chance.first < rings(points, seed=0, landmarks=FEW).first / 3


def test_units_that_swing_alike_make_a_loop_however_they_are_moved_in_time() -> None:
    points, timeline = in_time(np.linspace(0, 20 * np.pi, 1000, endpoint=False), seed=0)
    moved = loops_by_chance(points, timeline, seed=0, landmarks=FEW)
    permuted = loops_by_chance(points, Timeline(timeline.recordings, None), seed=0, landmarks=FEW)
    assert all(loops.is_ring for loops in moved.sets)  # ellipses, some of them narrow
    assert max(loops.first for loops in moved.sets) > 0.5
    assert max(loops.first for loops in permuted.sets) < 0.2
