"""Whether settings change what networks represent: PERMANOVA of the distances between runs, in blocks of one seed.

Runs of one seed begin at the same first weights, under whatever setting, so their labels are exchanged within that seed
only. Where settings change nothing, all these relabellings are as likely as the labels themselves, and p is exact.
Three settings or more that differ only in how far their seeds scatter are found too often, and far too often if a run
of the most scattered one is missing: p is read beside `dispersion`, and a seed with a missing run is better left out.
How often p < 0.05 is found by chance is simulated in `benchmarks/simulated_studies.py`.

Sources: Anderson (2001), "A new method for non-parametric multivariate analysis of variance"; Anderson (2006),
"Distance-based tests for homogeneity of multivariate dispersions"; Anderson & ter Braak (2003), "Permutation tests for
multi-factorial analysis of variance" (blocks); Westfall & Young (1993) (the largest statistic).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from autoencoder.array_types import Integers, Reals
from autoencoder.seeding import numpy_stream

MOST_RELABELLINGS = 10_000
"""More than this are not enumerated, but drawn."""

TIE = 1e-8
"""Values of R2 closer than this are the same one, rounded differently."""

ENTRIES_AT_ONCE = 2**22
"""Of the table of relabellings by pairs of runs: 32 MB."""


# --------------------------------------------------------------------------------------------------------- relabellings


@dataclass(frozen=True, eq=False)
class Relabellings:
    """Labels exchanged within blocks.

    Attributes:
        labels: (R, N) label of each run in each of them; the first are those of the data.
        complete: they are all that there are, each once; otherwise they were drawn at random.
    """

    labels: Integers
    complete: bool

    @property
    def least_p(self) -> float:
        """The smallest p that there can be: 1 / R."""
        return 1 / len(self.labels)


def relabellings(labels: Integers, blocks: Integers, seed: int, most: int = MOST_RELABELLINGS) -> Relabellings:
    """All distinct ways to exchange labels within blocks, or a random sample of them.

    Each block keeps its labels, also where some are missing or there several times. Two relabellings that put the same
    runs together, under other names, have the same pseudo-F; of these only one is counted. Names can be exchanged
    between labels that are equally frequent in every block. Of S complete blocks, with each of K labels once, the first
    is thus left as it is, and K!^(S-1) relabellings remain.

    Args:
        labels: (N,) setting of each run.
        blocks: (N,) seed of each run.
        seed: of random relabellings.
        most: if there are more, `most` - 1 are drawn at random, with replacement, beside the data.

    Raises:
        ValueError: there are fewer than two labels, or not as many of them as of blocks.
    """
    _check_labels(labels, blocks)
    levels, codes = np.unique(labels, return_inverse=True)
    members = [np.flatnonzero(blocks == block) for block in np.unique(blocks)]
    counts = np.array([np.bincount(codes[rows], minlength=len(levels)) for rows in members])
    classes = _exchangeable(counts)
    complete = _how_many(counts, classes) <= most
    rows = _enumerated(codes, members, counts, classes) if complete else _drawn(codes, members, seed, most)
    return Relabellings(np.asarray(levels[rows], np.int64), complete)


def smallest_p(n_settings: int, n_blocks: int) -> float:
    """The smallest p of so many settings, each with the same so many seeds.

    Raises:
        ValueError: there are fewer than two of either.
    """
    if n_settings < 2 or n_blocks < 2:
        raise ValueError("PERMANOVA needs two settings and two seeds")
    count: int = math.factorial(n_settings) ** (n_blocks - 1)
    return 1 / min(count, MOST_RELABELLINGS)


def fewest_seeds(n_settings: int, level: float = 0.05) -> int:
    """How many seeds each of so many settings needs for p to fall below `level`.

    Raises:
        ValueError: there are fewer than two settings, or no number of seeds suffices.
    """
    if level * MOST_RELABELLINGS <= 1:
        raise ValueError(f"of {MOST_RELABELLINGS:,} relabellings, p is never below {level:g}")
    seeds = 2
    while smallest_p(n_settings, seeds) >= level:
        seeds += 1
    return seeds


def _check_labels(labels: Integers, blocks: Integers) -> None:
    if labels.ndim != 1 or labels.shape != blocks.shape:
        raise ValueError(f"every run needs a label and a block, not {labels.shape} labels and {blocks.shape} blocks")
    if len(np.unique(labels)) < 2:
        raise ValueError("settings can't be compared where all runs have the same")


def _check_design(labels: Integers, blocks: Integers) -> None:
    _check_labels(labels, blocks)
    if len(np.unique(blocks)) < 2:
        raise ValueError("settings can't be compared with fewer than two blocks (seeds)")


def _exchangeable(counts: Integers) -> list[list[int]]:
    """Labels that every block has equally many of, together; `counts` is (blocks, labels)."""
    together: dict[bytes, list[int]] = {}
    for label, column in enumerate(counts.T):
        together.setdefault(column.tobytes(), []).append(label)
    return list(together.values())


def _how_many(counts: Integers, classes: list[list[int]]) -> int:
    """The number of distinct relabellings. Renaming leaves none of them as it is, since every label has a run."""
    arrangements = _factorials(counts.sum(axis=1)) // _factorials(counts)
    return arrangements // math.prod(math.factorial(len(labels)) for labels in classes)


def _factorials(numbers: Integers) -> int:
    """The product of their factorials, however large."""
    return math.prod(map(math.factorial, numbers.ravel().tolist()))


def _enumerated(codes: Integers, members: list[Integers], counts: Integers, classes: list[list[int]]) -> Integers:
    """(R, N) all of them, the data first."""
    orders = [
        np.array(list(_arrangements(tuple(count.tolist()), after)), np.int64)
        for count, after in zip(counts, _orders_of_names(codes, members, classes), strict=True)
    ]
    left = np.arange(math.prod(map(len, orders)))
    rows = np.empty((len(left), len(codes)), np.int64)
    for places, order in zip(members, orders, strict=True):
        left, chosen = np.divmod(left, len(order))
        rows[:, places] = order[chosen]
    data = np.flatnonzero((rows == codes).all(axis=1))
    return np.concatenate([rows[data], np.delete(rows, data, axis=0)])


def _orders_of_names(codes: Integers, members: list[Integers], classes: list[list[int]]) -> list[dict[int, int]]:
    """For each block, labels that may only come after another has come.

    Of all renamings of a class of labels this leaves one: the one in which they first come in the order that they have
    in the data. Such labels are in the same blocks, so it is the first of these that decides.
    """
    orders: list[dict[int, int]] = [{} for _ in members]
    for labels in classes:
        block = next(number for number, rows in enumerate(members) if labels[0] in codes[rows])
        within = codes[members[block]].tolist()
        ordered = sorted(labels, key=within.index)
        orders[block].update(zip(ordered[1:], ordered[:-1], strict=True))
    return orders


def _arrangements(
    counts: tuple[int, ...], after: Mapping[int, int], placed: frozenset[int] = frozenset()
) -> Iterator[tuple[int, ...]]:
    """All orders of labels of which there are so many each, some of which may only come after another."""
    if not any(counts):
        yield ()
    for label, left in enumerate(counts):
        if left and (label not in after or after[label] in placed):
            rest = (*counts[:label], left - 1, *counts[label + 1 :])
            for order in _arrangements(rest, after, placed | {label}):
                yield (label, *order)


def _drawn(codes: Integers, members: list[Integers], seed: int, most: int) -> Integers:
    """(most, N) the data, and random ones."""
    generator, rows = numpy_stream(seed, "relabelled runs"), np.tile(codes, (most, 1))
    for places in members:
        rows[1:, places] = generator.permuted(rows[1:, places], axis=1)
    return rows


# -------------------------------------------------------------------------------------------------------------- effects


@dataclass(frozen=True, eq=False)
class Effect:
    """What settings change in the distances of runs, at each of T moments; T is 1 for a single matrix.

    Attributes:
        pseudo_f: (T,) mean square between settings over that within them; 0 where no run differs from another, infinite
            where only settings do.
        r2: (T,) share of all squared distances that lies between settings.
        omega2: (T,) the same less what chance adds to it, (SS_A - (K - 1) MS_W) / (SS_T + MS_W); below 0 where nothing
            is left. MS_W counts what runs of one seed have in common as chance, although it can't come between settings
            that have the same seeds: then it is below 0 on average where settings change nothing.
        r2_by_chance: (T,) mean R2 of all relabellings, which knows of seeds; what `r2` has to be seen beside.
        p: (T,) share of relabellings, the data among them, whose R2 is not below that of the data.
        p_over_moments: (T,) the same against the largest R2 of each relabelling at any moment, which at all moments
            together finds an effect by chance no more often than it says.
        relabellings: how many there were.
        complete: they are all that there are.
        least_p: the smallest p that there could have been; 1 where blocks have a single label each.
    """

    pseudo_f: NDArray[np.float64]
    r2: NDArray[np.float64]
    omega2: NDArray[np.float64]
    r2_by_chance: NDArray[np.float64]
    p: NDArray[np.float64]
    p_over_moments: NDArray[np.float64]
    relabellings: int
    complete: bool
    least_p: float


def permanova(distances: Reals, labels: Integers, blocks: Integers, seed: int, most: int = MOST_RELABELLINGS) -> Effect:
    """Whether runs of one setting are more alike than runs of several.

    Args:
        distances: (N, N) between runs, or (T, N, N) at T moments.
        labels: (N,) setting of each run.
        blocks: (N,) seed of each run.
        seed: of random relabellings.
        most: see `relabellings`.

    Raises:
        ValueError: there are fewer than two settings, or blocks, or no setting has two runs; or distances are not
            finite, negative, not symmetric, not 0 from a run to itself, or not those of so many runs.
    """
    _check_design(labels, blocks)
    return effect_of(distances, relabellings(labels, blocks, seed, most))


def effect_of(distances: Reals, relabelled: Relabellings) -> Effect:
    """The effect of the labels that come first, against those of the others.

    Sums of squares are those of Anderson (2001): SS_T is the sum of all squared distances over N, SS_W that of squared
    distances between runs of one setting over the number of its runs.

    Raises:
        ValueError: as of `permanova`.
    """
    n = relabelled.labels.shape[1]
    k = len(np.unique(relabelled.labels[0]))
    if n == k:
        raise ValueError("settings can't be compared where each has a single run")
    total, within = _sums_of_squares(distances, relabelled)
    r2 = _shares(total, within)
    between, error = total - within[0], within[0] / (n - k)
    with np.errstate(divide="ignore", invalid="ignore"):
        pseudo_f = np.where(total > 0, between / (k - 1) / error, 0.0)
        omega2 = np.where(total > 0, (between - (k - 1) * error) / (total + error), 0.0)
    reached = r2[0] - TIE
    return Effect(
        pseudo_f=pseudo_f,
        r2=r2[0],
        omega2=omega2,
        r2_by_chance=r2.mean(axis=0),
        p=(r2 >= reached).mean(axis=0),
        p_over_moments=(r2.max(axis=1)[:, None] >= reached).mean(axis=0),
        relabellings=len(r2),
        complete=relabelled.complete,
        least_p=relabelled.least_p,
    )


def r2_of(distances: Reals, relabelled: Relabellings) -> NDArray[np.float64]:
    """(R, T) R2 of each relabelling, the data first; see `Effect`.

    Args:
        distances: (N, N) between runs, or (T, N, N) at T moments.
        relabelled: of these runs.

    Raises:
        ValueError: as of `permanova`, of distances.
    """
    return _shares(*_sums_of_squares(distances, relabelled))


def _sums_of_squares(distances: Reals, relabelled: Relabellings) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(T,) SS_T, and (R, T) SS_W of each relabelling."""
    n = relabelled.labels.shape[1]
    pairs = np.triu_indices(n, 1)
    squares = np.square(_moments(distances, n))[:, pairs[0], pairs[1]]
    return np.asarray(squares.sum(axis=1) / n), _within(squares, relabelled.labels, pairs)


