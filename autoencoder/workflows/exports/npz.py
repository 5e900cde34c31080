"""An `.npz` of everything, for numpy; the codes are written as they are read, so they never are in memory at once."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from autoencoder.machine.files import replacing
from autoencoder.workflows.exports.content import Content


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
    write_archive(path, arrays, {"latents": Streamed(shape, content.latents())})
    return path


@dataclass(frozen=True, eq=False)
class Streamed:
    """An array of float32 that is written as it comes.

    Attributes:
        shape: of all of it.
        parts: arrays that, one after the other, are its values.
    """

    shape: tuple[int, ...]
    parts: Iterable[NDArray[np.float32]]


def write_archive(path: Path, arrays: Mapping[str, NDArray[Any]], streamed: Mapping[str, Streamed]) -> None:
    """Write an `.npz` of arrays that are there, and of others that need not be in memory as a whole.

    Raises:
        UserError: the file cannot be written, or whatever the parts raise.
    """
    with replacing(path) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_STORED) as archive:
        for name, array in arrays.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as file:
                npy.write_array(file, np.asanyarray(array), allow_pickle=False)
        for name, stream in streamed.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as file:
                header = {"descr": npy.dtype_to_descr(np.dtype("<f4")), "fortran_order": False, "shape": stream.shape}
                npy.write_array_header_1_0(file, header)
                for part in stream.parts:
                    file.write(part.astype("<f4", copy=False).tobytes())


def member(name: str) -> str:
    """Where a column's array lies in the archive: below `metadata`, whatever the name; zip files hold no NUL."""
    return "metadata/" + re.sub(r"(?<![^/\\])\.{1,2}(?![^/\\])|\0", lambda found: "_" * len(found[0]), name)
