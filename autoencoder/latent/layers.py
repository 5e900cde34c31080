"""A run's representations over training, and at one moment of it.

The layer `latent` has a snapshot several times per epoch; `fc2`, the decoder's first layer, can be thousands of units
wide and is computed from the checkpoints that the run kept. `pixels` are the images themselves, for comparison at one
moment.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from autoencoder.array_types import FloatArray, Rows
from autoencoder.config import LAYERS, RunConfig
from autoencoder.data.images import ImageSet
from autoencoder.errors import UserError, meant_or_choices, number_of
from autoencoder.runs.folder import Run
from autoencoder.runs.opened import OpenedRun
from autoencoder.runs.snapshots import Snapshot, list_snapshots
from autoencoder.runs.trained import Trained

LAYER_NAMES = {"latent": "latent space", "fc2": "decoder's first layer"}
"""What layers that change during training are called in pictures."""

MAX_FEATURES = 50
"""Wider layers are brought to this many principal components (of the moment that the projection is fitted to)."""


@dataclass(frozen=True)
class Moment:
    """A layer's activations at one moment of training.

    Attributes:
        step: updates done.
        epoch: the same as a number of epochs.
        name: the file that it comes from.
        load: reads or computes the activations, (n, features) float32.
        is_computed: whether `load` passes the images through a network.
    """

    step: int
    epoch: float
    name: str
    load: Callable[[], FloatArray]
    is_computed: bool = False


def list_moments(run: OpenedRun, layer: str, device: str = "auto") -> list[Moment]:
    """The moments at which `layer` is known, in the order of training; rows are the run's snapshot images.

    Raises:
        UserError: there are none, or no such layer.
    """
    if layer == "latent":
        return [Moment(s.step, s.epoch, str(s.path), s.load) for s in list_snapshots(run)]
    if layer == "fc2":
        return _checkpoint_moments(run, layer, device)
    if layer == "pixels":
        raise UserError("the layer 'pixels' stays the same during training: look at one snapshot (--snapshot last)")
    raise UserError(f"unknown layer '{layer}'{meant_or_choices(layer, LAYERS)}")


def _checkpoint_moments(run: OpenedRun, layer: str, device: str) -> list[Moment]:
    rows = snapshot_rows(run)

    def moment(path: Path) -> Moment:
        state = run.state_of(path)
        return Moment(
            state.step,
            float(state.epoch),
            str(path),
            lambda: run.network(path, device).features(layer, run.images.images[rows]),
            is_computed=True,
        )

    found = {item.step: item for item in map(moment, run.checkpoints())}
    if len(found) < 2:
        raise UserError(
            f"the layer '{layer}' is read from checkpoints, and {run.path} kept {len(found)}: train with "
            "--checkpoint-interval 1 or more"
        )
    return [found[step] for step in sorted(found)]


def find_snapshot(run: Run, which: str | int) -> Snapshot:
    """The snapshot `last`, `first`, or that of a step.

    Raises:
        UserError: the run has none, or none at that step.
    """
    snapshots = list_snapshots(run)
    if which in ("last", "first"):
        return snapshots[-1 if which == "last" else 0]
    for snapshot in snapshots:
        if str(snapshot.step) == str(which):
            return snapshot
    steps = [snapshot.step for snapshot in snapshots]
    try:
        near = sorted(sorted(steps, key=lambda step: abs(step - int(which)))[:2])
    except ValueError:
        raise UserError(f"a snapshot is last, first or the number of a step, not '{which}'") from None
    raise UserError(
        f"{run.path} has no snapshot at step {which}; the nearest of its {len(steps)} are at "
        f"{' and '.join(map(str, near))}, and {run.snapshot_index_file} lists all"
    )


def snapshot_rows(run: OpenedRun) -> Rows:
    """Row numbers (n,) of the images whose codes the run's snapshots hold.

    Raises:
        UserError: the data have no such rows.
    """
    rows, images = run.split().snapshot, run.images
    if len(rows) == 0 or int(rows.max()) >= len(images):
        raise UserError(f"{images.source} has {len(images)} images, fewer than {run.split_file} refers to")
    return rows


def snapshot_codes(run: OpenedRun, moment: Snapshot) -> tuple[Rows, FloatArray]:
    """Row numbers (n,) of the run's snapshot images, and their codes (n, latent_dim) at one moment.

    Raises:
        UserError: they do not go with the data, or are not finite.
    """
    rows, codes = snapshot_rows(run), moment.load()
    if len(codes) != len(rows):
        raise UserError(f"the snapshot {moment.path} has {len(codes)} rows, and the split of {run.path} {len(rows)}")
    if codes.shape[1] != run.config().model.latent_dim:
        raise UserError(
            f"the snapshot {moment.path} has {codes.shape[1]} units, and the network of {run.path} "
            f"{run.config().model.latent_dim}"
        )
    if not np.isfinite(codes).all():
        raise UserError(f"the snapshot {moment.path} has values that are not finite: did the training diverge?")
    return rows, codes


def describe_moment(config: RunConfig, moment: Snapshot) -> str:
    """Which moment of what: "strided, 16 units; epoch 20, step 4,000"."""
    epoch, step, model = round(moment.epoch, 1), moment.step, config.model
    units = f"{model.encoder}, {number_of(model.latent_dim, 'unit')}"
    return units if model.is_fitted else f"{units}; epoch {epoch:g}, step {step:,}"


def checkpoint_for(run: OpenedRun, snapshot: Snapshot) -> Path | None:
    """The kept checkpoint of the network that made `snapshot`; None where none was kept at that step.

    The codes of a fitted encoder stay as they are while its decoder learns, so there it is the last one.
    """
    if run.config().model.is_fitted:
        last = run.checkpoint_file("last")
        return last if last.exists() else None
    for path in reversed(run.checkpoints()):
        if run.state_of(path).step == snapshot.step:
            return path
    return None


def why_no_checkpoint(run: OpenedRun, snapshot: Snapshot) -> str:
    """What to say where `checkpoint_for` finds none, with the steps at which there is one beside a snapshot."""
    if not run.checkpoints():
        return f"{run.path} has kept no checkpoint yet"
    with_snapshot = {other.step for other in list_snapshots(run)}
    steps = sorted({run.state_of(path).step for path in run.checkpoints()} & with_snapshot)
    if not steps:
        return f"{run.path} kept no checkpoint at the step of a snapshot"
    listed = ", ".join(map(str, steps))
    return f"{run.path} kept no checkpoint at step {snapshot.step} but at {listed}: give one of these to --snapshot"


def layer_at(
    layer: str, snapshot: Snapshot, images: ImageSet, rows: NDArray[np.int64], trained: Trained | None
) -> FloatArray:
    """Activations (n, features) of a layer at one snapshot.

    Args:
        layer: `latent`, `fc2` or `pixels`.
        snapshot: the moment.
        images: the run's data, and `rows` (n,) of them, whose codes the snapshot holds.
        trained: the network of `checkpoint_for`, which `fc2` needs.
    """
    if layer == "latent":
        return snapshot.load()
    if layer == "pixels":
        return images.scaled(rows).reshape(len(rows), -1)
    assert trained is not None
    return trained.features(layer, images.images[rows])


class Narrowing:
    """Brings a wide layer to its first principal components, fitted once, so that neighbours are found in a moment.

    Args:
        fitted_on: (n, features); up to `MAX_FEATURES` features pass unchanged.
        seed: of the randomised decomposition.
    """

    def __init__(self, fitted_on: FloatArray, seed: int) -> None:
        from sklearn.decomposition import PCA

        self._pca = None
        self.width = fitted_on.shape[1]
        if fitted_on.shape[1] > MAX_FEATURES:
            n_components = min(MAX_FEATURES, len(fitted_on))
            self._pca = PCA(n_components, svd_solver="randomized", random_state=seed % 2**32).fit(fitted_on)

    def __call__(self, activations: FloatArray) -> FloatArray:
        """(n, features) to (n, at most MAX_FEATURES) float32."""
        if self._pca is None:
            return activations
        narrowed: FloatArray = self._pca.transform(activations).astype(np.float32)
        return narrowed
