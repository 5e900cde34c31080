"""Say what a data file, a run folder or a checkpoint holds; or list the presets.

autoencoder info data/arena.npz
autoencoder info runs/arena
autoencoder info data/arena.npz --relations
autoencoder info presets
"""

from __future__ import annotations

import argparse
import json
import sys
import textwrap
from pathlib import Path
from typing import Any

from autoencoder.cli.flags.options import add_column_kinds, argument
from autoencoder.cli.reporting import print_line, print_table
from autoencoder.errors import UserError
from autoencoder.flags import Real
from autoencoder.machine.plain_text import one_line

HELP = "what a data file, a run or a checkpoint holds"

PRESET_WIDTH = 100


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of `info`."""
    parser.add_argument(
        "path", metavar="PATH", help="a .npz or .npy file, a run folder, a .pt checkpoint, or 'presets'"
    )
    parser.add_argument(
        "--max-pixel-value", type=argument(Real().parse), metavar="X", help="pixel value that stands for 1"
    )
    parser.add_argument(
        "--relations",
        action="store_true",
        help="how well each column of a data file can be predicted from each of the others",
    )
    add_column_kinds(parser)
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> None:
    """Print what was found."""
    from autoencoder.runs.describe import describe, describe_presets

    presets = args.path == "presets" and not Path("presets").exists()
    if args.relations:
        _print_relations(args)
        return
    found = describe_presets() if presets else describe(Path(args.path), args.max_pixel_value, args.column_kinds)
    if args.json:
        json.dump(found, sys.stdout, indent=2, default=str)
        print()
    elif presets:
        _print_presets(found)
    else:
        _print(found)


def _print_relations(args: argparse.Namespace) -> None:
    from autoencoder.config import DataConfig
    from autoencoder.data.images import load_images
    from autoencoder.data.timescales import label_warnings
    from autoencoder.evaluation.relations import relations
    from autoencoder.workflows.relations import relation_numbers, relation_table

    path = Path(args.path)
    if path.suffix.lower() not in (".npz", ".npy"):
        raise UserError(
            f"--relations compares the columns of a data file (.npz, .npy), and {path} is not one: leave it out"
        )
    data = DataConfig(str(path), max_pixel_value=args.max_pixel_value, column_kinds=args.column_kinds)
    images = load_images(data.images, max_pixel_value=data.max_pixel_value, column_kinds=data.column_kinds)
    found = relations(images, data)
    if args.json:
        json.dump(relation_numbers(found), sys.stdout, indent=2)
        print()
        return
    print_table(*relation_table(found, images.metadata))
    for note in label_warnings(images.metadata, len(images)):
        print_line(f"note: {note}")


def _print(found: dict[str, Any], indent: str = "") -> None:
    width = max((len(one_line(str(name))) for name in found), default=0)
    for name, value in found.items():
        if isinstance(value, dict):
            print(f"{indent}{one_line(str(name))}")
            _print(value, indent + "  ")
        else:
            print(f"{indent}{one_line(str(name)):<{width}}  {one_line(str(value))}")


def _print_presets(found: dict[str, dict[str, Any]]) -> None:
    """Name, description and settings of each, as flags that could be given in its place."""
    print("autoencoder train DATA --preset NAME; other flags override the preset")
    for name, preset in found.items():
        print(f"\n{name}")
        print(textwrap.fill(preset["is"], PRESET_WIDTH, initial_indent="  ", subsequent_indent="  "))
        line = "   "
        for flag in preset["flags"].split(" --"):
            word = f" --{flag.removeprefix('--')}"
            if len(line) + len(word) > PRESET_WIDTH:
                print(line)
                line = "   "
            line += word
        print(line)
