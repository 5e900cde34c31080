"""Where the parts of a movie's frame lie, in pixels from its upper left corner."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from autoencoder.config.movies import DPI
from autoencoder.plots.drawing import text_width, tile_size

MAX_WIDTH = 1920
"""Pixels of a frame: more does not fit on a slide, and is made smaller there with all of its text."""

SIDES = {1: 640, 2: 560, 3: 480, 4: 440}
"""Width and height of each panel, by their number, where the frame is not too wide for it."""

MAX_PANELS = max(SIDES)
MAX_CURVE_AXES = 2

MARGIN, GAP = 14, 14
TITLE, HEADER, PANEL_TITLE = 26, 66, 104
"""Middle of the title, of epoch and step, and of the panels' titles where there are several."""

TOP, TOP_OF_SEVERAL = 90, 124
AXIS_NAME = 38
"""Left of a single panel; of several, both axes are named below each, where no line to an example leads over them."""

BELOW, CURVES_BELOW = 40, 64
"""From the panels to what lies below them: the frame's edge, or the curves."""

CURVE_HEIGHT, CURVE_GAP, CURVE_WIDTH, EPOCHS = 96, 70, 640, 48
CURVE_TICKS = 45
"""Left of a curve's axes, for the numbers at its ticks."""

TILE = 108
TILE_GAP = 8
CAPTION = 40
"""Height of two lines below a tile."""

HINTING = 1.04
"""How much wider text can be than its outlines, because each letter begins at a whole pixel."""


@dataclass(frozen=True)
class Place:
    """A rectangle, in pixels from the upper left corner of the frame."""

    left: float
    top: float
    width: float
    height: float

    @property
    def right(self) -> float:
        """Its right edge."""
        return self.left + self.width

    @property
    def bottom(self) -> float:
        """Its lower edge."""
        return self.top + self.height

    @property
    def inches(self) -> tuple[float, float, float, float]:
        """Left, top, width and height, as `autoencoder.plots.drawing.place_axes` takes them."""
        return self.left / DPI, self.top / DPI, self.width / DPI, self.height / DPI


@dataclass(frozen=True)
class Tile:
    """Places of an example.

    Attributes:
        image: of the image itself.
        output: of what the network makes of it, below; None where that is not shown.
        leader: where the line to the point starts.
        on_left: of the panels; then the line leads to the first panel, otherwise to the last.
    """

    image: Place
    output: Place | None
    leader: tuple[float, float]
    on_left: bool


@dataclass(frozen=True)
class Layout:
    """Places of all parts of a frame of `width` by `height` pixels, both even, as H.264 needs them.

    Attributes:
        width, height: of the frame.
        panels: the scatter plots.
        colors: left edge of each panel's colour bar or legend.
        tiles: the examples, in the order of `autoencoder.plots.movies.frames.choose_examples`.
        curves: axes below the panels.
    """

    width: int
    height: int
    panels: tuple[Place, ...]
    colors: tuple[float, ...]
    tiles: tuple[Tile, ...]
    curves: tuple[Place, ...]

    @property
    def middle(self) -> float:
        """Column over which the title stands: the middle of the panels."""
        return (self.panels[0].left + self.panels[-1].right) / 2


def pixels_wide(text: str, size: float) -> float:
    """Width of a line of `size` points in a frame."""
    return text_width(text, size) * DPI * HINTING


def lay_out(
    colors_widths: Sequence[float],
    *,
    side: int | None = None,
    n_examples: int = 0,
    image_shape: tuple[int, int] = (1, 1),
    with_output: bool = False,
    n_curves: int = 0,
) -> Layout:
    """Places for a number of panels side by side.

    Args:
        colors_widths: pixels that the colour bar or legend of each panel takes; one to `MAX_PANELS`.
        side: of each panel; None for that of `SIDES`.
        n_examples: pictures beside the panels.
        image_shape: height and width of the examples' images.
        with_output: what the network makes of each image is shown below it.
        n_curves: axes below the panels, up to `MAX_CURVE_AXES`.
    """
    side = SIDES[len(colors_widths)] if side is None else side
    top = TOP if len(colors_widths) == 1 else TOP_OF_SEVERAL
    n_left, n_right = (n_examples + 1) // 2, n_examples // 2
    left: float = MARGIN + (AXIS_NAME if len(colors_widths) == 1 else GAP) + (TILE if n_left else 0)
    panels, colors = [], []
    for i, width in enumerate(colors_widths):
        panels.append(Place(left, top, side, side))
        last = i == len(colors_widths) - 1
        left += side + GAP + (TILE + GAP if last and n_right else 0)
        colors.append(left)
        left += width + (0 if last else 2 * GAP)
    curves = _curves(n_curves, panels[0].left, panels[-1].right, top + side + CURVES_BELOW)
    bottom = curves[-1].bottom + EPOCHS if curves else top + side + BELOW
    # Beside several panels, which are small, examples also take what the curves leave at both sides.
    free = len(panels) > 1 and (not curves or curves[0].left - panels[0].left > CURVE_TICKS)
    lowest = bottom - MARGIN if free else top + side
    tiles = [
        *_tiles(n_left, True, MARGIN, lowest - top, panels[0], image_shape, with_output),
        *_tiles(n_right, False, panels[-1].right + GAP, lowest - top, panels[-1], image_shape, with_output),
    ]
    return Layout(_even(left + MARGIN), _even(bottom), tuple(panels), tuple(colors), tuple(tiles), tuple(curves))


def _tiles(
    n: int,
    on_left: bool,
    left: float,
    height_of_all: float,
    panel: Place,
    image_shape: tuple[int, int],
    with_output: bool,
) -> list[Tile]:
    """Places of `n` examples below each other, in a column of the width `TILE` that begins at `left`."""
    pictures = 2 if with_output else 1
    slot = height_of_all / max(n, 1)
    room = slot - TILE_GAP - (TILE_GAP + CAPTION if with_output else 0)
    width, height = tile_size(image_shape, TILE)
    shrink = min(1.0, room / (pictures * height))
    width, height = float(round(width * shrink)), float(round(height * shrink))
    whole = pictures * height + (TILE_GAP + CAPTION if with_output else 0)
    tiles = []
    for i in range(n):
        x = left + (TILE - width) // 2
        y = round(panel.top + slot * (i + 0.5) - whole / 2)
        image = Place(x, y, width, height)
        output = Place(x, image.bottom + TILE_GAP, width, height) if with_output else None
        tiles.append(Tile(image, output, (image.right + 3 if on_left else image.left - 3, y + height / 2), on_left))
    return tiles


def _curves(n: int, left: float, right: float, top: float) -> list[Place]:
    width = min((right - left - CURVE_GAP * (n - 1)) / max(n, 1), CURVE_WIDTH)
    first = (left + right - n * width - (n - 1) * CURVE_GAP) / 2
    return [Place(first + i * (width + CURVE_GAP), top, width, CURVE_HEIGHT) for i in range(n)]


def _even(length: float) -> int:
    return 2 * round((length + 1) / 2)
