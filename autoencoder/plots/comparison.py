"""Runs below each other: what each makes of the same images, and how its latent space looks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from autoencoder.array_types import Reals
from autoencoder.errors import raise_if_any
from autoencoder.plots.brightness import brightness_of
from autoencoder.plots.colors import Coloring, Kind, color_by
from autoencoder.plots.drawing import (
    MARGIN,
    SMALL_SIZE,
    TEXT_SIZE,
    colors_width,
    draw_colors,
    draw_image,
    draw_points,
    draw_title,
    place_axes,
    place_text,
    text_height,
    tile_size,
    title_height,
    title_lines,
    wrapped,
)
from autoencoder.plots.figures import new_figure
from autoencoder.plots.movies.frames import robust_limits

MAX_ROWS, MAX_IMAGES = 12, 8

NAME_SIZE, RESULT_SIZE = 15.0, 14.0
"""Points."""

# Inches.
NAMES = 2.4
GAP = 0.06
ROW_GAP = 0.22
BLOCK_GAP = 0.35


@dataclass(frozen=True)
class ComparisonRow:
    """One run of a `comparison_figure`.

    Attributes:
        name: such as "AE 16".
        details: a few words below it, such as "strided, reconstruct, 22.9 dB"; no-break spaces keep words together.
        reconstructions: (n, H, W) or (n, H, W, 3) of the inputs, values in [0, 1]; None for a network that makes no
            images.
        like_inputs: whether these are images as the inputs are, drawn as bright as they are, and no masks.
        embedding: (m, 2) of its latent codes.
        values: (m,) what the points are coloured by.
        held_out: (m,) the points that were held out from training; None for no difference, in all rows alike.
        result: stands in the place of the reconstructions, such as "predicts angles: median error 3.1°".
    """

    name: str
    details: str
    reconstructions: Reals | None
    embedding: Reals
    values: NDArray[Any]
    result: str = ""
    held_out: NDArray[np.bool_] | None = None
    like_inputs: bool = True


def comparison_figure(
    rows: Sequence[ComparisonRow],
    inputs: Reals,
    references: Reals | None = None,
    *,
    label: str,
    kind: Kind,
    period: float = 360.0,
    axes_names: tuple[str, str] = ("UMAP 1", "UMAP 2"),
    title: str | None = None,
) -> Figure:
    """A row per run with its reconstructions of the same images and its latent space, in colours that all share.

    Args:
        rows: 1 to 12 runs, from the top down.
        inputs: (n, H, W) or (n, H, W, 3), values in [0, 1]; 1 to 8 images, drawn once above the runs.
        references: the clean images, of the shape of `inputs`, drawn below them; None if unknown.
        label: name of the values, such as "body angle (deg)".
        kind: of the values: circular, linear or category.
        period: of circular values.
        axes_names: of the embeddings.
        title: above all.

    Raises:
        UserError: too many or no runs or images, arrays whose shapes do not go together, or values that cannot be
            coloured.
    """
    _check(rows, inputs, references)
    colorings = _shared_colors(rows, kind, period)
    n = len(inputs)
    tile_width, tile_height = tile_size(inputs.shape[1:], float(np.clip(7.0 / n, 0.95, 1.8)))
    images_width = n * (tile_width + GAP) - GAP
    panel = 2.5 if len(rows) <= 3 else 2.2 if len(rows) <= 6 else 1.8
    names = [wrapped(row.name, NAMES, NAME_SIZE, "bold") for row in rows]
    details = [wrapped(row.details, NAMES, SMALL_SIZE) for row in rows]
    texts = [
        text_height(len(a), NAME_SIZE) + text_height(len(b), SMALL_SIZE) for a, b in zip(names, details, strict=True)
    ]
    results = [wrapped(row.result, images_width, RESULT_SIZE) for row in rows]
    heights = [
        max(panel, tile_height, text, text_height(len(result), RESULT_SIZE))
        for text, result in zip(texts, results, strict=True)
    ]

    # Inches from the left: names, images, embeddings, colours; from the top: title, inputs, one row per run.
    images_left = MARGIN + NAMES + 0.15
    panel_left = images_left + images_width + BLOCK_GAP
    colors_left = panel_left + panel + 0.3
    rows_height = sum(heights) + ROW_GAP * (len(rows) - 1)
    width = colors_left + colors_width(colorings[0], label, rows_height) + MARGIN
    lines = title_lines(title, width)
    brightness = brightness_of(*(images for images in (inputs, references) if images is not None))
    notes = wrapped(brightness.note, images_width, SMALL_SIZE)
    note_top = title_height(lines)
    top = note_top + text_height(len(notes), SMALL_SIZE)
    above = [("input", inputs)] + ([("clean", references)] if references is not None else [])
    rows_top = top + len(above) * (tile_height + GAP) + ROW_GAP
    fig = new_figure(width, rows_top + rows_height + text_height(1, TEXT_SIZE) + 0.1 + MARGIN / 2)
    draw_title(fig, lines)
    place_text(fig, images_left, note_top - 0.02, notes, SMALL_SIZE, ha="left", color="0.25")
    names_right = images_left - 0.15
    for k, (name, images) in enumerate(above):
        y = top + k * (tile_height + GAP)
        place_text(fig, names_right, y + tile_height / 2, name, NAME_SIZE, ha="right", va="center", color="0.3")
        _draw_strip(fig, brightness(images), images_left, y, tile_width, tile_height)
    heading = wrapped("latent space", panel, NAME_SIZE)
    place_text(fig, panel_left + panel / 2, rows_top - ROW_GAP, heading, NAME_SIZE, va="bottom", color="0.3")

    y = rows_top
    for i, (row, coloring, height) in enumerate(zip(rows, colorings, heights, strict=True)):
        _draw_rule(fig, y - ROW_GAP / 2, panel_left + panel)
        middle = y + height / 2
        name_top = middle - texts[i] / 2
        place_text(fig, names_right, name_top, names[i], NAME_SIZE, ha="right", weight="bold")
        below = name_top + text_height(len(names[i]), NAME_SIZE)
        place_text(fig, names_right, below, details[i], SMALL_SIZE, ha="right", color="0.25")
        if row.reconstructions is not None:
            pictures = brightness(row.reconstructions) if row.like_inputs else row.reconstructions
            _draw_strip(fig, pictures, images_left, middle - tile_height / 2, tile_width, tile_height)
        else:
            place_text(fig, images_left + images_width / 2, middle, results[i], RESULT_SIZE, va="center", color="0.25")
        ax = place_axes(fig, panel_left, middle - panel / 2, panel, panel)
        _draw_embedding(ax, row, coloring, panel)
        y += height + ROW_GAP
    ax.set_xlabel(axes_names[0], fontsize=TEXT_SIZE, labelpad=4, loc="left")
    ax.set_ylabel(axes_names[1], fontsize=TEXT_SIZE, labelpad=4, loc="bottom")
    draw_colors(fig, colorings[0], label, colors_left, rows_top, rows_height)
    return fig


def _check(rows: Sequence[ComparisonRow], inputs: Reals, references: Reals | None) -> None:
    problems = []
    if not 1 <= len(rows) <= MAX_ROWS:
        problems.append(f"1 to {MAX_ROWS} runs can be drawn below each other, not {len(rows)}")
    if not 1 <= len(inputs) <= MAX_IMAGES:
        problems.append(f"1 to {MAX_IMAGES} images can be drawn side by side, not {len(inputs)}")
    if references is not None and references.shape != inputs.shape:
        problems.append(f"clean images {references.shape} do not fit input images {inputs.shape}")
    for row in rows:
        if row.reconstructions is not None and row.reconstructions.shape != inputs.shape:
            problems.append(f"{row.name}: images {row.reconstructions.shape} do not fit input images {inputs.shape}")
        if row.embedding.shape != (len(row.values), 2) or not len(row.values):
            problems.append(f"{row.name}: {len(row.values)} values do not fit an embedding {row.embedding.shape}")
    raise_if_any(problems)


def _shared_colors(rows: Sequence[ComparisonRow], kind: Kind, period: float) -> list[Coloring]:
    """Colours of each run's points, on one scale."""
    known = [row.held_out for row in rows if row.held_out is not None]
    held_out = np.concatenate(known) if known else None
    shared = color_by(np.concatenate([row.values for row in rows]), kind, period, held_out)
    ends = np.cumsum([len(row.values) for row in rows])[:-1]
    colors, missing = np.split(shared.colors, ends), np.split(shared.missing, ends)
    return [
        replace(shared, colors=a, missing=b, held_out=None if shared.held_out is None else row.held_out)
        for row, a, b in zip(rows, colors, missing, strict=True)
    ]


def _draw_strip(fig: Figure, images: Reals, left: float, top: float, width: float, height: float) -> None:
    for i, image in enumerate(images):
        draw_image(place_axes(fig, left + i * (width + GAP), top, width, height), image)


def _draw_embedding(ax: Axes, row: ComparisonRow, coloring: Coloring, width: float) -> None:
    xlim, ylim = robust_limits(row.embedding[None])
    draw_points(ax, row.embedding, coloring, width)
    ax.set(xlim=xlim, ylim=ylim, xticks=[], yticks=[])
    ax.spines[:].set_color("0.8")


def _draw_rule(fig: Figure, top: float, right: float) -> None:
    """A thin line across, `top` inches below the figure's upper edge."""
    width, height = fig.get_size_inches().tolist()
    y = 1 - top / height
    fig.add_artist(Line2D([MARGIN / width, right / width], [y, y], color="0.85", lw=1))
