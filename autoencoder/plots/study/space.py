"""Runs as paths through the space of representations, laid out on a plane: a figure, and the frames of a movie."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patheffects import withStroke
from matplotlib.text import Text
from numpy.typing import NDArray

from autoencoder.array_types import Frame
from autoencoder.config.movies import DPI
from autoencoder.errors import UserError, raise_if_any
from autoencoder.plots.drawing import (
    LEGEND_ENTRY,
    MARGIN,
    SMALL_SIZE,
    TEXT_SIZE,
    draw_title,
    place_axes,
    place_text,
    shortened,
    text_height,
    text_width,
    title_height,
    title_lines,
    wrapped,
)
from autoencoder.plots.figures import new_figure

Array = NDArray[np.float64]
Box = tuple[float, float, float, float]

WIDTH, HEIGHT = 10.0, 8.0
"""Inches of a frame, and of the figure without its footnote."""

LEGEND_GAP, HANDLE = 0.25, 0.75
"""Inches between the axes and the legend, and before a name in it."""

SCALE_HEIGHT, HEADER_HEIGHT = 0.45, 0.4
"""Inches of the scale bar's row, and of the row of the epoch."""

HEADER_SIZE = 15.0
"""Points."""

LONGEST_TITLE = 160
MOST_NAMES = 16
"""Settings in the legend; it says how many more there are."""

MOST_NAMED = 10
"""Codes that do not change and have their name beside them; the legend says how many there are."""

DASHES = ("-", (0, (5, 1.5)), (0, (1.5, 1.2)), (0, (6, 1.5, 1.5, 1.5)))
"""Of settings that have the same colour, in their order."""

SAME_EPOCH = 1e-5
"""Epochs that are no further apart are the same."""

PALE = 0.35
"""Opacity of a movie's paths, behind their heads."""

GRID_LINES = 5
"""About so many across the plane."""

END_WEIGHT = 20
"""Points of a path that a name may rather lie over than over the marker of an end."""

DISTANCES, DIRECTIONS = (0.11, 0.3, 0.55), 8
"""Places of a name around its point: inches from it, and directions."""


@dataclass(frozen=True, eq=False)
class Trail:
    """A run over training, or codes that do not change, on the plane.

    Attributes:
        label: of the run.
        setting: of the run, by which it stands in the legend.
        color: of the setting.
        epochs: (t,) ascending; None for codes that do not change.
        points: (t, 2) in degrees; (1, 2) for codes that do not change.
        is_control: whether it is a control of the study.
    """

    label: str
    setting: str
    color: str
    epochs: Sequence[float] | None
    points: Array
    is_control: bool


def space_figure(trails: Sequence[Trail], *, title: str, footnote: str) -> Figure:
    """All paths, each from a hollow marker at its first moment to a filled one, ringed in black, at its last.

    Controls are thinner, and end in a square. Codes that do not change are diamonds with their names.

    Args:
        trails: at least one.
        title: above them.
        footnote: below them: how truly the plane shows distances.

    Raises:
        UserError: there is nothing to draw, or a trail does not have a point for each epoch.
    """
    _check(trails)
    lines = wrapped(footnote, WIDTH - 2 * MARGIN, SMALL_SIZE)
    fig, ax = _stage(trails, title, below=text_height(len(lines), SMALL_SIZE) + 0.1 if lines else 0.0)
    if lines:
        top = fig.get_size_inches()[1] - MARGIN - text_height(len(lines), SMALL_SIZE)
        place_text(fig, MARGIN, top, lines, SMALL_SIZE, ha="left", color="0.25")
    styles = _dashes(trails)
    for trail in _moving(trails):
        path, first, head = _artists(ax, trail, styles[trail.setting])
        path.set_data(*trail.points.T)
        path.set(marker="o", ms=3.4, mew=0)
        head.set_data(*trail.points[-1:].T)
        if len(trail.points) > 1:
            first.set_data(*trail.points[:1].T)
    return fig


