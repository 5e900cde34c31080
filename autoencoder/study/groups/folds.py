"""Whether codes tell the condition of an animal that neither the network nor the read-out has seen.

A network is trained on all animals but one, without conditions. Then a read-out learns them from the mean codes of the
other animals, and tells that of the one left out: the condition whose mean is nearer. An animal that is left out moves
the mean of its own condition away from itself, so without an effect the accuracy is below half: p comes from read-outs
that learn labels which are exchanged between animals. Networks know no labels, and are the same for all of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from autoencoder.study.groups.effects import TESTED_BELOW, Array, Cells, within_blocks
from autoencoder.study.permanova import TIE, Relabellings


@dataclass(frozen=True, eq=False)
class Told:
    """What read-outs tell of animals that were left out.

    Attributes:
        accuracy: share of cells whose condition is told, the mean of both conditions, over all networks.
        by_chance: the same, on average over relabellings.
        p: share of relabellings, the data among them, whose accuracy is not below that of the data; None where it
            could not fall below `TESTED_BELOW`.
        least_p: the smallest p that there could have been.
        relabellings: how many there were.
        complete: they are all that there are.
        right: (n,) share of networks by which each cell is told right; a tie is half.
        by_seed: accuracy of each seed alone.
    """

    accuracy: float
    by_chance: float
    p: float | None
    least_p: float
    relabellings: int
    complete: bool
    right: Array
    by_seed: tuple[float, ...]


def told_of(cells: Cells, codes: Sequence[Sequence[Array]], relabelled: Relabellings) -> Told:
    """Read the condition of each animal from codes of networks that have not seen it.

    Where animals are in both conditions, the mean of the two is taken off: which of the two is which is read.

    Args:
        cells: animals in conditions.
        codes: of each seed, for each animal in the order of `np.unique(cells.units)`: (n, d) mean codes of all cells by
            the network that has not seen this animal.
        relabelled: the ways to exchange labels.

    Raises:
        ValueError: there is not a network for each animal, or no labels can be exchanged.
    """
    units = np.unique(cells.units)
    if any(len(folds) != len(units) for folds in codes):
        raise ValueError(f"{len(units)} animals take as many networks of each seed")
    if len(relabelled.labels) < 2:
        raise ValueError("no labels can be exchanged")
    right = np.stack([_right(cells, folds, relabelled) for folds in codes])
    is_second = relabelled.labels == 1
    shares = [(right * of).sum(axis=2) / of.sum(axis=1) for of in (is_second, ~is_second)]
    by_seed = np.mean(shares, axis=0)
    accuracy = by_seed.mean(axis=0)
    is_tested = relabelled.least_p < TESTED_BELOW
    return Told(
        accuracy=float(accuracy[0]),
        by_chance=float(accuracy.mean()),
        p=float((accuracy >= accuracy[0] - TIE).mean()) if is_tested else None,
        least_p=relabelled.least_p,
        relabellings=len(accuracy),
        complete=relabelled.complete,
        right=right[:, 0].mean(axis=0),
        by_seed=tuple(by_seed[:, 0].tolist()),
    )


def _right(cells: Cells, folds: Sequence[Array], relabelled: Relabellings) -> Array:
    """(R, n) whether each cell is told right, by read-outs that learn each relabelling; 0.5 for a tie."""
    labels, right = relabelled.labels, np.empty(relabelled.labels.shape)
    for unit, codes in zip(np.unique(cells.units), folds, strict=True):
        own = cells.units == unit
        known = within_blocks(codes, cells.blocks) if cells.is_paired else np.asarray(codes, np.float64)
        distances = []
        for label in (0, 1):
            members = (labels[:, ~own] == label).astype(np.float64)
            means = members @ known[~own] / members.sum(axis=1, keepdims=True)
            distances.append(np.square(known[own][None] - means[:, None]).sum(axis=2))
        nearer = np.sign(distances[0] - distances[1])  # 1 where the second condition is
        right[:, own] = 0.5 + nearer * np.where(labels[:, own] == 1, 0.5, -0.5)
    return right
