"""How far to trust an embedding of training: does it move as the network does, and does each frame keep neighbours?

The definitions are those of Vernier et al. (Quantitative evaluation of time-dependent multidimensional projection
techniques, EuroVis 2020) and, of trustworthiness and continuity, of Venna and Kaski (Neural Networks 19, 2006).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from autoencoder.array_types import FloatArray
from autoencoder.neighbors.compiled import compiled, part_of_loops
from autoencoder.neighbors.exact import keep_smallest, room_for_groups
from autoencoder.projections.fits import embed_series
from autoencoder.projections.series import Series

NEIGHBORHOOD = 0.05
"""Share of the scored points that are a point's neighbourhood."""

SCORED_POINTS = 1000
"""Points that scores are of, at random: ranks of all pairs take time and memory that grow with their square."""

NULL_POINTS = 1000
"""Points that the null is measured on."""

NEAREST = np.finfo(np.float64).min
"""Below every square of a distance; infinity is nothing that fast arithmetic may meet."""


@dataclass(frozen=True)
class Stability:
    """Whether points move in the embedding (d) as their codes do (D), over all points and steps.

    Attributes:
        spearman: rank correlation of D and d; None where there is one moment only, or nothing moves.
        pearson: linear correlation of D and d.
        stress: sum((D' - d')^2) / sum(D'^2), with D' and d' divided by their maxima; 0 is best.
    """

    spearman: float | None
    pearson: float | None
    stress: float | None


@dataclass(frozen=True, eq=False)
class Faithfulness:
    """How well each of T frames keeps neighbourhoods of k points, each (T,) from 0 to 1; NaN where codes are constant.

    Attributes:
        k: size of a neighbourhood.
        preservation: share of a point's neighbours in the latent space that are neighbours in the embedding.
        trustworthiness: 1 minus the penalty for neighbours in the embedding that are none in the latent space.
        continuity: 1 minus the penalty for neighbours in the latent space that are none in the embedding.
    """

    k: int
    preservation: NDArray[np.float64]
    trustworthiness: NDArray[np.float64]
    continuity: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Null:
    """What moves when the network does not: each snapshot embedded two times in a row by the method.

    Attributes:
        still: (T,) mean movement of the points between the two embeddings of the same snapshot.
        moved: (T - 1,) mean movement between the embeddings of one snapshot and the next, in the same embedding.
    """

    still: NDArray[np.float64]
    moved: NDArray[np.float64]

    @property
    def share(self) -> NDArray[np.float64]:
        """(T - 1,) of the motion into each frame after the first, the part that is the projection's own, 0 to 1."""
        with np.errstate(divide="ignore", invalid="ignore"):
            share = np.where(self.moved > 0, self.still[1:] / self.moved, (self.still[1:] > 0).astype(float))
        return np.minimum(share, 1.0)


# ----------------------------------------------------------------------------------------------------------- stability


def stability(embeddings: FloatArray, movement: FloatArray) -> Stability:
    """Compare movement in the embedding with that of the codes.

    Args:
        embeddings: (T, n, 2).
        movement: (T - 1, n) Euclidean movement of the codes, D.
    """
    from scipy.stats import rankdata

    seen = np.linalg.norm(np.diff(embeddings.astype(np.float64), axis=0), axis=2).ravel()
    true = movement.astype(np.float64).ravel()
    if len(true) < 2 or np.ptp(true) == 0:
        return Stability(None, None, None)
    scaled = seen / seen.max() if seen.any() else seen
    stress = float(np.square(true / true.max() - scaled).sum() / np.square(true / true.max()).sum())
    if np.ptp(seen) == 0:
        return Stability(None, None, stress)
    spearman = np.corrcoef(rankdata(true), rankdata(seen))[0, 1]
    return Stability(float(spearman), float(np.corrcoef(true, seen)[0, 1]), stress)


# -------------------------------------------------------------------------------------------------------- faithfulness


def faithfulness(series: Series, embeddings: FloatArray, rows: NDArray[np.int64]) -> Faithfulness:
    """Score the frames of `embeddings` (T, n, 2) of the series, on `rows` (m,) of its points."""
    k = neighborhood(len(rows))
    scores = np.full((3, len(series)), np.nan)
    for t in range(len(series)):
        codes = series[t][rows]
        if (codes == codes[0]).all():
            continue
        scores[:, t] = _frame(_distances(codes), _distances(embeddings[t, rows]), k)
    return Faithfulness(k, *scores)


def neighborhood(n_points: int) -> int:
    """Neighbours that a neighbourhood of `NEIGHBORHOOD` has among `n_points`."""
    return max(1, round(NEIGHBORHOOD * n_points))


def _distances(points: FloatArray) -> NDArray[np.float64]:
    """Squares of the distances (m, m) of all pairs; a point is nearer to itself than anything else is."""
    exact = points.astype(np.float64)
    squares = np.square(exact).sum(axis=1)
    distances: NDArray[np.float64] = squares[:, None] + squares[None] - 2 * exact @ exact.T
    np.fill_diagonal(distances, NEAREST)
    return distances


