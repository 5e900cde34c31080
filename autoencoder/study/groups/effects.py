"""What differs between two conditions, at the level of animals: tests by exchanged labels, effects with intervals.

An animal is one sample, however many frames it has. Codes of different networks have no axis in common, so they are
never put together: of each network (seed) the animals' distances are taken, or one number per animal relative to the
mean animal, and these are averaged over seeds.

The statistic is R2, the share of the squared distances between animals that lies between the conditions. Where labels
are exchanged within blocks (strata, or animals that are in both conditions), what blocks have in common is taken out
first. Several summaries are corrected by the largest statistic: the cube root of R2, whose distribution by chance is
much alike for one unit and for many, is standardised by its mean and deviation over all relabellings, which are the
same whatever the labels are, and each summary is compared with the largest of all.

Sources: Anderson (2001) (distances); Wilson & Hilferty (1931) (the cube root); Westfall & Young (1993) (the largest
statistic); Ernst (2004), "Permutation methods: a basis for exact inference" (intervals by inversion); Efron &
Tibshirani (1993), chapter 11 (jackknife).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from autoencoder.array_types import Integers
from autoencoder.measures.intervals import LEVEL, jackknife
from autoencoder.study.permanova import TIE, Relabellings, r2_of, relabellings

Array = NDArray[np.float64]

TESTED_BELOW = 0.05
"""There are p values where they can fall below this."""

ROUNDING = 1e-9
"""Of contrasts between labels, and of standardised statistics, whose size is about 1."""


LARGEST = 300.0
"""Of the logarithm of an interval's end, whose exponential is a number."""


@dataclass(frozen=True, eq=False)
class Cells:
    """Animals in two conditions: a cell is an animal in one of them.

    Attributes:
        units: (n,) the animal of each cell.
        labels: (n,) its condition, 0 or 1.
        blocks: (n,) labels are exchanged between cells of one block: a stratum, or an animal that is in both
            conditions.
        is_paired: every animal is in both.
    """

    units: NDArray[np.str_]
    labels: Integers
    blocks: Integers
    is_paired: bool = False

    def __len__(self) -> int:
        """Number of cells."""
        return len(self.labels)

    def relabelled(self, seed: int) -> Relabellings:
        """All ways to exchange labels, or a random sample of them; see `relabellings`."""
        return relabellings(self.labels, self.blocks, seed)

    def without(self, unit: str) -> Cells:
        """The same without one animal."""
        kept = self.units != unit
        return Cells(self.units[kept], self.labels[kept], self.blocks[kept], self.is_paired)


@dataclass(frozen=True, eq=False)
class Summary:
    """What is known of each cell, by each network.

    Attributes:
        name: in files.
        values: (n, d) of each seed, whose d may differ; Euclidean distances between rows mean something.
        is_size: d is 1 and all values are positive: conditions are compared by their ratio.
    """

    name: str
    values: Sequence[Array]
    is_size: bool = False


@dataclass(frozen=True, eq=False)
class Effect:
    """What one summary shows.

    Attributes:
        name: of the summary.
        is_size: `effect` is a ratio, of the second condition to the first; otherwise a distance.
        effect: of sizes exp of the mean difference of logarithms. Else how far the conditions' centres are apart, in
            units of how far animals of one condition are from theirs (root mean square), with what chance adds to it
            taken off; 0 where nothing is left.
        low, high: ends of its interval; None where there are too few animals, and infinite where labels do not bound
            it.
        level: of the interval, such as 0.95. Of few animals intervals of ratios are narrower: there is no other.
        r2: share of squared distances between conditions, averaged over seeds.
        r2_by_chance: the same over all relabellings.
        p: share of relabellings, the data among them, whose R2 is not below that of the data; None where it could not
            fall below `TESTED_BELOW`.
        p_corrected: the same for all summaries together.
        scores: (n,) of each cell, averaged over seeds. Of sizes: relative to the mean animal (geometric mean of all).
            Else: on which side of the middle between the conditions' centres it lies, towards the second condition,
            these being computed without the animal; in the unit of `effect`.
        by_seed: `effect` of each seed alone.
    """

    name: str
    is_size: bool
    effect: float
    low: float | None
    high: float | None
    level: float
    r2: float
    r2_by_chance: float
    p: float | None
    p_corrected: float | None
    scores: Array
    by_seed: tuple[float, ...]


@dataclass(frozen=True, eq=False)
class Effects:
    """What all summaries show.

    Attributes:
        cells: that were compared.
        effects: of each summary.
        relabellings: how many there were.
        complete: they are all that there are.
        least_p: the smallest p that there could have been.
    """

    cells: Cells
    effects: tuple[Effect, ...]
    relabellings: int
    complete: bool
    least_p: float

    @property
    def is_tested(self) -> bool:
        """Whether p can fall below `TESTED_BELOW`."""
        return self.least_p < TESTED_BELOW


