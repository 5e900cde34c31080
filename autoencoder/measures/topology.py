"""Whether points lie on a ring: the persistence of their loops.

Source: Bauer (2021), "Ripser: efficient computation of Vietoris-Rips persistence barcodes".
"""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from autoencoder.array_types import Reals
from autoencoder.errors import UserError
from autoencoder.seeding import numpy_stream
from autoencoder.version import installing

LANDMARKS = 400
"""Points, drawn at random, that loops are looked for among: a second or less."""

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

    def keep(self, other: Loops) -> bool:
        """Whether these loops, of points in the plane, are those of a ring of codes, `other`.

        An open ring has a loop as well, which closes where its ends see each other: it is shorter.
        """
        return self.is_ring and self.first > KEPT * other.first


def can_find_loops() -> bool:
    """Whether ripser is installed (the extra `topology`)."""
    return importlib.util.find_spec("ripser") is not None


def find_loops(points: Reals, seed: int, landmarks: int = LANDMARKS) -> Loops:
    """The longest loops among `points` (n, d), on at most so many of them.

    Raises:
        UserError: ripser is not installed.
    """
    if not can_find_loops():
        raise UserError(f"loops are found by ripser, which is an extra: {installing('topology')}")
    from ripser import ripser

    rows = numpy_stream(seed, "landmarks").permutation(len(points))[:landmarks]
    some: NDArray[np.float64] = np.asarray(points, np.float64)[rows]
    diameter = 2 * float(np.linalg.norm(some - some.mean(axis=0), axis=1).max())
    if diameter == 0:
        return Loops(0.0, 0.0)
    bars = ripser(some / diameter, maxdim=1)["dgms"][1]
    lengths = np.sort(bars[:, 1] - bars[:, 0])[::-1]
    first, second = np.append(lengths, [0.0, 0.0])[:2].tolist()
    return Loops(first, second)
