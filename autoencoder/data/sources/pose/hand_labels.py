"""Labels that people clicked for training a tracker, which are no pose of a video."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import NoReturn

from autoencoder.errors import UserError

PICTURES = frozenset({".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp"})


def names_picture(row_title: str) -> bool:
    """Whether the title of a row is the path of a picture, as `labeled-data/video/img000.png`, and no frame number."""
    return PurePosixPath(row_title.replace("\\", "/")).suffix.lower() in PICTURES


def refuse_hand_labels(path: Path, pictures: Sequence[str]) -> NoReturn:
    """Say what a file of labels is, and what to give instead.

    Args:
        path: the file.
        pictures: titles of its rows, paths of the pictures that people clicked in; at least one.

    Raises:
        UserError: always.
    """
    raise UserError(
        f"{path} holds labels that people clicked in {len(pictures):,} pictures (the first is '{pictures[0]}'), and "
        "not the pose of a video: analyze the video with the trained tracker (deeplabcut.analyze_videos, litpose "
        "predict) and give the .csv or .h5 that it writes"
    )
