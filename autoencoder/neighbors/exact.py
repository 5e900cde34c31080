"""Exact nearest neighbours in a few dimensions, where a tree is no quicker than looking at every point."""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

from autoencoder.array_types import FloatArray
from autoencoder.neighbors.compiled import compiled

ROWS_AT_ONCE = 64


def nearest(points: FloatArray, among: FloatArray, k: int) -> tuple[NDArray[np.int32], FloatArray]:
    """The k nearest of `among` (n, d) for each of `points` (m, d), by Euclidean distance.

    Of points at the same distance the one of the lower row comes first. The result does not depend on the number of
    threads.

    Args:
        points: (m, d) float32, finite.
        among: (n, d) float32, finite.
        k: at most n.

    Returns:
        indices (m, k) int32 and distances (m, k) float32, ascending.
    """
    by_column = np.ascontiguousarray(among.T, np.float32)
    indices, squares = _nearest(np.ascontiguousarray(points, np.float32), by_column, k)
    return indices, np.sqrt(squares)


@compiled
def _nearest(points: FloatArray, among: FloatArray, k: int) -> tuple[NDArray[np.int32], FloatArray]:
    m, d = points.shape
    n = among.shape[1]
    indices = np.empty((m, k), np.int32)
    squares = np.empty((m, k), np.float32)
    for block in numba.prange((m + ROWS_AT_ONCE - 1) // ROWS_AT_ONCE):
        row = np.empty(n, np.float32)
        for i in range(block * ROWS_AT_ONCE, min(m, (block + 1) * ROWS_AT_ONCE)):
            row[:] = 0
            for column in range(d):  # over all of `among` at once, which the processor does eight at a time
                value = points[i, column]
                for j in range(n):
                    difference = value - among[column, j]
                    row[j] += difference * difference
            found = 0
            for j in range(n):
                square = row[j]
                if found < k or square < squares[i, k - 1]:
                    place = min(found, k - 1)
                    found = min(found + 1, k)
                    while place > 0 and squares[i, place - 1] > square:
                        squares[i, place] = squares[i, place - 1]
                        indices[i, place] = indices[i, place - 1]
                        place -= 1
                    squares[i, place] = square
                    indices[i, place] = j
    return indices, squares
