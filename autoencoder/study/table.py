"""The tidy table of a study: one number per row."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from autoencoder.errors import UserError
from autoencoder.machine.files import replacing
from autoencoder.study.population import Moment, Source

BEFORE, BEHIND = (
    ("run",),
    (
        "seed",
        "control",
        "step",
        "epoch",
        "measure",
        "column",
        "probe",
        "other_run",
        "other_step",
        "value",
        "null",
        "low",
        "high",
        "n",
        "tau",
    ),
)
"""Columns of `measures.csv` before and behind those of the settings that vary."""

NUMBERS = ("seed", "step", "epoch", "other_step", "value", "null", "low", "high", "n", "tau")

Row = dict[str, Any]


@dataclass
class Table:
    """Rows of `measures.csv`.

    Attributes:
        vary: names of the settings that vary.
        rows: in the order that they were measured.
    """

    vary: tuple[str, ...]
    rows: list[Row] = field(default_factory=list)

    @property
    def columns(self) -> tuple[str, ...]:
        """In the order of the file."""
        return (*BEFORE, *self.vary, *BEHIND)

    def add(self, source: Source, moment: Moment | None, measure: str, value: float, **more: Any) -> None:
        """Add a number of a source at a moment; `more` are other columns. What is not finite is left out."""
        if not math.isfinite(value):
            return
        self.rows.append(
            {
                "run": source.name,
                **source.levels,
                "seed": source.seed,
                "control": source.control,
                "step": moment.step if moment is not None and source.fixed is None else None,
                "epoch": moment.epoch if moment is not None and source.fixed is None else None,
                "measure": measure,
                "value": value,
                **more,
            }
        )

    def select(self, **wanted: Any) -> list[Row]:
        """Rows that hold these values, such as `measure="procrustes"`; a value may be a collection of several."""
        many = {name: value if isinstance(value, (set, tuple, list)) else (value,) for name, value in wanted.items()}
        return [row for row in self.rows if all(row.get(name) in values for name, values in many.items())]

    def without(self, measures: Iterable[str]) -> Table:
        """The same without rows of some measures."""
        left_out = set(measures)
        return Table(self.vary, [row for row in self.rows if row["measure"] not in left_out])

    def write(self, path: Path) -> None:
        """Write all of it as CSV; numbers with 6 digits."""
        with replacing(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(self.columns)
            for row in self.rows:
                writer.writerow([_written(row.get(name)) for name in self.columns])


def _written(value: Any) -> Any:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.6g}" if math.isfinite(value) else ""
    return value


def read_table(path: Path, vary: Sequence[str]) -> Table:
    """Read what `Table.write` wrote; an empty entry is None.

    Raises:
        UserError: the file is missing or is no such table.
    """
    try:
        with path.open(newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file)
            missing = [name for name in (*BEFORE, *vary, *BEHIND) if name not in (reader.fieldnames or ())]
            rows = [_read(row) for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error, ValueError) as error:
        raise UserError(f"{path} cannot be read ({error}): 'autoencoder study report' makes it again") from None
    if missing:
        raise UserError(f"{path} has no column {', '.join(missing)}: 'autoencoder study report' makes it again")
    return Table(tuple(vary), rows)


def _read(row: Mapping[str, str]) -> Row:
    return {name: (_number(text) if name in NUMBERS else text) if text else None for name, text in row.items()}


def _number(text: str) -> float | int:
    return int(text) if text.lstrip("-").isdigit() else float(text)
