"""Codes of the images of a data set by something else than a run: another tool, neural activity."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from autoencoder.array_types import FloatArray, Reals, Rows
from autoencoder.data.arrays import npz_headers, open_npy, read_npz
from autoencoder.data.tables import read_table
from autoencoder.errors import UserError, first_few, raise_if_any

SUFFIXES = (".npy", ".npz")
"""Of files of codes; what has none of them is a run's folder."""

AS = "read from .npz or .npy ('autoencoder encode RUN --out NAME.npz' writes them)"
"""How codes are to be given, where they are given otherwise."""

CODES = "codes"
"""The array of an `.npz` that is meant where it holds several."""


SHOWN = 20
"""How many arrays are named where none is meant."""

LEAST_KNOWN = 20
"""Held-out images that have to have codes, as many as a probe is scored on at least."""


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
        raise UserError(
            f"{path} has no column 'path', which lists runs and files of codes, one per row; codes themselves are {AS}"
        )
    listed, problems = list[Listed](), list[str]()
    for number, fields in lines:
        if len(fields) != len(columns):
            problems.append(f"line {number} of {path} has {len(fields)} fields and its header has {len(columns)}")
            continue
        row = dict(zip(columns, fields, strict=True))
        place, seed = path.parent / row.pop("path"), row.pop("seed", "")
        if seed and not seed.isdigit():
            problems.append(f"line {number} of {path}: a seed must be a whole number, not {seed!r}")
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
        UserError: a file is neither of codes nor such a table; or as `read_list`.
    """
    found = list[Listed]()
    raise_if_any(
        f"{path} is a file, but neither a table of runs (.csv) nor codes, which are {AS}"
        for path in paths
        if path.is_file() and path.suffix.lower() not in (".csv", *SUFFIXES)
    )
    for path in paths:
        found += read_list(path) if path.suffix.lower() == ".csv" else [Listed(path, _name_of(path), None, {})]
    return found


def read_codes(path: Path, n_images: int) -> FloatArray:
    """Codes from another tool: an `.npy` of (n, d), or an `.npz` with one such array or one that is called `codes`.

    There is a row for each image; what is not known is NaN.

    Raises:
        UserError: the file is missing, damaged, or of another shape.
    """
    suffix = path.suffix.lower()
    if suffix == ".npy":
        array = open_npy(path)
    elif suffix == ".npz":
        headers = npz_headers(path)
        name = CODES if CODES in headers else next(iter(headers), "")
        if len(headers) != 1 and name != CODES:
            raise UserError(
                f"{path} holds {len(headers)} arrays ({first_few(list(headers), SHOWN)}), and none is called "
                f"'{CODES}': save the codes under that name, or alone"
            )
        array = read_npz(path, [name])[name]
    else:
        raise UserError(f"{path} is neither a run folder nor a file of codes (.npy, .npz)")
    if array.ndim != 2 or array.dtype.kind not in "fiu" or array.shape[1] == 0:
        raise UserError(
            f"{path} holds {array.dtype} of shape {array.shape}: codes must be numbers of shape (images, units)"
        )
    if len(array) != n_images:
        raise UserError(
            f"{path} has {len(array):,} rows, and the data set {n_images:,} images: there must be one row "
            "for each image"
        )
    return np.array(array, np.float32)


@dataclass(frozen=True, eq=False)
class Outside:
    """Codes from files, of the images that all of them know.

    Attributes:
        codes: (n, d) float32 of those that can be used, by their place in the list; rows not in `known` may be NaN.
        known: rows of these images; None for all.
        notes: what was left out, and why, a sentence each.
    """

    codes: Mapping[int, FloatArray]
    known: Rows | None
    notes: tuple[str, ...]


def read_all(files: Sequence[tuple[str, Path]], n_images: int, held_out: Rows) -> Outside:
    """Codes from files, (n, d) each; an image whose codes are NaN in one of them is left out of all comparisons.

    A file that is not finite, or would leave hardly any held-out image, is left out itself.

    Args:
        files: what each is called, and where it is.
        n_images: of the data set.
        held_out: rows of its images that are compared.

    Raises:
        UserError: as `read_codes`.
    """
    codes, notes, partial = dict[int, FloatArray](), list[str](), list[str]()
    is_known = np.ones(n_images, bool)
    for place, (name, path) in enumerate(files):
        read = read_codes(path, n_images)
        has_codes = ~np.isnan(read).any(axis=1)
        if why := not_finite(read[has_codes] if has_codes.any() else read, str(path)):
            notes.append(f"{name} is left out: {why}")
        elif not has_codes.all() and (n := int((is_known & has_codes)[held_out].sum())) < LEAST_KNOWN:
            notes.append(
                f"{name} is left out: {path} has codes of {int(has_codes.sum()):,} of {n_images:,} images, and only "
                f"{n} of the held-out ones could be compared, where at least {LEAST_KNOWN} are needed"
            )
        else:
            codes[place] = read
            is_known &= has_codes
            partial += [] if has_codes.all() else [f"{name} ({int(has_codes.sum()):,})"]
    if not partial:
        return Outside(codes, None, tuple(notes))
    n_held_out = int(is_known[held_out].sum())
    notes.append(
        f"not all of the {n_images:,} images have codes in {', '.join(partial)}: probes and similarity use only those "
        f"that do, for everything that is compared: {int(is_known.sum()):,} images, {n_held_out:,} of "
        f"{len(held_out):,} "
        "held-out ones"
    )
    return Outside(codes, np.flatnonzero(is_known), tuple(notes))


def not_finite(codes: Reals, where: str) -> str | None:
    """How many codes are not finite, in words; None where all are."""
    bad = np.flatnonzero(~np.isfinite(codes).all(axis=1))
    if not len(bad):
        return None
    return f"{len(bad):,} of {len(codes):,} codes in {where} are not finite (first: row {bad[0]} of those measured)"
