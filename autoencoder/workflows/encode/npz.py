"""An `.npz` for numpy, which `compare` and `study` take as codes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from autoencoder.data.npz_files import Joined, write_npz
from autoencoder.evaluation.outside_codes import CODES
from autoencoder.machine.files import replacing
from autoencoder.workflows.encode.content import Content
from autoencoder.workflows.evolution_files.npz import member

HOLDS_PICTURES, NEEDS_TIME = True, False


def check() -> None:
    """Nothing is needed that is not there."""


def write(content: Content, out: Path) -> list[Path]:
    """Write `codes` (N, d), what was found (N,) by its name, `metadata/NAME` (N,) and, where there are, `pictures`.

    Raises:
        UserError: the file cannot be written.
    """
    arrays: dict[str, NDArray[Any] | Joined] = {CODES: content.codes, **content.found}
    arrays |= {member(name): values for name, values in content.metadata.items()}
    if content.pictures:
        arrays["pictures"] = Joined(content.pictures)
    with replacing(out) as temporary:
        write_npz(temporary, arrays)
    return [out]
