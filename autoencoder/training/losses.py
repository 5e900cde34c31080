"""Losses of updates on their way from the device, which is not to wait for them."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Loss:
    """Of an update.

    Attributes:
        step: number of the update.
        size: images in its batch.
        value: their mean loss.
    """

    step: int
    size: int
    value: float


@dataclass(frozen=True)
class _Sent:
    """Losses that are being copied: `values` is filled when `copied` has come."""

    updates: list[tuple[int, int]]
    values: Tensor
    copied: torch.cuda.Event | None


class Losses:
    """Losses that were computed and not yet read.

    On a GPU, reading the last one would wait until all that was asked for is done, and leave the GPU, and all other
    runs on it, without work until the next is asked for. So losses are copied behind the updates, and those of the copy
    before that are read, while the updates after it are still to be done.

    Args:
        device: where losses are computed.
    """

    def __init__(self, device: torch.device) -> None:
        self._on_gpu = device.type == "cuda"
        self._unsent: list[tuple[int, int, Tensor]] = []
        self._sent: deque[_Sent] = deque()

    def __len__(self) -> int:
        """Images whose losses are not yet read."""
        sizes = [size for sent in self._sent for _, size in sent.updates]
        return sum(sizes) + sum(size for _, size, _ in self._unsent)

    def add(self, step: int, size: int, loss: Tensor) -> None:
        """Note the mean loss, a scalar on the device, of `size` images in update number `step`."""
        self._unsent.append((step, size, loss))

    def read(self, *, every: bool) -> Iterator[Loss]:
        """Send what was noted, and give what has come, in order.

        Args:
            every: wait for all; else, on a GPU, what was sent now is left for the next time.
        """
        if self._unsent:
            self._sent.append(self._send())
            self._unsent = []
        while len(self._sent) > (1 if self._on_gpu and not every else 0):
            sent = self._sent.popleft()
            if sent.copied is not None:
                sent.copied.synchronize()
            for (step, size), value in zip(sent.updates, sent.values.tolist(), strict=True):
                yield Loss(step, size, value)

    def have_come(self) -> bool:
        """Send what was noted; whether all that was sent has come, so that nothing waits for it."""
        if self._unsent:
            self._sent.append(self._send())
            self._unsent = []
        return all(sent.copied is None or sent.copied.query() for sent in self._sent)  # type: ignore[no-untyped-call]

    def _send(self) -> _Sent:
        updates = [(step, size) for step, size, _ in self._unsent]
        values = torch.stack([loss for _, _, loss in self._unsent])
        if not self._on_gpu:
            return _Sent(updates, values.cpu(), None)
        pinned = torch.empty(len(updates), pin_memory=True)
        pinned.copy_(values, non_blocking=True)
        copied = torch.cuda.Event()  # type: ignore[no-untyped-call]
        copied.record()
        return _Sent(updates, pinned, copied)
