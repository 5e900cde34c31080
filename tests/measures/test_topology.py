"""Loops of points whose shape is known."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("ripser", reason="the extra 'topology' is not installed")

from autoencoder.measures.topology import find_loops


def circle(n: int = 600, noise: float = 0.02) -> np.ndarray:
    rng = np.random.default_rng(0)
    turn = np.arange(n) / n * 2 * np.pi
    return np.stack([np.cos(turn), np.sin(turn)], axis=1) + noise * rng.standard_normal((n, 2))


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
