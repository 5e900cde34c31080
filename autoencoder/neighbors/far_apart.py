"""Points that lie far from each other."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from autoencoder.array_types import Reals


def far_apart(points: Reals, n: int, seed: int = 0) -> NDArray[np.int64]:
    """Places of `n` different points of `points` (m, d), by farthest point sampling.

    The first one is the farthest from the median, each next one as far as can be from those before it.

    Args:
        points: (m, d).
        n: at most m.
        seed: decides between equals.
    """
    random_order = np.random.default_rng(seed).permutation(len(points))
    distance = np.linalg.norm(points - np.median(points, axis=0), axis=1)
    chosen: list[int] = []
    nearest = np.full(len(points), np.inf)
    for _ in range(n):
        best = int(random_order[np.argmax(distance[random_order])])
        chosen.append(best)
        nearest = np.minimum(nearest, np.linalg.norm(points - points[best], axis=1))
        distance = nearest.copy()
        distance[chosen] = -1
    return np.array(chosen, np.int64)
