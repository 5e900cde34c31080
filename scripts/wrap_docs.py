"""Wrap the prose of the documentation at 120 columns: `make format` does, and a test looks.

Paragraphs and list items with a longer line are wrapped anew; tables, code, headings and addresses stay as they are.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

WIDTH = 120

ROOT = Path(__file__).parent.parent

GENERATED = ("findings.md",)
"""Pages that a command writes, a sentence a line."""

MARK = re.compile(r"\s*(?:[-*+]|\d+\.)\s+")
"""What a list item begins with."""

NEVER_FIRST = re.compile(r"(?:[-+*#>|]|\d+[.)])")
"""A word that would be a mark if a line began with it."""


def pages() -> list[Path]:
    """The pages whose prose has one width."""
    return [
        ROOT / "README.md",
        ROOT / "CONTRIBUTING.md",
        *(page for page in sorted((ROOT / "docs").glob("*.md")) if page.name not in GENERATED),
    ]


def wrapped(text: str) -> str:
    """The text of a page with every paragraph and list item that has a line of more than `WIDTH` columns wrapped."""
    return "\n".join(line for block in _blocks(text.split("\n")) for line in block)


def _blocks(lines: list[str]) -> Iterator[list[str]]:
    """Paragraphs and list items, wrapped; everything else line by line."""
    prose: list[str] = []
    in_code = False
    for line in lines:
        is_fence = line.lstrip().startswith("```")
        is_prose = not (in_code or is_fence) and bool(line.strip()) and not re.match(r"\s*[|#<]|\[[^\]]+\]: ", line)
        if prose and (not is_prose or MARK.match(line)):
            yield _wrap(prose)
            prose = []
        if is_prose:
            prose.append(line)
        else:
            yield [line]
        in_code ^= is_fence
    if prose:
        yield _wrap(prose)


def _wrap(lines: list[str]) -> list[str]:
    if max(map(len, lines)) <= WIDTH:
        return lines
    mark = MARK.match(lines[0])
    lead = mark[0] if mark else re.match(r"\s*", lines[0])[0]  # type: ignore[index]
    words = " ".join([lines[0][len(lead) :], *lines[1:]]).split()
    found, line = [], lead + words[0]
    for word in words[1:]:
        if len(line) + 1 + len(word) > WIDTH and not NEVER_FIRST.fullmatch(word):
            found.append(line)
            line = " " * len(lead) + word
        else:
            line += f" {word}"
    return [*found, line]


if __name__ == "__main__":
    for page in pages():
        before = page.read_text(encoding="utf-8")
        after = wrapped(before)
        if after != before:
            page.write_text(after, encoding="utf-8")
            print(f"wrapped {page.relative_to(ROOT)}", file=sys.stderr)
