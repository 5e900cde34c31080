"""What a study found, in words, tables and figures, in files of its folder, and all of it on one page."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from matplotlib.figure import Figure

from autoencoder.config.movies import AS_PNG_AND_SVG, FigureOptions
from autoencoder.data.batches import evenly
from autoencoder.data.metadata import Metadata
from autoencoder.machine.files import write_text
from autoencoder.machine.progress import Progress
from autoencoder.pages.report import report_document
from autoencoder.plots.figures import Files, save_and_hold
from autoencoder.plots.images import image_grid, to_picture
from autoencoder.study.folder import StudyFolder
from autoencoder.study.population import Population
from autoencoder.workflows.columns import readable
from autoencoder.workflows.markdown import as_markdown, markdown_table
from autoencoder.workflows.study.methods.text import methods_text
from autoencoder.workflows.study.page import Drawn, study_page
from autoencoder.workflows.study.plane_figures import plane_figures, telling_column, thumbnails
from autoencoder.workflows.study.results import Study
from autoencoder.workflows.study.space_figures import Thumbnails, write_space_movie
from autoencoder.workflows.study.tables import full_tables, notes

HELD = ("png", "svg")
"""Formats of the figures in a page, which holds them whether there are such files or not."""


def write_report(
    study: Study,
    folder: StudyFolder,
    population: Population,
    *,
    options: FigureOptions = AS_PNG_AND_SVG,
    movie_format: str = "mp4",
    quiet: bool = True,
) -> Files:
    """Write sentences, tables and figures; the page, which holds all of them, is written last.

    Args:
        study: measured.
        folder: where to.
        population: that was measured.
        options: formats and resolution of the figures.
        movie_format: `mp4` or `gif`.
        quiet: show no progress.

    Returns:
        the files.
    """
    metadata = population.images.metadata
    figures = {"examples": _examples(population)} | study.figures()
    if study.planes is not None:
        figures |= plane_figures(study.planes, metadata, study.statistics)
    with Progress("Drawing", len(figures) + 3, "parts", quiet=quiet) as progress:
        made = Files([folder.page_file, folder.report_file, folder.methods_file])
        write_text(folder.report_file, _as_text(study))
        methods = methods_text(study.statistics)
        write_text(folder.methods_file, methods)
        progress.advance()
        drawn = {}
        for name, figure in figures.items():
            files, held = save_and_hold(figure, folder.path / name, options, HELD)
            drawn[name] = Drawn(*held)
            made += files
            progress.advance()
        movie = folder.movie_file.with_suffix(f".{movie_format}")
        if write_space_movie(study.statistics, movie):
            made.append(movie)
        progress.advance()
        write_text(folder.page_file, _page(study, folder, drawn, methods, metadata))
        progress.advance()
    return made


EXAMPLES = 8
"""Images that are shown of the compared ones."""


def _examples(population: Population) -> Figure:
    """Some of the compared images, as networks see them before noise, and clean where the data have such."""
    images, rows = population.images, evenly(population.rows[population.compared], EXAMPLES)
    shown = [("image", to_picture(images.scaled(rows)))]
    if images.clean is not None:
        shown.append(("clean", to_picture(images.scaled(rows, "clean"))))
    return image_grid(shown)


MAX_BYTES = 25_000_000
"""A larger page is slow to open and to send; it leaves out the pictures beside its map."""


def _page(study: Study, folder: StudyFolder, drawn: Mapping[str, Drawn], methods: str, metadata: Metadata) -> str:
    """The page, which says where it is too large for pictures of all runs at all moments."""
    pictures = _thumbnails(study, metadata)
    document = report_document(study_page(study, folder, drawn, pictures, methods))
    if pictures is None or len(document.encode()) <= MAX_BYTES:
        return document
    note = f"Pictures of {len(pictures.pictures)} runs over training would not fit into {MAX_BYTES / 1e6:g} MB."
    return report_document(dataclasses.replace(study_page(study, folder, drawn, None, methods), pictures_note=note))


def _thumbnails(study: Study, metadata: Metadata) -> Thumbnails | None:
    if study.planes is None:
        return None
    epochs = {name: values.tolist() for name, values in study.planes.epochs.items()}
    return Thumbnails(thumbnails(study.planes, metadata), epochs, readable(telling_column(metadata)))


def _as_text(study: Study) -> str:
    """Sentences and tables in full, as Markdown."""
    parts = [f"# {as_markdown(study.question())}", as_markdown(" ".join(study.sentences()))]
    for question, said in study.doubts().items():
        parts += [f"**{as_markdown(question)}** {as_markdown(' '.join(said))}"]
    for title, table in full_tables(study.statistics):
        parts += [as_markdown(title), markdown_table(table)]
    parts += [f"note: {as_markdown(text)}" for text in notes(study.statistics)]
    return "\n\n".join(parts) + "\n"
