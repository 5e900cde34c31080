"""An `.npz` for numpy, which `compare` and `study` take as codes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from autoencoder.evaluation.outside_codes import CODES
from autoencoder.workflows.encode.content import Content
from autoencoder.workflows.exports.npz import Streamed, member, write_archive

HOLDS_PICTURES, NEEDS_TIME = True, False

AT_ONCE = 256
"""Pictures that are read and written at a time."""


def check() -> None:
    """Nothing is needed that is not there."""


def write(content: Content, out: Path) -> list[Path]:
    """Write `codes` (N, d), what was found (N,) by its name, `metadata/NAME` (N,) and, where there are, `pictures`.

    Raises:
        UserError: the file cannot be written.
    """
    arrays = {CODES: content.codes, **content.found}
    arrays |= {member(name): values for name, values in content.metadata.items()}
    streamed = {}
    if content.pictures:
        shape = (len(content.codes), *content.pictures[0].shape[1:])
        streamed["pictures"] = Streamed(shape, (part for stored in content.pictures for part in _in_parts(stored)))
    write_archive(out, arrays, streamed)
    return [out]


def _in_parts(stored: NDArray[np.float32]) -> Iterator[NDArray[np.float32]]:
    """An array, which may be on the disk, some of its rows at a time."""
    for start in range(0, len(stored), AT_ONCE):
        yield np.asarray(stored[start : start + AT_ONCE])
