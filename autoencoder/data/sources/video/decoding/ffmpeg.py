"""Calling the ffmpeg that imageio-ffmpeg brings: what it writes to a pipe, and what it says meanwhile."""

from __future__ import annotations

import functools
import io
import os
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from autoencoder.errors import UserError

STREAM = "0:V:0"
"""The first video stream that is no cover picture or thumbnail."""

ONCE = ("-fps_mode", "passthrough")
"""Every decoded frame once: by default ffmpeg repeats and drops frames to make the rate constant, and the rows of a
pose would no longer be those frames."""

PIPE_BYTES = 2**20
"""Room for a frame, so that ffmpeg decodes the next one meanwhile; 64 kB otherwise."""

UNKNOWN_OPTION = ("Unrecognized option", "Option not found")
"""What an ffmpeg says that is older than an option."""


@contextmanager
def ffmpeg(
    video: Path,
    before: Sequence[str],
    after: Sequence[str],
    beside: Sequence[str] = (),
    descriptors: Sequence[int] = (),
) -> Iterator[tuple[io.BufferedReader, IO[bytes]]]:
    """Run ffmpeg on the pictures of a video, while the block lasts.

    Args:
        video: input.
        before: options of the input.
        after: options of the output, which goes to a pipe.
        beside: options of a second output of the same pictures, with its place; none by default.
        descriptors: of files and pipes that are open in ffmpeg under the same numbers.

    Yields:
        the pipe, and the file of what ffmpeg says, which is complete once the pipe has ended.

    Raises:
        UserError: this ffmpeg is too old.
    """
    import imageio_ffmpeg

    program = imageio_ffmpeg.get_ffmpeg_exe()
    command = [program, "-nostdin", "-nostats", *_threads(), *before, "-i", str(video.absolute())]
    command += ["-map", STREAM, *after, "pipe:1"]
    if beside:
        command += ["-map", STREAM, *beside]
    with tempfile.TemporaryFile() as said:
        # In a session of its own, so that Ctrl-C ends this process and not what it reads from.
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=said,
            start_new_session=True,
            pipesize=PIPE_BYTES,
            pass_fds=tuple(descriptors),
        )
        assert isinstance(process.stdout, io.BufferedReader)
        try:
            yield process.stdout, said
        finally:
            process.stdout.close()
            process.kill()
            process.wait()
            refuse_old(program, said)


def _threads() -> list[str]:
    """Options by which ffmpeg decodes with as many threads as all computation here may use, where that is limited."""
    most = os.environ.get("OMP_NUM_THREADS", "")
    return ["-threads", most] if most.isdecimal() and int(most) else []


def refuse_old(program: str, said: IO[bytes]) -> None:
    """Refuse an ffmpeg that does not know the options that it was given."""
    if any(words in spoken(said) for words in UNKNOWN_OPTION):
        raise UserError(
            f"{program} is too old to give the times of frames (ffmpeg 6.1 can): pip install -U imageio-ffmpeg, and "
            "unset IMAGEIO_FFMPEG_EXE if it is set"
        )


def spoken(said: IO[bytes], most: int = 100_000) -> str:
    """The beginning of what ffmpeg has said."""
    said.seek(0)
    return said.read(most).decode(errors="replace")


@functools.cache
def invents_times(demuxer: str) -> bool:
    """Whether ffmpeg's reader of a format takes the frame rate from an option, there being none in the file.

    Args:
        demuxer: the format's name in ffmpeg, such as h264, which is the bare coded pictures.
    """
    import imageio_ffmpeg

    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-hide_banner", "-h", f"demuxer={demuxer}"]
    answer = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    return b" -framerate " in answer.stdout + answer.stderr
