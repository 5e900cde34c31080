"""Codes moved to other values of a column."""

from __future__ import annotations

import dataclasses

import numpy as np

from autoencoder.array_types import Rows
from autoencoder.errors import UserError
from autoencoder.latent.quantity import Quantity, best_reader, quantity_of
from autoencoder.latent.traversal import Transport
from autoencoder.latent.traversal_check import Check
from autoencoder.measures.kinds import ColumnKind
from autoencoder.workflows.columns import readable
from autoencoder.workflows.traversals.ground import Ground
from autoencoder.workflows.traversals.traversal import (
    Advance,
    Array,
    Pace,
    Traversal,
    distance_text,
    measured_starts,
    read_from_pictures,
    spread_out,
)

COLUMN_PARTS = 6
"""Pieces of work that a progress bar counts."""


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
    measured = measured_starts(ground, len(rows))
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
    off = f"{said['transport']} off (median of {len(measured)} held-out images)"
    if quantity.kind is ColumnKind.CATEGORY:
        off = f"wrong in {said['transport']} of {len(measured)} held-out images' pictures"

    shown = spread_out(held_out[1], n_starts)
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
        label=readable(name),
        rows=rows[shown],
        values=values,
        targets=targets,
        codes=codes,
        found=read_from_pictures(ground, reader, codes),
        places=places,
        path=path,
        quantity=quantity,
        note=f"above: the value asked for; below: the value read from {what}\n{off}; {said['stay']} if codes are not "
        "moved",
        summary=f"{readable(name)}: the value read from {what} is {off}; images' own values {said['own']}; "
        f"controls: codes not moved {said['stay']}, shuffled values {said['shuffled']}; simpler ways: shift of the "
        f"mean {said['shift']}, straight line {said['straight']}; {distance_text(outcomes['transport'].distance)}",
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


def _between(codes: Array, places: Array) -> Array:
    """Codes (m, k, d) at k even places from 0 to 1 to those at `places` (f,), resting at each: (m, f, d)."""
    last = codes.shape[1] - 1
    before = np.minimum((places * last).astype(np.int64), last - 1)
    part = places * last - before
    eased = (part * part * (3 - 2 * part))[:, None]
    return np.asarray((1 - eased) * codes[:, before] + eased * codes[:, before + 1])


def _error_text(quantity: Quantity, error: float) -> str:
    if quantity.kind is ColumnKind.CATEGORY:
        return f"{100 * error:.0f} %"
    unit = "\N{DEGREE SIGN}" if quantity.kind is ColumnKind.CIRCULAR and quantity.period == 360 else ""
    return f"{error:.2g}{unit}" if error < 100 else f"{error:.0f}{unit}"
