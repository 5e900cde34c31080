"""Stills of one snapshot: where codes lie, what each unit does, images of random codes, clusters against labels."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from autoencoder.config import STILL_LAYERS, STILLS
from autoencoder.config.arguments import names_of
from autoencoder.config.movies import AS_PNG, FigureOptions
from autoencoder.data.images import all_alike
from autoencoder.errors import problems_of, raise_if_any, unknown
from autoencoder.latent.layers import (
    Narrowing,
    checkpoint_for,
    find_snapshot,
    layer_at,
    snapshot_codes,
    why_no_checkpoint,
)
from autoencoder.machine.files import check_writable
from autoencoder.machine.progress import SILENT, Progress, Say
from autoencoder.objectives.base import make_objective
from autoencoder.plots.figures import Files
from autoencoder.plots.movies.frames import MAX_EXAMPLES
from autoencoder.projections.reducers.base import embed_snapshots, make_projection
from autoencoder.registries import REDUCERS
from autoencoder.runs.opened import OpenedRun, RunLike, open_run
from autoencoder.runs.snapshots import Snapshot
from autoencoder.workflows.columns import NO_COLUMN
from autoencoder.workflows.held_out import places_shown
from autoencoder.workflows.stills.codes import generated_codes, unit_sweep
from autoencoder.workflows.stills.labels import choose_labels
from autoencoder.workflows.stills.layers import MAX_CLUSTERS, cluster_table, scatter_plots
from autoencoder.workflows.stills.still import Computed, Still

LAYER_STILLS = ("scatter", "clusters")
"""What there is of every layer; the others are of the latent only."""


def look(
    run: RunLike,
    *,
    snapshot: str | int = "last",
    show: Sequence[str] | None = None,
    layers: Sequence[str] = ("latent",),
    reducer: str = "umap",
    color_by: Sequence[str] | None = None,
    clusters: int | None = None,
    labels: str | None = None,
    examples: int = 4,
    rows: str = "all",
    seed: int | None = None,
    out: str | Path | None = None,
    figures: FigureOptions = AS_PNG,
    device: str = "auto",
    quiet: bool = True,
    say: Say = SILENT,
) -> Files:
    """Look at a run's codes at one moment of its training.

    Units and random codes are decoded by the checkpoint that was kept at the snapshot's step; behind a fitted encoder,
    whose codes never change, by the last one.

    Args:
        run: a run folder, finished or in training; or what `open_run` gave, which also takes other metadata.
        snapshot: `last`, `first`, or the number of its step.
        show: what to make, one or more of these; None for all that this run has:
            `scatter`: the layer in the plane, a picture per column;
            `units`: the mean code decoded, with one unit moved at a time, and each unit's influence;
            `generated`: images decoded from random codes, beside the training images with the nearest codes;
            `clusters`: k-means clusters of the layer against labels, with what the mean code of each decodes to.
        layers: one or more of `latent`, `fc2` (the decoder's first layer) and `pixels` (the images themselves). Units
            and random codes are of the latent only.
        reducer: `umap`, `pca`, `tsne`, or `none` for a layer of two units.
        color_by: columns of the scatter plots; None for all of the metadata.
        clusters: number of clusters; None for the number of classes, and 10 without labels.
        labels: category that clusters are compared with; None for the first one.
        examples: pictures beside a scatter plot, up to 6.
        rows: images of a scatter plot: `all`, with those that were trained on in pale colours, or the `held-out` ones.
        seed: of projection, random codes and clusters; None for the run's.
        out: folder, with a folder in it for each of several layers; None for
            `RUN/visualize/snapshot-STEP[-REDUCER][-LAYER]`, where the latent, and without a scatter plot the reducer,
            is not named.
        figures: formats and resolution of the figures.
        device: where the network computes.
        quiet: show no progress.
        say: called with each line that a user should read.

    Returns:
        the files: `COLUMN.png` for each column and `embedding.npz` (embedding (n, 2), rows, step), `units.png`,
        `generated.png`, `clusters.png`, and `codes.json` with the numbers; figures in other formats where `figures`
        says so. `figures` of the list has them as matplotlib's objects.

    Raises:
        UserError: there is no such snapshot, layer, column or checkpoint, or what was asked for cannot be shown;
            everything that is wrong, before anything is made.
    """
    opened, out = open_run(run), None if out is None else Path(out)
    config, metadata = opened.config(), opened.images.metadata
    moment = find_snapshot(opened, snapshot)
    kept_rows, codes = snapshot_codes(opened, moment)
    layers = tuple(dict.fromkeys(names_of(layers)))
    show = None if show is None else names_of(show)
    decoding = make_objective(config.objective).makes_pictures and set(STILLS if show is None else show) - {"scatter"}
    checkpoint = checkpoint_for(opened, moment) if decoding or "fc2" in layers else None

    problems = unknown("reducer", [reducer], REDUCERS) + unknown("layer", layers, STILL_LAYERS)
    problems += unknown("still", show or (), STILLS)
    problems += problems_of(places_shown, opened, kept_rows, rows)
    if not 0 <= examples <= MAX_EXAMPLES:
        problems.append(f"up to {MAX_EXAMPLES} examples fit beside the plot, not {examples}")
    colored = names_of(color_by) if color_by is not None else list(metadata.names)
    for name in colored:
        problems += problems_of(metadata.column, name)
    shown, left_out, wrong = _choose(show, opened, moment, checkpoint, layers)
    problems += wrong
    if "scatter" in shown and reducer in REDUCERS:
        problems += problems_of(make_projection, reducer, 0)
    if "scatter" in shown and (alike := all_alike(opened.images)) is not None:
        problems.append(f"{alike}, and so are their codes: there is no scatter plot of them; look at what was recorded")
    if "clusters" in shown:
        problems += problems_of(choose_labels, metadata, kept_rows, labels)
        most = min(MAX_CLUSTERS, len(kept_rows))
        if clusters is not None and not 1 <= clusters <= most:
            problems.append(f"clusters: 1 to {most} of {len(kept_rows)} images, not {clusters}")
    elif clusters is not None or labels is not None:
        problems.append(
            "a number of clusters and labels go with clusters: show them, or leave --clusters, --labels out"
        )
    problems += problems_of(check_writable, opened.output_folder("visualize") if out is None else out)
    raise_if_any(problems)
    if left_out:
        say(left_out)

    still = Still(
        run=opened,
        moment=moment,
        rows=kept_rows,
        codes=codes,
        scattered=places_shown(opened, kept_rows, rows),
        trained=opened.network(checkpoint, device) if checkpoint is not None else None,
        checkpoint=checkpoint.name if checkpoint is not None else None,
        reducer=reducer,
        colored=colored or [NO_COLUMN],
        n_examples=examples,
        n_clusters=clusters,
        labels=choose_labels(metadata, kept_rows, labels) if "clusters" in shown else None,
        seed=config.training.seed if seed is None else seed,
        quiet=quiet,
        say=say,
    )
    # All layers are computed before the first file is written: what cannot be projected leaves no folder.
    computed = {}
    for layer in layers:
        parts = [part for part in shown if part in LAYER_STILLS or layer == "latent"]
        if parts:
            name = output_name(moment.step, reducer if "scatter" in parts else None, layer)
            place = opened.output_folder("visualize", name) if out is None else out / name if len(layers) > 1 else out
            computed[place] = _compute(still, layer, parts)
        else:
            say(f"left out: the layer {layer} ({' and '.join(shown)} are of the latent)")
    made = Files()
    for place, result in computed.items():
        made += result.write(place, figures)
    return made


def output_name(step: int, reducer: str | None, layer: str) -> str:
    """Name of the folder for one layer at one snapshot."""
    return "-".join([f"snapshot-{step}", *filter(None, [reducer]), *([] if layer == "latent" else [layer])])


def _choose(
    show: Sequence[str] | None,
    run: OpenedRun,
    moment: Snapshot,
    checkpoint: Path | None,
    layers: Sequence[str],
) -> tuple[list[str], str, list[str]]:
    """What is shown; what to say of what is left out; problems with what was asked for."""
    shown = list(STILLS) if show is None else [part for part in STILLS if part in show]
    decoded = [part for part in shown if part not in LAYER_STILLS]
    reason, left_out, problems = None, "", []
    objective = run.config().objective
    if not make_objective(objective).makes_pictures:
        reason = f"{run.path} was trained for '{objective.name}' and makes no pictures of codes"
    elif "latent" not in layers:
        reason = f"they are of the latent, and the layer is {', '.join(layers)}"
    elif decoded and checkpoint is None:
        reason = why_no_checkpoint(run, moment)
    if decoded and reason and show is None:
        left_out = f"left out: {', '.join(decoded)} ({reason})"
        shown = [part for part in shown if part not in decoded]
    elif decoded and reason:
        problems.append(f"{' and '.join(decoded)} cannot be shown: {reason}")
    if "fc2" in layers and checkpoint is None:
        problems.append(f"the layer 'fc2' comes from a checkpoint: {why_no_checkpoint(run, moment)}")
    return shown, left_out, problems


def _compute(still: Still, layer: str, parts: Sequence[str]) -> Computed:
    numbers: dict[str, Any] = {
        "step": still.moment.step,
        "epoch": still.moment.epoch,
        "checkpoint": still.checkpoint,
        "layer": layer,
        "reducer": still.reducer if "scatter" in parts else None,
        "n_points": len(still.rows),
    }
    arrays: dict[str, NDArray[Any]] = {}
    figures: dict[str, Figure] = {}
    features = None
    if set(LAYER_STILLS) & set(parts):
        activations = layer_at(layer, still.moment, still.images, still.rows, still.trained)
        features = Narrowing(activations, still.seed)(activations)
        numbers["n_features"] = activations.shape[1]
    if "scatter" in parts and features is not None:
        title = f"Projecting the {still.name_of(layer)} by {still.reducer}"
        with Progress(title, 1, "snapshots", quiet=still.quiet) as progress:
            embedding = embed_snapshots([features], features, still.reducer, still.seed, progress.advance)[0]
        arrays = {"embedding": embedding, "rows": still.rows, "step": np.array(still.moment.step)}
        figures |= scatter_plots(still, layer, embedding)
    if "units" in parts:
        figures["units"], numbers["units"] = unit_sweep(still)
    if "generated" in parts:
        figures["generated"], numbers["generated"] = generated_codes(still)
    if "clusters" in parts and features is not None:
        figures["clusters"], numbers["clusters"] = cluster_table(still, layer, features)
    return Computed(figures, arrays, numbers)
