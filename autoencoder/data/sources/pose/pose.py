"""What a pose is: where a tracker found each body part of each animal, in each frame of a video."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from autoencoder.errors import UserError

UNIQUE_PARTS = "single"
"""The individual that multi-animal DeepLabCut files the parts under that belong to no animal, such as the corners of
the cage ("unique body parts")."""

PLACEHOLDERS = (0.0, -1.0)
"""Both coordinates of the place that some trackers and many scripts write where a part was not found."""

LARGEST_SHARE, LARGEST_SHARES = 1.0, 2.0
"""Coordinates of which nearly all, and all, are no larger than these are shares of the picture: no animal spends a
video within two pixels of its corner. A part beyond the edge has a share above 1."""

LARGEST_LIKELIHOOD = 10.0
"""Above any likelihood, even of a network that gives a little more than 1: such numbers are percentages."""

LISTED = "(docs/own-data.md lists what can be read)"
"""Where to look for what to give instead; more would be advice for users of another tool."""


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

    Some trackers write a likelihood of 0 for all that they found (EKS does), or none at all: that says nothing, and
    with it as a likelihood nothing would count as seen.

    Args:
        parts: names of the body parts; P.
        individuals: names of the individuals; A.
        xy: (F, A, P, 2), pixels; a part is missing where one of its two is not finite, or both are a placeholder.
        likelihood: (F, A, P); NaN counts as 0.
        path: the file they came from.
        scores: what the likelihoods are.
        first_frame: number of the first row.
        tracked: whether the individuals are tracks.
        notes: what was left out.

    Raises:
        UserError: the coordinates are no pixels, or the likelihoods are percentages.
    """
    xy = np.asarray(xy, np.float64)
    finite = np.asarray(np.isfinite(xy).all(axis=-1))
    placeholder = np.any([(xy == value).all(axis=-1) for value in PLACEHOLDERS], axis=0)
    found = finite & ~placeholder
    likelihood = np.where(found, np.nan_to_num(np.asarray(likelihood, np.float64)), 0.0)
    _refuse_shares(xy[found], path)
    _refuse_percentages(likelihood, scores, path)
    notes = (*notes, *_of_placeholders(int(placeholder.sum()), int(finite.sum()), path))
    if scores.threshold is not None and found.any() and not likelihood.any():
        likelihood, notes = (
            found.astype(np.float64),
            (*notes, f"every {scores.name} in {path} is 0, so they were not used"),
        )
        scores = NO_SCORES
    return Poses(
        tuple(parts),
        tuple(individuals),
        np.where(found[..., None], xy, np.nan),
        likelihood,
        path,
        scores,
        first_frame,
        tracked,
        notes,
    )


def _of_placeholders(n_placeholders: int, n_places: int, path: Path) -> list[str]:
    if not n_placeholders:
        return []
    return [
        f"{n_placeholders:,} of {n_places:,} places in {path} are exactly (0, 0) or (-1, -1), which trackers write "
        "where a part was not found: these parts count as not found"
    ]


def _refuse_shares(places: NDArray[np.float64], path: Path) -> None:
    size = np.abs(places)
    if not size.size or size.max() > LARGEST_SHARES or np.quantile(size, 0.95) > LARGEST_SHARE:
        return
    raise UserError(
        f"the coordinates in {path} lie between {places.min():.3g} and {places.max():.3g}: they seem to be fractions "
        "of the picture, or in another unit, not pixels of the video; multiply x by the picture's width, and y by its "
        "height"
    )


def _refuse_percentages(likelihood: NDArray[np.float64], scores: Scores, path: Path) -> None:
    if scores is LIKELIHOOD and likelihood.max(initial=0) > LARGEST_LIKELIHOOD:
        raise UserError(
            f"the likelihoods in {path} go up to {likelihood.max():.3g}, and a likelihood lies between 0 and 1: divide "
            "them, by 100 if they are percentages"
        )


def untracked(n_instances: int, path: Path) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Names for the instances of a file that has no tracks, and what is to be said of them.

    Args:
        n_instances: most instances in a frame.
        path: the file.
    """
    if n_instances == 1:
        return ("",), ()
    note = (
        f"{path} has no tracks: its instances, up to {n_instances} in a frame, are numbered in the file's order, so a "
        "number need not be the same animal from frame to frame"
    )
    return tuple(f"instance {i}" for i in range(n_instances)), (note,)


def refuse_3d(path: Path, instead: str = "the tracker's pose in that video") -> NoReturn:
    """Refuse positions in space.

    Args:
        path: the file that holds them.
        instead: what to give, for the message.

    Raises:
        UserError: always.
    """
    raise UserError(
        f"{path} holds 3D positions (x, y and z), but crops are cut out of the video of one camera: give {instead}"
    )
