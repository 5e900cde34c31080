"""Every value of a column left out in turn: a network is trained on all others, for each setting and seed."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from autoencoder.config import GROUP_SPLIT
from autoencoder.config.presets import Preset
from autoencoder.data.images import ImageSet
from autoencoder.errors import UserError, first_few
from autoencoder.machine.file_names import file_stem
from autoencoder.study.designs.design import Design, LeftOut, Member, crossed, with_names_apart

LEFT_OUT = "left_out"
"""What runs of one setting and seed differ in: the value that each has not seen."""

DECIDED = ("split", "hold_out", "val_fraction", "block_size", "gap")
"""Settings of the split, which is that of the folds."""

FEWEST_FOLDS = 3
"""With two, each network has seen a single value."""

SEEDS = 3
"""Seeds of each fold, where nothing is said."""


def leave_one_out(
    column: str,
    base: Preset,
    vary: Mapping[str, tuple[str, ...]],
    seeds: Sequence[int],
    images: ImageSet,
    asked: Mapping[str, Any],
) -> Design:
    """A fold for each value of a column, crossed with settings and seeds.

    Args:
        column: such as the animal.
        base: settings of all runs, the path of the data among them.
        vary: from `parse_vary`.
        seeds: at least one.
        images: the data.
        asked: what is asked of the codes, for the report; see `Design.leave_one_out`.

    Raises:
        UserError: a setting of the split is given, the column has too few values, an image has none, or no combination
            can be trained.
    """
    given = [f"--{name.replace('_', '-')}" for name in DECIDED if name in base.data]
    if given:
        raise UserError(f"--leave-one-out {column} decides what is held out: leave {', '.join(given)} out")
    labels = images.metadata.labels(column)
    values = [value for value in np.unique(labels).tolist() if value]
    where = images.metadata.source or images.source or "the data"
    if len(values) < FEWEST_FOLDS:
        raise UserError(
            f"--leave-one-out {column}: the column has {len(values)} values in {where} ({first_few(values, 3)}), and "
            f"{FEWEST_FOLDS} are the fewest"
        )
    members, left_out, notes = list[Member](), dict[str, LeftOut](), dict[str, None]()
    for value in values:
        data = {**base.data, "split": f"{GROUP_SPLIT}:{column}", "hold_out": (f"{column}={value}",)}
        fold = crossed(dataclasses.replace(base, data=data), vary, seeds, images)
        members += [_member(member, value) for member in fold.members]
        left_out |= {str(one): one for one in fold.left_out}
        notes |= dict.fromkeys(fold.notes)
    return Design(
        {**vary, LEFT_OUT: tuple(values)},
        tuple(seeds),
        tuple(with_names_apart(members)),
        tuple(left_out.values()),
        tuple(notes),
        leave_one_out={"column": column, **asked},
    )


def _member(member: Member, value: str) -> Member:
    levels = {**member.levels, LEFT_OUT: value}
    return dataclasses.replace(member, name=f"{file_stem('_'.join(levels.values()))}-{member.seed}", levels=levels)
