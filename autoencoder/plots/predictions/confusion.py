"""Predicted classes against the true ones."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from autoencoder.array_types import Reals
from autoencoder.errors import UserError, raise_if_any
from autoencoder.plots.brightness import brightness_of
from autoencoder.plots.drawing import (
    MARGIN,
    SMALL_SIZE,
    TEXT_SIZE,
    caption,
    check_lengths,
    draw_heat_map,
    draw_image,
    draw_share_bar,
    draw_title,
    frame,
    place_axes,
    place_text,
    shortened,
    text_height,
    text_width,
    tile_figure,
    title_height,
    title_lines,
    wrapped,
)
from autoencoder.plots.figures import new_figure

MAX_WRITTEN = 12
"""Classes up to which the counts are written in the cells."""

MAX_CLASSES = 40

RIGHT_COLOR, WRONG_COLOR = "#00703C", "#C4161C"


def confusion_matrix(
    counts: NDArray[np.integer], classes: Sequence[str], *, accuracy: float, title: str | None = None
) -> Figure:
    """How often which class was taken for which; a row's colours add up to 100 %.

    Args:
        counts: (k, k) images by true class (rows) and predicted class (columns); k is 40 at most.
        classes: k names.
        accuracy: share of all images that are right, from 0 to 1.
        title: above the matrix.

    Raises:
        UserError: there are too many classes, or as many names as there are rows and columns.
    """
    k = len(classes)
    raise_if_any(
        [f"the counts have the shape {counts.shape}, but there are {k} classes"] * (counts.shape != (k, k))
        + [f"a matrix shows 1 to {MAX_CLASSES} classes, not {k}"] * (not 1 <= k <= MAX_CLASSES)
    )
    totals = counts.sum(axis=1, keepdims=True)
    shares = np.divide(counts, totals, out=np.full((k, k), np.nan), where=totals > 0)
    written = k <= MAX_WRITTEN
    longest_count = max(text_width(f"{count:d}", SMALL_SIZE) for count in counts.flat) if written else 0.0
    cell = max(0.52, longest_count + 0.12, min(4.0 / k, 1.0)) if written else max(0.2, 6.6 / k)
    name_size = TEXT_SIZE if cell > 0.3 else 10.0
    names = [shortened(name) for name in classes]
    name_width = max(text_width(name, name_size) for name in names)
    rotated = name_width > cell - 0.08

    # Inches: names of the rows, the matrix, and the colour bar beside it.
    left = MARGIN + text_height(1, 14) + 0.1 + name_width + 0.1
    side = max(k * cell, 2.2)  # as high as the label of the colour bar
    width = max(left + side + 0.3 + 0.2 + 1.05 + MARGIN, 5.4)
    below = 0.1 + (name_width if rotated else text_height(1, name_size)) + 0.12 + text_height(1, 14)
    lines = title_lines(title, width)
    top = title_height(lines) + text_height(1, 13) + 0.1
    fig = new_figure(width, top + side + below + MARGIN)
    draw_title(fig, lines)
    summary = f"accuracy {100 * accuracy:.1f} % of {int(totals.sum()):,} images"
    place_text(fig, width / 2, title_height(lines) - 0.02, summary, 13, color="0.25")

    ax = place_axes(fig, left, top, side, side)
    shown = draw_heat_map(ax, shares, counts if written else None)
    ax.set_xticks(range(k), names, fontsize=name_size, rotation=90 if rotated else 0)
    ax.set_yticks(range(k), names, fontsize=name_size)
    ax.set_xlabel("predicted", fontsize=14, labelpad=6)
    ax.set_ylabel("true", fontsize=14, labelpad=6)
    bar_height = min(side, 3.4)
    draw_share_bar(
        fig,
        shown,
        place_axes(fig, left + side + 0.3, top + (side - bar_height) / 2, 0.2, bar_height),
        "share of the true class",
    )
    return fig


def labelled_images(
    images: Reals,
    predicted: Sequence[str],
    true: Sequence[str],
    probabilities: Reals,
    title: str | None = None,
) -> Figure:
    """Images with the predicted class below: green where it is right, red and framed with the true one where not.

    Args:
        images: (n, H, W) or (n, H, W, 3), values in [0, 1].
        predicted, true: n names of classes.
        probabilities: (n,) of the predicted class, from 0 to 1.
        title: above all.

    Raises:
        UserError: the arguments differ in length or are empty.
    """
    n = check_lengths(images=images, predictions=predicted, true_classes=true, probabilities=probabilities)
    if not all(0 <= p <= 1 for p in probabilities):
        raise UserError("probabilities lie between 0 and 1")
    tile = 1.4
    texts = []
    for name, answer, probability in zip(predicted, true, probabilities.tolist(), strict=True):
        text = _fitting(f"{name} ({100 * probability:.0f} %)", tile)
        texts.append(text if name == answer else text + _fitting(f"is {answer}", tile))
    brightness = brightness_of(images)
    title, shown = brightness.below(title), brightness(images)
    fig, axes = tile_figure(n, images.shape[1:], title=title, caption_lines=max(map(len, texts)), tile=tile)
    for ax, image, name, answer, text in zip(axes[:, 0], shown, predicted, true, texts, strict=True):
        draw_image(ax, image)
        caption(ax, text, RIGHT_COLOR if name == answer else WRONG_COLOR)
        if name != answer:
            frame(ax, WRONG_COLOR)
    return fig


def _fitting(text: str, width: float) -> list[str]:
    return wrapped(text, width, SMALL_SIZE)
