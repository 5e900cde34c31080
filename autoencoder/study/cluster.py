"""A Dask cluster that trains the pieces of a study. What a worker leaves when it dies, another one resumes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError
from contextlib import AbstractContextManager
from typing import Any, TypeVar

from autoencoder.errors import UserError
from autoencoder.version import installing

CLUSTER_SECONDS = 5
"""How long the cluster's scheduler may take to answer."""

SENT_AGAIN = 3
"""How often a piece is sent again after Dask has given it up, which it does at the fourth worker that dies with it
(`distributed.scheduler.allowed-failures`), also where the piece only waited there for its turn."""

DEATHS = 4 * (SENT_AGAIN + 1)
"""Workers that may die with a piece, where Dask's own settings are the usual ones."""

Piece = TypeVar("Piece")
Outcome = TypeVar("Outcome")


def connect(backend: str, scheduler: str | None) -> AbstractContextManager[Any] | None:
    """A connection to the Dask cluster, where the backend is one.

    Args:
        backend: one of `config.BACKENDS`.
        scheduler: address of the Dask scheduler, such as `tcp://host:8786`. Its workers must see the study and the data
            under the same paths, and have this package.

    Raises:
        UserError: the cluster cannot be reached, or one of the two is missing.
    """
    if (scheduler is None) == (backend == "dask"):
        raise UserError(
            "--backend dask and --scheduler, the address of the cluster's scheduler, go together: give both"
        )
    if backend != "dask":
        return None
    try:
        from distributed import Client
    except ImportError:
        raise UserError(f"--backend dask needs the extra: {installing('cluster')}") from None
    try:
        client: AbstractContextManager[Any] = Client(scheduler, timeout=CLUSTER_SECONDS)  # type: ignore[no-untyped-call]
    except (OSError, ValueError) as error:
        reason = str(error).strip().splitlines()[0]
        raise UserError(f"no Dask scheduler answers at {scheduler} ({reason}): check the address") from None
    return client


def done_by_workers(
    client: Any, do: Callable[[Piece], Outcome], pieces: Sequence[Piece], given_up: Callable[[Piece], Outcome]
) -> Iterator[Outcome]:
    """Have the workers of a cluster do pieces of work, whoever of them dies.

    Args:
        client: from `connect`, entered.
        do: the work, which goes on where an earlier worker left it; to be found by its name in other processes.
        pieces: what is done, by one worker each.
        given_up: what came of a piece with which too many workers died.

    Yields:
        what came of each piece, as they are done.

    Raises:
        UserError: the scheduler is gone.
    """
    from distributed import as_completed
    from distributed.scheduler import KilledWorker

    sent = {client.submit(do, piece, pure=False): (piece, 0) for piece in pieces}
    finished: Any = as_completed(list(sent))  # type: ignore[no-untyped-call]
    for future in finished:
        piece, times = sent.pop(future)
        try:
            outcome: Outcome = future.result()
        except KilledWorker:
            if times < SENT_AGAIN:
                again = client.submit(do, piece, pure=False)
                sent[again] = (piece, times + 1)
                finished.add(again)
                continue
            outcome = given_up(piece)
        except CancelledError:
            raise UserError(
                "the connection to the Dask scheduler was lost: start the cluster again, and the same command resumes "
                "the runs"
            ) from None
        yield outcome
