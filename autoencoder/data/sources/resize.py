"""Changing the size of images."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from scipy.sparse import csr_array

from autoencoder.machine.memory import refuse_too_large

Square = Literal["pad", "crop", "stretch"]
SQUARES: tuple[str, ...] = get_args(Square)
"""How a picture that is not square becomes one: all of it within the background, its middle only, or distorted."""

BLACK, WHITE = 0, 255
"""Backgrounds, in 8 bits."""

NAMED_BACKGROUNDS = {BLACK: "black", WHITE: "white"}


@dataclass(frozen=True)
class Fitting:
    """How pictures become images of one size.

    Attributes:
        pad: pixels of background to add on every side.
        resize: side of the square to resize to, after padding; None to keep the size.
        fit: one of `SQUARES`, for pictures that are not square and are resized; None for padding them.
        background: what is added, and what shows through transparent pixels: 0 (black) to 255 (white).
        limit: how many images are taken; None for all.
    """

    pad: int = 0
    resize: int | None = None
    fit: str | None = None
    background: int = BLACK
    limit: int | None = None

    @property
    def problems(self) -> list[str]:
        """What is wrong with these options; empty where nothing is."""
        problems = []
        if self.pad < 0:
            problems.append(f"padding must be 0 pixels or more, not {self.pad}")
        if self.resize is not None and self.resize < 1:
            problems.append(f"images can be resized to 1 pixel or more, not {self.resize}")
        if self.limit is not None and self.limit < 1:
            problems.append(f"a limit must be 1 image or more, not {self.limit}")
        if self.fit is not None and self.fit not in SQUARES:
            problems.append(f"pictures are made square by {', '.join(SQUARES)} (--fit), not '{self.fit}'")
        if self.fit is not None and self.resize is None:
            problems.append(f"--fit {self.fit} says how pictures become square: give their side as well (--resize N)")
        if not BLACK <= self.background <= WHITE:
            problems.append(f"a background must be from 0 (black) to 255 (white), not {self.background}")
        return problems

    @property
    def background_name(self) -> str:
        """Such as "black", or "gray 128"."""
        return NAMED_BACKGROUNDS.get(self.background, f"gray {self.background}")


def area_resize(
    image: np.ndarray, size: int, box: tuple[float, float, float, float] | None = None, outside: int = 0
) -> np.ndarray:
    """Resize to a square; each new pixel is the mean over the area that it covers, parts of pixels included.

    Pillow's BOX filter is not this: it counts a pixel whole or not at all, which moves edges by up to half a pixel.

    Args:
        image: (H, W) or (C, H, W), uint8 or uint16.
        size: side of the result, in pixels.
        box: left, top, right and bottom of the part to take, in pixels from the image's corner; None for all. It may
            reach over the image's edges.
        outside: what lies beyond the edges.

    Returns:
        (size, size) or (C, size, size), of the image's dtype.
    """
    height, width = image.shape[-2:]
    left, top, right, bottom = box or (0.0, 0.0, float(width), float(height))
    if (left, top, right, bottom) == (0, 0, size, size) == (0, 0, width, height):
        return image.copy()
    # Half as wide, numbers are twice as fast to sum; they still hold the sums of 8-bit values exactly.
    number = np.float32 if image.dtype == np.uint8 else np.float64
    down, across = _shares(top, bottom, height, size, number), _shares(left, right, width, size, number)
    area = (bottom - top) * (right - left) / size**2
    channels = image[None] if image.ndim == 2 else image
    resized = np.empty((len(channels), size, size), image.dtype)
    for channel, new in zip(channels, resized, strict=True):
        above = channel.astype(number)
        if outside:  # where there is nothing, there is 0
            above -= outside
        new[:] = np.rint((across @ (down @ above).T).T / area + outside)
    return resized if image.ndim == 3 else resized[0]


def _shares(
    start: float, stop: float, n: int, size: int, dtype: type[np.floating[Any]]
) -> csr_array[np.floating[Any], tuple[int, int]]:
    """How much of each of `n` pixels of an axis lies in each of `size` equal stretches of it, (size, n), 0 to 1.

    Args:
        start: of the first stretch, in pixels from the beginning of the axis.
        stop: of the last stretch. Stretches may reach beyond the pixels.
        n: number of pixels.
        size: number of stretches.
        dtype: of the result.
    """
    edges = np.linspace(start, stop, size + 1).clip(0, n)
    pixels = np.minimum(edges.astype(np.int32), n - 1)  # in which the edges lie
    behind = pixels + 1 - edges  # how much of these lies behind the edges
    counts = pixels[1:] - pixels[:-1] + 1
    begins = np.zeros(size + 1, np.int32)
    counts.cumsum(out=begins[1:])
    columns = np.arange(begins[-1], dtype=np.int32) + (pixels[:-1] - begins[:-1]).repeat(counts)
    shares = np.ones(begins[-1], dtype)
    shares[begins[:-1]] = behind[:-1]
    shares[begins[1:] - 1] -= behind[1:]
    return csr_array((shares, columns, begins), shape=(size, n))


def fit_image(image: np.ndarray, fitting: Fitting) -> np.ndarray:
    """Pad an image, then resize it to a square, where that is asked for.

    Args:
        image: (H, W) or (C, H, W), uint8 or uint16.
        fitting: how.

    Returns:
        (H', W') or (C, H', W'), of the image's dtype.
    """
    outside = as_deep(fitting.background, image.dtype)
    if fitting.pad:
        around = [(0, 0)] * (image.ndim - 2) + [(fitting.pad, fitting.pad)] * 2
        image = np.pad(image, around, constant_values=outside)
    if fitting.resize is None:
        return image
    height, width = image.shape[-2:]
    return area_resize(image, fitting.resize, _square_within(height, width, fitting.fit), outside)


def as_deep(background: int, dtype: np.dtype[np.generic]) -> int:
    """A background of 0 to 255 in the range of `dtype`, uint8 or uint16."""
    return background * (np.iinfo(dtype).max // WHITE)  # type: ignore[type-var]


def _square_within(height: int, width: int, square: str | None) -> tuple[float, float, float, float] | None:
    """Left, top, right and bottom of the square around, or in, the middle of an image; None for all of it."""
    if square == "stretch" or height == width:
        return None
    half = (min if square == "crop" else max)(height, width) / 2
    return width / 2 - half, height / 2 - half, width / 2 + half, height / 2 + half


def square_note(sizes: Sequence[tuple[int, int]], fitting: Fitting) -> str | None:
    """What to say of pictures that were not square and were made so; None where there are none.

    Args:
        sizes: widths and heights that pictures had before they were fitted, each once.
        fitting: how.
    """
    uneven = [f"{width}x{height} (width x height)" for width, height in sizes if width != height]
    if fitting.resize is None or not uneven:
        return None
    what = f"pictures of {uneven[0]}"
    if len(uneven) > 1:
        what = f"pictures of {len(uneven):,} sizes that are not square, such as {uneven[0]},"
    padded = f"{what} are padded to squares, in {fitting.background_name}"
    if fitting.fit is None:
        return f"{padded}; earlier versions stretched them: --fit stretch does that, --fit crop takes their middle"
    done = {
        "pad": padded,
        "crop": f"{what} are cut to the square in their middle",
        "stretch": f"{what} are stretched to squares, which changes shapes and angles in them",
    }
    return done[fitting.fit]


def refuse_unfitting(n: int, image: np.ndarray, fitting: Fitting, what: str) -> None:
    """Refuse to fit so many images like `image`, where those that come of it do not fit into memory.

    Args:
        n: number of images.
        image: (H, W) or (C, H, W), one of them before it is fitted.
        fitting: how.
        what: what the images are, for the message.

    Raises:
        UserError: they do not fit.
    """
    *channels, height, width = image.shape
    height, width = height + 2 * fitting.pad, width + 2 * fitting.pad
    resize = fitting.resize
    result = math.prod(channels) * (height * width if resize is None else resize**2)
    work = height * width * image.itemsize
    if resize is not None:  # one channel after the other, in 64-bit numbers
        work = 8 * (height * width + 3 * (height + width + resize) * resize)
    remedy = "take fewer (--limit), or make them smaller (--resize, --pad)"
    refuse_too_large(what, n * result * image.itemsize + work, remedy)
