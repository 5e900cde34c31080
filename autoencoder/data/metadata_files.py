"""Metadata read from files: CSV, `.npy` and `.npz`, with what columns are said to be."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from autoencoder.config import kinds_of_columns
from autoencoder.data.arrays import check_readable, npz_headers, open_npy, read_npz
from autoencoder.data.column_kinds import is_of_numbers, refuse_text
from autoencoder.data.metadata import Metadata, metadata_of
from autoencoder.data.tables import (
    Commas,
    Line,
    commas_in_numbers,
    is_missing,
    parse_column,
    read_number,
    read_table,
    refuse_other_separators,
    separator_error,
)
from autoencoder.errors import UserError, problems_of, raise_if_any
from autoencoder.machine.memory import refuse_too_large

SHOWN_PROBLEMS = 5
"""How many bad fields of a file are named, before the rest is counted."""


def load_metadata(
    path: Path,
    n_images: int,
    columns: Sequence[str] | None = None,
    *,
    images_path: Path | None = None,
    column_kinds: Sequence[str] | None = None,
) -> Metadata:
    """Read metadata of `n_images` images.

    Args:
        path: `.csv` with a header (UTF-8), `.npy` of shape (N, K) or (N,), or `.npz` of arrays of shape (N,).
        n_images: number of rows that there must be.
        columns: names of the columns of an `.npy`, which has none of its own; for no other kind of file.
        images_path: file of the images, for messages.
        column_kinds: what columns are, such as `heading=radians`; those that are not there are left out, and
            `refuse_unknown_kinds` refuses them.

    Raises:
        UserError: the file is missing, damaged, of another kind, or has another number of rows; or a column is not what
            it is said to be.
    """
    asked = kinds_of_columns(column_kinds or ())
    check_readable(path, "metadata")
    suffix = path.suffix.lower()
    if suffix not in (".csv", ".npy", ".npz"):
        raise UserError(f"{path} is not a metadata file: metadata is read from .csv, .npy or .npz")
    if suffix != ".npy" and columns is not None:
        raise UserError(
            f"{path} names its columns itself: leave --columns out, which gives names to the columns of an .npy, and "
            "does not choose any"
        )

    def check_rows(n_rows: int) -> None:
        if n_rows != n_images:
            raise UserError(
                f"{path} has {n_rows:,} rows and {images_path or 'the image file'} has {n_images:,} images: "
                "there must be one row per image, in the images' order"
            )

    # Arrays say how many rows they have before any is read.
    if suffix == ".npy":
        arrays = _read_npy(path, columns, check_rows)
    elif suffix == ".npz":
        arrays = _read_npz(path, check_rows)
    else:
        arrays = read_columns(path, asked)
    check_rows(next((len(values) for values in arrays.values()), 0))
    return metadata_of(arrays, path, asked)


def refuse_unknown_kinds(metadata: Metadata, column_kinds: Sequence[str] | None) -> None:
    """Refuse to be told what columns are that are not there.

    Raises:
        UserError: a column of `column_kinds` is not there.
    """
    raise_if_any(
        f"--column-kind: {problem}"
        for name in kinds_of_columns(column_kinds or ())
        for problem in problems_of(metadata.column, name)
    )


# --------------------------------------------------------------------------------------------------------------- files


def _read_npy(path: Path, columns: Sequence[str] | None, check_rows: Callable[[int], None]) -> dict[str, np.ndarray]:
    table = open_npy(path)
    if table.ndim not in (1, 2):
        raise UserError(f"{path} has shape {table.shape}: metadata must be (N, K), or (N,) for one column")
    n_columns = math.prod(table.shape[1:])
    if columns is None:
        raise UserError(f"{path} does not name its {n_columns} columns: name them (--columns)")
    if len(columns) != n_columns:
        raise UserError(f"{path} has {n_columns} columns, and {len(columns)} are named: {', '.join(columns)}")
    _check_names(columns, path)
    check_rows(len(table))
    # Twice: as they are stored, and as 64-bit numbers.
    refuse_too_large(str(path), table.nbytes + 8 * table.size, "leave columns out")
    table = table.reshape(len(table), n_columns)
    return {name: np.array(table[:, i]) for i, name in enumerate(columns)}


def _read_npz(path: Path, check_rows: Callable[[int], None]) -> dict[str, np.ndarray]:
    headers = npz_headers(path)
    raise_if_any(
        f"array '{name}' in {path} has shape {header.shape}: a column of metadata must hold one value per image"
        for name, header in headers.items()
        if len(header.shape) != 1
    )
    for header in headers.values():
        check_rows(header.shape[0])
    return read_npz(path, headers)


def read_columns(path: Path, asked: Mapping[str, str], separator: str = ",") -> dict[str, np.ndarray]:
    """The columns of a table of text with a header, each (n,) float64, int64 or text.

    Args:
        path: the file.
        asked: what columns are, each one of `COLUMN_KINDS`.
        separator: what its columns are separated by.

    Raises:
        UserError: the file is no such table, or would take more memory than there is.
    """
    if separator == ",":
        refuse_other_separators(path)
    header, *lines = read_table(path, separator) or [Line(1, [])]
    names = header.fields
    _check_names(names, path)
    _refuse_ragged(header, lines, path)
    if _are_apart_by_spaces(header, lines):
        raise separator_error(path, " ")
    columns, problems = {}, list[str]()
    for i, name in enumerate(names):
        texts = [row[i] for _, row in lines]
        kind = asked.get(name)
        found = None if kind == "category" else commas_in_numbers(texts)
        if found is not None:
            place, commas = found
            problems.append(_comma_problem(name, texts[place], lines[place].number, path, commas))
            continue
        numbers_only = is_of_numbers(name, kind)
        columns[name] = parse_column(texts, f"column '{name}' of {path}", with_codes=not numbers_only)
        if columns[name].dtype.kind == "U" and numbers_only:
            problems += _text_problems(name, kind, texts, lines, path)
    raise_if_any(problems)
    return columns


def _text_problems(name: str, asked: str | None, texts: list[str], lines: list[Line], path: Path) -> list[str]:
    """What is wrong with texts in a column of angles or quantities, each with its line."""
    found = [
        problem
        for (number, _), text in zip(lines, texts, strict=True)
        if not is_missing(text) and read_number(text) is None
        for problem in problems_of(refuse_text, name, asked, f"holds '{text}' on line {number} of {path}")
    ]
    return _shortened(found)


def _are_apart_by_spaces(header: Line, lines: list[Line]) -> bool:
    """Whether the one column of a table is several, with spaces between them."""
    if len(header.fields) != 1 or not lines:
        return False
    wanted = len(header.fields[0].split())
    rows = [fields[0].split() for _, fields in lines]
    return wanted > 1 and all(len(row) == wanted and read_number(row[-1]) is not None for row in rows)


def _refuse_ragged(header: Line, lines: list[Line], path: Path) -> None:
    """Refuse lines that have another number of fields than the header, by what is the likely reason."""
    wanted = len(header.fields)
    ragged = [line for line in lines if len(line.fields) != wanted]
    if not ragged:
        return
    number, fields = ragged[0]
    more = [line for line in ragged if len(line.fields) > wanted and None not in map(read_number, line.fields)]
    if len(more) > len(lines) / 2:
        raise UserError(
            f"line {number} of {path} has {len(fields)} fields and its header has {wanted}: its numbers seem to have "
            "decimal commas; write decimal points (in pandas: df.to_csv(..., decimal='.', index=False))"
        )
    raise_if_any(
        _shortened(
            [
                f"line {number} of {path} has {len(fields)} fields and its header has {wanted}"
                for number, fields in ragged
            ]
        )
    )


def _comma_problem(name: str, text: str, line: int, path: Path, commas: Commas) -> str:
    """What to say of a column whose numbers have commas."""
    what, mend, options = {
        "decimal": ("decimal commas", "write decimal points", "decimal=','"),
        "thousands": ("commas between thousands", "write them without", "thousands=','"),
        "either": (
            "commas, which can be decimal ones or between thousands",
            "write decimal points, or no commas",
            "decimal=',' or thousands=','",
        ),
    }[commas]
    return (
        f"column '{name}' of {path} has numbers with {what}, as '{text}' on line {line}: {mend} (in pandas: read_csv "
        f"with {options}, then to_csv with index=False); if these are names, say --column-kind {name}=category"
    )


def _check_names(names: Sequence[str], path: Path) -> None:
    problems = []
    if not all(names) or not names:
        problems.append(f"a column of {path} has no name: name it (pandas leaves it out with to_csv(index=False))")
    repeated = sorted({name for name in names if name and names.count(name) > 1})
    if repeated:
        problems.append(f"{path} has more than one column of the name {', '.join(repeated)}: rename all but one")
    raise_if_any(problems)


def _shortened(problems: list[str]) -> list[str]:
    more = len(problems) - SHOWN_PROBLEMS
    return problems if more <= 0 else [*problems[:SHOWN_PROBLEMS], f"and {more:,} more of this kind"]
