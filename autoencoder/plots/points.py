"""Many round points in an array of pixels, faster than a drawing library does it.

matplotlib draws a path for each point. Here one assignment marks, for all points at once, which of them is seen in each
pixel of a finer grid, and the colours of the fine pixels are averaged. Which point is seen does not depend on the
colours, so plots of the same places in other colours cost only the averaging.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

SUPERSAMPLING = 4
"""Each pixel is this many by this many fine ones, so that edges are smooth and small movements are seen."""

POINTS_AT_ONCE = 2_000
"""Marked together; as many as have their fine pixels in the processor's cache."""

ROWS_AT_ONCE = 16
"""Of pixels whose colours are averaged; as many as fit in the processor's cache."""

Visible = NDArray[np.int32]


def point_radius(n_points: int, side: float = 640) -> float:
    """Radius in pixels at which `n_points` points fill a plot of `side` pixels without hiding each other."""
    return float(np.clip(170 / np.sqrt(max(n_points, 1)), 1.3, 5.0)) * side / 640


def visible_points(
    shape: tuple[int, int], centers: NDArray[np.floating], radius: float, order: NDArray[np.integer]
) -> Visible:
    """Which disc is seen in each fine pixel.

    Args:
        shape: height and width in pixels.
        centers: (n, 2) column and row of each centre in pixels; (0, 0) is the upper left corner of the first pixel.
        radius: of the discs, in pixels.
        order: (n,) rows of the discs, from the lowest to the one that lies over all others.

    Returns:
        (height * SUPERSAMPLING, width * SUPERSAMPLING) int32: 0 where there is none, else 1 + the disc's row.
    """
    fine_radius = radius * SUPERSAMPLING
    reach = int(np.ceil(fine_radius))
    border = 2 * reach + 1  # discs whose centre lies outside reach in; with room for them no pixel needs a test
    height, width = (side * SUPERSAMPLING + 2 * border for side in shape)
    fine = np.floor(np.asarray(centers, np.float64)[order] * SUPERSAMPLING) + border
    inside = np.flatnonzero(((fine >= reach) & (fine < np.array([width, height]) - reach)).all(axis=1))
    column, row = fine[inside].astype(np.int64).T
    start = row * width + column
    number = order[inside].astype(np.int32) + 1

    # All of a point is marked before the next one, in the order of the points, because an assignment to repeated
    # places keeps the last value.
    visible = np.zeros(height * width, np.int32)
    stamp = _disc(fine_radius, width)
    for first in range(0, len(start), POINTS_AT_ONCE):
        part = slice(first, first + POINTS_AT_ONCE)
        visible[(start[part, None] + stamp).ravel()] = np.repeat(number[part], len(stamp))
    return visible.reshape(height, width)[border:-border, border:-border]


def paint_points(canvas: NDArray[np.uint8], visible: Visible, colors: NDArray[np.uint8]) -> None:
    """Fill `canvas` with discs on white.

    Args:
        canvas: (H, W, 3) uint8, overwritten.
        visible: of `visible_points` for its shape.
        colors: (n, 3) uint8, of each disc.
    """
    # A colour is one word with 16 bits for each channel, so that one addition adds all channels of two fine pixels.
    table = np.full((len(colors) + 1, 4), 255, np.uint16)
    table[1:, :3] = colors
    words = table.view(np.uint64).ravel()
    for first in range(0, len(canvas), ROWS_AT_ONCE):
        part = slice(first, first + ROWS_AT_ONCE)
        fine = visible[first * SUPERSAMPLING : (first + ROWS_AT_ONCE) * SUPERSAMPLING]
        canvas[part] = _averaged(fine, words)


def _averaged(visible: Visible, words: NDArray[np.uint64]) -> NDArray[np.uint8]:
    """Pixels (h, w, 3) of fine pixels (h * SUPERSAMPLING, w * SUPERSAMPLING) with the colours `words`."""
    lines = words[visible[::SUPERSAMPLING]]
    for line in range(1, SUPERSAMPLING):
        lines += words[visible[line::SUPERSAMPLING]]
    total = lines[:, ::SUPERSAMPLING].copy()
    for column in range(1, SUPERSAMPLING):
        total += lines[:, column::SUPERSAMPLING]
    sums = total.view(np.uint16).reshape(*total.shape, 4)
    mean = (sums[..., :3] + SUPERSAMPLING**2 // 2) // SUPERSAMPLING**2
    return mean.astype(np.uint8)


def _disc(radius: float, row_length: int) -> NDArray[np.int64]:
    """Offsets, in a flat array with rows of `row_length`, of the pixels of a disc around its centre."""
    reach = np.arange(-int(np.ceil(radius)), int(np.ceil(radius)) + 1)
    down, across = np.meshgrid(reach, reach, indexing="ij")
    within = down**2 + across**2 <= radius**2
    return np.asarray(down[within] * row_length + across[within], np.int64)
