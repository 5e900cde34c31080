"""Metric multidimensional scaling: points of a plane whose distances are as near as can be to given ones.

Sources: Kruskal (1964), "Multidimensional scaling by optimizing goodness of fit to a nonmetric hypothesis", for the
stress; Torgerson (1952), "Multidimensional scaling: I. Theory and method", for the first start; Borg & Groenen (2005),
"Modern Multidimensional Scaling", chapters 8 (SMACOF) and 11 (stress and its scale); scikit-learn's `smacof`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from autoencoder.array_types import Reals
from autoencoder.seeding import numpy_stream

Array = NDArray[np.float64]

RANDOM_PLANES, WIDEST = 6, 6
"""Starts that are random planes through the widest principal coordinates, and how many coordinates these are. On 289
points of a real study they led to stresses of 0.285 to 0.293, the classical scaling to 0.288."""

RANDOM_STARTS = 2
"""Starts that know nothing of the distances; in the same study, 0.294 to 0.320. They leave a line where the principal
coordinates are one."""

MOST_ITERATIONS = 2000
CONVERGED = 1e-7
"""SMACOF stops where an iteration lowers the squared stress by less. In the same study, a tenth of it changed the
stress by less than 0.0001."""

ROUNDING = 1e-6
"""Share of the largest distance by which distances may differ from symmetric ones, or the diagonal from 0."""


@dataclass(frozen=True, eq=False)
class Plane:
    """Points of a plane, and how truly they show the distances they were made from.

    Attributes:
        points: (n, 2), in the unit of the distances. Their mean is 0, the x axis is that of their largest variance, and
            the point farthest from 0 along each axis lies on its positive side.
        stress: Kruskal's stress-1 with the given distances d in the denominator,
            sqrt(sum (drawn - d)^2 / sum d^2) over all pairs, at the best scale: 0 where nothing is distorted. Kruskal
            divides by the drawn distances; both have the same minimum over all scales (Borg & Groenen 2005, 11.1).
        drawn: (n, n) distances between the points.
    """

    points: Array
    stress: float
    drawn: Array

    def worst_pair(self, distances: Reals) -> tuple[int, int]:
        """The pair i < j whose drawn distance differs most from its given one, in absolute value.

        Args:
            distances: (n, n) that the plane was made from.

        Raises:
            ValueError: there is a single point, or these are distances of another number of points.
        """
        n = len(self.points)
        if n < 2 or distances.shape != (n, n):
            raise ValueError(f"no pair of {n} points has distances of shape {distances.shape}")
        rows, columns = np.triu_indices(n, 1)
        worst = int(np.argmax(np.abs(self.drawn - distances)[rows, columns]))
        return int(rows[worst]), int(columns[worst])


def scale_to_plane(distances: Reals, seed: int) -> Plane:
    """Place points on a plane by their distances: metric MDS by SMACOF, the best of several starts.

    SMACOF finds a local minimum of the stress, so it starts from the classical scaling and from several random places,
    and the solution of least stress is kept. The same distances and seed give the same bits.

    Args:
        distances: (n, n) symmetric, finite, not negative, with a zero diagonal; n is at least 1.
        seed: of the random starts.

    Raises:
        ValueError: they are not.
    """
    given = _checked(distances)
    largest = float(given.max())
    if largest == 0:
        return Plane(np.zeros((len(given), 2)), 0.0, np.zeros_like(given))
    unit = given / largest  # so that tolerances do not depend on the unit
    with threadpool_limits(1, "blas"):  # sums of several threads would be rounded anew on another machine
        solutions = [_rescaled(_smacof(start, unit), unit) for start in _starts(unit, seed)]
        best = min(solutions, key=lambda points: stress_of(_lengths(points), unit))
        points = _oriented(best) * largest
    drawn = _lengths(points)
    return Plane(points, stress_of(drawn, given), drawn)


def stress_of(drawn: Reals, distances: Reals) -> float:
    """The stress of a plane, see `Plane`; 0 where all distances are 0 and are drawn so.

    Args:
        drawn: (n, n) distances between its points.
        distances: (n, n) given ones, not all of them 0.
    """
    return float(np.sqrt(np.square(drawn - distances).sum() / np.square(distances).sum()))


def _checked(distances: Reals) -> Array:
    """Distances, exactly symmetric and with an exact zero diagonal."""
    given = np.asarray(distances, np.float64)
    if given.ndim != 2 or given.shape[0] != given.shape[1] or not len(given):
        raise ValueError(f"distances of n points are n x n, for n of at least 1, not {given.shape}")
    if not np.isfinite(given).all():
        raise ValueError("distances are not all finite numbers: leave out points that have none")
    if (given < 0).any():
        raise ValueError("distances cannot be negative")
    rounding = ROUNDING * float(given.max())
    if np.abs(given - given.T).max() > rounding:
        raise ValueError("the distance of two points has to be the same in either direction")
    if np.abs(np.diagonal(given)).max() > rounding:
        raise ValueError("the distance of a point to itself has to be 0; are these similarities?")
    symmetric = (given + given.T) / 2
    np.fill_diagonal(symmetric, 0.0)
    return symmetric


def _starts(distances: Array, seed: int) -> list[Array]:
    """Where SMACOF starts from, (n, 2) each; distances are at most 1."""
    draw = numpy_stream(seed, "starts of multidimensional scaling")
    principal = _principal_coordinates(distances)
    planes = [principal @ np.linalg.qr(draw.normal(size=(WIDEST, 2)))[0] for _ in range(RANDOM_PLANES)]
    anywhere = [draw.normal(size=(len(distances), 2)) for _ in range(RANDOM_STARTS)]
    return [principal[:, :2], *planes, *anywhere]


def _principal_coordinates(distances: Array) -> Array:
    """(n, WIDEST) the widest first; the first two are the classical scaling (Torgerson 1952)."""
    products = -np.square(distances) / 2
    products -= products.mean(axis=0)
    products -= products.mean(axis=1, keepdims=True)
    variances, directions = np.linalg.eigh((products + products.T) / 2)
    coordinates = directions[:, ::-1] * np.sqrt(variances[::-1].clip(0))
    return np.pad(coordinates, ((0, 0), (0, WIDEST)))[:, :WIDEST]  # fewer points have fewer coordinates


def _smacof(start: Array, distances: Array) -> Array:
    """Points (n, 2) of a local minimum of the stress, reached from a start."""
    from sklearn.manifold import smacof

    points, _ = smacof(distances, init=start, n_init=1, max_iter=MOST_ITERATIONS, eps=CONVERGED)
    return np.asarray(points, np.float64)


def _rescaled(points: Array, distances: Array) -> Array:
    """The same picture at the scale of least stress; SMACOF comes near it, and is there at a minimum only."""
    drawn = _lengths(points)
    squares = float(np.square(drawn).sum())
    return points * (float((drawn * distances).sum()) / squares) if squares > 0 else points


def _oriented(points: Array) -> Array:
    """The same picture around 0, turned to its principal axes and mirrored by a rule."""
    centred = points - points.mean(axis=0)
    _, axes = np.linalg.eigh(centred.T @ centred)
    turned = centred @ axes[:, ::-1]
    return np.asarray(turned * np.where(turned.max(axis=0) >= -turned.min(axis=0), 1.0, -1.0) + 0.0)  # no -0.0


def _lengths(points: Array) -> Array:
    """(n, n) distances between points, from their differences: products would round away small ones."""
    return np.asarray(np.linalg.norm(points[:, None] - points[None], axis=-1))
