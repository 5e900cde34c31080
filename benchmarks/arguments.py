"""What the benchmarks' command lines share."""

from __future__ import annotations

import argparse
from typing import Any


def parse(parser: argparse.ArgumentParser, **quick: Any) -> argparse.Namespace:
    """The command line, with `--quick` for the small sizes that show that a benchmark runs.

    Args:
        parser: with the benchmark's own flags.
        quick: what `--quick` sets of them; a flag that is given as well wins.
    """
    parser.add_argument(
        "--quick", action="store_true", help="as little of everything as will do: it runs, its numbers mean nothing"
    )
    if parser.parse_known_args()[0].quick:
        parser.set_defaults(**quick)
    return parser.parse_args()
