"""Cells of a comparison's tables: numbers, over seeds with their spread, and how they are written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

Cells = list[dict[str, Any]]


@dataclass(frozen=True)
class Spread:
    """One number over several seeds: its mean, and the standard deviation between seeds (n - 1)."""

    mean: float
    deviation: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """Mean and deviation of two values or more."""
        return cls(float(np.mean(values)), float(np.std(values, ddof=1)))


def over_seeds(rows: Cells) -> Cells:
    """One row for each name of a run, in the order of their first rows, with a `Spread` for each number that differs.

    Rows whose name is the only one are kept as they are.
    """
    groups: dict[str, Cells] = {}
    for row in rows:
        groups.setdefault(row["run"], []).append(row)
    return [group[0] if len(group) == 1 else _merged(group) for group in groups.values()]


def _merged(group: Cells) -> dict[str, Any]:
    merged: dict[str, Any] = {}
    for key in dict.fromkeys(key for row in group for key in row):
        values: list[Any] = [row.get(key) for row in group]
        if key == "seed":
            merged[key] = ", ".join(map(str, values))
        elif all(value == values[0] for value in values):
            merged[key] = values[0]
        elif all(isinstance(value, (int, float)) for value in values):
            merged[key] = Spread.of(values)
        else:
            merged[key] = None if any(value is None for value in values) else " / ".join(map(str, values))
    return merged


def text_of(value: Any, form: str) -> str:
    """A cell as it is written."""
    if value is None:
        return "-"
    if isinstance(value, Spread):
        return f"{value.mean:{form}} ± {value.deviation:{form.lstrip('+')}}"
    return f"{value:{form}}" if form else str(value)
