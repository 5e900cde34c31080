"""What a run can name: encoders, objectives and writers. To add one, write its file and its line here.

The tables hold import paths and not classes, so that the command line knows the names without importing torch.
"""

from __future__ import annotations

LEARNED_ENCODERS: dict[str, str] = {
    "strided": "autoencoder.models.strided",
    "conv": "autoencoder.models.conv",
    "conv-small": "autoencoder.models.conv_small",
    "dense": "autoencoder.models.dense",
    "deep": "autoencoder.models.deep",
}
"""Name to module, for encoders that learn by gradient.

The module defines `Encoder`, `Decoder`, `MIN_SIDE` and `DEFAULT_LATENT_ACTIVATION`; see `models/network.py`.
"""

FITTED_ENCODERS: dict[str, str] = {
    "pca": "autoencoder.models.pca",
    "umap": "autoencoder.models.umap",
}
"""Name to module, for encoders that are fitted to the training images once. The module defines `Encoder`, a
`FittedEncoder` (see `models/fitted.py`)."""

ENCODERS = {**LEARNED_ENCODERS, **FITTED_ENCODERS}
"""Every encoder, name to module."""

DEFAULT_DECODER = "strided"
"""Decoder behind a fitted encoder, which has none that mirrors it."""

OBJECTIVES: dict[str, str] = {
    "reconstruct": "autoencoder.objectives.reconstruct",
    "angle": "autoencoder.objectives.angle",
    "classify": "autoencoder.objectives.classify",
    "mask": "autoencoder.objectives.mask",
}
"""Name to module. The module defines `Objective`; see `autoencoder/objectives/base.py`."""

WRITERS: dict[str, str] = {
    "tensorboard": "autoencoder.runs.writers.tensorboard",
    "comet": "autoencoder.runs.writers.comet",
    "wandb": "autoencoder.runs.writers.wandb",
}
"""Where the numbers of each epoch go beside the run's own table: the setting of `TrainingConfig` that asks for it, to
module. The module defines `Writer`; see `autoencoder/runs/writers/base.py`."""
