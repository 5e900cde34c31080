"""What a study says, and how sure that is: the settings' effect on representations, and on single measures.

Seeds are the samples: frames, images and snapshots are none. The effect on representations is tested at one moment that
is named beforehand, the end of training; at all moments together it is tested by the largest statistic.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autoencoder.array_types import Integers
from autoencoder.errors import number_of
from autoencoder.measures.similarity import Similarity
from autoencoder.study.measured.likeness import Alike, Likeness
from autoencoder.study.paired import SeedMean, mean_interval, paired_differences
from autoencoder.study.permanova import (
    Effect,
    dispersion,
    dispersion_ratio,
    fewest_seeds,
    interaction_omega2,
    main_effects,
    permanova,
)
from autoencoder.study.population import Moment, Population, Source
from autoencoder.study.table import Table

Array = NDArray[np.float64]

UNEQUAL = 2.0
"""Settings that scatter so many times as far as others may differ in spread, and not in place."""


def design_sources(population: Population) -> tuple[list[Source], list[str]]:
    """The runs that are tested: those of seeds that every setting has; and what is to be said of the others."""
    runs = [source for source in population.sources if source.control is None and source.seed is not None]
    settings = list(dict.fromkeys(source.setting for source in runs))
    seeds = sorted({source.seed for source in runs if source.seed is not None})
    have = {(source.setting, source.seed) for source in runs}
    complete = {seed for seed in seeds if all((setting, seed) in have for setting in settings)}
    notes = [
        f"seed {seed} is not tested: {', '.join(s for s in settings if (s, seed) not in have)} has no run with it"
        for seed in seeds
        if seed not in complete
    ]
    return [source for source in runs if source.seed in complete], notes


def similarity_statistics(population: Population, likeness: Likeness) -> dict[str, Any]:
    """The settings' effect on representations, by every measure.

    Args:
        population: what was compared.
        likeness: its similarities; the effect is tested at `likeness.end`.

    Returns:
        plain values, as `statistics.json` has them.
    """
    end = likeness.end
    tested, notes = design_sources(population)
    compared = [source for source in tested if source.name in end.names]
    if len(compared) < len(tested):
        left = {source.seed for source in compared}
        settings = {source.setting for source in tested}
        whole = {seed for seed in left if {source.setting for source in compared if source.seed == seed} == settings}
        notes.append("seeds with a run that cannot be compared are not tested")
        compared = [source for source in compared if source.seed in whole]
    return {
        "moment": end.together.label,
        "epoch": end.together.epoch,
        "n_images": likeness.n,
        "tau_frames": likeness.tau if likeness.tau is not None and math.isfinite(likeness.tau) else None,
        "frames_between_neighbours": likeness.apart,
        "runs": _runs(population, end),
        "settings": list(dict.fromkeys(source.setting for source in compared)),
        "seeds": sorted({source.seed for source in compared if source.seed is not None}),
        "measures": {
            measure.name: _by_measure(population, likeness, measure, compared) for measure in likeness.measures
        },
        "notes": [*likeness.notes, *notes],
    }


def _runs(population: Population, end: Alike) -> list[dict[str, Any]]:
    """What was compared, those of one setting together, at which step."""
    sources = [source for group in population.settings().values() for source in group if source.name in end.names]
    return [
        {
            "name": source.name,
            "setting": source.setting,
            "seed": source.seed,
            "control": source.control,
            "step": end.together.moments[source.name].step if source.fixed is None else None,
        }
        for source in sources
    ]


def _by_measure(
    population: Population, likeness: Likeness, measure: Similarity, compared: Sequence[Source]
) -> dict[str, Any]:
    end = likeness.end
    sources = {source.name: source for source in population.sources}
    return {
        "title": measure.title,
        "unit": measure.unit,
        "is_distance": measure.is_distance,
        "between_settings": _matrix(measure, end, sources),
        "at_the_end": _summary(measure, end, sources),
        "over_training": [_summary(measure, alike, sources) for alike in likeness.course],
        "test": _test(measure, end, likeness.course, compared, population.split_seed),
        "factors": _factors(measure, end, compared, population),
        "dispersion": _dispersion(measure, end, compared),
    }


def _values(measure: Similarity, alike: Alike, sources: Sequence[Source], *, as_distances: bool) -> Array:
    """(m, m) of some sources at a moment."""
    places = [alike.names.index(source.name) for source in sources]
    values = alike.values[measure.name][np.ix_(places, places)]
    if not as_distances:
        return values
    distances = measure.distances(values)
    np.fill_diagonal(distances, np.where(np.isnan(np.diagonal(distances)), np.nan, 0.0))
    return np.asarray((distances + distances.T) / 2)


def _summary(measure: Similarity, alike: Alike, sources: Mapping[str, Source]) -> dict[str, Any]:
    """Means over pairs of runs of the design, by what the two have in common, and by chance."""
    runs = [sources[name] for name in alike.names if sources[name].control is None and sources[name].seed is not None]
    values = _values(measure, alike, runs, as_distances=False)
    places = [alike.names.index(run.name) for run in runs]
    chance = alike.by_chance[measure.name][np.ix_(places, places)]
    groups: dict[str, list[float]] = {"within": [], "other_setting_same_seed": [], "other_setting_other_seed": []}
    for i, j in itertools.combinations(range(len(runs)), 2):
        same_setting, same_seed = runs[i].setting == runs[j].setting, runs[i].seed == runs[j].seed
        name = "within" if same_setting else f"other_setting_{'same' if same_seed else 'other'}_seed"
        groups[name].append(float(values[i, j]))
    upper = chance[np.triu_indices(len(runs), 1)]
    return {
        "epoch": alike.together.epoch,
        **{name: _mean(found) for name, found in groups.items()},
        "by_chance": _mean(upper.tolist()),
    }


def _mean(values: Sequence[float]) -> float | None:
    known = [value for value in values if math.isfinite(value)]
    return float(np.mean(known)) if known else None


def _matrix(measure: Similarity, alike: Alike, sources: Mapping[str, Source]) -> dict[str, Any]:
    """Means over pairs of different sources of two settings, controls and files among them."""
    settings = list(dict.fromkeys(sources[name].setting for name in alike.names))
    of = [settings.index(sources[name].setting) for name in alike.names]
    values, chance = alike.values[measure.name], alike.by_chance[measure.name]
    means: list[list[float | None]] = []
    by_chance: list[list[float | None]] = []
    for one in range(len(settings)):
        pairs = [
            [(i, j) for i in range(len(of)) for j in range(len(of)) if i != j and (of[i], of[j]) == (one, other)]
            for other in range(len(settings))
        ]
        means.append([_mean([float(values[pair]) for pair in found]) for found in pairs])
        by_chance.append([_mean([float(chance[pair]) for pair in found]) for found in pairs])
    return {"settings": settings, "means": means, "by_chance": by_chance}


def mostly_chance(value: float | None, by_chance: float | None, *, is_distance: bool) -> bool:
    """Whether codes that have nothing to do with each other are at least half as alike; of angles by their cosine."""
    if value is None or by_chance is None:
        return False
    if is_distance:
        value, by_chance = (math.cos(math.radians(angle)) for angle in (value, by_chance))
    return by_chance > value / 2


# --------------------------------------------------------------------------------------------------------------- tests


def _labels(sources: Sequence[Source]) -> tuple[Integers, Integers]:
    """(N,) number of each run's setting, and its seed's."""
    settings = list(dict.fromkeys(source.setting for source in sources))
    seeds = sorted({source.seed for source in sources if source.seed is not None})
    labels = np.array([settings.index(source.setting) for source in sources], np.int64)
    blocks = np.array([seeds.index(source.seed) for source in sources if source.seed is not None], np.int64)
    return labels, blocks


def _why_not_tested(sources: Sequence[Source]) -> str | None:
    settings = {source.setting for source in sources}
    seeds = {source.seed for source in sources}
    if not sources:
        return "no seed has a run with every setting: train all settings with the same seeds"
    if len(settings) < 2:
        return "there is only one setting, and nothing to compare it with"
    if len(seeds) < 2:
        return (
            f"with {number_of(len(seeds), 'seed')} it is not known how much seeds differ: train "
            f"{fewest_seeds(len(settings))} or more"
        )
    return None


def _test(
    measure: Similarity, end: Alike, course: Sequence[Alike], sources: Sequence[Source], seed: int
) -> dict[str, Any]:
    """PERMANOVA at the end, with seeds as blocks, and at all moments together."""
    if why := _why_not_tested(sources):
        return {"why_not": why}
    labels, blocks = _labels(sources)
    distances = _values(measure, end, sources, as_distances=True)
    if not np.isfinite(distances).all():
        return {"why_not": "some codes are the same for all images"}
    effect = permanova(distances, labels, blocks, seed)
    found: dict[str, Any] = {
        **_effect(effect, 0),
        "relabellings": effect.relabellings,
        "all_relabellings": effect.complete,
        "least_p": effect.least_p,
    }
    moments = [(alike, _values(measure, alike, sources, as_distances=True)) for alike in course]
    finite = [(alike, values) for alike, values in moments if np.isfinite(values).all()]
    if len(finite) > 1:
        over = permanova(np.stack([values for _, values in finite]), labels, blocks, seed)
        found["over_training"] = [
            {"epoch": alike.together.epoch, **_effect(over, i), "p_over_moments": float(over.p_over_moments[i])}
            for i, (alike, _) in enumerate(finite)
        ]
    return found


def _effect(effect: Effect, moment: int) -> dict[str, float | None]:
    names = ("pseudo_f", "r2", "omega2", "r2_by_chance", "p")
    values = {name: float(getattr(effect, name)[moment]) for name in names}
    return {name: value if math.isfinite(value) else None for name, value in values.items()}


def _factors(measure: Similarity, end: Alike, sources: Sequence[Source], population: Population) -> dict[str, Any]:
    """Each setting's own effect beside the others', and the size of what two of them do together."""
    names = [name for name in population.vary if len({source.levels.get(name) for source in sources}) > 1]
    distances = _values(measure, end, sources, as_distances=True)
    if len(names) < 2 or _why_not_tested(sources) or not np.isfinite(distances).all():
        return {}
    columns = []
    for name in names:
        levels = list(dict.fromkeys(source.levels.get(name, "") for source in sources))
        columns.append([levels.index(source.levels.get(name, "")) for source in sources])
    labels, blocks = np.array(columns, np.int64).T, _labels(sources)[1]
    seed = population.split_seed
    found: dict[str, Any] = {}
    try:
        effects = main_effects(distances, labels, blocks, seed)
    except ValueError as error:
        return {"why_not": str(error)}
    for name, effect in zip(names, effects, strict=True):
        found[name] = {**_effect(effect, 0), "relabellings": effect.relabellings, "least_p": effect.least_p}
    for one, other in itertools.combinations(range(len(names)), 2):
        size = interaction_omega2(distances, labels, blocks, one, other)
        if size is not None:
            found[f"{names[one]} x {names[other]}"] = {"omega2": float(size[0])}
    return found


def _dispersion(measure: Similarity, end: Alike, sources: Sequence[Source]) -> dict[str, Any]:
    """How far seeds of each setting scatter; very unequal scatter is a difference in spread."""
    distances = _values(measure, end, sources, as_distances=True)
    if _why_not_tested(sources) or not np.isfinite(distances).all():
        return {}
    labels, _ = _labels(sources)
    spread = dispersion(distances, labels)
    ratio = dispersion_ratio(spread)
    settings = list(dict.fromkeys(source.setting for source in sources))
    return {
        "by_setting": {name: float(value) for name, value in zip(settings, spread, strict=True)},
        "ratio": float(ratio) if math.isfinite(ratio) else None,
        "in_place_or_in_spread": bool(math.isfinite(ratio) and ratio > UNEQUAL),
    }


# ------------------------------------------------------------------------------------------------------ single measures


def effects_on(
    table: Table, population: Population, measure: str, moments: Mapping[str, Moment], **wanted: Any
) -> dict[str, Any] | None:
    """A measure's mean over seeds in every setting, and its difference between settings, seed by seed.

    Args:
        table: all numbers.
        population: what was measured.
        measure: name in the table.
        moments: of each source, by name.
        **wanted: other columns of the table, such as the column and the probe.

    Returns:
        plain values; None where no run has this number.
    """
    found: dict[str, dict[int | None, float]] = {}
    values: dict[tuple[str, int | None], float] = {}
    wanted_rows = {
        row["run"]: row["value"]
        for row in table.select(measure=measure, **wanted)
        if row["run"] in moments and row["step"] in (None, moments[row["run"]].step) and row.get("other_run") is None
    }
    for source in population.sources:
        if source.name in wanted_rows:
            found.setdefault(source.setting, {})[source.seed] = wanted_rows[source.name]
            values[source.setting, source.seed] = wanted_rows[source.name]
    if not found:
        return None
    design = list(dict.fromkeys(s.setting for s in population.sources if s.control is None and s.seed is not None))
    design = [setting for setting in design if setting in found]
    seeds = sorted({seed for setting in design for seed in found[setting] if seed is not None})
    grid = np.array([[values.get((setting, seed), math.nan) for seed in seeds] for setting in design])
    return {
        "measure": measure,
        **wanted,
        "settings": [
            {"setting": setting, **_over_seeds(mean_interval(np.array(list(by_seed.values()), np.float64)))}
            | {"seeds": {str(seed): value for seed, value in by_seed.items()}}
            for setting, by_seed in found.items()
        ],
        "differences": [
            {"first": design[pair.first], "second": design[pair.second], **_over_seeds(pair.over_seeds)}
            for pair in (paired_differences(grid) if len(design) > 1 else ())
            if pair.over_seeds.n
        ],
    }


def _over_seeds(mean: SeedMean) -> dict[str, float | int | None]:
    return {"mean": mean.mean, "low": mean.low, "high": mean.high, "n": mean.n}
