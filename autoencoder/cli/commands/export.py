"""Write the network of a run in files that other programs load, with a card that says what it is.

Images go in as they are stored, any number of them, (N, H, W) or (N, H, W, C): scaling and the order of channels are
part of what is written. Out come codes, and what the network was trained to give: pictures in [0, 1], degrees,
probabilities of classes, or a quantity in its unit.

autoencoder export runs/exp
autoencoder export runs/exp --format onnx pt2 safetensors --out models
autoencoder export runs/exp --part encoder --checkpoint best --pixels uint8
"""

from __future__ import annotations

import argparse
from pathlib import Path

from autoencoder.cli.flags.options import count
from autoencoder.cli.reporting import made, say
from autoencoder.config import NETWORK_PARTS, PIXEL_TYPES
from autoencoder.registries import NETWORK_FILES

HELP = "a network as .onnx, .pt2 or .safetensors, for other programs"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of `export`."""
    parser.add_argument("run", type=Path, metavar="RUN", help="the run's folder")
    parser.add_argument(
        "--format",
        nargs="+",
        choices=NETWORK_FILES,
        default=["onnx"],
        metavar="FORMAT",
        help=f"one or more of {', '.join(NETWORK_FILES)} (default: onnx)",
    )
    parser.add_argument(
        "--part",
        choices=NETWORK_PARTS,
        default="both",
        help="of the network; decoder is what stands behind the latent, also where that makes no pictures (default: "
        "both)",
    )
    which = parser.add_mutually_exclusive_group()
    which.add_argument(
        "--checkpoint", default="last", metavar="NAME", help="last, best, an epoch's number, or a file (default: last)"
    )
    which.add_argument(
        "--step", type=count, metavar="N", help="the network that was kept after update number N, instead"
    )
    parser.add_argument(
        "--pixels",
        choices=PIXEL_TYPES,
        help="type of the images that go in (default: that of the run's data, and float32 for floats of any size)",
    )
    parser.add_argument(
        "--out", type=Path, metavar="FOLDER", help="files are named after the run (default: RUN/export)"
    )
    parser.add_argument("--overwrite", action="store_true", help="replace files of these names")


def run(args: argparse.Namespace) -> None:
    """Export, and say what was made."""
    from autoencoder.workflows.export.export import export

    files = export(
        args.run,
        args.format,
        part=args.part,
        checkpoint=args.checkpoint,
        step=args.step,
        pixels=args.pixels,
        out=args.out,
        overwrite=args.overwrite,
        quiet=args.quiet,
        say=lambda text: say(args, text),
    )
    made(args, files)
