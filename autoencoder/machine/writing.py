"""Who writes what a training leaves: the training itself, or a thread beside it. Either writes it in order."""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import Queue
from typing import Protocol

Work = Callable[[], None]
"""Writes a file, or a few that belong together."""

MOST_WAITING = 4
"""Pieces of work that may wait, each with what it is to write in memory."""


class Writing(Protocol):
    """Does pieces of work one after the other. Where one fails, none of those after it is done."""

    beside: bool
    """Whether work is done later, so that what it writes must not change meanwhile."""

    def do(self, work: Work) -> None:
        """Have a piece of work done."""
        ...

    def has_failed(self) -> bool:
        """Whether a piece of work failed later than it was asked for; `drain` raises why."""
        ...

    def settle(self) -> None:
        """Wait until all that was asked for is done."""
        ...

    def drain(self) -> None:
        """The same, and raise what a piece of work raised."""
        ...

    def close(self) -> None:
        """Do what waits, and end; nothing is raised."""
        ...


class AtOnce:
    """Work is done when it is asked for; what it raises is raised there."""

    beside = False

    def do(self, work: Work) -> None:
        """See `Writing.do`."""
        work()

    def has_failed(self) -> bool:
        """See `Writing.has_failed`."""
        return False

    def settle(self) -> None:
        """See `Writing.settle`."""

    def drain(self) -> None:
        """See `Writing.drain`."""

    def close(self) -> None:
        """See `Writing.close`."""


class Beside:
    """Work is done by a thread of its own, so that a disk, or a GPU that has to be waited for, keeps nothing waiting.

    Args:
        most: pieces of work that may wait; asking for one more waits until there is room.
    """

    beside = True

    def __init__(self, most: int = MOST_WAITING) -> None:
        self._waiting: Queue[Work | None] = Queue(most)
        self._error: Exception | None = None
        self._thread: threading.Thread | None = None

    def do(self, work: Work) -> None:
        """See `Writing.do`; nothing is raised."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="writing", daemon=True)
            self._thread.start()
        self._waiting.put(work)

    def has_failed(self) -> bool:
        """See `Writing.has_failed`."""
        return self._error is not None

    def settle(self) -> None:
        """See `Writing.settle`; for a piece of work, all before it is done."""
        if threading.current_thread() is not self._thread:
            self._waiting.join()

    def drain(self) -> None:
        """See `Writing.drain`."""
        self.settle()
        if self._error is not None:
            raise self._error

    def close(self) -> None:
        """See `Writing.close`."""
        if self._thread is not None:
            self._waiting.put(None)
            self._thread.join()
            self._thread = None

    def _work(self) -> None:
        while (work := self._waiting.get()) is not None:
            try:
                if self._error is None:
                    work()
            except Exception as error:  # of any kind: it is raised where training goes on
                self._error = error
            finally:
                del work  # what it wrote is let go of before the next comes
                self._waiting.task_done()
        self._waiting.task_done()
