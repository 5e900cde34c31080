"""The parts of a data set that is being made: a folder for each recording, which is whole or not there.

A recording's images go to files as they come, in a folder whose name begins with a dot; that is renamed when all of it
is on the disk. What a killed process leaves under such a name is taken away.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autoencoder.data.arrays import map_of, open_npy
from autoencoder.data.dataset import Marks
from autoencoder.data.sources.video.frames import Room
from autoencoder.data.sources.video.made import Made
from autoencoder.errors import UserError
from autoencoder.machine.files import read_json, write_array, write_arrays, write_error, write_json

ARRAYS = ("images", "mask", "inside")
"""Arrays of images, each in a file of its own; `images` is always there."""

PART = "part.json"
"""In the folder of a part, of which it says what there is."""

POINT = "point "
"""Before the names of parts of the body among the arrays of the marks."""


@dataclass(frozen=True, eq=False)
class Part:
    """The images of one recording; M of them.

    Attributes:
        arrays: (M, ...) uint8 by the names of `ARRAYS`, memory-mapped.
        columns: metadata, each (M,).
        marks: places in the images of `checked_rows`; None where none are known.
        about: plain JSON: `n_images`, `picture` (width and height of the frames), `recipe`, `notes`, `warnings`.
    """

    arrays: Mapping[str, np.ndarray]
    columns: Mapping[str, np.ndarray]
    marks: Marks | None
    about: Mapping[str, Any]


class PartRoom(Room):
    """Arrays in files of a folder, which need not fit into memory."""

    in_memory = False

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def empty(self, name: str, shape: tuple[int, ...]) -> NDArray[np.uint8]:
        """See `Room.empty`."""
        return np.lib.format.open_memmap(self.folder / f"{name}.npy", "w+", np.uint8, shape)


@contextmanager
def new_part(folder: Path) -> Iterator[PartRoom]:
    """Make a part: what is in the room's folder when the block ends without an error is called `folder` from then on.

    Raises:
        UserError: the disk is full, or may not be written to.
    """
    work = folder.with_name(f".{folder.name}.partial")
    try:
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir(parents=True)
        yield PartRoom(work)
        for file in work.iterdir():
            with file.open("rb+") as written:
                os.fsync(written.fileno())
        work.replace(folder)
    except OSError as error:
        raise write_error(folder, error) from error
    finally:
        shutil.rmtree(work, ignore_errors=True)


def fill_part(room: PartRoom, made: Made, picture: tuple[int, int]) -> None:
    """Write what was made of a recording, beside the arrays that lie in the room already.

    Args:
        room: of a new part.
        made: with arrays of that room, and others.
        picture: width and height of the video's frames.
    """
    arrays = {"images": made.images, "mask": made.mask, "inside": made.inside}
    for name, array in arrays.items():
        file = room.folder / f"{name}.npy"
        if array is None:
            file.unlink(missing_ok=True)
        elif (mapped := map_of(array)) is not None:
            mapped.flush()
        else:
            write_array(file, array)
    write_arrays(room.folder / "columns.npz", dict(made.columns))
    if made.marks is not None:
        write_arrays(room.folder / "marks.npz", _of_marks(made.marks))
    about = {
        "n_images": len(made.images),
        "picture": picture,
        "recipe": made.recipe,
        "notes": made.notes,
        "warnings": made.warnings,
    }
    write_json(room.folder / PART, about)


def read_part(folder: Path) -> Part:
    """A part that is whole.

    Raises:
        UserError: its files are damaged.
    """
    about = read_json(folder / PART)
    try:
        n, n_columns = int(about["n_images"]), -1
        arrays = {
            name: open_npy(folder / f"{name}.npy")[:n] for name in ARRAYS if (folder / f"{name}.npy").exists()
        }  # fmt: skip
        with np.load(folder / "columns.npz", allow_pickle=False) as stored:
            columns = {name: stored[name] for name in stored.files}
        n_columns = len(columns["frame"])
        marks = None
        if (folder / "marks.npz").exists():
            with np.load(folder / "marks.npz", allow_pickle=False) as stored:
                marks = _marks_of({name: stored[name] for name in stored.files})
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"{folder} is damaged ({error}): remove it, and the same command makes it again") from None
    if {len(array) for array in arrays.values()} != {n} or n_columns != n:
        raise UserError(f"{folder} is damaged: remove it, and the same command makes it again")
    return Part(arrays, columns, marks, about)


def _of_marks(marks: Marks) -> dict[str, np.ndarray]:
    others = {"picture": marks.picture, "turned": marks.turned}
    points = {f"{POINT}{name}": places for name, places in marks.points.items()}
    return points | {name: array for name, array in others.items() if array is not None}


def _marks_of(arrays: Mapping[str, np.ndarray]) -> Marks:
    points = {name.removeprefix(POINT): places for name, places in arrays.items() if name.startswith(POINT)}
    return Marks(points, arrays.get("picture"), arrays.get("turned"))
