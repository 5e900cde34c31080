"""A column as something to be read from codes: what is regressed, how wrong a prediction is, and the score of many."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autoencoder.array_types import Rows
from autoencoder.measures.angles import circular_error_deg
from autoencoder.measures.kinds import ColumnKind
from autoencoder.measures.nulls import SIGNIFICANT

Array = NDArray[np.float64]

SCORE_NAMES = {
    ColumnKind.LINEAR: "R2",
    ColumnKind.CIRCULAR: "median error, deg",
    ColumnKind.CATEGORY: "balanced accuracy",
}

FAR_DEG = 90.0
"""An angle that is further off than this is nearer to its opposite."""


@dataclass(frozen=True, eq=False)
class Target:
    """A column of n rows.

    Attributes:
        kind: what it holds.
        values: (n, t) what is regressed: the number; cosine and sine of the angle; an indicator for each label.
        known: (n,) rows with a value; `values` of the others are those of their nearest neighbour in time.
    """

    kind: ColumnKind
    values: Array
    known: NDArray[np.bool_]

    def errors(self, predicted: Array, true: Array) -> Array:
        """How wrong predictions (..., t) are, (...): squared errors, degrees, or 1 for a wrong label and 0 for a right
        one."""
        if self.kind is ColumnKind.LINEAR:
            return np.asarray(np.square(predicted - true).sum(axis=-1))
        if self.kind is ColumnKind.CATEGORY:
            return np.asarray(predicted.argmax(axis=-1) != true.argmax(axis=-1), np.float64)
        angles = (np.arctan2(vectors[..., 1], vectors[..., 0]) for vectors in (predicted, true))
        return circular_error_deg(*angles)

    def weights(self, true: Array) -> Array:
        """Weight of each row (rows,) in the mean error: of labels, each label has the same in all; true (rows, t)."""
        if self.kind is not ColumnKind.CATEGORY:
            return np.ones(len(true))
        frequent = true.sum(axis=0)
        return np.asarray(1 / (frequent[true.argmax(axis=1)] * (frequent > 0).sum()))

    def scores(self, predicted: Array, true: Array, mean: Array) -> Array:
        """The score (c,) of predictions (rows, c, t).

        Linear columns: R2 = 1 - sum (y - prediction)^2 / sum (y - mean)^2 with the mean (c, t) of the rows that the
        probe was fitted to, so that a probe that knows nothing scores 0. Angles: the median circular error in degrees.
        Labels: balanced accuracy, the mean over labels of the share of their rows that is told.
        """
        if self.kind is ColumnKind.LINEAR:
            return 1 - np.exp(-told(predicted, true, mean))
        errors = self.errors(predicted, true)
        if self.kind is ColumnKind.CIRCULAR:
            return np.asarray(np.median(errors, axis=0))
        frequent = true.sum(axis=0)  # (c, labels)
        right = np.einsum("rcl,rc->cl", true, 1 - errors)
        there = frequent > 0
        return np.asarray(np.where(there, right / np.where(there, frequent, 1), 0).sum(axis=1) / there.sum(axis=1))

    def more(self, predicted: Array, true: Array) -> dict[str, float]:
        """What else is said of predictions (rows, t): of an angle mean, 95th percentile and the share beyond 90
        degrees; of labels the accuracy."""
        errors = self.errors(predicted, true)
        if self.kind is ColumnKind.CATEGORY:
            return {"accuracy": float(1 - errors.mean())}
        if self.kind is ColumnKind.LINEAR:
            return {}
        return {
            "mean_error_deg": float(errors.mean()),
            "p95_error_deg": float(np.percentile(errors, 95)),
            "share_beyond_90_deg": float((errors > FAR_DEG).mean()),
        }


def told(predicted: Array, true: Array, mean: Array) -> Array:
    """How much predictions (rows, c, t) tell, (c,): -log(1 - R2) of what is regressed, against the mean (c, t).

    The statistic of every null: larger is more, it has no ties as an accuracy has, and its spread by chance is more
    even than that of R2.
    """
    left = np.square(predicted - true).sum(axis=(0, 2))
    tiny = np.finfo(np.float64).tiny
    return np.asarray(np.log(np.square(true - mean).sum(axis=(0, 2)).clip(tiny)) - np.log(left.clip(tiny)))


def beats_chance(score: float, best_by_chance: float, p: float, kind: ColumnKind) -> bool:
    """Whether p is below `SIGNIFICANT` and the score better than what 5 % of draws reach.

    Both, because p is of what is told before it is rounded to a label: predictions that hardly move with the codes can
    have a small p, and name the same label for every row. Errors of angles are better the smaller they are.
    """
    is_better = score < best_by_chance if kind is ColumnKind.CIRCULAR else score > best_by_chance
    return p < SIGNIFICANT and is_better


def as_target(values: NDArray[Any], kind: ColumnKind, period: float, order: list[Rows]) -> Target:
    """A column (n,) as a target.

    Args:
        values: numbers (NaN where unknown) or text ("" where unknown).
        kind: of the column.
        period: once round of an angle.
        order: rows in the order of time, recording by recording.
    """
    known = values != "" if values.dtype.kind == "U" else np.isfinite(values.astype(np.float64))
    filled = values.copy()
    for rows in order:
        there = np.flatnonzero(known[rows])
        if len(there) in (0, len(rows)):
            continue
        places = np.arange(len(rows))
        after = np.searchsorted(there, places).clip(0, len(there) - 1)
        before = (after - 1).clip(0)
        nearer = np.where(np.abs(there[before] - places) <= np.abs(there[after] - places), before, after)
        filled[rows] = values[rows[there[nearer]]]
    if kind is ColumnKind.CATEGORY:
        labels = np.unique(values[known])
        return Target(kind, np.asarray(filled[:, None] == labels, np.float64), known)
    numbers = np.nan_to_num(filled.astype(np.float64))
    if kind is ColumnKind.CIRCULAR:
        turns = numbers * (2 * np.pi / period)
        return Target(kind, np.stack([np.cos(turns), np.sin(turns)], axis=1), known)
    return Target(kind, numbers[:, None], known)
