"""What is known of the images, read from codes: every column by every probe, beside what chance would give.

A `Probing` is made once for a data set and its split, and asked of as many codes as are compared: columns, rows, folds,
stretches and nulls are the same for all of them.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autoencoder.array_types import Integers, Reals, Rows
from autoencoder.config.choices import GROUP_SPLIT, RANDOM_SPLIT
from autoencoder.data.metadata import Metadata
from autoencoder.data.timescales import (
    TIME_COLUMNS,
    Timescale,
    slowest,
    target_of,
    timeline_of,
    timescale_of,
)
from autoencoder.errors import UserError, raise_if_any
from autoencoder.measures.intervals import Interval, Stretches, log_ratio, stretches_of
from autoencoder.measures.kinds import ColumnKind
from autoencoder.measures.nulls import ENOUGH_TIME, Null, NullKind, make_null
from autoencoder.measures.probes import PROBES, Fold, Probe, inner_folds
from autoencoder.measures.targets import Target, beats_chance, told
from autoencoder.measures.timeline import Timeline, away_from, correlation_time

MIN_ROWS, MAX_LABELS = 20, 100
"""With fewer rows to fit to or to score on, or with more labels than this or than half of the rows, a column is not
probed."""

MOST_ROWS = 60_000
"""Of more images than this, so many are used, evenly spaced."""

VALUES_AT_ONCE = 2**22
"""Values of labels under a null that are read at a time: 32 MB, and as much again a few times."""

Array = NDArray[np.float64]


@dataclass(frozen=True)
class ByChance:
    """What a probe finds where labels have nothing to do with codes.

    Attributes:
        kind: how labels are taken from codes.
        median, best: of the scores of all draws: their median, and the one that 5 % of them reach.
        p: share of the draws, the data among them, that tell as much as the data.
        p_guaranteed: a bound on it that holds whatever the codes are.
        p_adjusted: p among all columns and probes that were asked.
        resolution: of the p values: draws resemble each other where labels are slow, and say no more than this.
    """

    kind: NullKind
    median: float
    best: float
    p: float
    p_guaranteed: float
    p_adjusted: float
    resolution: float


@dataclass(frozen=True, eq=False)
class ProbeScore:
    """How well one probe reads one column.

    Attributes:
        column: its name.
        kind: of the column; it decides what the score is, see `Target.scores`.
        probe: "ridge" or "knn".
        score: on the held-out rows, fitted to the training rows.
        low, high: its 95 % interval over stretches of held-out rows, of an angle that of the mean error; None where
            there are too few stretches.
        more: what else is said of the errors, see `Target.more`.
        by_chance: None where nulls were not asked for, or where there is too little time for them.
        n_fit, n: rows that it was fitted to, and scored on.
        errors: (n,) see `Target.errors`.
        weights: (n,) of the rows in their mean.
        stretches: of the rows that it was scored on.
    """

    column: str
    kind: ColumnKind
    probe: str
    score: float
    low: float | None
    high: float | None
    more: Mapping[str, float]
    by_chance: ByChance | None
    n_fit: int
    n: int
    errors: Array
    weights: Array
    stretches: Stretches

    def beats_chance(self, *, adjusted: bool = False) -> bool:
        """See `autoencoder.measures.targets.beats_chance`; not where there is too little time for nulls.

        Args:
            adjusted: take the p for all columns and probes together.
        """
        if self.by_chance is None:
            return False
        p = self.by_chance.p_adjusted if adjusted else self.by_chance.p
        return beats_chance(self.score, self.by_chance.best, p, self.kind)

    @property
    def n_blocks(self) -> int:
        """Stretches of rows that it was scored on."""
        return self.stretches.count

    def numbers(self) -> dict[str, Any]:
        """All of it in plain values, as written to `comparison.json`."""
        chance = None if self.by_chance is None else {**vars(self.by_chance), "kind": self.by_chance.kind.value}
        return {
            "column": self.column,
            "kind": self.kind.value,
            "probe": self.probe,
            "score": self.score,
            "low": self.low,
            "high": self.high,
            **self.more,
            "by_chance": chance,
            "n_fit": self.n_fit,
            "n": self.n,
            "n_blocks": self.n_blocks,
        }


@dataclass(frozen=True)
class Probed:
    """What probes could read from some codes.

    Attributes:
        scores: one for each column and probe, in the order of the columns.
        code_tau: correlation time of the codes in frames; None for rows without time, or without nulls.
    """

    scores: tuple[ProbeScore, ...]
    code_tau: float | None

    def of(self, column: str, probe: str) -> ProbeScore | None:
        """One of the scores; None where there is none."""
        return next((score for score in self.scores if (score.column, score.probe) == (column, probe)), None)


@dataclass(frozen=True, eq=False)
class _Column:
    """A column that can be probed, and the rows that know it."""

    name: str
    target: Target
    scale: Timescale | None
    rows: Fold


class Probing:
    """Columns of a data set, ready to be read from codes of its images.

    Attributes:
        columns: that can be probed, with their timescales (None where rows have no time).
        left_out: columns that cannot, and why, in words that follow the column's name.
        gap: frames between the rows that probes are fitted to and held-out ones: the correlation time of the slowest
            column that can be interpreted.
        refusal: why no column can be probed at all; None where some can.

    Args:
        metadata: of all n images.
        n: how many images there are.
        train, held_out: rows of the split.
        split: its kind: "random", "blocks" or "group:COLUMN".
        seed: of folds and of permutations.
        columns: names of those to read; None for all but those that count time.
        least_time: correlation times of a column with fewer of which moved labels give no p.
        known: rows that all codes know, ascending; others are left out. None for all.

    Raises:
        UserError: there is no such column.
    """

    def __init__(
        self,
        metadata: Metadata,
        n: int,
        train: Rows,
        held_out: Rows,
        split: str,
        seed: int,
        columns: Sequence[str] | None = None,
        least_time: float = ENOUGH_TIME,
        known: Rows | None = None,
    ) -> None:
        self._n, self._known = n, known
        if known is not None:
            metadata, n = metadata.take(known), len(known)
            train, held_out = (np.flatnonzero(np.isin(known, rows)) for rows in (train, held_out))
        self._metadata, self._seed, self._least_time = metadata, seed, least_time
        self._timeline = timeline_of(metadata, n)
        kind, _, column = split.partition(":")
        self._held_out_by = column if kind == GROUP_SPLIT else None
        self._groups = None
        if self._held_out_by is not None:
            self._groups = np.unique(metadata.labels(column), return_inverse=True)[1].astype(np.int64)
        self.left_out: dict[str, str] = {}
        self.refusal: str | None = None
        self.gap = 0.0
        self.columns: dict[str, Timescale | None] = {}
        self._columns: list[_Column] = []
        asked = list(metadata.names) if columns is None else list(dict.fromkeys(columns))
        for name in asked:
            metadata.column(name)
        if split == RANDOM_SPLIT and self._timeline.frames is not None:
            self.refusal = (
                "images are frames, and single ones were held out: each has a near twin among the training images, so "
                "probes would show nothing; train with --split blocks or --split auto"
            )
            return
        scales = {name: self._timescale(name) for name in asked if self._can_be_asked(name, columns)}
        self.gap = slowest({name: scale for name, scale in scales.items() if scale is not None})
        step = max(1, math.ceil(n / MOST_ROWS))
        train, held_out = train[::step], held_out[::step]
        train = away_from(self._timeline, train, held_out, self.gap)
        for name, scale in scales.items():
            target = target_of(metadata, name, self._timeline)
            rows = Fold(train[target.known[train]], held_out[target.known[held_out]])
            if why := _why_not(target, rows):
                self.left_out[name] = why
            else:
                self.columns[name] = scale
                self._columns.append(_Column(name, target, scale, rows))

    def _can_be_asked(self, name: str, asked: Sequence[str] | None) -> bool:
        known = self._metadata.known_values(name)
        if name == self._held_out_by:
            self.left_out[name] = "decides which images are held out, so no held-out value was trained on"
        elif asked is None and name in TIME_COLUMNS and self._timeline.frames is not None:
            self.left_out[name] = "counts time, so anything that drifts predicts it"
        elif len(np.unique(known)) < 2:
            self.left_out[name] = "has the same value in every row" if len(known) else "has no value in any row"
        elif self._metadata.kind(name) is ColumnKind.CATEGORY and _too_many(len(np.unique(known)), len(known)):
            n_labels = len(np.unique(known))
            self.left_out[name] = (
                f"has {n_labels:,} labels in {len(known):,} rows: at most {MAX_LABELS}, and two rows for each, can be "
                "probed"
            )
        return name not in self.left_out

    def _timescale(self, name: str) -> Timescale | None:
        return None if self._timeline.frames is None else timescale_of(self._metadata, name, self._timeline)

    @cached_property
    def null(self) -> Null:
        """How labels are taken from codes, the same for all columns."""
        return make_null(self._timeline, self.gap, self._seed, self._groups)

    def ask(
        self,
        codes: Reals,
        *,
        nulls: bool = True,
        probes: Sequence[type[Probe]] = PROBES,
        columns: Collection[str] | None = None,
    ) -> Probed:
        """Read every column from codes.

        Args:
            codes: (n, d) of all images, as the network sees them.
            nulls: repeat each probe with labels that have nothing to do with the codes, for p values.
            probes: that read.
            columns: those of `columns` to read; None for all.

        Raises:
            UserError: the codes are not one row of finite numbers for each image.
        """
        return self._ask(self._shown(codes), nulls, probes, columns)

    def _shown(self, codes: Reals) -> Reals:
        """Codes of all images to those of the images that all codes know."""
        if self._known is not None and codes.ndim == 2 and len(codes) == self._n:
            codes = codes[self._known]
        _check(codes, len(self._timeline))
        return codes

    def _ask(
        self, codes: Reals, nulls: bool, probes: Sequence[type[Probe]], columns: Collection[str] | None = None
    ) -> Probed:
        shared = _Readings(codes, self._timeline, self.gap, self._seed, self._groups)
        scores, found = list[ProbeScore](), dict[tuple[str, str], Array]()
        for column in self._columns:
            if columns is not None and column.name not in columns:
                continue
            blocks = stretches_of(
                self._timeline, column.rows.score, column.scale.tau if column.scale else 0.0, self._groups
            )
            for probe in probes:
                scores.append(self._score(shared, column, probe, blocks))
                if nulls and self._has_time(column):
                    found[column.name, probe.name] = self._under_null(shared, column, probe)
        tau = None if self._timeline.frames is None or not nulls else correlation_time(codes, self._timeline)
        return Probed(tuple(self._with_chance(scores, found)), tau)

    def refuse_given(self, given: Sequence[str]) -> None:
        """Refuse columns that cannot be given beside codes.

        Raises:
            UserError: there is no such column, or it cannot be probed itself; all of them.
        """
        for name in given:
            self._metadata.column(name)
        raise_if_any(
            f"column '{name}' cannot be given: it {self.left_out[name]}" for name in given if name in self.left_out
        )

    def gains(
        self, codes: Reals, given: Sequence[str], probes: Sequence[type[Probe]] = PROBES
    ) -> tuple[Difference, ...]:
        """How much the error of each probe of each other column falls when codes are added to given columns.

        Given columns and codes are brought to the same variance, so that neighbours are near in both. There is no p:
        where the given columns are known with noise, codes that say the same again are a gain, too.

        Args:
            codes: (n, d) of all images.
            given: names of columns.
            probes: that read.

        Raises:
            UserError: there is no such column, or one cannot be probed itself.
        """
        self.refuse_given(given)
        codes = self._shown(codes)
        targets = {name: target_of(self._metadata, name, self._timeline) for name in given}
        known = np.concatenate([_of_one_variance(target.values) for target in targets.values()], axis=1)
        both = np.concatenate([_of_one_variance(known), _of_one_variance(codes)], axis=1)
        without, added = (self._ask(values, False, probes) for values in (known, both))
        found = [
            difference(new, old)
            for new, old in zip(added.scores, without.scores, strict=True)
            if new.column not in targets
        ]
        return tuple(replace(gain, p=math.nan) for gain in found if gain is not None)

    def _has_time(self, column: _Column) -> bool:
        """Whether a p can be given: of labels that are moved, they have to be long enough for it."""
        enough = column.scale is None or column.scale.n_taus >= self._least_time
        return enough or self.null.kind is not NullKind.SHIFT

    def _score(self, shared: _Readings, column: _Column, probe: type[Probe], blocks: Stretches) -> ProbeScore:
        target, rows = column.target, column.rows
        reading = shared.probe(probe, rows)
        predicted = reading.predict(target.values[reading.used, None, :])
        true, mean = target.values[rows.score], target.values[rows.fit].mean(axis=0)
        score = float(target.scores(predicted, true[:, None], mean[None])[0])
        errors, weights = target.errors(predicted[:, 0], true), target.weights(true)
        under = np.square(true - mean).sum(axis=1) if target.kind is ColumnKind.LINEAR else weights
        interval = log_ratio(errors * weights, under, blocks)
        low, high = _ends(interval, target.kind)
        return ProbeScore(
            column.name,
            target.kind,
            probe.name,
            score,
            low,
            high,
            target.more(predicted[:, 0], true),
            None,
            len(rows.fit),
            len(rows.score),
            errors,
            weights,
            blocks,
        )

    def _under_null(self, shared: _Readings, column: _Column, probe: type[Probe]) -> Array:
        """What is told (told, score) of the data and under each draw, (2, 1 + draws), within the null's rows."""
        null, target = self.null, column.target
        inside = np.zeros(len(self._timeline), bool)
        inside[null.rows] = True
        rows = Fold(*(part[inside[part]] for part in (column.rows.fit, column.rows.score)))
        if len(rows.fit) < MIN_ROWS or len(rows.score) < MIN_ROWS:
            return np.empty((2, 0))
        place = np.zeros(len(self._timeline), np.int64)
        place[null.rows] = np.arange(len(null.rows))
        reading = shared.probe(probe, rows)
        n_sets, width = len(null.sources), target.values.shape[1]
        at_once = max(1, VALUES_AT_ONCE // (len(reading.used) * width))
        parts = []
        for start in range(0, n_sets, at_once):
            sources = null.sources[start : start + at_once, place[reading.used]].T  # (used, sets)
            moved = target.values[sources]
            predicted = reading.predict(moved)
            true, mean = moved[len(rows.fit) :], moved[: len(rows.fit)].mean(axis=0)
            parts.append(np.stack([told(predicted, true, mean), target.scores(predicted, true, mean)]))
        return np.concatenate(parts, axis=1)

    def _with_chance(self, scores: list[ProbeScore], found: Mapping[tuple[str, str], Array]) -> list[ProbeScore]:
        usable = {key: values for key, values in found.items() if values.size and np.isfinite(values).all()}
        if not usable:
            return scores
        null, keys = self.null, list(usable)
        statistics = np.stack([usable[key][0] for key in keys], axis=1)
        p, adjusted = null.p_values(statistics), null.adjusted(statistics)
        chances = {}
        for i, key in enumerate(keys):
            drawn, scale = usable[key][1][1:], self.columns[key[0]]
            largest_is_best = self._metadata.kind(key[0]) is not ColumnKind.CIRCULAR
            chances[key] = ByChance(
                null.kind,
                float(np.median(drawn)),
                float(np.percentile(drawn, 95 if largest_is_best else 5)),
                float(p[i]),
                null.guaranteed(float(p[i])),
                float(adjusted[i]),
                self._resolution(scale),
            )
        return [replace(score, by_chance=chances.get((score.column, score.probe))) for score in scores]

    def _resolution(self, scale: Timescale | None) -> float:
        """The least p that draws can tell: labels moved by less than a correlation time are hardly others."""
        draws = len(self.null.sources)
        if self.null.kind is not NullKind.SHIFT or scale is None or scale.tau <= 0:
            return 1 / draws
        longest = max(map(len, self._timeline.segments())) * self._timeline.usual_step
        return max(1 / draws, 1 / (1 + 2 * math.floor(longest / 8 / scale.tau)))


class _Readings:
    """Probes of some codes, each built once for the rows that it is asked for."""

    def __init__(self, codes: Reals, timeline: Timeline, gap: float, seed: int, groups: Integers | None) -> None:
        self._codes, self._timeline, self._gap, self._seed, self._groups = codes, timeline, gap, seed, groups
        self._made: dict[tuple[str, bytes, bytes], Probe] = {}

    def probe(self, kind: type[Probe], rows: Fold) -> Probe:
        key = (kind.name, rows.fit.tobytes(), rows.score.tobytes())
        if key not in self._made:
            folds = inner_folds(self._timeline, rows.fit, self._gap, self._seed, self._groups)
            self._made[key] = kind(self._codes, rows, folds)
        return self._made[key]


@dataclass(frozen=True)
class Difference:
    """Two codes compared by one probe of one column, on the same held-out rows.

    Attributes:
        column, probe: what was read, and how.
        ratio: error of the first over that of the second, of R2 what is left unexplained: below 1 where the first tells
            more.
        low, high: its 95 % interval over stretches of held-out rows.
        p: of no difference; NaN where it would mean nothing.
        blocks: stretches.
    """

    column: str
    probe: str
    ratio: float
    low: float
    high: float
    p: float
    blocks: int


def difference(first: ProbeScore, second: ProbeScore) -> Difference | None:
    """How much more of a column the first codes tell than the second; None where there are too few stretches."""
    interval = log_ratio(first.errors * first.weights, second.errors * second.weights, first.stretches)
    if interval is None:
        return None
    ratio, low, high = (math.exp(value) for value in (interval.estimate, interval.low, interval.high))
    return Difference(first.column, first.probe, ratio, low, high, interval.p, interval.blocks)


def _of_one_variance(values: Reals) -> Array:
    """Values (n, d) from their means, with a variance of 1 in all."""
    centred = np.asarray(values, np.float64) - values.mean(axis=0)
    total = math.sqrt(float(np.square(centred).sum(axis=1).mean()))
    return np.asarray(centred / total if total > 0 else centred)


def _ends(interval: Interval | None, kind: ColumnKind) -> tuple[float | None, float | None]:
    """An interval of a logarithm as one of the score: of R2, of balanced accuracy, of the mean error of an angle."""
    if interval is None:
        return None, None
    low, high = math.exp(interval.low), math.exp(interval.high)
    if kind is ColumnKind.CIRCULAR:
        return low, min(high, 180.0)
    ends = 1 - high, 1 - low
    return ends if kind is ColumnKind.LINEAR else (max(0.0, ends[0]), ends[1])


def _why_not(target: Target, rows: Fold) -> str | None:
    """Why a column cannot be probed with these rows, in words; None where it can."""
    for n, what in ((len(rows.fit), "training"), (len(rows.score), "held-out")):
        if n < MIN_ROWS:
            return f"has a value in only {n} {what} rows, and at least {MIN_ROWS} are needed"
    for part, what in ((rows.fit, "training"), (rows.score, "held-out")):
        if (target.values[part] == target.values[part[0]]).all():
            return f"has the same value in every {what} row"
    return None


def _too_many(n_labels: int, n: int) -> bool:
    return n_labels > min(MAX_LABELS, n // 2)


def _check(codes: Reals, n: int) -> None:
    if codes.ndim != 2 or codes.shape[1] == 0:
        raise UserError(f"codes have shape {codes.shape}: there must be one row per image, with at least one unit")
    problems = []
    if len(codes) != n:
        problems.append(f"{len(codes):,} codes and {n:,} images do not match")
    bad = np.flatnonzero(~np.isfinite(codes).all(axis=1))
    if len(bad):
        problems.append(
            f"{len(bad):,} of {len(codes):,} codes are not finite (first: row {bad[0]}): did the training diverge?"
        )
    raise_if_any(problems)
