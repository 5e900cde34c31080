"""What a run's page shows: its embeddings with images, metadata, outputs of the network and losses."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.colors import to_hex
from numpy.typing import NDArray

from autoencoder.array_types import Rows
from autoencoder.data.images import ImageSet
from autoencoder.data.metadata import Metadata
from autoencoder.latent.layers import LAYER_NAMES
from autoencoder.machine.progress import Progress
from autoencoder.objectives import base
from autoencoder.objectives.base import make_objective
from autoencoder.pages.content import Column, Curve, PageContent, View
from autoencoder.plots.brightness import AS_THEY_ARE, Brightness, brightness_of
from autoencoder.plots.colors import color_by as colors_of
from autoencoder.plots.curves import LOSSES
from autoencoder.plots.images import to_picture
from autoencoder.plots.movies.frames import robust_limits
from autoencoder.projections.evolution import Evolution
from autoencoder.projections.names import axes_names, fit_name
from autoencoder.registries import REDUCERS
from autoencoder.runs.describe import describe_run
from autoencoder.runs.folder import Run
from autoencoder.runs.opened import OpenedRun
from autoencoder.runs.trained import Trained
from autoencoder.workflows.columns import NO_COLUMN, column_values, readable
from autoencoder.workflows.held_out import held_out_among
from autoencoder.workflows.losses import losses

CHUNK = 1024
"""Images that are scaled or reconstructed at a time."""

FITTED = {
    "joint": "all snapshots laid out together",
    "last": "fitted to the last snapshot",
    "first": "fitted to the first snapshot",
    "every": "fitted to each snapshot separately",
    "every+procrustes": "fitted to each snapshot from the one before",
    "pooled": "fitted to all snapshots together",
    "aligned": "fitted to all snapshots, aligned",
    "parametric": "as a network learned it from all snapshots",
}
"""What a projection was fitted to, in words; of any other snapshot, its name is said."""

OUTPUTS_NOTE = "Reconstructions and predictions are by the last network that the run kept."

NO_OUTPUTS_NOTE = "The run has kept no checkpoint yet, so the page has no reconstructions and no predictions."

AXES_NOTE = "The axes are the same at every moment; points outside them are counted in the plot's corner."

EVERY_NOTE = "If a projection is fitted to each snapshot separately, positions cannot be compared across snapshots."

FACTS = ("run", "data", "encoder", "decoder", "objective", "images", "progress", "snapshots")


def page_content(
    run: OpenedRun,
    evolutions: Sequence[Evolution],
    color_by: Sequence[str] | None,
    max_snapshots: int | None,
    device: str,
    quiet: bool,
) -> PageContent:
    """Everything that the page of a run shows, of all images that its snapshots hold.

    Args:
        run: the run.
        evolutions: of the same images; a view each.
        color_by: columns to colour by, in this order; None for all, angles and categories first.
        max_snapshots: most moments of each evolution, spread evenly from the last to the first.
        device: where the network computes.
        quiet: show no progress.

    Raises:
        UserError: the last checkpoint is damaged, or a column is not there.
    """
    images, rows = evolutions[0].images, evolutions[0].rows
    as_stored = _as_pictures(images, rows)
    brightness = brightness_of(as_stored)
    pictures = {"image": brightness(as_stored)}
    table, notes = images.metadata.take(rows), []
    if brightness.note:
        notes.append(f"Dark pictures are stretched: {brightness.note}.")
    if not run.checkpoint_file("last").exists():
        notes.append(NO_OUTPUTS_NOTE)
    else:
        trained = run.network(device=device)
        shown = brightness if trained.objective.reconstructs else AS_THEY_ARE
        outputs = _outputs(trained, images, rows, shown, quiet)
        if trained.objective.pictures is not None:
            pictures[trained.objective.pictures.one] = outputs
        else:
            table = _with_column(table, trained.objective.column(outputs))
        notes.append(OUTPUTS_NOTE)
    notes.append(AXES_NOTE)
    held_out = held_out_among(run, rows)
    notes.append(f"{int(held_out.sum()):,} of the images were held out; those that were trained on have pale colours.")
    if any(evolution.fit == "every" for evolution in evolutions):
        notes.append(EVERY_NOTE)
    name, source = run.path.resolve().name, Path(run.config().data.images).name
    facts = {**describe_run(run), "run": name, "data": source}  # no paths: a page is sent to others
    return PageContent(
        title=f"{name}, trained on {source}",
        facts={fact: str(facts[fact]) for fact in FACTS if fact in facts},
        notes=notes,
        views=[_view(evolution, max_snapshots) for evolution in evolutions],
        columns=_columns(table, color_by, rows, held_out),
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


def _outputs(trained: Trained, images: ImageSet, rows: Rows, brightness: Brightness, quiet: bool) -> NDArray[Any]:
    """What the network makes of images `rows`: pictures as bytes, or what `Trained.predict` gives."""
    parts: list[NDArray[Any]] = []
    with Progress("Reconstructing and predicting", len(rows), quiet=quiet) as progress:
        for start in range(0, len(rows), CHUNK):
            part = trained.predict(images.images[rows[start : start + CHUNK]])
            parts.append(_as_bytes(brightness(to_picture(part))) if trained.objective.makes_pictures else part)
            progress.advance(len(part))
    return np.concatenate(parts)


def _with_column(table: Metadata, column: base.Column) -> Metadata:
    """The metadata with a column of what the network says of each image."""
    name = column.name
    while name in table.names:
        name = f"run_{name}"
    return table.with_column(name, column.values, column.kind)


def _columns(table: Metadata, color_by: Sequence[str] | None, rows: Rows, held_out: NDArray[np.bool_]) -> list[Column]:
    """All columns; those to colour by first, in the order that was asked for, or angles and categories first."""
    if not table.names:
        return [Column(NO_COLUMN, NO_COLUMN, "linear", 1.0, rows, colors_of(rows, "linear", held_out=held_out))]
    everything = np.arange(len(rows))
    found = {}
    for name in table.names:
        values, kind, period = column_values(table, name, everything)
        colored = color_by is None or name in color_by
        coloring = colors_of(values, kind.value, period, held_out) if colored else None
        found[name] = Column(name, readable(name), kind.value, period, values, coloring)
    if color_by is not None:
        return [found.pop(name) for name in dict.fromkeys(color_by)] + list(found.values())
    order = {"circular": 0, "category": 1, "linear": 2}
    return sorted(found.values(), key=lambda column: order[column.kind])


def _view(evolution: Evolution, max_snapshots: int | None) -> View:
    n_moments = len(evolution.steps)
    shown = np.arange(n_moments)
    if max_snapshots is not None and n_moments > max_snapshots:
        shown = np.unique(np.linspace(n_moments - 1, 0, max_snapshots).round().astype(np.int64))
    return View(
        LAYER_NAMES[evolution.layer],
        _method(evolution),
        axes_names(evolution.reducer),
        evolution.embeddings[shown],
        evolution.steps[shown],
        evolution.epochs[shown],
        robust_limits(evolution.embeddings),
    )


def _method(evolution: Evolution) -> str:
    reducer = REDUCERS[evolution.reducer]
    if reducer.as_it_is:
        return reducer.title
    return f"{reducer.title}, {FITTED.get(evolution.fit, f'fitted to {fit_name(evolution.fit)}')}"


def _curves(run: Run) -> list[Curve]:
    """Losses over epochs, where they were measured."""
    colors = dict(LOSSES.values())
    measured = [curve for curve in losses(run) if np.isfinite(curve.values).any()]
    return [Curve(curve.label, to_hex(colors[curve.label]), *curve.known()) for curve in measured]
