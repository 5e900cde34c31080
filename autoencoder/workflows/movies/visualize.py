"""Movies of a representation taking shape: one per metadata column, with its last frame as a picture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from autoencoder.errors import problems_of, raise_if_any
from autoencoder.machine.files import check_writable, write_arrays, write_json
from autoencoder.machine.progress import Progress, Say
from autoencoder.plots.movies.marked_curves import Curve
from autoencoder.projections.evolution import Evolution, embed_track, track_run
from autoencoder.projections.fits import methods
from autoencoder.projections.names import output_name
from autoencoder.projections.scores import Scores
from autoencoder.runs.data import load_run_data, with_metadata
from autoencoder.runs.folder import Run
from autoencoder.workflows.exports.export import export, export_problems
from autoencoder.workflows.movies.draw import MovieOptions, draw_movies, movie_problems
from autoencoder.workflows.movies.score import brief


def visualize(
    run: str | Path,
    *,
    reducer: str = "umap",
    fit: str | None = None,
    layer: str = "latent",
    color_by: Sequence[str] | None = None,
    metadata: Path | None = None,
    columns: Sequence[str] | None = None,
    stop_index: int | None = None,
    examples: int = 4,
    trails: int = MovieOptions.trails,
    curves: bool = True,
    reconstructions: bool | None = None,
    side_by_side: bool = False,
    movie_format: str = "mp4",
    fps: float = 12.0,
    seconds: float | None = None,
    save_frames: bool = False,
    movies: bool = True,
    exports: Sequence[str] = (),
    seed: int | None = None,
    out: Path | None = None,
    device: str = "auto",
    quiet: bool = True,
    say: Say = lambda text: None,
) -> list[Path]:
    """Project a run's snapshots, score the projection, and draw their evolution.

    Args:
        run: a run folder, finished or in training.
        reducer, fit, layer, stop_index, seed, device: see `track_run` and `embed_track` in
            `autoencoder.projections.evolution`.
        color_by: columns, a movie each or `side_by_side`; None for all columns of the metadata.
        metadata: file of other metadata than the run's, to colour by.
        columns: names of its columns, where it is an `.npy`.
        examples, trails, curves, reconstructions, side_by_side, movie_format, fps, seconds, save_frames: see
            `autoencoder.workflows.movies.draw.MovieOptions`.
        movies: draw them; False for the numbers, and what is exported, only.
        exports: formats that embeddings, codes and metadata are written in; see `autoencoder.workflows.exports.export`.
        out: folder; None for `RUN/visualize/REDUCER-FIT[-LAYER]`.
        quiet: show no progress.
        say: is told the scores.

    Returns:
        the files: `embedding.npz` (embeddings (T, n, 2), steps, epochs, rows), `scores.json` (see
        `autoencoder.projections.scores`), what was exported, and those of
        `autoencoder.workflows.movies.draw.draw_movies`. `visualize.json` beside them says what was drawn.

    Raises:
        UserError: as `track_run` and `embed_track` do, a column is not there, it cannot be drawn as `options` say,
            or `out` cannot be written to.
    """
    ((reducer, fit),) = methods([reducer], None if fit is None else [fit])
    folder = Run(run)
    options = MovieOptions(
        examples, trails, curves, reconstructions, side_by_side, movie_format, fps, seconds, save_frames
    )
    images = load_run_data(folder, with_metadata(folder.config(), metadata, columns))
    colored = list(color_by) if color_by is not None else list(images.metadata.names)
    problems = movie_problems(folder, colored, options) if movies else []
    problems += export_problems(exports, layer)
    if out is None:
        out = folder.output_folder("visualize", output_name(reducer, fit, layer))
    problems += problems_of(check_writable, out)
    for name in colored:
        problems += problems_of(images.metadata.column, name)
    raise_if_any(problems)

    track = track_run(run, layer=layer, images=images, stop_index=stop_index, seed=seed, device=device)
    with Progress(f"Projecting by {reducer}", len(track.steps), "snapshots", quiet=quiet) as progress:
        evolution = embed_track(track, reducer, fit, progress.advance)
    embedding = _write_embedding(evolution, out)
    scores = evolution.score()
    write_json(
        out / "scores.json", {"steps": evolution.steps, "epochs": evolution.epochs, "methods": [scores.numbers()]}
    )
    say(brief(scores))
    made = [embedding, out / "scores.json", *export(evolution, folder.path, exports, out, quiet=quiet)]
    if movies:
        kept = _score_curves(evolution, scores)
        made += draw_movies(folder, evolution, colored, out, options, curves=kept, device=device, quiet=quiet)
    return made


def _score_curves(evolution: Evolution, scores: Scores) -> list[Curve]:
    """Each frame's share of neighbours kept; none where no frame has any."""
    found = scores.faithfulness
    if not np.isfinite(found.preservation).any():
        return []
    return [Curve("neighbours kept", evolution.epochs, found.preservation, f"kept of {found.k} neighbours")]


def _write_embedding(evolution: Evolution, out: Path) -> Path:
    write_arrays(
        out / "embedding.npz",
        {
            "embeddings": evolution.embeddings,
            "steps": evolution.steps,
            "epochs": evolution.epochs,
            "rows": evolution.rows,
        },
    )
    write_json(
        out / "visualize.json",
        {
            "reducer": evolution.reducer,
            "fit": evolution.fit,
            "layer": evolution.layer,
            "n_points": evolution.embeddings.shape[1],
            "steps": evolution.steps,
            "epochs": evolution.epochs,
        },
    )
    return out / "embedding.npz"
