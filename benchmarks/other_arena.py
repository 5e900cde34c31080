"""An arena of another make, for checking that what was chosen on `prepare arena` was not fitted to it.

A square box with a light at one side and six posts, and in it a long animal with ears, whose tail is an arc of one
thickness. Shapes have hard edges on a grid of `FINE` points a pixel and side; a pixel is the mean of its points, and
belongs to the region that most of them show. The noise is the same everywhere.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from autoencoder.data.images import ImageSet
from autoencoder.data.metadata import Metadata
from autoencoder.data.regions import Regions

REGIONS = ("background", "body", "tail", "walls and ports")
BODY, TAIL, WALLS = 1, 2, 3

FINE = 3
"""Points of the grid on each side of a pixel."""

BATCH = 64
"""Images that are rendered at a time."""

HALF_SIDE, WALL_WIDTH = 160.0, 4.0
POSTS = np.array([(-100, -60), (0, -115), (100, -60), (100, 60), (0, 115), (-100, 60)], np.float64)
POST_RADIUS = 6.0
"""The box and its posts, in pixels from its middle."""

BODY_HALF_LENGTH, BODY_HALF_WIDTH = 11.5, 5.0
EAR_ALONG, EAR_ASIDE, EAR_RADIUS = 7.5, 4.2, 2.5
TAIL_LENGTH, TAIL_RADIUS = 18.0, 1.2
MOST_CURVED = 0.11
"""Shape of the animal, in pixels, and curvature of its tail, in radians per pixel."""

FLOOR, SLOPE, FUR, EAR, TAIL_LIGHT, WALL, POST = 0.16, 0.07, 0.52, 0.34, 0.40, 0.30, 0.62
"""Brightness; the floor's differs by `SLOPE` between its middle and the wall with the light."""

NOISE = 0.08
"""Standard deviation of the sensor's noise."""

SPEED, CLEARANCE, STEPS = 3.0, 12.0, 3
"""Pixels in a step, pixels that the animal keeps from the walls, and steps between two images."""


@dataclass(frozen=True)
class Walk:
    """Place (pixels), heading (radians) and curvature of the tail (radians per pixel) in each image, (N,) each."""

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    heading: NDArray[np.float64]
    curvature: NDArray[np.float64]


def make_other_arena(n_images: int, seed: int = 0, size: int = 50) -> ImageSet:
    """Render an animal that walks between posts; the same seed and size give the same bytes.

    Args:
        n_images: number of images, which follow each other in time.
        seed: of the walk and of the noise.
        size: side of the square crop around the animal, in pixels.

    Returns:
        images and clean images (N, 1, size, size) uint8, masks, regions, and columns that say where the animal is.
    """
    walk_seed, noise_seed = np.random.SeedSequence([seed, 1]).spawn(2)
    walk = _walk(n_images, np.random.default_rng(walk_seed))
    noise = np.random.default_rng(noise_seed)
    images, clean, labels = (np.empty((n_images, 1, size, size), np.uint8) for _ in range(3))
    for start in range(0, n_images, BATCH):
        rows = slice(start, start + BATCH)
        picture, labels[rows, 0] = _render(walk, rows, size)
        clean[rows, 0] = _to_uint8(picture)
        images[rows, 0] = _to_uint8(picture + NOISE * noise.standard_normal(picture.shape, np.float32))
    columns = {
        "frame": np.arange(n_images),
        "x": walk.x,
        "y": walk.y,
        "body_angle_deg": np.degrees(walk.heading) % 360,
    }
    mask = ((labels == BODY) | (labels == TAIL)).astype(np.uint8)
    return ImageSet(images, 255.0, Metadata(columns), clean, mask, regions=Regions(labels, REGIONS))


def _to_uint8(brightness: NDArray[np.float32]) -> NDArray[np.uint8]:
    return (brightness.clip(0, 1) * 255 + 0.5).astype(np.uint8)


