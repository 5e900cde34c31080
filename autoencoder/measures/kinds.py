"""Kinds of what is known of an image: they decide what is near to what, and so how it is measured and drawn."""

from __future__ import annotations

from enum import StrEnum


class ColumnKind(StrEnum):
    """How a column is to be compared, coloured and predicted."""

    CIRCULAR = "circular"
    LINEAR = "linear"
    CATEGORY = "category"
