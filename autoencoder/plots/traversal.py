"""Codes moved to other values and decoded: a strip of pictures, and a movie of the way."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from numpy.typing import NDArray

from autoencoder.array_types import Reals
from autoencoder.errors import UserError, raise_if_any
from autoencoder.plots.brightness import AS_THEY_ARE, brightness_of
from autoencoder.plots.drawing import (
    MARGIN,
    PREDICTED_COLOR,
    SMALL_SIZE,
    TEXT_SIZE,
    check_lengths,
    draw_image,
    draw_title,
    place_axes,
    place_text,
    shortened,
    text_height,
    text_width,
    tile_size,
    title_height,
    title_lines,
    wrapped,
)
from autoencoder.plots.figures import new_figure

GAP, AFTER_START = 0.08, 0.3
"""Inches between pictures, and between the start and the first of them."""

NOTE_SIZE = 10.5
LONGEST_VALUE = 12
"""Letters of a value; longer ones end in an ellipsis."""

MOVIE_TILE, TRACK = 1.9, 0.34
"""Inches: a picture in the movie, and the height of the scale above."""


def traversal_strip(
    starts: Reals,
    start_texts: Sequence[str],
    pictures: Reals,
    target_texts: Sequence[str],
    found_texts: Sequence[Sequence[str]],
    *,
    title: str | None = None,
    note: str = "",
    like_starts: bool = True,
) -> Figure:
    """A row for each start: its image, and what its code decodes to where it is moved to each value.

    Args:
        starts: (m, H, W) or (m, H, W, 3) images, values in [0, 1].
        start_texts: (m,) their own values, written below.
        pictures: (m, k, H, W) or (m, k, H, W, 3) decoded.
        target_texts: (k,) the values asked for, written above.
        found_texts: (m, k) the values that were read from the pictures, written below each.
        title: above all; lines are kept.
        note: smaller, below the title.
        like_starts: whether what is decoded are images as the starts are, drawn as bright as they are, and no masks.

    Raises:
        UserError: the numbers of pictures and texts differ, or there are none.
    """
    m = check_lengths(starts=starts, values_of_starts=start_texts, rows=pictures, rows_of_values=found_texts)
    k = pictures.shape[1]
    check_lengths(columns=np.arange(k), values=target_texts)
    raise_if_any(f"{len(row)} values do not go with {k} pictures of a start" for row in found_texts if len(row) != k)
    above, below = ([shortened(text, LONGEST_VALUE) for text in row] for row in (target_texts, start_texts))
    found = [[shortened(text, LONGEST_VALUE) for text in row] for row in found_texts]
    tile_width, tile_height = tile_size(starts.shape[1:], min(1.1, 12 / (k + 1)))
    written = [text_width(text, SMALL_SIZE) for row in (below, *found) for text in row]
    written += [text_width(text, TEXT_SIZE, "bold") for text in above]
    cell = max(tile_width, *written) + GAP
    left = MARGIN + cell + AFTER_START
    width = max(left + k * cell - GAP + MARGIN, 6.0)
    shift = (width - left - k * cell + GAP - MARGIN) / 2  # a narrow strip stands in the middle
    brightness = brightness_of(starts)
    lines, notes = title_lines(title, width), wrapped(brightness.behind(note, "\n"), width - 2 * MARGIN, NOTE_SIZE)
    top = title_height(lines) + text_height(len(notes), NOTE_SIZE) + 0.12 + text_height(1, TEXT_SIZE)
    row_height = tile_height + text_height(1, SMALL_SIZE) + 0.1
    fig = new_figure(width, top + m * row_height + MARGIN / 2)
    draw_title(fig, lines)
    place_text(fig, width / 2, title_height(lines), notes, NOTE_SIZE, color="0.35")
    first, moved = shift + MARGIN + (cell - GAP) / 2, shift + left + (cell - GAP) / 2
    sheet = _Sheet(fig, (tile_width, tile_height))
    place_text(fig, first, top - 0.08, "start", TEXT_SIZE, va="baseline", color="0.35")
    for j, text in enumerate(above):
        place_text(fig, moved + j * cell, top - 0.08, text, TEXT_SIZE, va="baseline", fontweight="bold")
    begun, decoded = brightness(starts), brightness(pictures) if like_starts else pictures
    for i in range(m):
        y = top + i * row_height
        places = [first, *(moved + j * cell for j in range(k))]
        for x, image, text in zip(places, [begun[i], *decoded[i]], [below[i], *found[i]], strict=True):
            sheet.draw(image, x - tile_width / 2, y)
            place_text(fig, x, y + tile_height + 0.17, text, SMALL_SIZE, va="baseline", color="0.25")
    return fig


class _Sheet:
    """Axes over a whole figure for all of its pictures, since axes take longer to make than pictures do to draw.

    Args:
        fig: the figure.
        tile: width and height of a picture in inches.
    """

    def __init__(self, fig: Figure, tile: tuple[float, float]) -> None:
        self._width, self._height = fig.get_size_inches().tolist()
        self._tile = tile
        self._ax = place_axes(fig, 0, 0, self._width, self._height)
        self._ax.set_axis_off()

    def draw(self, image: Reals, left: float, top: float) -> AxesImage:
        """Draw a picture; `left` and `top` are inches from the figure's upper left corner."""
        width, height = self._tile
        shown = draw_image(self._ax, image, extent=(left, left + width, top + height, top))
        self._ax.set(xlim=(0, self._width), ylim=(self._height, 0))
        return shown


