"""What the units and the codes of a network mean: arrays and a `decode` in, arrays and numbers out.

Distances between codes are taken as the codes are, for clusters and for nearest images alike: UMAP measures the same
ones, and a unit that hardly varies, which standardisation would blow up, says little.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autoencoder.array_types import FloatArray, Integers
from autoencoder.neighbors.exact import nearest
from autoencoder.seeding import numpy_stream, stream_seed

Decode = Callable[[FloatArray], FloatArray]
"""Codes (n, d) to images (n, ...), values in [0, 1]."""

STEPS = tuple(np.linspace(-2, 2, 9).tolist())
"""Standard deviations by which a unit is moved from its mean."""

NUMERIC_ORDER = 16
"""Up to this many units are shown in the order of their numbers, more in that of their influence."""

MAX_SHOWN = 32
"""Of more units only the most influential ones are shown."""

UNITS_AT_ONCE = 8
DEAD = 1e-6
"""A unit is dead if it deviates by less than this share of the largest code: rounding, not a difference of images."""

MAX_COMPONENTS = 10
"""Gaussians in a mixture of codes; as many as Ghosh et al. (From variational to deterministic autoencoders, 2020)."""

CODES_PER_PARAMETER = 10
"""A Gaussian is added for every so many codes per unit, since its covariance has to be estimated from them."""

KMEANS_STARTS = 10
SHUFFLES = 20
"""Shuffled labels that the control of an agreement is averaged over."""


# --------------------------------------------------------------------------------------------------------------- units


@dataclass(frozen=True, eq=False)
class UnitSweep:
    """What the units of d do to the picture, each moved alone around the mean code.

    Attributes:
        mean: (d,) mean code.
        deviations: (d,) standard deviation of each unit.
        dead: (d,) bool, units that have the same value for every image.
        influence: (d,) root mean square change of the image per standard deviation of the unit; 0 for a dead one.
        shown: (k,) the units whose pictures are kept, in the order in which they are to be shown.
        values: (k, len(STEPS)) of the unit at each step, before it is kept in its range.
        pictures: (k, len(STEPS), ...) decoded.
    """

    mean: FloatArray
    deviations: FloatArray
    dead: NDArray[np.bool_]
    influence: FloatArray
    shown: Integers
    values: FloatArray
    pictures: FloatArray


def sweep_units(codes: FloatArray, decode: Decode, *, bounded: bool = False) -> UnitSweep:
    """Decode the mean code with one unit at a time moved by `STEPS` standard deviations.

    The influence of a unit is sqrt(sum_k |x_k - x|^2 / sum_k s_k^2): x is the image of the mean code, x_k the one at
    step k, |.|^2 the mean over pixels, and s_k the step in standard deviations. For a linear decoder x = W z + b that
    is the root mean square of the unit's column of W, times its standard deviation.

    Args:
        codes: (n, d).
        decode: codes to images.
        bounded: whether the units' activation is bounded; they are then kept in their observed range, and s_k is what
            is left of the step.
    """
    exact = codes.astype(np.float64)
    mean, deviations = exact.mean(axis=0), exact.std(axis=0)
    dead = deviations <= DEAD * np.abs(exact).max(initial=0)
    deviations = np.where(dead, 0.0, deviations)
    low, high = exact.min(axis=0), exact.max(axis=0)
    nominal = mean[:, None] + deviations[:, None] * np.array(STEPS)
    values = nominal.clip(low[:, None], high[:, None]) if bounded else nominal

    def pictures_of(units: Integers) -> FloatArray:
        moved = np.tile(mean, (len(units), len(STEPS), 1))
        moved[np.arange(len(units)), :, units] = values[units]
        images = decode(moved.reshape(-1, len(mean)).astype(np.float32))
        return images.reshape(len(units), len(STEPS), *images.shape[1:])

    at_mean = decode(mean[None].astype(np.float32))[0].astype(np.float64)
    influence = np.zeros(len(mean))
    alive = np.flatnonzero(~dead)
    for start in range(0, len(alive), UNITS_AT_ONCE):
        units = alive[start : start + UNITS_AT_ONCE]
        change = np.square(pictures_of(units) - at_mean).reshape(len(units), len(STEPS), -1).mean(axis=2).sum(axis=1)
        steps = (values[units] - mean[units, None]) / deviations[units, None]
        influence[units] = np.sqrt(change / np.square(steps).sum(axis=1))
    shown = np.arange(len(mean))
    if len(mean) > NUMERIC_ORDER:
        shown = np.argsort(-influence, kind="stable")[:MAX_SHOWN]
    return UnitSweep(
        mean.astype(np.float32),
        deviations.astype(np.float32),
        dead,
        influence.astype(np.float32),
        shown,
        nominal[shown].astype(np.float32),
        pictures_of(shown),
    )


# -------------------------------------------------------------------------------------------------------- random codes


def mixture_size(n_codes: int, n_units: int) -> int:
    """Gaussians of a mixture that is fitted to (n_codes, n_units)."""
    return int(np.clip(n_codes // (CODES_PER_PARAMETER * (n_units + 1)), 1, MAX_COMPONENTS))


def random_codes(codes: FloatArray, n: int, seed: int) -> FloatArray:
    """Draw from the distribution of `codes` (m, d): a mixture of `mixture_size` Gaussians with full covariances.

    Every unit is kept in the range in which it was observed; a unit that is constant stays so.

    Returns:
        (n, d).
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.mixture import GaussianMixture

    exact = codes.astype(np.float64)
    low, high, deviations = exact.min(axis=0), exact.max(axis=0), exact.std(axis=0)
    alive = deviations > DEAD * np.abs(exact).max(initial=0)
    drawn = np.tile(exact.mean(axis=0), (n, 1))
    if alive.any():
        center, scale = exact[:, alive].mean(axis=0), deviations[alive]
        mixture = GaussianMixture(
            mixture_size(len(exact), int(alive.sum())), random_state=stream_seed(seed, "mixture of codes") % 2**32
        )
        with warnings.catch_warnings():
            # The best mixture so far is as good as any here; equal codes make fewer clusters to start from.
            warnings.simplefilter("ignore", ConvergenceWarning)
            mixture.fit((exact[:, alive] - center) / scale)
        sampled, _ = mixture.sample(n)
        # They come sorted by component.
        drawn[:, alive] = numpy_stream(seed, "random codes").permutation(sampled) * scale + center
    return drawn.clip(low, high).astype(np.float32)


