"""Codes of the images of a data set by something else than a run: another tool, neural activity."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from autoencoder.array_types import FloatArray, Reals
from autoencoder.data.arrays import npz_headers, open_npy, read_npz
from autoencoder.data.tables import read_table
from autoencoder.errors import UserError, raise_if_any

SUFFIXES = (".npy", ".npz")
"""Of files of codes; what has none of them is a run's folder."""


@dataclass(frozen=True)
class Listed:
    """A run, or a file of codes, as a table lists it.

    Attributes:
        path: of the folder or file.
        name: what it is called.
        seed: of a run; None where the table gives none.
        settings: its values in the table's other columns.
    """

    path: Path
    name: str
    seed: int | None
    settings: Mapping[str, str]

    @property
    def is_codes(self) -> bool:
        """Whether it is a file of codes, and not a run."""
        return self.path.suffix.lower() in SUFFIXES


def read_list(path: Path) -> list[Listed]:
    """A table of runs and codes: columns `path`, relative to the table, `name`, `seed`, and any settings.

    Only `path` has to be there.

    Raises:
        UserError: the file is missing or damaged, has no such column, lists something twice, or a seed is no number.
    """
    if not path.is_file():
        raise UserError(f"there is no table {path}: check the path")
    rows = read_table(path)
    columns, lines = (rows[0].fields if rows else []), rows[1:]
    if "path" not in columns:
        raise UserError(f"{path} has no column 'path': it lists runs and files of codes, one per row")
    listed, problems = list[Listed](), list[str]()
    for number, fields in lines:
        if len(fields) != len(columns):
            problems.append(f"line {number} of {path} has {len(fields)} fields and its header has {len(columns)}")
            continue
        row = dict(zip(columns, fields, strict=True))
        place, seed = path.parent / row.pop("path"), row.pop("seed", "")
        if seed and not seed.isdigit():
            problems.append(f"line {number} of {path}: a seed is a whole number, not {seed!r}")
            continue
        name = row.pop("name", "") or _name_of(place)
        listed.append(Listed(place, name, int(seed) if seed else None, row))
    names = [entry.name for entry in listed]
    problems += [
        f"{path} calls two of its rows '{name}': rename one" for name in dict.fromkeys(names) if names.count(name) > 1
    ]
    if not listed and not problems:
        problems.append(f"{path} lists nothing")
    raise_if_any(problems)
    return listed


def _name_of(path: Path) -> str:
    return path.stem if path.suffix.lower() in SUFFIXES else path.name


def expand(paths: list[Path]) -> list[Listed]:
    """Runs and files of codes, and those that tables (`.csv`) among the paths list.

    Raises:
        UserError: as `read_list`.
    """
    found = list[Listed]()
    for path in paths:
        found += read_list(path) if path.suffix.lower() == ".csv" else [Listed(path, _name_of(path), None, {})]
    return found


def read_codes(path: Path, n_images: int) -> FloatArray:
    """Codes from another tool: an `.npy` of (n, d), or an `.npz` with one such array, a row for each image.

    Raises:
        UserError: the file is missing, damaged, or of another shape.
    """
    suffix = path.suffix.lower()
    if suffix == ".npy":
        array = open_npy(path)
    elif suffix == ".npz":
        arrays = read_npz(path, npz_headers(path))
        if len(arrays) != 1:
            raise UserError(f"{path} holds {len(arrays)} arrays ({', '.join(arrays)}): save the codes alone")
        array = next(iter(arrays.values()))
    else:
        raise UserError(f"{path} is no run folder, and codes are read from .npy or .npz")
    if array.ndim != 2 or array.dtype.kind not in "fiu" or array.shape[1] == 0:
        raise UserError(f"{path} holds {array.dtype} of shape {array.shape}: codes are numbers, (images, units)")
    if len(array) != n_images:
        raise UserError(f"{path} has {len(array):,} rows, and the data {n_images:,} images: one row for each image")
    return np.array(array, np.float32)


def not_finite(codes: Reals, where: str) -> str | None:
    """How many codes are not finite, in words; None where all are."""
    bad = np.flatnonzero(~np.isfinite(codes).all(axis=1))
    if not len(bad):
        return None
    return f"{len(bad):,} of {len(codes):,} codes in {where} are not finite (first: row {bad[0]} of those measured)"
