"""`join`: a table at its own rate becomes a table, or codes, with a row for each image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from autoencoder.config.arguments import AnyPath, names_of, paths_of
from autoencoder.data.column_kinds import meaning_of
from autoencoder.data.images import load_images
from autoencoder.data.joining.join import Joined
from autoencoder.data.joining.join import join as join_to_images
from autoencoder.data.joining.matching import How
from autoencoder.data.joining.series import Keys, read_series
from autoencoder.data.metadata import Metadata, csv_parts
from autoencoder.errors import UserError, first_few, raise_if_any
from autoencoder.machine.files import check_writable, replacing, write_array, write_arrays
from autoencoder.measures.kinds import ColumnKind

SUFFIXES = (".csv", ".npz", ".npy")
"""Of what is written: a table for `--metadata`, or codes."""

SHOWN = 5
"""How many recordings are named, before the rest is left out."""


def join(
    data: AnyPath,
    tables: AnyPath | Sequence[AnyPath],
    out: str | Path,
    *,
    on: Sequence[str],
    how: How | None = None,
    tolerance: float | None = None,
    recording: Sequence[str] | None = None,
    times: AnyPath | Sequence[AnyPath] | None = None,
    only: Sequence[str] | None = None,
    prefix: str = "",
    metadata: AnyPath | None = None,
    columns: Sequence[str] | None = None,
    column_kinds: Sequence[str] | None = None,
    overwrite: bool = False,
) -> Joined:
    """Join tables to a data set, and write what comes out.

    Args:
        data: the data set.
        tables: `.csv`, `.tsv` or `.parquet` with a header, `.npz` or `.npy` of arrays; one, or several with the same
            columns.
        out: `.csv` of the data set's columns and the new ones; `.npz` with `codes` (N, d) float32 and `names` (d,) of
            its units; or `.npy` of the codes.
        on: `("recording", "frame")` or `("recording", "time_s")`; of a single recording `("frame",)` or `("time_s",)`;
            `NAME=OTHER` where the table calls it otherwise.
        how: `nearest` and `previous` take one row for each image, `mean` averages those in its interval (angles on the
            circle), `count` counts them, each text by itself. None for `count` where a table has nothing but places,
            and else `nearest`.
        tolerance: how far a row may be from its image, in seconds or frames. None: for `nearest` a usual step of the
            table, for `previous` any distance, for `mean` and `count` up to the middle between neighbouring images.
        recording: that each table is of, where it does not say so.
        times: `.npy` files of the time or frame of each row, for each table.
        only: columns of the tables to take; None for all.
        prefix: stands before the names of the new columns.
        metadata, columns, column_kinds: the data set's table, see `load_images`; None for that beside it.
        overwrite: a file of this name may be replaced; the data set's own table is one.

    Raises:
        UserError: a file is missing, damaged or in the way, no row goes with any image, or values
            cannot be averaged or counted.
    """
    keys, files, out = Keys.parse(tuple(names_of(on))), paths_of(tables, "a table"), Path(out)
    _check_out(out, files, overwrite)
    images = load_images(data, metadata, columns, column_kinds=column_kinds)
    only = None if only is None else names_of(only)
    recordings = None if recording is None else names_of(recording)
    series = read_series(
        files, keys, recordings=recordings, times=None if times is None else paths_of(times, "times"), only=only
    )
    joined = join_to_images(images.metadata, len(images), series, keys, how, tolerance)
    if out.suffix.lower() == ".csv":
        joined_columns = {prefix + name: values for name, values in joined.all_columns.items()}
        _write_table(out, images.metadata, joined_columns)
        joined = replace(joined, notes=(*joined.notes, *_taken_for_labels(joined_columns)))
    elif out.suffix.lower() == ".npy":
        write_array(out, joined.codes())
    else:
        names = np.array([prefix + name for name in joined.all_columns])
        write_arrays(out, {"codes": joined.codes(), "names": names})
    return joined


def _check_out(out: Path, tables: Sequence[Path], overwrite: bool) -> None:
    problems = []
    if out.suffix.lower() not in SUFFIXES:
        problems.append(f"{out} cannot be written: joined tables go to {', '.join(SUFFIXES)} (--out)")
    if out.is_dir():
        problems.append(f"{out} is a folder: choose another name (--out)")
    elif out.exists():
        if any(table.exists() and out.samefile(table) for table in tables):
            problems.append(f"{out} is an input, and would be replaced: choose another name (--out)")
        elif not overwrite:
            problems.append(f"{out} already exists: choose another name (--out), or replace it (--overwrite)")
    raise_if_any(problems)
    check_writable(out.parent)


def _write_table(out: Path, metadata: Metadata, columns: dict[str, np.ndarray]) -> None:
    """The data set's columns, as exact as they were read, and the new ones."""
    twice = [name for name in columns if name in metadata.names]
    if twice:
        named = first_few([f"'{name}'" for name in twice], SHOWN)
        raise UserError(
            f"{metadata.source} already has {named}: give the new columns a prefix (--prefix), or choose other "
            "columns (--only)"
        )
    with replacing(out) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        file.writelines(csv_parts({**metadata.columns, **columns}))


def _taken_for_labels(columns: dict[str, np.ndarray]) -> list[str]:
    """What to say of columns whose whole numbers would be taken for labels, since counts look the same."""
    names = [
        name
        for name, values in columns.items()
        if values.dtype.kind != "U" and meaning_of(name, values).kind is ColumnKind.CATEGORY
    ]
    if not names:
        return []
    kinds = ",".join(f"{name}=quantity" for name in names)
    return [
        f"whole numbers with few different values are taken for labels ({first_few(names, SHOWN)}): if they are counts "
        f"or amounts, say so to every command that reads this table (--column-kinds {kinds})"
    ]


def said_of(joined: Joined, source: str) -> list[str]:
    """What came of it, a sentence each.

    Args:
        joined: what was joined.
        source: of the rows, such as the table's path.
    """
    said = [
        f"{joined.n_matched:,} of {joined.n_images:,} images match a row of {source}; {joined.n_unused:,} of its "
        f"{joined.n_rows:,} rows match no image"
    ]
    for absent, what, where in (
        (joined.images_without, "images", "the table"),
        (joined.rows_without, "rows", "the data set"),
    ):
        if absent:
            names = first_few([f"{name} ({n:,} {what})" for name, n in absent.items()], SHOWN)
            said.append(f"{len(absent):,} not in {where}: {names}")
    return said