def space_frames(trails: Sequence[Trail], *, title: str, n_frames: int = 96, hold: int = 24) -> Iterator[Frame]:
    """Frames of a movie in which the paths grow with training, a pale line behind each head.

    The time from one snapshot to the next is the same for all, however many epochs it is, and positions between two
    snapshots are on the straight line. A run begins at its first snapshot, and stays at its last.

    Args:
        trails: at least one.
        title: above them.
        n_frames: of training, at least 1.
        hold: how often the last one is shown again.

    Yields:
        (800, 1000, 3) uint8 RGB, n_frames + hold of them.

    Raises:
        UserError: as of `space_figure`; or there are no frames.
    """
    _check(trails)
    if n_frames < 1 or hold < 0:
        raise UserError(f"a movie has 1 frame or more, not {n_frames}, and is not held for {hold}")
    film = _Film(trails, title)
    for time in np.linspace(0.0, film.end, n_frames) if n_frames > 1 else [film.end]:
        frame = film.frame(float(time))
        yield frame
    for _ in range(hold):
        yield frame.copy()


def _check(trails: Sequence[Trail]) -> None:
    if not trails:
        raise UserError("there is nothing to draw: no run has a place on the plane")
    raise_if_any(
        f"the trail of {trail.label} has {n} epochs, and points of shape {trail.points.shape}"
        for trail in trails
        if trail.points.shape != ((n := 1 if trail.epochs is None else len(trail.epochs)), 2) or n == 0
    )


def _moving(trails: Sequence[Trail]) -> list[Trail]:
    """Runs, in the order of drawing: controls below the others."""
    return sorted((trail for trail in trails if trail.epochs is not None), key=lambda trail: not trail.is_control)


def _dashes(trails: Sequence[Trail]) -> dict[str, Any]:
    """How the lines of each setting are drawn: settings of the same colour differ in it."""
    styles: dict[str, Any] = {}
    used: dict[str, int] = {}
    for trail in trails:
        if trail.epochs is not None and trail.setting not in styles:
            styles[trail.setting] = DASHES[used.get(trail.color, 0) % len(DASHES)]
            used[trail.color] = used.get(trail.color, 0) + 1
    return styles


def _artists(ax: Axes, trail: Trail, style: Any, **options: Any) -> tuple[Line2D, Line2D, Line2D]:
    """The path of a run, the marker of its beginning and its head, all without places.

    The beginning has no colour: runs of several settings have the same first weights, and lie over each other.
    """
    width = 1.1 if trail.is_control else 1.6
    (path,) = ax.plot([], [], color=trail.color, lw=width, ls=style, alpha=0.75, zorder=2.0, **options)
    (first,) = ax.plot([], [], **_FIRST, zorder=3.0, **options)
    (head,) = ax.plot([], [], **_head_looks(trail), zorder=4.0, **options)
    return path, first, head


_FIRST: dict[str, Any] = {"ls": "", "marker": "o", "ms": 7, "mfc": "white", "mec": "0.25", "mew": 1.4}
_FIXED: dict[str, Any] = {"ls": "", "marker": "D", "ms": 9, "mec": "black", "mew": 1.1}


def _head_looks(trail: Trail) -> dict[str, Any]:
    looks = {"ls": "", "mfc": trail.color, "mec": "black", "mew": 1.2}
    return looks | ({"marker": "s", "ms": 8.5} if trail.is_control else {"marker": "o", "ms": 10})


# ------------------------------------------------------------------------------------------------- what does not change


def _stage(trails: Sequence[Trail], title: str, *, header: float = 0.0, below: float = 0.0) -> tuple[Figure, Axes]:
    """Axes with the same scale in both directions, a scale bar, the legend, and codes that do not change.

    Args:
        trails: that are drawn in them; those that move are left out.
        title: above.
        header, below: inches that are left free between title and axes, and below the scale bar.
    """
    lines = title_lines(shortened(title, LONGEST_TITLE), WIDTH)
    top = title_height(lines) + header
    names = _legend_names(trails)
    markers = _marker_names(trails)
    legend = HANDLE + max(text_width(name, TEXT_SIZE) for name in (*names, *markers))
    width, height = WIDTH - 2 * MARGIN - LEGEND_GAP - legend, HEIGHT - top - SCALE_HEIGHT - MARGIN
    fig = new_figure(WIDTH, HEIGHT + below)
    draw_title(fig, lines)
    ax = place_axes(fig, MARGIN, top, width, height)
    step = _set_limits(ax, np.concatenate([trail.points for trail in trails]), height / width)
    _draw_scale(fig, ax, step, (MARGIN, top + height), width)
    left = MARGIN + width + LEGEND_GAP
    _draw_legend(fig, names, left, top)
    _draw_legend(fig, markers, left, top + height - LEGEND_ENTRY * len(markers) - 0.05)
    fixed = [trail for trail in trails if trail.epochs is None]
    for trail in fixed:
        ax.plot(*trail.points.T, color=trail.color, zorder=4.0, **_FIXED)
    _name_points(ax, fixed[:MOST_NAMED], trails)
    return fig, ax


