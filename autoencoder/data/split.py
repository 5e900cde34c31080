"""Which images a run learns from, and which it is judged by."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from autoencoder.config import SPLITS
from autoencoder.errors import UserError, raise_if_any

DEFAULT_BLOCKS = 50
"""Blocks that the images are cut into where no size of a block is given."""


@dataclass(frozen=True, eq=False)
class Split:
    """Rows of the images; the two have none in common and are all together.

    Attributes:
        train: rows to learn from, int64, ascending.
        val: rows held out, int64, ascending.
    """

    train: NDArray[np.int64]
    val: NDArray[np.int64]


def make_split(n: int, method: str, val_fraction: float, seed: int, block_size: int | None = None) -> Split:
    """Split `n` rows; the same arguments give the same split.

    Args:
        n: number of images.
        method: "random" holds out single rows; "blocks" whole stretches of neighbouring rows, for frames of a video,
            which resemble their neighbours.
        val_fraction: share of the rows to hold out, between 0 and 1; at least one row or block is on either side.
        seed: of the random choice.
        block_size: rows per block, the last of which may be shorter; None for a fiftieth of the rows.

    Raises:
        UserError: an argument is out of range, or there is too little to split.
    """
    problems = []
    if method not in SPLITS:
        problems.append(f"a split is 'random' or 'blocks', not '{method}'")
    if not 0 < val_fraction < 1:
        problems.append(f"the share held out lies between 0 and 1, not at {val_fraction}")
    if block_size is not None and block_size < 1:
        problems.append(f"a block has at least 1 row, not {block_size}")
    if n < 2:
        problems.append(f"{n} images cannot be split into training and validation: at least 2 are needed")
    raise_if_any(problems)
    size = 1 if method == "random" else block_size or max(1, n // DEFAULT_BLOCKS)
    n_blocks = -(-n // size)
    if n_blocks < 2:
        raise UserError(f"{n} images are a single block of {size}: make the blocks smaller, at most {n - 1} rows")

    order = np.random.default_rng(seed).permutation(n_blocks)
    lengths = np.minimum(size, n - order * size)
    held_out = np.cumsum(lengths)[:-1]  # rows held out with the first 1, 2, ... blocks; never all of them
    n_val_blocks = int(np.abs(held_out - val_fraction * n).argmin()) + 1
    is_val = np.isin(np.arange(n) // size, order[:n_val_blocks])
    return Split(np.flatnonzero(~is_val).astype(np.int64), np.flatnonzero(is_val).astype(np.int64))
