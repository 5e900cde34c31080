"""A layer's evolution over training, projected to the plane: computing only, nothing is drawn here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from autoencoder.data.arrays import open_npy
from autoencoder.data.batches import Rows
from autoencoder.data.images import ImageSet
from autoencoder.errors import UserError
from autoencoder.latent.layers import Moment, Narrowing, list_moments
from autoencoder.latent.projection import embed_snapshots
from autoencoder.run_data import load_run_data
from autoencoder.runs import Run

FloatArray = NDArray[np.float32]

FITS = ("last", "first", "every")
"""Moments that a projection can be fitted to, beside the path of any other snapshot; `every` fits each one anew."""


@dataclass(frozen=True, eq=False)
class Evolution:
    """Embeddings of the same images at every moment.

    Attributes:
        embeddings: (T, n, 2) float32.
        steps: (T,) updates done.
        epochs: (T,) the same in epochs.
        rows: (n,) row numbers of the images in the data file.
        reducer: name of the projection.
        fit: what it was fitted to.
        layer: name of the layer.
        images: the run's data.
    """

    embeddings: FloatArray
    steps: NDArray[np.int64]
    epochs: NDArray[np.float64]
    rows: Rows
    reducer: str
    fit: str
    layer: str
    images: ImageSet


def embed_run(
    run: str | Path,
    *,
    reducer: str = "umap",
    fit: str = "last",
    layer: str = "latent",
    images: ImageSet | None = None,
    stop_index: int | None = None,
    seed: int | None = None,
    device: str = "auto",
    on_start: Callable[[int], None] | None = None,
    on_progress: Callable[[int], None] | None = None,
) -> Evolution:
    """Project the snapshots of a run.

    Args:
        run: a run folder, finished or in training.
        reducer: `umap`, `pca` or `tsne`.
        fit: `last`, `first`, `every`, or the path of a snapshot (`.npy`) of this or another run.
        layer: `latent`, or `fc2`, the decoder's first layer.
        images: the run's data, where the caller has them loaded.
        stop_index: use only so many snapshots, from the first one; the last of these is what `last` means.
        seed: of the projection; None for the run's.
        device: where `fc2` is computed.
        on_start: called with the number of moments, before the projection is fitted.
        on_progress: called with 1 after each moment.

    Raises:
        UserError: the run has no snapshots, files are missing, the snapshot to fit to does not go with this run, or the
            latent cannot be projected (it is constant, or not finite).
    """
    folder = Run(run)
    config = folder.config()
    images = load_run_data(folder) if images is None else images
    rows = folder.split().snapshot
    if len(rows) == 0 or int(rows.max()) >= len(images):
        raise UserError(f"{images.source} has {len(images)} images, fewer than {folder.split_file} names")
    moments = list_moments(folder, layer, images, device)[:stop_index]
    if on_start is not None:
        on_start(len(moments))
    chosen_seed = config.training.seed if seed is None else seed
    if fit == "every":
        parts = []
        for moment in moments:
            activations = moment.load()
            narrow = Narrowing(activations, chosen_seed)
            parts.append(embed_snapshots([narrow(activations)], narrow(activations), reducer, chosen_seed, on_progress))
        embeddings = np.concatenate(parts)
    else:
        fit_on = _fit_target(fit, moments)
        width = moments[-1].load().shape[1]
        if fit_on.shape[1] != width:
            raise UserError(
                f"{fit} has {fit_on.shape[1]} features and the layer '{layer}' of {folder.path} has {width}"
            )
        narrow = Narrowing(fit_on, chosen_seed)
        embeddings = embed_snapshots(
            (narrow(moment.load()) for moment in moments), narrow(fit_on), reducer, chosen_seed, on_progress
        )
    if embeddings.shape[1] != len(rows):
        raise UserError(f"the snapshots of {folder.path} have {embeddings.shape[1]} rows, and its split {len(rows)}")
    return Evolution(
        embeddings,
        np.array([moment.step for moment in moments]),
        np.array([moment.epoch for moment in moments]),
        rows,
        reducer,
        fit,
        layer,
        images,
    )


def _fit_target(fit: str, moments: list[Moment]) -> FloatArray:
    if fit == "last":
        return moments[-1].load()
    if fit == "first":
        return moments[0].load()
    try:
        codes = np.array(open_npy(Path(fit)))
    except UserError as error:
        raise UserError(f"--fit is {', '.join(FITS)} or the path of a snapshot (.npy): {error}") from None
    if codes.ndim != 2 or codes.dtype.kind != "f":
        raise UserError(f"--fit {fit}: a snapshot is a float array of (images, features), and this is not one")
    return codes.astype(np.float32)
