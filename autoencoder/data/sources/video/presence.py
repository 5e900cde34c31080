"""Whether a pose sits on the animal: a frame differs from the background where the animal is."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from autoencoder.data.sources.video.frames import spread

SAMPLES = 40
"""Frames that are looked at."""

CANDIDATES = 2000
"""Frames, from all over the video, that those are chosen from."""

MOST_AT_ONE_PLACE = 3
"""So many samples may lie within half an extent of each other: where an animal rests most of the time, it is part of
the background, and a right pose differs from that no more than a wrong one."""

FEWEST = 8
"""Samples that can be compared with other places; fewer say nothing."""

FEWEST_ELSEWHERE = 3
"""Places, more than an extent away from a sample's own, that it has to be compared with."""

PIXELS_ACROSS = 16
"""Frames are thinned to so many pixels over the animal's extent, or a few more."""

MOST_PIXELS = 20_000_000
"""Of all samples together: where the animal is very small, they are thinned further."""

RADIUS = 0.15
"""Of the disc that is looked at, in extents of the animal: its body is wider."""

LEAST_SHARE = 0.75
"""A pose whose share is less does not sit on the animal. Measured on a mouse of 220 pixels (749 frames): the right pose
1.00, off by 40 to 55 pixels 0.99, by 100 pixels 0.78 to 0.87, by 140 to 570 pixels 0.34 to 0.60, x and y exchanged
0.46, mirrored 0.57, half the scale 0.49, of another time 0.46. On synthetic animals with noise, flicker, long rests or
a camera that shakes: right poses 0.94 to 1.00 (0.84 where one rests, and 2 % of the places are glitches), wrong ones
0.37 to 0.63."""


class Presence:
    """Looks at a few frames while all are decoded, and then says whether the animal is where the pose says.

    Args:
        x: (M,) centre of the animal in each frame, pixels.
        y: (M,) the same, down.
        extent: length of the animal, pixels.
        picture: width and height of the frames.

    Attributes:
        rows: of the samples, (K,) ascending.
    """

    def __init__(self, x: NDArray[np.float64], y: NDArray[np.float64], extent: float, picture: tuple[int, int]) -> None:
        places = np.stack([x, y], axis=1)
        self._extent = max(extent, 1.0)
        self.rows = scattered_rows(places, self._extent / 2)
        self._places = places[self.rows]
        too_many = math.sqrt(len(self.rows) * picture[0] * picture[1] / MOST_PIXELS)
        self._step = max(1, int(self._extent / PIXELS_ACROSS), math.ceil(too_many))
        self._pictures: list[NDArray[np.float32]] = []

    def look(self, row: int, frame: NDArray[np.uint8]) -> None:
        """Keep a thinned copy of a frame, (H, W) or (C, H, W), if it is one of the samples; rows ascend."""
        if len(self._pictures) < len(self.rows) and row == self.rows[len(self._pictures)]:
            thinned = frame[..., :: self._step, :: self._step].astype(np.float32)
            self._pictures.append(thinned if thinned.ndim == 2 else thinned.mean(axis=0))

    def share(self) -> float | None:
        """How often a sample differs more from the background at the animal's place than elsewhere.

        The background is the median of the samples. In each of them, the difference in a disc at the animal's place is
        compared with that in discs at the places that it has in other samples.

        Returns:
            the share of places that differ less, 0 to 1, the mean over samples: 1 for a pose that is right, about 0.5
            for one that has nothing to do with the frames. None where the animal does not move about enough to tell.
        """
        distance = np.hypot(*np.moveaxis(self._places[:, None] - self._places, -1, 0))
        elsewhere = distance > self._extent
        compared = np.flatnonzero(elsewhere.sum(axis=1) >= FEWEST_ELSEWHERE)
        if len(compared) < FEWEST:
            return None
        at = self._differences()
        ranks = (at < at.diagonal()[:, None]) + (at == at.diagonal()[:, None]) / 2
        return float(np.mean([ranks[i, elsewhere[i]].mean() for i in compared]))

    def _differences(self) -> NDArray[np.float32]:
        """Mean difference of each sample from the background in the disc at each sample's place, (K, K)."""
        pictures = np.stack(self._pictures)
        pictures -= np.median(pictures, axis=0)
        # A lamp that flickers changes the whole frame.
        pictures = np.abs(pictures - np.median(pictures, axis=(1, 2), keepdims=True))
        down, across = (np.arange(n) * self._step for n in pictures.shape[1:])
        radius = max(RADIUS * self._extent, 1.5 * self._step)  # so that none is empty, nor in a corner
        discs = (np.hypot(across - x, (down - y)[:, None]) <= radius for x, y in self._places)
        return np.stack([pictures[:, disc].mean(axis=1) for disc in discs], axis=1)


def scattered_rows(places: NDArray[np.float64], apart: float) -> NDArray[np.int64]:
    """Up to `SAMPLES` rows from all over, of which few are at one place, (K,) ascending.

    Args:
        places: (M, 2).
        apart: rows closer than this are at one place.
    """
    rows = spread(len(places), CANDIDATES)
    # Steps of the golden ratio: whatever part of this order is taken is spread over the whole.
    chosen: list[int] = []
    for row in rows[np.argsort(np.arange(len(rows)) * (math.sqrt(5) - 1) / 2 % 1, kind="stable")].tolist():
        near = np.hypot(*(places[chosen] - places[row]).T) < apart
        if near.sum() < MOST_AT_ONE_PLACE:
            chosen.append(row)
        if len(chosen) == SAMPLES:
            break
    return np.sort(np.array(chosen, np.int64))
