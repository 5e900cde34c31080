"""Corruption of images: what a denoising network gets to see, while its target stays clean.

All functions draw from an explicit generator on the images' own device, so that a run's noise depends on its seed and
step and on nothing else.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from autoencoder.config import NoiseConfig
from autoencoder.seeding import torch_stream


def corrupt(images: Tensor, noise: NoiseConfig, generator: torch.Generator, bounded: bool = True) -> Tensor:
    """Corrupted copy of `images`; the images themselves where `noise` is none.

    Args:
        images: (N, C, H, W) float in [0, 1].
        noise: kind and amount.
        generator: on the device of `images`.
        bounded: clip to [0, 1] as a sensor would; False for what is no image and has no such bounds.

    Returns:
        (N, C, H, W).
    """
    if noise.kind == "none":
        return images
    corrupted = _CORRUPTIONS[noise.kind](images, noise.amount, generator)
    return corrupted.clamp_(0.0, 1.0) if bounded else corrupted


def corrupt_each(
    images: Tensor, noise: NoiseConfig, rows: NDArray[np.int64], seed: int, purpose: str, bounded: bool = True
) -> Tensor:
    """`corrupt` with a stream for each image, so that an image gets the same noise in whatever batch it comes.

    For validation and tests, where only the network is to change from one time to the next.

    Args:
        images: (N, C, H, W) float in [0, 1].
        noise: kind and amount.
        rows: (N,) row numbers of the images, which name their streams together with `seed` and `purpose`.
        seed: of the run.
        purpose: what the noise is for.
        bounded: see `corrupt`.
    """
    if noise.kind == "none":
        return images
    parts = [
        corrupt(images[i : i + 1], noise, torch_stream(seed, purpose, row, images.device), bounded)
        for i, row in enumerate(rows.tolist())
    ]
    return torch.cat(parts).contiguous(memory_format=torch.channels_last)


def _gaussian(images: Tensor, std: float, generator: torch.Generator) -> Tensor:
    return images + std * _normal(images, generator)


def _salt_pepper(images: Tensor, fraction: float, generator: torch.Generator) -> Tensor:
    """Every channel of a chosen pixel goes to the same extreme, black or white with equal odds."""
    draw = _uniform_per_pixel(images, generator)
    salted = torch.where(draw < fraction / 2, torch.ones_like(images), images)
    return torch.where((draw >= fraction / 2) & (draw < fraction), torch.zeros_like(images), salted)


def _masking(images: Tensor, fraction: float, generator: torch.Generator) -> Tensor:
    """Chosen pixels go to zero (Vincent et al., JMLR 2010, section 3.3)."""
    return images * (_uniform_per_pixel(images, generator) >= fraction)


def _poisson(images: Tensor, peak: float, generator: torch.Generator) -> Tensor:
    """Photon noise of a sensor that counts `peak` photons where the image is 1."""
    return torch.poisson(images * peak, generator=generator) / peak


def _normal(images: Tensor, generator: torch.Generator) -> Tensor:
    return torch.randn(images.shape, generator=generator, device=images.device, dtype=images.dtype)


def _uniform_per_pixel(images: Tensor, generator: torch.Generator) -> Tensor:
    n, _, height, width = images.shape
    return torch.rand((n, 1, height, width), generator=generator, device=images.device)


_CORRUPTIONS: dict[str, Callable[[Tensor, float, torch.Generator], Tensor]] = {
    "gaussian": _gaussian,
    "salt-pepper": _salt_pepper,
    "masking": _masking,
    "poisson": _poisson,
}
