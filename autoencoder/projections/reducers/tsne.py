"""t-SNE by openTSNE."""

from __future__ import annotations

from typing import Self, cast

import numpy as np

from autoencoder.array_types import FloatArray
from autoencoder.errors import UserError
from autoencoder.projections.reducers.base import fittable, placeable
from autoencoder.version import installing

TSNE_PERPLEXITY = 30.0


class Reducer:
    """t-SNE by openTSNE, which can place new points in a finished embedding."""

    def __init__(self, seed: int, start: FloatArray | None = None) -> None:
        try:
            import openTSNE  # noqa: F401  asked here, so that a missing package is known before anything is computed
        except ImportError:
            raise UserError(f"the reducer 'tsne' needs the extra: {installing('tsne')}") from None
        self._seed, self._start = seed, start

    def fit(self, X: FloatArray) -> Self:
        """See `base.Projection.fit`."""
        from openTSNE import TSNE
        from openTSNE.initialization import rescale

        self._fitted = fittable(X)
        self._perplexity = min(TSNE_PERPLEXITY, (len(self._fitted) - 1) / 3)
        start = "pca" if self._start is None else rescale(self._start)
        tsne = TSNE(perplexity=self._perplexity, initialization=start, random_state=self._seed % 2**32, n_jobs=1)
        self._tsne = tsne.fit(self._fitted)
        self._embedding = np.array(self._tsne, np.float32)
        return self

    def transform(self, X: FloatArray) -> FloatArray:
        """See `base.Projection.transform`."""
        latent = placeable(X, self._fitted.shape[1])
        if np.array_equal(latent, self._fitted):
            return self._embedding.copy()
        placed = np.array(self._tsne.transform(latent, perplexity=min(5.0, self._perplexity)), np.float32)
        # openTSNE moves the fitted embedding itself to a new origin as it places points; this takes that back.
        moved = np.array(self._tsne, np.float32).mean(axis=0) - self._embedding.mean(axis=0)
        return cast(FloatArray, placed - moved)
