"""DeepLabCut's CSV."""

from __future__ import annotations

import math
from contextlib import suppress
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from autoencoder.data.sources.pose.pose import LIKELIHOOD, NO_SCORES, Poses, make_poses
from autoencoder.data.tables import Line, read_number, read_table
from autoencoder.errors import UserError
from autoencoder.machine.memory import refuse_too_large

COORDINATES = ("x", "y", "likelihood")
"""What DeepLabCut writes of each part; the likelihood is missing where people clicked the parts."""


def read(path: Path) -> Poses:
    """Read a CSV of DeepLabCut."""
    lines = read_table(path)
    titles = [line.fields[0].lower() for line in lines[:4]]
    if titles[:2] == ["scorer", "individuals"]:
        raise UserError(
            f"{path} holds several animals (its second row is 'individuals'): split it into one file per animal, "
            "without that row"
        )
    if titles[:3] != ["scorer", "bodyparts", "coords"]:
        raise UserError(
            f"{path} is not a pose file of DeepLabCut: the first three rows of such a CSV start with scorer, bodyparts "
            "and coords; of SLEAP take the .slp or the analysis .h5"
        )
    _, part_line, coordinate_line, *rows = lines
    places = _places(part_line.fields, [name.lower() for name in coordinate_line.fields], path)
    table = _numbers(rows, len(part_line.fields), path)
    if not np.array_equal(table[:, 0], np.arange(len(table))):
        raise UserError(
            f"the rows of {path} are not numbered 0, 1, 2, ..., so their frames are not known: export all frames"
        )
    xy = np.stack([table[:, [place["x"], place["y"]]] for place in places.values()], axis=1)
    likelihood = np.ones(xy.shape[:2])
    for i, place in enumerate(places.values()):
        if "likelihood" in place:
            likelihood[:, i] = table[:, place["likelihood"]]
    scored = any("likelihood" in place for place in places.values())
    return make_poses(tuple(places), ("",), xy[:, None], likelihood[:, None], path, LIKELIHOOD if scored else NO_SCORES)


def _places(parts: list[str], coordinates: list[str], path: Path) -> dict[str, dict[str, int]]:
    """Number of the column of each coordinate of each part, in the file's order."""
    places: dict[str, dict[str, int]] = {}
    for i, (part, coordinate) in enumerate(zip(parts, coordinates, strict=False)):
        if i == 0:
            continue  # titles of the rows
        if coordinate not in COORDINATES or coordinate in places.get(part, {}):
            raise UserError(
                f"column {i + 1} of {path} is '{coordinate}' of '{part}': expected x, y and likelihood, once"
            )
        places.setdefault(part, {})[coordinate] = i
    for part, place in places.items():
        if "x" not in place or "y" not in place:
            raise UserError(f"{path} has no x or no y of '{part}': export it again")
    if len(parts) != len(coordinates) or not places:
        raise UserError(f"the header of {path} names {len(parts) - 1} parts for {len(coordinates) - 1} coordinates")
    return places


def _numbers(lines: list[Line], n_columns: int, path: Path) -> NDArray[np.float64]:
    """(F, n_columns) float64; an empty field is NaN."""
    refuse_too_large(str(path), 8 * len(lines) * n_columns, "split it")
    table = np.full((len(lines), n_columns), math.nan)
    for i, (number, fields) in enumerate(lines):
        if len(fields) != n_columns:
            raise UserError(f"row {number} of {path} has {len(fields)} fields and its header has {n_columns}")
        values = [read_number(field) if field else math.nan for field in fields]
        if None in values:
            raise UserError(
                f"row {number} of {path} holds something that is no number ('{fields[values.index(None)]}'): export it "
                "again"
            )
        with suppress(OverflowError):  # an integer of 400 digits: nowhere, as what was not found is
            table[i] = values
    return table
