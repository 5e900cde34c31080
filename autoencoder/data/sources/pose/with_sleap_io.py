"""What sleap-io reads: SLEAP's own files, and the annotations of some other tools."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path, PureWindowsPath
from typing import TYPE_CHECKING, Any

import numpy as np

from autoencoder.data.sources.pose.hand_labels import names_picture, refuse_hand_labels
from autoencoder.data.sources.pose.hdf5.opened import member, text_attribute
from autoencoder.data.sources.pose.pose import LISTED, NO_SCORES, SCORE, Poses, make_poses, untracked
from autoencoder.errors import UserError, first_few
from autoencoder.machine.memory import refuse_too_large
from autoencoder.machine.plain_text import one_line
from autoencoder.version import installing

if TYPE_CHECKING:
    import h5py

SLP, JABS, NWB = "SLEAP's .slp", "JABS' pose .h5", "NWB with training data"
COCO, LABEL_STUDIO, ALPHATRACKER = "COCO's JSON", "Label Studio's JSON", "AlphaTracker's JSON"

LOADERS: dict[str, tuple[str, dict[str, Any]]] = {
    SLP: ("load_slp", {"open_videos": False}),
    JABS: ("load_jabs", {}),
    NWB: ("load_nwb", {}),
    COCO: ("load_coco", {}),
    LABEL_STUDIO: ("load_labelstudio", {}),
    ALPHATRACKER: ("load_alphatracker", {}),
}
"""Formats that are left to sleap-io, its functions that load them, and their settings."""

JSON_BYTES = 20
"""Memory that JSON takes for each of its bytes, at most: a list of small lists of numbers."""

MOST_KEYS = 8
"""Keys of JSON that a message lists."""

SLP_TABLES = ("metadata", "frames", "instances", "points", "pred_points")
"""Of a `.slp`; all are looked at, since `member` refuses those that lie in other files."""


def format_in_hdf5(file: h5py.File) -> str | None:
    """Which of the formats an HDF5 file is of; None for another.

    Raises:
        UserError: a table of SLEAP's lies in another file.
    """
    found = {name for name in SLP_TABLES if member(file, name) is not None}
    if {"metadata", "frames", "instances"} <= found:
        return SLP
    if text_attribute(file, "nwb_version"):
        return NWB
    return JABS if member(file, "poseest/points") is not None else None


def format_of_json(path: Path) -> str:
    """Which of the formats a JSON file is of.

    Raises:
        UserError: of none, or it is no JSON.
    """
    refuse_too_large(str(path), JSON_BYTES * path.stat().st_size, "split it")
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(f"{path} cannot be read as JSON ({one_line(str(error))[:200]}): export it again") from None
    first = content[0] if isinstance(content, list) and content else content
    keys = first if isinstance(first, dict) else {}
    kind = _kind_of_json(keys, is_list=isinstance(content, list))
    if kind is None:
        listed = ", ".join(f"'{one_line(key)[:60]}'" for key in islice(keys, MOST_KEYS))
        named = f"JSON with the keys {listed}" if listed else "JSON without keys"
        raise UserError(f"{path} is not a pose that can be read here: it is {named} {LISTED}")
    return kind


def _kind_of_json(keys: Mapping[str, Any], *, is_list: bool) -> str | None:
    """Which of the formats has these keys, at the top or in the first object of a list."""
    if not is_list:
        return COCO if keys.keys() >= {"images", "annotations", "categories"} else None
    if keys.get("class") == "image" and keys.keys() >= {"filename", "annotations"}:
        return ALPHATRACKER
    return LABEL_STUDIO if "data" in keys and keys.keys() & {"annotations", "completions"} else None


def read(path: Path, kind: str, video: Path | None = None) -> Poses:
    """Read the poses of all tracks, or of all instances where there are no tracks.

    Frames count from 0.

    Args:
        path: the file.
        kind: one of `LOADERS`.
        video: which of several videos is meant, by its name; None for the first.

    Raises:
        UserError: sleap-io is not installed or cannot read the file, or there is no pose in it.
    """
    try:
        import sleap_io
    except ImportError:
        raise UserError(f"reading {path} ({kind}) needs sleap-io: {installing('pose')}") from None
    loader, settings = LOADERS[kind]
    try:
        labels, warned = _load(getattr(sleap_io, loader), settings, path)
        poses = _poses(labels, warned, path, video)
        # sleap-io collects their names in a set, whose order is another one in every process.
        return _sorted_by_part(poses) if kind == LABEL_STUDIO else poses
    except UserError:
        raise
    except Exception as error:  # readers of a dozen formats raise what their libraries raise
        reason = one_line(str(error))[:200] or type(error).__name__
        raise UserError(
            f"sleap-io cannot read a pose from {path}, taken for {kind} ({reason}): export it again"
        ) from None


def _load(loader: Callable[..., Any], settings: Mapping[str, Any], path: Path) -> tuple[Any, list[str]]:
    """What sleap-io makes of a file, and what it warns of."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        labels = loader(str(path), **settings)
    return labels, [one_line(str(warning.message))[:300] for warning in caught if warning.category is UserWarning]


