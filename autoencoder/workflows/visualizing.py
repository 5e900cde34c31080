"""Movies of a representation taking shape: one per metadata column, with its last frame as a picture."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from autoencoder.config import RunConfig
from autoencoder.data.batches import Rows
from autoencoder.data.metadata import ColumnKind, Metadata
from autoencoder.errors import UserError, raise_if_any
from autoencoder.files import replacing, write_arrays, write_json
from autoencoder.latent.evolution import Evolution, embed_run
from autoencoder.plots.evolution import EvolutionFigure, Examples, choose_examples, frame_schedule, robust_limits
from autoencoder.plots.images import to_picture
from autoencoder.plots.movies import MovieWriter
from autoencoder.progress import Progress
from autoencoder.run_data import load_run_data
from autoencoder.runs import Run

MAX_EXAMPLES = 6
NO_COLUMN = "row"
"""What points are coloured by where nothing is known of the images: their place in the data file."""


def visualize(
    run: str | Path,
    *,
    reducer: str = "umap",
    fit: str = "last",
    layer: str = "latent",
    color_by: Sequence[str] | None = None,
    metadata: Path | None = None,
    columns: Sequence[str] | None = None,
    stop_index: int | None = None,
    examples: int = 4,
    movie_format: str = "mp4",
    fps: float = 12.0,
    seconds: float | None = None,
    save_frames: bool = False,
    seed: int | None = None,
    out: Path | None = None,
    device: str = "auto",
    quiet: bool = True,
) -> list[Path]:
    """Project a run's snapshots and draw their evolution.

    Args:
        run: a run folder, finished or in training.
        reducer, fit, layer, stop_index, seed, device: see `autoencoder.latent.evolution.embed_run`.
        color_by: columns, a movie each; None for all columns of the metadata.
        metadata: file of other metadata than the run's, to colour by.
        columns: names of its columns, where it is an `.npy`.
        examples: pictures beside the plot that follow their points, up to 6.
        movie_format: `mp4` or `gif`.
        fps: frames per second.
        seconds: length of the movie; None for one frame per snapshot, and a second of rest at both ends.
        save_frames: also keep every frame as a PNG.
        out: folder; None for `RUN/visualize/REDUCER-FIT[-LAYER]`.
        quiet: show no progress.

    Returns:
        the files: `COLUMN.mp4` and `COLUMN.png` for each column, `embedding.npz` (embeddings (T, n, 2), steps, epochs,
        rows), and the folders of frames. `visualize.json` beside them says what was drawn.

    Raises:
        UserError: as `embed_run` does, or a column is not there.
    """
    folder = Run(run)
    images = load_run_data(folder, with_metadata(folder.config(), metadata, columns))
    colored = list(color_by) if color_by is not None else list(images.metadata.names)
    problems = (
        [] if 0 <= examples <= MAX_EXAMPLES else [f"up to {MAX_EXAMPLES} examples fit beside the plot, not {examples}"]
    )
    for name in colored:
        try:
            images.metadata.column(name)
        except UserError as error:
            problems += error.problems
    raise_if_any(problems)

    with Progress(f"Projecting by {reducer}", None, "snapshots", quiet=quiet) as progress:
        evolution = embed_run(
            run,
            reducer=reducer,
            fit=fit,
            layer=layer,
            images=images,
            stop_index=stop_index,
            seed=seed,
            device=device,
            on_start=progress.set_total,
            on_progress=progress.advance,
        )
    if out is None:
        out = folder.output_folder("visualize", output_name(reducer, fit, layer))
    schedule = _schedule(len(evolution.steps), fps, seconds)
    made = [_write_embedding(evolution, out)]
    for name in colored or [NO_COLUMN]:
        made += _draw_column(evolution, name, out, schedule, examples, movie_format, fps, save_frames, quiet)
    return made


def with_metadata(config: RunConfig, metadata: Path | None, columns: Sequence[str] | None) -> RunConfig:
    """The configuration of a run with other metadata, where such are given; `columns` names those of an `.npy`."""
    if metadata is None and columns is None:
        return config
    data = dataclasses.replace(
        config.data,
        metadata=config.data.metadata if metadata is None else str(metadata),
        columns=None if columns is None else tuple(columns),
    )
    return dataclasses.replace(config, data=data)


def _schedule(n_snapshots: int, fps: float, seconds: float | None) -> list[int]:
    length = n_snapshots / fps + 2.0 if seconds is None else seconds
    return frame_schedule(n_snapshots, fps, length)


def output_name(reducer: str, fit: str, layer: str) -> str:
    """Name of the folder for one projection."""
    return "-".join([reducer, _fit_name(fit), *([] if layer == "latent" else [layer])])


def _fit_name(fit: str) -> str:
    """`last` and `first` as they are; of a snapshot's path its run and file, reduced to what any file system takes."""
    path = Path(fit)
    if path.suffix != ".npy":
        return fit
    run = path.absolute().parent.parent.name if path.absolute().parent.name == "latents" else ""
    return re.sub(r"[^\w.-]+", "_", f"{run}-{path.stem}" if run else path.stem)


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


