"""The log of a run's epochs: `metrics.csv`, and TensorBoard's event files where they are asked for."""

from __future__ import annotations

from types import TracebackType
from typing import Any

from autoencoder.errors import UserError
from autoencoder.runs.folder import Run


class MetricsLog:
    """Writes a row per epoch; a context manager, because TensorBoard's writer must be closed.

    Args:
        run: where to.
        resumed_at: when resuming, the step of the checkpoint; rows of later steps are made anew and drop out.
        tensorboard: also write TensorBoard's event files.

    Raises:
        UserError: TensorBoard is asked for and not installed.
    """

    def __init__(self, run: Run, *, resumed_at: int | None, tensorboard: bool) -> None:
        self._run = run
        rows = [] if resumed_at is None else run.metrics()
        self._rows = [row for row in rows if row["step"] <= (resumed_at or 0)]
        self._writer: Any = None
        if tensorboard:
            check_tensorboard()
            from torch.utils.tensorboard import SummaryWriter

            # Later steps are made anew and drop out; that of the checkpoint is not written again, and stays.
            purge_step = None if resumed_at is None else resumed_at + 1
            self._writer = SummaryWriter(str(run.tensorboard_folder), purge_step=purge_step)

    def __enter__(self) -> MetricsLog:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._writer is not None:
            self._writer.close()

    def write(self, row: dict[str, Any]) -> None:
        """Add one epoch's row; see `autoencoder.runs.folder.METRIC_COLUMNS`."""
        self._rows.append(row)
        self._run.write_metrics(self._rows)
        if self._writer is not None:
            for name, value in row.items():
                if name not in ("epoch", "step") and value is not None:
                    self._writer.add_scalar(name, value, row["step"])


def check_tensorboard() -> None:
    """Refuse TensorBoard where it is not installed.

    Raises:
        UserError: it is not.
    """
    import importlib.util

    if importlib.util.find_spec("tensorboard") is None:
        raise UserError("--tensorboard needs the extra: pip install 'autoencoder[tensorboard]'")
