from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from autoencoder.config import DataConfig, ModelConfig, ObjectiveConfig, RunConfig, TrainingConfig
from autoencoder.presets import PRESETS

DOCUMENTED: dict[str, dict[str, dict[str, Any]]] = {
    "rat-ae": {
        "model": {"encoder": "conv", "latent_dim": 16, "norm": "batch", "latent_activation": None},
        "objective": {"name": "reconstruct", "loss": "mse"},
        "training": {
            "epochs": 150,
            "batch_size": 64,
            "snapshot_batch_size": 128,
            "lr": 1e-3,
            "schedule": "constant",
            "weight_decay": 0.0,
            "val_interval": 5,
            "checkpoint_interval": 5,
            "snapshots_per_epoch": 3,
            "seed": 42,
        },
    },
    "mnist-conv": {"model": {"latent_dim": 128}, "objective": {"loss": "bce"}},
    "dense-40": {"model": {"latent_dim": 40}, "objective": {"loss": "bce"}},
}
"""What each system's own documentation says; sections of the configuration, fields, values."""


def built(name: str) -> RunConfig:
    preset = PRESETS[name]
    return RunConfig(
        DataConfig("a.npz"),
        ModelConfig(**preset.model),
        ObjectiveConfig(**preset.objective),
        TrainingConfig(**preset.training),
    )


@pytest.mark.parametrize("name", sorted(PRESETS))
def test_a_preset_builds_a_valid_configuration_that_survives_json(name: str) -> None:
    config = built(name)  # an unknown field or a bad value would be refused here
    assert RunConfig.from_json(config.to_json()) == config
    assert PRESETS[name].description
    assert config != RunConfig(DataConfig("a.npz"))


@pytest.mark.parametrize("name", sorted(PRESETS.keys() & DOCUMENTED.keys()))
def test_a_preset_has_the_documented_values(name: str) -> None:
    config = built(name)
    for section, values in DOCUMENTED[name].items():
        found = dataclasses.asdict(getattr(config, section))
        assert {field: found[field] for field in values} == values


def test_the_reference_is_among_them() -> None:
    assert "rat-ae" in PRESETS
