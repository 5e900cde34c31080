"""What callers may give as one value or as several: a text stands for itself, not for its letters."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from autoencoder.machine.file_names import path_of


def names_of(given: Sequence[str]) -> list[str]:
    """`"label"` and `["label"]` to `["label"]`."""
    return [given] if isinstance(given, str) else list(given)


def paths_of(given: str | os.PathLike[str] | Sequence[str | os.PathLike[str]]) -> list[Path]:
    """`"a.csv"` and `["a.csv"]` to `[Path("a.csv")]`.

    Raises:
        UserError: it is no path, and no list of such.
    """
    several = given if isinstance(given, list | tuple) else [given]
    return [path_of(one, "what is read") for one in several]
