"""Crops that follow the animals of a pose."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from autoencoder.data.dataset import Marks, checked_rows
from autoencoder.data.sources.pose.pose import Pose, Poses
from autoencoder.data.sources.video import follow
from autoencoder.data.sources.video.animal.body import Body, find_body, named
from autoencoder.data.sources.video.animal.individuals import Chosen, choose_individuals
from autoencoder.data.sources.video.animal.moving import Hidden, Scene, see_scene, take_samples, window
from autoencoder.data.sources.video.crops import Squares, cut
from autoencoder.data.sources.video.cutting.light import light_entry, see_light
from autoencoder.data.sources.video.cutting.turned import DIAGONAL, TurnedSquares
from autoencoder.data.sources.video.follow import Seen, Trajectory
from autoencoder.data.sources.video.frames import Film
from autoencoder.data.sources.video.made import LOOK_AT_MASKS, Made, of_empty_masks, refuse_too_many
from autoencoder.data.sources.video.options import VideoOptions
from autoencoder.data.sources.video.orientation import Orientation
from autoencoder.data.sources.video.presence import LEAST_SHARE, Presence
from autoencoder.data.sources.video.timing import Clock
from autoencoder.errors import UserError

MAX_FRAME_DIFFERENCE = 2
"""Rows by which a pose may differ from its video: trackers and decoders disagree about the last frames."""


@dataclass(frozen=True, eq=False)
class Tracked:
    """The individuals of a pose that are followed.

    Attributes:
        chosen: which ones.
        body: the parts that matter.
    """

    chosen: Chosen
    body: Body

    @property
    def tracks(self) -> tuple[Pose, ...]:
        """A poses with the same parts and rows."""
        return self.chosen.tracks

    @property
    def source(self) -> Path:
        """The file of the pose."""
        return self.tracks[0].source

    def on_shown_frames(self, video: Path, orientation: Orientation, options: VideoOptions) -> Tracked:
        """The same in pixels of the frames as players show them."""
        tracks = []
        for track in self.tracks:
            xy = track.xy + np.array(options.pose_offset)
            if options.pose_turned:
                xy = orientation.of_stored_places(xy, video)
            tracks.append(dataclasses.replace(track, xy=xy))
        return dataclasses.replace(self, chosen=dataclasses.replace(self.chosen, tracks=tuple(tracks)))

    def first_frame(self, n_video: int) -> int:
        """The frame of a video of `n_video` frames that the first row is of: files count from 0, or from 1."""
        number, n_rows = self.tracks[0].first_frame, len(self.tracks[0])
        return 0 if number == 1 and n_rows >= n_video else number

    def fits(self, n_video: int) -> bool:
        """Whether the last row is of the last frame of a video, or nearly."""
        return abs(self.first_frame(n_video) + len(self.tracks[0]) - n_video) <= MAX_FRAME_DIFFERENCE


def find_tracked(poses: Poses, options: VideoOptions) -> Tracked:
    """The individuals and the parts that the options name, or those that need no naming.

    Raises:
        UserError: one is not there, or there are several individuals and none is chosen, or images are to be turned by
            an angle that is not known.
    """
    chosen = choose_individuals(poses, options)
    body = find_body(chosen.tracks[0], options)
    if options.align and not body.has_axis:
        raise _without_angle(chosen.tracks[0])
    return Tracked(chosen, body)


def _without_angle(track: Pose) -> UserError:
    remedy = "it has one body part, so leave --align out"
    if len(track.parts) > 1:
        remedy = f"name the parts at the front and back of the body (--front, --back), of {', '.join(track.parts)}"
    return UserError(f"--align turns images by the body angle, which {track.source} does not give: {remedy}")


# ---------------------------------------------------------------------------------------------------------------- plan


@dataclass(frozen=True, eq=False)
class Plan:
    """What will be cut out of which frames: M images of A individuals.

    Attributes:
        tracked: the poses, whose rows are the frames of the video.
        seen: parts in all frames, of each individual.
        whole: through all frames.
        path: through the M images.
        individual: (M,) number of the individual that each image is of, below A.
        squares: M of them.
        extent: length of an animal, pixels.
        arena_center: where distances are measured from.
        notes: what was chosen or left out, one sentence each.
        warnings: what is probably not as it should be.
        of_options: those of the notes that are of options, see `Made`.
    """

    tracked: Tracked
    seen: tuple[Seen, ...]
    whole: Trajectory
    path: Trajectory
    individual: NDArray[np.int64]
    squares: Squares
    extent: float
    arena_center: tuple[float, float]
    notes: tuple[str, ...]
    warnings: tuple[str, ...]
    of_options: tuple[str, ...]

    def hidden(self) -> Hidden:
        """Where the crops of each frame are."""
        places: dict[int, list[tuple[slice, slice]]] = {}
        width, height = self.squares.picture
        for frame, x, y in zip(self.whole.frame.tolist(), self.whole.x.tolist(), self.whole.y.tolist(), strict=True):
            places.setdefault(frame, []).append(window((x, y), self.squares.crop, (height, width)))
        return lambda frame: places.get(frame, [])

    def columns(self, clock: Clock) -> dict[str, np.ndarray]:
        """Metadata, each (M,)."""
        columns = self.path.columns(self.arena_center, clock) | {"inside": self.squares.shares()}
        if not self.tracked.chosen.is_column:
            return columns
        names = np.array(self.tracked.chosen.names)[self.individual]
        return {"frame": columns.pop("frame"), "individual": names, **columns}

    def marks(self) -> Marks:
        """Places of the parts that are seen, in the images that are shown."""
        rows = checked_rows(len(self.path))
        tracks = self.tracked.tracks
        which = list(zip(self.individual[rows].tolist(), self.path.frame[rows].tolist(), strict=True))
        xy = np.array([tracks[i].xy[frame] for i, frame in which])
        sure = np.array([self.seen[i].sure[frame] for i, frame in which])
        xy = np.where(sure[:, :, None], xy, np.nan)
        return self.squares.marks(rows, {part: xy[:, i] for i, part in enumerate(tracks[0].parts)})


def make_plan(film: Film, tracked: Tracked, options: VideoOptions) -> Plan:
    """Follow the animals, and decide what is cut out of which frames.

    Raises:
        UserError: video and pose do not belong together, no frame is left, or the images do not fit into memory.
    """
    rows = match_rows(film, tracked, options)
    tracked, body = rows.on_frames(tracked), tracked.body
    seen = tuple(follow.seen_parts(track, rows.stop, options.min_likelihood) for track in tracked.tracks)
    paths, left_out, warnings = follow.follow(
        tracked.tracks, seen, body, film.picture, film.clock, rows.first, with_angle=options.align
    )
    whole, individual = follow.merged(paths)
    threshold, axis = _of_threshold(tracked.tracks[0], seen, options), body.describe(tracked.tracks[0], options)
    center = _of_center(tracked, seen, paths, film.clock, options)
    notes = [*tracked.chosen.notes, *rows.notes, threshold, *axis, center, *left_out]
    of_options = [threshold, center, *([] if body.has_axis else axis)]
    arena_center = whole.middle() if options.arena_center is None else options.arena_center
    if options.arena_center is None:
        notes.append(follow.middle_note(arena_center))
    sizes = _sizes(film, tracked, seen, paths, options)
    notes.append(sizes.note)
    taken = np.flatnonzero(whole.frame % options.every == 0)[: options.limit]
    if not len(taken):
        raise UserError(
            f"no frame of {film.video} is left to take: none of those in which the animal is seen is an "
            f"{options.every:,}th one (--every); {'; '.join(left_out)}"
        )
    path, individual = whole.take(taken), individual[taken]
    squares = _squares(path, sizes.crop, film, options)
    notes.append(squares.edge_note(options.fill))
    return Plan(
        tracked,
        seen,
        whole,
        path,
        individual,
        squares,
        sizes.extent,
        arena_center,
        tuple(note for note in notes if note is not None),
        tuple(warnings),
        tuple(note for note in of_options if note is not None),
    )


def _squares(path: Trajectory, crop: int, film: Film, options: VideoOptions) -> Squares:
    upright = math.ceil(DIAGONAL * crop) if options.align else crop
    refuse_too_many(len(path), (upright, upright), options, film.room)
    if options.align and path.angle is not None:
        return TurnedSquares(path.x, path.y, crop, options.size, film.picture, path.angle)
    return Squares(path.x, path.y, crop, options.size, film.picture)


@dataclass(frozen=True)
class Rows:
    """Which frames of a video the rows of a pose are.

    Attributes:
        first: frame of the first row.
        stop: behind the last frame that has a row.
        notes: what was left out, one sentence each.
    """

    first: int
    stop: int
    notes: tuple[str, ...]

    def on_frames(self, tracked: Tracked) -> Tracked:
        """The same poses, whose rows are the frames of the video; parts are missing before the first."""
        tracks = []
        for track in tracked.tracks:
            n = self.stop - self.first
            xy = np.concatenate([np.full((self.first, *track.xy.shape[1:]), np.nan), track.xy[:n]])
            likelihood = np.concatenate([np.zeros((self.first, len(track.parts))), track.likelihood[:n]])
            tracks.append(dataclasses.replace(track, xy=xy, likelihood=likelihood))
        return dataclasses.replace(tracked, chosen=dataclasses.replace(tracked.chosen, tracks=tuple(tracks)))


def match_rows(film: Film, tracked: Tracked, options: VideoOptions) -> Rows:
    """Find the frame of each row.

    Raises:
        UserError: video and pose do not belong together.
    """
    video, source, n_video = film.video, tracked.source, len(film)
    number, n_rows = tracked.tracks[0].first_frame, len(tracked.tracks[0])
    first = tracked.first_frame(n_video)
    numbered = "" if first == 0 else f", the first of which is of frame {number:,}"
    counts = f"{video} has {n_video:,} frames and {source} has {n_rows:,} rows{numbered}"
    missing = n_video - first - n_rows
    if -missing > MAX_FRAME_DIFFERENCE:
        empty = np.all([np.isnan(track.xy).all(axis=(1, 2)) for track in tracked.tracks], axis=0)
        hint = ", or its rows are numbered by something else than frames, such as times" if empty.mean() > 0.5 else ""
        raise UserError(f"{counts}: they do not belong together{hint}")
    if missing > MAX_FRAME_DIFFERENCE and not options.allow_short:
        raise UserError(
            f"{counts}: they do not belong together, or the last {missing:,} frames were not tracked; if the rows "
            "begin where they should, leave those frames out (--allow-short)"
        )
    notes = []
    if number == 1 and first == 0:
        notes.append(f"{source} counts its rows from 1: its row 1 is the video's first frame, called frame 0 here")
    if first:
        notes.append(
            f"left out the first {first:,} of {n_video:,} frames: the first row of {source} is of frame {number:,}, "
            "counted from 0"
        )
    if missing > 0:
        notes.append(f"left out the last {missing:,} of {n_video:,} frames, for which there is no pose")
    if missing < 0:
        notes.append(f"cut the last {-missing:,} of {n_rows:,} rows of the pose, which have no frame")
    return Rows(first, min(first + n_rows, n_video), tuple(notes))


@dataclass(frozen=True, eq=False)
class _Sizes:
    """Length of an animal and side of the crop, in pixels, and how that was found."""

    extent: float
    crop: int
    note: str | None


def _sizes(
    film: Film, tracked: Tracked, seen: Sequence[Seen], paths: Sequence[Trajectory], options: VideoOptions
) -> _Sizes:
    extent = _extent(tracked, seen, paths)
    if options.crop is not None:
        follow.refuse_wide(options.crop, film.video, film.picture)
        return _Sizes(extent or options.crop / follow.CROP_FACTOR, options.crop, None)
    note = ""
    if not extent:
        extent = _scene_for_size(film, tracked).length
        note = (
            f"{tracked.source} does not show how large the animal is, since no two parts are seen apart from each "
            "other, so its extent is taken from what differs from the median of the frames; "
        )
    crop = follow.default_crop(np.array([extent]))
    follow.refuse_wide(crop, film.video, film.picture)
    return _Sizes(extent, crop, note + follow.crop_note(crop))


def _extent(tracked: Tracked, seen: Sequence[Seen], paths: Sequence[Trajectory]) -> float:
    """Length that the animals usually stay below, in pixels, by the parts that are seen; 0 where these don't tell."""
    extents = [
        follow.extents(track.xy[path.frame], one.sure[path.frame])
        for track, one, path in zip(tracked.tracks, seen, paths, strict=True)
    ]
    return follow.usual_extent(np.concatenate(extents))


