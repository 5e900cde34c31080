"""Reading tables of text: CSV files of any origin, and numbers as people write them."""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from autoencoder.errors import UserError
from autoencoder.machine.memory import refuse_too_large

READ_BYTES = 2**20

ROW_BYTES, FIELD_BYTES, BYTE_BYTES = 200, 80, 4
"""Memory that reading takes for each row, each field and each byte of a file, at most. Measured at its peak
(tracemalloc) with tables of 1 to 200 columns of digits, decimals and words, which took 9 to 106 times the size of the
file: they need 20 % (digits in 200 columns) to 99 % (one column) of it."""

TOO_LARGE = "leave columns or rows out, or save metadata as .npy"
"""What to do about a table of metadata that does not fit into memory."""

MISSING = frozenset({"", "na", "n/a", "#n/a", "<na>", "nan", "null", "none", "-", "--", "."})
"""Texts that stand for a missing value in a column of numbers, in any case: as R, pandas, Excel, SQL, SAS and people
write it."""

SEPARATORS = {";": "semicolons", "\t": "tabs", "|": "vertical bars", " ": "spaces"}
"""What the columns of tables are separated by that are no CSV with commas, and what that is called."""

ZERO_LED = re.compile(r"0[0-9]+")
"""A code such as 007, which as a number would lose its zeros."""

GROUPED_WHOLE = re.compile(r"[+-]?[0-9]{1,3}(?:([.' \u00a0\u202f])[0-9]{3}(?:\1[0-9]{3})*)?|[+-]?[0-9]*")
"""The whole part of a number with a decimal comma; its thousands can be apart: 1.234.567."""

THOUSANDS = re.compile(r"[+-]?[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]*)?")
"""A number with commas between its thousands, such as 1,234.5 (or, where there is one comma, a decimal one)."""

Commas = Literal["decimal", "thousands", "either"]
"""What commas within numbers can be."""


class Line(NamedTuple):
    """A row of a table.

    Attributes:
        number: of its last line in the file, counted from 1.
        fields: its texts, without white space around them.
    """

    number: int
    fields: list[str]


def read_table(path: Path, separator: str = ",", too_large: str = TOO_LARGE) -> list[Line]:
    """The rows of a CSV file in UTF-8, its header included; empty lines are left out.

    Args:
        path: the file.
        separator: what its columns are separated by.
        too_large: what to do about a file that does not fit into memory, for the message.

    Raises:
        UserError: the file is no text, no CSV, or would take more memory than there is.
    """
    refuse_too_large(str(path), _memory_for(path, separator), too_large)
    reader = None
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.reader(file, delimiter=separator, strict=True)
            return [Line(reader.line_num, [field.strip() for field in row]) for row in reader if row]
    except UnicodeDecodeError:
        raise UserError(f"{path} is not UTF-8 text: save it as a CSV in UTF-8") from None
    except (csv.Error, OSError) as error:
        where = f" at line {reader.line_num:,}" if reader else ""
        raise UserError(f"{path} cannot be read as a CSV ({error}{where}): save it again") from None


def read_number(text: str) -> int | float | None:
    """The number that `text` is; None where it is none.

    Only digits of ASCII count, without underscores: Python reads 1_2 as 12, and in a table it is a name.
    """
    if "_" in text or not text.isascii():
        return None
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return None


def is_missing(text: str) -> bool:
    """Whether a text in a column of numbers stands for a missing value."""
    return text.lower() in MISSING


def parse_column(texts: Sequence[str], what: str, *, with_codes: bool = True) -> NDArray[Any]:
    """A column of a table, (n,): int64 of whole numbers, float64 of numbers and missing values, or text.

    Args:
        texts: as they stand in the table, without white space around them.
        what: they are, for messages.
        with_codes: whether digits that begin with a zero (`007`) are names, which make the whole column text. What is
            missing in it is empty then.

    Raises:
        UserError: as text it would take more memory than there is.
    """
    known = [text for text in texts if not is_missing(text)]
    # A column of nothing but NA says nothing of numbers; one of nothing at all is as good as one of missing numbers.
    if not known and any(read_number(text) is None for text in texts if text):
        return _text_array(texts, what)
    numbers = [read_number(text) for text in known]
    if any(number is None for number in numbers):
        return _text_array(texts, what)
    are_whole = bool(known) and all(isinstance(number, int) for number in numbers)
    try:
        if are_whole and with_codes and any(map(ZERO_LED.fullmatch, known)):
            raise OverflowError("as numbers they would lose their zeros")
        stored = np.array(numbers, np.int64 if are_whole else np.float64)
    except OverflowError:  # numbers of 20 digits are names, not quantities, as those are that begin with a zero
        return _text_array(["" if is_missing(text) else text for text in texts], what)
    if len(known) == len(texts):
        return stored
    column = np.full(len(texts), math.nan)
    column[[not is_missing(text) for text in texts]] = stored
    return column


