"""Many round points on a white pixel array, faster than a drawing library does it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

SUPERSAMPLING = 2
"""Each pixel is painted as this many by this many, so that the points' edges are smooth."""


def point_radius(n_points: int) -> float:
    """Radius in pixels at which `n_points` points fill a plot of about 600 pixels without hiding each other."""
    return float(np.clip(170 / np.sqrt(max(n_points, 1)), 1.3, 5.0))


def paint_points(
    canvas: NDArray[np.uint8], centers: NDArray[np.floating], colors: NDArray[np.uint8], radius: float
) -> None:
    """Paint discs over `canvas`, later points over earlier ones; what lies outside is left out.

    matplotlib needs 0.1 to 0.2 s for 16,000 points, one path each. Here one assignment per pixel of the disc's stamp
    paints all of them.

    Args:
        canvas: (H, W, 3) uint8, changed in place.
        centers: (n, 2) column and row of each centre in pixels; (0, 0) is the upper left corner of the first pixel.
        colors: (n, 3) uint8.
        radius: of the discs, in pixels.
    """
    # A border as wide as a disc spares a test per pixel; discs wholly outside are dropped.
    border = int(np.ceil(radius)) + 1
    height, width = canvas.shape[0] + 2 * border, canvas.shape[1] + 2 * border
    places = np.asarray(centers, np.float64)
    inside = ((places > -radius) & (places < np.array([canvas.shape[1], canvas.shape[0]]) + radius)).all(axis=1)
    fine = np.floor((places[inside] + border) * SUPERSAMPLING).astype(np.int64)
    row_length = width * SUPERSAMPLING

    # Which point is seen in each fine pixel: 0 for none. All of a point is painted before the next one, in the order
    # of the points, because an assignment to repeated places keeps the last value.
    number = np.flatnonzero(inside).astype(np.int32) + 1
    seen = np.zeros(height * SUPERSAMPLING * row_length, np.int32)
    stamp = _disc(radius * SUPERSAMPLING, row_length)
    start = fine[:, 1] * row_length + fine[:, 0]
    seen[(start[:, None] + stamp[None, :]).ravel()] = np.repeat(number, len(stamp))

    hit = np.flatnonzero(seen)
    row, column = np.divmod(hit, row_length)
    pixel = row // SUPERSAMPLING * width + column // SUPERSAMPLING
    painted = colors[seen[hit] - 1]
    covered = np.bincount(pixel, minlength=height * width)
    touched = np.flatnonzero(covered)
    share = covered[touched] / SUPERSAMPLING**2
    rows, columns = np.divmod(touched, width)
    rows, columns = rows - border, columns - border
    shown = (rows >= 0) & (rows < canvas.shape[0]) & (columns >= 0) & (columns < canvas.shape[1])
    for channel in range(3):
        total = np.bincount(pixel, weights=painted[:, channel], minlength=height * width)[touched]
        under = canvas[rows[shown], columns[shown], channel]
        mixed = total[shown] / SUPERSAMPLING**2 + under * (1 - share[shown])
        canvas[rows[shown], columns[shown], channel] = mixed + 0.5


def _disc(radius: float, row_length: int) -> NDArray[np.int64]:
    """Offsets, in a flat array with rows of `row_length`, of the pixels of a disc around its centre."""
    reach = np.arange(-int(np.ceil(radius)), int(np.ceil(radius)) + 1)
    down, across = np.meshgrid(reach, reach, indexing="ij")
    within = down**2 + across**2 <= radius**2
    return np.asarray(down[within] * row_length + across[within], np.int64)
