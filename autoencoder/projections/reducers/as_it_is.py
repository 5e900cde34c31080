"""A latent of two units is a plane already."""

from __future__ import annotations

from typing import Self

from autoencoder.array_types import FloatArray
from autoencoder.errors import UserError
from autoencoder.projections.reducers.base import placeable


class Reducer:
    """Takes a latent of two units as the plane that it is."""

    def __init__(self, seed: int = 0, start: FloatArray | None = None) -> None:
        """Nothing is drawn, and nothing begun with."""

    def fit(self, X: FloatArray) -> Self:
        """Refuse anything but two units; see `base.Projection.fit`."""
        if X.ndim != 2 or X.shape[1] != 2:
            raise UserError(f"--reduce none needs a latent of 2 units, and this one has {X.shape[-1]}: use umap or pca")
        return self

    def transform(self, X: FloatArray) -> FloatArray:
        """See `base.Projection.transform`."""
        return placeable(X, 2)
