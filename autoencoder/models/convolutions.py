"""Convolutions that have a faster form on a GPU. Parameters are those of torch's own modules, and results, too.

On the CPU the plain forms are the fastest. On a GPU of NVIDIA's, three of torch's operations take a third of an update
of `conv` (docs/performance.md, "CUDA"), and each has an equal that does not:

- `pixel_shuffle` gives maps that are not channels last, so that the norm behind it takes three times as long and the
  next convolution copies them back. Shuffling whole vectors of channels keeps the layout.
- Convolutions from or to a single channel use none of the units for matrix products. As a product with a matrix of the
  pixels' neighbourhoods they do, where its 9 columns are filled up to 16, which those units take.
- A bias in front of a batch norm is taken away again with the mean: adding it, and summing its gradient, which is 0,
  reads the largest maps twice for nothing.

The forms are chosen by where the maps are, in `on_gpu`, and by nothing else.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

COLUMNS = 16
"""Of a matrix whose rows are neighbourhoods of 3x3 pixels: the next multiple of 16 after 9."""


def on_gpu(maps: Tensor) -> bool:
    """Whether the forms for a GPU are used."""
    return maps.is_cuda


class DoublingConv2d(nn.ConvTranspose2d):
    """A 2x2 transposed convolution of stride 2, computed as a 1x1 convolution and a pixel shuffle.

    Its output pixels do not overlap, so the two are the same sum; forward and backward take two thirds of the time on a
    CPU. Parameters are those of `torch.nn.ConvTranspose2d`.
    """

    bias_is_cancelled = False
    """Whether a `NormOverBias` follows."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__(in_channels, out_channels, 2, stride=2)

    def forward(self, maps: Tensor, output_size: list[int] | None = None) -> Tensor:
        """(N, in, H, W) to (N, out, 2 H, 2 W)."""
        if on_gpu(maps):
            return _with_bias(self, lambda bias: double_by_vectors(maps, *self._by_vectors(bias)))
        weight = self.weight.permute(1, 2, 3, 0).reshape(4 * self.out_channels, self.in_channels, 1, 1)
        bias = None if self.bias is None else self.bias.repeat_interleave(4)
        return F.pixel_shuffle(F.conv2d(maps, weight, bias), 2)

    def _by_vectors(self, bias: Tensor | None) -> tuple[Tensor, Tensor | None]:
        weight = self.weight.permute(2, 3, 1, 0).reshape(4 * self.out_channels, self.in_channels, 1, 1)
        return weight, None if bias is None else bias.repeat(4)


class Conv2d(nn.Conv2d):
    """`torch.nn.Conv2d` with a kernel of 3x3.

    Args:
        stride, padding, bias: as there.
    """

    bias_is_cancelled = False
    """Whether a `NormOverBias` follows."""

    def __init__(
        self, in_channels: int, out_channels: int, *, stride: int = 1, padding: int = 0, bias: bool = True
    ) -> None:
        super().__init__(in_channels, out_channels, 3, stride=stride, padding=padding, bias=bias)

    def forward(self, maps: Tensor) -> Tensor:
        """(N, in, H, W) to (N, out, h, w)."""
        if not on_gpu(maps):
            return super().forward(maps)
        if self.in_channels > 1:
            return _with_bias(self, lambda bias: self._conv_forward(maps, self.weight, bias))
        stride, padding = int(self.stride[0]), int(self.padding[0])
        return _with_bias(self, lambda bias: from_one_channel(maps, self.weight, bias, stride, padding))


