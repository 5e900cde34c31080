"""The report of values left out in turn: its answer first, a score for each, and what their codes tell."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from autoencoder.config.movies import AS_PNG_AND_SVG, FigureOptions
from autoencoder.display.summary import DPI, Summary
from autoencoder.machine.files import write_csv, write_json, write_text
from autoencoder.pages.report import (
    Listing,
    PageFigure,
    PageTable,
    Report,
    RowsOf,
    Section,
    Statement,
    Texts,
    report_document,
)
from autoencoder.plots.figures import Files, rendered, save_and_hold
from autoencoder.plots.study.animals import FoldPanel, folds_figure
from autoencoder.study.folder import StudyFolder
from autoencoder.study.groups.effects import TESTED_BELOW
from autoencoder.study.groups.folds import Told
from autoencoder.study.wording import capitalized, p_text, plural, seeds_text
from autoencoder.version import __version__
from autoencoder.workflows.columns import readable
from autoencoder.workflows.folds.measure import Folds, FoldScore
from autoencoder.workflows.groups.words import confounded_text, least_p_text
from autoencoder.workflows.markdown import TextTable, as_markdown, markdown_table
from autoencoder.workflows.study.report import HELD

STEM, SECTION = "folds", "What was left out"

COLUMNS = ("run", "setting", "left_out", "seed", "n_images", "score_name", "score", "control", "told_right")

HOW = (
    "p is that of the read-out: labels are exchanged between {units}, and read-outs learn the exchanged labels from "
    "the same codes. Networks know no labels, so they are not trained again. Without an effect the accuracy is below "
    "half, since what is left out moves the mean of its own condition away from itself."
)

CAPTION = "Score on each value that was left out: filled for the network (lines reach over seeds), open for the control"


def write_folds(found: Folds, folder: StudyFolder, options: FigureOptions = AS_PNG_AND_SVG) -> Files:
    """Write what was found.

    Returns:
        `report.html`, `report.md`, `folds.csv` (a row for each run), `folds.json`, and the figure.
    """
    drawn, held = save_and_hold(_figure(found), folder.path / STEM, options, HELD)
    write_csv(folder.folds_file, [_row(found, one) for one in found.scores], COLUMNS)
    write_json(folder.folds_numbers_file, _numbers(found))
    write_text(folder.report_file, _markdown(found))
    write_text(folder.page_file, report_document(_page(found, folder, held)))
    return Files([folder.page_file, folder.report_file, folder.folds_file, folder.folds_numbers_file]) + drawn


def summary(found: Folds) -> Summary:
    """What a notebook shows of it."""
    header, rows = table(found, found.settings[0])
    drawn = rendered(_figure(found), "folds", dpi=DPI)
    return Summary(question(found), header=header, rows=rows, pictures=[drawn], notes=[*sentences(found), *found.notes])


# --------------------------------------------------------------------------------------------------------------- words


def question(found: Folds) -> str:
    """What is asked."""
    units = plural(readable(found.column))
    if found.groups is None:
        return f"How well do networks do on {units} that they have not seen?"
    return f"Can the {readable(found.groups.by)} of {units} that no network has seen be read from their codes?"


def sentences(found: Folds) -> list[str]:
    """The answer first, then the scores, then what p is of."""
    said = []
    if found.groups is not None and found.groups.confounded:
        said.append(confounded_text(found.groups))
    said += [_told_text(found, setting, told) for setting, told in (found.told or {}).items()]
    said += [_score_text(found, setting) for setting in found.settings]
    if found.groups is not None and found.relabelled is not None:
        said.append(f"{capitalized(least_p_text(found.groups, found.relabelled))}.")
        said.append(HOW.format(units=plural(readable(found.column))))
    return said


def _told_text(found: Folds, setting: str, told: Told) -> str:
    assert found.groups is not None
    by, units = readable(found.groups.by), plural(readable(found.column))
    first, second = found.groups.conditions
    right = f"{100 * told.accuracy:.0f} % are right, where exchanged labels give {100 * told.by_chance:.0f} %"
    of = "" if len(found.settings) == 1 else f"{setting}: "
    if found.groups.confounded:
        return f"{of}Of {first} and {second}, {right}."
    if told.p is None:
        return f"{of}Whether the {by} of {units} left out can be read from their codes cannot be tested; {right}."
    if told.p < TESTED_BELOW:
        return f"{of}The {by} of {units} left out can be read from their codes: {right} (p = {p_text(told.p)})."
    return (
        f"{of}The {by} of {units} left out cannot be read from their codes beyond chance: {right} "
        f"(p = {p_text(told.p)}); that is no proof that they hold nothing about it."
    )


def _score_text(found: Folds, setting: str) -> str:
    folds = found.of_setting(setting)
    means = np.array([np.mean([one.score.value for one in scores]) for scores in folds.values()])
    name, units = next(iter(folds.values()))[0].score.name, plural(readable(found.column))
    of = "" if len(found.settings) == 1 else f"{setting}: "
    said = (
        f"{of}On {units} that were left out: {name} {_short(float(means.mean()))} on average over {len(folds)}, from "
        f"{_short(float(means.min()))} to {_short(float(means.max()))}"
    )
    controls = _controls(list(folds.values()))
    if controls is not None:
        said += f"; the PCA control {_short(float(controls.mean()))}"
    return f"{said} ({seeds_text(len({one.seed for scores in folds.values() for one in scores}))})."


def _controls(folds: Sequence[Sequence[FoldScore]]) -> np.ndarray | None:
    """(folds,) of the control, averaged over seeds; None where there is none."""
    values = [[one.score.control for one in scores] for scores in folds]
    if any(value is None for scores in values for value in scores):
        return None
    return np.array([np.mean([value for value in scores if value is not None]) for scores in values])


def _short(value: float) -> str:
    return f"{value:.3g}"


def table(found: Folds, setting: str) -> TextTable:
    """A row for each value that was left out, averaged over seeds."""
    folds = found.of_setting(setting)
    name = next(iter(folds.values()))[0].score.name
    right = _right(found, setting)
    header = [f"{readable(found.column)} left out", "images", name, "over seeds", "PCA control"]
    rows = []
    for value, scores in folds.items():
        values = [one.score.value for one in scores]
        controls = _controls([scores])
        row = [value, f"{scores[0].n_images:,}", _short(float(np.mean(values)))]
        row.append(f"{_short(min(values))} to {_short(max(values))}")
        row.append("-" if controls is None else _short(float(controls[0])))
        if right is not None:
            row += [", ".join(_conditions(found, value)) or "-", f"{100 * right[value]:.0f}" if value in right else "-"]
        rows.append(row)
    if right is not None and found.groups is not None:
        header += [readable(found.groups.by), "predicted correctly (%)"]
    return header, rows


def _right(found: Folds, setting: str) -> dict[str, float] | None:
    """How often the condition of each animal is told right, over networks and, where it is in both, conditions."""
    if found.groups is None or found.told is None or setting not in found.told:
        return None
    units, right = found.groups.cells.units, found.told[setting].right
    return {str(unit): float(right[units == unit].mean()) for unit in np.unique(units)}


def _conditions(found: Folds, value: str) -> list[str]:
    assert found.groups is not None
    cells = found.groups.cells
    return [found.groups.conditions[int(label)] for label in cells.labels[cells.units == value]]


# --------------------------------------------------------------------------------------------------------------- files


def _row(found: Folds, one: FoldScore) -> dict[str, Any]:
    right = _right(found, one.setting) or {}
    return {
        "run": one.run,
        "setting": one.setting,
        "left_out": one.left_out,
        "seed": one.seed,
        "n_images": one.n_images,
        "score_name": one.score.name,
        "score": one.score.value,
        "control": one.score.control,
        "told_right": right.get(one.left_out),
    }


def _numbers(found: Folds) -> dict[str, Any]:
    groups = found.groups
    told = {}
    for setting, one in (found.told or {}).items():
        p = None if groups is None or groups.confounded else one.p
        told[setting] = {**vars(one), "right": _right(found, setting), "p": p}
    return {
        "answer": sentences(found)[0],
        "column": found.column,
        "values": list(found.values),
        "runs": [_row(found, one) for one in found.scores],
        "by": None if groups is None else groups.by,
        "conditions": None if groups is None else list(groups.conditions),
        "strata": None if groups is None else list(groups.strata),
        "confounded_with": None if groups is None else [vars(one) for one in groups.confounded],
        "told": told,
        "notes": list(found.notes),
    }


def _figure(found: Folds) -> Figure:
    panels = []
    for setting in found.settings:
        folds = found.of_setting(setting)
        n_seeds = max(len(scores) for scores in folds.values())
        scores = np.full((len(found.values), n_seeds), np.nan)
        controls = np.full(len(found.values), np.nan)
        for place, value in enumerate(found.values):
            own = [one.score for one in folds.get(value, [])]
            if own:  # a seed that is missing is drawn as the mean of the others
                scores[place] = np.mean([one.value for one in own])
                scores[place, : len(own)] = [one.value for one in own]
                controls[place] = np.mean([np.nan if one.control is None else one.control for one in own])
        name = next(iter(folds.values()))[0].score.name
        panels.append(FoldPanel(setting, name, scores, None if np.isnan(controls).all() else controls))
    return folds_figure(panels, found.values)


def _markdown(found: Folds) -> str:
    first, *others = sentences(found)
    parts = [as_markdown(first), f"## {as_markdown(question(found))}"]
    if others:
        parts.append("\n".join(f"- {as_markdown(text)}" for text in others))
    for setting in found.settings:
        parts += [f"### {as_markdown(setting)}", markdown_table(table(found, setting))]
    parts.append(f"![{as_markdown(CAPTION)}]({STEM}.png)")
    return "\n\n".join([*parts, *(f"note: {as_markdown(text)}" for text in found.notes)]) + "\n"


def _page(found: Folds, folder: StudyFolder, held: Sequence[bytes]) -> Report:
    png, svg = held
    blocks: list[Any] = [PageFigure(STEM, CAPTION, png, svg)]
    lines = {one.run: number for number, one in enumerate(found.scores, 2)}
    for setting in found.settings:
        own = [lines[one.run] for one in found.scores if one.setting == setting]
        rows_of = RowsOf(folder.folds_file.name, [(min(own), max(own))], len(own), f"setting {setting}")
        blocks.append(PageTable(f"{setting}: averaged over seeds", *table(found, setting), rows_of))
    sections = [Section(SECTION, blocks)]
    if found.groups is not None:
        sections.append(Section("What p is of", [Texts([HOW.format(units=plural(readable(found.column)))])]))
    if found.notes:
        sections.append(Section("Notes", [Listing(list(found.notes))]))
    return Report(
        title=f"{readable(found.column)} left out".capitalize(),
        question=question(found),
        answer=[Statement(text, SECTION if number else None) for number, text in enumerate(sentences(found))],
        facts={
            "Left out in turn": f"{len(found.values)} values of {readable(found.column)}",
            "Settings": "; ".join(found.settings),
            "Seeds": ", ".join(map(str, sorted({one.seed for one in found.scores}))),
            "Measured with": f"autoencoder {__version__}",
        },
        sections=sections,
        folder_files={
            folder.folds_file.name: "the score of every run",
            folder.report_file.name: "the page as text",
            folder.folds_numbers_file.name: "all of it for programs",
        },
    )
