"""Test how well a run meets its objective: on its held-out images, or on all images of another data file.

autoencoder test --run runs/arena
autoencoder test --run runs/mnist --data data/mnist-test.npz --noise gaussian:0.5
"""

from __future__ import annotations

import argparse
from pathlib import Path

from autoencoder.cli.flags.options import (
    add_device,
    add_figure_flags,
    add_run,
    add_table,
    figure_options,
    movie_format,
    noise,
    positive_int,
)
from autoencoder.cli.reporting import made, say, table
from autoencoder.errors import number_of

HELP = "measure a run beside its controls, with pictures and movies"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of `test`."""
    add_run(parser)
    parser.add_argument(
        "--data",
        type=Path,
        metavar="FILE",
        help="other images to test on, or the run's own if they were moved (default: the run's held-out ones)",
    )
    add_table(parser, "metadata of the tested images (default: the run's, or the .csv beside other images)")
    parser.add_argument(
        "--checkpoint", default="last", metavar="NAME", help="last, best, an epoch's number, or a file (default: last)"
    )
    parser.add_argument(
        "--noise", type=noise, metavar="KIND:AMOUNT", help="corruption of the input, or none (default: the run's own)"
    )
    parser.add_argument("--limit", type=positive_int, metavar="N", help="test at most N images, evenly spaced")
    parser.add_argument(
        "--examples", type=positive_int, default=8, metavar="N", help="columns of the grids (default: 8)"
    )
    parser.add_argument(
        "--movies",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="write movies of input and output (default: yes)",
    )
    parser.add_argument(
        "--movie-frames", type=positive_int, default=120, metavar="N", help="images in a movie (default: 120)"
    )
    add_figure_flags(parser, default="mp4 and png")
    parser.add_argument(
        "--out", type=Path, metavar="FOLDER", help="where to write (default: RUN/test, or RUN/test/NAME for other data)"
    )
    add_device(parser)


def run(args: argparse.Namespace) -> None:
    """Measure, draw, print the table."""
    from autoencoder.runs.opened import open_run, table_notes
    from autoencoder.workflows.testing import test

    opened = open_run(args.run)
    evaluation, files = test(
        opened,
        data=args.data,
        metadata=args.metadata,
        columns=args.columns,
        column_kinds=args.column_kinds,
        checkpoint=args.checkpoint,
        noise=args.noise,
        limit=args.limit,
        examples=args.examples,
        movies=args.movies,
        movie_frames=args.movie_frames,
        movie_format=movie_format(args),
        figures=figure_options(args),
        out=args.out,
        device=args.device,
        quiet=args.quiet,
    )
    n, noise_text = len(evaluation.rows), "" if evaluation.noise.kind == "none" else f", noise {evaluation.noise}"
    left_out = evaluation.n_without_target
    if left_out:
        say(args, f"left out {number_of(left_out, 'image')} without a known target")
    has_other_table = args.data is None and (args.metadata is not None or args.columns is not None)
    for note in (*([] if has_other_table else table_notes([opened])), *evaluation.notes):
        say(args, f"note: {note}")
    numbers = evaluation.result.table()
    title = f"{number_of(n, 'image')}{noise_text}; compared with {evaluation.result.compared_with}"
    table(args, title, numbers.header, numbers.rows)
    if (by_region := evaluation.result.region_table()) is not None:
        table(args, "by region, pixels of all images together", by_region.header, by_region.rows)
    say(args, numbers.closing)
    made(args, files, f"next: autoencoder visualize --run {args.run}")
