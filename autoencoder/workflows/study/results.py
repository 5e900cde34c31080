"""A measured study, read back from its folder: its table, and what was found in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autoencoder.errors import UserError
from autoencoder.machine.files import read_json
from autoencoder.study.folder import StudyFolder
from autoencoder.study.sentences import sentences
from autoencoder.study.table import Table, read_table
from autoencoder.workflows.markdown import TextTable
from autoencoder.workflows.study.tables import terminal_tables

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True, eq=False)
class Study:
    """What a study found; `open_study` reads one.

    Attributes:
        path: its folder.
        table: all numbers, one per row; see `autoencoder.study.table.Table`.
        statistics: what was tested, on how many relabellings, and the smallest p possible, by what was measured.
    """

    path: Path
    table: Table
    statistics: Mapping[str, Any]

    def sentences(self) -> Sequence[str]:
        """What was found, in words, each with its number and its control."""
        return sentences(self.statistics)

    def tables(self) -> list[tuple[str, TextTable]]:
        """What was found, as tables: a title, and a header with rows."""
        return terminal_tables(self.statistics)

    def figures(self) -> dict[str, Figure]:
        """Every figure that the numbers allow, by name; each call draws them anew."""
        from autoencoder.workflows.study.figures import study_figures  # matplotlib, which tables do without

        return study_figures(self.table, self.statistics)


def open_study(path: str | Path) -> Study:
    """Read what a study found.

    Args:
        path: its folder.

    Raises:
        UserError: it is no study, or was not measured yet, or a file is damaged.
    """
    folder = StudyFolder(path)
    if not folder.statistics_file.is_file():
        raise UserError(f"{folder.path} was not measured yet: 'autoencoder study report {folder.path}' does it")
    statistics = read_json(folder.statistics_file)
    settings = statistics.get("settings")
    if not isinstance(settings, dict):
        raise UserError(f"{folder.statistics_file} is damaged: 'autoencoder study report' makes it again")
    return Study(folder.path, read_table(folder.measures_file, tuple(settings)), statistics)
