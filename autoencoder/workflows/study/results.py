"""A measured study, read back from its folder: its table, and what was found in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autoencoder.config.arguments import AnyPath
from autoencoder.display.summary import DPI, Summary
from autoencoder.errors import UserError
from autoencoder.machine.files import read_json
from autoencoder.study.doubts import doubts
from autoencoder.study.folder import StudyFolder
from autoencoder.study.measured.measure import Measured
from autoencoder.study.planes import Planes, read_planes
from autoencoder.study.sentences import question, sentences
from autoencoder.study.table import Table, read_table
from autoencoder.workflows.markdown import TextTable
from autoencoder.workflows.study.tables import terminal_tables

if TYPE_CHECKING:
    from matplotlib.figure import Figure


PICTURED = ("space", "distances")
"""Of a study's figures, what a notebook shows: the first of these that there is."""


@dataclass(frozen=True, eq=False, repr=False)
class Study:
    """What a study found; `open_study` reads one.

    Attributes:
        path: its folder.
        measured: all that came of measuring it.
    """

    path: Path
    measured: Measured

    def __fspath__(self) -> str:
        return str(self.path)

    def __repr__(self) -> str:
        return f"<Study {self.path}>"

    def _repr_html_(self) -> str:
        """What a notebook shows: the answer in sentences, and the space of representations."""
        from autoencoder.plots.figures import rendered  # matplotlib, which tables do without

        figures = self.figures()
        name = next((name for name in (*PICTURED, *figures) if name in figures), None)
        pictures = [] if name is None else [rendered(figures[name], name, dpi=DPI)]
        title, (header, rows) = next(iter(self.tables()), ("", ((), ())))
        facts = [("folder", self.path), *([("table", title)] if title else [])]
        return Summary(self.question(), facts, header, rows, pictures, self.sentences()).html()

    @property
    def table(self) -> Table:
        """All numbers, one per row; see `autoencoder.study.table.Table`."""
        return self.measured.table

    @property
    def statistics(self) -> Mapping[str, Any]:
        """What was tested, on how many relabellings, and the smallest p possible, by what was measured."""
        return self.measured.statistics

    @property
    def planes(self) -> Planes | None:
        """What codes look like; None where that was not asked for."""
        return self.measured.planes

    def question(self) -> str:
        """What the study asks."""
        return question(self.statistics)

    def sentences(self) -> Sequence[str]:
        """What was found, in words, each with its number and its control; the first one answers the question."""
        return [sentence.text for sentence in sentences(self.statistics)]

    def doubts(self) -> Mapping[str, Sequence[str]]:
        """What would change the answer: questions, and what can be said to each."""
        return {doubt.question: [sentence.text for sentence in doubt.sentences] for doubt in doubts(self.statistics)}

    def tables(self) -> list[tuple[str, TextTable]]:
        """What was found, as tables: a title, and a header with rows."""
        return terminal_tables(self.statistics)

    def figures(self) -> dict[str, Figure]:
        """Every figure that the numbers allow, by name; each call draws them anew."""
        from autoencoder.workflows.study.figures import study_figures  # matplotlib, which tables do without

        return study_figures(self.table, self.statistics)


def open_study(path: AnyPath) -> Study:
    """Read what a study found.

    Args:
        path: its folder.

    Raises:
        UserError: it is no study, or was not measured yet, or a file is damaged.
    """
    folder = StudyFolder(path)
    if not folder.statistics_file.is_file():
        folder.design()  # which says so where it is no study at all
        raise UserError(f"{folder.path} was not measured yet: 'autoencoder study report {folder.path}' does it")
    statistics = read_json(folder.statistics_file)
    settings = statistics.get("settings")
    if not isinstance(settings, dict):
        raise UserError(f"{folder.statistics_file} is damaged: 'autoencoder study report' makes it again")
    planes = read_planes(folder.planes_file) if folder.planes_file.exists() else None
    return Study(folder.path, Measured(read_table(folder.measures_file, tuple(settings)), statistics, planes))
