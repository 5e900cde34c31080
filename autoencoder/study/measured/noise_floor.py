"""What noise alone does: how far it moves codes, and how alike a network is to itself under two draws of it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

from autoencoder.array_types import FloatArray
from autoencoder.data.batches import Pixels
from autoencoder.data.changes.noise import corrupt_each
from autoencoder.errors import UserError
from autoencoder.measures.robustness import displacement
from autoencoder.runs.trained import Trained
from autoencoder.study.measured.controls import UNTRAINED
from autoencoder.study.measured.likeness import Comparer
from autoencoder.study.population import Population
from autoencoder.study.table import Table

DISPLACEMENT = "noise_displacement"
"""In the table: how far the run's noise moves a code, in distances to the nearest other image; the median."""

FLOOR = "noise_floor_{}"
"""In the table: a similarity of the same network's codes under two draws of its noise."""

DRAWS = ("noise floor, first draw", "noise floor, second draw")
"""Purposes of the noise's random streams."""


def measure_noise(
    comparer: Comparer,
    table: Table,
    device: str = "auto",
    on_progress: Callable[[], None] = lambda: None,
) -> list[str]:
    """Encode the compared images of each run without noise and with two draws of it; returns what could not be.

    Args:
        comparer: of the population that is measured.
        table: is added to.
        device: `auto`, `cpu`, `cuda` or `mps`.
        on_progress: called after each source.
    """
    notes, without_noise, population = list[str](), list[str](), comparer.population
    for source in population.sources:
        on_progress()
        if source.run is None or source.control == UNTRAINED:
            continue
        if source.run.config().objective.noise.kind == "none":
            without_noise.append(source.setting)
            continue
        try:
            clean, first, second = _codes(population, source.run.network("last", device))
        except UserError as error:
            notes.append(f"{source.name}: no noise floor: {error}")
            continue
        n, apart = len(clean), comparer.apart
        moved = np.concatenate([displacement(clean, noisy, population.timeline, apart) for noisy in (first, second)])
        known = moved[~np.isnan(moved)]
        if len(known):
            table.add(source, source.last, DISPLACEMENT, float(np.median(known)), n=n, tau=comparer.tau)
        for measure in comparer.measures:
            floor = measure.between(first, second)
            table.add(source, source.last, FLOOR.format(measure.name), floor, n=n, tau=comparer.tau)
    if without_noise:
        listed = ", ".join(dict.fromkeys(without_noise))
        notes.append(f"no noise floor for {listed}: trained without noise, so that two looks at an image are the same")
    return notes


@torch.no_grad()
def _codes(population: Population, trained: Trained) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Codes (n, d) of the compared images: as they are, and with two draws of the noise that the run learned with."""
    images, rows = population.images, population.rows[population.compared]
    pixels, config = Pixels(images.images, images.max_pixel_value, trained.device), trained.config
    parts: tuple[list[FloatArray], ...] = ([], [], [])
    for part, batch in pixels.batches(rows, trained.encoded_at_once):
        seen = [batch, *(corrupt_each(batch, config.objective.noise, part, config.data.split_seed, p) for p in DRAWS)]
        for place, inputs in enumerate(seen):
            parts[place].append(trained.network.encode(inputs).float().cpu().numpy())
    clean, first, second = (np.concatenate(part) for part in parts)
    return clean, first, second
