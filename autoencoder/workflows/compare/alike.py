"""How alike the codes of a comparison are, and what shape they have: the measures of a study."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from autoencoder.array_types import Rows
from autoencoder.errors import UserError
from autoencoder.evaluation.compare import Comparison
from autoencoder.runs.opened import OpenedRun
from autoencoder.study.designs.design import setting_name
from autoencoder.study.folder import StudyFolder
from autoencoder.study.measured.likeness import MAIN
from autoencoder.study.measured.measure import Measured, measure
from autoencoder.study.moments import over_training
from autoencoder.study.population import Population, Source, gather, has_finished, run_source
from autoencoder.study.sentences import sentences
from autoencoder.study.wording import Sentence, capitalized, degrees, section
from autoencoder.workflows.compare.kinds import NAME, Group, Kinds, Levels, kinds_of
from autoencoder.workflows.markdown import TextTable
from autoencoder.workflows.study.results import Study
from autoencoder.workflows.study.tables import distances, notes, rings, sizes, tests_of_settings

MEASURED = ("similarity", "topology", "dimension")
"""What is measured: of a study's measures, those that take codes alone."""

MOST_MOMENTS = 24
"""Of more snapshots than this, which is what a study has, some are compared: their pairs grow with the square."""

LAST = "last"
"""The checkpoint that a run's last snapshot is of."""


def measure_codes(
    comparisons: Sequence[Comparison], groups: Sequence[Group], out: Path, *, quiet: bool = True
) -> Study:
    """Measure the codes of all runs, over all seeds, and those from elsewhere, on held-out images.

    Where there are two seeds of some kind of run, the runs are measured over training, by their snapshots, as a study's
    are. Otherwise, and where that cannot be, the codes of all held-out images at the compared checkpoint are.

    Args:
        comparisons: one for each group, of the same data and split.
        groups: the runs that were compared.
        out: the comparison's folder.
        quiet: show no progress.
    """
    names = _names(comparisons)
    kinds = kinds_of(groups, names)
    said = (*comparisons[0].notes, *kinds.notes)
    if kinds.have_seeds:
        try:
            population = _over_training(comparisons, groups, kinds, names, out)
            measured = _measure_over_training(population, quiet=quiet)
            if "why_not" not in measured.statistics["similarity"]:
                return _study(measured, population, said, out)
            why = str(measured.statistics["similarity"]["why_not"])
        except UserError as error:
            why = str(error)
        said = (*said, f"representations are compared at one moment, and not over training: {why}")
    population = _at_one_moment(comparisons, kinds, names)
    return _study(measure(population, MEASURED, quiet=quiet), population, said, out)


def _measure_over_training(population: Population, *, quiet: bool) -> Measured:
    """Similarity at all moments; the shape of codes, which a comparison shows of the end only, at the end."""
    over = measure(population, MEASURED[:1], quiet=quiet)
    over.statistics.pop("matched", None)  # no table of a comparison shows it
    ends = [dataclasses.replace(one, snapshots=dict([*one.snapshots.items()][-1:])) for one in population.sources]
    return measure(dataclasses.replace(population, sources=tuple(ends)), MEASURED[1:], over, quiet=quiet)


def _study(measured: Measured, population: Population, said: Sequence[str], out: Path) -> Study:
    vary = {name: list(values) for name, values in population.vary.items() if len(values) > 1 and name != NAME}
    noted = [*said, *measured.statistics["notes"]]
    return Study(
        out,
        dataclasses.replace(measured, statistics={**measured.statistics, "settings": vary, "notes": noted}),
    )


def _names(comparisons: Sequence[Comparison]) -> list[str]:
    """Of all runs, with their seeds where there are several comparisons, whose runs have the same names."""
    several = len(comparisons) > 1
    return [
        f"{run.name}, seed {run.evaluation.trained.config.training.seed}" if several else run.name
        for comparison in comparisons
        for run in comparison.runs
    ]


def _at_one_moment(comparisons: Sequence[Comparison], kinds: Kinds, names: Sequence[str]) -> Population:
    """Codes of all held-out images, at the compared checkpoint and with the noise of the test."""
    first = comparisons[0]
    rows = first.compared
    runs = [run for comparison in comparisons for run in comparison.runs]
    sources = [
        Source(name, levels or {NAME: setting_name(levels)}, seed, fixed=run.codes[rows])
        for name, levels, seed, run in zip(names, kinds.levels, kinds.seeds, runs, strict=True)
    ]
    data = first.runs[0].evaluation.trained.config.data
    return Population(
        (*sources, *_files(first, rows)),
        kinds.vary,
        first.data,
        rows,
        data.split,
        data.split_seed,
        np.empty(0, np.int64),
        np.arange(len(rows)),
    )


