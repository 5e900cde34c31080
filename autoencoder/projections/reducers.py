"""Latents to two dimensions: fit a projection on one snapshot, then place every other snapshot in it.

UMAP is fitted by umap-learn, but new points are placed by the weights in `autoencoder.neighbors.umap`: without gradient
steps and their random numbers, a movie does not tremble and a point moves only when its latent does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Protocol, Self, cast

import numpy as np
from numpy.typing import NDArray

from autoencoder.config import REDUCERS
from autoencoder.errors import UserError
from autoencoder.neighbors.umap import UMAP_NEIGHBORS, fit_umap
from autoencoder.version import installing

MIN_POINTS = 4
"""Fewer points have no neighbourhoods to keep."""

TSNE_PERPLEXITY = 30.0

FloatArray = NDArray[np.float32]


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
    if name == "umap":
        return UmapProjection(seed, start)
    if name == "pca":
        return PcaProjection()
    if name == "tsne":
        return TsneProjection(seed, start)
    if name == "none":
        return NoProjection()
    raise UserError(f"no reducer is called '{name}': choose from {', '.join(REDUCERS)}")


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


# -------------------------------------------------------------------------------------------------------- projections


class PcaProjection:
    """The first two principal components; a latent of one unit gets a second coordinate of zero."""

    def __init__(self) -> None:
        self._pca: Any = None

    def fit(self, X: FloatArray) -> Self:
        """See `Projection.fit`."""
        from sklearn.decomposition import PCA

        latent = _fittable(X)
        # The full SVD is exact and draws no random numbers; with d columns it is a matter of milliseconds.
        self._pca = PCA(n_components=min(2, latent.shape[1]), svd_solver="full").fit(latent)
        return self

    def transform(self, X: FloatArray) -> FloatArray:
        """See `Projection.transform`."""
        latent = _placeable(X, self._pca.n_features_in_)
        plane = np.zeros((len(latent), 2), np.float32)
        scores = self._pca.transform(latent)
        plane[:, : scores.shape[1]] = scores
        return plane


class NoProjection:
    """Takes a latent of two units as the plane that it is."""

    def fit(self, X: FloatArray) -> Self:
        """Refuse anything but two units; see `Projection.fit`."""
        if X.ndim != 2 or X.shape[1] != 2:
            raise UserError(f"--reduce none needs a latent of 2 units, and this one has {X.shape[-1]}: use umap or pca")
        return self

    def transform(self, X: FloatArray) -> FloatArray:
        """See `Projection.transform`."""
        return _placeable(X, 2)


class UmapProjection:
    """UMAP with `UMAP_NEIGHBORS` neighbours, from a spectral start or a given one."""

    def __init__(self, seed: int, start: FloatArray | None = None) -> None:
        self._seed, self._start = seed, start

    def fit(self, X: FloatArray) -> Self:
        """See `Projection.fit`."""
        from autoencoder.neighbors.exact import nearest

        self._fitted = _fittable(X)
        neighbors = nearest(self._fitted, self._fitted, min(UMAP_NEIGHBORS, len(self._fitted) - 1))
        self._embedding = fit_umap(self._fitted, 2, self._seed, neighbors, self._start)
        return self

    def transform(self, X: FloatArray) -> FloatArray:
        """See `Projection.transform`."""
        latent = _placeable(X, self._fitted.shape[1])
        if np.array_equal(latent, self._fitted):
            return self._embedding.copy()
        from autoencoder.neighbors.place import place

        return place(latent, self._fitted, self._embedding)


class TsneProjection:
    """t-SNE by openTSNE, which can place new points in a finished embedding."""

    def __init__(self, seed: int, start: FloatArray | None = None) -> None:
        try:
            import openTSNE  # noqa: F401  asked here, so that a missing package is known before anything is computed
        except ImportError:
            raise UserError(f"the reducer 'tsne' needs the extra: {installing('tsne')}") from None
        self._seed, self._start = seed, start

    def fit(self, X: FloatArray) -> Self:
        """See `Projection.fit`."""
        from openTSNE import TSNE
        from openTSNE.initialization import rescale

        self._fitted = _fittable(X)
        self._perplexity = min(TSNE_PERPLEXITY, (len(self._fitted) - 1) / 3)
        start = "pca" if self._start is None else rescale(self._start)
        tsne = TSNE(perplexity=self._perplexity, initialization=start, random_state=self._seed % 2**32, n_jobs=1)
        self._tsne = tsne.fit(self._fitted)
        self._embedding = np.array(self._tsne, np.float32)
        return self

    def transform(self, X: FloatArray) -> FloatArray:
        """See `Projection.transform`."""
        latent = _placeable(X, self._fitted.shape[1])
        if np.array_equal(latent, self._fitted):
            return self._embedding.copy()
        placed = np.array(self._tsne.transform(latent, perplexity=min(5.0, self._perplexity)), np.float32)
        # openTSNE moves the fitted embedding itself to a new origin as it places points; this takes that back.
        moved = np.array(self._tsne, np.float32).mean(axis=0) - self._embedding.mean(axis=0)
        return cast(FloatArray, placed - moved)


# ------------------------------------------------------------------------------------------------------------- helpers


def _fittable(X: FloatArray) -> FloatArray:
    if X.ndim != 2 or len(X) < MIN_POINTS:
        raise UserError(f"a projection needs at least {MIN_POINTS} points, (n, d), not an array of shape {X.shape}")
    latent = _placeable(X, X.shape[1])
    if (latent == latent[0]).all():
        raise UserError(
            "the latent is constant, every image has the same code: the network is dead, so there is nothing to "
            "project (train again with a lower learning rate or another seed)"
        )
    return latent


def _placeable(X: FloatArray, n_columns: int) -> FloatArray:
    if X.ndim != 2 or X.shape[1] != n_columns:
        raise UserError(f"the projection was fitted on latents of {n_columns} units, not on an array of {X.shape}")
    if not np.isfinite(X).all():
        raise UserError("the latent has values that are not finite (NaN or infinite): did the training diverge?")
    return np.ascontiguousarray(X, np.float32)
