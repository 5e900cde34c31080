"""Stills of one snapshot: where codes lie, what each unit does, images of random codes, clusters against labels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
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
LAYER_STILLS = ("scatter", "clusters")
"""What there is of every layer; the others are of the latent only."""

OTHER_FIGURES = ("units", "generated", "clusters")
"""Names of files that no column may have."""

DEFAULT_CLUSTERS = 10
"""Clusters where there are no classes to count."""

MAX_CLUSTERS = 50
MAX_CLASSES = 20
"""Classes in a figure; the rarer ones share a row. A column of more is not taken for labels unless it is named."""

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
    layers = tuple(dict.fromkeys(layers))
    decoding = make_objective(config.objective).makes_pictures and set(STILLS if show is None else show) - {"scatter"}
    checkpoint = checkpoint_for(folder, config, moment) if decoding or "fc2" in layers else None

    problems = _unknown("reducer", [reducer], REDUCERS) + _unknown("layer", layers, STILL_LAYERS)
    problems += _unknown("still", show or (), STILLS)
    if not 0 <= examples <= MAX_EXAMPLES:
        problems.append(f"up to {MAX_EXAMPLES} examples fit beside the plot, not {examples}")
    colored = list(color_by) if color_by is not None else list(images.metadata.names)
    for name in colored:
        problems += _problems_of(images.metadata.column, name)
    shown, left_out, wrong = _choose(show, folder, config, moment, checkpoint, layers)
    problems += wrong
    if "scatter" in shown and reducer in REDUCERS:
        problems += _problems_of(make_projection, reducer, 0)
    if "clusters" in shown:
        problems += _problems_of(_choose_labels, images.metadata, rows, labels)
        if clusters is not None and not 1 <= clusters <= min(MAX_CLUSTERS, len(rows)):
            problems.append(f"clusters: 1 to {min(MAX_CLUSTERS, len(rows))} of {len(rows)} images, not {clusters}")
    elif clusters is not None or labels is not None:
        problems.append(
            "a number of clusters and labels go with clusters: show them, or leave --clusters, --labels out"
        )
    raise_if_any(problems)
    if left_out:
        say(left_out)

    still = _Still(
        folder=folder,
        config=config,
        images=images,
        moment=moment,
        rows=rows,
        codes=codes,
        trained=load_run(folder.path, str(checkpoint), device=device) if checkpoint is not None else None,
        checkpoint=checkpoint.name if checkpoint is not None else None,
        reducer=reducer,
        colored=colored or [NO_COLUMN],
        n_examples=examples,
        n_clusters=clusters,
        labels=_choose_labels(images.metadata, rows, labels) if "clusters" in shown else None,
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
            place = folder.output_folder("visualize", name) if out is None else out / name if len(layers) > 1 else out
            computed[place] = _compute(still, layer, parts)
        else:
            say(f"left out: the layer {layer} ({' and '.join(shown)} are of the latent)")
    return [file for place, result in computed.items() for file in result.write(place)]


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


def _problems_of(check: Callable[..., object], *arguments: object) -> list[str]:
    try:
        check(*arguments)
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
) -> tuple[list[str], str, list[str]]:
    """What is shown; what to say of what is left out; problems with what was asked for."""
    shown = list(STILLS) if show is None else [part for part in STILLS if part in show]
    decoded = [part for part in shown if part not in LAYER_STILLS]
    reason, left_out, problems = None, "", []
    if not make_objective(config.objective).makes_pictures:
        reason = f"{folder.path} was trained for '{config.objective.name}' and makes no pictures of codes"
    elif "latent" not in layers:
        reason = f"they are of the latent, and the layer is {', '.join(layers)}"
    elif decoded and checkpoint is None:
        reason = why_no_checkpoint(folder, moment)
    if decoded and reason and show is None:
        left_out = f"left out: {', '.join(decoded)} ({reason})"
        shown = [part for part in shown if part not in decoded]
    elif decoded and reason:
        problems.append(f"{' and '.join(decoded)} cannot be shown: {reason}")
    if "fc2" in layers and checkpoint is None:
        problems.append(f"the layer 'fc2' comes from a checkpoint: {why_no_checkpoint(folder, moment)}")
    return shown, left_out, problems


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


@dataclass(frozen=True, eq=False, kw_only=True)
class _Still:
    """What all layers of one snapshot share.

    Attributes:
        folder, config, images: the run.
        moment: the snapshot; rows (n,) of the images, and their codes (n, latent_dim).
        trained: the network at that step, and the name of its checkpoint; None where there is none or none is needed.
        reducer, colored, n_examples: of scatter plots.
        n_clusters: None for as many as there are classes.
        labels: what clusters are compared with.
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
    reducer: str
    colored: Sequence[str]
    n_examples: int
    n_clusters: int | None
    labels: _Labels | None
    seed: int
    quiet: bool
    say: Say

    @property
    def header(self) -> str:
        """Which moment of what."""
        epoch, step, model = round(self.moment.epoch, 1), self.moment.step, self.config.model
        units = f"{model.encoder}, {model.latent_dim} unit{'s' if model.latent_dim != 1 else ''}"
        return units if model.is_fitted else f"{units}; epoch {epoch:g}, step {step:,}"

    def name_of(self, layer: str) -> str:
        """A layer in words."""
        if layer == "fc2":
            return f"{'decoder' if self.decoder is not None else 'head'}'s first layer"
        return {"latent": "latent space"}.get(layer, layer)

    @property
    def decodes_to(self) -> str:
        """What the head makes of a code."""
        return "masks" if self.config.objective.name == "mask" else "images"

    @property
    def decoder(self) -> Trained | None:
        """The network, where its head makes pictures."""
        return self.trained if self.trained is not None and self.trained.objective.makes_pictures else None


