"""What is said of each animal by the codes of one network, from as many frames of each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from autoencoder.array_types import FloatArray, Rows
from autoencoder.data.metadata import Metadata
from autoencoder.data.timescales import timeline_of
from autoencoder.latent.codes import find_clusters
from autoencoder.seeding import numpy_stream
from autoencoder.study.groups.cells import Groups
from autoencoder.study.groups.effects import Array, Summary

MOST_FRAMES = 2000
"""Frames of each animal, at most, where nothing else is said."""

CLUSTERS = 8
"""Clusters, where nothing else is said."""

FEWEST_STEPS = 10
"""Of each animal, for its speed."""

MOST_UNEVEN = 1.01
"""Steps of recordings may differ in length by this factor; speed depends on it, as noise makes short ones fast."""

TIME = "time_s"

MEAN, OCCUPANCY, SPREAD, SPEED = "mean_code", "occupancy", "spread", "speed"
"""Names of summaries, in files."""


@dataclass(frozen=True, eq=False)
class Steps:
    """Images that follow each other in a recording, the same number of each cell.

    Attributes:
        rows: (n, 2) rows of each cell; empty where `why_not` says why.
        length: of a step, in `unit`.
        unit: "s", or "frame" where no time is known.
        why_not: nothing is known of speed, and why.
    """

    rows: tuple[NDArray[np.int64], ...] = ()
    length: float = 1.0
    unit: str = "frame"
    why_not: str | None = None


@dataclass(frozen=True, eq=False)
class Drawn:
    """Images that summaries are made of.

    Attributes:
        frames: rows of each cell, the same number of each.
        steps: likewise, for speed.
    """

    frames: tuple[Rows, ...]
    steps: Steps

    @property
    def rows(self) -> Rows:
        """All of them, ascending."""
        steps = [rows.ravel() for rows in self.steps.rows]
        return np.unique(np.concatenate([*self.frames, *steps]))


def draw(metadata: Metadata, groups: Groups, seed: int, most: int = MOST_FRAMES) -> Drawn:
    """As many frames of each cell, at random, and as many steps between consecutive ones.

    Args:
        metadata: of all images.
        groups: whose cells they are.
        seed: that of the split, so that all runs are summarised by the same images.
        most: frames of each cell; of the one that has fewest there may be fewer.
    """
    n = min(most, *(len(rows) for rows in groups.rows))
    frames = tuple(_some(rows, n, seed, "frames of animals", cell) for cell, rows in enumerate(groups.rows))
    return Drawn(frames, _steps(metadata, groups, seed, most))


def _some(rows: NDArray[np.int64], n: int, seed: int, purpose: str, cell: int) -> NDArray[np.int64]:
    """So many rows of an array, in its order."""
    return np.asarray(rows[np.sort(numpy_stream(seed, purpose, cell).choice(len(rows), n, replace=False))])


def _steps(metadata: Metadata, groups: Groups, seed: int, most: int) -> Steps:
    timeline = timeline_of(metadata, len(metadata))
    if timeline.frames is None:
        return Steps(why_not="no column 'frame' says which images follow each other")
    times = metadata.column(TIME) if TIME in metadata.names else None
    is_timed = (
        times is not None and times.dtype.kind == "f" and bool(np.isfinite(times[np.concatenate(groups.rows)]).all())
    )
    clock = times if is_timed and times is not None else timeline.frames
    cell_of = np.full(len(metadata), -1)
    for cell, rows in enumerate(groups.rows):
        cell_of[rows] = cell
    pairs, lengths = list[NDArray[np.int64]](), list[float]()
    for part in timeline.segments():
        own = part[cell_of[part] >= 0]
        if len(own) < 2:
            continue
        apart = np.diff(timeline.frames[own])
        following = np.flatnonzero(
            (apart == np.quantile(apart, 0.5, method="lower")) & (cell_of[own[1:]] == cell_of[own[:-1]])
        )
        if len(following):
            found = np.stack([own[following], own[following + 1]], axis=1)
            pairs.append(found)
            lengths.append(float(np.median(clock[found[:, 1]] - clock[found[:, 0]])))
    if not pairs or min(lengths) <= 0:
        return Steps(why_not="no images follow each other in a recording")
    if max(lengths) > MOST_UNEVEN * min(lengths):
        unit = "s" if is_timed else "frames"
        return Steps(
            why_not=f"images follow each other in {min(lengths):.3g} to {max(lengths):.3g} {unit}, from recording to "
            "recording, and speed depends on that: prepare all at one rate"
        )
    together = np.concatenate(pairs)
    of_cells = [together[cell_of[together[:, 0]] == cell] for cell in range(len(groups.rows))]
    n = min(most, *map(len, of_cells))
    if n < FEWEST_STEPS:
        name = groups.cells.units[int(np.argmin([len(found) for found in of_cells]))]
        return Steps(why_not=f"'{name}' has {n} images that follow another, and {FEWEST_STEPS} are the fewest")
    chosen = tuple(_some(found, n, seed, "steps of animals", cell) for cell, found in enumerate(of_cells))
    return Steps(chosen, float(np.median(lengths)), "s" if is_timed else "frame")


def summaries_of(
    drawn: Drawn, codes: Sequence[FloatArray], seed: int, clusters: int = CLUSTERS
) -> tuple[list[Summary], list[str]]:
    """Summaries of all cells by each network.

    - mean code (d units);
    - occupancy: square roots of the shares of frames in each of `clusters` clusters (k-means on all drawn frames of all
      animals, whose conditions it does not know), so that distances are those of Hellinger;
    - spread: root mean square distance of frames from their mean;
    - speed: mean distance of consecutive frames of a recording, over the time between them.

    Args:
        drawn: the images.
        codes: (len(drawn.rows), d) of each network.
        seed: of the clusters.
        clusters: how many.

    Returns:
        the summaries; and why some are missing, a sentence each.
    """
    rows, notes = drawn.rows, list[str]()
    frames = [np.searchsorted(rows, own) for own in drawn.frames]
    steps = [np.searchsorted(rows, own) for own in drawn.steps.rows]
    found = [
        Summary(MEAN, [_each(one, frames, _mean) for one in codes]),
        Summary(OCCUPANCY, [_occupancy(one, frames, seed, clusters) for one in codes]),
        Summary(SPREAD, [_each(one, frames, _spread) for one in codes], is_size=True),
    ]
    if drawn.steps.why_not is None:
        speeds = [np.stack([_speed(one, own) for own in steps]) / drawn.steps.length for one in codes]
        found.append(Summary(SPEED, speeds, is_size=True))
    else:
        notes.append(f"speed is left out: {drawn.steps.why_not}")
    fine = [summary for summary in found if not summary.is_size or all((values > 0).all() for values in summary.values)]
    notes += [f"{s.name} is left out: it is 0 for some animal" for s in found if s not in fine]
    return fine, notes


def _each(codes: FloatArray, cells: Sequence[Rows], summary: Callable[[Array], Array]) -> Array:
    return np.stack([summary(codes[rows].astype(np.float64)) for rows in cells])


def _mean(codes: Array) -> Array:
    return np.asarray(codes.mean(axis=0))


def _spread(codes: Array) -> Array:
    return np.asarray(np.sqrt(codes.var(axis=0).sum(keepdims=True)))


def _speed(codes: FloatArray, steps: NDArray[np.int64]) -> Array:
    apart = codes[steps[:, 1]].astype(np.float64) - codes[steps[:, 0]]
    return np.asarray(np.linalg.norm(apart, axis=1).mean(keepdims=True))


def _occupancy(codes: FloatArray, cells: Sequence[Rows], seed: int, clusters: int) -> Array:
    found = find_clusters(codes[np.concatenate(cells)], clusters, seed)
    shares = [np.bincount(own, minlength=clusters) / len(own) for own in np.split(found, len(cells))]
    return np.sqrt(np.stack(shares))
