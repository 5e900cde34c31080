"""Angles: how far two are apart, their mean, and the best guess without looking. Every angle here is in radians."""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Angles = NDArray[np.floating[Any]]


def circular_error_deg(a_rad: Angles, b_rad: Angles) -> NDArray[np.float64]:
    """The smaller angle between `a_rad` and `b_rad` in degrees, in [0, 180]: `abs(atan2(sin(a - b), cos(a - b)))`.

    The shapes are broadcast; whole turns make no difference, and NaN stays NaN.
    """
    difference = np.asarray(a_rad, dtype=np.float64) - np.asarray(b_rad, dtype=np.float64)
    return np.degrees(np.abs(np.arctan2(np.sin(difference), np.cos(difference))))


def circular_mean(angles_rad: Angles) -> float:
    """Direction of the sum of the unit vectors of `angles_rad` (n,), in [-pi, pi] (Mardia & Jupp 2000, section 2.2).

    It minimises the sum of 1 - cos of the error. Where the vectors cancel, as those of opposite angles do, no direction
    is the mean and the one returned is rounding.

    Raises:
        ValueError: there is no angle.
    """
    angles = _some(angles_rad)
    return math.atan2(float(np.sin(angles).mean()), float(np.cos(angles).mean()))


def constant_predictor(angles_rad: Angles, measure: Literal["median", "mean"] = "median") -> float:
    """The one angle that is nearest to all of `angles_rad` (n,), in [-pi, pi]: its error is that of a blind guess.

    Args:
        angles_rad: what is to be guessed.
        measure: of the circular error, what is made smallest. "median": the middle of the shortest arc that holds more
            than half of the angles, the least median (of an even number, the upper of the two middle errors). "mean":
            the circular median, one of the angles themselves, because the mean error is linear between an angle and
            the next angle or antipode and bends downwards at antipodes.

    Where several angles are equally near, as on an even ring, the first after angle 0 is taken.

    Raises:
        ValueError: there is no angle, or no such measure.
    """
    once = np.sort(_some(angles_rad) % (2 * np.pi))
    n, twice = len(once), np.concatenate([once, once + 2 * np.pi])
    if measure == "median":
        ends = twice[n // 2 : n // 2 + n]  # an arc from each angle that holds n // 2 more
        start = int(np.argmin(ends - once))
        best = (once[start] + ends[start]) / 2
    elif measure == "mean":
        first, sums = np.arange(n), np.concatenate([[0.0], np.cumsum(twice)])
        half = np.searchsorted(twice, once + np.pi, side="right")
        ahead = sums[half] - sums[first] - (half - first) * once
        behind = (first + n - half) * (once + 2 * np.pi) - (sums[first + n] - sums[half])
        best = once[np.argmin(ahead + behind)]
    else:
        raise ValueError(f"the measure is 'median' or 'mean', not '{measure}'")
    return math.atan2(math.sin(best), math.cos(best))


def _some(angles_rad: Angles) -> NDArray[np.float64]:
    angles = np.asarray(angles_rad, dtype=np.float64)
    if angles.size == 0:
        raise ValueError("no angle is given")
    return angles
