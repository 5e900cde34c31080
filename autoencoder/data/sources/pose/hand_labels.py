"""Labels that people clicked for training a tracker, which are no pose of a video."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import NoReturn

from autoencoder.errors import UserError
from autoencoder.machine.plain_text import one_line

PICTURES = frozenset({".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp"})
"""Suffixes of what trackers are trained on."""

MOST_NAMED = 5
"""Individuals that a message names."""

ANALYZING = " (in DeepLabCut: analyze_videos with save_as_csv; in Lightning Pose: litpose predict)"
"""Of the trackers that keep labels in tables of DeepLabCut's kind."""


def names_picture(row_title: str) -> bool:
    """Whether the title of a row is the path of a picture, as `labeled-data/video/img000.png`, and no frame number."""
    return PurePosixPath(row_title.replace("\\", "/")).suffix.lower() in PICTURES


def refuse_hand_labels(
    path: Path,
    pictures: Sequence[str],
    how: str = ANALYZING,
    individuals: Sequence[str] = (),
    *,
    scored: bool = False,
) -> NoReturn:
    """Say what a file of labels is, and what to give instead.

    Args:
        path: the file.
        pictures: titles of its rows, paths of the pictures that people clicked in; at least one.
        how: what analyzes a video, in brackets after a space; empty where the file does not say which tracker it is of.
        individuals: that are labelled.
        scored: whether the labels have likelihoods, which people do not give.

    Raises:
        UserError: always.
    """
    named = ", ".join(one_line(name)[:60] for name in individuals[:MOST_NAMED])
    chosen = f"; of several animals (such as {named}) choose one by --individual" if len(individuals) > 1 else ""
    whose = "that a tracker found in them" if scored else "as people click them to train a tracker"
    raise UserError(
        f"{path} holds labels of pictures ({len(pictures):,}; the first is '{one_line(pictures[0])[:200]}'), {whose}, "
        f"not the pose of a video: analyze the video with the trained tracker{how}, and give the file that "
        f"it writes{chosen}"
    )
