"""How far noise moves a code, as a share of the way to another image."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from autoencoder.array_types import Reals
from autoencoder.measures.timeline import Timeline
from autoencoder.neighbors.exact import nearest_apart


def displacement(clean: Reals, noisy: Reals, timeline: Timeline, apart: float = 0.0) -> NDArray[np.float64]:
    """How far each code is moved by noise, over its distance from the nearest other image: 1 is all the way.

    Args:
        clean: (n, d) codes of images as they are.
        noisy: (n, d) codes of the same images with noise.
        timeline: of the n rows; neighbours in time are no other images.
        apart: frames up to which they are neighbours in time.

    Returns:
        (n,); infinite for a code that another image has as well, and NaN for one that is not moved either.
    """
    codes = np.asarray(clean, np.float64)
    centred = (codes - codes.mean(axis=0)).astype(np.float32)  # squares round off what is far from 0
    frames = np.arange(len(codes)) if timeline.frames is None else timeline.frames
    within = apart if timeline.frames is not None else 0.0
    other = nearest_apart(centred, 1, timeline.recordings, frames, within)[:, 0]
    moved = np.linalg.norm(np.asarray(noisy, np.float64) - codes, axis=1)
    away = np.linalg.norm(codes[other] - codes, axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(moved / away)
