"""Squares around the animal: cut out of frames, and where they reach over the picture's edge."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from autoencoder.data.dataset import Marks
from autoencoder.data.sources.resize import area_resize
from autoencoder.data.sources.video.animal.moving import Scene, window
from autoencoder.data.sources.video.cutting.light import Light, in_8_bits, pick
from autoencoder.data.sources.video.decoding.windows import Windows, find_windows
from autoencoder.data.sources.video.frames import MEMORY, Film, Room, gray
from autoencoder.data.sources.video.options import Fill, VideoOptions

GROUND_STEP = 8
"""The median or mean of a picture is taken over every so many pixels on each axis."""

SOLID = 255
"""What a pixel of a mask is while masks are resized."""

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

    def inside(self, room: Room = MEMORY) -> NDArray[np.uint8] | None:
        """(M, size, size), 1 where at least half of a new pixel lies within the picture; None where all do."""
        across, down = (_overlaps(center, self.crop, self.size, side) for center, side in self._axes())
        if min(across.min(), down.min()) >= 1:
            return None
        # Row by row: the product of all in 64 bits would be eight times the result.
        inside = room.empty("inside", (len(self.x), self.size, self.size))
        for row in range(len(self.x)):
            inside[row] = down[row, :, None] * across[row] >= 0.5 - WHOLE
        return None if inside.all() else inside

    def edge_note(self, fill: Fill) -> str | None:
        """A sentence about those that reach over the picture's edge; None where none does."""
        share = float((self.shares() < 1).mean())
        if not share:
            return None
        filled = "the edge repeated" if fill == "edge" else f"the picture's {fill}"
        said = f"{100 * share:.0f} %" if share >= 0.01 else "less than 1 %"
        return (
            f"{said} of the crops reach over the picture's edge; what lies beyond is {filled} (--fill), and is marked: "
            "the column 'inside' says how much of a crop is in the picture"
        )

    def marks(self, rows: NDArray[np.int64], parts: dict[str, NDArray[np.float64]]) -> Marks:
        """Places in some of the images.

        Args:
            rows: (m,) numbers of the images.
            parts: (m, 2) places in the frames, by the part's name.
        """
        points = {name: self.within(rows, xy) for name, xy in parts.items()}
        width, height = self.picture
        corners = np.array([(0, 0), (width, 0), (width, height), (0, height)]) - 0.5
        picture = np.stack([self.within(rows, np.tile(corner, (len(rows), 1))) for corner in corners], axis=1)
        return Marks(points, picture)

    def within(self, rows: NDArray[np.int64], xy: NDArray[np.float64]) -> NDArray[np.float64]:
        """Places in the frames, (m, 2), as places in these images, from their top left corners."""
        away = xy - np.stack([self.x, self.y], axis=1)[rows]
        return np.asarray((away + self.crop / 2) * (self.size / self.crop))

    @cached_property
    def boxes(self) -> NDArray[np.int64]:
        """What is looked at of each frame: left, top, right and bottom, the last two behind it, (M, 4)."""
        corner = np.stack([self.x, self.y], axis=1) + 0.5 - self.crop / 2
        return np.hstack([np.floor(corner), np.ceil(corner + self.crop)]).astype(np.int64)

    def image(self, row: int, frame: NDArray[np.uint8], fill: Fill, light: Light | None = None) -> NDArray[np.uint8]:
        """The image of a frame, (H, W) or (3, H, W): (size, size) or (3, size, size)."""
        return crop_square(frame, float(self.x[row]), float(self.y[row]), self.crop, self.size, fill, light)

    def mask(self, row: int, frame: NDArray[np.float32], scene: Scene) -> tuple[NDArray[np.bool_], int]:
        """Where the animal is, and its area; see `crop_mask`."""
        return crop_mask(scene, frame, (float(self.x[row]), float(self.y[row])), self.crop, self.size)

    def _axes(self) -> tuple[tuple[NDArray[np.float64], int], tuple[NDArray[np.float64], int]]:
        return (self.x, self.picture[0]), (self.y, self.picture[1])


def _overlaps(center: NDArray[np.float64], crop: int, n: int, side: int) -> NDArray[np.float64]:
    """Share of each of `n` equal stretches of squares that lies between 0 and `side`, (M, n)."""
    edges = (center + 0.5 - crop / 2)[:, None] + np.linspace(0, crop, n + 1)
    shares = np.diff(np.clip(edges, 0, side), axis=1) * (n / crop)
    return np.where(shares > 1 - WHOLE, 1.0, shares)


@dataclass(frozen=True, eq=False)
class Cut:
    """What was cut out of frames; M images.

    Attributes:
        images: (M, size, size) or, with colour, (M, 3, size, size) uint8.
        masks: (M, size, size) uint8, 1 where the animal is; None where no scene says so.
        areas: (M,) int64, of the masks, in pixels of the video; None as well.
    """

    images: NDArray[np.uint8]
    masks: NDArray[np.uint8] | None
    areas: NDArray[np.int64] | None

    def first(self, n: int) -> Cut:
        """The first `n` of them."""
        masks = None if self.masks is None else self.masks[:n]
        return Cut(self.images[:n], masks, None if self.areas is None else self.areas[:n])


def room_for(n: int, options: VideoOptions, room: Room, *, with_masks: bool) -> Cut:
    """Where `n` images are put."""
    size = options.size
    images = room.empty("images", (n, *((3,) if options.color else ()), size, size))
    masks = room.empty("mask", (n, size, size)) if with_masks else None
    return Cut(images, masks, np.empty(n, np.int64) if with_masks else None)


