"""Work in several processes at a time, each with its own environment; a signal to this one stops all."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, wait
from contextlib import ExitStack
from dataclasses import dataclass
from multiprocessing import resource_tracker
from typing import Any, Generic, TypeVar

from autoencoder.errors import UserError
from autoencoder.machine.stopping import StopRequest

SECONDS_BETWEEN_LOOKS = 0.5
"""How often it is asked whether a signal has come, which is then sent on until a process has ended its work."""

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


def in_processes(
    work: Callable[[Share], Answer], shares: Sequence[Share], environments: Sequence[Mapping[str, str]]
) -> Answers[Answer]:
    """Do each share of some work in a process of its own, all at a time.

    A signal that comes to this process is sent on as SIGTERM, once and again, which `StopRequest` notes there; all
    other signals from a terminal are kept from the processes. A second signal ends all at once. Where this process is
    killed, each of the others is stopped in the same way, and ends.

    Args:
        work: gives the answer for a share; a process may have to be sent it, and both.
        shares: one for each process.
        environments: what is set in the environment of each before it starts.

    Raises:
        Exception: what `work` raised, but for a `UserError`; when all have ended.
    """
    from joblib.externals.loky import ProcessPoolExecutor

    with ExitStack() as stack, StopRequest() as stop:
        workers = [
            ProcessPoolExecutor(1, env=dict(own), initializer=_listen_to_parent, initargs=(os.getpid(),))
            for own in environments
        ]
        for worker in workers:
            stack.callback(worker.shutdown, kill_workers=True)
        with _signals_waiting():  # also in the processes that start here, until they are ready
            pids: list[Future[int]] = [worker.submit(os.getpid) for worker in workers]
        futures: list[Future[Any]] = [
            worker.submit(_working, work, own) for worker, own in zip(workers, shares, strict=True)
        ]
        while wait(futures, SECONDS_BETWEEN_LOOKS).not_done:
            if stop.signum is not None:
                for pid, future in zip(pids, futures, strict=True):
                    _stop(pid, future)
        return Answers([_answer(future) for future in futures], stop.signum)


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
    from joblib.externals.loky.process_executor import TerminatedWorkerError

    try:
        return future.result()
    except UserError as error:
        return Lost(str(error))
    except TerminatedWorkerError:
        return Lost("it was killed, or crashed")
