"""`pca`: the first principal components of the training images as an encoder."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from autoencoder.array_types import FloatArray
from autoencoder.models.fitted import AxesOf, FittedEncoder, standardisation

MAX_DENSE_FEATURES = 4096
"""Up to this many values per image the whole covariance matrix is decomposed; beyond, so many images are used."""


class Encoder(FittedEncoder):
    """Scores on the leading principal components.

    Beside them it keeps `explained_variance_ratio` (k,) of all components, which says how much an image set can be
    narrowed at all.
    """

    MAX_IMAGES = 20_000
    ARRAYS: ClassVar[AxesOf] = {"center": ("pixels",), "components": ("units", "pixels")}
    OTHER_ARRAYS: ClassVar[AxesOf] = {"explained_variance_ratio": ("components",)}

    center: Tensor
    components: Tensor

    @classmethod
    def fit_several(cls, inputs: FloatArray, latent_dims: Sequence[int], seed: int) -> list[Self]:
        """One exact decomposition; see `FittedEncoder.fit_several`. Nothing is drawn at random."""
        from sklearn.decomposition import PCA

        n, features = inputs.shape
        by_covariance = features <= min(n, MAX_DENSE_FEATURES)
        if features > MAX_DENSE_FEATURES and n > MAX_DENSE_FEATURES:
            inputs = inputs[np.linspace(0, n - 1, MAX_DENSE_FEATURES).astype(np.int64)]
        # Bright images of little contrast would leave nothing but rounding in a covariance of single precision.
        center = inputs.mean(axis=0, dtype=np.float64).astype(np.float32)
        centred = inputs - center
        pca = PCA(svd_solver="covariance_eigh" if by_covariance else "full").fit(centred)
        fitted = []
        for latent_dim in latent_dims:
            components = pca.components_[:latent_dim]
            arrays = {
                "center": center,
                "components": components,
                "explained_variance_ratio": pca.explained_variance_ratio_.astype(np.float64),
                **standardisation(centred @ components.T),
            }
            fitted.append(cls(arrays))
        return fitted

    def raw_codes(self, flat: Tensor) -> Tensor:
        """(N, C*H*W) to (N, latent_dim)."""
        return (flat - self.center) @ self.components.T

    @property
    def explained_variance_ratio(self) -> NDArray[np.float64]:
        """(k,) share of the training images' variance along each principal component, in descending order."""
        ratio: NDArray[np.float64] = self._others["explained_variance_ratio"]
        return ratio
