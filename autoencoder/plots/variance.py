"""How much of the images' variance the principal components explain."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter, PercentFormatter

from autoencoder.array_types import Reals
from autoencoder.errors import UserError, number_of
from autoencoder.plots.drawing import MARGIN, TEXT_SIZE, draw_title, place_axes, title_height, title_lines
from autoencoder.plots.figures import new_figure

CURVE_COLOR, USED_COLOR, GOAL_COLOR = "#0072B2", "#D55E00", "0.3"
GOAL = 0.95

EDGE = 0.05
"""Of an axis, that is left beyond the first and the last point: half a ring and a little."""

MAX_LINEAR = 30
"""Components up to which the axis is linear; with more, the first ones would not be seen."""


def explained_variance(ratio: Reals, *, n_used: int, n_for_95: int | None = None, title: str | None = None) -> Figure:
    """Explained variance over the number of components, with the number used and the number needed for 95 %.

    Args:
        ratio: (k,) share of the variance that each component explains, largest first.
        n_used: components kept, 1 to k.
        n_for_95: components that explain 95 %; None if k are too few.
        title: above the curve.

    Raises:
        UserError: there are no components, or a number is not between 1 and k.
    """
    k = len(ratio)
    if not 1 <= n_used <= k or (n_for_95 is not None and not 1 <= n_for_95 <= k):
        raise UserError(f"{n_used} components used and {n_for_95} for 95 % do not go with {k} components")
    total = np.cumsum(ratio)
    width, height = 7.2, 4.6
    lines = title_lines(title, width)
    top = title_height(lines) + 0.3
    fig = new_figure(width, top + height - 0.9)
    draw_title(fig, lines)
    ax = place_axes(fig, MARGIN + 0.85, top, width - 2 * MARGIN - 1.0, height - 1.7)
    numbers = np.arange(1, k + 1)
    ax.plot(numbers, total, color=CURVE_COLOR, lw=2.5, marker="o" if k <= MAX_LINEAR else None, ms=5, zorder=3)
    used = float(total[n_used - 1])
    _mark(ax, n_used, used, USED_COLOR, f"used: {_components(n_used)}, {100 * used:.1f} %")
    if n_for_95 is None:
        ax.axhline(GOAL, color=GOAL_COLOR, lw=1.2, ls="--", label=f"95 %: more than {_components(k)}")
    else:
        _mark(ax, n_for_95, float(total[n_for_95 - 1]), GOAL_COLOR, f"95 %: {_components(n_for_95)}")
    if k > MAX_LINEAR:
        ax.set_xscale("log")
        ax.set_xlim(k**-EDGE, k ** (1 + EDGE))
        ax.xaxis.set_major_locator(LogLocator(10, subs=(1, 2, 5)))
        ax.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))
        ax.xaxis.set_minor_formatter(NullFormatter())
    else:
        ax.set_xlim(0.5, k + 0.5)
        ax.xaxis.set_major_locator(MaxNLocator(10, integer=True))
    ax.set_ylim(0, 1 + EDGE)  # a ring at 100 % is whole
    ax.yaxis.set_major_formatter(PercentFormatter(1, decimals=0, symbol=" %"))
    ax.set_xlabel("principal components", fontsize=14)
    ax.set_ylabel("explained variance", fontsize=14)
    ax.tick_params(labelsize=TEXT_SIZE)
    ax.spines[["top", "right"]].set_visible(False)
    ax.grid(alpha=0.3)
    ax.legend(
        loc="lower center",
        bbox_to_anchor=(0.45, 1),
        ncols=2,
        frameon=False,
        fontsize=TEXT_SIZE,
        borderpad=0,
        borderaxespad=0.4,
        handletextpad=0.3,
        columnspacing=1.2,
    )
    return fig


def _mark(ax: Axes, n: int, level: float, color: str, label: str) -> None:
    """A point on the curve at `n` components, with lines from both axes to it."""
    ax.plot([0, n, n], [level, level, 0], color=color, lw=1.2, ls="--", zorder=2)
    ax.plot([n], [level], ls="", marker="o", ms=11, color=color, mec="white", mew=1.5, zorder=4, label=label)


def _components(n: int) -> str:
    return number_of(n, "component")
