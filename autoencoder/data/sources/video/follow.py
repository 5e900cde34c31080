"""From poses to the paths of animals: which frames they are seen in, where they are, which way they look."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from autoencoder.data.sources.pose.pose import Pose
from autoencoder.data.sources.video.animal.body import Body
from autoencoder.data.sources.video.timing import Clock
from autoencoder.errors import UserError

MOST_LOST = 0.2
"""If a larger share of the frames is left out, something about the pose is probably not as it should be."""

CROP_FACTOR = 1.75
CROP_PERCENTILE = 95
"""The crop is this factor times this percentile of the animal's extent, so that it holds what is not tracked, too."""

MAX_CROP = 4
"""A crop is at most so many times the picture's longer side; beyond, a pose is wrong."""


@dataclass(frozen=True, eq=False)
class Trajectory:
    """Where the animal is in the M frames in which it was seen; every array has shape (M,).

    Attributes:
        frame: number of the frame in the video, int64, ascending.
        x, y: the animal's centre, pixels, y down.
        angle: from back to front, degrees in [0, 360), counter-clockwise as one sees it; NaN where both are at one
            place; None where there is no front or no back.
        speed: of the centre, pixels per second.
    """

    frame: NDArray[np.int64]
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    angle: NDArray[np.float64] | None
    speed: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.frame)

    def take(self, rows: NDArray[np.int64]) -> Trajectory:
        """The same in some of the frames."""
        angle = None if self.angle is None else self.angle[rows]
        return Trajectory(self.frame[rows], self.x[rows], self.y[rows], angle, self.speed[rows])

    def middle(self) -> tuple[float, float]:
        """Half-way between its extremes."""
        return float(self.x.min() + self.x.max()) / 2, float(self.y.min() + self.y.max()) / 2

    def columns(self, arena_center: tuple[float, float], clock: Clock) -> dict[str, np.ndarray]:
        """Metadata of the images of these frames."""
        angle = {} if self.angle is None else {"body_angle_deg": self.angle}
        return {
            "frame": self.frame,
            "x": self.x,
            "y": self.y,
            **angle,
            "speed_px_per_s": self.speed,
            "distance_from_center": np.hypot(self.x - arena_center[0], self.y - arena_center[1]),
            "time_s": clock.seconds(self.frame),
        }


def merged(paths: Sequence[Trajectory]) -> tuple[Trajectory, NDArray[np.int64]]:
    """The paths of A individuals as one, frame by frame, and the individual of each row.

    Of one frame, individuals come in their order. Speeds stay those of each.
    """
    individual = np.repeat(np.arange(len(paths)), [len(path) for path in paths])
    joined = [np.concatenate([getattr(path, name) for path in paths]) for name in ("frame", "x", "y", "speed")]
    frame, x, y, speed = joined
    angles = [path.angle for path in paths if path.angle is not None]
    whole = Trajectory(frame, x, y, np.concatenate(angles) if angles else None, speed)
    order = np.lexsort((individual, frame))
    return whole.take(order), individual[order]


@dataclass(frozen=True, eq=False)
class Seen:
    """Which parts were seen in which of F frames; P parts.

    Attributes:
        found: (F, P), the tracker gives a place.
        sure: (F, P), and a score that is high enough.
        threshold: the least score that is; None where there are no scores.
    """

    found: NDArray[np.bool_]
    sure: NDArray[np.bool_]
    threshold: float | None


def seen_parts(track: Pose, n_frames: int, min_likelihood: float | None) -> Seen:
    """Which parts were seen in the first frames.

    Args:
        track: a pose.
        n_frames: number of frames.
        min_likelihood: least score of a part that counts; None for what is usual for scores of this origin.
    """
    found = np.asarray(np.isfinite(track.xy[:n_frames]).all(axis=2))
    threshold = track.scores.threshold
    if threshold is None:
        return Seen(found, found, None)
    threshold = threshold if min_likelihood is None else min_likelihood
    return Seen(found, found & (track.likelihood[:n_frames] >= threshold), threshold)


OTHER_PARTS = "name parts that are found more often (--front, --back, --center)"
OTHER_PLACES = (
    "The pose may have been tracked in a window of the video (--pose-offset X,Y), on the stored frames of a turned one "
    "(--pose-turned), on the video in another size (give that one, or multiply x and y), or on another video; or y is "
    "counted upwards, or x and y have changed places"
)
"""Why a pose may not sit on the animal, and what to do about it."""


@dataclass(frozen=True, eq=False)
class Reason:
    """Why frames are left out.

    Attributes:
        said: in a clause.
        frames: (F,) which ones.
        remedy: what to do, in a sentence.
    """

    said: str
    frames: NDArray[np.bool_]
    remedy: str

    @property
    def n_frames(self) -> int:
        """How many."""
        return int(self.frames.sum())


