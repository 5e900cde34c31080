"""Codes that those of a network are read beside: what its pixels tell, and what it told before it was trained.

A PCA with as many components is what any few numbers of the pixels tell; ridge on up to 200 components is the ceiling
of every linear map of them; networks with first weights only are the floor.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from autoencoder.array_types import FloatArray
from autoencoder.config import RunConfig
from autoencoder.evaluation.evaluate import Evaluation, noisy_codes, pca_control
from autoencoder.runs.opened import OpenedRun
from autoencoder.runs.trained import FLAT_BATCH, flat_inputs
from autoencoder.training.learner import new_network

CEILING = 200
"""Components of the pixels, at most, that a ridge reads."""

UNTRAINED_SEEDS = 3
"""Networks that were not trained: of the run's seed, and of those that follow."""


def pca_codes(run: OpenedRun, evaluation: Evaluation, n_components: int) -> FloatArray:
    """Codes (n, at most n_components) of all images by a PCA of the training images, as the network sees both."""
    train = run.split().train
    trained, noise, data = evaluation.trained, evaluation.noise, evaluation.data
    control = pca_control(run, train, noise, trained.device, n_components)
    seed = trained.config.data.split_seed
    rows, parts = np.arange(len(data)), []
    for start in range(0, len(rows), FLAT_BATCH):
        part = rows[start : start + FLAT_BATCH]
        parts.append(control.codes(flat_inputs(data, part, noise, seed, "test noise", trained.device)))
    return np.concatenate(parts)


def untrained_codes(run: OpenedRun, evaluation: Evaluation, seed: int) -> FloatArray:
    """Codes (n, latent_dim) of all images by a network of the run's kind before its first update."""
    trained, data = evaluation.trained, evaluation.data
    config: RunConfig = dataclasses.replace(
        trained.config, training=dataclasses.replace(trained.config.training, seed=seed)
    )
    network = new_network(trained.objective, config, data.image_shape, None, trained.device).eval()
    return noisy_codes(network, trained, data, np.arange(len(data)), evaluation.noise)
