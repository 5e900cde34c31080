"""A run's losses as curves."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from autoencoder.objectives.base import make_objective
from autoencoder.plots.curves import LOSSES
from autoencoder.plots.movies.marked_curves import Curve
from autoencoder.runs.folder import Run


def losses(run: Run) -> list[Curve]:
    """Training and validation loss of the epochs that have ended; none before the first.

    Raises:
        UserError: the run's metrics are damaged.
    """
    rows = run.metrics()
    axes = f"loss ({make_objective(run.config().objective).loss_name})"

    def column(name: str) -> NDArray[np.float64]:
        return np.array([np.nan if row[name] is None else row[name] for row in rows], np.float64)

    return [
        Curve(label, column("epoch"), column(name), axes, logarithmic=True)
        for name, (label, _) in LOSSES.items()
        if rows
    ]
