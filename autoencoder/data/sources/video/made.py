"""What comes of a video: images and what is known of them, before they are written."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from autoencoder.data.dataset import Marks
from autoencoder.data.recipe import Recipe
from autoencoder.data.sources.video.frames import Room
from autoencoder.data.sources.video.options import VideoOptions
from autoencoder.machine.memory import refuse_too_large

LOOK_AT_MASKS = "Look at the masks in the check picture"
"""What to do where masks may not be of the animal."""

FLAGS = re.compile(r" \(--[^()]*\)")
"""What a note says of flags: it stands in parentheses, and the sentence is whole without it."""


@dataclass(frozen=True, eq=False)
class Made:
    """M images of a video.

    Attributes:
        images: (M, size, size) or, with colour, (M, 3, size, size) uint8.
        columns: metadata, each (M,).
        inside: (M, size, size) uint8, 0 where a pixel was filled in; None where none was.
        mask: (M, size, size) uint8, 1 where the animal is; None where it was not asked for.
        marks: places in the images that are shown; None where none are known.
        notes: what was chosen or left out, one sentence each.
        warnings: what is probably not as it should be.
        recipe: the options, with what was derived where it was not given.
        of_options: those of the notes that say what an option is where it was not given. They are the same for every
            video that images are made of by this recipe.
    """

    images: NDArray[np.uint8]
    columns: Mapping[str, np.ndarray]
    inside: NDArray[np.uint8] | None
    mask: NDArray[np.uint8] | None
    marks: Marks | None
    notes: tuple[str, ...]
    warnings: tuple[str, ...]
    recipe: Recipe
    of_options: Collection[str] = ()

    def notes_on_video(self) -> tuple[str, ...]:
        """The notes on this video alone, without the flags of `prepare video`, for those who cannot give them."""
        return tuple(FLAGS.sub("", note) for note in self.notes if note not in self.of_options)


def of_empty_masks(areas: NDArray[np.int64] | None) -> list[str]:
    """A sentence about masks without a pixel, where there are any.

    Args:
        areas: (M,) pixels of each mask; None where there are no masks.
    """
    n_empty = 0 if areas is None else int((areas == 0).sum())
    return [f"the mask is empty in {n_empty:,} of {len(areas):,} images"] if areas is not None and n_empty else []


def refuse_too_many(n_images: int, cut: tuple[int, int], options: VideoOptions, room: Room) -> None:
    """Refuse images that do not fit into memory.

    Args:
        n_images: how many.
        cut: height and width of what is cut out of a frame, pixels.
        options: for the images' size and colour, and whether there are masks.
        room: where they are put.

    Raises:
        UserError: they do not fit.
    """
    (height, width), size, channels = cut, options.size, 3 if options.color else 1
    # 64-bit numbers of what is cut out, their sums and the means of them; those of the edges of all squares.
    work = 8 * channels * (3 * height * width + 3 * max(cut) * size + 3 * size**2) + 8 * 6 * n_images * size
    # Images, where they are inside the picture, and masks.
    made = n_images * (channels + 1 + options.mask) * size**2 if room.in_memory else 0
    refuse_too_large(
        f"{n_images:,} images of {size}x{size}",
        made + work,
        "take fewer (--limit, --every) or smaller ones (--size)",
    )
