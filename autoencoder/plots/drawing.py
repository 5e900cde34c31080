"""What the figures share: places in inches, text that fits, images, points, heat maps, colour bars and legends."""

from __future__ import annotations

import bisect
import functools
import math
from collections.abc import Iterable, Mapping, Sequence, Sized
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.image import AxesImage
from matplotlib.lines import Line2D
from matplotlib.textpath import text_to_path
from numpy.typing import NDArray

from autoencoder.array_types import Reals
from autoencoder.errors import UserError
from autoencoder.machine.plain_text import visible
from autoencoder.plots.colors import OTHER, Coloring
from autoencoder.plots.figures import boxes_for_unknown_letters, new_figure
from autoencoder.plots.points import point_radius

Color = str | tuple[float, ...]

TRUE_COLOR, PREDICTED_COLOR = "#56B4E9", "#E69F00"
"""Sky blue and orange of Okabe and Ito, which colour-blind readers tell apart on dark and on bright images."""

TITLE_SIZE, TEXT_SIZE, SMALL_SIZE = 16.0, 12.0, 11.0
"""Points."""

LINE_SPACING = 1.25
MARGIN = 0.2
"""Inches around a figure."""

SPLIT_GAP = 0.25
"""Inches between colours and the legend of held-out points."""

BAR_WIDTH, BAR_HEIGHT, LEGEND_ENTRY = 0.2, 3.0, 0.235
"""Inches: the colour bar (higher only for a long label), and each name in a legend."""

LONGEST_NAME, LONGEST_LABEL = 24, 60
"""Letters of a name in a legend or on an axis, and of what all of them are; longer ones end in an ellipsis."""

SHARE_TICKS = (0.0, 0.01, 0.05, 0.2, 0.5, 1.0)


# --------------------------------------------------------------------------------------------------------------- texts


def shortened(name: str, longest: int = LONGEST_NAME) -> str:
    """`name`, or its beginning and an ellipsis: `longest` letters in all."""
    seen = visible(name)
    return seen if len(seen) <= longest else f"{seen[: longest - 1]}…"


@functools.lru_cache(maxsize=4096)
def text_width(text: str, size: float, weight: str = "normal") -> float:
    """Width in inches of one line of `text` of `size` points."""
    font = FontProperties(size=size, weight=weight)
    with boxes_for_unknown_letters():
        width, _, _ = text_to_path.get_text_width_height_descent(text, font, False)
    return float(width) / 72


def text_height(n_lines: int, size: float) -> float:
    """Height in inches of `n_lines` lines of `size` points."""
    return n_lines * size * LINE_SPACING / 72


def wrapped(text: str, width: float, size: float, weight: str = "normal") -> list[str]:
    """Lines of `text`, each at most `width` inches wide; a word that is wider ends in an ellipsis."""
    lines: list[str] = []
    for paragraph in text.split("\n") if text else ():
        line = ""
        for word in filter(None, visible(paragraph).split(" ")):  # no-break spaces stay
            longer = f"{line} {word}" if line else word
            if text_width(longer, size, weight) <= width:
                line = longer
                continue
            if line:
                lines.append(line)
            line = _cut(word, width, size, weight)
        lines.append(line)
    return lines


def _cut(word: str, width: float, size: float, weight: str) -> str:
    if text_width(word, size, weight) <= width:
        return word
    fitting = bisect.bisect_left(range(len(word)), True, key=lambda n: text_width(f"{word[:n]}…", size, weight) > width)
    return f"{word[: max(0, fitting - 1)]}…"


def check_lengths(**arrays: Sized) -> int:
    """The common length of `arrays`.

    Raises:
        UserError: they differ in length, or are empty.
    """
    lengths = {name: len(array) for name, array in arrays.items()}
    listed = ", ".join(f"{length} {name.replace('_', ' ')}" for name, length in lengths.items())
    if len(set(lengths.values())) != 1:
        raise UserError(f"what is drawn together differs in number: {listed}")
    if 0 in lengths.values():
        raise UserError(f"there is nothing to draw: {listed}")
    return next(iter(lengths.values()))