def _set_limits(ax: Axes, points: Array, ratio: float) -> float:
    """Show all points (n, 2) at one scale, in axes of this ratio of height to width; returns degrees between lines."""
    low, high = points.min(axis=0), points.max(axis=0)
    width, height = (high - low).tolist()
    half = 0.56 * max(width, height / ratio) or 1.0  # all points at one place still need axes
    x, y = ((low + high) / 2).tolist()
    step = _round_step(2 * half / GRID_LINES)
    for set_ticks, center, reach in ((ax.set_xticks, x, half), (ax.set_yticks, y, half * ratio)):
        ticks = _multiples(step, center - reach, center + reach)
        set_ticks(ticks, [""] * len(ticks))
    ax.set_xlim(x - half, x + half)
    ax.set_ylim(y - half * ratio, y + half * ratio)
    ax.set_aspect("equal")
    ax.tick_params(length=0)
    ax.spines[:].set_color("0.8")
    ax.set_axisbelow(True)
    ax.grid(color="0.92", lw=0.8)
    return step


def _multiples(step: float, low: float, high: float) -> Array:
    return np.asarray(step * np.arange(math.ceil(low / step), math.floor(high / step) + 1), np.float64)


def _round_step(about: float) -> float:
    """The nearest of 1, 2 and 5 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(about))
    return min((factor * power for factor in (1, 2, 5, 10)), key=lambda step: abs(math.log(step / about)))


def _draw_scale(fig: Figure, ax: Axes, step: float, corner: tuple[float, float], width: float) -> None:
    """A bar as long as a step of the grid below the axes, whose lower left corner is in inches from the upper left."""
    low, high = ax.get_xlim()
    left, top = corner
    length = width * step / (high - low)
    full_width, full_height = fig.get_size_inches().tolist()
    y = top + 0.22
    ends = (left / full_width, (left + length) / full_width)
    for x, dy in ((ends, 0.0), ((ends[0], ends[0]), 0.05), ((ends[1], ends[1]), 0.05)):
        heights = (1 - (y - dy) / full_height, 1 - (y + dy) / full_height)
        fig.add_artist(Line2D(x, heights, color="0.15", lw=1.8, solid_capstyle="butt"))
    place_text(fig, left + length + 0.12, y, f"{step:g}° Procrustes angle", TEXT_SIZE, ha="left", va="center")


def _legend_names(trails: Sequence[Trail]) -> dict[str, Line2D | None]:
    """Handles of settings by their names, which are short; None for a line of text."""
    styles = _dashes(trails)
    first = {trail.setting: trail for trail in reversed(trails) if trail.epochs is not None}
    shown = list(styles)[: MOST_NAMES if len(styles) > MOST_NAMES + 1 else None]
    handles: dict[str, Line2D | None] = {}
    for setting in shown:
        trail, name = first[setting], shortened(setting)
        while name in handles:  # names that begin alike
            name += " "
        line = {"color": trail.color, "ls": styles[setting], "lw": 1.1 if trail.is_control else 1.6}
        handles[name] = Line2D([], [], **(_head_looks(trail) | line))
    if len(shown) < len(styles):
        handles[f"and {len(styles) - len(shown)} more"] = None
    return handles


def _marker_names(trails: Sequence[Trail]) -> dict[str, Line2D | None]:
    """Handles of what markers say."""
    fixed = sum(trail.epochs is None for trail in trails)
    handles: dict[str, Line2D | None] = {}
    if any(len(trail.points) > 1 for trail in trails):
        handles["first snapshot"] = Line2D([], [], **_FIRST)
    if fixed < len(trails):
        handles["last snapshot"] = Line2D([], [], ls="", marker="o", ms=10, mfc="0.6", mec="black", mew=1.2)
    if fixed:
        name = "fixed codes" if fixed <= MOST_NAMED else f"fixed codes ({MOST_NAMED} of {fixed} named)"
        handles[name] = Line2D([], [], color="0.6", **_FIXED)
    return handles


def _draw_legend(fig: Figure, handles: dict[str, Line2D | None], left: float, top: float) -> None:
    """Handles and names below each other, at a place in inches from the figure's upper left corner."""
    if not handles:
        return
    full_width, full_height = fig.get_size_inches().tolist()
    legend = fig.legend(
        handles=[handle or Line2D([], [], ls="") for handle in handles.values()],
        labels=["name"] * len(handles),  # matplotlib before 3.10 leaves out those that begin with "_"
        loc="upper left",
        bbox_to_anchor=(left / full_width, 1 - top / full_height),
        frameon=False,
        fontsize=TEXT_SIZE,
        borderpad=0,
        borderaxespad=0,
        labelspacing=0.35,
        handlelength=2.4,
    )
    for text, name in zip(legend.get_texts(), handles, strict=True):
        text.set_text(name)


