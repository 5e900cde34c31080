"""Latent spaces beside each other in colours that all share, and as thumbnails."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from autoencoder.array_types import Frame, Reals
from autoencoder.errors import UserError
from autoencoder.plots.colors import MISSING, Coloring
from autoencoder.plots.drawing import (
    MARGIN,
    SMALL_SIZE,
    TEXT_SIZE,
    colors_width,
    draw_colors,
    draw_points,
    draw_title,
    drawing_order,
    place_axes,
    place_text,
    text_height,
    text_width,
    title_height,
    title_lines,
    wrapped,
)
from autoencoder.plots.figures import new_figure
from autoencoder.plots.movies.frames import robust_limits
from autoencoder.plots.points import paint_points, point_radius, visible_points

MOST_COLUMNS = 6
"""Panels beside each other; there is no room to read more."""

NAME_SIZE = 14.0
"""Points."""

# Inches.
MOST_LABEL = 1.75
GAP = 0.12
ROW_GAP = 0.16
COLORS_GAP = 0.3

THUMBNAIL_SIDE = 84
"""Pixels."""

THUMBNAIL_SPAN = (0.5, 99.5)
"""Percentiles of the points that a thumbnail's sides are laid around."""

THUMBNAIL_EDGE = 0.06
"""Of a thumbnail's side, on each side, that these points leave free."""

THUMBNAIL_RADIUS = 1.0
"""Pixels: smaller points are too faint on a small picture."""


@dataclass(frozen=True, eq=False)
class PlaneRow:
    """Panels beside each other.

    Attributes:
        label: of the row, such as the name of a setting; a second line is set smaller.
        headings: (c,) of its panels; those of the row above are not repeated.
        planes: (c,) of (p, 2), points in the plane; None leaves the place empty.
        notes: (c,) a few words below each panel; empty for none.
    """

    label: str
    headings: Sequence[str]
    planes: Sequence[Reals | None]
    notes: Sequence[str] = ()


@dataclass(frozen=True, eq=False)
class PlaneCourse:
    """Planes of one run over training.

    Attributes:
        label: of its row.
        epochs: (t,) ascending.
        planes: (t, p, 2).
    """

    label: str
    epochs: Reals
    planes: Reals


# ------------------------------------------------------------------------------------------------------------- figures


def planes_figure(rows: Sequence[PlaneRow], coloring: Coloring, label: str, *, title: str | None = None) -> Figure:
    """Planes of the same p points in rows: a setting each, with its seeds beside each other, and controls at the end.

    Each plane has its own scale, which is the same on both axes.

    Args:
        rows: from the top down. Of more than `MOST_COLUMNS` seeds the first are shown, and the title says so.
        coloring: of the p points.
        label: name of the values that they are coloured by, such as "body angle (deg)".
        title: above all.

    Raises:
        UserError: there is no plane, or one has another number of points than there are colours.
    """
    _check(rows, coloring)
    most = max(len(row.planes) for row in rows)
    if most > MOST_COLUMNS:
        title = "\n".join(filter(None, (title, f"The first {MOST_COLUMNS} of {most} seeds are shown")))
        rows = [_first_columns(row) for row in rows]
    n_columns = min(most, MOST_COLUMNS)
    panel = 2.4 if n_columns <= 3 else 2.0 if n_columns <= 4 else 1.7
    laid_out = _lay_out(rows, panel)

    # Inches from the left: labels, panels, colours; from the top: title, rows.
    panels_left = MARGIN + max(map(_label_width, rows)) + 0.15
    colors_left = panels_left + n_columns * (panel + GAP) - GAP + COLORS_GAP
    rows_height = sum(row.height for row in laid_out) + ROW_GAP * (len(rows) - 1)
    width = colors_left + colors_width(coloring, label, rows_height) + MARGIN
    lines = title_lines(title, width)
    top = title_height(lines)
    fig = new_figure(width, top + rows_height + MARGIN)
    draw_title(fig, lines)
    y = top
    for row, places in zip(rows, laid_out, strict=True):
        _draw_label(fig, row.label, panels_left - 0.15, y + places.above + panel / 2)
        for column, plane in enumerate(row.planes):
            left = panels_left + column * (panel + GAP)
            middle = left + panel / 2
            if places.headings:
                heading = places.headings[column]
                place_text(fig, middle, y + places.above - 0.05, heading, TEXT_SIZE, va="bottom")
            if plane is not None:
                _draw_plane(fig, plane, coloring, left, y + places.above, panel)
            if places.notes and places.notes[column]:
                below = y + places.above + panel + 0.04
                place_text(fig, middle, below, places.notes[column], SMALL_SIZE, color="0.25")
        y += places.height + ROW_GAP
    draw_colors(fig, coloring, label, colors_left, top + laid_out[0].above, rows_height - laid_out[0].above)
    return fig


def course_planes_figure(
    courses: Sequence[PlaneCourse],
    coloring: Coloring,
    label: str,
    *,
    title: str | None = None,
    columns: int = MOST_COLUMNS,
) -> Figure:
    """Planes of the same p points over training, a run in each row, with the beginning at the left.

    Args:
        courses: from the top down.
        coloring: of the p points.
        label: name of the values that they are coloured by.
        title: above all.
        columns: moments that are shown, the first and the last among them; see `spread_moments`.

    Raises:
        UserError: as `planes_figure`.
    """
    rows = []
    for course in courses:
        shown = spread_moments(course.epochs, columns)
        headings = [_epoch(float(course.epochs[t])) for t in shown]
        rows.append(PlaneRow(course.label, headings, [course.planes[t] for t in shown]))
    return planes_figure(rows, coloring, label, title=title)


