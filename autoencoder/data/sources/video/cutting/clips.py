"""Clips of a video around some of its frames: windows that follow an animal, or whole frames."""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from autoencoder.array_types import Integers
from autoencoder.data.sources.resize import Fitting, fit_image
from autoencoder.data.sources.video.crops import crop_square
from autoencoder.data.sources.video.frames import Film
from autoencoder.data.sources.video.timing import Clock

NO_FRAME = -1
"""In place of the number of a frame, for moments before a video begins and after it has ended."""


@dataclass(frozen=True, eq=False)
class Way:
    """Where an animal is in a video: the frames in which that is known, and the places. Pixels, y down.

    Attributes:
        frames: (M,) ascending.
        x, y: (M,) finite.
        crop: side of the window that is cut out around it.
    """

    frames: Integers
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    crop: int

    def at(self, frame: float) -> tuple[float, float]:
        """The place in a frame: between two known ones on the line between them, before and after all the nearest."""
        return float(np.interp(frame, self.frames, self.x)), float(np.interp(frame, self.frames, self.y))

    def staying(self, frame: int) -> Way:
        """A window that stays where the animal is in one frame."""
        x, y = self.at(frame)
        return dataclasses.replace(self, frames=np.array([frame]), x=np.array([x]), y=np.array([y]))


@dataclass(frozen=True, eq=False)
class Clip:
    """A clip to be cut out.

    Attributes:
        frame: in its middle.
        way: of the window; None for whole frames.
    """

    frame: int
    way: Way | None


def usual_rate(clock: Clock) -> float:
    """Frames per second, by the median of the times between them; 1 for a single frame."""
    times = clock.seconds(np.arange(len(clock)))
    return float(1 / np.median(np.diff(times))) if len(times) > 1 else 1.0


def frames_at(clock: Clock, frame: int, moments: NDArray[np.float64]) -> NDArray[np.int64]:
    """The frames that are shown at moments around one of them.

    Args:
        clock: of the video.
        frame: that is shown at the moment 0.
        moments: (T,) seconds.

    Returns:
        (T,) the frame that is nearest in time; `NO_FRAME` for moments that are more than half the usual time between
        frames before the first frame, or after the last.
    """
    times = clock.seconds(np.arange(len(clock)))
    wanted = times[frame] + moments
    after = np.searchsorted(times, wanted).clip(0, len(times) - 1)
    before = (after - 1).clip(0)
    nearest = np.where(wanted - times[before] < times[after] - wanted, before, after)
    # A thousandth more than half, so that rounding does not take away a moment that lies on the border.
    reach = 0.501 / usual_rate(clock)
    is_there = (wanted >= times[0] - reach) & (wanted <= times[-1] + reach)
    return np.where(is_there, nearest, NO_FRAME).astype(np.int64)


def cut_clips(
    film: Film, clips: Sequence[Clip], moments: NDArray[np.float64], tiles: Sequence[NDArray[np.uint8]]
) -> None:
    """Cut clips out of a video, in one pass over its frames up to the last that is shown.

    Args:
        film: the video.
        clips: n of them.
        moments: (T,) seconds, 0 at the frame in the middle of a clip.
        tiles: where each clip goes, (T, side, side) or (T, side, side, 3); moments without a frame stay as they are.

    Raises:
        WrongClockError: the frames are not those that the file announces.
        UserError: the video is damaged.
    """
    shown = defaultdict[int, list[tuple[int, int]]](list)
    for i, clip in enumerate(clips):
        for moment, frame in enumerate(frames_at(film.clock, clip.frame, moments).tolist()):
            if frame != NO_FRAME:
                shown[frame].append((i, moment))
    last = max(shown)
    film.tally.expect(last + 1)

    def look(number: int, frame: NDArray[np.uint8]) -> bool:
        for i, moment in shown.get(number, ()):
            tiles[i][moment] = _tile(frame, number, clips[i].way, tiles[i].shape[1])
        return number == last

    film.watch(last + 1, look)


def _tile(frame: NDArray[np.uint8], number: int, way: Way | None, side: int) -> NDArray[np.uint8]:
    """(side, side) or (side, side, 3) of a frame, (H, W) or (3, H, W)."""
    if way is None:
        tile = fit_image(frame, Fitting(resize=side, fit="pad"))
    else:
        tile = crop_square(frame, *way.at(number), way.crop, side)
    return np.moveaxis(tile, 0, -1) if tile.ndim == 3 else tile
