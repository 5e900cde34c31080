"""Render how a run's latent space takes shape during training: one movie per metadata column.

With --snapshot, look at one moment instead: where the codes lie, what each latent unit does to the picture, images of
random codes, and clusters of the codes against labels. With --traverse, see what a column or a unit means to the
decoder: codes of real images are moved to other values of it.

autoencoder visualize --run runs/arena --color-by body_angle_deg distance_from_center --side-by-side
autoencoder visualize --run runs/arena --reduce pca --fit first --format gif
autoencoder visualize --run runs/arena --score all
autoencoder visualize --run runs/mnist --snapshot last --format svg pdf
autoencoder visualize --run runs/mnist --snapshot 1500 --layer latent pixels --show scatter clusters --reduce tsne
autoencoder visualize --run runs/arena --traverse body_angle_deg 3
autoencoder visualize --run runs/arena --no-movies --export parquet projector
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from autoencoder.cli.flags.options import figure_options
from autoencoder.cli.flags.visualize_flags import add_visualize_flags, check_flags, movie_options
from autoencoder.cli.reporting import made, say, table

if TYPE_CHECKING:
    from autoencoder.runs.opened import OpenedRun

HELP = "movies of a run's latent space over training, or stills of one snapshot"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of `visualize`."""
    add_visualize_flags(parser)


def run(args: argparse.Namespace) -> None:
    """Project, draw, say what was made."""
    check_flags(args)
    from autoencoder.runs.folder import latest_run_on
    from autoencoder.runs.opened import open_run, table_notes

    run_folder = args.run if args.run is not None else latest_run_on(args.latest_run_on, Path("runs")).path
    if args.run is None:
        say(args, f"the newest run on {args.latest_run_on} is {run_folder}")
    opened = open_run(run_folder, metadata=args.metadata, columns=args.columns, column_kinds=args.column_kinds)
    for note in table_notes([opened]) if args.score is None else ():
        say(args, f"note: {note}")
    if args.traverse is not None:
        _traversals(args, opened)
    elif args.score is not None:
        _score(args, opened)
    elif args.snapshot is None:
        _movies(args, opened)
    else:
        _stills(args, opened)


def _movies(args: argparse.Namespace, run: OpenedRun) -> None:
    from autoencoder.projections.fits import methods
    from autoencoder.projections.names import output_name
    from autoencoder.workflows.movies.visualize import visualize

    chosen = methods([args.reduce], args.fit)
    several = len(args.layer) * len(chosen) > 1
    for layer in args.layer:
        for _, fit in chosen:
            out = args.out / output_name(args.reduce, fit, layer) if args.out is not None and several else args.out
            files = visualize(
                run,
                reducer=args.reduce,
                fit=fit,
                layer=layer,
                color_by=args.color_by,
                stop_index=args.stop_index,
                movie=movie_options(args) if args.movies else None,
                exports=args.export,
                seed=args.seed,
                out=out,
                device=args.device,
                quiet=args.quiet,
                say=lambda text: say(args, text),
            )
            made(args, files)


def _score(args: argparse.Namespace, run: OpenedRun) -> None:
    from autoencoder.workflows.movies.score import HEADER, LEGEND, score_methods

    for layer in args.layer:
        found = score_methods(
            run,
            args.score,
            layer=layer,
            stop_index=args.stop_index,
            seed=args.seed,
            out=args.out if args.out is None or len(args.layer) == 1 else args.out / layer,
            figures=figure_options(args),
            device=args.device,
            quiet=args.quiet,
        )
        table(args, found.title, HEADER, found.rows)
        say(args, LEGEND)
        for note in found.notes:
            say(args, note)
        made(args, found.files)


def _stills(args: argparse.Namespace, run: OpenedRun) -> None:
    from autoencoder.workflows.stills.look import look

    files = look(
        run,
        snapshot=args.snapshot,
        show=args.show,
        layers=args.layer,
        reducer=args.reduce,
        color_by=args.color_by,
        clusters=args.clusters,
        labels=args.labels,
        examples=args.examples,
        rows=args.rows or "all",
        seed=args.seed,
        out=args.out,
        figures=figure_options(args),
        device=args.device,
        quiet=args.quiet,
        say=lambda text: say(args, text),
    )
    made(args, files)


def _traversals(args: argparse.Namespace, run: OpenedRun) -> None:
    from autoencoder.workflows.traversals.traverse import traverse

    files = traverse(
        run,
        args.traverse,
        snapshot="last" if args.snapshot is None else args.snapshot,
        movie=movie_options(args),
        figures=figure_options(args),
        seed=args.seed,
        out=args.out,
        device=args.device,
        quiet=args.quiet,
        say=lambda text: say(args, text),
    )
    made(args, files)
