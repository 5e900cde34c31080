"""Which reader takes which file."""

from __future__ import annotations

from pathlib import Path

from autoencoder.data.arrays import check_readable
from autoencoder.data.sources.pose import deeplabcut_csv, with_sleap_io
from autoencoder.data.sources.pose.pose import Poses
from autoencoder.errors import UserError


def load_poses(path: Path) -> Poses:
    """Read what a tracker found.

    Raises:
        UserError: the file is missing, damaged or of another kind, or sleap-io is not installed.
    """
    check_readable(path, "pose")
    poses = deeplabcut_csv.read(path) if path.suffix.lower() == ".csv" else with_sleap_io.read(path)
    if len(poses) == 0 or not poses.parts:
        raise UserError(f"{path} holds no pose: it has {len(poses):,} frames of {len(poses.parts)} body parts")
    return poses
