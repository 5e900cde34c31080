"""Images beside images: input, latent code, output and clean."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from autoencoder.array_types import Reals
from autoencoder.errors import UserError, raise_if_any
from autoencoder.plots.brightness import Brightness, brightness_of
from autoencoder.plots.figures import new_figure

MIN_TILE_HEIGHT = 200
"""Pixels; images in a movie are enlarged by a whole number to at least this height."""

SEPARATOR = 4
CAPTION_HEIGHT = 34
NOTE_HEIGHT, NOTE_SIZE = 24, 15
BACKGROUND, TEXT = 255, 30
"""Grey levels of a movie frame's separators and captions."""

Row = tuple[str, NDArray[Any]]


# ---------------------------------------------------------------------------------------------------------------- grid


def image_grid(
    rows: Sequence[Row],
    captions: Sequence[str] | None = None,
    title: str | None = None,
    brightness: Brightness | None = None,
) -> Figure:
    """Rows of images, one column per sample.

    Args:
        rows: (title, array) each. An array (n, H, W) or (n, H, W, 3) of values in [0, 1] is drawn as images, one of
            shape (n, d) as latent codes by `latent_row`. All have the same n.
        captions: text under each column, such as "PSNR 31.2".
        title: above all.
        brightness: of all images; None for that which they need together.

    Raises:
        UserError: no rows, no samples, or numbers of samples that differ.
    """
    counts = {len(array) for _, array in rows}
    problems = [] if len(counts) == 1 and 0 not in counts else [f"rows of the grid have {sorted(counts)} samples"]
    if captions is not None and counts and len(captions) != max(counts):
        problems.append(f"there are {len(captions)} captions for {max(counts)} samples")
    raise_if_any(problems)
    (n,) = counts
    if brightness is None:
        brightness = brightness_of(*(array for _, array in rows if array.ndim > 2))
    title = brightness.below(title)
    heights = [_relative_height(array) for _, array in rows]
    column = 1.3  # inches
    margin = 0.35 + 0.11 * max(len(name) for name, _ in rows)  # for the rows' titles, left of the first column
    size = (
        margin + column * n * 1.06 + 0.15,
        column * sum(heights) * 1.08 + 0.5 + (0.25 + 0.25 * len(title.split("\n")) if title else 0),
    )
    fig = new_figure(*size)
    fig.set_layout_engine("constrained", w_pad=0.06, h_pad=0.05)
    axes = fig.subplots(len(rows), n, squeeze=False, height_ratios=heights)
    for (name, array), row_axes in zip(rows, axes, strict=True):
        if array.ndim == 2:
            latent_row(array, row_axes)
        else:
            for ax, image in zip(row_axes, brightness(array), strict=True):
                ax.imshow(image, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
        for ax in row_axes:
            ax.set(xticks=[], yticks=[])
            ax.spines[:].set_visible(False)
        row_axes[0].set_ylabel(name, fontsize=13, rotation=0, ha="right", va="center", labelpad=8)
    if captions is not None:
        for ax, caption in zip(axes[-1], captions, strict=True):
            ax.set_xlabel(caption, fontsize=11)
    if title is not None:
        fig.suptitle(title, fontsize=15)
    return fig


def latent_row(latent: Reals, axes: Sequence[Axes]) -> None:
    """Draw each code of `latent` (n, d) as a tile of d squares in one of n `axes`; blue negative, red positive.

    The units run along the tile's rows; squares left over are blank. All codes share one scale.
    """
    known = np.abs(latent[np.isfinite(latent)])
    scale = float(known.max()) if known.size and known.max() > 0 else 1.0
    n_columns = _tile_columns(latent.shape[1])
    n_rows = math.ceil(latent.shape[1] / n_columns)
    for ax, code in zip(axes, latent, strict=True):
        tile = np.full(n_rows * n_columns, np.nan)
        tile[: len(code)] = code
        ax.imshow(
            tile.reshape(n_rows, n_columns),
            cmap="RdBu_r",
            vmin=-scale,
            vmax=scale,
            aspect="equal",
            interpolation="nearest",
        )


def _tile_columns(n_units: int) -> int:
    """16 units make a tile of 4x4, other numbers one at least as wide as high."""
    return int(np.ceil(np.sqrt(n_units)))


def _relative_height(array: NDArray[Any]) -> float:
    """Height of a row of unit-wide tiles."""
    if array.ndim == 2:
        n_columns = _tile_columns(array.shape[1])
        return float(math.ceil(array.shape[1] / n_columns) / n_columns)
    return float(array.shape[1]) / float(array.shape[2])


# --------------------------------------------------------------------------------------------------------------- movie


def enlarged(images: Reals, note: str = "") -> Iterator[NDArray[np.uint8]]:
    """Images (n, H, W[, 3]) in [0, 1] as frames of a movie, enlarged without smoothing, with a note below them."""
    factor = math.ceil(MIN_TILE_HEIGHT / images.shape[1])
    below = _note_strip(note, images.shape[2] * factor)
    for image in images:
        yield np.concatenate([_enlarged(image, factor), *below])


def side_by_side(parts: Mapping[str, Reals], note: str = "") -> Iterator[NDArray[np.uint8]]:
    """Frames of a movie that shows images beside each other, such as input, output and the clean image.

    Args:
        parts: name and images (n, H, W) or (n, H, W, 3) of each tile, values in [0, 1]; others are clipped.
        note: below the tiles, in small letters.

    Yields:
        n frames (height, width, 3) uint8. The images are enlarged without smoothing, to at least `MIN_TILE_HEIGHT`.

    Raises:
        UserError: the arrays differ in shape.
    """
    shapes = {array.shape[:3] for array in parts.values()}
    images = next(iter(parts.values()))
    if len(shapes) != 1 or images.ndim not in (3, 4):
        raise UserError(f"images side by side have one shape, not {sorted(shapes)}")
    factor = math.ceil(MIN_TILE_HEIGHT / images.shape[1])
    tile_width = images.shape[2] * factor
    strip = _caption_strip(list(parts), tile_width)
    below = _note_strip(note, int(strip.shape[1]))
    for row in range(len(images)):
        tiles = [_enlarged(array[row], factor) for array in parts.values()]
        line = np.full((tiles[0].shape[0], SEPARATOR, 3), BACKGROUND, np.uint8)
        joined = [piece for tile in tiles for piece in (tile, line)][:-1]
        yield np.concatenate([strip, np.concatenate(joined, axis=1), *below])


def _enlarged(image: Reals, factor: int) -> NDArray[np.uint8]:
    grey = (np.clip(np.nan_to_num(image), 0, 1) * 255 + 0.5).astype(np.uint8)
    colour = grey if grey.ndim == 3 else np.repeat(grey[:, :, None], 3, axis=2)
    return colour.repeat(factor, axis=0).repeat(factor, axis=1)


def _caption_strip(names: Sequence[str], tile_width: int) -> NDArray[np.uint8]:
    """(CAPTION_HEIGHT, width, 3) uint8 with each name centred over its tile."""
    from PIL import Image, ImageDraw, ImageFont

    width = len(names) * tile_width + (len(names) - 1) * SEPARATOR
    strip = Image.new("L", (width, CAPTION_HEIGHT), BACKGROUND)
    draw, font = ImageDraw.Draw(strip), ImageFont.load_default(size=20)
    for i, name in enumerate(names):
        middle = i * (tile_width + SEPARATOR) + tile_width / 2
        draw.text((middle, CAPTION_HEIGHT / 2), name, fill=TEXT, font=font, anchor="mm")
    return np.repeat(np.asarray(strip)[:, :, None], 3, axis=2)


def _note_strip(note: str, width: int) -> list[NDArray[np.uint8]]:
    """(NOTE_HEIGHT, width, 3) uint8 with a note in its middle, as small as it has to be; nothing without a note."""
    from PIL import Image, ImageDraw, ImageFont

    if not note:
        return []
    size = NOTE_SIZE * min(1.0, (width - 4) / ImageFont.load_default(size=NOTE_SIZE).getlength(note))
    strip = Image.new("L", (width, NOTE_HEIGHT), BACKGROUND)
    font = ImageFont.load_default(size=size)
    ImageDraw.Draw(strip).text((width / 2, NOTE_HEIGHT / 2), note, fill=TEXT, font=font, anchor="mm")
    return [np.repeat(np.asarray(strip)[:, :, None], 3, axis=2)]


def to_picture(images: Reals) -> Reals:
    """(n, C, H, W) to what is drawn: (n, H, W), or (n, H, W, 3) for three channels; of other numbers, the mean."""
    if images.shape[1] == 1:
        return images[:, 0]
    if images.shape[1] == 3:
        return images.transpose(0, 2, 3, 1)
    gray: Reals = images.mean(axis=1)
    return gray
