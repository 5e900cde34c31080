"""What every objective is compared with: a PCA with as many components as the latent has units, read out linearly."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from sklearn.decomposition import PCA

FloatArray = NDArray[np.float32]

ROUNDING = 1e-5
"""A component whose codes spread less than this share of the first one's does not vary."""

RIDGE_ALPHA = 1.0
"""Penalty of the linear read-out, on codes that are scaled to a variance of 1; any small one does."""


def fit_pca(inputs: FloatArray, n_components: int, seed: int) -> PCA:
    """A PCA of (n, features) with at most `n_components`."""
    from sklearn.decomposition import PCA  # a second to import, which training would wait for in vain

    n_components = min(n_components, *inputs.shape)
    with np.errstate(invalid="ignore"):  # of images that are all the same, the explained share is 0 / 0
        return PCA(n_components, svd_solver="randomized", random_state=seed % 2**32).fit(inputs)


class LinearReadOut:
    """Ridge regression from principal components to a target.

    Args:
        inputs: (n, features) images as the network saw them.
        targets: (n, k).
        n_components: of the PCA.
        seed: of its randomised decomposition.
    """

    def __init__(self, inputs: FloatArray, targets: NDArray[Any], n_components: int, seed: int) -> None:
        from sklearn.linear_model import Ridge

        self._pca = fit_pca(inputs, n_components, seed)
        spread = np.sqrt(self._pca.explained_variance_)
        # A component that varies by rounding only, as the last of few images does, says nothing and is left out.
        self._scale = np.where(spread > ROUNDING * spread.max(), spread, np.inf)
        self._ridge = Ridge(RIDGE_ALPHA).fit(self._codes(inputs), targets)
        self.n_components = int(self._pca.n_components_)

    def __call__(self, seen: FloatArray) -> NDArray[np.float64]:
        """(m, C, H, W) or (m, features) to (m, k)."""
        predicted: NDArray[np.float64] = self._ridge.predict(self._codes(seen.reshape(len(seen), -1)))
        return predicted.reshape(len(seen), -1)

    def _codes(self, flat: FloatArray) -> NDArray[np.floating]:
        codes: NDArray[np.floating] = self._pca.transform(flat) / self._scale
        return codes
