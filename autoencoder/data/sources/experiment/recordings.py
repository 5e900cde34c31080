"""The table of an experiment: a row for each recording, read and checked as a whole before any work."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from autoencoder.data.arrays import check_readable
from autoencoder.data.metadata import RECORDING
from autoencoder.data.tables import Line, read_number, read_table, refuse_other_separators
from autoencoder.errors import UserError, problems_of, raise_if_any

VIDEO, POSE = "video", "pose"
PX_PER_CM, ARENA_CENTER, CROP = "px_per_cm", "arena_center", "crop"

NO_COLUMNS = (VIDEO, POSE, RECORDING, PX_PER_CM, ARENA_CENTER, CROP)
"""Columns of the table that say where a recording is, what it is called and how it was filmed; all others are columns
of its images."""

MADE_COLUMNS = (
    *("frame", "individual", "x", "y", "body_angle_deg", "time_s", "inside", "area_px", "motion_energy"),
    *("speed_px_per_s", "speed_cm_per_s", "distance_from_center", "distance_from_center_cm"),
)
"""What is found out about each image, so that no column of the table can have such a name."""

NOT_KNOWN = "NA"
"""What stands in a cell of the table where something is not known."""


@dataclass(frozen=True)
class Recording:
    """A row of the table.

    Attributes:
        name: that no other recording has.
        video: its file.
        pose: of its pose; None where what is followed is found without one.
        px_per_cm: pixels of the video per centimetre; None where that is not known of any recording.
        arena_center: x and y in the video; None where it is decided over all recordings.
        crop: side of the square that is cut out, pixels of the video; None as well.
        columns: what else the table says of it, as text; empty where it is not known.
    """

    name: str
    video: Path
    pose: Path | None = None
    px_per_cm: float | None = None
    arena_center: tuple[float, float] | None = None
    crop: int | None = None
    columns: Mapping[str, str] = field(default_factory=dict)


def read_recordings(path: Path) -> tuple[Recording, ...]:
    """The recordings that a table lists.

    Args:
        path: a CSV with the column `video` and, where there are poses, `pose`: files, relative to the table's folder.
            `recording` names the recordings (their videos' names do by default); `px_per_cm`, `arena_center` (two
            numbers) and `crop` (pixels) say how they were filmed; all other columns are columns of their images.

    Raises:
        UserError: everything that is wrong with the table, and with the files that it names.
    """
    check_readable(path, "recordings")
    refuse_other_separators(path)
    header, *lines = read_table(path) or [Line(1, [])]
    raise_if_any(_problems_of_header(header.fields, lines, path))
    rows = [(line.number, dict(zip(header.fields, line.fields, strict=True))) for line in lines]
    problems, recordings = list[str](), list[Recording]()
    for number, row in rows:
        try:
            recordings.append(_recording(row, path))
        except UserError as error:
            problems += [f"line {number} of {path}: {problem}" for problem in error.problems]
    raise_if_any([*problems, *_problems_together(recordings, path)])
    return tuple(recordings)


def recordings_of(videos: Sequence[Path], poses: Sequence[Path] | None) -> tuple[Recording, ...]:
    """Recordings of which nothing is known but their files.

    Args:
        videos: one for each.
        poses: one for each as well, in the same order; None where there are none.

    Raises:
        UserError: a file is missing, there are more of one kind than of the other, or two have one name.
    """
    if poses is not None and len(poses) != len(videos):
        raise UserError(f"there are {len(videos)} videos and {len(poses)} poses: give one for each (--pose)")
    of_each: Sequence[Path | None] = [None] * len(videos) if poses is None else poses
    recordings = [Recording(video.stem, video, pose) for video, pose in zip(videos, of_each, strict=True)]
    problems = [problem for recording in recordings for problem in _problems_of_files(recording)]
    raise_if_any([*problems, *_problems_together(recordings, None)])
    return tuple(recordings)


def _problems_of_header(names: Sequence[str], lines: Sequence[Line], path: Path) -> list[str]:
    problems = []
    if VIDEO not in names:
        problems.append(
            f"{path} has no column '{VIDEO}', which names the file of each recording; its columns are "
            f"{', '.join(names) or 'none'}"
        )
    problems += [f"{path} has {n} columns called '{name}'" for name, n in Counter(names).items() if n > 1]
    problems += [
        f"column '{name}' of {path} has the name of a column that is computed for each image: rename it"
        for name in names
        if name in MADE_COLUMNS
    ]
    if not all(names):
        problems.append(f"a column of {path} has no name: name it")
    if not lines:
        problems.append(f"{path} lists no recording: give it a row for each")
    return problems + [
        f"line {line.number} of {path} has {len(line.fields)} fields and its header has {len(names)}"
        for line in lines
        if len(line.fields) != len(names)
    ]


def _recording(row: Mapping[str, str], path: Path) -> Recording:
    """A row of the table.

    Raises:
        UserError: everything that is wrong with it.
    """
    problems = [
        f"column '{name}' is empty: fill it in" + ("" if name in NO_COLUMNS else f", or write {NOT_KNOWN}")
        for name, text in row.items()
        if not text and name not in (ARENA_CENTER, CROP)
    ]
    video = path.parent / row[VIDEO]
    recording = Recording(
        row.get(RECORDING) or video.stem,
        video,
        path.parent / row[POSE] if row.get(POSE) else None,
        columns={
            name: "" if text == NOT_KNOWN else text for name, text in row.items() if name not in NO_COLUMNS
        },
    )  # fmt: skip
    if row[VIDEO]:
        problems += _problems_of_files(recording)
    geometry = {}
    for name, read in ((PX_PER_CM, _scale), (ARENA_CENTER, _place), (CROP, _side)):
        try:
            geometry[name] = read(row[name]) if row.get(name) else None
        except ValueError as error:
            problems.append(f"column '{name}' must be {error}, not '{row[name]}'")
    raise_if_any(problems)
    return Recording(**(vars(recording) | geometry))


def _problems_of_files(recording: Recording) -> list[str]:
    pose = recording.pose
    return [
        *problems_of(check_readable, recording.video, VIDEO),
        *([] if pose is None else problems_of(check_readable, pose, POSE)),
    ]


def _scale(text: str) -> float:
    value = read_number(text)
    if value is None or not 0 < value < math.inf:
        raise ValueError("a number of pixels per centimetre above 0")
    return float(value)


def _place(text: str) -> tuple[float, float]:
    values = [read_number(part) for part in text.replace(",", " ").replace(";", " ").split()]
    known = [float(value) for value in values if value is not None and math.isfinite(value)]
    if len(values) != 2 or len(known) != 2:
        raise ValueError("x and y in pixels, such as '532 535'")
    return known[0], known[1]


def _side(text: str) -> int:
    value = read_number(text)
    if not isinstance(value, int) or value < 2:
        raise ValueError("a whole number of pixels, 2 or more")
    return value


def _problems_together(recordings: Sequence[Recording], path: Path | None) -> Iterator[str]:
    """What is wrong with several recordings that are right one by one."""
    where = "" if path is None else f"{path}: "
    files = Counter((recording.video.resolve(), recording.pose) for recording in recordings)
    for (video, _), n in files.items():
        if n > 1:
            yield f"{where}{n} rows describe the same recording, {video}: leave all but one out"
    remedy = "rename one of the files" if path is None else f"name the recordings in a column '{RECORDING}'"
    names = Counter(name for name, _ in {(recording.name, recording.video.resolve()): None for recording in recordings})
    for name, n in names.items():
        if n > 1:
            yield f"{where}{n} recordings have the name '{name}': {remedy}"
    without = [recording.name for recording in recordings if recording.pose is None]
    if 0 < len(without) < len(recordings):
        yield f"{where}some recordings have a pose, and {', '.join(without)} have none: make two data sets"
