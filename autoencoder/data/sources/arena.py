"""A synthetic arena: a tailed animal that walks between six ports, filmed by a camera that follows it.

Everything that the picture shows is known exactly: the clean image without the sensor's noise, the animal's mask, the
region of each pixel, the animal's place, its body and head angle. So denoising has a truth to be measured against, and
what a latent space holds can be decoded against the true cause of the image.

Coordinates: the arena's centre is the origin, x points right, y points up as one sees the picture, lengths are pixels.
Angles are degrees, counter-clockwise from the x axis, in [0, 360).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from autoencoder.array_types import Reals
from autoencoder.data.dataset import Prepared, check_output, save_dataset
from autoencoder.data.recipe import RECIPE_VERSION
from autoencoder.data.regions import Regions
from autoencoder.errors import raise_if_any
from autoencoder.machine.memory import refuse_too_large

BATCH_PIXELS = 32 * 2500
"""Pixels that are rendered in one go."""

IMAGE_BYTES = 4
WALK_BYTES = 600
WORK_BYTES = 84
"""Memory for a pixel of the result (noisy, clean, mask and regions), for a frame of the walk, and for a pixel that is
being rendered; the last two measured at their peaks (tracemalloc: 516 and 81 bytes)."""

RADIUS = 200.0
"""Radius of the arena's wall, in pixels."""

N_PORTS = 6
PORT_ANGLES = np.arange(N_PORTS) * (2 * math.pi / N_PORTS) + math.pi / 6
"""Polar angle of each port's centre, in radians."""

PORT_HALF_WIDTH = 15.0
PORT_DEPTH = 30.0
PORT_HALF_ANGLE = math.asin(PORT_HALF_WIDTH / RADIUS)
"""Half of the gap that a port leaves in the wall, in radians seen from the centre."""

LAMP_SIZE = 3.2
"""Half of the side of a port's square lamps, in pixels."""

_PORTS: list[float] = PORT_ANGLES.tolist()

WALL_CLEARANCE, PORT_CLEARANCE = 11.0, 6.0
"""How near the animal's centre comes to the wall, and to the side of a port, in pixels."""

# The animal's shape, in pixels from the centre of its body; nose to rump is half of a 50-pixel crop.
RUMP, SHOULDER, NOSE = -11.0, 6.5, 8.5
RUMP_RADIUS, SHOULDER_RADIUS, NOSE_RADIUS = 5.2, 3.4, 1.3
TAIL_LENGTH, TAIL_SEGMENTS = 19.0, 6
TAIL_RADIUS_BASE, TAIL_RADIUS_TIP = 1.0, 0.45

FLOOR, FLOOR_AT_WALL, OUTSIDE = 0.055, 0.10, 0.03
WALL, PORT_WALL, LAMP, FUR, FUR_SHADE, TAIL = 0.34, 0.30, 0.85, 0.56, 0.16, 0.36
"""Brightness of each part, on a scale where 1 saturates the sensor."""

READ_NOISE, SHOT_NOISE = 0.045, 0.05
"""Noise: standard deviation at black, and its growth with the square root of brightness."""

REGIONS = ("background", "body", "tail", "walls and ports")
"""Names of the regions 0, 1, 2 and 3."""

BODY_REGION, TAIL_REGION, WALLS_REGION = 1, 2, 3

COVERED = 0.5
"""A pixel is the animal's, or that of walls and ports, where these cover more than this share of it."""


@dataclass(frozen=True)
class Walk:
    """The animal's posture in each of N frames; every array has shape (N,), float64.

    Attributes:
        x, y: centre of the body, pixels from the arena's centre.
        body: direction from rump to shoulders, radians.
        head: direction from shoulders to nose, radians.
        tail_bend: how much the tail turns from root to tip, radians.
        tail_wave: amplitude of its S shape, radians.
    """

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    body: NDArray[np.float64]
    head: NDArray[np.float64]
    tail_bend: NDArray[np.float64]
    tail_wave: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.x)

    def __getitem__(self, rows: slice) -> Walk:
        return Walk(
            self.x[rows], self.y[rows], self.body[rows], self.head[rows], self.tail_bend[rows], self.tail_wave[rows]
        )


@dataclass(frozen=True)
class ArenaSet:
    """Rendered frames.

    Attributes:
        images: (N, size, size) uint8, with the sensor's noise.
        clean: (N, size, size) uint8, without it.
        mask: (N, size, size) uint8, 1 where the animal is and 0 elsewhere.
        regions: (N, size, size) uint8, the place in `REGIONS` of what each pixel shows.
        columns: metadata, one array of length N per column.
    """

    images: NDArray[np.uint8]
    clean: NDArray[np.uint8]
    mask: NDArray[np.uint8]
    regions: NDArray[np.uint8]
    columns: dict[str, NDArray[np.float64] | NDArray[np.int64]]


