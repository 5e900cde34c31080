"""Video and pose to a data set of crops that follow the animal."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autoencoder.data.arrays import check_readable
from autoencoder.data.dataset import Prepared, check_output, save_dataset
from autoencoder.data.sources.pose import Pose, load_pose
from autoencoder.data.sources.resize import area_resize
from autoencoder.errors import UserError, raise_if_any
from autoencoder.machine.memory import refuse_too_large

FRONT_NAMES = ("nose", "snout", "nosetip", "head")
BACK_NAMES = ("tailroot", "tailbase", "tailstart", "basetail", "baseoftail")
"""Names, without punctuation and capitals, of the parts that the body angle is taken from; the first found counts."""

MAX_FRAME_DIFFERENCE = 2
"""Rows by which a pose may differ from its video: trackers and decoders disagree about the last frames."""

CROP_FACTOR = 1.75
CROP_PERCENTILE = 95
"""The crop is this factor times this percentile of the animal's extent, so that it holds what is not tracked, too."""

MAX_CROP = 4
"""A crop is at most so many times the picture's longer side; beyond, a pose is wrong."""

MEDIAN_STEP = 8
"""The median of a picture is taken over every so many pixels on each axis."""


def prepare_video(
    video: Path,
    pose: Path,
    output: Path,
    *,
    front: str | None = None,
    back: str | None = None,
    crop: int | None = None,
    size: int = 50,
    min_likelihood: float = 0.6,
    arena_center: tuple[float, float] | None = None,
    limit: int | None = None,
    every: int = 1,
    color: bool = False,
    compress: bool = False,
    overwrite: bool = False,
    on_progress: Callable[[int], None] | None = None,
) -> Prepared:
    """Cut a square around the animal out of each frame.

    Frames are decoded one by one. The crop's centre is the mean of the parts that are seen with confidence; what lies
    beyond the picture is filled with the picture's median. Columns: `frame` (counted from 0), `x` and `y` (the crop's
    centre, pixels of the video, y down), `body_angle_deg` (from back to front, counter-clockwise as one sees it),
    `speed_px_per_s` (since the last frame in which the animal was seen; the first takes the speed of the second),
    `distance_from_center` (pixels), `time_s`.

    Args:
        video: what ffmpeg decodes.
        pose: what `load_pose` reads.
        output: path with or without `.npz`.
        front: part at the front of the body; None to find it by its name, such as Nose.
        back: part at its back; None to find it by its name, such as Tailroot.
        crop: side of the square in pixels of the video; None to derive it from the pose.
        size: side of the image that the square is shrunk to, by the mean over the area of each new pixel.
        min_likelihood: parts that are less likely count as not seen.
        arena_center: x and y in pixels of the video; None for the middle of the track's extremes.
        limit: stop after so many images; None for all.
        every: take every so many frames.
        color: keep three channels.
        compress: write smaller files in more time.
        overwrite: files of these names may be replaced.
        on_progress: called with the number of frames decoded since the last call.

    Raises:
        UserError: a file is not what it should be, video and pose do not belong together, a part is not known, no
            frame is left, or the output cannot be written.
    """
    raise_if_any(_option_problems(crop, size, min_likelihood, arena_center, limit, every))
    check_readable(video, "video")
    track = load_pose(pose)
    notes = list(track.notes)
    front_index = _find_part(track, front, FRONT_NAMES, "front", notes)
    back_index = _find_part(track, back, BACK_NAMES, "back", notes)
    if front_index == back_index:
        raise UserError(f"front and back are both '{track.parts[front_index]}': name two parts of {pose}")
    check_output(output, overwrite=overwrite, inputs=(video, pose))

    fps, width, height = _probe(video)
    n_frames = _common_frames(video, track, notes)
    seen = _seen_parts(track, n_frames, min_likelihood)
    path = _follow(track, seen, front_index, back_index, (width, height), fps, notes)
    if arena_center is None:
        arena_center = path.middle()
        middle = f"({arena_center[0]:.1f}, {arena_center[1]:.1f}), the middle of the track"
        notes.append(f"the arena's centre is taken to be {middle}; give it if you know it")
    if crop is None:
        crop = _default_crop(track.xy[path.frame], seen[path.frame])
        notes.append(
            f"the crop is {crop} pixels wide, {CROP_FACTOR:g} times the animal's extent (percentile {CROP_PERCENTILE})"
        )
    if crop > MAX_CROP * max(width, height):
        raise UserError(
            f"a crop of {crop:,} pixels is more than {MAX_CROP} times the longer side of {video} ({width}x{height}): "
            "give the animal's size in the video (--crop), or correct the pose"
        )
    path = path.take(np.flatnonzero(path.frame % every == 0)[:limit])
    if not len(path.frame):
        raise UserError(f"no frame of {video} is left to take: {'; '.join(notes)}")

    channels = 3 if color else 1
    # 64-bit numbers of the square, their sums and the means of them.
    work = 8 * channels * (3 * crop**2 + 3 * crop * size + 3 * size**2)
    refuse_too_large(
        f"{len(path.frame):,} images of {size}x{size}",
        len(path.frame) * channels * size**2 + work,
        "take fewer (--limit, --every) or smaller ones (--size)",
    )
    images = _cut(video, path, crop, size, color, (width, height), on_progress)
    columns = path.columns(arena_center, fps)
    return save_dataset(output, images, columns, compress=compress, overwrite=overwrite, notes=tuple(notes))


