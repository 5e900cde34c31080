"""What a network knows: how far codes and errors of its training images reach, so that others are noticed.

An image is unfamiliar where its code, or its error, is beyond that of 99.9 % of the training images. Codes are measured
by their Mahalanobis distance from the training images' mean (Lee et al., NeurIPS 2018). The distance to the nearest
training code would notice more, but calls every new recording unfamiliar: frames of a video have a near twin in it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from autoencoder.array_types import FloatArray

SHARE = 0.999
"""Of the training images, that are familiar by each of the two."""

MOST_IMAGES = 10_000
"""Of more training images so many are looked at, evenly spaced."""

LEAST_VARIANCE = 1e-6
"""Share of the largest variance in any direction that all have at least: a unit that was silent in training makes a
code unfamiliar once it speaks up, and rounding does not."""

Distances = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Familiar:
    """How far the training images reach.

    Attributes:
        mean: (d,) of their codes.
        to_unit: (d, d) takes codes less the mean to where all directions vary by 1.
        most_distance: of their codes from the mean, at 99.9 %.
        most_error: of their reconstructions, at 99.9 %; None of a network that reconstructs nothing.
        n: how many were looked at.
    """

    mean: NDArray[np.float64]
    to_unit: NDArray[np.float64]
    most_distance: float
    most_error: float | None
    n: int

    @classmethod
    def of(cls, codes: FloatArray, errors: FloatArray | None) -> Familiar:
        """What training images span, of codes (n, d) and errors (n,)."""
        exact = codes.astype(np.float64)
        mean = exact.mean(axis=0)
        variances, directions = np.linalg.eigh(np.atleast_2d(np.cov(exact, rowvar=False, bias=True)))
        least = max(LEAST_VARIANCE * float(variances[-1]), float(np.finfo(np.float32).tiny))
        to_unit = directions / np.sqrt(np.maximum(variances, least))
        most = _at_share(_distances(exact, mean, to_unit))
        return cls(mean, to_unit, most, None if errors is None else _at_share(errors), len(codes))

    def distances(self, codes: FloatArray) -> Distances:
        """Mahalanobis distances (n,) of codes (n, d)."""
        return _distances(codes.astype(np.float64), self.mean, self.to_unit)

    def far(self, distances: Distances) -> NDArray[np.bool_]:
        """Which codes are beyond those of the training images."""
        return distances > self.most_distance

    def wrong(self, errors: FloatArray | None) -> NDArray[np.bool_] | None:
        """Which errors are beyond those of the training images; None where there are none."""
        return None if errors is None or self.most_error is None else errors > self.most_error


def _distances(codes: Distances, mean: Distances, to_unit: Distances) -> Distances:
    return np.asarray(np.sqrt(np.square((codes - mean) @ to_unit).sum(axis=1)))


def _at_share(values: NDArray[np.floating]) -> float:
    """The least of the values that 99.9 % of them do not exceed."""
    return float(np.quantile(values, SHARE, method="higher"))
