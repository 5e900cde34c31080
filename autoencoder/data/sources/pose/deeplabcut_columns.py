"""Poses from the columns of a table of DeepLabCut, whichever kind of file it stood in."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autoencoder.data.sources.pose.frames import Frames
from autoencoder.data.sources.pose.pose import LIKELIHOOD, NO_SCORES, Poses, make_poses, refuse_3d
from autoencoder.errors import UserError
from autoencoder.machine.plain_text import one_line

COORDINATES = ("x", "y", "likelihood")
"""What DeepLabCut writes of each part; the likelihood is missing where people clicked the parts."""

OTHER_NAMES = ("confidence", "conf", "probability", "prob", "p", "score")
"""What scripts call the likelihood when they write tables of this kind."""

Column = tuple[str, str, str]
"""Individual (empty in files of one animal), part and coordinate."""

MOST_SAID = 8
"""Columns that are named in a note."""


def to_poses(columns: Sequence[Column], table: NDArray[Any], frames: Frames, path: Path) -> Poses:
    """Poses from a table.

    Args:
        columns: individual, part and coordinate of each, the last in upper or lower case; C.
        table: (R, C) numbers; NaN where there is none.
        frames: of the R rows.
        path: their file.

    Raises:
        UserError: columns of x or y are missing or there twice, or there are coordinates in space.
    """
    if any(coordinate.lower() == "z" for _, _, coordinate in columns):
        refuse_3d(path)
    columns, renamed = _with_likelihood(columns, path)
    known = [(i, column) for i, column in enumerate(columns) if column[2].lower() in COORDINATES]
    individuals = tuple(dict.fromkeys(individual for _, (individual, _, _) in known))
    parts = tuple(dict.fromkeys(part for _, (_, part, _) in known))
    places = _places(known, individuals, parts, path)
    there = places >= 0
    values = np.where(there, frames.spread(table)[:, places], np.nan)
    return make_poses(
        parts,
        individuals,
        values[..., :2],
        np.where(there[:, :, 2], values[..., 2], 1.0),
        path,
        LIKELIHOOD if there[:, :, 2].any() else NO_SCORES,
        first_frame=frames.first,
        notes=(*frames.notes, *renamed, *_left_out(columns, path)),
    )


def _with_likelihood(columns: Sequence[Column], path: Path) -> tuple[Sequence[Column], list[str]]:
    """Columns in which the likelihood is called so, and what is said where it was not."""
    names = {name.lower() for _, _, name in columns}
    other = [name for name in OTHER_NAMES if name in names]
    if COORDINATES[2] in names or len(other) != 1:
        return columns, []
    renamed = [(*column[:2], COORDINATES[2] if column[2].lower() == other[0] else column[2]) for column in columns]
    return renamed, [f"'{other[0]}' in {path} is taken for the likelihood (--min-likelihood)"]


def _places(
    known: Sequence[tuple[int, Column]], individuals: Sequence[str], parts: Sequence[str], path: Path
) -> NDArray[np.int64]:
    """(A, P, 3) number of the column of each coordinate; -1 where there is none."""
    row = {name: i for i, name in enumerate(individuals)}
    place = {name: i for i, name in enumerate(parts)}
    places = np.full((len(individuals), len(parts), len(COORDINATES)), -1)
    for i, (individual, part, coordinate) in known:
        where = row[individual], place[part], COORDINATES.index(coordinate.lower())
        if places[where] >= 0:
            raise UserError(f"{path} has {coordinate} of {_said(individual, part)} twice: export it again")
        places[where] = i
    there = places >= 0
    for a, p in np.argwhere(there.any(axis=2) & ~there[:, :, :2].all(axis=2)):
        raise UserError(
            f"{path} has no x or no y of {_said(individuals[a], parts[p])}"
            f"{_of_numbered_names(parts[p], parts)}: export it again"
        )
    return places


def _of_numbered_names(part: str, parts: Sequence[str]) -> str:
    """Why x and y may have come apart: of a header that it takes for one row, pandas numbers names that come again."""
    if f"{part}.1" not in parts:
        return ""
    return f" (pandas has made '{one_line(part)}.1' of its name: read all rows of the header, as header=[0, 1, 2])"


def _left_out(columns: Sequence[Column], path: Path) -> list[str]:
    """A note of columns that are not read, which are the same ones of every part."""
    return of_other_columns(
        list(dict.fromkeys(name for _, _, name in columns if name.lower() not in COORDINATES)), path
    )


def of_other_columns(names: Sequence[str], path: Path) -> list[str]:
    """A note of columns that are not read, where there are any."""
    if not names:
        return []
    listed = ", ".join(one_line(name)[:40] for name in names[:MOST_SAID])
    more = f" and {len(names) - MOST_SAID:,} more" if len(names) > MOST_SAID else ""
    return [f"{path} has other columns, which were not read: {listed}{more}"]


def _said(individual: str, part: str) -> str:
    return f"'{one_line(part)}' of '{one_line(individual)}'" if individual else f"'{one_line(part)}'"
