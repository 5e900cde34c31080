"""What latent codes mean: where they lie, what each unit does, what random codes and clusters look like."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, MaxNLocator
from numpy.typing import NDArray

from autoencoder.array_types import Reals
from autoencoder.errors import UserError, raise_if_any
from autoencoder.plots.brightness import AS_THEY_ARE, brightness_of
from autoencoder.plots.colors import Kind, color_by
from autoencoder.plots.drawing import (
    MARGIN,
    TEXT_SIZE,
    check_lengths,
    colors_width,
    draw_colors,
    draw_heat_map,
    draw_image,
    draw_points,
    draw_share_bar,
    draw_title,
    frame,
    place_axes,
    place_text,
    shortened,
    text_height,
    text_width,
    tile_figure,
    tile_size,
    title_height,
    title_lines,
    wrapped,
)
from autoencoder.plots.figures import new_figure
from autoencoder.plots.movies.frames import MAX_EXAMPLES, Examples, robust_limits

EXAMPLE = 1.3
"""Inches; the longer side of a picture beside the scatter plot."""

MAX_UNITS = 32
UNITS_PER_BLOCK = 16
"""More units are drawn in two blocks beside each other."""

BAR_COLOR = "#0072B2"

GAP, STRIP_GAP, BAR_GAP, BAR, COLOR_BAR = 0.05, 0.2, 0.15, 1.15, 0.75
"""Inches, of what each unit does: between pictures, between these and their differences, before the bars, the bars, and
below all for the colours of differences."""

HEADINGS = ("pictures", "differences from the picture of the mean code")
DIFFERENCE_LABEL = "difference (share of the full range of a pixel)"
HEADER_SIZE = 10.5
"""Points, of the small numbers around the pictures."""


def code_scatter(
    embedding: Reals,
    values: NDArray[Any],
    kind: Kind,
    *,
    label: str,
    period: float = 360.0,
    axes_names: tuple[str, str] = ("UMAP 1", "UMAP 2"),
    title: str | None = None,
    header: str = "",
    examples: Examples | None = None,
    held_out: NDArray[np.bool_] | None = None,
) -> Figure:
    """Codes in two dimensions, coloured by what is known of their images.

    Args:
        embedding: (n, 2).
        values: (n,) what each point is coloured by; NaN is drawn grey, under the others.
        kind: of the values: circular, linear or category.
        label: name of the values, such as "body angle (deg)".
        period: of circular values.
        axes_names: of the embedding.
        title: above the plot.
        header: smaller, below the title, such as "AE 16, epoch 60".
        examples: up to 6 pictures beside the plot, in the order of `choose_examples`.
        held_out: (n,) the points that were held out from training; None for no difference.

    Raises:
        UserError: there are no points, not as many values, the values cannot be coloured, or an example is not there.
    """
    n = check_lengths(points=embedding, values=values)
    shown = examples.indices.tolist() if examples is not None else []
    problems = [f"an embedding has two columns: {embedding.shape}"] if embedding.shape != (n, 2) else []
    if len(shown) > MAX_EXAMPLES or (examples is not None and len(examples.images) != len(shown)):
        problems.append(f"up to {MAX_EXAMPLES} examples fit, one image each, not {len(shown)}")
    if any(not 0 <= index < n for index in shown):
        problems.append("an example is not among the points")
    raise_if_any(problems)
    coloring = color_by(values, kind, period, held_out)
    side, column = 6.0, EXAMPLE + 0.3 if shown else 0.0
    left = MARGIN + column + text_height(1, 14) + 0.1
    colors_left = left + side + 0.3 + column
    width = colors_left + colors_width(coloring, label, side) + MARGIN
    brightness = AS_THEY_ARE if examples is None else brightness_of(examples.images)
    lines = title_lines(title, width)
    header_lines = wrapped(brightness.behind(header), width - 2 * MARGIN, 13)
    top = title_height(lines) + text_height(len(header_lines), 13) + 0.05
    fig = new_figure(width, top + side + text_height(1, 14) + 0.1 + MARGIN)
    draw_title(fig, lines)
    place_text(fig, width / 2, title_height(lines), header_lines, 13, color="0.25")
    ax = place_axes(fig, left, top, side, side)
    (x0, x1), (y0, y1) = robust_limits(embedding[None])
    draw_points(ax, embedding, coloring, side)
    ax.set(xlim=(x0, x1), ylim=(y0, y1), xticks=[], yticks=[])
    ax.spines[:].set_color("0.8")
    ax.set_xlabel(axes_names[0], fontsize=14, labelpad=5, loc="left")
    ax.set_ylabel(axes_names[1], fontsize=14, labelpad=3, loc="bottom")
    draw_colors(fig, coloring, label, colors_left, top, side)
    if examples is not None:
        places = (embedding[shown] - (x0, y1)) / (x1 - x0, y0 - y1) * side + (left, top)
        _draw_examples(fig, brightness(examples.images), places, coloring.colors[shown] / 255, (left, top, side))
    return fig


def _draw_examples(
    fig: Figure, images: NDArray[Any], points: Reals, colors: Reals, box: tuple[float, float, float]
) -> None:
    """Pictures on both sides of the square `box` (left, top, side), each tied to its point.

    All places are in inches from the figure's upper left corner; `points` and `colors` are (k, 2) and (k, 3).
    """
    left, top, side = box
    n_left = (len(images) + 1) // 2
    width, height = tile_size(images.shape[1:], EXAMPLE)
    for i, (image, point, color) in enumerate(zip(images, points.tolist(), colors.tolist(), strict=True)):
        on_left = i < n_left
        slot, n_slots = (i, n_left) if on_left else (i - n_left, len(images) - n_left)
        middle = top + side * (slot + 0.5) / n_slots
        x = MARGIN + EXAMPLE - width if on_left else left + side + 0.3
        tile = place_axes(fig, x, middle - height / 2, width, height)
        draw_image(tile, image / 255 if image.dtype == np.uint8 else image)
        frame(tile, tuple(color), 4)
        _draw_leader(fig, (x + width + 0.03 if on_left else x - 0.03, middle), (point[0], point[1]))


def _draw_leader(fig: Figure, start: tuple[float, float], end: tuple[float, float]) -> None:
    """A line to a ring around a point; places in inches from the figure's upper left corner."""
    width, height = fig.get_size_inches().tolist()
    x, y = [start[0] / width, end[0] / width], [1 - start[1] / height, 1 - end[1] / height]
    fig.add_artist(Line2D(x, y, color="0.35", lw=1.0))
    fig.add_artist(Line2D(x[1:], y[1:], ls="", marker="o", ms=9, mfc="none", mec="black", mew=1.8))


