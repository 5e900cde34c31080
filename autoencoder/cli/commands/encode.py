"""Codes of every image by a trained network, in a file that other programs open.

Without DATA these are the run's own images, with a column 'split' that says which were held out. A video is made into
images as the run's data were, and encoded; where these were cut out by a pose, it needs one too. Images beyond what the
network has learned from are counted, and marked in the column 'unfamiliar'.

autoencoder encode runs/exp --out codes/exp.parquet
autoencoder encode runs/exp data/day2.npz --errors --predictions --out codes/day2.csv
autoencoder encode runs/exp day3.mp4 day4.mp4 --pose day3.csv day4.csv --out codes/new.nc
autoencoder encode runs/exp day5.mp4 --pose day5.csv --px-per-cm 18.2 --out codes/day5.csv
autoencoder encode runs/exp day3.mp4 --pose day3.csv --out codes/day3.nwb --session-start 2026-05-01T10:30:00+02:00
"""

from __future__ import annotations

import argparse
from datetime import datetime
from pathlib import Path

from autoencoder.cli.flags.options import add_device, add_table, argument, number, positive_int
from autoencoder.cli.reporting import made, say
from autoencoder.flags import shortened
from autoencoder.registries import CODE_FILES

MIN_SCALE, MAX_SCALE = 1e-4, 1e5
"""Bounds of a video's pixels per centimetre: beyond them lies a slip."""

HELP = "codes of a data set or a new video, as .csv, .npz, .parquet, .nwb or .nc"


@argument
def _start(text: str) -> str:
    """A time with its zone."""
    try:
        given = datetime.fromisoformat(text)
    except ValueError:
        given = None
    if given is None or given.tzinfo is None:
        raise ValueError(f"{shortened(text)!r} is not a time with a time zone, such as 2026-05-01T10:30:00+02:00")
    return given.isoformat()


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of `encode`."""
    parser.add_argument("run", type=Path, metavar="RUN", help="the run's folder")
    parser.add_argument(
        "data",
        type=Path,
        nargs="*",
        metavar="DATA|VIDEO",
        help="data sets (.npz, .npy) and videos, one after the other (default: the run's own images)",
    )
    parser.add_argument(
        "--pose",
        type=Path,
        nargs="+",
        default=[],
        metavar="FILE",
        help="the poses of the videos, in the same order, if the run's images were cut out by a pose",
    )
    parser.add_argument(
        "--crop",
        type=positive_int,
        nargs="+",
        default=[],
        metavar="PX",
        help="side of the square around the animal, in pixels of the videos, one for all or one for each (default: "
        "that of the run's images; if that is in centimetres, this or --px-per-cm is required)",
    )
    parser.add_argument(
        "--px-per-cm",
        type=number(float, "a number of pixels above 0", MIN_SCALE, MAX_SCALE),
        nargs="+",
        default=[],
        metavar="X",
        help="pixels of the videos per centimetre, one for all or one for each, if the run's crop is in centimetres",
    )
    add_table(parser, "metadata of the data set (default: the run's, or the .csv beside other images)")
    parser.add_argument(
        "--checkpoint", default="last", metavar="NAME", help="last, best, an epoch's number, or a file (default: last)"
    )
    parser.add_argument(
        "--predictions",
        action="store_true",
        help="also what the network predicts: a column, or for .npz pictures of all images",
    )
    parser.add_argument(
        "--errors",
        action="store_true",
        help="also the error for each image, as 'test' measures it, but without noise; empty where the truth is not "
        "known",
    )
    parser.add_argument(
        "--session-start",
        type=_start,
        metavar="TIME",
        help="for .nwb: when the session began, such as 2026-05-01T10:30:00+02:00",
    )
    parser.add_argument(
        "--out",
        type=Path,
        required=True,
        metavar="FILE",
        help=f"{', '.join(CODE_FILES)}; several recordings get an .nwb each, FILE-RECORDING.nwb",
    )
    parser.add_argument("--overwrite", action="store_true", help="replace an existing file")
    add_device(parser)


def run(args: argparse.Namespace) -> None:
    """Encode, and say what was found."""
    from autoencoder.runs.opened import open_run, table_notes
    from autoencoder.workflows.encode.encode import encode

    opened = open_run(args.run)
    files = encode(
        opened,
        args.data,
        out=args.out,
        pose=args.pose,
        crop=args.crop,
        px_per_cm=args.px_per_cm,
        metadata=args.metadata,
        columns=args.columns,
        column_kinds=args.column_kinds,
        checkpoint=args.checkpoint,
        errors=args.errors,
        predictions=args.predictions,
        session_start=args.session_start,
        overwrite=args.overwrite,
        device=args.device,
        quiet=args.quiet,
        say=lambda text: say(args, text),
    )
    if not args.data and args.metadata is None and args.columns is None:
        for note in table_notes([opened]):
            say(args, f"note: {note}")
    made(args, files)
