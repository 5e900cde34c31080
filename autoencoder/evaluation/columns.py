"""What is known of the images, read from their codes: every column of the metadata by every probe."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autoencoder.data.metadata import Metadata
from autoencoder.errors import UserError, raise_if_any
from autoencoder.measures.kinds import ColumnKind
from autoencoder.measures.probes import DEFAULT_BLOCKS, FOLDS, MIN_ROWS, ProbeScore, probe_labels, why_not_probed


@dataclass(frozen=True)
class Probed:
    """What probes could read, and what they could not.

    Attributes:
        results: one for each column and probe, in the order of the columns.
        left_out: columns that cannot be probed, and why, in words that follow the column's name.
    """

    results: tuple[ProbeScore, ...]
    left_out: dict[str, str]


def probe_columns(
    codes: NDArray[np.floating[Any]],
    metadata: Metadata,
    *,
    row_numbers: NDArray[np.int64],
    seed: int,
    columns: Sequence[str] | None = None,
    blocks: int = DEFAULT_BLOCKS,
    max_rows: int = 10_000,
) -> Probed:
    """Predict each column of `metadata` from `codes`, out of fold (see `block_folds`), by ridge regression and kNN.

    Rows without a value (NaN, "") are left out; a label that occurs in one fold only is never predicted there. The
    result depends neither on the order of the rows nor on which other columns are asked for.

    Args:
        codes: (n, d) float32 or float64.
        metadata: n rows.
        row_numbers: place of each row in the video, (n,) int64; rows of one number are held out together.
        seed: of the folds and of the shuffled labels.
        columns: names of those to read; None for all.
        blocks: stretches that the rows are cut into, at least 5. A category of L labels gets at least 5 L: of images
            sorted by label, fewer would hold out all images of a label at once.
        max_rows: if more rows than this have a value, so many of them are used, evenly spaced in frame order.

    Raises:
        UserError: there is no such column, the codes are not finite, or sizes do not fit.
    """
    _check(codes, metadata, row_numbers, blocks, max_rows)
    asked = {name: metadata.column(name) for name in (metadata.names if columns is None else columns)}
    in_frame_order = np.argsort(row_numbers, kind="stable")
    results, left_out = list[ProbeScore](), dict[str, str]()
    for name, values in asked.items():
        kind = metadata.kind(name)
        known = values != "" if values.dtype.kind == "U" else ~np.isnan(values)
        rows = in_frame_order[known[in_frame_order]]
        if len(rows) > max_rows:
            rows = rows[np.arange(max_rows) * len(rows) // max_rows]
        labels, frames = values[rows], row_numbers[rows]
        if kind is ColumnKind.CIRCULAR:
            labels = labels % metadata.period(name) * (2 * math.pi / metadata.period(name))
        if why := why_not_probed(labels, kind, frames):
            left_out[name] = why
        else:
            results += probe_labels(name, codes[rows], labels, kind, frames, seed, blocks)
    return Probed(tuple(results), left_out)


def _check(codes: NDArray[Any], metadata: Metadata, row_numbers: NDArray[Any], blocks: int, max_rows: int) -> None:
    if codes.ndim != 2 or codes.shape[1] == 0:
        raise UserError(f"codes have shape {codes.shape}: they are one row of at least one unit per image")
    n, n_known, problems = len(codes), len(metadata) if metadata.names else len(codes), []
    if row_numbers.shape != (n,) or n_known != n:
        problems.append(f"{n:,} codes, {n_known:,} rows of metadata and {row_numbers.size:,} row numbers do not match")
    bad = np.flatnonzero(~np.isfinite(codes).all(axis=1))
    if len(bad):
        problems.append(f"{len(bad):,} of {n:,} codes are not finite (first: row {bad[0]}): did the training diverge?")
    if blocks < FOLDS or max_rows < MIN_ROWS:
        problems.append(
            f"of {max_rows} rows in {blocks} blocks, at least {MIN_ROWS} rows and {FOLDS} blocks are needed"
        )
    raise_if_any(problems)
