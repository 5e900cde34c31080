"""What is drawn of a metadata column, and what columns and axes are called in pictures and files."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from autoencoder.array_types import Rows
from autoencoder.data.metadata import Metadata
from autoencoder.machine.plain_text import visible
from autoencoder.measures.kinds import ColumnKind

UNITS = {
    **{f"{length}_per_s": f"{length}/s" for length in ("deg", "rad", "px", "mm", "cm")},
    **{name: name for name in ("deg", "rad", "px", "um", "mm", "cm", "ms", "s")},
    **{"degrees": "deg", "degree": "deg", "radians": "rad", "seconds": "s", "pixels": "px", "hz": "Hz", "db": "dB"},
}
"""Ends of columns' names that are units, and how these are written; longer ones first."""

NO_COLUMN = "row"
"""What points are coloured by where nothing is known of the images: their place in the data file."""


def column_values(metadata: Metadata, name: str, rows: Rows) -> tuple[NDArray[np.generic], ColumnKind, float]:
    """What points of `rows` are coloured by: values, their kind, and the period of an angle.

    `NO_COLUMN`, where the metadata have no such column, stands for the place in the data file.
    """
    if name == NO_COLUMN and NO_COLUMN not in metadata.names:
        return rows, ColumnKind.LINEAR, 1.0
    kind = metadata.kind(name)
    return metadata.column(name)[rows], kind, metadata.period(name) if kind is ColumnKind.CIRCULAR else 1.0


def telling_columns(metadata: Metadata) -> list[str]:
    """The first angle; where there is none, the first label, or the first column."""
    for kind in (ColumnKind.CIRCULAR, ColumnKind.CATEGORY, ColumnKind.LINEAR):
        named = [name for name in metadata.names if metadata.kind(name) is kind]
        if named:
            return named[:1]
    return []


def readable(column: str) -> str:
    """`body_angle_deg` to `body angle (deg)`, `speed_px_per_s` to `speed (px/s)`; what is not seen is written out."""
    column = visible(column)
    for ending, unit in UNITS.items():
        if column.lower().endswith(f"_{ending}") and len(column) > len(ending) + 1:
            return f"{column[: -len(ending) - 1].replace('_', ' ')} ({unit})"
    return column.replace("_", " ")
