"""What is known of each image: named columns of numbers or text, one row per image."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autoencoder.data.arrays import check_readable, npz_headers, open_npy, read_npz
from autoencoder.data.tables import Line, read_number, read_table
from autoencoder.errors import UserError, raise_if_any
from autoencoder.machine.memory import refuse_too_large
from autoencoder.measures.kinds import ColumnKind

PERIODS = {"_deg": 360.0, "_rad": 2 * math.pi}
"""Endings of the names of circular columns, and how far it is once round."""

MAX_CATEGORIES = 20
"""An integer column with more different values than this is a number, not a category."""

COUNTING_COLUMNS = ("frame", "x", "y")
"""Integer columns that are never categories, however few values they have."""

DECIMALS = 4
"""Decimals of a number in a written CSV: enough for degrees, pixels and seconds of any video."""

SHOWN_PROBLEMS = 5
"""How many bad fields of a file are named, before the rest is counted."""

SHOWN_NAMES = 40
"""How many columns are listed where one is not there, before the rest is counted."""

MOST_CODE_POINT = 0x10FFFF
SURROGATES = (0xD800, 0xDFFF)
"""Numbers that are no characters though an array of text can hold them."""

EXACT_ROUNDING = 1e15
"""Larger numbers have no decimals to round, and rounding them could overflow."""

Rows = slice | NDArray[Any] | Sequence[int]


@dataclass(frozen=True, eq=False)
class Metadata:
    """Columns of known values; row i belongs to image i.

    Columns are stored as float64 (NaN for a missing value), int64 or text. A name that ends in `_deg` or `_rad` is
    circular; text, booleans, and integers with at most `MAX_CATEGORIES` different values are categories; everything
    else is linear.

    Args:
        columns: arrays of one length, each (N,); any of them may be empty of rows, and there may be no column at all.
        source: the file they came from, for messages.
        kinds: kind of each column; worked out from names and values where not given, kept when rows are taken.

    Raises:
        UserError: a column is not 1-D, has another length or holds neither numbers nor text.
    """

    columns: dict[str, np.ndarray]
    source: Path | None = None
    kinds: Mapping[str, ColumnKind] = field(default_factory=dict)

    def __post_init__(self) -> None:
        columns, problems = {}, []
        for name, values in self.columns.items():
            try:
                columns[name] = _as_column(name, np.asarray(values))
            except UserError as error:
                problems += [f"{problem} in {self.source}" if self.source else problem for problem in error.problems]
        lengths = {len(values) for values in columns.values()}
        if len(lengths) > 1:
            listed = ", ".join(f"{name} {len(values):,}" for name, values in columns.items())
            problems.append(f"the columns of {self.source or 'the metadata'} differ in length: {listed}")
        raise_if_any(problems)
        kinds = {name: self.kinds.get(name) or _kind_of(name, values) for name, values in columns.items()}
        object.__setattr__(self, "columns", columns)
        object.__setattr__(self, "kinds", kinds)

    def __len__(self) -> int:
        """Number of rows; 0 where there is no column."""
        return next((len(values) for values in self.columns.values()), 0)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the columns, in the file's order."""
        return tuple(self.columns)

    def column(self, name: str) -> np.ndarray:
        """Values of the column `name`, (N,) float64, int64 or text.

        Raises:
            UserError: there is no such column; the message lists those that there are.
        """
        if name in self.columns:
            return self.columns[name]
        where = self.source or "the metadata"
        if not self.columns:
            raise UserError(
                f"there is no column '{name}', because {where} has no metadata: put a .csv with one row per image "
                "beside the images, or give its path"
            )
        listed = ", ".join(self.names[:SHOWN_NAMES])
        more = f" and {len(self.names) - SHOWN_NAMES:,} more" if len(self.names) > SHOWN_NAMES else ""
        raise UserError(f"there is no column '{name}' in {where}; its columns are {listed}{more}")

    def known_values(self, name: str) -> np.ndarray:
        """Values of the column `name` where there is one, (m,): no NaN, and no empty text.

        Raises:
            UserError: there is no such column.
        """
        values = self.column(name)
        return np.asarray(values[values != ""] if values.dtype.kind == "U" else values[np.isfinite(values)])

    def kind(self, name: str) -> ColumnKind:
        """Whether the column `name` is circular, linear or a category.

        Raises:
            UserError: there is no such column.
        """
        self.column(name)
        return self.kinds[name]

    def period(self, name: str) -> float:
        """Once round of the circular column `name`: 360 or 2 pi.

        Raises:
            UserError: there is no such column, or it is not circular.
        """
        if self.kind(name) is not ColumnKind.CIRCULAR:
            raise UserError(
                f"column '{name}' is not an angle: the name of an angle ends in _deg or _rad, as body_angle_deg does"
            )
        return _period(name)

    def labels(self, name: str) -> NDArray[np.str_]:
        """Values of the column `name` as text, (N,), empty where they are not known: names, or whole numbers.

        Raises:
            UserError: there is no such column, or it is an angle or another quantity.
        """
        values = self.column(name)
        if self.kind(name) is ColumnKind.CIRCULAR:
            raise UserError(f"column '{name}' in {self.source or 'the metadata'} is an angle and names nothing")
        if values.dtype.kind == "U":
            return values
        numbers = values.astype(np.float64)
        known = numbers[np.isfinite(numbers)]
        if (known != known.round()).any():
            where = self.source or "the metadata"
            raise UserError(
                f"column '{name}' in {where} is a quantity and names nothing: names are text, or whole numbers"
            )
        return np.array([str(int(number)) if np.isfinite(number) else "" for number in numbers], dtype=np.str_)

    def take(self, rows: Rows) -> Metadata:
        """The given rows, in the given order; every column keeps its kind."""
        return Metadata({name: values[rows] for name, values in self.columns.items()}, self.source, self.kinds)

    def to_csv(self) -> str:
        """A header and one line per row; numbers have at most `DECIMALS` decimals, NaN is left empty."""
        text = io.StringIO()
        rows = [self.names, *zip(*(_fields(values) for values in self.columns.values()), strict=True)]
        # Before Python 3.13 a carriage return alone is not quoted, and would be read as the end of a line.
        if any("\r" in field for row in rows for field in row):
            writer = csv.writer(text, lineterminator="\n", quoting=csv.QUOTE_ALL)
        else:
            writer = csv.writer(text, lineterminator="\n")
        writer.writerows(rows)
        return text.getvalue()


