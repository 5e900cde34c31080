"""A CSV with a row for each image; numbers are as exact as they are stored."""

from __future__ import annotations

from pathlib import Path

from autoencoder.data.metadata import csv_parts
from autoencoder.machine.files import replacing
from autoencoder.workflows.encode.content import Content

HOLDS_PICTURES, NEEDS_TIME = False, False


def check() -> None:
    """Nothing is needed that is not there."""


def write(content: Content, out: Path) -> list[Path]:
    """Write the columns of `Content.table`.

    Raises:
        UserError: the file cannot be written.
    """
    with replacing(out) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        file.writelines(csv_parts(content.table()))
    return [out]