def unit_influence(
    pictures: Reals,
    values: Reals,
    deviations: Reals,
    spread: Reals,
    title: str | None = None,
    *,
    units: Sequence[int] | None = None,
    spread_label: str = "change of the picture",
    mean: Reals | None = None,
) -> Figure:
    """What each latent unit does to the picture: a row per unit, in which only its value changes, from left to right.

    Args:
        pictures: (n, steps, H, W) or (n, steps, H, W, 3), values in [0, 1], decoded; in the order in which the units
            are drawn. Up to 32 units.
        values: (n, steps) of the unit that is changed, symmetric about its mean; the other units keep theirs.
        deviations: (n,) standard deviation of each unit over the images, in which the steps are labelled.
        spread: (n,) how much the picture changes, drawn as a bar.
        title: above all.
        units: (n,) numbers of the units; None for 0, 1, 2, ...
        spread_label: what `spread` is, with its unit.
        mean: (H, W) or (H, W, 3) the picture of the mean code. Beside its pictures, each unit then has their
            differences from it, all on one scale; of colours, the mean over the three. None for no differences.

    Raises:
        UserError: the arrays differ in length or are empty, or there are too many units.
    """
    names = range(len(pictures)) if units is None else units
    n = check_lengths(pictures=pictures, values=values, deviations=deviations, spreads=spread, units=names)
    steps = pictures.shape[1]
    if n > MAX_UNITS or values.shape != (n, steps):
        raise UserError(f"up to {MAX_UNITS} units are drawn, not {n}; {values.shape} values for {n} x {steps} pictures")
    brightness = brightness_of(pictures.reshape(-1, *pictures.shape[2:]))
    sheet = _UnitSheet(pictures, names, deviations, brightness.below(title), spread_label, mean is not None)
    fig, headers = sheet.figure, _step_names(values, deviations)
    strips: list[tuple[Reals, dict[str, Any]]] = [(brightness(pictures), _GREY)]
    if mean is not None:
        differences = pictures - mean
        differences = differences.mean(axis=-1) if pictures.ndim == 5 else differences
        largest = float(np.abs(differences[np.isfinite(differences)]).max(initial=0.0)) or 1.0
        strips.append((differences, {"cmap": "RdBu_r", "vmin": -largest, "vmax": largest}))
    for i, number in enumerate(names):
        sheet.write_name(i, number, float(deviations[i]))
        for k, (shown, looks) in enumerate(strips):
            ax = sheet.strip(i, k)
            for step in range(steps):
                left, width, height = step * sheet.pitch, *sheet.tile
                ax.imshow(shown[i, step], extent=(left, left + width, height, 0), aspect="auto", **looks)
            ax.set(xlim=(0, sheet.strip_width), ylim=(sheet.tile[1], 0), xticks=[], yticks=[])
            ax.set_label(f"{'unit' if k == 0 else 'differences of unit'} {number}")
            ax.spines[:].set_visible(False)
            if i % sheet.per_block == 0:
                sheet.write_headers(i, k, headers)
        if i % sheet.per_block == 0:
            drawn = slice(i, min(i + sheet.per_block, n))
            largest_spread = float(np.nanmax(np.append(spread, 0.0)))
            _draw_spread(sheet.bars(i, len(spread[drawn])), spread[drawn], largest_spread, GAP / sheet.row_height)
    if mean is not None:
        bar = fig.colorbar(sheet.strip_axes[1].images[0], cax=sheet.color_bar(), orientation="horizontal")
        bar.set_label(DIFFERENCE_LABEL, fontsize=TEXT_SIZE)
        bar.set_ticks(MaxNLocator(4, symmetric=True).tick_values(-largest, largest))
        bar.ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        bar.ax.set_xlim(-largest, largest)
        bar.ax.tick_params(labelsize=HEADER_SIZE, length=3)
        bar.outline.set_visible(False)
    return fig