# -------------------------------------------------------------------------------------------------------------- places


def place_axes(fig: Figure, left: float, top: float, width: float, height: float) -> Axes:
    """Axes at a place in inches; `left` and `top` are distances from the figure's upper left corner."""
    full_width, full_height = fig.get_size_inches().tolist()
    bottom = full_height - top - height
    return fig.add_axes((left / full_width, bottom / full_height, width / full_width, height / full_height))


def place_text(fig: Figure, x: float, top: float, lines: str | Sequence[str], size: float, **options: Any) -> None:
    """Text at a place in inches from the figure's upper left corner; centred below it unless `options` say else."""
    full_width, full_height = fig.get_size_inches().tolist()
    text = lines if isinstance(lines, str) else "\n".join(lines)
    options = {"ha": "center", "va": "top", "linespacing": LINE_SPACING, **options}
    fig.text(x / full_width, 1 - top / full_height, text, fontsize=size, **options)


def title_lines(title: str | None, width: float) -> list[str]:
    """Lines of a title over `width` inches."""
    return wrapped(title, width - 2 * MARGIN, TITLE_SIZE) if title else []


def title_height(lines: Sequence[str]) -> float:
    """Inches from the figure's upper edge to what lies below its title."""
    return MARGIN + (text_height(len(lines), TITLE_SIZE) + 0.1 if lines else 0.0)


def draw_title(fig: Figure, lines: Sequence[str]) -> None:
    """Write the title's lines over the middle of `fig`; `fig.suptitle` replaces them."""
    if lines:
        height = fig.get_size_inches()[1]
        text = "\n".join(lines)
        fig.suptitle(text, x=0.5, y=1 - MARGIN / height, va="top", fontsize=TITLE_SIZE, linespacing=LINE_SPACING)


# -------------------------------------------------------------------------------------------------------------- images


def draw_image(ax: Axes, image: NDArray[Any], extent: tuple[float, float, float, float] | None = None) -> AxesImage:
    """Draw `image` (H, W) or (H, W, 3), values in [0, 1], with its first row at the top, and no axes around it.

    Pixels keep their edges where they are enlarged threefold or more; in between they would come out unequally wide.
    """
    shown = ax.imshow(
        image.clip(0, 1), cmap="gray", vmin=0, vmax=1, interpolation="antialiased", aspect="auto", extent=extent
    )
    ax.set(xticks=[], yticks=[])
    ax.spines[:].set_visible(False)
    return shown


def frame(ax: Axes, color: Color, width: float = 3.0) -> None:
    """A coloured line of `width` points around `ax`."""
    ax.spines[:].set(visible=True, color=color, linewidth=width)


def tile_size(image_shape: Sequence[int], longer_side: float) -> tuple[float, float]:
    """Width and height in inches of an image (H, W, ...)."""
    height, width = image_shape[:2]
    return longer_side * width / max(height, width), longer_side * height / max(height, width)


