"""What moves in a video: where its frames differ from their median, which shows the scene without the animal."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from autoencoder.data.sources.video.frames import Film, gray, spread
from autoencoder.data.sources.video.options import Follow
from autoencoder.errors import UserError
from autoencoder.machine.memory import refuse_too_large

SAMPLES = 200
"""Frames, from all over the video, that the median is taken of."""

MOST_BYTES = 300_000_000
"""Of all samples together: of a video with very large frames fewer are taken."""

STRIP_ROWS = 32
"""Rows of the frames whose median is taken at a time."""

FEWEST_SHOWN = 0.05
"""Share of the samples in which a pixel has to be seen without an animal, where it is known where animals are; the
median of all samples stands in where there are fewer."""

NOWHERE = 256
"""Stands for a pixel that is hidden: more than any gray value."""

NOISE_SHARE = 0.683
"""Share of the pixels of a sample whose difference is taken for noise, and is less than one standard deviation."""

NOISE_FACTOR = 5.0
"""A pixel differs if it does so by this many standard deviations of the noise, and by `LEAST_DIFFERENCE`."""

LEAST_DIFFERENCE = 5.0
"""Gray values: compression alone changes pixels by less."""

CONTRAST_SHARE = 0.25
"""A pixel differs if it does so by this share of what the animal's pixels do in the median. On a mouse whose fur is 5
to 50 gray values brighter than its ground, a half lost a quarter of the animal, and a quarter little."""

LEAST_AREA = 4.0
"""Pixels of the smallest thing that is no noise."""

LEAST_AREA_SHARE = 0.1
"""Less than this share of the animal's usual area is not the animal, and a frame without more is left out."""

SPECK_SHARE = 0.005
"""Pieces of a mask that are smaller than this share of the animal's usual area are noise."""

CLOSED, OPENED = 0.5, 0.9
"""Sides of squares, in thicknesses of the animal: gaps in its body that are narrower than the first are closed, and
what is narrower than the second, such as tails and legs, is taken off before the middle of the body is sought. On a
mouse the middle is then 8 pixels of its 200 away from that between the nose and the root of the tail, in the median
frame; the mean of all pixels that differ is 29 away."""

PIXELS_THICK = 16
"""The body is sought in pixels so large that it is about so many thick."""

BODY_EDGE = 1.0
"""Percentage of the body's pixels that may lie beyond its ends."""

LOOKED_AT = 40
"""Samples in which the animal is measured."""

THINNED = 4
"""Noise and flicker are measured in every so many pixels on each axis."""

WEAK, OVER_NOISE = 15.0, 1.5
"""Gray values by which an animal should differ in the median, and how many times what counts as noise: shadows and
noise come close to less."""

MOST_TORN = 0.15
"""Where so large a share of the samples has a brighter and a darker piece, neither twice as heavy as the other, the
animal is probably in the median frame: it leaves a hole there wherever it is not."""

MOST_OF_PICTURE = 0.25
"""So large a share of the picture that differs is hardly an animal: the light has changed, or the camera moved."""

USUAL_PERCENTILE = 95
"""Of the animal's length in the samples: nearly always it is no longer."""