_GREY: dict[str, Any] = {"cmap": "gray", "vmin": 0, "vmax": 1, "interpolation": "antialiased"}


class _UnitSheet:
    """Places of everything in `unit_influence`: a block of up to `UNITS_PER_BLOCK` rows, or two beside each other."""

    def __init__(
        self,
        pictures: Reals,
        names: Sequence[int],
        deviations: Reals,
        title: str | None,
        spread_label: str,
        with_differences: bool,
    ) -> None:
        n, steps = pictures.shape[:2]
        self.per_block = n if n <= UNITS_PER_BLOCK else math.ceil(n / 2)
        blocks = math.ceil(n / self.per_block)
        strips = 2 if with_differences else 1
        largest = (0.72 if blocks == 1 else 0.42) if with_differences else (1.0 if n <= 8 else 0.64)
        self.tile = tile_size(pictures.shape[2:], min(largest, 7.0 / steps))
        self.pitch = max(self.tile[0] + GAP, text_width("\N{MINUS SIGN}0.5", HEADER_SIZE) + 0.04)
        self.strip_width = steps * self.pitch - GAP
        names_width = max(text_width(f"unit {number}", TEXT_SIZE) for number in names) + 0.15
        self._names_width = max(names_width, text_width("sd 0.000", HEADER_SIZE) + 0.15)
        self._block = self._names_width + strips * (self.strip_width + STRIP_GAP) - STRIP_GAP + BAR_GAP + BAR
        self._between = 0.35
        width = max(2 * MARGIN + blocks * self._block + (blocks - 1) * self._between, 5.0)
        self._label_lines = wrapped(spread_label, BAR, HEADER_SIZE)
        lines = title_lines(title, width)
        self._headings = [wrapped(text, self.strip_width, HEADER_SIZE) for text in HEADINGS[: 2 * with_differences]]
        above = max(len(self._label_lines), 1 + max(map(len, self._headings), default=0))
        self._top = title_height(lines) + text_height(above, HEADER_SIZE) + 0.1
        self.row_height = max(self.tile[1], text_height(1, TEXT_SIZE) + text_height(1, HEADER_SIZE)) + GAP
        self._bottom = self._top + self.per_block * self.row_height
        self.figure = new_figure(width, self._bottom + MARGIN + (COLOR_BAR if with_differences else 0.0))
        self.strip_axes: list[Axes] = []
        draw_title(self.figure, lines)

    def _corner(self, i: int) -> tuple[float, float]:
        """Left edge of the block and upper edge of the row of unit `i`."""
        block, row = divmod(i, self.per_block)
        return MARGIN + block * (self._block + self._between), self._top + row * self.row_height

    def _strip_left(self, i: int, k: int) -> float:
        return float(self._corner(i)[0] + self._names_width + k * (self.strip_width + STRIP_GAP))

    def write_name(self, i: int, number: int, deviation: float) -> None:
        """Its number and how much it varies, left of its row."""
        left, top = self._corner(i)
        right, middle = left + self._names_width - 0.1, top + (self.row_height - GAP) / 2 + 0.02
        place_text(self.figure, right, middle, f"unit {number}", TEXT_SIZE, ha="right", va="bottom")
        place_text(self.figure, right, middle, f"sd {deviation:.3g}", HEADER_SIZE, ha="right", color="0.4")

    def strip(self, i: int, k: int) -> Axes:
        """Axes in inches of the row of unit `i`: of its pictures (0) or of their differences (1)."""
        _, top = self._corner(i)
        top += (self.row_height - GAP - self.tile[1]) / 2
        ax = place_axes(self.figure, self._strip_left(i, k), top, self.strip_width, self.tile[1])
        self.strip_axes.append(ax)
        return ax

    def write_headers(self, i: int, k: int, steps: Sequence[str]) -> None:
        """What stands over a strip."""
        left = self._strip_left(i, k)
        for step, name in enumerate(steps):
            x = left + step * self.pitch + self.tile[0] / 2
            place_text(self.figure, x, self._top - 0.08, name, HEADER_SIZE, va="baseline")
        if self._headings:
            middle, above = left + self.strip_width / 2, self._top - 0.08 - text_height(1, HEADER_SIZE)
            place_text(self.figure, middle, above, self._headings[k], HEADER_SIZE, va="bottom", color="0.25")

    def bars(self, i: int, n: int) -> Axes:
        """Axes for the bars of `n` units from `i` on, with their label above."""
        left = self._corner(i)[0] + self._block - BAR
        place_text(self.figure, left, self._top - 0.06, self._label_lines, HEADER_SIZE, ha="left", va="bottom")
        return place_axes(self.figure, left, self._top, BAR, n * self.row_height)

    def color_bar(self) -> Axes:
        """Axes for the bar of the differences' colours, below the first of them."""
        width = max(min(self.strip_width, 4.0), text_width(DIFFERENCE_LABEL, TEXT_SIZE) * 0.6)
        return place_axes(self.figure, self._strip_left(0, 1), self._bottom + 0.12, width, 0.14)


