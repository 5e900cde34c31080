"""Work in several processes at a time, each with its own environment; a signal to this one stops all."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, wait
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from autoencoder.errors import UserError
from autoencoder.machine.stopping import StopRequest

SECONDS_BETWEEN_LOOKS = 0.5
"""How often it is asked whether a signal has come, which is then sent on until a process has ended its work."""

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
    other signals from a terminal are kept from the processes. A second signal ends all at once.

    Args:
        work: gives the answer for a share; a process may have to be sent it, and both.
        shares: one for each process.
        environments: what is set in the environment of each before it starts.

    Raises:
        Exception: what `work` raised, but for a `UserError`; when all have ended.
    """
    from joblib.externals.loky import ProcessPoolExecutor

    with ExitStack() as stack, StopRequest() as stop:
        workers = [ProcessPoolExecutor(1, env=dict(own), initializer=_listen_to_parent) for own in environments]
        for worker in workers:
            stack.callback(worker.shutdown, kill_workers=True)
        pids: list[Future[int]] = [worker.submit(os.getpid) for worker in workers]
        futures: list[Future[Any]] = [worker.submit(work, own) for worker, own in zip(workers, shares, strict=True)]
        while wait(futures, SECONDS_BETWEEN_LOOKS).not_done:
            if stop.signum is not None:
                for pid, future in zip(pids, futures, strict=True):
                    _stop(pid, future)
        return Answers([_answer(future) for future in futures], stop.signum)


def _listen_to_parent() -> None:
    """Have a process be stopped by its parent alone, and where it is ready for it: see `StopRequest`."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _not_now)


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
