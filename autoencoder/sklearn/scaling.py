"""From the columns of a table to what a network sees, and back."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.preprocessing import StandardScaler

from autoencoder.array_types import FloatArray, Reals


@dataclass(frozen=True, eq=False)
class Scaling:
    """Columns as images, less an offset and divided by a scale; `standardising` and `to_unit_range` make one.

    Attributes:
        image_shape: (C, H, W) of the images. A row holds H x W x C values, channels last.
        offset, scale: of each column, (C * H * W,), or one for all.
        bounded: whether scaled values lie in [0, 1], as pixels do.
    """

    image_shape: tuple[int, int, int]
    offset: NDArray[np.float64]
    scale: NDArray[np.float64]
    bounded: bool

    def scaled(self, X: Reals) -> Reals:
        """(n, C * H * W) in units of the scale."""
        values: Reals = (X - self.offset) / self.scale
        return values

    def images(self, X: Reals) -> FloatArray:
        """The same as images, (n, C, H, W) float32."""
        channels, height, width = self.image_shape
        with np.errstate(over="ignore"):  # what is too large becomes infinite, and so do its codes, which are refused
            values = self.scaled(X).astype(np.float32).reshape(-1, height, width, channels)
        return np.ascontiguousarray(values.transpose(0, 3, 1, 2))

    def columns(self, images: FloatArray) -> NDArray[np.float64]:
        """Images (n, C, H, W) to columns (n, C * H * W), still in units of the scale."""
        return images.transpose(0, 2, 3, 1).reshape(len(images), -1).astype(np.float64)

    def unscaled(self, values: Reals) -> Reals:
        """What `scaled` came from."""
        X: Reals = values * self.scale + self.offset
        return X


def standardising(X: Reals) -> Scaling:
    """Each column of `X` (n, d) to mean 0 and standard deviation 1; one that is constant, to 0."""
    scaler: Any = StandardScaler().fit(X)
    offset, scale = scaler.mean_.astype(np.float64), scaler.scale_.astype(np.float64)
    return Scaling((1, 1, X.shape[1]), offset, scale, bounded=False)


def to_unit_range(X: Reals, image_shape: tuple[int, int, int], max_pixel_value: float | None) -> Scaling:
    """All columns of `X` (n, d) to [0, 1], by one offset and one scale.

    Args:
        X: images as rows.
        image_shape: (C, H, W).
        max_pixel_value: what becomes 1, while 0 stays 0; None to take the smallest and the largest value of `X`.
    """
    low, high = (0.0, max_pixel_value) if max_pixel_value is not None else (float(X.min()), float(X.max()))
    span = high - low
    scale = span if span > 0 and math.isfinite(span) else 1.0
    return Scaling(image_shape, np.array(low), np.array(scale), bounded=True)
