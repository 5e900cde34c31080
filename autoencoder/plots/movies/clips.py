"""Clips side by side: the frames of a movie in which each has a tile, with a caption below it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autoencoder.array_types import Frame
from autoencoder.config.movies import DPI
from autoencoder.plots.drawing import place_text
from autoencoder.plots.figures import new_figure
from autoencoder.plots.movies.titles import fitting

WIDTH = 1200
"""Pixels of a frame's tiles together, at most."""

LARGEST, SMALLEST = 400, 60
"""Pixels of a tile's side."""

GAP = 14
"""Pixels between tiles, and around all of them."""

MARK = 5
"""Pixels of the line around a tile."""

MARK_COLOR = (230, 97, 1)
"""Orange (RGB, 0 to 255), which stands out against gray pictures."""

CAPTION_HEIGHT, CAPTION_SIZE = 22, 10.0
"""Pixels of the line below a tile, and points of its letters."""

TITLE_HEIGHT, TITLE_SIZE = 44, 14.0

EMPTY = 205
"""Gray of a tile at moments at which its video has no frame."""


def columns_of(n: int) -> int:
    """In how many columns `n` tiles stand."""
    return math.ceil(math.sqrt(n))


def side_of_tiles(n: int) -> int:
    """Pixels of the side of each of `n` tiles."""
    columns = columns_of(n)
    return max(SMALLEST, min(LARGEST, (WIDTH - GAP * (columns + 1)) // columns))


def tile_corner(i: int, n: int, side: int) -> tuple[int, int]:
    """Left and top of tile `i` of `n`, in pixels from the frame's upper left corner; row by row."""
    row, column = divmod(i, columns_of(n))
    return GAP + column * (side + GAP), TITLE_HEIGHT + row * (side + CAPTION_HEIGHT + GAP)


def clip_frames(
    tiles: NDArray[np.uint8], captions: Sequence[str], title: str, marked: NDArray[np.bool_]
) -> Iterator[Frame]:
    """Frames (H, W, 3) of a movie of clips.

    Args:
        tiles: (n, T, side, side) or (n, T, side, side, 3).
        captions: n texts of one line, which are cut where they are longer than a tile.
        title: above all.
        marked: (T,) the moments at which a line is drawn around every tile.
    """
    n, _, side = tiles.shape[:3]
    ground = _ground(n, side, captions, title)
    corners = [tile_corner(i, n, side) for i in range(n)]
    for moment, is_marked in enumerate(marked.tolist()):
        frame = ground.copy()
        for i, (left, top) in enumerate(corners):
            if is_marked:
                frame[top - MARK : top + side + MARK, left - MARK : left + side + MARK] = MARK_COLOR
            tile = tiles[i, moment]
            frame[top : top + side, left : left + side] = tile if tile.ndim == 3 else tile[..., None]
        yield frame


def _ground(n: int, side: int, captions: Sequence[str], title: str) -> Frame:
    """What is the same in all frames."""
    width = 2 * GAP + columns_of(n) * (side + GAP) - GAP
    height = tile_corner(n - 1, n, side)[1] + side + CAPTION_HEIGHT + GAP
    figure = new_figure(width / DPI, height / DPI)
    text, size = fitting(title, TITLE_SIZE, width - 2 * GAP)
    place_text(figure, width / 2 / DPI, TITLE_HEIGHT / 2 / DPI, text, size, va="center_baseline")
    for i, caption in enumerate(captions):
        left, top = tile_corner(i, n, side)
        text, size = fitting(caption, CAPTION_SIZE, side)
        below = top + side + MARK + (CAPTION_HEIGHT - MARK) / 2
        place_text(figure, (left + side / 2) / DPI, below / DPI, text, size, va="center_baseline", color="0.25")
    canvas: Any = figure.canvas  # its methods are not typed
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[:, :, :3].copy()
