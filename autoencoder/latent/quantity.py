"""One column as something that a code can be moved along: how far two values are apart, and how a value is read."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autoencoder.data.metadata import Metadata
from autoencoder.errors import UserError
from autoencoder.measures.kinds import ColumnKind
from autoencoder.measures.probes import PROBES, Fold, inner_folds
from autoencoder.measures.timeline import Timeline

MIN_IMAGES = 20
"""Training images with a value that a column needs, and of which a class needs half."""

MAX_CLASSES = 20
PERCENTILES = (2, 98)
"""A number is followed between these percentiles, so that one odd value does not stretch the path."""

FOLD_SEED = 0
"""Of the folds in which a reader chooses its strength, or its neighbours."""

STEPS, TURN_STEPS = 9, 8
"""Values that a number and an angle are brought to; 8 parts of a turn are 45 degrees each."""

READERS = {probe.name: probe for probe in PROBES}

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Quantity:
    """A column whose values are numbers (n,) float64; NaN where unknown. A class is its place in `classes`.

    Attributes:
        name: of the column.
        kind: of the column.
        period: once round of an angle, in its own unit; 1 otherwise.
        classes: (k,) of a category; empty otherwise.
        decimals: with which a number is written.
    """

    name: str
    kind: ColumnKind
    period: float
    classes: NDArray[Any]
    decimals: int = 2

    @property
    def is_closed(self) -> bool:
        """Whether the way through all values ends where it began."""
        return self.kind is ColumnKind.CIRCULAR

    def numbers(self, values: NDArray[Any]) -> Array:
        """Values as they stand in the column, (n,), as numbers; a label that is not among `classes` is unknown."""
        if self.kind is not ColumnKind.CATEGORY:
            return values.astype(np.float64) % self.period if self.kind is ColumnKind.CIRCULAR else values.astype(float)
        places = np.searchsorted(self.classes, values).clip(0, len(self.classes) - 1)
        return np.where(self.classes[places] == values, places, np.nan).astype(np.float64)

    def gaps(self, some: Array, others: Array) -> Array:
        """How far values are apart, in the column's unit; of classes 0 or 1. The shapes are broadcast."""
        apart = np.abs(some - others)
        if self.kind is ColumnKind.CIRCULAR:
            return np.asarray(np.minimum(apart % self.period, self.period - apart % self.period))
        return np.asarray((apart > 0).astype(np.float64) if self.kind is ColumnKind.CATEGORY else apart)

    def features(self, values: Array) -> Array:
        """What is regressed, (n, t): the number, cosine and sine of the angle, an indicator for each class."""
        if self.kind is ColumnKind.CATEGORY:
            return np.asarray(values[:, None] == np.arange(len(self.classes)), np.float64)
        if self.kind is ColumnKind.CIRCULAR:
            turns = 2 * np.pi * values / self.period
            return np.asarray(np.stack([np.cos(turns), np.sin(turns)], axis=1))
        return np.asarray(values[:, None])

    def from_features(self, features: Array) -> Array:
        """Values (n,) that predicted `features` (n, t) stand for."""
        if self.kind is ColumnKind.CATEGORY:
            return np.asarray(features.argmax(axis=1), np.float64)
        if self.kind is ColumnKind.CIRCULAR:
            return np.asarray(np.arctan2(features[:, 1], features[:, 0]) / (2 * np.pi) * self.period % self.period)
        return np.asarray(features[:, 0])

    def error(self, found: Array, wanted: Array) -> float:
        """Median distance in the column's unit; of classes the share that is wrong. The shapes are broadcast."""
        gaps = self.gaps(found, wanted)
        return float(gaps.mean() if self.kind is ColumnKind.CATEGORY else np.median(gaps))

    def targets(self, values: Array) -> Array:
        """The values (k,) that codes are brought to, from those (n,) of the training images."""
        if self.kind is ColumnKind.CATEGORY:
            return np.arange(len(self.classes), dtype=np.float64)
        if self.kind is ColumnKind.CIRCULAR:
            return np.arange(TURN_STEPS) * self.period / TURN_STEPS
        low, high = np.percentile(values, PERCENTILES).tolist()
        return np.linspace(low, high, STEPS)

    def plain(self, value: float) -> Any:
        """A value as it stands in the column."""
        return self.classes[int(value)] if self.kind is ColumnKind.CATEGORY else value

    def text(self, value: float) -> str:
        """A value as it is written in a picture."""
        if self.kind is ColumnKind.CATEGORY:
            named = self.plain(value)
            return " ".join(named.split()) if isinstance(named, str) else f"{named:g}"
        if self.kind is ColumnKind.CIRCULAR:
            degrees = self.period == 360
            return f"{round(value) % 360}\N{DEGREE SIGN}" if degrees else f"{value % self.period:.2f}"
        return f"{value:.{self.decimals}f}".replace("-", "\N{MINUS SIGN}")


