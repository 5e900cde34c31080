"""What a pose is: where a tracker found each body part of each animal, in each frame of a video."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

import numpy as np
from numpy.typing import NDArray

from autoencoder.errors import UserError
from autoencoder.machine.memory import refuse_too_large

UNIQUE_PARTS = "single"
"""The individual that multi-animal DeepLabCut files the parts under that belong to no animal, such as the corners of
the cage ("unique body parts")."""


MOST_GAPS_LISTED = 4
"""Gaps between frames that a note lists; more are counted."""

LARGEST_FRAME = 2**53
"""Larger numbers are not whole as float64."""


@dataclass(frozen=True)
class Scores:
    """What a tracker says of how sure it is of a part.

    Attributes:
        name: what it is called, in a sentence.
        threshold: a part that scores less counts as not seen, unless the user says otherwise; None where there are
            no scores.
    """

    name: str
    threshold: float | None


LIKELIHOOD = Scores("likelihood", 0.6)
"""Of DeepLabCut, from 0 to 1, and nearly always close to one of them; 0.6 is the threshold that it has itself
(`pcutoff`)."""

SCORE = Scores("score", 0.2)
"""Of SLEAP and what else sleap-io reads: the height of a peak, often no more than 0.3 where a part is found well, and
at times above 1. SLEAP itself takes a peak for a part from 0.2 on."""

NO_SCORES = Scores("score", None)
"""Of parts that people clicked, and of trackers that say nothing."""


@dataclass(frozen=True, eq=False)
class Pose:
    """The track of one animal; F frames, P parts.

    Attributes:
        parts: names of the body parts.
        xy: (F, P, 2) float64, pixels of the video, x to the right and y down; NaN where a part was not found.
        likelihood: (F, P) float64, the tracker's score; 0 where a part was not found, 1 where the tracker does not say.
        source: the file it came from.
        scores: what the likelihoods are.
        notes: what was left out, one sentence each.
        name: of the individual; empty where the file does not name its one animal.
        first_frame: number that the file gives its first row.
    """

    parts: tuple[str, ...]
    xy: NDArray[np.float64]
    likelihood: NDArray[np.float64]
    source: Path
    scores: Scores = LIKELIHOOD
    notes: tuple[str, ...] = ()
    name: str = ""
    first_frame: int = 0

    def __len__(self) -> int:
        return len(self.xy)


@dataclass(frozen=True, eq=False)
class Poses:
    """What a tracker found in a video: F frames, A individuals, P parts.

    Attributes:
        parts: names of the body parts; P.
        individuals: names of the individuals; A. Where a file does not name its one animal, that is `("",)`.
        xy: (F, A, P, 2) float64, pixels of the video, x to the right and y down; NaN where a part was not found.
        likelihood: (F, A, P) float64, the tracker's score; 0 where a part was not found, 1 where the tracker does not
            say.
        source: the file it came from.
        scores: what the likelihoods are.
        first_frame: number that the file gives its first row: 0, or 1 where a file counts from 1, or more where a part
            of a video was tracked. Rows are one frame apart: frames that the file leaves out are rows of NaN.
        tracked: the individuals are tracks that a tracker put together, which may be fragments of an animal's path, and
            not animals.
        notes: what was left out, one sentence each: frames that the file lacks, other videos, columns.
    """

    parts: tuple[str, ...]
    individuals: tuple[str, ...]
    xy: NDArray[np.float64]
    likelihood: NDArray[np.float64]
    source: Path
    scores: Scores = LIKELIHOOD
    first_frame: int = 0
    tracked: bool = False
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.xy)

    @property
    def animals(self) -> tuple[int, ...]:
        """Numbers of the individuals that can be animals: all but the one of DeepLabCut's unique body parts."""
        if self.tracked or len(self.individuals) == 1:
            return tuple(range(len(self.individuals)))
        return tuple(i for i, name in enumerate(self.individuals) if name != UNIQUE_PARTS)

    def one(self, individual: int) -> Pose:
        """The track of one individual, by its number."""
        return Pose(
            self.parts,
            self.xy[:, individual],
            self.likelihood[:, individual],
            self.source,
            self.scores,
            self.notes,
            self.individuals[individual],
            self.first_frame,
        )