class TraversalMovie:
    """Frames of starts on their way: above a scale with a dot at the value asked for, below it the pictures.

    Args:
        starts: (m, H, W) or (m, H, W, 3) images, values in [0, 1]; drawn in the first row and never changed.
        ticks: places on the scale, from 0 to 1, and what is written there.
        label: of the scale.
        like_starts: see `traversal_strip`.

    Raises:
        UserError: there is no start.
    """

    def __init__(
        self, starts: Reals, ticks: Sequence[tuple[float, str]], label: str, *, like_starts: bool = True
    ) -> None:
        m = check_lengths(starts=starts)
        tile_width, tile_height = tile_size(starts.shape[1:], MOVIE_TILE)
        left = MARGIN + text_width("decoded", TEXT_SIZE) + 0.15
        width = max(left + m * (tile_width + GAP) - GAP + MARGIN, 6.0)
        brightness = brightness_of(starts)
        self._brightness = brightness if like_starts else AS_THEY_ARE
        lines, notes = title_lines(label, width), wrapped(brightness.note, width - 2 * MARGIN, NOTE_SIZE)
        scale_top = title_height(lines) + text_height(len(notes), NOTE_SIZE)
        top = scale_top + TRACK + text_height(1, SMALL_SIZE) + 0.16
        self._figure = new_figure(width, top + 2 * (tile_height + GAP) + MARGIN)
        draw_title(self._figure, lines)
        place_text(self._figure, width / 2, title_height(lines) - 0.05, notes, NOTE_SIZE, color="0.35")
        shift = (width - left - m * (tile_width + GAP) + GAP - MARGIN) / 2
        sheet = _Sheet(self._figure, (tile_width, tile_height))
        self._pictures = []
        for row, name in enumerate(("start", "decoded")):
            y = top + row * (tile_height + GAP)
            place_text(self._figure, shift + left - 0.12, y + tile_height / 2, name, TEXT_SIZE, ha="right", va="center")
            for i, image in enumerate(brightness(starts)):
                self._pictures.append(sheet.draw(image, shift + left + i * (tile_width + GAP), y))
        self._draw_scale(ticks, scale_top, width)

    def _draw_scale(self, ticks: Sequence[tuple[float, str]], top: float, width: float) -> None:
        ax = place_axes(self._figure, 0.8, top, width - 1.6, TRACK)
        ax.set(xlim=(0, 1), ylim=(-1, 1), yticks=[])
        shown = _without_overlap(ticks, width - 1.6)
        ax.set_xticks([place for place, _ in shown], [text for _, text in shown], fontsize=SMALL_SIZE)
        ax.spines[:].set_visible(False)
        ax.axhline(0, color="0.75", lw=3, zorder=1)
        ax.tick_params(length=0, pad=0)
        (self._dot,) = ax.plot([0], [0], "o", ms=13, color=PREDICTED_COLOR, clip_on=False, zorder=2)

    def frame(self, pictures: Reals, place: float) -> NDArray[np.uint8]:
        """The frame (height, width, 3) of what the starts' codes decode to, shaped as `starts`, at a place from 0 to 1.

        Raises:
            UserError: there are more or fewer pictures than starts.
        """
        moving = self._pictures[len(self._pictures) // 2 :]
        if len(pictures) != len(moving):
            raise UserError(f"{len(pictures)} pictures do not go with {len(moving)} starts")
        for shown, picture in zip(moving, pictures, strict=True):
            shown.set_data(self._brightness(picture).clip(0, 1))
        self._dot.set_xdata([place])
        canvas: Any = self._figure.canvas
        canvas.draw()
        return np.asarray(canvas.buffer_rgba())[:, :, :3].copy()


def _without_overlap(ticks: Sequence[tuple[float, str]], width: float) -> list[tuple[float, str]]:
    """Of the ticks, in their order, those whose texts do not reach into the one before; `width` is in inches."""
    shown: list[tuple[float, str]] = []
    for place, text in ticks:
        short = shortened(text, LONGEST_VALUE)
        if shown:
            before, last = shown[-1]
            if (place - before) * width < (text_width(short, SMALL_SIZE) + text_width(last, SMALL_SIZE)) / 2 + 0.1:
                continue
        shown.append((place, short))
    return shown
