"""Windows of a video's frames: where only a part of each frame is looked at, ffmpeg passes on only that part.

Converting frames to gray and passing them on costs as much as decoding them. A window has one size, and moves with
what is looked at; ffmpeg is told its places before it begins, as a function of the frame's number.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

ALIGNED = 8
"""Windows lie at multiples of so many pixels: colours are often stored for blocks of 2x2 or 4x4 pixels, and deep ones
are made 8 bits deep by a pattern of 8x8."""

MOST_TEXT = 50_000
"""Characters of what ffmpeg is told of the windows, and of the whole frames; Linux takes 131,072 in one argument."""

MOST_AREA, MOST_WHOLE = 0.5, 0.5
"""Share of a frame that windows may take, and of the frames that may be needed whole: more gains nothing."""

FIRST_SLACK = 32
"""Pixels by which windows are larger than what is looked at, at least: they move less often then."""


@dataclass(frozen=True, eq=False)
class Windows:
    """A window of each frame of a video, and the frames that are passed on whole as well.

    Attributes:
        picture: width and height of the frames, pixels.
        side: width and height of the window.
        starts: (S,) ascending int64, the frames at which the window moves; the first is 0.
        left, top: (S,) int64, its place from each of these frames on.
        whole: (K,) ascending int64, the numbers of the frames that are needed whole.
    """

    picture: tuple[int, int]
    side: tuple[int, int]
    starts: NDArray[np.int64]
    left: NDArray[np.int64]
    top: NDArray[np.int64]
    whole: NDArray[np.int64]

    def crop_filter(self) -> str:
        """The filter by which ffmpeg cuts the windows out."""
        x, y = (_stepwise(self.starts, places) for places in (self.left, self.top))
        return f"crop=w={self.side[0]}:h={self.side[1]}:x='{x}':y='{y}':exact=1"

    def select_filter(self) -> str:
        """The filter by which ffmpeg passes on the whole frames only."""
        edges = np.flatnonzero(np.diff(self.whole) > 1)
        first, behind = self.whole[np.r_[0, edges + 1]], self.whole[np.r_[edges, -1]] + 1
        starts = np.stack([first, behind], axis=1).ravel()
        wanted = np.tile([1, 0], len(first))
        if starts[0]:
            starts, wanted = np.r_[0, starts], np.r_[0, wanted]
        return f"select='{_stepwise(starts, wanted)}'"

    def fits_into_text(self) -> bool:
        """Whether ffmpeg can be told where the windows are."""
        return len(self.crop_filter()) <= MOST_TEXT and len(self.select_filter()) <= MOST_TEXT


def find_windows(
    frames: NDArray[np.int64],
    boxes: NDArray[np.int64],
    whole: NDArray[np.int64],
    picture: tuple[int, int],
) -> Windows | None:
    """Windows that hold what is looked at.

    Args:
        frames: (M,) ascending numbers of the frames in which something is looked at; several may be the same.
        boxes: (M, 4) left, top, right and bottom of it, in pixels, within the picture; right and bottom lie behind it.
        whole: ascending numbers of frames that are needed whole, at least one, each of them among `frames`.
        picture: width and height of the frames.

    Returns:
        None where whole frames are no slower: the windows would be large, or most frames are needed whole.
    """
    numbers, first = np.unique(frames, return_index=True)
    if len(whole) > MOST_WHOLE * len(numbers):
        return None
    near = np.minimum.reduceat(boxes[:, :2], first)
    far = np.maximum.reduceat(boxes[:, 2:], first)
    needed = (far - near).max(axis=0).tolist()
    slack = FIRST_SLACK
    while True:
        side = (_side(needed[0] + slack, picture[0]), _side(needed[1] + slack, picture[1]))
        if side[0] * side[1] > MOST_AREA * picture[0] * picture[1]:
            return None
        windows = _windows(numbers, near, far, side, picture, whole)
        if windows.fits_into_text():
            return windows
        slack *= 2


def _side(least: int, picture: int) -> int:
    """Of a window that can lie at multiples of `ALIGNED` and reach the picture's far edge."""
    rest = picture % ALIGNED
    return min(picture, rest + ALIGNED * math.ceil((least + ALIGNED - rest) / ALIGNED))


def _windows(
    numbers: NDArray[np.int64],
    near: NDArray[np.int64],
    far: NDArray[np.int64],
    side: tuple[int, int],
    picture: tuple[int, int],
    whole: NDArray[np.int64],
) -> Windows:
    """Windows that move as seldom as they can: each stays until something would reach out of it."""
    starts, places = [0], []
    rows = zip(numbers.tolist(), near.tolist(), far.tolist(), strict=True)
    lowest, highest = near[0].tolist(), far[0].tolist()
    for number, (x0, y0), (x1, y1) in rows:
        low = (min(lowest[0], x0), min(lowest[1], y0))
        high = (max(highest[0], x1), max(highest[1], y1))
        if not all(_place(a, s, p) + s >= b for a, b, s, p in zip(low, high, side, picture, strict=True)):
            places.append(lowest)
            starts.append(number)
            low, high = (x0, y0), (x1, y1)
        lowest, highest = low, high
    places.append(lowest)
    left, top = (
        np.array([_place(place[axis], side[axis], picture[axis]) for place in places], np.int64) for axis in range(2)
    )
    return Windows(picture, side, np.array(starts, np.int64), left, top, whole)


def _place(at: int, side: int, picture: int) -> int:
    """Of a window that begins at a pixel, or a little before it, and lies within the picture."""
    return min(at // ALIGNED * ALIGNED, picture - side)


def _stepwise(starts: NDArray[np.int64], values: NDArray[np.int64]) -> str:
    """A function of the frame's number `n` in ffmpeg's language: each value from its start to the next.

    Halving the numbers again and again keeps it quick for thousands of steps.
    """

    def between(first: int, behind: int) -> str:
        if behind - first == 1:
            return str(int(values[first]))
        middle = (first + behind) // 2
        return f"if(lt(n,{int(starts[middle])}),{between(first, middle)},{between(middle, behind)})"

    return between(0, len(starts))
