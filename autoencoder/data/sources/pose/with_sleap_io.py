"""What sleap-io reads: SLEAP's own files, and the annotations of some other tools."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from autoencoder.data.sources.pose.hdf5.opened import member
from autoencoder.data.sources.pose.pose import NO_SCORES, SCORE, Poses, make_poses, untracked
from autoencoder.errors import UserError
from autoencoder.machine.memory import refuse_too_large
from autoencoder.machine.plain_text import one_line
from autoencoder.version import installing

if TYPE_CHECKING:
    import h5py

JSON = "JSON of COCO, Label Studio or AlphaTracker"

LOADERS = {
    "SLEAP's .slp": ("load_slp", {"open_videos": False}),
    "JABS' pose .h5": ("load_jabs", {}),
    "LEAP's .mat": ("load_leap", {}),
    JSON: ("load_file", {}),
}
"""Formats that are left to sleap-io, its functions that load them, and their settings; it tells kinds of JSON apart."""


def format_in_hdf5(file: h5py.File) -> str | None:
    """Which of the formats an HDF5 file is of; None for another."""
    if all(member(file, name) is not None for name in ("metadata", "instances", "frames")):
        return "SLEAP's .slp"
    return "JABS' pose .h5" if member(file, "poseest/points") is not None else None


def format_by_name(path: Path) -> str | None:
    """Which of the formats that are not HDF5 a file may be of, by its suffix; None for another."""
    return {".json": JSON, ".mat": "LEAP's .mat"}.get(path.suffix.lower())


def read(path: Path, kind: str) -> Poses:
    """Read the poses of all tracks, or of all instances where there are no tracks.

    Of a file of several videos the first is taken. Frames count from 0.

    Args:
        path: the file.
        kind: one of `LOADERS`.

    Raises:
        UserError: sleap-io is not installed or cannot read the file, or there is no pose in it.
    """
    try:
        import sleap_io
    except ImportError:
        raise UserError(f"reading {path} ({kind}) needs sleap-io: {installing('pose')}") from None
    loader, settings = LOADERS[kind]
    try:
        labels = getattr(sleap_io, loader)(str(path), **settings)
        return _poses(labels, path)
    except UserError:
        raise
    except Exception as error:  # readers of a dozen formats raise what their libraries raise
        reason = one_line(str(error))[:200] or type(error).__name__
        raise UserError(
            f"sleap-io cannot read a pose from {path}, taken for {kind} ({reason}): export it again"
        ) from None


def _poses(labels: Any, path: Path) -> Poses:
    frames = [frame for frame in labels.labeled_frames if frame.video == labels.videos[0]]
    instances = [instance for frame in frames for instance in frame.instances]
    if not instances or not labels.skeletons:
        raise UserError(f"{path} holds no pose of the first video")
    _refuse_too_long(labels, frames, path)
    n_lost = sum(instance.track is None for instance in instances)
    has_tracks = n_lost < len(instances)
    # Untracked instances come in the order in which they are stored.
    table = labels.numpy(video=0, untracked=not has_tracks, return_confidence=True).astype(np.float64)
    if 0 in table.shape:
        raise UserError(f"{path} holds no pose of the first video")
    notes = []
    if has_tracks:
        names = tuple(str(track.name) for track in labels.tracks)
        if n_lost:
            notes.append(f"{path} has {n_lost:,} instances without a track, which were left out")
    else:
        names, said = untracked(table.shape[1], path)
        notes.extend(said)
    if len(labels.videos) > 1:
        notes.append(f"{path} holds {len(labels.videos)} videos; the first was taken")
    score = table[..., 2]
    clicked = np.isnan(score) | (score == 1)  # what sleap-io gives for those, depending on the format
    return make_poses(
        tuple(labels.skeletons[-1].node_names),
        names,
        table[..., :2],
        np.where(np.isnan(score), 1.0, score),
        path,
        NO_SCORES if clicked.all() else SCORE,
        tracked=has_tracks or len(names) > 1,
        notes=notes,
    )


def _refuse_too_long(labels: Any, frames: list[Any], path: Path) -> None:
    """Of what sleap-io read: the last frame's number says how many rows there will be, filled or not."""
    n_frames = 1 + max(frame.frame_idx for frame in frames)
    n_animals = max(len(labels.tracks), *(len(frame.instances) for frame in frames), 1)
    n_values = n_frames * n_animals * len(labels.skeletons[-1].node_names) * 3
    refuse_too_large(f"{path}, whose last frame is number {n_frames - 1:,},", 3 * 8 * n_values, "correct or split it")
