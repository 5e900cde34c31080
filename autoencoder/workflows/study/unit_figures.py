"""The figure of how many units a latent takes, from a study's table and its statistics."""

from __future__ import annotations

import statistics as stats
from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.figure import Figure

from autoencoder.measures.kinds import ColumnKind
from autoencoder.measures.targets import SCORE_NAMES
from autoencoder.plots.study.panels import color_of
from autoencoder.plots.study.units import Curve, PixelLine, UnitsPanel, units_figure
from autoencoder.study.measured.controls import PIXEL_CODES
from autoencoder.study.measured.told import MEASURE
from autoencoder.study.measured.units import ERROR, EXPLAINED, HELD_OUT_LOSS, SIZE, group_name
from autoencoder.study.table import Row, Table
from autoencoder.workflows.columns import readable

PROBE = "ridge"
"""The probe whose scores are drawn."""

ERRORS = {ERROR: ("Reconstruction of held-out images", "MSE"), HELD_OUT_LOSS: ("Held-out loss", "loss")}
"""Titles and units of the panels of errors."""


def units_of(table: Table, found: Mapping[str, Any]) -> Figure | None:
    """Errors, explained variance, and what is read of each column at the end, by the number of units.

    Args:
        table: all numbers.
        found: what a study measured, by section.

    Returns:
        the figure; None where sizes of the latent were not compared.
    """
    groups = found.get("units", {}).get("groups", [])
    if not groups:
        return None
    colors = {group["group"]: color_of(number) for number, group in enumerate(groups)}
    panels = [_errors(groups, error, colors) for error in ERRORS]
    panels.append(
        UnitsPanel("Explained variance", "share of the variance", *_by_size(table, colors, measure=EXPLAINED))
    )
    for name, column in found.get("probes", {}).get("columns", {}).items():
        kind = ColumnKind(column["kind"])
        title = readable(name) if column["enough_time"] else f"{readable(name)} (too slow)"
        curves, pixels = _by_size(table, colors, measure=MEASURE, column=name, probe=PROBE)
        panels.append(UnitsPanel(title, SCORE_NAMES[kind], curves, pixels, downwards=kind is ColumnKind.CIRCULAR))
    return units_figure([panel for panel in panels if panel.curves])


def _errors(groups: Sequence[Mapping[str, Any]], error: str, colors: Mapping[str, str]) -> UnitsPanel:
    its = [group for group in groups if group["error"] == error]
    curves = [
        Curve(
            group["group"],
            [size["latent_dim"] for size in group["sizes"]],
            [size["mean"] for size in group["sizes"]],
            [list(size["seeds"].values()) for size in group["sizes"]],
            colors[group["group"]],
            group["smallest"],
        )
        for group in its
    ]
    bound = {s["latent_dim"]: s["pca_bound"] for group in its for s in group["sizes"] if s["pca_bound"] is not None}
    values = [*bound.values(), *(value for curve in curves for seeds in curve.seeds for value in seeds)]
    title, unit = ERRORS[error]
    return UnitsPanel(title, unit, curves, _line(bound), logarithmic=all(value > 0 for value in values))


def _by_size(table: Table, colors: Mapping[str, str], **wanted: Any) -> tuple[list[Curve], PixelLine | None]:
    """Curves of groups from rows of the table, each run at its end, and the line of principal components."""
    ends: dict[str, Row] = {}
    for row in table.select(**wanted):
        if row["run"] not in ends or (row["step"] or 0) >= (ends[row["run"]]["step"] or 0):
            ends[row["run"]] = row
    groups: dict[str, dict[int, list[float]]] = {name: {} for name in colors}
    for row in ends.values():
        name = group_name({setting: row.get(setting) for setting in table.vary})
        if row["control"] is None and row["seed"] is not None and row.get(SIZE) and name in groups:
            groups[name].setdefault(int(row[SIZE]), []).append(row["value"])
    sizes = sorted({size for by_size in groups.values() for size in by_size})
    curves = [_curve(name, by_size, colors[name]) for name, by_size in groups.items() if by_size]
    of_pixels = {size: ends[run]["value"] for size in sizes if (run := PIXEL_CODES.format(size)) in ends}
    return curves, _line(of_pixels)


def _curve(name: str, by_size: Mapping[int, Sequence[float]], color: str) -> Curve:
    sizes = sorted(by_size)
    return Curve(name, sizes, [stats.mean(by_size[size]) for size in sizes], [by_size[size] for size in sizes], color)


def _line(by_size: Mapping[int, float]) -> PixelLine | None:
    sizes = sorted(by_size)
    return (sizes, [by_size[size] for size in sizes]) if sizes else None