def usual_length(film: Film, tracked: Tracked, options: VideoOptions) -> float:
    """Length that the animals of a video usually stay below, in pixels, before anything is cut out.

    It is that by which a crop is derived. The video is decoded only where the pose does not tell it.

    Raises:
        WrongClockError: the frames are not those that the file announces.
        UserError: video and pose do not belong together, or it cannot be told.
    """
    rows = match_rows(film, tracked, options)
    tracked = rows.on_frames(tracked)
    seen = [follow.seen_parts(track, rows.stop, options.min_likelihood) for track in tracked.tracks]
    paths, _, _ = follow.follow(
        tracked.tracks, seen, tracked.body, film.picture, film.clock, rows.first, with_angle=options.align
    )
    return _extent(tracked, seen, paths) or _scene_for_size(film, tracked).length


def _scene_for_size(film: Film, tracked: Tracked) -> Scene:
    film.tally.expect(len(film))
    try:
        return see_scene(film, "moving")
    except UserError:
        raise UserError(
            f"it cannot be determined how large the animal is: in {tracked.source} no two parts are seen apart from "
            "each other, "
            f"and nothing in {film.video} differs from the median of its frames. Give the side of the square that is "
            "cut out, in pixels of the video (--crop PX)"
        ) from None


def _of_threshold(track: Pose, seen: Sequence[Seen], options: VideoOptions) -> str | None:
    threshold = seen[0].threshold
    if threshold is None and options.min_likelihood is not None:
        return f"{track.source} holds no scores, so --min-likelihood changes nothing"
    if threshold is None or options.min_likelihood is not None:
        return None
    if all((one.found == one.sure).all() for one in seen):
        return None
    return f"parts with a {track.scores.name} below {threshold:g} count as not seen (--min-likelihood)"