def make_poses(
    parts: Sequence[str],
    individuals: Sequence[str],
    xy: NDArray[Any],
    likelihood: NDArray[Any],
    path: Path,
    scores: Scores,
    *,
    first_frame: int = 0,
    tracked: bool = False,
    notes: Iterable[str] = (),
) -> Poses:
    """Poses in which a missing part is NaN and has a likelihood of 0.

    Args:
        parts: names of the body parts; P.
        individuals: names of the individuals; A.
        xy: (F, A, P, 2), pixels; a part is missing where one of its two is not finite.
        likelihood: (F, A, P); NaN counts as 0.
        path: the file they came from.
        scores: what the likelihoods are.
        first_frame: number of the first row.
        tracked: whether the individuals are tracks.
        notes: what was left out.
    """
    xy = np.asarray(xy, np.float64)
    found = np.asarray(np.isfinite(xy).all(axis=-1))
    return Poses(
        tuple(parts),
        tuple(individuals),
        np.where(found[..., None], xy, np.nan),
        np.where(found, np.nan_to_num(np.asarray(likelihood, np.float64)), 0.0),
        path,
        scores,
        first_frame,
        tracked,
        tuple(notes),
    )


class Numbered(NamedTuple):
    """How the rows of a file lie on the frames of a video; R rows, F frames.

    Attributes:
        first: number of the first frame.
        n_frames: frames from the first to the last; F.
        places: (R,) int64, rows of (F, ...) arrays.
        notes: which frames the file leaves out.
    """

    first: int
    n_frames: int
    places: NDArray[np.int64]
    notes: tuple[str, ...]


def number_frames(numbers: NDArray[Any], path: Path, n_values: int) -> Numbered:
    """Where the rows of a file belong that says the number of each row's frame.

    Args:
        numbers: (R,), numbers of the frames as they stand in the file; of one frame, rows can be several (one of each
            animal).
        path: the file.
        n_values: numbers that there are of each frame.

    Raises:
        UserError: a number is not a whole one from 0 on, or there are so many frames that they do not fit into memory.
    """
    numbers = np.asarray(numbers, np.float64)
    bad = np.flatnonzero(~(np.isfinite(numbers) & (numbers == np.floor(numbers)) & (numbers >= 0)))
    if not bad.size:
        bad = np.flatnonzero(numbers > LARGEST_FRAME)
    if bad.size:
        raise UserError(
            f"{path} has {numbers[bad[0]]:g} where the number of a frame belongs (row {bad[0] + 1} of its data): frames "
            "are numbered by whole numbers from 0 on"
        )
    if not numbers.size:
        return Numbered(0, 0, np.empty(0, np.int64), ())
    frames = numbers.astype(np.int64)
    first, last = int(frames.min()), int(frames.max())
    n_frames = last - first + 1
    refuse_too_large(f"{path}, whose last frame is number {last:,},", 8 * n_frames * n_values, "correct or split it")
    return Numbered(first, n_frames, frames - first, _said_gaps(np.unique(frames), path))


def _said_gaps(frames: NDArray[np.int64], path: Path) -> tuple[str, ...]:
    """A sentence about the frames between those that there are, in ascending order."""
    after = np.flatnonzero(np.diff(frames) > 1)
    if not after.size:
        return ()
    spans = [(int(frames[i]) + 1, int(frames[i + 1]) - 1) for i in after]
    n_missing, n_frames = sum(last - first + 1 for first, last in spans), int(frames[-1] - frames[0]) + 1
    listed = ", ".join(f"{first}" if first == last else f"{first}-{last}" for first, last in spans[:MOST_GAPS_LISTED])
    more = f" and {len(spans) - MOST_GAPS_LISTED:,} more gaps" if len(spans) > MOST_GAPS_LISTED else ""
    return (f"{path} leaves out {n_missing:,} of its {n_frames:,} frames ({listed}{more}): nothing was found in them",)


def refuse_3d(path: Path, instead: str = "the tracker's pose in that video") -> NoReturn:
    """Refuse positions in space.

    Args:
        path: the file that holds them.
        instead: what to give, for the message.

    Raises:
        UserError: always.
    """
    raise UserError(
        f"{path} holds positions in space (x, y and z), and crops are cut out of the video of one camera: give {instead}"
    )
