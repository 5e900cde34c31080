"""DeepLabCut's `.h5`: a table of pandas, in either of its formats, without the pickles that pandas would load."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from autoencoder.data.sources.pose.deeplabcut_columns import Column, to_poses
from autoencoder.data.sources.pose.frames import numbered
from autoencoder.data.sources.pose.hand_labels import names_picture, refuse_hand_labels
from autoencoder.data.sources.pose.hdf5.opened import (
    attribute,
    dataset,
    groups,
    is_text,
    number_attribute,
    open_hdf5,
    read_names,
    read_numbers,
    read_records,
    text_attribute,
    text_of,
)
from autoencoder.data.sources.pose.hdf5.pickled_names import NotPlainError, read_plain
from autoencoder.data.sources.pose.pose import Poses
from autoencoder.errors import UserError
from autoencoder.machine.plain_text import one_line

if TYPE_CHECKING:
    import h5py

USUAL_KEY = "df_with_missing"
"""The group in which DeepLabCut keeps what it found."""

LEVELS = ("scorer", "individuals", "bodyparts", "coords")
"""What the rows of its header are called; `individuals` is missing in files of one animal."""

NO_NAMES = frozenset({"", "n."})
"""Names of rows that have none: `N.` is the pickle of `None`."""

KINDS_OF_TIMES = ("datetime", "timedelta")
"""How the kinds of an index begin that holds times."""

MOST_BLOCKS = 100
"""Of a table: pandas keeps columns of one kind in a block; and of a header's rows."""


@dataclass(frozen=True, eq=False)
class Table:
    """What a file holds, in either format; R rows, C columns.

    Attributes:
        columns: individual, part and coordinate of each column.
        values: (R, C) float64.
        rows: (R,) numbers of the rows, or their names where people clicked labels.
    """

    columns: list[Column]
    values: NDArray[np.float64]
    rows: NDArray[Any] | tuple[str, ...]


def recognises(file: h5py.File) -> bool:
    """Whether a file holds a table of pandas."""
    return bool(_tables(file))


def read(path: Path) -> Poses:
    """Read what DeepLabCut found.

    Raises:
        UserError: the file is damaged, of another kind, or holds labels that people clicked.
    """
    with open_hdf5(path) as file:
        group = _one_group(file, path)
        kind = text_attribute(group, "pandas_type")
        if kind not in ("frame", "frame_table"):
            raise UserError(f"{path} holds a pandas table of the kind '{kind}', not a pose of DeepLabCut")
        table = _read_fixed(group, path) if kind == "frame" else _read_appendable(group, path)
    if isinstance(table.rows, tuple):
        pictures = [row for row in table.rows if names_picture(row)]
        if pictures:
            refuse_hand_labels(path, pictures)
        first = f" (the first is '{one_line(table.rows[0])[:60]}')" if table.rows else ""
        raise UserError(f"the rows of {path} have names{first} instead of frame numbers: export it again")
    if len(table.values) != len(table.rows) or table.values.shape[1] != len(table.columns):
        raise UserError(
            f"{path} is damaged: it has {table.values.shape[1]} columns of {len(table.values):,} values, and names "
            f"{len(table.columns)} columns of {len(table.rows):,} rows; export it again"
        )
    return to_poses(table.columns, table.values, numbered(table.rows, path, len(table.columns)), path)


# --------------------------------------------------------------------------------------------------------- which table


def _tables(file: h5py.File) -> list[h5py.Group]:
    """Groups that pandas wrote; those within it are parts of it."""
    return [group for group in groups(file, depth=2) if text_attribute(group, "pandas_type")]


def _one_group(file: h5py.File, path: Path) -> h5py.Group:
    tables = {str(group.name).strip("/"): group for group in _tables(file)}
    if USUAL_KEY in tables:
        return tables[USUAL_KEY]
    if len(tables) != 1:
        names = ", ".join(f"'{name}'" for name in tables)
        raise UserError(f"{path} holds several tables ({names}) and none is called '{USUAL_KEY}': keep one in the file")
    return next(iter(tables.values()))


