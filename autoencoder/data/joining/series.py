"""Reading tables that have rows of their own: labels, events and arrays, with the time or the frame of each row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autoencoder.data.arrays import check_readable, npz_headers, open_npy, read_npz
from autoencoder.data.joining.parquet import read_parquet
from autoencoder.data.metadata import RECORDING
from autoencoder.data.metadata_files import read_columns
from autoencoder.data.timescales import FRAME
from autoencoder.errors import UserError, did_you_mean, first_few, nearest_name, raise_if_any
from autoencoder.machine.memory import refuse_too_large

TIME = "time_s"
"""The column of seconds since the start of a recording."""

PLACES = (FRAME, TIME)
"""Columns that say where in its recording a row is."""

TEXT_TABLES = {".csv": ",", ".tsv": "\t"}
"""Suffixes of tables of text, and what separates their columns."""

SUFFIXES = (*TEXT_TABLES, ".parquet", ".npz", ".npy")
"""Of tables that are read."""

SHOWN_COLUMNS = 20
"""How many columns are named where one is not there."""

Column = NDArray[Any]


@dataclass(frozen=True)
class Keys:
    """What rows of a table and images have in common.

    Attributes:
        names: columns of the data set, the last of them `frame` or `time_s`; rows and images are alike in the others.
        theirs: what the table calls each of them.
    """

    names: tuple[str, ...]
    theirs: tuple[str, ...]

    @classmethod
    def parse(cls, texts: Sequence[str]) -> Keys:
        """Keys of texts such as `recording` and `time_s=timestamp`.

        Raises:
            UserError: the last one is neither `frame` nor `time_s`, or one is there twice.
        """
        pairs = [text.partition("=") for text in texts]
        names, theirs = tuple(name for name, _, _ in pairs), tuple(other or name for name, _, other in pairs)
        if names[-1] not in PLACES or set(names[:-1]) & set(PLACES) or len(set(names)) < len(names):
            raise UserError(
                f"--on {','.join(texts)} must end in frame or time_s, after the columns in which rows and images "
                "agree, such as --on recording,time_s; where the table has another name for one: --on "
                "recording,time_s=t"
            )
        return cls(names, theirs)

    def with_other(self, name: str, other: str) -> str:
        """These keys as text, where the table calls the column `name` something else."""
        theirs = dict(zip(self.names, self.theirs, strict=True)) | {name: other}
        return ",".join(ours if ours == called else f"{ours}={called}" for ours, called in theirs.items())

    @property
    def place(self) -> str:
        """`frame` or `time_s`."""
        return self.names[-1]

    @property
    def alike(self) -> tuple[str, ...]:
        """The columns in which rows and images have to be the same."""
        return self.names[:-1]


@dataclass(frozen=True, eq=False)
class Series:
    """Rows that were measured at a rate of their own.

    Attributes:
        name: of the file, without its suffix.
        source: the files, in words.
        alike: (m,) by the data set's name of the column: what rows and images are alike in.
        place: (m,) float64, frame or seconds; NaN where the table says nothing.
        values: what was measured, (m,) numbers or text, or (m, d) numbers; empty for events that have but a time.
    """

    name: str
    source: str
    alike: Mapping[str, Column]
    place: NDArray[np.float64]
    values: Mapping[str, Column]

    def __len__(self) -> int:
        return len(self.place)


def read_series(
    paths: Sequence[Path],
    keys: Keys,
    *,
    recordings: Sequence[str] | None = None,
    times: Sequence[Path] | None = None,
    only: Sequence[str] | None = None,
) -> Series:
    """Tables with the same columns, one after the other.

    Args:
        paths: `.csv`, `.tsv` or `.parquet` with a row for each moment; `.npz` of arrays (m,) and (m, d), those of
            `keys` among them; `.npy` (m,) or (m, d).
        keys: what rows and images have in common.
        recordings: the recording that each table is of, where it does not say so itself.
        times: `.npy` (m,) of the frame or the seconds of each row, for each table that lacks them, as an `.npy` does.
        only: names of the values to take; None for all.

    Raises:
        UserError: a file is missing or damaged, lacks a column, or has other columns than the first.
    """
    for given, flag in ((recordings, "--recording"), (times, "--times")):
        if given is not None and len(given) != len(paths):
            raise UserError(f"{flag} names {len(given)} for {len(paths)} tables: give one for each, in their order")
    parts = [
        _read_one(
            path, keys, recordings[i] if recordings is not None else None, times[i] if times is not None else None, only
        )
        for i, path in enumerate(paths)
    ]
    first = parts[0]
    for part in parts[1:]:
        if [(name, _form(values)) for name, values in part.values.items()] != [
            (name, _form(values)) for name, values in first.values.items()
        ]:
            raise UserError(
                f"{part.source} has the values {_described(part)} and {first.source} {_described(first)}: tables that "
                "are joined together must have the same columns (--only NAME,... takes some of them)"
            )
    if len(parts) == 1:
        return first
    return Series(
        "+".join(dict.fromkeys(part.name for part in parts)) if not first.values else first.name,
        f"{len(parts)} tables ({first_few([part.source for part in parts], 3)})",
        {name: _joined([part.alike[name] for part in parts]) for name in keys.alike},
        np.concatenate([part.place for part in parts]),
        {name: _joined([part.values[name] for part in parts]) for name in first.values},
    )


def _form(values: Column) -> tuple[bool, tuple[int, ...]]:
    """What columns of several tables have to be alike in: text or numbers, and their width."""
    return values.dtype.kind == "U", values.shape[1:]


def _described(series: Series) -> str:
    names = [name + (f" {values.shape[1:]}" if values.ndim > 1 else "") for name, values in series.values.items()]
    return first_few(names, SHOWN_COLUMNS) or "none"


def _joined(parts: Sequence[Column]) -> Column:
    """Columns one after the other; as text where one of them is."""
    if any(part.dtype.kind == "U" for part in parts):
        parts = [as_labels(part) for part in parts]
    return np.concatenate(parts)


def as_labels(values: Column) -> NDArray[np.str_]:
    """Values by which rows are told apart, as text: whole numbers as they are said, 3 for 3.0; empty for NaN."""
    if values.dtype.kind != "f":
        return values.astype(np.str_)
    numbers = values.astype(np.float64)
    texts = [
        "" if np.isnan(number) else str(int(number)) if number.is_integer() else str(number)
        for number in numbers.tolist()
    ]
    return np.array(texts, np.str_)


def _read_one(path: Path, keys: Keys, recording: str | None, times: Path | None, only: Sequence[str] | None) -> Series:
    columns = _read_arrays(path)
    n_rows = len(next(iter(columns.values()), ()))
    if times is not None:
        _refuse_there(path, columns, keys.theirs[-1], "--times")
        columns[keys.theirs[-1]] = _read_times(times, path, n_rows)
    if recording is not None:
        _refuse_there(path, columns, keys.theirs[keys.names.index(RECORDING)] if RECORDING in keys.names else "", "")
        columns |= {
            theirs: np.full(n_rows, recording)
            for name, theirs in zip(keys.names, keys.theirs, strict=True)
            if name == RECORDING
        }
    raise_if_any(
        _missing(path, keys, theirs, name, columns)
        for name, theirs in zip(keys.names, keys.theirs, strict=True)
        if theirs not in columns
    )
    taken = {name: columns.pop(theirs) for name, theirs in zip(keys.names, keys.theirs, strict=True)}
    place = taken.pop(keys.place)
    raise_if_any(
        f"'{name}' in {path} has shape {values.shape}: it must hold one value for each row"
        for name, values in ({keys.place: place} | taken).items()
        if values.ndim != 1
    )
    if place.dtype.kind == "U":
        example = next(iter(text for text in place.tolist() if text), "")
        raise UserError(f"column '{keys.theirs[-1]}' of {path} holds text, such as '{example}', but must hold numbers")
    return Series(path.stem, str(path), taken, place.astype(np.float64), _chosen(columns, only, path))


def _refuse_there(path: Path, columns: Mapping[str, Column], name: str, flag: str) -> None:
    if name in columns:
        raise UserError(f"{path} has a column '{name}' of its own: leave {flag or '--recording'} out")


def _missing(path: Path, keys: Keys, theirs: str, name: str, columns: Mapping[str, Column]) -> str:
    near = nearest_name(theirs, columns)
    said = f"{path} has no column '{theirs}'; its columns are {first_few(list(columns), SHOWN_COLUMNS)}"
    if name == RECORDING:
        return f"{said}; if all of it belongs to one recording, say which (--recording NAME)"
    if path.suffix.lower() == ".npy":
        return f"{path} does not say when its rows were measured: give the {name} of each (--times FILE.npy)"
    if near is not None:
        return f"{said}: did you mean --on {keys.with_other(name, near)}?"
    return f"{said}; if it has another name there, give that: --on {keys.with_other(name, 'NAME')}"


def _chosen(columns: Mapping[str, Column], only: Sequence[str] | None, path: Path) -> dict[str, Column]:
    if only is None:
        return dict(columns)
    raise_if_any(
        f"{path} has no column '{name}' (--only){did_you_mean(name, columns)}; its columns are "
        f"{first_few(list(columns), SHOWN_COLUMNS)}"
        for name in only
        if name not in columns
    )
    return {name: columns[name] for name in only}


# --------------------------------------------------------------------------------------------------------------- files


def _read_arrays(path: Path) -> dict[str, Column]:
    """The columns of a file, each (m, ...), by name."""
    check_readable(path, "table")
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise UserError(f"{path} cannot be joined: tables are read from {', '.join(SUFFIXES)}")
    if suffix in TEXT_TABLES:
        return read_columns(path, {}, TEXT_TABLES[suffix])
    if suffix == ".parquet":
        return read_parquet(path)
    if suffix == ".npy":
        array = open_npy(path)
        refuse_too_large(str(path), 8 * array.size, "join parts of it")
        arrays = {path.stem: np.array(array)}
    else:
        arrays = read_npz(path, npz_headers(path))
    problems = [
        f"array '{name}' in {path} has shape {array.shape} and type {array.dtype}: it must be (rows,) numbers or "
        "text, or (rows, values) numbers"
        for name, array in arrays.items()
        if array.ndim not in (1, 2) or array.dtype.kind not in ("biufU" if array.ndim == 1 else "biuf")
    ]
    lengths = {name: len(array) for name, array in arrays.items() if array.ndim}
    if len(set(lengths.values())) > 1:
        said = ", ".join(f"{name} {length:,}" for name, length in lengths.items())
        problems.append(f"the arrays of {path} differ in length: {said}")
    raise_if_any(problems)
    return {name: _plain(array) for name, array in arrays.items()}


def _plain(array: Column) -> Column:
    """Text as it is, whole numbers as int64, others as float64."""
    if array.dtype.kind == "U":
        return array
    return array.astype(np.int64 if array.dtype.kind in "biu" else np.float64)


def _read_times(path: Path, table: Path, n_rows: int) -> NDArray[np.float64]:
    check_readable(path, "times")
    if path.suffix.lower() != ".npy":
        raise UserError(f"{path} holds no times: they are read from .npy (--times)")
    times = open_npy(path)
    if times.shape != (n_rows,) or times.dtype.kind not in "iuf":
        raise UserError(
            f"{path} holds {times.dtype} of shape {times.shape}, and {table} has {n_rows:,} rows: there must be one "
            "time for each"
        )
    return np.array(times, np.float64)
