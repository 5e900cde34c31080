"""Figures whose texts are shown as they are, since names of columns, labels and runs may hold anything."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text

from autoencoder.machine.files import replacing

DPI = 100
"""Dots per inch: a figure of 8 inches is 800 pixels wide."""


class PlainFigure(Figure):
    """A figure in which no text is a formula.

    Matplotlib reads what stands between two dollar signs as one, and fails where it is none ("cost $ per $\\frac{x");
    and where its user has it write with TeX, a text could run TeX's commands. All of this is decided when a figure is
    drawn and for its own texts only: settings of other figures in the same process stay as they are.
    """

    def draw(self, renderer: Any) -> None:
        """Draw all that is in it."""
        for text in self.findobj(Text):
            assert isinstance(text, Text)
            text.set_parse_math(False)
            text.set_usetex(False)
        # The settings are for texts that are made while it is drawn, such as those of ticks.
        with matplotlib.rc_context({"text.parse_math": False, "text.usetex": False}), boxes_for_unknown_letters():
            super().draw(renderer)


def new_figure(width: float, height: float, layout: Any = None) -> Figure:
    """An empty white figure of `width` by `height` inches that belongs to no window; `layout` as `Figure` takes it."""
    fig = PlainFigure(figsize=(width, height), dpi=DPI, facecolor="white", layout=layout)
    FigureCanvasAgg(fig)
    return fig


@contextlib.contextmanager
def boxes_for_unknown_letters() -> Iterator[None]:
    """Draw a letter that no font has as a box, as everywhere, without a warning for each.

    Fonts that are named after the first one in matplotlib's own settings (`font.sans-serif`) are tried before that.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", r"Glyph \d+ .*missing from", UserWarning)
        yield


def save_figure(figure: Figure, path: Path) -> Path:
    """Write a figure as PNG, or as SVG by the suffix of its name; the same figure gives the same file."""
    vector = path.suffix == ".svg"
    with replacing(path) as temporary, matplotlib.rc_context({"svg.hashsalt": path.stem}):
        figure.savefig(temporary, dpi=DPI, metadata={"Date": None} if vector else None)
    return path
