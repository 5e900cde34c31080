"""A run's representations over training.

The layer `latent` has a snapshot several times per epoch; `fc2`, the decoder's first layer, can be thousands of units
wide and is computed from the checkpoints that the run kept.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from autoencoder.checkpoint import Checkpoint
from autoencoder.config import LAYERS
from autoencoder.data.images import ImageSet
from autoencoder.errors import UserError
from autoencoder.runs import Run
from autoencoder.snapshots import list_snapshots
from autoencoder.trained import load_run

FloatArray = NDArray[np.float32]

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
    """

    step: int
    epoch: float
    name: str
    load: Callable[[], FloatArray]


def list_moments(run: Run, layer: str, images: ImageSet, device: str = "auto") -> list[Moment]:
    """The moments at which `layer` is known, in the order of training; rows are the run's snapshot images.

    Raises:
        UserError: there are none, or no such layer.
    """
    if layer == "latent":
        return [Moment(s.step, s.epoch, s.path.name, s.load) for s in list_snapshots(run)]
    if layer == "fc2":
        return _checkpoint_moments(run, layer, images, device)
    raise UserError(f"a layer is one of {', '.join(LAYERS)}, not '{layer}'")


def _checkpoint_moments(run: Run, layer: str, images: ImageSet, device: str) -> list[Moment]:
    rows = run.split().snapshot

    def moment(path: Path) -> Moment:
        state = Checkpoint.load(path).state
        return Moment(
            state.step,
            float(state.epoch),
            path.name,
            lambda: load_run(run.path, str(path), device=device).features(layer, images.images[rows]),
        )

    found = {item.step: item for item in map(moment, run.checkpoints())}
    if len(found) < 2:
        raise UserError(
            f"the layer '{layer}' comes from checkpoints and {run.path} kept {len(found)}: "
            "train with --checkpoint-interval 1 or more"
        )
    return [found[step] for step in sorted(found)]


class Narrowing:
    """Brings a wide layer to its first principal components, fitted once, so that neighbours are found in a moment.

    Args:
        fitted_on: (n, features); up to `MAX_FEATURES` features pass unchanged.
        seed: of the randomised decomposition.
    """

    def __init__(self, fitted_on: FloatArray, seed: int) -> None:
        from sklearn.decomposition import PCA

        self._pca = None
        if fitted_on.shape[1] > MAX_FEATURES:
            n_components = min(MAX_FEATURES, len(fitted_on))
            self._pca = PCA(n_components, svd_solver="randomized", random_state=seed % 2**32).fit(fitted_on)

    def __call__(self, activations: FloatArray) -> FloatArray:
        """(n, features) to (n, at most MAX_FEATURES) float32."""
        if self._pca is None:
            return activations
        narrowed: FloatArray = self._pca.transform(activations).astype(np.float32)
        return narrowed
