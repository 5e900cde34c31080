"""How well each column of a data set is told from each other one: what tells one tells the other as well."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from autoencoder.config import DataConfig
from autoencoder.data.images import ImageSet
from autoencoder.data.timescales import target_of, timeline_of
from autoencoder.errors import UserError
from autoencoder.evaluation.probing import Probed, Probing
from autoencoder.runs.data import resolve_split, split_of


@dataclass(frozen=True)
class Relations:
    """Every column, told from every other one.

    Attributes:
        probing: the columns, and what is known of their time.
        told_from: for each column, what it tells of the others.
        split: what was held out, in words.
    """

    probing: Probing
    told_from: dict[str, Probed]
    split: str


def relations(images: ImageSet, data: DataConfig) -> Relations:
    """Read each column from each other one, fitted and scored on the split that `data` makes.

    Raises:
        UserError: fewer than two columns can be read, or there is too little to split.
    """
    metadata, resolved = images.metadata, resolve_split(data, images)
    split = split_of(resolved.data, images)
    probing = Probing(metadata, len(images), split.train, split.val, resolved.data.split, resolved.data.split_seed)
    if probing.refusal is not None:
        raise UserError(f"columns cannot be related: {probing.refusal}")
    if len(probing.columns) < 2:
        reasons = [f"column '{name}' {why}" for name, why in probing.left_out.items()]
        raise UserError([*reasons, "fewer than two columns are left that can be predicted from each other"])
    timeline = timeline_of(metadata, len(images))
    told = {}
    for name in probing.columns:
        told[name] = probing.ask(_standardised(target_of(metadata, name, timeline).values), nulls=False)
    return Relations(probing, told, resolved.said or f"split: {resolved.data.split}")


def _standardised(values: NDArray[np.float64]) -> NDArray[np.float64]:
    deviation = values.std(axis=0)
    return np.asarray((values - values.mean(axis=0)) / np.where(deviation > 0, deviation, 1.0))
