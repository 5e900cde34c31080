"""Compare runs on the same held-out images: tables, figures and a page. With --train, train the reference table first.
With --by, compare two conditions of animals by the codes of several runs.

autoencoder compare runs/ae runs/pca runs/tagger
autoencoder compare runs/ae runs/tagger codes/cebra.npy
autoencoder compare --train data/arena.npz --out runs/reference
autoencoder compare --train data/arena.npz --seeds 3 --jobs 2
autoencoder compare runs/ae-1 runs/ae-2 runs/ae-3 --by condition --unit animal --strata sex
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autoencoder import config as c
from autoencoder.cli.flags.options import (
    add_device,
    add_figure_flags,
    add_rows,
    add_setting,
    add_table,
    figure_options,
    noise,
    number,
    positive_int,
)
from autoencoder.cli.reporting import made, say, table
from autoencoder.config.movies import AS_PNG_AND_SVG
from autoencoder.errors import UserError
from autoencoder.flags import settings_of
from autoencoder.registries import DEFAULT_ENCODER, DEFAULT_REDUCER, LEARNED_ENCODERS, REDUCERS

if TYPE_CHECKING:
    from autoencoder.workflows.compare.runs import RunsCompared

HELP = "compare runs: tables, figures and a page"

COMPARED = Path("compare")
"""Where a comparison goes that names no folder."""

TABLE_FIELDS = ("metadata", "columns", "column_kinds")
"""Settings of the data that go with runs as well as with --train."""

DATA_FIELDS = ("max_pixel_value", "split", "val_fraction", "block_size", "gap", "hold_out", "split_seed")
TRAINING_FIELDS = ("epochs", "batch_size", "lr", "seed", "threads")
OTHER_FIELDS = ("seeds", "encoder", "target", "jobs", "backend", "scheduler")
"""What goes with --train only."""

MOST_CLUSTERS = 64

SAID_HERE = {
    "seed": "the first seed, of weights, order and noise (default: 42)",
    "threads": "processor threads of each job",
}
"""Texts of flags that mean more than they do with `train`."""

GROUP_FIELDS = ("unit", "strata", "same_as", "frames", "clusters")
"""What goes with --by only."""

NOT_WITH_GROUPS = ("train", "noise", "given", "rows", "color_by")
"""What goes with a comparison of runs only."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of `compare`."""
    parser.add_argument(
        "runs",
        nargs="*",
        type=Path,
        metavar="RUN|CODES|LIST",
        help="run folders with the same data and split; files of codes (.npy, .npz: a row for each image); or a .csv "
        "that lists them, with columns path and name",
    )
    parser.add_argument(
        "--train",
        type=Path,
        metavar="DATA",
        help="train the reference table on this file, or resume it, and compare",
    )
    parser.add_argument(
        "--checkpoint", default="last", metavar="NAME", help="last, best, or an epoch's number (default: last)"
    )
    parser.add_argument(
        "--noise",
        type=noise,
        metavar="KIND:AMOUNT",
        help="corruption of the input, or none; with --train also in training (default: each run's own, none)",
    )
    parser.add_argument(
        "--out", type=Path, metavar="FOLDER", help="where to write (default: compare, runs/reference-DATA)"
    )
    parser.add_argument(
        "--given",
        nargs="+",
        metavar="COLUMN",
        help="known columns: report what can be read from each latent beyond them",
    )
    add_table(parser, "other metadata (default: that of the runs; with --train the .csv beside DATA)")
    add_device(parser)

    group = parser.add_argument_group("figure")
    add_rows(group)
    group.add_argument(
        "--color-by", nargs="+", metavar="COLUMN", help="columns, a figure each (default: the first angle or label)"
    )
    group.add_argument(
        "--reduce",
        choices=REDUCERS,
        default=DEFAULT_REDUCER,
        help=f"projection of latents of more than two units (default: {DEFAULT_REDUCER})",
    )
    group.add_argument(
        "--examples",
        type=number(int, "a number of images from 1 to 8", 1, 8),
        default=5,
        metavar="N",
        help="images in the figure, up to 8 (default: 5)",
    )
    add_figure_flags(group, default="png and svg", movies=False)

    group = parser.add_argument_group("animals: do codes differ between two conditions?")
    group.add_argument(
        "--by",
        metavar="COLUMN[=A,B]",
        help="column of the condition, which is constant within an animal or recording, and the two of its values to "
        "compare; needs at least three runs that differ only in their seed, trained on all animals and without "
        "this column",
    )
    group.add_argument("--unit", metavar="COLUMN", help="column of the animal: animals are the samples, not images")
    group.add_argument(
        "--strata", nargs="+", metavar="COLUMN", help="exchange labels only between animals of the same sex, batch, ..."
    )
    group.add_argument(
        "--same-as",
        nargs="+",
        metavar="COLUMN",
        help="columns that restate the condition, such as its dose, and so do not count as confounded with it",
    )
    group.add_argument(
        "--frames", type=positive_int, metavar="N", help="at most N images of each animal (default: 2000)"
    )
    group.add_argument(
        "--clusters",
        type=number(int, f"a number of clusters from 2 to {MOST_CLUSTERS}", 2, MOST_CLUSTERS),
        metavar="K",
        help="clusters of the codes, for how much of its time each animal spends in them (default: 8)",
    )

    group = parser.add_argument_group(
        "with --train: an autoencoder, decoders on PCA and UMAP to 16 and 2 units, and a network that predicts"
    )
    add = _only_when_given(group)
    add(
        "--seeds",
        type=positive_int,
        metavar="N",
        help="train everything N times, with seeds from --seed on (default: 1)",
    )
    add(
        "--encoder",
        choices=LEARNED_ENCODERS,
        help=f"of the autoencoder and of the predicting network (default: {DEFAULT_ENCODER})",
    )
    add("--target", metavar="COLUMN", help="angle, label or quantity to predict (default: the only one that fits)")
    for section, names in ((c.DataConfig, DATA_FIELDS), (c.TrainingConfig, TRAINING_FIELDS)):
        for setting in settings_of(section):
            if setting.name in names:
                add_setting(group, setting, **({"help": SAID_HERE[setting.name]} if setting.name in SAID_HERE else {}))
    add(
        "--jobs",
        type=positive_int,
        metavar="N",
        help="runs to train at the same time on the processor, each in its own process (default: 1)",
    )
    add("--backend", choices=c.BACKENDS, help="processes of this machine, or a Dask cluster (default: loky)")
    add("--scheduler", metavar="ADDRESS", help="of the Dask cluster, such as tcp://host:8786")


