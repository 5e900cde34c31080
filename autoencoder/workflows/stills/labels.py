"""The column of classes that clusters are compared with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autoencoder.array_types import Rows
from autoencoder.data.metadata import Metadata
from autoencoder.errors import UserError
from autoencoder.measures.kinds import ColumnKind

MAX_CLASSES = 20
"""Classes in a figure; the rarer ones share a row. A column of more is not taken for labels unless it is named."""


@dataclass(frozen=True, eq=False)
class Labels:
    """A column of classes: values (n,), which of them are known, and the number of classes."""

    name: str
    values: NDArray[Any]
    known: NDArray[np.bool_]
    n_classes: int


def choose_labels(metadata: Metadata, rows: Rows, name: str | None) -> Labels | None:
    """The named category, or the first one that has 2 to `MAX_CLASSES` classes among `rows`; None if there is none."""
    if name is not None:
        if metadata.kind(name) is not ColumnKind.CATEGORY:
            there = [other for other in metadata.names if metadata.kind(other) is ColumnKind.CATEGORY]
            raise UserError(
                f"column '{name}' is {metadata.kind(name).value} and clusters are compared with a category: "
                f"{', '.join(there) or 'there is none'}"
            )
        labels = _labels(metadata, rows, name)
        if labels.n_classes < 2:
            raise UserError(
                f"column '{name}' has one class only among the snapshot's images: clusters need two or more"
            )
        return labels
    for other in metadata.names:
        if metadata.kind(other) is ColumnKind.CATEGORY:
            labels = _labels(metadata, rows, other)
            if 2 <= labels.n_classes <= MAX_CLASSES:
                return labels
    return None


def _labels(metadata: Metadata, rows: Rows, name: str) -> Labels:
    values = metadata.column(name)[rows]
    known = values != "" if values.dtype.kind == "U" else np.isfinite(values)
    if values.dtype.kind == "f" and (values[known] == values[known].round()).all():
        values = np.where(known, values, 0).astype(np.int64)  # 1, and not 1.0, is the name of a class
    return Labels(name, values, np.asarray(known, bool), len(np.unique(values[known])))
