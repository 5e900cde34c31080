"""Text from files and folders as it is shown to people: what it says is seen, and nothing else happens.

Names of columns, labels and files may hold anything. On a terminal an escape sequence would clear the screen, and a
carriage return would write over the line before; a mark that turns the direction of writing lets a name look like
another one. Files for programs (CSV, JSON, arrays) hold texts as they are.
"""

from __future__ import annotations

import unicodedata

HIDDEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Kinds of characters that are not seen, or that move what is: controls, marks of direction, halves of a pair."""

JOINERS = "\u200c\u200d"
"""Of these kinds, but part of how Persian, Hindi and emoji are spelt."""


def visible(text: str) -> str:
    r"""`text` with what cannot be seen written as Python writes it, such as `\x1b`, `\n` or `\u202e`."""
    if text.isprintable():
        return text
    return "".join(_visible(character) for character in text)


def one_line(text: str) -> str:
    """`text` on one line: every stretch of white space is a space, and the rest is `visible`."""
    return visible(" ".join(text.split()))


def _visible(character: str) -> str:
    if character in JOINERS or unicodedata.category(character) not in HIDDEN:
        return character
    return character.encode("unicode_escape").decode("ascii")
