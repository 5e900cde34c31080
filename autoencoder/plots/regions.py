"""How near pictures come to their reference images in each region, as bars."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure

from autoencoder.array_types import Reals
from autoencoder.errors import UserError
from autoencoder.plots.drawing import (
    MARGIN,
    SMALL_SIZE,
    TEXT_SIZE,
    draw_title,
    place_axes,
    text_height,
    title_height,
    title_lines,
    wrapped,
)
from autoencoder.plots.figures import new_figure

COLORS = ("0.75", "#56B4E9", "#D55E00")
"""Of the bars in a group, the last one the network's own."""

GROUP, HEIGHT, BAR = 1.9, 3.2, 0.27
"""Inches of a group and of the axes; width of a bar, as a share of a group."""


@dataclass(frozen=True)
class RegionBars:
    """What stands below a group of bars.

    Attributes:
        name: of the region.
        share_of_pixels: of all pixels.
        share_of_error: of the output's squared error.
    """

    name: str
    share_of_pixels: float
    share_of_error: float


def region_bars(regions: Sequence[RegionBars], decibels: Mapping[str, Reals]) -> Figure:
    """A group of bars for each region.

    Args:
        regions: k, from left to right.
        decibels: (k,) PSNR of each kind of picture, by name; up to three kinds, the network's own last.

    Raises:
        UserError: there is nothing to draw, or the numbers do not fit the regions.
    """
    if not regions or not 1 <= len(decibels) <= len(COLORS):
        raise UserError("bars are drawn of one region or more, and of 1 to 3 kinds of pictures")
    if any(values.shape != (len(regions),) for values in decibels.values()):
        raise UserError(f"the numbers do not fit {len(regions)} regions")
    names = [_below(region) for region in regions]
    width = max(5.5, GROUP * len(regions) + 0.9 + 2 * MARGIN)
    title = title_lines("PSNR by region", width)
    top = title_height(title) + text_height(1, TEXT_SIZE) + 0.1
    below = text_height(max(map(len, names)), SMALL_SIZE) + 0.2
    fig = new_figure(width, top + HEIGHT + below + MARGIN)
    draw_title(fig, title)
    ax = place_axes(fig, MARGIN + 0.75, top, width - 2 * MARGIN - 0.8, HEIGHT)
    places = np.arange(len(regions))
    for i, (kind, values) in enumerate(decibels.items()):
        color = COLORS[len(COLORS) - len(decibels) + i]
        bars = ax.bar(places + BAR * (i - (len(decibels) - 1) / 2), values, BAR, color=color, label=kind)
        ax.bar_label(bars, [f"{value:.1f}" for value in values], fontsize=SMALL_SIZE, padding=2)
    ax.set_xticks(places, ["\n".join(lines) for lines in names], fontsize=SMALL_SIZE)
    ax.set_xlim(-0.5, len(regions) - 0.5)
    drawn = np.concatenate(list(decibels.values()))
    ax.set_ylim(min(0.0, drawn.min()), 1.12 * max(1.0, drawn.max()))
    ax.set_ylabel("PSNR (dB)", fontsize=TEXT_SIZE)
    ax.tick_params(axis="y", labelsize=SMALL_SIZE)
    ax.tick_params(axis="x", length=0)
    ax.spines[["top", "right"]].set_visible(False)
    ax.legend(
        loc="lower center", bbox_to_anchor=(0.5, 1), ncols=len(decibels), frameon=False, fontsize=TEXT_SIZE, borderpad=0
    )
    return fig


def _below(region: RegionBars) -> list[str]:
    """Name and shares, in lines."""
    shares = (f"{100 * region.share_of_pixels:.1f} % of pixels", f"{100 * region.share_of_error:.0f} % of the error")
    return [*wrapped(region.name, GROUP - 0.1, SMALL_SIZE, "bold"), *shares]