def _option_problems(
    crop: int | None,
    size: int,
    min_likelihood: float,
    arena_center: tuple[float, float] | None,
    limit: int | None,
    every: int,
) -> list[str]:
    problems = []
    if crop is not None and crop < 2:
        problems.append(f"a crop is at least 2 pixels wide, not {crop}")
    if size < 1:
        problems.append(f"an image is at least 1 pixel wide, not {size}")
    if not 0 <= min_likelihood <= 1:
        problems.append(f"a likelihood lies between 0 and 1, not at {min_likelihood}")
    if arena_center is not None and not all(math.isfinite(value) for value in arena_center):
        problems.append(f"the arena's centre is a pair of numbers, not {arena_center}")
    if limit is not None and limit < 1:
        problems.append(f"a limit is at least 1 image, not {limit}")
    if every < 1:
        problems.append(f"every 1st frame or fewer can be taken, not every {every}")
    return problems


# ---------------------------------------------------------------------------------------------------------------- pose


@dataclass(frozen=True, eq=False)
class _Path:
    """Where the animal is in the M frames in which it was seen; every array has shape (M,).

    Attributes:
        frame: number of the frame, int64, ascending.
        x, y: mean of the parts that were seen, pixels, y down.
        angle: from back to front, degrees in [0, 360), counter-clockwise as one sees it.
        speed: pixels per second.
    """

    frame: NDArray[np.int64]
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    angle: NDArray[np.float64]
    speed: NDArray[np.float64]

    def take(self, rows: NDArray[np.int64]) -> _Path:
        return _Path(self.frame[rows], self.x[rows], self.y[rows], self.angle[rows], self.speed[rows])

    def middle(self) -> tuple[float, float]:
        """Half-way between the extremes of the track."""
        return float(self.x.min() + self.x.max()) / 2, float(self.y.min() + self.y.max()) / 2

    def columns(self, arena_center: tuple[float, float], fps: float) -> dict[str, np.ndarray]:
        """Metadata of the images of these frames."""
        return {
            "frame": self.frame,
            "x": self.x,
            "y": self.y,
            "body_angle_deg": self.angle,
            "speed_px_per_s": self.speed,
            "distance_from_center": np.hypot(self.x - arena_center[0], self.y - arena_center[1]),
            "time_s": self.frame / fps,
        }


