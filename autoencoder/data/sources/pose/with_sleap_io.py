"""What sleap-io reads: SLEAP's own files and those of other tools."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from autoencoder.data.sources.pose.pose import NO_SCORES, SCORE, Poses, make_poses
from autoencoder.errors import UserError
from autoencoder.machine.memory import refuse_too_large
from autoencoder.version import installing


def read(path: Path) -> Poses:
    """Read what sleap-io reads."""
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
    return make_poses(
        parts, ("",), xy[:, None], np.where(np.isnan(score), 1.0, score)[:, None], path, scores, notes=notes
    )


def _refuse_too_long(labels: Any, path: Path) -> None:
    """Of what sleap-io read: the last frame's number says how many rows there will be, filled or not."""
    frames = [frame for frame in labels.labeled_frames if frame.video == labels.videos[0]]
    n_frames = 1 + max((frame.frame_idx for frame in frames), default=0)
    n_animals = max(len(labels.tracks), *(len(frame.instances) for frame in frames), 1)
    n_values = n_frames * n_animals * len(labels.skeletons[-1].node_names) * 3
    refuse_too_large(f"{path}, whose last frame is number {n_frames - 1:,},", 3 * 8 * n_values, "correct or split it")
