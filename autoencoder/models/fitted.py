"""Encoders that are fitted to the training images once, instead of being learned by gradient.

Such an encoder is a module like any other, but it has buffers and no parameters. What was fitted is stored once per run
(`reducer.npz`, plain arrays) and not in every checkpoint.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

if TYPE_CHECKING:
    from typing_extensions import Self

FloatArray = NDArray[np.float32]
Arrays = dict[str, NDArray[Any]]

ROUNDING = 1e-5
"""A unit whose codes spread less than this share of the widest unit's does not vary."""


class FittedEncoder(nn.Module, ABC):
    """Images (N, C, H, W) in [0, 1] to codes (N, latent_dim), standardised by the training images' codes.

    Args:
        arrays: what `arrays` gave.

    Raises:
        ValueError: an array is missing, is none of this encoder's, or holds no numbers.
    """

    MIN_IMAGES = 2
    """It cannot be fitted to fewer training images."""

    MAX_IMAGES: int
    """It is fitted to at most this many of the training images, drawn at random."""

    ARRAYS: tuple[str, ...]
    """Names of the arrays that the encoder computes with."""

    OTHER_ARRAYS: tuple[str, ...] = ()
    """Names of those that it only keeps."""

    code_mean: Tensor
    code_scale: Tensor

    def __init__(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        super().__init__()
        buffers = (*self.ARRAYS, "code_mean", "code_scale")
        if arrays.keys() != {*buffers, *self.OTHER_ARRAYS}:
            raise ValueError(f"its arrays are {', '.join(arrays)}, not {', '.join((*buffers, *self.OTHER_ARRAYS))}")
        for name in buffers:
            values = torch.from_numpy(np.array(arrays[name], np.float32))
            self.register_buffer(name, values, persistent=False)
        self._others = {name: np.array(arrays[name]) for name in self.OTHER_ARRAYS}

    @classmethod
    @abstractmethod
    def fit_several(cls, inputs: FloatArray, latent_dims: Sequence[int], seed: int) -> list[Self]:
        """An encoder for each of `latent_dims`, in one pass over the training images.

        Args:
            inputs: (n, C*H*W) float32 in [0, 1], the training images as the network sees them.
            latent_dims: numbers of latent units, each at most min(n - 1, C*H*W).
            seed: of whatever is drawn at random.
        """

    @abstractmethod
    def raw_codes(self, flat: Tensor) -> Tensor:
        """(N, C*H*W) to (N, latent_dim), before they are standardised."""

    @property
    def latent_dim(self) -> int:
        """Number of latent units."""
        return len(self.code_mean)

    def forward(self, images: Tensor) -> Tensor:
        """(N, C, H, W) in [0, 1] to (N, latent_dim)."""
        return (self.raw_codes(images.flatten(1)) - self.code_mean) / self.code_scale

    def arrays(self) -> Arrays:
        """Everything that makes the encoder, to be stored and given to the constructor again."""
        return {name: values.cpu().numpy() for name, values in self.named_buffers()} | self._others


def standardisation(codes: NDArray[np.floating]) -> Arrays:
    """Mean and deviation of each unit of the training codes (n, d).

    A unit that varies by rounding only, as that of a component without variance does, is left at its scale: made as
    large as the others it would be noise.
    """
    deviation = codes.std(axis=0)
    varies = deviation > ROUNDING * deviation.max()
    return {"code_mean": codes.mean(axis=0), "code_scale": np.where(varies, deviation, 1.0)}
