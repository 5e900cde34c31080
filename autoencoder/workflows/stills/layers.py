"""What there is of every layer of a snapshot: its place in the plane, and k-means clusters against labels."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from autoencoder.array_types import FloatArray
from autoencoder.latent import codes as latent_codes
from autoencoder.machine.file_names import file_stems
from autoencoder.plots.codes import cluster_figure, code_scatter, generated_images
from autoencoder.plots.images import to_picture
from autoencoder.plots.movies.frames import Examples, choose_examples
from autoencoder.projections.names import axes_names
from autoencoder.projections.rings import ring_note
from autoencoder.workflows.columns import NO_COLUMN, column_values, readable
from autoencoder.workflows.held_out import held_out_among
from autoencoder.workflows.stills.labels import MAX_CLASSES
from autoencoder.workflows.stills.still import Still

OTHER_FIGURES = ("units", "generated", "clusters")
"""Names of files that no column may have."""

DEFAULT_CLUSTERS = 10
"""Clusters where there are no classes to count."""

MAX_CLUSTERS = 50


def scatter_plots(still: Still, layer: str, embedding: FloatArray) -> dict[str, Figure]:
    """A figure for each column, by the name of its file."""
    rows, embedding = still.rows[still.scattered], embedding[still.scattered]
    chosen = choose_examples(embedding, still.n_examples)
    examples = Examples(chosen, to_picture(still.images.scaled(rows[chosen]))) if still.n_examples else None
    n, source = len(rows), still.images.source
    header = f"{n:,} images{f' of {source.name}' if source else ''}" if layer == "pixels" else still.header
    ring = ring_note(still.codes[still.scattered], embedding, still.seed) if layer == "latent" else None
    header = header if ring is None else f"{header}; {ring}"
    names = [*still.images.metadata.names, *(name for name in still.colored if name == NO_COLUMN)]
    stems = file_stems(names, taken=OTHER_FIGURES)  # a column may be called "clusters"
    figures: dict[str, Figure] = {}
    for name in still.colored:
        values, kind, period = column_values(still.images.metadata, name, rows)
        figures[stems[name]] = code_scatter(
            embedding,
            values,
            kind.value,
            label=readable(name),
            period=period,
            axes_names=axes_names(still.reducer),
            title=f"{still.name_of(layer)} coloured by {readable(name)}",
            header=header,
            examples=examples,
            held_out=held_out_among(still.run, rows),
        )
    return figures


def cluster_table(still: Still, layer: str, features: FloatArray) -> tuple[Figure, dict[str, Any]]:
    """The figure of a layer's clusters, from its `features` (n, d), and the numbers of it."""
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
    held_out = known & np.isin(still.rows, still.run.split().val)
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


def _cluster_pictures(still: Still, features: FloatArray, found: NDArray[np.int64]) -> tuple[FloatArray, str]:
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
