"""`dense`: one hidden layer on each side of the latent, and no convolution.

    pixels -> 256 -> latent -> 256 -> pixels

The documented dense autoencoder goes down to 40 latent units and is trained on the cross-entropy of pixels: `--encoder
dense --latent-dim 40 --loss bce`. The latent is linear by default, as in `strided`.
"""

from __future__ import annotations

import math
from typing import cast

from torch import Tensor, nn

from autoencoder.models.blocks import dense_layer, latent_layer

DEFAULT_LATENT_ACTIVATION = "linear"
"""Linear units: nothing that the latent could say is cut off."""

MIN_SIDE = 1
"""Smallest image side, in pixels: nothing is halved."""

HIDDEN = 256
"""Units of the hidden layer on each side."""


class Encoder(nn.Module):
    """Images to latent.

    Args:
        image_shape: channels, height and width of the images.
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
        self.hidden = dense_layer(math.prod(image_shape), HIDDEN, norm)
        self.latent = latent_layer(HIDDEN, latent_dim, norm, latent_activation)

    def forward(self, images: Tensor) -> Tensor:
        """(N, C, H, W) in [0, 1] to latent (N, latent_dim)."""
        return cast(Tensor, self.latent(self.hidden(images.flatten(1))))


class Decoder(nn.Module):
    """Latent to images.

    Args:
        image_shape: channels, height and width of the images.
        latent_dim: number of latent units.
        norm: one of `config.NORMS`.
    """

    def __init__(self, image_shape: tuple[int, int, int], latent_dim: int, *, norm: str = "batch") -> None:
        super().__init__()
        self.image_shape = image_shape
        self.fc2 = dense_layer(latent_dim, HIDDEN, norm)
        self.pixels = nn.Linear(HIDDEN, math.prod(image_shape))

    def first_layer(self, latent: Tensor) -> Tensor:
        """Latent (N, latent_dim) to "fc2", (N, 256), after norm and ReLU."""
        return cast(Tensor, self.fc2(latent))

    def forward(self, latent: Tensor) -> Tensor:
        """Latent (N, latent_dim) to images (N, C, H, W), without a final activation."""
        return cast(Tensor, self.pixels(self.first_layer(latent)).unflatten(1, self.image_shape))
