"""What can only be refused with the data at hand."""

from __future__ import annotations

import dataclasses

import numpy as np
import torch
from numpy.typing import NDArray

from autoencoder.config import RunConfig
from autoencoder.data.images import ImageSet
from autoencoder.errors import UserError, raise_if_any
from autoencoder.models.network import check_image_shape
from autoencoder.objectives.base import make_objective
from autoencoder.runs.folder import RunSplit
from autoencoder.training.fitting import fitting_problems


def check_fit(config: RunConfig, images: ImageSet, split: RunSplit) -> tuple[RunConfig, NDArray[np.bool_]]:
    """Refuse, with everything that is wrong, what can only be seen with the data at hand.

    Returns:
        the configuration with what only the data could tell, and (N,) which images have a known target.
    """
    where, problems = images.source or "the data", []
    try:
        check_image_shape(config.model, images.image_shape)
    except UserError as error:
        problems += [f"{where}: {problem}" for problem in error.problems]
    known = np.ones(len(images), bool)
    try:
        objective = make_objective(config.objective).resolved(images)
        config = dataclasses.replace(config, objective=objective)
        known = make_objective(objective).targets(images, torch.device("cpu")).known
    except UserError as error:
        problems += error.problems
    n_train, n_val = int(known[split.train].sum()), int(known[split.val].sum())
    if n_train < config.training.batch_size:
        problems.append(
            f"{where} has {n_train} training images{'' if known.all() else ' with a known target'}, fewer than a batch"
            + (f": use --batch-size {n_train} or less, or more images" if n_train > 1 else "; more are needed")
        )
    if n_val == 0:
        problems.append(f"{where} has no held-out image with a known target: hold out more (--val-fraction)")
    if config.model.is_fitted:
        problems += fitting_problems(config.model.encoder, config.model.latent_dim, len(split.train), images)
    raise_if_any(problems)
    return config, known
