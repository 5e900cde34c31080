"""Which images were held out, so that pictures and files can tell them from those that were trained on."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from autoencoder.array_types import Rows
from autoencoder.errors import UserError
from autoencoder.runs.folder import Run

TRAINING, HELD_OUT, LEFT_OUT = "training", "held-out", "left-out"
"""What an image was to a run: left out are those in a gap beside held-out ones, and those without a known target."""


def split_column(run: Run, n: int) -> NDArray[np.str_]:
    """What each of the run's `n` images was to it, (n,)."""
    column, split = np.full(n, LEFT_OUT), run.split()
    column[split.train], column[split.val] = TRAINING, HELD_OUT
    return column


def held_out_among(run: Run, rows: Rows) -> NDArray[np.bool_]:
    """Which of the images `rows` (n,) the run held out."""
    return np.isin(rows, run.split().val)


def places_shown(run: Run, rows: Rows, which: str) -> NDArray[np.int64]:
    """Places in `rows` (n,) of those that are shown: `all`, or the `held-out` ones.

    Raises:
        UserError: none of them was held out.
    """
    if which == "all":
        return np.arange(len(rows))
    places = np.flatnonzero(held_out_among(run, rows))
    if not len(places):
        raise UserError(f"none of the {len(rows):,} images to show was held out by {run.path}: leave --rows out")
    return places