def commas_in_numbers(texts: Sequence[str]) -> tuple[int, Commas] | None:
    """The first of the texts of a column that has a comma, and what that comma is, where all of them are numbers.

    None where a text is no number however its comma is read, or none has one.
    """
    first, found = -1, set[Commas]()
    for place, text in enumerate(texts):
        if is_missing(text) or read_number(text) is not None:
            continue
        is_grouped, is_decimal = THOUSANDS.fullmatch(text) is not None, _has_decimal_comma(text)
        if not (is_grouped or is_decimal):
            return None
        first = place if first < 0 else first
        found.add("either" if is_grouped and is_decimal else "thousands" if is_grouped else "decimal")
    if not found or {"decimal", "thousands"} <= found:
        return None
    return first, next((commas for commas in found if commas != "either"), "either")


def _has_decimal_comma(text: str) -> bool:
    whole, comma, fraction = text.partition(",")
    if not comma or "." in fraction or GROUPED_WHOLE.fullmatch(whole) is None:
        return False
    return read_number(f"{re.sub('[^0-9+-]', '', whole)}.{fraction}") is not None


def refuse_other_separators(path: Path) -> None:
    """Refuse a table whose columns are separated by something else than commas, by its first line.

    Raises:
        UserError: they are, or the file cannot be read.
    """
    text = _beginning(path)
    separator = _separator_in(text)
    if separator in SEPARATORS:
        raise separator_error(path, separator, with_decimal_commas=re.search("[0-9],[0-9]", text) is not None)


def find_separator(path: Path) -> str:
    """What separates the columns of a table, by its first line: one of `SEPARATORS`, or else a comma.

    Raises:
        UserError: the file cannot be read.
    """
    separator = _separator_in(_beginning(path))
    return separator if separator in SEPARATORS else ","


def _beginning(path: Path) -> str:
    """The first megabyte of a text; empty where it is none, as `read_table` says."""
    start = next(_chunks(path), b"")
    return "" if b"\0" in start else start.decode("utf-8-sig", errors="replace")


def _separator_in(text: str) -> str:
    first = next((line for line in text.splitlines() if line.strip()), "")
    if is_separator_line(first):  # as Excel writes and obeys it
        return first[4:5]
    unquoted = re.sub(r'"[^"]*"', "", first)
    return "," if "," in unquoted else next((mark for mark in ";\t|" if mark in unquoted), ",")


def is_separator_line(line: str) -> bool:
    """Whether the first line of a table is no row: Excel writes `sep=;` there, and obeys it."""
    return line.lower().startswith("sep=")


def separator_error(path: Path, separator: str, *, with_decimal_commas: bool = False) -> UserError:
    """What to say of a table whose columns are separated by one of `SEPARATORS`."""
    shown = r"r'\s+'" if separator == " " else repr(separator)
    decimal = ", decimal=','" if with_decimal_commas else ""
    return UserError(
        f"the columns of {path} are not separated by commas but by {SEPARATORS[separator]}: save it as a CSV with "
        f"commas; in pandas: pd.read_csv({path.name!r}, sep={shown}{decimal}).to_csv({path.name!r}, index=False)"
    )


def _text_array(texts: Sequence[str], what: str) -> NDArray[Any]:
    """An array has room for the longest text in each of its values."""
    refuse_too_large(what, 4 * len(texts) * max(map(len, texts)), "shorten its longest text")
    return np.array(texts, dtype=np.str_)


def _memory_for(path: Path, separator: str) -> int:
    """Bytes of memory that reading `path` takes, from its size and its numbers of rows and fields."""
    n_bytes = n_rows = n_fields = 0
    for chunk in _chunks(path):
        if b"\0" in chunk:
            raise UserError(f"{path} is not UTF-8 text (it holds zero bytes): save it as a CSV in UTF-8")
        n_bytes += len(chunk)
        n_rows += chunk.count(b"\n") + chunk.count(b"\r") + 1
        n_fields += chunk.count(separator.encode()) + chunk.count(b"\n") + chunk.count(b"\r") + 1
    return n_rows * ROW_BYTES + n_fields * FIELD_BYTES + n_bytes * BYTE_BYTES


def _chunks(path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb") as file:
            while chunk := file.read(READ_BYTES):
                yield chunk
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror or error}): check its permissions") from None
