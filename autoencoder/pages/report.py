"""The page of a study's report: text, figures and tables that are read without scripts, and a map that takes them."""

from __future__ import annotations

import base64
import csv
import html
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray

from autoencoder.machine.plain_text import one_line
from autoencoder.pages.document import page_document
from autoencoder.pages.sheets import encode_sheets

SCRIPTS = ("elements.js", "pictures.js", "player.js", "tables.js", "downloads.js", "map.js", "report.js")


@dataclass(frozen=True)
class Statement:
    """A sentence, and the section that has its evidence: `section` is its title, None where there is none."""

    text: str
    section: str | None = None


@dataclass(frozen=True)
class Answered:
    """A question that a reader asks, and what is known of it."""

    question: str
    statements: Sequence[Statement]


@dataclass(frozen=True)
class RowsOf:
    """Rows of `measures.csv` that a table is made of.

    Attributes:
        file: its name.
        lines: first and last line of each stretch, counted from 1 with the header as the first.
        n: how many rows are meant; stretches may hold others between them.
        wanted: which rows, in words, such as "measure procrustes".
    """

    file: str
    lines: Sequence[tuple[int, int]]
    n: int
    wanted: str


@dataclass(frozen=True)
class PageTable:
    """A table that can be sorted.

    Attributes:
        caption: what it shows.
        header: names of columns; the first may be empty.
        rows: texts.
        rows_of: the numbers that it is made of; None where they are in no table.
    """

    caption: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    rows_of: RowsOf | None = None


@dataclass(frozen=True)
class PageFigure:
    """A figure in two formats.

    Attributes:
        name: of its files, without suffix.
        caption: what it shows; also what a screen reader says.
        png, svg: contents of the files.
    """

    name: str
    caption: str
    png: bytes
    svg: bytes


@dataclass(frozen=True)
class Folded:
    """Blocks that are shown when they are asked for."""

    title: str
    blocks: Sequence[Block]


@dataclass(frozen=True)
class Texts:
    """Paragraphs."""

    paragraphs: Sequence[str]


@dataclass(frozen=True)
class Listing:
    """Items of a list."""

    items: Sequence[str]


@dataclass(frozen=True)
class Heading:
    """A heading within a section."""

    text: str


@dataclass(frozen=True)
class MapPlace:
    """Marks where the map stands."""


Block = PageTable | PageFigure | Folded | Texts | Listing | Heading | MapPlace | Answered


@dataclass(frozen=True)
class Section:
    """A part of the page with a heading."""

    title: str
    blocks: Sequence[Block]


@dataclass(frozen=True, eq=False)
class MapTrail:
    """A run's path through the space of representations.

    Attributes:
        run, setting: their names.
        color: for CSS.
        epochs: (t,); None for what does not change.
        points: (t, 2), degrees.
        thumbnails: (u, side, side, 3) uint8 of its codes, with `thumbnail_epochs` (u,); None where there are none.
    """

    run: str
    setting: str
    color: str
    epochs: Sequence[float] | None
    points: NDArray[np.float64]
    thumbnails: NDArray[np.uint8] | None = None
    thumbnail_epochs: Sequence[float] = ()


@dataclass(frozen=True, eq=False)
class Report:
    """All that the page shows.

    Attributes:
        title: of the study.
        question: that it asks.
        answer: the first one answers the question.
        facts: name and text of what is to be known of the design.
        sections: in order.
        trails: of the map; none where there is no map.
        map_note: what the map cannot show.
        pictures_note: what the pictures beside the map show, or why there are none.
        folder_files: names of files beside the page that it links to, and what they are.
        glossary: words of the answer, and what they mean.
    """

    title: str
    question: str
    answer: Sequence[Statement]
    facts: Mapping[str, str]
    sections: Sequence[Section]
    trails: Sequence[MapTrail] = ()
    map_note: str = ""
    pictures_note: str = ""
    folder_files: Mapping[str, str] = field(default_factory=dict)
    glossary: Mapping[str, str] = field(default_factory=dict)


def report_document(report: Report) -> str:
    """The page as one HTML file."""
    ids = {section.title: f"section-{number}" for number, section in enumerate(report.sections, 1)}
    sections = [_section(section, ids) for section in report.sections]
    first, *others = report.answer
    return page_document(
        "report",
        SCRIPTS,
        one_line(report.title),
        _map_content(report),
        HEADING=_text(report.title),
        QUESTION=_text(report.question),
        FIRST=_statement(first, ids),
        OTHERS="".join(f"<li>{_statement(one, ids)}</li>" for one in others),
        FACTS=_definitions(report.facts),
        GLOSSARY=_glossary(report.glossary),
        FILES="".join(
            f'<li><a href="{_address(name)}">{_text(name)}</a>: {_text(what)}</li>'
            for name, what in report.folder_files.items()
        ),
        NAVIGATION="".join(f'<li><a href="#{ids[s.title]}">{_text(s.title)}</a></li>' for s in report.sections),
        SECTIONS="\n".join(sections),
    )


def _text(text: str) -> str:
    return html.escape(one_line(text))


def _glossary(glossary: Mapping[str, str]) -> str:
    if not glossary:
        return ""
    return f"<details><summary>What these words mean</summary><dl>{_definitions(glossary)}</dl></details>"


def _definitions(texts: Mapping[str, str]) -> str:
    return "".join(f"<dt>{_text(name)}</dt><dd>{_text(text)}</dd>" for name, text in texts.items())


