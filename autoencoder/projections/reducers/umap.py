"""UMAP, fitted by umap-learn; new points are placed by the weights of their neighbours."""

from __future__ import annotations

from typing import Self

import numpy as np

from autoencoder.array_types import FloatArray
from autoencoder.neighbors.umap import UMAP_NEIGHBORS, fit_umap
from autoencoder.projections.reducers.base import fittable, placeable


class Reducer:
    """UMAP with `UMAP_NEIGHBORS` neighbours, from a spectral start or a given one."""

    def __init__(self, seed: int, start: FloatArray | None = None) -> None:
        self._seed, self._start = seed, start

    def fit(self, X: FloatArray) -> Self:
        """See `base.Projection.fit`."""
        from autoencoder.neighbors.exact import nearest

        self._fitted = fittable(X)
        neighbors = nearest(self._fitted, self._fitted, min(UMAP_NEIGHBORS, len(self._fitted) - 1))
        self._embedding = fit_umap(self._fitted, 2, self._seed, neighbors, self._start)
        return self

    def transform(self, X: FloatArray) -> FloatArray:
        """See `base.Projection.transform`."""
        latent = placeable(X, self._fitted.shape[1])
        if np.array_equal(latent, self._fitted):
            return self._embedding.copy()
        from autoencoder.neighbors.place import place

        return place(latent, self._fitted, self._embedding)
