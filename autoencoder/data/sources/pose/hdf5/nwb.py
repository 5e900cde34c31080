"""Poses in NWB files, as the extension ndx-pose keeps them, in the layouts of its versions 0.1 to 0.4."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from autoencoder.data.sources.pose.frames import Frames, clocks_together, in_order, timed
from autoencoder.data.sources.pose.hdf5.opened import (
    dataset,
    groups,
    member,
    members,
    number_attribute,
    open_hdf5,
    read_names,
    read_numbers,
    read_text,
    text_attribute,
)
from autoencoder.data.sources.pose.pose import NO_SCORES, Poses, make_poses, refuse_3d
from autoencoder.data.sources.pose.trackers import scores_of
from autoencoder.errors import UserError
from autoencoder.machine.memory import refuse_too_large
from autoencoder.machine.plain_text import one_line

if TYPE_CHECKING:
    import h5py

DEPTH = 5
"""How deep below the top a container lies: in a module, which lies in `processing`, or in a group of its own there."""

USUAL_NAME = "PoseEstimation"
"""What a container is called where nobody named it."""

PIXELS = frozenset({"pixels", "pixel", "px"})

LENGTHS = frozenset({"meters", "meter", "m", "metres", "centimeters", "cm", "millimeters", "mm", "micrometers", "um"})
"""Units that are certainly no pixels."""

SLEAP_TRACK = "track="
"""How sleap-io begins the name of a container; the time of its frames begins at the video's first frame."""

UNTRACKED = "untracked"
"""What sleap-io calls the only animal of a file without tracks."""

UNREAD = frozenset({"device", "devices", "source_video", "labeled_video"})
"""What a container links to that is not needed."""

LONGEST_SAID = 120
"""Characters of a text of the file in a note."""


@dataclass(frozen=True, eq=False)
class Series:
    """Where one part was found; R rows.

    Attributes:
        xy: (R, 2) pixels.
        confidence: (R,); None where the file does not say.
        times: (R,) seconds; None where rows are only said to be evenly spaced.
        start: second of the first row.
        rate: rows per second; None where there are times.
    """

    xy: NDArray[np.float64]
    confidence: NDArray[np.float64] | None
    times: NDArray[np.float64] | None
    start: float
    rate: float | None

    def clock(self) -> NDArray[np.float64]:
        """(R,) seconds."""
        if self.times is not None:
            return self.times
        return self.start + np.arange(len(self.xy)) / (self.rate or 1.0)


@dataclass(frozen=True, eq=False)
class Container:
    """What a tracker found of one animal.

    Attributes:
        place: where it lies in the file.
        name: its own.
        series: of each part, by its name.
        software: what found it.
        video: of which video, as far as the file says.
        remarks: what the file says of coordinates that are not counted from the top left.
        elsewhere: names of what would lie in other files.
    """

    place: str
    name: str
    series: dict[str, Series]
    software: str
    video: str
    remarks: tuple[str, ...]
    elsewhere: tuple[str, ...]


def recognises(file: h5py.File) -> bool:
    """Whether a file is NWB with a pose, or without anything else of ndx-pose."""
    if text_attribute(file, "neurodata_type") != "NWBFile":
        return False
    kinds = {text_attribute(group, "neurodata_type") for group in groups(file, DEPTH)}
    return "PoseEstimation" in kinds or "PoseTraining" not in kinds


def read(path: Path) -> Poses:
    """Read the containers `PoseEstimation` of a file, each as an individual.

    Raises:
        UserError: the file is damaged, holds no pose, or none in pixels.
    """
    with open_hdf5(path) as file:
        found = [group for group in groups(file, DEPTH) if text_attribute(group, "neurodata_type") == "PoseEstimation"]
        read_ones = [_container(group, path) for group in found]
    containers = [container for container in read_ones if container.series]
    if not containers:
        raise UserError(f"{path} is an NWB file without a PoseEstimation that holds series: give one that has a pose")
    return _poses(containers, path)


# ------------------------------------------------------------------------------------------------------ what is stored


