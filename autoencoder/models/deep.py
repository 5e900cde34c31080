"""`deep`: linear layers whose widths shrink by the same factor each, from the pixels to the latent, and grow back.

`depth` is the number of linear layers on each side. For 1x32x32 images, 20 latent units and a depth of 3::

    1024 -> 276 -> 74 -> latent 20 -> 74 -> 276 -> 1024

with norm and ReLU between them. A depth of 1 is a single linear layer on each side. A latent of more units than there
are pixels is reached by growing widths in the same way.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import cast

from torch import Tensor, nn

from autoencoder.models.blocks import dense_layer, latent_layer

DEFAULT_LATENT_ACTIVATION = "linear"
"""Linear units: nothing that the latent could say is cut off."""

DEFAULT_DEPTH = 3
"""Linear layers on each side of the latent."""

MIN_SIDE = 1
"""Smallest image side, in pixels: nothing is halved."""


class Encoder(nn.Module):
    """Images to latent.

    Args:
        image_shape: channels, height and width of the images.
        latent_dim: number of latent units.
        norm: one of `config.NORMS`.
        latent_activation: "relu", "linear", "sigmoid" or "tanh".
        depth: number of linear layers, 1 or more.
    """

    def __init__(
        self,
        image_shape: tuple[int, int, int],
        latent_dim: int,
        *,
        norm: str = "batch",
        latent_activation: str = DEFAULT_LATENT_ACTIVATION,
        depth: int = DEFAULT_DEPTH,
    ) -> None:
        super().__init__()
        *before, last = pairwise(widths(image_shape, latent_dim, depth))
        self.hidden = nn.Sequential(*(dense_layer(inputs, features, norm) for inputs, features in before))
        self.latent = latent_layer(*last, norm, latent_activation)

    def forward(self, images: Tensor) -> Tensor:
        """(N, C, H, W) in [0, 1] to latent (N, latent_dim)."""
        return cast(Tensor, self.latent(self.hidden(images.flatten(1))))


class Decoder(nn.Module):
    """Latent to images.

    Args:
        image_shape: channels, height and width of the images.
        latent_dim: number of latent units.
        norm: one of `config.NORMS`.
        depth: number of linear layers, 1 or more.
    """

    def __init__(
        self,
        image_shape: tuple[int, int, int],
        latent_dim: int,
        *,
        norm: str = "batch",
        depth: int = DEFAULT_DEPTH,
    ) -> None:
        super().__init__()
        self.image_shape = image_shape
        *before, last = pairwise(reversed(widths(image_shape, latent_dim, depth)))
        layers = [*(dense_layer(inputs, features, norm) for inputs, features in before), nn.Linear(*last)]
        self.fc2, self.rest = layers[0], nn.Sequential(*layers[1:])

    def first_layer(self, latent: Tensor) -> Tensor:
        """Latent (N, latent_dim) to "fc2", (N, features), after norm and ReLU.

        With a depth of 1 the first layer is also the last: these are then the pixels, (N, C * H * W), as the linear
        layer gives them.
        """
        return cast(Tensor, self.fc2(latent))

    def forward(self, latent: Tensor) -> Tensor:
        """Latent (N, latent_dim) to images (N, C, H, W), without a final activation."""
        return cast(Tensor, self.rest(self.first_layer(latent)).unflatten(1, self.image_shape))


def widths(image_shape: tuple[int, int, int], latent_dim: int, depth: int) -> list[int]:
    """Units from the pixels to the latent, `depth` + 1 numbers whose ratios are the same but for rounding."""
    pixels = math.prod(image_shape)
    return [round(pixels * (latent_dim / pixels) ** (step / depth)) for step in range(depth + 1)]
