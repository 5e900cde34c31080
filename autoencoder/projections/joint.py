"""One embedding of all moments at once, in which a point moves as its code does: `--fit joint`.

Every moment is laid out by UMAP's own forces, so each frame is as faithful as a fit of its own; and every point is held
back to where it was a moment before, the more the less its code has moved. So what moves on the screen is what moved in
the network. Dynamic t-SNE (Rauber, Falcao and Telea, EuroVis 2016) holds all points back alike, which either freezes
what moves or lets tremble what stands.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from autoencoder.array_types import FloatArray
from autoencoder.neighbors.place import place
from autoencoder.projections.forces import hold_back, umap_forces
from autoencoder.projections.graphs import neighbor_graphs
from autoencoder.projections.reducers.umap import Reducer as UmapProjection
from autoencoder.projections.series import Series
from autoencoder.seeding import numpy_stream

MAX_ANCHORS = 4000
"""Points that the layout is computed for; others are placed among them. UMAP tears a ring that has fewer of them."""

STEPS = 200
STEP_SIZE = 0.1
COOLING = 0.3
"""The last part of the steps, in which they get smaller."""

MOMENTUM = 0.8
PUSHED_BY = 128
"""Points, other ones at each step, that stand for all in the pushes. 32 lost 0.02 of the neighbours kept (k of 5 %)."""

HOLD = 3.0
"""Strength of the pull to where a point was, beside UMAP's forces."""

FREE = 0.1
"""Keeps the hold of a point whose code does not move at all finite: 1 / FREE times that of one with median movement."""


def embed_jointly(series: Series, seed: int, on_progress: Callable[[int], None] | None = None) -> FloatArray:
    """Embed all moments of `series`, (T, n, 2) float32; see the module.

    The same seed gives the same bits, for any number of threads.

    Args:
        series: T moments of (n, d).
        seed: of the first layout and of the samples of points.
        on_progress: called with 1 for each moment placed.

    Raises:
        UserError: there are too few points, or the codes of the last moment are constant or not finite.
    """
    rows = series.draw(MAX_ANCHORS, seed, "anchors")
    anchors = series.rows(rows)
    projection = UmapProjection(seed).fit(anchors[-1])
    places = np.stack([projection.transform(codes) for codes in anchors])
    holds = _holds(series.movement())
    _settle(places, anchors, holds[:, rows], seed)
    if len(rows) == series.shape[0]:
        embeddings = places
        if on_progress is not None:
            on_progress(len(series))
    else:
        embeddings = np.empty((len(series), series.shape[0], 2), np.float32)
        for t in range(len(series)):
            embeddings[t] = place(series[t], anchors[t], places[t])
            if on_progress is not None:
                on_progress(1)
        # A point between anchors gets other nearest ones from time to time, which is not its code's movement either.
        hold_back(embeddings, holds, HOLD * STEP_SIZE)
    return embeddings


def _holds(movement: FloatArray) -> FloatArray:
    """How much each step of each point is held back, from how far its code moves, both (T - 1, n)."""
    moving = movement[movement > 0]
    typical = float(np.median(moving)) if len(moving) else 1.0
    holds: FloatArray = (1 / (np.square(movement / typical) + FREE)).astype(np.float32)
    return holds


def _settle(places: FloatArray, codes: FloatArray, holds: FloatArray, seed: int) -> None:
    """Gradient steps on all moments of `places` (T, n, 2), in place, each followed by the exact step of the hold."""
    graphs = neighbor_graphs(codes)
    n = places.shape[1]
    draw = numpy_stream(seed, "pushes")
    velocity, forces, before = (np.zeros_like(places) for _ in range(3))
    for step in range(STEPS):
        # The same sample for all moments: what it does wrong, it does wrong in all of them, and nothing trembles.
        sample = draw.choice(n, min(PUSHED_BY, n), replace=False).astype(np.int32)
        size = STEP_SIZE * min(1.0, (1 - step / STEPS) / COOLING)
        umap_forces(places, graphs.first, graphs.neighbors, graphs.strengths, graphs.degrees, sample, forces)
        velocity *= np.float32(MOMENTUM)
        velocity += np.float32(size) * forces
        before[...] = places
        places += velocity
        hold_back(places, holds, HOLD * size)
        velocity[...] = places - before
