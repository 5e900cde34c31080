"""How the stored frames of a video are turned before people see them, and where that takes places in them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from autoencoder.data.sources.video.decoding.decode import Decoding
from autoencoder.errors import UserError

ROUNDING = 2
"""Gray values by which a turned pixel may differ: videos of 10 bits are dithered to 8, by the pixel's place."""

TRIED_FRAMES = 100
"""So many frames are compared until only one turn is possible: a black one fits every turn."""


@dataclass(frozen=True)
class Turn:
    """One of the eight ways to turn or mirror a picture: exchange x and y, then mirror.

    Attributes:
        transposed: x and y are exchanged.
        mirrored: left and right are exchanged afterwards.
        flipped: top and bottom are exchanged afterwards.
    """

    transposed: bool = False
    mirrored: bool = False
    flipped: bool = False

    def of_picture(self, picture: np.ndarray) -> np.ndarray:
        """A stored picture, (H, W), as it is shown, (H, W) or (W, H)."""
        picture = picture.T if self.transposed else picture
        return picture[:: -1 if self.flipped else 1, :: -1 if self.mirrored else 1]

    def of_places(self, xy: NDArray[np.float64], shown: tuple[int, int]) -> NDArray[np.float64]:
        """Places in a stored picture, as those in the shown one.

        Args:
            xy: (..., 2) pixels; the centre of the first pixel is 0.
            shown: width and height of the picture as it is shown.
        """
        xy = xy[..., ::-1] if self.transposed else xy
        x, y = xy[..., 0], xy[..., 1]
        width, height = shown
        return np.stack([width - 1 - x if self.mirrored else x, height - 1 - y if self.flipped else y], axis=-1)


UNTURNED = Turn()

TURNS = {
    UNTURNED: "not turned",
    Turn(transposed=True, mirrored=True): "turned by 90 degrees clockwise",
    Turn(mirrored=True, flipped=True): "turned by 180 degrees",
    Turn(transposed=True, flipped=True): "turned by 90 degrees counter-clockwise",
    Turn(mirrored=True): "mirrored",
    Turn(flipped=True): "mirrored top to bottom",
    Turn(transposed=True): "turned by 90 degrees clockwise and mirrored",
    Turn(transposed=True, mirrored=True, flipped=True): "turned by 90 degrees counter-clockwise and mirrored",
}
"""All eight, in words that say how a stored picture is turned to be shown."""


@dataclass(frozen=True)
class Orientation:
    """How a video is shown.

    Attributes:
        size: width and height of its frames as players show them, pixels.
        turn: of the stored frames to those; None where it is none of the eight, such as one by 30 degrees.
    """

    size: tuple[int, int]
    turn: Turn | None = UNTURNED

    def describe(self, video: Path, *, pose_turned: bool = False) -> str | None:
        """A sentence about a video whose stored frames are turned, and about its pose; None for another video."""
        if self.turn == UNTURNED:
            return None
        how = "turned by an angle that is not a multiple of 90 degrees" if self.turn is None else TURNS[self.turn]
        said = f"the frames of {video} are taken as players show them, {how} from how they are stored"
        if pose_turned:
            return f"{said}, and the pose is turned with them (--pose-turned)"
        remedy = "" if self.turn is None else " (--pose-turned, if the pose was tracked on the stored frames)"
        return said + remedy

    def of_stored_places(self, xy: NDArray[np.float64], video: Path) -> NDArray[np.float64]:
        """Places in the stored frames, (..., 2) pixels, as those in the shown ones.

        Raises:
            UserError: the video is not turned, or not by a multiple of 90 degrees.
        """
        if self.turn == UNTURNED:
            raise UserError(
                f"{video} is stored the way players show it, so there is nothing to turn: leave out --pose-turned"
            )
        if self.turn is None:
            raise UserError(
                f"{video} is turned by an angle that is not a multiple of 90 degrees, and a pose cannot be turned "
                "with it "
                "(--pose-turned): convert the video to frames as they are shown, and track those"
            )
        return self.turn.of_places(xy, self.size)


def read_orientation(video: Path) -> Orientation:
    """How a video is turned, found by comparing its frames as ffmpeg shows them with the stored ones.

    What files say about it is of many kinds (a matrix, a tag, one per frame), and ffmpeg knows them all.

    Raises:
        UserError: the video cannot be decoded.
    """
    size, possible = None, [*TURNS]
    with Decoding(video) as shown, Decoding(video, stored=True) as stored:
        for picture, kept, _ in zip(shown, stored, range(TRIED_FRAMES), strict=False):
            size = size or (picture.shape[1], picture.shape[0])
            possible = [turn for turn in possible if _alike(turn.of_picture(kept), picture)]
            if len(possible) <= 1:
                break
    if size is None:
        raise UserError(f"{video} cannot be decoded: it is damaged, or not a video; convert it to .mp4")
    # Of several, all have fitted all frames: each is as right as another.
    return Orientation(size, possible[0] if possible else None)


def _alike(one: np.ndarray, other: np.ndarray) -> bool:
    if one.shape != other.shape:
        return False
    return bool(np.abs(one.astype(np.int16) - other).max() <= ROUNDING)