def quantity_of(metadata: Metadata, name: str, training: NDArray[np.int64]) -> Quantity:
    """The column `name` as known of the images `training`.

    Classes of fewer than `MIN_IMAGES` / 2 training images are left out: they count as unknown.

    Raises:
        UserError: there is no such column, it is constant, or it has too few values or too many classes.
    """
    values = metadata.column(name)[training]
    kind = metadata.kind(name)
    known = values[values != ""] if values.dtype.kind == "U" else values[np.isfinite(values)]
    distinct, sizes = np.unique(known, return_counts=True)
    if len(known) < MIN_IMAGES:
        raise UserError(
            f"column '{name}' has a value for only {len(known)} training images, and {MIN_IMAGES} are needed"
        )
    if len(distinct) == 1:
        raise UserError(f"column '{name}' is constant, {distinct[0]} for all training images: choose another one")
    if kind is not ColumnKind.CATEGORY:
        period = metadata.period(name) if kind is ColumnKind.CIRCULAR else 1.0
        low, high = np.percentile(known, PERCENTILES).tolist()
        return Quantity(name, kind, period, np.empty(0), decimals_for(high - low))
    classes = distinct[sizes >= MIN_IMAGES // 2]
    if not 2 <= len(classes) <= MAX_CLASSES:
        raise UserError(
            f"column '{name}' has {len(classes)} classes of {MIN_IMAGES // 2} training images or more: codes can be "
            f"moved between 2 to {MAX_CLASSES} of them"
        )
    return Quantity(name, kind, 1.0, classes)


def decimals_for(span: float) -> int:
    """Decimals that tell a hundredth of `span` from nothing; at most 6."""
    return int(np.clip(2 - math.floor(math.log10(span)), 0, 6)) if span > 0 else 2


@dataclass(frozen=True, eq=False)
class Reader:
    """Reads a quantity from codes: `name` of `READERS`, fitted to `codes` (n, d) with `values` (n,)."""

    quantity: Quantity
    name: str
    codes: Array
    values: Array

    def __call__(self, codes: NDArray[np.floating[Any]]) -> Array:
        """The values (m,) read from `codes` (m, d)."""
        n, m = len(self.codes), len(codes)
        rows, alone = Fold(np.arange(n), np.arange(n, n + m)), Timeline(np.zeros(n, np.int64), None)
        folds = inner_folds(alone, rows.fit, 0.0, FOLD_SEED)
        probe = READERS[self.name](np.concatenate([self.codes, codes.astype(np.float64)]), rows, folds)
        features = self.quantity.features(self.values)
        targets = np.concatenate([features, np.zeros((m, features.shape[1]))])  # what is asked for is not known
        return self.quantity.from_features(probe.predict(targets[:, None])[:, 0])


def best_reader(
    quantity: Quantity, training: tuple[Array, Array], held_out: tuple[Array, Array]
) -> tuple[Reader, dict[str, float]]:
    """The decoder with the least error on codes and values that it was not fitted to, and the error of each."""
    readers = [Reader(quantity, name, *training) for name in READERS]
    errors = {reader.name: quantity.error(reader(held_out[0]), held_out[1]) for reader in readers}
    return min(readers, key=lambda reader: errors[reader.name]), errors
