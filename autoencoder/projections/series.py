"""A layer's activations at every moment of training, read one moment at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache, partial

import numpy as np

from autoencoder.array_types import FloatArray, Rows
from autoencoder.errors import UserError
from autoencoder.latent.layers import MAX_FEATURES, Moment, Narrowing
from autoencoder.seeding import draw_rows

MOMENTS_TO_NARROW_BY = 5
ROWS_TO_NARROW_BY = 4000
"""Moments, and rows of all of them together, that a wide layer's principal components are those of."""

KEPT_BYTES = 2**30
"""Activations that a network computed and that are kept for a second look; others are computed again."""


class Series:
    """T arrays (n, d) float32 of the same n images, in the order of training.

    Args:
        loads: reads or computes each array; called whenever the array is asked for.
        names: of the arrays, for messages.
        narrow: what brought a wide layer to fewer features, for codes from elsewhere; None where nothing did.
    """

    def __init__(
        self, loads: Sequence[Callable[[], FloatArray]], names: Sequence[str], narrow: Narrowing | None = None
    ) -> None:
        self._loads, self.names, self.narrow = list(loads), list(names), narrow
        self._shape: tuple[int, ...] | None = None

    def __len__(self) -> int:
        return len(self._loads)

    def __getitem__(self, t: int) -> FloatArray:
        """Moment t, (n, d).

        Raises:
            UserError: a file is missing or damaged, the array has values that are not finite, or another shape than
                those before it.
        """
        array = np.ascontiguousarray(self._loads[t](), np.float32)
        if not np.isfinite(array).all():
            raise UserError(
                f"{self.names[t]} has values that are not finite (NaN or infinite): did the training diverge? "
                "--stop-index N leaves it and what follows out"
            )
        if self._shape not in (None, array.shape):
            raise UserError(f"{self.names[t]} has shape {array.shape}, and other snapshots of the run {self._shape}")
        self._shape = array.shape
        return array

    @property
    def width(self) -> int:
        """Features that the layer has, before it was narrowed."""
        return self.shape[1] if self.narrow is None else self.narrow.width

    def draw(self, most: int, seed: int, purpose: str) -> Rows:
        """At most so many of the n rows, by `draw_rows`."""
        return draw_rows(np.arange(self.shape[0]), most, seed, purpose)

    @property
    def shape(self) -> tuple[int, int]:
        """(n, d)."""
        n, d = self._shape or self[len(self) - 1].shape
        return n, d

    def rows(self, rows: Rows) -> FloatArray:
        """These rows of every moment, (T, len(rows), d)."""
        return np.stack([self[t][rows] for t in range(len(self))])

    def movement(self) -> FloatArray:
        """How far each image's code moves from one moment to the next, (T - 1, n)."""
        steps = np.empty((max(len(self) - 1, 0), self.shape[0]), np.float32)
        before = self[0]
        for t in range(1, len(self)):
            now = self[t]
            steps[t - 1] = np.linalg.norm(now - before, axis=1)
            before = now
        return steps

    def twice(self, rows: Rows) -> Series:
        """`rows` of every moment two times in a row: what moves between the two is not the network's doing."""
        array = self.rows(rows)
        loads = [partial(array.__getitem__, t) for t in range(len(self)) for _ in range(2)]
        return Series(loads, [name for name in self.names for _ in range(2)])


class _Kept:
    """Arrays that are computed when they are first asked for, and kept up to `KEPT_BYTES` of them.

    Args:
        compute: the array of a number.
    """

    def __init__(self, compute: Callable[[int], FloatArray]) -> None:
        self._compute, self._kept, self._room = compute, dict[int, FloatArray](), KEPT_BYTES

    def __call__(self, t: int) -> FloatArray:
        if t in self._kept:
            return self._kept[t]
        array = self._compute(t)
        if array.nbytes <= self._room:
            self._kept[t], self._room = array, self._room - array.nbytes
        return array

    def forget(self, t: int) -> None:
        """Make room for others."""
        self._room += self._kept.pop(t).nbytes if t in self._kept else 0


def series_of(moments: Sequence[Moment], seed: int) -> Series:
    """The layer at `moments`; a layer of more than `MAX_FEATURES` features is brought to its principal components.

    These are the same components at every moment, of rows taken evenly from the whole of training, since what is
    projected has to be the same thing at every moment. What a network has to compute is computed once, as far as
    `KEPT_BYTES` go.
    """
    names = [moment.name for moment in moments]
    stored = Series([moment.load for moment in moments], names)
    if not any(moment.is_computed for moment in moments):
        return stored if stored.width <= MAX_FEATURES else _narrowed(stored, lambda _: None, seed)
    kept = _Kept(lambda t: moments[t].load())
    computed = Series([partial(kept, t) for t in range(len(moments))], names)
    return computed if computed.width <= MAX_FEATURES else _narrowed(computed, kept.forget, seed)


def _narrowed(whole: Series, forget: Callable[[int], None], seed: int) -> Series:
    """The principal components of a wide layer; `forget` is told which of its moments are not needed any more."""
    chosen = np.unique(np.linspace(0, len(whole) - 1, MOMENTS_TO_NARROW_BY).round().astype(int))
    rows = whole.draw(max(1, ROWS_TO_NARROW_BY // len(chosen)), seed, "narrowing")
    narrow = Narrowing(np.concatenate([whole[int(t)][rows] for t in chosen]), seed)

    @cache
    def load(t: int) -> FloatArray:
        narrowed = narrow(whole[t])
        forget(t)
        return narrowed

    return Series([partial(load, t) for t in range(len(whole))], whole.names, narrow)
