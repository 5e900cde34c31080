"""Presets hold what the documents of their systems say, and combine with any flags that go together."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest

from autoencoder import UserError
from autoencoder.config import (
    SPARSITIES,
    DataConfig,
    ModelConfig,
    NoiseConfig,
    ObjectiveConfig,
    RunConfig,
    TrainingConfig,
)
from autoencoder.config.presets import NO_PRESET, PRESETS, configure
from autoencoder.registries import ENCODERS, FITTED_ENCODERS, OBJECTIVES

RAT_TRAINING = {
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
}
INTRODUCTION = {"batch_size": 32, "lr": 0.01, "schedule": "constant", "weight_decay": 0.0}
NO_NOISE = {"kind": "none", "amount": 0.0}

DOCUMENTED: dict[str, dict[str, dict[str, Any]]] = {
    # The one that is this project's own.
    "fine": {
        "model": {"encoder": "strided"},
        "objective": {"augment": ("flip",)},
        "training": {"optimizer": "muon", "batch_size": 64, "epochs": 75},
    },
    "rat-ae": {
        "data": {"val_fraction": 0.2},
        "model": {"encoder": "conv", "latent_dim": 16, "norm": "batch", "decoder": None, "latent_activation": None},
        "objective": {"name": "reconstruct", "loss": "mse", "noise": NO_NOISE},
        "training": RAT_TRAINING,
    },
    "direction-tagger": {
        "data": {"val_fraction": 0.2},
        "model": {"encoder": "conv", "latent_dim": 16, "norm": "batch", "decoder": None, "latent_activation": None},
        "objective": {"name": "angle", "loss": None, "noise": NO_NOISE},
        "training": RAT_TRAINING,
    },
    "pca-decoder": {
        "data": {"val_fraction": 0.2},
        "model": {"encoder": "pca", "latent_dim": 16, "norm": "batch", "decoder": "conv"},
        "objective": {"name": "reconstruct", "loss": "mse", "noise": NO_NOISE},
        "training": RAT_TRAINING,
    },
    "umap-decoder": {
        "data": {"val_fraction": 0.2},
        "model": {"encoder": "umap", "latent_dim": 16, "norm": "batch", "decoder": "conv"},
        "objective": {"name": "reconstruct", "loss": "mse", "noise": NO_NOISE},
        "training": RAT_TRAINING,
    },
    "dense-40": {
        "data": {"val_fraction": 0.1},
        "model": {"encoder": "dense", "latent_dim": 40, "norm": "none"},
        "objective": {"name": "reconstruct", "loss": "bce", "noise": NO_NOISE, "sparsity": "none"},
        "training": {"lr": 1e-3, "schedule": "constant", "weight_decay": 0.0, "seed": 42},
    },
    "mnist-conv": {
        "model": {"encoder": "conv-small", "latent_dim": 128, "norm": "none", "latent_activation": "relu"},
        "objective": {"name": "reconstruct", "loss": "bce", "noise": NO_NOISE, "sparsity": "none"},
        "training": {
            "epochs": 100,
            "batch_size": 128,
            "lr": 1e-3,  # Keras's
            "schedule": "constant",
            "weight_decay": 0.0,
            "val_interval": 1,
        },
    },
    "simple": {
        "model": {"encoder": "deep", "depth": 1, "latent_dim": 20, "norm": "none", "latent_activation": None},
        "objective": {"name": "reconstruct", "loss": "rmse", "noise": NO_NOISE, "sparsity": "none"},
        "training": INTRODUCTION,
    },
    "deep": {
        "model": {"encoder": "deep", "depth": 3, "latent_dim": 20, "norm": "none", "latent_activation": None},
        "objective": {"name": "reconstruct", "loss": "rmse", "noise": NO_NOISE, "sparsity": "none"},
        "training": INTRODUCTION,
    },
    "denoising": {
        "model": {"encoder": "deep", "depth": 3, "latent_dim": 20, "norm": "none", "latent_activation": None},
        "objective": {
            "name": "reconstruct",
            "loss": "rmse",
            "noise": {"kind": "salt-pepper", "amount": 0.25},
            "sparsity": "none",
        },
        "training": INTRODUCTION,
    },
    "sparse": {
        "model": {"encoder": "deep", "depth": 2, "latent_dim": 30, "norm": "none", "latent_activation": "sigmoid"},
        "objective": {
            "name": "reconstruct",
            "loss": "bce",
            "noise": NO_NOISE,
            "sparsity": "log",
            "sparsity_weight": 1 / (32 * 32),  # of a loss that is a mean over pixels: 1 of one that is their sum
        },
        "training": INTRODUCTION,
    },
}
"""What each system's own documents say; sections of the configuration, fields, values."""

