"""What a study found, in words, tables and figures, in files of its folder."""

from __future__ import annotations

from pathlib import Path

from autoencoder.machine.files import replacing
from autoencoder.plots.figures import save_figure
from autoencoder.study.folder import StudyFolder
from autoencoder.workflows.markdown import as_markdown, markdown_table
from autoencoder.workflows.study.results import Study
from autoencoder.workflows.study.tables import full_tables, notes

SUFFIXES = (".png", ".svg")


def write_report(study: Study, folder: StudyFolder) -> list[Path]:
    """Write sentences and tables in full; returns the files."""
    parts = [as_markdown(" ".join(study.sentences()))]
    for title, table in full_tables(study.statistics):
        parts += [as_markdown(title), markdown_table(table)]
    parts += [f"note: {as_markdown(text)}" for text in notes(study.statistics)]
    with replacing(folder.report_file) as temporary:
        temporary.write_text("\n\n".join(parts) + "\n", encoding="utf-8")
    figures = study.figures()
    made = [
        save_figure(figure, folder.figure_file(name, suffix)) for name, figure in figures.items() for suffix in SUFFIXES
    ]
    return [folder.report_file, *made]