def tile_figure(
    n: int,
    image_shape: Sequence[int],
    *,
    title: str | None,
    row_names: Sequence[str] = ("",),
    caption_lines: int = 0,
    legend: Mapping[str, Line2D] | None = None,
    tile: float = 1.4,
    columns: int = 8,
) -> tuple[Figure, NDArray[Any]]:
    """Empty axes for images of `n` samples, in bands of up to `columns` samples, for `caption` to be called on.

    Args:
        n: samples.
        image_shape: (H, W, ...) of all images.
        title: above all.
        row_names: of the images below each other that each sample has, written left of each band.
        caption_lines: room below each sample's last image.
        legend: handles by text, drawn once below all.
        tile: longer side of an image in inches.
        columns: samples beside each other.

    Returns:
        The figure and its axes, (n, len(row_names)).
    """
    bands = math.ceil(n / columns)
    n_columns = math.ceil(n / bands)
    tile_width, tile_height = tile_size(image_shape, tile)
    gap = 0.1
    cell = max(tile_width, 1.0 if caption_lines else 0.0) + gap
    names_width = max(text_width(line, TEXT_SIZE) for name in row_names for line in name.split("\n"))
    left = MARGIN + (names_width + 0.12 if names_width else 0.0)
    legend_rows = _legend_rows(list(legend or ()), max(left + n_columns * cell + MARGIN, 4.5) - 2 * MARGIN)
    width = max(left + n_columns * cell - gap + MARGIN, 4.5)
    left += (width - left - n_columns * cell + gap - MARGIN) / 2  # a narrow block stands in the middle
    lines = title_lines(title, width)
    top = title_height(lines)
    captions = text_height(caption_lines, SMALL_SIZE) + (0.08 if caption_lines else 0.0)
    band = len(row_names) * (tile_height + 0.06) + captions + (0.14 if len(row_names) > 1 or captions else 0.04)
    footer = text_height(len(legend_rows), TEXT_SIZE) * 1.15 + 0.1 if legend_rows else 0.0
    fig = new_figure(width, top + bands * band + footer + MARGIN / 2)
    draw_title(fig, lines)
    axes = np.empty((n, len(row_names)), object)
    for i in range(n):
        x = left + i % n_columns * cell + (cell - gap - tile_width) / 2
        for j, name in enumerate(row_names):
            y = top + i // n_columns * band + j * (tile_height + 0.06)
            axes[i, j] = place_axes(fig, x, y, tile_width, tile_height)
            if name and i % n_columns == 0:
                place_text(fig, left - 0.12, y + tile_height / 2, name, TEXT_SIZE, ha="right", va="center")
    for k, row in enumerate(legend_rows):
        handles = [_named(legend[name], name) for name in row] if legend else []
        fig.legend(
            handles=handles,
            ncols=len(row),
            loc="center",
            bbox_to_anchor=(
                0.5,
                (MARGIN / 2 + footer * (len(legend_rows) - k - 0.5) / len(legend_rows)) / fig_height(fig),
            ),
            frameon=False,
            fontsize=TEXT_SIZE,
            borderpad=0,
            borderaxespad=0,
        )
    return fig, axes


def caption(ax: Axes, lines: Sequence[str], color: Color = "black") -> None:
    """Write below an image of a `tile_figure`."""
    ax.annotate(
        "\n".join(lines),
        (0.5, 0),
        (0, -4),
        xycoords="axes fraction",
        textcoords="offset points",
        ha="center",
        va="top",
        fontsize=SMALL_SIZE,
        color=color,
        linespacing=LINE_SPACING,
    )


def fig_height(fig: Figure) -> float:
    """Inches."""
    return float(fig.get_size_inches()[1])


def _named(handle: Line2D, name: str) -> Line2D:
    handle.set_label(name)
    return handle


def _legend_rows(names: Sequence[str], width: float) -> list[list[str]]:
    """Names of a legend, as many beside each other as fit."""
    rows: list[list[str]] = []
    used = width
    for name in names:
        needed = text_width(name, TEXT_SIZE) + 0.85  # the handle and the space around it
        if used + needed > width:
            rows.append([])
            used = 0.0
        rows[-1].append(name)
        used += needed
    return rows


# -------------------------------------------------------------------------------------------------------------- points


def drawing_order(missing: NDArray[np.bool_], held_out: NDArray[np.bool_] | None = None) -> NDArray[np.int64]:
    """The order in which points are drawn: those of unknown value (`missing`, (n,)) first, under the others; of these
    the `held_out` (n,) ones last, over those that were trained on.

    Otherwise a fixed shuffle: in the order of the rows, late frames of a video would hide the early ones.
    """
    shuffled = np.random.default_rng(0).permutation(len(missing))
    level = ~missing[shuffled] + (0 if held_out is None else (held_out & ~missing)[shuffled].astype(np.int64))
    return shuffled[np.argsort(level, kind="stable")]


def draw_points(ax: Axes, embedding: Reals, coloring: Coloring, width: float) -> PathCollection:
    """Draw `embedding` (n, 2) in its colours in axes that are `width` inches wide."""
    order = drawing_order(coloring.missing, coloring.held_out)
    diameter = 2 * point_radius(len(embedding)) * 72 / 640 * width  # points; the radius is for 640 pixels
    return ax.scatter(
        embedding[order, 0],
        embedding[order, 1],
        s=max(diameter, 1.0) ** 2,
        c=coloring.colors[order] / 255,
        linewidths=0,
        rasterized=True,
    )


