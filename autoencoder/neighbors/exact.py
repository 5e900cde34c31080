"""Exact nearest neighbours in a few dimensions, where a tree is no quicker than looking at every point."""

from __future__ import annotations

import math
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from autoencoder.array_types import FloatArray, Integers, Reals
from autoencoder.neighbors.compiled import compiled, part_of_loops

ROWS_AT_ONCE = 64
"""An even number: points are measured two at a time."""

COLUMNS_AT_ONCE = 4
"""Columns that are read together; what two points and four columns share is read from memory once."""

GROUPS_PER_NEIGHBOR = 3
"""Groups of candidates whose minima tell how far the neighbours are at most; with fewer, more candidates remain."""

GROUPS_AT_ONCE = 16
"""The number of groups is a multiple of this."""

COMPARED_AT_ONCE = 64
"""Candidates that are compared together with the bound."""

EXCLUDED = np.finfo(np.float32).max
"""Square of the distance to a row that may be no neighbour; infinity is nothing that fast arithmetic may meet."""


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
    indices, squares = _nearest(_widened(points), _widened(among).T.copy(), k)
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
    by_row = _widened(points)
    # Copies, since numba compiles once more for arrays that cannot be written to.
    recordings, frames = np.array(recordings, np.int64), np.array(frames, np.int64)
    return _nearest_apart(by_row, by_row.T.copy(), k, recordings, frames, frames_apart)


def candidates(recordings: Integers, frames: Integers, apart: int) -> Integers:
    """How many rows (n,) are of another recording than each row, or more than `apart` frames away."""
    near = np.empty(len(frames), np.int64)
    for recording in np.unique(recordings):
        rows = np.flatnonzero(recordings == recording)
        ordered = np.sort(frames[rows])
        last = np.searchsorted(ordered, frames[rows] + apart, side="right")
        near[rows] = last - np.searchsorted(ordered, frames[rows] - apart, side="left")
    return len(frames) - near


def _widened(points: FloatArray) -> FloatArray:
    """A copy of `points` (n, d) with columns of zeros up to a multiple of `COLUMNS_AT_ONCE`; distances stay."""
    n, d = points.shape
    wide = np.zeros((n, -(-d // COLUMNS_AT_ONCE) * COLUMNS_AT_ONCE), np.float32)
    wide[:, :d] = points
    return wide


@compiled
def _nearest(points: FloatArray, among: FloatArray, k: int) -> tuple[NDArray[np.int32], FloatArray]:
    m = points.shape[0]
    n = among.shape[1]
    indices = np.empty((m, k), np.int32)
    squares = np.empty((m, k), np.float32)
    for block in numba.prange((m + ROWS_AT_ONCE - 1) // ROWS_AT_ONCE):
        rows = np.empty((2, n), np.float32)
        minima = room_for_groups(k, rows)
        for first in range(block * ROWS_AT_ONCE, min(m, (block + 1) * ROWS_AT_ONCE), 2):
            second = min(first + 1, m - 1)
            _squares(points[first], points[second], among, rows[0], rows[1])
            for i in range(first, second + 1):
                keep_smallest(rows[i - first], indices[i], squares[i], minima)
    return indices, squares


@compiled
def _nearest_apart(
    points: FloatArray, among: FloatArray, k: int, recordings: Integers, frames: Integers, apart: int
) -> NDArray[np.int32]:
    n = points.shape[0]
    indices = np.empty((n, k), np.int32)
    for block in numba.prange((n + ROWS_AT_ONCE - 1) // ROWS_AT_ONCE):
        rows, squares = np.empty((2, n), np.float32), np.empty(k, np.float32)
        minima = room_for_groups(k, rows)
        for first in range(block * ROWS_AT_ONCE, min(n, (block + 1) * ROWS_AT_ONCE), 2):
            second = min(first + 1, n - 1)
            _squares(points[first], points[second], among, rows[0], rows[1])
            for i in range(first, second + 1):
                row = rows[i - first]
                for j in range(n):
                    if recordings[j] == recordings[i] and abs(frames[j] - frames[i]) <= apart:
                        row[j] = EXCLUDED
                keep_smallest(row, indices[i], squares, minima)
    return indices


@part_of_loops
def _squares(point: FloatArray, other: FloatArray, among: FloatArray, row: FloatArray, other_row: FloatArray) -> None:
    """Squares of the distances of two points (d,) to the columns of `among` (d, n), written to two rows (n,)."""
    row[:] = 0
    other_row[:] = 0
    for c in range(0, len(point), COLUMNS_AT_ONCE):  # over all of `among` at once, of which eight fit in a register
        p0, p1, p2, p3 = point[c], point[c + 1], point[c + 2], point[c + 3]
        q0, q1, q2, q3 = other[c], other[c + 1], other[c + 2], other[c + 3]
        among0, among1, among2, among3 = among[c], among[c + 1], among[c + 2], among[c + 3]
        for j in range(len(row)):
            a0, a1, a2, a3 = among0[j], among1[j], among2[j], among3[j]
            row[j] += (p0 - a0) ** 2 + (p1 - a1) ** 2 + (p2 - a2) ** 2 + (p3 - a3) ** 2
            other_row[j] += (q0 - a0) ** 2 + (q1 - a1) ** 2 + (q2 - a2) ** 2 + (q3 - a3) ** 2


@part_of_loops
def room_for_groups(k: int, like: Reals) -> Reals:
    """Room for the minima of groups that `keep_smallest` compares; numbers of the same kind as `like`."""
    return np.empty(-(-GROUPS_PER_NEIGHBOR * k // GROUPS_AT_ONCE) * GROUPS_AT_ONCE, like.dtype)


@part_of_loops
def keep_smallest(row: Reals, indices: NDArray[np.int32], squares: Reals, minima: Reals) -> None:
    """The smallest of `row` (n,), ascending, written to `squares` (k,), and where they are to `indices` (k,).

    Of equal numbers the first comes first. What lies beyond a bound is passed over many numbers at a time: without the
    bound, five times as many would be among the smallest so far and have to be put in their place.

    Args:
        row: (n,), finite.
        indices, squares: written to; k is at most n.
        minima: of `room_for_groups`, written to.
    """
    k = len(squares)
    bound = _bound(row, k, minima)
    found = 0
    for start in range(0, len(row), COMPARED_AT_ONCE):
        part = row[start : start + COMPARED_AT_ONCE]
        some = False
        for j in range(len(part)):
            some |= part[j] <= bound
        if not some:
            continue
        for j in range(len(part)):
            square = part[j]
            if square <= bound and (found < k or square < squares[k - 1]):
                place = min(found, k - 1)
                found = min(found + 1, k)
                while place > 0 and squares[place - 1] > square:
                    squares[place] = squares[place - 1]
                    indices[place] = indices[place - 1]
                    place -= 1
                squares[place] = square
                indices[place] = start + j


@part_of_loops
def _bound(row: Reals, k: int, minima: Reals) -> Any:
    """A number that k of `row` (n,) or more, but few more, do not exceed: the k-th smallest of the minima of groups.

    Each group is every g-th number, g being the length of `minima`. Of few numbers it is the largest.
    """
    g = len(minima)
    if len(row) < 2 * g:
        return row.max()
    minima[:] = row[:g]
    for start in range(g, len(row) // g * g, g):
        group = row[start : start + g]
        for i in range(g):
            minima[i] = group[i] if group[i] < minima[i] else minima[i]
    bound = minima.max()
    for i in range(g):
        n_smaller = 0
        for j in range(g):
            n_smaller += minima[j] <= minima[i]
        if n_smaller >= k and minima[i] < bound:
            bound = minima[i]
    return bound
