"""The frames of a video, one after the other, and the times at which they were decoded."""

from __future__ import annotations

import os
import select
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import IO

import numpy as np
from numpy.typing import NDArray

from autoencoder.data.sources.video.decoding.ffmpeg import ONCE, PIPE_BYTES, ffmpeg
from autoencoder.data.sources.video.decoding.windows import Windows

TIMES = ("-enc_time_base", "demux", "-stats_enc_pre_fmt", "{ptsi} {pts} {tb}", "-stats_enc_pre")
"""Writes a line for each decoded frame to the file named next: the time stamp that it came with, the one that ffmpeg
makes of it, which there always is, and their unit in seconds."""

LONGEST_HEADER = 100
"""Bytes of the header of a PGM or PPM picture; ffmpeg writes about 15."""

MARK = 2**40
"""Ticks that are taken from the second time stamp of the frame that ffmpeg counts as the first."""

PATIENCE = 30.0
"""Seconds to wait for a whole frame whose window was read."""

HAS_WINDOWS = os.name == "posix"
"""Whether a program can be given a second pipe."""


class RestartedError(Exception):
    """ffmpeg began anew to count frames amid a video, so windows were not those that were meant."""


class Decoding:
    """One pass over the frames of a video: a context manager, and within it an iterator.

    Args:
        video: what ffmpeg decodes.
        color: three channels instead of one.
        stored: as they are stored, not turned as players show them.
        windows: which parts of the frames are needed; None for all. What lies elsewhere in a frame is then undefined.
    """

    def __init__(
        self, video: Path, *, color: bool = False, stored: bool = False, windows: Windows | None = None
    ) -> None:
        self._video, self._color, self._stored, self._windows = video, color, stored, windows
        self._open = ExitStack()
        self._beside = -1

    def __enter__(self) -> Decoding:
        with ExitStack() as opening:
            folder = opening.enter_context(tempfile.TemporaryDirectory())
            self._times = Path(folder) / "times"
            coder, pixels = ("ppm", "rgb24") if self._color else ("pgm", "gray")
            # Each picture with its size before it: nothing else that ffmpeg says of sizes is exact.
            output = ("-c:v", coder, "-pix_fmt", pixels, "-f", "image2pipe")
            before = ["-v", "error", *(["-noautorotate"] if self._stored else [])]
            after = [*ONCE, *TIMES, str(self._times), *output]
            beside: list[str] = []
            descriptors: list[int] = []
            if self._windows is not None:
                # Frames are counted from 0 again where their format changes: the mark says so.
                after = ["-vf", f"{self._windows.crop_filter()},setpts='PTS-if(N,0,{MARK})'", *after]
                self._beside, far_end = _pipe(opening)
                descriptors = [far_end.fileno()]
                beside = [*ONCE, "-vf", self._windows.select_filter(), *output, f"pipe:{far_end.fileno()}"]
            self._pipe, _ = opening.enter_context(ffmpeg(self._video, before, after, beside, descriptors))
            if self._windows is not None:
                far_end.close()  # ffmpeg has its own; the pipe ends with that
            self._open = opening.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    def __iter__(self) -> Iterator[NDArray[np.uint8]]:
        """(H, W), or (3, H, W) with `color`, each until the next is asked for. A frame that ends too early is none.

        Raises:
            RestartedError: a whole frame did not come that was asked for.
        """
        for frame in self._pictures() if self._windows is None else self._with_windows(self._windows):
            yield frame.transpose(2, 0, 1) if self._color else frame[:, :, 0]

    def _pictures(self) -> Iterator[NDArray[np.uint8]]:
        """What comes through the first pipe, (h, w, channels), each until the next is asked for."""
        data = bytearray()
        while header := self._pipe.readline(LONGEST_HEADER):
            width, height = (int(number) for number in self._pipe.readline(LONGEST_HEADER).split())
            self._pipe.readline(LONGEST_HEADER)  # the largest value
            n_channels = {b"P5\n": 1, b"P6\n": 3}[header]
            if len(data) != height * width * n_channels:
                data = bytearray(height * width * n_channels)
            if self._pipe.readinto(data) < len(data):
                return
            yield np.frombuffer(data, np.uint8).reshape(height, width, n_channels)

    def _with_windows(self, windows: Windows) -> Iterator[NDArray[np.uint8]]:
        """Frames of which the windows are filled, or all of it where they are needed whole."""
        (width, height), n_channels = windows.picture, 3 if self._color else 1
        header = f"P{6 if self._color else 5}\n{width} {height}\n255\n".encode()
        whole = bytearray(len(header) + width * height * n_channels)
        frame = np.frombuffer(whole, np.uint8)[len(header) :].reshape(height, width, n_channels)
        n_whole = 0
        moves = np.append(windows.starts[1:], np.iinfo(np.int64).max)
        place = 0
        for number, window in enumerate(self._pictures()):
            if number == moves[place]:
                place += 1
            if n_whole < len(windows.whole) and number == windows.whole[n_whole]:
                _fill(self._beside, memoryview(whole))
                if not whole.startswith(header):
                    raise RestartedError(f"frame {number} has another size")
                n_whole += 1
            else:
                left, top = windows.left[place], windows.top[place]
                frame[top : top + window.shape[0], left : left + window.shape[1]] = window
            yield frame

    def times(self, n_frames: int) -> list[bytes]:
        """Lines of `TIMES` of the first frames that were read; within the context.

        Raises:
            RestartedError: windows were not those that were meant.
        """
        with self._times.open("rb") as file:
            lines = [line for line, _ in zip(file, range(n_frames), strict=False)]
        return lines if self._windows is None else _without_mark(lines)


def _without_mark(lines: list[bytes]) -> list[bytes]:
    """Lines of `TIMES`, with the second time stamp of the first frame as it was."""
    marked = [int(line.split()[1]) < -MARK // 2 for line in lines]
    if not marked or not marked[0] or any(marked[1:]):
        raise RestartedError("frames were not counted from the first to the last")
    given, estimated, unit = lines[0].split()
    return [b"%s %d %s\n" % (given, int(estimated) + MARK, unit), *lines[1:]]


def _pipe(opening: ExitStack) -> tuple[int, IO[bytes]]:
    """Both ends of a pipe, of which the first is read from; they are closed with the context."""
    near_end, far_end = os.pipe()
    opening.callback(os.close, near_end)
    written = opening.enter_context(os.fdopen(far_end, "wb"))
    try:
        import fcntl

        fcntl.fcntl(near_end, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
    except (ImportError, AttributeError, OSError):
        pass  # a smaller one does as well
    return near_end, written


def _fill(descriptor: int, memory: memoryview) -> None:
    """Read a whole frame.

    Raises:
        RestartedError: it does not come.
    """
    n_read = 0
    while n_read < len(memory):
        ready, _, _ = select.select([descriptor], [], [], PATIENCE)
        n = os.readv(descriptor, [memory[n_read:]]) if ready else 0
        if not n:
            raise RestartedError("a whole frame did not come")
        n_read += n
