"""Probes: how well a column is read from codes, fitted to some rows and scored on others.

A probe is built once for codes and rows, and reads as many sets of labels as it is given: those of the data, and those
of a null. Whatever it chooses (the strength of a ridge, the number of neighbours), it chooses for each of them anew,
inside the rows that it is fitted to.
"""

from __future__ import annotations

import abc
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from autoencoder.array_types import Integers, Reals, Rows
from autoencoder.measures.timeline import Timeline, away_from
from autoencoder.neighbors.exact import nearest
from autoencoder.seeding import numpy_stream

FOLDS = 5
"""Parts of the rows that a probe is fitted to, in which it chooses its strength or its neighbours."""

STRENGTHS = np.logspace(-3, 6, 19)
"""Of a ridge on standardised codes, for each row that it is fitted to; the last is nothing but the mean."""

NEIGHBORS = (3, 10, 30, 100)
"""How many nearest rows to choose from."""

STRETCH_TAUS = 5.0
"""Correlation times in a stretch of frames, about; `inner_folds` deals whole stretches to folds."""

FEWEST_STRETCHES = 2
"""Stretches in a fold, about; they are made shorter where there would be fewer."""

NEARLY_THE_MEAN = 0.01
"""The last choice is the mean of all rows with this share of the way to the mean of the most neighbours. The mean alone
would be the same for many sets of labels, and whether one of them tells more than another could not be said."""

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Fold:
    """Rows to fit to, and others to score on."""

    fit: Rows
    score: Rows


class Probe(abc.ABC):
    """Reads labels from codes.

    Args:
        codes: (n, d), finite.
        rows: those to fit to, and to score on.
        folds: parts of the former; `inner_folds` makes some.

    Attributes:
        used: rows that the probe needs the labels of: those to fit to, then those to score on.
    """

    name: str
    title: str

    def __init__(self, codes: Reals, rows: Fold, folds: Sequence[Fold]) -> None:
        n_fit = len(rows.fit)
        self.used = np.concatenate([rows.fit, rows.score])
        self._codes = np.asarray(codes[self.used], np.float64)
        self._rows = Fold(np.arange(n_fit), np.arange(n_fit, len(self.used)))
        self._folds = [
            Fold(np.searchsorted(rows.fit, fold.fit), np.searchsorted(rows.fit, fold.score)) for fold in folds
        ]

    @abc.abstractmethod
    def predict(self, targets: Array) -> Array:
        """Predictions (rows to score on, c, t).

        Args:
            targets: (len(used), c, t), c sets of labels of the rows `used`, t numbers each.
        """


class RidgeProbe(Probe):
    """Ridge regression on standardised codes: what is linear in the code.

    The strength is one for all numbers of a set of labels, see `choose`. Errors come from sums of products, so that a
    set of labels costs no pass over rows for each strength.
    """

    name = "ridge"
    title = "ridge regression"

    def __init__(self, codes: Reals, rows: Fold, folds: Sequence[Fold]) -> None:
        super().__init__(codes, rows, folds)
        self._outer = _Ridge(self._codes, self._rows)
        self._inner = [_Ridge(self._codes, fold) for fold in self._folds]

    def predict(self, targets: Array) -> Array:
        """See `Probe.predict`."""
        errors = np.stack([ridge.errors(targets).sum(axis=2) for ridge in self._inner])
        return self._outer.predict(targets, STRENGTHS[choose(errors)])


