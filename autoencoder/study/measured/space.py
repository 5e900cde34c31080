"""The space of representations: all runs at all moments as points of one plane, by their Procrustes angles."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autoencoder.array_types import FloatArray
from autoencoder.data.batches import evenly
from autoencoder.errors import UserError
from autoencoder.projections.mds import Plane, scale_to_plane
from autoencoder.study.measured.controls import UNTRAINED
from autoencoder.study.measured.likeness import MAIN, Comparer
from autoencoder.study.population import Moment, Source
from autoencoder.study.table import Table

Array = NDArray[np.float64]

SPACE = ("space_x", "space_y")
"""In the table: where a representation lies on the plane, in degrees."""

MOST_POINTS = 600
"""Of more points than this, moments are left out: the time that a plane takes grows with the square of their number."""

FEWEST_POINTS = 3
"""Fewer always fit on a line."""


@dataclass(frozen=True, eq=False)
class Point:
    """A source at a moment."""

    source: Source
    moment: Moment

    @property
    def is_beginning(self) -> bool:
        """Whether it is a run before its first update."""
        return self.source.changes and self.moment.step == 0

    @property
    def is_end(self) -> bool:
        """Whether it is the last of its source."""
        return self.moment == self.source.last


def measure_space(comparer: Comparer, table: Table, on_progress: Callable[[], None] = lambda: None) -> dict[str, Any]:
    """Place every source at every moment on a plane, and say how truly the plane shows their distances.

    Untrained networks are no points of their own: they are the first moments of the runs.

    Args:
        comparer: of the population that is measured.
        table: is added to: `SPACE` of every point.
        on_progress: called after each source.

    Returns:
        plain values: the stress, all points, the pair that is drawn worst, and distances of kinds of pairs beside what
        they are on the plane.

    Raises:
        UserError: the measure cannot be taken of so few images, or there are fewer than 3 points.
    """
    measure = next((one for one in comparer.measures if one.name == MAIN), None)
    if measure is None:
        raise UserError(["too few held-out images to compare", *comparer.notes])
    sources = [source for source in comparer.sources if source.control != UNTRAINED]
    points, notes = _points(sources)
    codes = list[FloatArray]()
    for _, own in itertools.groupby(points, key=lambda point: point.source):
        codes += [comparer.population.codes(point.source, point.moment) for point in own]
        on_progress()
    finite = [place for place, code in enumerate(codes) if np.isfinite(code).all()]
    distances = np.full((len(points), len(points)), np.nan)
    distances[np.ix_(finite, finite)] = measure.distances(measure.pairwise([codes[place] for place in finite]))
    known = np.flatnonzero(np.isfinite(np.diagonal(distances)))
    notes += _left_out(points, known.tolist())
    points, distances = [points[place] for place in known], distances[np.ix_(known, known)]
    np.fill_diagonal(distances, 0.0)  # where rounding leaves about 1e-5 degrees
    if len(points) < FEWEST_POINTS:
        why = f"a plane takes {FEWEST_POINTS} representations that can be compared, not {len(points)}"
        raise UserError([why, *comparer.notes, *notes])
    plane = scale_to_plane(distances, comparer.population.split_seed)
    _add_places(table, comparer, points, plane)
    return {
        "measure": measure.name,
        "unit": measure.unit,
        "n_images": len(comparer.population.compared),
        "stress": plane.stress,
        "points": [_described(point, *xy) for point, xy in zip(points, plane.points.tolist(), strict=True)],
        "worst": _worst(points, distances, plane),
        "pairs": _kinds_of_pairs(points, distances, plane.drawn),
        "notes": [*comparer.notes, *notes],
    }


def _points(sources: Sequence[Source]) -> tuple[list[Point], list[str]]:
    """Sources at their moments, at most `MOST_POINTS` where that leaves two of each run; and what is left out."""
    longest = max((len(source.moments) for source in sources), default=0)
    fitting = (n for n in range(longest, 2, -1) if _count(sources, n) <= MOST_POINTS)
    most = next(fitting, 2)
    points = [
        Point(source, source.moments[place])
        for source in sources
        for place in evenly(np.arange(len(source.moments)), most).tolist()
    ]
    if most >= longest:
        return points, []
    note = f"the space of representations shows {most} of up to {longest} moments of each run, evenly spaced"
    return points, [note]


def _count(sources: Iterable[Source], most: int) -> int:
    """Points, if each source has so many moments at most."""
    return sum(min(len(source.moments), most) for source in sources)


def _left_out(points: Sequence[Point], known: Iterable[int]) -> list[str]:
    """Which points are not on the plane, a note for each source."""
    steps: dict[str, list[str]] = {}
    for place in sorted(set(range(len(points))).difference(known)):
        steps.setdefault(points[place].source.name, []).append(f"{points[place].moment.step:,}")
    return [
        f"{name} is not in the space of representations at step {' and '.join(at)}: some of its codes are not finite, "
        "or they are the same for all images"
        for name, at in steps.items()
    ]


def _add_places(table: Table, comparer: Comparer, points: Sequence[Point], plane: Plane) -> None:
    n = len(comparer.population.compared)
    for point, place in zip(points, plane.points.tolist(), strict=True):
        for name, value in zip(SPACE, place, strict=True):
            table.add(point.source, point.moment, name, value, n=n, tau=comparer.tau)


def _described(point: Point, x: float, y: float) -> dict[str, Any]:
    """A point in plain values; codes that do not change have no step."""
    source, moment = point.source, point.moment
    return {
        "run": source.name,
        "setting": source.setting,
        "seed": source.seed,
        "control": source.control,
        "step": moment.step if source.fixed is None else None,
        "epoch": _epoch(point),
        "x": x,
        "y": y,
    }


def _epoch(point: Point) -> float | None:
    return float(point.moment.epoch) if point.source.fixed is None else None


def _worst(points: Sequence[Point], distances: Array, plane: Plane) -> dict[str, Any]:
    """The pair whose distance is drawn worst."""
    i, j = plane.worst_pair(distances)
    one, other = ({"run": points[place].source.name, "epoch": _epoch(points[place])} for place in (i, j))
    return {"one": one, "other": other, "distance": float(distances[i, j]), "drawn": float(plane.drawn[i, j])}


def _are_beginnings(one: Point, other: Point) -> bool:
    return one.is_beginning and other.is_beginning and one.source.seed != other.source.seed


def _are_ends_of_a_setting(one: Point, other: Point) -> bool:
    alike = one.source.setting == other.source.setting and one.source.seed != other.source.seed
    return alike and one.is_end and other.is_end


def _are_ends_of_settings(one: Point, other: Point) -> bool:
    return one.source.setting != other.source.setting and one.is_end and other.is_end


def _are_of_a_run(one: Point, other: Point) -> bool:
    return one.source is other.source and one.is_beginning and other.is_end


KINDS: dict[str, Callable[[Point, Point], bool]] = {
    "seeds before training": _are_beginnings,
    "seeds of one setting, at the end": _are_ends_of_a_setting,
    "different settings, at the end": _are_ends_of_settings,
    "beginning and end of a run": _are_of_a_run,
}
"""Kinds of pairs, the earlier point first, whose distances a reader may want to read off the plane. Runs of different
settings and one seed have the same first weights, so before training only different seeds are compared."""


def _kinds_of_pairs(points: Sequence[Point], distances: Array, drawn: Array) -> list[dict[str, Any]]:
    """Of runs of the design, mean distances of kinds of pairs and what they are on the plane; kinds without pairs are
    left out."""
    design = [
        place for place, point in enumerate(points) if point.source.control is None and point.source.seed is not None
    ]
    ends = [place for place in design if points[place].is_beginning or points[place].is_end]
    found = []
    for what, is_one in KINDS.items():
        pairs = [pair for pair in itertools.combinations(ends, 2) if is_one(points[pair[0]], points[pair[1]])]
        if pairs:
            places = tuple(np.transpose(pairs))
            means = {"distance": float(distances[places].mean()), "drawn": float(drawn[places].mean())}
            found.append({"what": what, "n": len(pairs), **means})
    return found
