"""One moment of a run's training: its codes, what to call it, and problems told together."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from autoencoder.config import RunConfig
from autoencoder.data.batches import Rows
from autoencoder.data.images import ImageSet
from autoencoder.errors import UserError
from autoencoder.runs.folder import Run
from autoencoder.runs.snapshots import Snapshot

FloatArray = NDArray[np.float32]


def snapshot_codes(folder: Run, images: ImageSet, moment: Snapshot) -> tuple[Rows, FloatArray]:
    """Row numbers (n,) of the run's snapshot images, and their codes (n, latent_dim) at one moment.

    Raises:
        UserError: they do not go with the data, or are not finite.
    """
    rows, codes = folder.split().snapshot, moment.load()
    if len(rows) == 0 or int(rows.max()) >= len(images):
        raise UserError(f"{images.source} has {len(images)} images, fewer than {folder.split_file} names")
    if len(codes) != len(rows):
        raise UserError(f"the snapshot {moment.path} has {len(codes)} rows, and the split of {folder.path} {len(rows)}")
    if codes.shape[1] != folder.config().model.latent_dim:
        raise UserError(
            f"the snapshot {moment.path} has {codes.shape[1]} units, and the network of {folder.path} "
            f"{folder.config().model.latent_dim}"
        )
    if not np.isfinite(codes).all():
        raise UserError(f"the snapshot {moment.path} has values that are not finite: did the training diverge?")
    return rows, codes


def describe_moment(config: RunConfig, moment: Snapshot) -> str:
    """Which moment of what: "strided, 16 units; epoch 20, step 4,000"."""
    epoch, step, model = round(moment.epoch, 1), moment.step, config.model
    units = f"{model.encoder}, {model.latent_dim} unit{'s' if model.latent_dim != 1 else ''}"
    return units if model.is_fitted else f"{units}; epoch {epoch:g}, step {step:,}"
