"""`clips`: video around chosen images, side by side, so that a cluster is looked at as behaviour."""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from autoencoder.array_types import Rows
from autoencoder.config.arguments import AnyPath, paths_of
from autoencoder.config.value_types import check_types
from autoencoder.data.sources.video.cutting.clips import Clip, Way, cut_clips, usual_rate
from autoencoder.data.sources.video.frames import Tally, spread
from autoencoder.data.sources.video.prepare import OpenedVideo, open_video
from autoencoder.errors import UserError, raise_if_any
from autoencoder.machine.files import check_writable, write_error
from autoencoder.machine.progress import SILENT, Progress, Say
from autoencoder.plots.figures import Files
from autoencoder.plots.movies.clips import EMPTY, clip_frames, side_of_tiles
from autoencoder.plots.movies.writer import MAX_GIF_FPS, SUFFIXES, MovieWriter
from autoencoder.runs.opened import RunLike, open_run
from autoencoder.workflows.clips.images import Animal, Images, apart
from autoencoder.workflows.clips.rows import read_rows
from autoencoder.workflows.clips.videos import Made, find_videos, made_of

Window = Literal["follow", "still", "frame"]

WINDOWS: tuple[Window, ...] = get_args(Window)
"""What a clip shows: a window that goes with the animal, one that stays where it is in the middle, or whole frames."""

MOST_FPS = 60
"""Of a movie: screens show no more. Of faster videos frames are left out, unless they are played slowly."""

MARK_SECONDS = 0.2
"""How long the line stands around the tiles, from the middle frame on, so that it is seen."""

TIME_SLACK = 0.5
"""Share of the time between frames by which a column of times may miss those of the video."""

Ways = Mapping[Animal, Way]


@dataclass(frozen=True)
class ClipOptions:
    """What clips show.

    Attributes:
        seconds: of video in each, half of them before the image's frame.
        most: clips in the movie, at most.
        window: what is shown: `follow`, a window that goes with the animal; `still`, one that stays where the animal is
            in the middle; `frame`, whole frames. None for `follow` where the animal's place is known, and else `frame`.
        crop: side of the window, pixels of the video; None for what was cut out for the images.
        speed: how fast it is played; 1 is as fast as it was.
    """

    seconds: float = 2.0
    most: int = 16
    window: Window | None = None
    crop: int | None = None
    speed: float = 1.0

    def __post_init__(self) -> None:
        check_types(self)


DEFAULTS = ClipOptions()


