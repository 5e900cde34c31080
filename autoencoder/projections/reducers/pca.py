"""The first two principal components."""

from __future__ import annotations

from typing import Any, Self

import numpy as np

from autoencoder.array_types import FloatArray
from autoencoder.projections.reducers.base import fittable, placeable


class Reducer:
    """The first two principal components; a latent of one unit gets a second coordinate of zero."""

    def __init__(self, seed: int = 0, start: FloatArray | None = None) -> None:
        self._pca: Any = None

    def fit(self, X: FloatArray) -> Self:
        """See `base.Projection.fit`."""
        from sklearn.decomposition import PCA

        latent = fittable(X)
        # The full SVD is exact and draws no random numbers; with d columns it is a matter of milliseconds.
        self._pca = PCA(n_components=min(2, latent.shape[1]), svd_solver="full").fit(latent)
        return self

    def transform(self, X: FloatArray) -> FloatArray:
        """See `base.Projection.transform`."""
        latent = placeable(X, self._pca.n_features_in_)
        plane = np.zeros((len(latent), 2), np.float32)
        scores = self._pca.transform(latent)
        plane[:, : scores.shape[1]] = scores
        return plane