def _container(group: h5py.Group, path: Path) -> Container:
    import h5py

    inner, elsewhere = members(group)
    kinds = {name: text_attribute(one, "neurodata_type") for name, one in inner.items() if isinstance(one, h5py.Group)}
    stored = {name: inner[name] for name, kind in kinds.items() if kind == "PoseEstimationSeries"}
    skeletons = [inner[name] for name, kind in kinds.items() if kind == "Skeleton"]
    parts = _parts(list(stored), _nodes([*skeletons, group]))
    frames_of_reference = dict.fromkeys(text_attribute(one, "reference_frame") for one in stored.values())
    remarks = tuple(
        text for text in frames_of_reference if re.search("bottom|cent(er|re)|up(ward)?s?\\b", text.lower())
    )
    return Container(
        str(group.name),
        str(group.name).rsplit("/", 1)[-1],
        {part: _series(stored[name], path) for part, name in parts.items()},
        read_text(group, "source_software") or read_text(group, "scorer"),
        _video(inner),
        remarks,
        tuple(name for name in elsewhere if name not in UNREAD),
    )


def _nodes(places: Sequence[h5py.Group]) -> tuple[str, ...]:
    """Names of the parts in the order of the skeleton, or of the container itself in version 0.1."""
    import h5py

    for place in places:
        found = member(place, "nodes")
        if isinstance(found, h5py.Dataset):
            return read_names(found)
    return ()


def _parts(names: Sequence[str], nodes: Sequence[str]) -> dict[str, str]:
    """The name of the series of each part, in the order of the nodes as far as they are known.

    Series are called by their parts, or `PoseEstimationSeries` and the part in CamelCase, as NeuroConv does.
    """
    by_plain = {_plain(node): node for node in nodes}
    if len(by_plain) < len(nodes):
        by_plain = {}
    known = {}
    for name in names:
        short = name.removeprefix("PoseEstimationSeries") or name
        part = name if name in nodes else by_plain.get(_plain(short), short)
        known[part if part not in known else name] = name
    order = {node: i for i, node in enumerate(nodes)}
    return dict(sorted(known.items(), key=lambda item: order.get(item[0], len(order))))


def _plain(name: str) -> str:
    return re.sub(r"[\W_]", "", name).lower()


def _series(group: h5py.Group, path: Path) -> Series:
    data = dataset(group, "data")
    if data.ndim == 2 and data.shape[1] == 3:
        refuse_3d(path)
    if data.ndim != 2 or data.shape[1] != 2:
        raise UserError(f"'{one_line(str(data.name))}' in {path} has the shape {data.shape} and not (frames, 2)")
    unit = text_attribute(data, "unit")
    if unit.lower() in LENGTHS:
        raise UserError(
            f"{path} holds positions in {unit}, not in pixels of the video that crops are cut from: give the pose in "
            "pixels"
        )
    scale, offset = number_attribute(data, "conversion"), number_attribute(data, "offset")
    xy = read_numbers(data).astype(np.float64) * (1.0 if scale is None else scale) + (offset or 0.0)
    confidence = _column(group, "confidence", len(xy), path)
    times = _column(group, "timestamps", len(xy), path)
    start, rate = 0.0, None
    if times is None:
        beginning = dataset(group, "starting_time")
        rate = number_attribute(beginning, "rate")
        start = float(read_numbers(beginning).reshape(-1)[0]) if beginning.size == 1 else float("nan")
        if rate is None or rate <= 0 or not np.isfinite(start):
            raise UserError(f"'{one_line(str(group.name))}' in {path} gives neither its times nor its rate")
    return Series(xy, confidence, times, start, rate)


def _column(group: h5py.Group, name: str, n_rows: int, path: Path) -> NDArray[np.float64] | None:
    """A value of each row; None where there is none."""
    if member(group, name) is None:
        return None
    stored = dataset(group, name)
    if stored.size != n_rows or max(stored.shape, default=1) != n_rows:  # MATLAB may write a vector as a matrix
        raise UserError(
            f"'{one_line(str(stored.name))}' in {path} has the shape {stored.shape} for {n_rows:,} positions: export "
            "it again"
        )
    return read_numbers(stored).astype(np.float64).reshape(-1)


def _video(inner: Mapping[str, h5py.Group | h5py.Dataset]) -> str:
    """The video of a container: of the series of images that it links to, or a path of its own."""
    import h5py

    linked, own = inner.get("source_video"), inner.get("original_videos")
    found = member(linked, "external_file") if isinstance(linked, h5py.Group) else own
    return read_names(found)[0] if isinstance(found, h5py.Dataset) and found.size else ""


# ---------------------------------------------------------------------------------------------------------- one of all


