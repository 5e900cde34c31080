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

IMAGES, PICTURES, DESCRIBED = "the images", "the pictures", "what is described"
"""What a path is asked for as where images in memory were likely meant."""

SAVE_THEM = "numpy.savez('images.npz', images=ARRAY), with the columns of their metadata as further arrays"
"""What makes a data file of images in memory."""


def names_of(given: str | Collection[str]) -> list[str]:
    """`"label"` and `["label"]` to `["label"]`: a text stands for itself, not for its letters."""
    return [given] if isinstance(given, str) else list(given)


def path_of(given: AnyPath, what: str) -> Path:
    """The path of a file or folder.

    Args:
        given: a path, or what stands for one.
        what: it should be, for messages: `IMAGES`, "a run".

    Raises:
        UserError: it is images in memory, or something else that has no path.
    """
    if isinstance(given, str | os.PathLike):
        return Path(given)
    shape, source = getattr(given, "shape", None), getattr(given, "source", None)  # of an array, and of an ImageSet
    shown = reprlib.repr(given) if shape is None else f"an array of shape {tuple(shape)}"
    problem = f"{what} must be given as a file or folder, not as {shown}"
    if what in (IMAGES, PICTURES, DESCRIBED):
        own = "" if source is None else f"theirs is {source}; "
        problem = f"{what} must be given as a file, not as {shown}: {own}images in memory become one by {SAVE_THEM}"
    raise UserError(problem)


def paths_of(given: AnyPath | Iterable[AnyPath], what: str) -> list[Path]:
    """`"a.csv"` and `["a.csv"]` to `[Path("a.csv")]`; see `path_of`."""
    if isinstance(given, Iterable) and not isinstance(given, str | os.PathLike) and not hasattr(given, "shape"):
        return [path_of(one, what) for one in given]
    return [path_of(cast(AnyPath, given), what)]