def spread_moments(epochs: Reals, n: int) -> NDArray[np.int64]:
    """Places (m,), m at most n, of moments spread evenly over the logarithm of their epochs (t,), which are ascending.

    The first and the last are among them; an epoch of 0 is, as a logarithm has no 0, before all others. Where no
    moment is near to where one should be, fewer than n are found.
    """
    times = np.asarray(epochs, np.float64)
    if len(times) <= n:
        return np.arange(len(times))
    after = np.flatnonzero(times > 0)
    first = [0] if times[0] <= 0 else []
    logs = np.log(times[after])
    wanted = np.linspace(logs[-1], logs[0], n - len(first))  # a single one is the last
    near = after[np.abs(logs[:, None] - wanted).argmin(axis=0)]
    return np.unique(np.array([*first, *near], np.int64))


@dataclass(frozen=True, eq=False)
class _LaidOut:
    """A row with its texts in lines.

    Attributes:
        headings, notes: lines of each panel; empty where there are none in the row.
        above: inches that headings take.
        height: inches of all of it.
    """

    headings: list[list[str]]
    notes: list[list[str]]
    above: float
    height: float


def _lay_out(rows: Sequence[PlaneRow], panel: float) -> list[_LaidOut]:
    found, before = [], list[str]()
    for row in rows:
        own = list(row.headings)
        headings = [] if own == before[: len(own)] else [wrapped(text, panel, TEXT_SIZE) for text in own]
        notes = [wrapped(text, panel, SMALL_SIZE) for text in row.notes] if any(row.notes) else []
        above = text_height(max(map(len, headings)), TEXT_SIZE) + 0.08 if headings else 0.0
        below = text_height(max(map(len, notes)), SMALL_SIZE) + 0.04 if notes else 0.0
        found.append(_LaidOut(headings, notes, above, above + panel + below))
        before = own
    return found


def _first_columns(row: PlaneRow) -> PlaneRow:
    first = slice(MOST_COLUMNS)
    return PlaneRow(row.label, row.headings[first], row.planes[first], row.notes[first])


def _check(rows: Sequence[PlaneRow], coloring: Coloring) -> None:
    planes = [plane for row in rows for plane in row.planes if plane is not None]
    if not planes:
        raise UserError("there is no plane to draw")
    shape = (len(coloring.colors), 2)
    other = next((plane.shape for plane in planes if plane.shape != shape), None)
    if other is not None:
        raise UserError(f"a plane of the shape {other} does not fit the colours of {shape[0]} points")


def _epoch(epoch: float) -> str:
    return f"epoch {epoch:.2g}" if epoch < 1 else "epoch " + f"{epoch:,.1f}".removesuffix(".0")


def _label_lines(label: str) -> tuple[list[str], list[str]]:
    """Lines of a row's label: those in full size, and the smaller ones below them."""
    name, _, more = label.partition("\n")
    return wrapped(name, MOST_LABEL, NAME_SIZE, "bold"), wrapped(more, MOST_LABEL, SMALL_SIZE)


def _label_width(row: PlaneRow) -> float:
    """Inches."""
    large, small = _label_lines(row.label)
    widths = [text_width(line, NAME_SIZE, "bold") for line in large] + [text_width(line, SMALL_SIZE) for line in small]
    return max(widths, default=0.0)


def _draw_label(fig: Figure, label: str, right: float, middle: float) -> None:
    """The label of a row, with its middle at a height."""
    large, small = _label_lines(label)
    top = middle - (text_height(len(large), NAME_SIZE) + text_height(len(small), SMALL_SIZE)) / 2
    place_text(fig, right, top, large, NAME_SIZE, ha="right", weight="bold")
    if small:
        below = top + text_height(len(large), NAME_SIZE)
        place_text(fig, right, below, small, SMALL_SIZE, ha="right", color="0.25")


def _draw_plane(fig: Figure, plane: Reals, coloring: Coloring, left: float, top: float, side: float) -> None:
    ax = place_axes(fig, left, top, side, side)
    xlim, ylim = robust_limits(plane[None])
    draw_points(ax, plane, coloring, side)
    ax.set(xlim=xlim, ylim=ylim, xticks=[], yticks=[])
    ax.spines[:].set_color("0.8")


# ---------------------------------------------------------------------------------------------------------- thumbnails


def thumbnail(plane: Reals, colors: NDArray[np.uint8], side: int = THUMBNAIL_SIDE) -> Frame:
    """A small picture of points, on white; the vertical axis points up.

    The middle 99 % of the points on each axis fill it, on one scale for both axes; what lies farther out may be cut.

    Args:
        plane: (p, 2).
        colors: (p, 3) RGB of the points; those of unknown value, in grey, lie below the others.
        side: of the picture, in pixels.

    Returns:
        (side, side, 3) uint8.
    """
    low, high = np.percentile(plane, THUMBNAIL_SPAN, axis=0)
    span = float((high - low).max()) or 1.0
    scale = side * (1 - 2 * THUMBNAIL_EDGE) / span
    centers = side / 2 + (np.asarray(plane, np.float64) - (low + high) / 2) * scale * np.array([1, -1])
    order = drawing_order((colors == np.array(MISSING, np.uint8)).all(axis=1))
    radius = max(point_radius(len(plane), side), THUMBNAIL_RADIUS)
    canvas = np.empty((side, side, 3), np.uint8)
    paint_points(canvas, visible_points((side, side), centers, radius, order), colors)
    return canvas
