"""A dozen images of a data set with what is known of places in them: one glance tells whether they are as intended."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import FancyArrowPatch
from matplotlib.patheffects import Stroke
from numpy.typing import NDArray

from autoencoder.array_types import Reals
from autoencoder.plots.brightness import brightness_of
from autoencoder.plots.figures import new_figure

COLUMNS = 6
TILE = 1.9
"""Inches: the side of an image."""

ARROW_LENGTH = 0.7
"""Of an arrow, as a share of the image's shorter side."""

ARROW, EDGE, OUTLINE = "#ffd000", "#00c8ff", "#ff4fd8"
"""Colours of the body angle, of the picture's edge and of the mask's outline, seen on black, grey and white."""

MOST_NAMED = 10
"""Parts that the legend names; the colours of more can't be told apart."""


@dataclass(frozen=True, eq=False)
class Overlay:
    """What is drawn over m images; places are pixels from an image's top left corner, y down.

    Attributes:
        angle: (m,) radians, counter-clockwise as one sees it, 0 to the right; NaN where it is not known.
        points: (m, 2) places by the part's name; NaN where it was not seen.
        picture: (m, 4, 2) corners of the picture that an image was cut out of, one after the other around it.
        mask: (m, H, W), where the animal is.
    """

    angle: Reals | None = None
    points: Mapping[str, Reals] = field(default_factory=dict)
    picture: Reals | None = None
    mask: NDArray[np.bool_] | None = None


def check_figure(images: Reals, captions: Sequence[str], title: str, overlay: Overlay) -> Figure:
    """The figure.

    Args:
        images: (m, H, W) or (m, H, W, 3) in [0, 1].
        captions: text below each image.
        title: above all of them.
        overlay: what is drawn over them.
    """
    n_columns = min(COLUMNS, len(images))
    n_rows = math.ceil(len(images) / n_columns)
    shown = brightness_of(images)
    height = TILE * images.shape[1] / images.shape[2]
    fig = new_figure(max(4.5, TILE * n_columns * 1.08 + 0.3), (height + 0.42) * n_rows + 1.1)
    fig.set_layout_engine("constrained", w_pad=0.04, h_pad=0.04)
    tiles = fig.subplots(n_rows, n_columns, squeeze=False).ravel().tolist()
    for ax in tiles[len(images) :]:
        ax.set_axis_off()
    for i, (ax, image, caption) in enumerate(zip(tiles, shown(images), captions, strict=False)):
        ax.imshow(image, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
        _overlay(ax, overlay, i, image.shape[:2])
        ax.set(xticks=[], yticks=[])
        ax.set_xlabel(caption, fontsize=9)
        ax.spines[:].set_visible(False)
    handles = _legend(overlay)
    if handles:
        fig.legend(handles=handles, loc="outside lower center", ncols=min(len(handles), 6), fontsize=9, frameon=False)
    fig.suptitle(shown.below(title) or "", fontsize=12)
    return fig


def _overlay(ax: Axes, overlay: Overlay, i: int, size: tuple[int, int]) -> None:
    """Pixel 0 of an image reaches from -0.5 to 0.5 on its axes, so places from the corner are moved by half a pixel."""
    height, width = size
    for number, places in enumerate(overlay.points.values()):
        x, y = places[i] - 0.5
        ax.plot(x, y, "o", color=_color(number), markersize=4, markeredgecolor="black", markeredgewidth=0.4)
    if overlay.picture is not None:
        _draw_edge(ax, overlay.picture[i] - 0.5)
    if overlay.mask is not None:
        _draw_outline(ax, overlay.mask[i])
    if overlay.angle is not None and math.isfinite(overlay.angle[i]):
        half = ARROW_LENGTH / 2 * min(size)
        dx, dy = half * math.cos(overlay.angle[i]), -half * math.sin(overlay.angle[i])
        x, y = (width - 1) / 2, (height - 1) / 2
        ends = (x - dx, y - dy), (x + dx, y + dy)
        arrow = FancyArrowPatch(*ends, arrowstyle="-|>", color=ARROW, mutation_scale=12, shrinkA=0, shrinkB=0)
        arrow.set_path_effects([Stroke(linewidth=2.6, foreground="black"), Stroke(linewidth=1.6, foreground=ARROW)])
        ax.add_patch(arrow)
    ax.set(xlim=(-0.5, width - 0.5), ylim=(height - 0.5, -0.5))


def _draw_edge(ax: Axes, picture: NDArray[np.floating]) -> None:
    across, down = np.concatenate([picture, picture[:1]]).T
    ax.plot(across, down, "--", color=EDGE, linewidth=1.4)


def _draw_outline(ax: Axes, mask: NDArray[np.bool_]) -> None:
    """Along the edges of pixels, those at the image's edge included."""
    padded = np.pad(mask, 1).astype(np.int8)
    lines = []
    for down, across in zip(*np.nonzero(np.diff(padded, axis=0)), strict=True):
        lines.append([(across - 1.5, down - 0.5), (across - 0.5, down - 0.5)])
    for down, across in zip(*np.nonzero(np.diff(padded, axis=1)), strict=True):
        lines.append([(across - 0.5, down - 1.5), (across - 0.5, down - 0.5)])
    ax.add_collection(LineCollection(lines, colors=OUTLINE, linewidths=1.0))


def _color(number: int) -> tuple[float, float, float, float]:
    color: tuple[float, float, float, float] = matplotlib.colormaps["tab10"](number % 10)
    return color


def _legend(overlay: Overlay) -> list[Line2D]:
    handles = []
    if overlay.angle is not None:
        handles.append(Line2D([], [], color=ARROW, marker=">", label="body angle"))
    if overlay.picture is not None:
        handles.append(Line2D([], [], color=EDGE, linestyle="--", label="edge of the picture"))
    if overlay.mask is not None:
        handles.append(Line2D([], [], color=OUTLINE, label="edge of the mask"))
    names = list(overlay.points)
    shown = names[:MOST_NAMED]
    handles += [
        Line2D([], [], color=_color(number), marker="o", linestyle="", markeredgecolor="black", label=name)
        for number, name in enumerate(shown)
    ]
    if len(names) > len(shown):
        handles.append(Line2D([], [], linestyle="", label=f"and {len(names) - len(shown)} more parts"))
    return handles
