"""Predicted masks over the true ones."""

from __future__ import annotations

import math

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from autoencoder.array_types import Reals
from autoencoder.errors import UserError
from autoencoder.plots.brightness import brightness_of
from autoencoder.plots.drawing import PREDICTED_COLOR, TRUE_COLOR, caption, check_lengths, draw_image, tile_figure

THRESHOLD = 0.5
"""Probability from which on a pixel belongs to the predicted mask."""

FILL = 0.55
"""Opacity of the pixels on which the two masks disagree."""


def mask_overlays(
    images: Reals,
    predicted: Reals,
    true: NDArray[np.generic],
    ious: Reals,
    title: str | None = None,
) -> Figure:
    """Each image, and below it the same with the outlines of both masks; pixels that only one of them has are filled.

    Args:
        images: (n, H, W) or (n, H, W, 3), values in [0, 1].
        predicted: (n, H, W) probability that a pixel belongs to the mask.
        true: (n, H, W) 0 or 1.
        ious: (n,) intersection over union, from 0 to 1; NaN where neither mask has a pixel.
        title: above all.

    Raises:
        UserError: the arrays differ in length or in the size of the images, or are empty.
    """
    n = check_lengths(images=images, predicted_masks=predicted, true_masks=true, values_of_IoU=ious)
    if not images.shape[:3] == predicted.shape == true.shape:
        raise UserError(f"masks {predicted.shape} and {true.shape} do not fit images {images.shape}")
    legend = {
        "true outline": Line2D([], [], color=TRUE_COLOR, lw=3),
        "predicted outline": Line2D([], [], color=PREDICTED_COLOR, lw=3),
        "missed": _patch(TRUE_COLOR),
        "extra": _patch(PREDICTED_COLOR),
    }
    brightness = brightness_of(images)
    fig, axes = tile_figure(
        n,
        images.shape[1:],
        title=brightness.below(title),
        row_names=("image", "masks"),
        caption_lines=1,
        legend=legend,
        tile=1.8,
        columns=6,
    )
    shown = brightness(images)
    for (plain, overlay), image, probability, mask, iou in zip(axes, shown, predicted, true, ious, strict=True):
        draw_image(plain, image)
        draw_image(overlay, image)
        found, wanted = probability >= THRESHOLD, mask > 0
        _fill(overlay, wanted & ~found, TRUE_COLOR)
        _fill(overlay, found & ~wanted, PREDICTED_COLOR)
        _outline(overlay, mask > 0, TRUE_COLOR)
        _outline(overlay, probability, PREDICTED_COLOR)
        caption(overlay, [f"IoU {iou:.2f}" if math.isfinite(iou) else "no mask"])
    return fig


def _patch(color: str) -> Line2D:
    return Line2D([], [], ls="", marker="s", ms=12, color=(*to_rgb(color), FILL), markeredgewidth=0)


def _fill(ax: Axes, where: NDArray[np.bool_], color: str) -> None:
    layer = np.zeros((*where.shape, 4))
    layer[where] = (*to_rgb(color), FILL)
    ax.imshow(layer, interpolation="nearest", aspect="auto")


def _outline(ax: Axes, mask: NDArray[np.generic], color: str) -> None:
    """The line around `mask` (H, W), closed at the image's edge."""
    height, width = mask.shape
    framed = np.pad(mask.astype(np.float64), 1)
    if framed.max() >= THRESHOLD:
        ax.contour(
            np.arange(-1, width + 1),
            np.arange(-1, height + 1),
            framed,
            levels=[THRESHOLD],
            colors=[color],
            linewidths=1.5,
        )
    ax.set(xlim=(-0.5, width - 0.5), ylim=(height - 0.5, -0.5))
