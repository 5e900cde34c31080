"""TensorBoard's event files, in the run's folder `tensorboard`."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from typing import Any

from autoencoder.config import RunConfig
from autoencoder.machine.progress import Say
from autoencoder.runs.folder import Run
from autoencoder.runs.writers import base
from autoencoder.version import installing


class Writer(base.Writer):
    """Scalars by step.

    Args:
        events: torch's `SummaryWriter`.
    """

    title = "TensorBoard"

    def __init__(self, events: Any) -> None:
        self._events = events

    @classmethod
    def problems(cls, config: RunConfig) -> list[str]:
        """The package may be missing."""
        if importlib.util.find_spec("tensorboard") is None:
            return [f"--tensorboard needs the extra: {installing('tensorboard')}"]
        return []

    @classmethod
    def open(cls, run: Run, config: RunConfig, resumed_at: int | None, say: Say) -> Writer:
        """Begin, or go on; see `base.Writer.open`."""
        from torch.utils.tensorboard import SummaryWriter

        # Later steps are made anew and drop out; that of the checkpoint is not written again, and stays.
        purge_step = None if resumed_at is None else resumed_at + 1
        return cls(SummaryWriter(str(run.writer_folder("tensorboard")), purge_step=purge_step))

    def write(self, row: Mapping[str, Any]) -> None:
        """Add an epoch."""
        for name, value in base.measured(row).items():
            self._events.add_scalar(name, value, row["step"])

    def close(self) -> None:
        """Write what is left."""
        self._events.close()