def _columns(names: Sequence[str], titles: Iterable[Sequence[str]], path: Path) -> list[Column]:
    """What stands in each column, from the names of the header's rows and what they say of it."""
    titles = list(titles)
    levels = _known_levels([name.lower() for name in names], titles)
    if not set(levels) <= set(LEVELS) or not {"bodyparts", "coords"} <= set(levels) or len(set(levels)) != len(levels):
        raise UserError(
            f"{path} holds a pandas table, not a pose of DeepLabCut: its header has "
            f"{', '.join(levels) or 'no names'} instead of scorer, bodyparts and coords"
        )
    place = {name: i for i, name in enumerate(levels)}
    columns = []
    for title in titles:
        if len(title) != len(levels):
            raise UserError(f"the header of {path} is damaged: a column has {len(title)} names; export it again")
        individual = title[place["individuals"]] if "individuals" in place else ""
        columns.append((individual, title[place["bodyparts"]], title[place["coords"]]))
    return columns


def _known_levels(levels: list[str], titles: Sequence[Sequence[str]]) -> list[str]:
    """Names of the header's rows; where a script has lost all of them, the usual ones if the last row has x and y."""
    lost = set(levels) <= NO_NAMES and {"x", "y"} <= {title[-1].lower() for title in titles if title}
    if lost and len(levels) == len(LEVELS):
        return list(LEVELS)
    if lost and len(levels) == len(LEVELS) - 1:
        return [name for name in LEVELS if name != "individuals"]
    return [name if name not in NO_NAMES else "rows without a name" for name in levels]


def _refuse_times(kind: Any, path: Path) -> None:
    if isinstance(kind, (str, bytes)) and text_of(kind).startswith(KINDS_OF_TIMES):
        raise UserError(f"the rows of {path} have times instead of frame numbers: save it with rows that count from 0")


def _side_by_side(blocks: Sequence[NDArray[Any]], n_rows: int, path: Path) -> NDArray[np.float64]:
    """(R, C) values of all blocks of columns."""
    if any(block.ndim != 2 or block.dtype.kind not in "fiu" or len(block) != n_rows for block in blocks):
        raise UserError(f"{path} has columns that are not {n_rows:,} numbers: export it again")
    return np.concatenate([np.empty((n_rows, 0)), *blocks], axis=1).astype(np.float64)


# --------------------------------------------------------------------------------------------------------- table format


def _read_appendable(group: h5py.Group, path: Path) -> Table:
    """What pandas' format `table` holds."""
    stored = dataset(group, "table")
    records = read_records(stored)
    fields = records.dtype.names or ()
    titles_of_rows = sorted(name for name in fields if name.startswith("level_"))
    if titles_of_rows and all(records[name].dtype.kind == "S" for name in titles_of_rows):
        parts = [[text_of(one) for one in records[name]] for name in titles_of_rows]
        return Table([], np.empty((len(records), 0)), tuple("/".join(title) for title in zip(*parts, strict=True)))
    if "index" not in fields:
        raise UserError(f"{path} holds a pandas table without an 'index': export it again")
    _refuse_times(attribute(stored, "index_kind"), path)
    info = _plain(group, "info", path)
    about = info.get(1) if isinstance(info, dict) else None
    levels = _level_names(about.get("names") if isinstance(about, dict) else None)
    blocks = [name for name in fields if name != "index"]
    titles = [title for block in blocks for title in _titles(_plain(stored, f"{block}_kind", path), path)]
    values = [records[block].reshape(len(records), -1) for block in blocks]
    rows = records["index"]
    return Table(
        _columns(levels, titles, path),
        _side_by_side(values, len(rows), path),
        tuple(text_of(one) for one in rows) if rows.dtype.kind == "S" else rows,
    )


