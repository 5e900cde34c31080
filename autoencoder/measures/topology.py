"""Whether points lie on a ring: the persistence of their loops.

Source: Bauer (2021), "Ripser: efficient computation of Vietoris-Rips persistence barcodes".
"""

from __future__ import annotations

import importlib.util
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import cdist

from autoencoder.array_types import Integers, Reals, Rows
from autoencoder.errors import UserError
from autoencoder.measures.timeline import Timeline
from autoencoder.seeding import numpy_stream
from autoencoder.version import installing

Array = NDArray[np.float64]

LANDMARKS = 400
"""Points, drawn at random, that loops are looked for among: a second or less."""

SETS = 5
"""Sets of landmarks that all have to show a ring."""

SET_LANDMARKS = 300
"""Points of each of several sets: up to 0.3 s of a ring, and 0.05 s of what is none. Rings, tori, discs and figures of
eight are told apart as well by 200 of them as by 400."""

DOMINANT = 5.0
"""A ring is a loop whose bar is more than so many times as long as that of the second loop."""

KEPT = 0.5
"""Of a ring's bar, where the plane is said to keep the ring."""


@dataclass(frozen=True)
class Loops:
    """The two longest bars of H1, over the diameter of the points: a circle has about 0.87 and 0."""

    first: float
    second: float

    @property
    def is_ring(self) -> bool:
        """Whether one loop dominates."""
        return self.first > DOMINANT * self.second and self.first > 0

    @property
    def ratio(self) -> float:
        """How many times as long the first bar is; infinite for a single loop, 0 where there is none."""
        if self.first == 0:
            return 0.0
        return self.first / self.second if self.second > 0 else math.inf

    def keep(self, other: Loops) -> bool:
        """Whether these loops, of points in the plane, are those of a ring of codes, `other`.

        An open ring has a loop as well, which closes where its ends see each other: it is shorter.
        """
        return self.is_ring and self.first > KEPT * other.first


@dataclass(frozen=True)
class Rings:
    """The loops on each of several sets of landmarks, of which there is one at least."""

    sets: tuple[Loops, ...]

    @property
    def is_ring(self) -> bool:
        """Whether one loop dominates on every set.

        That of an arc does too, if its ends are nearer to each other than opposite points are: it is `first` that says
        how wide the gap is.
        """
        return all(loops.is_ring for loops in self.sets)

    @property
    def ratio(self) -> float:
        """First bar over second, the median of all sets; infinite where most of them have a single loop."""
        return float(np.median([loops.ratio for loops in self.sets]))

    @property
    def first(self) -> float:
        """The longest bar, the median of all sets."""
        return float(np.median([loops.first for loops in self.sets]))

    @property
    def second(self) -> float:
        """The second longest bar, the median of all sets."""
        return float(np.median([loops.second for loops in self.sets]))


def can_find_loops() -> bool:
    """Whether ripser is installed (the extra `topology`)."""
    return importlib.util.find_spec("ripser") is not None


def find_loops(points: Reals, seed: int, landmarks: int = LANDMARKS, draw: int = 0) -> Loops:
    """The longest loops among `points` (n, d), on at most so many of them.

    Args:
        points: (n, d), finite.
        seed: of the landmarks.
        landmarks: how many points are drawn; all where there are no more.
        draw: number of the set of landmarks; each is drawn by itself.

    Raises:
        UserError: ripser is not installed.
    """
    some = np.asarray(points, np.float64)[draw_landmarks(len(points), seed, landmarks, draw)]
    centred = some - some.mean(axis=0)
    diameter = 2 * float(np.linalg.norm(centred, axis=1).max())
    if diameter == 0:
        return Loops(0.0, 0.0)
    bars, _ = persistence(cdist(centred / diameter, centred / diameter))
    lengths = np.sort(bars[:, 1] - bars[:, 0])[::-1]
    first, second = np.append(lengths, [0.0, 0.0])[:2].tolist()
    return Loops(first, second)


def rings(points: Reals, seed: int, sets: int = SETS, landmarks: int = SET_LANDMARKS) -> Rings:
    """The longest loops among `points` (n, d) on each of several sets of landmarks, drawn independently.

    Where there are no more points than landmarks, all sets would be the same, and there is one.

    Args:
        points: (n, d), finite. Where they are all the same, there is no ring, and bars are 0.
        seed: of the landmarks.
        sets: how many sets.
        landmarks: points in each.

    Raises:
        UserError: ripser is not installed.
    """
    different = sets if len(points) > landmarks else 1
    return Rings(tuple(find_loops(points, seed, landmarks, draw) for draw in range(different)))


def loops_by_chance(
    points: Reals, timeline: Timeline | None, seed: int, sets: int = SETS, landmarks: int = SET_LANDMARKS
) -> Rings:
    """The longest loops where units (columns) have nothing to do with each other, each having the values that it has.

    Rows without time are permuted, for each unit by itself. Rows with time are put in its order, recording after
    recording, and moved on, the last to the beginning: for each unit by another share of them all, any two at least
    1/(2 d) apart. What resembles its neighbours does so still; two units that go on swinging at one frequency make a
    loop still as well, so that a ring that is gone through at an even pace is not far above this.

    Args:
        points: (n, d), finite.
        timeline: of the n rows; None for rows without time.
        seed: of the draws, and of the landmarks, which are other rows in each of them.
        sets: draws.
        landmarks: points that loops are looked for among, in each draw.

    Raises:
        UserError: ripser is not installed.
    """
    drawn = (find_loops(_units_apart(points, timeline, seed, draw), seed, landmarks, draw) for draw in range(sets))
    return Rings(tuple(drawn))


def draw_landmarks(n: int, seed: int, landmarks: int, draw: int = 0) -> Rows:
    """Which of n points are landmarks: so many at random, or all of them; `draw` is the number of the set."""
    return numpy_stream(seed, "landmarks", draw).permutation(n)[:landmarks]


def persistence(distances: Array, prime: int | None = None) -> tuple[Array, list[Integers]]:
    """The bars of H1 of the Vietoris-Rips complex.

    Args:
        distances: (m, m).
        prime: of the coefficients, for cocycles as well; None for bars modulo 2 without them.

    Returns:
        bars (b, 2), birth and death; a cocycle of each, (edges, 3): from one point to another, and the value between
        them, from 1 to prime - 1. Edges with the value 0 are left out.

    Raises:
        UserError: ripser is not installed.
    """
    if not can_find_loops():
        raise UserError(f"loops are found by ripser, which is an extra: {installing('topology')}")
    from ripser import ripser

    found = ripser(distances, maxdim=1, distance_matrix=True, coeff=prime or 2, do_cocycles=prime is not None)
    bars: Array = np.asarray(found["dgms"][1], np.float64)
    return bars, [np.asarray(cocycle, np.int64) for cocycle in found["cocycles"][1]] if prime else []


def _units_apart(points: Reals, timeline: Timeline | None, seed: int, draw: int) -> Reals:
    """Points (n, d) with the rows of each unit permuted, or moved in time."""
    generator, (n, d) = numpy_stream(seed, "units apart", draw), points.shape
    apart = np.empty_like(points)
    if timeline is None or timeline.frames is None:
        for unit in range(d):
            apart[:, unit] = points[generator.permutation(n), unit]
        return apart
    ordered = np.concatenate(timeline.segments())
    shares = (generator.permutation(d) + generator.uniform(0, 0.5, d)) / d
    for unit in range(d):
        apart[ordered, unit] = points[np.roll(ordered, round(shares[unit] * n)), unit]
    return apart
