"""Where the videos of recordings are: what is known of them, and what the user says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from autoencoder.data.arrays import check_readable
from autoencoder.data.recipe import Recipe
from autoencoder.data.sources.experiment.recordings import read_recordings
from autoencoder.data.sources.video.options import COMMAND, COMMAND_OF_MANY, VideoOptions
from autoencoder.errors import UserError, problems_of, raise_if_any
from autoencoder.workflows.clips.images import THE_ONLY_ONE

NO_VIDEOS = frozenset(
    {".csv", ".tsv", ".txt", ".npz", ".npy", ".json", ".h5", ".hdf5", ".slp", ".nwb", ".nc", ".pickle"}
)
"""Suffixes of tables and poses, which often have the name of their video."""


@dataclass(frozen=True)
class Made:
    """How images were made of frames, as far as clips depend on it; of a recording, or of all.

    Attributes:
        video: name of the file; None where that is not known.
        crop: side of what was cut out, pixels of the video; None for whole frames, or where that is not known.
        picture: width and height of the frames; None where that is not known.
        fps: frames per second that were given in place of the times of the file.
        color: images have three channels.
        by_us: by `prepare`, so that columns mean what it writes.
    """

    video: str | None = None
    crop: int | None = None
    picture: tuple[int, int] | None = None
    fps: Fraction | None = None
    color: bool = False
    by_us: bool = False

    @property
    def options(self) -> VideoOptions:
        """To decode a video with."""
        return VideoOptions(fps=self.fps, color=self.color)


def made_of(recipe: Recipe | None, recording: str) -> Made:
    """What a recipe says of a recording."""
    if recipe is None or recipe["command"] not in (COMMAND, COMMAND_OF_MANY):
        return Made()
    entries: Sequence[Mapping[str, Any]] = recipe.get("recordings", ())
    own = next((entry for entry in entries if entry["recording"] == recording), {})
    picture = own.get("picture")
    return Made(
        own.get("video", recipe.get("video")),
        own.get("crop", recipe.get("crop")),
        None if picture is None else (int(picture[0]), int(picture[1])),
        None if recipe.get("fps") is None else Fraction(recipe["fps"]),
        bool(recipe.get("color")),
        by_us=True,
    )


def find_videos(
    names: Sequence[str],
    recipe: Recipe | None,
    *,
    folder: Path,
    is_only: bool,
    given: Sequence[Path] = (),
    table: Path | None = None,
) -> dict[str, Path]:
    """The video of each recording.

    Args:
        names: of the recordings; `THE_ONLY_ONE` where the data set does not name them.
        recipe: of the data set.
        folder: of the data set, which is looked through where nothing is given.
        is_only: whether the data set has no other recording.
        given: videos, and folders of them. A video belongs to the recording that was made of a file of its name, or
            that has its name without the suffix; the only one of the only recording, whatever it is called.
        table: of `prepare experiment`, which says where each video is; nothing is given beside it.

    Raises:
        UserError: videos are missing, a line for each.
    """
    if table is not None:
        listed = {recording.name: recording.video for recording in read_recordings(table)}
        raise_if_any(
            f"{table} has no recording '{name}', of which there are images: give its video (--video)"
            for name in names
            if name not in listed
        )
        return {name: listed[name] for name in names}
    raise_if_any(p for path in given if not path.is_dir() for p in problems_of(check_readable, path, "video"))
    if is_only and len(given) == 1 and not given[0].is_dir():
        return {names[0]: given[0]}
    if names[0] == THE_ONLY_ONE and made_of(recipe, THE_ONLY_ONE).video is None:
        raise UserError("it is not known of which video the images are: name its file (--video)")
    places = given or [folder]
    files = [file for place in places for file in (sorted(place.iterdir()) if place.is_dir() else [place])]
    problems, found = list[str](), dict[str, Path]()
    for name in names:
        own = _videos_of(name, made_of(recipe, name).video, files)
        if len(own) == 1:
            found[name] = own[0]
        elif own:
            problems.append(f"there are {len(own)} videos{_of(name)}, such as {own[0]} and {own[1]}")
        else:
            problems.append(f"there is no video {made_of(recipe, name).video or f'{name}.mp4'}{_of(name)}")
    if problems:
        problems[-1] += (
            f" (looked for in {', '.join(map(str, places))}): name the file or its folder (--video), or the "
        )
        problems[-1] += "table of recordings (--recordings)"
    raise_if_any(problems)
    return found


def _of(recording: str) -> str:
    return "" if recording == THE_ONLY_ONE else f" of recording '{recording}'"


def _videos_of(recording: str, file_name: str | None, files: Sequence[Path]) -> list[Path]:
    """Files that are called as the video was, or else as the recording is."""
    files = [file for file in files if file.is_file()]
    return [file for file in files if file.name == file_name] or [file for file in files if _is_called(file, recording)]


def _is_called(file: Path, recording: str) -> bool:
    return file.stem == recording and file.suffix.lower() not in NO_VIDEOS
