"""The pictures beside a movie's panels: examples, and what the network of the moment makes of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.text import Text
from numpy.typing import NDArray

from autoencoder.array_types import Reals
from autoencoder.plots.drawing import LINE_SPACING, draw_image, frame, place_axes
from autoencoder.plots.figures import DPI
from autoencoder.plots.movies.layout import Place, Tile

CAPTION_SIZE = 9.0
FRAME_WIDTH = 4.0
"""Points."""


@dataclass(frozen=True, eq=False)
class Outputs:
    """What the network made of the examples' images, at the moments at which it was kept.

    Attributes:
        steps: (c,) updates done, ascending.
        epochs: (c,) the same in epochs.
        pictures: (c, k, H, W) or (c, k, H, W, 3), values in [0, 1].
        name: of a picture, such as "reconstruction".
    """

    steps: NDArray[np.integer]
    epochs: NDArray[np.floating]
    pictures: Reals
    name: str = "reconstruction"

    def at(self, step: int) -> int | None:
        """Position of the latest moment at or before `step`; None before the first."""
        before = int(np.searchsorted(self.steps, step, side="right"))
        return before - 1 if before else None


class Tiles:
    """Draws the examples once, and below each the output of the moment.

    Args:
        figure: to draw in.
        places: of each example.
        images: (k, H, W) or (k, H, W, 3), values in [0, 1].
        colors: (k, 3) of the lines around them, values in [0, 1].
        outputs: what is shown below; None for nothing.
    """

    def __init__(
        self, figure: Figure, places: Sequence[Tile], images: Reals, colors: Reals, outputs: Outputs | None
    ) -> None:
        self._outputs = outputs
        self._shown: list[tuple[AxesImage, Text]] = []
        for i, (place, color) in enumerate(zip(places, colors.tolist(), strict=True)):
            ax = place_axes(figure, *place.image.inches)
            draw_image(ax, images[i])
            frame(ax, tuple(color), FRAME_WIDTH)
            if outputs is not None and place.output is not None:
                self._shown.append(_output_tile(figure, place.output, outputs.pictures[0, i], tuple(color)))

    def draw(self, renderer: Any, moment: int | None) -> None:
        """Draw the outputs of a moment, of `Outputs.at`, with their epoch; None leaves the tiles empty."""
        if self._outputs is None:
            return
        if moment is None:
            text = "no checkpoint\nyet"
        else:
            text = f"{self._outputs.name},\nepoch {round(float(self._outputs.epochs[moment]), 1):g}"
        for i, (picture, caption) in enumerate(self._shown):
            if moment is not None:
                picture.set_data(self._outputs.pictures[moment, i].clip(0, 1))
                picture.draw(renderer)
                for spine in picture.axes.spines.values():
                    spine.draw(renderer)
            caption.set_text(text)
            caption.draw(renderer)


def _output_tile(figure: Figure, place: Place, picture: Reals, color: tuple[float, ...]) -> tuple[AxesImage, Text]:
    """An empty tile with a pale line around it, the picture that will be drawn into it, and its caption."""
    empty = place_axes(figure, *place.inches)
    empty.set(xticks=[], yticks=[])
    frame(empty, "0.85", 1.0)
    ax = place_axes(figure, *place.inches)
    shown = draw_image(ax, picture)
    frame(ax, color, FRAME_WIDTH)
    ax.set_visible(False)
    x, y = (place.left + place.width / 2) / DPI, (place.bottom + 7) / DPI
    width, height = figure.get_size_inches().tolist()
    caption = Text(x / width, 1 - y / height, "", ha="center", va="top", color="0.25", linespacing=LINE_SPACING)
    caption.set(fontsize=CAPTION_SIZE, transform=figure.transFigure)
    caption.set_figure(figure)
    return shown, caption
