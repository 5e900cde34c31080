"""A run's own table of its epochs, `metrics.csv`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from autoencoder.runs.folder import Run


class TableWriter:
    """Writes the whole table anew with each row, so that it is complete at any time.

    Args:
        run: where to.
        rows: that are there already.
    """

    def __init__(self, run: Run, rows: Sequence[Mapping[str, Any]] = ()) -> None:
        self._run, self._rows = run, list(rows)

    @classmethod
    def open(cls, run: Run, resumed_at: int | None) -> TableWriter:
        """The table of a run, up to the step of the checkpoint that it is resumed at; None for a new one.

        Raises:
            UserError: the file is damaged.
        """
        rows = [] if resumed_at is None else run.metrics()
        return cls(run, [row for row in rows if row["step"] <= (resumed_at or 0)])

    def write(self, row: Mapping[str, Any]) -> None:
        """Add one epoch's row; see `autoencoder.runs.folder.METRIC_COLUMNS`.

        Raises:
            UserError: the disk is full, or the folder cannot be written to.
        """
        self._rows.append(row)
        self._run.write_metrics([dict(row) for row in self._rows])

    def close(self) -> None:
        """Nothing is left to be done."""
