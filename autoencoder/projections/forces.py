"""The forces of UMAP's objective on many embeddings at once, and the pull of each point towards where it was.

Compiled; each frame, or each point's path, is the work of one thread, so the bits do not depend on their number.
"""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

from autoencoder.array_types import FloatArray
from autoencoder.neighbors.compiled import compiled

NEGATIVES = np.float32(5.0)
"""Pairs that umap-learn pushes apart for each one that it pulls together."""

NEAR = np.float32(1e-3)
"""Added to the square of a distance that a push is divided by, as in umap-learn."""

MAX_FORCE = np.float32(4.0)
"""Each coordinate's force is kept within this, as in umap-learn."""


@compiled
def umap_forces(
    places: FloatArray,
    first: NDArray[np.int64],
    neighbors: NDArray[np.int32],
    strengths: FloatArray,
    degrees: FloatArray,
    sample: NDArray[np.int32],
    forces: FloatArray,
) -> None:
    """The expected force of UMAP's sampling on each point, its pushes estimated from some of the points.

    In an epoch umap-learn draws each edge ij with probability mu_ij, pulls both ends, and pushes one of them away from
    `NEGATIVES` others. The expectation of that is a full-batch gradient, of the loss that Damrich and Hamprecht (On
    UMAP's true loss function, NeurIPS 2021) derive. The kernel is 1 / (1 + d^2), UMAP's with a = b = 1.

    Args:
        places: (T, n, 2) float32.
        first: (T, n + 1) where a point's edges begin in `neighbors` and `strengths`.
        neighbors: (E,) the other end of each edge; each edge is there from both ends.
        strengths: (E,) mu, float32.
        degrees: (T, n) sum of each point's strengths.
        sample: (m,) the points, the same in every frame, that stand for all others in the pushes.
        forces: (T, n, 2) float32, written to.
    """
    T, n = places.shape[0], places.shape[1]
    m = len(sample)
    two, one, half = np.float32(2), np.float32(1), np.float32(0.5)
    for t in numba.prange(T):
        sample_x, sample_y, sample_degree = np.empty(m, np.float32), np.empty(m, np.float32), np.empty(m, np.float32)
        for j in range(m):
            sample_x[j], sample_y[j] = places[t, sample[j], 0], places[t, sample[j], 1]
            sample_degree[j] = degrees[t, sample[j]]
        for i in range(n):
            x, y, degree = places[t, i, 0], places[t, i, 1], degrees[t, i]
            push_x = push_y = pull_x = pull_y = np.float32(0)
            for j in range(m):
                dx, dy = x - sample_x[j], y - sample_y[j]
                square = dx * dx + dy * dy
                share = (degree + sample_degree[j]) / ((NEAR + square) * (one + square))
                push_x += share * dx
                push_y += share * dy
            for e in range(first[t, i], first[t, i + 1]):
                dx, dy = x - places[t, neighbors[e], 0], y - places[t, neighbors[e], 1]
                share = strengths[e] / (one + dx * dx + dy * dy)
                pull_x += share * dx
                pull_y += share * dy
            # 4 = 2 from the kernel's derivative, 2 because an edge pulls both of its ends.
            push = two * half * NEGATIVES / np.float32(m)
            forces[t, i, 0] = min(max(push * push_x - two * two * pull_x, -MAX_FORCE), MAX_FORCE)
            forces[t, i, 1] = min(max(push * push_y - two * two * pull_y, -MAX_FORCE), MAX_FORCE)


@compiled
def hold_back(places: FloatArray, weights: FloatArray, strength: float) -> None:
    """Move each path to the minimum of |y - places|^2 / 2 + strength / 2 * sum_t weights_t |y_(t+1) - y_t|^2, in place.

    That is a tridiagonal system per point, solved exactly (Thomas's algorithm); the strength may be as large as one
    likes.

    Args:
        places: (T, n, 2) float32.
        weights: (T - 1, n) float32.
        strength: 0 leaves the places as they are.
    """
    T, n = places.shape[0], places.shape[1]
    zero, one, pull = np.float32(0), np.float32(1), np.float32(strength)
    for i in numba.prange(n):
        # Solved for the change of each place, so that a path that stands still stays as it is, to the bit.
        ratio, change = np.empty(T, np.float32), np.empty((T, 2), np.float32)
        for t in range(T):
            before = pull * weights[t - 1, i] if t > 0 else zero
            after = pull * weights[t, i] if t < T - 1 else zero
            # One sum of positive numbers for the pivot: nothing cancels, however strong the pull is.
            pivot = one + after + (before * (one + ratio[t - 1]) if t > 0 else zero)
            ratio[t] = -after / pivot
            for c in range(2):
                pulled = zero
                if t > 0:
                    pulled += before * (places[t - 1, i, c] - places[t, i, c] + change[t - 1, c])
                if t < T - 1:
                    pulled += after * (places[t + 1, i, c] - places[t, i, c])
                change[t, c] = pulled / pivot
        for t in range(T - 2, -1, -1):
            for c in range(2):
                change[t, c] -= ratio[t] * change[t + 1, c]
        for t in range(T):
            for c in range(2):
                places[t, i, c] += change[t, c]