def _poses(containers: Sequence[Container], path: Path) -> Poses:
    """Poses of all containers, each an individual."""
    parts = tuple(dict.fromkeys(part for container in containers for part in container.series))
    frames = _frames(containers, len(parts), path)
    first = min((rows.first for some in frames for rows in some), default=0)
    count = max((rows.first + rows.count for some in frames for rows in some), default=0) - first
    refuse_too_large(str(path), 60 * count * len(containers) * len(parts), "split it")
    xy = np.full((count, len(containers), len(parts), 2), np.nan)
    confidence = np.zeros(xy.shape[:3])
    for a, (container, some) in enumerate(zip(containers, frames, strict=True)):
        for rows, (part, series) in zip(some, container.series.items(), strict=True):
            places = rows.rows + rows.first - first
            xy[places, a, parts.index(part)] = series.xy
            confidence[places, a, parts.index(part)] = 1.0 if series.confidence is None else series.confidence
    scored = any(series.confidence is not None for container in containers for series in container.series.values())
    return make_poses(
        parts,
        _names(containers),
        xy,
        confidence,
        path,
        scores_of(containers[0].software) if scored else NO_SCORES,
        first_frame=first,
        tracked=any(_track(container) for container in containers),
        notes=dict.fromkeys(
            [note for some in frames for rows in some for note in rows.notes] + _notes(containers, path)
        ),
    )


def _frames(containers: Sequence[Container], n_parts: int, path: Path) -> list[list[Frames]]:
    """Frames of the rows of every series of every container."""
    if any(container.name.startswith(SLEAP_TRACK) for container in containers):
        return _frames_of_sleap(containers, n_parts, path)
    frames = []
    for container in containers:
        all_series = list(container.series.values())
        clocks = [series.clock() for series in all_series]
        if all(len(clock) == len(clocks[0]) and np.allclose(clock, clocks[0], rtol=0, atol=1e-4) for clock in clocks):
            one = all_series[0]
            rows = in_order(len(one.xy)) if one.times is None else timed(one.times, path, n_parts)
            frames.append([rows] * len(all_series))
        else:
            frames.append(_apart(clocks, n_parts, path))
    return frames


def _apart(clocks: Sequence[NDArray[np.float64]], n_parts: int, path: Path) -> list[Frames]:
    """Frames of the series of a container that each leave out the rows where their part was not found."""
    start = min((float(clock[0]) for clock in clocks if len(clock)), default=0.0)
    numbers = clocks_together([clock - start for clock in clocks], path, n_parts)
    return [_from_zero(n) for n in numbers]


def _frames_of_sleap(containers: Sequence[Container], n_parts: int, path: Path) -> list[list[Frames]]:
    """Frames of what sleap-io wrote: each series leaves out what was not found, and second 0 is the video's frame 0."""
    clocks = [series.clock() for container in containers for series in container.series.values()]
    # Without a rate, it writes the numbers of the frames as seconds.
    whole = all((clock == np.rint(clock)).all() for clock in clocks)
    numbers = iter(clocks_together(clocks, path, n_parts * len(containers), 1.0 if whole else None))
    return [[_from_zero(next(numbers)) for _ in container.series] for container in containers]


def _from_zero(numbers: NDArray[np.int64]) -> Frames:
    return Frames(0, int(numbers.max(initial=-1)) + 1, numbers)


def _names(containers: Sequence[Container]) -> tuple[str, ...]:
    """Names of the individuals, each of them once."""
    if len(containers) == 1:
        track = _track(containers[0])
        return (track,)
    names = [_track(container) or container.name for container in containers]
    if len(set(names)) == len(names):
        return tuple(names)
    return tuple(f"{container.place.split('/')[-2]}/{name}" for container, name in zip(containers, names, strict=True))


def _track(container: Container) -> str:
    """The name of a track of SLEAP; empty where it is none."""
    name = container.name.removeprefix(SLEAP_TRACK)
    return "" if name in (container.name, UNTRACKED) else name


def _notes(containers: Sequence[Container], path: Path) -> list[str]:
    notes = []
    videos = list(dict.fromkeys(container.video for container in containers))
    if len(videos) > 1:
        said = ", ".join(f"'{one_line(Path(video).name)[:LONGEST_SAID]}'" for video in videos[:5])
        notes.append(f"{path} holds poses of {len(videos)} videos ({said}): choose an individual of this one")
    elsewhere = [f"'{one_line(name)[:60]}'" for container in containers for name in container.elsewhere]
    if elsewhere:
        notes.append(f"{path} links to other files for {', '.join(elsewhere[:5])}, which are not opened")
    remarks = dict.fromkeys(remark for container in containers for remark in container.remarks)
    notes.extend(
        f"{path} says of its coordinates '{one_line(remark)[:LONGEST_SAID]}'; they are read as pixels from the top left"
        for remark in remarks
    )
    return notes