def _poses(labels: Any, warned: Sequence[str], path: Path, video: Path | None) -> Poses:
    films = _films(labels)
    if len(films) > 1 and all(map(names_picture, films)):
        refuse_hand_labels(path, films, "")
    number = _number_of_film(films, video, path)
    frames = [frame for frame in labels.labeled_frames if str(frame.video.filename) == films[number]]
    instances = [instance for frame in frames for instance in frame.instances]
    if not instances or not labels.skeletons:
        said = f" (sleap-io: {warned[0]})" if warned else ""
        raise UserError(f"{path} holds no pose of {_which(films, number)}{said}")
    _refuse_too_long(labels, frames, path)
    n_lost = sum(instance.track is None for instance in instances)
    has_tracks = n_lost < len(instances)
    # Untracked instances come in the order in which they are stored.
    table = labels.numpy(video=frames[0].video, untracked=not has_tracks, return_confidence=True).astype(np.float64)
    if 0 in table.shape:
        raise UserError(f"{path} holds no pose of {_which(films, number)}")
    notes = []
    if has_tracks:
        names = tuple(str(track.name) for track in labels.tracks)
        if n_lost:
            notes.append(f"{path} has instances without a track ({n_lost:,}), which were left out")
    else:
        names, numbered = untracked(table.shape[1], path)
        notes.extend(numbered)
    if len(films) > 1:
        notes.append(f"{path} holds poses of {len(films)} videos; those of '{one_line(films[number])}' were taken")
    notes.extend(f"sleap-io says of {path}: {warning}" for warning in warned)
    score = table[..., 2]
    clicked = np.isnan(score) | (score == 1)  # what sleap-io gives for those, depending on the format
    return make_poses(
        tuple(labels.skeletons[-1].node_names),
        names,
        table[..., :2],
        np.where(np.isnan(score), 1.0, score),
        path,
        NO_SCORES if clicked.all() else SCORE,
        tracked=has_tracks or len(names) > 1,
        notes=notes,
    )


def _sorted_by_part(poses: Poses) -> Poses:
    order = sorted(range(len(poses.parts)), key=poses.parts.__getitem__)
    parts = tuple(poses.parts[i] for i in order)
    return replace(poses, parts=parts, xy=poses.xy[:, :, order], likelihood=poses.likelihood[:, :, order])


def _films(labels: Any) -> list[str]:
    """Names of the videos. Of frames that have a video of their own of the same name, it becomes the same one."""
    videos: dict[str, Any] = {}
    for video in labels.videos:
        videos.setdefault(str(video.filename), video)
    for frame in labels.labeled_frames:
        frame.video = videos.get(str(frame.video.filename), frame.video)
    return list(videos)


def _which(films: Sequence[str], number: int) -> str:
    return f"'{one_line(films[number])[:200]}'" if len(films) > 1 else "a video"


def _number_of_film(films: Sequence[str], video: Path | None, path: Path) -> int:
    """Which of the videos of a file is meant: the only one, or that of the same name, in whichever folder it was.

    Raises:
        UserError: none of several has the name, or more than one has.
    """
    if len(films) < 2 or video is None:
        return 0
    names = [PureWindowsPath(film).name for film in films]  # also splits paths of other systems
    for wanted in (lambda name: name == video.name, lambda name: PureWindowsPath(name).stem == video.stem):
        found = [i for i, name in enumerate(names) if wanted(name)]
        if len(found) == 1:
            return found[0]
        if found:
            break
    listed = first_few([f"'{one_line(name)[:60]}'" for name in names], MOST_KEYS)
    raise UserError(
        f"{path} holds poses of {len(films)} videos ({listed}), and not exactly one of them is called '{video.name}': "
        "give the video under the name that it has there, or export its pose to a file of its own"
    )


def _refuse_too_long(labels: Any, frames: list[Any], path: Path) -> None:
    """Of what sleap-io read: the last frame's number says how many rows there will be, filled or not."""
    n_frames = 1 + max(frame.frame_idx for frame in frames)
    n_animals = max(len(labels.tracks), *(len(frame.instances) for frame in frames), 1)
    n_values = n_frames * n_animals * len(labels.skeletons[-1].node_names) * 3
    refuse_too_large(f"{path}, whose last frame is number {n_frames - 1:,},", 3 * 8 * n_values, "correct or split it")
