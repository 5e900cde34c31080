"""Numbers, names and lists as they stand in a sentence."""

from __future__ import annotations

from collections.abc import Sequence

from autoencoder.errors import listed
from autoencoder.workflows.markdown import as_markdown

WORDS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")


def count(n: int) -> str:
    """A small number as a word, a larger one in digits."""
    return WORDS[n] if n < len(WORDS) else f"{n:,}"


def counted(n: int, noun: str) -> str:
    """Such as "two recordings"."""
    return f"{count(n)} {noun}{'s' * (n != 1)}"


def number(value: float) -> str:
    """Four digits at most; whole numbers in full."""
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:.4g}"


def frames(value: float) -> str:
    """A measured time, which has no more than three digits that mean something."""
    return f"{value:.3g} frames"


def share(value: float) -> str:
    """A fraction in percent."""
    return f"{100 * value:.4g} %"


def span(values: Sequence[int]) -> str:
    """Ascending numbers by their ends, such as "3 to 13"."""
    return f"{values[0]:,}" if values[0] == values[-1] else f"{values[0]:,} to {values[-1]:,}"


def choice(values: Sequence[float]) -> str:
    """Such as "3, 10 or 30"."""
    return listed([number(value) for value in values], "or")


def quoted(escaped: Sequence[str]) -> str:
    """Names, which are Markdown already, in quotation marks."""
    return listed([f"'{name}'" for name in escaped])


def named(names: Sequence[str]) -> str:
    """The user's names, in quotation marks."""
    return quoted([as_markdown(str(name)) for name in names])


def spaced(name: str) -> str:
    """The name of a setting without its underscores, as Markdown."""
    return as_markdown(name.replace("_", " "))
