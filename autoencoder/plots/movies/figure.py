"""The evolution of a latent space: one frame per snapshot, of points that keep their colour and of axes that stay."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from autoencoder.array_types import Frame, Reals
from autoencoder.config.movies import DPI
from autoencoder.errors import raise_if_any
from autoencoder.plots.brightness import AS_THEY_ARE, brightness_of
from autoencoder.plots.colors import Coloring, color_by
from autoencoder.plots.drawing import TEXT_SIZE, ColorsText, colors_width, drawing_order, shortened
from autoencoder.plots.figures import new_figure
from autoencoder.plots.movies.frames import MAX_EXAMPLES, Examples, Limits
from autoencoder.plots.movies.layout import MAX_PANELS, MAX_WIDTH, SIDES, Layout, lay_out
from autoencoder.plots.movies.marked_curves import Curve, MarkedCurves, by_axes
from autoencoder.plots.movies.panels import Panel, Shown
from autoencoder.plots.movies.tiles import Outputs, Tiles
from autoencoder.plots.movies.titles import Header, write_note, write_titles
from autoencoder.plots.points import point_radius, visible_points

SEVERAL_SIZE = 9.5
"""Points of the texts beside the colours of several panels, 13 pixels."""

NAMES = ((24, False), (16, False), (10, False), (10, True))
"""Letters of names in legends, and whether legends are cut to a column; what comes later is taken where panels would be
smaller than `LEAST_SIDE` beside what comes before."""

LEAST_SIDE, SIDE_STEP = 250, 4
"""Pixels: of panels, and between two sides that are tried."""


class EvolutionFigure:
    """Draws snapshot after snapshot; everything that stays is drawn once.

    Several panels beside each other show the same points in different colours.

    Args:
        limits: of the axes, from `autoencoder.plots.movies.frames.robust_limits`.
        panels: what the points are coloured by, one to four times; each of n values.
        space: what the points lie in, for the title.
        axes_names: of the embedding.
        examples: up to six pictures beside the plot, each tied to its point.
        outputs: what the network made of the examples, shown below them.
        curves: drawn below the panels with a marker at the current epoch, on up to two axes.
        last_epoch: of the movie; the curves' axes go to there.

    Raises:
        UserError: there are too many panels, examples or axes of curves, what is drawn together differs in number, or
            the values cannot be coloured.
    """

    def __init__(
        self,
        limits: Limits,
        panels: Sequence[Shown],
        *,
        space: str = "latent space",
        axes_names: tuple[str, str] = ("UMAP 1", "UMAP 2"),
        examples: Examples | None = None,
        outputs: Outputs | None = None,
        curves: Sequence[Curve] = (),
        last_epoch: float = 0.0,
    ) -> None:
        _check(panels, examples, outputs)
        groups = by_axes(curves)
        colorings = [color_by(panel.values, panel.kind, panel.period, panel.held_out) for panel in panels]
        indices = np.empty(0, np.int64) if examples is None else examples.indices
        # Over several panels stands what their colours are; over one, the title says it.
        color_names = [shortened(panels[0].label)] if len(panels) == 1 else [""] * len(panels)
        # What strong and pale points are is the same in all panels, and said beside the last.
        explained = [*(replace(coloring, held_out=None) for coloring in colorings[:-1]), colorings[-1]]
        layout, text = _layout(color_names, explained, examples, outputs, len(groups))
        self._layout = layout
        self._n_points = len(panels[0].values)
        self._figure = new_figure(layout.width / DPI, layout.height / DPI)
        self._figure.set_dpi(DPI)
        write_titles(self._figure, layout, [panel.label for panel in panels], space)
        last = len(panels) - 1
        self._panels = [
            Panel(
                self._figure,
                place,
                limits,
                explained[i],
                label=color_names[i],
                colors_left=layout.colors[i],
                colors_text=text,
                axes_names=axes_names if last == 0 else (f"{axes_names[0]}, upwards {axes_names[1]}", ""),
                name_at="right" if last and i == 0 else "left",  # no line to an example leads over it
                examples=indices,
                leaders={j: tile.leader for j, tile in enumerate(layout.tiles) if i == (0 if tile.on_left else last)},
            )
            for i, place in enumerate(layout.panels)
        ]
        self._layers = _by_order(self._panels, colorings)
        self._radius = point_radius(self._n_points, layout.panels[0].width)
        self._curves = MarkedCurves(self._figure, groups, layout.curves, last_epoch)
        self._tiles: Tiles | None = None
        if examples is not None:
            owners = [0 if tile.on_left else last for tile in layout.tiles]
            colors = [colorings[owner].colors[index] / 255 for owner, index in zip(owners, indices, strict=True)]
            images = examples.images / 255 if examples.images.dtype == np.uint8 else examples.images
            brightness = brightness_of(images)
            write_note(self._figure, layout, brightness.note)
            if outputs is not None:
                as_bright = brightness if outputs.like_images else AS_THEY_ARE
                outputs = replace(outputs, pictures=as_bright(outputs.pictures))
            self._tiles = Tiles(self._figure, layout.tiles, brightness(images), np.reshape(colors, (-1, 3)), outputs)
        self._outputs = outputs
        self._header = Header(self._figure, layout)

        canvas: Any = self._figure.canvas  # its methods are not typed
        canvas.draw()
        self._renderer = canvas.get_renderer()
        self._buffer = np.asarray(canvas.buffer_rgba())
        self._background = self._buffer.copy()
        self._with_outputs: tuple[int | None, NDArray[np.uint8]] | None = None

    def draw(self, embedding: Reals, epoch: float, step: int, trail: Reals | None = None) -> Frame:
        """One frame.

        Args:
            embedding: (n, 2), its rows in the order of the values.
            epoch: shown above the plot with one digit of its fraction, and marked on the curves.
            step: number of updates of the network so far; decides which outputs are shown.
            trail: (m, k, 2) earlier positions of the k examples and at last the present one, the oldest first; None for
                no trails.

        Returns:
            (H, W, 3) uint8 RGB, of the same even size for all frames.

        Raises:
            UserError: there are not as many points as values, or the trail is not of the examples.
        """
        n_examples = self._panels[0].n_examples
        problems = []
        if embedding.shape != (self._n_points, 2):
            problems.append(f"{self._n_points} points are coloured, but the embedding has shape {embedding.shape}")
        if trail is not None and trail.shape[1:] != (n_examples, 2):
            problems.append(f"a trail of {n_examples} examples is (m, {n_examples}, 2), not {trail.shape}")
        raise_if_any(problems)
        self._buffer[...] = self._background_at(step)
        for order, panels in self._layers:
            visible = visible_points(panels[0].inner_shape, panels[0].centers(embedding), self._radius, order)
            for panel in panels:
                panel.paint(self._buffer[..., :3], visible)
        for panel in self._panels:
            panel.draw_examples(self._renderer, embedding, np.empty((0, n_examples, 2)) if trail is None else trail)
        self._curves.draw(self._renderer, epoch)
        self._header.draw(self._renderer, epoch, step)
        return self._buffer[..., :3].copy()

    @property
    def figure(self) -> Figure:
        """What stays in all frames, as a matplotlib figure."""
        return self._figure

    @property
    def layout(self) -> Layout:
        """Places of the parts of a frame, in pixels."""
        return self._layout

    @property
    def panels(self) -> Sequence[Panel]:
        """The panels, which know where points and leader lines lie in a frame."""
        return self._panels

    @property
    def curves(self) -> MarkedCurves:
        """The curves, which know where their markers stand."""
        return self._curves

    def _background_at(self, step: int) -> NDArray[np.uint8]:
        """What does not change from frame to frame, with the outputs that are known at `step`."""
        if self._outputs is None or self._tiles is None:
            return self._background
        moment = self._outputs.at(step)
        if self._with_outputs is None or self._with_outputs[0] != moment:
            self._buffer[...] = self._background
            self._tiles.draw(self._renderer, moment)
            self._with_outputs = moment, self._buffer.copy()
        return self._with_outputs[1]


def _check(panels: Sequence[Shown], examples: Examples | None, outputs: Outputs | None) -> None:
    n_points = {len(panel.values) for panel in panels}
    problems = []
    if not 1 <= len(panels) <= MAX_PANELS:
        problems.append(f"1 to {MAX_PANELS} panels fit side by side, not {len(panels)}")
    if len(n_points) > 1:
        problems.append(f"panels show the same points, not {sorted(n_points)}")
    if examples is not None:
        n = len(examples.indices)
        if n > MAX_EXAMPLES or len(examples.images) != n:
            problems.append(f"up to {MAX_EXAMPLES} examples fit, one image each, not {n} with {len(examples.images)}")
        if n and not (np.min(examples.indices) >= 0 and np.max(examples.indices) < min(n_points, default=0)):
            problems.append("an example is not among the points")
    if outputs is not None:
        n = 0 if examples is None else len(examples.indices)
        moments = len(outputs.steps)
        if moments == 0 or outputs.epochs.shape != (moments,) or outputs.pictures.shape[:2] != (moments, n):
            problems.append(f"outputs of {n} examples at {moments} moments are not {outputs.pictures.shape}")
    raise_if_any(problems)


def _layout(
    color_names: Sequence[str],
    colorings: Sequence[Coloring],
    examples: Examples | None,
    outputs: Outputs | None,
    n_curves: int,
) -> tuple[Layout, ColorsText]:
    """The largest panels with which a frame is no wider than `MAX_WIDTH`, and how the texts beside them are written."""
    n_examples = 0 if examples is None else len(examples.indices)
    size = TEXT_SIZE if len(colorings) == 1 else SEVERAL_SIZE
    for longest, in_one_column in NAMES:
        text = ColorsText(size, longest, in_one_column)
        for side in range(SIDES[len(colorings)], LEAST_SIDE - 1, -SIDE_STEP):
            named = zip(colorings, color_names, strict=True)
            layout = lay_out(
                [colors_width(coloring, name, side / DPI, text) * DPI for coloring, name in named],
                side=side,
                n_examples=n_examples,
                image_shape=examples.images.shape[1:3] if examples is not None and n_examples else (1, 1),
                with_output=outputs is not None,
                n_curves=n_curves,
            )
            if layout.width <= MAX_WIDTH:
                return layout, text
    return layout, text


def _by_order(panels: Sequence[Panel], colorings: Sequence[Coloring]) -> list[tuple[NDArray[np.int64], list[Panel]]]:
    """Panels in which the same points lie over each other, with the order of these, the lowest first."""
    groups: dict[bytes, tuple[NDArray[np.int64], list[Panel]]] = {}
    for panel, coloring in zip(panels, colorings, strict=True):
        key = coloring.missing.tobytes()
        groups.setdefault(key, (drawing_order(coloring.missing, coloring.held_out), []))[1].append(panel)
    return list(groups.values())