def _address(name: str) -> str:
    """A file beside the page, as a link that no name can turn into another kind of link."""
    return html.escape("./" + quote(name))


def _statement(statement: Statement, ids: Mapping[str, str]) -> str:
    text = _text(statement.text)
    if statement.section not in ids:
        return text
    where = _text(statement.section or "")
    return f'{text} <a class="evidence" href="#{ids[statement.section or ""]}">{where}</a>'


def _section(section: Section, ids: Mapping[str, str]) -> str:
    name = ids[section.title]
    inside = "\n".join(_block(block, ids) for block in section.blocks)
    return (
        f'<section id="{name}" aria-labelledby="{name}-title"><h2 id="{name}-title">{_text(section.title)}</h2>\n'
        f"{inside}</section>"
    )


def _block(block: Block, ids: Mapping[str, str]) -> str:
    match block:
        case PageTable():
            return _table(block)
        case PageFigure():
            return _figure(block)
        case Folded():
            inside = "\n".join(_block(one, ids) for one in block.blocks)
            return f"<details><summary>{_text(block.title)}</summary>\n{inside}</details>"
        case Texts():
            return "".join(f"<p>{_text(text)}</p>" for text in block.paragraphs)
        case Listing():
            return f"<ul>{''.join(f'<li>{_text(item)}</li>' for item in block.items)}</ul>"
        case Heading():
            return f"<h3>{_text(block.text)}</h3>"
        case Answered():
            said = "".join(f"<p>{_statement(one, ids)}</p>" for one in block.statements)
            return f'<div class="answered"><h3>{_text(block.question)}</h3>{said}</div>'
        case MapPlace():
            return '<div id="map" hidden></div>'


def _table(table: PageTable) -> str:
    head = "".join(
        f'<th scope="col" aria-sort="none"><button type="button">{_text(name) or NAMELESS}</button></th>'
        for name in table.header
    )
    body = "".join(
        "<tr>" + "".join(_cell(cell, is_first=place == 0) for place, cell in enumerate(row)) + "</tr>"
        for row in table.rows
    )
    caption = _text(table.caption)
    data = base64.b64encode(_as_csv(table).encode()).decode("ascii")
    links = [f'<a download="table.csv" href="data:text/csv;charset=utf-8;base64,{data}">this table as CSV</a>']
    if table.rows_of is not None and table.rows_of.lines:
        links.insert(0, _rows_link(table.rows_of))
    return (
        f'<figure class="table"><figcaption>{caption}</figcaption><div class="scroll" tabindex="0" role="region" '
        f'aria-label="{caption}"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'
        f'<p class="source">{" · ".join(links)}</p></figure>'
    )


NAMELESS = '<span class="nameless">unnamed column</span>'
"""On the button that sorts by a column without a name."""


def _cell(cell: str, *, is_first: bool) -> str:
    return f'<th scope="row">{_text(cell)}</th>' if is_first else f"<td>{_text(cell)}</td>"


def _rows_link(rows: RowsOf) -> str:
    """A link to lines of a CSV file, as RFC 7111 names them."""
    lines = ";".join(f"{first}-{last}" if last > first else f"{first}" for first, last in rows.lines)
    where = ", ".join(f"{first:,} to {last:,}" if last > first else f"{first:,}" for first, last in rows.lines[:3])
    more = ", ..." if len(rows.lines) > 3 else ""
    return (
        f'<a href="{_address(rows.file)}#row={lines}">{rows.n:,} rows of {_text(rows.file)}</a> ({_text(rows.wanted)}; '
        f"lines {where}{more})"
    )


def _as_csv(table: PageTable) -> str:
    file = io.StringIO()
    writer = csv.writer(file)
    writer.writerow(table.header)
    writer.writerows(table.rows)
    return file.getvalue()


def _figure(figure: PageFigure) -> str:
    """A drawing with a link to its PNG; `web/downloads.js` adds one to the SVG, which is the image itself."""
    svg, png = (base64.b64encode(data).decode("ascii") for data in (figure.svg, figure.png))
    caption, name = _text(figure.caption), html.escape(figure.name)
    return (
        f'<figure class="drawn"><img src="data:image/svg+xml;base64,{svg}" alt="{caption}"><figcaption>{caption} '
        f'<span class="source"><a download="{name}.png" href="data:image/png;base64,{png}">PNG</a></span>'
        f"</figcaption></figure>"
    )


def _map_content(report: Report) -> dict[str, Any]:
    """What `web/map.js` draws; thumbnails of all trails are cut out of the same sheets."""
    pictured = [trail for trail in report.trails if trail.thumbnails is not None]
    stacks = [trail.thumbnails for trail in pictured if trail.thumbnails is not None]
    sheets = encode_sheets([np.concatenate(stacks)])[0][0] if stacks else None
    starts = np.cumsum([0, *(len(stack) for stack in stacks)]).tolist()
    first = {trail.run: start for trail, start in zip(pictured, starts, strict=False)}
    return {
        "note": one_line(report.map_note),
        "picturesNote": one_line(report.pictures_note),
        "sheets": sheets,
        "side": int(stacks[0].shape[1]) if stacks else 0,
        "trails": [
            {
                "run": one_line(trail.run),
                "setting": one_line(trail.setting),
                "color": trail.color,
                "epochs": None if trail.epochs is None else list(trail.epochs),
                "points": np.round(trail.points, 2).tolist(),
                "firstThumbnail": first.get(trail.run),
                "thumbnailEpochs": list(trail.thumbnail_epochs),
            }
            for trail in report.trails
        ],
    }
