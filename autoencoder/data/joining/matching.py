"""Which rows of a table go with which image: arrays of places in, row numbers out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from autoencoder.array_types import Integers, Rows

How = Literal["nearest", "previous", "mean", "count"]

ONE_ROW: tuple[How, ...] = ("nearest", "previous")
"""Ways in which an image takes one row of the table."""

NEIGHBOURS = 1.5
"""Images that are further apart than this many usual steps are no neighbours: between them some were left out."""

Reals = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Places:
    """Rows, or images, in groups such as recordings.

    Attributes:
        groups: (n,) number of the group; -1 where it is not known.
        places: (n,) time or frame in the group; NaN where it is not known.
    """

    groups: Integers
    places: Reals

    def __len__(self) -> int:
        return len(self.places)

    def of(self, group: int) -> Rows:
        """Rows of a group whose place is known, by place; rows of one place keep their order."""
        rows = np.flatnonzero((self.groups == group) & np.isfinite(self.places))
        return rows[np.argsort(self.places[rows], kind="stable")]

    def usual_step(self) -> float:
        """Between neighbouring places of a group, the median; 0 where no group has two places."""
        steps = [np.diff(np.unique(self.places[self.of(group)])) for group in np.unique(self.groups[self.groups >= 0])]
        joined = np.concatenate(steps) if steps else np.empty(0)
        return float(np.median(joined)) if len(joined) else 0.0


@dataclass(frozen=True, eq=False)
class Match:
    """Rows of a table for each image.

    Attributes:
        order: (m,) rows of the table whose place is known, group by group and by place.
        start, stop: (n,) image i goes with the rows `order[start[i]:stop[i]]`.
    """

    order: Rows
    start: Integers
    stop: Integers

    @property
    def counts(self) -> Integers:
        """(n,) rows that each image goes with."""
        return self.stop - self.start

    def used(self) -> Rows:
        """Rows of the table that go with an image, ascending."""
        edges = np.zeros(len(self.order) + 1, np.int64)
        taken = self.counts > 0
        np.add.at(edges, self.start[taken], 1)
        np.add.at(edges, self.stop[taken], -1)
        return np.sort(self.order[np.cumsum(edges[:-1]) > 0])

    def rows(self) -> Rows:
        """(n,) the one row of each image; -1 where there is none."""
        if not len(self.order):
            return np.full(len(self.start), -1, np.int64)
        return np.where(self.counts > 0, self.order[np.minimum(self.start, len(self.order) - 1)], -1)

    def sums(self, values: Reals) -> Reals:
        """(m, ...) values of the table's rows to their sums over the rows of each image, (n, ...)."""
        padded = np.concatenate([values[self.order], np.zeros((1, *values.shape[1:]))])
        edges = np.stack([self.start, self.stop], axis=1).ravel()
        total = np.add.reduceat(padded, edges, axis=0)[::2] if len(edges) else np.empty((0, *values.shape[1:]))
        total[self.counts == 0] = 0.0  # where there is nothing to add up, reduceat gives the row itself
        return np.asarray(total, np.float64)


def match(images: Places, table: Places, how: How, tolerance: float | None) -> Match:
    """Find the rows of each image.

    Args:
        images: n of them.
        table: m rows.
        how: `nearest`: the row whose place is nearest, of two the earlier; `previous`: the last one at the image's
            place or before; `mean` and `count`: all rows in the interval of the image.
        tolerance: how far a row may be from its image. None: for `nearest` and `previous` any distance; for intervals
            up to the middle between neighbouring images, and half a usual step where there is no neighbour. An interval
            holds its beginning and not its end, so that no row is in two of those; one of no length holds its place.
    """
    order, start, stop = list[Rows](), np.zeros(len(images), np.int64), np.zeros(len(images), np.int64)
    step, offset = images.usual_step(), 0
    for group in np.unique(table.groups[table.groups >= 0]).tolist():
        rows, shown = table.of(group), images.of(group)
        places, wanted = table.places[rows], images.places[shown]
        if how in ONE_ROW:
            first, last = _one_row(places, wanted, how, np.inf if tolerance is None else tolerance)
        else:
            first, last = _interval(places, wanted, step, tolerance)
        start[shown], stop[shown] = first + offset, last + offset
        order.append(rows)
        offset += len(rows)
    joined = np.concatenate(order) if order else np.empty(0, np.int64)
    return Match(joined, start, stop)


def _one_row(places: Reals, wanted: Reals, how: How, tolerance: float) -> tuple[Integers, Integers]:
    """First and last-but-one of the row for each wanted place, equal where there is none."""
    if not len(places):
        none = np.zeros(len(wanted), np.int64)
        return none, none
    before = np.searchsorted(places, wanted, side="right") - 1
    found = before.clip(0)
    far = np.where(before >= 0, np.abs(wanted - places[found]), np.inf)
    if how == "nearest":
        after = np.searchsorted(places, wanted, side="left")
        following = after.clip(max=len(places) - 1)
        further = np.where(after < len(places), np.abs(places[following] - wanted), np.inf)
        found, far = np.where(far <= further, found, following), np.minimum(far, further)
    is_near = np.isfinite(far) & (far <= tolerance)
    start = np.where(is_near, found, 0).astype(np.int64)
    return start, start + is_near


def _interval(places: Reals, wanted: Reals, step: float, tolerance: float | None) -> tuple[Integers, Integers]:
    if tolerance is None:
        low, high = _between_neighbours(wanted, step)
    else:
        low, high = wanted - tolerance, wanted + tolerance
    start = np.searchsorted(places, low, side="left")
    stop = np.where(low == high, np.searchsorted(places, high, "right"), np.searchsorted(places, high, side="left"))
    return start.astype(np.int64), stop.astype(np.int64)


def _between_neighbours(wanted: Reals, step: float) -> tuple[Reals, Reals]:
    """Beginning and end of the interval of each of the ascending places; one place may be there several times."""
    places, which = np.unique(wanted, return_inverse=True)
    low, high = places - step / 2, places + step / 2
    middle, are_near = (places[1:] + places[:-1]) / 2, np.diff(places) <= NEIGHBOURS * step
    low[1:], high[:-1] = np.where(are_near, middle, low[1:]), np.where(are_near, middle, high[:-1])
    return low[which], high[which]
