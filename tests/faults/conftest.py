"""What tests of faults share: processes to disturb, and commands on bad input that must leave nothing behind."""

import json
import random
import signal
import subprocess
import time
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


# ------------------------------------------------------------------------------------------------------------ processes

PATIENCE = 120
"""Seconds that a process may take to begin its work."""


def _is_training(folder: Path, pid: int) -> bool:
    for note in folder.rglob(".lock.json"):
        try:
            if json.loads(note.read_text())["pid"] == pid:
                return True
        except (OSError, ValueError):
            continue  # it ended meanwhile
    return False


@pytest.fixture(scope="session")
def wait_until_training() -> Callable[[Path, subprocess.Popen], bool]:
    """Wait until a process trains a run below a folder; False where it ended before."""

    def wait(folder: Path, process: subprocess.Popen) -> bool:
        end = time.monotonic() + PATIENCE
        while process.poll() is None:
            if _is_training(folder, process.pid):
                return True
            assert time.monotonic() < end, f"no work in {folder} after {PATIENCE} s"
            time.sleep(0.005)
        return False

    return wait


@pytest.fixture(scope="session")
def wait_until_writing() -> Callable[[Path, subprocess.Popen], None]:
    """Wait until a process has written a first file below a folder, and is amid its work, or has ended."""

    def wait(folder: Path, process: subprocess.Popen) -> None:
        begun = time.time_ns()
        end = time.monotonic() + PATIENCE
        while process.poll() is None and not any(
            _modified(file) > begun
            for name in ("*.npy", "*.pt")
            for file in folder.rglob(name)
            if not file.name.startswith(".")
        ):
            assert time.monotonic() < end, f"nothing written to {folder} after {PATIENCE} s"
            time.sleep(0.005)

    return wait


def _modified(file: Path) -> int:
    try:
        return file.stat().st_mtime_ns
    except OSError:
        return 0  # it was replaced just now


@pytest.fixture
def moments(request) -> random.Random:
    """Where the random moments come from; another seed each time, which a failure shows."""
    seed = random.SystemRandom().randrange(2**32)
    request.node.add_report_section("setup", "moments", f"seed of the random moments: {seed}")
    return random.Random(seed)


@pytest.fixture
def judged(tally) -> Callable[..., object]:
    """`with judged(kind, "lost"):` counts a failure of what stands in the block before the test fails by it."""

    @contextmanager
    def count(kind: str, failure: str) -> Iterator[None]:
        try:
            yield
        except BaseException:
            tally(kind, **{failure: 1})
            raise

    return count
