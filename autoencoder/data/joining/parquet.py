"""Reading tables in Parquet."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autoencoder.errors import UserError, raise_if_any
from autoencoder.machine.memory import refuse_too_large
from autoencoder.version import installing

IN_MEMORY = 8
"""Times the bytes of the columns that reading takes, at most: as Arrow's, as Python's, and as numpy's."""


def parquet_modules() -> tuple[Any, Any]:
    """The modules `pyarrow` and `pyarrow.parquet`.

    Raises:
        UserError: the package is missing.
    """
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise UserError(f"Parquet files need the extra: {installing('parquet')}") from None
    return pyarrow, pyarrow.parquet


def read_parquet(path: Path) -> dict[str, NDArray[Any]]:
    """The columns of a table, each (m,) float64, int64 or text; what is missing is NaN, or an empty text.

    Raises:
        UserError: pyarrow is missing, the file is damaged, or a column holds neither numbers nor text.
    """
    arrow, parquet = parquet_modules()
    try:
        with path.open("rb") as file:
            stored = parquet.ParquetFile(file)
            refuse_too_large(str(path), IN_MEMORY * _bytes_of(stored), "read parts of it")
            table = stored.read()
    except (arrow.ArrowException, OSError) as error:
        raise UserError(f"{path} cannot be read as Parquet ({str(error).splitlines()[0]}): write it again") from None
    columns, problems = dict[str, NDArray[Any]](), list[str]()
    for name in table.column_names:
        column = table.column(name)
        if arrow.types.is_dictionary(column.type):
            column = column.cast(column.type.value_type)
        kind = column.type
        if arrow.types.is_string(kind) or arrow.types.is_large_string(kind):
            columns[name] = np.array(["" if text is None else text for text in column.to_pylist()], np.str_)
        elif arrow.types.is_boolean(kind) or arrow.types.is_integer(kind) or arrow.types.is_floating(kind):
            whole = not arrow.types.is_floating(kind) and column.null_count == 0
            numbers = column.cast(arrow.int64() if whole else arrow.float64())
            columns[name] = np.array(numbers.to_numpy(), np.int64 if whole else np.float64)
        else:
            problems.append(
                f"column '{name}' of {path} is of type {kind}, and only numbers and text can be joined: cast it"
            )
    raise_if_any(problems)
    return columns


def _bytes_of(file: Any) -> int:
    """Of the columns, before they were compressed."""
    metadata = file.metadata
    return sum(int(metadata.row_group(i).total_byte_size) for i in range(metadata.num_row_groups))
