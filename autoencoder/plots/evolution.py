"""The evolution of a latent space: one frame per snapshot, of points that keep their colour and of axes that stay."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from autoencoder.errors import UserError
from autoencoder.plots.colors import Coloring, Kind, color_by
from autoencoder.plots.drawing import draw_color_bar, drawing_order, legend_handles, shortened
from autoencoder.plots.points import paint_points, point_radius

WIDTH, HEIGHT, DPI = 1000, 800, 100
"""Size of a frame in pixels; long names of categories make it wider."""

# Places in pixels from the lower left corner: left, bottom, width, height.
AXES = (160, 72, 640, 640)
COLOR_BAR = (936, 142, 18, 500)
LEGEND_LEFT = 926
SHORT_NAME, PIXELS_PER_LETTER = 3, 10
TILE = 108
TILE_LEFT = {"left": 14, "right": 814}

Limits = tuple[tuple[float, float], tuple[float, float]]
FloatArray = NDArray[np.floating]


# -------------------------------------------------------------------------------------------------------------- layout


def robust_limits(embeddings: FloatArray) -> Limits:
    """Limits (low, high) of both axes, of equal span, for all frames of `embeddings` (T, n, 2).

    They hold every point of the last frame and, of all frames together, what lies between the percentiles 0.5 and
    99.5, so that a few points that fly off early do not make the rest small.
    """
    low, high = np.percentile(embeddings.reshape(-1, 2), (0.5, 99.5), axis=0)
    low = np.minimum(low, embeddings[-1].min(axis=0))
    high = np.maximum(high, embeddings[-1].max(axis=0))
    center = (low + high) / 2
    half = 0.53 * float((high - low).max()) or 1.0  # all points at one place still need axes
    (x, y) = center.tolist()
    return (x - half, x + half), (y - half, y + half)


def choose_examples(embedding: FloatArray, n: int, seed: int = 0) -> NDArray[np.int64]:
    """Points of `embedding` (m, 2) that lie far apart and not alone, for the pictures beside the plot.

    Returns:
        min(n, m) different indices: first those for the left side, from the top down, then those for the right side.
    """
    from scipy.spatial import cKDTree

    n = min(n, len(embedding))
    if n < 1:
        return np.empty(0, np.int64)
    neighbors = min(10, len(embedding))
    alone = cKDTree(embedding).query(embedding, neighbors)[0].reshape(len(embedding), -1)[:, -1]
    candidates = np.flatnonzero(alone <= np.quantile(alone, 0.9))
    if len(candidates) < n:
        candidates = np.arange(len(embedding))
    places = embedding[candidates]

    # Farthest point sampling: the first one from the rim, each next one as far as can be from those before it.
    random_order = np.random.default_rng(seed).permutation(len(candidates))  # decides between equals
    distance = np.linalg.norm(places - np.median(places, axis=0), axis=1)
    chosen: list[int] = []
    nearest = np.full(len(candidates), np.inf)
    for _ in range(n):
        best = int(random_order[np.argmax(distance[random_order])])
        chosen.append(best)
        nearest = np.minimum(nearest, np.linalg.norm(places - places[best], axis=1))
        distance = nearest.copy()
        distance[chosen] = -1
    return _top_down_by_side(candidates[chosen], embedding)


def _top_down_by_side(indices: NDArray[np.int64], embedding: FloatArray) -> NDArray[np.int64]:
    """The left half of the points, then the right half, each by height, so that their leader lines do not cross."""
    by_x = indices[np.argsort(embedding[indices, 0], kind="stable")]
    left, right = np.split(by_x, [(len(by_x) + 1) // 2])
    return np.concatenate([side[np.argsort(-embedding[side, 1], kind="stable")] for side in (left, right)])


def frame_schedule(n_snapshots: int, fps: float, seconds: float, hold: float = 1.0) -> list[int]:
    """Which snapshot each frame of a movie shows: `seconds` long, of which the first and the last stand for `hold`.

    Snapshots are repeated or, where there are more of them than frames, left out evenly; no position in between is
    invented. The first and the last snapshot are always shown.
    """
    if n_snapshots < 1 or not fps > 0:
        raise UserError(f"a movie needs snapshots and a speed, not {n_snapshots} snapshots at {fps} frames per second")
    n_frames = round(seconds * fps)
    n_hold = max(1, min(round(hold * fps), n_frames // 2))
    n_between = max(0, n_frames - 2 * n_hold)
    between: list[int] = np.linspace(0, n_snapshots - 1, n_between + 2)[1:-1].round().astype(int).tolist()
    return [0] * n_hold + between + [n_snapshots - 1] * n_hold


# -------------------------------------------------------------------------------------------------------------- figure


@dataclass(frozen=True)
class Examples:
    """Pictures beside the plot, each tied to its point.

    Attributes:
        indices: (k,) rows of the embedding, in the order of `choose_examples`; up to 6 fit.
        images: (k, H, W) or (k, H, W, 3); uint8, or floats in [0, 1].
    """

    indices: NDArray[np.integer]
    images: NDArray[Any]


class EvolutionFigure:
    """Draws snapshot after snapshot; everything that stays is drawn once.

    Args:
        limits: of the axes, from `robust_limits`.
        values: (n,) what each point is coloured by; NaN is drawn grey, under the others.
        kind: of the values: circular, linear or category.
        label: name of the values, such as "body angle (deg)".
        reducer: name on the axes, such as "umap".
        examples: pictures beside the plot.
        period: of circular values.
        title: above the plot; None for "latent space coloured by LABEL".

    Raises:
        UserError: the values cannot be coloured, or an example is not among them.
    """

    def __init__(
        self,
        limits: Limits,
        values: NDArray[Any],
        kind: Kind,
        label: str,
        *,
        reducer: str = "umap",
        examples: Examples | None = None,
        period: float = 360.0,
        title: str | None = None,
    ) -> None:
        self._coloring = color_by(values, kind, period)
        self._limits = limits
        self._radius = point_radius(len(values))
        self._order = drawing_order(self._coloring.missing)
        excess = max((len(shortened(name)) for name, _ in self._coloring.legend), default=0) - SHORT_NAME
        self._width = WIDTH + max(0, excess) * PIXELS_PER_LETTER
        self._figure = Figure(figsize=(self._width / DPI, HEIGHT / DPI), dpi=DPI, facecolor="white")
        canvas: Any = FigureCanvasAgg(self._figure)
        self._canvas = canvas  # Any: its methods are not typed

        self._draw_frame(title or f"latent space coloured by {label}", reducer)
        if self._coloring.colormap is not None:
            draw_color_bar(self._place(*COLOR_BAR), self._coloring)
        else:
            self._draw_legend(self._coloring)
        self._examples = examples
        self._anchors: list[tuple[float, float]] = []
        if examples is not None:
            self._draw_examples(examples)
        self._canvas.draw()
        self._background = np.asarray(self._canvas.buffer_rgba()).copy()
        self._header, self._leaders, self._rings = self._moving_artists()

    def draw(self, embedding: FloatArray, epoch: float, step: int) -> NDArray[np.uint8]:
        """One frame.

        Args:
            embedding: (n, 2), its rows in the order of the values.
            epoch: shown above the plot; a fraction is shown with one digit.
            step: number of updates of the network so far.

        Returns:
            (800, W, 3) uint8 RGB; W is 1000, and more only where a legend has long names.
        """
        if embedding.shape != (len(self._order), 2):
            raise UserError(f"{len(self._order)} points are coloured, but the embedding has shape {embedding.shape}")
        pixels = self.pixel_positions(embedding)
        buffer = np.asarray(self._canvas.buffer_rgba())
        buffer[...] = self._background
        left, bottom, width, height = AXES
        top = HEIGHT - bottom - height
        box = buffer[top + 1 : top + height - 1, left + 1 : left + width - 1, :3]  # inside the frame line
        centers = np.stack([pixels[:, 0] - left - 1, (HEIGHT - pixels[:, 1]) - top - 1], axis=1)
        paint_points(box, centers[self._order], self._coloring.colors[self._order], self._radius)

        renderer = self._canvas.get_renderer()
        self._header.set_text(f"epoch {round(epoch, 1):g}, step {step:,}")
        self._header.draw(renderer)
        self._move_leaders(pixels)
        for artist in (*self._leaders, *self._rings):
            artist.draw(renderer)
        return buffer[:, :, :3].copy()

    def pixel_positions(self, embedding: FloatArray) -> FloatArray:
        """Where points (n, 2) lie in a frame: columns and rows in pixels, counted from the lower left corner."""
        (x0, x1), (y0, y1) = self._limits
        left, bottom, width, height = AXES
        low, span = np.array([x0, y0]), np.array([x1 - x0, y1 - y0])
        return np.asarray((left, bottom) + (embedding - low) / span * (width, height))

    def leader_lines(self) -> FloatArray:
        """(k, 2, 2): start at the picture and end at the point of each line in the last frame, as `pixel_positions`."""
        return np.array([line.get_xydata() for line in self._leaders]).reshape(-1, 2, 2)

    def _place(self, left: float, bottom: float, width: float, height: float) -> Any:
        return self._figure.add_axes((left / self._width, bottom / HEIGHT, width / self._width, height / HEIGHT))

    def _draw_frame(self, title: str, reducer: str) -> None:
        ax = self._place(*AXES)
        ax.set(xlim=self._limits[0], ylim=self._limits[1], xticks=[], yticks=[])
        ax.spines[:].set_color("0.8")
        name = {"tsne": "t-SNE"}.get(reducer, reducer.upper())
        ax.set_xlabel(f"{name} 1", fontsize=14, labelpad=5, loc="left")
        ax.set_ylabel(f"{name} 2", fontsize=14, labelpad=3, loc="bottom")
        size = min(20.0, 20.0 * 62 / max(len(title), 1))  # as wide as the frame at most
        self._figure.text(WIDTH / 2 / self._width, 1 - 26 / HEIGHT, title, ha="center", va="center", fontsize=size)

    def _draw_legend(self, coloring: Coloring) -> None:
        self._figure.legend(
            handles=legend_handles(coloring),
            loc="center left",
            bbox_to_anchor=(LEGEND_LEFT / self._width, (AXES[1] + AXES[3] / 2) / HEIGHT),
            frameon=False,
            fontsize=12,
            handletextpad=0.0,
            borderaxespad=0.0,
            labelspacing=0.6,
        )

    def _draw_examples(self, examples: Examples) -> None:
        n = len(examples.indices)
        if n > 6 or len(examples.images) != n:
            raise UserError(f"up to 6 examples fit, one image each, not {n} with {len(examples.images)} images")
        if n and (np.min(examples.indices) < 0 or np.max(examples.indices) >= len(self._order)):
            raise UserError("an example is not among the points")
        sides: Sequence[str] = ["left"] * ((n + 1) // 2) + ["right"] * (n // 2)
        for i, (side, index) in enumerate(zip(sides, examples.indices, strict=True)):
            slot = i if side == "left" else i - (n + 1) // 2
            n_slots = sides.count(side)
            middle = AXES[1] + AXES[3] * (1 - (slot + 0.5) / n_slots)
            ax = self._place(TILE_LEFT[side], middle - TILE / 2, TILE, TILE)
            ax.imshow(examples.images[i], cmap="gray", vmin=0, aspect="equal", interpolation="nearest")
            ax.set(xticks=[], yticks=[])
            ax.spines[:].set(color=self._coloring.colors[index] / 255, linewidth=4)
            self._anchors.append((TILE_LEFT[side] + (TILE + 3 if side == "left" else -3), middle))

    def _moving_artists(self) -> tuple[Any, list[Line2D], list[Line2D]]:
        top = AXES[1] + AXES[3]
        place = (WIDTH / 2 / self._width, (top + 24) / HEIGHT)
        header = self._figure.text(*place, "", ha="center", va="center", fontsize=16, color="0.25")
        leaders, rings = [], []
        for _ in self._anchors:
            leaders.append(Line2D([], [], color="0.35", lw=1.0, transform=None))
            rings.append(Line2D([], [], ls="", marker="o", ms=9, mfc="none", mec="black", mew=1.8, transform=None))
        for artist in (*leaders, *rings):
            artist.set_figure(self._figure)
        return header, leaders, rings

    def _move_leaders(self, pixels: FloatArray) -> None:
        if self._examples is None:
            return
        left, bottom, width, height = AXES
        ends = np.clip(pixels[self._examples.indices], (left, bottom), (left + width, bottom + height))
        for (x, y), anchor, leader, ring in zip(ends.tolist(), self._anchors, self._leaders, self._rings, strict=True):
            leader.set_data([anchor[0], x], [anchor[1], y])
            ring.set_data([x], [y])
