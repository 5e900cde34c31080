"""Images of a set as float batches on a device.

Pixels stay in their stored type until a batch is asked for. On a GPU they are sent once, if they fit in half of its
free memory; otherwise, and on the CPU, a batch is gathered from the array or from its memory map.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from autoencoder.array_types import Integers, Rows
from autoencoder.data.arrays import CHUNK_BYTES, chunks, let_go, map_of
from autoencoder.machine.device import give_back_freed_memory

BatchRows = Rows | Tensor
"""Row numbers in a data file, (n,) int64: an array, or a tensor that is on the device already."""

RESIDENT_SHARE = 0.5
"""Share of a GPU's free memory that the images may take."""


LARGER_ON_GPU = 4
"""So many times the batch that was asked for is encoded at once on a GPU, which is hardly busy with less."""

ENCODING_SHARE, BYTES_PER_PIXEL = 1 / 16, 1024
"""Share of a GPU's memory that such a batch may take, and what `conv` takes for a pixel: 4 times 64 channels."""


class Pixels:
    """Stored images, to be had as float batches on `device`.

    Args:
        stored: (N, C, H, W) uint8, uint16 or float; may be a memory map.
        max_pixel_value: the stored value that becomes 1.0.
        device: where batches go.
    """

    def __init__(self, stored: NDArray[np.generic], max_pixel_value: float, device: torch.device) -> None:
        self._stored = np.asarray(stored)
        self._gathered = 0
        self._max = max_pixel_value
        self._device = device
        self._resident = self._send_all() if self._fits() else None
        self._given: Tensor | None = None

    @property
    def resident(self) -> bool:
        """Whether all images are in the GPU's memory, so that a batch can be gathered by rows that are there."""
        return self._resident is not None

    @property
    def sent_by_batch(self) -> bool:
        """Whether each batch has to be sent to the GPU, as its memory does not hold all images."""
        return self._resident is None and self._device.type == "cuda"

    def __len__(self) -> int:
        return len(self._stored)

    def stored_batch(self, n: int) -> Tensor:
        """The shape and type that `n` images are sent in, (n, C, H, W), without values."""
        return torch.empty((n, *self._stored.shape[1:]), dtype=_to_tensor(self._stored[:0]).dtype, device="meta")

    def gather(self, rows: Rows, into: Tensor) -> None:
        """Put images `rows` as they are stored into `into`, (n, C, H, W) like `stored_batch`; any thread may."""
        # torch would copy with threads of its own for each thread that asks.
        np.copyto(into.numpy(), self._rows(rows), casting="same_kind")

    @contextmanager
    def giving(self, stored: Tensor) -> Iterator[None]:
        """Have every batch within the block be these images, (n, C, H, W) like `stored_batch` and on the device.

        Whoever asks for one asks for these rows; where they are on the device, that is not looked at.
        """
        self._given = stored
        try:
            yield
        finally:
            self._given = None

    def batch(self, rows: BatchRows) -> Tensor:
        """Images `rows` as (n, C, H, W) float32 in [0, 1], channels last in memory.

        Raises:
            TypeError: the rows are on the device, and the images are not.
        """
        if self._given is not None:
            pixels = self._given
        elif self._resident is not None:
            pixels = self._resident[to_device(rows, self._device)]
        elif isinstance(rows, Tensor):
            raise TypeError("images in the processor's memory are gathered by rows that are there too")
        else:
            pixels = _to_tensor(self._rows(rows))
            if self._device.type == "cuda":
                pixels = pixels.pin_memory().to(self._device, non_blocking=True)
            else:
                pixels = pixels.to(self._device)
        images = pixels.to(torch.float32, memory_format=torch.channels_last)
        # A float32 batch was not copied by the conversion, but gathering it above did copy: dividing in place is safe.
        return images / self._max if images is self._given else images.div_(self._max)

    def _rows(self, rows: Rows) -> NDArray[np.generic]:
        """Some of the images; what a memory map has read is let go now and then, and what was freed given back."""
        images: NDArray[np.generic] = self._stored[rows]
        self._gathered += images.nbytes
        if self._gathered > CHUNK_BYTES:
            self._gathered = 0
            let_go(self._stored)
            if map_of(self._stored) is not None:  # larger than what should be in memory
                give_back_freed_memory()
        return images

    def batches(self, rows: Rows, batch_size: int) -> Iterator[tuple[Rows, Tensor]]:
        """Rows and images of `rows` in their order, `batch_size` at a time."""
        for start in range(0, len(rows), batch_size):
            part = rows[start : start + batch_size]
            yield part, self.batch(part)

    def _fits(self) -> bool:
        """Whether the images are to be sent to the device once; on the CPU they are where they are needed already."""
        if self._device.type != "cuda":
            return False
        free, _ = torch.cuda.mem_get_info(self._device)
        item_bytes = {2: 4, 8: 4}.get(self._stored.itemsize, self._stored.itemsize)  # see `_to_tensor`
        return self._stored.size * item_bytes <= RESIDENT_SHARE * free

    def _send_all(self) -> Tensor:
        on_device = torch.empty(self._stored.shape, dtype=self.stored_batch(0).dtype, device=self._device)
        for start, chunk in chunks(self._stored):
            on_device[start : start + len(chunk)] = _to_tensor(chunk).to(self._device)
        return on_device


