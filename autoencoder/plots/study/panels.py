"""Figures of a study: how far representations are apart, and what they tell, over training."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator
from numpy.typing import NDArray

from autoencoder.plots.drawing import LONGEST_LABEL, shortened, wrapped
from autoencoder.plots.figures import new_figure

Array = NDArray[np.float64]

COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#882255", "#8C564B")
"""Of settings, told apart also by those who see no red or no green; more settings begin again, dashed."""

CONTROL_COLORS = ("#7F7F7F", "#B0A98F", "#5F7A8A", "#A88FA8")
"""Of controls, and of codes from files: paler than settings."""

CHANCE = "0.55"
BEFORE_TRAINING = 0.5
"""Epochs below the first snapshot after the beginning are drawn evenly, since a logarithm has no 0."""

TICK_APART = 2.0
"""A power of ten that is nearer than this ratio to the last epoch has no tick."""

PANELS = 3
"""Panels in a row."""

TITLE_WIDTH = 3.2
"""Inches of a title over dots, whose axes share their panel with the names of settings."""


@dataclass(frozen=True, eq=False)
class Line:
    """A number over training.

    Attributes:
        label: what it is of.
        epochs: (t,).
        values: (t,).
        color, dashed, faint: how it is drawn.
    """

    label: str | None
    epochs: Sequence[float]
    values: Sequence[float]
    color: str
    dashed: bool = False
    faint: bool = False


@dataclass(frozen=True, eq=False)
class Panel:
    """Lines in one pair of axes.

    Attributes:
        title: above it.
        unit: on its vertical axis.
        lines: in it.
        chance: a level that is by chance; None where there is none.
        downwards: whether less is more, as of an error.
    """

    title: str
    unit: str
    lines: Sequence[Line]
    chance: float | None = None
    downwards: bool = False


def color_of(number: int) -> str:
    """The colour of a setting."""
    return COLORS[number % len(COLORS)]


def distance_figure(
    matrix: Array, groups: Sequence[tuple[str, int]], panel: Panel | None, *, title: str, label: str
) -> Figure:
    """Distances of all runs at the end, and how those within and between settings came about.

    Args:
        matrix: (m, m) of runs, those of one setting together.
        groups: name and number of runs of each setting, in order.
        panel: the course over training; None where nothing changes.
        title: of the matrix.
        label: of its colours.
    """
    names = [shortened(name, 26) for name, _ in groups]
    fig = new_figure(14.5 if panel is not None else 8.5, 6.6, "constrained")
    axes = fig.subplots(1, 2 if panel is not None else 1, squeeze=False, width_ratios=[1.15, 1] if panel else [1])
    ax = axes[0, 0]
    shown = np.array(matrix, np.float64)
    np.fill_diagonal(shown, np.nan)
    image = ax.imshow(shown, cmap="viridis", interpolation="nearest")
    ends = np.cumsum([0, *(n for _, n in groups)])
    for end in ends[1:-1]:
        ax.axhline(end - 0.5, color="white", lw=2)
        ax.axvline(end - 0.5, color="white", lw=2)
    middles = (ends[:-1] + ends[1:] - 1) / 2
    ax.set_yticks(middles, names, fontsize=12)
    ax.set_xticks(middles, names, fontsize=12, rotation=35, ha="right", rotation_mode="anchor")
    ax.set_title(title, fontsize=14)
    bar = fig.colorbar(image, ax=ax, shrink=0.85)
    bar.set_label(label, fontsize=13)
    if panel is not None:
        _draw(axes[0, 1], panel)
        axes[0, 1].legend(frameon=False, fontsize=12, loc="best")
    return fig


def course_figure(panels: Sequence[Panel], names: Mapping[str, str]) -> Figure:
    """Several numbers over training, a panel each, with one legend.

    Args:
        panels: at least one.
        names: colour of each setting, by its name.
    """
    n_columns = min(PANELS, len(panels))
    n_rows = math.ceil(len(panels) / n_columns)
    fig = new_figure(4.9 * n_columns, 3.5 * n_rows + 0.9, "constrained")
    axes = fig.subplots(n_rows, n_columns, squeeze=False).ravel()
    for ax, panel in zip(axes, panels, strict=False):
        _draw(ax, panel)
    for ax in axes[len(panels) :]:
        ax.set_visible(False)
    handles = [axes[0].plot([], [], color=color, lw=2.5, label=shortened(name, 30))[0] for name, color in names.items()]
    handles += [
        axes[0].plot([], [], color="0.2", lw=2, label="ridge")[0],
        axes[0].plot([], [], color="0.2", lw=2, ls="--", label="neighbours")[0],
        axes[0].plot([], [], color=CHANCE, lw=1.5, ls=":", label="by chance")[0],
    ]
    fig.legend(handles=handles, loc="outside upper center", ncols=min(len(handles), 6), frameon=False, fontsize=12)
    return fig


@dataclass(frozen=True, eq=False)
class Dots:
    """A number of each seed, in one setting.

    Attributes:
        label: of the setting.
        values: (s,) one for each seed.
        mean, low, high: over seeds; None where there are too few for an interval.
        color: of the setting.
    """

    label: str
    values: Sequence[float]
    mean: float
    low: float | None
    high: float | None
    color: str


def dots_figure(panels: Mapping[str, Sequence[Dots]], units: Mapping[str, str] | None = None) -> Figure:
    """Numbers of single seeds beside each other, with means and intervals, a panel each.

    Args:
        panels: at least one, by their titles.
        units: what the numbers of a panel are in, by its title.
    """
    n_columns = min(PANELS, len(panels))
    n_rows = math.ceil(len(panels) / n_columns)
    most = max(len(groups) for groups in panels.values())
    fig = new_figure(4.9 * n_columns, (1.5 + 0.32 * most) * n_rows + 0.4, "constrained")
    axes = fig.subplots(n_rows, n_columns, squeeze=False).ravel()
    for ax, (title, groups) in zip(axes, panels.items(), strict=False):
        for place, dots in enumerate(groups):
            spread = np.linspace(-0.16, 0.16, len(dots.values)) if len(dots.values) > 1 else np.zeros(1)
            ax.plot(dots.values, place + spread, "o", color=dots.color, ms=5, alpha=0.7, mew=0)
            if dots.low is not None and dots.high is not None:
                ax.plot([dots.low, dots.high], [place, place], color="0.15", lw=1.5)
            ax.plot([dots.mean], [place], "|", color="0.15", ms=13, mew=2)
        ax.set_yticks(range(len(groups)), [shortened(dots.label, 24) for dots in groups], fontsize=11)
        ax.set_ylim(len(groups) - 0.5, -0.5)
        ax.set_title("\n".join(wrapped(shortened(title, LONGEST_LABEL), TITLE_WIDTH, 12)), fontsize=12)
        ax.xaxis.set_major_locator(MaxNLocator(4))
        ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.3g}"))
        ax.set_xlabel((units or {}).get(title, ""), fontsize=11)
        ax.tick_params(axis="x", labelsize=11)
        ax.spines[["top", "right"]].set_visible(False)
        ax.grid(axis="x", alpha=0.3)
    for ax in axes[len(panels) :]:
        ax.set_visible(False)
    return fig


def _draw(ax: Axes, panel: Panel) -> None:
    for line in panel.lines:
        ax.plot(
            line.epochs,
            line.values,
            color=line.color,
            ls="--" if line.dashed else "-",
            lw=0.8 if line.faint else 2.2,
            alpha=0.4 if line.faint else 1.0,
            label=line.label,
            marker=None if line.faint or len(line.epochs) > 1 else "o",
        )
    after = [epoch for line in panel.lines for epoch in line.epochs if epoch > 0]
    if after and max(after) > 4 * min(after):
        ax.set_xscale("symlog", linthresh=min(after), linscale=BEFORE_TRAINING)
        ax.set_xlim(left=0)
        powers = [10.0**power for power in range(-3, 4) if min(after) <= 10.0**power < max(after) / TICK_APART]
        ticks = [0.0, *powers, max(after)]
        ax.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
        ax.minorticks_off()
    if panel.chance is not None:
        ax.axhline(panel.chance, color=CHANCE, lw=1.5, ls=":")
    if panel.downwards:
        ax.invert_yaxis()
    ax.set_title(shortened(panel.title, 40), fontsize=13)
    ax.set_xlabel("epoch", fontsize=12)
    ax.set_ylabel(panel.unit, fontsize=12)
    ax.tick_params(labelsize=11)
    ax.spines[["top", "right"]].set_visible(False)
    ax.grid(alpha=0.3)
