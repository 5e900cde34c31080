"""From a pose to the path of an animal: which frames it is seen in, where it is, which way it looks."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from autoencoder.data.sources.pose.pose import Pose
from autoencoder.data.sources.video.options import SEEN, VideoOptions
from autoencoder.data.sources.video.timing import Clock
from autoencoder.errors import UserError, did_you_mean

FRONT_NAMES = ("nose", "snout", "nosetip", "head")
BACK_NAMES = ("tailroot", "tailbase", "tailstart", "basetail", "baseoftail")
"""Names, without punctuation and capitals, of the parts that the body angle is taken from; the first found counts."""

MOST_LOST = 0.2
"""If a larger share of the frames is left out, something about the pose is probably not as it should be."""

CROP_FACTOR = 1.75
CROP_PERCENTILE = 95
"""The crop is this factor times this percentile of the animal's extent, so that it holds what is not tracked, too."""


@dataclass(frozen=True)
class Body:
    """The parts of a pose that matter, by number.

    Attributes:
        front: where the body's axis ends.
        back: where it begins.
        center: parts whose mean is the animal's place; empty for all that are seen in a frame.
    """

    front: int
    back: int
    center: tuple[int, ...]

    @property
    def needed(self) -> tuple[int, ...]:
        """Parts without which a frame is left out."""
        return tuple(dict.fromkeys((self.front, self.back, *self.center)))

    def describe(self, track: Pose, options: VideoOptions) -> list[str]:
        """Sentences about what was found by its name."""
        found = (("front", options.front, self.front), ("back", options.back, self.back))
        missing = [(end, track.parts[part]) for end, name, part in found if name is None]
        return [f"the {end} of the body is '{part}' (--{end})" for end, part in missing]


def find_body(track: Pose, options: VideoOptions) -> Body:
    """The parts that the options name, or else those that have telling names.

    Raises:
        UserError: there is none, or front and back are the same.
    """
    front = _find_part(track, options.front, FRONT_NAMES, "front")
    back = _find_part(track, options.back, BACK_NAMES, "back")
    if front == back:
        raise UserError(
            f"front and back are both '{track.parts[front]}': name two parts of {track.source} (--front, --back)"
        )
    if options.center is None:
        return Body(front, back, (front, back))
    if tuple(map(_plain, options.center)) == (SEEN,):
        return Body(front, back, ())
    return Body(front, back, tuple(_named_part(track, name, "center") for name in options.center))


def _find_part(track: Pose, name: str | None, usual: Sequence[str], where: str) -> int:
    """Number of the part called `name`, or of the first with one of the `usual` names."""
    if name is not None:
        return _named_part(track, name, where)
    plain = [_plain(part) for part in track.parts]
    for candidate in usual:
        if candidate in plain:
            return plain.index(candidate)
    raise UserError(
        f"which part is the {where} of the body? None in {track.source} has a name that says so: choose one "
        f"(--{where}) of {', '.join(track.parts)}"
    )


def _named_part(track: Pose, name: str, where: str) -> int:
    plain = [_plain(part) for part in track.parts]
    if _plain(name) not in plain:
        guess = did_you_mean(name, track.parts)
        raise UserError(
            f"no part of {track.source} is called '{name}'{guess}: choose one (--{where}) of {', '.join(track.parts)}"
        )
    return plain.index(_plain(name))


def _plain(name: str) -> str:
    return re.sub(r"[\W_]", "", name).lower()


# ---------------------------------------------------------------------------------------------------------- trajectory


