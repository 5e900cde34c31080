"""Training that leaves no run folder: the same loop, and what is kept stays in memory."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from types import TracebackType
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from autoencoder.array_types import Rows
from autoencoder.config import RunConfig
from autoencoder.data.images import ImageSet
from autoencoder.errors import raise_if_any
from autoencoder.machine.device import choose_device, prepare_machine
from autoencoder.machine.progress import SILENT, Say
from autoencoder.machine.stopping import StopRequest
from autoencoder.machine.writing import Work
from autoencoder.models.network import Network
from autoencoder.runs.checkpoint import LoopState
from autoencoder.runs.folder import Run, RunSplit
from autoencoder.training.engines import make_engine
from autoencoder.training.learner import Learner, make_learner
from autoencoder.training.loop import TrainingLoop

HISTORY = ("epoch", "step", "lr", "train_loss", "val_loss")
"""Numbers of an epoch that are kept; those of time would differ between two trainings that are the same."""


@dataclass(frozen=True)
class Learned:
    """A network after training.

    Attributes:
        network: in evaluation mode, on `device`.
        device: where it was trained.
        history: the numbers `HISTORY` of each epoch; `val_loss` is None where nothing was validated.
    """

    network: Network
    device: torch.device
    history: list[dict[str, Any]]


def train_in_memory(
    config: RunConfig,
    images: ImageSet,
    train_rows: Rows,
    val_rows: Rows,
    *,
    bounded: bool = True,
    say: Say = SILENT,
) -> Learned:
    """Train a learned encoder and what stands behind it, and write no file.

    A signal is left to Python: Ctrl-C raises KeyboardInterrupt, and what was learned is lost. Snapshots, checkpoints
    and logs that `config` asks for are not made.

    Args:
        config: what to train. `config.data.images` only names the data in messages.
        images: to learn from.
        train_rows: (n,) of the images that are learned from.
        val_rows: (m,) of those that are held out; none for no validation. Where there are some, the weights of the
            epoch with the lowest validation loss are taken, else those of the last epoch.
        bounded: see `Learner`.
        say: is told the losses of each epoch, and what the user should know, such as a loss of exactly zero.

    Raises:
        UserError: there is no such device, or the loss is not finite.
    """
    raise_if_any(
        [f"the encoder '{config.model.encoder}' is fitted, not learned, and takes a run folder: see `train`"]
        if config.model.is_fitted
        else []
    )
    kept = dataclasses.replace(config.training, snapshots_per_epoch=0, checkpoint_interval=0)
    config = dataclasses.replace(config, training=kept)
    device = choose_device(kept.device)
    prepare_machine(device, kept.threads, deterministic=kept.deterministic)
    split = RunSplit(train_rows, val_rows, np.arange(0))
    learner = make_learner(Run(config.data.images), config, images, split, device, None, bounded=bounded)
    keeper = MemoryKeeper(config.data.images, kept.epochs, say)
    loop = TrainingLoop(learner, make_engine(learner, say), keeper, split.snapshot, LoopState(), quiet=True, say=say)
    loop.run(nullcontext(StopRequest()))
    network = learner.network
    if keeper.best is not None:
        network.load_state_dict(keeper.best)
    network.zero_grad(set_to_none=True)
    network.eval()
    return Learned(network, device, keeper.history)


class MemoryKeeper:
    """Keeps the numbers of each epoch and the best weights in memory, and nothing else; see `Keeper`.

    Args:
        name: what messages call the training.
        epochs: how many there will be at most.
        say: is told the losses of each epoch.

    Attributes:
        history: the numbers `HISTORY` of each epoch.
        best: weights with the lowest validation loss; None where nothing was validated.
    """

    def __init__(self, name: str, epochs: int, say: Say) -> None:
        self._name, self._epochs, self._say = name, epochs, say
        self.history: list[dict[str, Any]] = []
        self.best: dict[str, Tensor] | None = None

    @property
    def name(self) -> str:
        """See `Keeper.name`."""
        return self._name

    def __enter__(self) -> MemoryKeeper:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    def kept(self) -> str:
        """See `Keeper.kept`."""
        return "nothing was kept"

    def after_a_stop(self) -> str:
        """See `Keeper.after_a_stop`."""
        return "not saved"

    def has_failed(self) -> bool:
        """Memory never fails later than it was asked for."""
        return False

    def settle(self) -> None:
        """Nothing is waited for."""

    def drain(self) -> None:
        """Nothing is waited for."""

    def log_epoch(self, row: dict[str, Any]) -> None:
        """See `Keeper.log_epoch`."""
        held_out = "" if row["val_loss"] is None else f", held-out {row['val_loss']:.5f}"
        self._say(f"epoch {row['epoch']} of {self._epochs}: loss {row['train_loss']:.5f}{held_out}")
        self.history.append({name: row[name] for name in HISTORY})

    def write_snapshot(self, step: int, epoch: float, codes: Callable[[], NDArray[np.float32]]) -> None:
        """Snapshots are not kept."""

    def save(self, learner: Learner, state: LoopState, *names: str | int) -> None:
        """Keep the weights in memory where they are the best so far."""
        if "best" in names:
            self.best = {name: values.detach().clone() for name, values in learner.network.state_dict().items()}

    def save_early(self, learner: Learner, step: int, check: Work) -> None:
        """Networks are not kept to be looked at."""

    def seconds_since_save(self) -> float:
        """No save is ever overdue, since a training that ends early is lost."""
        return 0.0
