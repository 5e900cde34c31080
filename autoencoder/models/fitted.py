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


class FittedEncoder(nn.Module, ABC):
    """Images (N, C, H, W) in [0, 1] to codes (N, latent_dim), standardised by the training images' codes.

    Args:
        arrays: what `arrays` gave.

    Raises:
        KeyError: an array is missing.
    """

    MAX_IMAGES: int
    """It is fitted to at most this many of the training images, drawn at random."""

    ARRAYS: tuple[str, ...]
    """Names of the arrays that the encoder computes with."""

    def __init__(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        super().__init__()
        for name in (*self.ARRAYS, "code_mean", "code_scale"):
            values = torch.from_numpy(np.array(arrays[name], np.float32))
            self.register_buffer(name, values, persistent=False)
        self._others = {name: np.array(values) for name, values in arrays.items() if name not in self._buffers}

    @classmethod
    @abstractmethod
    def fit_several(cls, inputs: FloatArray, latent_dims: Sequence[int], seed: int) -> list[Self]:
        """An encoder for each of `latent_dims`, in one pass over the training images.

        Args:
            inputs: (n, C*H*W) float32 in [0, 1], the training images as the network sees them.
            latent_dims: numbers of latent units, each at most min(n, C*H*W).
            seed: of whatever is drawn at random.
        """

    @abstractmethod
    def raw_codes(self, flat: Tensor) -> Tensor:
        """(N, C*H*W) to (N, latent_dim), before they are standardised."""

    @property
    def latent_dim(self) -> int:
        """Number of latent units."""
        return int(self.code_mean.shape[0])  # type: ignore[operator, index, union-attr]

    @property
    def image_size(self) -> int:
        """Number of values in an image, C*H*W."""
        return int(self.center.shape[0])  # type: ignore[operator, index, union-attr]

    def forward(self, images: Tensor) -> Tensor:
        """(N, C, H, W) in [0, 1] to (N, latent_dim)."""
        return (self.raw_codes(images.flatten(1)) - self.code_mean) / self.code_scale  # type: ignore[operator]

    def arrays(self) -> Arrays:
        """Everything that makes the encoder, to be stored and given to the constructor again."""
        return {name: values.cpu().numpy() for name, values in self.named_buffers()} | self._others


def standardisation(codes: NDArray[np.floating]) -> Arrays:
    """Mean and deviation of each unit of the training codes (n, d); a constant unit is left at its scale."""
    deviation = codes.std(axis=0)
    return {"code_mean": codes.mean(axis=0), "code_scale": np.where(deviation > 1e-8, deviation, 1.0)}
