"""What a tracker found: the place of each body part in each frame of a video."""

from __future__ import annotations

import math
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autoencoder.data.arrays import check_readable
from autoencoder.data.tables import Line, read_number, read_table
from autoencoder.errors import UserError
from autoencoder.machine.memory import refuse_too_large
from autoencoder.version import installing

COORDINATES = ("x", "y", "likelihood")
"""What DeepLabCut writes of each part; the likelihood is missing where people clicked the parts."""


@dataclass(frozen=True)
class Scores:
    """What a tracker says of how sure it is of a part.

    Attributes:
        name: what it is called, in a sentence.
        threshold: a part that scores less counts as not seen, unless the user says otherwise; None where there are
            no scores.
    """

    name: str
    threshold: float | None


LIKELIHOOD = Scores("likelihood", 0.6)
"""Of DeepLabCut, from 0 to 1, and nearly always close to one of them; 0.6 is the threshold that it has itself
(`pcutoff`)."""

SCORE = Scores("score", 0.2)
"""Of SLEAP and what else sleap-io reads: the height of a peak, often no more than 0.3 where a part is found well, and
at times above 1. SLEAP itself takes a peak for a part from 0.2 on."""

NO_SCORES = Scores("score", None)
"""Of parts that people clicked."""


@dataclass(frozen=True, eq=False)
class Pose:
    """The track of one animal; F frames, P parts.

    Attributes:
        parts: names of the body parts.
        xy: (F, P, 2) float64, pixels of the video, x to the right and y down; NaN where a part was not found.
        likelihood: (F, P) float64, the tracker's score; 0 where a part was not found, 1 where the tracker does not say.
        source: the file it came from.
        scores: what the likelihoods are.
        notes: what was left out, one sentence each.
    """

    parts: tuple[str, ...]
    xy: NDArray[np.float64]
    likelihood: NDArray[np.float64]
    source: Path
    scores: Scores = LIKELIHOOD
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.xy)


def load_pose(path: Path) -> Pose:
    """Read the pose of one animal.

    Args:
        path: `.csv` of DeepLabCut, or what sleap-io reads: `.slp`, `.h5` of SLEAP or JABS, `.nwb` and others. Of a file
            of several videos or animals the first is taken.

    Raises:
        UserError: the file is missing, damaged, of another kind or of several animals, or sleap-io is not installed.
    """
    check_readable(path, "pose")
    pose = _read_deeplabcut(path) if path.suffix.lower() == ".csv" else _read_with_sleap_io(path)
    if len(pose) == 0 or not pose.parts:
        raise UserError(f"{path} holds no pose: it has {len(pose):,} frames of {len(pose.parts)} body parts")
    return pose


def _pose(
    parts: tuple[str, ...],
    xy: NDArray[np.float64],
    likelihood: NDArray[np.float64],
    path: Path,
    scores: Scores,
    *notes: str,
) -> Pose:
    """A `Pose` in which a missing part is NaN and has a likelihood of 0."""
    found = np.asarray(np.isfinite(xy).all(axis=2))
    xy = np.where(found[:, :, None], xy, np.nan)
    return Pose(parts, xy, np.where(found, np.nan_to_num(likelihood), 0.0), path, scores, notes)


# ---------------------------------------------------------------------------------------------------------- DeepLabCut


def _read_deeplabcut(path: Path) -> Pose:
    lines = read_table(path)
    titles = [line.fields[0].lower() for line in lines[:4]]
    if titles[:2] == ["scorer", "individuals"]:
        raise UserError(
            f"{path} holds several animals (its second row is 'individuals'): split it into one file per animal, "
            "without that row"
        )
    if titles[:3] != ["scorer", "bodyparts", "coords"]:
        raise UserError(
            f"{path} is not a pose file of DeepLabCut: the first three rows of such a CSV start with scorer, bodyparts "
            "and coords; of SLEAP take the .slp or the analysis .h5"
        )
    _, part_line, coordinate_line, *rows = lines
    places = _places(part_line.fields, [name.lower() for name in coordinate_line.fields], path)
    table = _numbers(rows, len(part_line.fields), path)
    if not np.array_equal(table[:, 0], np.arange(len(table))):
        raise UserError(
            f"the rows of {path} are not numbered 0, 1, 2, ..., so their frames are not known: export all frames"
        )
    xy = np.stack([table[:, [place["x"], place["y"]]] for place in places.values()], axis=1)
    likelihood = np.ones(xy.shape[:2])
    for i, place in enumerate(places.values()):
        if "likelihood" in place:
            likelihood[:, i] = table[:, place["likelihood"]]
    scored = any("likelihood" in place for place in places.values())
    return _pose(tuple(places), xy, likelihood, path, LIKELIHOOD if scored else NO_SCORES)