def load_metadata(
    path: Path, n_images: int, columns: Sequence[str] | None = None, *, images_path: Path | None = None
) -> Metadata:
    """Read metadata of `n_images` images.

    Args:
        path: `.csv` with a header (UTF-8), `.npy` of shape (N, K) or (N,), or `.npz` of arrays of shape (N,).
        n_images: number of rows that there must be.
        columns: names of the columns of an `.npy`, which has none of its own; for no other kind of file.
        images_path: file of the images, for messages.

    Raises:
        UserError: the file is missing, damaged, of another kind, or has another number of rows.
    """
    check_readable(path, "metadata")
    suffix = path.suffix.lower()
    if suffix not in (".csv", ".npy", ".npz"):
        raise UserError(f"{path} is no metadata: it is read from .csv, .npy or .npz")
    if suffix != ".npy" and columns is not None:
        raise UserError(f"{path} names its columns itself: leave the names of columns (--columns) out")

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
        arrays = _read_csv(path)
    metadata = Metadata(arrays, path)
    check_rows(len(metadata))
    return metadata


# ------------------------------------------------------------------------------------------------------------- columns


def _as_column(name: str, values: np.ndarray) -> np.ndarray:
    """`values` as float64, int64 or text."""
    if values.ndim != 1:
        raise UserError(f"column '{name}' has shape {values.shape}: a column is one value per image")
    kind = values.dtype.kind
    if kind in "SU":
        if _is_circular(name):
            raise UserError(f"column '{name}' is an angle by its name and holds text: write numbers, or rename it")
        return _as_text(name, values)
    if kind in "bi" or (kind == "u" and (values <= np.iinfo(np.int64).max).all()):
        return values.astype(np.int64)
    if kind not in "uf":
        raise UserError(f"column '{name}' is of type {values.dtype}: a column holds numbers or text")
    with np.errstate(over="ignore", invalid="ignore"):  # numbers of 128 bits that are too large for 64
        numbers = values.astype(np.float64)
    if np.isinf(numbers).any():
        row = int(np.flatnonzero(np.isinf(numbers))[0])
        raise UserError(f"column '{name}' is infinite in row {row} (counted from 0): leave a missing value empty")
    return numbers


def _as_text(name: str, values: np.ndarray) -> np.ndarray:
    characters = values.size * values.dtype.itemsize // (4 if values.dtype.kind == "U" else 1)
    refuse_too_large(f"column '{name}'", 4 * characters, "shorten its texts")
    try:
        text = values.astype(np.str_)
    except UnicodeDecodeError:
        raise UserError(f"column '{name}' holds bytes that are no ASCII text: save it as text") from None
    points = np.ascontiguousarray(text).view(np.uint32)
    if ((points > MOST_CODE_POINT) | ((points >= SURROGATES[0]) & (points <= SURROGATES[1]))).any():
        raise UserError(f"column '{name}' holds numbers that are no characters: save it as text again")
    return text