def run(args: argparse.Namespace) -> None:
    """Train where it is asked for, compare, print the tables, draw."""
    if args.by is not None:
        _run_groups(args)
        return
    _refuse_without_by(args)
    if (args.train is None) == (not args.runs):
        raise UserError("name the run folders to compare, or a data file with --train, and not both")
    given = [name for name in (*DATA_FIELDS, *TRAINING_FIELDS, *OTHER_FIELDS) if name in vars(args)]
    if args.train is None and given:
        flags = ", ".join(f"--{name.replace('_', '-')}" for name in given)
        raise UserError(f"{flags} only applies with --train, since finished runs have it already: leave it out")
    from autoencoder.workflows.compare.runs import compare_reference, compare_runs

    options: dict[str, Any] = {
        "checkpoint": args.checkpoint,
        "noise": args.noise,
        "given": args.given or (),
        "rows": args.rows or "all",
        "color_by": args.color_by,
        "reducer": args.reduce,
        "examples": args.examples,
        "figures": figure_options(args, AS_PNG_AND_SVG.formats),
        "device": args.device,
        "quiet": args.quiet,
        "say": lambda text: say(args, text),
        **_table(args),
    }
    if args.train is None:
        found, files = compare_runs(args.runs, out=args.out or COMPARED, **options)
    else:
        trained = {
            name: getattr(args, name) for name in (*DATA_FIELDS, *TRAINING_FIELDS, *OTHER_FIELDS) if name in args
        }
        found, files = compare_reference(args.train, out=args.out, **options, **trained)
    show_comparison(args, found)
    made(args, files)


