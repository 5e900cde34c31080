"""Encoders that are fitted to the training images once, instead of being learned by gradient.

Such an encoder is a module like any other, but it has buffers and no parameters. What was fitted is stored once per run
(`reducer.npz`, plain arrays) and not in every checkpoint.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from autoencoder.array_types import FloatArray

Arrays = dict[str, NDArray[Any]]
AxesOf = Mapping[str, tuple[str, ...]]
"""Names of the axes of arrays."""

ROUNDING = 1e-5
"""A unit whose codes spread less than this share of the widest unit's does not vary."""


class FittedEncoder(nn.Module, ABC):
    """Images (N, C, H, W) in [0, 1] to codes (N, latent_dim), standardised by the training images' codes.

    Args:
        arrays: what `arrays` gave.

    Raises:
        ValueError: an array is missing, is none of this encoder's, holds anything but finite numbers, or has another
            shape than goes with the others.
    """

    MIN_IMAGES = 2
    """It cannot be fitted to fewer training images."""

    MAX_IMAGES: int
    """It is fitted to at most this many of the training images, drawn at random."""

    ARRAYS: ClassVar[AxesOf]
    """Names of the arrays that the encoder computes with, and of their axes: axes of one name are of one length."""

    OTHER_ARRAYS: ClassVar[AxesOf] = {}
    """The same of those that it only keeps."""

    CODE_ARRAYS: ClassVar[AxesOf] = {"code_mean": ("units",), "code_scale": ("units",)}

    code_mean: Tensor
    code_scale: Tensor

    def __init__(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        super().__init__()
        buffers = {**self.ARRAYS, **self.CODE_ARRAYS}
        check_arrays(arrays, {**buffers, **self.OTHER_ARRAYS})
        if not (np.asarray(arrays["code_scale"]) > 0).all():
            raise ValueError("'code_scale' is not above 0 everywhere")
        for name in buffers:
            with np.errstate(over="ignore"):
                values = torch.from_numpy(np.array(arrays[name], np.float32))
            if not values.isfinite().all():
                raise ValueError(f"'{name}' has values too large for single precision")
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


def check_arrays(arrays: Mapping[str, NDArray[Any]], axes: AxesOf) -> None:
    """Refuse arrays that are not those which `axes` names.

    Raises:
        ValueError: there are others, one holds anything but finite numbers, or axes of one name differ in length.
    """
    if arrays.keys() != axes.keys():
        raise ValueError(f"its arrays are {', '.join(arrays)}, not {', '.join(axes)}")
    lengths: dict[str, int] = {}
    for name, named in axes.items():
        array = arrays[name]
        if array.dtype.kind not in "fiu" or not np.isfinite(array).all():
            raise ValueError(f"'{name}' holds values that are not finite numbers")
        if array.ndim != len(named) or array.size == 0:
            raise ValueError(f"'{name}' has shape {array.shape}, not ({', '.join(named)})")
        for axis, length in zip(named, array.shape, strict=True):
            if lengths.setdefault(axis, length) != length:
                raise ValueError(f"'{name}' has {length} {axis}, and other arrays have {lengths[axis]}")


def standardisation(codes: NDArray[np.floating]) -> Arrays:
    """Mean and deviation of each unit of the training codes (n, d).

    A unit that varies by rounding only, as that of a component without variance does, is left at its scale: made as
    large as the others it would be noise.
    """
    deviation = codes.std(axis=0)
    varies = deviation > ROUNDING * deviation.max()
    return {"code_mean": codes.mean(axis=0), "code_scale": np.where(varies, deviation, 1.0)}
