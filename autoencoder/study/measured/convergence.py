"""How far each run has converged: what the second half of training changed in its codes and in its loss."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from autoencoder.errors import UserError
from autoencoder.measures.similarity import Similarity
from autoencoder.study.measured.likeness import MAIN, Comparer
from autoencoder.study.moments import at_the_end
from autoencoder.study.population import Moment, Population, Source
from autoencoder.study.statistics import effects_on
from autoencoder.study.table import Table

MOVED = "moved_since_half"
"""In the table: the Procrustes angle between a run's codes at half of its training and at its end, in degrees."""

LOSS_FALL = "loss_fall_since_half"
"""In the table: the share of the fall of a run's training loss that came in the second half of its epochs."""

FEWEST_EPOCHS = 3
"""Of two, the first only says where the fall begins, so that all of it would come in the second half."""

FAR_FROM_HALF = 0.15
"""Of a training: a snapshot that is farther from its half is named, since more or less than a half is compared."""


def measure_convergence(comparer: Comparer, table: Table) -> dict[str, Any]:
    """Measure how much each run still changed in the second half of its training, and how far apart runs were.

    While runs still move as far as settings are apart, a difference between settings may be one of speed. The reverse
    does not hold: a learning rate that falls to 0 brings codes to rest wherever they are.

    Args:
        comparer: of the population that is measured.
        table: is added to.

    Returns:
        plain values: `effects` on both measures; `halves`, mean Procrustes angles in degrees between seeds of one
        setting (`within`) and between runs of other settings and seeds (`between`), at half of training and at the
        end; `settings`, how long each was trained; and `notes`.

    Raises:
        UserError: no run has snapshots over training, or too few images are held out to compare codes.
    """
    population = comparer.population
    runs = [source for source in population.sources if source.changes]
    if not runs:
        raise UserError("no run has snapshots of more than one moment: train with --snapshots-per-epoch 1 or more")
    main = next((measure for measure in comparer.measures if measure.name == MAIN), None)
    if main is None:
        raise UserError(["too few held-out images to compare", *comparer.notes])
    notes = [*comparer.notes, *_fixed(population, runs)]
    compared = [source for source in comparer.sources if source.changes]
    moved = [source for source in compared if _add_moved(comparer, main, source, table, notes)]
    for source in runs:
        _add_loss_fall(source, table, notes)
    moments = at_the_end(population.sources).moments
    effects = [effects_on(table, population, name, moments) for name in (MOVED, LOSS_FALL)]
    return {
        "effects": [effect for effect in effects if effect is not None],
        "halves": {
            "half": _distances(population, main, moved, halfway),
            "end": _distances(population, main, moved, lambda source: source.last),
        },
        "settings": _lengths(runs),
        "notes": notes,
    }


def _fixed(population: Population, runs: Sequence[Source]) -> list[str]:
    """Settings whose encoder is fitted before training, so that no code of theirs changes."""
    fitted = [
        source.setting
        for source in population.sources
        if source.run is not None and source.seed is not None and source.control is None and source not in runs
    ]
    return [f"no convergence of {'; '.join(dict.fromkeys(fitted))}: their codes do not change"] if fitted else []


# --------------------------------------------------------------------------------------------------------------- codes


def halfway(source: Source) -> Moment:
    """The snapshot nearest to half of a source's training, by step and before the last; of two as near, the first."""
    return min(source.moments[:-1], key=lambda moment: abs(moment.step - source.last.step / 2))


def _add_moved(comparer: Comparer, main: Similarity, source: Source, table: Table, notes: list[str]) -> bool:
    """Add how far a source's codes moved since half of its training; returns whether that could be measured."""
    half, last, population = halfway(source), source.last, comparer.population
    before, after = population.codes(source, half), population.codes(source, last)
    angle = main.between(before, after) if np.isfinite(before).all() else math.nan
    if not math.isfinite(angle):
        notes.append(f"{source.name} has no {MOVED}: its codes at step {half.step:,} are not finite, or all the same")
        return False
    if abs(half.step / last.step - 0.5) > FAR_FROM_HALF:
        notes.append(
            f"{source.name} has no snapshot near half of its training: step {half.step:,} of {last.step:,} is taken"
        )
    table.add(source, last, MOVED, angle, other_step=half.step, n=len(after), tau=comparer.tau)
    return True


def _distances(
    population: Population, main: Similarity, sources: Sequence[Source], moment_of: Callable[[Source], Moment]
) -> dict[str, float | None]:
    """Mean distances between runs of the design at a moment of each; None where there is no such pair."""
    runs = [source for source in sources if source.control is None and source.seed is not None]
    moments = [moment_of(source) for source in runs]
    values = main.pairwise([population.codes(run, moment) for run, moment in zip(runs, moments, strict=True)])
    within, between = list[float](), list[float]()
    for i, j in itertools.combinations(range(len(runs)), 2):
        if runs[i].setting == runs[j].setting:
            within.append(float(values[i, j]))
        elif runs[i].seed != runs[j].seed:
            between.append(float(values[i, j]))
    epochs = {moment.epoch for moment in moments}
    return {"epoch": epochs.pop() if len(epochs) == 1 else None, "within": _mean(within), "between": _mean(between)}


def _mean(values: Sequence[float]) -> float | None:
    return float(np.mean(values)) if values else None


# ------------------------------------------------------------------------------------------------- losses and lengths


def _add_loss_fall(source: Source, table: Table, notes: list[str]) -> None:
    if source.run is None:
        return
    try:
        share = fall_since_half(source.run.metrics())
    except UserError as error:
        notes.append(f"{source.name} has no {LOSS_FALL}: {error}")
        return
    if share is None:
        notes.append(f"{source.name} has no {LOSS_FALL}: its training loss never fell, or it has too few epochs")
    else:
        table.add(source, source.last, LOSS_FALL, share)


def fall_since_half(epochs: Sequence[Mapping[str, Any]]) -> float | None:
    """The share, 0 to 1, of the fall of the training loss that came in the second half of the epochs.

    The fall is that from the first epoch's mean to the lowest epoch's mean. Of an odd number of epochs, the one in the
    middle belongs to the first half.

    Args:
        epochs: rows of `metrics.csv`, in order.

    Returns:
        the share; None where the loss never fell, and of fewer epochs than `FEWEST_EPOCHS`.
    """
    losses = [float(row["train_loss"]) for row in epochs]
    if len(losses) < FEWEST_EPOCHS or not min(losses) < losses[0]:
        return None
    reached = min(losses[: math.ceil(len(losses) / 2)])
    return (reached - min(losses)) / (losses[0] - min(losses))


def _lengths(runs: Sequence[Source]) -> list[dict[str, Any]]:
    """How long the runs of each setting were trained: epochs and updates of the longest run, and the fewest updates."""
    groups: dict[str, list[Source]] = {}
    for source in runs:
        groups.setdefault(source.setting, []).append(source)
    return [
        {
            "setting": setting,
            "epochs": max(float(source.last.epoch) for source in group),
            "updates": max(source.last.step for source in group),
            "fewest_updates": min(source.last.step for source in group),
            "n": len(group),
        }
        for setting, group in groups.items()
    ]
