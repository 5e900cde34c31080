"""Colours of points by what is known of them: an angle, a number or a category."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from autoencoder.errors import UserError
from autoencoder.machine.file_names import numbers_apart

if TYPE_CHECKING:
    from matplotlib.colors import ListedColormap

Kind = Literal["circular", "linear", "category"]

MISSING = (196, 196, 196)
"""Grey of the points whose value is not known (RGB, 0 to 255)."""

MAX_CATEGORIES = 20
"""More colours cannot be told apart; the rarer categories share one."""

OTHER = (110, 110, 110)

PALE = 0.35
"""Share of its colour that a point keeps that was trained on, beside those that were held out."""

DOT = (70, 70, 70)
"""Of the legend's points that stand for any colour."""

CATEGORIES = (
    *((31, 119, 180), (255, 127, 14), (44, 160, 44), (214, 39, 40), (148, 103, 189)),
    *((140, 86, 75), (227, 119, 194), (31, 31, 31), (188, 189, 34), (23, 190, 207)),
    *((96, 59, 147), (104, 34, 38), (164, 137, 62), (81, 149, 255), (30, 19, 173)),
    *((50, 95, 39), (0, 213, 94), (174, 44, 119), (52, 38, 97), (89, 74, 226)),
)
"""Colours of categories (RGB): matplotlib's ten, with black in the place of grey, which means that something is not
known; and ten that are as far as can be (in OKLab) from those, from each other, from the greys and from pale ones."""


@dataclass(frozen=True)
class Coloring:
    """Colours of n points, and what a reader needs to read them.

    Attributes:
        colors: (n, 3) uint8 RGB.
        missing: (n,) bool, where the value is not known.
        colormap: of the colour bar; None for categories.
        limits: values at the two ends of the colour bar.
        ticks: values marked on the colour bar.
        tick_labels: their text.
        legend: name and RGB colour (0 to 255) of each category; empty for the other kinds.
        held_out: (n,) the points that were held out, where there are others, which are pale; else None.
    """

    colors: NDArray[np.uint8]
    missing: NDArray[np.bool_]
    colormap: Any = None
    limits: tuple[float, float] = (0.0, 1.0)
    ticks: tuple[float, ...] = ()
    tick_labels: tuple[str, ...] = ()
    legend: tuple[tuple[str, tuple[int, int, int]], ...] = ()
    held_out: NDArray[np.bool_] | None = None

    @property
    def split_legend(self) -> tuple[tuple[str, tuple[int, int, int]], ...]:
        """What strong and pale points are, with the greys that stand for them; empty where all are alike."""
        if self.held_out is None:
            return ()
        n = int(self.held_out.sum())
        pale = _rgb(paled(np.array([DOT], np.uint8))[0])
        return (f"held out ({n:,})", DOT), (f"trained on ({len(self.held_out) - n:,})", pale)


