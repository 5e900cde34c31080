"""What the networks that a run kept make of some images: the outputs of early ones and of every checkpoint."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from autoencoder.array_types import Rows
from autoencoder.objectives.base import make_objective
from autoencoder.runs.opened import OpenedRun


@dataclass(frozen=True, eq=False)
class KeptOutputs:
    """Pictures that the network made at the moments at which it was kept.

    Attributes:
        steps: (c,) updates done, ascending.
        epochs: (c,) the same in epochs.
        pictures: (c, k, C, H, W) float32 in [0, 1].
    """

    steps: NDArray[np.int64]
    epochs: NDArray[np.float64]
    pictures: NDArray[np.float32]


def why_no_outputs(run: OpenedRun) -> str | None:
    """Why there are no pictures to show beside the snapshots of a run; None where there are.

    A fitted encoder has one snapshot, which was taken before its decoder had learned anything.
    """
    objective = run.config().objective
    if not make_objective(objective).makes_pictures:
        return f"{run.path} was trained for '{objective.name}', which makes no pictures"
    kept = _kept(run)
    if not kept:
        return f"{run.path} has kept no checkpoint yet"
    last = max((row["step"] for row in run.snapshot_index()), default=0)
    if all(run.state_of(path).step > last for path in kept):
        return f"{run.path} has kept no checkpoint before its last snapshot, which is of step {last}"
    return None


def kept_outputs(run: OpenedRun, rows: Rows, device: str = "auto") -> KeptOutputs:
    """Outputs of every kept network, for images as they are stored, without noise.

    Args:
        run: a run for which `why_no_outputs` gives None.
        rows: (k,) of its images.
        device: where to compute.

    Raises:
        UserError: a checkpoint is damaged.
    """
    kept = {run.state_of(path).step: path for path in _kept(run)}
    steps = np.array(sorted(kept))
    # A checkpoint of an interrupted epoch knows its step, and the snapshots tell which part of an epoch that is.
    index = run.snapshot_index()
    epochs = np.interp(steps, [row["step"] for row in index], [row["epoch"] for row in index])
    shown = run.images.images[rows]
    pictures = [run.network(kept[step], device).predict(shown) for step in steps.tolist()]
    return KeptOutputs(steps, epochs, np.stack(pictures))


def _kept(run: OpenedRun) -> list[Path]:
    """Early networks, and checkpoints; of one step the latter comes last."""
    return [*run.early_checkpoints(), *run.checkpoints()]
