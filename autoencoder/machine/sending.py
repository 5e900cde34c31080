"""Tensors on their way to the device, which computes meanwhile."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor

from autoencoder.machine.copies import room_for


class Slot(Protocol):
    """Memory that a batch goes through; `CudaSlot` is the one, and tests have others that run on the CPU.

    Attributes:
        host: (most, ...) each, in the processor's memory, to be filled after `settle`.
    """

    host: Sequence[Tensor]

    def settle(self) -> None:
        """Wait until what was delivered last has left `host`. Any thread may wait."""
        ...

    def deliver(self, n: int, into: Sequence[Tensor]) -> None:
        """Copy the first `n` rows of `host`, in line with what the device is asked to do.

        Args:
            n: rows.
            into: (most, ...) each, on the device; what is asked for after this reads the new values, and what was
                asked for before it the old ones.
        """
        ...


class CudaSlot:
    """Pinned memory, and as much on the GPU, which a stream beside the updates copies to.

    An event each way keeps the two apart: the copy waits until the updates have taken what came before it, and they
    wait for the copy.

    Args:
        like: (most, ...) each, of the shapes and types that are to be sent; their values are not looked at.
        device: a GPU.
        stream: for copies; slots may share it.
    """

    def __init__(self, like: Sequence[Tensor], device: torch.device, stream: torch.cuda.Stream) -> None:
        self.host: Sequence[Tensor] = room_for(list(like), pinned=True)
        self._device, self._stream = device, stream
        self._there = [torch.empty_like(values, device=device) for values in like]
        # A thread that waits for a copy sleeps: one for each run would otherwise keep that many cores busy.
        self._sent = torch.cuda.Event(blocking=True)  # type: ignore[no-untyped-call]
        self._taken = torch.cuda.Event()  # type: ignore[no-untyped-call]
        # The memory on the GPU may have been another's until here, and still be read by what that one asked for.
        self._taken.record(torch.cuda.current_stream(device))

    def settle(self) -> None:
        """See `Slot.settle`."""
        self._sent.synchronize()

    def deliver(self, n: int, into: Sequence[Tensor]) -> None:
        """See `Slot.deliver`; nothing is waited for here."""
        current = torch.cuda.current_stream(self._device)
        with torch.cuda.stream(self._stream):
            self._stream.wait_event(self._taken)
            for values, there in zip(self.host, self._there, strict=True):
                there[:n].copy_(values[:n], non_blocking=True)
            self._sent.record(self._stream)
        current.wait_event(self._sent)
        for there, values in zip(self._there, into, strict=True):
            values[:n].copy_(there[:n], non_blocking=True)
        self._taken.record(current)


def cuda_slots(n: int, like: Sequence[Tensor], device: torch.device) -> list[CudaSlot]:
    """So many slots whose copies are made on one stream; see `CudaSlot`."""
    # Urgent streams are others than those that runs are computed and captured on (see `own_stream`), and are enough.
    stream = torch.cuda.Stream(device, priority=-1)  # type: ignore[no-untyped-call]
    return [CudaSlot(like, device, stream) for _ in range(n)]
