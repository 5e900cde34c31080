"""How movies of the latent space are drawn, and how figures are written: settings passed whole to whoever draws."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from autoencoder.config.value_types import check_types
from autoencoder.errors import raise_if_any
from autoencoder.flags import Between, Flag, Whole, not_one_of, problems_of_settings, shown_plainly

MAX_SECONDS = 3600
"""A movie is not longer than this."""

ROWS = ("all", "held-out")
MOVIE_FORMATS = ("mp4", "gif")
FIGURE_FORMATS = ("png", "svg", "pdf")
"""`png` is pixels; the others are drawings that stay sharp at any size."""

DPI = 100
"""Dots per inch of a figure, where nothing else is asked for: 8 inches are 800 pixels."""

LEAST_DPI, MOST_DPI = 30, 600


@dataclass(frozen=True)
class FigureOptions:
    """How figures are written; `--format` and `--dpi`.

    Attributes:
        formats: a file in each of these: `png`, `svg`, `pdf`.
        dpi: dots per inch, from 30 to 600; in `svg` and `pdf`, of the points and images that are pixels there too.
    """

    formats: tuple[str, ...] = ("png",)
    dpi: int = DPI

    def __post_init__(self) -> None:
        check_types(self)
        problems = [
            problem for name in self.formats for problem in not_one_of("format of figures", name, FIGURE_FORMATS)
        ]
        if not self.formats:
            problems.append(f"name at least one format of figures: {', '.join(FIGURE_FORMATS)}")
        if not LEAST_DPI <= self.dpi <= MOST_DPI:
            problems.append(f"dpi must be from {LEAST_DPI} to {MOST_DPI}, not {self.dpi}")
        raise_if_any(problems)


AS_PNG = FigureOptions()
AS_PNG_AND_SVG = FigureOptions(("png", "svg"))


@shown_plainly
@dataclass(frozen=True)
class MovieOptions:
    """How movies are drawn.

    Attributes:
        examples: pictures beside the plot that follow their points, 0 to 6.
        rows: which images are shown: `all`, those that were trained on in pale colours, or the `held-out` ones only.
        side_by_side: one movie with a panel for each column, up to 4, instead of a movie for each.
        trails: earlier snapshots that a line behind each example's point goes through; 0 for no line.
        curves: whether the losses, and other curves that belong to the frames, are drawn below.
        reconstructions: whether what the latest kept network makes of each example is shown below it; None for where a
            run can.
        format: `mp4` or `gif`.
        fps: frames per second, 1 to 120.
        seconds: length of the movie; None for one frame per snapshot, and a second of rest at both ends.
        save_frames: also keep every frame as a PNG.
    """

    examples: int = 4
    rows: Literal["all", "held-out"] = "all"
    side_by_side: Annotated[
        bool, Flag("one movie with a panel for each column (up to 4), instead of a movie for each")
    ] = False
    trails: Annotated[
        int,
        Flag(
            "earlier snapshots in the fading line behind each example's point; 0 for none (default: 8)", "N", Whole(0)
        ),
    ] = 8
    curves: Annotated[bool, Flag("the losses below the points, marked at the current epoch (default: on)")] = True
    reconstructions: Annotated[
        bool | None,
        Flag(
            "below each example, its reconstruction by the latest checkpoint kept until then (default: if the run "
            "makes pictures)"
        ),
    ] = None
    format: Literal["mp4", "gif"] = "mp4"
    fps: Annotated[
        float,
        Flag("frames per second (default: 12)", "N", Between("a number of frames per second from 1 to 120", 1, 120)),
    ] = 12.0
    seconds: Annotated[
        float | None,
        Flag(
            "length of the movie (default: one frame per snapshot, and a pause of a second at both ends)",
            "S",
            Between(f"a number of seconds, at most {MAX_SECONDS:,}", 0, MAX_SECONDS, open_below=True),
        ),
    ] = None
    save_frames: Annotated[bool, Flag("keep every frame as a PNG")] = False

    def __post_init__(self) -> None:
        check_types(self)
        problems = not_one_of("rows", self.rows, ROWS) + not_one_of("format", self.format, MOVIE_FORMATS)
        raise_if_any(problems + problems_of_settings(self))
