"""Evening out the light of a recording, so that the same moments give the same images under another lamp."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from autoencoder.data.sources.video.animal.moving import (
    CONTRAST_SHARE,
    LEAST_DIFFERENCE,
    NOISE_FACTOR,
    NOISE_SHARE,
    Hidden,
    Samples,
    median_frame,
)
from autoencoder.data.sources.video.options import Normalise
from autoencoder.errors import UserError

MIDDLE = 128.0
"""Gray value of images that the level, such as the ground's, becomes."""

CONTRAST = 80.0
"""Gray values of images that the contrast becomes: what differs half as much again is not yet cut off."""

FINE = 257
"""Steps of a gray value in pixels of 16 bits, which hold what is evened out until it is made smaller."""

MOST_PIXELS = 250_000
"""Of a frame whose contrast or light is measured: of larger ones some are left out."""

LEAST_LIGHT = 0.1
"""Where there is less light than this share of the mean, differences are not enlarged any further."""

Index = tuple[Any, Any]
"""Rows and columns of a frame: slices, or arrays of their numbers."""


@dataclass(frozen=True, eq=False)
class Light:
    """How the pixels of a recording become those of images.

    Attributes:
        how: by what the light is evened out.
        level: (H, W) float32 gray values that become `MIDDLE`.
        gain: (H, W) float32, by which differences from the level are multiplied.
        brightness: mean of the level, gray values.
        contrast: gray values by which things differ from it.
    """

    how: Normalise
    level: NDArray[np.float32]
    gain: NDArray[np.float32]
    brightness: float
    contrast: float

    def even(self, frame: NDArray[np.uint8], index: Index) -> NDArray[np.uint16]:
        """A part of a frame, (H, W) or (3, H, W), evened out, in steps of 1 / `FINE` gray values."""
        values = (frame[(..., *index)] - self.level[index]) * self.gain[index] + np.float32(MIDDLE)
        return np.asarray(np.rint(np.clip(values, 0, 255) * FINE), np.uint16)

    def numbers(self) -> dict[str, float]:
        """What was measured of the recording, for its recipe."""
        return {"brightness": round(self.brightness, 3), "contrast": round(self.contrast, 3)}

    def describe(self) -> str:
        """A sentence about what was done."""
        if self.how == "background":
            return (
                "images show what differs from the median of the frames (--normalise background), which becomes "
                f"{MIDDLE:g}; differences are divided by the light, and their contrast of {self.contrast:.3g} gray "
                f"values becomes {CONTRAST:g}"
            )
        return (
            f"the light is evened out (--normalise intensity): the brightness of {self.brightness:.4g} becomes "
            f"{MIDDLE:g}, and the contrast of {self.contrast:.3g} gray values becomes {CONTRAST:g}"
        )

    def warnings(self) -> list[str]:
        """What is probably not as it should be."""
        if self.contrast >= LEAST_DIFFERENCE:
            return []
        return [
            f"the contrast of the recording is only {self.contrast:.3g} gray values, and images amplify it to "
            f"{CONTRAST:g}, noise included (--normalise {self.how})"
        ]


def see_light(
    samples: Samples, how: Normalise, video: Path, hidden: Hidden | None = None, whole: Index | None = None
) -> Light:
    """Measure the light of a recording.

    Of crops, contrast is that of what moves with the ground, and the level that of the ground where it was; what is
    around the arena does not count. Of whole frames, which may be of an animal that hardly moves, both are those of the
    picture, unless only differences from the background are shown.

    Args:
        samples: frames from all over it.
        how: "background" or "intensity".
        video: for messages.
        hidden: where animals are, which do not count for the background; None where that is not known.
        whole: rows and columns of the frames of which images are made; None for crops.

    Raises:
        UserError: nothing is to be seen in the recording.
    """
    part: Index = whole or (slice(None), slice(None))
    background = median_frame(samples, hidden)
    moved = _moved(samples, background)
    against, light = background, np.ones_like(background)
    if how == "background":
        light = _light_on(background, moved)
    elif whole is not None:
        against = np.full_like(background, background[part].mean())
    thin = max(1, round(math.sqrt(background[part].size / MOST_PIXELS)))
    against_there, light_there = (values[part][::thin, ::thin] for values in (against, light))
    looks = [_look((frame[part][::thin, ::thin] - against_there) / light_there) for frame in samples.frames]
    contrast = float(np.median([look.contrast for look in looks]))
    if not contrast:
        raise UserError(
            f"the frames of {video} are all of one brightness, or nothing moves in them, so their light cannot be "
            f"measured: leave out --normalise {how}"
        )
    level = np.full_like(background, background[moved].mean()) if how == "intensity" and whole is None else against
    return Light(how, level, np.float32(CONTRAST / contrast) / light, float(level[part].mean()), contrast)