def _of_center(
    tracked: Tracked, seen: Sequence[Seen], paths: Sequence[Trajectory], clock: Clock, options: VideoOptions
) -> str | None:
    """What the centre is by default, and how far that is from what it once was."""
    body, track = tracked.body, tracked.tracks[0]
    if options.center is not None or not body.has_axis:
        return None
    ends = f"{named(track, body.front)} and {named(track, body.back)}"
    said = f"x, y and speed are those of the middle between {ends}"
    away, speed = [], []
    for track, one, path in zip(tracked.tracks, seen, paths, strict=True):
        once = follow.mean_place(track.xy, one.sure, ())[path.frame]
        away.append(np.hypot(path.x - once[:, 0], path.y - once[:, 1]))
        speed.append(follow.speeds(once, path.frame, clock))
    if not np.concatenate(away).any():
        return f"{said} (--center)"
    now = np.median(np.concatenate([path.speed for path in paths]))
    return (
        f"{said} (--center); the mean of all parts that were seen, which earlier versions took (--center seen), is "
        f"{np.median(np.concatenate(away)):.3g} pixels away, and moves at {np.median(np.concatenate(speed)):.3g} "
        f"instead of {now:.3g} pixels per second (medians)"
    )


# ------------------------------------------------------------------------------------------------------------- cutting


