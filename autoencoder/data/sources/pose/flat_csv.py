"""A table with one row of titles, `nose_x,nose_y,nose_p,...`, as SimBA and many scripts write it; a row is a frame."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence

from autoencoder.data.sources.pose.deeplabcut_columns import (
    COORDINATES,
    OTHER_NAMES,
    Column,
    of_other_columns,
    to_poses,
)
from autoencoder.data.sources.pose.frames import in_order, numbered
from autoencoder.data.sources.pose.pose import Poses
from autoencoder.data.sources.pose.text_table import TextTable, read_frame_numbers, read_values

TITLE = re.compile(rf"(.+)[_. ](z|{'|'.join((*COORDINATES, *OTHER_NAMES))})", re.IGNORECASE)
"""A part and what stands in the column; `z` is one, so that positions in space are no pose."""

FRAME = frozenset({"", "frame", "frames", "frame_idx", "frame_number", "frame_id", "frameid", "index", "unnamed: 0"})
"""Titles of the column that numbers the frames, in lower case."""

INSTANCE = frozenset(
    {"track", "track_id", "trackid", "id", "individual", "animal", "animal_id", "instance", "object_id"}
)
"""Titles of columns that say whose a row is, so that a frame has several, or whose some columns are (`inst0.track`)."""

NUMBERED = re.compile(r"(.+?)[_ ]?(\d+)")
"""A part of one of several animals, as SimBA names them: `Nose_1`, `Nose_2`."""


def recognises(table: TextTable) -> bool:
    """Whether the titles name x and y of a part, and rows are frames."""
    fields = table.lines[0].fields if table.lines else []
    columns = _columns(fields)
    in_space = any(coordinate.lower() == "z" for _, _, coordinate in columns.values())
    return bool(columns) and not in_space and not INSTANCE & {field.lower().rpartition(".")[2] for field in fields}


def read(table: TextTable) -> Poses:
    """Read the pose of one animal, or of those whose numbers all parts bear.

    Args:
        table: one that `recognises` accepts.

    Raises:
        UserError: the file is damaged.
    """
    path, (header, *lines) = table.path, table.lines
    columns = _columns(header.fields)
    place = next((i for i, field in enumerate(header.fields) if field.lower() in FRAME), None)
    others = [field for i, field in enumerate(header.fields) if field and i not in columns and i != place]
    said = of_other_columns(others, path)
    if place is None:
        said.append(f"{path} does not number its rows, which are taken to be the frames of the video")
        frames = in_order(len(lines))
    else:
        frames = numbered(read_frame_numbers(lines, place, path), path, len(columns))
    values = read_values(lines, list(columns), len(header.fields), path)
    frames = dataclasses.replace(frames, notes=(*frames.notes, *said))
    return to_poses(_by_animal(list(columns.values())), values, frames, path)


def _columns(fields: Sequence[str]) -> dict[int, Column]:
    """Part and coordinate of each column of a part that has x and y, by the column's number."""
    matches = ((i, TITLE.fullmatch(field)) for i, field in enumerate(fields))
    columns = {i: ("", match[1], match[2]) for i, match in matches if match is not None}
    named = {(part, coordinate.lower()) for _, part, coordinate in columns.values()}
    return {i: column for i, column in columns.items() if {(column[1], "x"), (column[1], "y")} <= named}


def _by_animal(columns: list[Column]) -> list[Column]:
    """The columns with individuals, where every part bears a number, and every number has the same parts."""
    split = {part: NUMBERED.fullmatch(part) for _, part, _ in columns}
    named = {part: (match[1], match[2]) for part, match in split.items() if match is not None}
    bases, numbers = {base for base, _ in named.values()}, {number for _, number in named.values()}
    # Of a single part, numbers are more likely its own: tail_1, tail_2, tail_3.
    if len(named) != len(split) or len(bases) < 2 or len(numbers) < 2 or len(named) != len(bases) * len(numbers):
        return columns
    return [(named[part][1], named[part][0], coordinate) for _, part, coordinate in columns]
