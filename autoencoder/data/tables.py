"""Reading tables of text: CSV files of any origin, and numbers as people write them."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from autoencoder.errors import UserError
from autoencoder.machine.memory import refuse_too_large

READ_BYTES = 2**20

ROW_BYTES, FIELD_BYTES, BYTE_BYTES = 200, 80, 4
"""Memory that reading takes for each row, each field and each byte of a file, at most. Measured at its peak
(tracemalloc) with tables of 1 to 200 columns of digits, decimals and words, which took 9 to 106 times the size of the
file: they need 20 % (digits in 200 columns) to 99 % (one column) of it."""


class Line(NamedTuple):
    """A row of a table.

    Attributes:
        number: of its last line in the file, counted from 1.
        fields: its texts, without white space around them.
    """

    number: int
    fields: list[str]


def read_table(path: Path) -> list[Line]:
    """The rows of a CSV file in UTF-8, its header included; empty lines are left out.

    Raises:
        UserError: the file is no text, no CSV, or would take more memory than there is.
    """
    refuse_too_large(str(path), _memory_for(path), "leave columns or rows out, or save metadata as .npy")
    reader = None
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.reader(file, strict=True)
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


def _memory_for(path: Path) -> int:
    """Bytes of memory that reading `path` takes, from its size and its numbers of rows and fields."""
    n_bytes = n_rows = n_fields = 0
    for chunk in _chunks(path):
        if b"\0" in chunk:
            raise UserError(f"{path} is not UTF-8 text (it holds zero bytes): save it as a CSV in UTF-8")
        n_bytes += len(chunk)
        n_rows += chunk.count(b"\n") + chunk.count(b"\r") + 1
        n_fields += chunk.count(b",") + chunk.count(b"\n") + chunk.count(b"\r") + 1
    return n_rows * ROW_BYTES + n_fields * FIELD_BYTES + n_bytes * BYTE_BYTES


def _chunks(path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb") as file:
            while chunk := file.read(READ_BYTES):
                yield chunk
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror or error}): check its permissions") from None
