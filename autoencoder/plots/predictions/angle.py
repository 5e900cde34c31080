"""Predicted angles against the true ones."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patheffects import withStroke
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullFormatter

from autoencoder.array_types import Reals
from autoencoder.errors import UserError
from autoencoder.plots.brightness import brightness_of
from autoencoder.plots.drawing import (
    MARGIN,
    PREDICTED_COLOR,
    TEXT_SIZE,
    TRUE_COLOR,
    caption,
    check_lengths,
    draw_image,
    draw_title,
    legend_above,
    place_axes,
    tile_figure,
    title_height,
    title_lines,
)
from autoencoder.plots.figures import new_figure

POINT_COLOR, MEDIAN_COLOR, CONSTANT_COLOR = "#0072B2", "#D55E00", "0.35"
BEYOND = 12.0
"""Degrees shown beyond a full turn on both axes, so that points at 0 and at 360 are whole."""

WHERE_WIDTH = 10.0
"""Degrees of a bar of the true angles."""

STRIP_GAP = 0.12
"""Inches between the scatter plot and these bars."""

BIN_WIDTHS = (1.0, 2.0, 5.0, 10.0)
"""Degrees; the histogram takes the widest that still splits the errors below the median in two."""

TRUE_LENGTH, PREDICTED_LENGTH = 0.45, 0.36
"""Of the arrows, relative to the shorter side of the image; the longer one is seen behind the other."""


def angle_scatter(
    predicted_deg: Reals,
    true_deg: Reals,
    errors_deg: Reals,
    *,
    median_error_deg: float,
    constant_error_deg: float | None = None,
    title: str | None = None,
) -> Figure:
    """Prediction against truth, where the true angles lie, and how often which error occurs.

    Args:
        predicted_deg, true_deg: (n,) degrees; drawn between 0 and 360 whichever turn they are in. Points that are not
            finite are left out.
        errors_deg: (n,) the shorter way around between the two, degrees; signs are ignored.
        median_error_deg: marked in the histogram.
        constant_error_deg: median error of the best prediction that is the same for all images; None if unknown.
        title: above both.

    Raises:
        UserError: the arrays differ in length or are empty, or no error is finite.
    """
    n = check_lengths(predictions=predicted_deg, true_angles=true_deg, errors=errors_deg)
    errors = np.abs(errors_deg[np.isfinite(errors_deg)])
    if not len(errors):
        raise UserError("there is no finite angle error to draw")
    side, gap, strip = 4.9, 1.15, 0.6  # inches
    width = MARGIN + 0.75 + side + gap + 4.4 + 2 * MARGIN
    lines = title_lines(title, width)
    top = title_height(lines) + 0.3
    fig = new_figure(width, top + side + STRIP_GAP + strip + 0.75)
    draw_title(fig, lines)
    left = MARGIN + 0.75
    _draw_scatter(place_axes(fig, left, top, side, side), predicted_deg, true_deg, n)
    _draw_where(place_axes(fig, left, top + side + STRIP_GAP, side, strip), true_deg)
    ax = place_axes(fig, left + side + gap, top, 4.4, side + STRIP_GAP + strip)
    _draw_errors(ax, errors, median_error_deg, constant_error_deg)
    return fig


def _draw_scatter(ax: Axes, predicted_deg: Reals, true_deg: Reals, n: int) -> None:
    low, high = -BEYOND, 360 + BEYOND
    for turn in (-360.0, 0.0, 360.0):
        ax.plot(
            [low, high],
            [low + turn, high + turn],
            color="0.1",
            lw=1.0,
            zorder=4,  # over the points
            label="prediction = truth" if not turn else None,
        )
    for half_turn in (-180.0, 180.0):
        label = "turned by 180°" if half_turn > 0 else None
        ax.plot([low, high], [low + half_turn, high + half_turn], color="0.45", lw=1.2, ls=(0, (1, 2)), label=label)
    size = float(np.clip(900 / math.sqrt(n), 6, 40))
    alpha = float(np.clip(25 / math.sqrt(n), 0.25, 0.8))
    ax.scatter(
        true_deg % 360,
        predicted_deg % 360,
        s=size,
        color=POINT_COLOR,
        alpha=alpha,
        linewidths=0,
        rasterized=True,
        zorder=3,
    )
    ticks = np.arange(0, 361, 90)
    ax.set(xlim=(low, high), ylim=(low, high), xticks=ticks, yticks=ticks, aspect="equal")
    ax.set_xticklabels([])
    ax.set_ylabel("predicted angle (deg)", fontsize=14, labelpad=2)
    ax.tick_params(labelsize=TEXT_SIZE)
    legend_above(ax)


def _draw_where(ax: Axes, true_deg: Reals) -> None:
    """How many of the tested images have which true angle: errors are of these, and not of all angles."""
    known = true_deg[np.isfinite(true_deg)] % 360
    ax.hist(known, bins=np.arange(0, 361, WHERE_WIDTH).tolist(), color=POINT_COLOR, alpha=0.75)
    ax.set(xlim=(-BEYOND, 360 + BEYOND), xticks=np.arange(0, 361, 90))
    ax.yaxis.set_major_locator(MaxNLocator(2, integer=True))
    ax.set_xlabel("true angle (deg)", fontsize=14)
    ax.set_ylabel(f"images\nper {WHERE_WIDTH:g}°", fontsize=TEXT_SIZE)
    ax.tick_params(labelsize=TEXT_SIZE)
    ax.spines[["top", "right"]].set_visible(False)


def _draw_errors(ax: Axes, errors: Reals, median: float, constant: float | None) -> None:
    width = max((w for w in BIN_WIDTHS if 2 * w <= median), default=BIN_WIDTHS[0])
    edges = np.arange(0, 180 + width, width).tolist()
    ax.hist(errors, bins=edges, weights=np.full(len(errors), 1 / len(errors)), color=POINT_COLOR, alpha=0.75)
    ax.set_yscale("log")
    ax.set_ylim(0.5 / len(errors), 1.0)
    ax.axvline(median, color=MEDIAN_COLOR, lw=2.2, label=f"median {_degrees(median)}")
    if constant is not None:
        label = f"constant prediction {_degrees(constant)}"
        ax.axvline(constant, color=CONSTANT_COLOR, lw=2.2, ls="--", label=label)
    ax.set(xlim=(0, 180), xticks=np.arange(0, 181, 45))
    ax.yaxis.set_major_formatter(FuncFormatter(lambda share, _: f"{100 * share:g} %"))
    ax.yaxis.set_minor_formatter(NullFormatter())
    ax.set_xlabel("error (deg)", fontsize=14)
    ax.set_ylabel(f"images per {width:g}°", fontsize=14)
    ax.tick_params(labelsize=TEXT_SIZE)
    ax.spines[["top", "right"]].set_visible(False)
    legend_above(ax)


def angle_arrows(
    images: Reals,
    predicted_deg: Reals,
    true_deg: Reals,
    errors_deg: Reals,
    title: str | None = None,
) -> Figure:
    """Images with two arrows from the middle, the true and the predicted angle, and the error below.

    Args:
        images: (n, H, W) or (n, H, W, 3), values in [0, 1].
        predicted_deg, true_deg: (n,) degrees, counter-clockwise as one sees the picture: 0 is right, 90 is up.
        errors_deg: (n,) degrees; signs are ignored.
        title: above all.

    Raises:
        UserError: the arrays differ in length or are empty.
    """
    n = check_lengths(images=images, predictions=predicted_deg, true_angles=true_deg, errors=errors_deg)
    legend = {
        name: Line2D([], [], color=color, lw=4)
        for name, color in (("true", TRUE_COLOR), ("predicted", PREDICTED_COLOR))
    }
    brightness = brightness_of(images)
    fig, axes = tile_figure(
        n, images.shape[1:], title=brightness.below(title), caption_lines=1, legend=legend, tile=1.5, columns=6
    )
    shown = brightness(images)
    for ax, image, predicted, true, error in zip(axes[:, 0], shown, predicted_deg, true_deg, errors_deg, strict=True):
        draw_image(ax, image)
        _draw_arrow(ax, image.shape, float(true), TRUE_COLOR, TRUE_LENGTH, 4.5)
        _draw_arrow(ax, image.shape, float(predicted), PREDICTED_COLOR, PREDICTED_LENGTH, 1.8)
        caption(ax, [f"error {_degrees(abs(float(error)))}"])
    return fig


def _draw_arrow(ax: Axes, shape: Sequence[int], angle_deg: float, color: str, length: float, width: float) -> None:
    """An arrow, `width` points thick, from the middle of an image whose rows count downwards."""
    if not math.isfinite(angle_deg):
        return
    height, image_width = shape[:2]
    x, y = (image_width - 1) / 2, (height - 1) / 2
    length, angle = length * min(height, image_width), math.radians(angle_deg)
    tip = (x + length * math.cos(angle), y - length * math.sin(angle))
    style: dict[str, Any] = {
        "arrowstyle": f"-|>,head_length={0.28 + 0.05 * width},head_width={0.12 + 0.05 * width}",
        "color": color,
        "lw": width,
        "shrinkA": 0,
        "shrinkB": 0,
        "mutation_scale": 14,
        "path_effects": [withStroke(linewidth=width + 1.2, foreground="black")],
    }
    ax.annotate("", tip, (x, y), arrowprops=style)


def _degrees(value: float) -> str:
    return f"{value:.1f}°" if value < 9.95 else f"{value:.0f}°"
