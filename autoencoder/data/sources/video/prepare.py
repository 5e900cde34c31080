"""A video and a pose to a data set of crops that follow the animal."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from autoencoder.data.arrays import check_readable
from autoencoder.data.dataset import Marks, Prepared, check_output, checked_rows, save_dataset
from autoencoder.data.sources.pose.pose import Pose
from autoencoder.data.sources.pose.readers import load_poses
from autoencoder.data.sources.video import follow
from autoencoder.data.sources.video.crops import Squares, WrongClockError, cut
from autoencoder.data.sources.video.follow import Body, Seen, Trajectory
from autoencoder.data.sources.video.options import DEFAULTS, VideoOptions
from autoencoder.data.sources.video.orientation import Orientation, read_orientation
from autoencoder.data.sources.video.presence import LEAST_SHARE, Presence
from autoencoder.data.sources.video.timing import Clock, decoded_clock, read_clock
from autoencoder.errors import UserError, raise_if_any
from autoencoder.machine.memory import refuse_too_large

MAX_FRAME_DIFFERENCE = 2
"""Rows by which a pose may differ from its video: trackers and decoders disagree about the last frames."""

MAX_CROP = 4
"""A crop is at most so many times the picture's longer side; beyond, a pose is wrong."""


def prepare_video(
    video: Path,
    pose: Path,
    output: Path,
    options: VideoOptions = DEFAULTS,
    *,
    compress: bool = False,
    overwrite: bool = False,
    on_progress: Callable[[int], None] | None = None,
    on_total: Callable[[int], None] | None = None,
) -> Prepared:
    """Cut a square around the animal out of each frame.

    Frames are decoded one by one. Columns: `frame` (counted from 0), `x` and `y` (the crop's centre, pixels of the
    video, y down), `body_angle_deg` (from back to front, counter-clockwise as one sees it), `speed_px_per_s` (of the
    centre since the last frame in which the animal was seen; the first takes the speed of the second),
    `distance_from_center` (pixels), `time_s` (since the video's first frame), `inside` (share of the crop's area that
    lies within the picture, 0 to 1).

    Args:
        video: what ffmpeg decodes.
        pose: what `load_poses` reads.
        output: path with or without `.npz`.
        options: how crops are cut out.
        compress: write smaller files in more time.
        overwrite: files of these names may be replaced.
        on_progress: called with the number of frames decoded since the last call.
        on_total: called with the number of frames that will be decoded in all, once it is known.

    Raises:
        UserError: a file is not what it should be, video and pose do not belong together, a part is not known, no
            frame is left, or the output cannot be written.
    """
    raise_if_any(options.problems())
    check_readable(video, "video")
    track = load_poses(pose).one(0)
    body = follow.find_body(track, options)
    check_output(output, overwrite=overwrite, inputs=(video, pose))

    orientation = read_orientation(video)
    recording = Recording(video, orientation, _on_shown_frames(track, video, orientation, options), body)
    clock = read_clock(video, options.fps)
    if abs(len(clock) - len(track)) > MAX_FRAME_DIFFERENCE and not clock.counted:
        clock = decoded_clock(video, options.fps)
    plan = make_plan(recording, clock, options)
    try:
        images, warnings = _carry_out(plan, options, on_progress, on_total)
    except WrongClockError as error:
        plan = make_plan(recording, decoded_clock(video, options.fps), options)
        images, warnings = _carry_out(plan, options, on_progress, on_total, error.n_decoded)
    return save_dataset(
        output,
        images,
        plan.columns(),
        inside=plan.squares.inside(),
        marks=plan.marks(),
        compress=compress,
        overwrite=overwrite,
        notes=plan.notes,
        warnings=(*plan.warnings, *warnings),
    )


# ---------------------------------------------------------------------------------------------------------------- plan


@dataclass(frozen=True, eq=False)
class Recording:
    """A video of one animal.

    Attributes:
        video: its file.
        orientation: how its frames are shown.
        track: the pose, in pixels of the frames as they are shown.
        body: the parts that matter.
    """

    video: Path
    orientation: Orientation
    track: Pose
    body: Body


