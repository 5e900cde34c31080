"""All measures of a study, each of which can be asked for by itself."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from threadpoolctl import threadpool_limits

from autoencoder.errors import UserError
from autoencoder.machine.progress import Progress
from autoencoder.measures.emergence import times_before
from autoencoder.measures.probes import PROBES
from autoencoder.measures.similarity import similarities
from autoencoder.study.measured.convergence import LOSS_FALL, MOVED, measure_convergence
from autoencoder.study.measured.embeddings import embed_population
from autoencoder.study.measured.likeness import Comparer, Likeness, compare_codes
from autoencoder.study.measured.noise_floor import DISPLACEMENT, FLOOR, measure_noise
from autoencoder.study.measured.quality import LOSSES, METRIC, read_quality
from autoencoder.study.measured.shape import DIMENSIONS, LOOPS, measure_dimension, measure_topology
from autoencoder.study.measured.space import SPACE, measure_space
from autoencoder.study.measured.told import EMERGED, MEASURE, Told, probe_over_training
from autoencoder.study.measured.units import ERROR, EXPLAINED, measure_units
from autoencoder.study.moments import at_the_end, matched
from autoencoder.study.planes import Planes
from autoencoder.study.population import Moment, Population
from autoencoder.study.statistics import effects_on, similarity_statistics
from autoencoder.study.table import Table

Statistics = dict[str, Any]


@dataclass(frozen=True, eq=False)
class Measured:
    """What came of measuring.

    Attributes:
        table: all numbers.
        statistics: what was found, by the name of the measure that it is of.
        planes: what codes look like; None where that was not asked for.
    """

    table: Table
    statistics: Statistics
    planes: Planes | None = None


@dataclass
class Measuring:
    """What is measured, and what came of it so far.

    Attributes:
        population: the sources.
        table, statistics, planes: see `Measured`.
        progress: of all measures, and `done`, how many sources it has counted.
        device: where networks compute.
        by: "loss" or "steps": what says that runs are equally far in their training.
    """

    population: Population
    table: Table
    statistics: Statistics
    planes: Planes | None
    progress: Progress
    device: str
    by: str
    done: int = 0

    def advance(self, sources: int = 1) -> None:
        """Count sources as measured."""
        self.done += sources
        self.progress.advance(sources)

    @cached_property
    def comparer(self) -> Comparer:
        """Compares the population's codes; made where it is first asked for."""
        return Comparer(self.population)


def _similarity(work: Measuring) -> None:
    likeness = compare_codes(work.comparer, work.table)
    work.statistics["similarity"] = similarity_statistics(work.population, likeness)
    work.statistics.pop("matched", None)
    if any(source.run is not None and source.changes for source in work.comparer.sources):
        work.statistics["matched"] = _matched(work, likeness, work.by)


def _matched(work: Measuring, likeness: Likeness, by: str) -> dict[str, Any]:
    """The same comparison where runs are equally far in their training, and at no other moment."""
    sources = work.comparer.sources
    together, notes = matched(sources, by)
    equally_far = dataclasses.replace(likeness, end=work.comparer.alike(together, sources), course=[])
    return similarity_statistics(work.population, equally_far) | {"notes": notes, "by": by}


def _space(work: Measuring) -> None:
    work.statistics["space"] = measure_space(work.comparer, work.table, work.advance)


def _probes(work: Measuring) -> None:
    told = probe_over_training(work.population, work.table, work.advance)
    work.statistics["probes"] = _told_statistics(work, told)


def _told_statistics(work: Measuring, told: Told) -> dict[str, Any]:
    population, moments = work.population, _ends(work.population)
    columns: dict[str, Any] = {}
    for name, kind in told.kinds.items():
        scale = told.probing.columns[name]
        runs = {}
        for source in population.sources:
            fate = told.fate(source.name, name)
            if fate is None:
                continue
            run: dict[str, Any] = {"setting": source.setting, "seed": source.seed, "control": source.control}
            run["fate"] = fate.value
            for probe in PROBES:
                course = told.courses[source.name, name, probe.name]
                chance, found = course.final.by_chance, course.emergence
                run[probe.name] = {
                    "first": course.scores[0],
                    "best": course.scores[found.peak_at],
                    "final": course.final.score,
                    "p": None if chance is None else chance.p,
                    "by_chance": None if chance is None else chance.best,
                    "onset_epochs": course.onset_epochs,
                    "retained": None if found.onset is None else found.retained,
                }
            runs[source.name] = run
        columns[name] = {
            "kind": kind.value,
            "tau_frames": None if scale is None else scale.tau,
            "enough_time": scale is None or scale.is_enough,
            "runs": runs,
            "effects": {
                probe.name: effects_on(work.table, population, MEASURE, moments, column=name, probe=probe.name)
                for probe in PROBES
            },
        }
    return {"columns": columns, "order": _orders(columns), "notes": told.notes}


