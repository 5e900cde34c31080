"""When a representation comes to tell a column, and whether it goes on telling it.

Everything here works on skills: what a probe tells, from 0 for nothing to 1 for all of it, so that columns of different
kinds can be put in one order.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from autoencoder.measures.kinds import ColumnKind

Array = NDArray[np.float64]

TOLD = 0.1
"""A skill, or a gain of skill, below this is none."""

HALF = 0.5
"""Of its peak: where a gain sets in, and below which what was told is lost."""

KEPT = 0.9
"""Share of its peak that a skill has where it is kept all the same."""

BLIND_DEG = 90.0
"""The median error of an angle that is guessed blindly."""


def skill(scores: Array, kind: ColumnKind, n_labels: int = 0) -> Array:
    """Scores of any shape on a scale from 0, nothing is told, to 1; less than nothing counts as nothing.

    R2 as it is; of an angle 1 - median error / 90 degrees; of balanced accuracy what it is above chance, (a - 1/k) /
    (1 - 1/k).

    Args:
        scores: see `autoencoder.measures.targets.Target.scores`.
        kind: of the column.
        n_labels: k, of a column of labels.
    """
    if kind is ColumnKind.CIRCULAR:
        scaled = 1 - np.asarray(scores) / BLIND_DEG
    elif kind is ColumnKind.CATEGORY:
        scaled = (np.asarray(scores) - 1 / n_labels) / (1 - 1 / n_labels)
    else:
        scaled = np.asarray(scores)
    return np.asarray(np.where(np.isnan(scaled), np.nan, np.clip(scaled, 0, 1)), np.float64)


@dataclass(frozen=True)
class Emergence:
    """How what one probe tells of one column comes and goes in one run.

    Attributes:
        first, peak, final: skills at the first snapshot, at the best one, and at the last.
        peak_at: number of the best snapshot.
        above_chance: whether the peak beats its null.
        onset: numbers of the two snapshots between which half of the peak's gain over the first snapshot is passed;
            None where the peak does not beat its null, or gains less than `TOLD`.
    """

    first: float
    peak: float
    final: float
    peak_at: int
    above_chance: bool
    onset: tuple[int, int] | None

    @property
    def retained(self) -> float:
        """Gain over the first snapshot at the end, over that at the peak; NaN where there is no onset."""
        if self.onset is None:
            return math.nan
        return (self.final - self.first) / (self.peak - self.first)

    @property
    def is_told(self) -> bool:
        """Whether it was told at any time."""
        return self.above_chance and self.peak >= TOLD

    @property
    def is_lost(self) -> bool:
        """Whether it was told, and less than half of that is left."""
        return self.is_told and self.final < HALF * self.peak


def emergence(skills: Array, *, above_chance: bool) -> Emergence:
    """When a column is told in one run.

    Args:
        skills: (t,) at the run's snapshots, the first before its first update.
        above_chance: whether the largest of them beats its null.

    Raises:
        ValueError: there is none, or one is NaN.
    """
    if len(skills) == 0 or not np.isfinite(skills).all():
        raise ValueError("skills are one finite number for each of one snapshot or more")
    peak_at = int(np.argmax(skills))
    gain = skills - skills[0]
    onset = None
    if above_chance and gain[peak_at] >= TOLD:
        passed = int(np.flatnonzero(gain >= HALF * gain[peak_at])[0])
        onset = passed - 1, passed
    return Emergence(float(skills[0]), float(skills[peak_at]), float(skills[-1]), peak_at, bool(above_chance), onset)


class Fate(StrEnum):
    """What becomes of a column over a run's training."""

    NEVER = "never told"
    KEPT = "told"
    FOLDED = "folded"
    LOST = "lost"


def fate_of(ridge: Emergence, neighbors: Emergence) -> Fate:
    """What becomes of a column, by both probes.

    It is lost only where both probes say so, or the one that ever told it does. Where a ridge tells it less than it
    did and neighbours as well as ever, it has not gone: the code is folded, and its neighbourhoods hold what no line
    through it does.
    """
    told = [probe for probe in (ridge, neighbors) if probe.is_told]
    if not told:
        return Fate.NEVER
    if all(probe.is_lost for probe in told):
        return Fate.LOST
    fallen = ridge.is_told and ridge.peak - ridge.final > TOLD
    if fallen and neighbors.final >= KEPT * neighbors.peak and neighbors.final > ridge.final:
        return Fate.FOLDED
    return Fate.KEPT


def order(one: tuple[float, float] | None, other: tuple[float, float] | None) -> int:
    """Which of two onsets, intervals of training, comes first: -1 the one, 1 the other, 0 where they overlap.

    Where one has no onset, the other comes first; where both have none, neither does.
    """
    if one is None or other is None:
        return (one is None) - (other is None)
    if one[1] <= other[0]:
        return -1
    return 1 if other[1] <= one[0] else 0


def times_before(
    onsets: Sequence[tuple[float, float] | None], others: Sequence[tuple[float, float] | None]
) -> tuple[int, int, int]:
    """Over the seeds of one setting: how often the one sets in before the other, neither does, and after it."""
    found = [order(one, other) for one, other in zip(onsets, others, strict=True)]
    return found.count(-1), found.count(0), found.count(1)
