"""A `.parquet` table with a row for each image at each moment, for pandas, Polars, DuckDB and R."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autoencoder.data.joining.parquet import parquet_modules
from autoencoder.machine.file_names import unused
from autoencoder.machine.files import replacing
from autoencoder.workflows.evolution_files.content import Content


def write(content: Content, out: Path) -> Path:
    """Write `evolution.parquet` into the folder `out`, a row group for each moment.

    Its columns: step, epoch, row (of the image in the data file), embedding_x, embedding_y, latent_0 to latent_{d-1}
    (float32), then what is known of the image; a column of the metadata that is called as one of these gets `_column`
    after its name. A missing value is null.

    Raises:
        UserError: as `Content.latents` does, pyarrow is missing, or the file cannot be written.
    """
    arrow, parquet = check()
    evolution, path, n = content.evolution, out / "evolution.parquet", len(content.evolution.rows)
    known: dict[str, Any] = {}
    taken = {"step", "epoch", "row", "embedding_x", "embedding_y", *(f"latent_{i}" for i in range(content.width))}
    for name, values in content.columns.items():
        name = unused(name, taken)
        taken.add(name)
        known[name] = arrow_column(arrow, values)

    def table(moment: int, codes: NDArray[np.float32]) -> Any:
        embedding = evolution.embeddings[moment]
        return arrow.table(
            {
                "step": np.full(n, evolution.steps[moment], np.int64),
                "epoch": np.full(n, evolution.epochs[moment], np.float64),
                "row": evolution.rows.astype(np.int64),
                "embedding_x": np.ascontiguousarray(embedding[:, 0]),
                "embedding_y": np.ascontiguousarray(embedding[:, 1]),
                **{f"latent_{unit}": np.ascontiguousarray(codes[:, unit]) for unit in range(content.width)},
                **known,
            }
        )

    with replacing(path) as temporary:
        writer = None
        try:
            for moment, codes in enumerate(content.latents()):
                group = table(moment, codes)
                writer = writer or parquet.ParquetWriter(temporary, group.schema, **encoding(group.schema))
                writer.write_table(group, row_group_size=n)
        finally:
            if writer is not None:
                writer.close()
    return path


def check() -> tuple[Any, Any]:
    """The modules `pyarrow` and `pyarrow.parquet`.

    Raises:
        UserError: the package is missing.
    """
    return parquet_modules()


def encoding(schema: Any) -> dict[str, Any]:
    """How columns are stored: floats hardly repeat, but their high bytes do."""
    floats = [field.name for field in schema if str(field.type) in ("float", "double")]
    others = [field.name for field in schema if field.name not in floats]
    return {"compression": "zstd", "use_dictionary": others, "use_byte_stream_split": floats}


def arrow_column(arrow: Any, values: NDArray[np.generic]) -> Any:
    """A column of the metadata; text, which repeats at every moment, is stored by a dictionary."""
    if values.dtype.kind == "U":
        return arrow.array([text or None for text in values.tolist()], arrow.string()).dictionary_encode()
    return arrow.array(values, from_pandas=True)  # NaN becomes null
