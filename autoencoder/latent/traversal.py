"""Moving codes to where a quantity has another value: arrays in, arrays out.

To *read* a value from a code one looks along a filter; to *write* it, the code has to change as the codes of images
with that value differ, which is the pattern E[code | value] (Haufe et al. 2014, On the interpretation of weight
vectors). Adding the change of the pattern moves every code by the same vector, and what is left of the start still
says the old value where codes of different values do not only lie elsewhere but also spread differently. So the spread
is brought along as well, by the optimal transport between the two Gaussians (see `Transport`).
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from autoencoder.latent.quantity import Quantity
from autoencoder.measures.kinds import ColumnKind

Array = NDArray[np.float64]

SHARE = 0.03
"""Training images whose value counts as near: this share of all."""

MIN_NEAR = 50
"""And at least so many."""

POOLED_VALUES = 24
"""Quantiles of a quantity at which the covariance is averaged to that which is common to all values."""

JITTER = 1e-3
"""Share of the mean variance that is added to every direction, so that dead ones stay as they are."""


class Mover(Protocol):
    """Moves codes; fitted to codes (n, d) of training images and what is known of them, (n,)."""

    def __init__(self, quantity: Quantity, codes: Array, values: Array) -> None: ...

    def move(self, starts: Array, values: Array, targets: Array) -> Array:
        """Codes `starts` (m, d) with `values` (m,), brought to each of `targets` (k,): (m, k, d)."""
        ...


class Conditional:
    """Mean and covariance of codes, given a value: those of the training images with nearby values.

    The weights are tricube (Cleveland 1979), over as wide a range as holds `SHARE` of the images, so they and the path
    are continuous; of a class, all of its images count alike. Few images tell little of a covariance: it is drawn
    towards the common one by (d + 1) / (d + 1 + effective number of images).
    """

    def __init__(self, quantity: Quantity, codes: Array, values: Array) -> None:
        self._quantity, self._codes, self._values = quantity, codes, values
        self._near = min(len(codes), max(round(SHARE * len(codes)), MIN_NEAR)) - 1
        d = codes.shape[1]
        self._common = np.zeros((d, d))
        pooled = quantity.targets(values)
        if quantity.kind is not ColumnKind.CATEGORY:
            pooled = np.quantile(values, (np.arange(POOLED_VALUES) + 0.5) / POOLED_VALUES)
        self._common = np.mean([self._estimate(value)[1] for value in pooled.tolist()], axis=0)
        self._jitter = JITTER * np.trace(self._common) / d * np.eye(d)

    def mean(self, value: float) -> Array:
        """E[code | value], (d,)."""
        return self._estimate(value)[0]

    def moments(self, value: float) -> tuple[Array, Array]:
        """Mean (d,) and covariance (d, d), which is never singular."""
        mean, covariance, n_images = self._estimate(value)
        common = (len(mean) + 1) / (len(mean) + 1 + n_images)
        return mean, (1 - common) * covariance + common * self._common + self._jitter

    def _estimate(self, value: float) -> tuple[Array, Array, float]:
        """Mean, covariance and the effective number of images that they come from."""
        weights = self._weights(value)
        used = weights > 0
        weights, codes = weights[used], self._codes[used]
        n_images = float(weights.sum() ** 2 / np.square(weights).sum())
        weights = weights / weights.sum()
        mean = weights @ codes
        return mean, (codes - mean).T @ (weights[:, None] * (codes - mean)), n_images

    def _weights(self, value: float) -> Array:
        gaps = self._quantity.gaps(self._values, np.array(value))
        if self._quantity.kind is ColumnKind.CATEGORY:
            return np.asarray(gaps == 0, np.float64)
        width = np.partition(gaps, self._near)[self._near] * (1 + 1e-9)
        if width == 0:  # many images have this very value
            return np.asarray(gaps == 0, np.float64)
        return np.asarray((1 - np.minimum(gaps / width, 1) ** 3) ** 3)


class Transport:
    """E[code | target] + A (code - E[code | value]): the conditional mean, and A for the conditional covariance.

    A = R (R C R)^(-1/2) R, with R the root of the target's covariance and C that of the start's value, is the linear
    map that takes the one Gaussian to the other and moves codes the least (Dowson & Landau 1982; Peyre & Cuturi 2019,
    remark 2.31). A code whose value is the target stays where it is, an angle's path is closed, and different codes
    stay different, which they would not if each went to the mean.
    """

    def __init__(self, quantity: Quantity, codes: Array, values: Array) -> None:
        self._given, self._range = Conditional(quantity, codes, values), _range_of(codes)

    def move(self, starts: Array, values: Array, targets: Array) -> Array:
        """See `Mover.move`."""
        aims = [(mean, _root(covariance)) for mean, covariance in map(self._given.moments, targets.tolist())]
        moved = np.empty((len(starts), len(targets), starts.shape[1]))
        for i, value in enumerate(values.tolist()):
            mean, covariance = self._given.moments(value)
            for j, (aim, root) in enumerate(aims):
                # The transport applied to one vector, R (R C R)^(-1/2) R v.
                moved[i, j] = aim + root @ (_root(root @ covariance @ root, inverse=True) @ (root @ (starts[i] - mean)))
        return _within(moved, starts, self._range)


class Shift:
    """Code + E[code | target] - E[code | value]: all codes of one value move by the same vector."""

    def __init__(self, quantity: Quantity, codes: Array, values: Array) -> None:
        self._given, self._range = Conditional(quantity, codes, values), _range_of(codes)

    def move(self, starts: Array, values: Array, targets: Array) -> Array:
        """See `Mover.move`."""
        before = np.stack([self._given.mean(value) for value in values.tolist()])
        after = np.stack([self._given.mean(target) for target in targets.tolist()])
        return _within(starts[:, None] + after - before[:, None], starts, self._range)


class Straight:
    """`Shift` with a mean that is linear in the value, of an angle in its cosine and sine: a straight line, a ring."""

    def __init__(self, quantity: Quantity, codes: Array, values: Array) -> None:
        self._quantity, self._range = quantity, _range_of(codes)
        features = quantity.features(values)
        centred = features - features.mean(axis=0)
        self._pattern = np.linalg.lstsq(centred, codes - codes.mean(axis=0), rcond=None)[0]

    def move(self, starts: Array, values: Array, targets: Array) -> Array:
        """See `Mover.move`."""
        before, after = (self._quantity.features(some) @ self._pattern for some in (values, targets))
        return _within(starts[:, None] + after - before[:, None], starts, self._range)


def move_unit(starts: Array, unit: int, targets: Array) -> Array:
    """Codes `starts` (m, d) with one unit set to each of `targets` (k,): (m, k, d)."""
    moved = np.tile(starts[:, None], (1, len(targets), 1))
    moved[:, :, unit] = targets
    return moved


def _root(matrix: Array, *, inverse: bool = False) -> Array:
    """The symmetric root of a positive definite matrix (d, d), or its inverse."""
    values, vectors = np.linalg.eigh(matrix)
    roots = np.sqrt(np.maximum(values, values[-1] * 1e-12))
    return np.asarray((vectors / roots if inverse else vectors * roots) @ vectors.T)


def _range_of(codes: Array) -> tuple[Array, Array]:
    return codes.min(axis=0), codes.max(axis=0)


def _within(moved: Array, starts: Array, limits: tuple[Array, Array]) -> Array:
    """Every unit kept where training images, or the start itself, have it: an activation may be bounded."""
    low, high = (limit[None, None] for limit in limits)
    return moved.clip(np.minimum(low, starts[:, None]), np.maximum(high, starts[:, None]))
