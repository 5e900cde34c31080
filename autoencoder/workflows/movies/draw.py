"""Movies of an evolution: one per metadata column, or one of several side by side, with its last frame as a picture."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from autoencoder.array_types import Rows
from autoencoder.config import MovieOptions
from autoencoder.errors import UserError
from autoencoder.latent.layers import LAYER_NAMES
from autoencoder.latent.outputs import kept_outputs, why_no_outputs
from autoencoder.machine.file_names import LONGEST_STEM, beginning, file_stems
from autoencoder.machine.files import replacing
from autoencoder.machine.progress import Progress
from autoencoder.objectives.base import make_objective
from autoencoder.plots.images import to_picture
from autoencoder.plots.movies.figure import EvolutionFigure
from autoencoder.plots.movies.frames import MAX_EXAMPLES, Examples, choose_examples, frame_schedule, robust_limits
from autoencoder.plots.movies.layout import MAX_PANELS
from autoencoder.plots.movies.marked_curves import Curve
from autoencoder.plots.movies.panels import Shown
from autoencoder.plots.movies.tiles import Outputs
from autoencoder.plots.movies.writer import MovieWriter
from autoencoder.projections.evolution import Evolution
from autoencoder.projections.names import axes_names
from autoencoder.projections.rings import ring_note
from autoencoder.runs.opened import OpenedRun
from autoencoder.workflows.columns import NO_COLUMN, column_values, readable
from autoencoder.workflows.held_out import held_out_among, places_shown
from autoencoder.workflows.losses import losses


def movie_problems(run: OpenedRun, columns: Sequence[str], options: MovieOptions) -> list[str]:
    """What stands in the way of `draw_movies`, in words for the user; before anything is computed."""
    problems = []
    if not 0 <= options.examples <= MAX_EXAMPLES:
        problems.append(f"up to {MAX_EXAMPLES} examples fit beside the plot, not {options.examples}")
    if options.trails < 0:
        problems.append(f"a trail goes through 0 or more snapshots, not {options.trails}")
    try:
        MovieWriter(Path(f"movie.{options.format}"), options.fps)
    except UserError as error:
        problems += error.problems
    if options.side_by_side and len(columns) > MAX_PANELS:
        problems.append(
            f"up to {MAX_PANELS} columns fit side by side, not {len(columns)}: choose some of {', '.join(columns)} by "
            "--color-by"
        )
    if options.reconstructions:
        why = why_no_outputs(run)
        if why is not None:
            problems.append(f"{why}: leave --reconstructions out")
        elif options.examples == 0:
            problems.append("--reconstructions stand below examples: give --examples 1 or more")
    return problems


def draw_movies(
    evolution: Evolution,
    columns: Sequence[str],
    out: Path,
    options: MovieOptions = MovieOptions(),
    *,
    curves: Sequence[Curve] = (),
    device: str = "auto",
    quiet: bool = True,
) -> list[Path]:
    """Draw an evolution.

    Args:
        evolution: of `autoencoder.projections.evolution.embed_track`; the losses and checkpoints of its run are shown
            beside the points.
        columns: what points are coloured by; none for their place in the data file.
        out: folder.
        options: how.
        curves: drawn below the points, beside the losses; on axes of one name, since two fit.
        device: where reconstructions are computed.
        quiet: show no progress.

    Returns:
        the files: of each movie `COLUMN.mp4`, its last frame `COLUMN.png`, and the folder of frames. Columns side by
        side give `A+B.mp4`.

    Raises:
        UserError: see `movie_problems`; or a file of the run is damaged.
    """
    run = evolution.track.run
    places = places_shown(run, evolution.rows, options.rows)
    evolution = evolution.take(places)
    below = [*losses(run), *curves] if options.curves else []
    chosen = choose_examples(evolution.embeddings[-1], options.examples)
    rows = evolution.rows[chosen]
    examples = Examples(chosen, to_picture(evolution.images.scaled(rows))) if len(chosen) else None
    outputs = None
    if examples is not None and options.reconstructions is not False and why_no_outputs(run) is None:
        outputs = _outputs(run, rows, device)
    shown = list(columns) or [NO_COLUMN]
    stems = file_stems(evolution.images.metadata.names) | ({} if columns else {NO_COLUMN: NO_COLUMN})
    ring = ring_note(
        evolution.track.series[len(evolution.steps) - 1][places], evolution.embeddings[-1], evolution.track.seed
    )
    space = LAYER_NAMES[evolution.layer] + ("" if ring is None else f", {ring},")
    made = []
    for names in [shown] if options.side_by_side else [[name] for name in shown]:
        figure = EvolutionFigure(
            robust_limits(evolution.embeddings),
            [_shown(evolution, name) for name in names],
            space=space,
            axes_names=axes_names(evolution.reducer),
            examples=examples,
            outputs=outputs,
            curves=below,
            last_epoch=float(evolution.epochs[-1]),
        )
        made += _write(figure, evolution, chosen, out, movie_stem([stems[name] for name in names]), options, quiet)
    return made


def movie_stem(stems: Sequence[str]) -> str:
    """Name of a movie without its suffix: that of its column, or of several joined by `+`.

    Where that is long, each is shortened and a few digits keep movies of other columns apart.
    """
    joined = "+".join(stems)
    if len(stems) == 1 or len(joined.encode()) <= LONGEST_STEM:
        return joined
    digits = hashlib.sha256(joined.encode()).hexdigest()[:6]
    room = (LONGEST_STEM - len(digits)) // len(stems) - 1
    return "+".join([*(beginning(stem, room) for stem in stems), digits])


def _outputs(run: OpenedRun, rows: Rows, device: str) -> Outputs:
    kept = kept_outputs(run, rows, device)
    pictures = np.stack([to_picture(moment) for moment in kept.pictures])
    made = make_objective(run.config().objective).pictures
    assert made is not None, "asked by `why_no_outputs`"
    return Outputs(kept.steps, kept.epochs, pictures, made.one, made.like == "images")


def _shown(evolution: Evolution, name: str) -> Shown:
    values, kind, period = column_values(evolution.images.metadata, name, evolution.rows)
    held_out = held_out_among(evolution.track.run, evolution.rows)
    return Shown(values, kind.value, readable(name), period, held_out)


def _write(
    figure: EvolutionFigure,
    evolution: Evolution,
    chosen: NDArray[np.int64],
    out: Path,
    stem: str,
    options: MovieOptions,
    quiet: bool,
) -> list[Path]:
    """The movie, its last frame as a picture and, with `save_frames`, all frames."""
    movie_path, picture_path = out / f"{stem}.{options.format}", out / f"{stem}.png"
    frames_path = out / f"{stem}_frames"
    for earlier in frames_path.glob("frame_*.png") if options.save_frames else ():
        earlier.unlink()  # a shorter movie must not end with a longer one's frames
    schedule = _schedule(len(evolution.steps), options)
    shown, frame = -1, np.empty(0, np.uint8)
    with (
        Progress(f"Drawing {movie_path.name}", len(schedule), "frames", quiet=quiet) as progress,
        MovieWriter(movie_path, options.fps) as movie,
    ):
        for number, moment in enumerate(schedule):
            if moment != shown:
                shown, frame = moment, _draw(figure, evolution, chosen, moment, options.trails)
            movie.append(frame)
            if options.save_frames:
                _write_png(frame, frames_path / f"frame_{number:05d}.png")
            progress.advance()
    _write_png(frame, picture_path)
    return [movie_path, picture_path, *([frames_path] if options.save_frames else [])]


def _schedule(n_snapshots: int, options: MovieOptions) -> list[int]:
    seconds = n_snapshots / options.fps + 2.0 if options.seconds is None else options.seconds
    return frame_schedule(n_snapshots, options.fps, seconds)


def _draw(
    figure: EvolutionFigure, evolution: Evolution, chosen: NDArray[np.int64], moment: int, n_trail: int
) -> NDArray[np.uint8]:
    """The frame of one snapshot. A trail goes through the snapshots before it, whether or not a frame shows them."""
    return figure.draw(
        evolution.embeddings[moment],
        float(evolution.epochs[moment]),
        int(evolution.steps[moment]),
        evolution.embeddings[max(0, moment - n_trail) : moment + 1, chosen],
    )


def _write_png(frame: NDArray[np.uint8], path: Path) -> None:
    with replacing(path) as temporary:
        Image.fromarray(frame).save(temporary)
