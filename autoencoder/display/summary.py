"""A summary of an object as HTML: what it is, a small table, a picture. Texts of the user's are escaped."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from autoencoder.machine.plain_text import visible

MOST_ROWS = 12
"""Of a longer table the rest is counted."""

MOST_NOTES = 8
"""More of them are folded away, and open with a click."""

DPI = 50
"""Of figures in a summary: those of a report are twice as wide."""

MOST_SIDE = 700
"""Pixels of a picture from a file, at most: larger ones are made smaller."""

GAP = 2
"""White pixels between the images of a strip."""

LEAST_SIDE = 64
"""Pixels; smaller images are enlarged by a whole number to at least this height."""

TABLE = "border-collapse:collapse;margin:0.3em 0"
CELL = "text-align:left;padding:0.1em 0.8em 0.1em 0"


@dataclass(frozen=True)
class Summary:
    """What is shown of an object.

    Attributes:
        title: what it is, in a line.
        facts: names and values.
        header, rows: of a table; none without a header.
        pictures: PNG files.
        notes: sentences.
        groups: more facts, each group under a heading of its own; long ones are folded away.
    """

    title: str
    facts: Sequence[tuple[str, object]] = ()
    header: Sequence[str] = ()
    rows: Sequence[Sequence[str]] = ()
    pictures: Sequence[bytes] = ()
    notes: Sequence[str] = ()
    groups: Sequence[tuple[str, Sequence[tuple[str, object]]]] = ()

    def html(self) -> str:
        """All of it as a fragment of HTML."""
        parts = [f"<div><strong>{_text(self.title)}</strong>"]
        if self.facts:
            parts.append(_facts_html(self.facts))
        for name, facts in self.groups:
            is_open = " open" if len(facts) <= MOST_ROWS else ""
            parts.append(f"<details{is_open}><summary>{_text(name)}</summary>{_facts_html(facts)}</details>")
        if self.header:
            parts.append(self._table())
        parts += map(picture_html, self.pictures)
        notes = [f"<div>{_text(note)}</div>" for note in self.notes]
        parts += notes[:MOST_NOTES]
        if folded := notes[MOST_NOTES:]:
            parts.append(f"<details><summary>and {len(folded):,} more</summary>{''.join(folded)}</details>")
        return "".join([*parts, "</div>"])

    def _table(self) -> str:
        head = "".join(f'<th style="{CELL}">{_text(name)}</th>' for name in self.header)
        lines = ["".join(f'<td style="{CELL}">{_text(cell)}</td>' for cell in row) for row in self.rows[:MOST_ROWS]]
        if len(self.rows) > MOST_ROWS:
            lines.append(
                f'<td style="{CELL}" colspan="{len(self.header)}">and {len(self.rows) - MOST_ROWS:,} more</td>'
            )
        body = "".join(f"<tr>{line}</tr>" for line in lines)
        return f'<table style="{TABLE}"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'


def _facts_html(facts: Sequence[tuple[str, object]]) -> str:
    lines = (f'<tr><th style="{CELL}">{_text(a)}</th><td style="{CELL}">{_text(b)}</td></tr>' for a, b in facts)
    return f'<table style="{TABLE}">{"".join(lines)}</table>'


def _text(value: object) -> str:
    return html.escape(visible(str(value)))


def picture_html(png: bytes) -> str:
    """A PNG as an element that holds it."""
    held = base64.b64encode(png).decode("ascii")
    return f'<div><img src="data:image/png;base64,{held}" alt="" style="max-width:100%"></div>'


def picture_of(file: Path) -> bytes | None:
    """A picture from a file as a PNG, at most `MOST_SIDE` wide and high; None where the file is no picture, or gone."""
    buffer = io.BytesIO()
    try:
        with Image.open(file) as picture:
            picture.thumbnail((MOST_SIDE, MOST_SIDE))
            picture.save(buffer, format="PNG")
    except OSError:
        return None
    return buffer.getvalue()


def strip(images: NDArray[np.float32]) -> bytes:
    """Images side by side, as a PNG.

    Args:
        images: (n, C, H, W) in [0, 1]; of other numbers of channels than 1 and 3, their mean is shown.
    """
    n, channels, height, width = images.shape
    shown = images if channels in (1, 3) else images.mean(axis=1, keepdims=True)
    factor = -(-LEAST_SIDE // height)
    grey = (np.clip(np.nan_to_num(shown), 0, 1) * 255 + 0.5).astype(np.uint8)
    large = np.broadcast_to(grey, (n, 3, height, width)).repeat(factor, axis=2).repeat(factor, axis=3)
    framed = np.pad(large, ((0, 0), (0, 0), (0, 0), (0, GAP)), constant_values=255)
    buffer = io.BytesIO()
    Image.fromarray(np.concatenate(list(framed.transpose(0, 2, 3, 1)), axis=1)).save(buffer, format="PNG")
    return buffer.getvalue()
