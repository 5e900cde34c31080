"""Animals of two conditions beside each other, a dot for each, told apart in black and white."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator
from numpy.typing import NDArray

from autoencoder.array_types import Integers
from autoencoder.plots.drawing import shortened, wrapped
from autoencoder.plots.figures import new_figure

DARK, PALE = "0.1", "0.55"

PANEL_WIDTH, PANEL_HEIGHT = 3.1, 3.9
"""Inches."""

PANELS = 4
"""Panels in a row."""

SPREAD = 0.17
"""Dots of a condition lie this far to either side."""


@dataclass(frozen=True, eq=False)
class AnimalPanel:
    """One number of each animal.

    Attributes:
        title: what it is.
        below: what was found of it, lines under the title.
        axis: on the vertical axis.
        values: (n,) of animals in conditions.
        means: of the two conditions.
        level: that is by chance, or of the mean animal.
    """

    title: str
    below: Sequence[str]
    axis: str
    values: NDArray[np.float64]
    means: tuple[float, float]
    level: float


def animals_figure(
    panels: Sequence[AnimalPanel], labels: Integers, conditions: tuple[str, str], pairs: Sequence[tuple[int, int]] = ()
) -> Figure:
    """Dots of animals, open for the first condition and filled for the second, with the conditions' means as bars.

    Args:
        panels: at least one.
        labels: (n,) condition of each animal, 0 or 1.
        conditions: their names.
        pairs: places of the two dots of an animal that is in both; a line joins them.
    """
    n_columns = min(PANELS, len(panels))
    n_rows = -(-len(panels) // n_columns)
    fig = new_figure(PANEL_WIDTH * n_columns + 0.3, PANEL_HEIGHT * n_rows + 0.3, "constrained")
    axes = fig.subplots(n_rows, n_columns, squeeze=False).ravel()
    for ax, panel in zip(axes, panels, strict=False):
        _draw(ax, panel, labels, conditions, pairs)
    for ax in axes[len(panels) :]:
        ax.set_visible(False)
    return fig


@dataclass(frozen=True, eq=False)
class FoldPanel:
    """Scores of what was left out, by one setting.

    Attributes:
        title: the setting.
        axis: what the score is.
        scores: (folds, seeds).
        controls: (folds,) of the control; None where there is none.
    """

    title: str
    axis: str
    scores: NDArray[np.float64]
    controls: NDArray[np.float64] | None


def folds_figure(panels: Sequence[FoldPanel], names: Sequence[str]) -> Figure:
    """A dot for each value that was left out, filled and beside it the control's, open; lines reach over seeds.

    Args:
        panels: at least one.
        names: of what was left out.
    """
    n_columns = min(PANELS, len(panels))
    n_rows = -(-len(panels) // n_columns)
    height = 1.5 + 0.27 * len(names)
    fig = new_figure(PANEL_WIDTH * n_columns + 1.2, height * n_rows + 0.5, "constrained")
    axes = fig.subplots(n_rows, n_columns, squeeze=False).ravel()
    handles = []
    for ax, panel in zip(axes, panels, strict=False):
        for place, scores in enumerate(panel.scores):
            ax.plot([scores.min(), scores.max()], [place, place], color=PALE, lw=1.5, zorder=1)
        (own,) = ax.plot(panel.scores.mean(axis=1), range(len(names)), "s", color=DARK, ms=6.5, zorder=3)
        handles = [(own, "network, mean of seeds")]
        if panel.controls is not None:
            (control,) = ax.plot(panel.controls, range(len(names)), "o", mfc="white", mec=DARK, mew=1.3, ms=6.5)
            handles.append((control, "PCA control"))
        ax.set_yticks(range(len(names)), [shortened(name, 22) for name in names], fontsize=11)
        ax.set_ylim(len(names) - 0.5, -0.5)
        ax.set_xlabel(panel.axis, fontsize=11)
        ax.set_title(
            "\n".join(wrapped(shortened(panel.title, 60), PANEL_WIDTH, 12, "bold")), fontsize=12, weight="bold"
        )
        ax.xaxis.set_major_locator(MaxNLocator(4))
        ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.3g}"))
        ax.tick_params(axis="x", labelsize=10.5)
        ax.spines[["top", "right"]].set_visible(False)
        ax.grid(axis="x", alpha=0.3)
    for ax in axes[len(panels) :]:
        ax.set_visible(False)
    fig.legend(
        [handle for handle, _ in handles],
        [text for _, text in handles],
        loc="outside upper center",
        ncols=2,
        frameon=False,
        fontsize=10.5,
    )
    return fig


def _draw(
    ax: Axes, panel: AnimalPanel, labels: Integers, conditions: tuple[str, str], pairs: Sequence[tuple[int, int]]
) -> None:
    places = _places(labels, in_line=bool(pairs))
    ax.axhline(panel.level, color=PALE, lw=1, ls=":")
    for one, other in pairs:
        ax.plot(places[[one, other]], panel.values[[one, other]], color=PALE, lw=1, zorder=1)
    for label, filling in ((0, "white"), (1, DARK)):
        own = labels == label
        marker = "o" if label == 0 else "s"
        ax.plot(places[own], panel.values[own], marker, mfc=filling, mec=DARK, mew=1.3, ms=6.5, ls="", zorder=3)
        ax.plot([label - 0.3, label + 0.3], [panel.means[label]] * 2, color=DARK, lw=2, zorder=2)
    ax.set_xlim(-0.6, 1.6)
    ax.set_xticks([0, 1], [shortened(name, 14) for name in conditions], fontsize=12)
    ax.set_ylabel(panel.axis, fontsize=10.5)
    ax.yaxis.set_major_locator(MaxNLocator(5))
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.3g}"))
    ax.tick_params(axis="y", labelsize=10.5)
    ax.spines[["top", "right"]].set_visible(False)
    title = "\n".join(wrapped(panel.title, PANEL_WIDTH, 11, "bold"))
    below = "\n".join(line for text in panel.below for line in wrapped(text, PANEL_WIDTH, 10))
    ax.set_title(title, fontsize=11, fontweight="bold", pad=10 + 13 * (below.count("\n") + 1))
    ax.annotate(
        below, (0.5, 1), (0, 7), xycoords="axes fraction", textcoords="offset points", ha="center", va="bottom", size=10
    )


def _places(labels: Integers, *, in_line: bool) -> NDArray[np.float64]:
    """(n,) where dots lie from left to right: those of a condition side by side, unless lines lead to them."""
    places = labels.astype(np.float64)
    if in_line:
        return places
    for label in (0, 1):
        own = np.flatnonzero(labels == label)
        places[own] += np.linspace(-SPREAD, SPREAD, len(own)) if len(own) > 1 else 0.0
    return places
