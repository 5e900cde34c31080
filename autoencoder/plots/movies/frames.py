"""What the frames of an evolution share: limits of the axes, examples beside the plot, and which frame shows what."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autoencoder.array_types import Reals
from autoencoder.errors import UserError
from autoencoder.neighbors.far_apart import far_apart

Limits = tuple[tuple[float, float], tuple[float, float]]

MAX_EXAMPLES = 6
"""Pictures that fit beside a plot."""


@dataclass(frozen=True)
class Examples:
    """Pictures beside the plot, each tied to its point.

    Attributes:
        indices: (k,) rows of the embedding, in the order of `choose_examples`; up to `MAX_EXAMPLES`.
        images: (k, H, W) or (k, H, W, 3); uint8, or floats in [0, 1].
    """

    indices: NDArray[np.integer]
    images: NDArray[Any]


def robust_limits(embeddings: Reals) -> Limits:
    """Limits (low, high) of both axes, of equal span, for all frames of `embeddings` (T, n, 2).

    They hold every point of the last frame and, of all frames together, what lies between the percentiles 0.5 and
    99.5, so that a few points that fly off early do not make the rest small.
    """
    low, high = np.percentile(embeddings.reshape(-1, 2), (0.5, 99.5), axis=0)
    low = np.minimum(low, embeddings[-1].min(axis=0))
    high = np.maximum(high, embeddings[-1].max(axis=0))
    center = (low + high) / 2
    half = 0.53 * float((high - low).max()) or 1.0  # all points at one place still need axes
    (x, y) = center.tolist()
    return (x - half, x + half), (y - half, y + half)


def choose_examples(embedding: Reals, n: int, seed: int = 0) -> NDArray[np.int64]:
    """Points of `embedding` (m, 2) that lie far apart and not alone, for the pictures beside the plot.

    Returns:
        min(n, m) different indices: first those for the left side, from the top down, then those for the right side.
    """
    from scipy.spatial import cKDTree

    n = min(n, len(embedding))
    if n < 1:
        return np.empty(0, np.int64)
    neighbors = min(10, len(embedding))
    alone = cKDTree(embedding).query(embedding, neighbors)[0].reshape(len(embedding), -1)[:, -1]
    candidates = np.flatnonzero(alone <= np.quantile(alone, 0.9))
    if len(candidates) < n:
        candidates = np.arange(len(embedding))
    return _top_down_by_side(candidates[far_apart(embedding[candidates], n, seed)], embedding)


def _top_down_by_side(indices: NDArray[np.int64], embedding: Reals) -> NDArray[np.int64]:
    """The left half of the points, then the right half, each by height, so that their leader lines do not cross."""
    by_x = indices[np.argsort(embedding[indices, 0], kind="stable")]
    left, right = np.split(by_x, [(len(by_x) + 1) // 2])
    return np.concatenate([side[np.argsort(-embedding[side, 1], kind="stable")] for side in (left, right)])


def frame_schedule(n_snapshots: int, fps: float, seconds: float, hold: float = 1.0) -> list[int]:
    """Which snapshot each frame of a movie shows: `seconds` long, of which the first and the last stand for `hold`.

    Snapshots are repeated or, where there are more of them than frames, left out evenly; no position in between is
    invented. The first and the last snapshot are always shown.
    """
    if n_snapshots < 1 or not fps > 0:
        raise UserError(f"a movie needs snapshots and a speed, not {n_snapshots} snapshots at {fps} frames per second")
    n_frames = round(seconds * fps)
    n_hold = max(1, min(round(hold * fps), n_frames // 2))
    n_between = max(0, n_frames - 2 * n_hold)
    between: list[int] = np.linspace(0, n_snapshots - 1, n_between + 2)[1:-1].round().astype(int).tolist()
    return [0] * n_hold + between + [n_snapshots - 1] * n_hold
