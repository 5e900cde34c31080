"""A layer's evolution over training, projected to the plane: computing only, nothing is drawn here."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from autoencoder.array_types import FloatArray, Rows
from autoencoder.config import FITS
from autoencoder.data.arrays import open_npy
from autoencoder.data.images import ImageSet, all_alike
from autoencoder.errors import UserError, raise_if_any
from autoencoder.latent.layers import list_moments, snapshot_rows
from autoencoder.machine.memory import refuse_too_large
from autoencoder.projections.fits import default_fit, embed_series, fit_problems
from autoencoder.projections.scores import Scores, score
from autoencoder.projections.series import Series, series_of
from autoencoder.runs.opened import OpenedRun, open_run


@dataclass(frozen=True, eq=False)
class Track:
    """A layer of a run over training, not yet projected.

    Attributes:
        series: T moments of (n, d).
        steps: (T,) updates done.
        epochs: (T,) the same in epochs.
        rows: (n,) row numbers of the images in the data file.
        layer: name of the layer.
        run: whose it is.
        seed: of what is drawn at random.
    """

    series: Series
    steps: NDArray[np.int64]
    epochs: NDArray[np.float64]
    rows: Rows
    layer: str
    run: OpenedRun
    seed: int


@dataclass(frozen=True, eq=False)
class Evolution:
    """Embeddings of the same images at every moment.

    Attributes:
        embeddings: (T, n, 2) float32.
        track: what was projected.
        reducer: name of the projection.
        fit: what it was fitted to.
        fit_on: (m, d) codes of the snapshot that `fit` is the path of; None for the other fits.
        seconds: that it took to project.
    """

    embeddings: FloatArray
    track: Track
    reducer: str
    fit: str
    fit_on: FloatArray | None
    seconds: float

    @property
    def steps(self) -> NDArray[np.int64]:
        """(T,) updates done."""
        return self.track.steps

    @property
    def epochs(self) -> NDArray[np.float64]:
        """(T,) the same in epochs."""
        return self.track.epochs

    @property
    def rows(self) -> Rows:
        """(n,) row numbers of the images in the data file."""
        return self.track.rows

    @property
    def layer(self) -> str:
        """Name of the layer."""
        return self.track.layer

    @property
    def images(self) -> ImageSet:
        """The run's data."""
        return self.track.run.images

    def take(self, places: Rows) -> Evolution:
        """The same of some images only, `places` (m,) among `rows`, to be drawn; what was projected stays."""
        if len(places) == len(self.rows):
            return self
        return replace(self, embeddings=self.embeddings[:, places], track=replace(self.track, rows=self.rows[places]))

    def score(self) -> Scores:
        """How far to trust it, and how much moves that the network does not; see `autoencoder.projections.scores`."""
        return score(
            self.track.series, self.embeddings, self.reducer, self.fit, self.track.seed, self.seconds, self.fit_on
        )


def track_run(
    run: str | Path | OpenedRun,
    *,
    layer: str = "latent",
    stop_index: int | None = None,
    seed: int | None = None,
    device: str = "auto",
) -> Track:
    """The snapshots of a run. Of a run that is open, every track is made once.

    Args:
        run: a run folder, finished or in training, or what `open_run` gave.
        layer: `latent`, or `fc2`, the decoder's first layer.
        stop_index: use only so many snapshots, from the first one; the last of these is what `last` means.
        seed: of what is drawn at random; None for the run's.
        device: where `fc2` is computed.

    Raises:
        UserError: the run has no snapshots, files are missing or damaged, or they do not go with the run's split.
    """
    opened = open_run(run)
    chosen_seed = opened.config().training.seed if seed is None else seed
    key = ("track", layer, stop_index, chosen_seed, device)
    return opened.once(key, lambda: _track(opened, layer, stop_index, chosen_seed, device))


def _track(run: OpenedRun, layer: str, stop_index: int | None, seed: int, device: str) -> Track:
    if (alike := all_alike(run.images)) is not None:
        raise UserError(f"{alike}, and so are their codes: there is nothing to project; look at what was recorded")
    rows = snapshot_rows(run)
    moments = list_moments(run, layer, device)[:stop_index]
    series = series_of(moments, seed)
    if series.shape[0] != len(rows):
        raise UserError(f"{series.names[-1]} has {series.shape[0]} rows, and the split of {run.path} {len(rows)}")
    steps, epochs = np.array([m.step for m in moments]), np.array([m.epoch for m in moments])
    return Track(series, steps, epochs, rows, layer, run, seed)


def embed_track(
    track: Track,
    reducer: str = "umap",
    fit: str | None = None,
    on_progress: Callable[[int], None] | None = None,
) -> Evolution:
    """Project what `track_run` found.

    Args:
        track: of the run.
        reducer: `umap`, `pca`, `tsne`, or `none` for a latent of two units.
        fit: one of `FITS`, or the path of a snapshot (`.npy`) of this or another run; None for the reducer's default.
        on_progress: called with 1 after each moment.

    Raises:
        UserError: the snapshot to fit to does not go with this run, the fit does not go with the reducer, or the latent
            cannot be projected (it is constant, not finite, or of too few images).
    """
    fit = default_fit(reducer) if fit is None else fit
    raise_if_any(fit_problems(reducer, fit))
    fit_on = None if fit in FITS else _fit_target(fit, track)
    start = time.perf_counter()
    embeddings = embed_series(track.series, reducer, fit, track.seed, fit_on, on_progress)
    return Evolution(embeddings, track, reducer, fit, fit_on, time.perf_counter() - start)


def _fit_target(fit: str, track: Track) -> FloatArray:
    """Codes (m, d) of the snapshot at the path `fit`, of as many features as the run's."""
    try:
        stored = open_npy(Path(fit))
    except UserError as error:
        raise UserError(f"--fit must be {', '.join(FITS)} or the path of a snapshot (.npy): {error}") from None
    if stored.ndim != 2 or stored.dtype.kind != "f":
        raise UserError(f"--fit {fit}: a snapshot is a float array of (images, features), and this is not one")
    narrow, width = track.series.narrow, track.series.width
    if stored.shape[1] != width:
        raise UserError(
            f"{fit} has {stored.shape[1]} features and the layer '{track.layer}' of {track.run.path} has {width}"
        )
    # A file may be long and hold nothing; twice, for what tells which of its values are finite.
    refuse_too_large(f"--fit {fit}", 2 * 4 * stored.size, "choose a snapshot of fewer images")
    codes = np.array(stored, np.float32)
    if len(codes) == 0 or not np.isfinite(codes).all():
        raise UserError(f"--fit {fit}: the snapshot has no rows, or values that are not finite; choose another one")
    return codes if narrow is None else narrow(codes)