def _walk(n_images: int, rng: np.random.Generator) -> Walk:
    """Runs to one place after another, on ways that bend; the tail swings."""
    room = HALF_SIDE - CLEARANCE
    (x, y), heading, curvature = rng.uniform(-room, room, 2), rng.uniform(0, 2 * math.pi), 0.0
    goal = rng.uniform(-room, room, 2)
    rows = np.empty((n_images, 4))
    draws = rng.standard_normal((n_images, STEPS, 2)).tolist()
    for i, steps in enumerate(draws):
        for turning, swinging in steps:
            while math.hypot(goal[0] - x, goal[1] - y) < 12:
                goal = rng.uniform(-room, room, 2)
            off = math.remainder(math.atan2(goal[1] - y, goal[0] - x) - heading, 2 * math.pi)
            turn = min(0.25, max(-0.25, 0.2 * off)) + 0.09 * turning
            heading += turn
            pace = SPEED * (0.2 + 0.8 * max(0.0, math.cos(off)))
            x = min(room, max(-room, x + pace * math.cos(heading)))
            y = min(room, max(-room, y + pace * math.sin(heading)))
            curvature = 0.92 * curvature - 0.02 * turn + 0.02 * swinging
        rows[i] = x, y, heading, min(MOST_CURVED, max(-MOST_CURVED, curvature))
    return Walk(*rows.T)


def _render(walk: Walk, rows: slice, size: int) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """Brightness (n, size, size) and regions of the images `rows`."""
    x, y, heading, curvature = (
        values[rows, None, None].astype(np.float32) for values in (walk.x, walk.y, walk.heading, walk.curvature)
    )
    offsets = (np.arange(size * FINE, dtype=np.float32) + 0.5) / FINE - size / 2
    across, up = offsets[None, None, :], -offsets[None, :, None]
    picture, labels = _box(x + across, y + up)
    cos, sin = np.cos(heading), np.sin(heading)
    along, aside = across * cos + up * sin, up * cos - across * sin
    _paint(picture, labels, _is_tail(-along - BODY_HALF_LENGTH + 1, aside, curvature), TAIL_LIGHT, TAIL)
    flank = np.square(along / BODY_HALF_LENGTH) + np.square(aside / BODY_HALF_WIDTH)
    _paint(picture, labels, flank < 1, FUR * (1 - 0.25 * flank), BODY)
    ears = np.hypot(along - EAR_ALONG, np.abs(aside) - EAR_ASIDE) < EAR_RADIUS
    _paint(picture, labels, ears, EAR, BODY)
    points = (len(labels), size, FINE, size, FINE)
    counts = np.stack([(labels == i).reshape(points).sum(axis=(2, 4)) for i in range(len(REGIONS))])
    return picture.reshape(points).mean(axis=(2, 4)), counts.argmax(axis=0).astype(np.uint8)


def _box(x: NDArray[np.float32], y: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """The box without the animal at points (n, side, side): brightness and regions."""
    picture = FLOOR + SLOPE * (x / HALF_SIDE) + 0 * y
    labels = np.zeros(picture.shape, np.uint8)
    beyond = np.maximum(np.abs(x), np.abs(y)) - HALF_SIDE
    _paint(picture, labels, beyond > WALL_WIDTH, 0.05, 0)
    _paint(picture, labels, (beyond > 0) & (beyond <= WALL_WIDTH), WALL, WALLS)
    for post_x, post_y in POSTS.astype(np.float32):
        _paint(picture, labels, np.hypot(x - post_x, y - post_y) < POST_RADIUS, POST, WALLS)
    return picture, labels


def _is_tail(
    behind: NDArray[np.float32], aside: NDArray[np.float32], curvature: NDArray[np.float32]
) -> NDArray[np.bool_]:
    """Points near an arc that begins at the rump and runs straight back there."""
    bend = np.maximum(np.abs(curvature), 1e-3)
    to_center = 1 / bend - np.where(curvature < 0, -aside, aside)
    off = np.abs(np.hypot(behind, to_center) - 1 / bend)
    arc = np.arctan2(behind, to_center) / bend
    return (off < TAIL_RADIUS) & (arc > 0) & (arc < TAIL_LENGTH)


def _paint(
    picture: NDArray[np.float32],
    labels: NDArray[np.uint8],
    where: NDArray[np.bool_],
    brightness: NDArray[np.float32] | float,
    region: int,
) -> None:
    np.copyto(picture, brightness, where=where, casting="same_kind")
    labels[where] = region
