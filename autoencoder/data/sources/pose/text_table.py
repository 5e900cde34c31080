"""Poses as tables of text: rows, separators and numbers as spreadsheets leave them."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from autoencoder.data.tables import Line, find_separator, is_missing, is_separator_line, read_number, read_table
from autoencoder.errors import UserError, first_few
from autoencoder.machine.memory import refuse_too_large
from autoencoder.machine.plain_text import one_line

LARGEST_FRAME = 2**53
"""Larger numbers are not whole as float64."""

THOUSANDS = re.compile(r"[+-]?[1-9][0-9]{0,2}(?:,[0-9]{3})+")
"""A whole number with commas between its thousands, or one with three decimals behind a comma."""

MOST_SHOWN = 8
"""Fields of the first row that a message shows."""


@dataclass(frozen=True, eq=False)
class TextTable:
    """A table of text.

    Attributes:
        path: the file.
        lines: its rows, headers included; rows of nothing but empty fields are left out.
    """

    path: Path
    lines: list[Line]

    def shown(self) -> str:
        """The fields of the first row, for messages."""
        fields = self.lines[0].fields if self.lines else []
        return first_few([one_line(field)[:40] for field in fields], MOST_SHOWN)


def open_table(path: Path) -> TextTable:
    """Read a table whose columns are separated by commas, semicolons, tabs or vertical bars.

    Raises:
        UserError: the file is no text, no table, or would take more memory than there is.
    """
    lines = [line for line in read_table(path, find_separator(path), "split it") if any(line.fields)]
    if lines and is_separator_line(lines[0].fields[0]):
        del lines[0]
    return TextTable(path, lines)


def read_values(lines: Sequence[Line], columns: Sequence[int], width: int, path: Path) -> NDArray[np.float64]:
    """Numbers of some columns of a table; what is missing is NaN.

    Args:
        lines: R rows.
        columns: numbers of the C columns.
        width: fields that a row has; more are fine where they are empty, as spreadsheets leave them.
        path: the file, for messages.

    Returns:
        (R, C) float64.

    Raises:
        UserError: a row has too few or too many fields, a field is no number, some numbers have decimal points and
            others commas, or there is too little memory.
    """
    refuse_too_large(str(path), 8 * len(lines) * len(columns), "split it")
    table = np.full((len(lines), len(columns)), math.nan)
    marks: dict[str, tuple[int, str]] = {}
    for i, (number, fields) in enumerate(lines):
        if len(fields) < width or any(fields[width:]):
            raise UserError(
                f"row {number} of {path} has {len(fields)} fields and its header has {width}: export it again"
            )
        texts = [fields[column] for column in columns]
        _note_marks(texts, number, marks)
        if len(marks) == 2:
            (row, text), (other_row, other) = marks["."], marks[","]
            raise UserError(
                f"{path} has decimal points as well as commas in numbers ('{text}' in row {row}, '{other}' in row "
                f"{other_row}): export it again, with points"
            )
        table[i] = _values(texts, number, path)
    if "," in marks:
        _refuse_thousands(lines, columns, path)
    return table


def _refuse_thousands(lines: Sequence[Line], columns: Sequence[int], path: Path) -> None:
    """Refuse numbers all of whose commas may stand between thousands: 1,024 is also a number with decimals.

    Raises:
        UserError: there is none that says which it is, such as 12,5 or 0,998.
    """
    texts = (line.fields[column] for line in lines for column in columns)
    first = ""
    for text in texts:
        if "," in text:
            if not THOUSANDS.fullmatch(text):
                return
            first = first or text
    raise UserError(
        f"the commas in the numbers of {path} may be decimal ones, or stand between thousands "
        f"('{one_line(first)[:60]}'): export it again, with decimal points and nothing between thousands"
    )


def read_frame_numbers(lines: Sequence[Line], column: int, path: Path) -> NDArray[np.float64]:
    """The numbers of the rows' frames, as they stand in a column.

    Args:
        lines: R rows.
        column: number of the column.
        path: the file, for messages.

    Returns:
        (R,) float64, whole numbers.

    Raises:
        UserError: a row has no number, or none of a frame.
    """
    numbers = np.empty(len(lines))
    for i, (number, fields) in enumerate(lines):
        text = fields[column] if column < len(fields) else ""
        value = None if is_missing(text) else read_number(text.replace(",", "."))
        if value is None or not 0 <= value <= LARGEST_FRAME or value != int(value):
            raise UserError(
                f"row {number} of {path} has '{one_line(text)[:60]}' where the number of its frame belongs: export it "
                "again, with frames numbered from 0 or 1"
            )
        numbers[i] = value
    return numbers


def _note_marks(texts: list[str], number: int, marks: dict[str, tuple[int, str]]) -> None:
    """Keep where the first point and the first comma within a number stand."""
    for mark in ".,":
        if mark not in marks:
            text = next((text for text in texts if mark in text and not is_missing(text)), None)
            if text is not None:
                marks[mark] = (number, text)


def _values(texts: list[str], number: int, path: Path) -> list[float]:
    """The numbers of a row; `number` is the row's own."""
    together = "".join(texts)
    if together.isascii() and "_" not in together:  # else float reads what is no number in a table
        try:
            return [float(text or "nan") for text in texts]
        except ValueError:
            pass
    return [_value(text, number, path) for text in texts]


def _value(text: str, number: int, path: Path) -> float:
    if is_missing(text):
        return math.nan
    value = read_number(text.replace(",", "."))
    if value is None:
        raise UserError(
            f"row {number} of {path} holds something that is not a number ('{one_line(text)[:60]}'): export it again"
        )
    try:
        return float(value)
    except OverflowError:  # an integer of 400 digits: nowhere, as what was not found is
        return math.inf
