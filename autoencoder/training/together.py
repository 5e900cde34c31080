"""Several runs in one process that take turns: an update of each, one after the other.

On a GPU each run has its stream, its graphs and their memory, so the updates of all are done at once; a small network
alone leaves most of a GPU idle. What a run computes does not depend on the others: each has its loop, its folder and
its hold on it, and is validated, kept, stopped and resumed by itself. A run that fails is named, and the others go on.
"""

from __future__ import annotations

import gc
import time
import traceback
from collections.abc import Callable, Generator, Iterable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import torch

from autoencoder.errors import UserError
from autoencoder.machine.device import ends_all_on_gpu
from autoencoder.machine.graphs import own_stream
from autoencoder.machine.progress import SILENT, Progress, Say
from autoencoder.machine.stopping import Interrupted, StopRequest
from autoencoder.runs.folder import Run
from autoencoder.training.engines import WARM_UP_UPDATES
from autoencoder.training.start import Training

MOST = 8
"""Runs at a time where nobody says how many: 16 were hardly faster in all than 8 (docs/performance.md, "CUDA")."""

SPARE = 2.0
"""So many times the memory that a run has taken so far must be free before another begins: it validates later on."""

SECONDS_BETWEEN_NOTES = 1.0
"""How often the pace beside the bar is counted anew."""


@dataclass(frozen=True)
class Entry:
    """A run that is to be trained.

    Attributes:
        name: for what is said of it.
        folder: of the run.
        begin: from `start.begin` or `start.go_on`.
        finish: is called when the run is finished and its folder no longer held.
    """

    name: str
    folder: Path
    begin: Callable[[], AbstractContextManager[Training]]
    finish: Callable[[], None] = lambda: None


@dataclass
class Result:
    """What came of the runs.

    Attributes:
        failed: why, for the name of each run that could not be trained.
        signum: of the signal that stopped all; None where none did.
    """

    failed: dict[str, str] = field(default_factory=dict)
    signum: int | None = None


class Room(Protocol):
    """How many runs there is room for, and where each is computed."""

    def has_another(self, running: int, updates: int) -> bool:
        """Whether one more run may begin.

        Args:
            running: runs that have begun and not ended; 1 or more.
            updates: that the run which began last has done.
        """
        ...

    def lane(self) -> Lane:
        """Where a run is computed from its beginning to its end, after all that its caller asked for so far."""
        ...

    def left(self, lane: Lane) -> None:
        """The run that was computed there has ended, and nothing but its lane refers to its memory."""
        ...


Lane = Callable[[], AbstractContextManager[object]]
"""Gives a context in which a run's operations are sent to the device, beside those of other runs."""


class PlainRoom:
    """Room for so many runs, one operation after the other; for devices without streams.

    Args:
        most: runs at a time.
    """

    def __init__(self, most: int) -> None:
        self._most = most

    def has_another(self, running: int, updates: int) -> bool:
        """See `Room.has_another`."""
        return running < self._most

    def lane(self) -> Lane:
        """See `Room.lane`."""
        return nullcontext

    def left(self, lane: Lane) -> None:
        """See `Room.left`."""


class CudaRoom:
    """Room on a GPU: a stream for each run, and as many runs as were asked for, or as its memory holds.

    Args:
        device: the GPU.
        most: runs at a time; None for as many as there is memory for, by what the runs so far have taken, up to `MOST`.
    """

    def __init__(self, device: torch.device, most: int | None) -> None:
        self._device, self._most = device, most
        # A run that ends is collected (see `left`); all that is there before the first one need not be gone through,
        # which takes a fifth of a second.
        gc.collect()
        gc.freeze()
        self._before = torch.cuda.memory_reserved(device)
        self._each = 0.0

    def has_another(self, running: int, updates: int) -> bool:
        """See `Room.has_another`; the first updates of a run, and their capture, show what it takes."""
        if self._most is not None:
            return running < self._most
        if running >= MOST or updates <= WARM_UP_UPDATES + 1:
            return False
        self._each = max(self._each, (torch.cuda.memory_reserved(self._device) - self._before) / running)
        free, _ = torch.cuda.mem_get_info(self._device)
        return free > SPARE * self._each

    def lane(self) -> Lane:
        """See `Room.lane`."""
        own = own_stream(self._device)
        # The caller sent what the runs share, such as the images. What other runs do is not waited for.
        own.stream.wait_stream(torch.cuda.current_stream(self._device))
        return lambda: torch.cuda.stream(own.stream)  # which keeps the stream for as long as the lane is kept

    def left(self, lane: Lane) -> None:
        """See `Room.left`; memory that torch keeps for a stream is of no use to another one."""
        with lane():
            torch.cuda.current_stream(self._device).synchronize()  # its graphs are not to go while they are replayed
        gc.collect()  # what a run holds goes in circles
        # This gives memory back to the driver, which waits for all runs by itself. It has to be here: memory that is
        # only marked as free cannot be had while another run is being captured, and is not counted by `has_another`.
        torch.cuda.empty_cache()


