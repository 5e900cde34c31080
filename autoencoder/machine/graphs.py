"""CUDA graphs: work of a GPU that is captured once and replayed, without Python between its kernels."""

from __future__ import annotations

import gc
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol
from weakref import WeakValueDictionary

import torch

from autoencoder.errors import UserError

STREAMS = 32
"""Streams that torch has for a GPU. It gives them out in turns, and does not look whether one is still used."""

MOST_RUNS = STREAMS // 2
"""Runs that can be computed at once on a GPU: each has a stream, and another one that its graphs are captured on."""


class OwnStream:
    """A stream that nobody else is given for as long as this is kept.

    It is this that is referred to weakly: torch 2.11 frees a stream without telling those who refer to it so, and
    Python crashed at its end, or amid a study.

    Args:
        stream: of a GPU.
    """

    def __init__(self, stream: torch.cuda.Stream) -> None:
        self.stream = stream


_in_use: WeakValueDictionary[int, OwnStream] = WeakValueDictionary()
"""What `own_stream` gave and somebody still keeps, by the handle of the stream."""


def own_stream(device: torch.device) -> OwnStream:
    """A stream that nobody else has from here, until the caller lets go of what is returned.

    cuBLAS keeps a workspace for each stream, and a graph goes on using that of the stream it was captured on, wherever
    it is replayed. Two runs that were given the same stream would write to one workspace at once.

    Args:
        device: a GPU.

    Raises:
        UserError: all are in use.
    """
    for collect in (False, True):  # what had a stream may go in circles, and still be there
        if collect:
            gc.collect()
        for _ in range(STREAMS):
            stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
            if stream.cuda_stream not in _in_use:
                own = _in_use[stream.cuda_stream] = OwnStream(stream)
                return own
    raise UserError(
        f"all {STREAMS} streams of the GPU are in use in this process: train at most {MOST_RUNS} runs at a time "
        "(--together)"
    )


class Graph(Protocol):
    """Captured work."""

    def replay(self) -> None:
        """Do it again, on the current stream, with what now stands in the memory that it reads."""
        ...


class Graphs(Protocol):
    """Captures work; `CudaGraphs` is the one, and tests have another that runs on the CPU."""

    def aside(self) -> AbstractContextManager[None]:
        """Where work is done before it is captured: after all that was begun, and before all that is begun later."""
        ...

    def capture(self, work: Callable[[], None], generator: torch.Generator) -> Graph:
        """Capture what `work` does on the device; none of it is done.

        Args:
            work: reads and writes tensors that stay where they are. What it computes in Python, and what it draws from
                other generators, is the same in every replay.
            generator: that `work` draws from; a replay goes on from the state in which it finds it.

        Raises:
            Exception: of any kind; `work` does what cannot be captured. Nothing was done, but `generator` cannot be
                used again.
        """
        ...


class CudaGraphs:
    """Graphs of one run.

    They share a pool of memory and are captured on a stream of their own, so no two of them may run at once; those of
    other runs may. Captures come one after the other, in one thread.

    Args:
        device: a GPU.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._own = own_stream(device)
        self._stream = self._own.stream
        self._pool = torch.cuda.graph_pool_handle()

    @contextmanager
    def aside(self) -> Iterator[None]:
        """See `Graphs.aside`: on the stream that captures, so that memory and algorithms are chosen for it."""
        current = torch.cuda.current_stream(self._device)
        self._stream.wait_stream(current)
        with torch.cuda.stream(self._stream):
            yield
        current.wait_stream(self._stream)

    def capture(self, work: Callable[[], None], generator: torch.Generator) -> torch.cuda.CUDAGraph:
        """See `Graphs.capture`."""
        graph = torch.cuda.CUDAGraph()
        _register(graph, generator)
        current = torch.cuda.current_stream(self._device)
        try:
            # Other threads may copy and allocate meanwhile, as they do not with torch's default mode.
            with torch.cuda.graph(graph, self._pool, self._stream, capture_error_mode="thread_local"):
                work()
        finally:
            torch.cuda.set_stream(current)  # a capture that fails leaves its own stream behind
        return graph


def _register(graph: torch.cuda.CUDAGraph, generator: torch.Generator) -> None:
    """Have the graph read the generator's state at each replay; later versions of torch do so by themselves."""
    register = getattr(graph, "register_generator_state", None)
    if register is not None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # there it is deprecated, and does nothing
            register(generator)