class ConvTranspose2d(nn.ConvTranspose2d):
    """`torch.nn.ConvTranspose2d` with a kernel of 3x3 and a stride of 1."""

    bias_is_cancelled = False
    """Whether a `NormOverBias` follows."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__(in_channels, out_channels, 3)

    def forward(self, maps: Tensor, output_size: list[int] | None = None) -> Tensor:
        """(N, in, H, W) to (N, out, H + 2, W + 2)."""
        if not on_gpu(maps):
            return super().forward(maps, output_size)
        if self.out_channels > 1:
            return _with_bias(self, lambda bias: F.conv_transpose2d(maps, self.weight, bias))
        return _with_bias(self, lambda bias: to_one_channel(maps, self.weight, bias))


Convolution = Conv2d | ConvTranspose2d | DoublingConv2d


class NormOverBias(nn.BatchNorm2d):
    """A batch norm behind a convolution with a bias, which on a GPU leaves the bias out of its maps in training.

    The norm takes the bias away with the mean, so maps, and all gradients but the bias's own, are the same without
    it; that one is 0, and what other forms compute for it is what their rounding leaves. The running mean is that of
    maps with the bias. It is told of it here, so evaluation, which uses the bias, and checkpoints are as they would be.

    Args:
        convolution: the one in front.
    """

    def __init__(self, convolution: Convolution) -> None:
        super().__init__(convolution.out_channels)
        convolution.bias_is_cancelled = True
        self._convolution = (convolution,)  # a tuple, so that it does not become a part of the norm

    def forward(self, maps: Tensor) -> Tensor:
        """(N, C, H, W) to the same shape."""
        (convolution,) = self._convolution
        if self.training and on_gpu(maps) and convolution.bias is not None:
            # The mean is to become (1 - m) running + m (batch + bias), and the norm adds m batch only.
            momentum = float(self.momentum or 0.0)
            with torch.no_grad():
                self.running_mean.add_(convolution.bias, alpha=momentum / (1 - momentum))  # type: ignore[union-attr]
        return super().forward(maps)


def double_by_vectors(maps: Tensor, weight: Tensor, bias: Tensor | None, padding: int = 0) -> Tensor:
    """A convolution and a pixel shuffle by 2 that keeps maps channels last.

    Args:
        maps: (N, in, H, W).
        weight: (4 * out, in, h, w): first `out` channels for the top left pixel of each four, then those for the top
            right, the bottom left and the bottom right one; `pixel_shuffle` has the four as the faster index.
        bias: (4 * out,) in the same order, or none.
        padding: of the convolution.

    Returns:
        (N, out, 2 H', 2 W').
    """
    made = F.conv2d(maps, weight.contiguous(memory_format=torch.channels_last), bias, padding=padding)
    made = made.permute(0, 2, 3, 1).contiguous()
    n, height, width, channels = made.shape
    parts = made.view(n, height, width, 2, 2, channels // 4).permute(0, 1, 3, 2, 4, 5)
    return parts.reshape(n, 2 * height, 2 * width, channels // 4).permute(0, 3, 1, 2)


def from_one_channel(images: Tensor, weight: Tensor, bias: Tensor | None, stride: int, padding: int) -> Tensor:
    """`torch.nn.functional.conv2d` of images with one channel and 3x3 weights, as a product of matrices.

    Args:
        images: (N, 1, H, W).
        weight: (out, 1, 3, 3).
        bias: (out,), or none.
        stride, padding: of the convolution.

    Returns:
        (N, out, h, w), channels last in memory.
    """
    parts = _neighbourhoods(images, stride, padding)
    matrix = images.new_zeros((*parts.shape[:3], COLUMNS))
    matrix[..., :9].view(parts.shape).copy_(parts)
    made = F.linear(matrix, F.pad(weight.reshape(-1, 9), (0, COLUMNS - 9)), bias)
    return made.permute(0, 3, 1, 2)


def to_one_channel(maps: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """`torch.nn.functional.conv_transpose2d` to one channel with 3x3 weights, as a product of matrices and a sum.

    Args:
        maps: (N, in, H, W).
        weight: (in, 1, 3, 3).
        bias: (1,), or none.

    Returns:
        (N, 1, H + 2, W + 2).
    """
    columns = F.pad(weight.reshape(-1, 9).t(), (0, 0, 0, COLUMNS - 9))
    made = F.linear(maps.permute(0, 2, 3, 1).contiguous(), columns)
    images: Tensor = _Fold.apply(made[..., :9].contiguous())  # type: ignore[no-untyped-call]
    return images if bias is None else images + bias.view(1, 1, 1, 1)


class _Fold(torch.autograd.Function):
    """(N, H, W, 9) to (N, 1, H + 2, W + 2): the sum of all that falls on each pixel. Its gradient is a copy."""

    @staticmethod
    def forward(ctx: Any, parts: Tensor) -> Tensor:
        n, height, width, _ = parts.shape
        return F.fold(parts.view(n, height * width, 9).transpose(1, 2).contiguous(), (height + 2, width + 2), 3)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        (gradient,) = gradients
        return _neighbourhoods(gradient, 1, 0).flatten(3)


class _LeftOut(torch.autograd.Function):
    """Maps as they are, with a bias whose gradient is 0; so that optimizers see one."""

    @staticmethod
    def forward(ctx: Any, maps: Tensor, bias: Tensor) -> Tensor:
        ctx.save_for_backward(bias)
        return maps.view_as(maps)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor]:
        (bias,) = ctx.saved_tensors
        return gradients[0], torch.zeros_like(bias)


def _with_bias(module: Convolution, compute: Callable[[Tensor | None], Tensor]) -> Tensor:
    """What `compute` gives for the module's bias, or without it where a batch norm would take it away again."""
    if module.bias is None or not (module.training and module.bias_is_cancelled):
        return compute(module.bias)
    return _LeftOut.apply(compute(None), module.bias)  # type: ignore[no-any-return, no-untyped-call]


def _neighbourhoods(images: Tensor, stride: int, padding: int) -> Tensor:
    """(N, 1, H, W) to (N, h, w, 3, 3); a view, unless padded."""
    pixels = images[:, 0]
    if padding:
        pixels = F.pad(pixels, (padding,) * 4)
    return pixels.unfold(1, 3, stride).unfold(2, 3, stride)