def to_device(rows: BatchRows, device: torch.device) -> Tensor:
    """Row numbers as a tensor on `device`, whose work so far is not waited for."""
    if isinstance(rows, Tensor):
        return rows
    # CUDA stages a copy from ordinary memory before it returns.
    return torch.from_numpy(rows).to(device, non_blocking=device.type == "cuda")


def _to_tensor(pixels: NDArray[np.generic]) -> Tensor:
    """A tensor of the same values; uint16, which torch hardly computes with, as int32, and float64 as float32."""
    pixels = pixels.astype(pixels.dtype.newbyteorder("="), copy=False)  # torch takes the machine's own byte order only
    if pixels.dtype == np.uint16:
        pixels = pixels.astype(np.int32)
    if pixels.dtype == np.float64:
        pixels = pixels.astype(np.float32)
    if not pixels.flags.writeable:
        pixels = pixels.copy()
    return torch.from_numpy(np.ascontiguousarray(pixels))


def at_once(asked: int, image_shape: tuple[int, ...], device: torch.device) -> int:
    """Images that a network is given at once where it only looks: as many as were asked for, and more on a GPU.

    It depends on the card and not on what is free there, which would let other runs change how sums are rounded.

    Args:
        asked: the setting `snapshot_batch_size`.
        image_shape: (C, H, W).
        device: where they go.
    """
    if device.type != "cuda":
        return asked
    memory = torch.cuda.get_device_properties(device).total_memory
    fitting = int(ENCODING_SHARE * memory / (BYTES_PER_PIXEL * math.prod(image_shape[1:])))
    return max(asked, min(LARGER_ON_GPU * asked, fitting))


def epoch_order(train_rows: Rows, generator: np.random.Generator) -> Rows:
    """The training rows in a random order."""
    return generator.permutation(train_rows)


def balanced_order(train_rows: Rows, values: Integers, generator: np.random.Generator) -> Rows:
    """Training rows of each value equally often, in a random order.

    Of each value as many rows are drawn as there would be if all had the same share, rounded down. A value that has
    fewer repeats its rows, none of them more than once oftener than another; one that has more shows a part of them,
    another in each epoch.

    Args:
        train_rows: (n,).
        values: (n,) number of each row's value.
        generator: of the epoch.
    """
    members = [train_rows[values == value] for value in np.unique(values)]
    share = len(train_rows) // len(members)
    return generator.permutation(np.concatenate([_repeated(rows, share, generator) for rows in members]))


def _repeated(rows: Rows, n: int, generator: np.random.Generator) -> Rows:
    """So many of `rows`: all of them as often as they go into `n`, and a random part of them once more."""
    times, more = divmod(n, len(rows))
    return np.concatenate([np.tile(rows, times), generator.choice(rows, more, replace=False)])


def split_into_batches(rows: Rows, batch_size: int) -> list[Rows]:
    """Batches of `batch_size`; a single row left over joins the batch before it, as a batch norm cannot train on one.

    Every row is in exactly one batch.
    """
    edges = list(range(batch_size, len(rows), batch_size))
    if edges and len(rows) - edges[-1] == 1:
        edges.pop()
    return np.split(rows, edges)


def evenly(rows: Rows, most: int) -> Rows:
    """At most so many of `rows`, evenly spaced."""
    if len(rows) <= most:
        return rows
    return rows[np.linspace(0, len(rows) - 1, most).astype(np.int64)]
