"""What runs tell of the metadata over training: when each column is told, whether it stays, and in which order."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from autoencoder.evaluation.probing import Probed, ProbeScore, Probing
from autoencoder.measures.emergence import TOLD, Emergence, Fate, emergence, fate_of, skill
from autoencoder.measures.kinds import ColumnKind
from autoencoder.measures.probes import PROBES, Probe
from autoencoder.study.population import Moment, Population, Source
from autoencoder.study.table import Table

MEASURE = "told"
"""In the table: what a probe tells of a column."""

EMERGED = ("onset", "retained")
"""In the table: the epochs between which a column comes to be told, and how much of that is left."""


@dataclass(frozen=True)
class Course:
    """One column by one probe in one run.

    Attributes:
        moments: of the run.
        scores: (t,) at these, as tuple.
        emergence: when it is told.
        final: the score at the end, with its interval and chance.
    """

    moments: tuple[Moment, ...]
    scores: tuple[float, ...]
    emergence: Emergence
    final: ProbeScore

    @property
    def onset_epochs(self) -> tuple[float, float] | None:
        """The epochs between which it comes to be told."""
        if self.emergence.onset is None:
            return None
        before, after = self.emergence.onset
        return self.moments[before].epoch, self.moments[after].epoch


@dataclass(eq=False)
class Told:
    """What all sources tell.

    Attributes:
        probing: the questions.
        kinds: of the columns.
        courses: by source, column and probe.
        notes: what could not be asked, and why.
    """

    probing: Probing
    kinds: Mapping[str, ColumnKind]
    courses: dict[tuple[str, str, str], Course] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def fate(self, source: str, column: str) -> Fate | None:
        """What becomes of a column in a run; None where it was not probed."""
        found = [self.courses.get((source, column, probe.name)) for probe in PROBES]
        ridge, neighbors = found
        return None if ridge is None or neighbors is None else fate_of(ridge.emergence, neighbors.emergence)


def probing_of(population: Population) -> Probing:
    """The questions that all sources are asked: fitted to training images, scored on held-out ones."""
    return Probing(
        population.images.metadata.take(population.rows),
        len(population.rows),
        population.train,
        population.held_out,
        population.split_kind,
        population.split_seed,
    )


def probe_over_training(population: Population, table: Table, on_progress: Callable[[], None] = lambda: None) -> Told:
    """Ask every source at every moment, and by chance at the end and at each peak; every number goes to the table.

    Args:
        population: what is measured.
        table: is added to.
        on_progress: called after each source.
    """
    probing = probing_of(population)
    kinds = {name: population.images.metadata.kind(name) for name in probing.columns}
    told = Told(probing, kinds)
    if probing.refusal is not None:
        told.notes.append(f"not probed: {probing.refusal}")
    told.notes += [f"not probed: '{name}' {why}" for name, why in probing.left_out.items()]
    if not probing.columns:
        told.notes.append("no column can be probed")
        return told
    for source in population.sources:
        _probe_source(population, source, told, table)
        on_progress()
    return told


def _probe_source(population: Population, source: Source, told: Told, table: Table) -> None:
    codes = {moment: source.codes(moment, population.rows) for moment in source.moments}
    fine = [moment for moment in source.moments if np.isfinite(codes[moment]).all()]
    if not fine or fine[-1] != source.last:
        told.notes.append(f"{source.name} is not probed: some of its codes are not finite")
        return
    asked = {moment: told.probing.ask(codes[moment], nulls=moment == source.last) for moment in fine}
    for probe in PROBES:
        skills = {name: _skills(told, population, asked, name, probe.name) for name in told.kinds}
        peaks = {name: fine[int(np.argmax(values))] for name, values in skills.items()}
        at_peak = _by_chance_at_peaks(told, codes, asked, source.last, probe, peaks, skills)
        for name, values in skills.items():
            found = [asked[moment].of(name, probe.name) for moment in fine]
            scores = [score for score in found if score is not None]
            course = Course(
                tuple(fine),
                tuple(score.score for score in scores),
                emergence(values, above_chance=at_peak[name].beats_chance()),
                scores[-1],
            )
            told.courses[source.name, name, probe.name] = course
            tau = told.probing.columns[name]
            _add(table, source, course, scores, at_peak[name], tau.tau if tau is not None else None)


def _skills(told: Told, population: Population, asked: Mapping[Moment, Probed], name: str, probe: str) -> np.ndarray:
    kind, n_labels = told.kinds[name], 0
    if kind is ColumnKind.CATEGORY:
        n_labels = len(np.unique(population.images.metadata.known_values(name)))
    scores = [probed.of(name, probe) for probed in asked.values()]
    return skill(np.array([score.score for score in scores if score is not None]), kind, n_labels)


def _by_chance_at_peaks(
    told: Told,
    codes: Mapping[Moment, np.ndarray],
    asked: Mapping[Moment, Probed],
    last: Moment,
    probe: type[Probe],
    peaks: Mapping[str, Moment],
    skills: Mapping[str, np.ndarray],
) -> dict[str, ProbeScore]:
    """Each column's score at its peak, with chance where the skill is large enough to be called one."""
    found: dict[str, ProbeScore] = {}
    for moment in dict.fromkeys(peaks.values()):
        names = [name for name, peak in peaks.items() if peak == moment]
        worth = {name for name in names if skills[name].max() >= TOLD}
        probed = asked[moment]
        if worth and moment != last:
            probed = told.probing.ask(codes[moment], probes=(probe,), columns=worth)
        for name in names:
            score = probed.of(name, probe.name) or asked[moment].of(name, probe.name)
            assert score is not None
            found[name] = score
    return found


def _add(
    table: Table, source: Source, course: Course, scores: list[ProbeScore], at_peak: ProbeScore, tau: float | None
) -> None:
    column, probe = course.final.column, course.final.probe
    tau = tau if tau is not None and math.isfinite(tau) else None
    for i, (moment, score) in enumerate(zip(course.moments, scores, strict=True)):
        known = at_peak if i == course.emergence.peak_at else score
        table.add(
            source,
            moment,
            MEASURE,
            score.score,
            column=column,
            probe=probe,
            null=known.by_chance.median if known.by_chance is not None else None,
            low=score.low,
            high=score.high,
            n=score.n,
            tau=tau,
        )
    if not source.changes:
        return
    if (onset := course.onset_epochs) is not None:
        last, more = course.moments[-1], {"column": column, "probe": probe, "n": course.final.n, "tau": tau}
        middle = math.sqrt(onset[0] * onset[1]) if onset[0] > 0 else onset[1] / 2
        table.add(source, last, EMERGED[0], middle, low=onset[0], high=onset[1], **more)
        table.add(source, last, EMERGED[1], course.emergence.retained, **more)
