"""A ring of codes stays a ring, or the picture says that it is torn."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("ripser", reason="the extra 'topology' is not installed")

from autoencoder.projections.reducers.base import make_projection
from autoencoder.projections.rings import keep_ring, ring_note


def ring(n: int, d: int = 8) -> np.ndarray:
    rng = np.random.default_rng(0)
    turn = rng.uniform(0, 2 * np.pi, n)
    codes = np.zeros((n, d))
    codes[:, :2] = np.stack([np.cos(turn), np.sin(turn)], axis=1)
    return (codes + 0.03 * rng.standard_normal((n, d))).astype(np.float32)


@pytest.fixture
def line() -> np.ndarray:
    codes = ring(500)
    return np.stack([np.arctan2(codes[:, 1], codes[:, 0]), codes[:, 2]], axis=1).astype(np.float32)


@pytest.mark.slow
def test_the_first_layout_that_keeps_the_ring(line) -> None:
    codes, asked = ring(500), []

    def layout(name: str, plane: np.ndarray):
        return lambda: (asked.append(name), plane)[1]

    ways = [layout("torn", line), layout("kept", codes[:, :2]), layout("never asked", line)]
    assert keep_ring(codes, ways, seed=0) is not line
    assert asked == ["torn", "kept"]
    asked.clear()
    assert keep_ring(codes, [layout("torn", line), layout("torn, too", line)], seed=0) is line
    assert asked == ["torn", "torn, too"]
    asked.clear()
    scattered = np.random.default_rng(0).standard_normal((500, 8)).astype(np.float32)
    assert keep_ring(scattered, ways, seed=0) is line  # there is no ring to keep
    assert asked == ["torn"]


def test_a_ring_that_is_open_is_torn() -> None:
    """A third of it is missing; the ends see each other long before the other loops would."""
    codes = ring(900)
    turn = np.arctan2(codes[:, 1], codes[:, 0]) * 2 / 3
    opened = np.stack([np.cos(turn), np.sin(turn)], axis=1).astype(np.float32)
    assert ring_note(codes, opened, seed=0) == "a ring, which this plane tears"


@pytest.mark.slow
def test_what_became_of_the_ring_is_said(line) -> None:
    codes = ring(500)
    assert ring_note(codes, codes[:, :2], seed=0) == "a ring"
    assert ring_note(codes, line, seed=0) == "a ring, which this plane tears"
    assert ring_note(np.random.default_rng(0).standard_normal((500, 8)).astype(np.float32), line, seed=0) is None


@pytest.mark.slow
def test_umap_keeps_a_ring() -> None:
    codes = ring(1_000)
    plane = make_projection("umap", 0).fit(codes).transform(codes)
    assert ring_note(codes, plane, seed=0) == "a ring"
