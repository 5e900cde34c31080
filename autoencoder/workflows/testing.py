"""Test a run: the numbers as JSON, and pictures and movies that show what they mean."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from matplotlib.figure import Figure
from numpy.typing import NDArray

from autoencoder.data.batches import Rows
from autoencoder.evaluation import INPUT_ITSELF, Evaluation
from autoencoder.files import replacing, write_json
from autoencoder.metrics import mse, psnr
from autoencoder.plots.curves import loss_curves
from autoencoder.plots.images import image_grid, side_by_side
from autoencoder.plots.movies import MovieWriter
from autoencoder.progress import Progress
from autoencoder.runs import Run
from autoencoder.seeding import numpy_stream

DPI = 100
MOVIE_FPS = 8.0


def report(
    evaluation: Evaluation,
    out: Path,
    *,
    examples: int = 8,
    movies: bool = True,
    movie_frames: int = 120,
    movie_format: str = "mp4",
    quiet: bool = True,
) -> list[Path]:
    """Write what a test found.

    Args:
        evaluation: from `autoencoder.evaluate`.
        out: folder.
        examples: columns of the grids.
        movies: also write the movies `input`, `output` and `side_by_side`.
        movie_frames: images in a movie, consecutive ones where the tested images are.
        movie_format: `mp4` or `gif`.
        quiet: show no progress.

    Returns:
        the files: `metrics.json`, `grid.png` (images drawn by the run's seed), `best.png`, `worst.png` (by the output's
        error), `loss.png`, and the movies.
    """
    made = [_write_numbers(evaluation, out)]
    n = min(examples, len(evaluation.rows))
    by_error = evaluation.rows[np.argsort(evaluation.output_mse, kind="stable")]
    stream = numpy_stream(evaluation.trained.config.training.seed, "test examples")
    chosen = {
        "grid": (evaluation.images_name, np.sort(stream.choice(evaluation.rows, n, replace=False))),
        "best": ("lowest error", by_error[:n]),
        "worst": ("highest error", by_error[::-1][:n]),
    }
    for name, (title, rows) in chosen.items():
        made.append(_save(_grid(evaluation, rows, title), out / f"{name}.png"))
    made += _write_loss_curves(evaluation.trained.run, out)
    if movies:
        made += _write_movies(evaluation, out, movie_frames, movie_format, quiet)
    return made


def _write_numbers(evaluation: Evaluation, out: Path) -> Path:
    write_json(out / "metrics.json", evaluation.summary())
    return out / "metrics.json"


def _grid(evaluation: Evaluation, rows: Rows, title: str) -> Figure:
    shown = evaluation.predict(rows)
    decibels = psnr(mse(torch.from_numpy(shown.output), torch.from_numpy(shown.reference)))
    captions = [f"PSNR {value:.1f} dB" for value in decibels.tolist()]
    lines: list[tuple[str, NDArray[np.floating]]] = [
        ("input", to_picture(shown.seen)),
        ("latent code", shown.latent),
        ("output", to_picture(shown.output)),
    ]
    if evaluation.reference != INPUT_ITSELF:
        lines.append(("clean", to_picture(shown.reference)))
    return image_grid(lines, captions, title)


def _write_loss_curves(run: Run, out: Path) -> list[Path]:
    rows = run.metrics()
    if not rows:
        return []
    names = ("epoch", "train_loss", "val_loss", "lr")
    curves = {name: np.array([np.nan if row[name] is None else row[name] for row in rows], float) for name in names}
    loss = run.config().objective.loss.upper()
    return [_save(loss_curves(curves, f"loss ({loss})"), out / "loss.png")]


def _write_movies(evaluation: Evaluation, out: Path, n_frames: int, suffix: str, quiet: bool) -> list[Path]:
    rows = evaluation.rows[:n_frames]
    shown = evaluation.predict(rows)
    clean = None if evaluation.reference == INPUT_ITSELF else to_picture(shown.reference)
    seen, output = to_picture(shown.seen), to_picture(shown.output)
    frames: dict[str, Callable[[], Iterator[NDArray[np.uint8]]]] = {
        "input": lambda: _enlarged(seen),
        "output": lambda: _enlarged(output),
        "side_by_side": lambda: side_by_side(seen, output, clean),
    }
    made = []
    for name, make in frames.items():
        path = out / f"{name}.{suffix}"
        with (
            Progress(f"Writing {path.name}", len(rows), "frames", quiet=quiet) as progress,
            MovieWriter(path, MOVIE_FPS) as movie,
        ):
            for frame in make():
                movie.append(frame)
                progress.advance()
        made.append(path)
    return made


MIN_MOVIE_HEIGHT = 200


def _enlarged(images: NDArray[np.floating]) -> Iterator[NDArray[np.uint8]]:
    """Images (n, H, W[, 3]) in [0, 1] as frames, enlarged without smoothing."""
    factor = max(1, -(-MIN_MOVIE_HEIGHT // images.shape[1]))
    for image in images:
        frame = (np.clip(image, 0, 1) * 255 + 0.5).astype(np.uint8)
        yield frame.repeat(factor, axis=0).repeat(factor, axis=1)


def to_picture(images: NDArray[np.floating]) -> NDArray[np.floating]:
    """(n, C, H, W) to what is drawn: (n, H, W), or (n, H, W, 3) for three channels; of other numbers, the mean."""
    if images.shape[1] == 1:
        return images[:, 0]
    if images.shape[1] == 3:
        return images.transpose(0, 2, 3, 1)
    gray: NDArray[np.floating] = images.mean(axis=1)
    return gray


def _save(figure: Figure, path: Path) -> Path:
    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=DPI)
    return path
