"""How far a number of held-out rows may be off, from how it differs between stretches of them.

Rows that follow each other are no independent samples; stretches of several correlation times nearly are. A number of
all rows is taken again without each stretch in turn (the jackknife: Efron & Tibshirani 1993, chapter 11), on a
logarithmic scale, where its distribution is more even.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from autoencoder.array_types import Integers, Rows
from autoencoder.measures.timeline import Timeline

FEWEST_BLOCKS = 10
"""No interval is given from fewer stretches than this."""

BLOCK_TAUS = 3.0
"""Correlation times in a stretch, at least."""

MOST_BLOCKS = 100
"""More stretches than this say nothing more, and are made longer instead."""

LEVEL = 0.95


@dataclass(frozen=True)
class Interval:
    """An estimate with its 95 % interval.

    Attributes:
        estimate: of all rows.
        low, high: ends of the interval.
        p: two-sided, of the estimate being that of no difference; by t with `blocks` - 1 degrees of freedom.
        blocks: stretches of rows that it was computed from.
    """

    estimate: float
    low: float
    high: float
    p: float
    blocks: int


@dataclass(frozen=True, eq=False)
class Stretches:
    """Held-out rows in stretches that are nearly independent of each other.

    Attributes:
        numbers: (n,) number of each row's stretch.
        widening: of standard errors. Neighbouring stretches resemble each other a little at their borders, by which the
            spread between them understates that of their mean: of a process whose autocorrelation falls by 1/e in tau,
            stretches of length x tau show 1 - (1 - exp(-x)) / x of the variance.
    """

    numbers: Integers
    widening: float = 1.0

    @property
    def count(self) -> int:
        """How many there are."""
        return len(np.unique(self.numbers))


def stretches_of(timeline: Timeline, rows: Rows, tau: float, groups: Integers | None = None) -> Stretches:
    """Stretches of held-out rows, at least 3 tau frames long.

    Args:
        timeline: of all rows.
        rows: the held-out ones.
        tau: correlation time of the labels in frames; that of errors is taken to be no longer.
        groups: (n,) group of each row: where rows have no time, whole groups are the stretches, or single rows else.
    """
    if timeline.frames is None:
        numbers = np.arange(len(rows)) if groups is None else np.unique(groups[rows], return_inverse=True)[1]
        n = int(numbers.max()) + 1
        return Stretches(np.asarray(numbers * min(MOST_BLOCKS, n) // n, np.int64))
    tau_rows = tau / timeline.usual_step
    length = max(BLOCK_TAUS * tau_rows, len(rows) / MOST_BLOCKS)
    length = math.ceil(length) if math.isfinite(length) else len(rows)
    numbers, begun, parts = np.empty(len(rows), np.int64), 0, timeline.take(rows).segments()
    for part in parts:
        n = max(1, len(part) // length)
        numbers[part] = begun + np.arange(len(part)) * n // len(part)
        begun += n
    if not 0 < tau_rows < math.inf:
        return Stretches(numbers)
    taus = len(rows) / begun / tau_rows
    return Stretches(numbers, 1 / math.sqrt(1 + math.expm1(-taus) / taus))


def jackknife(logs: NDArray[np.float64], estimate: float, widening: float = 1.0) -> tuple[float, float, float]:
    """Ends of the 95 % interval, and p of 0, from the values (m,) without each stretch and that of all.

    Args:
        logs: (m,).
        estimate: of all rows.
        widening: see `Stretches`.

    Raises:
        ValueError: there are fewer than two.
    """
    m = len(logs)
    if m < 2:
        raise ValueError("a jackknife needs two stretches")
    error = widening * math.sqrt((m - 1) / m * float(np.square(logs - logs.mean()).sum()))
    reach = float(stats.t.ppf((1 + LEVEL) / 2, m - 1)) * error
    p = 2 * float(stats.t.sf(abs(estimate) / error, m - 1)) if error > 0 else float(estimate == 0)
    return estimate - reach, estimate + reach, p


def log_ratio(over: NDArray[np.float64], under: NDArray[np.float64], stretches: Stretches) -> Interval | None:
    """log(sum of `over` / sum of `under`) over rows (n,), with its interval; None where it can't be told.

    With squared errors over squared distances from a mean this is log(1 - R2); with errors of two codes, how much
    larger those of the first are.

    Args:
        over, under: (n,), not negative.
        stretches: of the rows.
    """
    if stretches.count < FEWEST_BLOCKS:
        return None
    above, below = np.bincount(stretches.numbers, over), np.bincount(stretches.numbers, under)
    without_above, without_below = above.sum() - above, below.sum() - below
    if min(without_above.min(), without_below.min()) <= 0:
        return None
    estimate = math.log(above.sum() / below.sum())
    low, high, p = jackknife(np.log(without_above / without_below), estimate, stretches.widening)
    return Interval(estimate, low, high, p, stretches.count)