class _Ridge:
    """Ridge regressions on the rows of one fold, by one decomposition."""

    def __init__(self, codes: Array, rows: Fold) -> None:
        self._rows = rows
        fit, score = codes[rows.fit], codes[rows.score]
        mean, deviation = fit.mean(axis=0), fit.std(axis=0)
        scale = np.where(deviation > 1e-12 * np.abs(mean).clip(1e-30), deviation, np.inf)  # a constant unit becomes 0
        self._fit, self._score = (fit - mean) / scale, (score - mean) / scale
        self._values, self._directions = np.linalg.eigh(self._fit.T @ self._fit / len(fit))
        self._values = self._values.clip(0)
        self._projected = self._score @ self._directions
        self._products = self._projected.T @ self._projected

    def _coordinates(self, targets: Array) -> tuple[Array, Array]:
        """Products of codes and labels in the directions (d, c, t), and the labels' means (c, t)."""
        known = targets[self._rows.fit]
        mean = known.mean(axis=0)
        flat = (known - mean).reshape(len(known), -1)
        coordinates = self._directions.T @ (self._fit.T @ flat / len(self._fit))
        return np.asarray(coordinates.reshape(-1, *mean.shape)), mean

    def errors(self, targets: Array) -> Array:
        """Squared error on the rows to score on, for each strength, (strengths, c, t)."""
        coordinates, mean = self._coordinates(targets)
        wanted = (targets[self._rows.score] - mean).reshape(len(self._rows.score), -1)
        crossed = self._projected.T @ wanted
        total = np.square(wanted).sum(axis=0)
        shrunk = 1 / (self._values + STRENGTHS[:, None])
        weights = shrunk[:, :, None] * coordinates.reshape(len(self._values), -1)  # (strengths, d, c * t)
        errors = total + (weights * (self._products @ weights - 2 * crossed)).sum(axis=1)
        return np.asarray(errors.reshape(len(STRENGTHS), *mean.shape))

    def predict(self, targets: Array, strengths: Array) -> Array:
        """Predictions (score rows, c, t) with a strength for each set (c,)."""
        coordinates, mean = self._coordinates(targets)
        weights = coordinates / (self._values[:, None] + strengths)[:, :, None]
        return mean + np.tensordot(self._projected, weights, axes=(1, 0))


class NeighborsProbe(Probe):
    """The mean of the nearest rows: what is near in the code, linear or not.

    Their number is one of `NEIGHBORS`, or nearly all, see `choose`. Distances are those of the code as it is:
    standardising would make units that hardly vary as loud as the others.
    """

    name = "knn"
    title = "nearest neighbours"

    def __init__(self, codes: Reals, rows: Fold, folds: Sequence[Fold]) -> None:
        super().__init__(codes, rows, folds)
        near = (self._codes - self._codes.mean(axis=0)).astype(np.float32)  # squares round off what is far from 0
        self._outer = _Neighbors(near, self._rows)
        self._inner = [_Neighbors(near, fold) for fold in self._folds]

    def predict(self, targets: Array) -> Array:
        """See `Probe.predict`."""
        n_sets, width = targets.shape[1:]
        errors: Array = np.empty((len(self._inner), len(NEIGHBORS) + 1, n_sets))
        for fold, neighbors in enumerate(self._inner):
            wanted = targets[neighbors.rows.score]
            for i, means in enumerate(neighbors.means(targets)):
                errors[fold, i] = np.square(means - wanted).sum(axis=(0, 2))
        best = choose(errors)
        chosen = np.empty((len(self._rows.score), n_sets, width))
        for i, means in enumerate(self._outer.means(targets)):
            chosen[:, best == i] = means[:, best == i]
        return chosen


class _Neighbors:
    """The nearest rows of one fold."""

    def __init__(self, codes: NDArray[np.float32], rows: Fold) -> None:
        self.rows = rows
        self._counts = [min(k, len(rows.fit)) for k in NEIGHBORS]
        indices, _ = nearest(codes[rows.score], codes[rows.fit], self._counts[-1])
        self._parts, begun = [], 0
        for count in self._counts:
            part = indices[:, begun:count]
            starts = np.arange(len(part) + 1) * part.shape[1]
            ones = np.ones(part.size)
            self._parts.append(sparse.csr_matrix((ones, part.ravel(), starts), (len(part), len(rows.fit))))
            begun = count

    def means(self, targets: Array) -> Iterator[Array]:
        """Means (score rows, c, t) of the labels of more and more neighbours, at last nearly that of all rows."""
        known = targets[self.rows.fit]
        n_fit, shape = len(known), known.shape[1:]
        flat = known.reshape(n_fit, -1)
        total, everywhere = np.zeros((len(self.rows.score), flat.shape[1])), flat.mean(axis=0)
        for count, part in zip(self._counts, self._parts, strict=True):
            if part.nnz:
                total += part @ flat
            yield (total / count).reshape(-1, *shape)
        yield (everywhere + NEARLY_THE_MEAN * (total / self._counts[-1] - everywhere)).reshape(-1, *shape)


