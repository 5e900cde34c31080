"""An `.npz` of everything, for numpy; the codes are written as they are read, so they never are in memory at once."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from autoencoder.data.npz_files import Streamed, write_npz
from autoencoder.machine.files import replacing
from autoencoder.workflows.evolution_files.content import Content


def check() -> None:
    """Nothing is needed that is not there."""


def write(content: Content, out: Path) -> Path:
    """Write `evolution.npz` into the folder `out`.

    Its arrays: embeddings (T, n, 2) and latents (T, n, d) float32, steps and epochs (T,), rows (n,) of the images in
    the data file, and `metadata/NAME` (n,) for each column. A NAME that would lead out of a folder, where somebody
    unpacks the file, is written without that.

    Raises:
        UserError: as `Content.latents` does, or the file cannot be written.
    """
    evolution = content.evolution
    path = out / "evolution.npz"
    arrays: dict[str, NDArray[np.generic]] = {
        "embeddings": evolution.embeddings,
        "steps": evolution.steps,
        "epochs": evolution.epochs,
        "rows": evolution.rows,
        **{member(name): values for name, values in content.columns.items()},
    }
    shape = (len(content.snapshots), len(evolution.rows), content.width)
    with replacing(path) as temporary:
        write_npz(temporary, {**arrays, "latents": Streamed(shape, content.latents())})
    return path


def member(name: str) -> str:
    """Where a column's array lies in the archive: below `metadata`, whatever the name; zip files hold no NUL."""
    return "metadata/" + re.sub(r"(?<![^/\\])\.{1,2}(?![^/\\])|\0", lambda found: "_" * len(found[0]), name)
