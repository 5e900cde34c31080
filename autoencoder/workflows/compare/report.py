"""Compare runs: a table for the terminal, for CSV and Markdown, all numbers as JSON, and a figure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from autoencoder.array_types import Rows
from autoencoder.data.metadata import Metadata
from autoencoder.errors import UserError
from autoencoder.evaluation.compare import Compared, Comparison
from autoencoder.machine.file_names import file_stems
from autoencoder.machine.files import check_writable, replacing, write_csv, write_json
from autoencoder.machine.plain_text import one_line
from autoencoder.measures.kinds import ColumnKind
from autoencoder.measures.probes import PROBES
from autoencoder.plots.comparison import ComparisonRow, comparison_figure
from autoencoder.plots.figures import save_figure
from autoencoder.plots.images import to_picture
from autoencoder.projections.reducers.base import embed_snapshots
from autoencoder.registries import AS_IT_IS, REDUCERS
from autoencoder.seeding import numpy_stream
from autoencoder.workflows.columns import NO_COLUMN, column_values, readable

SCORE_NAMES = {
    ColumnKind.CIRCULAR: "median error, deg",
    ColumnKind.LINEAR: "R2",
    ColumnKind.CATEGORY: "accuracy",
}

MARKDOWN = re.compile(r"[\\`*\[\]<>&|~!#$]|(?<![^\W_])_|_(?![^\W_])")
"""What Markdown may take for its own; an underscore within a word is none of it."""

MAX_POINTS = 4000
"""An embedding shows at most this many images."""

Cells = list[dict[str, Any]]
TextTable = tuple[list[str], list[list[str]]]
"""Header and rows."""


@dataclass(frozen=True)
class Spread:
    """One number over several seeds: its mean, and the standard deviation between seeds (n - 1)."""

    mean: float
    deviation: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """Mean and deviation of two values or more."""
        return cls(float(np.mean(values)), float(np.std(values, ddof=1)))


def table_of(comparison: Comparison) -> Cells:
    """One row per run; a column that does not apply to a run holds None.

    Columns of probes are called COLUMN:PROBE, with the same of shuffled labels in COLUMN:PROBE:shuffled.
    """
    return [_row(run) for run in comparison.runs]


def _row(run: Compared) -> dict[str, Any]:
    config, result, quality = run.evaluation.trained.config, run.evaluation.result, run.quality
    row: dict[str, Any] = {
        "run": run.name,
        "seed": config.training.seed,
        "encoder": config.model.encoder,
        "objective": config.objective.name,
        "latent_dim": config.model.latent_dim,
        "n_parameters": run.n_parameters,
        "training_seconds": run.seconds,
        "mse": quality and quality.mse,
        "psnr_db": quality and quality.psnr_db,
        "ssim": quality and quality.ssim,
        "closer_than_pca_db": result.closer_than_pca_db,
        "explained_variance": run.explained_variance,
        "result": None if quality else result.brief(),
    }
    for found in run.probed.results:
        key = f"{found.column}:{found.probe}"
        row |= {key: found.score, f"{key}:shuffled": found.shuffled}
    return row


def over_seeds(rows: Cells) -> Cells:
    """One row for each name of a run, in the order of their first rows, with a `Spread` for each number that differs.

    Rows whose name is the only one are kept as they are.
    """
    groups: dict[str, Cells] = {}
    for row in rows:
        groups.setdefault(row["run"], []).append(row)
    return [group[0] if len(group) == 1 else _merged(group) for group in groups.values()]


def _merged(group: Cells) -> dict[str, Any]:
    merged: dict[str, Any] = {}
    for key in dict.fromkeys(key for row in group for key in row):
        values: list[Any] = [row.get(key) for row in group]
        if key == "seed":
            merged[key] = ", ".join(map(str, values))
        elif all(value == values[0] for value in values):
            merged[key] = values[0]
        elif all(isinstance(value, (int, float)) for value in values):
            merged[key] = Spread.of(values)
        else:
            merged[key] = None if any(value is None for value in values) else " / ".join(map(str, values))
    return merged


# -------------------------------------------------------------------------------------------------------------- tables

QUALITY_COLUMNS = {
    "run": "run",
    "encoder": "encoder",
    "objective": "objective",
    "latent_dim": "latent",
    "n_parameters": "parameters",
    "training_seconds": "seconds",
    "mse": "MSE",
    "psnr_db": "PSNR (dB)",
    "ssim": "SSIM",
    "closer_than_pca_db": "over PCA control (dB)",
    "explained_variance": "explained variance",
    "result": "other result",
}
"""Columns of the table, and their headings."""

FORMATS = {
    "n_parameters": ",.0f",
    "training_seconds": ".0f",
    "mse": ".5f",
    "psnr_db": ".2f",
    "ssim": ".3f",
    "closer_than_pca_db": "+.2f",
    "explained_variance": ".3f",
}


def quality_table(rows: Cells) -> TextTable:
    """What each run is, and how well it meets its objective."""
    body = [[_text(row.get(key), FORMATS.get(key, "")) for key in QUALITY_COLUMNS] for row in rows]
    return list(QUALITY_COLUMNS.values()), body


def probe_tables(rows: Cells, metadata: Metadata) -> dict[str, TextTable]:
    """For each probe, the score of each column, with that of shuffled labels in brackets."""
    tables = {}
    for probe in PROBES:
        names = [name for name in metadata.names if any(f"{name}:{probe}" in row for row in rows)]
        body = [
            [
                f"{name} ({SCORE_NAMES[metadata.kind(name)]})",
                *(_score(row, f"{name}:{probe}", metadata.kind(name)) for row in rows),
            ]
            for name in names
        ]
        if names:
            tables[probe] = (["", *(row["run"] for row in rows)], body)
    return tables


def _score(row: Mapping[str, Any], key: str, kind: ColumnKind) -> str:
    form = ".1f" if kind is ColumnKind.CIRCULAR else ".3f"
    shuffled = row.get(f"{key}:shuffled")
    control = shuffled.mean if isinstance(shuffled, Spread) else shuffled
    return f"{_text(row.get(key), form)} ({_text(control, form)})"


def _text(value: Any, form: str) -> str:
    if value is None:
        return "-"
    if isinstance(value, Spread):
        return f"{value.mean:{form}} ± {value.deviation:{form.lstrip('+')}}"
    return f"{value:{form}}" if form else str(value)


# --------------------------------------------------------------------------------------------------------------- files


def write_comparison(
    comparisons: Sequence[Comparison],
    out: Path,
    *,
    color_by: Sequence[str] | None = None,
    reducer: str = "umap",
    examples: int = 5,
    seed: int = 0,
) -> list[Path]:
    """Write what a comparison found.

    Args:
        comparisons: from `autoencoder.compare`, one for each seed; the figure is drawn of the first.
        out: folder.
        color_by: columns, a figure each; None for the most telling one.
        reducer: a name in `registries.REDUCERS`, for the latent spaces in the figure.
        examples: images in the figure.
        seed: of the projection and of the choice of images.

    Returns:
        `comparison.csv` (a row per run and seed), `comparison.md`, `comparison.json`, and `comparison-COLUMN.png` for
        each column.

    Raises:
        UserError: there is no such column, too many runs or images for a figure, or `out` cannot be written to.
    """
    check_writable(out)
    comparison = comparisons[0]
    metadata = comparison.data.metadata
    colors = list(color_by) if color_by is not None else _telling_columns(metadata)
    for name in colors:
        metadata.column(name)
    rows = [row for one in comparisons for row in table_of(one)]
    shown, planes = embeddings(comparison, reducer, seed)
    n = min(examples, len(comparison.rows))
    chosen = np.sort(numpy_stream(seed, "comparison examples").choice(comparison.rows, n, replace=False))
    stems = file_stems([*metadata.names, NO_COLUMN])
    figures = {
        f"comparison-{stems[name]}": _figure(comparison, name, shown, planes, chosen, reducer)
        for name in colors or [NO_COLUMN]
    }
    columns = list(dict.fromkeys(key for row in rows for key in row))
    write_csv(out / "comparison.csv", rows, columns)
    with replacing(out / "comparison.md") as temporary:
        temporary.write_text(_markdown(rows, comparison), encoding="utf-8")
    write_json(
        out / "comparison.json",
        {
            "data": comparison.data.source,
            "n_images": len(comparison.rows),
            "runs": [run.numbers() for one in comparisons for run in one.runs],
        },
    )
    made = [out / "comparison.csv", out / "comparison.md", out / "comparison.json"]
    return made + [save_figure(figure, out / f"{name}.png") for name, figure in figures.items()]


def _telling_columns(metadata: Metadata) -> list[str]:
    """The first angle; where there is none, the first label, or the first column."""
    for kind in (ColumnKind.CIRCULAR, ColumnKind.CATEGORY, ColumnKind.LINEAR):
        named = [name for name in metadata.names if metadata.kind(name) is kind]
        if named:
            return named[:1]
    return []


def _markdown(rows: Cells, comparison: Comparison) -> str:
    merged = over_seeds(rows)
    parts = [f"{_as_markdown(caption(comparison))}\n", _markdown_table(quality_table(merged))]
    for probe, table in probe_tables(merged, comparison.data.metadata).items():
        parts += [f"\n{probe_caption(probe)}\n", _markdown_table(table)]
    return "\n".join(parts) + "\n"


def _markdown_table(table: TextTable) -> str:
    header, body = table
    escaped = [[_as_markdown(cell) for cell in row] for row in (header, *body)]
    lines = [escaped[0], ["---"] * len(header), *escaped[1:]]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _as_markdown(text: str) -> str:
    """Text that stays as it is in Markdown, on one line: no markup, no HTML, no end of a table's cell."""
    return MARKDOWN.sub(r"\\\g<0>", one_line(text))


