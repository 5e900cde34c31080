"""The reference table as a study: an autoencoder, four fitted encoders with a decoder, a network that predicts."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from autoencoder.config import (
    REFERENCE,
    DataConfig,
    ModelConfig,
    NoiseConfig,
    ObjectiveConfig,
    RunConfig,
    TrainingConfig,
)
from autoencoder.config.presets import NO_PRESET
from autoencoder.data.images import ImageSet
from autoencoder.errors import UserError, raise_if_any
from autoencoder.objectives.base import make_objective
from autoencoder.registries import DEFAULT_ENCODER
from autoencoder.runs.data import resolve_split, split_rows
from autoencoder.study.designs.design import Design, Member, base_of

SYSTEM = "system"
"""What its runs differ in: encoder, latent size and objective together."""

WIDE, NARROW = 16, 2
"""Latent units: those of the reference work's autoencoder, and a plane."""

PREDICTING = {"angle": "direction-tagger", "classify": "classifier", "regress": "regressor"}
"""Objectives of the network that predicts, the first one that the data hold a target for, and what it is called."""


TAKES = (*DataConfig.__dataclass_fields__, *TrainingConfig.__dataclass_fields__, "encoder", "target", "noise")
"""Settings that the preset takes; the others are what its runs differ in."""


def reference_design(data: str, given: Mapping[str, Any], images: ImageSet, seeds: Sequence[int]) -> Design:
    """The design of the reference table, with each of the seeds; see `reference_runs`.

    Args:
        data: path of the images.
        given: settings, by their names.
        images: the data.
        seeds: at least one.

    Raises:
        UserError: the preset does not take a setting; or as `reference_runs`.
    """
    raise_if_any(
        f"--{name.replace('_', '-')} does not go with the preset '{REFERENCE}': leave it out"
        for name in given
        if name not in TAKES
    )
    base = base_of(data, NO_PRESET, given)
    resolved = resolve_split(DataConfig(**base.data), images)
    runs, missing = reference_runs(
        resolved.data,
        images,
        given.get("noise", NoiseConfig()),
        TrainingConfig(**base.training),
        encoder=given.get("encoder", DEFAULT_ENCODER),
        target=given.get("target"),
    )
    members = [
        Member(
            f"{name}-{seed}",
            {SYSTEM: name},
            seed,
            dataclasses.replace(config, training=dataclasses.replace(config.training, seed=seed)),
        )
        for seed in seeds
        for name, config in runs.items()
    ]
    notes = tuple(note for note in (resolved.said, missing) if note is not None)
    return Design({SYSTEM: tuple(runs)}, tuple(seeds), tuple(members), notes=notes, preset=REFERENCE)


def reference_runs(
    data: DataConfig,
    images: ImageSet,
    noise: NoiseConfig,
    training: TrainingConfig,
    *,
    encoder: str = DEFAULT_ENCODER,
    target: str | None = None,
) -> tuple[dict[str, RunConfig], str | None]:
    """Configurations of the reference table.

    Args:
        data: names of the files, and the split.
        images: what the files hold.
        noise: corruption of the input.
        training: epochs, seed and everything else.
        encoder: of the autoencoder and of the network that predicts.
        target: the column to predict; None for the angle, else the label, else the quantity that can be meant.

    Returns:
        name of each run and its configuration, and, where nothing can be predicted, why the last one is left out.

    Raises:
        UserError: `target` is named and can be predicted by none of `PREDICTING`; or there is too little to split.
    """
    data = resolve_split(data, images).data
    wide, reconstruct = ModelConfig(encoder, WIDE), ObjectiveConfig(noise=noise)
    models = {
        f"ae-{WIDE}": wide,
        f"pca-{WIDE}": ModelConfig("pca", WIDE),
        f"pca-{NARROW}": ModelConfig("pca", NARROW),
        f"umap-{WIDE}": ModelConfig("umap", WIDE),
        f"umap-{NARROW}": ModelConfig("umap", NARROW),
    }
    runs = {name: RunConfig(data, model, reconstruct, training) for name, model in models.items()}
    train_rows = split_rows(runs[f"ae-{WIDE}"], images).train
    problems: list[str] = []
    for objective, name in PREDICTING.items():
        try:
            chosen = make_objective(ObjectiveConfig(objective, noise=noise, target=target)).resolved(images, train_rows)
        except UserError as error:
            problems += error.problems
            continue
        return {**runs, name: RunConfig(data, wide, chosen, training)}, None
    if target is not None:
        raise UserError(problems)
    return runs, f"no {', no '.join(PREDICTING.values())}: {'; '.join(problems)}"
