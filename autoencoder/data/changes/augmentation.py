"""Augmentation of training images: other pictures of the same kind, drawn anew at each update.

Flips, quarter turns and shifts only move pixels, so no image is blurred. Everything is drawn from an explicit generator
on the images' own device, and nothing is read back from it, so that an update can be captured as a CUDA graph.
"""

from __future__ import annotations

from collections.abc import Collection

import torch
from torch import Tensor

MAX_SHIFT = 2
"""Pixels that `shift` moves an image by at most, in each direction; the edge is repeated."""

LIGHT_GAIN, LIGHT_OFFSET = 0.2, 0.05
"""`light` multiplies by up to so much more or less than 1, and adds or takes away up to so much of the white level."""


class Augmentation:
    """How each image of a batch is changed: drawn once, and applied to everything that belongs to the images.

    Args:
        kinds: some of `config.AUGMENTATIONS`; `rotate` is by quarter turns, and takes square images only.
        shape: (N, C, H, W) of the images.
        generator: on their device.
    """

    def __init__(self, kinds: Collection[str], shape: torch.Size, generator: torch.Generator) -> None:
        self._moves = _moves(kinds, shape, generator)
        self._light = None
        if "light" in kinds:
            gain, offset = (_between_signs(shape[0], 1, generator) for _ in range(2))
            self._light = 1 + LIGHT_GAIN * gain[..., None], LIGHT_OFFSET * offset[..., None]

    def of_images(self, images: Tensor) -> Tensor:
        """(N, C, H, W) moved and in another light, clipped to [0, 1] as a sensor would; channels last in memory."""
        moved = self.of_places(images)
        if self._light is None:
            return moved
        gain, offset = self._light
        return (moved * gain + offset).clamp_(0.0, 1.0)

    def of_places(self, pictures: Tensor) -> Tensor:
        """(N, C, H, W) that say what is where in the images, such as masks: moved with them."""
        if self._moves is None:
            return pictures
        flat = pictures.flatten(2)
        moved = flat.gather(2, self._moves[:, None].expand(-1, flat.shape[1], -1))
        return moved.view(pictures.shape).contiguous(memory_format=torch.channels_last)


def _moves(kinds: Collection[str], shape: torch.Size, generator: torch.Generator) -> Tensor | None:
    """Which pixel each pixel of an image is taken from, (N, H * W) int64; None where all stay."""
    if not {"flip", "rotate", "shift"} & set(kinds):
        return None
    n, _, height, width = shape
    device = generator.device
    down, right = torch.arange(height, device=device)[:, None], torch.arange(width, device=device)[None, :]
    y, x = down.expand(n, height, 1), right.expand(n, 1, width)
    turned = None
    if "flip" in kinds:
        x = torch.where(_whole(2, n, generator) == 1, width - 1 - x, x)
    if "rotate" in kinds:
        # A quarter turn is a transposition and one flip, half a turn is two flips.
        quarters = _whole(4, n, generator)
        x = torch.where((quarters == 1) | (quarters == 2), width - 1 - x, x)
        y = torch.where(quarters >= 2, height - 1 - y, y)
        turned = quarters % 2 == 1
    if "shift" in kinds:
        x = (x + _whole(2 * MAX_SHIFT + 1, n, generator) - MAX_SHIFT).clamp(0, width - 1)
        y = (y + _whole(2 * MAX_SHIFT + 1, n, generator) - MAX_SHIFT).clamp(0, height - 1)
    moves = y * width + x
    if turned is not None:
        moves = torch.where(turned, x * width + y, moves)
    return moves.flatten(1)


def _whole(below: int, n: int, generator: torch.Generator) -> Tensor:
    """(n, 1, 1) whole numbers from 0."""
    return torch.randint(below, (n, 1, 1), generator=generator, device=generator.device)


def _between_signs(n: int, size: int, generator: torch.Generator) -> Tensor:
    """(n, size, 1) numbers, uniform between -1 and 1."""
    return 2 * torch.rand((n, size, 1), generator=generator, device=generator.device) - 1