def take_posed(film: Film, tracked: Tracked, options: VideoOptions, notes: Sequence[str]) -> Made:
    """Squares around the animals of a pose.

    Args:
        film: the video.
        tracked: the animals, in pixels of the frames as they are shown.
        options: how crops are cut out.
        notes: about the video.

    Raises:
        WrongClockError: the frames are not those that the file announces.
        UserError: video and pose do not belong together, no frame is left, or the images do not fit into memory.
    """
    plan = make_plan(film, tracked, options)
    evens_out = options.normalise != "none"
    film.tally.expect(int(plan.path.frame[-1]) + 1 + (len(film) if options.mask or evens_out else 0))
    samples = take_samples(film) if options.mask or evens_out else None
    hidden, light, scene = plan.hidden(), None, None
    if samples is not None and evens_out:
        light = see_light(samples, options.normalise, film.video, hidden)
    if samples is not None and options.mask:
        scene = see_scene(film, "moving", hidden, samples)
    squares = plan.squares
    presence = Presence(plan.path.x, plan.path.y, plan.extent, squares.picture)
    made = cut(film, plan.path.frame, squares, options, presence.look, presence.rows, scene, light)
    columns = plan.columns(film.clock)
    if made.areas is not None:
        columns["area_px"] = made.areas
    return Made(
        made.images,
        columns,
        inside=squares.inside(film.room),
        mask=made.masks,
        marks=plan.marks(),
        notes=(
            *notes,
            *plan.notes,
            *([] if light is None else [light.describe()]),
            *([] if scene is None else _of_masks(scene.describe(), made.areas, tracked)),
        ),
        warnings=(
            *plan.warnings,
            *([] if light is None else light.warnings()),
            *_of_presence(presence, film, tracked),
            *([] if scene is None else scene.warnings(LOOK_AT_MASKS)),
        ),
        recipe={
            **dataclasses.replace(options, crop=squares.crop).recipe(with_pose=True),
            **light_entry(light, film.video),
        },
        of_options=plan.of_options,
    )


def _of_masks(described: str, areas: NDArray[np.int64] | None, tracked: Tracked) -> list[str]:
    said = [f"{described.replace('the animal is what', 'the mask is what', 1)}; crops do not count for the median"]
    if len(tracked.tracks) > 1:
        said.append("the mask of a crop holds all that is in it, other individuals too")
    return [*said, *of_empty_masks(areas)]


def _of_presence(presence: Presence, film: Film, tracked: Tracked) -> list[str]:
    share = presence.share()
    if share is None or share >= LEAST_SHARE:
        return []
    return [
        f"the animal does not seem to be where {tracked.source} puts it: there, the frames of {film.video} differ from "
        f"their background no more than elsewhere. Look at the crops. {follow.OTHER_PLACES}"
    ]
