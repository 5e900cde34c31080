"""Test a run: the numbers as JSON, and pictures and movies that show what they mean."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from autoencoder.array_types import Rows
from autoencoder.config.movies import AS_PNG, FigureOptions
from autoencoder.data.timescales import slowest, timeline_of, timescales
from autoencoder.evaluation.evaluate import Evaluation
from autoencoder.machine.files import check_writable, write_json
from autoencoder.machine.progress import Progress
from autoencoder.measures.timeline import Timeline, away_from
from autoencoder.neighbors.far_apart import far_apart
from autoencoder.objectives.base import make_objective
from autoencoder.plots.curves import loss_curves
from autoencoder.plots.figures import Files, save_figures
from autoencoder.plots.images import to_picture
from autoencoder.plots.movies.writer import MovieWriter
from autoencoder.runs.folder import Run
from autoencoder.seeding import draw_rows

MOVIE_FPS = 8.0

EXAMPLES_FROM = 4000
"""Images, at most, that examples are chosen from."""


def report(
    evaluation: Evaluation,
    out: Path,
    *,
    examples: int = 8,
    movies: bool = True,
    movie_frames: int = 120,
    movie_format: str = "mp4",
    figures: FigureOptions = AS_PNG,
    quiet: bool = True,
) -> Files:
    """Write what a test found.

    Args:
        evaluation: from `autoencoder.evaluate`.
        out: folder.
        examples: columns of the grids.
        movies: also write the movies `input`, `output` and `side_by_side`.
        movie_frames: images in a movie, consecutive ones where the tested images are.
        movie_format: `mp4` or `gif`.
        figures: formats and resolution of the figures.
        quiet: show no progress.

    Returns:
        the files: `metrics.json`, `grid.png` (images that differ from each other), `best.png`, `worst.png` (by the
        output's error, of different moments), `loss.png`, and the figures and movies that the objective has, such as
        `side_by_side`; figures in other formats than PNG where `figures` says so.

    Raises:
        UserError: `out` cannot be written to, or the run's metrics are damaged.
    """
    check_writable(out)
    losses = _loss_curves(evaluation.trained.run)  # what cannot be read is refused before anything is written
    made = Files([_write_numbers(evaluation, out)])
    n = min(examples, len(evaluation.rows))
    metadata = evaluation.data.metadata
    timeline = timeline_of(metadata, len(evaluation.data))
    gap = slowest(timescales(metadata, timeline))
    by_error = evaluation.rows[np.argsort(evaluation.result.errors, kind="stable")]
    chosen = {
        "grid": (evaluation.images_name, _that_differ(evaluation, n)),
        "best": ("lowest error", _of_other_moments(timeline, gap, by_error, n)),
        "worst": ("highest error", _of_other_moments(timeline, gap, by_error[::-1], n)),
    }
    for name, (title, rows) in chosen.items():
        shown = evaluation.predict(rows)
        figure = evaluation.result.draw_examples(shown, to_picture(shown.seen), title)
        made += save_figures(figure, out / name, figures)
    for name, figure in evaluation.result.draw_summary().items():
        made += save_figures(figure, out / name, figures)
    if losses is not None:
        made += save_figures(losses, out / "loss", figures)
    if movies:
        made += _write_movies(evaluation, out, movie_frames, movie_format, quiet)
    return made


def _that_differ(evaluation: Evaluation, n: int) -> Rows:
    """Images that differ from each other: far apart among the codes."""
    seed = evaluation.trained.config.data.split_seed
    rows = draw_rows(evaluation.rows, EXAMPLES_FROM, seed, "test examples")
    return np.sort(rows[far_apart(evaluation.codes(rows), n, seed)])


def _of_other_moments(timeline: Timeline, gap: float, ordered: Rows, n: int) -> Rows:
    """The first `n` of some images, without those that show the same moment as one before them.

    A moment lasts `gap` frames, as long as the slowest column stays the same; where others are too few, it is repeated.
    """
    chosen: list[int] = []
    for row in ordered.tolist():
        if len(chosen) == n:
            break
        if not chosen or len(away_from(timeline, np.array([row]), np.array(chosen), gap)):
            chosen.append(row)
    repeated = [row for row in ordered.tolist() if row not in set(chosen)]
    return np.array([*chosen, *repeated[: n - len(chosen)]], np.int64)


def _write_numbers(evaluation: Evaluation, out: Path) -> Path:
    write_json(out / "metrics.json", evaluation.summary())
    return out / "metrics.json"


def _loss_curves(run: Run) -> Figure | None:
    """None before the first epoch has ended, and where no loss was finite."""
    rows = run.metrics()
    names = ("epoch", "train_loss", "val_loss", "lr")
    curves = {name: np.array([np.nan if row[name] is None else row[name] for row in rows], float) for name in names}
    if not (np.isfinite(curves["train_loss"]).any() or np.isfinite(curves["val_loss"]).any()):
        return None
    return loss_curves(curves, f"loss ({make_objective(run.config().objective).loss_name})")


def _write_movies(evaluation: Evaluation, out: Path, n_frames: int, suffix: str, quiet: bool) -> list[Path]:
    rows = evaluation.rows[:n_frames]
    shown = evaluation.predict(rows)
    made = []
    for name, frames in evaluation.result.movies(shown, to_picture(shown.seen)).items():
        path = out / f"{name}.{suffix}"
        with (
            Progress(f"Writing {path.name}", len(rows), "frames", quiet=quiet) as progress,
            MovieWriter(path, MOVIE_FPS) as movie,
        ):
            for frame in frames():
                movie.append(frame)
                progress.advance()
        made.append(path)
    return made
