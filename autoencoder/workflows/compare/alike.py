"""How alike the codes of a comparison are, and what shape they have: the measures of a study."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from autoencoder.evaluation.compare import Comparison
from autoencoder.study.measured.measure import measure
from autoencoder.study.population import Population, Source
from autoencoder.workflows.markdown import TextTable
from autoencoder.workflows.study.results import Study
from autoencoder.workflows.study.tables import distances, notes, rings, sizes

MEASURED = ("similarity", "topology", "dimension")
"""Of a study's measures, those of codes at one moment."""


def measure_codes(comparisons: Sequence[Comparison], out: Path) -> Study:
    """Measure the codes of all runs, over all seeds, and those from elsewhere, on the held-out images.

    Args:
        comparisons: one for each seed, of the same data and split.
        out: the comparison's folder.
    """
    first = comparisons[0]
    rows = first.rows
    several = len(comparisons) > 1
    sources = [
        Source(
            run.name if not several else f"{run.name}, seed {run.evaluation.trained.config.training.seed}",
            {"run": run.name},
            run.evaluation.trained.config.training.seed,
            fixed=run.codes[rows],
        )
        for comparison in comparisons
        for run in comparison.runs
    ]
    sources += [Source(other.name, {}, None, fixed=other.codes[rows]) for other in first.others]
    config = first.runs[0].evaluation.trained.config.data
    population = Population(
        tuple(sources),
        {"run": tuple(dict.fromkeys(source.levels["run"] for source in sources if source.levels))},
        first.data,
        rows,
        config.split,
        config.split_seed,
        np.empty(0, np.int64),
        np.arange(len(rows)),
        first.notes,
    )
    return Study(out, measure(population, MEASURED))


def alike_sections(study: Study) -> list[tuple[str, TextTable | None]]:
    """Tables of what was measured, and notes, which have none."""
    found = study.statistics
    tables: list[tuple[str, TextTable | None]] = [*distances(found), *rings(found), *sizes(found)]
    return tables + [(f"note: {text}", None) for text in notes(found)]
