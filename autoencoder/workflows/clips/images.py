"""Which frame each image of a data set is of, and where the animal was."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from autoencoder.array_types import Integers, Rows
from autoencoder.data.metadata import RECORDING, Metadata
from autoencoder.data.sources.video.cutting.clips import Way
from autoencoder.data.timescales import INDIVIDUAL
from autoencoder.workflows.clips.rows import whole_frames

THE_ONLY_ONE = ""
"""Name of the recording, and of the individual, of a data set that does not name them."""

PLACES = ("x", "y")
"""Columns of the animal's place, pixels of the video."""

Animal = tuple[str, str]
"""A recording and an individual."""


@dataclass(frozen=True, eq=False)
class Images:
    """What is known of N images.

    Attributes:
        metadata: of all of them.
        recordings, individuals: (N,) `THE_ONLY_ONE` where there are no such columns.
        frames: (N,) numbers in the video; -1 where it is not known.
    """

    metadata: Metadata
    recordings: NDArray[np.str_]
    individuals: NDArray[np.str_]
    frames: Integers

    @classmethod
    def of(cls, metadata: Metadata) -> Images:
        """What metadata say.

        Raises:
            UserError: there is no column `frame`, or a column is not what it should be.
        """
        recordings, individuals = (
            metadata.labels(name) if name in metadata.names else np.full(len(metadata), THE_ONLY_ONE)
            for name in (RECORDING, INDIVIDUAL)
        )
        return cls(metadata, recordings, individuals, whole_frames(metadata))

    @property
    def are_placed(self) -> bool:
        """Whether it is known where the animal was."""
        return all(self.numbers(name) is not None for name in PLACES)

    def numbers(self, name: str) -> NDArray[np.float64] | None:
        """(N,) values of a column, NaN where one is not known; None where there is no such column of numbers."""
        if name not in self.metadata.names or self.metadata.column(name).dtype.kind not in "iuf":
            return None
        return self.metadata.column(name).astype(np.float64)

    def animal(self, row: int) -> Animal:
        """Whom an image shows."""
        return str(self.recordings[row]), str(self.individuals[row])

    def ways(self, rows: Rows, crops: Mapping[str, int]) -> dict[Animal, Way]:
        """The ways of the animals in some of the images, where anything is known of them.

        Args:
            rows: of the images.
            crops: side of the window, pixels of the video, by recording.
        """
        x, y = (self.metadata.column(name).astype(np.float64) for name in PLACES)
        is_known = np.isfinite(x) & np.isfinite(y) & (self.frames >= 0)
        ways = {}
        for recording, individual in dict.fromkeys(self.animal(row) for row in rows.tolist()):
            own = is_known & (self.recordings == recording) & (self.individuals == individual)
            frames, first = np.unique(self.frames[own], return_index=True)
            if len(frames):
                ways[recording, individual] = Way(frames, x[own][first], y[own][first], crops[recording])
        return ways


def apart(times: NDArray[np.float64], seconds: float) -> list[int]:
    """Places in ascending times: the first of all, and then each that is at least so long after the one before."""
    kept, last = list[int](), -np.inf
    for i, time in enumerate(times.tolist()):
        if time - last >= seconds:
            kept.append(i)
            last = time
    return kept
