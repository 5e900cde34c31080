"""Movies of a representation taking shape: one per metadata column, with its last frame as a picture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from autoencoder.config import MovieOptions
from autoencoder.config.arguments import names_of
from autoencoder.errors import problems_of, raise_if_any
from autoencoder.machine.files import check_writable, write_arrays, write_json
from autoencoder.machine.progress import SILENT, Progress, Say
from autoencoder.plots.figures import Files
from autoencoder.plots.movies.marked_curves import Curve
from autoencoder.projections.evolution import Evolution, embed_track, track_run
from autoencoder.projections.fits import methods
from autoencoder.projections.names import output_name
from autoencoder.projections.scores import Scores
from autoencoder.registries import REDUCERS
from autoencoder.runs.opened import RunLike, open_run
from autoencoder.workflows.evolution_files.write import evolution_file_problems, write_evolution
from autoencoder.workflows.movies.draw import draw_movies, movie_problems
from autoencoder.workflows.movies.score import brief


def visualize(
    run: RunLike,
    *,
    reducer: str = "umap",
    fit: str | None = None,
    layer: str = "latent",
    color_by: Sequence[str] | None = None,
    stop_index: int | None = None,
    movie: MovieOptions | None = MovieOptions(),
    exports: Sequence[str] = (),
    seed: int | None = None,
    out: str | Path | None = None,
    device: str = "auto",
    quiet: bool = True,
    say: Say = SILENT,
) -> Files:
    """Project a run's snapshots, score the projection, and draw their evolution.

    Args:
        run: a run folder, finished or in training; or what `open_run` gave, which also takes other metadata to colour
            by.
        reducer: `umap`, `pca`, `tsne`, or `none` for a layer of two units.
        fit: how the projection is fitted to training: `joint`, `last`, `first`, `every`, `pooled`, `aligned`,
            `every+procrustes`, `parametric`, or the path of a snapshot (`.npy`) of this or another run; None for the
            reducer's default, `joint` for UMAP and `last` for the others.
        layer: `latent`, or `fc2`, the decoder's first layer.
        stop_index: use only so many snapshots, from the first one.
        color_by: columns, a movie each or side by side; None for all columns of the metadata.
        movie: how movies are drawn; None for the numbers, and what is exported, only.
        exports: formats that embeddings, codes and metadata are written in: `npz`, `parquet`, `projector`.
        seed: of what is drawn at random; None for the run's.
        out: folder; None for `RUN/visualize/REDUCER-FIT[-LAYER]`.
        device: where `fc2` and reconstructions are computed.
        quiet: show no progress.
        say: is told the scores.

    Returns:
        the files: `embedding.npz` (embeddings (T, n, 2), steps, epochs, rows), `scores.json` (how stable and faithful
        the projection is), what was exported, and of each movie `COLUMN.mp4`, its last frame `COLUMN.png`, and the
        folder of frames if these are kept. `visualize.json` beside them says what was drawn.

    Raises:
        UserError: the run has no snapshots, a file of it is damaged, its codes cannot be projected in this way, a
            column is not there, it cannot be drawn in the way of `movie`, or `out` cannot be written to.
    """
    ((reducer, fit),) = methods([reducer], None if fit is None else [fit])
    opened = open_run(run)
    metadata = opened.images.metadata
    colored = names_of(color_by) if color_by is not None else list(metadata.names)
    problems = movie_problems(opened, colored, movie) if movie is not None else []
    exports = names_of(exports)
    problems += evolution_file_problems(exports, layer)
    out = opened.output_folder("visualize", output_name(reducer, fit, layer)) if out is None else Path(out)
    problems += problems_of(check_writable, out)
    for name in colored:
        problems += problems_of(metadata.column, name)
    raise_if_any(problems)

    track = track_run(opened, layer=layer, stop_index=stop_index, seed=seed, device=device)
    with Progress(f"Projecting by {REDUCERS[reducer].title}", len(track.steps), "snapshots", quiet=quiet) as progress:
        evolution = embed_track(track, reducer, fit, progress.advance)
    embedding = _write_embedding(evolution, out)
    scores = evolution.score()
    write_json(
        out / "scores.json", {"steps": evolution.steps, "epochs": evolution.epochs, "methods": [scores.numbers()]}
    )
    say(brief(scores))
    made = Files([embedding, out / "scores.json", *write_evolution(evolution, exports, out, quiet=quiet)])
    if movie is not None:
        kept = _score_curves(evolution, scores)
        made += draw_movies(evolution, colored, out, movie, curves=kept, device=device, quiet=quiet)
    return made


def _score_curves(evolution: Evolution, scores: Scores) -> list[Curve]:
    """Each frame's share of neighbours kept; none where no frame has any."""
    found = scores.faithfulness
    if not np.isfinite(found.preservation).any():
        return []
    return [Curve(f"share kept of {found.k} neighbours", evolution.epochs, found.preservation)]


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