def follow(
    tracks: Sequence[Pose],
    seen: Sequence[Seen],
    body: Body,
    picture: tuple[int, int],
    clock: Clock,
    first: int = 0,
    *,
    with_angle: bool = False,
) -> tuple[list[Trajectory], list[str], list[str]]:
    """The way of each animal through the frames in which the parts that matter were seen, and it is in the picture.

    Args:
        tracks: A poses with the same parts, whose rows are the frames of the video, in its pixels.
        seen: the parts of each of them in the F frames that both the video and the pose have.
        body: the parts that matter.
        picture: width and height of the video.
        clock: times of the frames.
        first: the first frame of the video that the pose has; rows before it do not count.
        with_angle: frames whose body angle is not known are left out, too.

    Returns:
        A trajectories, of which some may be empty; sentences about what was left out; warnings.

    Raises:
        UserError: no animal is in any frame.
    """
    followed = [
        _follow_one(track, one, body, picture, clock, first, with_angle=with_angle)
        for track, one in zip(tracks, seen, strict=True)
    ]
    paths = [path for path, _ in followed]
    reasons = [_joined(same) for same in zip(*(reasons for _, reasons in followed), strict=True)]
    what = "frames" if len(tracks) == 1 else f"views of {len(tracks)} individuals"
    n_rows, n_kept = len(reasons[0].frames), sum(map(len, paths))
    if not n_kept:
        raise UserError(f"the animal is in no frame of {tracks[0].source}: {_blamed(reasons)}")
    warnings = []
    if n_rows - n_kept > MOST_LOST * n_rows:
        warnings.append(f"{n_rows - n_kept:,} of {n_rows:,} {what} were left out: {_blamed(reasons)}")
    return paths, _left_out(reasons, what), warnings


def _follow_one(
    track: Pose, seen: Seen, body: Body, picture: tuple[int, int], clock: Clock, first: int, *, with_angle: bool
) -> tuple[Trajectory, list[Reason]]:
    center = mean_place(track.xy, seen.sure, body.center)
    reasons = _reasons(track, seen, body)
    unseen = np.any([reason.frames for reason in reasons], axis=0)
    # The centre of a frame without a part is NaN, and so not in the picture either.
    inside = ((center >= 0) & (center <= np.array(picture) - 1)).all(axis=1)
    reasons.append(Reason("the animal's centre was outside the picture", ~inside & ~unseen, OTHER_PLACES))
    kept = inside & ~unseen
    angles = _angles(track.xy[: len(kept)], body)
    if with_angle and angles is not None:
        unknown = kept & np.isnan(angles)
        said = "front and back are at the same place, so there is no body angle (--align)"
        reasons.append(Reason(said, unknown, "Name parts that are apart (--front, --back)"))
        kept &= ~unknown
    kept[:first] = False
    frame = np.flatnonzero(kept).astype(np.int64)
    x, y = center[frame].T
    path = Trajectory(frame, x, y, None if angles is None else angles[frame], speeds(center[frame], frame, clock))
    return path, [Reason(reason.said, reason.frames[first:], reason.remedy) for reason in reasons]


def _angles(xy: NDArray[np.float64], body: Body) -> NDArray[np.float64] | None:
    """Degrees of the line from back to front, (M,), of places (M, P, 2); NaN where it has no length."""
    if not body.has_axis:
        return None
    dx, dy = (xy[:, body.front].mean(axis=1) - xy[:, body.back].mean(axis=1)).T
    return np.where((dx == 0) & (dy == 0), np.nan, np.degrees(np.arctan2(-dy, dx)) % 360)


def _joined(same: Sequence[Reason]) -> Reason:
    """One reason of several animals, whose frames are those of one after the other."""
    return Reason(same[0].said, np.concatenate([reason.frames for reason in same]), same[0].remedy)


def mean_place(xy: NDArray[np.float64], seen: NDArray[np.bool_], parts: tuple[int, ...]) -> NDArray[np.float64]:
    """Mean of some parts in each frame, (F, 2); NaN where one of them was not seen.

    Args:
        xy: (F or more, P, 2) places of all parts.
        seen: (F, P).
        parts: their numbers; none for all that are seen in a frame, however many.
    """
    xy = xy[: len(seen)]
    if parts:
        return np.where(seen[:, parts].all(axis=1, keepdims=True), xy[:, parts].mean(axis=1), np.nan)
    weight = seen / np.maximum(seen.sum(axis=1, keepdims=True), 1)
    center = np.einsum("fp,fpk->fk", weight, np.where(seen[:, :, None], xy, 0.0))
    return np.where(seen.any(axis=1, keepdims=True), center, np.nan)


