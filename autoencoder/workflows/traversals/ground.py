"""A network with the codes of its training and held-out images: what traversals are learned from and start at."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from autoencoder.array_types import Rows
from autoencoder.data.batches import Pixels
from autoencoder.data.images import ImageSet
from autoencoder.latent.codes import typical_distance
from autoencoder.runs.snapshots import encode_rows
from autoencoder.runs.trained import Trained
from autoencoder.seeding import draw_rows

MAX_TRAINING, MAX_HELD_OUT = 10_000, 2000
"""Images whose codes are looked at; more are drawn from by the seed."""

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Ground:
    """What all traversals of one network share.

    Attributes:
        trained: the network, whose head makes pictures.
        images: the run's data.
        training, held_out: row numbers of images, and their codes (n, d).
        seed: of every draw.
    """

    trained: Trained
    images: ImageSet
    training: tuple[Rows, Array]
    held_out: tuple[Rows, Array]
    seed: int

    @staticmethod
    def of(trained: Trained, images: ImageSet, seed: int) -> Ground:
        """Encode the run's training and held-out images, as far as they are looked at."""
        split, pixels = trained.run.split(), Pixels(images.images, images.max_pixel_value, trained.device)

        def encoded(rows: Rows, most: int, purpose: str) -> tuple[Rows, Array]:
            rows = draw_rows(rows, most, seed, purpose)
            codes = encode_rows(trained.network, pixels, rows, trained.encoded_at_once)
            return rows, codes.astype(np.float64)

        return Ground(
            trained,
            images,
            encoded(split.train, MAX_TRAINING, "training images of traversals"),
            encoded(split.val, MAX_HELD_OUT, "held-out images of traversals"),
            seed,
        )

    @property
    def sees_its_pictures(self) -> bool:
        """Whether pictures can be encoded again: masks are no images."""
        return self.trained.objective.reconstructs

    @cached_property
    def typical(self) -> float:
        """Median distance of a training code to the nearest other one."""
        return typical_distance(self.training[1].astype(np.float32))

    def decode(self, codes: Array) -> NDArray[np.float32]:
        """Codes (..., d) to pictures (..., C, H, W), values in [0, 1]."""
        pictures = self.trained.decode(codes.reshape(-1, codes.shape[-1]).astype(np.float32))
        return pictures.reshape(*codes.shape[:-1], *pictures.shape[1:])

    def again(self, codes: Array) -> Array:
        """The codes of the pictures of codes (n, d); where these are masks, the codes themselves."""
        if not self.sees_its_pictures:
            return codes
        top = self.trained.config.data.max_pixel_value  # floats are stored on the run's own scale
        return self.trained.encode(self.decode(codes) * np.float32(1 if top is None else top)).astype(np.float64)