def choose(errors: Array) -> NDArray[np.int64]:
    """The last choice, for each set of labels (c,), that is not worse than the best one by more than chance.

    Choices go from what follows the labels closely to nearly their mean. A later one is taken where the folds' errors,
    summed, exceed those of the best by no more than one standard error of the difference: few folds can't tell whether
    a close fit is more than luck. (The one-standard-error rule of Breiman et al. 1984, on differences within folds.)

    Args:
        errors: (folds, choices, c) squared errors.
    """
    n, total = len(errors), errors.sum(axis=0)
    best = total.argmin(axis=0)
    excess = errors - np.take_along_axis(errors, best[None, None], axis=1)
    tolerated = np.sqrt(n) * excess.std(axis=0, ddof=1) if n > 1 else np.zeros_like(total)
    fine = excess.sum(axis=0) <= tolerated
    return np.asarray(len(total) - 1 - fine[::-1].argmax(axis=0))


PROBES: tuple[type[Probe], ...] = (RidgeProbe, NeighborsProbe)
"""What is linear in the code, and what is near in it: read together, since each misses what the other sees."""


def inner_folds(timeline: Timeline, fit: Rows, tau: float, seed: int, groups: Integers | None = None) -> list[Fold]:
    """Parts of the rows `fit`, of the same kind as the split that they come from.

    Whole groups where there are at least as many as folds; otherwise stretches of frames, `STRETCH_TAUS` tau long or
    shorter where a fold would have fewer than `FEWEST_STRETCHES`, with tau frames at their borders left out; single
    rows, where rows have no time.

    Args:
        timeline: of all rows.
        fit: the rows to divide.
        tau: correlation time of the slowest label, in frames.
        seed: of the division.
        groups: (n,) group of each row; None where there are none.
    """
    generator = numpy_stream(seed, "folds of probes")
    if groups is not None and len(np.unique(groups[fit])) >= FOLDS:
        pieces = np.unique(groups[fit], return_inverse=True)[1]
        return _dealt(fit, pieces, generator)
    if timeline.frames is None:
        return _dealt(fit, generator.permutation(len(fit)), generator)
    own = timeline.take(fit)
    long_enough = STRETCH_TAUS * max(tau, 1.0) / timeline.usual_step
    length = max(1.0, min(long_enough, len(fit) / (FEWEST_STRETCHES * FOLDS)))
    gap = min(tau, length * timeline.usual_step / 2)  # something is left between two pieces
    pieces, begun = np.empty(len(fit), np.int64), 0
    for part in own.segments():
        n = max(1, round(len(part) / length))
        pieces[part] = begun + np.arange(len(part)) * n // len(part)
        begun += n
    return [Fold(away_from(timeline, fold.fit, fold.score, gap), fold.score) for fold in _dealt(fit, pieces, generator)]


def _dealt(rows: Rows, pieces: Integers, generator: np.random.Generator) -> list[Fold]:
    """Whole pieces dealt to `FOLDS` folds at random, in turn, so that folds have about as many."""
    n_pieces = int(pieces.max()) + 1
    rounds = [generator.permutation(FOLDS) for _ in range(0, n_pieces, FOLDS)]
    fold_of = np.concatenate(rounds)[:n_pieces][pieces]
    folds = [Fold(rows[fold_of != fold], rows[fold_of == fold]) for fold in range(FOLDS)]
    return [fold for fold in folds if len(fold.fit) and len(fold.score)]