def train_together(entries: Iterable[Entry], n: int, room: Room, *, quiet: bool, say: Say = SILENT) -> Result:
    """Train runs, or resume them, as many at a time as there is room for; a run that ends makes room for the next.

    Args:
        entries: the runs; each is asked for when there is room for it.
        n: how many there are.
        room: for them.
        quiet: show no progress.
        say: is told what a run failed by, where it has no folder yet that would keep it.

    Returns:
        what came of them. Where a signal stopped them, all that had begun are saved and can be resumed.

    Raises:
        UserError: the GPU itself failed, so no run can go on in this process.
    """
    result, running = Result(), list[_Running]()
    waiting = iter(entries)
    with StopRequest() as stop, Progress(f"Training {n} runs", n, "runs", quiet=quiet) as progress:
        pace = _Pace(progress)
        try:
            while True:
                while stop.signum is None and (not running or room.has_another(len(running), running[-1].updates)):
                    entry = next(waiting, None)
                    if entry is None:
                        break
                    running.append(_Running(entry, room.lane(), stop, pace, say))
                    if not running[-1].turn(result):
                        _end(running, running[-1], room, pace)
                if not running:
                    result.signum = result.signum or stop.signum
                    return result
                _turn_of_each(running, result, room, pace)
                pace.say(len(running))
        finally:
            for one in running:
                one.leave()


def _turn_of_each(running: list[_Running], result: Result, room: Room, pace: _Pace) -> None:
    for one in list(running):
        if not one.turn(result):
            _end(running, one, room, pace)


def _end(running: list[_Running], one: _Running, room: Room, pace: _Pace) -> None:
    running.remove(one)
    one.leave()
    room.left(one.lane)
    pace.ended()


class _Running:
    """A run that takes its turns.

    Attributes:
        lane: where it is computed.
        updates: that it has done here.
    """

    def __init__(self, entry: Entry, lane: Lane, stop: StopRequest, pace: _Pace, say: Say) -> None:
        self.lane, self.updates = lane, 0
        self._entry, self._say = entry, say
        self._turns = self._all_turns(stop, pace)

    def _all_turns(self, stop: StopRequest, pace: _Pace) -> Generator[None]:
        begun = False

        def advance(images: int, note: str) -> None:
            nonlocal begun
            pace.add(images if begun else 0)  # the first are those that a resumed run has seen before
            begun = True

        with self._entry.begin() as training:
            yield from training.turns(stop, advance)
        self._entry.finish()

    def turn(self, result: Result) -> bool:
        """One update and what is due after it; whether there are more."""
        try:
            with self.lane():
                next(self._turns)
            self.updates += 1
        except StopIteration:
            return False
        except Interrupted as stopped:
            result.signum = stopped.signum
            return False
        except Exception as error:
            result.failed[self._entry.name] = why_failed(error, self._entry.folder, self._say)
            return False
        return True

    def leave(self) -> None:
        """Let go of the run's folder and memory, wherever it stands."""
        self._turns.close()


def why_failed(error: Exception, folder: Path, say: Say) -> str:
    """Why a run failed, in words. Of an error of the program, the traceback is kept in its folder.

    Args:
        error: what it raised.
        folder: of the run.
        say: is told the traceback, where the folder cannot keep it.

    Raises:
        UserError: the GPU itself failed, so all other runs of this process fail as well.
    """
    if isinstance(error, UserError):
        return str(error)
    if isinstance(error, torch.OutOfMemoryError):
        return "the GPU's memory is full: train fewer at a time (--together 1)"
    what = f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0]}"
    if ends_all_on_gpu(error):
        raise UserError(
            f"the GPU failed and can do no more for this process ({what}): all runs are saved at their last "
            "checkpoints, and the same command resumes them"
        ) from error
    text, run = "".join(traceback.format_exception(error)), Run(folder)
    try:
        kept = run.keep_traceback(text)
    except UserError:  # such as a full disk: why the run failed matters more
        kept = False
    if not kept:
        say(text)
    return f"{what} ({f'see {run.traceback_file}' if kept else 'the traceback was shown'})"


class _Pace:
    """Images per second of all runs, beside the bar.

    Args:
        progress: counts runs.
    """

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._images, self._since = 0, time.perf_counter()

    def add(self, images: int) -> None:
        """So many more were trained on."""
        self._images += images

    def say(self, running: int) -> None:
        """Show the pace, now and then."""
        seconds = time.perf_counter() - self._since
        if seconds >= SECONDS_BETWEEN_NOTES:
            self._progress.advance(0, f"{running} at a time, {self._images / seconds:,.0f} images/s")
            self._images, self._since = 0, time.perf_counter()

    def ended(self) -> None:
        """A run has ended."""
        self._progress.advance(1)
