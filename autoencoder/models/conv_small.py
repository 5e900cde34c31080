"""`conv-small`: a small convolutional autoencoder for MNIST, whose code may be the coarsest map itself.

For 1x28x28 images, with convolutions of 3x3 that keep the size, a ReLU behind each, and sides that halve rounded up::

    images -> 16 -> pool -> 8 -> pool -> 8 (stride 2) = map 8x4x4
    map 8x4x4 -> 8 -> double -> 8 -> double -> 16 -> double -> images

A latent of as many units as the coarsest map has values (128 for 28x28) is that map, flattened channel by channel: no
linear layer stands in between, and the whole is the documented network if there is no norm either (`--encoder
conv-small --latent-dim 128 --norm none --loss bce`, 4,385 parameters). For any other number of units a linear layer
leads from the map to the latent, and another one back. A norm stands behind each convolution and linear layer but the
last; only a batch norm stands in front of the latent.

On the way up, pixels beyond the size on the way down are cropped after the last two convolutions, evenly on both sides:
28x28 images come from maps of 4x4, 8x8, 16x16 (cropped to 14x14) and 28x28.
"""

from __future__ import annotations

import math
from typing import cast

import torch
from torch import Tensor, nn

from autoencoder.models.blocks import activation, dense_layer, latent_layer, norm_2d

DEFAULT_LATENT_ACTIVATION = "relu"
"""As behind every other layer."""

MIN_SIDE = 8
"""Smallest image side, in pixels: it leaves one place of the coarsest map."""

CHANNELS = (16, 8, 8)
"""Channels of the maps, from fine to coarse."""


class Encoder(nn.Module):
    """Images to latent.

    Args:
        image_shape: channels, height and width of the images; each side at least `MIN_SIDE`.
        latent_dim: number of latent units; 8 * ceil(H/8) * ceil(W/8) for the coarsest map itself.
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
        fine, middle, coarse = CHANNELS
        units = math.prod(_map_shape(image_shape))
        # ReLU comes after the pooling: the two commute, and it has a quarter of the work so.
        self.maps = nn.Sequential(
            _convolution(image_shape[0], fine, norm),
            norm_2d(norm, fine),
            nn.MaxPool2d(2, ceil_mode=True),
            nn.ReLU(inplace=True),
            _convolution(fine, middle, norm),
            norm_2d(norm, middle),
            nn.MaxPool2d(2, ceil_mode=True),
            nn.ReLU(inplace=True),
            _convolution(middle, coarse, norm, stride=2),
        )
        self.latent: nn.Sequential
        if latent_dim == units:
            self.latent = nn.Sequential(
                norm_2d("batch" if norm == "batch" else "none", coarse), activation(latent_activation), nn.Flatten()
            )
        else:
            self.latent = nn.Sequential(
                norm_2d(norm, coarse),
                nn.ReLU(inplace=True),
                nn.Flatten(),
                *latent_layer(units, latent_dim, norm, latent_activation),
            )

    def forward(self, images: Tensor) -> Tensor:
        """(N, C, H, W) in [0, 1] to latent (N, latent_dim)."""
        return cast(Tensor, self.latent(self.maps(images)))


class Decoder(nn.Module):
    """Latent to images.

    Args:
        image_shape: channels, height and width of the images; each side at least `MIN_SIDE`.
        latent_dim: number of latent units; 8 * ceil(H/8) * ceil(W/8) for the coarsest map itself.
        norm: one of `config.NORMS`.
    """

    def __init__(self, image_shape: tuple[int, int, int], latent_dim: int, *, norm: str = "batch") -> None:
        super().__init__()
        channels, height, width = image_shape
        fine, middle, coarse = CHANNELS
        self.map_shape = _map_shape(image_shape)
        units = math.prod(self.map_shape)
        first = [_convolution(coarse, coarse, norm), norm_2d(norm, coarse), nn.ReLU(inplace=True)]
        self.fc2: nn.Sequential
        if latent_dim == units:
            self.fc2 = nn.Sequential(nn.Unflatten(1, self.map_shape), *first, nn.Flatten())
        else:
            self.fc2 = dense_layer(latent_dim, units, norm)
        self.maps = nn.Sequential(
            *([] if latent_dim == units else first),
            nn.Upsample(scale_factor=2),
            _convolution(coarse, middle, norm),
            norm_2d(norm, middle),
            nn.ReLU(inplace=True),
            nn.Upsample(scale_factor=2),
            _convolution(middle, fine, norm),
            _Crop(-(-height // 2), -(-width // 2)),
            norm_2d(norm, fine),
            nn.ReLU(inplace=True),
            nn.Upsample(scale_factor=2),
            nn.Conv2d(fine, channels, 3, padding=1),
            _Crop(height, width),
        )

    def first_layer(self, latent: Tensor) -> Tensor:
        """Latent (N, latent_dim) to "fc2", (N, 8 * ceil(H/8) * ceil(W/8)), after norm and ReLU.

        The linear layer, or the first convolution where the latent is a map.
        """
        return cast(Tensor, self.fc2(latent))

    def forward(self, latent: Tensor) -> Tensor:
        """Latent (N, latent_dim) to images (N, C, H, W), without a final activation."""
        maps = self.first_layer(latent).reshape(-1, *self.map_shape)
        # Convolutions are faster on channels_last, here as in the encoder, whose maps take the layout of the images.
        return cast(Tensor, self.maps(maps.contiguous(memory_format=torch.channels_last)))


class _Crop(nn.Module):
    """Rows and columns beyond `height` and `width` taken off, evenly on both sides; the odd one at the end."""

    def __init__(self, height: int, width: int) -> None:
        super().__init__()
        self.height, self.width = height, width

    def forward(self, maps: Tensor) -> Tensor:
        top, left = (maps.shape[2] - self.height) // 2, (maps.shape[3] - self.width) // 2
        return maps[:, :, top : top + self.height, left : left + self.width]


def _convolution(narrow: int, wide: int, norm: str, stride: int = 1) -> nn.Conv2d:
    """(N, narrow, H, W) to (N, wide, H / stride, W / stride), rounded up; without a bias that a batch norm cancels."""
    return nn.Conv2d(narrow, wide, 3, stride=stride, padding=1, bias=norm != "batch")


def _map_shape(image_shape: tuple[int, int, int]) -> tuple[int, int, int]:
    """Channels, height and width of the coarsest map, behind three halvings that round up."""
    _, height, width = image_shape
    return CHANNELS[-1], -(-height // 8), -(-width // 8)