def _orders(columns: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Which of two columns comes to be told first, seed by seed, for each setting and probe."""
    found = []
    settings = dict.fromkeys(run["setting"] for column in columns.values() for run in column["runs"].values())
    for setting, probe in itertools.product(settings, PROBES):
        onsets = {
            name: {
                run["seed"]: run[probe.name]["onset_epochs"]
                for run in column["runs"].values()
                if run["setting"] == setting and run["seed"] is not None
            }
            for name, column in columns.items()
        }
        with_any = [name for name, by_seed in onsets.items() if any(by_seed.values())]
        for first, second in itertools.combinations(with_any, 2):
            seeds = [seed for seed in onsets[first] if seed in onsets[second]]
            before, ties, after = times_before(
                [onsets[first][seed] for seed in seeds], [onsets[second][seed] for seed in seeds]
            )
            entry = {"setting": setting, "probe": probe.name, "first": first, "second": second}
            found.append({**entry, "before": before, "ties": ties, "after": after})
    return found


def _topology(work: Measuring) -> None:
    work.statistics["topology"] = measure_topology(work.population, work.table, work.advance)


def _dimension(work: Measuring) -> None:
    notes = measure_dimension(work.comparer, work.table, work.advance)
    moments = _ends(work.population)
    work.statistics["dimension"] = {
        "effects": _effects(work, DIMENSIONS[:2], moments),  # the last is a curve, of which no point is the dimension
        "notes": notes,
    }


def _robustness(work: Measuring) -> None:
    notes = measure_noise(work.comparer, work.table, work.device, work.advance)
    names = [DISPLACEMENT, *(FLOOR.format(measure.name) for measure in work.comparer.measures)]
    work.statistics["robustness"] = {"effects": _effects(work, names, _ends(work.population)), "notes": notes}


def _quality(work: Measuring) -> None:
    notes = read_quality(work.population, work.table)
    rows = work.table.select(measure=(*LOSSES, METRIC))
    ends = {row["run"]: Moment(row["step"], row["epoch"]) for row in rows}  # the last epoch's come last
    found = _effects(work, LOSSES, ends)
    for name in dict.fromkeys(row["column"] for row in rows if row["measure"] == METRIC):
        found += _effects(work, [METRIC], ends, column=name)
    work.statistics["quality"] = {"effects": found, "notes": notes}


def _convergence(work: Measuring) -> None:
    work.statistics["convergence"] = measure_convergence(work.comparer, work.table)


def _units(work: Measuring) -> None:
    work.statistics["units"] = measure_units(work.population, work.table, work.device, work.advance)


def _embeddings(work: Measuring) -> None:
    work.planes, work.statistics["embeddings"] = embed_population(work.comparer, work.advance)


def _effects(
    work: Measuring, names: Iterable[str], moments: Mapping[str, Moment], **wanted: Any
) -> list[dict[str, Any]]:
    found = [effects_on(work.table, work.population, name, moments, **wanted) for name in names]
    return [effect for effect in found if effect is not None]


def _ends(population: Population) -> Mapping[str, Moment]:
    """The last moment of each source."""
    return at_the_end(population.sources).moments


@dataclass(frozen=True)
class Measure:
    """Something that can be measured by itself.

    Attributes:
        take: measures it.
        rows: beginnings of the names in the table that are its own.
    """

    take: Callable[[Measuring], None]
    rows: tuple[str, ...]


MEASURES: dict[str, Measure] = {
    "similarity": Measure(_similarity, tuple(one.name for one in similarities())),
    "space": Measure(_space, SPACE),
    "probes": Measure(_probes, (MEASURE, *EMERGED)),
    "topology": Measure(_topology, LOOPS),
    "dimension": Measure(_dimension, DIMENSIONS),
    "robustness": Measure(_robustness, (DISPLACEMENT, FLOOR.format(""))),
    "quality": Measure(_quality, (*LOSSES, METRIC)),
    "convergence": Measure(_convergence, (MOVED, LOSS_FALL)),
    "units": Measure(_units, (ERROR, EXPLAINED)),
    "embeddings": Measure(_embeddings, ()),
}
"""What measures each of `config.STUDIED`."""


def measure(
    population: Population,
    only: Collection[str],
    before: Measured | None = None,
    *,
    by: str = "loss",
    device: str = "auto",
    quiet: bool = True,
) -> Measured:
    """Measure a population.

    Args:
        population: its sources.
        only: names in `MEASURES`.
        before: what was measured earlier; what is measured now takes its place.
        by: "loss" or "steps": what says that runs are equally far in their training, where they are compared as well.
        device: where networks compute.
        quiet: show no progress.
    """
    before = before or Measured(Table(tuple(population.vary)), {})
    table, statistics = before.table, dict(before.statistics)
    chosen = {name: entry for name, entry in MEASURES.items() if name in only}
    own = tuple(beginning for entry in chosen.values() for beginning in entry.rows)
    table = Table(table.vary, [row for row in table.rows if not row["measure"].startswith(own)])
    total = len(chosen) * len(population.sources)
    # Products of small matrices, of which there are many, wait for each other where several threads share them.
    with threadpool_limits(1, "blas"), Progress("Measuring", total, "representations", quiet=quiet) as progress:
        work = Measuring(population, table, statistics, before.planes, progress, device, by)
        for number, (name, entry) in enumerate(chosen.items(), 1):
            try:
                entry.take(work)
            except UserError as error:
                statistics[name] = {"why_not": str(error), "notes": []}
            work.advance(number * len(population.sources) - work.done)  # what a measure did not count itself
    statistics["notes"] = list(population.notes)
    return Measured(_in_order(table), statistics, work.planes)


def _in_order(table: Table) -> Table:
    """Rows by their measure, whatever was measured first."""
    order = [beginning for entry in MEASURES.values() for beginning in entry.rows]

    def place(row: Mapping[str, Any]) -> int:
        return next(i for i, beginning in enumerate(order) if row["measure"].startswith(beginning))

    return Table(table.vary, sorted(table.rows, key=place))
