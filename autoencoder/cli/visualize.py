"""Render how a run's latent space takes shape during training: one movie per metadata column.

autoencoder visualize --run runs/arena --color-by body_angle_deg distance_from_center
autoencoder visualize --run runs/arena --reduce pca --fit first --format gif
"""

from __future__ import annotations

import argparse
from pathlib import Path

from autoencoder.cli.options import add_device, count, names, number_type, positive_float, positive_int
from autoencoder.cli.reporting import made, say
from autoencoder.config import LAYERS, REDUCERS

HELP = "movies of a run's latent space over training"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of `visualize`."""
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--run", type=Path, metavar="RUN", help="the run's folder")
    which.add_argument(
        "--latest-run-on", type=Path, metavar="DATA", help="the newest run in runs/ that learned from this file"
    )
    parser.add_argument(
        "--metadata", type=Path, metavar="FILE", help="other metadata to colour by (default: the run's)"
    )
    parser.add_argument("--columns", type=names, metavar="A,B,...", help="names of the columns of .npy metadata")
    parser.add_argument("--color-by", nargs="+", metavar="COLUMN", help="columns, a movie each (default: all)")
    parser.add_argument(
        "--reduce",
        choices=REDUCERS,
        default="umap",
        help="projection to the plane; none takes a latent of two units as it is (default: umap)",
    )
    parser.add_argument(
        "--fit",
        nargs="+",
        default=["last"],
        metavar="WHAT",
        help="what the projection is fitted to: last or first snapshot, every one anew, or the path of a "
        "snapshot of any run; several make movies each (default: last)",
    )
    parser.add_argument(
        "--layer",
        nargs="+",
        choices=LAYERS,
        default=["latent"],
        help="latent, or fc2, the decoder's first layer at the kept checkpoints (default: latent)",
    )
    parser.add_argument("--stop-index", type=positive_int, metavar="N", help="use the first N snapshots only")
    parser.add_argument(
        "--examples", type=count, default=4, metavar="N", help="pictures beside the plot, 0 to 6 (default: 4)"
    )
    parser.add_argument("--format", choices=("mp4", "gif"), default="mp4", help="of the movies (default: mp4)")
    parser.add_argument(
        "--fps",
        type=number_type(float, "a number of frames per second from 1 to 120", lambda x: 1 <= x <= 120),
        default=12.0,
        metavar="N",
        help="frames per second (default: 12)",
    )
    parser.add_argument(
        "--seconds",
        type=positive_float,
        metavar="S",
        help="length of the movie (default: one frame per snapshot, and a second of rest at both ends)",
    )
    parser.add_argument(
        "--save-frames", action=argparse.BooleanOptionalAction, default=False, help="keep every frame as a PNG"
    )
    parser.add_argument("--seed", type=count, metavar="N", help="of the projection (default: the run's)")
    parser.add_argument(
        "--out",
        type=Path,
        metavar="FOLDER",
        help="where to write (default: RUN/visualize/REDUCER-FIT); several movies per column go to folders in it",
    )
    add_device(parser)


def run(args: argparse.Namespace) -> None:
    """Project, draw, say what was made."""
    from autoencoder.runs import latest_run_on
    from autoencoder.workflows.visualizing import output_name, visualize

    run_folder = args.run if args.run is not None else latest_run_on(args.latest_run_on, Path("runs")).path
    if args.run is None:
        say(args, f"the newest run on {args.latest_run_on} is {run_folder}")
    several = len(args.layer) * len(args.fit) > 1
    for layer in args.layer:
        for fit in args.fit:
            out = args.out / output_name(args.reduce, fit, layer) if args.out is not None and several else args.out
            files = visualize(
                run_folder,
                reducer=args.reduce,
                fit=fit,
                layer=layer,
                color_by=args.color_by,
                metadata=args.metadata,
                columns=args.columns,
                stop_index=args.stop_index,
                examples=args.examples,
                movie_format=args.format,
                fps=args.fps,
                seconds=args.seconds,
                save_frames=args.save_frames,
                seed=args.seed,
                out=out,
                device=args.device,
                quiet=args.quiet,
            )
            made(args, files)