def _places(parts: list[str], coordinates: list[str], path: Path) -> dict[str, dict[str, int]]:
    """Number of the column of each coordinate of each part, in the file's order."""
    places: dict[str, dict[str, int]] = {}
    for i, (part, coordinate) in enumerate(zip(parts, coordinates, strict=False)):
        if i == 0:
            continue  # titles of the rows
        if coordinate not in COORDINATES or coordinate in places.get(part, {}):
            raise UserError(
                f"column {i + 1} of {path} is '{coordinate}' of '{part}': expected x, y and likelihood, once"
            )
        places.setdefault(part, {})[coordinate] = i
    for part, place in places.items():
        if "x" not in place or "y" not in place:
            raise UserError(f"{path} has no x or no y of '{part}': export it again")
    if len(parts) != len(coordinates) or not places:
        raise UserError(f"the header of {path} names {len(parts) - 1} parts for {len(coordinates) - 1} coordinates")
    return places


def _numbers(lines: list[Line], n_columns: int, path: Path) -> NDArray[np.float64]:
    """(F, n_columns) float64; an empty field is NaN."""
    refuse_too_large(str(path), 8 * len(lines) * n_columns, "split it")
    table = np.full((len(lines), n_columns), math.nan)
    for i, (number, fields) in enumerate(lines):
        if len(fields) != n_columns:
            raise UserError(f"row {number} of {path} has {len(fields)} fields and its header has {n_columns}")
        values = [read_number(field) if field else math.nan for field in fields]
        if None in values:
            raise UserError(
                f"row {number} of {path} holds something that is no number ('{fields[values.index(None)]}'): export it "
                "again"
            )
        with suppress(OverflowError):  # an integer of 400 digits: nowhere, as what was not found is
            table[i] = values
    return table


# -------------------------------------------------------------------------------------------------------- other tools


def _read_with_sleap_io(path: Path) -> Pose:
    try:
        import sleap_io
    except ImportError:
        raise UserError(
            f"reading {path} needs sleap-io: {installing('pose')}, or export a CSV from DeepLabCut"
        ) from None
    try:
        labels = sleap_io.load_file(str(path))
        if not isinstance(labels, sleap_io.Labels):
            raise UserError(
                f"{path} holds no pose (sleap-io reads it as {type(labels).__name__}): name the video first, and the "
                "file of its pose by --pose"
            )
        _refuse_too_long(labels, path)
        # Frames count from 0 on the first video; untracked animals come in the order in which they are stored.
        table = labels.numpy(video=0, untracked=not labels.tracks, return_confidence=True).astype(np.float64)
        parts = tuple(labels.skeletons[-1].node_names)
        n_videos = len(labels.videos)
    except UserError:
        raise
    except Exception as error:  # readers of a dozen formats raise what their libraries raise
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        hint = "; of DeepLabCut take the .csv" if path.suffix.lower() == ".h5" else ""
        raise UserError(f"sleap-io cannot read a pose from {path} ({reason}){hint}") from None
    if 0 in table.shape:
        raise UserError(f"{path} holds no pose of the first video")
    notes = []
    if table.shape[1] > 1:
        name = f" ('{labels.tracks[0].name}')" if labels.tracks else ""
        notes.append(f"{path} holds {table.shape[1]} animals; the first{name} was taken")
    if n_videos > 1:
        notes.append(f"{path} holds {n_videos} videos; the first was taken")
    xy, score = table[:, 0, :, :2], table[:, 0, :, 2]
    clicked = np.isnan(score) | (score == 1)  # what sleap-io gives for those, depending on the format
    scores = NO_SCORES if clicked.all() else SCORE
    return _pose(parts, xy, np.where(np.isnan(score), 1.0, score), path, scores, *notes)


def _refuse_too_long(labels: Any, path: Path) -> None:
    """Of what sleap-io read: the last frame's number says how many rows there will be, filled or not."""
    frames = [frame for frame in labels.labeled_frames if frame.video == labels.videos[0]]
    n_frames = 1 + max((frame.frame_idx for frame in frames), default=0)
    n_animals = max(len(labels.tracks), *(len(frame.instances) for frame in frames), 1)
    n_values = n_frames * n_animals * len(labels.skeletons[-1].node_names) * 3
    refuse_too_large(f"{path}, whose last frame is number {n_frames - 1:,},", 3 * 8 * n_values, "correct or split it")
