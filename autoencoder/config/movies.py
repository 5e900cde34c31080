"""How movies of the latent space are drawn: the settings of `visualize`, passed whole to whoever draws."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from autoencoder.flags import Between, Flag, Whole

MAX_SECONDS = 3600
"""A movie is not longer than this."""


@dataclass(frozen=True)
class MovieOptions:
    """How movies are drawn."""

    examples: int = 4
    """Pictures beside the plot that follow their points, up to 6."""
    rows: Literal["all", "held-out"] = "all"
    """Which images are shown: all, those that were trained on in pale colours, or the held-out ones only."""
    side_by_side: Annotated[
        bool, Flag("one movie with a panel for each column (up to 4), instead of a movie for each")
    ] = False
    """One movie with a panel for each column, instead of a movie for each."""
    trails: Annotated[
        int,
        Flag(
            "earlier snapshots in the fading line behind each example's point; 0 for none (default: 8)", "N", Whole(0)
        ),
    ] = 8
    """Earlier snapshots that a line behind each example's point goes through; 0 for no line."""
    curves: Annotated[bool, Flag("the losses below the points, marked at the current epoch (default: on)")] = True
    """Whether the losses, and other curves that belong to the frames, are drawn below."""
    reconstructions: Annotated[
        bool | None,
        Flag("below each example, what the latest kept checkpoint makes of it (default: where the run makes pictures)"),
    ] = None
    """Whether what the latest kept network makes of each example is shown below it; None for where a run can."""
    format: Annotated[Literal["mp4", "gif"], Flag("of the movies (default: mp4)")] = "mp4"
    """`mp4` or `gif`."""
    fps: Annotated[
        float,
        Flag("frames per second (default: 12)", "N", Between("a number of frames per second from 1 to 120", 1, 120)),
    ] = 12.0
    """Frames per second."""
    seconds: Annotated[
        float | None,
        Flag(
            "length of the movie (default: one frame per snapshot, and a second of rest at both ends)",
            "S",
            Between(f"a number of seconds, at most {MAX_SECONDS:,}", 0, MAX_SECONDS, open_below=True),
        ),
    ] = None
    """Length of the movie; None for one frame per snapshot, and a second of rest at both ends."""
    save_frames: Annotated[bool, Flag("keep every frame as a PNG")] = False
    """Also keep every frame as a PNG."""
