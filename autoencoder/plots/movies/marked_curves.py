"""Small curves over the epochs, with a marker at the moment that a movie shows."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator, NullLocator

from autoencoder.array_types import Reals
from autoencoder.config.movies import DPI
from autoencoder.errors import raise_if_any
from autoencoder.plots.curves import set_log_scale, spans_a_decade
from autoencoder.plots.drawing import place_axes, place_text
from autoencoder.plots.movies.layout import MAX_CURVE_AXES, Place, pixels_wide
from autoencoder.plots.movies.titles import fitting

COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7")
"""Blue, vermilion, green and purple of Okabe and Ito."""

NAME_SIZE, TICK_SIZE = 10.5, 9.0
"""Points."""

NAME_HEIGHT, NAME_GAP = 8, 14
"""Pixels: from the names to the axes, and between names."""

ROUNDING = 0.5
"""Pixels that a moment may lie outside a curve that ends there."""


@dataclass(frozen=True, eq=False)
class Curve:
    """Something that was measured during training.

    Attributes:
        label: its name, such as "validation".
        epochs: (m,) when it was measured, ascending.
        values: (m,); NaN where it was not measured.
        axes: what the values are, such as "loss (MSE)": curves of the same name share axes. Empty for axes of its own,
            under its label.
        logarithmic: on a logarithmic scale where the values on the axes span more than a decade.
    """

    label: str
    epochs: Reals
    values: Reals
    axes: str = ""
    logarithmic: bool = False

    def known(self) -> tuple[Reals, Reals]:
        """Epochs and values where it was measured."""
        finite = np.isfinite(self.values)
        return self.epochs[finite], self.values[finite]


def by_axes(curves: Sequence[Curve]) -> dict[str, list[Curve]]:
    """Curves by the name of their axes, without those that have nothing to draw.

    Raises:
        UserError: they need more than `MAX_CURVE_AXES` axes, or the arrays of one differ in length.
    """
    groups: dict[str, list[Curve]] = {}
    problems = []
    for curve in curves:
        if curve.values.ndim != 1 or curve.epochs.shape != curve.values.shape:
            problems.append(f"the curve '{curve.label}' has epochs {curve.epochs.shape}, values {curve.values.shape}")
        elif np.isfinite(curve.values).any():
            groups.setdefault(curve.axes or curve.label, []).append(curve)
    if len(groups) > MAX_CURVE_AXES:
        problems.append(f"curves on up to {MAX_CURVE_AXES} axes fit below a movie, not on {', '.join(groups)}")
    raise_if_any(problems)
    return groups


class MarkedCurves:
    """Axes with curves, and a line at the current epoch with a dot on each curve that is known there.

    Args:
        figure: to draw in.
        groups: of `by_axes`.
        places: of the axes, one for each group.
        last_epoch: the axes end there, or later where a curve does.
    """

    def __init__(
        self, figure: Figure, groups: dict[str, list[Curve]], places: Sequence[Place], last_epoch: float
    ) -> None:
        end = max([last_epoch, *(float(curve.known()[0].max()) for group in groups.values() for curve in group)])
        colors = itertools.cycle(COLORS)
        self._axes = [
            _MarkedAxes(figure, place, name, [(curve, next(colors)) for curve in group], end)
            for (name, group), place in zip(groups.items(), places, strict=True)
        ]

    def draw(self, renderer: Any, epoch: float) -> None:
        """Draw the markers at `epoch`."""
        for axes in self._axes:
            axes.draw_markers(renderer, epoch)

    def marker_columns(self) -> list[float]:
        """Where the lines of the last frame stand, in pixels from the left."""
        return [axes.column for axes in self._axes]


class _MarkedAxes:
    """One of the axes."""

    def __init__(
        self, figure: Figure, place: Place, name: str, curves: Sequence[tuple[Curve, str]], end: float
    ) -> None:
        self._ax = place_axes(figure, *place.inches)
        for curve, color in curves:
            epochs, values = curve.known()
            self._ax.plot(
                epochs,
                values,
                color=color,
                lw=1.5,
                marker="o" if len(epochs) == 1 else None,
                ms=3,
                clip_on=len(epochs) > 1,
            )
        _prepare(self._ax, [curve for curve, _ in curves], end)
        _write_names(figure, place, name, curves)
        self._line, self._column = _free_line(figure, color="0.25", lw=1.0), 0.0
        self._dots = []
        for curve, color in curves:
            columns, heights = self._ax.transData.transform(np.column_stack(curve.known())).T
            dot = _free_line(figure, ls="", marker="o", ms=6.5, mfc=color, mec="white", mew=1.0)
            self._dots.append((columns, heights, dot))

    def draw_markers(self, renderer: Any, epoch: float) -> None:
        """The line, and the dots of curves that are known before and after `epoch`."""
        column = float(self._ax.transData.transform((epoch, self._ax.get_ylim()[0]))[0])
        self._column = column
        self._line.set_data([column, column], [self._ax.bbox.y0, self._ax.bbox.y1])
        self._line.draw(renderer)
        for columns, heights, dot in self._dots:
            if columns[0] - ROUNDING <= column <= columns[-1] + ROUNDING:
                dot.set_data([column], [np.interp(column, columns, heights)])
                dot.draw(renderer)

    @property
    def column(self) -> float:
        """See `MarkedCurves.marker_columns`."""
        return self._column


def _free_line(figure: Figure, **looks: Any) -> Line2D:
    """A line in pixels that is drawn over the figure and no part of it."""
    line = Line2D([], [], transform=None, **looks)
    line.set_figure(figure)
    return line


def _prepare(ax: Axes, curves: Sequence[Curve], end: float) -> None:
    """Limits, scale and ticks."""
    known = np.concatenate([curve.known()[1] for curve in curves])
    ax.set_xlim(0, end or 1)
    if any(curve.logarithmic for curve in curves) and spans_a_decade(known):
        set_log_scale(ax, known, (1, 3))
        ax.yaxis.set_minor_locator(NullLocator())
    else:
        ax.yaxis.set_major_locator(MaxNLocator(4))
    ax.margins(y=0.08)
    ax.autoscale_view(scalex=False)
    ax.xaxis.set_major_locator(MaxNLocator(6, integer=end >= 1))
    ax.tick_params(labelsize=TICK_SIZE, length=3, color="0.6", labelcolor="0.25")
    ax.set_xlabel("epoch", fontsize=NAME_SIZE, labelpad=1, color="0.25")
    ax.spines[["top", "right"]].set_visible(False)
    ax.spines[["left", "bottom"]].set_color("0.6")
    ax.grid(alpha=0.25)


def _write_names(figure: Figure, place: Place, name: str, curves: Sequence[tuple[Curve, str]]) -> None:
    """The name of the axes over their left end, and behind it that of each curve in its colour."""
    names = [(name, "0.1"), *((curve.label, color) for curve, color in curves if curve.label != name)]
    if len(names) == 1:
        names = [(name, curves[0][1])]
    room = place.width - NAME_GAP * (len(names) - 1)
    wide = sum(pixels_wide(text, NAME_SIZE) for text, _ in names)
    left = place.left
    for text, color in names:
        text, size = fitting(text, NAME_SIZE, pixels_wide(text, NAME_SIZE) * min(1.0, room / wide))
        place_text(
            figure, left / DPI, (place.top - NAME_HEIGHT) / DPI, text, size, color=color, ha="left", va="baseline"
        )
        left += pixels_wide(text, size) + NAME_GAP