IMAGES = {"images": "a.npz"}


def built(name: str) -> RunConfig:
    preset = PRESETS[name]
    return RunConfig(
        DataConfig("a.npz", **preset.data),
        ModelConfig(**preset.model),
        ObjectiveConfig(**preset.objective),
        TrainingConfig(**preset.training),
    )


def combined(name: str, **given: Any) -> tuple[RunConfig, tuple[str, ...]]:
    return configure(PRESETS[name], {**IMAGES, **given})


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_builds_a_valid_configuration_that_survives_json(name: str) -> None:
    config = built(name)  # an unknown field or a bad value would be refused here
    assert RunConfig.from_json(config.to_json()) == config
    assert PRESETS[name].description
    assert config != RunConfig(DataConfig("a.npz"))
    assert combined(name) == (config, ())


def test_every_documented_system_has_a_preset() -> None:
    assert PRESETS.keys() == DOCUMENTED.keys()


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_has_the_documented_values(name: str) -> None:
    config = built(name)
    for section, values in DOCUMENTED[name].items():
        found = config.to_json()[section]
        assert {field: found[field] for field in values} == values


@pytest.mark.parametrize("name", ["simple", "deep", "denoising", "sparse"])
def test_networks_of_the_introduction_train_until_they_converge(name: str) -> None:
    """Which is documented as 20 to 35 epochs."""
    assert 20 <= built(name).training.epochs <= 35


def test_what_is_not_documented_is_the_default() -> None:
    assert built("dense-40").training.epochs == TrainingConfig().epochs
    assert "not documented" in PRESETS["dense-40"].description


@pytest.mark.parametrize("name", PRESETS)
def test_what_is_given_wins(name: str) -> None:
    given = {
        "latent_dim": 3,
        "norm": "layer",
        "noise": NoiseConfig("gaussian", 0.1),
        "epochs": 2,
        "batch_size": 7,
        "lr": 0.5,
        "schedule": "cosine",
        "seed": 9,
        "val_fraction": 0.4,
        "split": "blocks",
    }
    config, left_out = combined(name, **given)
    found = {**vars(config.data), **vars(config.model), **vars(config.objective), **vars(config.training)}
    assert {field: found[field] for field in given} == given
    assert left_out == ()
    assert (config.model.encoder, config.objective.name) == (built(name).model.encoder, built(name).objective.name)


@pytest.fixture(scope="module")
def together() -> list[dict[str, Any]]:
    """Flags that go together where there is no preset: encoder, objective, sparsity, activation and one more."""
    found = []
    activations: tuple[dict[str, str], ...] = ({}, {"latent_activation": "tanh"}, {"latent_activation": "sigmoid"})
    further: tuple[dict[str, Any], ...] = ({}, {"loss": "mse"}, {"target": "x"}, {"decoder": "dense"}, {"depth": 2})
    for encoder, objective, sparsity, activation, more in product(
        ENCODERS, OBJECTIVES, (None, *SPARSITIES), activations, further
    ):
        given = {**IMAGES, "encoder": encoder, "objective": objective, **activation, **more}
        if sparsity is not None:
            given["sparsity"] = sparsity
        try:
            configure(NO_PRESET, given)
        except UserError:
            continue
        found.append(given)
    assert len(found) > 200
    return found


