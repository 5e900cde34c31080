"""Presets: the systems that the project grew from, each with its documented defaults. A flag overrides a preset.

What a system's documents leave open is left to the project's own defaults. They name Adam or no optimizer, and a rate
but no schedule: that is Adam at a constant rate here. Networks for which no norm is documented have none.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

from autoencoder.config.data import DataConfig
from autoencoder.config.model import ModelConfig, own_settings
from autoencoder.config.objective import NoiseConfig, ObjectiveConfig
from autoencoder.config.run import RunConfig
from autoencoder.config.training import TrainingConfig
from autoencoder.errors import UserError, raise_if_any

Settings = Mapping[str, Any]


@dataclass(frozen=True)
class Preset:
    """Values for fields of the configuration's sections, which replace the console command's own defaults.

    Attributes:
        description: what it is.
        model, objective, training, data: values by the names of the fields.
    """

    description: str
    model: Settings = field(default_factory=dict)
    objective: Settings = field(default_factory=dict)
    training: Settings = field(default_factory=dict)
    data: Settings = field(default_factory=dict)

    def settings(self) -> Iterator[tuple[str, Any]]:
        """All of them, by the names of their fields; the objective's name is called `objective`."""
        for section in (self.model, self.objective, self.data, self.training):
            for name, value in section.items():
                yield ("objective" if name == "name" else name), value


_ADAM = {"optimizer": "adam", "schedule": "constant", "weight_decay": 0.0}

_RAT_DATA = {"val_fraction": 0.2}

_RAT_TRAINING = {
    "epochs": 150,
    "batch_size": 64,
    "lr": 1e-3,
    **_ADAM,
    "val_interval": 5,
    "checkpoint_interval": 5,
    "snapshots_per_epoch": 3,
    "snapshot_batch_size": 128,
    "seed": 42,
}
"""One table of defaults is documented for the autoencoder, the fitted encoders and the direction tagger."""

_INTRODUCTION = {"epochs": 30, "batch_size": 32, "lr": 0.01, **_ADAM}
"""Of `simple`, `deep`, `denoising` and `sparse`, which are from one introduction to autoencoders. It trains 2 epochs
for a first look, and expects networks to converge after 20 to 35."""

