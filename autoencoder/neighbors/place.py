"""Where new points lie in a finished embedding: at the mean of their nearest fitted neighbours, by UMAP's weights."""

from __future__ import annotations

import math

import numba
import numpy as np
from numpy.typing import NDArray

from autoencoder.array_types import FloatArray
from autoencoder.neighbors.compiled import compiled
from autoencoder.neighbors.exact import nearest
from autoencoder.neighbors.umap import BISECTIONS, SIGMA_RANGE, UMAP_NEIGHBORS

ROWS_AT_ONCE = 256


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
            low, high = -SIGMA_RANGE, SIGMA_RANGE
            for _ in range(BISECTIONS):
                middle = (low + high) / 2
                rate, total = math.exp(-middle), 0.0
                for j in range(1, k):
                    total += math.exp(-relative[j] * rate)
                if total > target:
                    high = middle
                else:
                    low = middle
            rate, total = math.exp(-high), 0.0
            for j in range(k):
                weights[j] = math.exp(-(relative[j] - relative[0]) * rate)
                total += weights[j]
            for c in range(n_components):
                place_along = 0.0
                for j in range(k):
                    place_along += weights[j] / total * embedding[indices[i, j], c]
                places[i, c] = place_along
    return places
