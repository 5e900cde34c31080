"""Stopping a long step when the user, or the machine's scheduler, asks for it: after saving, not in the middle."""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType
from typing import Any


class Interrupted(KeyboardInterrupt):
    """A step stopped because of a signal, after it saved what it had.

    As any interrupt, it passes `except Exception`: a loop over trainings ends where the user stops it.

    Args:
        signum: the signal's number.
        message: what was saved, and how to go on.
    """

    def __init__(self, signum: int, message: str) -> None:
        self.signum = signum
        super().__init__(message)


class StopRequest:
    """Context manager that notes SIGINT and SIGTERM in `signum` instead of ending the process.

    A second signal ends the process at once, as it would without this. Outside the main thread, where Python allows
    no handlers, it does nothing.
    """

    _SIGNALS = (signal.SIGINT, signal.SIGTERM)

    def __init__(self) -> None:
        self.signum: int | None = None
        self._before: dict[int, Any] = {}

    def __enter__(self) -> StopRequest:
        if threading.current_thread() is threading.main_thread():
            # A signal that is ignored stays so: a shell's background jobs are not to hear the Ctrl-C of the foreground.
            heard = [number for number in self._SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]
            self._before = {number: signal.signal(number, self._note) for number in heard}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._restore()

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.signum = number
        self._restore()

    def _restore(self) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before = {}