def draw_color_bar(ax: Axes, coloring: Coloring, size: float = TEXT_SIZE) -> None:
    """Fill `ax` with an upright colour bar whose ticks stand at its right."""
    ramp = np.linspace(0, 1, 512)[:, None]
    low, high = coloring.limits
    ax.imshow(ramp, cmap=coloring.colormap, aspect="auto", origin="lower", extent=(0, 1, low, high))
    ax.set(xticks=[])
    ax.set_yticks(coloring.ticks, coloring.tick_labels, fontsize=size)
    ax.yaxis.tick_right()
    ax.spines[:].set_visible(False)


def legend_handles(
    entries: Sequence[tuple[str, tuple[int, int, int]]], marker_size: float = 9, longest: int = LONGEST_NAME
) -> list[Line2D]:
    """A dot and the (shortened) name of each of `entries`, names with their RGB colours."""
    return [
        Line2D(
            [],
            [],
            ls="",
            marker="o",
            ms=marker_size,
            color=(rgb[0] / 255, rgb[1] / 255, rgb[2] / 255),
            label=shortened(name, longest),
        )
        for name, rgb in entries
    ]


def legend_above(ax: Axes) -> None:
    """The legend of `ax` above it, in two columns."""
    ax.legend(
        loc="lower center",
        bbox_to_anchor=(0.5, 1),
        ncols=2,
        frameon=False,
        fontsize=TEXT_SIZE,
        borderpad=0,
        borderaxespad=0.5,
        handlelength=1.6,
        columnspacing=1.4,
    )


@dataclass(frozen=True)
class ColorsText:
    """How texts beside colours are written.

    Attributes:
        size: points.
        longest: letters of a name in a legend.
        in_one_column: whether a legend that needs more columns only says how many more names there are.
    """

    size: float = TEXT_SIZE
    longest: int = LONGEST_NAME
    in_one_column: bool = False

    @property
    def entry(self) -> float:
        """Inches from one name in a legend to the next."""
        return LEGEND_ENTRY * self.size / TEXT_SIZE

    @property
    def handle(self) -> float:
        """Inches that an entry takes beside its name."""
        return 0.45 * self.size / TEXT_SIZE

    def shown(self, coloring: Coloring, height: float) -> tuple[tuple[str, tuple[int, int, int]], ...]:
        """The entries of a legend that is `height` inches high."""
        rows = max(1, int((height - 0.4) / self.entry))
        if not self.in_one_column or len(coloring.legend) <= rows:
            return coloring.legend
        return (*coloring.legend[: rows - 1], (f"{len(coloring.legend) - rows + 1} more", OTHER))

    def width(self, names: Iterable[str]) -> float:
        """Inches of the widest of some entries."""
        return max((text_width(shortened(name, self.longest), self.size) for name in names), default=0.0) + self.handle


USUAL_TEXT = ColorsText()


def legend_columns(coloring: Coloring, height: float, text: ColorsText = USUAL_TEXT) -> int:
    """Columns of a legend that is `height` inches high."""
    return math.ceil(len(text.shown(coloring, height)) / max(1, int((height - 0.4) / text.entry)))


def colors_width(coloring: Coloring, label: str, height: float, text: ColorsText = USUAL_TEXT) -> float:
    """Inches that `draw_colors` takes from left to right."""
    split = [name for name, _ in coloring.split_legend]
    own = _own_colors_width(coloring, label, height - _split_height(coloring, text), text)
    return max(replace(text, longest=LONGEST_NAME).width(split), own) if split else own


def _split_height(coloring: Coloring, text: ColorsText) -> float:
    """Inches that the legend of held-out points takes from top to bottom."""
    entries = len(coloring.split_legend)
    return entries * text.entry + SPLIT_GAP if entries else 0.0