def _kind_of(name: str, values: np.ndarray) -> ColumnKind:
    if _is_circular(name):
        return ColumnKind.CIRCULAR
    if values.dtype.kind == "U":
        return ColumnKind.CATEGORY
    if values.dtype.kind == "i" and name not in COUNTING_COLUMNS and len(np.unique(values)) <= MAX_CATEGORIES:
        return ColumnKind.CATEGORY
    return ColumnKind.LINEAR


def _is_circular(name: str) -> bool:
    return name.endswith(tuple(PERIODS))


def _period(name: str) -> float:
    return next(period for ending, period in PERIODS.items() if name.endswith(ending))


def _fields(values: np.ndarray) -> list[str]:
    """The text of each value in a CSV."""
    if values.dtype.kind != "f":
        return [str(value) for value in values.tolist()]
    rounded = np.where(np.abs(values) < EXACT_ROUNDING, values, 0.0).round(DECIMALS)
    shown = np.where(np.abs(values) < EXACT_ROUNDING, rounded, values)
    return ["" if math.isnan(value) else repr(value) for value in shown.tolist()]


# --------------------------------------------------------------------------------------------------------------- files


def _read_npy(path: Path, columns: Sequence[str] | None, check_rows: Callable[[int], None]) -> dict[str, np.ndarray]:
    table = open_npy(path)
    if table.ndim not in (1, 2):
        raise UserError(f"{path} has shape {table.shape}: metadata is (N, K), or (N,) for one column")
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
        f"array '{name}' in {path} has shape {header.shape}: a column of metadata is one value per image"
        for name, header in headers.items()
        if len(header.shape) != 1
    )
    for header in headers.values():
        check_rows(header.shape[0])
    return read_npz(path, headers)


def _read_csv(path: Path) -> dict[str, np.ndarray]:
    header, *lines = read_table(path) or [Line(1, [])]
    names = header.fields
    _check_names(names, path)
    ragged = [
        f"line {number} of {path} has {len(row)} fields and its header has {len(names)}"
        for number, row in lines
        if len(row) != len(names)
    ]
    raise_if_any(_shortened(ragged))
    columns, problems = {}, []
    for i, name in enumerate(names):
        texts = [row[i] for _, row in lines]
        values = _parse(texts, f"column '{name}' of {path}")
        if values.dtype.kind == "U" and _is_circular(name):
            problems += _shortened(
                [
                    f"column '{name}' is an angle by its name and holds '{text}' on line {number} of {path}, which is "
                    "no number: mend it, or rename the column"
                    for (number, _), text in zip(lines, texts, strict=True)
                    if text and read_number(text) is None
                ]
            )
        columns[name] = values
    raise_if_any(problems)
    return columns


def _check_names(names: Sequence[str], path: Path) -> None:
    problems = []
    if len(names) == 1 and any(mark in names[0] for mark in ";\t"):
        raise UserError(f"the columns of {path} are not separated by commas: save it as a CSV with commas")
    if not all(names) or not names:
        problems.append(f"a column of {path} has no name: name it (pandas leaves it out with to_csv(index=False))")
    repeated = sorted({name for name in names if name and names.count(name) > 1})
    if repeated:
        problems.append(f"{path} has more than one column of the name {', '.join(repeated)}: rename all but one")
    raise_if_any(problems)


def _shortened(problems: list[str]) -> list[str]:
    more = len(problems) - SHOWN_PROBLEMS
    return problems if more <= 0 else [*problems[:SHOWN_PROBLEMS], f"and {more:,} more of this kind"]


def _parse(texts: list[str], what: str) -> np.ndarray:
    """Integers where all are, numbers where all are numbers or empty, otherwise the text itself."""
    numbers = [read_number(text) if text else math.nan for text in texts]
    if any(number is None for number in numbers):
        return _text_array(texts, what)
    if numbers and all(isinstance(number, int) for number in numbers):
        try:
            return np.array(numbers, dtype=np.int64)
        except OverflowError:
            return _text_array(texts, what)  # numbers of 20 digits are names, not quantities
    try:
        return np.array(numbers, dtype=np.float64)
    except OverflowError:  # an integer of 400 digits among numbers
        return _text_array(texts, what)


def _text_array(texts: list[str], what: str) -> np.ndarray:
    """An array has room for the longest text in each of its values."""
    refuse_too_large(what, 4 * len(texts) * max(map(len, texts)), "shorten its longest text")
    return np.array(texts, dtype=np.str_)
