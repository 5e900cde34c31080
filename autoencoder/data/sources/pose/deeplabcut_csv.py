"""DeepLabCut's CSV, which Lightning Pose, EKS and Anipose (in two dimensions) write as well.

A few rows of titles say of each column whose it is (`scorer`, `individuals` where there are several animals,
`bodyparts`, `coords`); then a row for each frame.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from autoencoder.data.sources.pose.deeplabcut_columns import Column, to_poses
from autoencoder.data.sources.pose.frames import numbered
from autoencoder.data.sources.pose.hand_labels import names_picture, refuse_hand_labels
from autoencoder.data.sources.pose.pose import UNIQUE_PARTS, Poses
from autoencoder.data.sources.pose.text_table import TextTable, read_frame_numbers, read_values
from autoencoder.data.tables import Line, is_missing, read_number
from autoencoder.errors import UserError

LEVELS = (
    ("scorer", "bodyparts", "coords"),
    ("scorer", "individuals", "bodyparts", "coords"),
    ("bodyparts", "coords"),
    ("individuals", "bodyparts", "coords"),
)
"""Rows of titles, by what their first field says."""


NO_TITLES = frozenset({"index", "level_0"})
"""Titles that pandas gives an index without a name when it becomes a column, besides `Unnamed: 0_level_0`."""


@dataclass(frozen=True)
class Header:
    """What the rows of titles say.

    Attributes:
        n_rows: how many there are.
        n_titles: fields of a row that are its title: one, or three where a picture's path is split in three.
        width: fields of a row that have titles.
        columns: individual, part and coordinate of each that has a coordinate, by its number.
    """

    n_rows: int
    n_titles: int
    width: int
    columns: dict[int, Column]


def recognises(table: TextTable) -> bool:
    """Whether a table begins with the rows of titles."""
    return _levels(_without_counter(table).lines) is not None


def read(table: TextTable) -> Poses:
    """Read the poses of all individuals.

    Args:
        table: one that `recognises` accepts.

    Raises:
        UserError: the file holds labels of pictures or positions in space, or is damaged.
    """
    table = _without_counter(table)
    header = _read_header(table)
    lines = _without_index_title(table.lines[header.n_rows :], header)
    if lines and names_picture(_title(lines[0], header)):
        animals = dict.fromkeys(name for name, _, _ in header.columns.values() if name != UNIQUE_PARTS)
        scored = any(coordinate.lower() == "likelihood" for _, _, coordinate in header.columns.values())
        pictures = [_title(line, header) for line in lines]
        refuse_hand_labels(table.path, pictures, individuals=list(animals), scored=scored)
    numbers = read_frame_numbers(lines, 0, table.path)
    _check_order(numbers, lines, table.path)
    frames = numbered(numbers, table.path, len(header.columns))
    values = read_values(lines, list(header.columns), header.width, table.path)
    return to_poses(list(header.columns.values()), values, frames, table.path)


# --------------------------------------------------------------------------------------------------------------- titles


def _without_counter(table: TextTable) -> TextTable:
    """Without what pandas puts around a table that was read as one without titles or index, and saved again.

    That is a row of numbers before all others, and a column before all others, of numbers or of nothing.
    """
    lines = table.lines
    if lines and _counts([field for field in lines[0].fields if field]):
        lines = lines[1:]
    titled = [line.fields[:2] for line in lines[:2]]
    if len(titled) == 2 and all(len(fields) == 2 and _counts([fields[0] or "0"]) for fields in titled):
        titles = [fields[1].lower() for fields in titled]
        if tuple(titles) in {levels[:2] for levels in LEVELS}:
            return TextTable(table.path, [Line(number, fields[1:]) for number, fields in lines if len(fields) > 1])
    return TextTable(table.path, lines) if _levels(lines) else table


def _counts(fields: Sequence[str]) -> bool:
    """Whether fields are whole numbers that rise one by one."""
    if not fields or not all(field.isascii() and field.isdigit() for field in fields):
        return False
    first = int(fields[0])
    return [int(field) for field in fields] == list(range(first, first + len(fields)))


def _levels(lines: Sequence[Line]) -> tuple[str, ...] | None:
    """Which rows of titles a table has; pandas leaves their first fields empty where its levels have no names."""
    for levels in LEVELS:
        titles = tuple(_known_title(line.fields[0]) for line in lines[: len(levels)])
        if titles == levels:
            return levels
        if titles == ("",) * len(levels) and {"x", "y"} <= {field.lower() for field in lines[len(levels) - 1].fields}:
            return levels
    return None


def _known_title(field: str) -> str:
    """The title of a row, in lower case; empty where pandas made it up."""
    title = field.lower()
    return "" if title.startswith("unnamed: ") or title in NO_TITLES else title


def _read_header(table: TextTable) -> Header:
    levels = _levels(table.lines) or ()
    rows = {level: line.fields for level, line in zip(levels, table.lines, strict=False)}
    width = max(_n_filled(fields) for fields in rows.values())
    titles = {level: [*fields, *[""] * width][:width] for level, fields in rows.items()}
    coordinates, parts = titles["coords"], titles["bodyparts"]
    individuals = titles.get("individuals", [""] * width)
    n_titles = next((i for i in range(1, width) if coordinates[i] or parts[i]), width)
    columns = {}
    for i in range(n_titles, width):
        if bool(parts[i]) != bool(coordinates[i]):
            named = f"the coordinate of '{parts[i]}'" if parts[i] else f"the body part whose '{coordinates[i]}' it is"
            raise UserError(f"the header of {table.path} does not say {named} (column {i + 1}): export it again")
        if parts[i]:
            columns[i] = (individuals[i], parts[i], coordinates[i])
    if not columns:
        raise UserError(f"the header of {table.path} names no body parts: export it again")
    return Header(len(levels), n_titles, width, columns)


def _n_filled(fields: Sequence[str]) -> int:
    """Fields up to the last that is not empty: spreadsheets add empty columns."""
    return max((i + 1 for i, field in enumerate(fields) if field), default=0)


# ----------------------------------------------------------------------------------------------------------------- rows


def _title(line: Line, header: Header) -> str:
    return "/".join(line.fields[: header.n_titles])


def _without_index_title(lines: list[Line], header: Header) -> list[Line]:
    """Without the row that pandas writes below the titles where the index has a name."""
    if not lines or any(lines[0].fields[header.n_titles :]):
        return lines
    title = lines[0].fields[0]
    is_row = is_missing(title) or read_number(title) is not None or names_picture(_title(lines[0], header))
    return lines if is_row else lines[1:]


def _check_order(numbers: NDArray[np.float64], lines: Sequence[Line], path: Path) -> None:
    """Each row is a frame of its own, and later than the one before."""
    wrong = np.flatnonzero(np.diff(numbers) <= 0)
    if wrong.size:
        row = int(wrong[0]) + 1
        raise UserError(
            f"row {lines[row].number} of {path} is frame {numbers[row]:g} and the row before it is frame "
            f"{numbers[row - 1]:g}: the frames have to stand in ascending order, each once; export it again"
        )
