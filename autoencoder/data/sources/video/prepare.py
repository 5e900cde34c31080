"""A video to a data set: crops that follow an animal, by its pose or by what moves, or whole frames."""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from autoencoder.data.arrays import check_readable
from autoencoder.data.dataset import Prepared, check_output, save_dataset
from autoencoder.data.images import ImageSet, load_images
from autoencoder.data.recipe import Recipe
from autoencoder.data.sources.pose.readers import load_poses
from autoencoder.data.sources.video.followed import take_followed
from autoencoder.data.sources.video.frames import MEMORY, Film, Room, Tally, WrongClockError
from autoencoder.data.sources.video.made import Made
from autoencoder.data.sources.video.options import DEFAULTS, VideoOptions, options_of
from autoencoder.data.sources.video.orientation import Orientation, read_orientation
from autoencoder.data.sources.video.posed import Tracked, find_tracked, take_posed
from autoencoder.data.sources.video.timing import decoded_clock, read_clock
from autoencoder.data.sources.video.whole import take_whole
from autoencoder.errors import UserError, raise_if_any

T = TypeVar("T")


def prepare_video(
    video: Path,
    pose: Path | None,
    output: Path,
    options: VideoOptions = DEFAULTS,
    *,
    compress: bool = False,
    overwrite: bool = False,
    on_progress: Callable[[int], None] | None = None,
    on_total: Callable[[int], None] | None = None,
) -> Prepared:
    """Cut a square around the animal out of each frame, or take whole frames.

    Frames are decoded one by one. Columns of whole frames: `frame` (counted from 0), `time_s` (since the video's first
    frame), `motion_energy` (mean absolute difference from the frame before, gray values). Columns of crops: `frame`,
    `individual` (where all are followed), `x` and `y` (the crop's centre, pixels of the video, y down),
    `body_angle_deg` (from back to front, counter-clockwise as one sees it; where a pose tells it), `speed_px_per_s` (of
    the centre since the last frame in which the animal was seen; the first takes the speed of the second),
    `distance_from_center` (pixels), `time_s`, `inside` (share of the crop's area that lies within the picture, 0 to 1).
    With masks, or without a pose, `area_px` (of the animal, pixels of the video).

    Args:
        video: what ffmpeg decodes.
        pose: what `load_poses` reads; None for what `options` say of videos without a pose.
        output: path with or without `.npz`.
        options: how images are made.
        compress: write smaller files in more time.
        overwrite: files of these names may be replaced.
        on_progress: called with the number of frames decoded since the last call.
        on_total: called with the number of frames that will be decoded in all, once it is known.

    Raises:
        UserError: a file is not what it should be, options do not go together, video and pose do not belong together, a
            part or an individual is not known, no frame is left, or the output cannot be written.
    """
    return _prepare(
        video,
        pose,
        output,
        options,
        compress=compress,
        overwrite=overwrite,
        on_progress=on_progress,
        on_total=on_total,
    )


def _prepare(
    video: Path,
    pose: Path | None,
    output: Path,
    options: VideoOptions,
    *,
    again: bool = False,
    compress: bool = False,
    overwrite: bool = False,
    on_progress: Callable[[int], None] | None,
    on_total: Callable[[int], None] | None,
) -> Prepared:
    """As `prepare_video`; made `again` by a recipe, notes are only those on this video."""
    raise_if_any(options.problems(with_pose=pose is not None))
    check_readable(video, "video")
    tracked = None if pose is None else find_tracked(load_poses(pose, video), options)
    check_output(output, overwrite=overwrite, inputs=(video,) if pose is None else (video, pose))

    opened = open_video(video, tracked, options, Tally(on_progress, on_total))
    made = opened.with_right_clock(lambda opened: make_images(opened, options))
    return save_dataset(
        output,
        made.images,
        made.columns,
        mask=made.mask,
        inside=made.inside,
        recipe={**made.recipe, "video": video.name},
        marks=made.marks,
        compress=compress,
        overwrite=overwrite,
        notes=made.notes_on_video() if again else made.notes,
        warnings=made.warnings,
    )