def _name_points(ax: Axes, named: Sequence[Trail], trails: Sequence[Trail]) -> None:
    """Write the names of codes that do not change beside them, where little lies."""
    paths, ends = [_filled(trail.points) for trail in trails], [trail.points[-1:] for trail in trails]
    others = ax.transData.transform(np.concatenate([*paths, *END_WEIGHT * ends]))
    inside, taken = ax.bbox.extents, list[Box]()
    figure = ax.get_figure(root=True)
    assert figure is not None, "axes that are drawn belong to a figure"
    to_figure = figure.transFigure.inverted()
    for trail in named:
        name, (x, y) = shortened(trail.setting), ax.transData.transform(trail.points[0])
        size = (text_width(name, SMALL_SIZE) * DPI, text_height(1, SMALL_SIZE) * DPI)
        places = [_beside(x, y, size, *place) for place in itertools.product(DISTANCES, range(DIRECTIONS))]
        box = min(places, key=lambda box: _hidden(box, taken, others, inside))
        taken.append(box)
        center = ((box[0] + box[2]) / 2, (box[1] + box[3]) / 2)
        ax.annotate(
            name,
            tuple(trail.points[0].tolist()),
            tuple(to_figure.transform(center).tolist()),  # pixels are others in an SVG
            textcoords="figure fraction",
            ha="center",
            va="center",
            fontsize=SMALL_SIZE,
            zorder=6,
            path_effects=[withStroke(linewidth=3, foreground="white")],
            arrowprops={"arrowstyle": "-", "color": "0.4", "lw": 0.8, "shrinkA": 0, "shrinkB": 6},
        )


def _filled(points: Array) -> Array:
    """Points (t, 2) of a path with some of the line between them."""
    shares = np.linspace(0, 1, 6)[:-1, None]
    between = [one + shares * (other - one) for one, other in itertools.pairwise(points)]
    return np.concatenate([*between, points[-1:]])


def _beside(x: float, y: float, size: tuple[float, float], distance: float, direction: int) -> Box:
    """A box of a size in pixels that is so many inches from a point, in one of `DIRECTIONS`."""
    angle = 2 * math.pi * direction / DIRECTIONS
    across, up = round(math.cos(angle), 6), round(math.sin(angle), 6)
    reach = distance * DPI
    middle_x, middle_y = x + across * reach + across * size[0] / 2, y + up * reach + up * size[1] / 2
    return middle_x - size[0] / 2, middle_y - size[1] / 2, middle_x + size[0] / 2, middle_y + size[1] / 2


def _hidden(box: Box, taken: Sequence[Box], points: Array, inside: Box) -> float:
    """How much a name in this box, in pixels, would lie over or outside of."""
    left, bottom, right, top = box
    outside = left < inside[0] or bottom < inside[1] or right > inside[2] or top > inside[3]
    over = sum(left < other[2] and other[0] < right and bottom < other[3] and other[1] < top for other in taken)
    within = (points[:, 0] > left) & (points[:, 0] < right) & (points[:, 1] > bottom) & (points[:, 1] < top)
    return 1e6 * outside + 1e4 * over + float(within.sum())


