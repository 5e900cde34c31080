"""The recipe of a data set: by which command and with which options its images were made, as JSON in its `.npz`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from autoencoder.data.arrays import ArrayHeader
from autoencoder.errors import UserError

RECIPE = "recipe"
"""The array of an `.npz` that holds it: text without a dimension."""

RECIPE_VERSION = 1
"""Raised when an older reader would make other images of a newer recipe."""

Recipe = Mapping[str, Any]
"""`command` (such as "prepare video"), `version`, and the options of that command by name; plain JSON."""

LONGEST = 1_000_000
"""Characters of a recipe."""


def recipe_array(recipe: Recipe) -> np.ndarray:
    """A recipe as it is stored; the same one is always the same text."""
    return np.array(json.dumps(recipe, sort_keys=True, allow_nan=False, default=np.generic.item))


def is_recipe(header: ArrayHeader) -> bool:
    """Whether an array called `recipe` can be one: anything else of that name is data of the user."""
    return header.shape == () and header.dtype.kind == "U"


def read_recipe(stored: np.ndarray | None, path: Path) -> Recipe | None:
    """The recipe in an array.

    Args:
        stored: the array `recipe` of a file; None where it has none.
        path: the file, for messages.

    Returns:
        None for a file without a recipe.

    Raises:
        UserError: the array holds no recipe.
    """
    if stored is None:
        return None
    text = str(stored)
    try:
        content = json.loads(text) if len(text) <= LONGEST else None
    except (ValueError, RecursionError):
        content = None
    return checked_recipe(
        content, f"array '{RECIPE}' in {path}", "remove it from the file, or prepare the images again"
    )


def checked_recipe(content: object, what: str, remedy: str) -> Recipe:
    """What was read of a file, once it is sure that it is a recipe.

    Args:
        content: parsed JSON.
        what: where it was read, for messages.
        remedy: what to do where it is none.

    Raises:
        UserError: it is no recipe.
    """
    if (
        not isinstance(content, dict)
        or not isinstance(content.get("command"), str)
        or type(content.get("version")) is not int
    ):
        raise UserError(f"{what} is not a recipe of images, which names a command and a version: {remedy}")
    return content
