"""Resizing by areas, beside means that are taken with fractions."""

from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest

from autoencoder.data.sources.resize import area_resize


def _exact_means(
    image: np.ndarray, size: int, corner: tuple[Fraction, Fraction], side: Fraction, outside: int
) -> np.ndarray:
    """(size, size) fractions."""
    step = side / size

    def shares(start: Fraction, n: int) -> np.ndarray:
        edges = [start + i * step for i in range(size + 1)]
        pairs = list(pairwise(edges))
        return np.array([[max(Fraction(0), min(b, p + 1) - max(a, p)) for p in range(n)] for a, b in pairs])

    above = image.astype(object) - outside
    height, width = image.shape
    return shares(corner[1], height) @ above @ shares(corner[0], width).T / step**2 + outside


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_new_pixels_are_means_over_their_areas(dtype: type) -> None:
    """Stretches of all lengths, on parts of pixels, and beyond the edges; rounding adds at most a half."""
    rng = np.random.default_rng(0)
    for _ in range(20):
        shape, size = rng.integers(2, 30, 2), int(rng.integers(1, 10))
        image = rng.integers(0, np.iinfo(dtype).max + 1, shape).astype(dtype)
        left, top = (Fraction(int(eighths), 8) for eighths in rng.integers(-40, 160, 2))
        side, outside = Fraction(int(rng.integers(1, 250)), 8), int(rng.integers(2)) * 17
        box = (float(left), float(top), float(left + side), float(top + side))
        expected = _exact_means(image, size, (left, top), side, outside)
        errors = np.abs(area_resize(image, size, box, outside) - expected)
        assert errors.max() <= Fraction(1, 2) + Fraction(1, 1000)


@pytest.mark.parametrize("factor", [2, 3, 6, 7])
def test_means_of_whole_pixels_are_exact(factor: int) -> None:
    """So that halves go to the even number, as everywhere."""
    image = np.random.default_rng(0).integers(0, 256, (12 * factor, 12 * factor), dtype=np.uint8)
    means = image.reshape(12, factor, 12, factor).mean(axis=(1, 3))
    assert np.array_equal(area_resize(image, 12), np.rint(means))


def test_channels_are_resized_alike() -> None:
    image = np.random.default_rng(0).integers(0, 256, (3, 20, 30), dtype=np.uint8)
    box = (2.5, -1.0, 19.5, 16.0)
    assert np.array_equal(area_resize(image, 7, box), np.stack([area_resize(channel, 7, box) for channel in image]))
