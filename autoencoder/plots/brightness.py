"""How much brighter dark images are shown than they are: the one place that decides it, and how it is said."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autoencoder.array_types import Reals

PERCENTILE = 99.5
"""Of the pixels, that which tells how bright images are: a few lamps and hot pixels do not count."""

DARK = 0.5
"""Images whose bright pixels lie below this are stretched: a factor of 2 and more is left for them."""

DARK_MEAN, LIGHT = 0.1, 0.75
"""Images with a lower mean than this are dark also where more than a few pixels are bright, as a wall or paws in an
infrared video. What counts there is the level below which this share of all their light lies: a small bright animal on
black has most of the light, and is left as it is."""

FACTORS = (2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256)
"""Few, so that pictures of the same data mostly share one; beyond these, images of 8 bits have nothing left to show."""

PIXELS_LOOKED_AT = 4_000_000
"""Of a stack, about; of more, evenly spaced images are."""


@dataclass(frozen=True)
class Brightness:
    """The factor by which images are multiplied before they are drawn.

    Attributes:
        factor: 1 where they are drawn as they are, otherwise one of `FACTORS`.
    """

    factor: int = 1

    @property
    def note(self) -> str:
        """What a caption has to say; empty where images are drawn as they are."""
        return "" if self.factor == 1 else f"brightness x {self.factor} for display"

    def below(self, title: str | None) -> str | None:
        """A title with the note in a line below it."""
        return "\n".join(filter(None, (title, self.note))) or title

    def behind(self, text: str, between: str = "; ") -> str:
        """A text with the note at its end."""
        return between.join(filter(None, (text, self.note)))

    def __call__(self, images: NDArray[Any]) -> NDArray[Any]:
        """Images to what is drawn: bytes as bytes, and values in [0, 1] as such; the same array for a factor of 1."""
        if self.factor == 1:
            return images
        if images.dtype == np.uint8:
            return np.minimum(images.astype(np.uint16) * self.factor, 255).astype(np.uint8)
        return np.asarray(np.clip(images * self.factor, 0, 1))


AS_THEY_ARE = Brightness()


def brightness_of(*stacks: NDArray[Any]) -> Brightness:
    """How images that are shown together are drawn.

    Args:
        *stacks: images (n, ...), bytes or values in [0, 1]. What a network makes of them is better left out: it is
            drawn with the same factor, and a network that knows nothing yet makes grey of everything.

    Returns:
        the largest of `FACTORS` that keeps their bright pixels within what can be shown; none (1) where these are above
        half of it already, or all is black.
    """
    looked_at = [stack[:: 1 + stack.size // PIXELS_LOOKED_AT] for stack in stacks if stack.size]
    values = [stack.ravel() / 255 if stack.dtype == np.uint8 else stack.ravel() for stack in looked_at]
    known = np.concatenate(values) if values else np.empty(0)
    known = known[np.isfinite(known)]
    bright = _bright_level(known) if len(known) else 0.0
    if not 0 < bright < DARK:
        return AS_THEY_ARE
    return Brightness(max(factor for factor in FACTORS if factor == FACTORS[0] or factor * bright <= 1))


def _bright_level(pixels: Reals) -> float:
    """How bright the bright ones among pixels (n,) are; see `PERCENTILE` and `DARK_MEAN`."""
    level = float(np.percentile(pixels, PERCENTILE))
    if level < DARK or pixels.mean() >= DARK_MEAN:
        return level
    ascending = np.sort(pixels.clip(0, None))
    light = np.cumsum(ascending, dtype=np.float64)
    return float(ascending[np.searchsorted(light, LIGHT * light[-1])])