@dataclass(frozen=True, eq=False)
class Scene:
    """A video's median frame, and what counts as different from it.

    Attributes:
        median: (H, W) float32 gray values.
        follow: which differences count.
        threshold: gray values from which on a pixel differs.
        noise: gray values that noise does not reach.
        contrast: gray values by which the animal's pixels differ in the median.
        area: the animal's usual area, pixels.
        thickness: usually, of the animal: from the middle of its body to the edge, pixels.
        length: the longest that its body usually is, pixels.
        n_samples: how many frames the median is of.
        torn: share of the samples in which something brighter and something darker differ about as much.
        twin: share of the samples in which two pieces that are both brighter, or both darker, differ about as much.
    """

    median: NDArray[np.float32]
    follow: Follow
    threshold: float
    noise: float
    contrast: float
    area: float
    thickness: float
    length: float
    n_samples: int
    torn: float
    twin: float

    def describe(self) -> str:
        """A sentence about what counts."""
        how = {"moving": "differs", "brightest": "is brighter", "darkest": "is darker"}[self.follow]
        return (
            f"the animal is what {how} by {self.threshold:.3g} gray values or more than the median of "
            f"{self.n_samples:,} frames from all over the video; usually it is {self.area:,.0f} pixels large and "
            f"differs by {self.contrast:.3g}"
        )

    def warnings(self, remedy: str) -> list[str]:
        """What speaks against the difference, a sentence each.

        Args:
            remedy: what to do where the animal seems to be in the median frame.
        """
        said = []
        if self.contrast < max(WEAK, OVER_NOISE * self.noise):
            said.append(
                f"what differs from the median frame does so by only {self.contrast:.3g} gray values, and noise by up "
                f"to {self.noise:.3g}: noise and shadows may be taken for the animal, and an animal that rests most of "
                "the time is part of that frame. Look at the crops"
            )
        share = self.area / self.median.size
        if share >= MOST_OF_PICTURE:
            said.append(
                f"what differs from the median frame is usually {share:.0%} of the picture, which is too much for an "
                "animal: probably the light has changed, or the camera has moved. Look at the crops; an animal that is "
                "brighter or darker than all around it may be found by that (--follow brightest or darkest)"
            )
        if self.torn >= MOST_TORN:
            said.append(
                "something brighter than the median frame and something darker differ from it together: probably the "
                f"animal rests so long at one place that it is part of that frame, and leaves a hole there. {remedy}"
            )
        return said

    def difference(self, frame: NDArray[np.float32], rows: slice, columns: slice) -> NDArray[np.float32]:
        """By how much pixels differ, in the way that counts, from the median.

        Args:
            frame: (H, W) gray values of a whole frame.
            rows, columns: which part of it.
        """
        thinned = frame[::THINNED, ::THINNED] - self.median[::THINNED, ::THINNED]
        flicker = np.float32(np.median(thinned))  # a lamp that flickers changes the whole frame
        return counted(frame[rows, columns] - self.median[rows, columns] - flicker, self.follow)

    def mask(self, frame: NDArray[np.float32], rows: slice, columns: slice) -> NDArray[np.bool_]:
        """Where the animal is in a part of a frame: what differs, without specks, with its holes filled."""
        from scipy import ndimage

        differs = self.difference(frame, rows, columns) >= self.threshold
        closed = ndimage.binary_closing(np.pad(differs, 2), np.ones((3, 3)), iterations=1)[2:-2, 2:-2]
        filled: NDArray[np.bool_] = ndimage.binary_fill_holes(closed | differs)
        labels, n = ndimage.label(filled, np.ones((3, 3)))
        areas = np.bincount(labels.ravel(), minlength=n + 1)
        areas[0] = 0
        kept: NDArray[np.bool_] = (areas >= max(LEAST_AREA, SPECK_SHARE * self.area))[labels]
        return kept

    def find(self, frame: NDArray[np.float32], crop: int, last: tuple[float, float] | None) -> Found | None:
        """The animal in a frame.

        It is looked for among the pieces that differ: the one that differs most in all, or, of those that do so at
        least half as much, the one that is nearest to the last place. Its place is the middle of its body in a window
        around that piece.

        Args:
            frame: (H, W) gray values.
            crop: side of the window, pixels.
            last: x and y of the animal in a frame before; None if it was in none.

        Returns:
            None where less than a tenth of the animal's usual area differs.
        """
        place = self._heaviest(frame, last)
        if place is None:
            return None
        # The piece may be a paw: the second window lies around all that differs in the first.
        rows, columns = window(place, crop, self.median.shape)
        down, across = np.nonzero(self.difference(frame, rows, columns) >= self.threshold)
        if len(down):
            place = (float(across.mean()) + columns.start, float(down.mean()) + rows.start)
        rows, columns = window(place, crop, self.median.shape)
        mask = self.mask(frame, rows, columns)
        area = int(mask.sum())
        if area < max(LEAST_AREA, LEAST_AREA_SHARE * self.area):
            return None
        x, y = middle_of(mask, self.thickness).center
        return Found(x + columns.start, y + rows.start, area)

    def _heaviest(self, frame: NDArray[np.float32], last: tuple[float, float] | None) -> tuple[float, float] | None:
        """About where the piece is that differs most, or the one near the last place."""
        step = max(1, int(self.thickness // 4))
        signed = frame[::step, ::step] - self.median[::step, ::step]
        pieces = find_pieces(counted(signed - np.float32(np.median(signed)), self.follow), self.threshold)
        if pieces is None:
            return None
        places, chosen = pieces.centers * step, int(pieces.weights.argmax())
        if last is not None:
            away = np.hypot(places[:, 0] - last[0], places[:, 1] - last[1])
            chosen = int(np.where(pieces.weights >= pieces.weights.max() / 2, away, np.inf).argmin())
        return float(places[chosen, 0]), float(places[chosen, 1])


@dataclass(frozen=True)
class Found:
    """Where the animal is in a frame: x and y in pixels, and its area in pixels."""

    x: float
    y: float
    area: int


def counted(signed: NDArray[np.float32], follow: Follow) -> NDArray[np.float32]:
    """The differences that count, above 0 where they do."""
    if follow == "brightest":
        return signed
    return -signed if follow == "darkest" else np.abs(signed)


def window(center: tuple[float, float], crop: int, shape: tuple[int, ...]) -> tuple[slice, slice]:
    """Rows and columns of a picture of `shape` that a square of side `crop` around (x, y) touches."""
    first = [math.floor(value + 0.5 - crop / 2) for value in reversed(center)]
    last = [math.ceil(value + 0.5 + crop / 2) for value in reversed(center)]
    rows, columns = (
        slice(min(max(0, low), side - 1), max(1, min(high, side)))
        for low, high, side in zip(first, last, shape, strict=True)
    )
    return rows, columns


@dataclass(frozen=True)
class Middle:
    """The middle of a body: x and y, and its length, all in pixels of its picture."""

    center: tuple[float, float]
    length: float


def middle_of(mask: NDArray[np.bool_], thickness: float) -> Middle:
    """Half-way between the ends of a body, whose tail and legs do not count.

    The mean of an animal's pixels lies where it is widest, and jumps when a leg comes into sight.

    Args:
        mask: (h, w), where the animal is.
        thickness: from the middle of its body to the edge, pixels.
    """
    from scipy import ndimage

    step = max(1, int(thickness // PIXELS_THICK))
    closed, opened = (1 + 2 * round(share * thickness / step / 2) for share in (CLOSED, OPENED))
    padded = np.pad(mask[::step, ::step].astype(np.uint8), closed)
    padded = ndimage.minimum_filter(ndimage.maximum_filter(padded, closed), closed)
    body = ndimage.maximum_filter(ndimage.minimum_filter(padded, opened), opened)
    down, across = np.nonzero(body if body.any() else padded)
    pixels = np.stack([across, down], axis=1).astype(np.float64)
    center = pixels.mean(axis=0)
    _, axes = np.linalg.eigh((pixels - center).T @ (pixels - center))
    along = (pixels - center) @ axes
    ends = np.percentile(along, (BODY_EDGE, 100 - BODY_EDGE), axis=0)
    x, y = (center + axes @ ends.mean(axis=0) - closed) * step + (step - 1) / 2
    return Middle((float(x), float(y)), float(np.ptp(ends, axis=0).max() + 1) * step)


# -------------------------------------------------------------------------------------------------------------- pieces


@dataclass(frozen=True, eq=False)
class Pieces:
    """Connected pieces of what differs in a picture; K of them.

    Attributes:
        labels: (H, W) the piece that each pixel is of, from 1; 0 for none.
        weights: (K,) sums of the differences.
        centers: (K, 2) x and y of their means.
    """

    labels: NDArray[np.int32]
    weights: NDArray[np.float64]
    centers: NDArray[np.float64]


def find_pieces(difference: NDArray[np.float32], threshold: float) -> Pieces | None:
    """The pieces of pixels that differ by a threshold; None where there are none."""
    from scipy import ndimage

    labels, n = ndimage.label(difference >= threshold, np.ones((3, 3)))
    if n == 0:
        return None
    down, across = np.nonzero(labels)
    number = labels[down, across] - 1
    areas = np.bincount(number, minlength=n)
    centers = [np.bincount(number, places, minlength=n) / areas for places in (across, down)]
    weights = np.bincount(number, difference[down, across], minlength=n).astype(np.float64)
    return Pieces(labels, weights, np.stack(centers, axis=1))


# --------------------------------------------------------------------------------------------------------------- scene


Hidden = Callable[[int], Sequence[tuple[slice, slice]]]
"""Rows and columns of the parts of a frame, by its number, where animals are known to be."""


@dataclass(frozen=True, eq=False)
class Samples:
    """Frames from all over a video, in gray: their numbers, (K,), and they themselves, (K, H, W) uint8."""

    numbers: NDArray[np.int64]
    frames: NDArray[np.uint8]


def see_scene(film: Film, follow: Follow, hidden: Hidden | None = None, samples: Samples | None = None) -> Scene:
    """Look at frames from all over a video, and find what is usual and what is not.

    Args:
        film: the video, which is decoded once.
        follow: which differences count.
        hidden: where animals are: what is seen there is left out of the median, so that one that rests is not taken for
            the scene. None where that is not known.
        samples: of `take_samples`, where the caller has them: then nothing is decoded.

    Raises:
        WrongClockError: the frames are not those that the file announces.
        UserError: the video is damaged, or no frame differs from the median.
    """
    taken = take_samples(film) if samples is None else samples
    median = median_frame(taken, hidden)
    looks = [look for look in (_look(sample, median, follow) for sample in taken.frames) if look is not None]
    if not looks:
        raise UserError(
            f"nothing in {film.video} differs from the median of its frames by {LEAST_DIFFERENCE:g} gray values or more"
            f"{'' if follow == 'moving' else f' ({follow})'}: an animal that never leaves its place cannot be found "
            "this way. Give a pose (--pose), or the part of the picture that the animal is in (--region X,Y,W,H)"
        )
    # Frames without the animal hold pieces of noise, which are light.
    heaviest = max(look.weight for look in looks)
    looks = [look for look in looks if look.weight >= LEAST_AREA_SHARE * heaviest]
    contrast = float(np.median([look.contrast for look in looks]))
    noise = float(np.median([look.noise for look in looks]))
    scene = Scene(
        median=median,
        follow=follow,
        threshold=max(noise, CONTRAST_SHARE * contrast),
        noise=noise,
        contrast=contrast,
        area=float(np.median([look.area for look in looks])),
        thickness=1.0,
        length=1.0,
        n_samples=len(taken.frames),
        torn=float(np.mean([look.is_torn for look in looks])),
        twin=float(np.mean([look.is_twin for look in looks])),
    )
    return _measured(scene, [looks[row] for row in spread(len(looks), LOOKED_AT)])


def _measured(scene: Scene, looks: Sequence[_Look]) -> Scene:
    """The scene with the thickness and the length of the animal, as they are in some samples."""
    from scipy import ndimage

    side = math.ceil(2 * float(np.percentile([look.radius for look in looks], USUAL_PERCENTILE)))
    masks = []
    for look in looks:
        frame = look.sample.astype(np.float32)
        masks.append(scene.mask(frame, *window(look.center, side, frame.shape)))
    masks = [mask for mask in masks if mask.any()]
    if not masks:
        return scene
    # Padded, since the distance to the edge of a window is none to the animal's.
    thickness = float(np.median([ndimage.distance_transform_edt(np.pad(mask, 1)).max() for mask in masks]))
    lengths = [middle_of(mask, thickness).length for mask in masks]
    length = float(np.percentile(lengths, USUAL_PERCENTILE))
    area = float(np.median([mask.sum() for mask in masks]))
    return dataclasses.replace(scene, thickness=thickness, length=length, area=area)


@dataclass(frozen=True, eq=False)
class _Look:
    """The heaviest piece of a sample, and the least difference that is no noise there."""

    sample: NDArray[np.uint8]
    noise: float
    weight: float
    contrast: float
    area: int
    center: tuple[float, float]
    radius: float
    is_torn: bool
    is_twin: bool


def take_samples(film: Film) -> Samples:
    """Decode a video, and keep frames from all over it.

    Raises:
        WrongClockError: the frames are not those that the file announces.
        UserError: the video is damaged, or the frames do not fit into memory.
    """
    width, height = film.picture
    numbers = spread(len(film), max(3, min(SAMPLES, MOST_BYTES // (width * height))))
    refuse_too_large(
        f"the median of {len(numbers):,} frames of {film.video}",
        2 * len(numbers) * width * height,
        "make the video's frames smaller",
    )
    samples = np.empty((len(numbers), height, width), np.uint8)
    taken = 0

    def look(number: int, frame: NDArray[np.uint8]) -> bool:
        nonlocal taken
        if number == numbers[taken]:
            samples[taken] = np.rint(gray(frame))
            taken += 1
        return taken == len(numbers)

    film.watch(int(numbers[-1]) + 1, look)
    return Samples(numbers, samples)


def median_frame(samples: Samples, hidden: Hidden | None = None) -> NDArray[np.float32]:
    """Median of samples, (H, W), of what is not hidden in each of them."""
    places = None if hidden is None else [hidden(number) for number in samples.numbers.tolist()]
    return _median(samples.frames, places)


def _median(samples: NDArray[np.uint8], hidden: Sequence[Sequence[tuple[slice, slice]]] | None) -> NDArray[np.float32]:
    """See `median_frame`; where things are hidden in each sample."""
    median = np.empty(samples.shape[1:], np.float32)
    for first in range(0, len(median), STRIP_ROWS):
        strip = samples[:, first : first + STRIP_ROWS]
        plain = np.median(strip, axis=0)
        if hidden is not None:
            shown = strip.astype(np.int16)
            for values, parts in zip(shown, hidden, strict=True):
                for rows, columns in parts:
                    values[max(0, rows.start - first) : max(0, rows.stop - first), columns] = NOWHERE
            plain = _median_of_shown(shown, plain)
        median[first : first + STRIP_ROWS] = plain
    return median


def _median_of_shown(shown: NDArray[np.int16], otherwise: NDArray[np.float64]) -> NDArray[np.float64]:
    """Median over the first axis of all that is not `NOWHERE`, where there is enough."""
    ordered = np.sort(shown, axis=0)
    count = (ordered < NOWHERE).sum(axis=0)
    ranks = ((count - 1) // 2).clip(0), (count // 2).clip(0, len(ordered) - 1)
    lower, upper = (np.take_along_axis(ordered, rank[None], axis=0)[0] for rank in ranks)
    median = (lower + upper) / 2
    return np.where(count >= max(1.0, FEWEST_SHOWN * len(shown)), median, otherwise)


def _look(sample: NDArray[np.uint8], median: NDArray[np.float32], follow: Follow) -> _Look | None:
    signed = sample - median
    signed -= np.median(signed[::THINNED, ::THINNED])
    noise = float(np.quantile(np.abs(signed[::THINNED, ::THINNED]), NOISE_SHARE))
    least = max(NOISE_FACTOR * noise, LEAST_DIFFERENCE)
    difference = counted(signed, follow)
    pieces = find_pieces(difference, least)
    if pieces is None:
        return None
    heaviest = int(pieces.weights.argmax())
    is_torn, is_twin = _second_pieces(pieces, signed)
    down, across = np.nonzero(pieces.labels == heaviest + 1)
    x, y = pieces.centers[heaviest].tolist()
    return _Look(
        sample=sample,
        noise=least,
        weight=float(pieces.weights[heaviest]),
        contrast=float(np.median(difference[down, across])),
        area=len(down),
        center=(x, y),
        radius=float(np.hypot(across - x, down - y).max()) + 1,
        is_torn=is_torn,
        is_twin=is_twin,
    )


def _second_pieces(pieces: Pieces, signed: NDArray[np.float32]) -> tuple[bool, bool]:
    """Whether another piece differs at least half as much as the heaviest: in the other direction, and in the same."""
    sums = np.bincount(pieces.labels.ravel(), signed.ravel(), minlength=len(pieces.weights) + 1)[1:]
    heaviest = int(pieces.weights.argmax())
    rivals = pieces.weights >= pieces.weights[heaviest] / 2
    rivals[heaviest] = False
    same = (sums > 0) == (sums[heaviest] > 0)
    return bool((rivals & ~same).any()), bool((rivals & same).any())
