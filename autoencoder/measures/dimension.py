"""How many dimensions codes have: by their covariance, and by how the number of neighbours grows with the distance.

Neither is the number of dimensions. A flat cloud and a curved sheet of the same covariance differ only in the second,
which in turn depends on how many neighbours are looked at, and on how many codes there are: noise is seen near by,
curvature and edges far away. So it is given as a curve.

Sources: Levina & Bickel (2004), "Maximum likelihood estimation of intrinsic dimension"; MacKay & Ghahramani (2005),
"Comments on 'Maximum likelihood estimation of intrinsic dimension' by E. Levina and P. Bickel".
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import cdist

from autoencoder.array_types import Reals
from autoencoder.measures.timeline import Timeline
from autoencoder.seeding import draw_rows

Array = NDArray[np.float64]

NEIGHBORS = (5, 10, 20, 50, 100)

ROW_SHARES = (0.25, 0.5, 1.0)
"""Of the rows: how many are drawn at random for each point of a curve."""

ROWS_AT_ONCE = 256

EQUIDISTANT = 1e-9
"""Distances to neighbours whose logarithms differ by no more than this on average say nothing of a dimension."""

ROUNDING = 1e-12
"""Of the variance."""


def participation_ratio(codes: Reals) -> float:
    """(sum of lambda)^2 / sum of lambda^2 over the eigenvalues lambda of the covariance: from 1 to d.

    d where all directions have the same variance, about 1 where one has nearly all of it. NaN for constant codes.

    Args:
        codes: (n, d).

    Raises:
        ValueError: codes that are no matrix with a row, or that are not finite.
    """
    covariance = _covariance(codes)
    total = np.trace(covariance)
    return float(total**2 / np.square(covariance).sum()) if total > 0 else math.nan


def components_for(codes: Reals, share: float = 0.95) -> int:
    """The smallest number of principal components with at least so much of the variance; 0 for constant codes.

    Args:
        codes: (n, d).
        share: of the variance, in (0, 1].

    Raises:
        ValueError: codes that are no matrix with a row, or that are not finite; no such share.
    """
    if not 0 < share <= 1:
        raise ValueError(f"a share of the variance is above 0 and at most 1, not {share:g}")
    variances = np.linalg.eigvalsh(_covariance(codes))[::-1].clip(0)
    return leading(variances, share) if variances.any() else 0


def leading(variances: NDArray[np.floating], share: float) -> int:
    """How many of the first variances (k,), in descending order, add up to at least `share` of all of them."""
    return int(np.searchsorted(np.cumsum(variances), (share - ROUNDING) * variances.sum())) + 1


def mle_dimension(
    codes: Reals,
    k: int,
    seed: int = 0,
    n: int | None = None,
    timeline: Timeline | None = None,
    apart: float = 0.0,
) -> float:
    """Dimension by maximum likelihood, from the distances T_1 <= ... <= T_k of each code to its k nearest.

    1/m(x) = mean over j < k of log(T_k / T_j) is averaged over codes before it is inverted: that is the maximum
    likelihood of one dimension for all (MacKay & Ghahramani 2005), while the mean of m(x) (Levina & Bickel 2004) is
    pulled up by few codes where k is small. It is `MLE(unbiased=False)` with comb="mle" of scikit-dimension.

    Codes that coincide with others count once, since log 0 is no number: what is estimated is the dimension of the set
    of different codes.

    Frames that follow each other are neighbours on a line, which pulls the estimate down to 1, so they can be left out.
    Those of one later passage past a code are at about the same distance from it, which pulls the estimate up where
    there are few passages: with more neighbours, and fewer rows, both matter less.

    Args:
        codes: (m, d).
        k: neighbours, 2 or more.
        seed: of the rows drawn.
        n: how many rows are drawn at random; None for all.
        timeline: of the m rows; None where all rows can be neighbours.
        apart: frames; rows of one recording that are no further apart than this are no neighbours of each other. Rows
            that are left with fewer than k candidates are not averaged over.

    Returns:
        the dimension; NaN where no code has k neighbours, or all neighbours are at the same distance.

    Raises:
        ValueError: codes that are no matrix with a row, or that are not finite; k is below 2.
    """
    return _estimate(_neighbor_distances(codes, k, seed, n, timeline, apart), k)


def dimension_curve(
    codes: Reals,
    ks: Sequence[int] = NEIGHBORS,
    ns: Sequence[int] | None = None,
    seed: int = 0,
    timeline: Timeline | None = None,
    apart: float = 0.0,
) -> list[tuple[int, int, float]]:
    """`mle_dimension` over numbers of neighbours and of codes: (k, n, estimate), by n, then k.

    Args:
        codes: (m, d).
        ks: neighbours.
        ns: how many rows are drawn; None for `ROW_SHARES` of them.
        seed: of the rows drawn.
        timeline: see `mle_dimension`.
        apart: see `mle_dimension`.

    Returns:
        one entry for each k and n for which there is an estimate.

    Raises:
        ValueError: as of `mle_dimension`.
    """
    found = []
    for n in dict.fromkeys([int(share * len(codes)) for share in ROW_SHARES] if ns is None else ns):
        distances = _neighbor_distances(codes, max(ks), seed, n, timeline, apart)
        found += [(k, n, _estimate(distances, k)) for k in ks]
    return [(k, n, estimate) for k, n, estimate in found if not math.isnan(estimate)]


def _estimate(distances: Array, k: int) -> float:
    """The dimension by the first k of the distances (n, most), ascending; see `mle_dimension`."""
    if k < 2:
        raise ValueError(f"a dimension takes 2 neighbours or more, not {k}")
    if distances.shape[1] < k:
        return math.nan
    within = distances[np.isfinite(distances[:, k - 1]), :k]
    if not len(within):
        return math.nan
    inverse = float(np.log(within[:, -1:] / within[:, :-1]).mean())
    return 1 / inverse if inverse > EQUIDISTANT else math.nan


def _neighbor_distances(
    codes: Reals, most: int, seed: int, n: int | None, timeline: Timeline | None, apart: float
) -> Array:
    """Distances from each of n different codes to its nearest, ascending: (n, most), or fewer columns where there are
    fewer codes; infinite where others are too near in time."""
    rows = np.arange(len(codes)) if n is None else draw_rows(np.arange(len(codes)), n, seed, "dimension")
    scaled = _centred(codes)[rows]
    first = np.sort(np.unique(scaled, axis=0, return_index=True)[1])
    values, timeline = scaled[first], None if timeline is None else timeline.take(rows[first])
    most = max(min(most, len(values) - 1), 0)
    nearest = np.empty((len(values), most))
    for start in range(0, len(values), ROWS_AT_ONCE):
        block = np.arange(start, min(start + ROWS_AT_ONCE, len(values)))
        distances = cdist(values[block], values)
        distances[_too_near(block, timeline, apart, len(values))] = math.inf
        nearest[block] = np.sort(np.partition(distances, max(most - 1, 0), axis=1)[:, :most], axis=1)
    return nearest


def _too_near(block: NDArray[np.int64], timeline: Timeline | None, apart: float, n: int) -> NDArray[np.bool_]:
    """Which of n rows are no neighbours of those of a block: (rows of the block, n)."""
    itself: NDArray[np.bool_] = block[:, None] == np.arange(n)
    if timeline is None or timeline.frames is None:
        return itself
    together = timeline.recordings[block, None] == timeline.recordings
    close = np.abs(timeline.frames[block, None] - timeline.frames) <= apart
    too_near: NDArray[np.bool_] = itself | (together & close)
    return too_near


def _covariance(codes: Reals) -> Array:
    """Covariance (d, d) of codes (n, d), up to a factor."""
    centred = _centred(codes)
    return np.asarray(centred.T @ centred)


def _centred(codes: Reals) -> Array:
    """Codes (n, d) from their mean, the largest number being 1; exactly 0 in units that are constant."""
    values = np.asarray(codes, np.float64)
    if values.ndim != 2 or not len(values) or not np.isfinite(values).all():
        raise ValueError(f"codes are a matrix of finite numbers with a row for each image, not {np.shape(codes)}")
    moved = values - values[0]
    centred = moved - moved.mean(axis=0)
    largest = np.abs(centred).max(initial=0.0)
    return np.asarray(centred / largest if largest > 0 else centred)