def paled(colors: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Colours (n, 3) of points that are there to be compared with the others."""
    faint: NDArray[np.uint8] = (255 - (255 - colors.astype(np.float64)) * PALE).round().astype(np.uint8)
    return faint


def color_by(
    values: NDArray[Any], kind: Kind, period: float = 360.0, held_out: NDArray[np.bool_] | None = None
) -> Coloring:
    """Colours for `values` (n,), in which NaN (or an empty text) means not known.

    Args:
        values: numbers; for categories also texts.
        kind: `circular` values come back to the start after `period`; `linear` ones are spread between the 1st and
            the 99th percentile; `category` gives each distinct value its own colour.
        period: of circular values: 360 for degrees, 2 pi for radians.
        held_out: (n,) which points were held out from training: the others are pale, and both are in the legend. None,
            or all alike, for no difference.

    Raises:
        UserError: there is no such kind, or a circular or linear column is not of numbers.
    """
    coloring = _color_by(values, kind, period)
    if held_out is None or held_out.all() or not held_out.any():
        return coloring
    strong = held_out | coloring.missing  # grey is pale enough
    colors = np.where(strong[:, None], coloring.colors, paled(coloring.colors))
    return replace(coloring, colors=colors, held_out=held_out)


def _color_by(values: NDArray[Any], kind: Kind, period: float) -> Coloring:
    if kind == "category":
        return _categories(values)
    if kind not in ("circular", "linear"):
        raise UserError(f"a column is circular, linear or category, not '{kind}'")
    if values.dtype.kind not in "iufb":
        raise UserError(f"a {kind} column is of numbers, not of {values.dtype}: colour by category instead")
    return _circular(values.astype(np.float64), period) if kind == "circular" else _linear(values.astype(np.float64))


def cyclic_colormap() -> ListedColormap:
    """A circle of hues: red at 0, then yellow, green, blue, magenta and back to red.

    `hsv` has broad stretches of one green and one blue and an almost white yellow; matplotlib's `twilight` has too few
    hues to follow a ring by eye. This one goes around OKLCH at an even pace of hue, a little lighter in the yellows
    and darker in the blues, so that neighbours differ everywhere by about as much and all of it shows on white.
    """
    from matplotlib.colors import ListedColormap

    hue = np.linspace(0, 2 * np.pi, 512, endpoint=False) + np.radians(25)  # 25 degrees is red
    lightness = 0.66 + 0.12 * np.cos(hue - np.radians(105))
    chroma = 0.19 + 0.035 * np.cos(hue - np.radians(345))
    a, b = chroma * np.cos(hue), chroma * np.sin(hue)
    # OKLab to linear sRGB (Ottosson, 2020).
    long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    medium = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    linear = np.stack(
        [
            4.0767416621 * long - 3.3077115913 * medium + 0.2309699292 * short,
            -1.2684380046 * long + 2.6097574011 * medium - 0.3413193965 * short,
            -0.0041960863 * long - 0.7034186147 * medium + 1.7076147010 * short,
        ],
        axis=1,
    ).clip(0, 1)
    rgb = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return ListedColormap(rgb.clip(0, 1), name="cyclic")


def _circular(values: NDArray[np.float64], period: float) -> Coloring:
    colormap = cyclic_colormap()
    ticks = np.linspace(0, period, 5)
    in_turns = np.isclose(period, 2 * np.pi)
    labels = ("0", "π/2", "π", "3π/2", "2π") if in_turns else tuple(f"{tick:g}" for tick in ticks)
    missing = ~np.isfinite(values)
    phase = np.where(missing, 0, values) % period / period
    return Coloring(_mapped(colormap, phase, missing), missing, colormap, (0.0, period), tuple(ticks.tolist()), labels)


def _linear(values: NDArray[np.float64]) -> Coloring:
    import matplotlib
    from matplotlib.ticker import MaxNLocator

    missing = ~np.isfinite(values)
    known = values[~missing]
    low, high = np.percentile(known, (1, 99)).tolist() if len(known) else (0.0, 1.0)
    if low == high:
        low, high = low - 0.5, high + 0.5
    colormap = matplotlib.colormaps["viridis"]
    where = (np.where(missing, low, values) - low) / (high - low)
    ticks = tuple(float(tick) for tick in MaxNLocator(5).tick_values(low, high) if low <= tick <= high)
    labels = tuple(f"{tick:g}" for tick in ticks)
    return Coloring(_mapped(colormap, where.clip(0, 1), missing), missing, colormap, (low, high), ticks, labels)


def _mapped(colormap: Any, where: NDArray[np.float64], missing: NDArray[np.bool_]) -> NDArray[np.uint8]:
    colors: NDArray[np.uint8] = colormap(where, bytes=True)[:, :3].copy()
    colors[missing] = MISSING
    return colors


def _categories(values: NDArray[Any]) -> Coloring:
    texts = values.dtype.kind not in "iufb"
    missing = values == "" if texts else np.isnan(values.astype(np.float64))
    names, member, counts = np.unique(values[~missing], return_inverse=True, return_counts=True)
    if texts:  # animal 2 before animal 10
        order = np.array(sorted(range(len(names)), key=lambda i: numbers_apart(str(names[i]))), np.int64)
        names, member, counts = names[order], np.argsort(order)[member], counts[order]
    kept = np.arange(len(names))
    if len(names) > MAX_CATEGORIES:
        kept = np.sort(np.argsort(-counts, kind="stable")[: MAX_CATEGORIES - 1])
    palette = np.full((len(names), 3), OTHER, np.uint8)
    palette[kept] = CATEGORIES[: len(kept)]
    colors = np.full((len(values), 3), MISSING, np.uint8)
    colors[~missing] = palette[member]
    legend = [(str(names[i]) if texts else f"{names[i]:g}", _rgb(palette[i])) for i in kept]
    if len(kept) < len(names):
        legend.append((f"{len(names) - len(kept)} others", OTHER))
    if missing.any():
        legend.append(("unknown", MISSING))
    return Coloring(colors, np.asarray(missing, bool), legend=tuple(legend))


def _rgb(color: NDArray[np.uint8]) -> tuple[int, int, int]:
    red, green, blue = color.tolist()
    return red, green, blue