def _frame(latent: NDArray[np.float64], embedded: NDArray[np.float64], k: int) -> tuple[float, float, float]:
    """Preservation, trustworthiness and continuity of a frame, from the `_distances` of codes and of their places."""
    m = len(latent)
    kept, intruding, lost = _mistakes(latent, embedded, k).sum(axis=0).tolist()
    worst = m * k * (2 * m - 3 * k - 1) / 2
    if worst <= 0:
        return kept / (m * k), np.nan, np.nan
    return kept / (m * k), 1 - intruding / worst, 1 - lost / worst


@compiled
def _mistakes(latent: NDArray[np.float64], embedded: NDArray[np.float64], k: int) -> NDArray[np.int64]:
    """Of each point (m, 3): neighbours kept; by how many ranks the embedding's other neighbours, and the latent
    space's, lie beyond the k nearest of the other space.
    """
    m = len(latent)
    found = np.zeros((m, 3), np.int64)
    for i in numba.prange(m):
        near_latent, near_embedded = _near(latent[i], k), _near(embedded[i], k)
        for j in range(m):
            if near_latent[j] and near_embedded[j]:
                found[i, 0] += 1
            elif near_embedded[j]:
                found[i, 1] += _rank(latent[i], j) - k
            elif near_latent[j]:
                found[i, 2] += _rank(embedded[i], j) - k
        found[i, 0] -= 1  # the point itself
    return found


@part_of_loops
def _near(distances: NDArray[np.float64], k: int) -> NDArray[np.bool_]:
    """Which (m,) are the point itself and its k nearest; of those at the same distance the lower row is nearer."""
    indices, smallest = np.empty(k + 1, np.int32), np.empty(k + 1)
    keep_smallest(distances, indices, smallest, room_for_groups(k + 1, distances))
    near = np.zeros(len(distances), np.bool_)
    near[indices] = True
    return near


@part_of_loops
def _rank(distances: NDArray[np.float64], j: int) -> int:
    """How many points, the point itself among them, are nearer than point j is."""
    distance, before, after = distances[j], distances[:j], distances[j:]
    nearer = 0
    for i in range(len(before)):
        nearer += before[i] <= distance
    for i in range(len(after)):
        nearer += after[i] < distance
    return nearer


# ---------------------------------------------------------------------------------------------------------------- null


def null_motion(
    series: Series, reducer: str, fit: str, seed: int, fit_on: FloatArray | None = None, points: int = NULL_POINTS
) -> Null:
    """Embed every snapshot two times in a row, by the same method, on up to `points` rows; see `Null`."""
    rows = series.draw(points, seed, "null")
    embeddings = embed_series(series.twice(rows), reducer, fit, seed, fit_on).astype(np.float64)
    steps = np.linalg.norm(np.diff(embeddings, axis=0), axis=2).mean(axis=1)
    return Null(steps[0::2], steps[1::2])


# ----------------------------------------------------------------------------------------------------------- a summary


@dataclass(frozen=True, eq=False)
class Scores:
    """Everything that is said of one method's embedding of a run's training.

    Attributes:
        reducer, fit: the method.
        n_scored: points that faithfulness is of.
        stability: see `Stability`; over all points.
        faithfulness: see `Faithfulness`.
        null: see `Null`.
        seconds: that the embedding took.
    """

    reducer: str
    fit: str
    n_scored: int
    stability: Stability
    faithfulness: Faithfulness
    null: Null
    seconds: float

    def numbers(self) -> dict[str, Any]:
        """What is written as JSON; scores of frames are lists, and what is not defined is null."""
        found = self.faithfulness
        frames = {
            "preservation": found.preservation,
            "trustworthiness": found.trustworthiness,
            "continuity": found.continuity,
        }
        return {
            "reducer": self.reducer,
            "fit": self.fit,
            "seconds": round(self.seconds, 2),
            "stability": vars(self.stability),
            "n_scored": self.n_scored,
            "k": found.k,
            "mean": {name: finite_mean(values) for name, values in frames.items()},
            "frames": {name: [_or_none(x) for x in values] for name, values in frames.items()},
            "null": {
                "still": self.null.still.tolist(),
                "moved": self.null.moved.tolist(),
                "share": self.null.share.tolist(),
                "mean_share": finite_mean(self.null.share),
            },
        }


def score(
    series: Series,
    embeddings: FloatArray,
    reducer: str,
    fit: str,
    seed: int,
    seconds: float,
    fit_on: FloatArray | None = None,
) -> Scores:
    """All scores of one embedding (T, n, 2) of `series`, and the null of its method."""
    rows = series.draw(SCORED_POINTS, seed, "scored points")
    found = faithfulness(series, embeddings, rows)
    null = null_motion(series, reducer, fit, seed, fit_on)
    return Scores(reducer, fit, len(rows), stability(embeddings, series.movement()), found, null, seconds)


def finite_mean(values: NDArray[np.float64]) -> float | None:
    """Mean of the finite values; None where there are none."""
    finite = values[np.isfinite(values)]
    return float(finite.mean()) if len(finite) else None


def _or_none(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
