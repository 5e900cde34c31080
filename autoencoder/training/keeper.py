"""What is kept of a training: its log, its latent snapshots and its checkpoints, in a run folder that is held.

A training that leaves no folder has another keeper, see `in_memory.py`.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from autoencoder.machine.copies import Sent
from autoencoder.machine.files import copy_file
from autoencoder.machine.progress import Say
from autoencoder.machine.writing import AtOnce, Beside, Work, Writing
from autoencoder.runs.checkpoint import Checkpoint, LoopState, write_content
from autoencoder.runs.folder import Run, RunSplit
from autoencoder.runs.lock import Hold
from autoencoder.runs.snapshots import SnapshotWriter
from autoencoder.runs.writers.base import Guarded, open_writers
from autoencoder.runs.writers.table import TableWriter
from autoencoder.training.learner import Learner


class Keeper(Protocol):
    """Keeps what a training leaves; a context manager around it."""

    @property
    def name(self) -> str:
        """What messages call the training."""
        ...

    def __enter__(self) -> Any: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def kept(self) -> str:
        """What there is of a training that failed, in words."""
        ...

    def after_a_stop(self) -> str:
        """What became of a training that was stopped, in words, and how to go on."""
        ...

    def has_failed(self) -> bool:
        """Whether something could not be kept that was to be kept beside training."""
        ...

    def settle(self) -> None:
        """Wait until everything is kept that was to be."""
        ...

    def drain(self) -> None:
        """The same, and raise why something could not be.

        Raises:
            UserError: it could not be written, or is not finite.
        """
        ...

    def log_epoch(self, row: dict[str, Any]) -> None:
        """Keep the numbers of an epoch; see `autoencoder.runs.folder.METRIC_COLUMNS`."""
        ...

    def write_snapshot(self, step: int, epoch: float, codes: Callable[[], NDArray[np.float32]]) -> None:
        """Keep codes as the snapshot of `step`; whoever keeps them asks for them."""
        ...

    def save(self, learner: Learner, state: LoopState, *names: str | int) -> None:
        """Keep the network as it is under each of `names`, such as `best` and `last`."""
        ...

    def save_early(self, learner: Learner, step: int, check: Work) -> None:
        """Keep the network after update number `step`, to be looked at; `check` may refuse it."""
        ...

    def seconds_since_save(self) -> float:
        """Since `save`, or since training began."""
        ...


class FolderKeeper:
    """Writes to a run folder; `open_keeper` makes one. A context manager, since writers must be closed.

    Args:
        run: where to.
        held: the hold on it, asked before each file.
        data_sha256, split_sha256: of the run's images and split, for its checkpoints.
        writers: of its epochs.
        snapshots: of its codes.
        writing: who writes all this. Beside training, a file's error is raised by `check` or `drain`.
    """

    def __init__(
        self,
        run: Run,
        held: Hold,
        data_sha256: str | None,
        split_sha256: str,
        writers: Sequence[TableWriter | Guarded],
        snapshots: SnapshotWriter,
        writing: Writing,
    ) -> None:
        self.run, self._held, self._writers, self._snapshots = run, held, writers, snapshots
        self._writing = writing
        self._data_sha256, self._split_sha256 = data_sha256, split_sha256
        self._last_save = time.monotonic()

    @property
    def name(self) -> str:
        """The folder."""
        return str(self.run.path)

    def __enter__(self) -> FolderKeeper:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._writing.close()
        for writer in self._writers:
            writer.close()

    def kept(self) -> str:
        """See `Keeper.kept`."""
        last = self.run.checkpoint_file("last")
        return f"{last} was saved before that and is kept" if last.exists() else "no earlier checkpoint was kept"

    def after_a_stop(self) -> str:
        """See `Keeper.after_a_stop`."""
        return f"saved; resume with: autoencoder train --resume {self.run.path}"

    def has_failed(self) -> bool:
        """Whether a file could not be written that was to be written beside training."""
        return self._writing.has_failed()

    def settle(self) -> None:
        """Wait until all files are written that were to be."""
        self._writing.settle()

    def drain(self) -> None:
        """The same, and raise why one could not be.

        Raises:
            UserError: one could not be written, or what was to be written is not finite.
        """
        self._writing.drain()

    def log_epoch(self, row: dict[str, Any]) -> None:
        """Add the row of an epoch; see `autoencoder.runs.folder.METRIC_COLUMNS`."""

        def write() -> None:
            self._held.check()
            for writer in self._writers:
                writer.write(row)

        self._writing.do(write)

    def write_snapshot(self, step: int, epoch: float, codes: Callable[[], NDArray[np.float32]]) -> None:
        """Write codes as the snapshot of `step`; whoever writes asks for them, and waits for them."""
        self._writing.do(lambda: self._snapshots.write(step, epoch, codes()))

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
        self._write(checkpoint, [self.run.checkpoint_file(name) for name in names])
        self._last_save = time.monotonic()

    def save_early(self, learner: Learner, step: int, check: Work) -> None:
        """Save the network after update number `step`, to be looked at: without what training goes on with.

        Args:
            check: is called before it is written; to refuse it.
        """
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
        self._writing.do(check)
        self._write(checkpoint, [self.run.early_checkpoint_file(step)])

    def _write(self, checkpoint: Checkpoint, files: list[Path]) -> None:
        sent = Sent(checkpoint.content(), copy=self._writing.beside)

        def write() -> None:
            for number, file in enumerate(files):
                self._held.check()
                if number:  # to put it together again would take many times as long
                    copy_file(files[0], file)
                else:
                    write_content(sent.content(), file)

        self._writing.do(write)

    def seconds_since_save(self) -> float:
        """Since the last checkpoint, or since training began."""
        return time.monotonic() - self._last_save


def open_keeper(
    run: Run, held: Hold, learner: Learner, split: RunSplit, resumed_at: int | None, say: Say
) -> FolderKeeper:
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
    return FolderKeeper(
        run,
        held,
        run.environment().get("data_sha256"),
        split.content_hash(),
        open_writers(run, learner.config, resumed_at, say),
        SnapshotWriter(run, resumed_at, held.check),
        Beside() if learner.device.type == "cuda" else AtOnce(),
    )
