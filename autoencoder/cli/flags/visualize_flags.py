"""The flags of `visualize`, and which of them go together."""

from __future__ import annotations

import argparse
import dataclasses
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from autoencoder.cli.flags.options import (
    add_device,
    add_figure_flags,
    add_rows,
    add_run,
    add_setting,
    add_table,
    count,
    movie_format,
    positive_int,
)
from autoencoder.config import STILL_LAYERS, STILLS
from autoencoder.config.movies import MOVIE_FORMATS, MovieOptions
from autoencoder.errors import UserError
from autoencoder.flags import settings_of, shortened
from autoencoder.registries import DEFAULT_REDUCER, EVOLUTION_FILES, REDUCERS

STILL_FLAGS = ("show", "clusters", "labels")
"""Flags that go with --snapshot only; none of them has a default."""

NOT_FOR_SCORES = (*STILL_FLAGS, "snapshot", "traverse", "color_by", "metadata", "columns", "column_kinds", "rows")
"""Flags without a default that mean nothing where methods are scored."""

TRAVERSAL_FLAGS = ("--format", "--fps", "--seconds")
"""Flags of movies that go with --traverse as well, which makes some."""


class _ForMovies(argparse.Action):
    """Stores a value as usual, and remembers the flag in `movie_flags`."""

    def __call__(
        self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, values: Any, option: str | None = None
    ) -> None:
        setattr(namespace, self.dest, values)
        namespace.movie_flags = (*namespace.movie_flags, option)


class _Formats(argparse.Action):
    """Stores formats, and remembers the flag as one of movies where one of them is theirs."""

    def __call__(
        self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, values: Any, option: str | None = None
    ) -> None:
        setattr(namespace, self.dest, values)
        if set(values) & set(MOVIE_FORMATS):
            namespace.movie_flags = (*namespace.movie_flags, option)


class _SwitchForMovies(argparse.BooleanOptionalAction):
    """The same for --FLAG and --no-FLAG."""

    def __call__(
        self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, values: Any, option: str | None = None
    ) -> None:
        super().__call__(parser, namespace, values, option)
        namespace.movie_flags = (*namespace.movie_flags, option)


def add_visualize_flags(parser: argparse.ArgumentParser) -> None:
    """Flags of `visualize`."""
    add_run(parser)
    parser.add_argument(
        "--latest-run-on", type=Path, metavar="DATA", help="the newest run in runs/ that was trained on this file"
    )
    add_table(parser, "other metadata to colour by (default: the run's)")
    parser.add_argument(
        "--color-by", nargs="+", metavar="COLUMN", help="columns, a movie or a picture each (default: all)"
    )
    parser.add_argument(
        "--reduce",
        choices=REDUCERS,
        default=DEFAULT_REDUCER,
        help=f"projection to the plane; none shows a latent of two units as it is (default: {DEFAULT_REDUCER})",
    )
    parser.add_argument(
        "--layer",
        nargs="+",
        choices=STILL_LAYERS,
        default=["latent"],
        help="latent; fc2, the decoder's first layer at the kept checkpoints; or, of one snapshot, pixels: the images "
        "themselves (default: latent)",
    )
    parser.add_argument(
        "--examples", type=count, default=4, metavar="N", help="pictures beside the plot, 0 to 6 (default: 4)"
    )
    add_rows(parser)
    parser.add_argument(
        "--seed",
        type=count,
        metavar="N",
        help="seed of the projection, the random codes and the clusters (default: the run's)",
    )
    parser.add_argument(
        "--out",
        type=Path,
        metavar="FOLDER",
        help="where to write (default: RUN/visualize/REDUCER-FIT, or snapshot-STEP-REDUCER); several movies per "
        "column, and several layers, go to folders in it",
    )
    parser.set_defaults(movie_flags=())
    add_figure_flags(parser, default="mp4 and png", action=_Formats)
    _add_movie_flags(parser)
    _add_still_flags(parser)
    add_device(parser)


