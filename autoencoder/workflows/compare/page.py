"""What the page of a comparison holds: the sections of a study's report that runs at hand allow, and their figure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from autoencoder.evaluation.compare import Comparison
from autoencoder.pages.report import (
    Block,
    Folded,
    Listing,
    PageFigure,
    PageTable,
    Report,
    RowsOf,
    Section,
    Statement,
    Texts,
)
from autoencoder.study.sentences import question
from autoencoder.study.wording import section
from autoencoder.version import __version__
from autoencoder.workflows.compare.alike import alike_sentences
from autoencoder.workflows.markdown import TextTable
from autoencoder.workflows.study.page import GLOSSARY, SECTIONS, Drawn, Sections
from autoencoder.workflows.study.results import Study

FIGURES = "Reconstructions and latent spaces"
QUALITY = "How well each run does"
TOLD = "What can be read from the codes"
NOTES = "What was left out, and notes"
"""Titles of sections that a study's report does not have in this form."""

NO_SEEDS = "Nothing is tested: no kind of run has two seeds, by which differences could be judged."
"""The answer where runs, or a run and codes from files, each stand for themselves."""

Captioned = tuple[str, TextTable | None]
"""What a table shows, and the table; a text alone where there is none."""


@dataclass(frozen=True, eq=False)
class Written:
    """What a comparison has in its files.

    Attributes:
        caption: what the tables are of.
        quality: of each run, over seeds.
        regions: the same by region, where regions are known.
        told: what probes read, in short.
        told_in_full: the same with a table for each column.
        n_rows: rows of `comparison.csv`.
        figures: captions of the comparison's figures, by name.
        drawn: all figures, by name, those of how alike runs are among them.
        files: names of files beside the page, and what they hold.
        measures: name of the table that `alike` was written to.
    """

    caption: str
    quality: TextTable
    regions: Sequence[Captioned]
    told: Sequence[Captioned]
    told_in_full: Sequence[Captioned]
    n_rows: int
    figures: Mapping[str, str]
    drawn: Mapping[str, Drawn]
    files: Mapping[str, str]
    measures: str


def comparison_page(comparisons: Sequence[Comparison], alike: Study, written: Written) -> Report:
    """Everything that the page shows.

    Args:
        comparisons: one for each seed.
        alike: from `measure_codes`.
        written: the same as tables and figures.
    """
    found = alike.statistics
    page = Sections(alike, written.measures, written.drawn)
    blocks: dict[str, Sequence[Block]] = {
        FIGURES: _figures(written),
        QUALITY: [
            _table("What each run is, and how well it meets its objective", written.quality, written),
            *(_table(text, table, written) for text, table in written.regions if table is not None),
        ],
        TOLD: _told(written),
        SECTIONS["distances"]: page.distances(),
        SECTIONS["metrics"]: page.metrics(),
        SECTIONS["topology"]: page.rings(),
        SECTIONS["noise"]: page.sizes(),
        NOTES: page.notes(),
    }
    return Report(
        title="Comparison",
        question=question(found) if found["settings"] else "How alike are these representations?",
        answer=[Statement(one.text, SECTIONS.get(one.topic)) for one in alike_sentences(alike)]
        or [Statement(NO_SEEDS)],
        facts=_facts(comparisons, alike),
        sections=[Section(title, its) for title, its in blocks.items() if its],
        folder_files=written.files,
        glossary=GLOSSARY,
    )


def _facts(comparisons: Sequence[Comparison], alike: Study) -> dict[str, str]:
    """Data, images and runs in a few lines."""
    first, found = comparisons[0], alike.statistics
    runs = [run for comparison in comparisons for run in comparison.runs]
    seeds = dict.fromkeys(run.evaluation.trained.config.training.seed for run in runs)
    varied = "; ".join(f"{name.replace('_', ' ')}: {', '.join(values)}" for name, values in found["settings"].items())
    images = first.data
    name = "images" if images.source is None else images.source.name
    facts = {
        "Runs": ", ".join(dict.fromkeys(run.name for run in runs)),
        "Differ in": varied or "no setting",
        "Seeds": ", ".join(map(str, seeds)),
        "Codes from files": ", ".join(other.name for other in first.others),
        "Data": f"{name}: {len(images):,} images of {'x'.join(map(str, images.image_shape))}",
        "Tested on": f"{len(first.rows):,} held-out images, the same for all",
    }
    if similarity := section(found, "similarity"):
        facts["Compared"] = f"codes of {similarity['n_images']:,} held-out images, at {similarity['moment']}"
    if len(runs) == 1:
        del facts["Differ in"]
    facts["Measured with"] = f"autoencoder {__version__}"
    return {name: text for name, text in facts.items() if text}


def _figures(written: Written) -> list[Block]:
    drawn = written.drawn
    return [
        Texts([written.caption]),
        *(PageFigure(name, text, drawn[name].png, drawn[name].svg) for name, text in written.figures.items()),
    ]


def _told(written: Written) -> list[Block]:
    """Tables of what probes read, in short, and folded those in full; what could not be read, and why."""
    inside = [
        _table(said, table, written)
        for said, table in written.told_in_full
        if table is not None and (said, table) not in written.told
    ]
    blocks: list[Block] = [_table(said, table, written) for said, table in written.told if table is not None]
    blocks += [Folded("Every column in full, with intervals, p values and differences", inside)] if inside else []
    said = [text for text, table in written.told if table is None]
    return [*blocks, *([Listing(said)] if said else [])]


def _table(caption: str, table: TextTable, written: Written) -> PageTable:
    """A table whose numbers are those of all rows of `comparison.csv`."""
    header, rows = table
    n = written.n_rows
    return PageTable(caption, header, rows, RowsOf("comparison.csv", [(2, n + 1)], n, "one for each run and seed"))
