"""Which rows follow each other in time, and how long what they show stays the same."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from autoencoder.array_types import Integers, Reals, Rows

UNITS_AT_ONCE = 16
"""Units that are transformed together: 34 MB for 64,000 rows."""

LONGEST_STEP = 3.0
"""Steps between frames kept may be so many times as long as is usual, where some were left out, and are no gaps."""

LOOKS_FOR_GAPS = 3
"""A gap is longer than the correlation time, which is measured between gaps: so often both are found in turn."""


@dataclass(frozen=True, eq=False)
class Timeline:
    """The recording of each row, and its place in it.

    Attributes:
        recordings: (n,) number of the recording that each row is of.
        frames: (n,) place of each row in its recording; None for rows without time.
    """

    recordings: Integers
    frames: Integers | None

    def __len__(self) -> int:
        """Number of rows."""
        return len(self.recordings)

    @property
    def n_recordings(self) -> int:
        """How many recordings there are."""
        return len(np.unique(self.recordings))

    def take(self, rows: Rows) -> Timeline:
        """The given rows, in the given order."""
        return Timeline(self.recordings[rows], None if self.frames is None else self.frames[rows])

    def segments(self, longest_gap: float = math.inf) -> list[Rows]:
        """Rows that follow each other, in the order of their frames, recording by recording.

        Args:
            longest_gap: where frames are further apart than this, a new segment begins.
        """
        frames = np.zeros(len(self), np.int64) if self.frames is None else self.frames
        order = np.lexsort((frames, self.recordings))
        changes = np.diff(self.recordings[order]) != 0
        gaps = np.diff(frames[order]) > longest_gap
        return [part for part in np.split(order, np.flatnonzero(changes | gaps) + 1) if len(part)]

    def segments_of(self, tau: float) -> list[Rows]:
        """Segments between gaps that are longer than a correlation time, and than steps between frames kept."""
        return self.segments(max(tau, LONGEST_STEP * self.usual_step))

    @property
    def usual_step(self) -> float:
        """Frames between neighbouring rows, their median; 1 where there are fewer than two rows."""
        if self.frames is None:
            return 1.0
        steps = [np.diff(self.frames[part]) for part in self.segments()]
        joined = np.concatenate(steps) if steps else np.empty(0)
        return float(np.median(joined)) if len(joined) else 1.0


def autocorrelation(values: Reals, segments: list[Rows]) -> NDArray[np.float64]:
    """Autocorrelation of `values` (n, d) by lag in rows, 1 at lag 0; (longest segment,).

    Values are taken from the mean of their segment. Products are summed over units and segments and divided by the
    number of rows, not of products, which damps what few rows say about long lags.
    """
    total = np.zeros(max(map(len, segments)))
    for rows in segments:
        if len(rows) < 2:
            continue  # it is its own mean
        part = np.asarray(values[rows], np.float64)
        part = part - part.mean(axis=0)
        padded = 2 ** math.ceil(math.log2(2 * len(rows)))
        power = np.zeros(padded // 2 + 1)
        for first in range(0, part.shape[1], UNITS_AT_ONCE):
            some = np.fft.rfft(part[:, first : first + UNITS_AT_ONCE], padded, axis=0)
            power += (some.real**2 + some.imag**2).sum(axis=1)
        total[: len(rows)] += np.fft.irfft(power, padded)[: len(rows)]
    return total / total[0] if total[0] > 0 else np.zeros_like(total)


def correlation_time(values: Reals, timeline: Timeline) -> float:
    """Frames until the autocorrelation of `values` (n, d) has fallen to 1/e, interpolated between rows.

    A gap longer than this begins a new segment. Infinite where it does not fall so far within the longest segment; 0
    for values that never change.
    """
    segments = timeline.segments()
    tau = math.inf
    for _ in range(LOOKS_FOR_GAPS):
        tau = _first_below(autocorrelation(values, segments), 1 / math.e) * timeline.usual_step
        again = timeline.segments_of(tau)
        if len(again) == len(segments):
            break
        segments = again
    return tau


def _first_below(correlation: NDArray[np.float64], level: float) -> float:
    below = np.flatnonzero(correlation < level)
    if not len(below):
        return math.inf
    i = int(below[0])
    if i == 0:
        return 0.0
    return i - 1 + float((correlation[i - 1] - level) / (correlation[i - 1] - correlation[i]))


def stretches(labels: NDArray[np.generic], timeline: Timeline) -> int:
    """How many stretches of equal labels (n,) there are, recording by recording in the order of frames."""
    return sum(1 + int((labels[rows][1:] != labels[rows][:-1]).sum()) for rows in timeline.segments())


def away_from(timeline: Timeline, fit: Rows, held_out: Rows, tau: float) -> Rows:
    """Those of the rows `fit` that are more than `tau` frames from every row held out of the same recording."""
    if timeline.frames is None or tau <= 0 or not np.isfinite(tau):
        return fit
    kept = np.ones(len(fit), bool)
    for recording in np.unique(timeline.recordings[held_out]):
        own = np.flatnonzero(timeline.recordings[fit] == recording)
        frames = timeline.frames[fit[own]]
        others = np.sort(timeline.frames[held_out[timeline.recordings[held_out] == recording]])
        after = np.searchsorted(others, frames).clip(0, len(others) - 1)
        before = (after - 1).clip(0)
        apart = np.minimum(np.abs(others[after] - frames), np.abs(others[before] - frames))
        kept[own] = apart > tau
    return fit[kept]
