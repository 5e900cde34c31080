"""How much of the images' variance a PCA encoder keeps, as a table and a picture in the run's folder."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from autoencoder.machine.files import write_csv
from autoencoder.measures.dimension import leading
from autoencoder.plots.figures import save_figure
from autoencoder.plots.variance import explained_variance
from autoencoder.runs.folder import Run

WANTED_SHARE = 0.95


def write_explained_variance(run: Run) -> tuple[list[Path], str]:
    """Write `explained_variance.csv` and `.png` into a run whose encoder is a PCA.

    Args:
        run: its folder.

    Returns:
        the two files (the table has a row for each principal component of the training images: its number, its share of
        the variance, and that of all up to it), and a sentence that says how many components are used and needed.

    Raises:
        UserError: the fitted encoder cannot be read.
    """
    n_used = run.config().model.latent_dim
    ratio = run.reducer()["explained_variance_ratio"]
    total = np.cumsum(ratio)
    needed = leading(ratio, WANTED_SHARE)
    table, picture = run.path / "explained_variance.csv", run.path / "explained_variance.png"
    columns = ("component", "explained_variance_ratio", "cumulative")
    rows = [(i + 1, float(share), float(up_to)) for i, (share, up_to) in enumerate(zip(ratio, total, strict=True))]
    write_csv(table, [dict(zip(columns, row, strict=True)) for row in rows], columns)
    title = f"{run.path.name}: variance of the training images"
    save_figure(explained_variance(ratio, n_used=n_used, n_for_95=needed, title=title), picture)
    kept = f"{n_used} principal components explain {100 * total[n_used - 1]:.1f} % of the training images' variance"
    return [table, picture], f"{kept}; {100 * WANTED_SHARE:.0f} % takes {needed:,}"
