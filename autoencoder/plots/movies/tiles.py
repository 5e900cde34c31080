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
from autoencoder.config.movies import DPI
from autoencoder.plots.drawing import LINE_SPACING, draw_image, frame, place_axes
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
        like_images: whether these are images as the examples are, drawn as bright as they are, and no masks.
    """

    steps: NDArray[np.integer]
    epochs: NDArray[np.floating]
    pictures: Reals
    name: str = "reconstruction"
    like_images: bool = True

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
        self._shown: list[tuple[AxesImage, Text, Text]] = []
        for i, (place, color) in enumerate(zip(places, colors.tolist(), strict=True)):
            ax = place_axes(figure, *place.image.inches)
            draw_image(ax, images[i])
            frame(ax, tuple(color), FRAME_WIDTH)
            if outputs is not None and place.output is not None:
                picture = _output_tile(figure, place.output, outputs.pictures[0, i], tuple(color))
                x = place.output.left + place.output.width / 2
                caption = _free_text(figure, x, place.output.bottom + 7, "", "top")
                middle = place.output.top + place.output.height / 2
                missing = f"no checkpoint\nbefore step {int(outputs.steps[0])}"
                self._shown.append((picture, caption, _free_text(figure, x, middle, missing, "center")))

    def draw(self, renderer: Any, moment: int | None) -> None:
        """Draw the outputs of a moment, of `Outputs.at`, with their epoch; for None it is said that there are none."""
        if self._outputs is None:
            return
        for i, (picture, caption, missing) in enumerate(self._shown):
            if moment is None:
                missing.draw(renderer)
                continue
            picture.set_data(self._outputs.pictures[moment, i].clip(0, 1))
            picture.draw(renderer)
            for spine in picture.axes.spines.values():
                spine.draw(renderer)
            caption.set_text(f"{self._outputs.name},\nepoch {round(float(self._outputs.epochs[moment]), 2):g}")
            caption.draw(renderer)


def _output_tile(figure: Figure, place: Place, picture: Reals, color: tuple[float, ...]) -> AxesImage:
    """The picture that will be drawn into a tile, in a line of its colour; before that there is nothing."""
    ax = place_axes(figure, *place.inches)
    shown = draw_image(ax, picture)
    frame(ax, color, FRAME_WIDTH)
    ax.set_visible(False)
    return shown


def _free_text(figure: Figure, x: float, y: float, content: str, side: str) -> Text:
    """Small text at a place in pixels, drawn over the figure and no part of it."""
    width, height = figure.get_size_inches().tolist()
    text = Text(x / DPI / width, 1 - y / DPI / height, content, ha="center", color="0.25", linespacing=LINE_SPACING)
    text.set(va=side, fontsize=CAPTION_SIZE, transform=figure.transFigure)
    text.set_figure(figure)
    return text
