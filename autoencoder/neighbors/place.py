"""Where new points lie in a finished embedding: at the mean of their nearest fitted neighbours, by UMAP's weights."""

from __future__ import annotations

import math

import numba
import numpy as np
from numpy.typing import NDArray

from autoencoder.array_types import FloatArray
from autoencoder.neighbors.compiled import compiled, part_of_loops
from autoencoder.neighbors.exact import nearest
from autoencoder.neighbors.umap import BISECTIONS, SIGMA_RANGE, UMAP_NEIGHBORS

ROWS_AT_ONCE = 256

NEWTON_STEPS = 10
LAST_STEP = 1e-6
LEAST_SLOPE = 1e-3
"""Newton's method converges quadratically: after a step shorter than `LAST_STEP`, where the sum is not flat, it is off
by less than `NEWTON_ERROR`."""

NEWTON_ERROR = 1e-9
"""A tenth of the interval that is left of the last bisection."""


def place(points: FloatArray, fitted: FloatArray, embedding: FloatArray) -> FloatArray:
    """Where `points` (m, d) lie in the embedding (n, c) of `fitted` (n, d), by their neighbours; (m, c) float32."""
    indices, distances = nearest(points, fitted, min(UMAP_NEIGHBORS, len(fitted)))
    return _means(indices, distances, np.ascontiguousarray(embedding, np.float32))


@compiled
def _means(indices: NDArray[np.int32], distances: FloatArray, embedding: FloatArray) -> FloatArray:
    """Means (m, c) of the places of neighbours, weighted by `autoencoder.neighbors.umap.membership` of their distances.

    The encoder's weights are computed by torch, on any device; over all snapshots of a run that would take most of the
    time that a movie does. A test holds the two together.
    """
    m, k = distances.shape
    n_components = embedding.shape[1]
    places = np.zeros((m, n_components), np.float32)
    target = math.log2(k)
    for block in numba.prange((m + ROWS_AT_ONCE - 1) // ROWS_AT_ONCE):
        relative, weights = np.empty(k), np.empty(k)
        for i in range(block * ROWS_AT_ONCE, min(m, (block + 1) * ROWS_AT_ONCE)):
            mean = 0.0
            for j in range(k):
                mean += distances[i, j]
            mean = max(mean / k, 1e-12)
            for j in range(k):
                relative[j] = distances[i, j] / mean
            rate, total = math.exp(-_width(relative, target)), 0.0
            for j in range(k):
                weights[j] = math.exp(-(relative[j] - relative[0]) * rate)
                total += weights[j]
            for c in range(n_components):
                place_along = 0.0
                for j in range(k):
                    place_along += weights[j] / total * embedding[indices[i, j], c]
                places[i, c] = place_along
    return places


@part_of_loops
def _width(relative: NDArray[np.float64], target: float) -> float:
    """The logarithm of the width at which the weights of all but the nearest neighbour add up to `target`.

    It is found by the bisection of `membership`. Newton's method is five times as fast, and tells beforehand how nearly
    all comparisons turn out. Its own result would differ in the last bits, which the layout would turn into another
    picture.

    Args:
        relative: (k,) distances over their mean, ascending.
        target: of the sum.
    """
    root, error = _root(relative, target)
    low, high = -SIGMA_RANGE, SIGMA_RANGE
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        too_wide = middle > root
        if abs(middle - root) <= error:
            too_wide = _sum_and_slope(relative, middle)[0] > target
        if too_wide:
            high = middle
        else:
            low = middle
    return high


@part_of_loops
def _root(relative: NDArray[np.float64], target: float) -> tuple[float, float]:
    """The width, by Newton's method, and how far off it may be: by anything, where that finds none."""
    width = 0.0
    for _ in range(NEWTON_STEPS):
        total, slope = _sum_and_slope(relative, width)
        if slope < LEAST_SLOPE:
            break
        step = (target - total) / slope
        width += step
        if abs(width) > SIGMA_RANGE:
            break
        if abs(step) < LAST_STEP:
            return width, NEWTON_ERROR
    return 0.0, 2 * SIGMA_RANGE


@part_of_loops
def _sum_and_slope(relative: NDArray[np.float64], width: float) -> tuple[float, float]:
    """The sum of the weights of all but the nearest neighbour, which grows with the width, and its derivative."""
    rate, total, slope = math.exp(-width), 0.0, 0.0
    for j in range(1, len(relative)):
        share = relative[j] * rate
        weight = math.exp(-share)
        total += weight
        slope += share * weight
    return total, slope
