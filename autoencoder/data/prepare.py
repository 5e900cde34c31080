"""The synthetic arena as a data set on the disk."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from autoencoder.data.arena import make_arena
from autoencoder.data.dataset import Prepared, check_output, save_dataset


def prepare_arena(
    output: Path,
    n_images: int = 32_000,
    seed: int = 0,
    size: int = 50,
    *,
    compress: bool = False,
    overwrite: bool = False,
    on_progress: Callable[[int], None] | None = None,
) -> Prepared:
    """Render a synthetic arena and write its images, clean images, masks and metadata.

    Args:
        output: path with or without `.npz`.
        n_images: number of frames, at least 1.
        seed: of the walk and of the sensor's noise.
        size: side of the crop around the animal, in pixels, at least 8.
        compress: write a third of the size in ten times the time.
        overwrite: files of these names may be replaced.
        on_progress: called with the number of frames done since the last call.

    Raises:
        UserError: a number is out of range, or a file exists or cannot be written.
    """
    check_output(output, overwrite=overwrite)
    arena = make_arena(n_images, seed, size, on_progress)
    return save_dataset(
        output, arena.images, arena.columns, arena.clean, arena.mask, compress=compress, overwrite=overwrite
    )
