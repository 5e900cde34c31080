"""How near images are to each other. Every metric is given per image; what is reported is the mean over images."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

SSIM_WINDOW, SSIM_SIGMA = 11, 1.5
SSIM_K1, SSIM_K2 = 0.01, 0.03
"""Constants of Wang et al. (IEEE Trans. Image Processing 13, 2004)."""

LEAST_ERROR = 1e-10
"""A mean squared error below this counts as this much, so that no PSNR is infinite."""

LEAST_WEIGHT = 1e-12
"""Where no pixel of a window counts, its means are 0, and weigh nothing."""


def mse(images: Tensor, reference: Tensor, counted: Tensor | None = None) -> Tensor:
    """Mean squared error of each image, (N,), for (N, C, H, W) in [0, 1].

    Args:
        images, reference: what is compared.
        counted: (N, 1, H, W), 1 for pixels that count and 0 for others, some of each image; None where all count.
    """
    squares = (images - reference).square()
    if counted is None:
        return squares.flatten(1).mean(1)
    return (squares.mean(1, keepdim=True) * counted).flatten(1).sum(1) / counted.flatten(1).sum(1)


def psnr(mean_squared_error: Tensor) -> Tensor:
    """Peak signal-to-noise ratio in decibel for a peak of 1: -10 log10(MSE).

    At most 100 dB, so that one image that equals its reference does not make the mean over images infinite.
    """
    return -10.0 * torch.log10(mean_squared_error.clamp(min=LEAST_ERROR))


def pooled_psnr(mean_squared_error: float) -> float:
    """PSNR in decibel, at most 100, of all pixels that a mean squared error was taken over."""
    return -10 * math.log10(max(mean_squared_error, LEAST_ERROR))


def summed_by_region(
    images: Tensor, reference: Tensor, labels: Tensor, n_regions: int, counted: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Pixels of each region and their summed squared errors, each a mean over channels.

    Args:
        images, reference: (N, C, H, W), what is compared.
        labels: (N, 1, H, W) int64, the number of the region of each pixel, from 0 on.
        n_regions: how many there are.
        counted: (N, 1, H, W), 1 for pixels that count and 0 for others; None where all count.

    Returns:
        numbers of pixels and sums, (n_regions,) float64 each.
    """
    weight = torch.ones(labels.shape, dtype=torch.float64) if counted is None else counted.double()
    errors = (images - reference).double().square().mean(1, keepdim=True) * weight
    pixels, sums = (
        torch.bincount(labels.flatten(), values.flatten(), minlength=n_regions) for values in (weight, errors)
    )
    return pixels, sums


def ssim(images: Tensor, reference: Tensor, counted: Tensor | None = None) -> Tensor:
    """Structural similarity of each image, (N,), for (N, C, H, W) in [0, 1].

    Wang et al. (2004): a Gaussian window of 11 pixels and sigma 1.5, population covariances, the mean over the places
    where the window lies inside the image, and over channels. Images smaller than the window get a window of the
    largest odd size that fits.

    Where some pixels do not count, local means are of the others only (normalised convolution, Knutsson & Westin 1993),
    and each place weighs as much as the pixels in its window that count.

    Args:
        images, reference: what is compared.
        counted: (N, 1, H, W), 1 for pixels that count and 0 for others, some of each image; None where all count.
    """
    channels, height, width = images.shape[1:]
    size = min(SSIM_WINDOW, height - (height + 1) % 2, width - (width + 1) % 2)
    window = _gaussian_window(size).to(images).expand(channels, 1, size, size)
    weight = None if counted is None else F.conv2d(counted, window[:1])

    def local_mean(values: Tensor) -> Tensor:
        if counted is None or weight is None:
            return F.conv2d(values, window, groups=channels)
        return F.conv2d(values * counted, window, groups=channels) / weight.clamp(min=LEAST_WEIGHT)

    mean_a, mean_b = local_mean(images), local_mean(reference)
    variance_a = local_mean(images * images) - mean_a * mean_a
    variance_b = local_mean(reference * reference) - mean_b * mean_b
    covariance = local_mean(images * reference) - mean_a * mean_b
    c1, c2 = SSIM_K1**2, SSIM_K2**2
    likeness = ((2 * mean_a * mean_b + c1) * (2 * covariance + c2)) / (
        (mean_a * mean_a + mean_b * mean_b + c1) * (variance_a + variance_b + c2)
    )
    if weight is None:
        return likeness.flatten(1).mean(1)
    return (likeness.mean(1, keepdim=True) * weight).flatten(1).sum(1) / weight.flatten(1).sum(1)


def _gaussian_window(size: int) -> Tensor:
    offsets = torch.arange(size, dtype=torch.float32) - (size - 1) / 2
    weights = torch.exp(-offsets.square() / (2 * SSIM_SIGMA**2))
    return torch.outer(weights, weights) / weights.sum().square()