def typical_distance(codes: FloatArray) -> float:
    """Median distance of one of `codes` (m, d) to the nearest other one; 0 where there is only one."""
    if len(codes) < 2:
        return 0.0
    _, distances = nearest(codes, codes, 2)
    return float(np.median(distances[:, 1]))


# ------------------------------------------------------------------------------------------------------------- clusters


@dataclass(frozen=True)
class Agreement:
    """How well clusters agree with labels, beside the same for shuffled labels.

    Attributes:
        ari: adjusted Rand index, 1 for the same partition, 0 for chance.
        nmi: normalised mutual information, 1 for the same partition; chance is a little above 0.
        shuffled_ari: mean of `SHUFFLES` shuffles.
        shuffled_nmi: mean of `SHUFFLES` shuffles.
    """

    ari: float
    nmi: float
    shuffled_ari: float
    shuffled_nmi: float


def find_clusters(features: FloatArray, k: int, seed: int) -> Integers:
    """K-means clusters of `features` (n, d), as they are: the cluster of each row, (n,), the largest being 0.

    There are fewer than `k` only where there are fewer different rows.
    """
    from sklearn.cluster import KMeans
    from sklearn.exceptions import ConvergenceWarning

    kmeans = KMeans(k, n_init=KMEANS_STARTS, random_state=stream_seed(seed, "clusters") % 2**32)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # fewer different rows than clusters
        found = kmeans.fit_predict(features)
    _, found, sizes = np.unique(found, return_inverse=True, return_counts=True)
    return _renumbered(found, np.argsort(-sizes, kind="stable"))


def agreement(clusters: NDArray[Any], labels: NDArray[Any], seed: int) -> Agreement:
    """Compare two partitions of the same rows, (n,) each, and as a control one of them with the other shuffled."""
    from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

    shuffled = [numpy_stream(seed, "shuffled labels", i).permutation(labels) for i in range(SHUFFLES)]
    return Agreement(
        float(adjusted_rand_score(labels, clusters)),
        float(normalized_mutual_info_score(labels, clusters)),
        float(np.mean([adjusted_rand_score(other, clusters) for other in shuffled])),
        float(np.mean([normalized_mutual_info_score(other, clusters) for other in shuffled])),
    )


def sorted_by_class(clusters: Integers, labels: NDArray[Any], known: NDArray[np.bool_]) -> Integers:
    """The same clusters, (n,), renumbered by the class that most of their rows have, so that a table reads well.

    Args:
        clusters: (n,) from 0 on.
        labels: (n,) classes.
        known: (n,) rows whose class is known.
    """
    table, _ = cross_table(clusters, labels, known)
    main = np.where(table.any(axis=1), table.argmax(axis=1), table.shape[1])
    return _renumbered(clusters, np.lexsort((-table.max(axis=1, initial=0), main)))


def cross_table(clusters: Integers, labels: NDArray[Any], known: NDArray[np.bool_]) -> tuple[Integers, NDArray[Any]]:
    """Rows of each class in each cluster, (k, classes), and the classes in order; see `sorted_by_class`."""
    classes, member = np.unique(labels[known], return_inverse=True)
    table = np.zeros((int(clusters.max()) + 1, len(classes)), np.int64)
    np.add.at(table, (clusters[known], member), 1)
    return table, classes


def cluster_means(values: FloatArray, clusters: Integers) -> FloatArray:
    """(n, d) to the mean of each cluster's rows, (k, d)."""
    return np.stack([values[clusters == i].mean(axis=0, dtype=np.float64) for i in range(clusters.max() + 1)]).astype(
        np.float32
    )


def _renumbered(clusters: Integers, order: Integers) -> Integers:
    """Cluster `order[i]` becomes number i."""
    number = np.empty(len(order), np.int64)
    number[order] = np.arange(len(order))
    return number[clusters]
