"""Changing the size of images."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from autoencoder.machine.memory import refuse_too_large


def area_resize(image: np.ndarray, size: int, box: tuple[float, float, float, float] | None = None) -> np.ndarray:
    """Resize to a square; each new pixel is the mean over the area that it covers, parts of pixels included.

    Pillow's BOX filter is not this: it counts a pixel whole or not at all, which moves edges by up to half a pixel.

    Args:
        image: (H, W) or (C, H, W), uint8 or uint16.
        size: side of the result, in pixels.
        box: left, top, right and bottom of the part to take, in pixels from the image's corner; None for all.

    Returns:
        (size, size) or (C, size, size), of the image's dtype.
    """
    height, width = image.shape[-2:]
    left, top, right, bottom = box or (0.0, 0.0, float(width), float(height))
    narrow = _means(image.astype(np.float64), left, right, size)
    means = _means(narrow.swapaxes(-1, -2), top, bottom, size).swapaxes(-1, -2)
    return np.rint(means).astype(image.dtype)


def _means(values: NDArray[np.float64], start: float, stop: float, size: int) -> NDArray[np.float64]:
    """Means over `size` equal stretches from `start` to `stop` along the last axis."""
    edges = np.linspace(start, stop, size + 1)
    whole = np.minimum(edges.astype(np.int64), values.shape[-1] - 1)
    # The integral up to each edge: all pixels before the one in which it lies, and its share of that one.
    up_to: NDArray[np.float64] = np.cumsum(values, axis=-1)[..., whole] - (whole + 1 - edges) * values[..., whole]
    return (up_to[..., 1:] - up_to[..., :-1]) * (size / (stop - start))


def fit(image: np.ndarray, pad: int = 0, resize: int | None = None) -> np.ndarray:
    """Add `pad` black pixels on every side, then resize to a square of side `resize` where that is given.

    Args:
        image: (H, W) or (C, H, W), uint8 or uint16.
        pad: pixels to add on each of the four sides.
        resize: side of the result, in pixels; None to keep the size.
    """
    if pad:
        image = np.pad(image, [(0, 0)] * (image.ndim - 2) + [(pad, pad)] * 2)
    return image if resize is None else area_resize(image, resize)


def refuse_unfitting(n: int, image: np.ndarray, pad: int, resize: int | None, what: str) -> None:
    """Refuse to `fit` so many images like `image`, where those that come of it do not fit into memory.

    Args:
        n: number of images.
        image: (H, W) or (C, H, W), one of them before it is fitted.
        pad, resize: as for `fit`.
        what: what the images are, for the message.

    Raises:
        UserError: they do not fit.
    """
    *channels, height, width = image.shape
    height, width = height + 2 * pad, width + 2 * pad
    result = math.prod(channels) * (height * width if resize is None else resize**2)
    work = height * width * image.itemsize
    if resize is not None:  # 64-bit numbers, their sums and the means of them
        work = 8 * math.prod(channels) * (3 * height * width + 3 * height * resize + 3 * resize**2)
    remedy = "take fewer (--limit), or make them smaller (--resize, --pad)"
    refuse_too_large(what, n * result * image.itemsize + work, remedy)


def fit_problems(pad: int, resize: int | None, limit: int | None) -> list[str]:
    """What is wrong with the options of preparing still images; empty where nothing is."""
    problems = []
    if pad < 0:
        problems.append(f"padding is 0 pixels or more, not {pad}")
    if resize is not None and resize < 1:
        problems.append(f"images are resized to at least 1 pixel, not {resize}")
    if limit is not None and limit < 1:
        problems.append(f"a limit is at least 1 image, not {limit}")
    return problems
