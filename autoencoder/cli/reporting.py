"""What commands print: what they found, what they made and where."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from pathlib import Path

from autoencoder.machine.plain_text import visible


def print_line(text: str) -> None:
    """Print one line, whatever the names of the user's files and columns that are in it hold."""
    print(visible(text), flush=True)


def say(args: argparse.Namespace, text: str) -> None:
    """Print a line, unless the user wants quiet."""
    if not args.quiet:
        print_line(text)


def made(args: argparse.Namespace, paths: Path | Iterable[Path], hint: str = "") -> None:
    """Say what a command left behind, and what to do next."""
    listed = [paths] if isinstance(paths, Path) else list(paths)
    for path in listed:
        say(args, f"made {path}")
    if hint:
        say(args, hint)


def table(args: argparse.Namespace, title: str, header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a title and a table, unless the user wants quiet."""
    if not args.quiet:
        print_table(title, header, rows)


def print_table(title: str, header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a title and a table; the first column is text, the others are numbers."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    print_line(title)  # not the table's own title, which would be wrapped to the table's width
    drawn = Table()
    # As Text, since rich takes what stands in brackets in a string for its markup.
    for i, name in enumerate(header):
        drawn.add_column(Text(visible(name)), justify="left" if i == 0 else "right")
    for row in rows:
        drawn.add_row(*(Text(visible(cell)) for cell in row))
    console = Console()
    # Never narrower than its numbers, which would be cut off: a narrow terminal wraps the lines itself.
    console.width = max(console.width, console.measure(drawn, options=console.options.update(max_width=1000)).maximum)
    console.print(drawn)
