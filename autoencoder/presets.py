"""Presets: the systems that the project grew from, each with its documented defaults. A flag overrides a preset."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Preset:
    """Values for fields of the configuration's sections, which replace the console command's own defaults."""

    description: str
    model: Mapping[str, Any] = field(default_factory=dict)
    objective: Mapping[str, Any] = field(default_factory=dict)
    training: Mapping[str, Any] = field(default_factory=dict)


PRESETS: dict[str, Preset] = {
    "rat-ae": Preset(
        "the reference convolutional autoencoder: 64-64-128 filters, 16-D latent, 150 epochs at a rate of 1e-3",
        model={"encoder": "conv", "latent_dim": 16},
        training={
            "epochs": 150,
            "batch_size": 64,
            "lr": 1e-3,
            "schedule": "constant",
            "weight_decay": 0.0,
            "val_interval": 5,
            "checkpoint_interval": 5,
            "snapshots_per_epoch": 3,
            "snapshot_batch_size": 128,
        },
    ),
}
