"""Parameters of the transformer as the settings of a run, and errors of settings as scikit-learn has them."""

from __future__ import annotations

import operator
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from autoencoder.config import DataConfig, ModelConfig, ObjectiveConfig, RunConfig, TrainingConfig
from autoencoder.config.choices import NOISES, RANDOM_SPLIT, RECONSTRUCTION_LOSSES
from autoencoder.config.model import own_settings
from autoencoder.config.settings import one_by_one
from autoencoder.errors import UserError, listed, problems_of, raise_if_any
from autoencoder.models.network import architecture, decoder_name
from autoencoder.registries import DEFAULT_ENCODER, FITTED_ENCODERS, LEARNED_ENCODERS

FLAT_ENCODER = "dense"
"""Encoder of columns that are no image."""

FLAT_NOISES = ("none", "gaussian", "masking")
"""Noises that mean something for standardised columns, whose 0 is the mean; the others are those of a sensor."""

FLAT_LOSSES = ("mse", "rmse")
"""Losses for values without bounds."""

OF_DATA = ("max_pixel_value", "val_fraction")
MODEL = ("latent_dim", "decoder", "norm", "latent_activation", *own_settings())
OBJECTIVE = ("loss", "augment", "sparsity", "sparsity_weight", "sparsity_target")
TRAINING = (
    "epochs",
    "batch_size",
    "lr",
    "schedule",
    "optimizer",
    "weight_decay",
    "patience",
    "val_interval",
    "device",
)
"""Parameters that are settings of a run under the same names, by section."""

DATA = "X"
"""What messages call the data."""

_FLAG = re.compile(r"--([a-z]+(?:-[a-z]+)*)")


@contextmanager
def as_value_errors() -> Iterator[None]:
    """Have what a user can mend raised as scikit-learn does, with parameters in the place of flags.

    Raises:
        ValueError: the block raised a UserError.
    """
    try:
        yield
    except UserError as error:
        raise ValueError(_FLAG.sub(lambda flag: flag[1].replace("-", "_"), str(error))) from None


def image_shape_of(given: Any, n_features: int) -> tuple[int, int, int]:
    """(C, H, W) of the parameter `image_shape`, (H, W), (H, W, 1) or (H, W, 3).

    Raises:
        UserError: it is something else, or another number of values than a row has.
    """
    try:
        sides = tuple(operator.index(side) for side in given)
    except TypeError:
        sides = ()
    if len(sides) not in (2, 3) or min(sides) < 1 or (len(sides) == 3 and sides[2] not in (1, 3)):
        raise UserError(f"image_shape is (H, W), or (H, W, 3) for colours in the last place, not {given!r}")
    height, width, channels = (*sides, 1)[:3]
    if height * width * channels != n_features:
        raise UserError(
            f"image_shape {sides} makes {height * width * channels} values, and {DATA} has {n_features} features: "
            "each row is one image, X.reshape(len(X), -1)"
        )
    return channels, height, width


def run_config(parameters: Mapping[str, Any], image_shape: tuple[int, int, int] | None, seed: int) -> RunConfig:
    """What is trained, for parameters of the transformer.

    Args:
        parameters: as `get_params` gives them.
        image_shape: (C, H, W); None for columns that are no image.
        seed: of the weights, the order, the noise and what is held out.

    Raises:
        UserError: everything that is wrong with the parameters, in one error.
    """
    values = dict(parameters)
    if values["encoder"] is None:
        values["encoder"] = FLAT_ENCODER if image_shape is None else DEFAULT_ENCODER
    values, problems = one_by_one(values)
    raise_if_any(problems)
    parts: dict[str, Any] = {}

    def make_data() -> None:
        parts["data"] = DataConfig(
            DATA, split=RANDOM_SPLIT, split_seed=seed, **{name: values[name] for name in OF_DATA}
        )

    def make_model() -> None:
        parts["model"] = ModelConfig(values["encoder"], **{name: values[name] for name in MODEL})

    def make_objective() -> None:
        parts["objective"] = ObjectiveConfig(**{name: values[name] for name in ("noise", *OBJECTIVE)})

    def make_training() -> None:
        parts["training"] = TrainingConfig(seed=seed, **{name: values[name] for name in TRAINING})

    sections = (make_data, make_model, make_objective, make_training)
    raise_if_any(_unfit(values, image_shape) + [problem for section in sections for problem in problems_of(section)])
    config = RunConfig(parts["data"], parts["model"], parts["objective"], parts["training"])
    raise_if_any(_image_problems(config, image_shape))
    return config


def _unfit(values: Mapping[str, Any], image_shape: tuple[int, int, int] | None) -> list[str]:
    """Parameters that do not go with a transformer, or with columns that are no image."""
    problems = []
    if values["encoder"] in FITTED_ENCODERS:
        problems.append(
            f"encoder '{values['encoder']}' is fitted, not learned: choose one of {', '.join(LEARNED_ENCODERS)}, or "
            "take scikit-learn's PCA, or umap-learn, itself"
        )
    if image_shape is not None:
        return problems
    flat = [name for name in LEARNED_ENCODERS if architecture(name).MIN_SIDE == 1]
    for name in ("encoder", "decoder"):
        if values[name] in LEARNED_ENCODERS and values[name] not in flat:
            problems.append(
                f"{name} '{values[name]}' takes images: give image_shape, or choose {listed(flat, 'or')} for columns"
            )
    kind = values["noise"].kind
    allowed = {"noise": (kind, NOISES, FLAT_NOISES), "loss": (values["loss"], RECONSTRUCTION_LOSSES, FLAT_LOSSES)}
    for name, (value, known, fitting) in allowed.items():
        if value in known and value not in fitting:
            problems.append(
                f"{name} '{value}' is for images: give image_shape, or choose {listed(fitting, 'or')} for columns"
            )
    for name in ("augment", "max_pixel_value"):
        if values[name] is not None:
            problems.append(f"{name} is for images: give image_shape, or leave it out")
    return problems


def _image_problems(config: RunConfig, image_shape: tuple[int, int, int] | None) -> list[str]:
    """Images that are too small for the networks, or not square where they have to be."""
    if image_shape is None:
        return []
    _, height, width = image_shape
    problems = [
        f"images of {height}x{width} are too small for the network '{name}', which takes "
        f"{architecture(name).MIN_SIDE}x{architecture(name).MIN_SIDE} or more: choose encoder='{FLAT_ENCODER}', which "
        "takes any, or larger images"
        for name in dict.fromkeys([config.model.encoder, decoder_name(config.model)])
        if min(height, width) < architecture(name).MIN_SIDE
    ]
    if "rotate" in (config.objective.augment or ()) and height != width:
        problems.append(f"augment 'rotate' turns by quarters and takes square images, not {height}x{width}")
    return problems
