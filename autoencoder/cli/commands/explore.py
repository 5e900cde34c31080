"""Make one HTML page to explore a run in a browser: its images as points over training, with pictures and metadata.

The page is a single file that needs no server and no network: open it, send it, show it in a talk.

autoencoder explore runs/arena
autoencoder explore runs/arena --color-by body_angle_deg --layer latent fc2
autoencoder explore runs/mnist --reduce pca --points 2000 --out mnist.html
"""

from __future__ import annotations

import argparse
from pathlib import Path

from autoencoder.cli.flags.options import add_device, add_rows, add_run, add_table, count, positive_int
from autoencoder.cli.reporting import made, say
from autoencoder.config import LAYERS
from autoencoder.registries import REDUCERS

HELP = "a page to explore a run's latent space in a browser"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of `explore`."""
    add_run(parser)
    add_table(parser, "other metadata (default: the run's)")
    parser.add_argument(
        "--color-by", nargs="+", metavar="COLUMN", help="columns that the page can colour by (default: all)"
    )
    parser.add_argument(
        "--fit",
        nargs="+",
        metavar="WHAT",
        help="what the projections are fitted to, as in visualize; the page switches between several (default: joint "
        "for umap, last for the others)",
    )
    parser.add_argument(
        "--reduce",
        nargs="+",
        choices=REDUCERS,
        default=["umap", "pca"],
        help="projections that the page switches between (default: umap pca)",
    )
    parser.add_argument(
        "--layer",
        nargs="+",
        choices=LAYERS,
        default=["latent"],
        help="latent, and fc2, the decoder's first layer at the kept checkpoints (default: latent)",
    )
    add_rows(parser)
    parser.add_argument(
        "--points", type=positive_int, metavar="N", help="show N images, chosen at random (default: all that fit)"
    )
    parser.add_argument(
        "--max-snapshots",
        type=positive_int,
        metavar="N",
        help="show N snapshots, spread evenly over training (default: all)",
    )
    parser.add_argument(
        "--seed",
        type=count,
        metavar="N",
        help="seed of the projections and of the choice of images (default: the run's)",
    )
    parser.add_argument("--out", type=Path, metavar="FILE.html", help="the page (default: RUN/visualize/explore.html)")
    add_device(parser)


def run(args: argparse.Namespace) -> None:
    """Project, write the page, say where it is."""
    from autoencoder.runs.opened import open_run, table_notes
    from autoencoder.workflows.explore.explore import explore

    opened = open_run(
        args.run,
        metadata=args.metadata,
        columns=args.columns,
        column_kinds=args.column_kinds,
    )
    for note in table_notes([opened]):
        say(args, f"note: {note}")
    page = explore(
        opened,
        fits=args.fit,
        reducers=list(dict.fromkeys(args.reduce)),
        layers=list(dict.fromkeys(args.layer)),
        color_by=args.color_by,
        points=args.points,
        max_snapshots=args.max_snapshots,
        rows=args.rows or "all",
        seed=args.seed,
        out=args.out,
        device=args.device,
        quiet=args.quiet,
        say=lambda text: say(args, text),
    )
    made(args, page, hint="open it in a browser: one file that needs no network")
