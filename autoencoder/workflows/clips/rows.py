"""Images that a table names: by their row in the data set, or by recording and frame."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autoencoder.array_types import Rows
from autoencoder.data.arrays import check_readable
from autoencoder.data.metadata import RECORDING, Metadata
from autoencoder.data.tables import Line, read_number, read_table, refuse_other_separators
from autoencoder.data.timescales import FRAME, INDIVIDUAL
from autoencoder.errors import UserError, raise_if_any
from autoencoder.machine.plain_text import visible

ROW = "row"
"""The column of a table that says which image of the data set a row is of, counted from 0."""

NAMING = (RECORDING, INDIVIDUAL, FRAME)
"""Columns that name an image where there is no `ROW`, and by which it is checked where there is."""

SHOWN_PROBLEMS = 5
"""Lines of a table that are wrong and are named, before the rest is counted."""


def read_rows(path: Path, metadata: Metadata, n: int) -> Rows:
    """The images that a table names, each once, ascending.

    Args:
        path: a CSV with the column `row`, as the page of `explore` saves it, or with `frame` and, where the data set
            has them, `recording` and `individual`. Where both are there, they have to agree. Other columns are not
            looked at.
        metadata: of the data set.
        n: how many images it has.

    Raises:
        UserError: the file is no such table, or names what the data set does not have.
    """
    check_readable(path, "rows")
    refuse_other_separators(path)
    header, *lines = read_table(path) or [Line(1, [])]
    names = header.fields
    naming = [name for name in NAMING if name in names and name in metadata.names]
    if ROW not in names and FRAME not in naming:
        raise UserError(
            f"{path} does not name images: it needs the column '{ROW}', as files have that the page of 'explore' "
            f"saves, or '{RECORDING}' and '{FRAME}' of the data set; its columns are {', '.join(names) or 'none'}"
        )
    raise_if_any(
        f"line {line.number} of {path} has {len(line.fields)} fields and its header has {len(names)}"
        for line in lines
        if len(line.fields) != len(names)
    )
    if not lines:
        raise UserError(f"{path} names no images: select some in the page of 'explore', and save them")
    if ROW not in names:
        _refuse_many_recordings(path, metadata, names)
    find = _by_row(metadata, n, naming) if ROW in names else _by_names(metadata, naming)
    return _found(path, names, lines, find)


def _found(
    path: Path, names: Sequence[str], lines: Sequence[Line], find: Callable[[dict[str, str]], list[int]]
) -> Rows:
    rows, problems = set[int](), list[str]()
    for line in lines:
        try:
            rows.update(find(dict(zip(names, line.fields, strict=True))))
        except UserError as error:
            problems.append(f"line {line.number} of {path} {error}")
    more = len(problems) - SHOWN_PROBLEMS
    raise_if_any([*problems[:SHOWN_PROBLEMS], *([f"and {more:,} more lines of {path}"] if more > 0 else [])])
    return np.array(sorted(rows), np.int64)


def _refuse_many_recordings(path: Path, metadata: Metadata, names: Sequence[str]) -> None:
    """Refuse frames alone, where they may be of several recordings."""
    if RECORDING in metadata.names and RECORDING not in names and len(np.unique(metadata.labels(RECORDING))) > 1:
        raise UserError(f"{path} names frames, and the data set has several recordings: add the column '{RECORDING}'")


def _by_row(metadata: Metadata, n: int, naming: Sequence[str]) -> Callable[[dict[str, str]], list[int]]:
    labels = {name: _comparable(metadata, name) for name in naming}

    def find(fields: dict[str, str]) -> list[int]:
        number = read_number(fields[ROW])
        row = int(number) if number is not None and number == number // 1 else -1
        if not 0 <= row < n:
            raise UserError(f"says {ROW} {fields[ROW] or 'nothing'}, and the data set has the rows 0 to {n - 1:,}")
        for name, values in labels.items():
            if _as_text(name, fields[name]) != values[row]:
                raise UserError(
                    f"says {name} {fields[name]} of row {row:,}, which is {values[row] or 'not known'} in "
                    f"{metadata.source or 'the data set'}: the file belongs to another data set"
                )
        return [row]

    return find


def _by_names(metadata: Metadata, naming: Sequence[str]) -> Callable[[dict[str, str]], list[int]]:
    rows = defaultdict[tuple[str, ...], list[int]](list)
    for row, key in enumerate(zip(*(_comparable(metadata, name) for name in naming), strict=True)):
        rows[key].append(row)

    def find(fields: dict[str, str]) -> list[int]:
        found = rows.get(tuple(_as_text(name, fields[name]) for name in naming))
        if found is None:
            said = ", ".join(f"{name} {fields[name] or 'nothing'}" for name in naming)
            raise UserError(f"says {said}, of which {metadata.source or 'the data set'} has no image")
        return found

    return find


def _comparable(metadata: Metadata, name: str) -> list[str]:
    """Values of a column as they are compared with those of the table; what is not seen is written out in both."""
    if name == FRAME:
        return [str(frame) for frame in whole_frames(metadata).tolist()]
    return [visible(label) for label in metadata.labels(name).tolist()]


def _as_text(name: str, text: str) -> str:
    number = read_number(text) if name == FRAME else None
    return str(int(number)) if number is not None and number == number // 1 else visible(text)


def whole_frames(metadata: Metadata) -> NDArray[np.int64]:
    """(N,) the frame of each image; -1 where it is not known.

    Raises:
        UserError: there is no column `frame`, or it does not hold numbers of frames.
    """
    values: NDArray[Any] = metadata.column(FRAME)
    known = values.dtype.kind in "iuf" and np.isfinite(values.astype(np.float64))
    if values.dtype.kind not in "iuf" or (values[known] != np.round(values[known])).any() or (values[known] < 0).any():
        where = metadata.source or "the data set"
        raise UserError(f"column '{FRAME}' of {where} does not hold the numbers of frames, 0, 1, 2, ...")
    return np.where(known, values, -1).astype(np.int64)
