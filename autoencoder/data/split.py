"""Which images a run learns from, and which it is judged by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from autoencoder.config.choices import BLOCK_SPLIT, RANDOM_SPLIT
from autoencoder.errors import UserError, raise_if_any
from autoencoder.measures.timeline import Timeline, away_from

DEFAULT_BLOCKS = 50
"""Blocks that the images are cut into where no size of a block is given."""

SHOWN_GROUPS = 20
"""Groups that a message lists."""


@dataclass(frozen=True, eq=False)
class Split:
    """Rows of the images; the two have none in common, and are all together but for what lies in a gap.

    Attributes:
        train: rows to learn from, int64, ascending.
        val: rows held out, int64, ascending.
    """

    train: NDArray[np.int64]
    val: NDArray[np.int64]


def make_split(
    n: int,
    method: str,
    val_fraction: float,
    seed: int,
    block_size: int | None = None,
    recordings: NDArray[np.str_] | None = None,
    gap: int = 0,
) -> Split:
    """Split `n` rows; the same arguments give the same split.

    Args:
        n: number of images.
        method: "random" holds out single rows; "blocks" whole stretches of neighbouring rows, for frames of a video,
            which resemble their neighbours.
        val_fraction: share of the rows to hold out, between 0 and 1; at least one row or block is on either side.
        seed: of the random choice.
        block_size: rows per block, the last of which may be shorter; None for a fiftieth of the rows.
        recordings: (n,) which recording each row is of: no block is of two; None for one recording.
        gap: rows of a recording that are left out of training before and behind each block that is held out.

    Raises:
        UserError: an argument is out of range, or there is too little to split.
    """
    problems = []
    if method not in (RANDOM_SPLIT, BLOCK_SPLIT):
        problems.append(f"a split must be 'random' or 'blocks', not '{method}'")
    if not 0 < val_fraction < 1:
        problems.append(f"the share held out must lie between 0 and 1, not {val_fraction}")
    if block_size is not None and block_size < 1:
        problems.append(f"a block must have at least 1 row, not {block_size}")
    if n < 2:
        problems.append(f"{n} images cannot be split into training and validation: at least 2 are needed")
    raise_if_any(problems)
    size = 1 if method == RANDOM_SPLIT else block_size or max(1, n // DEFAULT_BLOCKS)
    pieces = np.arange(n) // size
    if method == BLOCK_SPLIT and recordings is not None:
        pieces = _blocks_of_recordings(recordings, size)
    if pieces.max() == 0:
        raise UserError(f"{n} images are a single block of {size}: make the blocks smaller, at most {n - 1} rows")
    split = _hold_out(pieces, val_fraction, seed)
    if method == RANDOM_SPLIT or gap == 0:
        return split
    numbers = np.zeros(n, np.int64) if recordings is None else np.unique(recordings, return_inverse=True)[1]
    rows = Timeline(numbers, np.arange(n))
    train = away_from(rows, split.train, split.val, gap)
    if len(train) == 0:
        raise UserError(f"gaps of {gap} rows beside blocks of {size} leave nothing to learn from: make them smaller")
    return Split(train, split.val)


def group_split(
    groups: NDArray[np.str_], column: str, where: str, val_fraction: float, seed: int, held_out: Sequence[str] = ()
) -> Split:
    """Hold out whole groups of rows, such as all images of an animal.

    Args:
        groups: (n,) the group of each row.
        column: where they stand, and in which file, for messages.
        where: the file.
        val_fraction: share of the rows to hold out; as near to it as whole groups come, at least one on either side.
        seed: of the random choice.
        held_out: the groups to hold out; empty for those that are chosen by `val_fraction` and `seed`.

    Raises:
        UserError: a row has no group, there are too few groups, or one that is named is not there.
    """
    names, numbers = np.unique(groups, return_inverse=True)
    listed = ", ".join(names[:SHOWN_GROUPS].tolist()) + (", ..." if len(names) > SHOWN_GROUPS else "")
    problems = []
    unknown = int((groups == "").sum())
    if unknown:
        problems.append(
            f"column '{column}' in {where} is empty in {unknown:,} of {len(groups):,} rows: every image needs a group"
        )
    elif len(names) < 2:
        problems.append(
            f"column '{column}' in {where} has the single value '{names[0]}': a group split needs two or more"
        )
    missing = [name for name in held_out if name not in names]
    if missing:
        problems.append(f"column '{column}' in {where} has no {', '.join(map(repr, missing))}: it has {listed}")
    elif held_out and set(names.tolist()) <= set(held_out):
        problems.append(
            f"all values of column '{column}' in {where} would be held out: nothing would be left to learn from"
        )
    raise_if_any(problems)
    if not held_out:
        return _hold_out(numbers, val_fraction, seed)
    is_val = np.isin(groups, held_out)
    return Split(np.flatnonzero(~is_val).astype(np.int64), np.flatnonzero(is_val).astype(np.int64))


def _blocks_of_recordings(recordings: NDArray[np.str_], size: int) -> NDArray[np.int64]:
    """Number of each row's block; blocks are stretches of one recording's rows."""
    pieces, begun = np.empty(len(recordings), np.int64), 0
    for name in dict.fromkeys(recordings.tolist()):
        rows = np.flatnonzero(recordings == name)
        pieces[rows] = begun + np.arange(len(rows)) // size
        begun = int(pieces[rows[-1]]) + 1
    return pieces


def _hold_out(pieces: NDArray[np.integer], val_fraction: float, seed: int) -> Split:
    """Hold out so many of the pieces, drawn at random, that their rows come nearest to the share; never all."""
    lengths = np.bincount(pieces)
    order = np.random.default_rng(seed).permutation(len(lengths))
    held_out = np.cumsum(lengths[order])[:-1]  # rows held out with the first 1, 2, ... pieces
    n_pieces = int(np.abs(held_out - val_fraction * len(pieces)).argmin()) + 1
    is_val = np.isin(pieces, order[:n_pieces])
    return Split(np.flatnonzero(~is_val).astype(np.int64), np.flatnonzero(is_val).astype(np.int64))
