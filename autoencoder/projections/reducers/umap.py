"""UMAP, fitted by umap-learn; new points are placed by the weights of their neighbours."""

from __future__ import annotations

from functools import partial
from typing import Self

import numpy as np

from autoencoder.array_types import FloatArray
from autoencoder.neighbors.umap import UMAP_NEIGHBORS, fit_umap
from autoencoder.projections.reducers.base import fittable, placeable
from autoencoder.projections.rings import keep_ring

MORE_NEIGHBORS = 30
"""Of a second layout, where the first one tears a ring."""


class Reducer:
    """UMAP with `UMAP_NEIGHBORS` neighbours, from a spectral start or a given one.

    A ring of codes that this tears, as it may where points are few, is laid out again with more neighbours (needs the
    extra `topology`).
    """

    def __init__(self, seed: int, start: FloatArray | None = None) -> None:
        self._seed, self._start = seed, start

    def fit(self, X: FloatArray) -> Self:
        """See `base.Projection.fit`."""
        self._fitted = fittable(X)
        layouts = [partial(self._lay_out, UMAP_NEIGHBORS, self._start)]
        if self._start is None:
            layouts.append(partial(self._lay_out, MORE_NEIGHBORS, None))
        self._embedding = keep_ring(self._fitted, layouts, self._seed)
        return self

    def _lay_out(self, n_neighbors: int, start: FloatArray | None) -> FloatArray:
        from autoencoder.neighbors.exact import nearest

        neighbors = nearest(self._fitted, self._fitted, min(n_neighbors, len(self._fitted) - 1))
        return fit_umap(self._fitted, 2, self._seed, neighbors, start)

    def transform(self, X: FloatArray) -> FloatArray:
        """See `base.Projection.transform`."""
        latent = placeable(X, self._fitted.shape[1])
        if np.array_equal(latent, self._fitted):
            return self._embedding.copy()
        from autoencoder.neighbors.place import place

        return place(latent, self._fitted, self._embedding)