def _run_groups(args: argparse.Namespace) -> None:
    """Compare animals: say how small p can be, then encode, and write all of it."""
    by, conditions = _asked_by(args)
    from autoencoder.study.groups.summaries import CLUSTERS, MOST_FRAMES
    from autoencoder.workflows.groups.animals import compare_groups
    from autoencoder.workflows.groups.words import sentences
    from autoencoder.workflows.groups.words import table as effects_table

    said: list[str] = []

    def say_once(text: str) -> None:
        said.append(text)
        say(args, text)

    found, files = compare_groups(
        args.runs,
        by,
        args.unit,
        conditions=conditions,
        strata=args.strata or (),
        same_as=args.same_as or (),
        frames=args.frames or MOST_FRAMES,
        clusters=args.clusters or CLUSTERS,
        checkpoint=args.checkpoint,
        **_table(args),
        figures=figure_options(args, AS_PNG_AND_SVG.formats),
        out=args.out or COMPARED,
        device=args.device,
        quiet=args.quiet,
        say=say_once,
    )
    for text in sentences(found):
        if text not in said:  # one was, before anything was encoded
            say(args, text)
    table(args, "What each summary of an animal shows", *effects_table(found))
    for note in found.notes:
        say(args, f"note: {note}")
    made(args, files)


def _asked_by(args: argparse.Namespace) -> tuple[str, tuple[str, ...]]:
    """The column of --by and its two values, which may be left out; refuses what does not go with it."""
    given = [f"--{name.replace('_', '-')}" for name in NOT_WITH_GROUPS if getattr(args, name) is not None]
    given += [f"--{n.replace('_', '-')}" for n in (*DATA_FIELDS, *TRAINING_FIELDS, *OTHER_FIELDS) if n in vars(args)]
    if given:
        raise UserError(f"--by compares animals using trained runs, and does not take {', '.join(given)}")
    if not args.runs:
        raise UserError("which runs should --by use to compare animals? Name their folders")
    if args.unit is None:
        raise UserError("--by needs --unit COLUMN, which says what one sample is, such as --unit animal")
    column, equals, values = args.by.partition("=")
    conditions = tuple(value.strip() for value in values.split(",")) if equals else ()
    if not column or not all(conditions):
        raise UserError(f"--by must be COLUMN or COLUMN=A,B, not {args.by!r}")
    return column, conditions


def _refuse_without_by(args: argparse.Namespace) -> None:
    given = [f"--{name.replace('_', '-')}" for name in GROUP_FIELDS if getattr(args, name) is not None]
    if given:
        raise UserError(f"{', '.join(given)} only applies with --by COLUMN, which compares animals: leave it out")


def _table(args: argparse.Namespace) -> dict[str, Any]:
    """What was said of the metadata; None of what was not."""
    said = {name: getattr(args, name) for name in TABLE_FIELDS}
    return {**said, "metadata": None if args.metadata is None else str(args.metadata)}


def show_comparison(args: argparse.Namespace, found: RunsCompared) -> None:
    """Print the notes and tables of a comparison, over its seeds."""
    for note in found.notes:
        say(args, f"note: {note}")
    for said, cells in found.tables():
        if cells is None:
            say(args, said)
        else:
            table(args, said, *cells)


def _only_when_given(group: Any) -> Any:
    """`add_argument` of flags that are absent from the arguments unless they are given."""

    def add(*names: str, **options: Any) -> None:
        group.add_argument(*names, default=argparse.SUPPRESS, **options)

    return add