def effects_of(
    cells: Cells, summaries: Sequence[Summary], seed: int, relabelled: Relabellings | None = None
) -> Effects:
    """Compare two conditions.

    Args:
        cells: animals in conditions, two or more of each.
        summaries: of these, one or more.
        seed: of random relabellings, where there are too many to list.
        relabelled: from `cells.relabelled`, where it is at hand.

    Raises:
        ValueError: no labels can be exchanged.
    """
    known = cells.relabelled(seed) if relabelled is None else relabelled
    if len(known.labels) < 2:
        raise ValueError("no labels can be exchanged: every block has a single condition")
    r2 = np.stack([_r2(cells, summary, known) for summary in summaries], axis=1)
    alone, together = (r2 >= r2[0] - TIE).mean(axis=0), _corrected(r2)
    is_tested = known.least_p < TESTED_BELOW
    found = []
    for number, summary in enumerate(summaries):
        effect, low, high, level = (
            _ratio(cells, summary, known) if summary.is_size else _distance(cells, summary.values)
        )
        found.append(
            Effect(
                name=summary.name,
                is_size=summary.is_size,
                effect=effect,
                low=low,
                high=high,
                level=level,
                r2=float(r2[0, number]),
                r2_by_chance=float(r2[:, number].mean()),
                p=float(alone[number]) if is_tested else None,
                p_corrected=float(together[number]) if is_tested else None,
                scores=np.exp(_relative(summary)) if summary.is_size else _sides(cells, summary.values),
                by_seed=tuple(_of_one(cells, summary, values) for values in summary.values),
            )
        )
    return Effects(cells, tuple(found), len(known.labels), known.complete, known.least_p)


# --------------------------------------------------------------------------------------------------------------- tests


def _r2(cells: Cells, summary: Summary, relabelled: Relabellings) -> Array:
    """(R,) R2 of each relabelling; of sizes that of the animals' mean over seeds, else the mean of all seeds' R2."""
    values = [_relative(summary)[:, None]] if summary.is_size else summary.values
    distances = np.stack([_distances(within_blocks(one, cells.blocks)) for one in values])
    return np.asarray(r2_of(distances, relabelled).mean(axis=1))


def _corrected(r2: Array) -> Array:
    """(summaries,) p against the largest of all summaries' standardised statistics, from R2 (R, summaries)."""
    roots = np.cbrt(np.maximum(r2, 0.0))
    deviation = roots.std(axis=0)
    standard = (roots - roots.mean(axis=0)) / np.where(deviation > ROUNDING, deviation, np.inf)
    reached = np.minimum.reduce(
        np.where(r2 >= r2[0] - TIE, standard, np.inf)
    )  # where the data tie, and rounding differs
    return np.asarray((standard.max(axis=1)[:, None] >= reached - ROUNDING).mean(axis=0))


def _distances(values: Array) -> Array:
    """(n, n) Euclidean distances between rows."""
    return np.asarray(np.sqrt(np.square(values[:, None] - values[None]).sum(axis=2)))


def within_blocks(values: Array, blocks: Integers) -> Array:
    """Rows (n, d) less the mean of their block."""
    numbers = np.unique(blocks, return_inverse=True)[1]
    members = np.eye(int(numbers.max()) + 1)[numbers]
    return np.asarray(values - members @ (members.T @ values / members.sum(axis=0)[:, None]))


def _relative(summary: Summary) -> Array:
    """(n,) logarithm of each cell's size, relative to the geometric mean of all cells, averaged over seeds."""
    logs = np.log(np.stack([values[:, 0] for values in summary.values]))
    return np.asarray((logs - logs.mean(axis=1, keepdims=True)).mean(axis=0))


# -------------------------------------------------------------------------------------------------------------- ratios


def _ratio(cells: Cells, summary: Summary, relabelled: Relabellings) -> tuple[float, float, float, float]:
    """The second condition's size over the first's, the ends of its interval, and the interval's level."""
    alpha = max(1 - LEVEL, relabelled.least_p)
    ends = shift_interval(_relative(summary), cells, relabelled, alpha)
    effect, low, high = (math.exp(end) if end < math.inf else math.inf for end in ends)
    return effect, low, high, 1 - alpha