def _find_part(track: Pose, name: str | None, usual: tuple[str, ...], where: str, notes: list[str]) -> int:
    """Number of the part called `name`, or of the first with one of the `usual` names."""
    plain = [_plain(part) for part in track.parts]
    wanted = usual if name is None else (_plain(name),)
    for candidate in wanted:
        if candidate in plain:
            found = plain.index(candidate)
            if name is None:
                notes.append(f"the {where} of the body is '{track.parts[found]}'")
            return found
    called = "has a name that says so" if name is None else f"is called '{name}'"
    raise UserError(
        f"which part is the {where} of the body? None in {track.source} {called}: choose one (--{where}) of "
        f"{', '.join(track.parts)}"
    )


def _plain(name: str) -> str:
    return re.sub(r"[\W_]", "", name).lower()


def _common_frames(video: Path, track: Pose, notes: list[str]) -> int:
    """Number of frames that both video and pose have."""
    import imageio_ffmpeg

    try:
        n_video, _ = imageio_ffmpeg.count_frames_and_secs(str(video.absolute()))
    except RuntimeError:
        raise UserError(f"{video} cannot be decoded to its end: convert it again") from None
    if abs(n_video - len(track)) > MAX_FRAME_DIFFERENCE:
        raise UserError(
            f"{video} has {n_video:,} frames and {track.source} has {len(track):,} rows: they do not belong together"
        )
    if n_video > len(track):
        notes.append(f"left out the last {n_video - len(track)} of {n_video:,} frames, for which there is no pose")
    if n_video < len(track):
        notes.append(f"cut the last {len(track) - n_video} of {len(track):,} rows of the pose, which have no frame")
    return int(min(n_video, len(track)))


def _seen_parts(track: Pose, n_frames: int, min_likelihood: float) -> NDArray[np.bool_]:
    """(F, P), True where a part was found with at least `min_likelihood`."""
    return np.isfinite(track.xy[:n_frames]).all(axis=2) & (track.likelihood[:n_frames] >= min_likelihood)


def _follow(
    track: Pose,
    seen: NDArray[np.bool_],
    front: int,
    back: int,
    picture: tuple[int, int],
    fps: float,
    notes: list[str],
) -> _Path:
    """The animal's path through the frames in which its front, back and centre are known."""
    # The centre of any frame without a part is 0/0, NaN, and so outside the picture.
    weight = seen / np.maximum(seen.sum(axis=1, keepdims=True), 1)
    center = np.einsum("fp,fpk->fk", weight, np.where(seen[:, :, None], track.xy[: len(seen)], 0.0))
    reasons = {
        f"'{track.parts[front]}' was not seen": ~seen[:, front],
        f"'{track.parts[back]}' was not seen": ~seen[:, back],
        "the animal's centre was outside the picture": ((center < 0) | (center > np.array(picture) - 1)).any(axis=1),
    }
    kept = np.ones(len(seen), bool)
    for reason, frames in reasons.items():
        if (frames & kept).any():
            notes.append(f"left out {int((frames & kept).sum()):,} of {len(seen):,} frames, because {reason}")
        kept &= ~frames
    frame = np.flatnonzero(kept).astype(np.int64)
    if len(frame) == 0:
        raise UserError(f"the animal is in no frame of {track.source}: {'; '.join(notes)}")
    x, y = center[frame].T
    dx, dy = (track.xy[frame, front] - track.xy[frame, back]).T
    angle = np.degrees(np.arctan2(-dy, dx)) % 360
    speed = np.zeros(len(frame))
    if len(frame) > 1:
        speed[1:] = np.hypot(np.diff(x), np.diff(y)) * fps / np.diff(frame)
        speed[0] = speed[1]
    return _Path(frame, x, y, angle, speed)


def _default_crop(xy: NDArray[np.float64], seen: NDArray[np.bool_]) -> int:
    """An even number of pixels that holds the animal in nearly all frames."""
    xy = np.where(seen[:, :, None], xy, np.nan)
    n_parts = xy.shape[1]
    # The largest distance between two parts does not depend on which way the animal looks; its bounding box would.
    pairs = [np.hypot(*(xy[:, i] - xy[:, j]).T) for i in range(n_parts) for j in range(i)]
    extent = np.nanmax(np.stack(pairs), axis=0)  # front and back are in every frame, so none is all NaN
    return max(2, 2 * round(CROP_FACTOR * float(np.percentile(extent, CROP_PERCENTILE)) / 2))


