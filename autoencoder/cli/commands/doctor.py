"""Say whether all is there that the commands need, and what to paste into a report of something that went wrong.

autoencoder doctor
autoencoder doctor --out /scratch/runs
autoencoder doctor --json
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from autoencoder.cli.reporting import print_line
from autoencoder.machine.plain_text import one_line

HELP = "whether all is there that the commands need; for reports of problems"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of `doctor`."""
    parser.add_argument(
        "--out", type=Path, default=Path("runs"), metavar="FOLDER", help="where runs would go (default: runs)"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> None:
    """Print what was found; the exit status is 1 where commands will not work."""
    from autoencoder.workflows.doctor.examine import examine

    report = examine(args.out)
    if args.json:
        json.dump(report.to_json(), sys.stdout, indent=2)
        print()
    elif not args.quiet:
        for line in report.lines():
            print_line(line)
    else:
        for problem in report.problems:
            print(one_line(f"error: {problem}"), file=sys.stderr)
    if report.problems:
        raise SystemExit(1)
