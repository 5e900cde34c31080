"""Stills of one snapshot: where codes lie, what each unit does, images of random codes, clusters against labels."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from autoencoder.config import REDUCERS, STILL_LAYERS, STILLS, RunConfig
from autoencoder.data.batches import Pixels, Rows
from autoencoder.data.images import ImageSet
from autoencoder.data.metadata import ColumnKind, Metadata
from autoencoder.errors import UserError, raise_if_any
from autoencoder.files import write_arrays, write_json
from autoencoder.latent import codes as latent_codes
from autoencoder.latent.layers import Narrowing, checkpoint_for, find_snapshot, layer_at, why_no_checkpoint
from autoencoder.latent.projection import embed_snapshots, make_projection
from autoencoder.models.network import architecture
from autoencoder.objectives.base import make_objective
from autoencoder.plots.codes import cluster_figure, code_scatter, generated_images, unit_influence
from autoencoder.plots.evolution import Examples, choose_examples
from autoencoder.plots.images import to_picture
from autoencoder.progress import Progress
from autoencoder.run_data import load_run_data
from autoencoder.runs import Run
from autoencoder.seeding import numpy_stream
from autoencoder.snapshots import Snapshot, encode_rows
from autoencoder.trained import Trained, load_run
from autoencoder.workflows.testing import save_figure
from autoencoder.workflows.visualizing import (
    MAX_EXAMPLES,
    NO_COLUMN,
    column_values,
    file_stem,
    readable,
    with_metadata,
)

MIXTURE_IMAGES = 5000
"""Random codes follow those of at most this many of the training images."""

N_GENERATED = 16
DEFAULT_CLUSTERS = 10
"""Clusters where there are no classes to count."""

MAX_CLUSTERS = 50
MAX_CLASSES = 20
"""Classes in a figure; the rarer ones share a row. A column of more is not taken for labels unless it is named."""

LAYER_NAMES = {"latent": "latent space", "fc2": "decoder's first layer", "pixels": "pixels"}
AXES = {"umap": "UMAP", "pca": "PC", "tsne": "t-SNE", "none": "unit"}

FloatArray = NDArray[np.float32]
Say = Callable[[str], None]


def look(
    run: str | Path,
    *,
    snapshot: str | int = "last",
    show: Sequence[str] | None = None,
    layers: Sequence[str] = ("latent",),
    reducer: str = "umap",
    color_by: Sequence[str] | None = None,
    metadata: Path | None = None,
    columns: Sequence[str] | None = None,
    clusters: int | None = None,
    labels: str | None = None,
    examples: int = 4,
    seed: int | None = None,
    out: Path | None = None,
    device: str = "auto",
    quiet: bool = True,
    say: Say = lambda _: None,
) -> list[Path]:
    """Look at a run's codes at one moment of its training.

    Units and random codes are decoded by the checkpoint that was kept at the snapshot's step; behind a fitted encoder,
    whose codes never change, by the last one.

    Args:
        run: a run folder, finished or in training.
        snapshot: `last`, `first`, or the number of its step.
        show: what to make, of `config.STILLS`; None for all that this run has:
            `scatter`: the layer in the plane, a picture per column;
            `units`: the mean code decoded, with one unit moved at a time, and each unit's influence;
            `generated`: images decoded from random codes, beside the training images with the nearest codes;
            `clusters`: k-means clusters of the layer against labels, with what the mean code of each decodes to.
        layers: of `config.STILL_LAYERS`: `latent`, `fc2` (the decoder's first layer), `pixels` (the images themselves).
            Units and random codes are of the latent only.
        reducer: `umap`, `pca`, `tsne`, or `none` for a layer of two units.
        color_by: columns of the scatter plots; None for all of the metadata.
        metadata: file of other metadata than the run's.
        columns: names of its columns, where it is an `.npy`.
        clusters: number of clusters; None for the number of classes, and 10 without labels.
        labels: category that clusters are compared with; None for the first one.
        examples: pictures beside a scatter plot, up to 6.
        seed: of projection, random codes and clusters; None for the run's.
        out: folder, with a folder in it for each of several layers; None for
            `RUN/visualize/snapshot-STEP[-REDUCER][-LAYER]`, where the latent, and without a scatter plot the reducer,
            is not named.
        device: where the network computes.
        quiet: show no progress.
        say: called with each line that a user should read.

    Returns:
        the files: `COLUMN.png` for each column and `embedding.npz` (embedding (n, 2), rows, step), `units.png`,
        `generated.png`, `clusters.png`, and `codes.json` with the numbers.

    Raises:
        UserError: there is no such snapshot, layer, column or checkpoint, or what was asked for cannot be shown;
            everything that is wrong, before anything is made.
    """
    folder = Run(run)
    config = folder.config()
    images = load_run_data(folder, with_metadata(config, metadata, columns))
    moment = find_snapshot(folder, snapshot)
    rows, codes = _snapshot_codes(folder, images, moment)
    checkpoint = checkpoint_for(folder, config, moment)
    layers = tuple(dict.fromkeys(layers))

    problems = _unknown("reducer", [reducer], REDUCERS) + _unknown("layer", layers, STILL_LAYERS)
    problems += _unknown("still", show or (), STILLS)
    if not 0 <= examples <= MAX_EXAMPLES:
        problems.append(f"up to {MAX_EXAMPLES} examples fit beside the plot, not {examples}")
    colored = list(color_by) if color_by is not None else list(images.metadata.names)
    for name in colored:
        problems += _problems_of(lambda name=name: images.metadata.column(name))  # type: ignore[misc]
    shown, wrong = _choose(show, folder, config, moment, checkpoint, layers, say)
    problems += wrong
    if "scatter" in shown and reducer in REDUCERS:
        problems += _problems_of(lambda: make_projection(reducer, 0))
    if "clusters" in shown:
        problems += _problems_of(lambda: _choose_labels(images.metadata, rows, labels))
        if clusters is not None and not 1 <= clusters <= min(MAX_CLUSTERS, len(rows)):
            problems.append(f"clusters: 1 to {min(MAX_CLUSTERS, len(rows))} of {len(rows)} images, not {clusters}")
    elif clusters is not None or labels is not None:
        problems.append(
            "a number of clusters and labels go with clusters: show them, or leave --clusters, --labels out"
        )
    raise_if_any(problems)

    needed = {"units", "generated", "clusters"} & set(shown) or "fc2" in layers
    trained = load_run(folder.path, str(checkpoint), device=device) if checkpoint is not None and needed else None
    still = _Still(
        folder,
        config,
        images,
        moment,
        rows,
        codes,
        trained,
        None if trained is None or checkpoint is None else checkpoint.name,
        config.training.seed if seed is None else seed,
        quiet,
        say,
    )
    made = []
    for layer in layers:
        parts = [part for part in shown if part in ("scatter", "clusters") or layer == "latent"]
        name = output_name(moment.step, reducer if "scatter" in parts else None, layer)
        place = folder.output_folder("visualize", name) if out is None else out / name if len(layers) > 1 else out
        made += _draw_layer(still, layer, parts, place, reducer, colored, clusters, labels, examples)
    return made


def output_name(step: int, reducer: str | None, layer: str) -> str:
    """Name of the folder for one layer at one snapshot."""
    return "-".join([f"snapshot-{step}", *filter(None, [reducer]), *([] if layer == "latent" else [layer])])


# -------------------------------------------------------------------------------------------------------------- checks


def _snapshot_codes(folder: Run, images: ImageSet, moment: Snapshot) -> tuple[Rows, FloatArray]:
    rows, codes = folder.split().snapshot, moment.load()
    if len(rows) == 0 or int(rows.max()) >= len(images):
        raise UserError(f"{images.source} has {len(images)} images, fewer than {folder.split_file} names")
    if len(codes) != len(rows):
        raise UserError(f"the snapshot {moment.path} has {len(codes)} rows, and the split of {folder.path} {len(rows)}")
    if not np.isfinite(codes).all():
        raise UserError(f"the snapshot {moment.path} has values that are not finite: did the training diverge?")
    return rows, codes


def _unknown(what: str, names: Sequence[str], known: Sequence[str]) -> list[str]:
    return [f"a {what} is one of {', '.join(known)}, not '{name}'" for name in names if name not in known]


def _problems_of(check: Callable[[], object]) -> list[str]:
    try:
        check()
    except UserError as error:
        return list(error.problems)
    return []


def _choose(
    show: Sequence[str] | None,
    folder: Run,
    config: RunConfig,
    moment: Snapshot,
    checkpoint: Path | None,
    layers: Sequence[str],
    say: Say,
) -> tuple[list[str], list[str]]:
    """What is shown, and problems: with what was asked for, and with layers that need a checkpoint."""
    reason = None
    if not make_objective(config.objective).makes_pictures:
        reason = f"{folder.path} was trained for '{config.objective.name}' and makes no pictures of codes"
    elif "latent" not in layers:
        reason = f"they are of the latent, and the layer is {', '.join(layers)}"
    elif checkpoint is None:
        reason = why_no_checkpoint(folder, moment)
    shown = list(STILLS) if show is None else [part for part in STILLS if part in show]
    problems = []
    impossible = [part for part in shown if part in ("units", "generated")] if reason else []
    if impossible and show is None:
        say(f"left out: {', '.join(impossible)} ({reason})")
        shown = [part for part in shown if part not in impossible]
    elif impossible:
        problems.append(f"{' and '.join(impossible)} cannot be shown: {reason}")
    if "fc2" in layers and checkpoint is None:
        problems.append(f"the layer 'fc2' comes from a checkpoint: {why_no_checkpoint(folder, moment)}")
    return shown, problems


@dataclass(frozen=True, eq=False)
class _Labels:
    """A column of classes: values (n,), which of them are known, and the number of classes."""

    name: str
    values: NDArray[Any]
    known: NDArray[np.bool_]
    n_classes: int


def _choose_labels(metadata: Metadata, rows: Rows, name: str | None) -> _Labels | None:
    """The named category, or the first one that has 2 to `MAX_CLASSES` classes among `rows`; None if there is none."""
    if name is not None:
        if metadata.kind(name) is not ColumnKind.CATEGORY:
            there = [other for other in metadata.names if metadata.kind(other) is ColumnKind.CATEGORY]
            raise UserError(
                f"column '{name}' is {metadata.kind(name).value} and clusters are compared with a category: "
                f"{', '.join(there) or 'there is none'}"
            )
        labels = _labels(metadata, rows, name)
        if labels.n_classes < 2:
            raise UserError(
                f"column '{name}' has one class only among the snapshot's images: clusters need two or more"
            )
        return labels
    for other in metadata.names:
        if metadata.kind(other) is ColumnKind.CATEGORY:
            labels = _labels(metadata, rows, other)
            if 2 <= labels.n_classes <= MAX_CLASSES:
                return labels
    return None


def _labels(metadata: Metadata, rows: Rows, name: str) -> _Labels:
    values = metadata.column(name)[rows]
    known = values != "" if values.dtype.kind == "U" else np.isfinite(values)
    return _Labels(name, values, np.asarray(known, bool), len(np.unique(values[known])))


# ------------------------------------------------------------------------------------------------------------- drawing


@dataclass(frozen=True, eq=False)
class _Still:
    """What all layers of one snapshot share.

    Attributes:
        folder, config, images: the run.
        moment: the snapshot; rows (n,) of the images, and their codes (n, latent_dim).
        trained: the network at that step, and the name of its checkpoint; None where there is none or none is needed.
        seed: of every draw.
        quiet, say: see `look`.
    """

    folder: Run
    config: RunConfig
    images: ImageSet
    moment: Snapshot
    rows: Rows
    codes: FloatArray
    trained: Trained | None
    checkpoint: str | None
    seed: int
    quiet: bool
    say: Say

    @property
    def header(self) -> str:
        """Which moment of what."""
        epoch, step, model = round(self.moment.epoch, 1), self.moment.step, self.config.model
        units = f"{model.latent_dim} unit{'s' if model.latent_dim != 1 else ''}"
        if model.is_fitted:
            return f"{model.encoder}, {units}"
        return f"{model.encoder}, {units}; epoch {epoch:g}, step {step:,}"

    @property
    def decodes_to(self) -> str:
        """What the head makes of a code."""
        return "masks" if self.config.objective.name == "mask" else "images"

    @property
    def decoder(self) -> Trained | None:
        """The network, where its head makes pictures."""
        return self.trained if self.trained is not None and self.trained.objective.makes_pictures else None


def _draw_layer(
    still: _Still,
    layer: str,
    parts: Sequence[str],
    out: Path,
    reducer: str,
    colored: Sequence[str],
    n_clusters: int | None,
    labels: str | None,
    n_examples: int,
) -> list[Path]:
    numbers: dict[str, Any] = {
        "step": still.moment.step,
        "epoch": still.moment.epoch,
        "checkpoint": still.checkpoint,
        "layer": layer,
        "reducer": reducer if "scatter" in parts else None,
        "n_points": len(still.rows),
    }
    # Everything is computed before the first file is written: what cannot be projected leaves no folder.
    arrays: dict[str, NDArray[Any]] = {}
    figures: dict[str, Figure] = {}
    narrowed = None
    if "scatter" in parts or "clusters" in parts:
        activations = layer_at(layer, still.moment, still.images, still.rows, still.trained)
        narrowed = Narrowing(activations, still.seed)(activations)
        numbers["n_features"] = activations.shape[1]
    if "scatter" in parts:
        assert narrowed is not None
        with Progress(
            f"Projecting the {LAYER_NAMES[layer]} by {reducer}", 1, "snapshots", quiet=still.quiet
        ) as progress:
            embedding = embed_snapshots([narrowed], narrowed, reducer, still.seed, progress.advance)[0]
        arrays = {"embedding": embedding, "rows": still.rows, "step": np.array(still.moment.step)}
        figures |= _scatters(still, layer, embedding, reducer, colored, n_examples)
    if "units" in parts:
        figures["units"], numbers["units"] = _units(still)
    if "generated" in parts:
        figures["generated"], numbers["generated"] = _generated(still)
    if "clusters" in parts:
        assert narrowed is not None
        chosen = _choose_labels(still.images.metadata, still.rows, labels)
        figures["clusters"], numbers["clusters"] = _clusters(still, layer, narrowed, n_clusters, chosen)
    made = []
    if arrays:
        write_arrays(out / "embedding.npz", arrays)
        made.append(out / "embedding.npz")
    made += [save_figure(figure, out / f"{name}.png") for name, figure in figures.items()]
    write_json(out / "codes.json", numbers)
    return [*made, out / "codes.json"]


def _scatters(
    still: _Still, layer: str, embedding: FloatArray, reducer: str, colored: Sequence[str], n_examples: int
) -> dict[str, Figure]:
    """A figure for each column, by the name of its file."""
    chosen = choose_examples(embedding, n_examples)
    examples = Examples(chosen, to_picture(still.images.scaled(still.rows[chosen]))) if n_examples else None
    first = 0 if reducer == "none" else 1
    figures: dict[str, Figure] = {}
    for name in colored or [NO_COLUMN]:
        values, kind, period = column_values(still.images.metadata, name, still.rows)
        stem = file_stem(name)
        while stem in (*STILLS, *figures):  # a column may be called "clusters"
            stem += "_column"
        figures[stem] = code_scatter(
            embedding,
            values,
            kind.value,
            label=readable(name),
            period=period,
            axes_names=(f"{AXES[reducer]} {first}", f"{AXES[reducer]} {first + 1}"),
            title=f"{LAYER_NAMES[layer]} coloured by {readable(name)}",
            header=still.header,
            examples=examples,
        )
    return figures


def _units(still: _Still) -> tuple[Figure, list[dict[str, Any]]]:
    decoder = still.decoder
    assert decoder is not None
    bounded = _is_bounded(still.config)
    sweep = latent_codes.sweep_units(still.codes, decoder.decode, bounded=bounded)
    k, steps = sweep.pictures.shape[:2]
    pictures = to_picture(sweep.pictures.reshape(k * steps, *sweep.pictures.shape[2:]))
    d = len(sweep.mean)
    which = f"the {k} most influential of {d} units" if k < d else "each unit"
    figure = unit_influence(
        pictures.reshape(k, steps, *pictures.shape[1:]),
        sweep.values,
        sweep.deviations[sweep.shown],
        sweep.influence[sweep.shown],
        f"mean code decoded, {which} moved alone{' within its range' if bounded else ''}\n{still.header}",
        units=sweep.shown.tolist(),
        spread_label="rms change of a pixel per sd",
    )
    dead = np.flatnonzero(sweep.dead).tolist()
    if dead:
        still.say(f"dead units, the same for every image: {', '.join(map(str, dead))}")
    order = np.argsort(-sweep.influence, kind="stable")[:3]
    listed = ", ".join(f"unit {unit} ({sweep.influence[unit]:.3f})" for unit in order.tolist())
    still.say(f"most influential (rms change of a pixel per standard deviation): {listed}")
    columns = {
        "mean": sweep.mean,
        "deviation": sweep.deviations,
        "influence": sweep.influence,
        "dead": sweep.dead,
    }
    rows = zip(*(values.tolist() for values in columns.values()), strict=True)
    return figure, [{"unit": unit, **dict(zip(columns, row, strict=True))} for unit, row in enumerate(rows)]


def _is_bounded(config: RunConfig) -> bool:
    """Whether the activation of the latent keeps units in a range that steps around the mean could leave."""
    model = config.model
    if model.is_fitted:
        return False
    return (model.latent_activation or architecture(model.encoder).DEFAULT_LATENT_ACTIVATION) != "linear"


def _generated(still: _Still) -> tuple[Figure, dict[str, Any]]:
    decoder = still.decoder
    assert decoder is not None
    images, seed = still.images, still.seed
    train = still.folder.split().train
    if len(train) > MIXTURE_IMAGES:
        train = np.sort(numpy_stream(seed, "images of the mixture").choice(train, MIXTURE_IMAGES, replace=False))
    pixels = Pixels(images.images, images.max_pixel_value, decoder.device)
    known = encode_rows(decoder.network, pixels, train, still.config.training.snapshot_batch_size)
    drawn = latent_codes.random_codes(known, N_GENERATED, seed)
    places, distances = latent_codes.nearest(drawn, known)
    of: Literal["images", "mask"] = "mask" if still.decodes_to == "masks" else "images"
    figure = generated_images(
        to_picture(decoder.decode(drawn)),
        to_picture(images.scaled(train[places], of)),
        f"{still.decodes_to} of random codes; nearest of {len(train):,} training codes\n{still.header}",
    )
    typical = latent_codes.typical_distance(known)
    still.say(
        f"random codes are {np.median(distances):.2f} from the nearest training code (median); training codes "
        f"{typical:.2f} from each other's"
    )
    return figure, {
        "n_training_images": len(train),
        "mixture_components": latent_codes.mixture_size(len(train), known.shape[1]),
        "codes": drawn,
        "nearest_training_rows": train[places],
        "nearest_distances": distances,
        "median_nearest_distance": float(np.median(distances)),
        "median_nearest_distance_among_training_codes": typical,
    }


def _clusters(
    still: _Still, layer: str, features: FloatArray, wanted: int | None, labels: _Labels | None
) -> tuple[Figure, dict[str, Any]]:
    k = wanted or (labels.n_classes if labels is not None else DEFAULT_CLUSTERS)
    found = latent_codes.find_clusters(features, min(k, MAX_CLUSTERS, len(features)), still.seed)
    title = f"{int(found.max()) + 1} clusters of the {LAYER_NAMES[layer]}"
    if labels is None:
        still.say("no column holds 2 to 20 classes: clusters are compared with no labels (name a column by --labels)")
        pictures, name = _cluster_pictures(still, features, found)
        figure = generated_images(pictures, title=f"{title}: {name}\n{still.header}")
        return figure, {"n_clusters": int(found.max()) + 1, "sizes": np.bincount(found), "labels": None}
    found = latent_codes.sorted_by_class(found, labels.values, labels.known)
    scores = latent_codes.agreement(found[labels.known], labels.values[labels.known], still.seed)
    table, classes = latent_codes.cross_table(found, labels.values, labels.known)
    still.say(
        f"{title} against '{labels.name}': adjusted Rand index {scores.ari:.3f} (shuffled labels "
        f"{scores.shuffled_ari:.3f}), normalised mutual information {scores.nmi:.3f} ({scores.shuffled_nmi:.3f})"
    )
    pictures, name = _cluster_pictures(still, features, found)
    against = f"{title} against {readable(labels.name)}"
    if still.decoder is not None:
        control = f"shuffled labels: {scores.shuffled_ari:.2f} and {scores.shuffled_nmi:.2f}"
        figure = cluster_figure(
            pictures,
            *_shown_classes(table, classes),
            ari=scores.ari,
            nmi=scores.nmi,
            title=f"{against} ({control})\n{still.header}",
        )
    else:
        figure = generated_images(
            pictures, title=f"{against}: {name}; ARI {scores.ari:.2f}, NMI {scores.nmi:.2f}\n{still.header}"
        )
    return figure, {
        "n_clusters": int(found.max()) + 1,
        "sizes": np.bincount(found),
        "labels": labels.name,
        "n_labelled": int(labels.known.sum()),
        "adjusted_rand_index": scores.ari,
        "normalised_mutual_information": scores.nmi,
        "shuffled_labels": {
            "adjusted_rand_index": scores.shuffled_ari,
            "normalised_mutual_information": scores.shuffled_nmi,
        },
        "classes": [str(name) for name in classes.tolist()],
        "table": table,
    }


def _cluster_pictures(still: _Still, features: FloatArray, found: NDArray[np.int64]) -> tuple[FloatArray, str]:
    """A picture of each cluster: its mean code decoded, or without a decoder its most central image."""
    if still.decoder is not None:
        means = latent_codes.cluster_means(still.codes, found)
        return to_picture(still.decoder.decode(means)), "decoded mean codes"
    centers = latent_codes.cluster_means(features, found)
    distances = np.linalg.norm(features - centers[found], axis=1)
    central = [np.flatnonzero(found == i)[distances[found == i].argmin()] for i in range(len(centers))]
    return to_picture(still.images.scaled(still.rows[central])), "most central images"


def _shown_classes(table: NDArray[np.int64], classes: NDArray[Any]) -> tuple[NDArray[np.int64], list[str]]:
    """The columns of a table that a figure has room for; the rarer classes together are the last one."""
    names = [str(name) for name in classes.tolist()]
    if len(names) <= MAX_CLASSES:
        return table, names
    by_size = np.argsort(-table.sum(axis=0), kind="stable")
    kept, others = np.sort(by_size[: MAX_CLASSES - 1]), by_size[MAX_CLASSES - 1 :]
    together = np.column_stack([table[:, kept], table[:, others].sum(axis=1)])
    return together, [*(names[i] for i in kept.tolist()), f"{len(others)} others"]
