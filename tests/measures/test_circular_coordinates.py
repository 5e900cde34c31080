"""Circular coordinates of rings whose angles are known, and against those of dreimac."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

pytest.importorskip("ripser", reason="the extra 'topology' is not installed")

from autoencoder.array_types import Integers
from autoencoder.measures import circular_coordinates
from autoencoder.measures.angles import circular_error_deg
from autoencoder.measures.circular_coordinates import circular_coordinate, cyclic_agreement

Array = NDArray[np.float64]

FEW = 150
"""Landmarks, for the sake of time."""


def ring(angles: Array, noise: float = 0.0, width: int = 16) -> Array:
    rng = np.random.default_rng(1)
    plane = np.linalg.qr(rng.normal(size=(width, width)))[0][:2]
    return np.stack([np.cos(angles), np.sin(angles)], axis=1) @ plane + noise * rng.normal(size=(len(angles), width))


def angles_of(n: int = 800) -> Array:
    return np.random.default_rng(0).uniform(0, 2 * np.pi, n)


def coordinate_of(points: Array, seed: int = 0, landmarks: int = FEW) -> Array:
    found = circular_coordinate(points, seed, landmarks)
    assert found is not None
    assert found.shape == (len(points),)
    assert found.min() >= 0
    assert found.max() < 2 * np.pi
    return found


EVEN, UNEVEN = angles_of(), angles_of() + 0.8 * np.sin(angles_of())


@pytest.mark.parametrize(
    ("angles", "noise"),
    [(EVEN, 0.0), (EVEN, 0.05), (EVEN, 0.1), (UNEVEN, 0.0), (UNEVEN, 0.05), (-EVEN, 0.05)],
    ids=["even", "noisy", "noisier", "uneven", "uneven and noisy", "reflected"],
)
def test_the_coordinate_runs_as_the_angle_does(angles: Array, noise: float) -> None:
    found = coordinate_of(ring(angles, noise))
    assert cyclic_agreement(found, angles) > 0.99
    along = found[np.argsort(angles % (2 * np.pi))]
    steps = (np.diff(along, append=along[0]) + np.pi) % (2 * np.pi) - np.pi
    assert abs(steps.sum()) == pytest.approx(2 * np.pi)  # once round, not twice


def test_the_order_is_exact_without_noise() -> None:
    assert cyclic_agreement(coordinate_of(ring(EVEN)), EVEN) > 0.9999


def test_the_order_does_not_depend_on_landmarks_rotation_scale_or_shift() -> None:
    points, turned = ring(EVEN, 0.05), np.linalg.qr(np.random.default_rng(2).normal(size=(16, 16)))[0]
    found = coordinate_of(points)
    assert cyclic_agreement(found, coordinate_of(points, seed=1)) > 0.999
    moved = coordinate_of(1e-3 * points @ turned + 50)
    assert circular_error_deg(moved, found).max() < 1e-2


@pytest.mark.parametrize("noise", [0.0, 0.05, 0.1])
def test_it_is_the_coordinate_of_dreimac_where_all_points_are_landmarks(noise: float) -> None:
    dreimac = pytest.importorskip("dreimac")
    points = ring(UNEVEN[:FEW], noise)
    other = dreimac.CircularCoords(points, FEW, prime=47).get_coordinates(perc=0.5, standard_range=False)
    found = coordinate_of(points)
    turned = min((np.exp(1j * (found - sign * other)) for sign in (1, -1)), key=lambda z: -abs(z.mean()))
    assert circular_error_deg(np.angle(turned), np.angle(turned.mean())).max() < 0.1


def test_it_orders_points_as_dreimac_does_from_other_landmarks() -> None:
    dreimac = pytest.importorskip("dreimac")
    points = ring(EVEN, 0.05)
    other = dreimac.CircularCoords(points, FEW).get_coordinates()
    assert cyclic_agreement(coordinate_of(points), other) > 0.999


def test_points_far_from_the_loop_have_an_angle_and_change_no_other() -> None:
    points = ring(EVEN, 0.02)
    cloud = 20 + 0.01 * np.random.default_rng(3).normal(size=(900, 16))
    found = coordinate_of(np.concatenate([points, cloud]), landmarks=300)
    assert np.isfinite(found).all()
    assert cyclic_agreement(found[: len(points)], EVEN) > 0.999


def test_points_that_no_landmark_is_close_to_are_placed_by_the_nearest() -> None:
    points = ring(EVEN, 0.15)
    assert cyclic_agreement(coordinate_of(points), EVEN) > 0.98


def test_points_without_a_loop_have_no_coordinate() -> None:
    assert circular_coordinate(np.ones((50, 3)), seed=0) is None
    assert circular_coordinate(np.linspace(0, 1, 50)[:, None] * [1, 2, 3], seed=0) is None
    assert circular_coordinate(np.ones((1, 3)), seed=0) is None


def test_a_cocycle_that_may_be_none_in_whole_numbers_gives_no_coordinate(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = circular_coordinates.persistence

    def halved(distances: Array, prime: int) -> tuple[Array, list[Integers]]:
        bars, cocycles = whole(distances, prime)
        return bars, [np.stack([i, j, value * 24 % prime], axis=1) for i, j, value in (c.T for c in cocycles)]

    assert circular_coordinate(ring(EVEN[:100]), seed=0) is not None
    monkeypatch.setattr(circular_coordinates, "persistence", halved)  # 24 is 1/2 modulo 47
    assert circular_coordinate(ring(EVEN[:100]), seed=0) is None


def test_agreement_is_that_of_the_order_alone() -> None:
    a = angles_of()
    for b in (a + 1, -a, 3 - a, 2 * np.pi * (a / (2 * np.pi)) ** 3, a + 0.9 * np.sin(a), a + 40 * np.pi):
        assert cyclic_agreement(a, b) == pytest.approx(1)
        assert cyclic_agreement(b, a) == pytest.approx(1)
    noisy = a + np.random.default_rng(5).normal(size=len(a))
    assert 0.5 < cyclic_agreement(a, noisy) < 0.7  # a little more than exp(-1/2)
    for turn in (0.5, 3.0):
        assert cyclic_agreement(a + turn, noisy) == pytest.approx(cyclic_agreement(a, noisy))


def test_what_has_no_common_order_agrees_as_little_as_by_chance() -> None:
    n = 2000
    a, b = np.random.default_rng(0).uniform(0, 2 * np.pi, (2, n))
    assert cyclic_agreement(a, b) < 4 / math.sqrt(n)
    assert cyclic_agreement(a, 2 * a) < 4 / math.sqrt(n)  # twice round is another order


def test_equal_angles_share_their_place() -> None:
    a = np.arange(2000) / 2000 * 2 * np.pi
    quarters = np.floor(a / (np.pi / 2)) * np.pi / 2
    assert cyclic_agreement(a, quarters) == pytest.approx(math.sin(math.pi / 4) / (math.pi / 4), abs=1e-3)
    assert cyclic_agreement(quarters, -quarters) == pytest.approx(1)
    assert cyclic_agreement(a, np.zeros(2000)) == 0
    assert cyclic_agreement(np.ones(2000), np.zeros(2000)) == 0
    assert cyclic_agreement(np.array([0, -1e-20, 1, 2]), np.array([0, 0, 1, 2])) == pytest.approx(1)


@pytest.mark.parametrize(
    ("a", "b"), [([0, 1], [0, 1]), ([0, 1, 2], [0, 1, 2, 3]), ([0, 1, math.nan], [0, 1, 2]), ([[0, 1, 2]], [[0, 1, 2]])]
)
def test_an_order_takes_finite_angles_in_pairs(a: list[float], b: list[float]) -> None:
    with pytest.raises(ValueError, match="angles"):
        cyclic_agreement(np.array(a), np.array(b))