def speeds(center: NDArray[np.float64], frame: NDArray[np.int64], clock: Clock) -> NDArray[np.float64]:
    """Pixels per second since the frame before, (M,); the first takes the speed of the second.

    Args:
        center: (M, 2) places in these frames.
        frame: (M,) their numbers.
        clock: times of the frames.
    """
    speed = np.zeros(len(frame))
    if len(frame) > 1:
        speed[1:] = clock.per_second(np.hypot(*np.diff(center, axis=0).T), frame)
        speed[0] = speed[1]
    return speed


def _reasons(track: Pose, seen: Seen, body: Body) -> list[Reason]:
    """Why a part that is needed was not seen in frames."""
    reasons = []
    if not body.needed:
        reasons.append(
            Reason("no part was seen", np.asarray(~seen.sure.any(axis=1)), "Lower the threshold (--min-likelihood)")
        )
    for part in body.needed:
        name, found = track.parts[part], seen.found[:, part]
        reasons.append(Reason(f"'{name}' was not found", ~found, f"If you can, {OTHER_PARTS}"))
        if seen.threshold is not None:
            said = f"'{name}' scored below {seen.threshold:g} (--min-likelihood)"
            reasons.append(Reason(said, found & ~seen.sure[:, part], f"Lower the threshold, or {OTHER_PARTS}"))
    return reasons


def _left_out(reasons: Sequence[Reason], what: str) -> list[str]:
    """How many frames were left out for each reason; each counts for the first that it has.

    Args:
        reasons: why.
        what: what their frames are.
    """
    notes = []
    counted = np.zeros(len(reasons[0].frames), bool)
    for reason in reasons:
        if n_lost := int((reason.frames & ~counted).sum()):
            notes.append(f"left out {n_lost:,} of {len(counted):,} {what}, because {reason.said}")
        counted |= reason.frames
    return notes


def _blamed(reasons: Sequence[Reason]) -> str:
    """All reasons that there are, the commonest first, each with all its frames, and what to do about the first."""
    by_count = sorted(reasons, key=lambda reason: -reason.n_frames)
    listed = ", ".join(f"{reason.said} in {reason.n_frames:,}" for reason in by_count if reason.n_frames)
    return f"{listed}. {by_count[0].remedy}"


def default_crop(extents: NDArray[np.float64]) -> int:
    """An even number of pixels that holds the animal in nearly all frames, by its `extents` in them."""
    return max(2, 2 * round(CROP_FACTOR * usual_extent(extents) / 2))


def crop_note(crop: int) -> str:
    """A sentence about a crop that was derived."""
    how = f"{CROP_FACTOR:g} times the animal's extent (percentile {CROP_PERCENTILE})"
    return f"the crop is {crop:,} pixels wide, {how}; --crop PX changes it"


def usual_extent(extents: NDArray[np.float64]) -> float:
    """What the animal's extent stays below in nearly all frames, of `extents` in them; 0 where none is known."""
    known = extents[np.isfinite(extents)]
    return float(np.percentile(known, CROP_PERCENTILE)) if len(known) else 0.0


def extents(xy: NDArray[np.float64], seen: NDArray[np.bool_]) -> NDArray[np.float64]:
    """The largest distance between two parts that are seen, (M,) pixels: it is the same whichever way the animal looks.

    Args:
        xy: (M, P, 2) places of the parts.
        seen: (M, P).

    Returns:
        NaN where fewer than two parts are seen.
    """
    xy = np.where(seen[:, :, None], xy, np.nan)
    largest = np.full(len(xy), np.nan)
    for i in range(xy.shape[1]):
        for j in range(i):
            largest = np.fmax(largest, np.hypot(*(xy[:, i] - xy[:, j]).T))
    return largest


def refuse_wide(crop: int, video: Path, picture: tuple[int, int]) -> None:
    """Refuse a crop that is much larger than the picture.

    Raises:
        UserError: it is.
    """
    if crop > MAX_CROP * max(picture):
        raise UserError(
            f"a crop of {crop:,} pixels is more than {MAX_CROP} times the longer side of {video} "
            f"({picture[0]}x{picture[1]}): give the animal's size in the video (--crop), or correct the pose"
        )


def middle_note(center: tuple[float, float]) -> str:
    """A sentence about the arena's centre, where it is the middle of the track."""
    middle = f"({center[0]:.1f}, {center[1]:.1f}), the middle of the track"
    return f"the arena's centre is taken to be {middle} (--arena-center X,Y, if you know it)"