@dataclass(frozen=True, eq=False)
class OpenedVideo:
    """A video whose frames are known, and have not been looked at.

    Attributes:
        film: its frames.
        tracked: who is followed, in pixels of the frames as players show them; None where there is no pose.
        orientation: how the frames are turned.
    """

    film: Film
    tracked: Tracked | None
    orientation: Orientation

    def with_right_clock(self, work: Callable[[OpenedVideo], T]) -> T:
        """What some work on the frames gives, which is done anew where the file says something else of them.

        Raises:
            UserError: as the work does, or the video cannot be decoded.
        """
        try:
            return work(self)
        except WrongClockError:
            clock = decoded_clock(self.film.video, self.film.clock.rate)
            return work(dataclasses.replace(self, film=dataclasses.replace(self.film, clock=clock)))


def open_video(
    video: Path, tracked: Tracked | None, options: VideoOptions, tally: Tally, room: Room = MEMORY
) -> OpenedVideo:
    """Find out how the frames of a video are turned, and when they were taken.

    Args:
        video: what ffmpeg decodes.
        tracked: of its pose, as `find_tracked` gives it; None where there is no pose.
        options: how images are made.
        tally: of the frames that will be decoded.
        room: where images will be put.

    Raises:
        UserError: the video cannot be decoded, or has no times.
    """
    orientation = read_orientation(video)
    if tracked is not None:
        tracked = tracked.on_shown_frames(video, orientation, options)
    clock = read_clock(video, options.fps)
    if tracked is not None and not clock.counted and not tracked.fits(len(clock)):
        clock = decoded_clock(video, options.fps)
    return OpenedVideo(Film(video, orientation.size, clock, options.color, tally, room), tracked, orientation)


@dataclass(frozen=True, eq=False)
class MadeAgain:
    """The images of another video, made as those of a data set were.

    Attributes:
        images: with their metadata, read from a temporary file; they are gone when the block of `made_again` ends.
        notes: what was found in this video, or left out, one sentence each; see `Made.notes_on_video`.
        warnings: what is probably not as it should be.
    """

    images: ImageSet
    notes: tuple[str, ...]
    warnings: tuple[str, ...]


@contextmanager
def made_again(
    recipe: Recipe,
    video: Path,
    pose: Path | None = None,
    *,
    changes: Mapping[str, Any] | None = None,
    folder: Path | None = None,
    on_progress: Callable[[int], None] | None = None,
    on_total: Callable[[int], None] | None = None,
) -> Iterator[MadeAgain]:
    """Make the images of a video by the recipe of others, as `prepare_video` does, to be read while the block lasts.

    They are what `prepare_video` writes, in a temporary file: columns such as the speed, and the number of frames in
    which the animal is seen, are known only when the whole video was decoded. All frames are taken, also where the
    recipe's data set was limited to some.

    Args:
        recipe: see `ImageSet.recipe` and `Run.recipe`.
        video: what ffmpeg decodes.
        pose: its pose; None where the recipe's images were made without one.
        changes: options of `VideoOptions` that are another for this video, such as `{"track": 1}`.
        folder: where the temporary file lies; None for where temporary files usually lie.
        on_progress, on_total: see `prepare_video`.

    Raises:
        UserError: as `prepare_video`; or the recipe is of another command, needs a pose, or knows none.
    """
    options = options_of(recipe, changes)
    if recipe["pose"] and pose is None:
        raise UserError(f"the images were cut out by a pose, and {video} has none: give its file (--pose)")
    if not recipe["pose"] and pose is not None:
        raise UserError(f"the images were made without a pose: leave out {pose} (--pose)")
    with tempfile.TemporaryDirectory(prefix=".images.", dir=folder) as place:
        output = Path(place) / "images.npz"
        prepared = _prepare(video, pose, output, options, again=True, on_progress=on_progress, on_total=on_total)
        yield MadeAgain(load_images(prepared.npz), prepared.notes, prepared.warnings)


def make_images(opened: OpenedVideo, options: VideoOptions) -> Made:
    """The images of a video.

    Raises:
        WrongClockError: the frames are not those that the file announces.
        UserError: video and pose do not belong together, no frame is left, or the video is damaged.
    """
    film, tracked = opened.film, opened.tracked
    turned = opened.orientation.describe(film.video, pose_turned=options.pose_turned)
    said = (film.clock.describe(film.video), turned)
    notes = [note for note in said if note is not None]
    if tracked is not None:
        return take_posed(film, tracked, options, notes)
    if options.follow is not None:
        return take_followed(film, options.follow, options, notes)
    return take_whole(film, options, notes)
