"""Exact neighbours, against scikit-learn's."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.neighbors import NearestNeighbors

from autoencoder.neighbors.exact import nearest, nearest_apart


@pytest.mark.parametrize(("m", "n", "d", "k"), [(200, 300, 16, 15), (70, 40, 3, 40), (1, 5, 1, 1)])
def test_they_are_those_of_scikit_learn(m: int, n: int, d: int, k: int) -> None:
    rng = np.random.default_rng(0)
    points, among = rng.normal(size=(m, d)).astype(np.float32), rng.normal(size=(n, d)).astype(np.float32)
    indices, distances = nearest(points, among, k)
    expected, rows = NearestNeighbors(n_neighbors=k, algorithm="brute").fit(among).kneighbors(points)
    np.testing.assert_array_equal(indices, rows)
    np.testing.assert_allclose(distances, expected, rtol=1e-5)
    assert (indices.dtype, distances.dtype) == (np.int32, np.float32)


def test_of_equal_distances_the_lower_row_comes_first() -> None:
    among = np.repeat(np.eye(3, dtype=np.float32), 4, axis=0)
    indices, distances = nearest(np.eye(3, dtype=np.float32), among, 6)
    np.testing.assert_array_equal(indices[0], [0, 1, 2, 3, 4, 5])
    np.testing.assert_array_equal(distances[0, :4], 0)


@pytest.mark.parametrize("k", [1, 15, 40, 300])
def test_crowds_at_equal_distances_are_ordered_by_row(k: int) -> None:
    rng = np.random.default_rng(2)
    points = rng.integers(0, 3, (301, 3)).astype(np.float32)  # 27 places; an odd number of rows, each pair at once
    indices, distances = nearest(points, points, k)
    squares = np.square(points[:, None] - points[None]).sum(axis=2)
    np.testing.assert_array_equal(indices, np.argsort(squares, axis=1, kind="stable")[:, :k])
    np.testing.assert_array_equal(np.square(distances).round(), np.sort(squares, axis=1)[:, :k])


@pytest.mark.parametrize("apart", [0, 30, 140])
def test_rows_that_are_near_in_time_are_passed_over(apart: int) -> None:
    rng = np.random.default_rng(3)
    points = rng.normal(size=(303, 5)).astype(np.float32)
    recordings, frames = np.repeat(np.arange(3), 101), np.tile(np.arange(101), 3)
    squares = np.square(points[:, None].astype(float) - points[None]).sum(axis=2)
    near = (recordings[:, None] == recordings) & (np.abs(frames[:, None] - frames) <= apart)
    expected = np.argsort(np.where(near, np.inf, squares), axis=1)[:, :12]
    np.testing.assert_array_equal(nearest_apart(points, 12, recordings, frames, apart), expected)


def test_threads_change_neither_the_bits_nor_torch() -> None:
    rng = np.random.default_rng(1)
    points = rng.normal(size=(500, 7)).astype(np.float32)
    threads = torch.get_num_threads()
    several = nearest(points, points, 10)
    torch.set_num_threads(1 if threads > 1 else 2)
    try:
        other = nearest(points, points, 10)
    finally:
        torch.set_num_threads(threads)
    for a, b in zip(other, several, strict=True):
        np.testing.assert_array_equal(a, b)
    assert torch.get_num_threads() == threads
