"""Traversals: codes of real images are moved to other values of a column, or of a unit, and decoded."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from autoencoder.config import MovieOptions
from autoencoder.config.arguments import names_of
from autoencoder.config.movies import AS_PNG, FigureOptions
from autoencoder.data.metadata import Metadata
from autoencoder.errors import UserError, did_you_mean, problems_of, raise_if_any
from autoencoder.latent.layers import checkpoint_for, describe_moment, find_snapshot, why_no_checkpoint
from autoencoder.latent.quantity import quantity_of
from autoencoder.machine.file_names import file_stems
from autoencoder.machine.files import check_writable, write_json
from autoencoder.machine.progress import SILENT, Progress, Say
from autoencoder.objectives.base import make_objective
from autoencoder.plots.figures import Files, save_figures
from autoencoder.plots.images import to_picture
from autoencoder.plots.movies.writer import MovieWriter
from autoencoder.plots.traversal import TraversalMovie, traversal_strip
from autoencoder.runs.opened import RunLike, open_run
from autoencoder.workflows.traversals.column import COLUMN_PARTS, along_column
from autoencoder.workflows.traversals.ground import Ground
from autoencoder.workflows.traversals.traversal import Pace, Traversal
from autoencoder.workflows.traversals.unit import UNIT_PARTS, along_unit

MAX_STARTS = 6


def traverse(
    run: RunLike,
    along: Sequence[str],
    *,
    snapshot: str | int = "last",
    movie: MovieOptions = MovieOptions(),
    figures: FigureOptions = AS_PNG,
    seed: int | None = None,
    out: str | Path | None = None,
    device: str = "auto",
    quiet: bool = True,
    say: Say = SILENT,
) -> Files:
    """Move codes of held-out images along columns or units, and decode them.

    Args:
        run: a run folder whose objective makes pictures (reconstruct, mask); or what `open_run` gave, which also takes
            other metadata.
        along: columns, or units by their number. Where a column is called as a unit is, it is asked for by
            `column:NAME`, and the unit by `unit:NUMBER`.
        snapshot: `last`, `first`, or the number of a step; one at which a checkpoint was kept.
        movie: its `examples` are the images to start from, 1 to 6; with `format`, `fps` and `seconds`, the length of a
            movie, there and back (None for 8, or 2 per class). The rest is of other movies.
        figures: formats and resolution of the strips of pictures.
        seed: of every draw; None for the run's.
        out: folder; None for `RUN/visualize/snapshot-STEP/traverse`.
        device: where the network computes.
        quiet: show no progress.
        say: called with each line that a user should read.

    Returns:
        for each column or unit, `NAME.png` with a row per start, the movie `NAME.mp4`, and `NAME.json` with how far
        the values that are read from the pictures lie from those asked for, beside controls.

    Raises:
        UserError: the run makes no pictures, there is no such snapshot, checkpoint, column or unit, or it does not
            vary; everything that is wrong, before anything is made.
    """
    opened = open_run(run)
    config = opened.config()
    if not make_objective(config.objective).makes_pictures:
        raise UserError(
            f"{opened.path} was trained for '{config.objective.name}' and makes no pictures of codes: traverse a run "
            "that was trained to reconstruct, or for the mask"
        )
    metadata = opened.images.metadata
    moment = find_snapshot(opened, snapshot)
    checkpoint = checkpoint_for(opened, moment)
    problems = [] if checkpoint is not None else [f"codes cannot be decoded: {why_no_checkpoint(opened, moment)}"]
    if not 1 <= movie.examples <= MAX_STARTS:
        problems.append(f"a traversal starts from 1 to {MAX_STARTS} examples, not {movie.examples}")
    problems += problems_of(MovieWriter, Path(f"movie.{movie.format}"), movie.fps)
    asked: list[str | int] = []
    for name in dict.fromkeys(names_of(along)):
        try:
            asked.append(column_or_unit(name, metadata, config.model.latent_dim))
        except UserError as error:
            problems += error.problems
    training = opened.split().train
    for item in asked:
        problems += problems_of(quantity_of, metadata, item, training) if isinstance(item, str) else []
    usual = opened.output_folder("visualize", f"snapshot-{moment.step}", "traverse")
    out = usual if out is None else Path(out)
    problems += problems_of(check_writable, out)
    raise_if_any(problems)

    trained = opened.network(str(checkpoint), device)
    parts = sum(COLUMN_PARTS if isinstance(item, str) else UNIT_PARTS for item in asked)
    pace = Pace(movie.fps, movie.seconds)
    made: list[Traversal] = []
    with Progress("Moving codes", parts + 1, "parts", quiet=quiet) as progress:
        ground = Ground.of(trained, opened.images, config.training.seed if seed is None else seed)
        progress.advance()
        for item in asked:
            if isinstance(item, str):
                made.append(along_column(ground, item, movie.examples, pace, progress.advance))
            else:
                made.append(along_unit(ground, item, movie.examples, pace, progress.advance))
    header = describe_moment(config, moment)
    common = {"step": moment.step, "epoch": moment.epoch, "checkpoint": checkpoint.name if checkpoint else None}
    # Columns may differ in what a file's name cannot hold, or be called as a unit's files are.
    stems = file_stems(metadata.names, taken=map(_unit_stem, range(config.model.latent_dim)))
    files = Files()
    for item, traversal in zip(asked, made, strict=True):
        say(traversal.summary)
        stem = stems[item] if isinstance(item, str) else _unit_stem(item)
        files += save_figures(_strip(ground, traversal, header), out / stem, figures)
        files.append(_write_movie(ground, traversal, out / f"{stem}.{movie.format}", movie.fps, quiet))
        write_json(out / f"{stem}.json", {**common, **traversal.numbers, "starts": _starts(traversal)})
        files.append(out / f"{stem}.json")
    return files


def _unit_stem(unit: int) -> str:
    return f"unit-{unit}"


def column_or_unit(name: str, metadata: Metadata, latent_dim: int) -> str | int:
    """What `name` asks for: a column's name, or a unit's number.

    Raises:
        UserError: neither is there, or both are.
    """
    match = re.fullmatch(r"(?:unit:)?([0-9]{1,9})", name)
    unit = int(match[1]) if match is not None and int(match[1]) < latent_dim else None
    if unit is not None and name in metadata.names:
        raise UserError(f"'{name}' is both a column and a unit: write column:{name} or unit:{unit}")
    if unit is not None:
        return unit
    for column in (name, name.removeprefix("column:")):
        if column in metadata.names:
            return column
    guess = did_you_mean(name.removeprefix("column:"), metadata.names)
    raise UserError(
        f"there is no column or unit '{name}'{guess}: the columns are {', '.join(metadata.names) or 'none'}, and the "
        f"units 0 to {latent_dim - 1}"
    )


def _pictures(ground: Ground, codes: NDArray[np.float64]) -> NDArray[np.float32]:
    """Codes (m, k, d) to what is drawn, (m, k, H, W) or (m, k, H, W, 3)."""
    drawn = to_picture(ground.decode(codes.reshape(-1, codes.shape[-1])))
    return drawn.reshape(*codes.shape[:2], *drawn.shape[1:])


def _strip(ground: Ground, traversal: Traversal, header: str) -> Figure:
    return traversal_strip(
        to_picture(ground.images.scaled(traversal.rows)),
        _texts(traversal, traversal.values),
        _pictures(ground, traversal.codes),
        _texts(traversal, traversal.targets),
        [_texts(traversal, row) for row in traversal.found],
        title=f"codes moved along {traversal.label}\n{header}",
        note=traversal.note,
        like_starts=ground.sees_its_pictures,
    )


def _write_movie(ground: Ground, traversal: Traversal, path: Path, fps: float, quiet: bool) -> Path:
    """The way to the last value and back, or once round."""
    ends = _texts(traversal, traversal.targets)
    closed = traversal.quantity.is_closed
    ends += ends[:1] * closed
    ticks = list(zip(np.linspace(0, 1, len(ends)).tolist(), ends, strict=True))
    starts = to_picture(ground.images.scaled(traversal.rows))
    figure = TraversalMovie(starts, ticks, traversal.label, like_starts=ground.sees_its_pictures)
    order = list(range(len(traversal.places)))
    order = order[:-1] if closed else order + order[-2:0:-1]
    pictures = _pictures(ground, traversal.path)
    with (
        Progress(f"Drawing {path.name}", len(order), "frames", quiet=quiet) as progress,
        MovieWriter(path, fps) as movie,
    ):
        for moment in order:
            movie.append(figure.frame(pictures[:, moment], float(traversal.places[moment])))
            progress.advance()
    return path


def _starts(traversal: Traversal) -> list[dict[str, Any]]:
    """The images that were shown: their rows, their values, and those read at each target."""
    name = traversal.quantity.plain
    return [
        {"row": row, "value": name(value), "read": [name(found) for found in row_found]}
        for row, value, row_found in zip(
            traversal.rows.tolist(), traversal.values.tolist(), traversal.found.tolist(), strict=True
        )
    ]


def _texts(traversal: Traversal, values: NDArray[np.float64]) -> list[str]:
    return [traversal.quantity.text(value) for value in values.tolist()]
