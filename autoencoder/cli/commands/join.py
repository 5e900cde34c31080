"""Bring a table at its own rate to the images: labels, events, or arrays such as spike counts and dF/F.

Each image takes the nearest row, the last one before it, the mean of the rows around it, or their count; where there is
none, its value is missing. Rows and images go together by recording and frame, or by recording and time.

autoencoder join data/exp.npz licks.csv --on recording,time_s --how count --out data/exp-licks.csv
autoencoder join data/exp.npz labels.csv --on recording,frame --out data/exp-labels.csv
autoencoder join data/exp.npz spikes.npz --on recording,time_s=timestamps --how mean --out data/spikes.npz
autoencoder compare runs/exp data/spikes.npz
autoencoder compare runs/exp --metadata data/exp-licks.csv
"""

from __future__ import annotations

import argparse
from pathlib import Path

from autoencoder.cli.flags.options import add_table, names, number
from autoencoder.cli.reporting import made, say

HELP = "bring a table with its own rate to the images, as columns or codes"

MOST_SECONDS = 1e9


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of `join`."""
    parser.add_argument("data", type=Path, metavar="DATA", help="a data set, NAME.npz")
    parser.add_argument(
        "tables",
        type=Path,
        nargs="+",
        metavar="TABLE",
        help=".csv, .tsv or .parquet with a header; .npz or .npy of arrays (rows,) and (rows, values); several tables "
        "with the same columns are taken as one",
    )
    parser.add_argument(
        "--on",
        type=names,
        required=True,
        metavar="NAME,...",
        help="recording,frame or recording,time_s; of a single recording frame or time_s alone; NAME=OTHER where the "
        "table calls it otherwise",
    )
    parser.add_argument(
        "--how",
        choices=("nearest", "previous", "mean", "count"),
        help="what each image gets: the nearest row, the last one up to its time (such as the current label), or the "
        "mean or the count of all rows around it (default: nearest; count for a table of times alone)",
    )
    parser.add_argument(
        "--tolerance",
        type=number(float, f"a distance from 0 to {MOST_SECONDS:g}", 0, MOST_SECONDS),
        metavar="S",
        help="how far a row may be from its image, in seconds, or in frames with --on frame (default: of the nearest, "
        "one usual step of the table, or the same frame; of the previous, any; of mean and count, up to the middle "
        "between neighbouring images, or the same frame)",
    )
    parser.add_argument(
        "--recording",
        nargs="+",
        metavar="NAME",
        help="the recording that each table belongs to, if the table does not say so",
    )
    parser.add_argument(
        "--times",
        type=Path,
        nargs="+",
        metavar="FILE",
        help=".npy with the time or frame of each row, one for each table",
    )
    parser.add_argument("--only", type=names, metavar="NAME,...", help="columns of the table to take (default: all)")
    parser.add_argument("--prefix", default="", metavar="TEXT", help="prefix for the names of new columns")
    add_table(parser, "the data set's table (default: the .csv beside it)")
    parser.add_argument(
        "--out",
        type=Path,
        required=True,
        metavar="FILE",
        help=".csv: the data set's columns and the new ones, for --metadata; .npz or .npy: codes, (images, values)",
    )
    parser.add_argument("--overwrite", action="store_true", help="replace an existing file")


def run(args: argparse.Namespace) -> None:
    """Join, and say how many images and rows found each other."""
    from autoencoder.workflows.join import join, said_of

    joined = join(
        args.data,
        args.tables,
        args.out,
        on=args.on,
        how=args.how,
        tolerance=args.tolerance,
        recording=args.recording,
        times=args.times,
        only=args.only,
        prefix=args.prefix,
        metadata=args.metadata,
        columns=args.columns,
        column_kinds=args.column_kinds,
        overwrite=args.overwrite,
    )
    source = str(args.tables[0]) if len(args.tables) == 1 else f"{len(args.tables)} tables"
    for note in joined.notes:
        say(args, f"note: {note}")
    for sentence in said_of(joined, source):
        say(args, sentence)
    say(args, f"new: {', '.join(args.prefix + name for name in joined.all_columns)}")
    is_table = args.out.suffix.lower() == ".csv"
    made(args, args.out, f"next: autoencoder compare RUN {'--metadata ' if is_table else ''}{args.out}")
