"""What is kept of a training: its log, its latent snapshots and its checkpoints, in a run folder that is held."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Sequence
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autoencoder.machine.progress import Say
from autoencoder.runs.checkpoint import Checkpoint, LoopState
from autoencoder.runs.folder import Run, RunSplit
from autoencoder.runs.lock import Hold
from autoencoder.runs.snapshots import SnapshotWriter
from autoencoder.runs.writers.base import Guarded, open_writers
from autoencoder.runs.writers.table import TableWriter
from autoencoder.training.learner import Learner


class Keeper:
    """Writes what a training leaves; `open_keeper` makes one. A context manager, since writers must be closed.

    Args:
        run: where to.
        held: the hold on it, asked before each file.
        data_sha256, split_sha256: of the run's images and split, for its checkpoints.
        writers: of its epochs.
        snapshots: of its codes.
    """

    def __init__(
        self,
        run: Run,
        held: Hold,
        data_sha256: str | None,
        split_sha256: str,
        writers: Sequence[TableWriter | Guarded],
        snapshots: SnapshotWriter,
    ) -> None:
        self.run, self._held, self._writers, self._snapshots = run, held, writers, snapshots
        self._data_sha256, self._split_sha256 = data_sha256, split_sha256
        self._last_save = time.monotonic()

    def __enter__(self) -> Keeper:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for writer in self._writers:
            writer.close()

    def log_epoch(self, row: dict[str, Any]) -> None:
        """Add the row of an epoch; see `autoencoder.runs.folder.METRIC_COLUMNS`."""
        self._held.check()
        for writer in self._writers:
            writer.write(row)

    def write_snapshot(self, step: int, epoch: float, codes: NDArray[np.float32]) -> None:
        """Write codes as the snapshot of `step`."""
        self._snapshots.write(step, epoch, codes)

    def save(self, learner: Learner, state: LoopState, *names: str | int) -> None:
        """Save the network as it is under each of `names`, in this order; see `Run.checkpoint_file`."""
        checkpoint = Checkpoint(
            learner.config,
            learner.image_shape,
            learner.network.state_dict(),
            learner.optimizer.state_dict(),
            dataclasses.replace(state),
            self._data_sha256,
            self._split_sha256,
        )
        for name in names:
            self._held.check()
            checkpoint.save(self.run.checkpoint_file(name))
            self._last_save = time.monotonic()

    def save_early(self, learner: Learner, step: int) -> None:
        """Save the network after update number `step`, to be looked at: without what training goes on with."""
        epoch, batch = divmod(step, learner.batches_per_epoch)
        checkpoint = Checkpoint(
            learner.config,
            learner.image_shape,
            learner.network.state_dict(),
            {},
            LoopState(epoch, batch, step, images_seen=batch * learner.config.training.batch_size),
            self._data_sha256,
            self._split_sha256,
        )
        self._held.check()
        checkpoint.save(self.run.early_checkpoint_file(step))

    def seconds_since_save(self) -> float:
        """Since the last checkpoint, or since training began."""
        return time.monotonic() - self._last_save


def open_keeper(run: Run, held: Hold, learner: Learner, split: RunSplit, resumed_at: int | None, say: Say) -> Keeper:
    """Open a run's writers and its snapshots' index.

    Args:
        run: a run folder.
        held: the hold on it.
        learner: what is trained.
        split: the run's.
        resumed_at: the step of the checkpoint that training resumes from; None for the beginning. What was written of
            later steps is made anew.
        say: is told where the numbers can be seen, and of writers that fail.

    Raises:
        UserError: a file of the run is damaged.
    """
    return Keeper(
        run,
        held,
        run.environment().get("data_sha256"),
        split.content_hash(),
        open_writers(run, learner.config, resumed_at, say),
        SnapshotWriter(run, resumed_at, held.check),
    )
