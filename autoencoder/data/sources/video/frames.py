"""Passing over the frames of a video, and noticing where they are not those that its file announces."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from autoencoder.data.sources.video.decoding.decode import HAS_WINDOWS, Decoding, RestartedError
from autoencoder.data.sources.video.decoding.windows import Windows
from autoencoder.data.sources.video.timing import Clock
from autoencoder.errors import UserError

Look = Callable[[int, NDArray[np.uint8]], bool]
"""Is shown each frame with its number, (H, W) or (3, H, W), and says whether it has seen enough; it may keep no
reference to a frame."""


class WrongClockError(Exception):
    """The frames that were decoded are not those that the file announces."""


@dataclass
class Tally:
    """Counts the frames that are decoded, in however many passes.

    Attributes:
        on_progress: called with the number of frames decoded since the last call.
        on_total: called with the number of frames that will be decoded in all, whenever that is known anew.
        decoded: how many were decoded so far.
    """

    on_progress: Callable[[int], None] | None = None
    on_total: Callable[[int], None] | None = None
    decoded: int = 0

    def advance(self) -> None:
        """One more frame was decoded."""
        self.decoded += 1
        if self.on_progress is not None:
            self.on_progress(1)

    def expect(self, n_frames: int) -> None:
        """So many more will be decoded."""
        if self.on_total is not None:
            self.on_total(self.decoded + n_frames)


class Room:
    """Where the arrays of a video's images are made: in memory."""

    in_memory = True
    """Whether they have to fit there."""

    def empty(self, name: str, shape: tuple[int, ...]) -> NDArray[np.uint8]:
        """An array to be filled, (N, ...) uint8, of which the first rows may be all that is used in the end.

        Args:
            name: what it is, such as `images`; where one was asked for under this name before, that is given up.
            shape: of the array.
        """
        return np.empty(shape, np.uint8)


MEMORY = Room()


@dataclass(frozen=True, eq=False)
class Film:
    """A video whose frames can be counted on.

    Attributes:
        video: what ffmpeg decodes.
        picture: width and height of its frames as players show them, pixels.
        clock: times of all frames.
        color: frames are decoded with three channels.
        tally: of the frames that are decoded.
        room: where what is made of them is put.
    """

    video: Path
    picture: tuple[int, int]
    clock: Clock
    color: bool
    tally: Tally
    room: Room = MEMORY

    def __len__(self) -> int:
        """Number of frames."""
        return len(self.clock)

    @property
    def allows_windows(self) -> bool:
        """Whether windows may be decoded: not on Windows, nor where frames are not what the file announces."""
        return HAS_WINDOWS and not self.clock.counted

    def watch(self, n_frames: int, look: Look, windows: Windows | None = None) -> None:
        """Decode the first `n_frames` frames, or fewer if `look` has seen enough before.

        Args:
            n_frames: how many.
            look: is shown each frame.
            windows: the parts of the frames that it looks at; None for all. See `allows_windows`.

        Raises:
            WrongClockError: the times or the number of the frames are not what the clock says.
            UserError: the video is damaged.
        """
        number, done = -1, False
        with Decoding(self.video, color=self.color, windows=windows) as frames:
            try:
                for number, frame in enumerate(frames):
                    self._check_size(number, frame)
                    done = look(number, frame) or number + 1 == n_frames
                    self.tally.advance()
                    if done:
                        break
                agrees = self.clock.agrees(frames.times(number + 1))
            except RestartedError as error:
                raise WrongClockError(str(error)) from None
        if done and agrees:
            return
        if not self.clock.counted:
            raise WrongClockError(f"{number + 1} frames were decoded")
        raise UserError(f"{self.video} could be decoded up to frame {number:,} only: it is damaged; convert it again")

    def _check_size(self, number: int, frame: NDArray[np.uint8]) -> None:
        height, width = frame.shape[-2:]
        if (width, height) != self.picture:
            raise UserError(
                f"frame {number:,} of {self.video} is {width}x{height} pixels, and the first is "
                f"{self.picture[0]}x{self.picture[1]}: convert it to frames of one size"
            )


def spread(n: int, most: int) -> NDArray[np.int64]:
    """Up to `most` of the numbers below `n`, evenly from the first to the last, ascending int64."""
    return np.unique(np.linspace(0, n - 1, min(most, n)).round().astype(np.int64))


def gray(frame: NDArray[np.uint8]) -> NDArray[np.float32]:
    """The brightness of a frame, (H, W) or (3, H, W), as (H, W) float32."""
    return frame.astype(np.float32) if frame.ndim == 2 else frame.mean(axis=0, dtype=np.float32)
