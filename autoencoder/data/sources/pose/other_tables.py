"""Tables that hold no pose that is read here: what they are, and what to give instead."""

from __future__ import annotations

import fnmatch
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NoReturn

from autoencoder.data.sources.pose.pose import refuse_3d
from autoencoder.data.sources.pose.text_table import TextTable
from autoencoder.data.tables import read_number
from autoencoder.errors import UserError

CENTRES = "it holds the animal's centre but no body parts: leave --pose out, and follow the animal instead (--follow)"


@dataclass(frozen=True)
class KnownTable:
    """A format that is known by its titles.

    Attributes:
        name: what it is, for the message.
        titles: that its first row has, in lower case, or their beginnings where they end with `*`.
        remedy: what to give instead.
    """

    name: str
    titles: frozenset[str]
    remedy: str


KNOWN_TABLES = (
    KnownTable("TRex's table of one animal", frozenset({"frame", "x#wcentroid*"}), CENTRES),
    KnownTable("TRex's table of one animal", frozenset({"frame", "speed#wcentroid*"}), CENTRES),
    KnownTable("idtracker.ai's trajectories", frozenset({"time", "x1", "y1"}), CENTRES),
    KnownTable("idtracker.ai's trajectories", frozenset({"seconds", "x1", "y1"}), CENTRES),
    KnownTable("ezTrack's location table", frozenset({"frame", "x", "y", "distance_px"}), CENTRES),
    KnownTable("TrackMate's table of spots", frozenset({"track_id", "position_x", "position_y"}), CENTRES),
    KnownTable(
        "annotations of the VGG Image Annotator",
        frozenset({"file_attributes", "region_shape_attributes"}),
        CENTRES,
    ),
)
"""Formats that people have instead of a pose."""


def refuse_table(table: TextTable) -> NoReturn:
    """Say what a table holds that no reader recognised.

    Raises:
        UserError: always.
    """
    path, fields = table.path, table.lines[0].fields if table.lines else []
    titles = {field.lower() for field in fields}
    if "fnum" in titles and any(title.endswith("_z") for title in titles):
        refuse_3d(path, "that camera's own pose, which Anipose keeps in pose-2d or pose-2d-filtered")
    for known in KNOWN_TABLES:
        if all(fnmatch.filter(titles, title) for title in known.titles):
            raise UserError(f"{path} is {known.name}, which is not a pose that can be read here: {known.remedy}")
    if fields and fields[0].lower() == "scorer":
        raise UserError(
            f"{path} begins with '{fields[0]}' as DeepLabCut's files do, but its next rows do not begin with "
            "bodyparts and coords (with individuals before them where there are several animals): export it again"
        )
    raise UserError(
        f"{path} is {_described(fields, table.shown())}, which is not a pose that can be read here. Export the "
        "positions of body parts in every frame in one of the formats listed in docs/own-data.md; if there is only "
        "the animal's centre, leave --pose out, and follow the animal instead (--follow)"
    )


def _described(fields: Sequence[str], shown: str) -> str:
    filled = [field for field in fields if field]
    if filled and all(read_number(field.replace(",", ".")) is not None for field in filled):
        return f"a table without titles of its columns, whose first row is {shown}"
    return f"a table with the columns {shown}" if filled else "an empty table"