@dataclass(frozen=True, eq=False)
class Plan:
    """What will be cut out of which frames of a recording: M images.

    Attributes:
        recording: video and pose.
        clock: times of all frames of the video.
        seen: parts in all frames.
        path: of the animal through the M frames.
        squares: M of them.
        extent: length of the animal, pixels.
        arena_center: where distances are measured from.
        notes: what was chosen or left out, one sentence each.
        warnings: what is probably not as it should be.
    """

    recording: Recording
    clock: Clock
    seen: Seen
    path: Trajectory
    squares: Squares
    extent: float
    arena_center: tuple[float, float]
    notes: tuple[str, ...]
    warnings: tuple[str, ...]

    def columns(self) -> dict[str, np.ndarray]:
        """Metadata, each (M,)."""
        return self.path.columns(self.arena_center, self.clock) | {"inside": self.squares.shares()}

    def marks(self) -> Marks:
        """Places of the parts that are seen, in the images that are shown."""
        rows = checked_rows(len(self.path))
        frames = self.path.frame[rows]
        xy = np.where(self.seen.sure[frames][:, :, None], self.recording.track.xy[frames], np.nan)
        return self.squares.marks(rows, {part: xy[:, i] for i, part in enumerate(self.recording.track.parts)})


def make_plan(recording: Recording, clock: Clock, options: VideoOptions) -> Plan:
    """Follow the animal, and decide what is cut out of which frames.

    Raises:
        UserError: video and pose do not belong together, no frame is left, or the images do not fit into memory.
    """
    video, track, body, picture = recording.video, recording.track, recording.body, recording.orientation.size
    n_frames, cut_off = _common_frames(recording, clock)
    seen = follow.seen_parts(track, n_frames, options.min_likelihood)
    path, left_out, warnings = follow.follow(track, seen, body, picture, clock)
    turned = recording.orientation.describe(video, pose_turned=options.pose_turned)
    notes = [clock.describe(video), turned, cut_off, _of_threshold(track, seen, options)]
    notes += [*body.describe(track, options), _of_center(recording, seen, path, clock, options), *left_out]
    arena_center = path.middle() if options.arena_center is None else options.arena_center
    if options.arena_center is None:
        middle = f"({arena_center[0]:.1f}, {arena_center[1]:.1f}), the middle of the track"
        notes.append(f"the arena's centre is taken to be {middle}; give it if you know it (--arena-center X,Y)")
    extents = follow.extents(track.xy[path.frame], seen.sure[path.frame])
    crop = follow.default_crop(extents) if options.crop is None else options.crop
    if options.crop is None:
        how = f"{follow.CROP_FACTOR:g} times the animal's extent (percentile {follow.CROP_PERCENTILE})"
        notes.append(f"the crop is {crop:,} pixels wide, {how}; --crop PX changes it")
    if crop > MAX_CROP * max(picture):
        raise UserError(
            f"a crop of {crop:,} pixels is more than {MAX_CROP} times the longer side of {video} "
            f"({picture[0]}x{picture[1]}): give the animal's size in the video (--crop), or correct the pose"
        )
    path = path.take(np.flatnonzero(path.frame % options.every == 0)[: options.limit])
    if not len(path):
        raise UserError(
            f"no frame of {video} is left to take: none of those in which the animal is seen is an {options.every:,}th "
            f"one (--every); {'; '.join(left_out)}"
        )
    _refuse_too_large(len(path), crop, options)
    squares = Squares(path.x, path.y, crop, options.size, picture)
    notes.append(_of_edges(squares, options))
    extent = float(np.percentile(extents, follow.CROP_PERCENTILE))
    said = tuple(note for note in notes if note is not None)
    return Plan(recording, clock, seen, path, squares, extent, arena_center, said, tuple(warnings))


def _on_shown_frames(track: Pose, video: Path, orientation: Orientation, options: VideoOptions) -> Pose:
    """The pose in pixels of the frames as players show them."""
    xy = track.xy + np.array(options.pose_offset)
    if options.pose_turned:
        xy = orientation.of_stored_places(xy, video)
    return dataclasses.replace(track, xy=xy)