def clips(
    run: RunLike,
    rows: str | Path,
    *,
    video: AnyPath | Sequence[AnyPath] = (),
    recordings: str | Path | None = None,
    options: ClipOptions = DEFAULTS,
    out: str | Path | None = None,
    quiet: bool = True,
    say: Say = SILENT,
) -> Files:
    """Write a movie of the video around images that a table names.

    All clips are equally long, with the frame of their image in the middle. Where a video begins later, or ends
    earlier, its tile is gray. Images whose clips would overlap are shown in one clip.

    Args:
        run: a run folder, or what `open_run` gave: its data set is that of the images.
        rows: a CSV that names images, with the column `row`, as the page of `explore` saves it, or with `frame` and,
            where the data set has them, `recording` and `individual`.
        video: the videos, or folders of them; found by the names of the files that the images were made of. Empty to
            look in the folder of the data set.
        recordings: the table of `prepare_experiment`, which says where the videos are, instead.
        options: what clips show.
        out: the movie, `.mp4` or `.gif`; None for `RUN/clips/TABLE.mp4`.
        quiet: show no progress.
        say: is told what was left out.

    Returns:
        the files: one, the movie.

    Raises:
        UserError: the table is none of rows, a video is missing, damaged or another one than that of the images, it is
            not known where an animal is that is to be shown, or the movie cannot be written.
    """
    opened, table = open_run(run), Path(rows)
    out = opened.output_folder("clips") / f"{table.stem}.mp4" if out is None else Path(out)
    _check_out(out)
    images = Images.of(opened.images.metadata)
    chosen = _with_frame(read_rows(table, images.metadata, len(opened.images)), images, table)
    names, recipe = dict.fromkeys(images.recordings[chosen].tolist()), opened.recipe()
    folder = Path(opened.config().data.images).parent
    found = find_videos(
        list(names),
        recipe,
        folder=folder,
        is_only=len(np.unique(images.recordings)) == 1,
        given=paths_of(video, "a video"),
        table=None if recordings is None else Path(recordings),
    )
    _refuse_to_replace(out, [*found.values(), table])
    parts = [
        _open(name, found[name], made_of(recipe, name), chosen[images.recordings[chosen] == name], images)
        for name in names
    ]
    ways = _ways(images, chosen, parts, options, say)
    shown = _chosen(parts, images, options, table, say)
    moments, fps = _moments(parts, options, out)
    captions = [_caption(row, parts, images) for row in shown.tolist()]
    speed = "" if options.speed == 1 else f", at {options.speed:g} times the speed"
    title = f"{table.name}: {len(shown):,} of {len(chosen):,} images, {options.seconds:g} s around each{speed}"
    marked = (np.arange(len(moments)) - len(moments) // 2) / fps
    with _room_for_tiles(out, len(shown), len(moments), in_color=parts[0].made.color) as tiles:
        for part in parts:
            _cut(part, shown, tiles, images, ways, moments, options, quiet)
        with MovieWriter(out, fps) as movie:
            for frame in clip_frames(tiles, captions, title, (marked >= 0) & (marked < MARK_SECONDS)):
                movie.append(frame)
    return Files([out])


# ------------------------------------------------------------------------------------------------------ before the work


@dataclass(frozen=True, eq=False)
class _Recording:
    """A recording of which there are clips; `rows` are those of the table."""

    name: str
    video: Path
    made: Made
    rows: Rows
    opened: OpenedVideo

    @property
    def rate(self) -> float:
        """Frames per second."""
        return usual_rate(self.opened.film.clock)

    def seconds(self, frames: NDArray[np.int64]) -> NDArray[np.float64]:
        """When frames are shown."""
        return self.opened.film.clock.seconds(frames)


def _check_out(out: Path) -> None:
    if out.suffix.lower() not in SUFFIXES or out.is_dir():
        raise UserError(
            f"clips are written as a movie, whose name must end in {' or '.join(SUFFIXES)}: not {out} (--out)"
        )
    check_writable(out.parent)


def _refuse_to_replace(out: Path, inputs: Sequence[Path]) -> None:
    if out.exists() and any(out.samefile(path) for path in inputs):
        raise UserError(f"{out} is an input of the clips, and would be replaced: choose another name (--out)")


def _with_frame(rows: Rows, images: Images, table: Path) -> Rows:
    known = rows[images.frames[rows] >= 0]
    if not len(known):
        raise UserError(f"the frames of the images in {table} are not known: column 'frame' is empty there")
    return known


def _open(name: str, video: Path, made: Made, rows: Rows, images: Images) -> _Recording:
    """Open the video of a recording.

    Raises:
        UserError: it is damaged, or not that of the images.
    """
    part = _Recording(name, video, made, rows, open_video(video, None, made.options, Tally()))
    film, frames = part.opened.film, images.frames[rows]
    which = f"of recording '{name}'" if name else "of the data set"
    remedy = "give the video that they were made of (--video)"
    if made.picture is not None and made.picture != film.picture:
        (width, height), (own_width, own_height) = film.picture, made.picture
        raise UserError(
            f"{video} has frames of {width}x{height} pixels, and the images {which} were made of frames of "
            f"{own_width}x{own_height}: {remedy}"
        )
    if (last := int(frames.max())) >= len(film):
        raise UserError(
            f"{video} has the frames 0 to {len(film) - 1:,}, and an image {which} is of frame {last:,}: {remedy}"
        )
    times = images.numbers("time_s")
    if made.by_us and times is not None:
        away = np.abs(times[rows] - part.seconds(frames))
        if (away > TIME_SLACK / part.rate).any():
            frame = int(frames[np.nanargmax(away)])
            raise UserError(
                f"{video} shows frame {frame:,} at another time than column 'time_s' says of the images {which}: "
                f"{remedy}"
            )
    return part


def _ways(images: Images, rows: Rows, parts: Sequence[_Recording], options: ClipOptions, say: Say) -> Ways:
    """Where the animals are; empty where whole frames are shown.

    Raises:
        UserError: a window is asked for around what is not known.
    """
    if options.window == "frame":
        raise_if_any(["--window frame shows whole frames: leave out --crop"] if options.crop is not None else [])
        return {}
    crops = {part.name: options.crop or part.made.crop for part in parts}
    known = {name: crop for name, crop in crops.items() if crop is not None}
    is_asked = options.window is not None or options.crop is not None
    if not images.are_placed and is_asked:
        raise UserError("the data set does not say where the animal is (columns 'x' and 'y'): take --window frame")
    if images.are_placed and len(known) < len(crops):
        why = "the size of the images' crop is not known"
        if is_asked:
            raise UserError(f"{why}: say how large the window is (--crop PX), or take --window frame")
        say(f"note: {why}, so whole frames are shown; --crop PX shows a window around the animal")
        return {}
    return images.ways(rows, known) if images.are_placed else {}


def _chosen(parts: Sequence[_Recording], images: Images, options: ClipOptions, table: Path, say: Say) -> Rows:
    """Images whose clips do not overlap, and of those as many as are asked for, evenly from all over."""
    kept = list[int]()
    for part in parts:
        individuals = images.individuals[part.rows]
        for individual in np.unique(individuals):
            rows = part.rows[individuals == individual]
            rows = rows[np.argsort(images.frames[rows], kind="stable")]
            kept += rows[apart(part.seconds(images.frames[rows]), options.seconds)].tolist()
    n, rows = sum(len(part.rows) for part in parts), np.array(sorted(kept), np.int64)
    if len(rows) < n:
        say(
            f"note: {n - len(rows):,} of the {n:,} images in {table} come less than {options.seconds:g} s after "
            "another one, and appear in its clip or the next"
        )
    if len(rows) > options.most:
        say(f"note: {options.most:,} of {len(rows):,} clips are shown, chosen evenly (--clips)")
    return rows[spread(len(rows), options.most)]


def _moments(parts: Sequence[_Recording], options: ClipOptions, out: Path) -> tuple[NDArray[np.float64], float]:
    """Seconds from the middle of a clip of each moment that is shown, and frames per second of the movie.

    There are as many moments as the fastest video has frames, unless that is more than a screen can show.
    """
    most = MAX_GIF_FPS if out.suffix.lower() == ".gif" else MOST_FPS
    fps = min(max(part.rate for part in parts) * options.speed, most)
    per_second = fps / options.speed
    half = max(1, round(options.seconds / 2 * per_second))
    return np.arange(-half, half + 1) / per_second, fps


def _caption(row: int, parts: Sequence[_Recording], images: Images) -> str:
    frame = images.frames[[row]]
    part = next(part for part in parts if part.name == images.recordings[row])
    return ", ".join([*filter(None, images.animal(row)), f"row {row:,}", f"{float(part.seconds(frame)[0]):.2f} s"])


# ------------------------------------------------------------------------------------------------------------ the work


@contextmanager
def _room_for_tiles(out: Path, n: int, n_moments: int, *, in_color: bool) -> Iterator[NDArray[np.uint8]]:
    """An array on the disk for all clips, so that they may be larger than memory; gray, and gone with the block."""
    side = side_of_tiles(n)
    shape = (n, n_moments, side, side, *((3,) if in_color else ()))
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{out.stem}.", suffix=".partial", dir=out.parent) as folder:
            tiles = np.lib.format.open_memmap(f"{folder}/tiles.npy", mode="w+", dtype=np.uint8, shape=shape)
            tiles[:] = EMPTY
            yield tiles
    except OSError as error:
        raise write_error(out, error) from None


def _cut(
    part: _Recording,
    shown: Rows,
    tiles: NDArray[np.uint8],
    images: Images,
    ways: Ways,
    moments: NDArray[np.float64],
    options: ClipOptions,
    quiet: bool,
) -> None:
    """Cut the clips of one recording out of its video."""
    own = [i for i, row in enumerate(shown.tolist()) if images.recordings[row] == part.name]
    if not own:
        return
    clips = list[Clip]()
    for row in shown[own].tolist():
        frame, way = int(images.frames[row]), ways.get(images.animal(row))
        clips.append(Clip(frame, way.staying(frame) if way is not None and options.window == "still" else way))
    with Progress(f"Cutting clips out of {part.video.name}", None, "frames", quiet=quiet) as progress:
        film = dataclasses.replace(part.opened.film, tally=Tally(progress.advance, progress.expect))
        opened = dataclasses.replace(part.opened, film=film)
        opened.with_right_clock(lambda opened: cut_clips(opened.film, clips, moments, [tiles[i] for i in own]))
