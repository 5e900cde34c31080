"""SLEAP's analysis files: the tracks of one video, in whichever order of axes they were written."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from autoencoder.data.sources.pose.hdf5.opened import (
    dataset,
    list_attribute,
    member,
    open_hdf5,
    read_names,
    read_numbers,
)
from autoencoder.data.sources.pose.pose import NO_SCORES, SCORE, Poses, make_poses
from autoencoder.errors import UserError

if TYPE_CHECKING:
    import h5py

AXES = ("frame", "track", "node", "xy")
"""Axes as they are read."""

ORDERS = (
    (("track", "xy", "node", "frame"), ("frame", "track")),
    (("frame", "node", "xy", "track"), ("track", "frame")),
    (("frame", "track", "node", "xy"), ("frame", "track")),
)
"""Orders of the axes of `tracks` and of `track_occupancy` that are written: by default (for MATLAB), by SLEAP without
transposing, and by sleap-io's preset `standard`."""

Order = tuple[str, ...]


def recognises(file: h5py.File) -> bool:
    """Whether a file is an analysis file of SLEAP."""
    import h5py

    names = ("tracks", "node_names", "track_occupancy")
    return all(isinstance(member(file, name), h5py.Dataset) for name in names)


def read(path: Path) -> Poses:
    """Read the tracks of a video.

    Raises:
        UserError: the file is damaged or of another kind, or holds positions in space.
    """
    with open_hdf5(path) as file:
        parts = read_names(dataset(file, "node_names"))
        names = read_names(dataset(file, "track_names")) if member(file, "track_names") else ()
        stored = dataset(file, "tracks")
        written = tuple(list_attribute(stored, "dims"))
        tracks = read_numbers(stored)
        occupied = read_numbers(dataset(file, "track_occupancy"))
        order = written if sorted(written) == sorted(AXES) else _order(tracks, occupied, len(parts), len(names), path)
        xy = np.transpose(tracks, [order.index(axis) for axis in AXES])
        _, n_tracks, n_parts, n_coordinates = xy.shape
        if n_coordinates != 2 or n_parts != len(parts) or (names and n_tracks != len(names)):
            raise UserError(
                f"{path} is damaged: it holds {n_tracks} tracks of {n_parts} parts of {n_coordinates} coordinates, and "
                f"names {len(names)} tracks and {len(parts)} parts; export it again"
            )
        score = np.full(xy.shape[:3], np.nan)
        if member(file, "point_scores"):
            stored_score = read_numbers(dataset(file, "point_scores"))
            order = tuple(axis for axis in order if axis != "xy")
            turned = np.transpose(stored_score, [order.index(axis) for axis in AXES[:3]])
            if turned.shape != score.shape:
                raise UserError(f"{path} is damaged: its scores have another shape than its tracks; export it again")
            score = turned.astype(np.float64)
    unnamed = ("",) if n_tracks == 1 else tuple(f"track_{i}" for i in range(n_tracks))
    clicked = np.isnan(score) | (score == 1)  # parts that a person placed, and files without scores
    return make_poses(
        parts,
        names or unnamed,
        xy,
        np.where(np.isnan(score), 1.0, score),
        path,
        NO_SCORES if clicked.all() else SCORE,
        tracked=bool(names) or n_tracks > 1,
    )


def _order(tracks: NDArray[Any], occupied: NDArray[Any], n_parts: int, n_names: int, path: Path) -> Order:
    """The order of the axes of a file that does not say it: one that its shapes and its occupancy agree with."""
    if tracks.ndim != len(AXES) or occupied.ndim != 2:
        raise UserError(f"{path} is damaged: the tracks have {tracks.ndim} axes and not 4; export it again")
    fitting = list(_fitting(tracks, occupied, n_parts, n_names))
    if not fitting:
        raise UserError(
            f"{path} is not an analysis file as SLEAP writes it: the shape {tracks.shape} of its tracks does not fit "
            f"{n_parts} parts, {n_names} tracks and two coordinates"
        )
    return max(fitting, key=lambda found: found[1:])[0]  # the first of those that are equally good


def _fitting(
    tracks: NDArray[Any], occupied: NDArray[Any], n_parts: int, n_names: int
) -> Iterator[tuple[Order, float, int]]:
    """Orders that fit the shapes, and what tells them apart.

    That is the share of frames and tracks where the occupancy agrees with what was found, and the number of frames.
    With two parts, frames and tracks can change places without any contradiction; then frames are more than tracks.
    """
    for order, order_of_occupied in ORDERS:
        size = dict(zip(order, tracks.shape, strict=True))
        if size["xy"] != 2 or size["node"] != n_parts or (n_names and size["track"] != n_names):
            continue
        if occupied.shape != tuple(size[axis] for axis in order_of_occupied):
            continue
        found = np.isfinite(np.transpose(tracks, [order.index(axis) for axis in AXES])).any(axis=(2, 3))
        there = np.transpose(occupied, [order_of_occupied.index(axis) for axis in AXES[:2]]) != 0
        yield order, float((found == there).mean()) if found.size else 0.0, size["frame"]
