"""What a study's runs are seen beside: the same networks before their first update, and the pixels themselves."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

import numpy as np

from autoencoder.array_types import FloatArray, Rows
from autoencoder.config import ModelConfig
from autoencoder.data.images import ImageSet
from autoencoder.study.population import ALWAYS, Population, Source

UNTRAINED = "untrained"
"""The control of every network: its first weights."""

PIXELS = "PCA {} of the pixels"
"""The control of every representation: as many principal components."""

PIXEL_CODES = "pca-{}-of-pixels"
"""The name of that control, as of a run."""

MOST_SIZES = 6
"""Sizes of a latent that a PCA is made for, at most."""


def with_controls(population: Population, *, untrained: bool) -> Population:
    """The population with a PCA of the pixels for each size of latent, and with untrained networks.

    Args:
        population: of runs.
        untrained: whether untrained networks are added.
    """
    added = [*(untrained_networks(population) if untrained else ()), *pixel_codes(population)]
    return dataclasses.replace(population, sources=(*population.sources, *added))


def untrained_networks(population: Population) -> list[Source]:
    """Networks before their first update, by the snapshots that runs took then: one for each architecture and seed."""
    groups: dict[ModelConfig, dict[int | None, Source]] = {}
    for source in population.sources:
        if source.run is None or source.control is not None or not source.changes or source.moments[0].step:
            continue
        config = source.run.config()
        if config.training.init_from is None:
            groups.setdefault(config.model, {}).setdefault(source.seed, source)
    of_models = {name for name in population.vary if name in _model_settings(groups)}
    found = []
    for sources in groups.values():
        for source in sources.values():
            levels = {name: source.levels[name] for name in of_models if name in source.levels}
            first = {ALWAYS: source.snapshots[source.moments[0]]}
            name = "-".join([UNTRAINED, *levels.values(), str(source.seed)])
            found.append(Source(name, levels, source.seed, UNTRAINED, source.run, first, kept=source.kept))
    return found


def _model_settings(models: Iterable[ModelConfig]) -> set[str]:
    """Settings in which models differ."""
    values: dict[str, set[object]] = {}
    for model in models:
        for item in dataclasses.fields(model):
            values.setdefault(item.name, set()).add(getattr(model, item.name))
        for name, value in model.own:
            values.setdefault(name, set()).add(value)
    return {name for name, found in values.items() if len(found) > 1}


def pixel_codes(population: Population) -> list[Source]:
    """Principal components of the probe images, fitted to those that were trained on, without noise."""
    sizes = {source.run.config().model.latent_dim for source in population.sources if source.run is not None}
    some = sorted(sizes)[:MOST_SIZES]
    if not some or len(population.train) <= max(some):
        return []
    codes = _components(population.images, population.rows, population.train, max(some), population.split_seed)
    return [
        Source(PIXEL_CODES.format(size), {}, None, PIXELS.format(size), fixed=codes[:, :size].copy())
        for size in some
        if size <= codes.shape[1]
    ]


def _components(images: ImageSet, rows: Rows, train: Rows, size: int, seed: int) -> FloatArray:
    """Codes (p, at most size) of the images `rows`, by a PCA of `train`, places among them."""
    from sklearn.decomposition import PCA

    flat = images.scaled(rows).reshape(len(rows), -1)
    n = min(size, flat.shape[1])
    pca = PCA(n, svd_solver="randomized", random_state=seed % 2**32).fit(flat[train])
    return np.asarray(pca.transform(flat), np.float32)
