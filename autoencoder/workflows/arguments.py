"""What callers may give as one value or as several: a text stands for itself, not for its letters."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path


def names_of(given: Sequence[str]) -> list[str]:
    """`"label"` and `["label"]` to `["label"]`."""
    return [given] if isinstance(given, str) else list(given)


def paths_of(given: str | Path | Sequence[str | Path]) -> list[Path]:
    """`"a.csv"` and `["a.csv"]` to `[Path("a.csv")]`."""
    return [Path(given)] if isinstance(given, str | Path) else [Path(one) for one in given]
