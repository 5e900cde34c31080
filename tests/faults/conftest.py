"""What tests of bad input share: a command that has to work, or to refuse in one line and leave nothing behind."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

SECONDS = 60
"""A command on a small bad input that takes longer than this hangs."""


class HangError(BaseException):
    """The command took too long; nothing in the package catches this."""


@contextmanager
def _no_longer_than(seconds: float) -> Iterator[None]:
    def stop(number: int, frame: object) -> None:
        raise HangError(f"no answer after {seconds} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@pytest.fixture
def attempt(call, tally, tree) -> Callable[..., object]:
    """Run a command on an input that may be bad.

    `attempt(kind, folder, *arguments, words=(...))` must be refused: exit status 2 and one line with all of `words`,
    and no file below `folder` that was not there before. With `words=None` the command may also work.
    """

    def run(kind: str, folder: Path, *arguments: object, words: tuple[str, ...] | None = ()) -> object:
        before = tree(folder)
        try:
            with _no_longer_than(SECONDS):
                result = call(*arguments)
        except BaseException:
            tally(kind, tried=1, tracebacks=1)
            raise
        if words is None and result.status == 0:
            tally(kind, tried=1, worked=1)
            return result
        try:
            result.refused(*(words or ()))
            assert tree(folder) == before, "a refused command left files"
        except AssertionError:
            tally(kind, tried=1)
            raise
        tally(kind, tried=1, clear_errors=1)
        return result

    return run