def _over_training(
    comparisons: Sequence[Comparison], groups: Sequence[Group], kinds: Kinds, names: Sequence[str], out: Path
) -> Population:
    """Runs with their snapshots.

    Raises:
        UserError: a run is not finished or has no snapshots, snapshots are of other images, what is compared is another
            moment than the last one, or the folder holds a study, which says more.
    """
    first = comparisons[0]
    _refuse_other_codes(comparisons)
    if holds_measured_study(out):
        raise UserError(f"{out} holds a study, whose report does that")
    runs = [run for group in groups for run in group.runs]
    noted, sources = list[str](), list[Source]()
    for run, name, levels, seed in zip(runs, names, kinds.levels, kinds.seeds, strict=True):
        sources.append(_source(run, name, levels, seed, noted))
    population = gather(thinned(sources, noted), kinds.vary, (), noted, first.known)
    if not len(population.held_out):
        raise UserError(f"the snapshots of {runs[0].path} hold codes of no held-out image")
    return dataclasses.replace(population, sources=(*population.sources, *_files(first, population.rows)))


def thinned(sources: Sequence[Source], noted: list[str]) -> list[Source]:
    """Runs with fewer snapshots: the last of each, and those that all have, of many the first and ever fewer later.

    Args:
        sources: runs.
        noted: is added how many are left.
    """
    shared = over_training(sources)
    places = np.unique(np.rint(np.geomspace(1, max(len(shared), 1), MOST_MOMENTS)).astype(int)) - 1
    kept = shared if len(shared) <= MOST_MOMENTS else [shared[place] for place in places]
    if len(kept) < len(shared):
        noted.append(f"over training, {len(kept)} of the {len(shared)} moments that all runs have are compared")
    return [
        dataclasses.replace(
            source,
            snapshots={
                moment: snapshot
                for moment, snapshot in source.snapshots.items()
                if moment == source.last or any(together.moments[source.name] == moment for together in kept)
            },
        )
        for source in sources
    ]


def _refuse_other_codes(comparisons: Sequence[Comparison]) -> None:
    """Refuse checkpoints and noise that snapshots are not of."""
    for run in (run for comparison in comparisons for run in comparison.runs):
        evaluation = run.evaluation
        if evaluation.checkpoint != LAST:
            raise UserError(f"the checkpoint '{evaluation.checkpoint}' was requested")
        if evaluation.noise != evaluation.trained.config.objective.noise:
            raise UserError(f"{run.name} was trained with another noise than the requested {evaluation.noise}")


def _source(run: OpenedRun, name: str, levels: Levels, seed: int, noted: list[str]) -> Source:
    if not has_finished(run):
        raise UserError(f"{name} is not finished: finish it with 'autoencoder train --resume {run.path}'")
    try:
        return run_source(run, levels, seed, None, noted, name)
    except UserError as error:
        raise UserError(f"{name}: {error}") from None


def _files(comparison: Comparison, rows: Rows) -> list[Source]:
    """Codes from elsewhere."""
    return [Source(other.name, {}, None, fixed=other.codes[rows]) for other in comparison.others]


def holds_measured_study(out: Path) -> bool:
    """Whether a comparison's folder is that of a measured study, whose files are not to be replaced."""
    return StudyFolder(out).statistics_file.exists()


def alike_sentences(study: Study) -> list[Sentence]:
    """What was found, in words; where nothing but the seed varies, no answer to what settings change."""
    found = study.statistics
    similarity, said = section(found, "similarity"), sentences(found)
    if not similarity or found["settings"]:
        return said
    end = similarity["measures"][MAIN]["at_the_end"]
    if end["within"] is None:
        return said[1:]
    text = f"runs of one kind differ by {degrees(end['within'])} degrees between seeds"
    chance = "" if end["by_chance"] is None else f", by chance {degrees(end['by_chance'])}"
    return [Sentence(f"{capitalized(text)}{chance}; nothing but the seed varies.", "distances"), *said[1:]]


def alike_sections(study: Study) -> list[tuple[str, TextTable | None]]:
    """Tables of what was measured; sentences and notes, which have none."""
    found = study.statistics
    said: list[tuple[str, TextTable | None]] = [(sentence.text, None) for sentence in alike_sentences(study)]
    tests = tests_of_settings(found) if _is_tested(study) else []
    tables: list[tuple[str, TextTable | None]] = [*distances(found), *tests, *rings(found), *sizes(found)]
    return said + tables + [(f"note: {text}", None) for text in notes(found)]


def _is_tested(study: Study) -> bool:
    similarity = section(study.statistics, "similarity")
    return bool(similarity) and "p" in similarity["measures"][MAIN]["test"]
