"""UMAP's neighbour graphs of the same points at many moments."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autoencoder.array_types import FloatArray
from autoencoder.neighbors.exact import nearest
from autoencoder.neighbors.umap import UMAP_NEIGHBORS, umap_learn


@dataclass(frozen=True, eq=False)
class Graphs:
    """T weighted graphs of n points, each edge stored at both of its ends.

    Attributes:
        first: (T, n + 1) int64; the edges of point i at moment t are those from first[t, i] up to first[t, i + 1].
        neighbors: (E,) int32, the other end.
        strengths: (E,) float32 in (0, 1], UMAP's fuzzy membership.
        degrees: (T, n) float32, the sum of a point's strengths.
    """

    first: NDArray[np.int64]
    neighbors: NDArray[np.int32]
    strengths: FloatArray
    degrees: FloatArray


def neighbor_graphs(codes: FloatArray) -> Graphs:
    """UMAP's fuzzy graph, on exact neighbours, of codes (T, n, d) at each moment.

    A moment at which all codes are the same has no neighbours, and so no edges.
    """
    T, n, _ = codes.shape
    first, degrees = np.zeros((T, n + 1), np.int64), np.zeros((T, n), np.float32)
    neighbors, strengths = [], []
    edges = 0
    for t, points in enumerate(codes):
        first[t] = edges
        if (points == points[0]).all():
            continue
        if t == 0 or not np.array_equal(points, codes[t - 1]):  # the null has every moment twice
            graph = _neighbor_graph(points)
        first[t] += graph.indptr
        edges += graph.nnz
        degrees[t] = np.asarray(graph.sum(axis=1)).ravel()
        neighbors.append(graph.indices.astype(np.int32))
        strengths.append(graph.data.astype(np.float32))
    if not neighbors:
        return Graphs(first, np.empty(0, np.int32), np.empty(0, np.float32), degrees)
    return Graphs(first, np.concatenate(neighbors), np.concatenate(strengths), degrees)


def _neighbor_graph(points: FloatArray) -> Any:
    """UMAP's fuzzy graph of points (n, d) that are not all the same: a sparse matrix (n, n) with sorted rows."""
    k = min(UMAP_NEIGHBORS, len(points) - 1)
    indices, distances = nearest(points, points, k)
    fuzzy_graph = umap_learn().umap_.fuzzy_simplicial_set
    graph, _, _ = fuzzy_graph(points, k, None, "euclidean", knn_indices=indices, knn_dists=distances)
    graph = graph.tocsr()
    graph.sort_indices()
    return graph
