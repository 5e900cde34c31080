"""Streams of a GPU are given to one run at a time. There is no GPU here: a stand-in gives out streams as torch does."""

import gc
import itertools
from collections import deque

import pytest
import torch

from autoencoder.errors import UserError
from autoencoder.machine import sending
from autoencoder.machine.graphs import MOST_RUNS, STREAMS, CudaGraphs, own_stream
from autoencoder.training.together import CudaRoom

CUDA = torch.device("cuda")


@pytest.fixture(autouse=True)
def dealt_in_turns(monkeypatch):
    """Torch has 32 streams of each priority, and gives the first one out again after the last one."""
    turns = {0: itertools.count(), -1: itertools.count()}

    class Stream:
        __slots__ = ("cuda_stream",)  # nothing may refer to it weakly: torch frees its streams without a word

        def __init__(self, device, priority=0):
            self.cuda_stream = 1000 * (priority + 2) + next(turns[priority]) % STREAMS

        def wait_stream(self, stream):
            pass

    monkeypatch.setattr(torch.cuda, "Stream", Stream)
    monkeypatch.setattr(torch.cuda, "stream", lambda stream: stream)
    monkeypatch.setattr(torch.cuda, "current_stream", lambda device: None)
    monkeypatch.setattr(torch.cuda, "graph_pool_handle", lambda: None)
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda device: 0)
    gc.collect()


class A:
    """A run, where it is computed, and what captures its graphs, in a circle, as a run's objects are."""

    def __init__(self, room):
        self.lane, self.graphs, self.itself = room.lane(), CudaGraphs(CUDA), self

    @property
    def streams(self):
        return {self.lane().cuda_stream, self.graphs._stream.cuda_stream}


@pytest.mark.slow
def test_no_two_runs_share_a_stream():
    """Also a long one, beside which many short ones come and go."""
    room = CudaRoom(CUDA, 4)
    gc.unfreeze()
    long, short = A(room), deque[A](maxlen=3)
    for _ in range(2 * STREAMS):
        short.append(A(room))
        assert len(long.streams.union(*(one.streams for one in short))) == 2 * (1 + len(short))


def test_as_many_runs_as_there_are_streams_for():
    room = CudaRoom(CUDA, MOST_RUNS)
    runs = [A(room) for _ in range(MOST_RUNS)]
    assert len(set().union(*(one.streams for one in runs))) == STREAMS
    with pytest.raises(UserError, match="at most 16 runs at a time"):
        own_stream(CUDA)
    del runs[3:5]
    A(room)


def test_copies_are_on_other_streams(monkeypatch):
    monkeypatch.setattr(sending, "CudaSlot", lambda like, device, stream: stream)
    kept = [own_stream(CUDA) for _ in range(STREAMS)]
    copying = {slot.cuda_stream for _ in range(STREAMS + 1) for slot in sending.cuda_slots(2, [], CUDA)}
    assert not copying & {own.stream.cuda_stream for own in kept}
