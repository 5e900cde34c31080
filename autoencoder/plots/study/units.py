"""What a study tells by the number of units of the latent: errors, explained variance, and what is read from codes."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import NullFormatter
from numpy.typing import NDArray

from autoencoder.plots.curves import set_log_scale, spans_a_decade
from autoencoder.plots.drawing import TEXT_SIZE, shortened, text_width
from autoencoder.plots.figures import new_figure
from autoencoder.plots.study.panels import PANELS

PIXELS = "0.35"
"""The grey of principal components of the pixels."""

PANEL_WIDTH, HANDLE_WIDTH = 4.9, 0.85
"""Inches: of a panel, and of what a legend's entry takes beside its text."""

RING_SIZE = 15.0
"""Points across the ring round the size that is named."""

LABEL_SHARE = 0.08
"""Of the horizontal axis, that a label takes."""

PixelLine = tuple[Sequence[int], Sequence[float]]
"""Numbers of principal components of the pixels, and what they reach."""


@dataclass(frozen=True, eq=False)
class Curve:
    """A number by the size of the latent, in one group of runs.

    Attributes:
        label: of the group.
        sizes: (k,) units, ascending.
        means: (k,) over seeds.
        seeds: k of them, a value for each seed.
        color: of the group.
        named: the size that is ringed; None for no ring.
    """

    label: str
    sizes: Sequence[int]
    means: Sequence[float]
    seeds: Sequence[Sequence[float]]
    color: str
    named: int | None = None


@dataclass(frozen=True, eq=False)
class UnitsPanel:
    """Curves in one pair of axes.

    Attributes:
        title: above it.
        unit: on its vertical axis.
        curves: of the groups.
        pixels: what principal components reach; None where there are none.
        logarithmic: whether the vertical axis is, where values, which are positive then, span a decade.
        downwards: whether less is more, as of an error, and the axis is turned.
    """

    title: str
    unit: str
    curves: Sequence[Curve]
    pixels: PixelLine | None = None
    logarithmic: bool = False
    downwards: bool = False


def units_figure(panels: Sequence[UnitsPanel]) -> Figure:
    """Numbers by the size of the latent, a panel each, with one legend: every seed a dot, lines through their means.

    Args:
        panels: at least one.
    """
    n_columns = min(PANELS, len(panels))
    n_rows = math.ceil(len(panels) / n_columns)
    handles = _legend(panels)
    width = PANEL_WIDTH * n_columns
    legend_columns = _columns([str(handle.get_label()) for handle in handles], width)
    legend_rows = math.ceil(len(handles) / legend_columns)
    fig = new_figure(width, 3.6 * n_rows + 0.3 + 0.25 * legend_rows, "constrained")
    axes = fig.subplots(n_rows, n_columns, squeeze=False).ravel()
    for ax, panel in zip(axes, panels, strict=False):
        _draw(ax, panel)
    for ax in axes[len(panels) :]:
        ax.set_visible(False)
    fig.legend(handles=handles, loc="outside upper center", ncols=legend_columns, frameon=False, fontsize=TEXT_SIZE)
    return fig


def _legend(panels: Sequence[UnitsPanel]) -> list[Line2D]:
    colors = {curve.label: curve.color for panel in panels for curve in panel.curves}
    handles = [Line2D([], [], color=color, lw=2.2, label=shortened(label, 30)) for label, color in colors.items()]
    if any(panel.pixels is not None for panel in panels):
        handles.append(Line2D([], [], color=PIXELS, lw=1.6, ls="--", label="PCA of the pixels"))
    if any(curve.named is not None for panel in panels for curve in panel.curves):
        label = "fewest within 1 SE of the best"
        handles.append(Line2D([], [], ls="", marker="o", ms=11, mfc="none", mec="0.2", mew=1.5, label=label))
    return handles


def _columns(labels: Sequence[str], width: float) -> int:
    """How many columns of a legend fit beside each other in `width` inches; entries fill one column after another."""
    needed = [HANDLE_WIDTH + text_width(label, TEXT_SIZE) for label in labels]
    for n_columns in range(len(labels), 1, -1):
        if sum(float(column.max()) for column in np.array_split(needed, n_columns)) <= width:
            return n_columns
    return 1


def _draw(ax: Axes, panel: UnitsPanel) -> None:
    if panel.pixels is not None:
        ax.plot(*panel.pixels, color=PIXELS, lw=1.6, ls="--", zorder=2.5)  # seen also where it lies on a curve
    for curve in panel.curves:
        ax.plot(curve.sizes, curve.means, color=curve.color, lw=2.2, zorder=2)
        places = np.repeat(curve.sizes, [len(values) for values in curve.seeds])
        ax.plot(places, np.concatenate(curve.seeds), "o", color=curve.color, ms=5, alpha=0.7, mew=0, zorder=3)
        if curve.named is not None:
            mean = curve.means[list(curve.sizes).index(curve.named)]
            ax.plot([curve.named], [mean], "o", mfc="none", mec=curve.color, mew=1.8, ms=RING_SIZE, zorder=4)
    _scale(ax, panel)
    ax.set_title(shortened(panel.title, 44), fontsize=13)
    ax.set_xlabel("units of the latent", fontsize=TEXT_SIZE)
    ax.set_ylabel(panel.unit, fontsize=TEXT_SIZE)
    ax.tick_params(labelsize=11)
    ax.spines[["top", "right"]].set_visible(False)
    ax.grid(alpha=0.3)


def _scale(ax: Axes, panel: UnitsPanel) -> None:
    sizes = _apart({size for curve in panel.curves for size in curve.sizes})
    ax.set_xscale("log", base=2)
    ax.set_xticks(sizes, [str(size) for size in sizes])
    ax.xaxis.set_minor_formatter(NullFormatter())
    ax.minorticks_off()
    known = np.concatenate([*(np.ravel(values) for curve in panel.curves for values in curve.seeds), _line(panel)])
    if panel.logarithmic and spans_a_decade(known):
        set_log_scale(ax, known)
    if panel.downwards:
        ax.invert_yaxis()


def _line(panel: UnitsPanel) -> NDArray[np.float64]:
    return np.asarray(() if panel.pixels is None else panel.pixels[1], np.float64)


def _apart(sizes: Collection[int]) -> list[int]:
    """Sizes whose labels have room beside each other on a logarithmic axis, the largest one among them."""
    falling = sorted(sizes, reverse=True)
    room, kept = LABEL_SHARE * math.log(falling[0] / falling[-1]), falling[:1]
    for size in falling[1:]:
        if math.log(kept[-1] / size) >= room:
            kept.append(size)
    return kept[::-1]
