"""Predicted quantities against the true ones."""

from __future__ import annotations

import math

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from autoencoder.array_types import Reals
from autoencoder.errors import UserError
from autoencoder.plots.brightness import brightness_of
from autoencoder.plots.drawing import (
    MARGIN,
    TEXT_SIZE,
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

POINT_COLOR, MEAN_COLOR = "#0072B2", "0.35"
SIDE = 4.9
"""Of the plot, in inches."""


def quantity_scatter(predicted: Reals, true: Reals, *, constant: float, label: str, title: str | None = None) -> Figure:
    """Prediction against truth, with the prediction that is the same for all images.

    Args:
        predicted, true: (n,) in the unit of the quantity; points that are not finite are left out.
        constant: that prediction, such as the mean of the training images.
        label: what the quantity is called, with its unit.
        title: above the plot.

    Raises:
        UserError: the arrays differ in length, or no point is finite.
    """
    check_lengths(predictions=predicted, true_values=true)
    known = np.isfinite(predicted) & np.isfinite(true)
    if not known.any():
        raise UserError("there is no finite prediction to draw")
    predicted, true = predicted[known], true[known]
    width = 3 * MARGIN + 1.0 + SIDE
    lines = title_lines(title, width)
    top = title_height(lines) + 0.35
    fig = new_figure(width, top + SIDE + 0.8)
    draw_title(fig, lines)
    _draw_scatter(place_axes(fig, MARGIN + 1.0, top, SIDE, SIDE), predicted, true, constant, label)
    return fig


def _draw_scatter(ax: Axes, predicted: Reals, true: Reals, constant: float, label: str) -> None:
    low, high = (float(edge) for edge in (min(predicted.min(), true.min()), max(predicted.max(), true.max())))
    beyond = 0.04 * (high - low) or 1.0
    limits = (low - beyond, high + beyond)
    size = float(np.clip(900 / math.sqrt(len(true)), 6, 40))
    alpha = float(np.clip(25 / math.sqrt(len(true)), 0.25, 0.8))
    ax.scatter(true, predicted, s=size, color=POINT_COLOR, alpha=alpha, linewidths=0, rasterized=True, zorder=3)
    ax.plot(limits, limits, color="0.1", lw=1.0, zorder=4, label="prediction = truth")
    ax.axhline(constant, color=MEAN_COLOR, lw=2.0, ls="--", zorder=4, label="mean of the training images")
    ax.set(xlim=limits, ylim=limits, aspect="equal")
    ax.set_xlabel(f"true {label}", fontsize=14)
    ax.set_ylabel(f"predicted {label}", fontsize=14)
    ax.tick_params(labelsize=TEXT_SIZE)
    legend_above(ax)


def valued_images(images: Reals, predicted: Reals, true: Reals, title: str | None = None) -> Figure:
    """Images with the predicted and the true quantity below.

    Args:
        images: (n, H, W) or (n, H, W, 3), values in [0, 1].
        predicted, true: (n,) in the unit of the quantity.
        title: above all.

    Raises:
        UserError: the arrays differ in length or are empty.
    """
    n = check_lengths(images=images, predictions=predicted, true_values=true)
    brightness = brightness_of(images)
    title, shown = brightness.below(title), brightness(images)
    fig, axes = tile_figure(n, images.shape[1:], title=title, caption_lines=2, tile=1.5, columns=6)
    for ax, image, made, wanted in zip(axes[:, 0], shown, predicted, true, strict=True):
        draw_image(ax, image)
        caption(ax, [f"predicted {float(made):.4g}", f"true {float(wanted):.4g}"])
    return fig
