"""Squares that are turned with the animal, so that it always looks to the right."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from autoencoder.data.dataset import Marks
from autoencoder.data.sources.video.animal.moving import Scene, window
from autoencoder.data.sources.video.crops import SOLID, Squares, ground
from autoencoder.data.sources.video.cutting.light import Light, in_8_bits, pick
from autoencoder.data.sources.video.frames import MEMORY, Room
from autoencoder.data.sources.video.options import Fill

FEWEST_SAMPLES = 4
"""On each axis of a new pixel, also where images are as large as the squares, or larger."""

AFFINE, BILINEAR = Image.Transform.AFFINE, Image.Resampling.BILINEAR

DIAGONAL = math.sqrt(2)
"""Side of the upright square that holds a turned one, at most, in sides of that one."""


@dataclass(frozen=True, eq=False)
class TurnedSquares(Squares):
    """Squares whose upper side points where the animal's left is; its front is at their right side.

    A new pixel is the mean of evenly spaced samples of the frame at its own resolution, no further than a pixel of the
    frame from each other, each interpolated between the four pixels around it.

    Attributes:
        angle: (M,) degrees, counter-clockwise as one sees it, of what points to the right in the image.
    """

    angle: NDArray[np.float64]

    def shares(self) -> NDArray[np.float64]:
        """See `Squares.shares`; of those that reach over the edge, the share of their samples."""
        return self._coverage[0]

    def inside(self, room: Room = MEMORY) -> NDArray[np.uint8] | None:
        """See `Squares.inside`."""
        inside = self._coverage[1]
        return None if inside is None or inside.all() else inside

    @cached_property
    def _coverage(self) -> tuple[NDArray[np.float64], NDArray[np.uint8] | None]:
        """What `shares` and `inside` give: they are counted together."""
        over, n = np.flatnonzero(self._reaches_over).tolist(), len(self.x)
        shares, inside = np.ones(n), np.ones((n, self.size, self.size), np.uint8) if over else None
        for row in over:
            samples = self._samples_inside(row)
            shares[row] = samples.mean()
            if inside is not None:
                inside[row] = self._means(samples) >= 0.5
        return shares, inside

    def marks(self, rows: NDArray[np.int64], parts: dict[str, NDArray[np.float64]]) -> Marks:
        """See `Squares.marks`."""
        return dataclasses.replace(super().marks(rows, parts), turned=self.angle[rows])

    def within(self, rows: NDArray[np.int64], xy: NDArray[np.float64]) -> NDArray[np.float64]:
        """See `Squares.within`."""
        center = np.stack([self.x, self.y], axis=1)[rows]
        return super().within(rows, center + self._turned(xy - center, self.angle[rows]))

    @cached_property
    def boxes(self) -> NDArray[np.int64]:
        """See `Squares.boxes`."""
        place, reach = np.stack([self.x, self.y], axis=1), DIAGONAL * self.crop / 2
        return np.hstack([np.floor(place - reach), np.ceil(place + reach) + 1]).astype(np.int64)

    def image(self, row: int, frame: NDArray[np.uint8], fill: Fill, light: Light | None = None) -> NDArray[np.uint8]:
        """See `Squares.image`."""
        height, width = frame.shape[-2:]
        rows, columns = self._around(row)
        part = pick(frame, (rows.clip(0, height - 1)[:, None], columns.clip(0, width - 1)), light)
        samples = self._sampled(row, part, (int(columns[0]), int(rows[0])))
        if fill != "edge" and self._reaches_over[row]:
            inside = self._samples_inside(row)
            samples = np.where(inside, samples, ground(frame, fill, light)[..., None, None])
        return in_8_bits(np.rint(self._means(samples)), light)

    def mask(self, row: int, frame: NDArray[np.float32], scene: Scene) -> tuple[NDArray[np.bool_], int]:
        """See `Squares.mask`."""
        upright = math.ceil(DIAGONAL * self.crop) + 2
        rows, columns = window((float(self.x[row]), float(self.y[row])), upright, frame.shape)
        mask = scene.mask(frame, rows, columns)
        padded = SOLID * np.pad(mask, 1).astype(np.uint8)  # beyond the picture there is no animal
        shares = self._means(self._sampled(row, padded, (columns.start - 1, rows.start - 1)))
        down, across = np.nonzero(mask)
        places = np.stack([across + columns.start, down + rows.start], axis=1)
        away = self._turned(places - np.array([self.x[row], self.y[row]]), np.full(len(places), self.angle[row]))
        return shares > SOLID / 2, int((np.abs(away) <= self.crop / 2).all(axis=1).sum())

    # ------------------------------------------------------------------------------------------------------- geometry

    @property
    def _per_pixel(self) -> int:
        """Samples on each axis of a new pixel."""
        return max(FEWEST_SAMPLES, math.ceil(self.crop / self.size))

    def _turned(self, away: NDArray[np.float64], angle: NDArray[np.float64]) -> NDArray[np.float64]:
        """Ways from the centre in the frame, (m, 2), as ways in the turned square."""
        x, y = away.T
        along, across = np.cos(np.radians(angle)), np.sin(np.radians(angle))
        return np.stack([x * along - y * across, x * across + y * along], axis=1)

    @cached_property
    def _reaches_over(self) -> NDArray[np.bool_]:
        """(M,) which squares have a corner beyond the picture."""
        turn = np.radians(self.angle)
        reach = self.crop / 2 * (np.abs(np.cos(turn)) + np.abs(np.sin(turn)))
        width, height = self.picture
        across = (self.x - reach < -0.5) | (self.x + reach > width - 0.5)
        return np.asarray(across | (self.y - reach < -0.5) | (self.y + reach > height - 0.5))

    def _around(self, row: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Rows and columns of the frame, and beyond it, that samples of a square are between."""
        left, top, right, bottom = self.boxes[row].tolist()
        return np.arange(top, bottom), np.arange(left, right)

    def _steps(self, row: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Of the samples of a square: y and x of the first, and what a step down and to the right adds to them."""
        step = self.crop / (self.size * self._per_pixel)
        along, across = math.cos(math.radians(self.angle[row])), math.sin(math.radians(self.angle[row]))
        turn = np.array([[along, -across], [across, along]])
        first = np.array([self.y[row], self.x[row]]) + turn @ np.full(2, (step - self.crop) / 2)
        return first, turn * step

    def _sampled(self, row: int, part: np.ndarray, corner: tuple[int, int]) -> NDArray[np.float32]:
        """Samples of a square, (..., n, n).

        Args:
            row: its number.
            part: (..., h, w) of the frame.
            corner: x and y of its first pixel.
        """
        first, steps = self._steps(row)
        start, n = first - np.array(corner[::-1]), self.size * self._per_pixel
        # Pillow counts from the corners of pixels, in the sampled square and in the frame.
        y, x = start + 0.5 - steps.sum(axis=1) / 2
        affine = (steps[1, 1], steps[1, 0], x, steps[0, 1], steps[0, 0], y)
        samples = [
            Image.fromarray(channel.astype(np.float32)).transform((n, n), AFFINE, affine, BILINEAR)
            for channel in part.reshape(-1, *part.shape[-2:])
        ]
        return np.stack([np.asarray(channel) for channel in samples]).reshape(*part.shape[:-2], n, n)

    def _samples_inside(self, row: int) -> NDArray[np.bool_]:
        """(n, n), which samples of a square lie within the picture."""
        first, steps = self._steps(row)
        numbers = np.arange(self.size * self._per_pixel)
        y, x = (first[i] + steps[i, 0] * numbers[:, None] + steps[i, 1] * numbers for i in range(2))
        width, height = self.picture
        return np.asarray((x >= -0.5) & (x <= width - 0.5) & (y >= -0.5) & (y <= height - 0.5))

    def _means(self, samples: np.ndarray) -> NDArray[np.floating]:
        """(..., n, n) to (..., size, size)."""
        k = self._per_pixel
        shape = (*samples.shape[:-2], self.size, k, self.size, k)
        return np.asarray(samples.reshape(shape).mean(axis=(-3, -1)))
