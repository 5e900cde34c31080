"""Independent random streams from one seed.

Every draw of a run (the split, the order of an epoch, the noise of a step, the first weights) has a stream of its own,
named by its purpose and position. So a resumed run draws what an uninterrupted one would, a snapshot or a validation
in between changes nothing, and no global generator needs to be saved.
"""

from __future__ import annotations

import zlib

import numpy as np
import torch
from numpy.typing import NDArray


def stream_seed(seed: int, purpose: str, position: int = 0) -> int:
    """Seed of the stream for `purpose` (such as "noise") at `position` (such as a step), in [0, 2**63)."""
    state = np.random.SeedSequence([seed, zlib.crc32(purpose.encode()), position]).generate_state(1, np.uint64)
    return int(state[0] >> np.uint64(1))


def numpy_stream(seed: int, purpose: str, position: int = 0) -> np.random.Generator:
    """A numpy generator for `purpose` at `position`."""
    return np.random.default_rng(stream_seed(seed, purpose, position))


def torch_stream(seed: int, purpose: str, position: int = 0, device: torch.device | str = "cpu") -> torch.Generator:
    """A torch generator on `device` for `purpose` at `position`."""
    return torch.Generator(device=device).manual_seed(stream_seed(seed, purpose, position))


def draw_rows(rows: NDArray[np.int64], most: int, seed: int, purpose: str) -> NDArray[np.int64]:
    """At most so many of `rows`: all of them as they are, or `most` at random, ascending."""
    if len(rows) <= most:
        return rows
    return np.sort(numpy_stream(seed, purpose).choice(rows, most, replace=False))
