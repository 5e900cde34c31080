"""What a notebook shows of a run: facts, and how its loss fell."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from autoencoder.display.summary import DPI, Summary
from autoencoder.errors import UserError
from autoencoder.objectives.base import make_objective
from autoencoder.plots.curves import loss_curves
from autoencoder.plots.figures import rendered
from autoencoder.runs.describe import describe_run
from autoencoder.runs.folder import Run


def loss_figure(run: Run) -> Figure | None:
    """How the losses of a run fell; None before the first epoch has ended, and where no loss was finite.

    Raises:
        UserError: the run's metrics are damaged.
    """
    rows = run.metrics()
    names = ("epoch", "train_loss", "val_loss", "lr")
    curves = {name: np.array([np.nan if row[name] is None else row[name] for row in rows], float) for name in names}
    if not (np.isfinite(curves["train_loss"]).any() or np.isfinite(curves["val_loss"]).any()):
        return None
    return loss_curves(curves, f"loss ({make_objective(run.config().objective).loss_name})")


def run_summary(run: Run) -> str:
    """A run as HTML; what is damaged is said in its place."""
    try:
        facts, figure = describe_run(run), loss_figure(run)
    except UserError as error:
        return Summary(f"run {run.path}", notes=error.problems).html()
    picture = [] if figure is None else [rendered(figure, "loss", dpi=DPI)]
    short = [(name, value) for name, value in facts.items() if not isinstance(value, dict) and name != "run"]
    return Summary(f"run {run.path}", short, pictures=picture).html()
