"""How alike representations are: all sources at one moment, and one source at all of its moments."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from autoencoder.array_types import FloatArray, Integers
from autoencoder.data.timescales import timeline_of
from autoencoder.errors import UserError
from autoencoder.measures.nulls import turns
from autoencoder.measures.similarity import Similarity, similarities
from autoencoder.measures.timeline import correlation_time
from autoencoder.study.moments import Together, at_the_end, over_training
from autoencoder.study.population import Population, Source
from autoencoder.study.table import Table

Array = NDArray[np.float64]

MAIN = "procrustes"
"""The measure that sentences are about; the others say whether its verdict holds."""

DRAWS = 10
"""Turns in time that the null of a similarity is the mean of."""

APART_TAUS = 3.0
"""Correlation times that rows have to be apart to be called neighbours."""

MOST_APART = 0.25
"""Of a recording, at most, that is left out around each row."""


@dataclass(frozen=True, eq=False)
class Alike:
    """Similarities of sources at one moment.

    Attributes:
        together: the moment.
        names: of the sources, in the order of the matrices.
        values: by the name of the measure, (m, m).
        by_chance: the same, of rows turned in time or permuted.
    """

    together: Together
    names: tuple[str, ...]
    values: Mapping[str, Array]
    by_chance: Mapping[str, Array]


@dataclass(eq=False)
class Likeness:
    """Similarities of a population.

    Attributes:
        measures: that were taken.
        tau: correlation time of the slowest codes at the end, in frames; None for rows without time.
        apart: frames between rows that can be neighbours.
        n: compared images.
        end: at the last moment of each source.
        course: at each moment that all sources have, the end among them where it is the same for all.
        notes: sources that could not be compared, and why.
    """

    measures: tuple[Similarity, ...]
    tau: float | None
    apart: float
    n: int
    end: Alike
    course: list[Alike] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


class Comparer:
    """Compares the codes of a population's sources, with the same images, measures and nulls throughout.

    Args:
        population: what is compared.

    Attributes:
        sources: whose codes can be compared.
        measures: that can be taken of so many images.
        tau: correlation time of the slowest codes at the end, in frames; None for rows without time.
        apart: frames between rows that can be neighbours.
        notes: sources and measures that are left out, and why.
    """

    def __init__(self, population: Population) -> None:
        self.population = population
        self.sources, self.notes = usable(population)
        self.tau = slowest_codes(population, self.sources)
        self.apart = _apart(population, self.tau)
        n, known = len(population.compared), similarities(population.timeline, self.apart)
        why_not = {measure.name: measure.too_few(n) for measure in known}
        self.measures = tuple(measure for measure in known if why_not[measure.name] is None)
        self.notes += [f"no {name}: {why}" for name, why in why_not.items() if why is not None]
        self.draws: Integers = turns(population.timeline, DRAWS, population.split_seed)

    def alike(self, together: Together, sources: Sequence[Source]) -> Alike:
        """Similarities of sources at one moment, and by chance."""
        codes = [self.population.codes(source, together.moments[source.name]) for source in sources]
        values, by_chance = self.matrices(codes)
        return Alike(together, tuple(source.name for source in sources), values, by_chance)

    def matrices(self, codes: Sequence[FloatArray]) -> tuple[dict[str, Array], dict[str, Array]]:
        """Similarities (m, m) of codes by the names of measures, and what they are by chance."""
        values = {measure.name: measure.pairwise(codes) for measure in self.measures}
        by_chance = {measure.name: measure.by_chance(codes, self.draws) for measure in self.measures}
        return values, by_chance


def slowest_codes(population: Population, sources: Sequence[Source]) -> float | None:
    """Correlation time in frames of the slowest of some codes at the end of training; None for rows without time."""
    timeline = timeline_of(population.images.metadata, len(population.images)).take(population.rows)
    if timeline.frames is None:
        return None
    taus = [correlation_time(source.codes(source.last, population.rows), timeline) for source in sources]
    return max((tau for tau in taus if math.isfinite(tau)), default=math.inf)


def _apart(population: Population, tau: float | None) -> float:
    """Frames around a row that are no neighbours of it: 3 tau, and at most a quarter of the longest recording."""
    if tau is None:
        return 0.0
    frames = population.timeline.frames
    assert frames is not None
    longest = max(float(np.ptp(frames[rows])) for rows in population.timeline.segments())
    return min(APART_TAUS * tau, MOST_APART * longest)


def usable(population: Population) -> tuple[list[Source], list[str]]:
    """Sources whose codes at the end can be compared, and why others cannot."""
    fine, notes = [], []
    for source in population.sources:
        codes = population.codes(source, source.last)
        if not np.isfinite(codes).all():
            notes.append(f"{source.name} is not compared: some of its codes are not finite")
        elif (np.ptp(codes, axis=0) == 0).all():
            notes.append(f"{source.name} is not compared: its codes are the same for all images")
        else:
            fine.append(source)
    return fine, notes


def compare_codes(comparer: Comparer, table: Table) -> Likeness:
    """Compare all sources at each moment that they have in common, and each source's moments with each other.

    Every number goes to the table, beside what it is by chance.

    Raises:
        UserError: fewer than two sources can be compared.
    """
    sources = comparer.sources
    if len(sources) < 2:
        raise UserError(["fewer than two representations can be compared", *comparer.notes])
    if not any(measure.name == MAIN for measure in comparer.measures):
        raise UserError(["too few held-out images to compare", *comparer.notes])
    course = [comparer.alike(together, sources) for together in over_training(sources)]
    last = at_the_end(sources)
    same = [alike for alike in course if dict(alike.together.moments) == dict(last.moments)]
    end = Alike(last, same[-1].names, same[-1].values, same[-1].by_chance) if same else comparer.alike(last, sources)
    likeness = Likeness(
        comparer.measures,
        comparer.tau,
        comparer.apart,
        len(comparer.population.compared),
        end,
        course,
        list(comparer.notes),
    )
    by_name = {source.name: source for source in sources}
    moments = course if same else [*course, end]
    for alike in moments:
        _add_between(table, likeness, alike, by_name, last=alike is moments[-1])
    for source in sources:
        if source.changes:
            _add_within(table, comparer, source)
    return likeness


def _add_between(table: Table, likeness: Likeness, alike: Alike, sources: Mapping[str, Source], *, last: bool) -> None:
    """Every pair of sources at one moment; of two that do not change, at the last one only."""
    for measure in likeness.measures:
        values, by_chance = alike.values[measure.name], alike.by_chance[measure.name]
        for i, j in zip(*np.triu_indices(len(alike.names), 1), strict=True):
            one, other = (sources[alike.names[place]] for place in (i, j))
            if not (last or one.changes or other.changes):
                continue
            moment, its = alike.together.moments[one.name], alike.together.moments[other.name]
            table.add(
                one,
                moment,
                measure.name,
                float(values[i, j]),
                null=float(by_chance[i, j]),
                other_run=other.name,
                other_step=its.step if other.fixed is None else None,
                n=likeness.n,
                tau=likeness.tau,
            )


def _add_within(table: Table, comparer: Comparer, source: Source) -> None:
    """Every pair of a source's moments."""
    codes = [comparer.population.codes(source, moment) for moment in source.moments]
    values, by_chance = comparer.matrices(codes)
    for measure in comparer.measures:
        for i, j in zip(*np.triu_indices(len(codes), 1), strict=True):
            table.add(
                source,
                source.moments[i],
                measure.name,
                float(values[measure.name][i, j]),
                null=float(by_chance[measure.name][i, j]),
                other_run=source.name,
                other_step=source.moments[j].step,
                n=len(comparer.population.compared),
                tau=comparer.tau,
            )
