"""One traversal: codes of held-out images on their way along a column or a unit, with what was measured of it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autoencoder.data.batches import Rows
from autoencoder.data.metadata import ColumnKind
from autoencoder.errors import UserError
from autoencoder.latent.codes import DEAD, nearest
from autoencoder.latent.quantity import STEPS, Quantity, best_reader, decimals_for, quantity_of
from autoencoder.latent.traversal import Transport, move_unit
from autoencoder.latent.traversal_check import Check
from autoencoder.seeding import numpy_stream
from autoencoder.workflows.columns import readable
from autoencoder.workflows.traversal_ground import Ground

N_MEASURED = 100
"""Held-out images that are brought to every value, so that a number says how well that goes."""

UNIT_PERCENTILES = (1, 99)
COLUMN_PARTS, UNIT_PARTS = 6, 2
"""Pieces of work that a progress bar counts."""

SECONDS, SECONDS_PER_CLASS = 8.0, 2.0
"""Length of a movie, there and back, of numbers and angles, and for each of the classes."""

Array = NDArray[np.float64]
Advance = Callable[[int], None]


@dataclass(frozen=True)
class Pace:
    """Frames per second of a movie, and its length in seconds; None for `SECONDS`, or `SECONDS_PER_CLASS`."""

    fps: float
    seconds: float | None

    def places(self, quantity: Quantity) -> Array:
        """Places on the way, from 0 to 1: one per frame, or half as many where the way back shows them again."""
        usual = SECONDS_PER_CLASS * len(quantity.classes) if quantity.kind is ColumnKind.CATEGORY else SECONDS
        n_frames = round((usual if self.seconds is None else self.seconds) * self.fps)
        return np.linspace(0, 1, max(2, (n_frames if quantity.is_closed else n_frames // 2) + 1))


@dataclass(frozen=True, eq=False)
class Traversal:
    """Where codes go.

    Attributes:
        name: of the column or the unit.
        label: the same in words.
        rows: (m,) images that it starts from, and the values (m,) that they have.
        targets: (k,) values that codes are brought to.
        codes: (m, k, d) moved, and the values (m, k) `found` in their pictures.
        places: (f,) ascending from 0 to 1, on the way from the first to the last target, or once round.
        path: (m, f, d) codes at these places.
        quantity: what the values are of.
        note: what the numbers around the pictures are, and what was measured.
        summary: what was measured, for a reader.
        numbers: the same, and all else that is worth keeping.
    """

    name: str
    label: str
    rows: Rows
    values: Array
    targets: Array
    codes: Array
    found: Array
    places: Array
    path: Array
    quantity: Quantity
    note: str
    summary: str
    numbers: dict[str, Any]


def along_column(ground: Ground, name: str, n_starts: int, pace: Pace, advance: Advance) -> Traversal:
    """Move codes to other values of a column; see `Transport`.

    Args:
        ground: the network and its images.
        name: of the column.
        n_starts: images to show, spread over the column's values.
        pace: of the movie.
        advance: called with 1, `COLUMN_PARTS` times.

    Raises:
        UserError: the column cannot be followed.
    """
    quantity, training, held_out, rows = _known(ground, name)
    targets = quantity.targets(training[1])
    reader, reading_errors = best_reader(quantity, training, held_out)
    measured = numpy_stream(ground.seed, "measured starts").permutation(len(rows))[:N_MEASURED]
    check = Check(
        quantity,
        training,
        (held_out[0][measured], held_out[1][measured]),
        targets,
        ground.again,
        reader,
        ground.typical,
    )
    own_error = check.own_error()
    advance(1)
    outcomes = check.outcomes(ground.seed, advance)
    errors = {"own": own_error, **{way: outcome.error for way, outcome in outcomes.items()}}
    said = {way: _error_text(quantity, value) for way, value in errors.items()}
    of_what = "wrong classes" if quantity.kind is ColumnKind.CATEGORY else "median"

    shown = _spread_out(held_out[1], n_starts)
    starts, values = held_out[0][shown], held_out[1][shown]
    transport = Transport(quantity, *training)
    codes = transport.move(starts, values, targets)
    places = pace.places(quantity)
    if quantity.kind is ColumnKind.CATEGORY:
        path = _between(codes, places)
    else:
        end = quantity.period if quantity.is_closed else float(targets[-1])
        path = transport.move(starts, values, targets[0] + places * (end - targets[0]))
    what = "the picture's own code" if ground.sees_its_pictures else "the moved code"
    return Traversal(
        name=name,
        label=readable(name),
        rows=rows[shown],
        values=values,
        targets=targets,
        codes=codes,
        found=_found(ground, reader, codes),
        places=places,
        path=path,
        quantity=quantity,
        note=f"above: the value asked for; below: the value read from {what}\n{said['transport']} off ({of_what} of "
        f"{len(measured)} held-out images); {said['stay']} if codes are not moved",
        summary=f"{readable(name)}: the value read from {what} is {said['transport']} off ({of_what} of "
        f"{len(measured)} held-out images); images' own values {said['own']}; controls: codes not moved "
        f"{said['stay']}, shuffled values {said['shuffled']}; simpler ways: shift of the mean {said['shift']}, "
        f"straight line {said['straight']}; distance to training codes "
        f"{outcomes['transport'].distance:.2f} of that between them",
        numbers={
            "column": name,
            "kind": quantity.kind.value,
            "targets": quantity.classes if quantity.kind is ColumnKind.CATEGORY else targets,
            "n_training_images": len(training[1]),
            "n_measured_images": len(measured),
            "value_read_from": what,
            "reader": reader.name,
            "error_of_readers_on_held_out_codes": reading_errors,
            "error_is": "share of wrong classes" if quantity.kind is ColumnKind.CATEGORY else "median, in its unit",
            "error_of_unmoved_starts_for_their_own_value": own_error,
            "ways": {way: dataclasses.asdict(outcome) for way, outcome in outcomes.items()},
        },
    )


def along_unit(ground: Ground, unit: int, n_starts: int, pace: Pace, advance: Advance) -> Traversal:
    """Move one unit of codes over the range that it has, and leave the others; arguments as of `along_column`.

    Raises:
        UserError: the unit is dead.
    """
    codes = ground.training[1]
    if codes[:, unit].std() <= DEAD * np.abs(codes).max(initial=0):
        raise UserError(f"unit {unit} is dead, the same for every image: there is no way to go")
    low, high = np.percentile(codes[:, unit], UNIT_PERCENTILES).tolist()
    targets = np.linspace(low, high, STEPS)
    quantity = Quantity(f"unit {unit}", ColumnKind.LINEAR, 1.0, np.empty(0), decimals_for(high - low))
    rows, held_out = ground.held_out
    measured = numpy_stream(ground.seed, "measured starts").permutation(len(rows))[:N_MEASURED]

    def read(codes: Array) -> Array:
        return np.asarray(codes[:, unit])

    def errors_and_distance(moved: Array) -> tuple[float, float]:
        flat = moved.reshape(-1, moved.shape[-1])
        found = read(ground.again(flat)).reshape(moved.shape[:2])
        _, distances = nearest(flat.astype(np.float32), codes.astype(np.float32))
        return quantity.error(found, targets), float(np.median(distances)) / (ground.typical or np.nan)

    error, distance = errors_and_distance(move_unit(held_out[measured], unit, targets))
    advance(1)
    unmoved, unmoved_distance = errors_and_distance(np.repeat(held_out[measured][:, None], STEPS, axis=1))
    advance(1)
    shown = _spread_out(held_out[:, unit], n_starts)
    places = pace.places(quantity)
    moved = move_unit(held_out[shown], unit, targets)
    what = "the picture's own code" if ground.sees_its_pictures else "the moved code"
    return Traversal(
        name=f"unit-{unit}",
        label=f"unit {unit}",
        rows=rows[shown],
        values=held_out[shown, unit],
        targets=targets,
        codes=moved,
        found=_found(ground, read, moved),
        places=places,
        path=move_unit(held_out[shown], unit, low + places * (high - low)),
        quantity=quantity,
        note=f"above: the value that the unit is set to; below: its value in {what}\n{error:.2g} off (median of "
        f"{len(measured)} held-out images); {unmoved:.2g} if codes are not moved",
        summary=f"unit {unit}: its value in {what} is {error:.2g} off (median of {len(measured)} held-out images); "
        f"control: codes not moved {unmoved:.2g}; distance to training codes {distance:.2f} of that between them, of "
        f"codes not moved {unmoved_distance:.2f}",
        numbers={
            "unit": unit,
            "targets": targets,
            "n_training_images": len(codes),
            "n_measured_images": len(measured),
            "value_read_from": what,
            "ways": {
                "moved": {"error": error, "distance": distance},
                "stay": {"error": unmoved, "distance": unmoved_distance},
            },
        },
    )


def _known(ground: Ground, name: str) -> tuple[Quantity, tuple[Array, Array], tuple[Array, Array], Rows]:
    """The column; codes and values of the training and of the held-out images where it is known; rows of the latter."""
    quantity = quantity_of(ground.images.metadata, name, ground.training[0])
    column = ground.images.metadata.column(name)

    def known(rows: Rows, codes: Array) -> tuple[Rows, tuple[Array, Array]]:
        values = quantity.numbers(column[rows])
        there = ~np.isnan(values)
        return rows[there], (codes[there], values[there])

    _, training = known(*ground.training)
    rows, held_out = known(*ground.held_out)
    if not len(rows):
        raise UserError(f"column '{name}' has no value for any held-out image: there is nothing to start from")
    return quantity, training, held_out, rows


def _spread_out(values: Array, n: int) -> NDArray[np.int64]:
    """Positions of `n` values, at most all of them, at evenly spaced ranks."""
    n = min(n, len(values))
    return np.argsort(values, kind="stable")[((np.arange(n) + 0.5) * len(values) / n).astype(np.int64)]


def _between(codes: Array, places: Array) -> Array:
    """Codes (m, k, d) at k even places from 0 to 1 to those at `places` (f,), resting at each: (m, f, d)."""
    last = codes.shape[1] - 1
    before = np.minimum((places * last).astype(np.int64), last - 1)
    part = places * last - before
    eased = (part * part * (3 - 2 * part))[:, None]
    return np.asarray((1 - eased) * codes[:, before] + eased * codes[:, before + 1])


def _found(ground: Ground, read: Callable[[Array], Array], codes: Array) -> Array:
    return read(ground.again(codes.reshape(-1, codes.shape[-1]))).reshape(codes.shape[:2])


def _error_text(quantity: Quantity, error: float) -> str:
    if quantity.kind is ColumnKind.CATEGORY:
        return f"{100 * error:.0f} %"
    unit = "\N{DEGREE SIGN}" if quantity.kind is ColumnKind.CIRCULAR and quantity.period == 360 else ""
    return f"{error:.2g}{unit}" if error < 100 else f"{error:.0f}{unit}"
