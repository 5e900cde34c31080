"""What commands print: what they found, what they made and where."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from pathlib import Path


def say(args: argparse.Namespace, text: str) -> None:
    """Print a line, unless the user wants quiet."""
    if not args.quiet:
        print(text, flush=True)


def made(args: argparse.Namespace, paths: Path | Iterable[Path], hint: str = "") -> None:
    """Say what a command left behind, and what to do next."""
    listed = [paths] if isinstance(paths, Path) else list(paths)
    for path in listed:
        say(args, f"made {path}")
    if hint:
        say(args, hint)


def table(args: argparse.Namespace, title: str, header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a title and a table; the first column is text, the others are numbers."""
    if args.quiet:
        return
    from rich.console import Console
    from rich.table import Table

    print(title)  # not the table's own title, which would be wrapped to the table's width
    drawn = Table()
    for i, name in enumerate(header):
        drawn.add_column(name, justify="left" if i == 0 else "right")
    for row in rows:
        drawn.add_row(*row)
    console = Console()
    # Never narrower than its numbers, which would be cut off: a narrow terminal wraps the lines itself.
    console.width = max(console.width, console.measure(drawn, options=console.options.update(max_width=1000)).maximum)
    console.print(drawn)
