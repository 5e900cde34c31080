"""Which frame of its video each row of a file is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autoencoder.errors import UserError
from autoencoder.machine.memory import refuse_too_large

EXACT = 1e-3
"""Of the time between frames: times that lie this close to multiples of it were computed from numbers of frames. The
clock of a camera is less even."""

BETWEEN = 0.25
"""Of the time between frames: times of two series that differ by less belong to one frame."""

FOREVER = 1e12
"""Seconds that no recording lasts."""

JUMP = 1.5
"""Of the time between frames: a longer one between two rows is a gap."""

MOST_GAPS = 4
"""Gaps between frames that a note lists; more are counted."""


@dataclass(frozen=True, eq=False)
class Frames:
    """Frames of the rows of a file.

    Attributes:
        first: number of the first one.
        count: from the first to the last, those that the file leaves out included.
        rows: (R,) for each row of the file, how many frames it comes after the first.
        notes: what is to be said of them, one sentence each.
    """

    first: int
    count: int
    rows: NDArray[np.int64]
    notes: tuple[str, ...] = ()

    def spread(self, values: NDArray[Any]) -> NDArray[np.float64]:
        """(R, ...) values of the rows as (count, ...) float64 of the frames; NaN where there is no row."""
        spread = np.full((self.count, *values.shape[1:]), np.nan)
        spread[self.rows] = values
        return spread


def in_order(n_rows: int, *notes: str) -> Frames:
    """Frames of a file whose rows are those of the video, from its first one on."""
    return Frames(0, n_rows, np.arange(n_rows), notes)


def numbered(numbers: NDArray[Any], path: Path, n_values: int) -> Frames:
    """Frames of rows that are numbered.

    Args:
        numbers: (R,) number of each row.
        path: their file, for messages.
        n_values: values of a frame, by which too long a stretch is refused.

    Raises:
        UserError: the numbers are no whole ones from 0 on, do not rise, or leave out more frames than fit into memory.
    """
    exact = np.asarray(numbers, np.float64)
    if exact.size == 0:
        return in_order(0)
    if not np.isfinite(exact).all() or (exact != np.floor(exact)).any() or exact.min() < 0 or exact.max() > 2**53:
        raise UserError(f"the rows of {path} are not numbered by whole numbers from 0 on: export it again")
    if (np.diff(exact) <= 0).any():
        row = int(np.argmax(np.diff(exact) <= 0))
        raise UserError(
            f"the frames of {path} do not follow one another: frame {exact[row]:.0f} is followed by "
            f"{exact[row + 1]:.0f}; export it again, in the order of the frames"
        )
    count = int(exact[-1] - exact[0]) + 1
    refuse_too_large(
        f"{path}, from frame {exact[0]:.0f} to {exact[-1]:.0f},", 32 * count * n_values, "correct or split it"
    )
    frames = exact.astype(np.int64)
    return Frames(int(frames[0]), count, frames - frames[0], _said_gaps(frames, path))


def _said_gaps(frames: NDArray[np.int64], path: Path) -> tuple[str, ...]:
    """A sentence about the frames between those that there are, in ascending order."""
    after = np.flatnonzero(np.diff(frames) > 1)
    if not after.size:
        return ()
    n_frames = int(frames[-1] - frames[0]) + 1
    gaps = [(int(frames[i]) + 1, int(frames[i + 1]) - 1) for i in after[:MOST_GAPS]]
    listed = ", ".join(f"{first}" if first == last else f"{first}-{last}" for first, last in gaps)
    more = f" and {len(after) - len(gaps):,} more gaps" if len(after) > len(gaps) else ""
    return (
        f"{path} leaves out {n_frames - len(frames):,} of its {n_frames:,} frames ({listed}{more}), in which the "
        "animal counts as not found",
    )


def timed(times: NDArray[np.float64], path: Path, n_values: int, rate: float | None = None) -> Frames:
    """Frames of rows that have times, which may begin anywhere.

    Times that lie exactly on a grid were computed from numbers of frames, so that a gap is frames that the file leaves
    out. Other times come from a camera's clock, where a gap is a frame that the camera lost, and the video as well.

    Args:
        times: (R,) seconds.
        path: their file, for messages.
        n_values: values of a frame.
        rate: frames per second; None to take the most common time between two rows.

    Raises:
        UserError: the times are not finite or do not rise, or leave out more frames than fit into memory.
    """
    _check_times(times, path)
    if len(times) < 2:
        return in_order(len(times))
    steps = np.diff(times)
    period = 1 / rate if rate else float(np.median(steps))
    n_jumps = int((steps > JUMP * period).sum())
    if not n_jumps:
        return in_order(len(times))
    numbers = _on_grid(times, period)
    if numbers is None:
        return in_order(
            len(times),
            f"the times of {path} jump {n_jumps:,} times; they come from a camera's clock, so its rows are taken to "
            "be the video's frames, one after the other",
        )
    found = numbered(numbers, path, n_values)
    return Frames(0, found.count, found.rows, found.notes)


def clocks_together(
    clocks: Sequence[NDArray[np.float64]], path: Path, n_values: int, period: float | None = None
) -> list[NDArray[np.int64]]:
    """Numbers of frames of several series, each of which leaves out the rows where it has nothing.

    Args:
        clocks: of each series, (R,) seconds; frame 0 is at second 0.
        path: their file, for messages.
        n_values: values of a frame.
        period: seconds between frames; None to take the usual time from one row of any series to the next of any.

    Returns:
        (R,) number of the frame of each row, of each series.

    Raises:
        UserError: the times do not lie on one grid, or reach further than the memory does.
    """
    for times in clocks:
        _check_times(times, path)
    period = _period(clocks) if period is None else period
    numbers = [np.rint(times / period) for times in clocks]
    off = max(float(np.abs(times / period - n).max(initial=0)) for times, n in zip(clocks, numbers, strict=True))
    if off > BETWEEN or any((np.diff(n) <= 0).any() for n in numbers):
        raise UserError(
            f"the body parts of {path} have times of their own that lie on no common grid, so that their frames are "
            "not known: export it again with one time for all of them"
        )
    numbered(np.unique(np.concatenate(numbers)), path, n_values)
    return [n.astype(np.int64) for n in numbers]


def _period(clocks: Sequence[NDArray[np.float64]]) -> float:
    """Seconds between frames, from the times of all rows of several series, which rise."""
    long_enough = [times for times in clocks if len(times) > 1]
    if not long_enough:
        return 1.0
    together = np.unique(np.concatenate(clocks))
    steps = np.diff(together)
    shortest = min(float(np.median(np.diff(times))) for times in long_enough)
    apart = steps[steps > BETWEEN * shortest]  # others are one time that was rounded in two ways
    usual = float(np.median(apart)) if len(apart) else shortest
    numbers = np.concatenate([[0.0], np.cumsum(np.rint(steps / usual))])
    if not numbers[-1]:
        return usual
    return float(np.polyfit(numbers, together, 1)[0])  # one step is not exact enough for a long recording


def _check_times(times: NDArray[np.float64], path: Path) -> None:
    if not (np.abs(times) < FOREVER).all():
        raise UserError(f"{path} has rows without a time: export it again")
    if (np.diff(times) <= 0).any():
        raise UserError(f"the times of {path} do not rise from row to row: export it again, in the order of the frames")


def _on_grid(times: NDArray[np.float64], period: float) -> NDArray[np.float64] | None:
    """(R,) numbers of frames, from 0, of times that are multiples of one period; None where they are not."""
    numbers = np.concatenate([[0.0], np.cumsum(np.rint(np.diff(times) / period))])
    # The period is known less well than a long recording needs.
    slope, start = np.polyfit(numbers, times - times[0], 1)
    residual = np.abs(times - times[0] - start - slope * numbers).max()
    return numbers if residual <= EXACT * period else None
