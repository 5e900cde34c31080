"""A `.parquet` table with a row for each image, for pandas, Polars, DuckDB and R."""

from __future__ import annotations

from pathlib import Path

from autoencoder.machine.files import replacing
from autoencoder.workflows.encode.content import Content
from autoencoder.workflows.evolution_files.parquet import arrow_column, check, encoding

__all__ = ["HOLDS_PICTURES", "NEEDS_TIME", "check", "write"]

HOLDS_PICTURES, NEEDS_TIME = False, False


def write(content: Content, out: Path) -> list[Path]:
    """Write the columns of `Content.table`, with what this is in the metadata of the schema; what is missing is null.

    Raises:
        UserError: pyarrow is missing, or the file cannot be written.
    """
    arrow, parquet = check()
    table = arrow.table({name: arrow_column(arrow, values) for name, values in content.table().items()})
    table = table.replace_schema_metadata(dict(content.about))
    with replacing(out) as temporary:
        parquet.write_table(table, temporary, **encoding(table.schema))
    return [out]
