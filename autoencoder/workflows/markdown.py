"""Tables and sentences as Markdown, whatever the names of the user's files and columns in them hold."""

from __future__ import annotations

import re

from autoencoder.machine.plain_text import one_line

TextTable = tuple[list[str], list[list[str]]]
"""Header and rows."""

MARKUP = re.compile(r"[\\`*\[\]<>&|~!#$]|(?<![^\W_])_|_(?![^\W_])")
"""What Markdown may take for its own; an underscore within a word is none of it."""


def as_markdown(text: str) -> str:
    """Text that stays as it is in Markdown, on one line: no markup, no HTML, no end of a table's cell."""
    return MARKUP.sub(r"\\\g<0>", one_line(text))


def markdown_table(table: TextTable) -> str:
    """A table with its cells as they are."""
    header, body = table
    escaped = [[as_markdown(cell) for cell in row] for row in (header, *body)]
    lines = [escaped[0], ["---"] * len(header), *escaped[1:]]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
