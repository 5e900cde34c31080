"""Movies, written frame by frame: `.mp4` for talks and papers, `.gif` for pages."""

from __future__ import annotations

import contextlib
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from autoencoder.array_types import Frame
from autoencoder.errors import UserError
from autoencoder.machine.files import replacing

SUFFIXES = (".mp4", ".gif")

MAX_GIF_FPS = 50
"""Players show GIFs with a shorter time between frames at a tenth of a second."""


class MovieWriter:
    """Context manager that writes frames to a movie.

    The movie appears under its name when the block ends; where it raises, or where no frame was appended, nothing does.
    A `.mp4` is H.264 in yuv420p, which every player and every slide program shows. That needs even sizes, so an
    odd-sized frame gets its last row or column twice. A `.gif` loops forever.

    Args:
        path: where the movie goes; the suffix chooses the format.
        fps: frames per second, more than 0.

    Raises:
        UserError: another suffix, no speed, frames of several sizes, no frames at all, or a place that cannot be
            written to.
    """

    def __init__(self, path: Path, fps: float = 15) -> None:
        if path.suffix.lower() not in SUFFIXES:
            raise UserError(f"a movie ends in {' or '.join(SUFFIXES)}, not as in {path}")
        if not fps > 0:
            raise UserError(f"a movie needs more than 0 frames per second, not {fps}")
        if path.suffix.lower() == ".gif" and fps > MAX_GIF_FPS:
            raise UserError(f"a GIF plays at most {MAX_GIF_FPS} frames per second, not {fps:g}: use --format mp4")
        self._path, self._fps = path, fps
        self._stack = contextlib.ExitStack()
        self._sink: Any = None
        self._shape: tuple[int, ...] | None = None

    def __enter__(self) -> MovieWriter:
        with contextlib.ExitStack() as stack:
            temporary = stack.enter_context(replacing(self._path))
            open_sink = _GifSink if self._path.suffix.lower() == ".gif" else _open_mp4
            self._sink = stack.enter_context(contextlib.closing(open_sink(temporary, self._fps)))
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None and self._shape is None:
            error = UserError(f"no frames for the movie {self._path}")
            self._stack.__exit__(type(error), error, None)
            raise error
        self._stack.__exit__(kind, error, trace)

    def append(self, frame: Frame) -> None:
        """Add one frame, (H, W, 3) RGB or (H, W) grey, uint8, of the same size as those before it."""
        if frame.dtype != np.uint8 or frame.ndim not in (2, 3) or (frame.ndim == 3 and frame.shape[2] != 3):
            raise UserError(f"a frame is (H, W, 3) or (H, W) uint8, not {frame.shape} {frame.dtype}")
        colour = frame if frame.ndim == 3 else np.repeat(frame[:, :, None], 3, axis=2)
        if self._shape not in (None, colour.shape):
            raise UserError(f"the frames of {self._path} differ in size: {self._shape} and then {colour.shape}")
        self._shape = colour.shape
        self._sink.append_data(_even(colour) if self._path.suffix.lower() == ".mp4" else colour)


def _open_mp4(path: Path, fps: float) -> Any:
    import imageio.v2 as imageio

    return imageio.get_writer(
        path,
        format="FFMPEG",
        mode="I",
        fps=fps,
        codec="libx264",
        pixelformat="yuv420p",
        quality=None,  # imageio's own scale; crf is set instead
        macro_block_size=1,  # no rescaling: text would blur
        ffmpeg_log_level="error",
        output_params=["-crf", "18", "-preset", "veryfast", "-movflags", "+faststart"],
    )


class _GifSink:
    """Keeps the frames, one byte per pixel, until it is closed: Pillow writes a `.gif` in one call."""

    def __init__(self, path: Path, fps: float) -> None:
        self._path, self._milliseconds = path, round(1000 / fps)
        self._frames: list[Any] = []

    def append_data(self, frame: Frame) -> None:
        from PIL import Image

        self._frames.append(Image.fromarray(frame).quantize(256, dither=Image.Dither.NONE))

    def close(self) -> None:
        if self._frames:
            first, *rest = self._frames
            first.save(self._path, save_all=True, append_images=rest, duration=self._milliseconds, loop=0)


def _even(frame: Frame) -> Frame:
    rows, columns = frame.shape[0] % 2, frame.shape[1] % 2
    return np.pad(frame, ((0, rows), (0, columns), (0, 0)), mode="edge") if rows or columns else frame
