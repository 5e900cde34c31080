"""Loops that numba compiles, which umap-learn brings along: in parallel, and with the same bits for any thread count.

What is compiled here splits its work so that no sum is ever shared by two threads; so the result does not depend on how
many there are.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import numba
import torch

P = ParamSpec("P")
R = TypeVar("R")

part_of_loops = numba.njit(fastmath=True, cache=True)
"""Compiles a function that compiled loops call."""


def compiled(function: Callable[P, R]) -> Callable[P, R]:
    """Compile on the first call, and keep what was compiled for the next process.

    It runs on as many threads as torch does, and leaves torch's number of them alone.
    """
    kernel = numba.njit(parallel=True, fastmath=True, cache=True)(function)

    @functools.wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        threads = torch.get_num_threads()
        numba.set_num_threads(min(threads, numba.config.NUMBA_NUM_THREADS))  # type: ignore[attr-defined]
        try:
            result: R = kernel(*args, **kwargs)
        finally:
            torch.set_num_threads(threads)  # numba, when it starts its threads, sets torch's number too
        return result

    return call