def _moved(samples: Samples, background: NDArray[np.float32]) -> NDArray[np.bool_]:
    """(H, W), where something has differed from the background in some sample; all of it where nothing has."""
    looks = [_look(frame - background) for frame in samples.frames]
    contrast, noise = (float(np.median(values)) for values in zip(*looks, strict=True))
    least = max(CONTRAST_SHARE * contrast, NOISE_FACTOR * noise)
    moved = np.zeros(background.shape, bool)
    for frame in samples.frames:
        moved |= np.abs(frame - background) >= least
    return moved if least and moved.any() else np.ones_like(moved)


def _light_on(background: NDArray[np.float32], moved: NDArray[np.bool_]) -> NDArray[np.float32]:
    """How much light there is at each pixel, 1 on average: a surface of the second order through the ground.

    The ground is where something has moved: walls and what is around the arena are darker or brighter by themselves. A
    surface follows a lamp and no pattern of the ground, and goes on evenly to where nothing has moved.
    """
    down, across = np.nonzero(moved)
    thin = max(1, len(down) // MOST_PIXELS)
    down, across = down[::thin], across[::thin]
    values = np.maximum(background[down, across], 1.0)
    terms = np.stack(_terms(down, across, background.shape), axis=1) / values[:, None]
    # Light multiplies, so it is the relative error that is made small: dark places tell it as well as bright ones.
    found, *_ = np.linalg.lstsq(terms, np.ones_like(values), rcond=None)
    rows, columns = np.arange(background.shape[0])[:, None], np.arange(background.shape[1])[None, :]
    surface = sum(term * weight for term, weight in zip(_terms(rows, columns, background.shape), found, strict=True))
    surface = np.broadcast_to(np.asarray(surface, np.float32), background.shape)
    mean = max(float(surface[moved].mean()), 1.0)
    return np.asarray(np.maximum(surface / np.float32(mean), LEAST_LIGHT), np.float32)


def _terms(down: NDArray[np.int64], across: NDArray[np.int64], shape: tuple[int, ...]) -> list[NDArray[np.float64]]:
    """1, y, x, y^2, xy and x^2, where y and x go from -1 to 1 over the picture."""
    y, x = 2 * down / shape[0] - 1, 2 * across / shape[1] - 1
    return [np.ones_like(y), y, x, y**2, x * y, x**2]


class _Look(NamedTuple):
    """Contrast and noise of the differences in a frame."""

    contrast: float
    noise: float


def _look(differences: NDArray[np.float32]) -> _Look:
    """Contrast and noise of a frame.

    Contrast is the mean of differences, each of which counts by the cube of its own, so that noise and what is alike
    hardly count. Twice the light makes it exactly twice as large, as it does no measure that looks for pixels over a
    threshold; and it does not depend on how large a thing is in the picture, as a standard deviation does.
    """
    sizes = np.abs(differences, dtype=np.float64)
    cubes = sizes**3
    total = float(cubes.sum())
    contrast = float((cubes * sizes).sum()) / total if total else 0.0
    return _Look(contrast, float(np.quantile(sizes, NOISE_SHARE)))


def pick(frame: NDArray[np.uint8], index: Index, light: Light | None) -> NDArray[np.uint8] | NDArray[np.uint16]:
    """A part of a frame, in pixels of 16 bits where its light is evened out."""
    return frame[(..., *index)] if light is None else light.even(frame, index)


def in_8_bits(image: np.ndarray, light: Light | None) -> NDArray[np.uint8]:
    """An image of such pixels, as it is stored."""
    return np.asarray(image if light is None else np.rint(image / FINE), np.uint8)


def light_entry(light: Light | None, video: Path) -> Mapping[str, Any]:
    """What a recipe holds of a recording's light: nothing where it was not evened out."""
    return {} if light is None else {"light": {video.stem: light.numbers()}}
