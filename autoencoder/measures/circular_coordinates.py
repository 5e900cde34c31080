"""Where on a ring each point lies: circular coordinates by persistent cohomology.

A loop comes with a cocycle: whole numbers on the edges between landmarks that add up to one along any way round it.
Spread over the edges as evenly as they can be, they add up from edge to edge to the angles of the landmarks.

Sources: de Silva, Morozov & Vejdemo-Johansson (2011), "Persistent cohomology and circular coordinates"; Perea (2020),
"Sparse circular coordinates via principal Z-bundles", for points that are no landmarks.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse.csgraph import connected_components
from scipy.spatial.distance import cdist
from scipy.stats import rankdata

from autoencoder.array_types import Integers, Reals
from autoencoder.measures.angles import Angles
from autoencoder.measures.topology import SET_LANDMARKS, draw_landmarks, persistence

Array = NDArray[np.float64]
Booleans = NDArray[np.bool_]

PRIME = 47
"""Cocycles are found modulo this."""

INSIDE = 0.5
"""Landmarks see each other up to a scale so far from the birth of the loop to its death."""

REACH = 2.0
"""A point that no landmark is close to is placed by those up to so many times as far as the nearest."""

FEWEST = 3
"""Angles that have an order on a circle."""


def circular_coordinate(points: Reals, seed: int, landmarks: int = SET_LANDMARKS) -> Array | None:
    """The angle of each point on the longest loop.

    Landmarks see each other at distances up to the middle of the loop's bar. There its cocycle a, lifted from Z/47 to
    whole numbers, is made harmonic: h_jk = a_jk - (tau_k - tau_j), with tau by least squares over all edges (de Silva
    et al. 2011). A point x with the nearest landmark j is at tau_j - sum_k phi_k(x) h_jk turns. phi is a partition of
    unity over the landmarks closer to x than half the scale, falling linearly with the distance (Perea 2020). A point
    with no landmark so close, which Perea leaves out, is placed by those up to twice as far as the nearest.

    Where the angle begins and which way it runs mean nothing. Nor does its pace: it runs faster where points are rare.
    It is the true one up to a re-parametrisation, and only its order can be compared (`cyclic_agreement`). Points off
    the loop have an angle as well, that of the part of the loop that they are nearest to.

    Args:
        points: (n, d), finite.
        seed: of the landmarks, the first set of those of `autoencoder.measures.topology.rings`.
        landmarks: how many points are drawn; all where there are no more.

    Returns:
        (n,) radians in [0, 2 pi); None where there is no loop, or its cocycle can't be lifted for certain.

    Raises:
        UserError: ripser is not installed.
    """
    centred = np.asarray(points, np.float64) - np.mean(points, axis=0, dtype=np.float64)
    some = centred[draw_landmarks(len(centred), seed, landmarks)]
    distances = cdist(some, some)
    bars, cocycles = persistence(distances, PRIME)
    if not len(bars):
        return None
    longest = int(np.argmax(bars[:, 1] - bars[:, 0]))
    born, dies = bars[longest]
    scale = float(born + INSIDE * (dies - born))
    sees = distances <= scale
    cocycle = _lifted(cocycles[longest], sees)
    if cocycle is None:
        return None
    tau, harmonic = _harmonic(cocycle, sees)
    loop = _on_loop(harmonic, sees)
    among = np.ix_(loop, loop)
    angles = 2 * np.pi * _extended(cdist(centred, some[loop]), scale / 2, tau[loop], harmonic[among], sees[among])
    return _once_round(angles)


def cyclic_agreement(a_rad: Angles, b_rad: Angles) -> float:
    """How far two angles have the same order round the circle, in [0, 1].

    Both are ranked and the ranks spread evenly over the circle, which leaves of each nothing but its order; then it is
    the larger modulus of mean exp(i (u - v)), of `b_rad` and its mirror image. Cutting a circle elsewhere turns all its
    ranks alike, and turns drop out with the modulus. 1 for the same order; about 1 / sqrt(n) for n angles of no common
    order. Equal angles share their mean rank, so that angles of few different values stay below 1: of four directions
    against their true order, 0.90. It is 0 where all angles of one are equal.

    Args:
        a_rad: (n,) radians, whole turns making no difference.
        b_rad: (n,) radians of the same rows. Rows without an angle are left out beforehand.

    Raises:
        ValueError: shapes that differ, fewer than three angles, or one that is not finite.
    """
    a, b = np.asarray(a_rad, np.float64), np.asarray(b_rad, np.float64)
    if a.ndim != 1 or a.shape != b.shape or len(a) < FEWEST:
        raise ValueError(f"an order is that of {FEWEST} angles or more, as many of one as of the other")
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        raise ValueError("angles are finite")
    a, b = _once_round(a), _once_round(b)
    if np.ptp(a) == 0 or np.ptp(b) == 0:
        return 0.0
    u, v = (2 * np.pi / len(a) * rankdata(angles) for angles in (a, b))
    return float(max(abs(np.exp(1j * (u - v)).mean()), abs(np.exp(1j * (u + v)).mean())))


def _lifted(cocycle: Integers, sees: Booleans) -> Array | None:
    """A cocycle modulo `PRIME` (edges, 3) in whole numbers, antisymmetric (m, m), 0 where landmarks don't see each
    other.

    The sum over a triangle is a multiple of the prime. It is 0 for certain where no number is larger than a third of
    it; of others None is returned.
    """
    one, other, values = cocycle.T
    lifted = np.zeros(sees.shape)
    lifted[one, other] = np.where(values > PRIME // 2, values - PRIME, values)
    lifted = (lifted - lifted.T) * sees
    return lifted if 3 * np.abs(lifted).max() < PRIME else None


def _harmonic(cocycle: Array, sees: Booleans) -> tuple[Array, Array]:
    """tau (m,), in turns, that makes the sum of (cocycle_jk - (tau_k - tau_j))^2 over edges smallest, and what is left
    of the cocycle (m, m)."""
    laplacian = np.diag(sees.sum(axis=1)) - sees.astype(np.float64)
    tau: Array = np.linalg.lstsq(laplacian, -cocycle.sum(axis=1), rcond=None)[0]
    return tau, (cocycle - (tau[None, :] - tau[:, None])) * sees


def _on_loop(harmonic: Array, sees: Booleans) -> Integers:
    """The landmarks that are connected to the loop: elsewhere nothing is left of a cocycle that is made harmonic."""
    _, parts = connected_components(sees, directed=False)
    left = np.bincount(parts, weights=np.square(harmonic).sum(axis=1))
    return np.flatnonzero(parts == left.argmax())


def _extended(distances: Array, radius: float, tau: Array, harmonic: Array, sees: Booleans) -> Array:
    """Turns of points (n,) from those of landmarks.

    Args:
        distances: (n, m) from points to landmarks.
        radius: half the scale at which landmarks see each other, so that any two this near to a point do.
        tau: (m,) turns of landmarks.
        harmonic: (m, m) steps between landmarks.
        sees: (m, m) whether there is a step.
    """
    nearest = distances.argmin(axis=1)
    reach = np.maximum(radius, REACH * distances.min(axis=1))
    weights = np.clip(reach[:, None] - distances, 0, None) * sees[nearest]
    weights /= weights.sum(axis=1, keepdims=True)
    return np.asarray(tau[nearest] - (weights * harmonic[nearest]).sum(axis=1))


def _once_round(angles: Array) -> Array:
    """Angles in [0, 2 pi)."""
    turned = angles % (2 * np.pi)
    return np.where(turned < 2 * np.pi, turned, 0.0)  # that of -1e-20 is rounded to a whole turn
