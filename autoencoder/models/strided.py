"""A network that spends its arithmetic at low resolution, where it buys most.

The encoder halves the image three times with strided convolutions. The decoder starts with three dense layers: they
cost little per image, and an animal that turns is a non-linear function of its angle all over the image at once. Three
doublings follow; each is a convolution that makes four values per place and a pixel shuffle, so that no convolution
ever runs at the size of the image.

    images -> 32 x H/2 -> 64 x H/4 -> 128 x H/8 -> latent -> 256 -> 512 -> 64 x H/8 -> 48 x H/4 -> 24 x H/2 -> images
"""

from __future__ import annotations

import math
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from autoencoder.models.blocks import activation, dense_layer, latent_layer, norm_2d
from autoencoder.models.convolutions import Conv2d, double_by_vectors, on_gpu

DEFAULT_LATENT_ACTIVATION = "linear"
"""Linear units: nothing that the latent could say is cut off."""

MIN_SIDE = 8
"""Smallest image side, in pixels: a smaller one has fewer places than the coarsest map is meant to have."""

ENCODER_CHANNELS = (32, 64, 128)
"""Channels of the maps, from fine to coarse."""

DECODER_CHANNELS = (64, 48, 24)
"""Channels of the maps, from coarse to fine."""

DECODER_FEATURES = (256, 512)
"""Units of the decoder's dense layers, the one that makes the coarsest map aside."""

Size = tuple[int, int]


class Encoder(nn.Module):
    """Images to latent.

    Args:
        image_shape: channels, height and width of the images; each side at least `MIN_SIDE`.
        latent_dim: number of latent units.
        norm: one of `config.NORMS`.
        latent_activation: "relu", "linear", "sigmoid" or "tanh".
    """

    def __init__(
        self,
        image_shape: tuple[int, int, int],
        latent_dim: int,
        *,
        norm: str = "batch",
        latent_activation: str = DEFAULT_LATENT_ACTIVATION,
    ) -> None:
        super().__init__()
        size = _halvings(image_shape)[-1]
        layers: list[nn.Module] = []
        channels = image_shape[0]
        for wider in ENCODER_CHANNELS:
            convolution = Conv2d(channels, wider, stride=2, padding=1, bias=norm != "batch")
            layers += [convolution, norm_2d(norm, wider), activation("silu")]
            channels = wider
        self.maps = nn.Sequential(*layers)
        self.latent = nn.Sequential(
            nn.Flatten(),
            *latent_layer(channels * size[0] * size[1], latent_dim, norm, latent_activation),
        )

    def forward(self, images: Tensor) -> Tensor:
        """(N, C, H, W) in [0, 1] to latent (N, latent_dim)."""
        return cast(Tensor, self.latent(self.maps(images)))


class Decoder(nn.Module):
    """Latent to images.

    Args:
        image_shape: channels, height and width of the images; each side at least `MIN_SIDE`.
        latent_dim: number of latent units.
        norm: one of `config.NORMS`.
        features: units of the dense layers, the one that makes the coarsest map aside.
    """

    def __init__(
        self,
        image_shape: tuple[int, int, int],
        latent_dim: int,
        *,
        norm: str = "batch",
        features: tuple[int, int] = DECODER_FEATURES,
    ) -> None:
        super().__init__()
        full, half, quarter, eighth = _halvings(image_shape)
        coarse, middle, fine = DECODER_CHANNELS
        first, second = features
        self.map_shape = (coarse, *eighth)
        self.fc2 = dense_layer(latent_dim, first, norm, "silu")
        self.dense = nn.Sequential(
            dense_layer(first, second, norm, "silu"),
            dense_layer(second, math.prod(self.map_shape), norm, "silu"),
        )
        self.maps = nn.Sequential(
            _Doubling(coarse, middle, quarter),
            norm_2d(norm, middle),
            activation("silu"),
            _Doubling(middle, fine, half),
            norm_2d(norm, fine),
            activation("silu"),
            _Doubling(fine, image_shape[0], full),
        )

    def first_layer(self, latent: Tensor) -> Tensor:
        """Latent (N, latent_dim) to "fc2", (N, 256), after norm and activation."""
        return cast(Tensor, self.fc2(latent))

    def forward(self, latent: Tensor) -> Tensor:
        """Latent (N, latent_dim) to images (N, C, H, W), without a final activation."""
        maps = self.dense(self.first_layer(latent)).unflatten(1, self.map_shape)
        # Convolutions are faster on channels_last, here as in the encoder, whose maps take the layout of the images.
        return cast(Tensor, self.maps(maps.contiguous(memory_format=torch.channels_last)))


class _Doubling(nn.Module):
    """Twice the resolution, cropped to `size`: (N, narrow, h, w) to (N, wide, *size), 2h - 1 <= size[0] <= 2h."""

    def __init__(self, narrow: int, wide: int, size: Size) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(narrow, 4 * wide, 3, padding=1)
        self.size = size

    def forward(self, maps: Tensor) -> Tensor:
        height, width = self.size
        if on_gpu(maps):
            doubled = double_by_vectors(maps, *self._by_vectors(), padding=1)
            rows, columns = doubled.shape[2] - height, doubled.shape[3] - width
            return F.pad(doubled, (0, -columns, 0, -rows)) if rows or columns else doubled
        return F.pixel_shuffle(self.convolution(maps), 2)[:, :, :height, :width]

    def _by_vectors(self) -> tuple[Tensor, Tensor]:
        """Weight and bias in the order of `double_by_vectors`; they are stored in that of `pixel_shuffle`."""
        weight, bias = self.convolution.weight, cast(Tensor, self.convolution.bias)
        order = weight.view(-1, 4, *weight.shape[1:]).transpose(0, 1)
        return order.flatten(0, 1), bias.view(-1, 4).t().reshape(-1)


def _halvings(image_shape: tuple[int, int, int]) -> list[Size]:
    """Height and width of the images, and of the maps after one, two and three halvings, rounded up."""
    _, height, width = image_shape
    if min(height, width) < MIN_SIDE:
        raise ValueError(f"images are at least {MIN_SIDE} pixels high and wide, not {height}x{width}")
    return [(-(-height // step), -(-width // step)) for step in (1, 2, 4, 8)]