@pytest.mark.parametrize("name", PRESETS)
def test_flags_that_go_together_go_with_every_preset(name: str, together: list[dict[str, Any]]) -> None:
    """Whatever encoder, objective, sparsity or activation is put in the place of the preset's."""
    for given in together:
        config, left_out = configure(PRESETS[name], given)
        assert (config.model.encoder, config.objective.name) == (given["encoder"], given["objective"])
        assert "sparsity" not in given or config.objective.sparsity == given["sparsity"]
        assert not set(left_out) & set(given)


@pytest.mark.parametrize("name", PRESETS)
@pytest.mark.parametrize("objective", OBJECTIVES)
def test_any_objective_may_take_the_place_of_the_presets(name: str, objective: str) -> None:
    """With the preset's network and training."""
    config, left_out = combined(name, objective=objective)
    before = built(name)
    assert config.objective.name == objective
    assert (config.training, config.data) == (before.training, before.data)
    assert (config.model.encoder, config.model.latent_dim) == (before.model.encoder, before.model.latent_dim)
    assert set(left_out) <= {"loss", "decoder", "augment"}
    assert config.objective.noise == before.objective.noise
    assert config.objective.loss == ((before.objective.loss or "mse") if objective == "reconstruct" else None)


@pytest.mark.parametrize(
    ("name", "given", "left_out"),
    [
        ("direction-tagger", {"objective": "reconstruct"}, ()),
        ("dense-40", {"objective": "classify"}, ("loss",)),
        ("pca-decoder", {"objective": "angle"}, ("decoder",)),
        ("pca-decoder", {"objective": "mask"}, ()),
        ("pca-decoder", {"encoder": "umap"}, ()),
        ("pca-decoder", {"encoder": "conv"}, ()),
        ("deep", {"encoder": "dense"}, ("depth",)),
        ("deep", {"encoder": "pca", "decoder": "deep"}, ()),
        ("mnist-conv", {"sparsity": "log"}, ()),
        ("mnist-conv", {"sparsity": "kl"}, ("latent_activation",)),
        ("mnist-conv", {"encoder": "pca"}, ("latent_activation",)),
        ("sparse", {"sparsity": "kl"}, ()),
        ("sparse", {"sparsity": "none"}, ("sparsity_weight",)),
        ("sparse", {"encoder": "dense", "sparsity_weight": 0.5}, ("depth",)),
        ("sparse", {"encoder": "umap"}, ("depth", "latent_activation", "sparsity", "sparsity_weight")),
        ("sparse", {"latent_activation": "tanh"}, ("sparsity", "sparsity_weight")),
    ],
)
def test_what_does_not_go_with_the_flags_is_left_out(
    name: str, given: dict[str, Any], left_out: tuple[str, ...]
) -> None:
    assert combined(name, **given)[1] == left_out


@pytest.mark.parametrize(
    ("name", "given", "words"),
    [
        ("direction-tagger", {"loss": "bce"}, ["loss", "'angle'"]),
        ("direction-tagger", {"decoder": "conv"}, ["'angle' has no decoder"]),
        ("pca-decoder", {"sparsity": "log"}, ["'pca' is fitted"]),
        ("sparse", {"objective": "angle", "decoder": "conv"}, ["'angle' has no decoder"]),
        ("sparse", {"objective": "angle", "loss": "bce", "epochs": 0}, ["loss", "epochs"]),
    ],
)
def test_what_a_preset_is_gives_no_way(name: str, given: dict[str, Any], words: list[str]) -> None:
    """Its encoder and objective hold unless they are given; and the message is of what was given, not of the preset."""
    with pytest.raises(UserError) as caught:
        combined(name, **given)
    for word in words:
        assert word in str(caught.value)


def test_presets_with_a_fitted_encoder_name_their_decoder() -> None:
    """The default behind one is not the documented decoder."""
    fitted = [preset for preset in PRESETS.values() if preset.model["encoder"] in FITTED_ENCODERS]
    assert [preset.model["decoder"] for preset in fitted] == ["conv", "conv"]
