"""Squares around the animal: cut out of frames, and where they reach over the picture's edge."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from autoencoder.data.dataset import Marks
from autoencoder.data.sources.resize import area_resize
from autoencoder.data.sources.video.decode import Decoding
from autoencoder.data.sources.video.options import Fill, VideoOptions
from autoencoder.data.sources.video.timing import Clock
from autoencoder.errors import UserError

GROUND_STEP = 8
"""The median or mean of a picture is taken over every so many pixels on each axis."""

WHOLE = 1e-9
"""Share of a pixel or square that rounding may take away."""


@dataclass(frozen=True, eq=False)
class Squares:
    """Where M images are cut out of frames. Places are pixels; the centre of the first pixel is 0.

    Attributes:
        x: (M,) centres.
        y: (M,) centres, down.
        crop: side in the frame.
        size: side of the image.
        picture: width and height of the frame.
    """

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    crop: int
    size: int
    picture: tuple[int, int]

    def shares(self) -> NDArray[np.float64]:
        """Share of the area of each that lies within the picture, (M,), 0 to 1."""
        shares = [_overlaps(center, self.crop, 1, side)[:, 0] for center, side in self._axes()]
        return shares[0] * shares[1]

    def inside(self) -> NDArray[np.uint8] | None:
        """(M, size, size), 1 where at least half of a new pixel lies within the picture; None where all do."""
        across, down = (_overlaps(center, self.crop, self.size, side) for center, side in self._axes())
        if min(across.min(), down.min()) >= 1:
            return None
        # Row by row: the product of all in 64 bits would be eight times the result.
        inside = np.empty((len(self.x), self.size, self.size), np.uint8)
        for row in range(len(self.x)):
            inside[row] = down[row, :, None] * across[row] >= 0.5 - WHOLE
        return None if inside.all() else inside

    def marks(self, rows: NDArray[np.int64], parts: dict[str, NDArray[np.float64]]) -> Marks:
        """Places in some of the images.

        Args:
            rows: (m,) numbers of the images.
            parts: (m, 2) places in the frames, by the part's name.
        """
        center, scale = np.stack([self.x, self.y], axis=1)[rows], self.size / self.crop
        corner = center + 0.5 - self.crop / 2  # from the picture's corner
        points = {name: (xy + 0.5 - corner) * scale for name, xy in parts.items()}
        edges = np.concatenate([-corner, np.array(self.picture) - corner], axis=1) * scale
        return Marks(points, edges)

    def _axes(self) -> tuple[tuple[NDArray[np.float64], int], tuple[NDArray[np.float64], int]]:
        return (self.x, self.picture[0]), (self.y, self.picture[1])


def _overlaps(center: NDArray[np.float64], crop: int, n: int, side: int) -> NDArray[np.float64]:
    """Share of each of `n` equal stretches of squares that lies between 0 and `side`, (M, n)."""
    edges = (center + 0.5 - crop / 2)[:, None] + np.linspace(0, crop, n + 1)
    shares = np.diff(np.clip(edges, 0, side), axis=1) * (n / crop)
    return np.where(shares > 1 - WHOLE, 1.0, shares)


class WrongClockError(Exception):
    """The frames that were decoded are not those that the file announces.

    Args:
        n_decoded: number of frames that were decoded until this was found.
    """

    def __init__(self, n_decoded: int) -> None:
        self.n_decoded = n_decoded
        super().__init__(f"{n_decoded} frames were decoded")


def cut(
    video: Path,
    frame_numbers: NDArray[np.int64],
    squares: Squares,
    clock: Clock,
    options: VideoOptions,
    look: Callable[[int, NDArray[np.uint8]], None],
    on_progress: Callable[[int], None] | None = None,
) -> NDArray[np.uint8]:
    """Cut the images out, frame by frame.

    Args:
        video: what ffmpeg decodes.
        frame_numbers: (M,) ascending.
        squares: M of them.
        clock: times of all frames of the video.
        options: for colour and fill.
        look: is shown each of these frames, with its row; it may keep no reference to it.
        on_progress: called with the number of frames decoded since the last call.

    Returns:
        (M, size, size) or, with colour, (M, 3, size, size).

    Raises:
        WrongClockError: the times or the number of the frames are not what the clock says.
        UserError: the video is damaged.
    """
    images = np.empty((len(frame_numbers), *((3,) if options.color else ()), squares.size, squares.size), np.uint8)
    row, number = 0, -1
    with Decoding(video, color=options.color) as frames:
        for number, frame in enumerate(frames):
            if number == frame_numbers[row]:
                _check_size(video, number, frame, squares.picture)
                images[row] = crop_square(
                    frame, squares.x[row], squares.y[row], squares.crop, squares.size, options.fill
                )
                look(row, frame)
                row += 1
            if on_progress is not None:
                on_progress(1)
            if row == len(images):
                break
        agrees = clock.agrees(frames.times(number + 1))
    if row == len(images) and agrees:
        return images
    if not clock.counted:
        raise WrongClockError(number + 1)
    raise UserError(f"{video} could be decoded up to frame {number:,} only: it is damaged; convert it again")


def _check_size(video: Path, number: int, frame: np.ndarray, picture: tuple[int, int]) -> None:
    height, width = frame.shape[-2:]
    if (width, height) != picture:
        raise UserError(
            f"frame {number:,} of {video} is {width}x{height} pixels, and the first is {picture[0]}x{picture[1]}: "
            "convert it to frames of one size"
        )


def crop_square(frame: np.ndarray, x: float, y: float, crop: int, size: int, fill: Fill = "median") -> np.ndarray:
    """The square of side `crop` around (x, y), shrunk to side `size`.

    The median of a picture is the ground's brightness in most videos. Repeating the edge would turn a bright wall there
    into bars, which a network spends its latent on.

    Args:
        frame: (H, W) or (C, H, W) uint8.
        x: centre of the square in pixels; the centre of the leftmost pixel is 0.
        y: the same, down from the topmost pixel.
        crop: side of the square, in pixels of the frame.
        size: side of the result.
        fill: what stands beyond the frame's edge: its median or mean, or its edge repeated.
    """
    height, width = frame.shape[-2:]
    # Measured from the picture's corner, the centre of pixel 0 lies at 0.5.
    left, top = x + 0.5 - crop / 2, y + 0.5 - crop / 2
    first_column, first_row = math.floor(left), math.floor(top)
    columns, rows = np.arange(first_column, math.ceil(left + crop)), np.arange(first_row, math.ceil(top + crop))
    part = frame[..., np.clip(rows, 0, height - 1)[:, None], np.clip(columns, 0, width - 1)]
    beyond = ((rows < 0) | (rows >= height))[:, None] | ((columns < 0) | (columns >= width))
    if fill != "edge" and beyond.any():
        pixels = frame[..., ::GROUND_STEP, ::GROUND_STEP]
        ground = np.median(pixels, axis=(-2, -1)) if fill == "median" else np.rint(pixels.mean(axis=(-2, -1)))
        part = np.where(beyond, ground.astype(frame.dtype)[..., None, None], part)
    left, top = left - first_column, top - first_row
    return area_resize(part, size, (left, top, left + crop, top + crop))
