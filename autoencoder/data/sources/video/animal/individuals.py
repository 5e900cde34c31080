"""Which of the individuals in a pose are followed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from autoencoder.data.sources.pose.pose import Pose, Poses
from autoencoder.data.sources.video.options import VideoOptions
from autoencoder.errors import UserError, did_you_mean, first_few

LISTED = 5
"""Tracks that a message lists, the longest."""

LISTED_NAMES = 20
"""Individuals that a message lists."""


@dataclass(frozen=True, eq=False)
class Chosen:
    """The individuals that are followed.

    Attributes:
        tracks: of each of them.
        names: what they are called in the table, all different.
        is_column: whether the table says which one an image is of.
        notes: what was chosen, one sentence each.
    """

    tracks: tuple[Pose, ...]
    names: tuple[str, ...]
    is_column: bool
    notes: tuple[str, ...]


def choose_individuals(poses: Poses, options: VideoOptions) -> Chosen:
    """The individuals that the options name, or the only one.

    Raises:
        UserError: there are several and none is chosen, or one that is chosen is not there, or in no frame.
    """
    numbers = _numbers(poses, options)
    _refuse_unseen(poses, numbers)
    names = _unique_names(poses, numbers)
    notes = [*poses.notes, *_of_choice(poses, numbers, options)]
    is_column = options.all_individuals and (len(numbers) > 1 or names != ("0",))
    return Chosen(tuple(poses.one(number) for number in numbers), names, is_column, tuple(notes))


def _numbers(poses: Poses, options: VideoOptions) -> tuple[int, ...]:
    n = len(poses.individuals)
    if options.individual is not None:
        return (_called(poses, options.individual),)
    if options.track is not None:
        if options.track >= n:
            last = f"numbers 0 to {n - 1}" if n > 1 else "number 0 only"
            raise UserError(f"{poses.source} has no track {options.track}: it has {last} (--track)")
        return (options.track,)
    if options.all_individuals or len(poses.animals) == 1:
        return poses.animals
    # Some trackers write as many individuals as they could have found.
    frames = _n_frames(poses)
    found = tuple(number for number in poses.animals if frames[number])
    if len(found) == 1:
        return found
    raise UserError(_several(poses))


def _refuse_unseen(poses: Poses, numbers: Sequence[int]) -> None:
    frames = _n_frames(poses)
    if any(frames[number] for number in numbers):
        return
    if len(poses.individuals) == 1 or not any(frames):
        raise UserError(f"the animal is in no frame of {poses.source}: its parts were not found; track the video again")
    others = [f"{_label(poses, number)} in {n:,}" for number, n in enumerate(frames) if n][:LISTED]
    raise UserError(
        f"{_label(poses, numbers[0])} was found in no frame of {poses.source}: choose another (--individual, --track), "
        f"such as {', '.join(others)}"
    )


def _called(poses: Poses, name: str) -> int:
    called = [number for number, known in enumerate(poses.individuals) if known == name]
    if len(called) > 1:
        raise UserError(
            f"{len(called)} individuals in {poses.source} are called '{name}': choose one by its number in the file, "
            f"from 0 (--track {' or '.join(map(str, called))})"
        )
    if called:
        return called[0]
    if not any(poses.individuals):
        raise UserError(
            f"{poses.source} names no individuals, so there is none called '{name}': "
            f"{'leave out --individual' if len(poses.individuals) == 1 else 'take one by its number (--track N)'}"
        )
    known = [known for known in poses.individuals if known]
    listed = first_few(known, LISTED_NAMES)
    raise UserError(
        f"no individual in {poses.source} is called '{name}'{did_you_mean(name, known)}: choose one (--individual) of "
        f"{listed}"
    )


def _several(poses: Poses) -> str:
    source, numbers = poses.source, poses.animals
    if not poses.tracked:
        names = [name or f"number {number}" for number, name in enumerate(poses.individuals) if number in numbers]
        listed = first_few(names, LISTED_NAMES)
        return (
            f"{source} holds {len(numbers)} individuals ({listed}): choose one (--individual NAME, or --track N by its "
            "number in the file, from 0), or take all, an image each (--all-individuals)"
        )
    frames = _n_frames(poses)
    longest = sorted(numbers, key=lambda number: (-frames[number], number))[:LISTED]
    listed = ", ".join(f"{_label(poses, number)} in {frames[number]:,}" for number in longest)
    more = "" if len(numbers) == len(longest) else f", and {len(numbers) - len(longest)} shorter ones"
    return (
        f"{source} holds {len(numbers)} tracks, which may be fragments of the paths of fewer animals; of "
        f"{len(poses):,} frames, {listed}{more}: choose one (--track N, or --individual NAME), or take all, an image "
        "each (--all-individuals)"
    )


def _label(poses: Poses, number: int) -> str:
    name = poses.individuals[number]
    if not poses.tracked:
        return f"'{name}'" if name else f"number {number}"
    return f"track {number} ('{name}')" if name else f"track {number}"


def _n_frames(poses: Poses) -> list[int]:
    """In how many frames any part of each individual was found."""
    found = np.asarray(np.isfinite(poses.xy).all(axis=3))
    return [int(found[:, number].any(axis=1).sum()) for number in range(found.shape[1])]


def _unique_names(poses: Poses, numbers: Sequence[int]) -> tuple[str, ...]:
    names = [poses.individuals[number] for number in numbers]
    if all(names) and len(set(names)) == len(names):
        return tuple(names)
    return tuple(str(number) for number in numbers)


def _of_choice(poses: Poses, numbers: tuple[int, ...], options: VideoOptions) -> list[str]:
    if len(poses.individuals) == 1:
        return []
    if options.individual is None and options.track is None and not options.all_individuals:
        only = f"'{poses.individuals[numbers[0]]}', the only one that was found in {poses.source}"
        return [f"the individual is {only} (--individual)"]
    what = "tracks, which may be fragments of the paths of fewer animals," if poses.tracked else "individuals"
    frames, names = _n_frames(poses), _unique_names(poses, numbers)
    counts = [f"'{name}' in {frames[number]:,}" for name, number in zip(names, numbers, strict=True)]
    if len(numbers) == 1:
        label = _label(poses, numbers[0]) if poses.tracked else f"'{names[0]}'"
        return [
            f"{label} is one of {len(poses.individuals)} {what} in {poses.source}: it was found in "
            f"{frames[numbers[0]]:,} of {len(poses):,} frames; whether the tracker confused it with others is not "
            "checked"
        ]
    listed = first_few(counts, LISTED_NAMES)
    return [
        f"{len(numbers)} of {len(poses.individuals)} {what} in {poses.source} are followed; of {len(poses):,} frames, "
        f"they were found: {listed}; whether the tracker confused them is not checked"
    ]
