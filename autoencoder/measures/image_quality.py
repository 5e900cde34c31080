"""How near images are to each other. Every metric is given per image; what is reported is the mean over images."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

SSIM_WINDOW, SSIM_SIGMA = 11, 1.5
SSIM_K1, SSIM_K2 = 0.01, 0.03
"""Constants of Wang et al. (IEEE Trans. Image Processing 13, 2004)."""


def mse(images: Tensor, reference: Tensor) -> Tensor:
    """Mean squared error of each image, (N,), for (N, C, H, W) in [0, 1]."""
    return (images - reference).square().flatten(1).mean(1)


def psnr(mean_squared_error: Tensor) -> Tensor:
    """Peak signal-to-noise ratio in decibel for a peak of 1: -10 log10(MSE).

    At most 100 dB, so that one image that equals its reference does not make the mean over images infinite.
    """
    return -10.0 * torch.log10(mean_squared_error.clamp(min=1e-10))


def ssim(images: Tensor, reference: Tensor) -> Tensor:
    """Structural similarity of each image, (N,), for (N, C, H, W) in [0, 1].

    Wang et al. (2004): a Gaussian window of 11 pixels and sigma 1.5, population covariances, the mean over the places
    where the window lies inside the image, and over channels. Images smaller than the window get a window of the
    largest odd size that fits.
    """
    channels, height, width = images.shape[1:]
    size = min(SSIM_WINDOW, height - (height + 1) % 2, width - (width + 1) % 2)
    window = _gaussian_window(size).to(images).expand(channels, 1, size, size)

    def local_mean(values: Tensor) -> Tensor:
        return F.conv2d(values, window, groups=channels)

    mean_a, mean_b = local_mean(images), local_mean(reference)
    variance_a = local_mean(images * images) - mean_a * mean_a
    variance_b = local_mean(reference * reference) - mean_b * mean_b
    covariance = local_mean(images * reference) - mean_a * mean_b
    c1, c2 = SSIM_K1**2, SSIM_K2**2
    likeness = ((2 * mean_a * mean_b + c1) * (2 * covariance + c2)) / (
        (mean_a * mean_a + mean_b * mean_b + c1) * (variance_a + variance_b + c2)
    )
    return likeness.flatten(1).mean(1)


def _gaussian_window(size: int) -> Tensor:
    offsets = torch.arange(size, dtype=torch.float32) - (size - 1) / 2
    weights = torch.exp(-offsets.square() / (2 * SSIM_SIGMA**2))
    return torch.outer(weights, weights) / weights.sum().square()
