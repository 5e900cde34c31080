"""One scatter plot of a movie: points in their colours, with the examples' rings, trails and leader lines."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.transforms import Bbox, IdentityTransform
from numpy.typing import NDArray

from autoencoder.array_types import Frame, Reals
from autoencoder.config.movies import DPI
from autoencoder.plots.colors import Coloring, Kind
from autoencoder.plots.drawing import ColorsText, draw_colors, place_axes
from autoencoder.plots.movies.frames import Limits
from autoencoder.plots.movies.layout import Place
from autoencoder.plots.points import Visible, paint_points

FRAME_LINE = 1
"""Pixels that the line around a panel takes on each side."""

TRAIL_WIDTH, TRAIL_EDGE = 1.8, 3.6
"""Points: a trail, and the white below it that parts it from the points."""


@dataclass(frozen=True, eq=False)
class Shown:
    """What the points of a panel are coloured by.

    Attributes:
        values: (n,); NaN is drawn grey, under the others.
        kind: of the values: circular, linear or category.
        label: name of the values, such as "body angle (deg)".
        period: of circular values.
        held_out: (n,) the points that were held out from training; None for no difference.
    """

    values: NDArray[Any]
    kind: Kind
    label: str
    period: float = 360.0
    held_out: NDArray[np.bool_] | None = None


class Panel:
    """Draws in a figure what stays, and into each frame what moves.

    Args:
        figure: to draw in.
        place: of the panel.
        limits: of the axes.
        coloring: of the points.
        label: name of what they are coloured by.
        colors_left: where the colour bar or the legend begins.
        colors_text: how it is written.
        axes_names: beside the axes.
        name_at: where below the panel the first of them stands: "left" or "right".
        examples: (k,) the points with a ring and a trail.
        leaders: where lines start, by the position in `examples` of the point that they lead to.
    """

    def __init__(
        self,
        figure: Figure,
        place: Place,
        limits: Limits,
        coloring: Coloring,
        *,
        label: str,
        colors_left: float,
        colors_text: ColorsText,
        axes_names: tuple[str, str],
        examples: NDArray[np.integer],
        leaders: dict[int, tuple[float, float]],
        name_at: Literal["left", "right"] = "left",
    ) -> None:
        self._place, self._limits, self._coloring = place, limits, coloring
        self._examples, self._starts = examples, leaders
        self._height = round(figure.bbox.height)
        ax = place_axes(figure, *place.inches)
        ax.set(xlim=limits[0], ylim=limits[1], xticks=[], yticks=[])
        ax.spines[:].set_color("0.8")
        ax.set_xlabel(axes_names[0], fontsize=14, labelpad=5, loc=name_at)
        ax.set_ylabel(axes_names[1], fontsize=14, labelpad=3, loc="bottom")
        draw_colors(figure, coloring, label, colors_left / DPI, place.top / DPI, place.height / DPI, colors_text)
        box = Bbox([[place.left, self._height - place.bottom], [place.right, self._height - place.top]])
        self._trails = [_trail_lines(figure, box, width) for width in (TRAIL_EDGE, TRAIL_WIDTH)]
        self._leaders = {i: Line2D([], [], color="0.35", lw=1.0, transform=None) for i in leaders}
        self._rings = Line2D([], [], ls="", marker="o", ms=9, mfc="none", mec="black", mew=1.8, transform=None)
        for line in (*self._leaders.values(), self._rings):
            line.set_figure(figure)

    @property
    def n_examples(self) -> int:
        """How many points have a ring."""
        return len(self._examples)

    @property
    def inner_shape(self) -> tuple[int, int]:
        """Height and width in pixels of what lies within the line around the panel."""
        return round(self._place.height) - 2 * FRAME_LINE, round(self._place.width) - 2 * FRAME_LINE

    def positions(self, embedding: Reals) -> Reals:
        """Where points (..., 2) lie in the frame: columns and rows in pixels from the upper left corner."""
        (x0, x1), (y0, y1) = self._limits
        shares = (embedding - np.array([x0, y1])) / np.array([x1 - x0, y0 - y1])
        return np.asarray(self._corner + shares * (self._place.width, self._place.height))

    def centers(self, embedding: Reals) -> Reals:
        """The same, from the upper left corner of what lies within the line around the panel."""
        return self.positions(embedding) - self._corner - FRAME_LINE

    @property
    def _corner(self) -> Reals:
        return np.array([self._place.left, self._place.top])

    def paint(self, frame: Frame, visible: Visible) -> None:
        """Paint the points into `frame`, of which `visible` (within the line around the panel) are seen."""
        top, left = round(self._place.top) + FRAME_LINE, round(self._place.left) + FRAME_LINE
        height, width = self.inner_shape
        paint_points(frame[top : top + height, left : left + width], visible, self._coloring.colors)

    def draw_examples(self, renderer: Any, embedding: Reals, trail: Reals) -> None:
        """Draw trails, leader lines and rings over the points.

        Args:
            renderer: matplotlib's.
            embedding: (n, 2).
            trail: (m, k, 2) earlier positions of the k examples and at last the present one; the oldest first.
        """
        if len(self._examples) == 0:
            return
        self._draw_trails(renderer, trail)
        low, high = (self._place.left, self._place.top), (self._place.right, self._place.bottom)
        ends = np.clip(self.positions(embedding[self._examples]), low, high)
        for i, line in self._leaders.items():
            (x0, y0), (x1, y1) = self._starts[i], ends[i].tolist()
            line.set_data([x0, x1], [self._height - y0, self._height - y1])
            line.draw(renderer)
        self._rings.set_data(ends[:, 0], self._height - ends[:, 1])
        self._rings.draw(renderer)

    def leader_lines(self) -> Reals:
        """(l, 2, 2): start and end of each leader line in the last frame, as `positions`."""
        lines = np.array([line.get_xydata() for line in self._leaders.values()]).reshape(-1, 2, 2)
        lines[..., 1] = self._height - lines[..., 1]
        return lines

    def _draw_trails(self, renderer: Any, trail: Reals) -> None:
        if len(trail) < 2:
            return
        path = self.positions(trail)
        path[..., 1] = self._height - path[..., 1]
        pieces = np.stack([path[:-1], path[1:]], axis=2)  # (m - 1, k, 2, 2)
        strength = np.arange(1, len(trail)) / (len(trail) - 1)
        for lines, grey in zip(self._trails, (1.0, 0.0), strict=True):
            colors = np.full((*pieces.shape[:2], 4), grey)
            colors[..., 3] = 0.9 * strength[:, None]
            lines.set_segments(pieces.reshape(-1, 2, 2))
            lines.set_color(colors.reshape(-1, 4))
            lines.draw(renderer)


def _trail_lines(figure: Figure, box: Bbox, width: float) -> Any:
    """Segments in pixels, drawn within `box`; Any, because matplotlib's types do not take arrays."""
    lines: Any = LineCollection([], linewidths=width, transform=IdentityTransform(), capstyle="butt")
    lines.set_figure(figure)
    lines.set_clip_box(box)
    return lines
