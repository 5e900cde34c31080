"""Encoders that are fitted to the training images once, before anything is learned."""

from __future__ import annotations

import math
from collections.abc import Sequence

from autoencoder.config import RunConfig
from autoencoder.data.images import ImageSet
from autoencoder.errors import UserError, raise_if_any
from autoencoder.machine.device import choose_device
from autoencoder.machine.progress import Progress
from autoencoder.models.fitted import FittedEncoder
from autoencoder.models.network import architecture
from autoencoder.runs.data import split_rows
from autoencoder.runs.trained import flat_inputs
from autoencoder.seeding import draw_rows


def fit_encoders(
    config: RunConfig, images: ImageSet, latent_dims: Sequence[int], *, quiet: bool = True
) -> list[FittedEncoder]:
    """Fit the encoder that `config` names to (some of) the run's training images, with the noise that it sees them in.

    Args:
        config: encoder, split, noise and seed.
        images: the images that `config.data` names.
        latent_dims: numbers of latent units; one encoder is made for each, in one pass.
        quiet: show no progress.

    Raises:
        UserError: there are too few training images for so many units, or they are all the same.
    """
    encoder, seed, device = config.model.encoder, config.training.seed, choose_device(config.training.device)
    rows, limit = split_rows(config, images).train, _fitted(encoder).MAX_IMAGES
    raise_if_any(fitting_problems(encoder, max(latent_dims), len(rows), images))
    rows = draw_rows(rows, limit, seed, "fitted images")
    with Progress(f"Fitting {encoder} to {len(rows):,} images", 1, "fits", quiet=quiet) as progress:
        inputs = flat_inputs(images, rows, config.objective.noise, seed, "fitting noise", device)
        if (inputs == inputs[0]).all():
            raise UserError(
                f"the training images of {images.source or 'the data'} are all the same: there is nothing to fit the "
                f"encoder '{encoder}' to"
            )
        encoders = _fitted(encoder).fit_several(inputs, latent_dims, seed)
        progress.advance()
    return encoders


def fitting_problems(encoder: str, latent_dim: int, n_train: int, images: ImageSet) -> list[str]:
    """What stands in the way of fitting `encoder` to `n_train` of the images, in words; empty where nothing does."""
    where, values, fewest = images.source or "the data", math.prod(images.image_shape), _fitted(encoder).MIN_IMAGES
    if n_train < fewest:
        return [f"the encoder '{encoder}' needs at least {fewest} training images, and {where} has {n_train}"]
    most = min(n_train - 1, values)
    if latent_dim <= most:
        return []
    return [
        f"the encoder '{encoder}' can make at most {most} latent units from {n_train} training images of {values} "
        "values "
        f"({where}), not {latent_dim}: give --latent-dim {most} or less, or more images"
    ]


def _fitted(encoder: str) -> type[FittedEncoder]:
    kind: type[FittedEncoder] = architecture(encoder).Encoder
    return kind
