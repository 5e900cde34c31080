"""What the latent space of each source looks like: a plane at the end of training, and one at every moment."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autoencoder.array_types import FloatArray, Reals
from autoencoder.errors import UserError
from autoencoder.measures.topology import can_find_loops
from autoencoder.projections.reducers.base import embed_snapshots, make_projection
from autoencoder.projections.rings import ring_note
from autoencoder.registries import AS_IT_IS, DEFAULT_REDUCER, REDUCERS
from autoencoder.study.measured.controls import UNTRAINED
from autoencoder.study.measured.likeness import Comparer
from autoencoder.study.planes import Planes
from autoencoder.study.population import ALWAYS, Moment, Population, Source
from autoencoder.version import installing

Array = NDArray[np.float64]


def embed_population(
    comparer: Comparer, on_progress: Callable[[], None] = lambda: None, reducer: str = DEFAULT_REDUCER
) -> tuple[Planes, dict[str, Any]]:
    """Lay out the codes of every source in the plane; untrained networks are left out, the beginning of a run shows
    them.

    Args:
        comparer: of the population.
        on_progress: called after each source.
        reducer: a name in `registries.REDUCERS`, for the end of training. A latent of two units is shown as it is.

    Returns:
        the planes, and plain values for `statistics.json`: `method` and `seed` of the planes, `n_images`, `rings` (what
        became of a ring of codes in the plane of each source, in words; None where there is none), `as_it_is` (sources
        with two units) and `notes`.

    Raises:
        UserError: there is no such reducer, or it needs a package that is not installed.
    """
    population = comparer.population
    ends, courses = dict[str, FloatArray](), dict[str, FloatArray]()
    moments, rings = dict[str, list[Moment]](), dict[str, str | None]()
    as_it_is, notes = list[str](), list[str]()
    make_projection(reducer, population.split_seed)  # one that cannot be had is an error, and no note on each source
    for source in comparer.sources:
        if source.control == UNTRAINED:
            continue
        codes = population.codes(source, source.last)
        is_plane = codes.shape[1] == 2
        try:
            plane = embed_snapshots([codes], codes, AS_IT_IS if is_plane else reducer, population.split_seed)[0]
        except UserError as error:
            notes.append(f"{source.name} is not shown in the plane: {error}")
            on_progress()
            continue
        if is_plane:
            as_it_is.append(source.name)
        ends[source.name] = plane
        rings[source.name] = ring_note(codes, plane, population.split_seed)
        moments[source.name], courses[source.name] = _course_of(population, source, notes)
        on_progress()
    if not can_find_loops():
        notes.append(f"no look for rings in the plane: it takes ripser, which is an extra: {installing('topology')}")
    method = REDUCERS[AS_IT_IS if ends and len(as_it_is) == len(ends) else reducer].title
    planes = Planes(
        population.rows[population.compared],
        method,
        ends,
        courses,
        {name: np.array([moment.step for moment in found], np.int64) for name, found in moments.items()},
        {name: np.array([moment.epoch for moment in found], np.float64) for name, found in moments.items()},
    )
    return planes, {
        "method": method,
        "seed": population.split_seed,
        "n_images": len(planes.rows),
        "rings": rings,
        "as_it_is": as_it_is,
        "notes": notes,
    }


def course(codes: Sequence[Reals]) -> FloatArray:
    """Planes (t, p, 2) of codes (p, d) at t moments: the principal ones of each moment, turned to fit the next.

    The last plane is the reference. Each of the others is turned or reflected, and not scaled, so that its points lie
    as near as they can to those of the plane behind it: the sign and the order of components are arbitrary, and points
    would jump where they change.
    """
    planes = [principal_plane(moment) for moment in codes]
    for t in range(len(planes) - 2, -1, -1):
        planes[t] = turned(planes[t], planes[t + 1])
    return np.stack(planes).astype(np.float32)


def principal_plane(codes: Reals) -> Array:
    """The first two principal components (p, 2) of codes (p, d), centred; of one unit the second one is 0.

    Of each component the largest weight is positive, so that the same codes give the same plane on any machine.
    """
    centred = np.asarray(codes, np.float64) - np.mean(codes, axis=0, dtype=np.float64)
    _, axes = np.linalg.eigh(centred.T @ centred)
    axes = axes[:, ::-1][:, :2]
    largest = axes[np.abs(axes).argmax(axis=0), np.arange(axes.shape[1])]
    plane = np.zeros((len(centred), 2))
    plane[:, : axes.shape[1]] = centred @ (axes * np.sign(largest))
    return plane


def turned(plane: Array, onto: Array) -> Array:
    """A centred plane (p, 2), rotated or reflected to be as near to `onto` (p, 2) as it can be (orthogonal
    Procrustes)."""
    left, _, right = np.linalg.svd(plane.T @ onto)
    return np.asarray(plane @ (left @ right), np.float64)


def _course_of(population: Population, source: Source, notes: list[str]) -> tuple[list[Moment], FloatArray]:
    """Moments of a source and its planes (t, p, 2); moments with codes that are not finite are left out and noted."""
    fine, codes = list[Moment](), list[FloatArray]()
    for moment in source.moments:
        found = population.codes(source, moment)
        if np.isfinite(found).all():
            fine.append(moment)
            codes.append(found)
        else:
            notes.append(f"{source.name} has no plane at step {moment.step}: some of its codes are not finite")
    return fine if source.changes else [ALWAYS], course(codes)
