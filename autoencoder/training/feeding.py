"""Batches of images that do not fit in a GPU's memory, which are on their way there before they are needed."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from queue import SimpleQueue

import torch
from torch import Tensor

from autoencoder.array_types import Rows
from autoencoder.data.batches import Pixels
from autoencoder.machine.sending import Slot, cuda_slots
from autoencoder.training.learner import Learner

SLOTS = 4
"""Batches on their way at a time: one is gathered, one sent, one taken over, and one makes up for delays."""


@dataclass(frozen=True)
class Source:
    """Images that a batch is made of.

    Attributes:
        pixels: all images, in the processor's memory or on disk.
        shown: (N,) the row of `pixels` that goes with each row of a batch; None for the row itself.
    """

    pixels: Pixels
    shown: Rows | None = None

    def gather(self, rows: Rows, into: Tensor) -> None:
        """Put the images of a batch's rows into the first of `into`."""
        self.pixels.gather(rows if self.shown is None else self.shown[rows], into[: len(rows)])


class Feed:
    """Sends announced batches, and serves each from memory that stays where it is, so that a graph can read it.

    A thread gathers while the device computes. It ends when all that was announced is gathered, and with `close`. Where
    there are no sources, nothing is done.

    Args:
        sources: images that have to be sent.
        most: images in the largest batch.
        device: where batches go.
        make_slots: makes the memory that batches go through: so many slots, for such tensors, to such a device.
    """

    def __init__(
        self,
        sources: Sequence[Source],
        most: int,
        device: torch.device,
        make_slots: Callable[[int, Sequence[Tensor], torch.device], Sequence[Slot]],
    ) -> None:
        self._sources = sources
        like = [source.pixels.stored_batch(most) for source in sources]
        self._served = [torch.zeros_like(values, device=device) for values in like]
        self._slots = make_slots(SLOTS, like, device) if sources else []
        self._coming: Sequence[Rows] = []
        self._next = 0
        self._gathering: _Gathering | None = None

    def announce(self, batches: Sequence[Rows]) -> None:
        """Say what `bring` will be asked for, in this order; what was announced before is forgotten."""
        if self._sources:
            self.close()
            self._coming = batches
            self._gathering = _Gathering(self._sources, batches, self._slots)

    def bring(self, rows: Rows) -> None:
        """Have `serving` give the images of `rows`, to what the device is asked to do from here on.

        Args:
            rows: the next of those announced, the same array; others are sent, too, but have to be waited for.

        Raises:
            Exception: of any kind; the images could not be gathered.
        """
        if not self._sources:
            return
        if self._next >= len(self._coming) or self._coming[self._next] is not rows:
            self.announce([rows])
        assert self._gathering is not None
        self._next += 1
        try:
            slot = self._gathering.take()
        except BaseException:
            self.close()
            raise
        slot.deliver(len(rows), self._served)
        self._gathering.give_back(slot)

    @contextmanager
    def serving(self, n: int) -> Iterator[None]:
        """Have the sources give the `n` images that were brought last, whichever rows they are asked for."""
        with ExitStack() as stack:
            for source, values in zip(self._sources, self._served, strict=True):
                stack.enter_context(source.pixels.giving(values[:n]))
            yield

    def close(self) -> None:
        """End the thread, wherever it stands; what was announced is forgotten."""
        self._coming, self._next = [], 0
        if self._gathering is not None:
            self._gathering.end()
            self._gathering = None


class _Gathering:
    """A thread that gathers batches, one after the other, into slots that are free.

    Args:
        sources: of the images.
        batches: rows of each.
        slots: in whatever state; all of them are free.
    """

    def __init__(self, sources: Sequence[Source], batches: Sequence[Rows], slots: Sequence[Slot]) -> None:
        self._sources, self._batches = sources, batches
        self._free: SimpleQueue[Slot | None] = SimpleQueue()
        self._gathered: SimpleQueue[Slot | BaseException] = SimpleQueue()
        self._ended = False
        for slot in slots:
            self._free.put(slot)
        self._thread = threading.Thread(target=self._work, name="gathering", daemon=True)
        self._thread.start()

    def take(self) -> Slot:
        """The next batch, which is waited for; what went wrong is raised here."""
        slot = self._gathered.get()
        if isinstance(slot, BaseException):
            raise slot
        return slot

    def give_back(self, slot: Slot) -> None:
        """A batch was delivered."""
        self._free.put(slot)

    def end(self) -> None:
        """End the thread, and wait for that; nothing is raised."""
        self._ended = True
        self._free.put(None)  # it may be waiting for a slot
        self._thread.join()

    def _work(self) -> None:
        try:
            for rows in self._batches:
                slot = self._free.get()
                if slot is None or self._ended:
                    return
                slot.settle()
                for source, into in zip(self._sources, slot.host, strict=True):
                    source.gather(rows, into)
                self._gathered.put(slot)
        except BaseException as error:  # of any kind: training would wait for ever for what is not said here
            self._gathered.put(error)


def make_feed(learner: Learner) -> Feed:
    """What brings a learner its batches; it has nothing to do where all images are where they are needed."""
    sources = [Source(learner.pixels), *(Source(pixels, learner.target_rows) for pixels in learner.targets.stored)]
    sources = [source for source in sources if source.pixels.sent_by_batch]
    most = min(learner.config.training.batch_size + 1, learner.images_per_epoch)  # see `split_into_batches`
    return Feed(sources, most, learner.device, cuda_slots)
