"""Codes with one unit moved."""

from __future__ import annotations

import numpy as np

from autoencoder.errors import UserError
from autoencoder.latent.codes import DEAD
from autoencoder.latent.quantity import STEPS, Quantity, decimals_for
from autoencoder.latent.traversal import move_unit
from autoencoder.latent.traversal_check import error_and_distance
from autoencoder.measures.kinds import ColumnKind
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

UNIT_PERCENTILES = (1, 99)
UNIT_PARTS = 2
"""Pieces of work that a progress bar counts."""


def along_unit(ground: Ground, unit: int, n_starts: int, pace: Pace, advance: Advance) -> Traversal:
    """Move one unit of codes over the range that it has, and leave the others; arguments as of `along_column`.

    Raises:
        UserError: the unit is dead.
    """
    codes = ground.training[1]
    if codes[:, unit].std() <= DEAD * np.abs(codes).max(initial=0):
        raise UserError(f"unit {unit} is dead, the same for every image: choose another one")
    low, high = np.percentile(codes[:, unit], UNIT_PERCENTILES).tolist()
    targets = np.linspace(low, high, STEPS)
    quantity = Quantity(f"unit {unit}", ColumnKind.LINEAR, 1.0, np.empty(0), decimals_for(high - low))
    rows, held_out = ground.held_out
    measured = measured_starts(ground, len(rows))

    def read(codes: Array) -> Array:
        return np.asarray(codes[:, unit])

    def measured_on(moved: Array) -> tuple[float, float]:
        return error_and_distance(quantity, moved, targets, read, ground.again, codes, ground.typical)

    error, distance = measured_on(move_unit(held_out[measured], unit, targets))
    advance(1)
    unmoved, unmoved_distance = measured_on(np.repeat(held_out[measured][:, None], STEPS, axis=1))
    advance(1)
    shown = spread_out(held_out[:, unit], n_starts)
    places = pace.places(quantity)
    moved = move_unit(held_out[shown], unit, targets)
    what = "the picture's own code" if ground.sees_its_pictures else "the moved code"
    return Traversal(
        label=f"unit {unit}",
        rows=rows[shown],
        values=held_out[shown, unit],
        targets=targets,
        codes=moved,
        found=read_from_pictures(ground, read, moved),
        places=places,
        path=move_unit(held_out[shown], unit, low + places * (high - low)),
        quantity=quantity,
        note=f"above: the value that the unit is set to; below: its value in {what}\n{error:.2g} off (median of "
        f"{len(measured)} held-out images); {unmoved:.2g} if codes are not moved",
        summary=f"unit {unit}: its value in {what} is {error:.2g} off (median of {len(measured)} held-out images); "
        f"control: codes not moved {unmoved:.2g}; {distance_text(distance)}",
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
