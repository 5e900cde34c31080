"""Work in several processes at a time, each with its own environment; a signal to this one stops all."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import ExitStack
from dataclasses import dataclass
from multiprocessing import resource_tracker
from typing import Any, Generic, TypeVar

from autoencoder.errors import UserError
from autoencoder.machine.stopping import StopRequest

SECONDS_BETWEEN_LOOKS = 0.5
"""How often it is asked whether a signal has come, which is then sent on until a process has ended its work."""

NOT_BEGUN = "it was not started, because all were stopped before"
"""Why there is no answer for a share that no process had come to."""

STOPPING = (signal.SIGINT, signal.SIGTERM)
"""Signals that stop, as `StopRequest` has them."""

Share = TypeVar("Share")
Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Lost:
    """Instead of an answer: why a process did not come to one."""

    why: str


@dataclass(frozen=True)
class Answers(Generic[Answer]):
    """What the processes gave.

    Attributes:
        each: in the order of their shares.
        signum: of the signal that stopped them; None where none did.
    """

    each: list[Answer | Lost]
    signum: int | None


def share_of_cores(n: int) -> int:
    """How many threads each of `n` processes may use, so that all of them together use every core once."""
    return max(1, (os.cpu_count() or 1) // n)


def in_processes(
    work: Callable[[Share], Answer],
    shares: Sequence[Share],
    environments: Sequence[Mapping[str, str]],
    on_answer: Callable[[int, Answer | Lost], None] | None = None,
) -> Answers[Answer]:
    """Do each share of some work in a process: all at a time, or each in the first process that has nothing to do.

    A signal that comes to this process is sent on as SIGTERM, once and again, which `StopRequest` notes there; all
    other signals from a terminal are kept from the processes. A second signal ends all at once. Where this process is
    killed, each of the others is stopped in the same way, and ends.

    Args:
        work: gives the answer for a share; a process may have to be sent it, and both.
        shares: of the work; the first ones go to the processes in their order.
        environments: one for each process, of what is set in its environment before it starts.
        on_answer: called with the number of a share and its answer, whenever one is there.

    Raises:
        Exception: what `work` raised, but for a `UserError`; when all have ended.
    """
    with ExitStack() as stack, StopRequest() as stop:
        workers = _start_workers(environments, stack)
        idle = list(range(len(workers)))
        doing: dict[int, int] = {}  # the share of each worker that is not idle
        futures: list[Future[Any]] = []
        while True:
            while idle and len(futures) < len(shares) and stop.signum is None:
                place, share = idle.pop(0), len(futures)
                if workers[place].executor is None:
                    (workers[place],) = _start_workers([environments[place]], stack)
                doing[place] = share
                futures.append(workers[place].executor.submit(_working, work, shares[share]))
            if not doing:
                break
            wait([futures[share] for share in doing.values()], SECONDS_BETWEEN_LOOKS, FIRST_COMPLETED)
            if stop.signum is not None:
                for place, share in doing.items():
                    _stop(workers[place].pid, futures[share])
            for place, share in [*doing.items()]:
                if futures[share].done():
                    del doing[place]
                    idle.append(place)
                    if _was_killed(futures[share]):
                        workers[place] = _Worker(None, workers[place].pid)
                    if on_answer is not None and not _is_an_error_of_the_program(futures[share]):
                        on_answer(share, _answer(futures[share]))
        done = [_answer(future) for future in futures]
        return Answers([*done, *[Lost(NOT_BEGUN)] * (len(shares) - len(done))], stop.signum)


@dataclass(frozen=True)
class _Worker:
    """A process: what runs it, which is None once it is dead; and its number, when it has started."""

    executor: Any
    pid: Future[int]


def _start_workers(environments: Sequence[Mapping[str, str]], stack: ExitStack) -> list[_Worker]:
    """A process for each environment, which ends with the stack."""
    from joblib.externals.loky import ProcessPoolExecutor

    executors = [
        ProcessPoolExecutor(1, env=dict(own), initializer=_listen_to_parent, initargs=(os.getpid(),))
        for own in environments
    ]
    for executor in executors:
        stack.callback(executor.shutdown, kill_workers=True)
    with _signals_waiting():  # also in the processes that start here, until they are ready
        return [_Worker(executor, executor.submit(os.getpid)) for executor in executors]


@contextlib.contextmanager
def _signals_waiting() -> Iterator[None]:
    """Have signals that would stop this process wait until the block is left."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    resource_tracker.ensure_running()  # which the first process would start, and let the signals through again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, STOPPING)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _listen_to_parent(parent: int) -> None:
    """Have a process be stopped by its parent alone, and where it is ready for it: see `StopRequest`."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _not_now)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPPING)
    if os.name == "posix":  # elsewhere a process keeps the number of a parent that is gone
        threading.Thread(target=_end_without, args=(parent,), name="parent", daemon=True).start()


def _working(work: Callable[[Share], Answer], share: Share) -> Answer:
    """Do the work, and note meanwhile that it is under way."""
    _under_way.set()
    try:
        return work(share)
    finally:
        _under_way.clear()


_under_way = threading.Event()
"""Of this process: its share is not done."""


def _end_without(parent: int) -> None:
    """Wait until the parent is gone; then stop the work and end: nobody else would, and a GPU would stay taken."""
    while os.getppid() == parent:
        time.sleep(SECONDS_BETWEEN_LOOKS)
    while _under_way.is_set():
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(SECONDS_BETWEEN_LOOKS)
    os._exit(1)


def _not_now(number: int, frame: object) -> None:
    """The signal will come again."""


def _stop(pid: Future[int], future: Future[Any]) -> None:
    if not future.done() and pid.done() and pid.exception() is None:
        with contextlib.suppress(ProcessLookupError):  # it has ended just now
            os.kill(pid.result(), signal.SIGTERM)


def _answer(future: Future[Any]) -> Any:
    if _was_killed(future):
        return Lost("it was killed, or crashed")
    try:
        return future.result()
    except UserError as error:
        return Lost(str(error))


def _was_killed(future: Future[Any]) -> bool:
    from joblib.externals.loky.process_executor import TerminatedWorkerError

    return isinstance(future.exception(), TerminatedWorkerError)


def _is_an_error_of_the_program(future: Future[Any]) -> bool:
    return not _was_killed(future) and future.exception() is not None and not isinstance(future.exception(), UserError)
