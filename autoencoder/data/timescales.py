"""Rows of a data set in time: which are neighbours, and how long what is known of them stays the same."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from autoencoder.data.metadata import RECORDING, Metadata
from autoencoder.measures.kinds import ColumnKind
from autoencoder.measures.nulls import ENOUGH_TIME
from autoencoder.measures.targets import Target, as_target
from autoencoder.measures.timeline import Timeline, correlation_time, stretches

INDIVIDUAL, FRAME = "individual", "frame"
"""The columns that say which recording an image is of, of which of the animals in it, and where in it: images with
frames are neighbours in time."""

SOURCES = (RECORDING, INDIVIDUAL, "file")
"""What says where an image is from, so that it is no question whether that can be told from the recording."""

TIME_COLUMNS = (FRAME, "time_s")
"""Whatever drifts tells these, so they are no question."""

MOST_LABELS = 100
"""A column with more labels than this, or than half of its rows, has no timescale as labels."""


@dataclass(frozen=True)
class Timescale:
    """How long the values of a column stay the same.

    Attributes:
        tau: frames until the autocorrelation has fallen to 1/e; infinite where it does not.
        n_frames: frames of all recordings.
        n_stretches: stretches of equal labels; None for numbers and angles.
    """

    tau: float
    n_frames: float
    n_stretches: int | None = None

    @property
    def n_taus(self) -> float:
        """T/tau: how many independent moments there are; of labels, no more than there are stretches."""
        by_tau = self.n_frames / self.tau if self.tau > 0 else math.inf
        return by_tau if self.n_stretches is None else min(by_tau, float(self.n_stretches))

    def __str__(self) -> str:
        """Such as "tau 22.4 frames, T/tau 358", or "2 stretches of equal values, T/tau 2"."""
        if not math.isfinite(self.tau):
            return "tau longer than the recording"
        if self.n_stretches == self.n_taus:
            return f"{self.n_stretches:,} stretches of equal values, T/tau {self.n_stretches:,}"
        return f"tau {self.tau:.3g} frames, T/tau {self.n_taus:,.0f}"

    @property
    def is_enough(self) -> bool:
        """Whether there is time enough for a score to be interpreted alone."""
        return self.n_taus >= ENOUGH_TIME


def timeline_of(metadata: Metadata, n: int) -> Timeline:
    """The timeline of `n` images: by the columns `recording`, `individual` and `frame`.

    Of a recording, the images of each individual are a recording of their own: neighbours in time show the same animal.
    Rows have no time where there is no column `frame`, where one is empty, or where frames of one recording repeat.
    With neither column, a recording begins wherever frames start again from below.
    """
    recordings, known = np.zeros(n, np.int64), [name for name in (RECORDING, INDIVIDUAL) if name in metadata.names]
    for name in known:
        values = np.unique(metadata.column(name), return_inverse=True)[1]
        recordings = recordings * (int(values.max(initial=0)) + 1) + values
    recordings = np.unique(recordings, return_inverse=True)[1].astype(np.int64)
    if FRAME not in metadata.names or metadata.column(FRAME).dtype.kind == "U":
        return Timeline(recordings, None)
    frames = metadata.column(FRAME).astype(np.float64)
    if not np.isfinite(frames).all() or (frames != frames.round()).any():
        return Timeline(recordings, None)
    places = frames.astype(np.int64)
    if not known and _repeats(recordings, places):
        recordings = np.concatenate([[0], np.cumsum(np.diff(places) <= 0)]).astype(np.int64)
    return Timeline(recordings, None if _repeats(recordings, places) else places)


def rows_of_a_frame(metadata: Metadata, timeline: Timeline) -> float:
    """How many rows there are of one frame of a recording, their mean: more than 1 where it shows several individuals.

    Args:
        metadata: of all images.
        timeline: as `timeline_of` gives it.
    """
    if timeline.frames is None or INDIVIDUAL not in metadata.names:
        return 1.0
    recordings = np.zeros(len(timeline), np.int64)
    if RECORDING in metadata.names:
        recordings = np.unique(metadata.column(RECORDING), return_inverse=True)[1].astype(np.int64)
    return len(timeline) / len(np.unique(np.stack([recordings, timeline.frames]), axis=1).T)


def timescales(metadata: Metadata, timeline: Timeline) -> dict[str, Timescale]:
    """The timescale of every column but those that count time; none where rows have no time."""
    if timeline.frames is None:
        return {}
    return {
        name: timescale_of(metadata, name, timeline)
        for name in metadata.names
        if name not in TIME_COLUMNS and _is_timed(metadata, name)
    }


def timescale_of(metadata: Metadata, name: str, timeline: Timeline) -> Timescale:
    """The timescale of one column, over the rows with a value."""
    target = target_of(metadata, name, timeline)
    rows = np.flatnonzero(target.known)
    own = timeline.take(rows)
    n_frames = len(rows) * own.usual_step
    tau = correlation_time(target.values[rows], own)
    if target.kind is not ColumnKind.CATEGORY:
        return Timescale(tau, n_frames)
    labels = target.values[rows].argmax(axis=1)
    return Timescale(tau, n_frames, stretches(labels, own))


def target_of(metadata: Metadata, name: str, timeline: Timeline) -> Target:
    """A column as something to be read from codes."""
    kind = metadata.kind(name)
    period = metadata.period(name) if kind is ColumnKind.CIRCULAR else 1.0
    return as_target(metadata.column(name), kind, period, timeline.segments())


def slowest(scales: Mapping[str, Timescale]) -> float:
    """The longest correlation time among columns that can be interpreted; 0 where there is none."""
    return max((scale.tau for scale in scales.values() if scale.is_enough and math.isfinite(scale.tau)), default=0.0)


def label_warnings(metadata: Metadata, n: int, columns: Sequence[str] | None = None) -> list[str]:
    """What is to be doubted of columns, a sentence each: the unit of an angle, and labels that cannot be told from the
    time, or the recording, that they were taken at.

    Args:
        metadata: of all images.
        n: how many images there are.
        columns: whose labels are looked at; None for all. Units are looked at in all columns.
    """
    doubts = (metadata.doubt(name) for name in metadata.names)
    timeline, said = timeline_of(metadata, n), [doubt.said for doubt in doubts if doubt is not None]
    of_recordings: dict[bool, list[str]] = {False: [], True: []}
    for name in metadata.names if columns is None else columns:
        if metadata.kind(name) is not ColumnKind.CATEGORY or name in SOURCES or not _is_timed(metadata, name):
            continue
        target = target_of(metadata, name, timeline)
        rows = np.flatnonzero(target.known)
        own, labels = timeline.take(rows), target.values[rows].argmax(axis=1)
        if own.n_recordings > 1 and stretches(labels, own) == own.n_recordings:
            of_recordings[_has_one_recording(labels, own)].append(name)
        elif timeline.frames is not None and (found := stretches(labels, own)) < ENOUGH_TIME:
            said.append(
                f"column '{name}' has {found} stretches of equal values in {len(rows):,} frames: anything else that "
                "drifts predicts it too, so a network that predicts it need not have learned anything about it"
            )
    return said + [_of_recordings(names, alone, metadata) for alone, names in of_recordings.items() if names]


def _has_one_recording(labels: NDArray[np.int64], timeline: Timeline) -> bool:
    """Whether one of the labels, which each recording has one of, has a single recording."""
    firsts = [int(labels[rows[0]]) for rows in timeline.segments()]
    return min(firsts.count(label) for label in set(firsts)) == 1


def _of_recordings(names: Sequence[str], alone: bool, metadata: Metadata) -> str:
    """What is to be said of columns of labels that each recording, or each individual, has one of."""
    of = INDIVIDUAL if INDIVIDUAL in metadata.names and RECORDING not in metadata.names else RECORDING
    several = len(names) > 1
    columns = f"column{'s' * several} {', '.join(map(repr, names))}"
    if alone:
        return (
            f"{columns} {'have' if several else 'has'} one {of} for one of {'their' if several else 'its'} values: no "
            f"split can tell the label and the {of} apart; more {of}s of each value are needed"
        )
    return (
        f"{columns} {'are' if several else 'is'} the same all through each {of}: only holding out whole {of}s "
        f"(--split group:{of}) tells the label and the {of} apart"
    )


def _is_timed(metadata: Metadata, name: str) -> bool:
    known = metadata.known_values(name)
    n_labels = len(np.unique(known))
    if n_labels < 2:
        return False
    return metadata.kind(name) is not ColumnKind.CATEGORY or n_labels <= min(MOST_LABELS, len(known) // 2)


def _repeats(recordings: NDArray[np.int64], frames: NDArray[np.int64]) -> bool:
    order = np.lexsort((frames, recordings))
    return bool(((np.diff(recordings[order]) == 0) & (np.diff(frames[order]) == 0)).any())