def make_arena(
    n_images: int, seed: int = 0, size: int = 50, on_progress: Callable[[int], None] | None = None
) -> ArenaSet:
    """Render a walk of `n_images` frames; the same seed and size give the same bytes.

    Args:
        n_images: number of frames, at least 1.
        seed: of the walk and of the sensor's noise.
        size: side of the square crop around the animal, in pixels, at least 8.
        on_progress: called with the number of frames done since the last call.

    Raises:
        UserError: a number is out of range.
    """
    raise_if_any(_problems(n_images, seed, size))
    needed = n_images * (IMAGE_BYTES * size**2 + WALK_BYTES) + WORK_BYTES * max(BATCH_PIXELS, size**2)
    remedy = "ask for fewer (--images) or smaller ones (--size)"
    refuse_too_large(f"{n_images:,} images of {size}x{size}", needed, remedy)
    walk_seed, noise_seed = np.random.SeedSequence(seed).spawn(2)
    walk = simulate_walk(n_images, np.random.default_rng(walk_seed))
    noise = np.random.default_rng(noise_seed)
    images = np.empty((n_images, size, size), np.uint8)
    clean = np.empty_like(images)
    mask = np.empty_like(images)
    regions = np.empty_like(images)
    step = max(1, BATCH_PIXELS // size**2)  # keeps the working arrays of a batch in the processor's cache
    for start in range(0, n_images, step):
        rows = slice(start, start + step)
        truth, regions[rows] = render(walk[rows], size)
        deviation = READ_NOISE + SHOT_NOISE * np.sqrt(truth)
        noisy = truth + deviation * noise.standard_normal(truth.shape, dtype=np.float32)
        images[rows] = _to_uint8(noisy)
        clean[rows] = _to_uint8(truth)
        mask[rows] = (regions[rows] == BODY_REGION) | (regions[rows] == TAIL_REGION)
        if on_progress is not None:
            on_progress(len(truth))
    return ArenaSet(images, clean, mask, regions, _columns(walk))


def prepare_arena(
    output: Path,
    n_images: int = 32_000,
    seed: int = 0,
    size: int = 50,
    *,
    compress: bool = False,
    overwrite: bool = False,
    on_progress: Callable[[int], None] | None = None,
) -> Prepared:
    """Render a synthetic arena and write its images, clean images, masks, regions and metadata.

    Args:
        output: path with or without `.npz`.
        n_images: number of frames, at least 1.
        seed: of the walk and of the sensor's noise.
        size: side of the crop around the animal, in pixels, at least 8.
        compress: write a third of the size in ten times the time.
        overwrite: files of these names may be replaced.
        on_progress: called with the number of frames done since the last call.

    Raises:
        UserError: a number is out of range, or a file exists or cannot be written.
    """
    check_output(output, overwrite=overwrite)
    arena = make_arena(n_images, seed, size, on_progress)
    return save_dataset(
        output,
        arena.images,
        arena.columns,
        arena.clean,
        arena.mask,
        regions=Regions(arena.regions[:, None], REGIONS),
        recipe={"command": "prepare arena", "version": RECIPE_VERSION, "images": n_images, "seed": seed, "size": size},
        compress=compress,
        overwrite=overwrite,
    )


def _problems(n_images: int, seed: int, size: int) -> list[str]:
    problems = []
    if n_images < 1:
        problems.append(f"an arena needs at least 1 image, not {n_images}")
    if seed < 0:
        problems.append(f"a seed must be 0 or more, not {seed}")
    if size < 8:
        problems.append(f"an arena's images must be at least 8 pixels wide, not {size}")
    return problems


def _to_uint8(brightness: Reals) -> NDArray[np.uint8]:
    return (np.clip(brightness, 0.0, 1.0) * 255.0 + 0.5).astype(np.uint8)


def _columns(walk: Walk) -> dict[str, NDArray[np.float64] | NDArray[np.int64]]:
    polar = np.arctan2(walk.y, walk.x)
    to_port = np.abs(_wrapped(polar[:, None] - PORT_ANGLES[None, :]))
    return {
        "frame": np.arange(len(walk)),
        "x": walk.x,
        "y": walk.y,
        "body_angle_deg": np.degrees(walk.body) % 360,
        "head_angle_deg": np.degrees(walk.head) % 360,
        "distance_from_center": np.hypot(walk.x, walk.y),
        "polar_angle_deg": np.degrees(polar) % 360,
        "nearest_port": to_port.argmin(axis=1),
    }


def _wrapped(angle: NDArray[np.float64]) -> NDArray[np.float64]:
    """`angle` in radians, brought to [-pi, pi)."""
    return (angle + math.pi) % (2 * math.pi) - math.pi


# ---------------------------------------------------------------------------------------------------------------- walk

STEPS_PER_FRAME = 4
"""Steps of the walk between two frames, so that neighbouring frames are alike and not the same."""

SPEED = 3.2
"""Pixels per step when the animal runs straight."""


def simulate_walk(n_frames: int, rng: np.random.Generator) -> Walk:
    """A walk that visits ports, follows the wall and crosses the open field.

    The animal runs from goal to goal: into a port (where it stays for some frames and which it leaves backwards, as
    rats do), to a place at the wall, or to a place in the open. It turns towards its goal at a limited rate; the head
    leads the turn and the tail lags behind it.
    """
    n_steps = n_frames * STEPS_PER_FRAME
    jitter = rng.standard_normal((n_steps, 4)).tolist()
    steps = np.empty((n_steps, 6))
    animal = _Animal(rng)
    for i, (turn_noise, head_noise, bend_noise, wave_noise) in enumerate(jitter):
        animal.step(turn_noise, head_noise, bend_noise, wave_noise)
        steps[i] = (animal.x, animal.y, animal.body, animal.head_turn, animal.tail_bend, animal.tail_wave)
    x, y, body, head_turn, tail_bend, tail_wave = steps[STEPS_PER_FRAME - 1 :: STEPS_PER_FRAME].T
    return Walk(x, y, body, body + head_turn, tail_bend, tail_wave)


class _Animal:
    """One walking animal; plain floats, because 100,000 steps of numpy scalars would take seconds more."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng
        self.body = rng.uniform(0, 2 * math.pi)
        self.x, self.y = rng.uniform(-50, 50, 2).tolist()
        self.head_turn = self.tail_bend = self.tail_wave = 0.0
        self._waiting = 0
        self._path: list[tuple[float, float]] = []
        self._backing = 0
        self._in_port = False
        self._choose_goal()

    def _choose_goal(self) -> None:
        """Sets the way points of the next bout, the last one first."""
        kind, angle = self._rng.random(), self._rng.uniform(0, 2 * math.pi)
        self._in_port = kind < 0.45
        if self._in_port:
            port = float(self._rng.choice(_PORTS))
            depth = self._rng.uniform(RADIUS - 4, RADIUS + PORT_DEPTH - 16)
            self._path = [_place(depth, port), _place(RADIUS - 38, port)]
        elif kind < 0.75:
            # Along the wall, a few way points in the direction in which the animal looks.
            here, way = math.atan2(self.y, self.x), 1.0 if self._rng.random() < 0.5 else -1.0
            arc = self._rng.uniform(0.4, 1.8)
            near = RADIUS - WALL_CLEARANCE - self._rng.uniform(0, 8)
            self._path = [_place(near, here + way * part * arc) for part in (1.0, 0.75, 0.5, 0.25)]
        else:
            self._path = [_place(RADIUS * math.sqrt(self._rng.uniform(0, 0.75)), angle)]

    def step(self, turn_noise: float, head_noise: float, bend_noise: float, wave_noise: float) -> None:
        """Move on by one step; the arguments are standard normal draws."""
        turn = self._advance(turn_noise)
        # Three leaky integrators: the head leads the turn, the tail lags behind it, both have a life of their own.
        self.head_turn = 0.85 * self.head_turn + 0.9 * turn + 0.11 * head_noise
        self.head_turn = min(1.0, max(-1.0, self.head_turn))
        self.tail_bend = 0.93 * self.tail_bend - 0.8 * turn + 0.16 * bend_noise
        self.tail_bend = min(2.2, max(-2.2, self.tail_bend))
        self.tail_wave = 0.92 * self.tail_wave + 0.17 * wave_noise

    def _advance(self, turn_noise: float) -> float:
        """Change place and body angle; returns the turn in radians."""
        if self._waiting > 0:
            self._waiting -= 1
            turn = 0.03 * turn_noise
            self.body += turn
            return turn
        if self._backing > 0:
            self._backing -= 1
            self._move(-0.6 * SPEED)
            return 0.0
        goal_x, goal_y = self._path[-1]
        distance = math.hypot(goal_x - self.x, goal_y - self.y)
        off = math.atan2(goal_y - self.y, goal_x - self.x) - self.body
        off = (off + math.pi) % (2 * math.pi) - math.pi
        turn = min(0.30, max(-0.30, 0.35 * off)) + 0.07 * turn_noise
        self.body += turn
        self._move(min(SPEED * (0.15 + 0.85 * max(0.0, math.cos(off))), distance))
        if distance < 4.0 or (distance < 14.0 and abs(off) > 1.2):
            self._path.pop()
            if not self._path:
                self._arrive()
        return turn

    def _arrive(self) -> None:
        if self._in_port:
            self._waiting = int(self._rng.integers(4, 30))
            self._backing = 18
        elif self._rng.random() < 0.3:
            self._waiting = int(self._rng.integers(2, 16))
        self._choose_goal()

    def _move(self, distance: float) -> None:
        was_in_port = math.hypot(self.x, self.y) > RADIUS - WALL_CLEARANCE + 1  # and not just along the wall
        self.x += distance * math.cos(self.body)
        self.y += distance * math.sin(self.body)
        r, polar = math.hypot(self.x, self.y), math.atan2(self.y, self.x)
        if r <= RADIUS - WALL_CLEARANCE:
            return
        port = min(_PORTS, key=lambda angle: abs((polar - angle + math.pi) % (2 * math.pi) - math.pi))
        # The port's own axes; its walls stop the animal sideways, its back wall ahead, and the arena's wall elsewhere.
        out, side = r * math.cos(polar - port), r * math.sin(polar - port)
        room = PORT_HALF_WIDTH - PORT_CLEARANCE
        if was_in_port or abs(side) < room:
            out, side = min(out, RADIUS + PORT_DEPTH - WALL_CLEARANCE), min(room, max(-room, side))
            r, polar = math.hypot(out, side), port + math.atan2(side, out)
        else:
            r = RADIUS - WALL_CLEARANCE
        self.x, self.y = _place(r, polar)


def _place(r: float, polar: float) -> tuple[float, float]:
    return r * math.cos(polar), r * math.sin(polar)


# -------------------------------------------------------------------------------------------------------------- render


def render(walk: Walk, size: int) -> tuple[Reals, NDArray[np.uint8]]:
    """Draw each posture of `walk` in a crop centred on the animal.

    Returns:
        brightness (N, size, size) float32 in [0, 1], and regions (N, size, size) uint8, places in `REGIONS`.
    """
    half = (size - 1) / 2
    across = (np.arange(size, dtype=np.float32) - half)[None, None, :]
    up = (half - np.arange(size, dtype=np.float32))[None, :, None]
    scene, structures = _draw_arena(walk, across, up)
    regions = np.where(structures > COVERED, np.uint8(WALLS_REGION), np.uint8(0))
    scene, body, tail = _draw_animal(walk, across, up, scene)
    # The animal is in front of the walls, and its body in front of its tail.
    regions[tail > COVERED] = TAIL_REGION
    regions[(body > COVERED) | ((tail > COVERED) & (body > tail * (1 - body)))] = BODY_REGION
    return scene, regions


def _cover(distance: Reals) -> Reals:
    """How much of a pixel a shape covers, from the signed distance of the pixel's centre to the shape's edge."""
    cover: Reals = np.clip(0.5 - distance, 0.0, 1.0)
    return cover


def _column(values: NDArray[np.float64]) -> Reals:
    """(N,) to (N, 1, 1) float32, to be broadcast over pixels."""
    return values.astype(np.float32)[:, None, None]


def _draw_arena(walk: Walk, across: Reals, up: Reals) -> tuple[Reals, Reals]:
    """Floor, wall and the nearest port; a crop sees one port at most, because ports are a radius apart.

    Returns:
        the picture, and how much of each pixel the wall and the port's walls and lamps cover.
    """
    x, y = _column(walk.x) + across, _column(walk.y) + up
    r = np.sqrt(x * x + y * y)
    inside = _cover(r - RADIUS)
    floor = FLOOR + (FLOOR_AT_WALL - FLOOR) * np.square(np.minimum(r / RADIUS, 1.0))
    scene = OUTSIDE + (floor - OUTSIDE) * inside
    if not (np.hypot(walk.x, walk.y) + 0.75 * across.shape[2] > RADIUS).any():
        return scene, np.zeros_like(scene)

    polar = np.arctan2(walk.y, walk.x)
    port = PORT_ANGLES[np.abs(_wrapped(polar[:, None] - PORT_ANGLES[None, :])).argmin(axis=1)]
    # The port's own axes: `out` away from the centre, measured from the wall; `side` along it.
    out = x * _column(np.cos(port)) + y * _column(np.sin(port)) - RADIUS
    side = np.abs(y * _column(np.cos(port)) - x * _column(np.sin(port)))
    mouth = np.float32(RADIUS * math.cos(PORT_HALF_ANGLE) - RADIUS)

    in_front_of_port = (side < PORT_HALF_WIDTH) & (out > -25)
    wall = _cover(np.abs(r - RADIUS) - 0.8) * ~in_front_of_port
    scene += (WALL - scene) * wall
    niche = _cover(side - PORT_HALF_WIDTH) * _cover(out - PORT_DEPTH) * (out > mouth)
    scene += (0.8 * FLOOR_AT_WALL - scene) * niche
    sides = _cover(np.abs(side - PORT_HALF_WIDTH) - 0.6) * _cover(out - PORT_DEPTH) * (out > mouth)
    back = _cover(np.abs(out - PORT_DEPTH) - 0.6) * _cover(side - PORT_HALF_WIDTH)
    port_walls = np.maximum(sides, back)
    scene += (PORT_WALL - scene) * port_walls
    # Two lamps beside the mouth, behind the wall, with a glow.
    lamp_out, lamp_side = out - 8.0, side - (PORT_HALF_WIDTH + 7.0)
    lamp = _cover(np.maximum(np.abs(lamp_out), np.abs(lamp_side)) - LAMP_SIZE)
    scene += (LAMP - scene) * lamp
    scene += 0.16 * (1 - lamp) * np.exp(-(lamp_out * lamp_out + lamp_side * lamp_side) / 50.0)
    return scene, np.maximum(np.maximum(wall, port_walls), lamp)


def _draw_animal(walk: Walk, across: Reals, up: Reals, scene: Reals) -> tuple[Reals, Reals, Reals]:
    """Tail, then body, then head over `scene`; returns the picture, and how much of a pixel body and tail cover."""
    cos, sin = np.cos(walk.body), np.sin(walk.body)
    rump, shoulder = (RUMP * cos, RUMP * sin), (SHOULDER * cos, SHOULDER * sin)
    nose = (shoulder[0] + NOSE * np.cos(walk.head), shoulder[1] + NOSE * np.sin(walk.head))

    tail = np.full(scene.shape, np.inf, np.float32)
    joint, length = rump, TAIL_LENGTH / TAIL_SEGMENTS
    for i in range(TAIL_SEGMENTS):
        part = (i + 0.5) / TAIL_SEGMENTS
        direction = walk.body + math.pi + part * walk.tail_bend + walk.tail_wave * math.sin(2 * math.pi * part)
        end = (joint[0] + length * np.cos(direction), joint[1] + length * np.sin(direction))
        radius = TAIL_RADIUS_BASE + (TAIL_RADIUS_TIP - TAIL_RADIUS_BASE) * part
        distance, _ = _capsule(across, up, joint, end)
        np.minimum(tail, distance - np.float32(radius), out=tail)
        joint = end

    trunk, along = _capsule(across, up, rump, shoulder)
    trunk_radius = RUMP_RADIUS + (SHOULDER_RADIUS - RUMP_RADIUS) * along + 0.9 * 4 * along * (1 - along)
    head, along_head = _capsule(across, up, shoulder, nose)
    head_radius = SHOULDER_RADIUS + (NOSE_RADIUS - SHOULDER_RADIUS) * along_head
    body = np.minimum(trunk - trunk_radius, head - head_radius)

    tail_cover, body_cover = _cover(tail), _cover(body)
    # The back is round: brighter along the spine than at the flanks.
    fur = FUR + FUR_SHADE * np.clip(-body / 5.0, 0.0, 1.0) - 0.5 * FUR_SHADE
    scene = scene + (TAIL - scene) * tail_cover
    scene = scene + (fur - scene) * body_cover
    return scene, body_cover, tail_cover


_Points = tuple[NDArray[np.float64], NDArray[np.float64]]


def _capsule(across: Reals, up: Reals, start: _Points, end: _Points) -> tuple[Reals, Reals]:
    """Distance of every pixel to the segments from `start` to `end`, and where along it (0 to 1) the nearest is."""
    vx, vy = _column(end[0] - start[0]), _column(end[1] - start[1])
    px, py = across - _column(start[0]), up - _column(start[1])
    along = np.clip((px * vx + py * vy) / (vx * vx + vy * vy), 0.0, 1.0)
    dx, dy = px - along * vx, py - along * vy
    return np.sqrt(dx * dx + dy * dy), along