def _add_movie_flags(parser: argparse.ArgumentParser) -> None:
    movies = parser.add_argument_group("movies")
    movies.add_argument(
        "--fit",
        nargs="+",
        action=_ForMovies,
        metavar="WHAT",
        help="what the projection is fitted to: joint, all snapshots laid out together, so that a point moves as its "
        "code does; the last or first snapshot; every one separately; pooled; aligned; every+procrustes; parametric; "
        "or the "
        "path of a snapshot of any run; all-fits is last, first and every. Several make movies each (default: joint "
        "for umap, last for the others)",
    )
    movies.add_argument(
        "--stop-index", type=positive_int, action=_ForMovies, metavar="N", help="use the first N snapshots only"
    )
    for setting in settings_of(MovieOptions):
        action = _SwitchForMovies if setting.values == "switch" else _ForMovies
        add_setting(movies, setting, action=action, default=setting.default)
    movies.add_argument(
        "--score",
        nargs="+",
        metavar="METHOD",
        help="instead of movies, make a table of how stable and how faithful ways to project are, on the same "
        "snapshots; all, or methods such as umap-joint pca-last",
    )
    movies.add_argument(
        "--movies", action=_SwitchForMovies, default=True, help="draw movies; --no-movies for numbers and exports only"
    )
    movies.add_argument(
        "--export",
        nargs="+",
        choices=EVOLUTION_FILES,
        action=_ForMovies,
        default=[],
        metavar="FORMAT",
        help="also write embeddings, codes and metadata of all snapshots to the folder export: npz; parquet, a table "
        "with a row per image and snapshot; projector, a folder for TensorBoard's Embedding Projector",
    )


def _add_still_flags(parser: argparse.ArgumentParser) -> None:
    stills = parser.add_argument_group("stills of one snapshot")
    stills.add_argument(
        "--snapshot", type=_snapshot, metavar="WHICH", help="last, first or the number of a step: stills, no movies"
    )
    stills.add_argument(
        "--show",
        nargs="+",
        choices=STILLS,
        metavar="WHAT",
        help="scatter: a plot per column; units: what each latent unit does to the picture; generated: images from "
        "random codes; clusters: k-means against labels (default: all that the run can show)",
    )
    stills.add_argument(
        "--clusters", type=positive_int, metavar="K", help="clusters (default: as many as classes, or 10)"
    )
    stills.add_argument(
        "--labels", metavar="COLUMN", help="classes to compare clusters with (default: the first such column)"
    )
    stills.add_argument(
        "--traverse",
        nargs="+",
        metavar="COLUMN|UNIT",
        help="instead, move codes to other values of a column, or of a unit by its number, and decode them: a picture "
        "and a movie each (write unit:3 or column:3 if both exist); at the last snapshot unless --snapshot names "
        "another; --format, --fps, --seconds and --examples (1 to 6 images to start from) apply",
    )


def _snapshot(text: str) -> str:
    if text in ("last", "first") or re.fullmatch("[0-9]{1,18}", text):
        return text
    raise argparse.ArgumentTypeError(f"{shortened(text)!r} is not last, first or the number of a step")


def movie_options(args: argparse.Namespace) -> MovieOptions:
    """How movies are to be drawn."""
    given = {item.name: getattr(args, item.name) for item in dataclasses.fields(MovieOptions)}
    return MovieOptions(**{**given, "rows": args.rows or "all", "format": movie_format(args)})


def check_flags(args: argparse.Namespace) -> None:
    """Refuse flags of movies with those of stills, and of both with traversals."""
    if args.score is not None:
        given = [flag for flag in args.movie_flags if flag != "--stop-index"]
        given += _given(args, NOT_FOR_SCORES)
        given += ["--layer pixels"] if "pixels" in args.layer else []
        given += ["--reduce"] if args.reduce != DEFAULT_REDUCER else []
        _refuse(given, "cannot be used with --score", "cannot be used with --score", "or leave out --score")
        return
    if args.traverse is not None:
        given = [flag for flag in args.movie_flags if flag not in TRAVERSAL_FLAGS]
        given += _given(args, (*STILL_FLAGS, "color_by", "rows"))
        given += ["--layer"] if args.layer != ["latent"] else []
        given += ["--reduce"] if args.reduce != DEFAULT_REDUCER else []
        _refuse(given, "cannot be used with --traverse", "cannot be used with --traverse", "or leave out --traverse")
        return
    if args.snapshot is not None:
        _refuse(
            args.movie_flags,
            "only applies to movies",
            "only apply to movies",
            "or leave out --snapshot, which makes stills",
        )
        return
    given = [f"--format {name}" for name in args.format or () if name not in (*MOVIE_FORMATS, "png")]
    given += _given(args, (*STILL_FLAGS, "dpi"))
    if "pixels" in args.layer:
        given.append("--layer pixels")
    _refuse(given, "only applies to one snapshot", "only apply to one snapshot", "or add --snapshot last")


def _given(args: argparse.Namespace, names_of_flags: Sequence[str]) -> list[str]:
    """Those of some flags without a default that were given."""
    return [f"--{name.replace('_', '-')}" for name in names_of_flags if getattr(args, name) is not None]


def _refuse(flags: Sequence[str], one: str, several: str, otherwise: str) -> None:
    flags = list(dict.fromkeys(flags))
    if flags:
        does, it = (one, "it") if len(flags) == 1 else (several, "them")
        raise UserError(f"{', '.join(flags)} {does}: leave {it} out, {otherwise}")
