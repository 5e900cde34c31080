"""`conv`: the reference network of the work that this project carries on.

For 1x50x50 images: convolutions 1-64, 64-64, 64-128 of 3x3 without padding, two 2x2 max-poolings, a linear layer to the
latent units and back, and transposed convolutions that mirror the way down. Every layer has its norm and ReLU.

Sizes, for a side of n pixels::

    n  --3x3-->  n-2  --pool-->  p = (n-2)//2  --3x3-->  p-2  --pool-->  q = (p-2)//2  --3x3-->  q-2
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from autoencoder.models.blocks import activation, norm_1d, norm_2d
from autoencoder.models.convolutions import Conv2d, Convolution, ConvTranspose2d, DoublingConv2d, NormOverBias

DEFAULT_LATENT_ACTIVATION = "relu"

MIN_SIDE = 18
"""The smallest side that leaves one pixel after two halvings: 18, 16, 8, 6, 3, 1."""


def _sizes(n: int) -> tuple[int, int, int]:
    """Side of the first, second and third convolution's output for an image side of `n`."""
    first = n - 2
    second = first // 2 - 2
    third = second // 2 - 2
    return first, second, third


class Encoder(nn.Module):
    """Images (N, C, H, W) in [0, 1] to latent (N, latent_dim)."""

    def __init__(
        self,
        image_shape: tuple[int, int, int],
        latent_dim: int,
        *,
        norm: str = "batch",
        latent_activation: str = "relu",
    ) -> None:
        super().__init__()
        channels, height, width = image_shape
        self.convolutions = nn.Sequential(
            *_pooled_layer(Conv2d(channels, 64), norm),
            *_pooled_layer(Conv2d(64, 64), norm),
            *_layer(Conv2d(64, 128), norm),
        )
        # A norm over one image's own latent units would take dimensions away, so "layer" leaves the latent alone.
        self.fc1 = nn.Sequential(
            nn.Linear(128 * _sizes(height)[2] * _sizes(width)[2], latent_dim),
            norm_1d("batch" if norm == "batch" else "none", latent_dim),
            activation(latent_activation),
        )

    def forward(self, images: Tensor) -> Tensor:
        """(N, C, H, W) to (N, latent_dim)."""
        latent: Tensor = self.fc1(self.convolutions(images).flatten(1))
        return latent


class Decoder(nn.Module):
    """Latent (N, latent_dim) to images (N, C, H, W), without a final non-linearity."""

    def __init__(self, image_shape: tuple[int, int, int], latent_dim: int, *, norm: str = "batch") -> None:
        super().__init__()
        channels, height, width = image_shape
        (self._first, self._second, self._third) = zip(_sizes(height), _sizes(width), strict=True)
        features = 128 * self._third[0] * self._third[1]
        self.fc2 = nn.Sequential(nn.Linear(latent_dim, features), norm_1d(norm, features), nn.ReLU(inplace=True))
        self.grow_third = nn.Sequential(*_layer(ConvTranspose2d(128, 64), norm))
        self.double_second = nn.Sequential(*_layer(DoublingConv2d(64, 64), norm))
        self.grow_second = nn.Sequential(*_layer(ConvTranspose2d(64, 64), norm))
        self.double_first = nn.Sequential(*_layer(DoublingConv2d(64, 64), norm))
        self.grow_first = ConvTranspose2d(64, channels)

    def first_layer(self, latent: Tensor) -> Tensor:
        """The start of the decoder, "fc2": (N, latent_dim) to (N, features)."""
        features: Tensor = self.fc2(latent)
        return features

    def forward(self, latent: Tensor) -> Tensor:
        """(N, latent_dim) to (N, C, H, W)."""
        maps = self.first_layer(latent).reshape(-1, 128, *self._third)
        maps = maps.contiguous(memory_format=torch.channels_last)
        maps = _extend(self.double_second(self.grow_third(maps)), self._second)
        maps = _extend(self.double_first(self.grow_second(maps)), self._first)
        images: Tensor = self.grow_first(maps)
        return images


def _layer(convolution: Convolution, norm: str) -> tuple[nn.Module, nn.Module, nn.Module]:
    normed = NormOverBias(convolution) if norm == "batch" else norm_2d(norm, convolution.out_channels)
    return convolution, normed, nn.ReLU(inplace=True)


def _pooled_layer(convolution: Conv2d, norm: str) -> tuple[nn.Module, ...]:
    """A layer and the max-pooling behind it. ReLU comes last: the two commute, and it has a quarter of the work so."""
    normed, relu = _layer(convolution, norm)[1:]
    return convolution, normed, nn.MaxPool2d(2), relu


def _extend(maps: Tensor, size: tuple[int, int]) -> Tensor:
    """Repeat the last row or column where pooling dropped one of an odd side."""
    rows, columns = size[0] - maps.shape[2], size[1] - maps.shape[3]
    return F.pad(maps, (0, columns, 0, rows), mode="replicate") if rows or columns else maps