def _common_frames(recording: Recording, clock: Clock) -> tuple[int, str | None]:
    """Number of frames that both video and pose have, and a sentence about the others."""
    video, track = recording.video, recording.track
    n_video, n_pose = len(clock), len(track)
    if abs(n_video - n_pose) > MAX_FRAME_DIFFERENCE:
        raise UserError(
            f"{video} has {n_video:,} frames and {track.source} has {n_pose:,} rows: they do not belong together"
        )
    said = None
    if n_video > n_pose:
        said = f"left out the last {n_video - n_pose} of {n_video:,} frames, for which there is no pose"
    if n_video < n_pose:
        said = f"cut the last {n_pose - n_video} of {n_pose:,} rows of the pose, which have no frame"
    return min(n_video, n_pose), said


def _of_threshold(track: Pose, seen: Seen, options: VideoOptions) -> str | None:
    if seen.threshold is None and options.min_likelihood is not None:
        return f"{track.source} holds no scores, so --min-likelihood changes nothing"
    if seen.threshold is None or options.min_likelihood is not None or (seen.found == seen.sure).all():
        return None
    return f"parts with a {track.scores.name} below {seen.threshold:g} count as not seen (--min-likelihood)"


def _of_center(recording: Recording, seen: Seen, path: Trajectory, clock: Clock, options: VideoOptions) -> str | None:
    """What the centre is by default, and how far that is from what it once was."""
    track, body = recording.track, recording.body
    if options.center is not None:
        return None
    said = f"x, y and speed are those of the middle between '{track.parts[body.front]}' and '{track.parts[body.back]}'"
    once = follow.mean_place(track.xy, seen.sure, ())[path.frame]
    away = np.hypot(path.x - once[:, 0], path.y - once[:, 1])
    if not away.any():
        return f"{said} (--center)"
    speed = np.median(follow.speeds(once, path.frame, clock))
    return (
        f"{said} (--center); the mean of all parts that were seen, which earlier versions took (--center seen), is "
        f"{np.median(away):.3g} pixels away, and moves at {speed:.3g} instead of {np.median(path.speed):.3g} pixels "
        "per second (medians)"
    )


def _of_edges(squares: Squares, options: VideoOptions) -> str | None:
    share = float((squares.shares() < 1).mean())
    if not share:
        return None
    filled = "the edge repeated" if options.fill == "edge" else f"the picture's {options.fill}"
    said = f"{100 * share:.0f} %" if share >= 0.01 else "less than 1 %"
    return (
        f"{said} of the crops reach over the picture's edge; what lies beyond is {filled} (--fill), and is marked: the "
        "column 'inside' says how much of a crop is in the picture"
    )


def _refuse_too_large(n_images: int, crop: int, options: VideoOptions) -> None:
    size, channels = options.size, 3 if options.color else 1
    # 64-bit numbers of the square, their sums and the means of them; those of the edges of all squares.
    work = 8 * channels * (3 * crop**2 + 3 * crop * size + 3 * size**2) + 8 * 6 * n_images * size
    # Images, and where they are inside the picture.
    refuse_too_large(
        f"{n_images:,} images of {size}x{size}",
        n_images * (channels + 1) * size**2 + work,
        "take fewer (--limit, --every) or smaller ones (--size)",
    )


# ------------------------------------------------------------------------------------------------------------- cutting


def _carry_out(
    plan: Plan,
    options: VideoOptions,
    on_progress: Callable[[int], None] | None,
    on_total: Callable[[int], None] | None,
    n_decoded: int = 0,
) -> tuple[NDArray[np.uint8], list[str]]:
    """The images, and warnings about what was seen meanwhile; `n_decoded` frames were decoded in vain before."""
    if on_total is not None:
        on_total(n_decoded + int(plan.path.frame[-1]) + 1)
    recording, squares = plan.recording, plan.squares
    presence = Presence(plan.path.x, plan.path.y, plan.extent, squares.picture)
    images = cut(recording.video, plan.path.frame, squares, plan.clock, options, presence.look, on_progress)
    share = presence.share()
    if share is None or share >= LEAST_SHARE:
        return images, []
    return images, [
        f"the animal does not seem to be where {recording.track.source} puts it: there, the frames of "
        f"{recording.video} differ from their background no more than elsewhere. Look at the crops. The pose may have "
        "been tracked in a window of the video (give the window's corner: --pose-offset X,Y), on the stored frames of "
        "a turned video (--pose-turned), or on another video or size of it"
    ]
