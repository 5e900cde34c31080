"""A layer over training: read, narrowed, doubled, refused."""

from __future__ import annotations

import numpy as np
import pytest

from autoencoder.errors import UserError
from autoencoder.latent.layers import Moment
from autoencoder.projections.series import Series, series_of
from autoencoder.seeding import draw_rows


def moments(array: np.ndarray) -> list[Moment]:
    return [Moment(t, float(t), f"step_{t}.npy", lambda t=t: array[t]) for t in range(len(array))]


def test_movement_rows_and_doubles() -> None:
    array = np.random.default_rng(0).normal(size=(4, 10, 3)).astype(np.float32)
    series = series_of(moments(array), 0)
    assert (len(series), series.shape, series.width) == (4, (10, 3), 3)
    np.testing.assert_allclose(series.movement(), np.linalg.norm(np.diff(array, axis=0), axis=2), rtol=1e-6)
    rows = np.array([1, 4])
    np.testing.assert_array_equal(series.rows(rows), array[:, rows])
    twice = series.twice(rows)
    assert len(twice) == 8
    np.testing.assert_array_equal(twice.rows(np.arange(2)), np.repeat(array[:, rows], 2, axis=0))


def test_a_wide_layer_is_narrowed_by_one_map_and_computed_once() -> None:
    rng = np.random.default_rng(0)
    inner = rng.normal(size=(3, 200, 8))
    array = (inner @ rng.normal(size=(8, 120)) + 3).astype(np.float32)
    asked: list[int] = []

    def load(t: int) -> np.ndarray:
        asked.append(t)
        return array[t]

    series = series_of([Moment(t, 0.0, f"{t}", lambda t=t: load(t)) for t in range(3)], 0)
    assert series.shape == (200, 50)
    assert series.width == 120
    kept = [series[t] for t in range(3)]
    before = len(asked)
    for t in range(3):
        np.testing.assert_array_equal(series[t], kept[t])
    assert len(asked) == before
    # Eight dimensions are kept whole: distances within and between moments are those of the wide layer.
    for a, b in ((0, 0), (0, 2)):
        wide = np.linalg.norm(array[a][:20, None] - array[b][None, :20], axis=2)
        np.testing.assert_allclose(
            np.linalg.norm(series[a][:20, None] - series[b][None, :20], axis=2), wide, rtol=1e-3, atol=1e-3
        )
    assert series.narrow is not None
    np.testing.assert_allclose(series.narrow(array[1]), series[1], rtol=1e-4, atol=1e-4)


def test_what_cannot_be_is_refused_by_the_name_of_the_moment() -> None:
    array = np.zeros((3, 5, 2), np.float32)
    array[1, 2] = np.nan
    with pytest.raises(UserError, match=r"step_1\.npy has values that are not finite .* --stop-index"):
        series_of(moments(array), 0).movement()
    uneven = Series([lambda: np.zeros((4, 2)), lambda: np.zeros((5, 2))], ["a", "b"])
    with pytest.raises(UserError, match="a has shape"):
        uneven.movement()


def test_rows_are_chosen_by_the_seed_and_purpose() -> None:
    np.testing.assert_array_equal(draw_rows(np.arange(5), 9, 0, "x"), np.arange(5))
    chosen = draw_rows(np.arange(100), 10, 0, "x")
    assert len(set(chosen)) == 10
    assert (np.diff(chosen) > 0).all()
    np.testing.assert_array_equal(chosen, draw_rows(np.arange(100), 10, 0, "x"))
    assert (chosen != draw_rows(np.arange(100), 10, 1, "x")).any()
