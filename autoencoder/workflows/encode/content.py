"""What every format is made of: codes of images, what is known of these, and what the network says of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autoencoder.array_types import FloatArray
from autoencoder.data.joining.series import TIME, as_labels
from autoencoder.machine.file_names import unused

Column = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Content:
    """N images with codes of d units.

    Attributes:
        about: what this is, such as the run and the checkpoint, in words by name.
        metadata: (N,) what was known of the images before, by name.
        codes: (N, d) float32.
        found: (N,) what the network says of them, by name, and which of them it was trained on, where it was on some.
        pictures: (n, C, H, W) float32 each, what it makes of them, one after the other; empty where that was not asked
            for, or is no picture.
        session_start: when the session began, as ISO 8601 with the zone; None where nobody said so.
    """

    about: Mapping[str, str]
    metadata: Mapping[str, Column]
    codes: FloatArray
    found: Mapping[str, Column]
    pictures: Sequence[NDArray[np.float32]] = ()
    session_start: str | None = None

    @property
    def times(self) -> NDArray[np.float64] | None:
        """Seconds since the start of the recording, (N,); None where they are not known of every image."""
        return self.metadata[TIME].astype(np.float64) if has_times(self.metadata) else None

    def named_metadata(self, taken: Sequence[str] = (), *, without: Sequence[str] = ()) -> dict[str, Column]:
        """What was known, where a column that is called as something else gets `_column` after its name.

        Args:
            taken: names that are given, beside those of `found` and of units.
            without: columns that are left out.
        """
        given = {*taken, *self.found, *self.units}
        named: dict[str, Column] = {}
        for name, values in self.metadata.items():
            if name not in without:
                name = unused(name, given)
                given.add(name)
                named[name] = values
        return named

    @property
    def units(self) -> dict[str, FloatArray]:
        """The codes, a column for each unit: `latent_0`, `latent_1`, ..."""
        return {f"latent_{unit}": self.codes[:, unit] for unit in range(self.codes.shape[1])}

    def table(self) -> dict[str, Column]:
        """All of it as columns: what was known, codes, and what was found."""
        return {**self.named_metadata(), **self.units, **self.found}


def has_times(columns: Mapping[str, Column]) -> bool:
    """Whether the time of each image is known."""
    times = columns.get(TIME)
    return times is not None and times.dtype.kind != "U" and bool(np.isfinite(times.astype(np.float64)).all())


def one_after_the_other(parts: Sequence[Mapping[str, Column]], lengths: Sequence[int]) -> dict[str, Column]:
    """Columns of several sets as those of one; what one of them lacks is NaN, or an empty text, in its rows.

    Args:
        parts: columns of each set.
        lengths: rows of each set.
    """
    joined: dict[str, Column] = {}
    for name in dict.fromkeys(name for part in parts for name in part):
        known = [part[name] for part in parts if name in part]
        is_text = any(values.dtype.kind == "U" for values in known)
        missing: list[Column] = [np.full(n, "") if is_text else np.full(n, np.nan) for n in lengths]
        values = [
            (as_labels(part[name]) if is_text else part[name]) if name in part else none
            for part, none in zip(parts, missing, strict=True)
        ]
        joined[name] = np.concatenate(values)
    return joined
