"""The study folder: the only module that knows the names of its files.

::

    STUDY/study.json       the design, its data, versions, and runs that could not be trained
          runs/NAME-seed/  ordinary run folders
          measures.csv     one number per row; see `autoencoder.study.table.Table`
          statistics.json  what was tested, on how many relabellings, and the smallest p possible
          report.html      the report, one page that opens anywhere
          report.md        its sentences and tables as text
          methods.md       what was done, for a Methods section
          planes.npz       what codes look like, from which figures are drawn
          *.png, *.svg     figures
          space.mp4        the space of representations over training
          folds.csv        of `--leave-one-out`: the score of each run on what it has not seen
          folds.json       the same, and what was told of it, for programs
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from autoencoder.config.arguments import AnyPath, path_of
from autoencoder.errors import UserError, first_few
from autoencoder.machine.files import read_json, write_json
from autoencoder.runs.folder import Run
from autoencoder.study.designs.design import setting_name

FORMAT_VERSION = 1


class StudyFolder:
    """A study on disk.

    Args:
        path: the folder; it need not exist before `write_design`.
    """

    def __init__(self, path: AnyPath) -> None:
        self.path = path_of(path, "a study")

    def __fspath__(self) -> str:
        return str(self.path)

    @property
    def design_file(self) -> Path:
        """`study.json`."""
        return self.path / "study.json"

    @property
    def runs(self) -> Path:
        """`runs/`, which holds the run folders."""
        return self.path / "runs"

    @property
    def measures_file(self) -> Path:
        """`measures.csv`."""
        return self.path / "measures.csv"

    @property
    def statistics_file(self) -> Path:
        """`statistics.json`."""
        return self.path / "statistics.json"

    @property
    def report_file(self) -> Path:
        """`report.md`."""
        return self.path / "report.md"

    @property
    def page_file(self) -> Path:
        """`report.html`."""
        return self.path / "report.html"

    @property
    def methods_file(self) -> Path:
        """`methods.md`."""
        return self.path / "methods.md"

    @property
    def planes_file(self) -> Path:
        """`planes.npz`."""
        return self.path / "planes.npz"

    @property
    def movie_file(self) -> Path:
        """`space.mp4`."""
        return self.path / "space.mp4"

    @property
    def folds_file(self) -> Path:
        """`folds.csv`."""
        return self.path / "folds.csv"

    @property
    def folds_numbers_file(self) -> Path:
        """`folds.json`."""
        return self.path / "folds.json"

    def figure_file(self, name: str, suffix: str) -> Path:
        """The figure `name`, with the suffix `.png` or `.svg`."""
        return self.path / f"{name}{suffix}"

    def refuse_foreign(self) -> None:
        """Refuse a folder that holds something else than a study, or than runs that one was to have.

        Raises:
            UserError: it is no folder, or is not empty and holds no study.
        """
        if not self.path.exists() or self.design_file.exists():
            return
        if not self.path.is_dir() or any(
            file != self.runs and ".partial" not in file.name for file in self.path.iterdir()
        ):
            raise UserError(f"{self.path} exists and is not a study: choose another --out")

    def refuse_dropping(self, names: Collection[str]) -> None:
        """Refuse to put a study in place of one that has trained runs which the new one does not have.

        Args:
            names: of the new study's runs.

        Raises:
            UserError: there are such runs; some of them are named.
        """
        if not self.design_file.exists():
            return
        try:
            earlier = self.design()["runs"]
        except UserError:  # it is damaged: the new design takes its place
            return
        dropped = [run["name"] for run in earlier if run["name"] not in names]
        dropped = [name for name in dropped if Run(self.runs / name).config_file.exists()]
        if dropped:
            raise UserError(
                f"{self.path} holds another study, with runs that this one does not have ({first_few(dropped, 3)}): "
                "choose another --out, or add to the earlier study, which keeps all of its runs"
            )

    def by_seed(self) -> list[dict[str, Path]]:
        """Folders of the runs that could be trained, by their settings in short, those of one seed together.

        Raises:
            UserError: as `design`.
        """
        groups: dict[int, dict[str, Path]] = {}
        design = self.design()
        for run in design["runs"]:
            folder = self.runs / run["name"]
            if run["name"] not in design.get("failed", {}) and Run(folder).config_file.exists():
                groups.setdefault(run["seed"], {})[setting_name(run["settings"], run.get("control"))] = folder
        return list(groups.values())

    def write_design(self, content: Mapping[str, Any]) -> None:
        """Write `study.json`."""
        write_json(self.design_file, {"format_version": FORMAT_VERSION, **content})

    def design(self) -> dict[str, Any]:
        """What `write_design` was given.

        Raises:
            UserError: the folder is no study, or its file is damaged or of a newer format.
        """
        if not self.path.exists():
            raise UserError(f"there is no study {self.path}: check the path; 'autoencoder study' makes one")
        if not self.design_file.is_file():
            raise UserError(
                f"{self.path} is not a study: it has no {self.design_file.name}; 'autoencoder study' makes one"
            )
        content = read_json(self.design_file)
        version = content.get("format_version")
        if version != FORMAT_VERSION:
            raise UserError(f"{self.design_file} has the format {version}, and this version reads {FORMAT_VERSION}")
        problem = _problem_of(content)
        if problem is not None:
            raise UserError(f"{self.design_file} is damaged ({problem}): run the command that made the study again")
        return content


def _problem_of(content: Mapping[str, Any]) -> str | None:
    """What is wrong with the content of a design; None where nothing is."""
    if not isinstance(content.get("data"), str):
        return "it names no data"
    runs = content.get("runs")
    if not isinstance(runs, list) or not runs:
        return "it names no runs"
    for run in runs:
        if not isinstance(run, dict) or not isinstance(run.get("name"), str) or "/" in run["name"]:
            return "a run has no name"
        if type(run.get("seed")) is not int or not isinstance(run.get("settings"), dict):
            return f"the run '{run['name']}' has no seed or no settings"
        if not all(isinstance(value, str) for value in run["settings"].values()):
            return f"the settings of the run '{run['name']}' are no texts"
    vary = content.get("vary")
    if not isinstance(vary, dict) or not all(isinstance(values, list) for values in vary.values()):
        return "it does not say what varies"
    return None
