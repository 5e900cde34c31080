"""Codes of held-out images on their way along a column or a unit, with what was measured of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autoencoder.array_types import Rows
from autoencoder.latent.quantity import Quantity
from autoencoder.measures.kinds import ColumnKind
from autoencoder.seeding import numpy_stream
from autoencoder.workflows.traversals.ground import Ground

N_MEASURED = 100
"""Held-out images that are brought to every value, so that a number says how well that goes."""

SECONDS, SECONDS_PER_CLASS = 8.0, 2.0
"""Length of a movie, there and back, of numbers and angles, and for each of the classes."""

Array = NDArray[np.float64]
Advance = Callable[[int], None]


@dataclass(frozen=True)
class Pace:
    """Frames per second of a movie, and its length in seconds; None for `SECONDS`, or `SECONDS_PER_CLASS`."""

    fps: float
    seconds: float | None

    def places(self, quantity: Quantity) -> Array:
        """Places on the way, from 0 to 1: one per frame, or half as many where the way back shows them again."""
        usual = SECONDS_PER_CLASS * len(quantity.classes) if quantity.kind is ColumnKind.CATEGORY else SECONDS
        n_frames = round((usual if self.seconds is None else self.seconds) * self.fps)
        return np.linspace(0, 1, max(2, (n_frames if quantity.is_closed else n_frames // 2) + 1))


@dataclass(frozen=True, eq=False)
class Traversal:
    """Where codes go.

    Attributes:
        label: the column or the unit in words.
        rows: (m,) images that it starts from, and the values (m,) that they have.
        targets: (k,) values that codes are brought to.
        codes: (m, k, d) moved, and the values (m, k) `found` in their pictures.
        places: (f,) ascending from 0 to 1, on the way from the first to the last target, or once round.
        path: (m, f, d) codes at these places.
        quantity: what the values are of.
        note: what the numbers around the pictures are, and what was measured.
        summary: what was measured, for a reader.
        numbers: the same, and all else that is worth keeping.
    """

    label: str
    rows: Rows
    values: Array
    targets: Array
    codes: Array
    found: Array
    places: Array
    path: Array
    quantity: Quantity
    note: str
    summary: str
    numbers: dict[str, Any]


def measured_starts(ground: Ground, n: int) -> NDArray[np.int64]:
    """Positions of `N_MEASURED` of `n` held-out images, or of all."""
    return numpy_stream(ground.seed, "measured starts").permutation(n)[:N_MEASURED]


def spread_out(values: Array, n: int) -> NDArray[np.int64]:
    """Positions of `n` values, at most all of them, at evenly spaced ranks."""
    n = min(n, len(values))
    return np.argsort(values, kind="stable")[((np.arange(n) + 0.5) * len(values) / n).astype(np.int64)]


def read_from_pictures(ground: Ground, read: Callable[[Array], Array], codes: Array) -> Array:
    """Values (m, k) read from the codes of the pictures of codes (m, k, d)."""
    return read(ground.again(codes.reshape(-1, codes.shape[-1]))).reshape(codes.shape[:2])


def distance_text(ratio: float) -> str:
    """How far moved codes are from those of training images, whose distance is 0 where most of these are equal."""
    if np.isnan(ratio):
        return "most training codes have an equal one, so distances to them say nothing"
    return f"distance to the nearest training code {ratio:.2f} of that between these"
