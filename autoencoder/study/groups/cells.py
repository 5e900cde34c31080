"""Who is compared: the animals of each condition, which labels can be exchanged, and what goes with the condition."""

from __future__ import annotations

import datetime
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autoencoder.array_types import Rows
from autoencoder.data.metadata import RECORDING, Metadata
from autoencoder.data.timescales import SOURCES, TIME_COLUMNS, timeline_of
from autoencoder.errors import UserError, first_few, listed
from autoencoder.measures.kinds import ColumnKind
from autoencoder.study.groups.effects import Cells

FEWEST_UNITS = 2
"""Of each condition: with one animal nothing is known of how animals differ."""

SHOWN = 6
"""Names that a message lists."""

Labels = NDArray[np.str_]


@dataclass(frozen=True)
class Confounded:
    """A column that tells the conditions apart as well as they do themselves.

    Attributes:
        column: its name.
        first, second: its values in either condition, in words.
    """

    column: str
    first: str
    second: str


@dataclass(frozen=True, eq=False)
class Groups:
    """Two conditions of animals.

    Attributes:
        by, unit: columns of the condition and of the animal.
        strata: columns within whose values labels are exchanged.
        conditions: names of the two, the one that the other is compared with first.
        cells: animals in conditions, in the order of conditions and names.
        strata_of: (n,) the stratum of each cell, in words.
        rows: of each cell, ascending.
        confounded: columns that go with the condition.
        notes: what was left out, a sentence each.
    """

    by: str
    unit: str
    strata: tuple[str, ...]
    conditions: tuple[str, str]
    cells: Cells
    strata_of: Labels
    rows: tuple[Rows, ...]
    confounded: tuple[Confounded, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def sizes(self) -> tuple[int, int]:
        """Animals in either condition."""
        first, second = np.bincount(self.cells.labels, minlength=2).tolist()
        return int(first), int(second)


def groups_of(
    metadata: Metadata,
    by: str,
    unit: str,
    *,
    strata: Sequence[str] = (),
    conditions: Sequence[str] = (),
    same_as: Collection[str] = (),
) -> Groups:
    """The animals of two conditions.

    Args:
        metadata: of all images.
        by: column of the condition: the same all through a recording.
        unit: column of the animal.
        strata: columns that are the same for all images of an animal, such as its sex.
        conditions: the two values of `by` that are compared; empty for those that there are.
        same_as: columns that say the condition in other words, and are not confounded with it.

    Raises:
        UserError: a column is missing or not of this kind, there are other than two conditions, too few animals, some
            in both conditions and most in one, or no labels that can be exchanged.
    """
    where = str(metadata.source or "the metadata")
    _refuse_same_columns(by, unit, strata)
    for name in same_as:
        metadata.column(name)
    values, units = metadata.labels(by), metadata.labels(unit)
    _refuse_changing(metadata, by, values, where)
    chosen = _two_conditions(values, by, where, tuple(conditions))
    known = np.isin(values, chosen) & (units != "")
    notes = _left_out(values, units, chosen, by, unit)
    members = {name: set(values[known & (units == name)].tolist()) for name in np.unique(units[known]).tolist()}
    both = [name for name, its in members.items() if len(its) == 2]
    is_paired = len(both) > 0
    if is_paired and len(both) < len(members):
        notes += _only_pairs(both, members, by, unit, where)
        known &= np.isin(units, both)
        members = {name: members[name] for name in both}
    _refuse_few(members, chosen, unit, by, where, is_paired=is_paired)
    pairs = [(label, name) for label, value in enumerate(chosen) for name, its in members.items() if value in its]
    rows = tuple(np.flatnonzero(known & (units == name) & (values == chosen[label])) for label, name in pairs)
    stratum = _strata_of(metadata, strata, pairs, rows, unit, where)
    names, labels = np.array([name for _, name in pairs]), np.array([label for label, _ in pairs], np.int64)
    blocks = np.unique(names if is_paired else stratum, return_inverse=True)[1].astype(np.int64)
    if not any(len(set(labels[blocks == block].tolist())) == 2 for block in np.unique(blocks).tolist()):
        raise UserError(
            f"no labels of '{by}' can be exchanged within {listed(list(strata))}: every stratum has a single "
            "condition; leave a column of --strata out"
        )
    if is_paired and strata:
        notes.append(f"labels are exchanged within each {unit}, which keeps {listed(list(strata))} as it is")
    confounded = _confounded(metadata, rows, labels, skip={by, unit, *strata, *same_as, *SOURCES, *TIME_COLUMNS})
    return Groups(
        by,
        unit,
        tuple(strata),
        chosen,
        Cells(names, labels, blocks, is_paired),
        stratum,
        rows,
        tuple(confounded),
        tuple(notes),
    )


def _refuse_same_columns(by: str, unit: str, strata: Sequence[str]) -> None:
    named = [by, unit, *strata]
    twice = sorted({name for name in named if named.count(name) > 1})
    if twice:
        raise UserError(f"--by, --unit and --strata must be different columns, and '{twice[0]}' is named twice")


def _two_conditions(values: Labels, by: str, where: str, asked: tuple[str, ...]) -> tuple[str, str]:
    there = [value for value in np.unique(values).tolist() if value]
    missing = [value for value in asked if value not in there]
    if missing:
        raise UserError(
            f"column '{by}' in {where} has no {', '.join(map(repr, missing))}: it has {first_few(there, SHOWN)}"
        )
    chosen = asked or tuple(there)
    if len(chosen) != 2 or len(set(chosen)) != 2:
        raise UserError(
            f"two conditions are compared, and column '{by}' in {where} has {len(there)} "
            f"({first_few(there, SHOWN) or 'none'}): name two by --by {by}=A,B"
            if not asked
            else f"two conditions are compared: --by {by}=A,B, not {','.join(asked)}"
        )
    return chosen[0], chosen[1]


def _refuse_changing(metadata: Metadata, by: str, values: Labels, where: str) -> None:
    """Refuse a condition that is one of single images: their neighbours in time are nearly the same image."""
    if RECORDING not in metadata.names:
        return
    recordings = timeline_of(metadata, len(values)).recordings
    known = values != ""
    pairs = np.unique(np.stack([recordings[known], np.unique(values[known], return_inverse=True)[1]]), axis=1)
    if pairs.shape[1] > len(np.unique(pairs[0])):
        raise UserError(
            f"column '{by}' in {where} changes within a recording: --by needs a column that is constant within an "
            "animal or a recording"
        )


def _left_out(values: Labels, units: Labels, chosen: Sequence[str], by: str, unit: str) -> list[str]:
    counts = {
        f"without a value of '{by}'": int((values == "").sum()),
        f"of other values of '{by}'": int((~np.isin(values, ["", *chosen])).sum()),
        f"without a value of '{unit}'": int((np.isin(values, chosen) & (units == "")).sum()),
    }
    return [f"{n:,} images {what} are left out" for what, n in counts.items() if n]


def _only_pairs(both: list[str], members: dict[str, set[str]], by: str, unit: str, where: str) -> list[str]:
    single = [name for name in members if name not in both]
    if len(both) < max(FEWEST_UNITS, len(single)):
        raise UserError(
            f"{first_few(both, SHOWN)} of '{unit}' in {where} are in both conditions of '{by}', and {len(single)} in "
            f"one: either all must be paired, or none; to leave some out, empty their '{by}' in a table given by "
            "--metadata"
        )
    return [f"{first_few(single, SHOWN)} of '{unit}' are left out: they are in one condition, and the others in both"]


def _refuse_few(
    members: dict[str, set[str]], chosen: Sequence[str], unit: str, by: str, where: str, *, is_paired: bool
) -> None:
    counts = {value: sum(value in its for its in members.values()) for value in chosen}
    few = [f"{n} with {by} '{value}'" for value, n in counts.items() if n < FEWEST_UNITS]
    if few:
        raise UserError(
            f"of the values of '{unit}', {where} has {listed(few)}: a comparison needs at least {FEWEST_UNITS} of "
            f"each, and a test {'6 that are in both' if is_paired else '4 of each'}"
        )


def _strata_of(
    metadata: Metadata,
    strata: Sequence[str],
    pairs: Sequence[tuple[int, str]],
    rows: Sequence[Rows],
    unit: str,
    where: str,
) -> Labels:
    """(n,) the stratum of each cell, whose animal has one value of each column."""
    found: dict[str, tuple[str, ...]] = {}
    columns = {name: metadata.labels(name) for name in strata}
    for (_, name), own in zip(pairs, rows, strict=True):
        values = []
        for column, labels in columns.items():
            its = np.unique(labels[own])
            if len(its) > 1 or not its[0]:
                what = f"has {len(its)} values" if len(its) > 1 else "is empty"
                raise UserError(
                    f"--strata {column}: the column {what} for '{name}' ({unit}) in {where}: strata are of animals, "
                    "and each has one value"
                )
            values.append(str(its[0]))
        if found.setdefault(name, tuple(values)) != tuple(values):
            raise UserError(
                f"--strata: '{name}' ({unit}) in {where} has other values of {listed(list(strata))} in either "
                "condition: strata are of animals, and each has one value"
            )
    return np.array([", ".join(found[name]) for _, name in pairs])


# ---------------------------------------------------------------------------------------------------------- confounding


def _confounded(
    metadata: Metadata, rows: Sequence[Rows], labels: NDArray[Any], skip: Collection[str]
) -> list[Confounded]:
    """Columns of recordings, or animals, whose values in the two conditions have none in common.

    What each animal has for itself, such as its name or cage, tells nothing, unless its values are in an order, such as
    days, and those of one condition come first.
    """
    together = np.concatenate(rows)
    cell_of = np.repeat(np.arange(len(rows)), [len(own) for own in rows])
    pieces = cell_of
    if RECORDING in metadata.names:
        pieces = timeline_of(metadata, len(metadata)).recordings[together]
    found = []
    for name in metadata.names:
        if name in skip or metadata.kind(name) is ColumnKind.CIRCULAR:
            continue
        values = metadata.column(name)[together]
        known = values != "" if values.dtype.kind == "U" else np.isfinite(values)
        codes = np.unique(values, return_inverse=True)[1]
        if not known.all() or len(np.unique(np.stack([pieces, codes]), axis=1).T) > len(np.unique(pieces)):
            continue  # it changes within recordings
        first, second = (np.unique(codes[labels[cell_of] == label]) for label in (0, 1))
        cells_of = np.unique(np.stack([codes, cell_of]), axis=1)[0]
        is_shared = len(np.unique(cells_of)) < len(cells_of)
        in_order = is_ordered(values) and (first.max() < second.min() or second.max() < first.min())
        if not np.isin(first, second).any() and (is_shared or in_order):
            texts = [_in_words(np.unique(values[labels[cell_of] == label])) for label in (0, 1)]
            found.append(Confounded(name, *texts))
    return found


def is_ordered(values: NDArray[Any]) -> bool:
    """Whether values are numbers, or dates as 2026-11-27, whose order as texts is theirs in time."""
    if values.dtype.kind != "U":
        return True
    try:
        for value in np.unique(values).tolist():
            datetime.datetime.fromisoformat(value)
    except ValueError:
        return False
    return True


def _in_words(values: NDArray[Any]) -> str:
    if len(values) > 2 and is_ordered(values):
        return f"{values[0]} to {values[-1]}"
    return first_few([str(value) for value in values.tolist()], SHOWN)


def held_out_units(groups: Groups, train: Rows) -> list[str]:
    """Animals of which a network has seen nothing in training."""
    seen = {str(unit) for unit, rows in zip(groups.cells.units, groups.rows, strict=True) if np.isin(rows, train).any()}
    return [name for name in np.unique(groups.cells.units).tolist() if name not in seen]


def says_the_condition(metadata: Metadata, column: str, groups: Groups) -> bool:
    """Whether a column is the condition, or has one value for each of the two."""
    if column == groups.by:
        return True
    values = metadata.column(column)
    first, second = (
        np.unique(
            np.concatenate(
                [values[rows] for rows, of in zip(groups.rows, groups.cells.labels, strict=True) if of == label]
            )
        )
        for label in (0, 1)
    )
    return len(first) == 1 and len(second) == 1 and bool(first[0] != second[0])