@dataclass(frozen=True, eq=False)
class Trajectory:
    """Where the animal is in the M frames in which it was seen; every array has shape (M,).

    Attributes:
        frame: number of the frame, int64, ascending.
        x, y: the animal's centre, pixels, y down.
        angle: from back to front, degrees in [0, 360), counter-clockwise as one sees it.
        speed: of the centre, pixels per second.
    """

    frame: NDArray[np.int64]
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    angle: NDArray[np.float64]
    speed: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.frame)

    def take(self, rows: NDArray[np.int64]) -> Trajectory:
        """The same in some of the frames."""
        return Trajectory(self.frame[rows], self.x[rows], self.y[rows], self.angle[rows], self.speed[rows])

    def middle(self) -> tuple[float, float]:
        """Half-way between its extremes."""
        return float(self.x.min() + self.x.max()) / 2, float(self.y.min() + self.y.max()) / 2

    def columns(self, arena_center: tuple[float, float], clock: Clock) -> dict[str, np.ndarray]:
        """Metadata of the images of these frames."""
        return {
            "frame": self.frame,
            "x": self.x,
            "y": self.y,
            "body_angle_deg": self.angle,
            "speed_px_per_s": self.speed,
            "distance_from_center": np.hypot(self.x - arena_center[0], self.y - arena_center[1]),
            "time_s": clock.seconds(self.frame),
        }


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
    "(--pose-turned), or on another video"
)
"""What to do about frames that are left out."""


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
    track: Pose, seen: Seen, body: Body, picture: tuple[int, int], clock: Clock
) -> tuple[Trajectory, list[str], list[str]]:
    """The animal's way through the frames in which the parts that matter were seen, and it is in the picture.

    Args:
        track: a pose, in pixels of the video.
        seen: its parts in the F frames that both the video and the pose have.
        body: the parts that matter.
        picture: width and height of the video.
        clock: times of the frames.

    Returns:
        the trajectory; sentences about what was left out; warnings.

    Raises:
        UserError: the animal is in no frame.
    """
    center = mean_place(track.xy, seen.sure, body.center)
    reasons = _reasons(track, seen, body)
    unseen = np.any([reason.frames for reason in reasons], axis=0)
    # The centre of a frame without a part is NaN, and so not in the picture either.
    inside = ((center >= 0) & (center <= np.array(picture) - 1)).all(axis=1)
    reasons.append(Reason("the animal's centre was outside the picture", ~inside & ~unseen, OTHER_PLACES))
    frame = np.flatnonzero(inside & ~unseen).astype(np.int64)
    if not len(frame):
        raise UserError(f"the animal is in no frame of {track.source}: {_blamed(reasons)}")
    n_lost = len(center) - len(frame)
    warnings = []
    if n_lost > MOST_LOST * len(center):
        warnings.append(f"{n_lost:,} of {len(center):,} frames were left out: {_blamed(reasons)}")
    x, y = center[frame].T
    dx, dy = (track.xy[frame, body.front] - track.xy[frame, body.back]).T
    speed = speeds(center[frame], frame, clock)
    return Trajectory(frame, x, y, np.degrees(np.arctan2(-dy, dx)) % 360, speed), _left_out(reasons), warnings


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
    for part in body.needed:
        name, found = track.parts[part], seen.found[:, part]
        reasons.append(Reason(f"'{name}' was not found", ~found, f"If you can, {OTHER_PARTS}"))
        if seen.threshold is not None:
            said = f"'{name}' scored below {seen.threshold:g} (--min-likelihood)"
            reasons.append(Reason(said, found & ~seen.sure[:, part], f"Lower the threshold, or {OTHER_PARTS}"))
    return reasons


def _left_out(reasons: Sequence[Reason]) -> list[str]:
    """How many frames were left out for each reason; each counts for the first that it has."""
    notes = []
    counted = np.zeros(len(reasons[0].frames), bool)
    for reason in reasons:
        if n_lost := int((reason.frames & ~counted).sum()):
            notes.append(f"left out {n_lost:,} of {len(counted):,} frames, because {reason.said}")
        counted |= reason.frames
    return notes


def _blamed(reasons: Sequence[Reason]) -> str:
    """All reasons that there are, the commonest first, each with all its frames, and what to do about the first."""
    by_count = sorted(reasons, key=lambda reason: -reason.n_frames)
    listed = ", ".join(f"{reason.said} in {reason.n_frames:,}" for reason in by_count if reason.n_frames)
    return f"{listed}. {by_count[0].remedy}"


def default_crop(extents: NDArray[np.float64]) -> int:
    """An even number of pixels that holds the animal in nearly all frames, by its `extents` in them."""
    return max(2, 2 * round(CROP_FACTOR * float(np.percentile(extents, CROP_PERCENTILE)) / 2))


def extents(xy: NDArray[np.float64], seen: NDArray[np.bool_]) -> NDArray[np.float64]:
    """The largest distance between two parts that are seen, (M,) pixels: it is the same whichever way the animal looks.

    Args:
        xy: (M, P, 2) places of the parts.
        seen: (M, P), at least two in each frame.
    """
    xy = np.where(seen[:, :, None], xy, np.nan)
    pairs = [np.hypot(*(xy[:, i] - xy[:, j]).T) for i in range(xy.shape[1]) for j in range(i)]
    return np.asarray(np.nanmax(np.stack(pairs), axis=0))
