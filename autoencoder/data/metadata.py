"""What is known of each image: named columns of numbers or text, one row per image."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from autoencoder.data.column_kinds import Doubt, Meaning, doubt_of, meaning_of
from autoencoder.errors import UserError, did_you_mean, raise_if_any
from autoencoder.machine.memory import refuse_too_large
from autoencoder.measures.kinds import ColumnKind

DECIMALS = 4
"""Decimals of a number in a written CSV: enough for degrees, pixels and seconds of any video."""

RECORDING = "recording"
"""The column that says which recording an image is of, where there are several."""

SHOWN_NAMES = 40
"""How many columns are listed where one is not there, before the rest is counted."""

MOST_CODE_POINT = 0x10FFFF
SURROGATES = (0xD800, 0xDFFF)
"""Numbers that are no characters though an array of text can hold them."""

LINES_AT_ONCE = 10_000
"""Rows of a CSV whose text is put together at a time."""

EXACT_ROUNDING = 1e15
"""Larger numbers have no decimals to round, and rounding them could overflow."""

SUMMARY_HEADER = ("column", "kind", "first values")

FIRST_VALUES = 3
"""Of each column in a summary."""

Rows = slice | NDArray[Any] | Sequence[int]


@dataclass(frozen=True, eq=False, repr=False)
class Metadata:
    """Columns of known values; row i belongs to image i. `metadata["label"]` is a column, as an array.

    Columns are stored as float64 (NaN for a missing value), int64 or text. A name that ends in the unit of an angle
    (`heading_deg`) is circular; text, booleans, and whole numbers with at most `MAX_CATEGORIES` different values are
    categories; everything else is linear.

    Args:
        columns: arrays of one length, each (N,); any of them may be empty of rows, and there may be no column at all.
        source: the file they came from, for messages.
        meanings: what each column is; worked out from names and values where not given, kept when rows are taken.

    Raises:
        UserError: a column is not 1-D, has another length or holds neither numbers nor text; or it holds text and is
            an angle by its name.
    """

    columns: dict[str, np.ndarray]
    source: Path | None = None
    meanings: Mapping[str, Meaning] = field(default_factory=dict)

    def __post_init__(self) -> None:
        columns, meanings, problems = {}, {}, []
        for name, values in self.columns.items():
            try:
                columns[name] = _as_column(name, np.asarray(values))
                meanings[name] = self.meanings.get(name) or meaning_of(name, columns[name])
            except UserError as error:
                problems += [f"{problem} in {self.source}" if self.source else problem for problem in error.problems]
        lengths = {len(values) for values in columns.values()}
        if len(lengths) > 1:
            listed = ", ".join(f"{name} {len(values):,}" for name, values in columns.items())
            problems.append(f"the columns of {self.source or 'the metadata'} differ in length: {listed}")
        raise_if_any(problems)
        object.__setattr__(self, "columns", columns)
        object.__setattr__(self, "meanings", meanings)

    def __len__(self) -> int:
        """Number of rows; 0 where there is no column."""
        return next((len(values) for values in self.columns.values()), 0)

    def __getitem__(self, name: str) -> np.ndarray:
        """The column `name`; see `column`.

        Raises:
            UserError: there is no such column, or `name` is not a text.
        """
        if not isinstance(name, str):
            raise UserError(f"metadata['label'] is a column, and metadata.take(rows) some rows: not [{name!r}]")
        return self.column(name)

    def __contains__(self, name: object) -> bool:
        return name in self.columns

    def __iter__(self) -> Iterator[str]:
        """Names of the columns."""
        return iter(self.columns)

    def __repr__(self) -> str:
        return f"<Metadata of {len(self):,} rows: {', '.join(self.names) or 'no column'}>"

    def _repr_html_(self) -> str:
        """What a notebook shows: the columns, what they are, and their first values."""
        from autoencoder.display.summary import Summary  # and with it Pillow

        title = f"metadata of {len(self):,} images"
        facts = [("file", self.source or "in memory")]
        return Summary(title, facts, SUMMARY_HEADER if self.columns else (), self.summary_rows()).html()

    def summary_rows(self) -> list[tuple[str, str, str]]:
        """Each column in short, under `SUMMARY_HEADER`."""
        return [(name, self.kind(name).value, _first_values(self.columns[name])) for name in self.names]

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
        parts = name.split(",")
        guess = did_you_mean(name, self.names)
        if len(parts) > 1 and all(part in self.columns for part in parts):
            guess = f" (separate names by spaces: {' '.join(parts)})"
        raise UserError(f"there is no column '{name}' in {where}{guess}; its columns are {listed}{more}")

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
        return self.meanings[name].kind

    def period(self, name: str) -> float:
        """Once round of the circular column `name`: 360 or 2 pi.

        Raises:
            UserError: there is no such column, or it is not circular.
        """
        if self.kind(name) is not ColumnKind.CIRCULAR:
            raise UserError(
                f"column '{name}' is not an angle: the name of an angle ends in _deg or _rad, like body_angle_deg; "
                f"otherwise say --column-kind {name}=degrees (or radians)"
            )
        return self.meanings[name].period

    def doubt(self, name: str) -> Doubt | None:
        """What speaks against the unit of the column `name`, where it is an angle; None where nothing does.

        Raises:
            UserError: there is no such column.
        """
        return doubt_of(name, self.column(name), self.meanings[name])

    def labels(self, name: str) -> NDArray[np.str_]:
        """Values of the column `name` as text, (N,), empty where they are not known: names, or whole numbers.

        Numbers that are not whole name something only where the user says so (`--column-kind NAME=category`).

        Raises:
            UserError: there is no such column, or it is an angle or another quantity.
        """
        values = self.column(name)
        if self.kind(name) is ColumnKind.CIRCULAR:
            raise UserError(
                f"column '{name}' in {self.source or 'the metadata'} is an angle, not a category: choose another, or "
                f"say --column-kind {name}=category"
            )
        if values.dtype.kind == "U":
            return values
        numbers = values.astype(np.float64)
        known = numbers[np.isfinite(numbers)]
        are_whole = bool((known == known.round()).all())
        if not are_whole and self.kind(name) is not ColumnKind.CATEGORY:
            where = self.source or "the metadata"
            raise UserError(
                f"column '{name}' in {where} is a quantity, not a category: choose a column of text or of whole "
                f"numbers, or say --column-kind {name}=category"
            )
        known_texts = [str(int(number)) if are_whole else repr(number) for number in known.tolist()]
        texts = np.zeros(len(values), f"U{max(map(len, known_texts), default=1)}")
        texts[np.isfinite(numbers)] = known_texts
        return texts

    def take(self, rows: Rows) -> Metadata:
        """The given rows, in the given order; every column keeps its kind."""
        return Metadata({name: values[rows] for name, values in self.columns.items()}, self.source, self.meanings)

    def with_column(self, name: str, values: np.ndarray, kind: ColumnKind) -> Metadata:
        """The metadata with another column, (N,), of a kind; the name of an angle ends in its unit.

        Raises:
            UserError: it is no such column.
        """
        meaning = meaning_of(name, values) if kind is ColumnKind.CIRCULAR else Meaning(kind)
        return Metadata({**self.columns, name: values}, self.source, {**self.meanings, name: meaning})

    def to_csv(self) -> str:
        """A header and one line per row; numbers have at most `DECIMALS` decimals, NaN is left empty."""
        return "".join(csv_parts(self.columns, DECIMALS))


def metadata_of(arrays: Mapping[str, np.ndarray], path: Path, asked: Mapping[str, str]) -> Metadata:
    """Arrays as metadata, in which columns are what the user says that they are.

    Args:
        arrays: columns, each (N,).
        path: of the file that they came from.
        asked: what columns are, each one of `COLUMN_KINDS`.

    Raises:
        UserError: as `Metadata`, or a column is not what it is said to be.
    """
    columns, meanings, problems = {}, {}, []
    for name, values in arrays.items():
        columns[name] = values
        if name not in asked:
            continue
        try:
            columns[name] = _as_column(name, np.asarray(values))
            meanings[name] = meaning_of(name, columns[name], asked[name])
        except UserError as error:
            problems += [f"{problem} ({path})" for problem in error.problems]
    raise_if_any(problems)
    return Metadata(columns, path, meanings)


# ------------------------------------------------------------------------------------------------------------- columns


def _first_values(values: np.ndarray) -> str:
    shown = [f"{value:g}" if isinstance(value, float) else str(value) for value in values[:FIRST_VALUES].tolist()]
    return ", ".join([*shown, *(["..."] if len(values) > FIRST_VALUES else [])])


def _as_column(name: str, values: np.ndarray) -> np.ndarray:
    """`values` as float64, int64 or text."""
    if values.ndim != 1:
        raise UserError(f"column '{name}' has shape {values.shape}: a column must hold one value per image")
    kind = values.dtype.kind
    if kind in "SU":
        return as_text(f"column '{name}'", values)
    if kind in "bi" or (kind == "u" and (values <= np.iinfo(np.int64).max).all()):
        return values.astype(np.int64)
    if kind not in "uf":
        raise UserError(f"column '{name}' is of type {values.dtype}: a column must hold numbers or text")
    with np.errstate(over="ignore", invalid="ignore"):  # numbers of 128 bits that are too large for 64
        numbers = values.astype(np.float64)
    if np.isinf(numbers).any():
        row = int(np.flatnonzero(np.isinf(numbers))[0])
        raise UserError(f"column '{name}' is infinite in row {row} (counted from 0): leave a missing value empty")
    return numbers


def as_text(what: str, values: np.ndarray) -> np.ndarray:
    """Texts or ASCII bytes of any origin as text.

    Args:
        what: they are, for messages, such as "column 'label'".
        values: of the type `S` or `U`.

    Raises:
        UserError: some are no text.
    """
    characters = values.size * values.dtype.itemsize // (4 if values.dtype.kind == "U" else 1)
    refuse_too_large(what, 4 * characters, "shorten its texts")
    try:
        text = values.astype(np.str_)
    except UnicodeDecodeError:
        raise UserError(f"{what} holds bytes that are not ASCII text: save it as text") from None
    points = np.ascontiguousarray(text).view(np.uint32)
    if ((points > MOST_CODE_POINT) | ((points >= SURROGATES[0]) & (points <= SURROGATES[1]))).any():
        raise UserError(f"{what} holds code points that are not characters: save it as text again")
    return text


def csv_parts(columns: Mapping[str, NDArray[Any]], decimals: int | None = None) -> Iterator[str]:
    """Columns as the text of a CSV, a part after the other: a header, and a line for each row.

    Args:
        columns: (N,) of one length, by name.
        decimals: of numbers, at most; None for as many as it takes to read the same number again.
    """
    texts = (*columns, *(text for values in columns.values() if values.dtype.kind == "U" for text in values.tolist()))
    # Before Python 3.13 a carriage return alone is not quoted, and would be read as the end of a line.
    quoting: Literal[0, 1] = csv.QUOTE_ALL if any("\r" in text for text in texts) else csv.QUOTE_MINIMAL
    n_rows = len(next(iter(columns.values()), ()))
    yield _lines([list(columns)], quoting)
    for start in range(0, n_rows, LINES_AT_ONCE):
        part = (_fields(values[start : start + LINES_AT_ONCE], decimals) for values in columns.values())
        yield _lines(zip(*part, strict=True), quoting)


def _lines(rows: Iterable[Sequence[str]], quoting: Literal[0, 1]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n", quoting=quoting).writerows(rows)
    return text.getvalue()


def _fields(values: NDArray[Any], decimals: int | None) -> list[str]:
    """The text of each value in a CSV."""
    if values.dtype.kind != "f":
        return [str(value) for value in values.tolist()]
    if decimals is None:  # of float32 the shortest text that is read as that number: 0.1, not 0.10000000149
        return ["" if text == "nan" else text for text in map(str, values)]
    rounded = np.where(np.abs(values) < EXACT_ROUNDING, values, 0.0).round(decimals)
    shown = np.where(np.abs(values) < EXACT_ROUNDING, rounded, values)
    return ["" if math.isnan(value) else repr(value) for value in shown.tolist()]
