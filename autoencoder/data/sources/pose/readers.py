"""Which reader takes which file: by what the file holds, whatever it is called."""

from __future__ import annotations

import codecs
import importlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NoReturn

from autoencoder.data.arrays import check_readable
from autoencoder.data.sources.pose import with_sleap_io
from autoencoder.data.sources.pose.hdf5.netcdf import is_netcdf3, refuse_netcdf3
from autoencoder.data.sources.pose.hdf5.opened import content_of, is_hdf5, open_hdf5
from autoencoder.data.sources.pose.other_tables import refuse_table
from autoencoder.data.sources.pose.pose import LISTED, Poses
from autoencoder.data.sources.pose.text_table import open_table
from autoencoder.errors import UserError
from autoencoder.machine.plain_text import one_line

Container = Literal["table", "HDF5"]
"""What a format is written in."""

TABLE_SUFFIXES = frozenset({".csv", ".tsv", ".tab", ".txt"})
"""Files of these names are read as tables, whatever their first bytes are."""

START_BYTES = 2**16
"""Bytes that a file is known by."""

JSON_STARTS = (b"{", b"[")

MATLAB, ZIP, PICKLE = b"MATLAB 5.0 MAT-file", b"PK\x03\x04", b"\x80"
"""How other files begin that people have beside a pose."""

NAMED_OTHERS = {
    ZIP: "an Excel workbook or another archive: save the sheet of a workbook as a CSV in UTF-8",
    PICKLE: "a pickle, which is not loaded because it can run code: give the tracker's .csv or .h5",
}
"""What those are that are told by their first bytes alone, and what to do."""

MOST_LISTED = 8
"""Variables of a file of MATLAB that a message lists."""


@dataclass(frozen=True)
class PoseReader:
    """A format that is read.

    Attributes:
        name: of the format, as people know it.
        container: what it is written in.
        module: has `recognises`, which is given a `TextTable` or an open `h5py.File`, and `read`, which is given the
            table or the file's path and returns `Poses`.
    """

    name: str
    container: Container
    module: str


POSE_READERS = (
    PoseReader("DeepLabCut CSV", "table", "autoencoder.data.sources.pose.deeplabcut_csv"),
    PoseReader("SLEAP analysis CSV", "table", "autoencoder.data.sources.pose.sleap_csv"),
    PoseReader("CSV with one row of titles", "table", "autoencoder.data.sources.pose.flat_csv"),
    PoseReader("DeepLabCut .h5", "HDF5", "autoencoder.data.sources.pose.hdf5.deeplabcut"),
    PoseReader("SLEAP analysis .h5", "HDF5", "autoencoder.data.sources.pose.hdf5.sleap"),
    PoseReader("NWB with ndx-pose", "HDF5", "autoencoder.data.sources.pose.hdf5.nwb"),
    PoseReader("movement's netCDF-4", "HDF5", "autoencoder.data.sources.pose.hdf5.netcdf"),
)
"""Formats, in the order in which they are tried; modules are imported when a file of their container comes. What none
of them recognises may be one of `with_sleap_io.LOADERS`."""


def load_poses(path: Path, video: Path | None = None) -> Poses:
    """Read what a tracker found in a video, of all individuals.

    Args:
        path: a file of one of `POSE_READERS`, or one that sleap-io reads.
        video: which of the videos of a file of several is meant, by its name; None for the first.

    Raises:
        UserError: the file is missing, damaged or of another kind, or sleap-io is needed and not installed.
    """
    check_readable(path, "poses")
    if is_netcdf3(path):
        refuse_netcdf3(path)
    if is_hdf5(path):
        poses = _read_hdf5(path, video)
    elif _is_table(path):
        poses = _read_table(path)
    elif _starts_as_json(path):
        poses = with_sleap_io.read(path, with_sleap_io.format_of_json(path), video)
    elif _start(path).startswith(MATLAB):
        refuse_matlab(path)
    else:
        raise UserError(f"{path} is not a pose that can be read here: it is {_other(path)} {LISTED}")
    if len(poses) == 0 or not poses.parts or not poses.individuals:
        raise UserError(f"{path} holds no pose: it has {len(poses):,} frames of {len(poses.parts)} body parts")
    return poses


def refuse_matlab(path: Path) -> NoReturn:
    """Say what a file of MATLAB's older format holds.

    Raises:
        UserError: always.
    """
    from scipy import io

    try:
        names = [f"'{one_line(name)[:60]}'" for name, _, _ in io.whosmat(str(path))]
    except Exception:  # damaged in any way
        names = []
    listed = ", ".join(names[:MOST_LISTED]) or "nothing that can be listed"
    raise UserError(f"{path} is not a pose that can be read here: it is a MATLAB file that holds {listed} {LISTED}")


def _other(path: Path) -> str:
    start = _start(path)
    said = (said for first, said in NAMED_OTHERS.items() if start.startswith(first))
    return next(said, "neither HDF5 nor a table of text")


def _is_table(path: Path) -> bool:
    start = _start(path)
    return path.suffix.lower() in TABLE_SUFFIXES or not (b"\0" in start or start.startswith((*JSON_STARTS, b"<")))


def _starts_as_json(path: Path) -> bool:
    return _start(path).startswith(JSON_STARTS)


def _start(path: Path) -> bytes:
    """The first bytes of a text, without the mark of UTF-8 and white space."""
    try:
        with path.open("rb") as file:
            return file.read(START_BYTES).removeprefix(codecs.BOM_UTF8).lstrip()
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror or error}): check its permissions") from None


def _read_table(path: Path) -> Poses:
    table = open_table(path)
    module = next((module for module in _modules("table") if module.recognises(table)), None)
    if module is None:
        refuse_table(table)
    poses: Poses = module.read(table)
    return poses


def _read_hdf5(path: Path, video: Path | None) -> Poses:
    with open_hdf5(path) as file:
        module = next((module for module in _modules("HDF5") if module.recognises(file)), None)
        kind = with_sleap_io.format_in_hdf5(file)
        content = content_of(file)
    if module is not None:
        poses: Poses = module.read(path)
        return poses
    if kind is None:
        raise UserError(f"{path} is not a pose that can be read here: it is an HDF5 file that holds {content} {LISTED}")
    return with_sleap_io.read(path, kind, video)


def _modules(container: Container) -> list[Any]:
    return [importlib.import_module(reader.module) for reader in POSE_READERS if reader.container == container]
