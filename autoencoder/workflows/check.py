"""The check picture of a prepared data set, NAME-check.png."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from autoencoder.array_types import Reals
from autoencoder.data.dataset import Marks, Prepared, Sample, check_file
from autoencoder.data.images import default_max_pixel_value
from autoencoder.data.metadata import RECORDING, Metadata
from autoencoder.plots.check import Overlay, check_figure
from autoencoder.plots.figures import save_figure
from autoencoder.plots.images import to_picture

BODY_ANGLE = "body_angle_deg"

CAPTIONS = (
    (("file", RECORDING), ""),
    (("individual",), ""),
    (("label",), "label "),
    (("frame",), "frame "),
    (("index",), "image "),
)
"""Columns that tell which image it is, and what stands before their value; the first two that there are.

Of columns that tell the same, such as a file and the recording that it is of, the first one that there is.
"""

LONGEST = 24
"""Letters of a caption; of longer ones the end is shown, which tells files apart."""


def check_picture(prepared: Prepared) -> Path:
    """Draw a dozen images from all over a set, with what is known of places in them.

    That is the arrow of the body angle, the parts seen, the picture's edge and the outline of the mask.

    Args:
        prepared: what was made.

    Returns:
        the picture, beside the data set.
    """
    sample = prepared.sample
    marks = sample.marks or Marks()
    title = f"{prepared.npz.stem}: {len(sample.images)} of {prepared.n_images:,} images, from first to last"
    overlay = Overlay(_angle(sample.metadata, marks), marks.points, marks.picture, _mask(sample))
    figure = check_figure(to_picture(_scaled(sample)), _captions(sample.metadata), title, overlay)
    return save_figure(figure, check_file(prepared.npz))


def _scaled(sample: Sample) -> Reals:
    """(m, C, H, W) float32 in [0, 1]."""
    images = sample.images if sample.images.ndim == 4 else sample.images[:, None]
    scaled: Reals = images.astype(np.float32) / np.float32(default_max_pixel_value(images.dtype))
    return scaled


def _mask(sample: Sample) -> NDArray[np.bool_] | None:
    """(m, H, W)."""
    if sample.mask is None:
        return None
    mask = sample.mask if sample.mask.ndim == 3 else sample.mask[:, 0]
    return np.asarray(mask > 0)


def _angle(metadata: Metadata, marks: Marks) -> Reals | None:
    """(m,) radians in the images, which may have been turned."""
    if BODY_ANGLE not in metadata.names:
        return None
    turned = 0.0 if marks.turned is None else marks.turned
    angle: Reals = np.radians(metadata.column(BODY_ANGLE) - turned)
    return angle


def _captions(metadata: Metadata) -> list[str]:
    there = [([name for name in names if name in metadata.names], before) for names, before in CAPTIONS]
    named = [(names[0], before) for names, before in there if names][:2]
    rows = zip(*(metadata.column(name).tolist() for name, _ in named), strict=True)
    texts = [", ".join(f"{before}{value}" for (_, before), value in zip(named, row, strict=True)) for row in rows]
    return [text if len(text) <= LONGEST else f"...{text[3 - LONGEST :]}" for text in texts] or [""] * len(metadata)