def caption(comparison: Comparison) -> str:
    """What the tables are of."""
    results = {run.evaluation.result.compared_with for run in comparison.runs if run.quality is not None}
    against = f"; reconstructions compared with {' or '.join(sorted(results))}" if results else ""
    return f"{len(comparison.rows):,} held-out images of {comparison.data.source}{against}"


def probe_caption(probe: str) -> str:
    """What a table of `probe_tables` shows."""
    name = {"ridge": "ridge regression", "knn": "nearest neighbours"}[probe]
    return f"Read from the latent by {name}, cross-validated in blocks of rows (in brackets: with shuffled labels)"


def embeddings(comparison: Comparison, reducer: str, seed: int) -> tuple[Rows, list[NDArray[np.float32]]]:
    """The plane of each run's latent: two units as they are, more of them projected.

    Points are images of the whole data set, not of the held-out ones only: with few of them UMAP tears a ring.

    Args:
        comparison: from `compare`.
        reducer: a name in `registries.REDUCERS`.
        seed: of the projection.

    Returns:
        row numbers (m,) of the images that are shown, and an embedding (m, 2) for each run.
    """
    n = len(comparison.data)
    rows = np.linspace(0, n - 1, min(n, MAX_POINTS)).astype(np.int64)
    planes = []
    for run in comparison.runs:
        codes = run.evaluation.codes(rows)
        try:
            planes.append(embed_snapshots([codes], codes, AS_IT_IS if codes.shape[1] == 2 else reducer, seed)[0])
        except UserError as error:
            raise UserError(f"the latent of {run.name} cannot be drawn: {error}") from None
    return rows, planes


