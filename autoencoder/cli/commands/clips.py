"""Look at images as behaviour: a movie of the video around each of them, side by side.

The images are rows of a CSV, such as the page of 'explore' saves of what is selected there. All clips play together,
and the frame of the image is in the middle of each, where an orange line comes up.

autoencoder clips runs/exp --rows selection.csv
autoencoder clips runs/exp --rows selection.csv --recordings recordings.csv --seconds 1 --speed 0.5
autoencoder clips runs/mouse --rows turns.csv --video mouse.mp4 --window still --out turns.gif
"""

from __future__ import annotations

import argparse
from pathlib import Path

from autoencoder.cli.flags.options import add_table, number, positive_int
from autoencoder.cli.reporting import made, say

HELP = "video around chosen images, side by side"

LONGEST, SLOWEST, FASTEST = 60.0, 0.01, 100.0

MOST_CLIPS = 100


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of `clips`."""
    parser.add_argument("run", type=Path, metavar="RUN", help="the folder of a run on the images")
    parser.add_argument(
        "--rows",
        type=Path,
        required=True,
        metavar="FILE",
        help="a CSV that names images: by row, as the page of 'explore' saves them, or by recording and frame",
    )
    add_table(parser, "other metadata (default: the run's)")
    where = parser.add_mutually_exclusive_group()
    where.add_argument(
        "--video",
        type=Path,
        nargs="+",
        default=[],
        metavar="PATH",
        help="videos, or folders of them, which have the names of the recordings (default: the data set's folder)",
    )
    where.add_argument(
        "--recordings",
        type=Path,
        metavar="TABLE",
        help="the table given to 'prepare experiment', which says where the videos are",
    )
    parser.add_argument(
        "--seconds",
        type=number(float, f"a length from 0.01 to {LONGEST:g} seconds", 0.01, LONGEST),
        default=2.0,
        metavar="S",
        help="of video in a clip, half of it before the image (default: 2)",
    )
    parser.add_argument(
        "--clips",
        type=number(int, f"a number of clips from 1 to {MOST_CLIPS}", 1, MOST_CLIPS),
        default=16,
        metavar="N",
        help="show at most N, chosen evenly (default: 16)",
    )
    parser.add_argument(
        "--window",
        choices=("follow", "still", "frame"),
        help="what is shown: a window that follows the animal, one that stays where the animal is in the middle of "
        "the clip, or whole frames (default: follow; frame if the animal's position is not known)",
    )
    parser.add_argument(
        "--crop",
        type=positive_int,
        metavar="PX",
        help="side of the window, in pixels of the video (default: of the images)",
    )
    parser.add_argument(
        "--speed",
        type=number(float, f"a speed from {SLOWEST:g} to {FASTEST:g}", SLOWEST, FASTEST),
        default=1.0,
        metavar="X",
        help="play X times as fast as recorded (default: 1)",
    )
    parser.add_argument(
        "--out", type=Path, metavar="FILE", help="the movie, .mp4 or .gif (default: RUN/clips/, named after the rows)"
    )


def run(args: argparse.Namespace) -> None:
    """Cut the clips out, write the movie, say where it is."""
    from autoencoder.runs.opened import open_run
    from autoencoder.workflows.clips.clips import ClipOptions, clips

    options = ClipOptions(args.seconds, args.clips, args.window, args.crop, args.speed)
    opened = open_run(args.run, metadata=args.metadata, columns=args.columns, column_kinds=args.column_kinds)
    files = clips(
        opened,
        args.rows,
        video=args.video,
        recordings=args.recordings,
        options=options,
        out=args.out,
        quiet=args.quiet,
        say=lambda text: say(args, text),
    )
    made(args, files)