def shift_interval(values: Array, cells: Cells, relabelled: Relabellings, alpha: float) -> tuple[float, float, float]:
    """By how much the second condition's values are above the first's, with the interval of all shifts that stay.

    A shift stays where p, of the values with it taken off again, is above `alpha`: the interval is exact where the
    conditions differ by a shift, and otherwise alike. Away from the estimate, each relabelling is at least as extreme
    as the data up to a shift of its own on either side; these are counted.

    Args:
        values: (n,) of cells.
        cells: animals in conditions.
        relabelled: the ways to exchange their labels.
        alpha: 1 less the interval's level.

    Returns:
        the estimate, and both ends, which may be infinite.
    """
    contrasts = within_blocks(relabelled.labels.T.astype(np.float64), cells.blocks).T
    size = float(np.square(contrasts[0]).sum())
    differences, overlaps = contrasts @ values / size, contrasts @ contrasts[0] / size
    estimate = float(differences[0])
    left = differences - estimate * overlaps
    signs, left = np.sign(left), np.abs(left)
    still = math.floor(alpha * len(left) + ROUNDING)
    reaches = []
    for side in (-1, 1):
        slopes = 1 + side * signs * overlaps
        with np.errstate(divide="ignore", invalid="ignore"):
            reach = np.where(slopes > ROUNDING, left / slopes, np.inf)
        reach[np.abs(overlaps) > 1 - ROUNDING] = np.inf  # the data, and the same with both names exchanged
        reaches.append(float(np.sort(reach)[::-1][still]))
    return estimate, estimate - reaches[0], estimate + reaches[1]


# ----------------------------------------------------------------------------------------------------------- distances


def _distance(cells: Cells, values: Sequence[Array]) -> tuple[float, float | None, float | None, float]:
    """How far conditions are apart, averaged over seeds, and the ends and level of its interval.

    The interval is by leaving out each animal in turn, on a logarithmic scale, before what chance adds is taken off:
    there the distribution is even enough for a few animals.
    """
    added = 1 / _size_of(_contrast(cells))
    square = _mean_square(cells, values)
    without = []
    for unit in np.unique(cells.units):
        kept = cells.units != unit
        without.append(_mean_square(cells.without(str(unit)), [one[kept] for one in values]))
    estimate = math.sqrt(max(0.0, square - added))
    if not (np.isfinite([square, *without]).all() and min(square, *without) > 0):
        return estimate, None, None, LEVEL
    low, high, _ = jackknife(np.log(without), math.log(square))
    ends = [math.sqrt(max(0.0, math.exp(min(end, LARGEST)) - added)) for end in (low, high)]
    return estimate, ends[0], ends[1], LEVEL


def _mean_square(cells: Cells, values: Sequence[Array]) -> float:
    return float(np.mean([_squared_distance(cells, one) for one in values]))


def squared_distance(cells: Cells, values: Array) -> float:
    """Squared distance of the conditions' centres over the variance of animals within conditions, less chance.

    With the contrast w of the labels, centred in blocks, the centres differ by d = sum of w x / w'w, of which chance
    adds MS_W / w'w to |d|2; MS_W is what neither blocks nor conditions account for.

    Args:
        cells: animals in conditions.
        values: (n, d).

    Returns:
        NaN where too few animals are left to know how they differ; below 0 where chance would do more.
    """
    return _squared_distance(cells, values) - 1 / _size_of(_contrast(cells))


def _squared_distance(cells: Cells, values: Array) -> float:
    """The same with what chance adds."""
    contrast = _contrast(cells)
    size, free = _size_of(contrast), len(cells) - len(np.unique(cells.blocks)) - 1
    if size < ROUNDING or free < 1:
        return math.nan
    left = within_blocks(values, cells.blocks)
    difference = contrast @ left / size
    squared = float(difference @ difference)
    error = max(0.0, float(np.square(left).sum()) - squared * size) / free
    if error == 0:
        return math.inf if squared > 0 else 0.0
    return squared / error


def _contrast(cells: Cells) -> Array:
    """(n,) 1 for the second condition and 0 for the first, less the mean of the block."""
    return within_blocks(cells.labels[:, None].astype(np.float64), cells.blocks)[:, 0]


def _size_of(contrast: Array) -> float:
    return float(contrast @ contrast)


def _sides(cells: Cells, values: Sequence[Array]) -> Array:
    """(n,) how far each cell is on the second condition's side, averaged over seeds; see `Effect.scores`."""
    return np.asarray(np.mean([_sides_of(cells, one) for one in values], axis=0))


def _sides_of(cells: Cells, values: Array) -> Array:
    left = within_blocks(values, cells.blocks)
    scores = np.empty(len(cells))
    for unit in np.unique(cells.units):
        own = cells.units == unit
        first, second = (left[~own & (cells.labels == label)].mean(axis=0) for label in (0, 1))
        apart = second - first
        length = float(np.linalg.norm(apart))
        scores[own] = (left[own] - (first + second) / 2) @ apart / length if length > 0 else 0.0
    residuals = left - np.stack([left[cells.labels == label].mean(axis=0) for label in (0, 1)])[cells.labels]
    unit_length = math.sqrt(float(np.square(residuals).sum()) / max(1, len(cells) - len(np.unique(cells.blocks)) - 1))
    return scores / unit_length if unit_length > 0 else scores


def _of_one(cells: Cells, summary: Summary, values: Array) -> float:
    """The effect by one seed alone."""
    if not summary.is_size:
        return math.sqrt(max(0.0, squared_distance(cells, values)))
    contrast = _contrast(cells)
    return math.exp(float(contrast @ np.log(values[:, 0])) / _size_of(contrast))
