"""The default network: `strided` with a narrower decoder, since a step of Muon costs the cube of a matrix's width.

With Muon it learns what is thin faster than `strided` does with Adam, in about the same time and with 0.6 times the
parameters.

    images -> 32 x H/2 -> 64 x H/4 -> 128 x H/8 -> latent -> 256 -> 256 -> 64 x H/8 -> 48 x H/4 -> 24 x H/2 -> images
"""

from __future__ import annotations

from autoencoder.models import strided

DEFAULT_LATENT_ACTIVATION = strided.DEFAULT_LATENT_ACTIVATION

MIN_SIDE = strided.MIN_SIDE

DECODER_FEATURES = (256, 256)
"""Units of the decoder's dense layers, the one that makes the coarsest map aside."""

Encoder = strided.Encoder


class Decoder(strided.Decoder):
    """Latent to images; see `strided.Decoder` for the arguments."""

    def __init__(self, image_shape: tuple[int, int, int], latent_dim: int, *, norm: str = "batch") -> None:
        super().__init__(image_shape, latent_dim, norm=norm, features=DECODER_FEATURES)
