"""Latents to two dimensions: fit a projection on one snapshot, then place every other snapshot in it.

A reducer is a module with a class `Reducer(seed, start)`, a `Projection`, and a line in `registries.REDUCERS`.

UMAP is fitted by umap-learn, but new points are placed by the weights in `autoencoder.neighbors.umap`: without gradient
steps and their random numbers, a movie does not tremble and a point moves only when its latent does.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable
from typing import Protocol, Self

import numpy as np

from autoencoder.array_types import FloatArray
from autoencoder.errors import UserError
from autoencoder.registries import REDUCERS

MIN_POINTS = 4
"""Fewer points have no neighbourhoods to keep."""


class Projection(Protocol):
    """A map from a latent space to the plane."""

    def fit(self, X: FloatArray) -> Self:
        """Learn the map from X (n, d) float32.

        Raises:
            UserError: fewer than `MIN_POINTS` points, values that are not finite, or all points the same.
        """
        ...

    def transform(self, X: FloatArray) -> FloatArray:
        """Place X (m, d); returns (m, 2) float32. The array fitted on gets exactly the fitted embedding.

        Raises:
            UserError: values that are not finite, or another number of columns than was fitted.
        """
        ...


def make_projection(name: str, seed: int, start: FloatArray | None = None) -> Projection:
    """The projection called `name`, one of `REDUCERS`; the same seed gives the same embedding, bit for bit.

    `start`, (n, 2), is the embedding that UMAP and t-SNE begin their fit with instead of one of their own.

    Raises:
        UserError: no such projection, or the package that it needs is not installed.
    """
    if name not in REDUCERS:
        raise UserError(f"no reducer is called '{name}': choose from {', '.join(REDUCERS)}")
    projection: Projection = importlib.import_module(REDUCERS[name].module).Reducer(seed, start)
    return projection


def embed_snapshots(
    snapshots: Iterable[FloatArray],
    fit_on: FloatArray,
    reducer: str,
    seed: int,
    on_progress: Callable[[int], None] | None = None,
) -> FloatArray:
    """Fit once, place every snapshot.

    Args:
        snapshots: T latents of shape (n, d), float32, in the order of training; read one at a time.
        fit_on: (m, d) latents that define the plane, usually those of the last snapshot.
        reducer: one of `REDUCERS`.
        seed: of the projection.
        on_progress: called with 1 after each snapshot.

    Returns:
        (T, n, 2) float32. A snapshot equal to `fit_on` has exactly the fitted embedding.

    Raises:
        UserError: as `Projection` does; there are no snapshots; or they differ in shape.
    """
    projection = make_projection(reducer, seed).fit(fit_on)
    embeddings: list[FloatArray] = []
    for number, snapshot in enumerate(snapshots):
        try:
            embedding = projection.transform(snapshot)
        except UserError as error:
            raise UserError(f"snapshot {number} cannot be placed: {error}") from error
        if embeddings and len(embedding) != len(embeddings[0]):
            raise UserError(f"snapshot {number} has {len(embedding)} points and the first one {len(embeddings[0])}")
        embeddings.append(embedding)
        if on_progress is not None:
            on_progress(1)
    if not embeddings:
        raise UserError("there are no snapshots to embed: train with --snapshots-per-epoch of 1 or more")
    return np.stack(embeddings)


def fittable(X: FloatArray) -> FloatArray:
    """`X` (n, d), where something can be fitted to it.

    Raises:
        UserError: fewer than `MIN_POINTS` points, values that are not finite, or all points the same.
    """
    if X.ndim != 2 or len(X) < MIN_POINTS:
        raise UserError(f"a projection needs at least {MIN_POINTS} points, (n, d), not an array of shape {X.shape}")
    latent = placeable(X, X.shape[1])
    if (latent == latent[0]).all():
        raise UserError(
            "every image has the same code, so there is nothing to project: the network is dead (train again with a "
            "lower learning rate or another seed)"
        )
    return latent


def placeable(X: FloatArray, n_columns: int) -> FloatArray:
    """`X` (m, d), where it can be placed by what was fitted to `n_columns` columns.

    Raises:
        UserError: another number of columns, or values that are not finite.
    """
    if X.ndim != 2 or X.shape[1] != n_columns:
        raise UserError(f"the projection was fitted on latents of {n_columns} units, not on an array of {X.shape}")
    if not np.isfinite(X).all():
        raise UserError("the latent has values that are not finite (NaN or infinite): did the training diverge?")
    return np.ascontiguousarray(X, np.float32)
