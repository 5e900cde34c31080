"""What callers may give as one value or as several, and as a path or as an object that stands for its file or folder.

Objects that stand for one (a data set, a run, a trained network, a study) are `os.PathLike`.
"""

from __future__ import annotations

import os
import reprlib
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import cast

from autoencoder.errors import UserError

AnyPath = str | os.PathLike[str]
"""A path, or what stands for a file or folder."""

DESCRIBED = "a data file, run or checkpoint"
OF_IMAGES = ("images", "pictures", DESCRIBED)
"""What paths are asked for as, where images in memory were likely meant."""

SAVE_THEM = "save them with numpy.savez('NAME.npz', images=...), and give that file"
"""What to do with images in memory where a file is needed."""


def names_of(given: str | Collection[str]) -> list[str]:
    """`"label"` and `["label"]` to `["label"]`: a text stands for itself, not for its letters."""
    return [given] if isinstance(given, str) else list(given)


def path_of(given: AnyPath, what: str) -> Path:
    """The path of a file or folder.

    Args:
        given: a path, or what stands for one.
        what: it should be, for messages: "images", "run".

    Raises:
        UserError: it is images in memory, or something else that has no path.
    """
    if isinstance(given, str | os.PathLike):
        return Path(given)
    if (shape := getattr(given, "shape", None)) is not None:
        source, called = None, f"an array of shape {tuple(shape)}"
    elif hasattr(given, "images") and hasattr(given, "source"):  # an ImageSet, which this room does not know
        source, called = given.source, f"images in memory ({given!r})"
    else:
        raise UserError(f"{what} must be a file or folder, by its path, not {reprlib.repr(given)}")
    remedy = "" if what not in OF_IMAGES else f": {SAVE_THEM}" if source is None else f": give their file, '{source}'"
    raise UserError(f"{what} must be a file or folder, not {called}{remedy}")


def paths_of(given: AnyPath | Iterable[AnyPath], what: str) -> list[Path]:
    """`"a.csv"` and `["a.csv"]` to `[Path("a.csv")]`; see `path_of`."""
    if isinstance(given, Iterable) and not isinstance(given, str | os.PathLike) and not hasattr(given, "shape"):
        return [path_of(one, what) for one in given]
    return [path_of(cast(AnyPath, given), what)]
