"""What the codes of each run look like in the plane: at the end of training, and at every moment of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autoencoder.array_types import FloatArray, Integers, Rows
from autoencoder.data.arrays import npz_headers, read_npz
from autoencoder.errors import UserError
from autoencoder.machine.files import write_arrays

COURSE_LOSS = 2.0**-12
"""The most that a coordinate of a course loses in a file, as a share of the largest one at its moment: 0.00024."""


@dataclass(frozen=True, eq=False)
class Planes:
    """Codes of p images in the plane, by the name of the source that they are of.

    Attributes:
        rows: (p,) row numbers of the images in the data set.
        method: title of the reducer that `ends` are by, such as "UMAP".
        ends: (p, 2) at the end of training, each fitted by itself.
        courses: (t, p, 2) at every moment: the first two principal components of that moment's codes, each moment
            turned to fit the next. The scale is that of the codes.
        steps: (t,) of the moments; 0 of a source that does not change.
        epochs: (t,) the same in epochs.
    """

    rows: Rows
    method: str
    ends: Mapping[str, FloatArray]
    courses: Mapping[str, FloatArray]
    steps: Mapping[str, Integers]
    epochs: Mapping[str, NDArray[np.float64]]

    @property
    def names(self) -> tuple[str, ...]:
        """Of the sources."""
        return tuple(self.ends)

    def write(self, path: Path) -> None:
        """Write all of it as one compressed `.npz`; the same planes give the same bytes.

        `ends` are kept exactly. `courses` are divided by the largest coordinate of each moment and kept as float16,
        which loses at most `COURSE_LOSS` of it. Arrays of a source carry its number, so that any text can be its name.
        """
        arrays: dict[str, NDArray[np.generic]] = {
            "rows": np.asarray(self.rows, np.int64),
            "method": np.array([self.method]),
            "names": np.array(self.names, np.str_),
        }
        for number, name in enumerate(self.names):
            course = np.asarray(self.courses[name], np.float32)
            scale = _largest(course)
            of_each: dict[str, NDArray[np.generic]] = {
                "end": np.asarray(self.ends[name], np.float32),
                "steps": np.asarray(self.steps[name], np.int64),
                "epochs": np.asarray(self.epochs[name], np.float64),
                "course": (course / scale[:, None, None]).astype(np.float16),
                "scale": scale,
            }
            arrays |= {f"{key}_{number}": values for key, values in of_each.items()}
        write_arrays(path, arrays, compress=True)


def read_planes(path: Path) -> Planes:
    """Read what `Planes.write` wrote.

    Raises:
        UserError: the file is missing or damaged, or holds no planes.
    """
    try:
        if not path.is_file():
            raise UserError(f"there is no file {path}")
        arrays = read_npz(path, npz_headers(path))
        _check(arrays, path)
    except UserError as error:
        raise UserError(
            f"the file of planes cannot be read ({error}): 'autoencoder study report' makes it again"
        ) from None
    names = arrays["names"].tolist()

    def of_each(key: str) -> dict[str, Any]:
        return {name: arrays[f"{key}_{number}"] for number, name in enumerate(names)}

    courses, scales = of_each("course"), of_each("scale")
    return Planes(
        arrays["rows"],
        str(arrays["method"][0]),
        of_each("end"),
        {name: courses[name].astype(np.float32) * scales[name][:, None, None] for name in names},
        of_each("steps"),
        of_each("epochs"),
    )


def _largest(course: FloatArray) -> FloatArray:
    """The largest coordinate (t,) of each moment of (t, p, 2); 1 where all are 0."""
    largest = np.abs(course).max(axis=(1, 2), initial=0.0)
    return np.where(largest > 0, largest, 1.0).astype(np.float32)


def _check(arrays: Mapping[str, np.ndarray], path: Path) -> None:
    """Refuse arrays that are not those of planes.

    Raises:
        UserError: some are missing, or are not what they should be.
    """
    p, n = len(np.atleast_1d(arrays.get("rows", ()))), len(np.atleast_1d(arrays.get("names", ())))
    wanted: dict[str, tuple[str, tuple[int, ...]]] = {"rows": ("i", (p,)), "method": ("U", (1,)), "names": ("U", (n,))}
    for number in range(n):
        t = len(np.atleast_1d(arrays.get(f"steps_{number}", ())))
        wanted |= {
            f"end_{number}": ("f", (p, 2)),
            f"steps_{number}": ("i", (t,)),
            f"epochs_{number}": ("f", (t,)),
            f"course_{number}": ("f", (t, p, 2)),
            f"scale_{number}": ("f", (t,)),
        }
    for name, (kind, shape) in wanted.items():
        array = arrays.get(name)
        if array is None or array.dtype.kind != kind or array.shape != shape:
            raise UserError(f"{path} is damaged: its array '{name}' is missing, or not of the kind that it should be")
        if kind == "f" and not np.isfinite(array).all():
            raise UserError(f"{path} is damaged: its array '{name}' has values that are not finite")
    if len(set(arrays["names"].tolist())) < n:
        raise UserError(f"{path} is damaged: two of its sources have one name")
    if arrays["rows"].min(initial=0) < 0:
        raise UserError(f"{path} is damaged: it has a row number below 0")
