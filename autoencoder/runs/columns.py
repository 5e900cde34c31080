"""What has become of a run's metadata since it was started: columns that are new, gone, or of other values."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autoencoder.data.images import ImageSet
from autoencoder.data.metadata import Metadata
from autoencoder.errors import listed
from autoencoder.runs.folder import Run

HASH_DIGITS = 12
"""Of the hash of a column: enough to tell it from any that it may have been."""

SHOWN_COLUMNS = 5
"""How many columns are named, before the rest is counted."""


def column_hashes(metadata: Metadata) -> dict[str, str]:
    """A short hash of the values of each column, the same however its numbers are written (1 and 1.0)."""
    return {name: _hash(values) for name, values in metadata.columns.items()}


def _hash(values: NDArray[Any]) -> str:
    if values.dtype.kind == "U":
        content = json.dumps(values.tolist()).encode()
    else:
        numbers = values.astype(np.float64)
        content = np.where(np.isnan(numbers), np.nan, numbers + 0.0).tobytes()  # one NaN, and one zero
    return hashlib.sha256(content).hexdigest()[:HASH_DIGITS]


def changes_since_start(run: Run, metadata: Metadata, aside: Collection[str] = ()) -> str | None:
    """What has changed in a run's own metadata since it was started, such as "column 'port' is new".

    Args:
        run: a run folder.
        metadata: as they are now.
        aside: columns to say nothing of.

    Returns:
        None where nothing has changed, or the run is of a version that kept no hashes.
    """
    before = run.environment().get("columns_sha256")
    if not isinstance(before, dict):
        return None
    now = column_hashes(metadata)
    found = {
        ("is new", "are new"): [name for name in now if name not in before],
        ("is gone", "are gone"): [name for name in before if name not in now],
        ("has changed values", "have changed values"): [n for n in now if n in before and now[n] != before[n]],
    }
    said = []
    for (of_one, of_several), names in found.items():
        named = [name for name in names if name not in aside]
        if named:
            said.append(f"column {_listed(named)} {of_one}" if len(named) == 1 else f"{_listed(named)} {of_several}")
    return "; ".join(said) or None


def changed_table(run: Run, images: ImageSet, aside: Collection[str] = ()) -> str | None:
    """The same of the metadata of a run's images, with the file that they came from: "m.csv has changed: ..."."""
    changes = changes_since_start(run, images.metadata, aside)
    where = images.metadata.source or images.source or "the metadata"
    return None if changes is None else f"{where} has changed: {changes}"


def since_started(paths: Sequence[str], changed: str) -> str:
    """A sentence about what has changed, as of `changed_table`, since some runs were started."""
    few = list(paths) if len(paths) < 3 else [paths[0], f"{len(paths) - 1} other runs"]
    return f"since {' and '.join(few)} {'was' if len(paths) == 1 else 'were'} started, {changed}"


def _listed(names: Sequence[str]) -> str:
    """Such as "'a', 'b' and 3 more"."""
    shown = [f"'{name}'" for name in names[:SHOWN_COLUMNS]]
    if len(names) > SHOWN_COLUMNS:
        shown.append(f"{len(names) - SHOWN_COLUMNS:,} more")
    return listed(shown)