# --------------------------------------------------------------------------------------------------------------- frames


class _Film:
    """Draws moment after moment; what stays is drawn once.

    Args:
        trails: all of them.
        title: above.
    """

    def __init__(self, trails: Sequence[Trail], title: str) -> None:
        self._fig, self._ax = _stage(trails, title, header=HEADER_HEIGHT)
        moving = _moving(trails)
        self._epochs = snapshot_epochs(moving)
        self._times = [np.interp(_epochs(trail), self._epochs, np.arange(len(self._epochs))) for trail in moving]
        self._points = [trail.points for trail in moving]
        styles = _dashes(trails)
        self._lines = [_artists(self._ax, trail, styles[trail.setting], animated=True) for trail in moving]
        for path, _, head in self._lines:
            path.set_alpha(PALE)
            head.set_markeredgecolor("white")
        self._decimals = _decimals(self._epochs)
        self._digits = len(f"{max(self._epochs, default=0.0):.{self._decimals}f}")
        self._header = self._write_header()
        canvas: Any = self._fig.canvas  # its methods are not typed
        canvas.draw()
        self._renderer = canvas.get_renderer()
        self._buffer = np.asarray(canvas.buffer_rgba())
        self._background = self._buffer.copy()

    @property
    def end(self) -> float:
        """The time of the last snapshot; the first is at 0, and all others 1 apart."""
        return float(max(len(self._epochs) - 1, 0))

    def frame(self, time: float) -> Frame:
        """What there is at a time."""
        self._buffer[...] = self._background
        for (path, first, head), times, points in zip(self._lines, self._times, self._points, strict=True):
            so_far = path_until(times, points, time)
            path.set_data(*so_far.T)
            first.set_data(*so_far[:1].T)
            # At the beginning, heads of several settings would lie over each other, and only the last be seen.
            has_head = time > times[0] or len(points) == 1
            head.set_data(*(so_far[-1:] if has_head else so_far[:0]).T)
            if time >= times[-1]:
                head.set_markeredgecolor("black")
        for artists in zip(*self._lines, strict=True):  # all paths below all heads
            for artist in artists:
                artist.draw(self._renderer)
        if len(self._epochs):
            epoch = float(np.interp(time, np.arange(len(self._epochs)), self._epochs))
            # Spaces as wide as a digit, so that digits stay where they are.
            self._header.set_text(f"epoch {f'{epoch:.{self._decimals}f}'.rjust(self._digits, chr(0x2007))}")
            self._header.draw(self._renderer)
        return self._buffer[..., :3].copy()

    def _write_header(self) -> Text:
        box = self._ax.get_position()
        y = box.y1 + HEADER_HEIGHT / 2 / HEIGHT
        return self._fig.text(box.x0, y, "", fontsize=HEADER_SIZE, color="0.2", va="center", animated=True)


def snapshot_epochs(trails: Sequence[Trail]) -> Array:
    """Epochs of all snapshots of runs, ascending, those that differ by rounding only once."""
    epochs = np.unique(np.concatenate([np.empty(0), *map(_epochs, trails)]))
    return epochs[np.diff(epochs, prepend=-np.inf) > SAME_EPOCH]


def _epochs(trail: Trail) -> Array:
    return np.asarray(() if trail.epochs is None else trail.epochs, np.float64)


def path_until(times: Array, points: Array, time: float) -> Array:
    """A path up to a time, with the place on its line where it is then; (m, 2), without points before it begins.

    Args:
        times: (t,) of its points, ascending.
        points: (t, 2).
        time: any.
    """
    if time < times[0]:
        return np.empty((0, 2))
    place = [np.interp(time, times, column) for column in points.T]
    return np.concatenate([points[times < time], [place]])


def _decimals(epochs: Array) -> int:
    """Digits of an epoch that tell the first snapshots apart, at most 2."""
    after = epochs[epochs > 0]
    return int(np.clip(math.ceil(-math.log10(after[0])), 0, 2)) if len(after) else 0
