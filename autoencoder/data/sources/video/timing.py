"""When the frames of a video are shown: what its file says, in whole ticks of a clock."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from autoencoder.data.sources.video.decoding.decode import TIMES
from autoencoder.data.sources.video.decoding.ffmpeg import ONCE, ffmpeg, invents_times, spoken
from autoencoder.errors import UserError

UNEVEN = 0.1
"""Times between frames that differ by more than this share of their median make a rate that varies."""

NO_TIME = -(2**63)
"""What ffmpeg writes where there is no time stamp."""


@dataclass(frozen=True, eq=False)
class Clock:
    """When each frame of a video is shown.

    Attributes:
        ticks: (N,) int64, from 0 at the first frame, ascending, as the file counts them.
        unit: seconds of a tick.
        counted: the frames were counted by decoding them all, and these are their times; otherwise they are what the
            file says of its packets, which nearly always are the frames.
        rate: frames per second that the user gave, in place of the times of the file.
    """

    ticks: NDArray[np.int64]
    unit: Fraction
    counted: bool = False
    rate: Fraction | None = None

    def __len__(self) -> int:
        return len(self.ticks)

    def seconds(self, frames: NDArray[np.int64]) -> NDArray[np.float64]:
        """Seconds since the first frame."""
        ticks, unit = self._reduced()
        # One division of whole numbers, so that the frames of 25 per second are at exactly 0.04, 0.08, ...
        return np.asarray(ticks[frames] * float(unit.numerator) / float(unit.denominator), np.float64)

    def per_second(self, amounts: NDArray[np.float64], frames: NDArray[np.int64]) -> NDArray[np.float64]:
        """Amounts between each of the frames and the next, (M - 1,) for M frames, divided by the seconds between."""
        ticks, unit = self._reduced()
        return amounts * float(unit.denominator) / (np.diff(ticks[frames]) * float(unit.numerator))

    def _reduced(self) -> tuple[NDArray[np.int64], Fraction]:
        """The same times in the longest ticks that they are multiples of: small numbers are exact."""
        step = int(np.gcd.reduce(self.ticks)) or 1
        return self.ticks // step, self.unit * step

    def agrees(self, lines: Sequence[bytes]) -> bool:
        """Whether the first frames have the times that decoding gave, as `Decoding.times` returns them."""
        if self.rate is not None or self.counted:
            return True
        stamps, unit = _stamps(lines)
        if not len(stamps):
            return True
        scale = unit / self.unit
        return np.array_equal((stamps - stamps[0]) * scale.numerator, self.ticks[: len(stamps)] * scale.denominator)

    def describe(self, video: Path) -> str | None:
        """A sentence about the rate; None for a single frame."""
        if self.rate is not None:
            return (
                f"times are those of {_rate(self.rate)} (--fps), the first frame being at 0; those that {video} gives "
                "are not used"
            )
        if len(self) < 2:
            return None
        if self._is_even():
            return f"{video} has {_rate((len(self) - 1) / (int(self.ticks[-1]) * self.unit))}"
        between = np.diff(self.ticks)
        ticks = (float(between.max()), float(np.median(between)), float(between.min()))
        slowest, middle, fastest = (_rate(1 / (Fraction(number) * self.unit)) for number in ticks)
        return (
            f"the frame rate of {video} varies, from {slowest} to {fastest}, with {middle} in the median; times and "
            "speeds are taken from the time of each frame"
        )

    def _is_even(self) -> bool:
        """Whether the rate is constant, which rounding to the file's ticks may hide."""
        between = np.diff(self.ticks)
        spread, median = float(between.max() - between.min()), float(np.median(between))
        if spread <= UNEVEN * median:
            return True
        line = np.linspace(0, self.ticks[-1], len(self))
        return spread <= 1 and median >= 2 and float(np.abs(self.ticks - line).max()) <= 1


def _rate(rate: Fraction) -> str:
    if rate < 1:
        return f"a frame every {float(1 / rate):,.4g} s"
    return f"{float(rate):,.4g} frames per second" if rate < 10_000 else f"{float(rate):,.0f} frames per second"