def _step_names(values: Reals, deviations: Reals) -> list[str]:
    """The steps in standard deviations from the mean code, with the unit at both ends."""
    used = np.flatnonzero((deviations > 0) & np.isfinite(values).all(axis=1))
    if not len(used):
        return [""] * values.shape[1]
    first = int(used[0])
    steps = (values[first] - values[first].mean()) / deviations[first]
    names = ["mean" if abs(step) < 1e-3 else f"{step:+.2g}".replace("-", "\N{MINUS SIGN}") for step in steps.tolist()]
    return [f"{name} sd" if i in (0, len(names) - 1) and name != "mean" else name for i, name in enumerate(names)]


def _draw_spread(ax: Axes, spread: Reals, largest: float, gap: float) -> None:
    places = np.arange(len(spread)) + 0.5 - gap / 2
    largest = largest or 1.0
    ax.barh(places, spread, height=0.32, color=BAR_COLOR)
    texts = [f"{value:.2g}" for value in spread.tolist()]
    for place, value, text in zip(places.tolist(), spread.tolist(), texts, strict=True):
        ax.text(max(value, 0) + 0.04 * largest, place, text, va="center", ha="left", fontsize=HEADER_SIZE)
    room = max(text_width(text, HEADER_SIZE) for text in texts) / BAR
    ax.set(xlim=(0, 1.06 * largest / (1 - room)), ylim=(len(spread), 0), xticks=[], yticks=[])
    ax.spines[["top", "right", "bottom"]].set_visible(False)
    ax.spines["left"].set_color("0.6")