def cut(
    film: Film,
    frame_numbers: NDArray[np.int64],
    squares: Squares,
    options: VideoOptions,
    look: Callable[[int, NDArray[np.uint8]], None],
    whole: NDArray[np.int64],
    scene: Scene | None = None,
    light: Light | None = None,
) -> Cut:
    """Cut the images out, frame by frame.

    Args:
        film: the video.
        frame_numbers: (M,) ascending; several images may be of one frame.
        squares: M of them.
        options: for colour and fill.
        look: is shown the frame of each image, with the image's number; it may keep no reference to it.
        whole: (K,) ascending numbers of the images whose frames `look` needs whole; at least one.
        scene: tells where the animal is; None where there are to be no masks.
        light: how the recording's light is evened out; None where it is not.

    Raises:
        WrongClockError: the frames are not those that the file announces.
        UserError: the video is damaged.
    """
    made = room_for(len(frame_numbers), options, film.room, with_masks=scene is not None)
    row = 0

    def take(number: int, frame: NDArray[np.uint8]) -> bool:
        nonlocal row
        while row < len(frame_numbers) and number == frame_numbers[row]:
            made.images[row] = squares.image(row, frame, options.fill, light)
            if scene is not None and made.masks is not None and made.areas is not None:
                made.masks[row], made.areas[row] = squares.mask(row, gray(frame), scene)
            look(row, frame)
            row += 1
        return row == len(frame_numbers)

    film.watch(int(frame_numbers[-1]) + 1, take, _windows(film, frame_numbers, squares, options, whole, scene))
    return made


def _windows(
    film: Film,
    frame_numbers: NDArray[np.int64],
    squares: Squares,
    options: VideoOptions,
    whole: NDArray[np.int64],
    scene: Scene | None,
) -> Windows | None:
    """The parts of the frames that `cut` looks at, where decoding no more than them is quicker."""
    if scene is not None or not film.allows_windows:
        return None
    boxes = squares.boxes
    picture = np.array(film.picture)
    if options.fill != "edge":  # what fills a square is taken from all of the frame
        beyond = (boxes[:, :2] < 0) | (boxes[:, 2:] > picture)
        whole = np.union1d(whole, np.flatnonzero(beyond.any(axis=1)))
    # Of a square that lies beyond the edge, the pixel there that is nearest is repeated.
    near, far = boxes[:, :2].clip(0, picture - 1), boxes[:, 2:].clip(1, picture)
    return find_windows(frame_numbers, np.hstack([near, far]), np.unique(frame_numbers[whole]), film.picture)


def crop_mask(
    scene: Scene, frame: NDArray[np.float32], place: tuple[float, float], crop: int, size: int
) -> tuple[NDArray[np.bool_], int]:
    """Where the animal is in a square of side `crop`, shrunk to side `size`, and its area in pixels of the frame.

    Args:
        scene: tells which pixels are the animal's.
        frame: (H, W) gray values.
        place: x and y of the square's centre, pixels.
        crop: side of the square.
        size: side of the result.

    Returns:
        (size, size), where at least half of a new pixel is the animal's; and the area.
    """
    rows, columns = window(place, crop, frame.shape)
    mask = scene.mask(frame, rows, columns)
    left, top = place[0] + 0.5 - crop / 2 - columns.start, place[1] + 0.5 - crop / 2 - rows.start
    shares = area_resize(SOLID * mask.astype(np.uint8), size, (left, top, left + crop, top + crop))
    return shares > SOLID // 2, int(mask.sum())


def ground(frame: NDArray[np.uint8], fill: Fill, light: Light | None = None) -> NDArray[np.float64]:
    """What fills places beyond the edge of a frame, (H, W) or (C, H, W): () or (C,), whole numbers; see `pick`."""
    pixels = pick(frame, (slice(None, None, GROUND_STEP), slice(None, None, GROUND_STEP)), light)
    return np.asarray(np.median(pixels, axis=(-2, -1)) if fill == "median" else np.rint(pixels.mean(axis=(-2, -1))))


def crop_square(
    frame: NDArray[np.uint8],
    x: float,
    y: float,
    crop: int,
    size: int,
    fill: Fill = "median",
    light: Light | None = None,
) -> NDArray[np.uint8]:
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
        light: how the recording's light is evened out; None where it is not.
    """
    height, width = frame.shape[-2:]
    # Measured from the picture's corner, the centre of pixel 0 lies at 0.5.
    left, top = x + 0.5 - crop / 2, y + 0.5 - crop / 2
    first_column, first_row = math.floor(left), math.floor(top)
    behind_column, behind_row = math.ceil(left + crop), math.ceil(top + crop)
    if first_column >= 0 and first_row >= 0 and behind_column <= width and behind_row <= height:
        part = pick(frame, (slice(first_row, behind_row), slice(first_column, behind_column)), light)
    else:
        columns, rows = np.arange(first_column, behind_column), np.arange(first_row, behind_row)
        part = pick(frame, (np.clip(rows, 0, height - 1)[:, None], np.clip(columns, 0, width - 1)), light)
        if fill != "edge":
            beyond = ((rows < 0) | (rows >= height))[:, None] | ((columns < 0) | (columns >= width))
            part = np.where(beyond, ground(frame, fill, light).astype(part.dtype)[..., None, None], part)
    left, top = left - first_column, top - first_row
    return in_8_bits(area_resize(part, size, (left, top, left + crop, top + crop)), light)
