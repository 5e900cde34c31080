"""Pieces of work on a Dask cluster: each is done, whatever becomes of workers; the end of the scheduler is said."""

import threading
import time
from types import SimpleNamespace

import pytest

from autoencoder.errors import UserError
from autoencoder.study.cluster import SENT_AGAIN, connect, done_by_workers

pytest.importorskip("distributed")

DONE: list[str] = []
"""Pieces, in the order in which the worker of this process did them."""

BEGUN = threading.Event()


@pytest.fixture
def cluster():
    """Of one worker, in this process."""
    from distributed import LocalCluster

    DONE.clear()
    BEGUN.clear()
    with LocalCluster(n_workers=1, threads_per_worker=2, processes=False, dashboard_address=":0") as made:
        yield made


def do(piece):
    """What Dask says of a piece with which too many workers died, as often as the piece's number says."""
    from distributed.scheduler import KilledWorker

    DONE.append(piece)
    name, _, deaths = piece.partition(" ")
    if DONE.count(piece) <= int(deaths):
        raise KilledWorker(piece, SimpleNamespace(address="tcp://gone:1"), 3)
    return name


def wait_for_the_end(piece):
    BEGUN.set()
    time.sleep(2)


def fail(piece):
    raise ZeroDivisionError(piece)


def test_pieces_are_sent_again(cluster):
    """So often, and no oftener; those that are given up keep no other one from being done."""
    pieces = ["a 0", "b 1", f"c {SENT_AGAIN}", f"d {SENT_AGAIN + 1}", "e 99"]
    with connect("dask", cluster.scheduler_address) as client:
        came = list(done_by_workers(client, do, pieces, lambda piece: f"no {piece[0]}"))
    assert sorted(came) == ["a", "b", "c", "no d", "no e"]
    assert {piece: DONE.count(piece) for piece in pieces} == dict(
        zip(pieces, (1, 2, SENT_AGAIN + 1, SENT_AGAIN + 1, SENT_AGAIN + 1), strict=True)
    )


def test_equal_pieces_are_done_each(cluster):
    with connect("dask", cluster.scheduler_address) as client:
        assert list(done_by_workers(client, do, ["a 0", "a 0"], str)) == ["a", "a"]
    assert DONE == ["a 0", "a 0"]


def test_a_defect_is_shown(cluster):
    with connect("dask", cluster.scheduler_address) as client, pytest.raises(ZeroDivisionError):
        list(done_by_workers(client, fail, ["a"], str))


def test_the_end_of_the_scheduler_is_said(cluster):
    def stop():
        BEGUN.wait()
        cluster.close()

    stopping = threading.Thread(target=stop)
    stopping.start()
    with (
        pytest.raises(UserError, match=r"scheduler was lost.*the same command resumes"),
        connect("dask", cluster.scheduler_address) as client,
    ):
        list(done_by_workers(client, wait_for_the_end, ["a"], str))
    stopping.join()
