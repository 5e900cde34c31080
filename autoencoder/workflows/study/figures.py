"""Figures of a study, from its table and its statistics."""

from __future__ import annotations

import statistics as stats
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from autoencoder.measures.kinds import ColumnKind
from autoencoder.measures.targets import SCORE_NAMES
from autoencoder.plots.study.panels import Dots, Line, Panel, color_of, course_figure, distance_figure, dots_figure
from autoencoder.study.measured.likeness import MAIN
from autoencoder.study.table import Table
from autoencoder.workflows.columns import readable
from autoencoder.workflows.study.space_figures import space_figure_of
from autoencoder.workflows.study.tables import effect_name, single_measures
from autoencoder.workflows.study.unit_figures import units_of

PROBES = ("ridge", "knn")

UNITS = {
    "participation_ratio": "dimensions",
    "components_95": "principal components",
    "mle_dimension": "dimensions",
    "train_loss": "loss",
    "val_loss": "loss",
}
METRIC_UNITS = {"_deg": "deg", "psnr": "dB", "mse": "MSE", "iou": "IoU", "accuracy": "share of the images", "r2": "R2"}
"""By what is in the name of an objective's metric."""

WITHIN = {
    "within": ("one setting, other seed", "#0072B2"),
    "other_setting_other_seed": ("other setting, other seed", "#D55E00"),
    "other_setting_same_seed": ("other setting, same seed", "#E69F00"),
    "by_chance": ("by chance", "0.55"),
}
"""What pairs of runs have in common, and how they are drawn."""


def study_figures(table: Table, found: Mapping[str, Any]) -> dict[str, Figure]:
    """Every figure that the numbers of a study allow, by the name of its file."""
    figures = {
        "space": space_figure_of(found),
        "distances": _distances(table, found),
        "told": _told(table, found),
        "seeds": _seeds(found),
        "units": units_of(table, found),
    }
    return {name: figure for name, figure in figures.items() if figure is not None}


def _distances(table: Table, found: Mapping[str, Any]) -> Figure | None:
    similarity = found.get("similarity", {})
    if "measures" not in similarity:
        return None
    measure = similarity["measures"][MAIN]
    names, settings, matrix = _matrix(table, found, MAIN)
    if len(names) < 2:
        return None
    groups = [(setting, settings.count(setting)) for setting in dict.fromkeys(settings)]
    course = [moment for moment in measure["over_training"] if moment["within"] is not None]
    panel = None
    if len(course) > 1:
        lines = [
            Line(label, [m["epoch"] for m in known], [m[key] for m in known], color)
            for key, (label, color) in WITHIN.items()
            if len(known := [moment for moment in course if moment[key] is not None]) > 1
        ]
        panel = Panel("Pairs of runs over training", _unit(measure), lines)
    return distance_figure(
        matrix, groups, panel, title=f"Pairs of runs at {similarity['moment'].split(',')[0]}", label=_unit(measure)
    )


def _unit(measure: Mapping[str, Any]) -> str:
    return f"{measure['title']} (degrees)" if measure["unit"] else str(measure["title"])


def _matrix(table: Table, found: Mapping[str, Any], measure: str) -> tuple[list[str], list[str], np.ndarray]:
    """Names, settings, and values (m, m) of runs at their last moments, those of a setting together."""
    order = found["similarity"]["runs"]
    last = {entry["name"]: entry["step"] for entry in order}
    names = [entry["name"] for entry in order]
    place = {name: i for i, name in enumerate(names)}
    matrix = np.full((len(names), len(names)), np.nan)
    for row in table.select(measure=measure):
        one, other = row["run"], row["other_run"]
        if one == other or one not in place or other not in place:
            continue
        if (row["step"], row["other_step"]) == (last[one], last[other]):
            matrix[place[one], place[other]] = matrix[place[other], place[one]] = row["value"]
    return names, [entry["setting"] for entry in order], matrix


def _told(table: Table, found: Mapping[str, Any]) -> Figure | None:
    columns = found.get("probes", {}).get("columns", {})
    runs = [run for column in columns.values() for run in column["runs"].values()]
    design = list(dict.fromkeys(run["setting"] for run in runs if run["control"] is None and run["seed"] is not None))
    if not design:
        return None
    colors = {setting: color_of(i) for i, setting in enumerate(design)}
    panels = [_panel(table, name, column, colors) for name, column in columns.items()]
    return course_figure(panels, colors) if panels else None


def _seeds(found: Mapping[str, Any]) -> Figure | None:
    """Single measures at the end: every seed a dot, means and their 95 % intervals."""
    panels, units, effects = {}, dict[str, str](), single_measures(found)
    settings = list(dict.fromkeys(entry["setting"] for effect in effects for entry in effect["settings"]))
    for effect in effects:
        title = effect_name(effect)
        units[title] = _unit_of(effect, found)
        panels[title] = [
            Dots(
                entry["setting"],
                list(entry["seeds"].values()),
                entry["mean"],
                entry["low"],
                entry["high"],
                color_of(settings.index(entry["setting"])),
            )
            for entry in effect["settings"]
        ]
    return dots_figure(panels, units) if panels else None


def _unit_of(effect: Mapping[str, Any], found: Mapping[str, Any]) -> str:
    """What the numbers of a single measure are in."""
    if effect.get("probe"):
        return SCORE_NAMES[ColumnKind(found["probes"]["columns"][effect["column"]]["kind"])]
    name = str(effect.get("column") or effect["measure"])
    return UNITS.get(name) or next((unit for ending, unit in METRIC_UNITS.items() if ending in name), "")


def _panel(table: Table, name: str, column: Mapping[str, Any], colors: Mapping[str, str]) -> Panel:
    kind = ColumnKind(column["kind"])
    setting_of = {run: entry["setting"] for run, entry in column["runs"].items() if entry["setting"] in colors}
    lines = list[Line]()
    for setting, color in colors.items():
        for probe in PROBES:
            curves = _curves(table, name, probe, [run for run, its in setting_of.items() if its == setting])
            if probe == PROBES[0]:
                lines += [Line(None, list(curve), list(curve.values()), color, faint=True) for curve in curves]
            shared = [epoch for epoch in (curves[0] if curves else {}) if all(epoch in curve for curve in curves)]
            means = [stats.mean(curve[epoch] for curve in curves) for epoch in shared]
            lines.append(Line(None, shared, means, color, dashed=probe != PROBES[0]))
    chances = [run[probe]["by_chance"] for run in column["runs"].values() for probe in PROBES]
    known = [value for value in chances if value is not None]
    title = readable(name) if column["enough_time"] else f"{readable(name)} (too slow)"
    return Panel(title, SCORE_NAMES[kind], lines, stats.mean(known) if known else None, kind is ColumnKind.CIRCULAR)


def _curves(table: Table, name: str, probe: str, runs: Sequence[str]) -> list[dict[float, float]]:
    """Score by epoch of each run."""
    curves: dict[str, dict[float, float]] = {run: {} for run in runs}
    for row in table.select(measure="told", column=name, probe=probe, run=list(runs)):
        curves[row["run"]][row["epoch"]] = row["value"]
    return [curve for curve in curves.values() if curve]
