"""Regions of images, such as body, tail and walls: which region each pixel belongs to, and what regions are called."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from autoencoder.array_types import Rows
from autoencoder.data.arrays import chunks
from autoencoder.data.metadata import as_text
from autoencoder.errors import UserError, raise_if_any

REGIONS, REGION_NAMES = "regions", "region_names"
"""Arrays of an `.npz`: the region of each pixel, and what the regions are called."""

MOST_REGIONS, LONGEST_NAME = 16, 40
"""More regions, or longer names (in letters), make no table that somebody reads."""

OF_A_MASK = ("background", "animal")
"""What the values 0 and 1 of a mask are called as regions."""


@dataclass(frozen=True, eq=False)
class Regions:
    """The region of each pixel of a set of images.

    Attributes:
        labels: (N, 1, H, W) of whole numbers, the place in `names` of the region that each pixel belongs to.
        names: of the regions; the first one is the background.
    """

    labels: NDArray[np.integer]
    names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.labels)

    def of(self, rows: Rows) -> NDArray[np.int64]:
        """Regions of the pixels of some images, (n, 1, H, W)."""
        return np.asarray(self.labels[rows]).astype(np.int64)


def regions_of_mask(mask: NDArray[np.uint8]) -> Regions:
    """Animal and background, by a mask (N, 1, H, W) of 1 and 0."""
    return Regions(mask, OF_A_MASK)


def checked_regions(arrays: Mapping[str, np.ndarray], images_shape: tuple[int, ...], path: Path) -> Regions | None:
    """The regions that a file brings.

    Args:
        arrays: arrays of the file; without `regions` there are none.
        images_shape: (N, C, H, W) of its images.
        path: the file, for messages.

    Returns:
        regions with names; None for a file that has none.

    Raises:
        UserError: everything that is wrong with them.
    """
    if REGIONS not in arrays:
        return None
    labels = arrays[REGIONS]
    labels = labels[:, None] if labels.ndim == 3 else labels
    names = _checked_names(arrays.get(REGION_NAMES), path)
    raise_if_any(_label_problems(labels, names, images_shape, path))
    return Regions(labels, names)


def _checked_names(stored: np.ndarray | None, path: Path) -> tuple[str, ...]:
    remedy = "save np.array(['background', 'body', ...]), a name for each value of 'regions', from 0 on"
    if stored is None:
        raise UserError(f"{path} has an array 'regions' without 'region_names': {remedy}")
    what = f"array 'region_names' in {path}"
    if stored.ndim != 1 or stored.dtype.kind not in "SU":
        raise UserError(f"{what} is {stored.dtype} of shape {stored.shape}: {remedy}")
    if not 2 <= len(stored) <= MOST_REGIONS:
        raise UserError(f"{what} has {len(stored)} names: there can be 2 to {MOST_REGIONS} regions")
    names = tuple(as_text(what, stored).tolist())
    if not all(name.strip() for name in names) or len(set(names)) < len(names):
        raise UserError(f"{what} has an empty name, or the same name twice: give each region its own")
    if any(len(name) > LONGEST_NAME for name in names):
        raise UserError(f"{what} has a name of more than {LONGEST_NAME} letters: shorten it")
    return names


def _label_problems(labels: np.ndarray, names: tuple[str, ...], images_shape: tuple[int, ...], path: Path) -> list[str]:
    expected = (images_shape[0], 1, *images_shape[2:])
    if labels.shape != expected:
        return [f"array 'regions' in {path} has shape {labels.shape}: for these images it must be {expected}"]
    if labels.dtype.kind not in "bui":
        return [f"array 'regions' in {path} is of type {labels.dtype}: save whole numbers from 0 on, as uint8"]
    bounds = [(int(chunk.min()), int(chunk.max())) for _, chunk in chunks(labels)]
    low, high = min(low for low, _ in bounds), max(high for _, high in bounds)
    if low < 0 or high >= len(names):
        return [
            f"array 'regions' in {path} has values from {low} to {high}, and 'region_names' names 0 to "
            f"{len(names) - 1}: give each value a name"
        ]
    return []