PRESETS: dict[str, Preset] = {
    "fine": Preset(
        "for thin parts, such as a tail: Muon, images mirrored at random, 75 epochs; made for many images and a GPU, "
        "on a processor it takes four times as long as the default",
        model={"encoder": "strided", "latent_dim": 16},
        objective={"augment": ("flip",)},
        training={"optimizer": "muon", "batch_size": 64, "epochs": 75},
    ),
    "rat-ae": Preset(
        "the reference convolutional autoencoder: 64-64-128 filters, 16-D latent, 150 epochs at a rate of 1e-3",
        model={"encoder": "conv", "latent_dim": 16},
        training=_RAT_TRAINING,
        data=_RAT_DATA,
    ),
    "direction-tagger": Preset(
        "the reference encoder trained to predict the animal's body angle, with the settings of rat-ae",
        model={"encoder": "conv", "latent_dim": 16},
        objective={"name": "angle"},
        training=_RAT_TRAINING,
        data=_RAT_DATA,
    ),
    "pca-decoder": Preset(
        "16 principal components in place of the encoder, and the reference decoder behind them; settings of rat-ae",
        model={"encoder": "pca", "latent_dim": 16, "decoder": "conv"},
        training=_RAT_TRAINING,
        data=_RAT_DATA,
    ),
    "umap-decoder": Preset(
        "a 16-D UMAP embedding in place of the encoder, and the reference decoder behind it; settings of rat-ae",
        model={"encoder": "umap", "latent_dim": 16, "decoder": "conv"},
        training=_RAT_TRAINING,
        data=_RAT_DATA,
    ),
    "dense-40": Preset(
        "dense autoencoder with 40 latent units behind 256, trained on the cross-entropy of pixels; its epochs and "
        "batch size are not documented; those here are this project's",
        model={"encoder": "dense", "latent_dim": 40, "norm": "none"},
        objective={"loss": "bce"},
        training={"epochs": 30, "batch_size": 32, "lr": 1e-3, **_ADAM, "seed": 42},
        data={"val_fraction": 0.1},
    ),
    "mnist-conv": Preset(
        "small convolutional autoencoder for MNIST, 28x28: 16-8-8 filters, a 128-D code that is the coarsest map; "
        "add --noise gaussian:0.5 for its denoising twin",
        model={"encoder": "conv-small", "latent_dim": 128, "norm": "none", "latent_activation": "relu"},
        objective={"loss": "bce"},
        training={"epochs": 100, "batch_size": 128, "lr": 1e-3, **_ADAM, "val_interval": 1},
    ),
    "simple": Preset(
        "linear autoencoder for MNIST padded to 32x32 (prepare idx --pad 2): one layer on each side, 20-D latent",
        model={"encoder": "deep", "depth": 1, "latent_dim": 20, "norm": "none"},
        objective={"loss": "rmse"},
        training=_INTRODUCTION,
    ),
    "deep": Preset(
        "like simple, with three layers on each side; the documented rate of 0.01 is high for it, and --lr 0.001 does "
        "better",
        model={"encoder": "deep", "depth": 3, "latent_dim": 20, "norm": "none"},
        objective={"loss": "rmse"},
        training=_INTRODUCTION,
    ),
    "denoising": Preset(
        "like deep, with a quarter of the input's pixels set to black or white, and the intact image as the target",
        model={"encoder": "deep", "depth": 3, "latent_dim": 20, "norm": "none"},
        # Only the ratio of 0.25 is documented, not the kind of noise.
        objective={"loss": "rmse", "noise": NoiseConfig("salt-pepper", 0.25)},
        training=_INTRODUCTION,
    ),
    "sparse": Preset(
        "like simple, with two layers on each side and 30 sigmoid units whose mean activation is penalised",
        model={"encoder": "deep", "depth": 2, "latent_dim": 30, "norm": "none", "latent_activation": "sigmoid"},
        # Documented is the plain sum of the penalty and of a cross-entropy that is summed over the 32x32 pixels. Losses
        # are means over pixels here, so the penalty has to be divided by their number too.
        objective={"loss": "bce", "sparsity": "log", "sparsity_weight": 1 / 1024},
        training=_INTRODUCTION,
    ),
}

NO_PRESET = Preset("the console command's own defaults")

NEVER_LEFT_OUT = ("encoder", "name", "latent_dim", "norm")
"""What a preset is, and what goes with everything."""


def configure(preset: Preset, given: Settings) -> tuple[RunConfig, tuple[str, ...]]:
    """The configuration that `given` makes of `preset`.

    What is given wins. Settings of the preset that do not go with it, such as the depth of another encoder or the loss
    of another objective, are left out, as few as possible: flags that go together also go with every preset. A preset's
    encoder, objective, data and training hold unless they are given themselves.

    Args:
        preset: where to start from.
        given: values by the names of the configuration's fields, `objective` for the objective's name; any other name
            is passed over.

    Returns:
        the configuration, and the names of the preset's settings that were left out.

    Raises:
        UserError: what was given does not go together, or not with the preset's encoder or objective.
    """
    given = {("name" if name == "objective" else name): value for name, value in given.items()}
    optional = [name for name in (*preset.model, *preset.objective) if name not in (*NEVER_LEFT_OUT, *given)]
    problems: tuple[str, ...] = ()
    for n in range(len(optional) + 1):
        for left_out in combinations(optional, n):
            try:
                return _build(preset, given, left_out), left_out
            except UserError as error:
                problems = error.problems
    raise UserError(problems)  # with nothing optional of the preset, so they are of what was given


def _build(preset: Preset, given: Settings, left_out: Collection[str]) -> RunConfig:
    problems: list[str] = []

    def make(section: Any, of_preset: Settings) -> Any:
        settings = {name: value for name, value in of_preset.items() if name not in left_out}
        names = [*section.__dataclass_fields__, *(own_settings() if section is ModelConfig else ())]
        settings |= {name: given[name] for name in names if name in given}
        try:
            return section(**settings)
        except UserError as error:
            problems.extend(error.problems)
            return None

    sections = (
        make(DataConfig, preset.data),
        make(ModelConfig, preset.model),
        make(ObjectiveConfig, preset.objective),
        make(TrainingConfig, preset.training),
    )
    raise_if_any(problems)
    return RunConfig(*sections)