def _own_colors_width(coloring: Coloring, label: str, height: float, text: ColorsText) -> float:
    label = shortened(label, LONGEST_LABEL)
    if coloring.colormap is not None:
        ticks = max((text_width(name, text.size) for name in coloring.tick_labels), default=0.0)
        return BAR_WIDTH + 0.15 + ticks + (text_height(1, text.size) + 0.1 if label else 0.0)
    entries = text.width(name for name, _ in coloring.legend)
    return max(legend_columns(coloring, height, text) * entries, text_width(label, text.size) + 0.1)


def draw_colors(
    fig: Figure,
    coloring: Coloring,
    label: str,
    left: float,
    top: float,
    height: float,
    text: ColorsText = USUAL_TEXT,
) -> None:
    """The colour bar or the legend with the name of what it shows, `height` inches high at most, and below it what
    strong and pale points are."""
    split = _split_height(coloring, text)
    if split:
        _draw_legend(
            fig, coloring.split_legend, left, top + height - split + SPLIT_GAP, replace(text, longest=LONGEST_NAME)
        )
        height -= split
    label = shortened(label, LONGEST_LABEL)
    if coloring.colormap is not None:
        label_width = text_width(label, text.size)
        height = min(height, max(BAR_HEIGHT, label_width))
        ax = place_axes(fig, left, top, BAR_WIDTH, height)
        draw_color_bar(ax, coloring, text.size)
        ax.yaxis.set_label_position("right")
        ax.set_ylabel(label, fontsize=min(text.size, text.size * height / max(label_width, 0.1)), labelpad=6)
        return
    _draw_legend(fig, text.shown(coloring, height), left, top, text, label, legend_columns(coloring, height, text))


def _draw_legend(
    fig: Figure,
    entries: Sequence[tuple[str, tuple[int, int, int]]],
    left: float,
    top: float,
    text: ColorsText,
    title: str | None = None,
    columns: int = 1,
) -> None:
    full_width, full_height = fig.get_size_inches().tolist()
    fig.legend(
        handles=legend_handles(entries, 9 * text.size / TEXT_SIZE, text.longest),
        title=title,
        ncols=columns,
        loc="upper left",
        bbox_to_anchor=(left / full_width, 1 - top / full_height),
        alignment="left",
        frameon=False,
        fontsize=text.size,
        title_fontsize=text.size,
        handletextpad=0.2,
        columnspacing=0.8,
        borderpad=0,
        borderaxespad=0,
        labelspacing=0.3,
    )


# ----------------------------------------------------------------------------------------------------------- heat maps


def draw_heat_map(ax: Axes, shares: Reals, counts: NDArray[np.integer] | None, size: float = SMALL_SIZE) -> AxesImage:
    """Fill `ax` with `shares` (rows, columns) from 0 to 1 as blue cells, with `counts` written in them; NaN is grey.

    The scale is that of the square root, so that a confusion of 1 % is seen.
    """
    shown = ax.imshow(shares, cmap="Blues", norm=PowerNorm(0.5, 0, 1), aspect="auto")
    ax.set_facecolor("0.9")
    rows, columns = shares.shape
    ax.set_xticks(np.arange(columns + 1) - 0.5, minor=True)
    ax.set_yticks(np.arange(rows + 1) - 0.5, minor=True)
    ax.grid(which="minor", color="white", lw=1)
    ax.tick_params(which="both", length=0)
    ax.spines[:].set_visible(False)
    if counts is not None:
        for (row, column), count in np.ndenumerate(counts):
            share = shares[row, column]
            color = "0.65" if count == 0 else "white" if share > 0.35 else "0.1"
            ax.text(column, row, f"{count:d}", ha="center", va="center", fontsize=size, color=color)
    return shown


def draw_share_bar(fig: Figure, shown: AxesImage, ax: Axes, label: str) -> None:
    """The colour bar of `draw_heat_map`, in `ax`."""
    bar = fig.colorbar(shown, cax=ax)
    bar.set_ticks(SHARE_TICKS, labels=[f"{100 * share:g} %" for share in SHARE_TICKS])
    bar.minorticks_off()
    bar.ax.tick_params(labelsize=SMALL_SIZE, length=3)
    bar.set_label(label, fontsize=TEXT_SIZE)
    bar.outline.set_visible(False)
