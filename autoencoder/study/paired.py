"""What settings change in a single number of a run, seed by seed, with its 95 % interval over seeds.

Runs of one seed begin at the same first weights, so settings are compared within seeds. There are no p values: with a
few seeds, what they would add to an interval is mostly doubt about the shape of a distribution.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from autoencoder.array_types import Reals
from autoencoder.measures.intervals import LEVEL


@dataclass(frozen=True)
class SeedMean:
    """A mean over seeds with its 95 % interval.

    Attributes:
        mean: NaN of no seeds.
        low, high: ends of the interval, by t with n - 1 degrees of freedom; None of fewer than two seeds.
        n: seeds.
    """

    mean: float
    low: float | None
    high: float | None
    n: int


@dataclass(frozen=True, eq=False)
class Paired:
    """Two settings, seed by seed.

    Attributes:
        first, second: rows of the two settings.
        differences: (S,) `first` less `second` of each seed; NaN where one of them is missing.
        over_seeds: the mean of these.
    """

    first: int
    second: int
    differences: NDArray[np.float64]
    over_seeds: SeedMean


def mean_interval(values: Reals) -> SeedMean:
    """The mean of values (S,), one a seed, NaN where it is missing.

    Raises:
        ValueError: a value is infinite, or there is more than one for a seed.
    """
    if np.ndim(values) != 1:
        raise ValueError(f"a mean over seeds is one of a value for each seed, not of {np.shape(values)}")
    if np.isinf(values).any():
        raise ValueError("infinite values have no mean over seeds")
    known: NDArray[np.float64] = np.asarray(values, np.float64)[~np.isnan(values)]
    n = len(known)
    mean = float(known.mean()) if n else math.nan
    if n < 2:
        return SeedMean(mean, None, None, n)
    reach = float(stats.t.ppf((1 + LEVEL) / 2, n - 1)) * float(known.std(ddof=1)) / math.sqrt(n)
    return SeedMean(mean, mean - reach, mean + reach, n)


def paired_differences(values: Reals) -> tuple[Paired, ...]:
    """Of every pair of settings, how they differ within seeds.

    Args:
        values: (K, S) of each setting with each seed; NaN where it is missing.

    Raises:
        ValueError: a value is infinite, or `values` has other than two dimensions.
    """
    if np.ndim(values) != 2:
        raise ValueError(f"values are those of settings x seeds, not {np.shape(values)}")
    if np.isinf(values).any():
        raise ValueError("infinite values have no differences")
    rows: NDArray[np.float64] = np.asarray(values, np.float64)
    pairs = itertools.combinations(range(len(rows)), 2)
    return tuple(Paired(i, j, rows[i] - rows[j], mean_interval(rows[i] - rows[j])) for i, j in pairs)
