"""What a user can choose about crops from a video."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal, get_args

Fill = Literal["median", "edge", "mean"]

FILLS: tuple[str, ...] = get_args(Fill)
"""What stands in a crop beyond the picture's edge: the picture's median, its mean, or its edge repeated."""

SEEN = "seen"
"""In place of a part's name: the centre is the mean of all parts that are seen in a frame, whichever those are."""


@dataclass(frozen=True)
class VideoOptions:
    """How crops are cut out of a video. Places are pixels of the video as players show it, y down.

    Attributes:
        front: part at the front of the body; None to find it by its name, such as Nose.
        back: part at its back; None to find it by its name, such as Tailroot.
        center: parts whose mean is the crop's centre, or `(SEEN,)`; None for front and back.
        crop: side of the square that is cut out; None to derive it from the pose.
        size: side of the image that the square is shrunk to, by the mean over the area of each new pixel.
        fill: what stands in a crop beyond the picture's edge, of the same frame.
        min_likelihood: parts that score less count as not seen; None for what is usual for the pose's tracker.
        arena_center: x and y of the place that distances are measured from; None for the middle of the track.
        fps: frames per second, in place of the times that the video gives its frames; None for those.
        pose_offset: x and y of the corner of the window that the pose was tracked in.
        pose_turned: the pose was tracked on the frames as they are stored, which players turn.
        limit: stop after so many images; None for all.
        every: take every so many frames.
        color: keep three channels.
    """

    front: str | None = None
    back: str | None = None
    center: tuple[str, ...] | None = None
    crop: int | None = None
    size: int = 50
    fill: Fill = "median"
    min_likelihood: float | None = None
    arena_center: tuple[float, float] | None = None
    fps: Fraction | None = None
    pose_offset: tuple[float, float] = (0.0, 0.0)
    pose_turned: bool = False
    limit: int | None = None
    every: int = 1
    color: bool = False

    def problems(self) -> list[str]:
        """What is wrong with them, one sentence each."""
        problems = []
        if self.center is not None and not self.center:
            problems.append(f"the centre is the mean of at least one part, or of all that are '{SEEN}'")
        if self.crop is not None and self.crop < 2:
            problems.append(f"a crop is at least 2 pixels wide, not {self.crop}")
        if self.size < 1:
            problems.append(f"an image is at least 1 pixel wide, not {self.size}")
        if self.fill not in FILLS:
            problems.append(f"a crop is filled with one of {', '.join(FILLS)}, not '{self.fill}'")
        if self.min_likelihood is not None and not 0 <= self.min_likelihood <= 1:
            problems.append(f"a likelihood lies between 0 and 1, not at {self.min_likelihood}")
        if self.arena_center is not None and not all(math.isfinite(value) for value in self.arena_center):
            problems.append(f"the arena's centre is a pair of numbers, not {self.arena_center}")
        if not all(math.isfinite(value) for value in self.pose_offset):
            problems.append(f"the pose's offset is a pair of numbers, not {self.pose_offset}")
        if self.fps is not None and not self.fps > 0:
            problems.append(f"a video has more than 0 frames per second, not {self.fps}")
        if self.limit is not None and self.limit < 1:
            problems.append(f"a limit is at least 1 image, not {self.limit}")
        if self.every < 1:
            problems.append(f"every N-th frame is taken, and N is 1 or more (--every), not {self.every}")
        return problems


DEFAULTS = VideoOptions()
