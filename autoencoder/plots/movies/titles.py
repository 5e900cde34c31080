"""What stands over a movie: its title, those of its panels, and the epoch and step of each frame."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from matplotlib.figure import Figure
from matplotlib.text import Text

from autoencoder.config.movies import DPI
from autoencoder.plots.drawing import LONGEST_LABEL, place_text, shortened, wrapped
from autoencoder.plots.movies.layout import HEADER, MARGIN, PANEL_TITLE, TILE, TITLE, Layout, pixels_wide

TITLE_SIZE, HEADER_SIZE, PANEL_TITLE_SIZE = 20.0, 16.0, 16.0
"""Points."""

LEAST_SIZE = 9.0
"""Points, 12.5 pixels: what is smaller cannot be read."""

NOTE_GAP = 6
"""Pixels from a note to what it is on."""

HEADER_GAP = 4
"""Pixels from the middle to epoch and step."""


def write_titles(figure: Figure, layout: Layout, labels: Sequence[str], space: str) -> None:
    """Write what is shown: in one line for one panel, otherwise also over each panel.

    Args:
        figure: to write in.
        layout: of the frame.
        labels: what the points of each panel are coloured by.
        space: what the points lie in; with a comma at its end, where a clause stands in it.
    """
    labels = [shortened(label, LONGEST_LABEL) for label in labels]
    title = f"{space} coloured by {labels[0]}" if len(labels) == 1 else space.removesuffix(",")
    room = 2 * min(layout.middle, layout.width - layout.middle) - 2 * MARGIN
    _write_fitting(figure, layout.middle, TITLE, title, TITLE_SIZE, room)
    if len(labels) > 1:
        for place, label in zip(layout.panels, labels, strict=True):
            _write_fitting(figure, place.left + place.width / 2, PANEL_TITLE, label, PANEL_TITLE_SIZE, place.width)


def _write_fitting(figure: Figure, x: float, y: float, text: str, size: float, room: float) -> None:
    """Text centred at a place in pixels, smaller than `size` where it would be wider than `room` pixels."""
    text, size = fitting(text, size, room)
    place_text(figure, x / DPI, y / DPI, text, size, va="center_baseline")


def fitting(text: str, size: float, room: float) -> tuple[str, float]:
    """A line at most `room` pixels wide: smaller than `size` as far as it can be read, then with an ellipsis."""
    size = min(size, max(LEAST_SIZE, size * room / max(pixels_wide(text, size), 1.0)))
    longest = len(text)
    while longest > 1 and pixels_wide(shortened(text, longest), size) > room:
        longest -= 1
    return shortened(text, longest), size


def write_note(figure: Figure, layout: Layout, note: str) -> None:
    """A note on the examples, above those at the left."""
    if not note:
        return
    lines = wrapped(note, (TILE + MARGIN) / DPI, LEAST_SIZE)
    top = layout.panels[0].top - NOTE_GAP
    place_text(figure, (MARGIN + TILE / 2) / DPI, top / DPI, lines, LEAST_SIZE, va="bottom", color="0.25")


class Header:
    """Epoch and step, each with its digits at the end that stays, so that they do not tremble in a movie.

    Args:
        figure: to draw over.
        layout: of the frame.
    """

    def __init__(self, figure: Figure, layout: Layout) -> None:
        self._epoch, self._step = (Text(fontsize=HEADER_SIZE, color="0.25", va="center_baseline") for _ in range(2))
        for text, side, shift in ((self._epoch, "right", -HEADER_GAP), (self._step, "left", HEADER_GAP)):
            text.set(ha=side, transform=figure.transFigure)
            text.set_position(((layout.middle + shift) / layout.width, 1 - HEADER / layout.height))
            text.set_figure(figure)

    def draw(self, renderer: Any, epoch: float, step: int) -> None:
        """Draw over the frame; `epoch` with one digit of its fraction."""
        self._epoch.set_text(f"epoch {epoch:.1f},")
        self._step.set_text(f"step {step:,}")
        self._epoch.draw(renderer)
        self._step.draw(renderer)
