"""One page to explore a run with: its images as points over training, in a browser, without a server."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from matplotlib.colors import to_hex
from numpy.typing import NDArray

from autoencoder.data.batches import Rows
from autoencoder.data.images import ImageSet
from autoencoder.data.metadata import ColumnKind, Metadata
from autoencoder.description import describe_run
from autoencoder.errors import UserError, raise_if_any
from autoencoder.files import replacing
from autoencoder.latent.evolution import FITS, Evolution, embed_run
from autoencoder.latent.layers import list_moments
from autoencoder.latent.projection import make_projection
from autoencoder.objectives.base import make_objective
from autoencoder.pages.content import Column, Curve, PageContent, View
from autoencoder.pages.document import explorer_document
from autoencoder.plots.colors import color_by as colors_of
from autoencoder.plots.curves import LOSSES
from autoencoder.plots.evolution import robust_limits
from autoencoder.plots.images import to_picture
from autoencoder.progress import Progress
from autoencoder.run_data import load_run_data
from autoencoder.runs import Run
from autoencoder.seeding import numpy_stream
from autoencoder.trained import Trained, load_run
from autoencoder.workflows.columns import NO_COLUMN, axes_names, column_values, readable
from autoencoder.workflows.visualizing import with_metadata

MAX_BYTES = 25_000_000
"""A larger page is slow to open and to send; it is made of fewer images instead."""

CHUNK = 1024
"""Images that are scaled or reconstructed at a time."""

METHODS = {"umap": "UMAP", "pca": "PCA", "tsne": "t-SNE", "none": "latent units"}

LAYERS = {"latent": "latent space", "fc2": "decoder's first layer"}

FITTED = {
    "last": "fitted to the last snapshot",
    "first": "fitted to the first snapshot",
    "every": "fitted to each snapshot anew",
}
"""What a projection was fitted to, in words; of another snapshot its path is said."""

FACTS = ("run", "data", "encoder", "decoder", "objective", "images", "progress", "snapshots")

Say = Callable[[str], None]


def explore(
    run: str | Path,
    *,
    fits: Sequence[str] = ("last",),
    reducers: Sequence[str] = ("umap", "pca"),
    layers: Sequence[str] = ("latent",),
    color_by: Sequence[str] | None = None,
    metadata: Path | None = None,
    columns: Sequence[str] | None = None,
    points: int | None = None,
    max_snapshots: int | None = None,
    seed: int | None = None,
    out: Path | None = None,
    device: str = "auto",
    max_bytes: int = MAX_BYTES,
    quiet: bool = True,
    say: Say = lambda text: None,
) -> Path:
    """Project a run's snapshots and write them, with the images, as one HTML page.

    Args:
        run: a run folder, finished or in training.
        fits, reducers, layers: see `autoencoder.latent.evolution.embed_run`; the page has every combination.
        color_by: columns to colour by, the first one at first; None for all, an angle or a category first.
        metadata: file of other metadata than the run's.
        columns: names of its columns, where it is an `.npy`.
        points: show at most so many images, chosen evenly at random. All of them are projected.
        max_snapshots: show at most so many snapshots, spread evenly; the first and the last are always there.
        seed: of projections and of the choice of images; None for the run's.
        out: the file; None for `RUN/visualize/explore.html`.
        device: where layers and reconstructions are computed.
        max_bytes: a page that would be larger shows fewer images, and says so.
        quiet: show no progress.
        say: is told what the page leaves out.

    Returns:
        the file.

    Raises:
        UserError: as `embed_run` does; a column is not there, or `out` cannot be written.
    """
    folder = Run(run)
    config = folder.config()
    images = load_run_data(folder, with_metadata(config, metadata, columns))
    out = folder.output_folder("visualize") / "explore.html" if out is None else out
    seed = config.training.seed if seed is None else seed
    _check(images, color_by, fits, reducers, out, seed)
    for layer in layers:
        list_moments(folder, layer, images, device)  # refuses a run without any before the long work

    with replacing(out) as temporary:  # opened first, so that a folder that cannot be written to is known at once
        evolutions = []
        for layer, reducer, fit in itertools.product(layers, reducers, fits):
            with Progress(f"Projecting by {METHODS[reducer]}", None, "snapshots", quiet=quiet) as progress:
                evolution = embed_run(
                    run,
                    reducer=reducer,
                    fit=fit,
                    layer=layer,
                    images=images,
                    seed=seed,
                    device=device,
                    on_start=progress.set_total,
                    on_progress=progress.advance,
                )
            evolutions.append(evolution)
        content = _content(folder, evolutions, color_by, max_snapshots, device, quiet)
        document, notes = _fitting_document(content, points, max_bytes, seed)
        temporary.write_text(document, encoding="utf-8")
    for note in notes:
        say(note)
    return out


def _check(
    images: ImageSet, color_by: Sequence[str] | None, fits: Sequence[str], reducers: Sequence[str], out: Path, seed: int
) -> None:
    """Refuse, before any work, columns, methods and a file that cannot be."""
    problems: list[str] = []
    for name in color_by or ():
        try:
            images.metadata.column(name)
        except UserError as error:
            problems += error.problems
    for reducer in reducers:
        try:
            make_projection(reducer, seed)
        except UserError as error:
            problems += error.problems
    problems += [
        f"--fit is {', '.join(FITS)} or the path of a snapshot (.npy), and there is no file {fit}"
        for fit in fits
        if fit not in FITS and not Path(fit).is_file()
    ]
    if out.suffix != ".html" or out.is_dir():
        problems.append(f"the page is one file, and its name ends in .html: give --out such a name, not {out}")
    raise_if_any(problems)


# ------------------------------------------------------------------------------------------------------------- content


def _content(
    run: Run,
    evolutions: Sequence[Evolution],
    color_by: Sequence[str] | None,
    max_snapshots: int | None,
    device: str,
    quiet: bool,
) -> PageContent:
    """Everything of all images."""
    images, rows = evolutions[0].images, evolutions[0].rows
    pictures = {"image": _as_pictures(images, rows)}
    table, notes = images.metadata.take(rows), []
    if not run.checkpoint_file("last").exists():
        notes.append("The run has kept no checkpoint yet, so there are no reconstructions.")
    else:
        trained = load_run(run.path, device=device)
        what = "Reconstructing" if trained.objective.makes_pictures else "Predicting"
        with Progress(what, len(rows), quiet=quiet) as progress:
            predicted = _predict(trained, images, rows, progress)
        if trained.objective.makes_pictures:
            name = "reconstruction" if trained.config.objective.name == "reconstruct" else "predicted mask"
            pictures[name] = _as_bytes(to_picture(predicted))
            notes.append(f"Each {name} is of the last network that the run kept.")
        else:
            table = _with_predictions(table, trained, predicted)
            notes.append("Predictions are those of the last network that the run kept.")
    notes += [f"{note}." for note in dict.fromkeys(_about(evolution) for evolution in evolutions)]
    facts = describe_run(run.path)
    source = "" if images.source is None else f", trained on {images.source.name}"
    return PageContent(
        title=f"{run.path.resolve().name}{source}",
        facts={name: str(facts[name]) for name in FACTS if name in facts},
        notes=notes,
        views=[_view(evolution, max_snapshots) for evolution in evolutions],
        columns=_columns(table, color_by, rows),
        pictures=pictures,
        curves=_curves(run),
        loss=f"loss ({make_objective(run.config().objective).loss_name})",
        rows=rows,
    )


def _as_pictures(images: ImageSet, rows: Rows) -> NDArray[np.uint8]:
    """Images `rows` as bytes, a part at a time: as floats they would take four times the memory."""
    starts = range(0, len(rows), CHUNK)
    return np.concatenate([_as_bytes(to_picture(images.scaled(rows[i : i + CHUNK]))) for i in starts])


def _as_bytes(pictures: NDArray[np.floating]) -> NDArray[np.uint8]:
    levels: NDArray[np.uint8] = (np.clip(pictures, 0, 1) * 255 + 0.5).astype(np.uint8)
    return levels


def _predict(trained: Trained, images: ImageSet, rows: Rows, progress: Progress) -> NDArray[np.float32]:
    parts = []
    for start in range(0, len(rows), CHUNK):
        part = rows[start : start + CHUNK]
        parts.append(trained.predict(images.images[part]))
        progress.advance(len(part))
    return np.concatenate(parts)


def _with_predictions(table: Metadata, trained: Trained, predicted: NDArray[np.float32]) -> Metadata:
    """The metadata with a column of what the network says of each image."""
    objective = trained.config.objective
    name = f"predicted_{objective.target or objective.name}"
    if objective.name == "classify":
        assert objective.classes is not None
        values = np.array(objective.classes)[predicted.argmax(axis=1)]
        kind = ColumnKind.CATEGORY
    else:
        name = name if name.endswith("_deg") else f"{name.removesuffix('_rad')}_deg"
        values = np.degrees(predicted) % 360
        kind = ColumnKind.CIRCULAR
    return Metadata({**table.columns, name: values}, table.source, {**table.kinds, name: kind})


def _columns(table: Metadata, color_by: Sequence[str] | None, rows: Rows) -> list[Column]:
    """All columns; those to colour by first, in the order that was asked for, or angles and categories first."""
    if not table.names:
        return [Column(NO_COLUMN, "linear", 1.0, rows, colors_of(rows, "linear"))]
    everything = np.arange(len(rows))
    found = {}
    for name in table.names:
        values, kind, period = column_values(table, name, everything)
        colored = color_by is None or name in color_by
        coloring = colors_of(values, kind.value, period) if colored else None
        found[name] = Column(readable(name), kind.value, period, values, coloring)
    if color_by is not None:
        return [found.pop(name) for name in dict.fromkeys(color_by)] + list(found.values())
    order = {"circular": 0, "category": 1, "linear": 2}
    return sorted(found.values(), key=lambda column: order[column.kind])


def _view(evolution: Evolution, max_snapshots: int | None) -> View:
    n_moments = len(evolution.steps)
    shown = np.arange(n_moments)
    if max_snapshots is not None and n_moments > max_snapshots:
        shown = np.unique(np.linspace(0, n_moments - 1, max_snapshots).round().astype(np.int64))
    return View(
        LAYERS[evolution.layer],
        _method(evolution),
        axes_names(evolution.reducer),
        evolution.embeddings[shown],
        evolution.steps[shown],
        evolution.epochs[shown],
        robust_limits(evolution.embeddings),
    )


def _method(evolution: Evolution) -> str:
    if evolution.reducer == "none":
        return METHODS["none"]
    return f"{METHODS[evolution.reducer]}, {FITTED.get(evolution.fit, f'fitted to {evolution.fit}')}"


def _about(evolution: Evolution) -> str:
    return f"Points of {evolution.layer} are placed by {_method(evolution)}; the axes stay as they are over training"


def _curves(run: Run) -> list[Curve]:
    """Losses over epochs, where they were measured."""
    rows = run.metrics()
    curves = []
    for name, (label, color) in LOSSES.items():
        known = [row for row in rows if row.get(name) is not None and np.isfinite(row[name])]
        if known:
            epochs, values = (np.array([row[key] for row in known], float) for key in ("epoch", name))
            curves.append(Curve(label, to_hex(color), epochs, values))
    return curves


# ---------------------------------------------------------------------------------------------------------------- size


def _fitting_document(content: PageContent, points: int | None, max_bytes: int, seed: int) -> tuple[str, list[str]]:
    """The page of as many images as fit, and what it leaves out."""
    n_images = len(content.rows)
    n_shown = n_images if points is None else min(points, n_images)
    shuffled = numpy_stream(seed, "images of a page").permutation(n_images)
    reason = ""
    while True:
        notes = []
        if n_shown < n_images:
            notes = [f"{n_shown:,} of {n_images:,} images are shown, chosen evenly at random{reason}"]
        chosen = content.take(np.sort(shuffled[:n_shown]))
        chosen = dataclasses.replace(chosen, notes=[*(f"{note}." for note in notes), *chosen.notes])
        document = explorer_document(chosen.as_json())
        size = len(document.encode())
        if size <= max_bytes or n_shown == 1:
            return document, notes
        reason = f", so that the page stays under {max_bytes / 1e6:g} MB (--points chooses another number)"
        n_shown = max(1, int(n_shown * min(0.97, 0.98 * max_bytes / size)))
