"""What probes find where labels have nothing to do with codes: labels moved in time, exchanged or permuted.

Each null says for some fixed rows, and for each of its draws, of which row they take their labels. Draw 0 is the data
as they are. Codes, split and rows stay; the whole probe is repeated with each draw.

Labels of neighbouring frames resemble each other, and so do codes; a null has to leave both as they are, which shuffled
labels do not. How many false positives there are is simulated in `benchmarks/nulls.py`.

Sources: Harris (2020), "Nonsense correlations in neuroscience"; Yuan & Shou (2024), "A rigorous and versatile
statistical test for correlations between stationary time series", PLOS Biology 22(8), e3002758 (the truncated
time-shift test); Westfall & Young (1993).
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from autoencoder.array_types import Integers, Rows
from autoencoder.measures.timeline import Timeline
from autoencoder.seeding import numpy_stream

SIGNIFICANT = 0.05
"""A smaller p is called evidence."""

SHIFTS = 100
"""Equally spaced shifts each way."""

SHORTEST_SEGMENT = 16
"""Rows of a segment that labels can be moved in, by one row each way or more."""

ENOUGH_RECORDINGS = 5
"""From so many recordings on, labels are exchanged between them."""

ALIKE = 0.5
"""Recordings of one protocol: the shortest has at least this share of the frames of the longest."""

PERMUTATIONS = 200

ENOUGH_TIME = 20.0
"""With fewer correlation times than this in a recording, a shift says nothing."""


class NullKind(StrEnum):
    """How labels are taken from codes."""

    SHIFT = "linear shift"
    EXCHANGE = "exchange between recordings"
    PERMUTATION = "permutation"


@dataclass(frozen=True, eq=False)
class Null:
    """Draws of labels that have nothing to do with codes.

    Attributes:
        kind: how they are drawn.
        rows: (w,) the rows that probes are fitted and scored on.
        sources: (1 + draws, w) the row that each of them takes its label of; the first draw is `rows`.
    """

    kind: NullKind
    rows: Rows
    sources: Integers

    def p_values(self, statistics: NDArray[np.float64]) -> NDArray[np.float64]:
        """p of each column: the share of draws, the data among them, whose statistic is not below that of the data.

        Args:
            statistics: (1 + draws, columns), larger where more is told.
        """
        return np.asarray((statistics >= statistics[0]).mean(axis=0))

    def guaranteed(self, p: float) -> float:
        """The bound that holds whatever the codes are: m / (N + 1) of 2 N + 1 linear shifts (Harris 2020), else p."""
        if self.kind is not NullKind.SHIFT:
            return p
        n = len(self.sources)
        return min(1.0, p * n / ((n - 1) / 2 + 1))

    def adjusted(self, statistics: NDArray[np.float64]) -> NDArray[np.float64]:
        """p of each column among all that were asked for, by the largest of them in each draw (Westfall & Young).

        Columns differ in how far their statistics reach by chance, so each is taken in deviations of its own draws.
        """
        deviation = statistics.std(axis=0)
        scaled = (statistics - statistics.mean(axis=0)) / np.where(deviation > 0, deviation, 1.0)
        largest = scaled.max(axis=1)
        return np.asarray((largest[:, None] >= scaled[0]).mean(axis=0))


def make_null(timeline: Timeline, tau: float, seed: int, groups: Integers | None = None) -> Null:
    """The null that the rows allow.

    Rows without time are permuted, within groups where there are some. With five recordings or more of about the same
    length, labels are exchanged between recordings, which also catches what drifts alike in all. Otherwise labels are
    moved within each recording.

    Args:
        timeline: of the rows.
        tau: correlation time of the slowest of the labels, in frames; a longer gap is not moved across.
        seed: of permutations.
        groups: (n,) group of each row, for rows without time; None where there is one.
    """
    if timeline.frames is None:
        return permutations(np.zeros(len(timeline), np.int64) if groups is None else groups, seed)
    lengths = np.array([len(rows) for rows in timeline.segments()])
    if len(lengths) >= ENOUGH_RECORDINGS and lengths.min() >= ALIKE * lengths.max():
        return exchanges(timeline, seed)
    return shifts(timeline.segments_of(tau))


def shifts(segments: list[Rows], each_way: int = SHIFTS) -> Null:
    """Labels of each segment moved by -1/8 to 1/8 of it against the fixed three quarters in its middle.

    All segments move together, each by the same share of its length. A segment of fewer than `SHORTEST_SEGMENT` rows
    is left out.
    """
    long = [rows for rows in segments if len(rows) >= SHORTEST_SEGMENT]
    reach = [len(rows) // 8 for rows in long]
    n = min(each_way, max(reach, default=0))
    shares = np.concatenate([[0], np.arange(-n, 0), np.arange(1, n + 1)]) / max(n, 1)
    middles, sources = [np.empty(0, np.int64)], [np.empty((len(shares), 0), np.int64)]
    for rows, most in zip(long, reach, strict=True):
        places = np.arange(most, len(rows) - most)
        moved = np.rint(shares * most).astype(np.int64)
        middles.append(rows[places])
        sources.append(rows[places[None, :] + moved[:, None]])
    return Null(NullKind.SHIFT, np.concatenate(middles), np.concatenate(sources, axis=1))


def exchanges(timeline: Timeline, seed: int, most: int = PERMUTATIONS) -> Null:
    """Each recording takes the labels of another, all of them cut to the length of the shortest.

    All orders of the recordings where they are no more than `most`, else so many of them drawn at random.
    """
    recordings = timeline.segments()
    length = min(map(len, recordings))
    table = np.stack([rows[:length] for rows in recordings])
    n = len(recordings)
    if math.factorial(n) <= most:
        orders = [np.array(order) for order in itertools.permutations(range(n))]  # the first is the identity
    else:
        generator = numpy_stream(seed, "exchanged recordings")
        orders = [np.arange(n), *(generator.permutation(n) for _ in range(most))]
    return Null(NullKind.EXCHANGE, table.ravel(), np.stack([table[order].ravel() for order in orders]))


def permutations(groups: Integers, seed: int, draws: int = PERMUTATIONS) -> Null:
    """Rows permuted within their groups (n,)."""
    rows = np.arange(len(groups))
    generator, members = numpy_stream(seed, "permuted labels"), [np.flatnonzero(groups == g) for g in np.unique(groups)]
    sources = np.tile(rows, (1 + draws, 1))
    for draw in range(1, 1 + draws):
        for part in members:
            sources[draw, part] = generator.permutation(part)
    return Null(NullKind.PERMUTATION, rows, sources)


def turns(timeline: Timeline, draws: int, seed: int) -> Integers:
    """Other orders (draws, n) of rows in which codes have nothing to do with each other, for codes of the same rows.

    Rows in time are turned: put in the order of time and moved on by a quarter to three quarters of them, the last
    ones to the beginning. What resembles its neighbours does so still. Rows without time are permuted.

    Args:
        timeline: of the n rows.
        draws: how many; turns are equally spaced.
        seed: of permutations.
    """
    n = len(timeline)
    if timeline.frames is None:
        generator = numpy_stream(seed, "permuted codes")
        return np.stack([generator.permutation(n) for _ in range(draws)])
    ordered = np.concatenate(timeline.segments())
    sources = np.empty((draws, n), np.int64)
    for draw, share in enumerate(np.linspace(0.25, 0.75, draws)):
        sources[draw, ordered] = np.roll(ordered, -round(share * n))
    return sources