# --------------------------------------------------------------------------------------------------------------- video


def _probe(video: Path) -> tuple[float, int, int]:
    """Frames per second, width and height."""
    with closing(_decode(video, color=False)) as stream:
        meta = next(stream)
    width, height = meta["size"]
    if not meta["fps"] > 0:
        raise UserError(f"{video} does not say how many frames it has per second: convert it to .mp4")
    return float(meta["fps"]), int(width), int(height)


def _decode(video: Path, *, color: bool) -> Generator[Any, None, None]:
    """What imageio-ffmpeg knows of the video, then each frame as bytes, (H, W) or (H, W, 3) uint8."""
    import imageio_ffmpeg

    stream = imageio_ffmpeg.read_frames(
        str(video.absolute()),
        pix_fmt="rgb24" if color else "gray",
        bits_per_pixel=24 if color else 8,
        # Every coded frame once: by default ffmpeg repeats and drops frames to make the rate constant, and the rows
        # of a pose would no longer be those frames.
        output_params=["-fps_mode", "passthrough"],
    )
    try:
        yield from stream
    except (OSError, RuntimeError):
        raise UserError(f"{video} cannot be decoded: it is no video, or damaged; convert it to .mp4") from None
    finally:
        stream.close()


def _cut(
    video: Path,
    path: _Path,
    crop: int,
    size: int,
    color: bool,
    picture: tuple[int, int],
    on_progress: Callable[[int], None] | None,
) -> NDArray[np.uint8]:
    """Crops around `path`, (M, size, size) or, with `color`, (M, 3, size, size)."""
    width, height = picture
    images = np.empty((len(path.frame), *((3,) if color else ()), size, size), np.uint8)
    row = 0
    with closing(_decode(video, color=color)) as stream:
        next(stream)
        for number, data in enumerate(stream):
            if number == path.frame[row]:
                frame = np.frombuffer(data, np.uint8).reshape(height, width, -1).transpose(2, 0, 1)
                images[row] = crop_square(frame if color else frame[0], path.x[row], path.y[row], crop, size)
                row += 1
            if on_progress is not None:
                on_progress(1)
            if row == len(images):
                return images
    raise UserError(f"{video} could be decoded up to frame {path.frame[row]:,} only: it is damaged; convert it again")


def crop_square(frame: np.ndarray, x: float, y: float, crop: int, size: int) -> np.ndarray:
    """The square of side `crop` around (x, y), shrunk to side `size`.

    Beyond the picture it is filled with the picture's median, which is the ground's brightness in most videos.
    Repeating the edge would turn a bright wall there into bars, which a network spends its latent on.

    Args:
        frame: (H, W) or (C, H, W) uint8.
        x: centre of the square in pixels; the centre of the leftmost pixel is 0.
        y: the same, down from the topmost pixel.
        crop: side of the square, in pixels of the frame.
        size: side of the result.
    """
    height, width = frame.shape[-2:]
    # Measured from the picture's corner, the centre of pixel 0 lies at 0.5.
    left, top = x + 0.5 - crop / 2, y + 0.5 - crop / 2
    first_column, first_row = math.floor(left), math.floor(top)
    columns, rows = np.arange(first_column, math.ceil(left + crop)), np.arange(first_row, math.ceil(top + crop))
    part = frame[..., np.clip(rows, 0, height - 1)[:, None], np.clip(columns, 0, width - 1)]
    beyond = ((rows < 0) | (rows >= height))[:, None] | ((columns < 0) | (columns >= width))
    if beyond.any():
        ground = np.median(frame[..., ::MEDIAN_STEP, ::MEDIAN_STEP], axis=(-2, -1)).astype(frame.dtype)
        part = np.where(beyond, ground[..., None, None], part)
    left, top = left - first_column, top - first_row
    return area_resize(part, size, (left, top, left + crop, top + crop))