def _shares(total: NDArray[np.float64], within: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.where(total > 0, 1 - within / np.where(total > 0, total, 1.0), 0.0))


def main_effects(
    distances: Reals, labels: Integers, blocks: Integers, seed: int, most: int = MOST_RELABELLINGS
) -> tuple[Effect, ...]:
    """Of each factor of a design, its effect beside all others.

    Levels of a factor are exchanged between runs of one seed that are alike in all other factors; what these do stays
    as it is. A factor that only matters at some levels of another has an effect as well, if smaller.

    Args:
        distances: (N, N), or (T, N, N).
        labels: (N, factors) level of each run in each factor.
        blocks: (N,) seed of each run.
        seed: of random relabellings.
        most: see `relabellings`.

    Raises:
        ValueError: as of `permanova`, of any of the factors.
    """
    _check_factors(labels, blocks)
    return tuple(
        permanova(distances, labels[:, factor], _combined(np.delete(labels, factor, axis=1), blocks), seed, most)
        for factor in range(labels.shape[1])
    )


def interaction_omega2(
    distances: Reals, labels: Integers, blocks: Integers, first: int, second: int
) -> NDArray[np.float64] | None:
    """(T,) how much two factors do together that neither does alone; None of a design that is not full and balanced.

    SS_AB is that between cells of both factors less those of each, and omega2 = (SS_AB - df_AB MS_R) / (SS_T + MS_R).
    Its error, MS_R, is what neither the settings in all factors nor the seeds account for; seeds can be taken out of it
    in a balanced design. There is no p: no exchange of labels leaves the effects of both factors as they are.

    Args:
        distances: (N, N), or (T, N, N).
        labels: (N, factors) level of each run in each factor.
        blocks: (N,) seed of each run.
        first, second: the two factors.

    Raises:
        ValueError: as of `main_effects`; or both factors are the same.
    """
    _check_factors(labels, blocks)
    if first == second:
        raise ValueError("a factor does not interact with itself")
    for factor in (first, second):
        _check_design(labels[:, factor], blocks)
    n, settings = len(labels), _combined(labels)
    seeds = np.unique(blocks, return_inverse=True)[1]
    if not _is_balanced(labels, blocks):
        return None
    gower = _gower(_moments(distances, n))
    a, b = _combined(labels[:, first]), _combined(labels[:, second])
    together = _between(gower, _combined(a, b)) - _between(gower, a) - _between(gower, b)
    total = np.trace(gower, axis1=1, axis2=2)
    left = n - settings.max() - seeds.max() - 1
    error = (total - _between(gower, settings) - _between(gower, seeds)) / left
    above = together - a.max() * b.max() * error
    return np.asarray(np.where(total > 0, above / np.where(total > 0, total + error, 1.0), 0.0))


