"""Data sets of movement, which are netCDF-4, a kind of HDF5."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from autoencoder.data.sources.pose.frames import FOREVER, Frames, in_order, numbered, timed
from autoencoder.data.sources.pose.hdf5.opened import (
    dataset,
    is_text,
    member,
    number_attribute,
    open_hdf5,
    read_names,
    read_numbers,
    scales_of,
    text_attribute,
)
from autoencoder.data.sources.pose.pose import NO_SCORES, Poses, make_poses, refuse_3d
from autoencoder.data.sources.pose.trackers import scores_of
from autoencoder.errors import UserError
from autoencoder.machine.plain_text import one_line

if TYPE_CHECKING:
    import h5py

NETCDF3 = (b"CDF\x01", b"CDF\x02", b"CDF\x05")
"""How netCDF files begin that are no HDF5."""

DIMENSIONS = ("time", "individuals", "keypoints", "space")
"""Axes of positions as they are read; files may have them in any order, and without those of which there is one."""

SINGULAR = {"individual": "individuals", "keypoint": "keypoints"}
"""Other names of dimensions."""

NO_VARIABLE = "This is a netCDF dimension but not a netCDF variable"
"""What stands in a dimension that has no values."""

SECONDS = {
    **dict.fromkeys(("days", "day", "d"), 86400.0),
    **dict.fromkeys(("hours", "hour", "h"), 3600.0),
    **dict.fromkeys(("minutes", "minute", "min"), 60.0),
    **dict.fromkeys(("seconds", "second", "s", "sec"), 1.0),
    **dict.fromkeys(("milliseconds", "millisecond", "ms"), 1e-3),
    **dict.fromkeys(("microseconds", "microsecond", "us"), 1e-6),
    **dict.fromkeys(("nanoseconds", "nanosecond", "ns"), 1e-9),
}
"""Of the units in which xarray writes durations."""

CENTROID = "centroid"
"""The one part of a box around an animal."""

FASTEST = 1e6
"""Frames per second of no camera."""

NEAR = 0.1
"""Of a frame: times may lie this far from those that the rate gives."""


def is_netcdf3(path: Path) -> bool:
    """Whether a file is of the older kinds of netCDF."""
    with path.open("rb") as file:
        return file.read(4) in NETCDF3


def refuse_netcdf3(path: Path) -> NoReturn:
    """Say what to do about a file of the older kinds.

    Raises:
        UserError: always.
    """
    raise UserError(
        f'{path} is netCDF-3, which is not read: write it as netCDF-4, by ds.to_netcdf("NAME.nc", engine="h5netcdf") '
        "(pip install h5netcdf)"
    )


def recognises(file: h5py.File) -> bool:
    """Whether a file holds positions in space and time, as movement writes them."""
    import h5py

    return all(isinstance(member(file, name), h5py.Dataset) for name in ("position", "time", "space"))


def read(path: Path) -> Poses:
    """Read the positions of a data set of movement.

    Raises:
        UserError: the file is damaged or of another kind, or holds positions in space.
    """
    with open_hdf5(path) as file:
        stored = dataset(file, "position")
        dimensions = _dimensions(stored)
        if not {"time", "space"} <= set(dimensions) <= set(DIMENSIONS) or len(set(dimensions)) != len(dimensions):
            said = ", ".join(f"'{one_line(name)[:40]}'" for name in dimensions)
            raise UserError(
                f"the positions in {path} have the dimensions {said}: expected time, space, keypoints and individuals"
            )
        unit = text_attribute(stored, "space_unit") or text_attribute(stored, "units")
        if unit and unit.lower() not in ("px", "pixel", "pixels"):
            raise UserError(
                f"{path} holds positions in '{one_line(unit)[:60]}', not in pixels of the video that crops are cut "
                "from: give the data set as it was before its positions were scaled"
            )
        position = _full(_decoded(stored), dimensions, DIMENSIONS, path)
        x_and_y = _x_and_y(read_names(dataset(file, "space")), path)
        if position.shape[3] != 2:
            raise UserError(f"{path} has {position.shape[3]} coordinates for x and y: export it again")
        position = position[..., x_and_y]
        confidence = _confidence(file, position.shape[:3], path)
        frames = _frames(file, len(position), position[0].size, path)
        individuals = _names(file, "individuals", position.shape[1], path)
        boxes = "keypoints" not in dimensions and member(file, "shape") is not None
        parts = (CENTROID,) if boxes else _names(file, "keypoints", position.shape[2], path)
        software = text_attribute(file, "source_software")
    scored = confidence is not None and bool(np.isfinite(confidence).any())
    likelihood = np.ones(position.shape[:3]) if confidence is None or not scored else confidence
    remarks = (f"{path} holds boxes around animals; their centres are taken as the only body part",) if boxes else ()
    return make_poses(
        parts or (CENTROID,),
        individuals,
        frames.spread(position),
        frames.spread(likelihood),
        path,
        scores_of(software) if scored else NO_SCORES,
        first_frame=frames.first,
        notes=(*frames.notes, *remarks),
    )


# ---------------------------------------------------------------------------------------------------------------- axes


def _dimensions(data: h5py.Dataset) -> tuple[str, ...]:
    """Names of the dimensions of a variable."""
    names = [name.rsplit("/", 1)[-1].removeprefix("_nc4_non_coord_") for name in scales_of(data)]
    return tuple(SINGULAR.get(name, name) for name in names)


def _full(values: NDArray[Any], dimensions: Sequence[str], wanted: Sequence[str], path: Path) -> NDArray[np.float64]:
    """Values with all of the wanted axes in their order; one that the file lacks has the length 1."""
    if not set(dimensions) <= set(wanted):
        raise UserError(f"{path} is damaged: its variables have other dimensions than movement gives them")
    there = [dimensions.index(name) for name in wanted if name in dimensions]
    shape = [values.shape[dimensions.index(name)] if name in dimensions else 1 for name in wanted]
    return np.asarray(values.transpose(there).reshape(shape), np.float64)


def _x_and_y(names: Sequence[str], path: Path) -> list[int]:
    """Numbers of x and y along the axis `space`."""
    lower = [name.lower() for name in names]
    if "z" in lower:
        refuse_3d(path)
    if sorted(lower) != ["x", "y"]:
        said = ", ".join(f"'{one_line(name)[:40]}'" for name in names[:5])
        raise UserError(
            f"{path} has the coordinates {said} and not x and y, which crops need: give positions in pixels"
        )
    return [lower.index("x"), lower.index("y")]


def _names(file: h5py.File, dimension: str, n: int, path: Path) -> tuple[str, ...]:
    """Names along an axis; empty where the file does not name the only one."""
    import h5py

    spellings = [dimension, *(name for name, plural in SINGULAR.items() if plural == dimension)]
    stored = next((found for name in spellings if isinstance(found := member(file, name), h5py.Dataset)), None)
    if stored is None or text_attribute(stored, "NAME").startswith(NO_VARIABLE):
        names = ("",) if n == 1 else tuple(str(i) for i in range(n))
    else:
        names = read_names(stored) if is_text(stored) else tuple(str(one) for one in read_numbers(stored).reshape(-1))
    if len(names) != n:
        raise UserError(f"{path} is damaged: it has {n} {dimension} and names {len(names)}; export it again")
    return names


# -------------------------------------------------------------------------------------------------------------- values


def _decoded(data: h5py.Dataset) -> NDArray[np.float64]:
    """Values of a variable, once what netCDF says of them is undone."""
    stored = read_numbers(data)
    values = stored.astype(np.float64)
    for name in ("_FillValue", "missing_value"):
        missing = number_attribute(data, name)
        if missing is not None:
            values[stored == np.asarray(missing).astype(stored.dtype)] = np.nan
    scale, offset = number_attribute(data, "scale_factor"), number_attribute(data, "add_offset")
    return values * (1.0 if scale is None else scale) + (offset or 0.0)


def _confidence(file: h5py.File, shape: tuple[int, ...], path: Path) -> NDArray[np.float64] | None:
    """(R, A, P) confidence; None where there is none."""
    import h5py

    stored = member(file, "confidence")
    if not isinstance(stored, h5py.Dataset):
        return None
    values = _full(_decoded(stored), _dimensions(stored), DIMENSIONS[:3], path)
    if values.shape != shape:
        raise UserError(f"{path} is damaged: its confidence has another shape than its positions; export it again")
    return values


def _frames(file: h5py.File, n_rows: int, n_values: int, path: Path) -> Frames:
    """Frames of the rows, from the times and what the file says of them."""
    stored = dataset(file, "time")
    if text_attribute(stored, "NAME").startswith(NO_VARIABLE):
        return in_order(n_rows)
    times = _decoded(stored).reshape(-1)
    if len(times) != n_rows:
        raise UserError(f"{path} is damaged: it has {n_rows:,} positions at {len(times):,} times; export it again")
    unit = text_attribute(stored, "units")
    if " since " in unit:
        return timed(times * SECONDS.get(unit.split(" since ")[0].lower(), 1.0), path, n_values)
    times = times * SECONDS.get(unit.lower(), 1.0)
    rate = number_attribute(file, "fps")
    if text_attribute(file, "time_unit") == "frames" or (rate is None and not unit and _whole(times)):
        return numbered(times, path, n_values) if times.min(initial=0) >= 0 else timed(times, path, n_values)
    if rate is None or not 0 < rate < FASTEST or not (np.abs(times) < FOREVER).all():
        return timed(times, path, n_values)
    numbers = np.rint(times * rate)
    fits = np.abs(times * rate - numbers).max(initial=0) <= NEAR
    if fits and (np.diff(numbers) > 0).all() and numbers.min(initial=0) >= 0:
        return numbered(numbers, path, n_values)
    return timed(times, path, n_values, rate)


def _whole(times: NDArray[np.float64]) -> bool:
    return bool(np.isfinite(times).all() and (times == np.rint(times)).all())
