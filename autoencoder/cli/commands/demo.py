"""The main job on built-in data, in under three minutes: a synthetic arena, a denoising autoencoder, its test, and the
movie of its latent space taking shape.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from autoencoder.cli.flags.options import add_device, count
from autoencoder.cli.reporting import made, say

HELP = "the whole job on built-in data, in under three minutes"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of `demo`."""
    parser.add_argument(
        "--out", type=Path, default=Path("demo"), metavar="FOLDER", help="folder to make (default: demo)"
    )
    parser.add_argument(
        "--quick",
        action="store_true",
        help="few images and one epoch: only to check that everything works",
    )
    parser.add_argument("--seed", type=count, default=0, metavar="N", help="(default: 0)")
    add_device(parser)


def run(args: argparse.Namespace) -> None:
    """Run the demo, and say what to look at."""
    from autoencoder.workflows.demo import demo

    files = demo(
        args.out,
        quick=args.quick,
        seed=args.seed,
        device=args.device,
        quiet=args.quiet,
        say=lambda text: say(args, text),
    )
    movie = next(file for file in reversed(files) if file.suffix == ".mp4")
    made(args, files, f"look at {files[0]} first, then play {movie}")