def read_clock(video: Path, fps: Fraction | None = None) -> Clock:
    """The times of a video's frames, without decoding them where the file is clear about them.

    Args:
        video: what ffmpeg reads.
        fps: frames per second, in place of the times of the file.

    Raises:
        UserError: the file is no video, or has no times and `fps` is None.
    """
    said, stamps, unit = _packets(video)
    if fps is not None and len(stamps):
        return Clock(np.arange(len(stamps)), 1 / fps, rate=fps)
    demuxer = re.search(r"Input #0, ([^,\s]+)", said)
    if demuxer is not None and len(stamps) and invents_times(demuxer[1]):
        if len(stamps) == 1:
            raise UserError(f"{video} is a single picture, not a video: for a folder of pictures see 'prepare images'")
        raise UserError(
            f"{video} does not say when its frames were taken (its format, {demuxer[1]}, holds no times): give the "
            "camera's frames per second (--fps 30)"
        )
    stamps = np.sort(stamps)  # packets come in the order in which they are decoded
    # A negative time is not shown (of a video that was cut without coding it anew), and frames of one time, or of none,
    # have theirs from the decoder, or not at all.
    clear = len(stamps) > 0 and stamps[0] >= 0 and bool((np.diff(stamps) > 0).all())
    return _clock(stamps, unit) if clear else decoded_clock(video)


def decoded_clock(video: Path, fps: Fraction | None = None) -> Clock:
    """The times of a video's frames by decoding it: slow, and always those of the frames that there are.

    Args:
        video: what ffmpeg decodes.
        fps: frames per second, in place of the times of the file.

    Raises:
        UserError: the video cannot be decoded, or its frames have no times that ascend and `fps` is None.
    """
    # Frames are counted and thrown away; the lines about their times are all that comes through the pipe.
    after = [*ONCE, *TIMES, "pipe:1", "-c:v", "wrapped_avframe", "-f", "null"]
    with ffmpeg(video, ["-v", "error"], after) as (pipe, _):
        stamps, unit = _stamps(pipe)
    if not len(stamps):
        raise UserError(f"{video} cannot be decoded: it is damaged, or not a video; convert it to .mp4")
    if fps is not None:
        return Clock(np.arange(len(stamps)), 1 / fps, counted=True, rate=fps)
    steps = np.diff(stamps)
    if (stamps == NO_TIME).any() or (steps <= 0).any():
        frame = int(np.argmax(steps <= 0))
        raise UserError(
            f"{video} has no usable times: its frame {frame + 1:,} does not come after frame {frame:,} (its clock "
            f"counts in steps of {unit} s); give the camera's frames per second (--fps 30)"
        )
    return _clock(stamps, unit, counted=True)


def _clock(stamps: NDArray[np.int64], unit: Fraction, *, counted: bool = False) -> Clock:
    return Clock(stamps - stamps[0], unit, counted)


def _packets(video: Path) -> tuple[str, NDArray[np.int64], Fraction]:
    """What ffmpeg says of the file, the time stamp of each packet of pictures, in the file's order, and their unit."""
    unit, stamps = Fraction(1), []
    with ffmpeg(video, ["-v", "info", "-hide_banner"], ["-c", "copy", "-f", "framecrc"]) as (pipe, said):
        for line in pipe:
            if line.startswith(b"#tb 0:"):
                unit = Fraction(line[6:].decode().strip())
            elif not line.startswith(b"#"):
                stamps.append(int(line.split(b",", 3)[2]))
        return spoken(said), np.array(stamps, np.int64), unit


def _stamps(lines: Iterable[bytes]) -> tuple[NDArray[np.int64], Fraction]:
    """Time stamps and their unit, of lines of `TIMES`."""
    unit, stamps = b"1", []
    for line in lines:
        given, estimated, unit = line.split()
        # What ffmpeg makes of a frame without a time is sound; what it makes of equal ones is a tick between them.
        stamps.append(int(given if int(given) != NO_TIME else estimated))
    return np.array(stamps, np.int64), Fraction(unit.decode())