def _figure(
    comparison: Comparison,
    name: str,
    shown: Rows,
    planes: Sequence[NDArray[np.float32]],
    chosen: Rows,
    reducer: str,
) -> Figure:
    values, kind, period = column_values(comparison.data.metadata, name, shown)
    parts = [run.evaluation.predict(chosen) for run in comparison.runs]
    lines = []
    for run, part, plane in zip(comparison.runs, parts, planes, strict=True):
        config, result = run.evaluation.trained.config, run.evaluation.result
        pictures = None
        if run.evaluation.trained.objective.makes_pictures:
            pictures = to_picture(np.broadcast_to(part.output, part.seen.shape))  # a mask has one channel
        projected = "as it is" if config.model.latent_dim == 2 else f"by {REDUCERS[reducer].axis}"
        lines.append(
            ComparisonRow(
                run.name,
                f"{config.model.encoder}, {config.objective.name}, {result.brief()}; latent {projected}",
                pictures,
                plane,
                values,
                result.table().closing,
            )
        )
    clean = comparison.data.clean
    reference = None if clean is None else to_picture(comparison.data.scaled(chosen, "clean"))
    return comparison_figure(
        lines,
        to_picture(parts[0].seen),
        reference,
        label=readable(name),
        kind=kind.value,
        period=period,
        axes_names=("", ""),
        title=None,
    )