def _draw_column(
    evolution: Evolution,
    name: str,
    out: Path,
    schedule: list[int],
    n_examples: int,
    movie_format: str,
    fps: float,
    save_frames: bool,
    quiet: bool,
) -> list[Path]:
    """The movie of one column, its last frame as a picture and, with `save_frames`, all frames."""
    figure = _figure(evolution, name, n_examples)
    stem = file_stem(name)
    movie_path, picture_path, frames_path = out / f"{stem}.{movie_format}", out / f"{stem}.png", out / f"{stem}_frames"
    for earlier in frames_path.glob("frame_*.png") if save_frames else ():
        earlier.unlink()  # a shorter movie must not end with a longer one's frames
    frames: dict[int, NDArray[np.uint8]] = {}
    with (
        Progress(f"Drawing {movie_path.name}", len(schedule), "frames", quiet=quiet) as progress,
        MovieWriter(movie_path, fps) as movie,
    ):
        for number, moment in enumerate(schedule):
            if moment not in frames:
                frames = {
                    moment: figure.draw(
                        evolution.embeddings[moment], float(evolution.epochs[moment]), int(evolution.steps[moment])
                    )
                }
            movie.append(frames[moment])
            if save_frames:
                _write_png(frames[moment], frames_path / f"frame_{number:05d}.png")
            progress.advance()
    _write_png(frames[schedule[-1]], picture_path)
    return [movie_path, picture_path, *([frames_path] if save_frames else [])]


def _figure(evolution: Evolution, name: str, n_examples: int) -> EvolutionFigure:
    rows = evolution.rows
    values, kind, period = column_values(evolution.images.metadata, name, rows)
    chosen = choose_examples(evolution.embeddings[-1], n_examples)
    pictures = to_picture(evolution.images.scaled(rows[chosen]))
    layer = {"latent": "latent space", "fc2": "decoder's first layer"}[evolution.layer]
    label = readable(name)
    return EvolutionFigure(
        robust_limits(evolution.embeddings),
        values,
        kind.value,
        label,
        reducer=evolution.reducer,
        examples=Examples(chosen, pictures),
        period=period,
        title=f"{layer} coloured by {label}",
    )


def column_values(metadata: Metadata, name: str, rows: Rows) -> tuple[NDArray[np.generic], ColumnKind, float]:
    """What points of `rows` are coloured by: values, their kind, and the period of an angle.

    `NO_COLUMN`, where the metadata have no such column, stands for the place in the data file.
    """
    if name == NO_COLUMN and NO_COLUMN not in metadata.names:
        return rows, ColumnKind.LINEAR, 1.0
    kind = metadata.kind(name)
    return metadata.column(name)[rows], kind, metadata.period(name) if kind is ColumnKind.CIRCULAR else 1.0


def file_stem(name: str) -> str:
    """A column's name, reduced to what any file system takes."""
    return re.sub(r"[^\w.-]+", "_", name)


def readable(column: str) -> str:
    """`body_angle_deg` to `body angle (deg)`."""
    for unit in ("deg", "rad"):
        if column.endswith(f"_{unit}"):
            return f"{column[: -len(unit) - 1].replace('_', ' ')} ({unit})"
    return column.replace("_", " ")


def _write_png(frame: NDArray[np.uint8], path: Path) -> None:
    with replacing(path) as temporary:
        Image.fromarray(frame).save(temporary)