@dataclass(frozen=True, eq=False)
class _Computed:
    """What is to be written of one layer: figures by the name of their file, arrays of the embedding, numbers."""

    figures: dict[str, Figure]
    arrays: dict[str, NDArray[Any]]
    numbers: dict[str, Any]

    def write(self, out: Path) -> list[Path]:
        """Write all into the folder `out`; returns the files."""
        made = []
        if self.arrays:
            write_arrays(out / "embedding.npz", self.arrays)
            made.append(out / "embedding.npz")
        made += [save_figure(figure, out / f"{name}.png") for name, figure in self.figures.items()]
        write_json(out / "codes.json", self.numbers)
        return [*made, out / "codes.json"]


def _compute(still: _Still, layer: str, parts: Sequence[str]) -> _Computed:
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
        figures |= _scatters(still, layer, embedding)
    if "units" in parts:
        figures["units"], numbers["units"] = _units(still)
    if "generated" in parts:
        figures["generated"], numbers["generated"] = _generated(still)
    if "clusters" in parts and features is not None:
        figures["clusters"], numbers["clusters"] = _clusters(still, layer, features)
    return _Computed(figures, arrays, numbers)


def _scatters(still: _Still, layer: str, embedding: FloatArray) -> dict[str, Figure]:
    """A figure for each column, by the name of its file."""
    chosen = choose_examples(embedding, still.n_examples)
    examples = Examples(chosen, to_picture(still.images.scaled(still.rows[chosen]))) if still.n_examples else None
    axis, first = AXES[still.reducer], 0 if still.reducer == "none" else 1
    n, source = len(still.rows), still.images.source
    header = f"{n:,} images{f' of {source.name}' if source else ''}" if layer == "pixels" else still.header
    figures: dict[str, Figure] = {}
    for name in still.colored:
        values, kind, period = column_values(still.images.metadata, name, still.rows)
        stem = file_stem(name)
        while stem in (*OTHER_FIGURES, *figures):  # a column may be called "clusters"
            stem += "_column"
        figures[stem] = code_scatter(
            embedding,
            values,
            kind.value,
            label=readable(name),
            period=period,
            axes_names=(f"{axis} {first}", f"{axis} {first + 1}"),
            title=f"{still.name_of(layer)} coloured by {readable(name)}",
            header=header,
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
    moved = f"mean code decoded with one unit moved{' in its range' if bounded else ''}"
    which = f"; the {k} most influential" if k < d else ""
    figure = unit_influence(
        pictures.reshape(k, steps, *pictures.shape[1:]),
        sweep.values,
        sweep.deviations[sweep.shown],
        sweep.influence[sweep.shown],
        f"{moved}\n{still.header}{which}",
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


def _clusters(still: _Still, layer: str, features: FloatArray) -> tuple[Figure, dict[str, Any]]:
    labels = still.labels
    wanted = still.n_clusters or (labels.n_classes if labels is not None else DEFAULT_CLUSTERS)
    found = latent_codes.find_clusters(features, min(wanted, MAX_CLUSTERS, len(features)), still.seed)
    title = f"{int(found.max()) + 1} clusters of the {still.name_of(layer)}"
    if labels is None:
        still.say(
            f"clusters are compared with no labels: no column has 2 to {MAX_CLASSES} classes (--labels names one)"
        )
        pictures, what = _cluster_pictures(still, features, found)
        figure = generated_images(pictures, title=f"{title}\n{what}\n{still.header}")
        return figure, {"n_clusters": len(pictures), "sizes": np.bincount(found), "labels": None}

    known, values = labels.known, labels.values
    found = latent_codes.sorted_by_class(found, values, known)
    held_out = known & np.isin(still.rows, still.folder.split().val)
    parts = {"all": known} | ({"held_out": held_out} if held_out.any() else {})
    scores = {name: latent_codes.agreement(found[part], values[part], still.seed) for name, part in parts.items()}
    ours = scores["all"]
    table, classes = latent_codes.cross_table(found, values, known)
    still.say(f"{title} against '{labels.name}': {_scores(ours, 3)}")
    if "held_out" in scores:
        still.say(f"the same, held-out images only: {_scores(scores['held_out'], 3)}")
    pictures, what = _cluster_pictures(still, features, found)
    title = f"{title} against {readable(labels.name)}"
    if still.decoder is not None:
        control = f"{_rounded(ours.shuffled_ari, 2)} and {_rounded(ours.shuffled_nmi, 2)}"
        figure = cluster_figure(
            pictures,
            *_shown_classes(table, classes),
            ari=round(ours.ari, 2) + 0.0,
            nmi=ours.nmi,
            title=f"{title}\n{still.header}\nwith shuffled labels: {control}",
        )
    else:
        figure = generated_images(pictures, title=f"{title}\n{_scores(ours, 2)}\n{what}\n{still.header}")
    return figure, {
        "n_clusters": len(pictures),
        "sizes": np.bincount(found),
        "labels": labels.name,
        **{name: {"n": int(parts[name].sum()), **_named(score)} for name, score in scores.items()},
        "classes": [str(name) for name in classes.tolist()],
        "table": table,
    }


def _named(scores: latent_codes.Agreement) -> dict[str, Any]:
    return {
        "adjusted_rand_index": scores.ari,
        "normalised_mutual_information": scores.nmi,
        "shuffled_labels": {
            "adjusted_rand_index": scores.shuffled_ari,
            "normalised_mutual_information": scores.shuffled_nmi,
        },
    }


def _scores(scores: latent_codes.Agreement, digits: int) -> str:
    """Both numbers, each with that of shuffled labels in brackets."""
    ari, nmi, shuffled_ari, shuffled_nmi = (
        _rounded(value, digits) for value in (scores.ari, scores.nmi, scores.shuffled_ari, scores.shuffled_nmi)
    )
    return f"ARI {ari} (shuffled labels {shuffled_ari}), NMI {nmi} ({shuffled_nmi})"


def _rounded(value: float, digits: int) -> str:
    """Rounded, and zero without a sign."""
    return f"{round(value, digits) + 0.0:.{digits}f}"


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
