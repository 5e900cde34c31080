"""What every objective is compared with: a PCA with as many components as the latent has units, read out linearly."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from autoencoder.array_types import FloatArray, Rows

if TYPE_CHECKING:
    from sklearn.decomposition import PCA


ROUNDING = 1e-5
"""A component whose codes spread less than this share of the first one's does not vary."""

RIDGE_ALPHA = 1.0
"""Penalty of the linear read-out, on codes that are scaled to a variance of 1; any small one does."""


def control_numbers(controls: Mapping[str, Mapping[str, Any]], n_components: int) -> dict[str, Any]:
    """The numbers of three controls as they stand in `metrics.json`.

    Args:
        controls: numbers of `constant`, `shuffled` and `pca`, by name.
        n_components: of the last one.
    """
    return {
        "control_constant": controls["constant"],
        "control_shuffled": controls["shuffled"],
        "control_pca": {"n_components": n_components, **controls["pca"]},
    }


@dataclass(frozen=True, eq=False)
class PCAControl:
    """A PCA of what networks saw of some of their training images.

    Attributes:
        rows: (m,) row numbers of these images.
        pca: with d components.
        fitted_codes: (m, d) of the images in `rows`.
    """

    rows: Rows
    pca: PCA
    fitted_codes: FloatArray

    @staticmethod
    def fit(inputs: FloatArray, rows: Rows, n_components: int, seed: int) -> PCAControl:
        """Decompose images by a randomised algorithm.

        Args:
            inputs: (m, features), images as the network saw them.
            rows: (m,) their row numbers.
            n_components: at most; there are no more than images or features.
            seed: of the algorithm.
        """
        from sklearn.decomposition import PCA  # a second to import, which training would wait for in vain

        n_components = min(n_components, *inputs.shape)
        with np.errstate(invalid="ignore"):  # of images that are all the same, the explained share is 0 / 0
            pca = PCA(n_components, svd_solver="randomized", random_state=seed % 2**32).fit(inputs)
        return PCAControl(rows, pca, pca.transform(inputs))

    @property
    def n_components(self) -> int:
        """Components that codes are made of."""
        return int(self.pca.n_components_)

    def codes(self, seen: FloatArray) -> FloatArray:
        """Images (n, ...) as a network sees them to (n, n_components)."""
        codes: FloatArray = self.pca.transform(seen.reshape(len(seen), -1))
        return codes

    def pictures(self, seen: FloatArray) -> FloatArray:
        """What the components keep of images (n, C, H, W), in [0, 1]."""
        kept: FloatArray = self.pca.inverse_transform(self.codes(seen)).reshape(seen.shape).clip(0, 1)
        return kept.astype(np.float32)

    def read_out(self, targets: NDArray[Any]) -> LinearReadOut:
        """Targets (m, k) of the images in `rows`, learned from their codes."""
        return LinearReadOut(self, targets)


class LinearReadOut:
    """Ridge regression from principal components to a target.

    Args:
        control: whose codes it reads.
        targets: (m, k) of the images that `control` was fitted on.
    """

    def __init__(self, control: PCAControl, targets: NDArray[Any]) -> None:
        from sklearn.linear_model import Ridge

        self._control, spread = control, np.sqrt(control.pca.explained_variance_)
        # A component that varies by rounding only, as the last of few images does, says nothing and is left out.
        self._scale = np.where(spread > ROUNDING * spread.max(), spread, np.inf)
        self._ridge = Ridge(RIDGE_ALPHA).fit(control.fitted_codes / self._scale, targets)

    def __call__(self, seen: FloatArray) -> NDArray[np.float64]:
        """(n, C, H, W) or (n, features) to (n, k)."""
        predicted: NDArray[np.float64] = self._ridge.predict(self._control.codes(seen) / self._scale)
        return predicted.reshape(len(seen), -1)
