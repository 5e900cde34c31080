"""What is found out about each recording before anything is cut out of any, and what is decided over all of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from autoencoder.data.sources.experiment.recordings import Recording
from autoencoder.data.sources.pose.readers import load_poses
from autoencoder.data.sources.video import posed
from autoencoder.data.sources.video.animal.moving import see_scene
from autoencoder.data.sources.video.follow import CROP_FACTOR, CROP_PERCENTILE, default_crop, usual_extent
from autoencoder.data.sources.video.frames import Tally
from autoencoder.data.sources.video.options import VideoOptions
from autoencoder.data.sources.video.posed import Tracked, find_tracked, match_rows
from autoencoder.data.sources.video.prepare import OpenedVideo, open_video
from autoencoder.errors import UserError


@dataclass(frozen=True)
class Surveyed:
    """What is known of a recording.

    Attributes:
        n_frames: of its video.
        length: that the animal usually stays below, pixels; None where that was not asked for.
        problems: what is wrong with the table's row or with the options: the work does not begin.
        failure: why there can be no images of it, though the row is right; None where nothing is known to be wrong.
    """

    n_frames: int = 0
    length: float | None = None
    problems: tuple[str, ...] = ()
    failure: str | None = None


@dataclass(frozen=True)
class Look:
    """Which recording is looked at, and what is to be found out.

    Attributes:
        recording: of the table.
        options: how images are made.
        with_length: whether the animal is measured.
    """

    recording: Recording
    options: VideoOptions
    with_length: bool


def survey(look: Look) -> Surveyed:
    """Look at a recording: do video and pose go together, and how large is the animal?

    With a pose no frame is decoded, but for the few that tell how the video is turned.
    """
    recording, options = look.recording, look.options
    try:
        tracked = tracked_of(recording, options)
    except UserError as error:
        return Surveyed(problems=error.problems)
    try:
        opened = open_video(recording.video, tracked, options, Tally())
    except UserError as error:
        return Surveyed(failure=str(error))
    try:
        if opened.tracked is not None:
            match_rows(opened.film, opened.tracked, options)
    except UserError as error:
        return Surveyed(problems=error.problems)
    n_frames = len(opened.film)
    if not look.with_length:
        return Surveyed(n_frames)
    try:
        return Surveyed(n_frames, opened.with_right_clock(lambda opened: _length(opened, options)))
    except UserError as error:
        return Surveyed(n_frames, failure=str(error))


def tracked_of(recording: Recording, options: VideoOptions) -> Tracked | None:
    """Who is followed by the pose of a recording; None where it has none.

    Raises:
        UserError: the pose cannot be read, or has no such part or individual.
    """
    if recording.pose is None:
        return None
    return find_tracked(load_poses(recording.pose, recording.video), options)


def _length(opened: OpenedVideo, options: VideoOptions) -> float:
    if opened.tracked is not None:
        return posed.usual_length(opened.film, opened.tracked, options)
    assert options.follow is not None
    return see_scene(opened.film, options.follow).length


# ------------------------------------------------------------------------------------------------------------ decisions


@dataclass(frozen=True)
class Decision:
    """The side of the crops, where it is one for all recordings.

    Attributes:
        crop: pixels; None where it is in centimetres, or nothing is followed.
        crop_cm: centimetres.
        note: how it was found; None where it was given.
    """

    crop: int | None = None
    crop_cm: float | None = None
    note: str | None = None

    def of(self, recording: Recording) -> int | None:
        """The side of the crop of a recording, in pixels of its video."""
        if recording.crop is not None:
            return recording.crop
        if self.crop_cm is None or recording.px_per_cm is None:
            return self.crop
        return in_pixels(self.crop_cm, recording.px_per_cm)


def in_pixels(crop_cm: float, px_per_cm: float) -> int:
    """The side of a crop of so many centimetres, in a video of this scale."""
    return max(2, round(crop_cm * px_per_cm))


def decide_crop(recordings: Sequence[Recording], lengths: Sequence[float]) -> Decision:
    """The crop that holds the animals of all recordings: in centimetres, where it is known how large these are.

    Args:
        recordings: those that were measured.
        lengths: of the animal in each of them, pixels.
    """
    how = f"{CROP_FACTOR:g} times the animal's extent (percentile {CROP_PERCENTILE} of {len(lengths)} recordings)"
    scales = [recording.px_per_cm for recording in recordings if recording.px_per_cm is not None]
    if len(scales) < len(recordings):
        crop = default_crop(np.array(lengths))
        return Decision(crop, note=f"the crop of all recordings is {crop:,} pixels wide, {how}; --crop PX changes it")
    centimetres = np.array([length / scale for length, scale in zip(lengths, scales, strict=True)])
    crop_cm = float(f"{CROP_FACTOR * usual_extent(centimetres):.3g}")
    said = f"the crop of all recordings is {crop_cm:g} cm wide, {how}; --crop-cm CM changes it"
    return Decision(crop_cm=crop_cm, note=said)


def middle_of(xs: Sequence[np.ndarray], ys: Sequence[np.ndarray]) -> tuple[float, float]:
    """Half-way between the extremes of several tracks, in pixels."""
    x, y = ((min(v.min() for v in values) + max(v.max() for v in values)) / 2 for values in (xs, ys))
    return float(x), float(y)


def beside(npz: Path) -> Path:
    """The folder of the parts of a data set that is being made."""
    return npz.with_name(f"{npz.stem}.parts")