def _plain(node: h5py.Group | h5py.Dataset, name: str, path: Path) -> Any:
    """A value that pandas keeps as a pickle in an attribute, if it is a plain one."""
    pickled = attribute(node, name)
    if pickled is None:
        raise UserError(f"{path} holds a pandas table without its '{name}': export it again")
    if isinstance(pickled, str):
        pickled = pickled.encode("utf-8", "surrogateescape")
    if not isinstance(pickled, bytes):
        raise UserError(f"'{name}' in {path} is not what pandas writes: export it again")
    try:
        return read_plain(bytes(pickled))
    except NotPlainError as error:
        raise UserError(f"'{name}' in {path} holds {error}: export it again, as a CSV") from None


def _level_names(names: Any) -> list[str]:
    known = names if isinstance(names, (list, tuple)) and len(names) <= len(LEVELS) else []
    return [text_of(name) if isinstance(name, (str, bytes)) else "" for name in known]


def _titles(found: Any, path: Path) -> Iterator[tuple[str, ...]]:
    """Names of the columns of a block."""
    for title in found if isinstance(found, (list, tuple)) else [found]:
        if not isinstance(title, tuple) or not all(isinstance(one, (str, bytes, int)) for one in title):
            raise UserError(f"the columns of {path} have names that are not those of DeepLabCut: export it again")
        yield tuple(text_of(one) if isinstance(one, (str, bytes)) else str(one) for one in title)


# --------------------------------------------------------------------------------------------------------- fixed format


def _read_fixed(group: h5py.Group, path: Path) -> Table:
    """What pandas' format `fixed` holds."""
    if text_attribute(group, "axis0_variety") != "multi":
        raise UserError(f"{path} holds a pandas table, not a pose of DeepLabCut: its header is a single row")
    if text_attribute(group, "axis1_variety") == "multi":
        _, titles = _read_levels(group, "axis1", path)
        return Table([], np.empty((len(titles), 0)), tuple("/".join(title) for title in titles))
    levels: list[str] = []
    titles = []
    values = []
    for i in range(_count(group, "nblocks")):
        levels, some = _read_levels(group, f"block{i}_items", path)
        titles.extend(some)
        values.append(_stored(dataset(group, f"block{i}_values")))
    index = dataset(group, "axis1")
    _refuse_times(attribute(index, "kind"), path)
    rows = read_names(index) if is_text(index) else _stored(index)
    return Table(_columns(levels, titles, path), _side_by_side(values, len(rows), path), rows)


def _read_levels(group: h5py.Group, axis: str, path: Path) -> tuple[list[str], list[tuple[str, ...]]]:
    """Names of the levels of an axis, and its titles, each with a name of every level."""
    levels = []
    names = []
    for i in range(_count(group, f"{axis}_nlevels")):
        stored = dataset(group, f"{axis}_level{i}")
        found = read_names(stored) if is_text(stored) else tuple(str(one) for one in _stored(stored).tolist())
        codes = _stored(dataset(group, f"{axis}_label{i}"))
        if codes.dtype.kind not in "iu" or codes.ndim != 1 or ((codes < -1) | (codes >= len(found))).any():
            raise UserError(f"{path} is damaged: '{axis}' has titles that it does not name; export it again")
        levels.append(text_attribute(stored, "name"))
        names.append([found[code] if code >= 0 else "" for code in codes])
    if len({len(some) for some in names}) > 1:
        raise UserError(f"{path} is damaged: the levels of '{axis}' are not equally long; export it again")
    return levels, list(zip(*names, strict=True))


def _stored(data: h5py.Dataset) -> NDArray[Any]:
    """An array as pandas had it before it wrote it with its axes turned round."""
    values = read_numbers(data)
    return values if attribute(data, "transposed") or values.ndim < 2 else values.T


def _count(group: h5py.Group, name: str) -> int:
    """A small number in an attribute."""
    count = number_attribute(group, name)
    if count is None or not 0 < count <= MOST_BLOCKS or count != int(count):
        raise UserError(f"'{name}' of '{group.name}' in {group.file.filename} is damaged: export it again")
    return int(count)
