"""Exact nearest neighbours in a few dimensions, where a tree is no quicker than looking at every point."""

from __future__ import annotations

import math

import numba
import numpy as np
from numpy.typing import NDArray

from autoencoder.array_types import FloatArray, Integers
from autoencoder.neighbors.compiled import compiled

ROWS_AT_ONCE = 64

EXCLUDED = np.finfo(np.float32).max
"""Square of the distance to a row that may be no neighbour; infinity is nothing that fast arithmetic may meet."""

_part_of_loops = numba.njit(fastmath=True, cache=True)


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


def nearest_apart(
    points: FloatArray, k: int, recordings: Integers, frames: Integers, apart: float
) -> NDArray[np.int32]:
    """The k nearest other points of each of `points` (n, d) that are not near it in time, by Euclidean distance.

    Frames that follow each other look alike, so without this most neighbours of a row are the frames around it. Of
    points at the same distance the one of the lower row comes first. The result does not depend on the number of
    threads.

    Args:
        points: (n, d) float32, finite.
        k: 1 or more.
        recordings: (n,) int64, the recording that each row is of. Rows without time are each of their own.
        frames: (n,) int64, place of each row in its recording.
        apart: frames; rows of one recording that are no further apart than this are no neighbours of each other. A row
            is never its own neighbour.

    Returns:
        indices (n, k) int32, from the nearest on.

    Raises:
        ValueError: some row has fewer than k candidates, or k or `apart` is out of range.
    """
    if k < 1 or not apart >= 0:
        raise ValueError(f"neighbours are 1 or more and 0 frames apart or more, not {k} and {apart}")
    frames_apart = math.floor(min(apart, float(2**53)))
    n_candidates = candidates(recordings, frames, frames_apart)
    few = n_candidates < k
    if few.any():
        raise ValueError(
            f"{k} neighbours more than {apart:g} frames apart are asked for, but {few.sum()} of {len(points)} rows have"
            f" fewer candidates, down to {n_candidates.min()}"
        )
    # Copies, since numba compiles once more for arrays that cannot be written to.
    by_row, by_column = np.array(points, np.float32, order="C"), np.array(points.T, np.float32, order="C")
    recordings, frames = np.array(recordings, np.int64), np.array(frames, np.int64)
    return _nearest_apart(by_row, by_column, k, recordings, frames, frames_apart)


def candidates(recordings: Integers, frames: Integers, apart: int) -> Integers:
    """How many rows (n,) are of another recording than each row, or more than `apart` frames away."""
    near = np.empty(len(frames), np.int64)
    for recording in np.unique(recordings):
        rows = np.flatnonzero(recordings == recording)
        ordered = np.sort(frames[rows])
        last = np.searchsorted(ordered, frames[rows] + apart, side="right")
        near[rows] = last - np.searchsorted(ordered, frames[rows] - apart, side="left")
    return len(frames) - near


@compiled
def _nearest(points: FloatArray, among: FloatArray, k: int) -> tuple[NDArray[np.int32], FloatArray]:
    m = points.shape[0]
    n = among.shape[1]
    indices = np.empty((m, k), np.int32)
    squares = np.empty((m, k), np.float32)
    for block in numba.prange((m + ROWS_AT_ONCE - 1) // ROWS_AT_ONCE):
        row = np.empty(n, np.float32)
        for i in range(block * ROWS_AT_ONCE, min(m, (block + 1) * ROWS_AT_ONCE)):
            _squares(points[i], among, row)
            _keep_smallest(row, indices[i], squares[i])
    return indices, squares


@compiled
def _nearest_apart(
    points: FloatArray, among: FloatArray, k: int, recordings: Integers, frames: Integers, apart: int
) -> NDArray[np.int32]:
    n = points.shape[0]
    indices = np.empty((n, k), np.int32)
    for block in numba.prange((n + ROWS_AT_ONCE - 1) // ROWS_AT_ONCE):
        row, squares = np.empty(n, np.float32), np.empty(k, np.float32)
        for i in range(block * ROWS_AT_ONCE, min(n, (block + 1) * ROWS_AT_ONCE)):
            _squares(points[i], among, row)
            for j in range(n):
                if recordings[j] == recordings[i] and abs(frames[j] - frames[i]) <= apart:
                    row[j] = EXCLUDED
            _keep_smallest(row, indices[i], squares)
    return indices


@_part_of_loops
def _squares(point: FloatArray, among: FloatArray, row: FloatArray) -> None:
    """Squares of the distances of `point` (d,) to the columns of `among` (d, n), written to `row` (n,)."""
    row[:] = 0
    for column in range(len(point)):  # over all of `among` at once, which the processor does eight at a time
        value = point[column]
        for j in range(len(row)):
            difference = value - among[column, j]
            row[j] += difference * difference


@_part_of_loops
def _keep_smallest(row: FloatArray, indices: NDArray[np.int32], squares: FloatArray) -> None:
    """The smallest of `row` (n,), ascending, written to `squares` (k,), and where they are to `indices` (k,)."""
    k = len(squares)
    found = 0
    for j in range(len(row)):
        square = row[j]
        if found < k or square < squares[k - 1]:
            place = min(found, k - 1)
            found = min(found + 1, k)
            while place > 0 and squares[place - 1] > square:
                squares[place] = squares[place - 1]
                indices[place] = indices[place - 1]
                place -= 1
            squares[place] = square
            indices[place] = j
