"""The frames of a video, one after the other, and the times at which they were decoded."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType

import numpy as np
from numpy.typing import NDArray

from autoencoder.data.sources.video.decoding.ffmpeg import ONCE, ffmpeg

TIMES = ("-enc_time_base", "demux", "-stats_enc_pre_fmt", "{ptsi} {pts} {tb}", "-stats_enc_pre")
"""Writes a line for each decoded frame to the file named next: the time stamp that it came with, the one that ffmpeg
makes of it, which there always is, and their unit in seconds."""

LONGEST_HEADER = 100
"""Bytes of the header of a PGM or PPM picture; ffmpeg writes about 15."""


class Decoding:
    """One pass over the frames of a video: a context manager, and within it an iterator.

    Args:
        video: what ffmpeg decodes.
        color: three channels instead of one.
        stored: as they are stored, not turned as players show them.
    """

    def __init__(self, video: Path, *, color: bool = False, stored: bool = False) -> None:
        self._video, self._color, self._stored = video, color, stored
        self._open = ExitStack()

    def __enter__(self) -> Decoding:
        with ExitStack() as opening:
            folder = opening.enter_context(tempfile.TemporaryDirectory())
            self._times = Path(folder) / "times"
            coder, pixels = ("ppm", "rgb24") if self._color else ("pgm", "gray")
            # Each picture with its size before it: nothing else that ffmpeg says of sizes is exact.
            output = ("-c:v", coder, "-pix_fmt", pixels, "-f", "image2pipe")
            before = ["-v", "error", *(["-noautorotate"] if self._stored else [])]
            after = [*ONCE, *TIMES, str(self._times), *output]
            self._pipe, _ = opening.enter_context(ffmpeg(self._video, before, after))
            self._open = opening.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    def __iter__(self) -> Iterator[NDArray[np.uint8]]:
        """(H, W), or (3, H, W) with `color`, each until the next is asked for. A frame that ends too early is none."""
        data = bytearray()
        while header := self._pipe.readline(LONGEST_HEADER):
            width, height = (int(number) for number in self._pipe.readline(LONGEST_HEADER).split())
            self._pipe.readline(LONGEST_HEADER)  # the largest value
            n_channels = {b"P5\n": 1, b"P6\n": 3}[header]
            if len(data) != height * width * n_channels:
                data = bytearray(height * width * n_channels)
            if self._pipe.readinto(data) < len(data):
                return
            frame = np.frombuffer(data, np.uint8).reshape(height, width, n_channels).transpose(2, 0, 1)
            yield frame if self._color else frame[0]

    def times(self, n_frames: int) -> list[bytes]:
        """Lines of `TIMES` of the first frames that were read; within the context."""
        with self._times.open("rb") as file:
            return [line for line, _ in zip(file, range(n_frames), strict=False)]