def generated_images(pictures: Reals, nearest: Reals | None = None, title: str | None = None) -> Figure:
    """Images decoded from random codes, each with the training image that is most like it below.

    Dark images are drawn brighter, as the training images need it where these are there.

    Args:
        pictures: (n, H, W) or (n, H, W, 3), values in [0, 1].
        nearest: of the shape of `pictures`; None for a plain grid.
        title: above all.

    Raises:
        UserError: the arrays differ in shape or are empty.
    """
    brightness = brightness_of(pictures if nearest is None else nearest)
    title = brightness.below(title)
    if nearest is None:
        n = check_lengths(pictures=pictures)
        fig, axes = tile_figure(n, pictures.shape[1:], title=title, tile=1.1)
    else:
        n = check_lengths(pictures=pictures, nearest_images=nearest)
        if nearest.shape != pictures.shape:
            raise UserError(f"nearest images {nearest.shape} do not have the shape of the generated {pictures.shape}")
        names = ("generated", "nearest\ntraining image")
        fig, axes = tile_figure(n, pictures.shape[1:], title=title, row_names=names, tile=1.1)
        for ax, image in zip(axes[:, 1], brightness(nearest), strict=True):
            draw_image(ax, image)
    for ax, image in zip(axes[:, 0], brightness(pictures), strict=True):
        draw_image(ax, image)
    return fig


def cluster_figure(
    center_pictures: Reals,
    table: NDArray[np.integer],
    class_names: Sequence[str] | None = None,
    *,
    ari: float,
    nmi: float,
    title: str | None = None,
) -> Figure:
    """The decoded centre of each cluster, and below it which classes its images are of.

    Args:
        center_pictures: (k, H, W) or (k, H, W, 3), values in [0, 1].
        table: (k, classes) images of each class in each cluster.
        class_names: None for 0, 1, 2, ...
        ari: adjusted Rand index, 1 for clusters that are the classes, about 0 for chance.
        nmi: normalised mutual information, from 0 to 1.
        title: above all.

    Raises:
        UserError: as many pictures, rows of the table or names are not there.
    """
    k = check_lengths(pictures=center_pictures, rows_of_the_table=table)
    n_classes = table.shape[1]
    names = [shortened(name) for name in (class_names or [str(i) for i in range(n_classes)])]
    raise_if_any([f"{len(names)} names do not go with {n_classes} classes"] * (len(names) != n_classes))
    totals = table.sum(axis=1, keepdims=True)
    shares = np.divide(table, totals, out=np.full(table.shape, np.nan), where=totals > 0)
    cell, row_height = float(np.clip(9 / k, 0.5, 0.95)), 0.36
    written = max(text_width(f"{count:d}", HEADER_SIZE) for count in table.flat) < cell - 0.06
    if not written:
        row_height = 0.26
    tile_width, tile_height = tile_size(center_pictures.shape[1:], cell - 0.08)

    name_width = max(max(text_width(name, TEXT_SIZE) for name in names), text_width("decoded centre", TEXT_SIZE) - 0.3)
    left = MARGIN + text_height(1, 14) + name_width + 0.25
    side = k * cell
    width = max(left + side + 0.3 + 0.2 + 1.05 + MARGIN, 6.2)
    lines = title_lines(title, width)
    brightness = brightness_of(center_pictures)
    said = brightness.behind(f"adjusted Rand index {ari:.2f}, normalised mutual information {nmi:.2f}")
    scores = wrapped(said, width - 2 * MARGIN, 13)
    top = title_height(lines) + text_height(len(scores), 13) + 0.15
    table_top = top + tile_height + 0.1
    height = max(n_classes * row_height, 1.9)  # as high as the label of the colour bar
    fig = new_figure(width, table_top + height + 0.75)
    draw_title(fig, lines)
    place_text(fig, width / 2, title_height(lines), scores, 13, color="0.25")
    for i, picture in enumerate(brightness(center_pictures)):
        x = left + i * cell + (cell - tile_width) / 2
        draw_image(place_axes(fig, x, top, tile_width, tile_height), picture)
    place_text(fig, left - 0.12, top + tile_height / 2, ["decoded", "centre"], TEXT_SIZE, ha="right", va="center")
    ax = place_axes(fig, left, table_top, side, height)
    shown = draw_heat_map(ax, shares.T, table.T if written else None, HEADER_SIZE)
    ax.set_xticks(range(k), [str(i) for i in range(k)], fontsize=TEXT_SIZE)
    ax.set_yticks(range(n_classes), names, fontsize=TEXT_SIZE)
    ax.set_xlabel("cluster", fontsize=14)
    ax.set_ylabel("class", fontsize=14, labelpad=6)
    bar_height = min(height, 3.0)
    bar = place_axes(fig, left + side + 0.3, table_top + (height - bar_height) / 2, 0.2, bar_height)
    draw_share_bar(fig, shown, bar, "share of the cluster")
    return fig
