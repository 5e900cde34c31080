"""The shape of representations: whether codes lie on a ring, in which order they run round it, and how many dimensions
they have."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from autoencoder.array_types import FloatArray
from autoencoder.measures.circular_coordinates import circular_coordinate, cyclic_agreement
from autoencoder.measures.dimension import components_for, dimension_curve, participation_ratio
from autoencoder.measures.kinds import ColumnKind
from autoencoder.measures.topology import can_find_loops, find_loops, loops_by_chance, rings
from autoencoder.study.measured.likeness import Comparer
from autoencoder.study.population import Moment, Population, Source
from autoencoder.study.table import Table
from autoencoder.version import installing

LOOPS = ("h1_first", "h1_ratio", "cyclic_order")
"""In the table: the longest bar of H1 over the codes' diameter, how many times it is as long as the second, and the
agreement of the order round the ring with an angle."""

DIMENSIONS = ("participation_ratio", "components_95", "mle_dimension")
"""In the table: see `autoencoder.measures.dimension`; the last one with its number of neighbours in the column
`column`, and its number of images in `n`."""

SHARE = 0.95

MOST_RATIO = 1e6
"""Of a single loop, whose ratio is infinite."""

OVER_TRAINING = 200
"""Landmarks at moments before the end, one set of them."""


def measure_topology(
    population: Population, table: Table, on_progress: Callable[[], None] = lambda: None
) -> dict[str, Any]:
    """Look for rings in the codes of every source; returns what is said of each setting.

    Args:
        population: what is measured.
        table: is added to.
        on_progress: called after each source.
    """
    if not can_find_loops():
        return {"settings": [], "notes": [f"no topology: it takes ripser, which is an extra: {installing('topology')}"]}
    by_setting: dict[str, list[dict[str, Any]]] = {}
    notes = list[str]()
    for source in population.sources:
        codes = population.codes(source, source.last)
        if np.isfinite(codes).all():
            found = _ring_of(population, source, codes, table)
            by_setting.setdefault(source.setting, []).append(found)
            for moment in source.moments[:-1]:
                _add_course(population, source, moment, table)
        else:
            notes.append(f"{source.name} has no topology: some of its codes are not finite")
        on_progress()
    return {
        "settings": [
            {
                "setting": setting,
                "rings": sum(run["is_ring"] for run in runs),
                "runs": len(runs),
                "is_ring": all(run["is_ring"] for run in runs),
                "by_run": runs,
            }
            for setting, runs in by_setting.items()
        ],
        "notes": notes,
    }


def _ring_of(population: Population, source: Source, codes: FloatArray, table: Table) -> dict[str, Any]:
    """The loops of one source at the end, by chance, and the order round a ring."""
    seed, moment, n = population.split_seed, source.last, len(codes)
    found, chance = rings(codes, seed), loops_by_chance(codes, population.timeline, seed)
    ratio, by_chance = (min(loops.ratio, MOST_RATIO) for loops in (found, chance))
    table.add(source, moment, LOOPS[0], found.first, null=chance.first, n=n)
    table.add(source, moment, LOOPS[1], ratio, null=by_chance, n=n)
    said: dict[str, Any] = {
        "run": source.name,
        "seed": source.seed,
        "is_ring": found.is_ring,
        "first": found.first,
        "first_by_chance": chance.first,
        "ratio": ratio,
        "cyclic_order": {},
    }
    if not found.is_ring:
        return said
    coordinate = circular_coordinate(codes, seed)
    metadata = population.images.metadata
    rows = population.rows[population.compared]
    for name in metadata.names:
        if coordinate is None or metadata.kind(name) is not ColumnKind.CIRCULAR:
            continue
        angles = metadata.column(name)[rows].astype(np.float64) * (2 * math.pi / metadata.period(name))
        known = np.isfinite(angles)
        if known.sum() > 2:
            agreement = cyclic_agreement(coordinate[known], angles[known])
            table.add(source, moment, LOOPS[2], agreement, column=name, n=int(known.sum()))
            said["cyclic_order"][name] = agreement
    return said


def _add_course(population: Population, source: Source, moment: Moment, table: Table) -> None:
    """The loops at a moment before the end, on one set of landmarks."""
    codes = population.codes(source, moment)
    if not np.isfinite(codes).all():
        return
    loops = find_loops(codes, population.split_seed, OVER_TRAINING)
    table.add(source, moment, LOOPS[0], loops.first, n=OVER_TRAINING)
    table.add(source, moment, LOOPS[1], min(loops.ratio, MOST_RATIO), n=OVER_TRAINING)


def measure_dimension(comparer: Comparer, table: Table, on_progress: Callable[[], None] = lambda: None) -> list[str]:
    """Dimensions of every source: of its covariance at every moment, and of its neighbourhoods at the end.

    Args:
        comparer: of the population that is measured; says which rows are neighbours in time.
        table: is added to.
        on_progress: called after each source.

    Returns:
        what could not be measured, and why.
    """
    notes, population, apart = [], comparer.population, comparer.apart
    for source in population.sources:
        for moment in source.moments:
            codes = population.codes(source, moment)
            if not np.isfinite(codes).all() or (np.ptp(codes, axis=0) == 0).all():
                notes.append(f"{source.name} has no dimension at step {moment.step}: its codes are not finite, or one")
                continue
            table.add(source, moment, DIMENSIONS[0], participation_ratio(codes), n=len(codes))
            table.add(source, moment, DIMENSIONS[1], components_for(codes, SHARE), n=len(codes))
            if moment == source.last:
                curve = dimension_curve(codes, seed=population.split_seed, timeline=population.timeline, apart=apart)
                for k, n, estimate in curve:
                    table.add(source, moment, DIMENSIONS[2], estimate, column=f"k={k}", n=n)
        on_progress()
    return notes
