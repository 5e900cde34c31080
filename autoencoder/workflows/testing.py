"""Test a run: the numbers as JSON, and pictures and movies that show what they mean."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from autoencoder.array_types import Rows
from autoencoder.config import NoiseConfig
from autoencoder.config.arguments import IMAGES, AnyPath, path_of
from autoencoder.config.movies import AS_PNG, FigureOptions
from autoencoder.data.images import ImageSet
from autoencoder.data.timescales import slowest, timeline_of, timescales
from autoencoder.evaluation.evaluate import Evaluation, evaluate
from autoencoder.machine.files import check_writable, write_json
from autoencoder.machine.progress import Progress
from autoencoder.measures.timeline import Timeline, away_from
from autoencoder.neighbors.far_apart import far_apart
from autoencoder.plots.figures import Files, Found, save_figures
from autoencoder.plots.images import to_picture
from autoencoder.plots.movies.writer import MovieWriter
from autoencoder.runs.opened import RunLike, open_run
from autoencoder.runs.shown import loss_figure
from autoencoder.seeding import draw_rows

MOVIE_FPS = 8.0

EXAMPLES_FROM = 4000
"""Images, at most, that examples are chosen from."""


def test(
    run: RunLike,
    *,
    data: AnyPath | ImageSet | None = None,
    metadata: AnyPath | None = None,
    columns: Sequence[str] | None = None,
    column_kinds: Sequence[str] | None = None,
    checkpoint: str = "last",
    noise: NoiseConfig | str | None = None,
    limit: int | None = None,
    examples: int = 8,
    movies: bool = True,
    movie_frames: int = 120,
    movie_format: str = "mp4",
    figures: FigureOptions = AS_PNG,
    out: str | Path | None = None,
    device: str = "auto",
    quiet: bool = True,
) -> Found[Evaluation]:
    """Measure how well a run meets its objective, beside its controls, and write what came out.

    Args:
        run, data, metadata, columns, column_kinds, checkpoint, noise, limit, device: as in `evaluate`.
        examples: columns of the grids.
        movies: also write the movies `input`, `output` and `side_by_side`.
        movie_frames: images in a movie, consecutive ones where the tested images are.
        movie_format: `mp4` or `gif`.
        figures: formats and resolution of the figures.
        out: folder; None for `RUN/test`, or `RUN/test/NAME` for other data.
        quiet: show no progress.

    Returns:
        what was found, and the files: `metrics.json`, the figures `grid` (images that differ from each other), `best`,
        `worst` (by the output's error, of different moments) and `loss`, and the figures and movies that the objective
        has.

    Raises:
        UserError: the run, the checkpoint or the data cannot be used, or `out` cannot be written to.
    """
    opened = open_run(run)
    opened.config()  # what is not a run is refused as that, not as a folder that cannot be written to
    usual = opened.output_folder("test", *([] if data is None else [_name_of(data)]))
    out = usual if out is None else Path(out)
    check_writable(out)
    evaluation = evaluate(
        opened,
        data=data,
        metadata=metadata,
        columns=columns,
        column_kinds=column_kinds,
        checkpoint=checkpoint,
        noise=noise,
        limit=limit,
        device=device,
        quiet=quiet,
    )
    files = report(
        evaluation,
        out,
        examples=examples,
        movies=movies,
        movie_frames=movie_frames,
        movie_format=movie_format,
        figures=figures,
        quiet=quiet,
    )
    return Found(evaluation, files)


def _name_of(data: AnyPath | ImageSet) -> str:
    """What the folder of a test on other data is called."""
    if isinstance(data, ImageSet):
        return "images" if data.source is None else data.source.stem
    return path_of(data, IMAGES).stem


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
    losses = loss_figure(evaluation.trained.run)  # what cannot be read is refused before anything is written
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