def _within(squares: NDArray[np.float64], labels: Integers, pairs: tuple[Integers, Integers]) -> NDArray[np.float64]:
    """(R, T) sums of squares within settings, from squared distances (T, P) of all pairs and labels (R, N)."""
    levels, sizes = np.unique(labels[0], return_counts=True)
    codes, shares = np.searchsorted(levels, labels), 1 / sizes
    sums = np.empty((len(labels), len(squares)))
    step = max(1, ENTRIES_AT_ONCE // len(pairs[0]))
    for begin in range(0, len(labels), step):
        some = slice(begin, begin + step)
        one = codes[some][:, pairs[0]]
        weights = np.where(one == codes[some][:, pairs[1]], shares[one], 0.0)
        sums[some] = weights @ squares.T
    return sums


def _moments(distances: Reals, n: int) -> NDArray[np.float64]:
    """(T, n, n) distances, looked over."""
    moments: NDArray[np.float64] = np.asarray(distances, np.float64)
    moments = moments[None] if moments.ndim == 2 else moments
    if moments.ndim != 3 or moments.shape[1:] != (n, n) or not len(moments):
        raise ValueError(f"distances of {n} runs are {n} x {n}, at one moment or several, not {np.shape(distances)}")
    if not np.isfinite(moments).all():
        raise ValueError("distances between runs are not all finite numbers; leave out runs that have none")
    if (moments < 0).any():
        raise ValueError("distances between runs can't be negative")
    rounding = 1e-6 * max(float(moments.max()), np.finfo(np.float64).tiny)
    if np.abs(moments - moments.transpose(0, 2, 1)).max() > rounding:
        raise ValueError("the distance of two runs has to be the same in either direction")
    if np.abs(np.diagonal(moments, axis1=1, axis2=2)).max() > rounding:
        raise ValueError("the distance of a run to itself has to be 0; are these similarities?")
    return moments


def _check_factors(labels: Integers, blocks: Integers) -> None:
    if labels.ndim != 2 or labels.shape[:1] != blocks.shape:
        raise ValueError(f"every run needs a level in each factor, and a block, not {labels.shape} and {blocks.shape}")


def _combined(*columns: Integers) -> Integers:
    """(N,) numbers, from 0, of the combinations that there are in columns (N,) or (N, several)."""
    return np.asarray(np.unique(np.column_stack(columns), axis=0, return_inverse=True)[1].reshape(-1), np.int64)


def _is_balanced(labels: Integers, blocks: Integers) -> bool:
    """Whether every combination of levels was run equally often with every seed."""
    cells = np.bincount(_combined(labels, blocks))
    levels = [len(np.unique(column)) for column in (*labels.T, blocks)]
    return len(cells) == math.prod(levels) and bool((cells == cells[0]).all())


def _gower(moments: NDArray[np.float64]) -> NDArray[np.float64]:
    """(T, N, N) inner products of runs around their mean, from their distances (Gower 1966)."""
    products = -np.square(moments) / 2
    products -= products.mean(axis=1, keepdims=True)
    return np.asarray(products - products.mean(axis=2, keepdims=True))


def _between(gower: NDArray[np.float64], codes: Integers) -> NDArray[np.float64]:
    """(T,) sum of squares between groups that are numbered (N,) from 0."""
    groups = np.eye(codes.max() + 1)[codes]
    groups /= np.sqrt(groups.sum(axis=0))
    return np.asarray(np.einsum("tij,ig,jg->t", gower, groups, groups, optimize=True))


# ----------------------------------------------------------------------------------------------------------- dispersion


def dispersion(distances: Reals, labels: Integers) -> NDArray[np.float64]:
    """(K,) how far the runs of each setting are from their centroid, on average; settings in ascending order.

    Distances are those in all principal coordinates (Anderson 2006), the imaginary ones, which distances have that are
    not Euclidean, counted negatively: d2(i, centroid) is the mean of d2(i, j) over the n runs j of the setting, less
    the sum of d2(j, l) over their pairs / n2. Where this is negative, its absolute value is taken, as vegan does.

    Seeds scatter around their own centroid by sqrt((n - 1) / n) of what they do around the true one: settings with
    fewer runs seem to be less dispersed.

    Args:
        distances: (N, N).
        labels: (N,).

    Returns:
        In the unit of `distances`; NaN for a setting with a single run.

    Raises:
        ValueError: there are fewer than two settings; or as of `permanova`, of distances.
    """
    if labels.ndim != 1 or len(np.unique(labels)) < 2:
        raise ValueError("settings can't be compared where all runs have the same")
    if np.ndim(distances) != 2:
        raise ValueError("dispersions are those of one moment")
    squares = np.square(_moments(distances, len(labels))[0])
    members = [np.flatnonzero(labels == label) for label in np.unique(labels)]
    return np.array([_to_centroid(squares[np.ix_(rows, rows)]) for rows in members])


def dispersion_ratio(dispersions: NDArray[np.float64]) -> float:
    """The largest of them over the smallest; NaN where fewer than two are known, or all are 0."""
    known = dispersions[np.isfinite(dispersions)]
    if len(known) < 2 or known.max() == 0:
        return math.nan
    return float(known.max() / known.min()) if known.min() > 0 else math.inf


def _to_centroid(squares: NDArray[np.float64]) -> float:
    """Mean distance of runs to their centroid, from their squared distances (n, n)."""
    if len(squares) < 2:
        return math.nan
    return float(np.sqrt(np.abs(squares.mean(axis=1) - squares.mean() / 2)).mean())
