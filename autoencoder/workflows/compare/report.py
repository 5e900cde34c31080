"""Compare runs: tables for the terminal, as CSV and as Markdown, numbers as JSON, figures, and a page of all of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.collections import Collection
from matplotlib.figure import Figure
from numpy.typing import NDArray

from autoencoder.array_types import Rows
from autoencoder.config.movies import AS_PNG_AND_SVG, FigureOptions
from autoencoder.data.timescales import label_warnings
from autoencoder.errors import UserError
from autoencoder.evaluation.compare import Compared, Comparison
from autoencoder.machine.file_names import file_stems
from autoencoder.machine.files import check_writable, write_csv, write_json, write_text
from autoencoder.neighbors.far_apart import far_apart
from autoencoder.pages.report import Report, report_document
from autoencoder.plots.comparison import ComparisonRow, comparison_figure
from autoencoder.plots.figures import Files, save_and_hold
from autoencoder.plots.images import to_picture
from autoencoder.projections.reducers.base import embed_snapshots
from autoencoder.projections.rings import ring_note
from autoencoder.registries import AS_IT_IS, REDUCERS
from autoencoder.seeding import draw_rows
from autoencoder.study.measured.likeness import MAIN
from autoencoder.study.wording import section
from autoencoder.workflows.columns import NO_COLUMN, column_values, readable, telling_columns
from autoencoder.workflows.compare.alike import alike_sections, holds_measured_study
from autoencoder.workflows.compare.numbers import Cells, over_seeds, text_of
from autoencoder.workflows.compare.page import Written, comparison_page
from autoencoder.workflows.compare.probe_tables import (
    NO_INTERVAL,
    difference_tables,
    full_tables,
    gain_caption,
    gain_table,
    probe_cells,
    score_cells,
    summary_caption,
    summary_table,
)
from autoencoder.workflows.compare.region_tables import REGIONS_CAPTION, region_cells, regions_table
from autoencoder.workflows.held_out import places_shown
from autoencoder.workflows.markdown import TextTable, as_markdown, markdown_table
from autoencoder.workflows.study.figures import study_figures
from autoencoder.workflows.study.page import Drawn
from autoencoder.workflows.study.report import HELD
from autoencoder.workflows.study.results import Study

MAX_POINTS = 4000
"""An embedding shows at most this many images."""


def table_of(comparison: Comparison) -> Cells:
    """One row per run; a column that does not apply to a run holds None.

    Columns of regions are called REGION/WHAT, see `region_cells`. Columns of probes are called COLUMN:PROBE, and what
    stands beside them COLUMN:PROBE:MORE, see `probe_cells`.
    """
    others = [
        {"run": one.name, "latent_dim": one.codes.shape[1]} | score_cells(one.probed) for one in comparison.others
    ]
    return [*map(_row, comparison.runs), *others]


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
        "pooled_psnr_db": quality and quality.pooled_psnr_db,
        "psnr_db": quality and quality.psnr_db,
        "ssim": quality and quality.ssim,
        "closer_than_pca_db": result.closer_than_pca_db,
        "ssim_over_pca": result.ssim_over_pca,
        "explained_variance": run.explained_variance,
        "result": None if quality else result.brief(),
    }
    return row | region_cells(result.regions) | probe_cells(run)


# -------------------------------------------------------------------------------------------------------------- tables

QUALITY_COLUMNS = {
    "run": "run",
    "encoder": "encoder",
    "objective": "objective",
    "latent_dim": "latent",
    "n_parameters": "parameters",
    "training_seconds": "seconds",
    "mse": "MSE",
    "pooled_psnr_db": "PSNR (dB)",
    "ssim": "SSIM",
    "closer_than_pca_db": "PSNR over PCA control (dB)",
    "ssim_over_pca": "SSIM over PCA control",
    "explained_variance": "explained variance",
    "result": "other result",
}
"""Columns of the table, and their headings."""

FORMATS = {
    "n_parameters": ",.0f",
    "training_seconds": ".0f",
    "mse": ".5f",
    "pooled_psnr_db": ".2f",
    "ssim": ".3f",
    "closer_than_pca_db": "+.2f",
    "ssim_over_pca": "+.3f",
    "explained_variance": ".3f",
}


def quality_table(rows: Cells) -> TextTable:
    """What each run is, and how well it meets its objective."""
    body = [[text_of(row.get(key), FORMATS.get(key, "")) for key in QUALITY_COLUMNS] for row in rows]
    return list(QUALITY_COLUMNS.values()), body


# --------------------------------------------------------------------------------------------------------------- files


def write_comparison(
    comparisons: Sequence[Comparison],
    out: Path,
    *,
    color_by: Sequence[str] | None = None,
    reducer: str = "umap",
    examples: int = 5,
    rows: str = "all",
    seed: int = 0,
    alike: Study | None = None,
    options: FigureOptions = AS_PNG_AND_SVG,
) -> Files:
    """Write what a comparison found.

    Args:
        comparisons: from `autoencoder.compare`, one for each seed; the figure is drawn of the first.
        out: folder.
        color_by: columns, a figure each; None for the most telling one.
        reducer: a name in `registries.REDUCERS`, for the latent spaces in the figure.
        examples: images in the figure.
        rows: points in the figure: `all`, with those that were trained on in pale colours, or the `held-out` ones.
        seed: of the projection and of the choice of images.
        alike: from `measure_codes`, to be written as well; None where there is a single representation.
        options: formats and resolution of the figures.

    Returns:
        `comparison.csv` (a row per run and seed), `comparison.md`, `comparison.json`, and `comparison-COLUMN.png` and
        `.svg` for each column; with `alike` also `comparison.html`, `measures.csv`, and, where runs were compared over
        training, `distances.png` and `.svg`.

    Raises:
        UserError: there is no such column, too many runs or images for a figure, or `out` cannot be written to.
    """
    check_writable(out)
    comparison = comparisons[0]
    metadata = comparison.data.metadata
    colors = list(color_by) if color_by is not None else telling_columns(metadata)
    for name in colors:
        metadata.column(name)
    cells = [row for one in comparisons for row in table_of(one)]
    shown, planes = embeddings(comparison, reducer, seed)
    places = places_shown(comparison.runs[0].evaluation.trained.run, shown, rows)
    shown, planes = shown[places], [plane[places] for plane in planes]
    rings = [ring_note(run.codes[shown], plane, seed) for run, plane in zip(comparison.runs, planes, strict=True)]
    chosen = _examples(comparison, examples, seed)
    stems = file_stems([*metadata.names, NO_COLUMN])
    columns = {f"comparison-{stems[name]}": name for name in colors or [NO_COLUMN]}
    figures = {file: _figure(comparison, name, shown, planes, chosen, reducer, rings) for file, name in columns.items()}
    made = _write_tables(comparisons, cells, out, alike)
    if alike is not None:
        figures |= _alike_figures(alike)
    drawn = {}
    for name, figure in figures.items():
        files, drawn[name] = _save(figure, out / name, options)
        made += files
    if alike is None:
        return made
    page = _page(comparisons, cells, alike, columns, drawn)
    write_text(out / "comparison.html", report_document(page))
    return Files([out / "comparison.html"]) + made


def _write_tables(comparisons: Sequence[Comparison], cells: Cells, out: Path, alike: Study | None) -> Files:
    """All numbers, and what they say."""
    comparison = comparisons[0]
    made = Files([out / "comparison.csv", out / "comparison.md", out / "comparison.json"])
    write_csv(made[0], cells, list(dict.fromkeys(key for row in cells for key in row)))
    write_text(made[1], _markdown(cells, comparison, alike))
    write_json(
        made[2],
        {
            "data": comparison.data.source,
            "n_images": len(comparison.rows),
            "runs": [run.numbers() for one in comparisons for run in one.runs],
            "codes": [other.numbers() for other in comparison.others],
            "alike": None if alike is None else dict(alike.statistics),
        },
    )
    if alike is not None:
        alike.table.write(out / _measures_name(out))
        made.append(out / _measures_name(out))
    return made


def _measures_name(out: Path) -> str:
    """Of the table of how alike runs are; a study in the same folder keeps its own."""
    return "comparison-measures.csv" if holds_measured_study(out) else "measures.csv"


def _alike_figures(alike: Study) -> dict[str, Figure]:
    """Distances between all runs and over training, as a study draws them, where there are any over training."""
    similarity = section(alike.statistics, "similarity")
    if not similarity or len(similarity["measures"][MAIN]["over_training"]) < 2:
        return {}
    return study_figures(alike.table, {"similarity": similarity})


def _save(figure: Figure, stem: Path, options: FigureOptions) -> tuple[Files, Drawn]:
    """Write a figure, and hold it for the page; points, of which there are thousands, are pixels in all formats."""
    for points in figure.findobj(Collection):
        points.set_rasterized(True)
    files, held = save_and_hold(figure, stem, options, HELD)
    return files, Drawn(*held)


def _page(
    comparisons: Sequence[Comparison],
    cells: Cells,
    alike: Study,
    columns: Mapping[str, str],
    drawn: Mapping[str, Drawn],
) -> Report:
    comparison, merged, measures = comparisons[0], over_seeds(cells), _measures_name(alike.path)
    files = {
        "comparison.csv": "every number of each run, one run and seed per row",
        measures: "how alike representations are, one number per row",
        "comparison.md": "the tables as text",
        "comparison.json": "all of it for programs",
    }
    written = Written(
        caption(comparison),
        quality_table(merged),
        region_sections(merged, comparison),
        probe_sections(merged, comparison, full=False),
        probe_sections(merged, comparison, full=True),
        len(cells),
        {
            file: f"The same held-out images by each run, and the latent of each, coloured by {readable(name)}"
            for file, name in columns.items()
        },
        drawn,
        files,
        measures,
    )
    return comparison_page(comparisons, alike, written)


def _examples(comparison: Comparison, n: int, seed: int) -> Rows:
    """Held-out images that differ from each other: far apart among the codes of the first run."""
    rows = draw_rows(comparison.rows, MAX_POINTS, seed, "comparison examples")
    return np.sort(rows[far_apart(comparison.runs[0].codes[rows], min(n, len(rows)), seed)])


def _markdown(rows: Cells, comparison: Comparison, alike: Study | None) -> str:
    merged = over_seeds(rows)
    parts = [f"{as_markdown(caption(comparison))}\n", markdown_table(quality_table(merged))]
    sections = region_sections(merged, comparison) + probe_sections(merged, comparison, full=True)
    sections += [] if alike is None else alike_sections(alike)
    for said, table in sections:
        parts += [f"\n{as_markdown(said)}\n", *([] if table is None else [markdown_table(table)])]
    return "\n".join(parts) + "\n"


def region_sections(merged: Cells, comparison: Comparison) -> list[tuple[str, TextTable | None]]:
    """How near reconstructions are in each region, as a captioned table; none where no run has regions.

    Args:
        merged: a row for each run, over seeds.
        comparison: of the first seed, whose regions are those of all.
    """
    regions = next((run.evaluation.result.regions for run in comparison.runs if run.evaluation.result.regions), ())
    return [(REGIONS_CAPTION, regions_table(merged, regions))] if regions else []


def probe_sections(merged: Cells, comparison: Comparison, *, full: bool) -> list[tuple[str, TextTable | None]]:
    """What probes read, as captions with their tables; a caption alone says what could not be read, and why.

    Args:
        merged: a row for each run, over seeds.
        comparison: of the first seed; tables in full are of its runs.
        full: with a table for each column, and how codes differ.
    """
    probing, metadata = comparison.probing, comparison.data.metadata
    if probing.refusal is not None:
        return [(f"not probed: {probing.refusal}", None)]
    kinds = {name: metadata.kind(name) for name in metadata.names}
    sections: list[tuple[str, TextTable | None]] = []
    if (summary := summary_table(merged, probing, kinds)) is not None:
        sections.append((summary_caption(comparison), summary))
    if (gains := gain_table(comparison)) is not None:
        sections.append((gain_caption(comparison.given), gains))
    elif comparison.given:
        sections.append(
            (f"What the latent adds to {', '.join(comparison.given)} cannot be determined: {NO_INTERVAL}", None)
        )
    if full:
        sections += list(full_tables(comparison, kinds).items()) + list(difference_tables(comparison).items())
    sections += [(f"note: {text}", None) for text in label_warnings(metadata, len(comparison.data))]
    sections += [(f"note: {text}", None) for text in comparison.notes]
    return sections + [(f"not probed: '{name}' {reason}", None) for name, reason in probing.left_out.items()]


def caption(comparison: Comparison) -> str:
    """What the tables are of."""
    results = {run.evaluation.result.compared_with for run in comparison.runs if run.quality is not None}
    against = f"; reconstructions compared with {' or '.join(sorted(results))}" if results else ""
    return (
        f"{len(comparison.rows):,} held-out images of {comparison.data.source}{against}; in the figure's latent "
        "spaces they have full colours, and images that were trained on are pale"
    )


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
        codes = run.codes[rows]
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
    rings: Sequence[str | None],
) -> Figure:
    values, kind, period = column_values(comparison.data.metadata, name, shown)
    held_out = np.isin(shown, comparison.rows)
    parts = [run.evaluation.predict(chosen) for run in comparison.runs]
    lines = []
    for run, part, plane, ring in zip(comparison.runs, parts, planes, rings, strict=True):
        config, result = run.evaluation.trained.config, run.evaluation.result
        pictures = None
        if run.evaluation.trained.objective.makes_pictures:
            pictures = to_picture(np.broadcast_to(part.output, part.seen.shape))  # a mask has one channel
        projected = "as it is" if config.model.latent_dim == 2 else f"by {REDUCERS[reducer].axis}"
        projected += "" if ring is None else f": {ring}"
        lines.append(
            ComparisonRow(
                run.name,
                f"{config.model.encoder}, {config.objective.name}, {result.brief()}; latent {projected}",
                pictures,
                plane,
                values,
                result.table().closing,
                held_out,
                run.evaluation.trained.objective.reconstructs,
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
