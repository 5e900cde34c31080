"""What the page of `autoencoder explore` holds: as arrays, and as the plain values that are written into it."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autoencoder.array_types import FloatArray, Rows
from autoencoder.data.metadata import DECIMALS
from autoencoder.machine.plain_text import visible
from autoencoder.pages.sheets import encode_sheets
from autoencoder.plots.colors import Coloring, paled
from autoencoder.plots.drawing import drawing_order
from autoencoder.plots.movies.frames import Limits
from autoencoder.plots.points import point_radius

LEVELS = 2**16 - 1
"""Places are stored as whole numbers up to this."""

KEPT_AROUND = 1.0
"""Points farther outside the axes than this many of their spans are put there: nobody sees them either way."""

GRADIENT_STOPS = 48
"""Colours of a colour bar that are written; the browser blends between them."""


@dataclass(frozen=True, eq=False)
class View:
    """A layer over training, as one method shows it.

    Attributes:
        layer: in words, such as "latent space".
        method: in words, such as "UMAP, fitted to the last snapshot".
        axes: names of the two axes, such as "UMAP 1" and "UMAP 2".
        embeddings: (T, n, 2) float32.
        steps: (T,) updates done.
        epochs: (T,) the same in epochs.
        limits: of the axes at every moment.
    """

    layer: str
    method: str
    axes: tuple[str, str]
    embeddings: FloatArray
    steps: NDArray[np.int64]
    epochs: NDArray[np.float64]
    limits: Limits


@dataclass(frozen=True, eq=False)
class Column:
    """What is known of each image under one name.

    Attributes:
        name: of the column in the table.
        label: in words, such as "body angle (deg)".
        kind: circular, linear or category.
        period: once round, of circular values.
        values: (n,) numbers, NaN where unknown; or texts, empty where unknown.
        coloring: the colours of the points; None where the column is not one to colour by.
    """

    name: str
    label: str
    kind: str
    period: float
    values: NDArray[Any]
    coloring: Coloring | None


@dataclass(frozen=True, eq=False)
class Curve:
    """A loss over training: `epochs` (k,) and `values` (k,), all finite, and its colour for CSS."""

    label: str
    color: str
    epochs: NDArray[np.floating]
    values: NDArray[np.floating]


@dataclass(frozen=True, eq=False)
class PageContent:
    """All that a page shows, of the same n images throughout.

    Attributes:
        title: of the page.
        facts: name and text of what is to be known of the run.
        notes: sentences on what is shown and what is not.
        views: at least one.
        columns: the first one that has colours is shown first.
        pictures: name, such as "image", and (n, H, W) or (n, H, W, 3) uint8.
        curves: losses over epochs, and `loss`, the name on their axis.
        rows: (n,) row number of each image in the data file.
    """

    title: str
    facts: Mapping[str, str]
    notes: Sequence[str]
    views: Sequence[View]
    columns: Sequence[Column]
    pictures: Mapping[str, NDArray[np.uint8]]
    curves: Sequence[Curve]
    loss: str
    rows: Rows

    def take(self, chosen: NDArray[np.int64]) -> PageContent:
        """The same of the `chosen` (m,) images only; colours and axes stay as they are."""
        return replace(
            self,
            views=[replace(view, embeddings=view.embeddings[:, chosen]) for view in self.views],
            columns=[
                replace(column, values=column.values[chosen], coloring=_take_colors(column.coloring, chosen))
                for column in self.columns
            ],
            pictures={name: stack[chosen] for name, stack in self.pictures.items()},
            rows=self.rows[chosen],
        )

    def _held_out(self) -> NDArray[np.bool_] | None:
        """(n,) of the images, where others were trained on; else None."""
        known = (column.coloring.held_out for column in self.columns if column.coloring is not None)
        return next((rows for rows in known if rows is not None), None)

    def as_json(self) -> dict[str, Any]:
        """Plain values, of which `web/data.js` makes arrays again."""
        n = len(self.rows)
        height, width = next(iter(self.pictures.values())).shape[1:3]
        sheets, form = encode_sheets(list(self.pictures.values()))
        return {
            "title": visible(self.title),
            "facts": [[name, visible(text)] for name, text in self.facts.items()],
            "notes": [*self.notes, f"Pictures: {form}."],
            "count": n,
            "radius": point_radius(n),
            "order": _base64(drawing_order(np.zeros(n, bool), self._held_out()), "<u4"),
            "rows": _base64(self.rows, "<u4"),
            "views": [_view_json(view) for view in self.views],
            "columns": [_column_json(column) for column in self.columns],
            "pictureSize": [width, height],
            "pictures": [{"name": name, **sheet} for name, sheet in zip(self.pictures, sheets, strict=True)],
            "curves": [
                {
                    "label": curve.label,
                    "color": curve.color,
                    "epochs": curve.epochs.tolist(),
                    "values": curve.values.tolist(),
                }
                for curve in self.curves
            ],
            "loss": self.loss,
        }


def _take_colors(coloring: Coloring | None, chosen: NDArray[np.int64]) -> Coloring | None:
    if coloring is None:
        return None
    held_out = None if coloring.held_out is None else coloring.held_out[chosen]
    return replace(coloring, colors=coloring.colors[chosen], missing=coloring.missing[chosen], held_out=held_out)


def _base64(array: NDArray[Any], dtype: str) -> str:
    return base64.b64encode(np.ascontiguousarray(array, dtype).tobytes()).decode("ascii")


def _paled(color: tuple[int, int, int]) -> list[int]:
    """The same of images that were trained on, beside held-out ones."""
    pale: list[int] = paled(np.array([color], np.uint8))[0].tolist()
    return pale


def _view_json(view: View) -> dict[str, Any]:
    limits = np.array(view.limits)  # (2 axes, low and high)
    span = limits[:, 1] - limits[:, 0]
    low, high = limits[:, 0] - KEPT_AROUND * span, limits[:, 1] + KEPT_AROUND * span
    places = ((view.embeddings - low) / (high - low)).clip(0, 1) * LEVELS
    return {
        "layer": view.layer,
        "method": view.method,
        "axes": list(view.axes),
        "steps": view.steps.tolist(),
        "epochs": view.epochs.tolist(),
        "limits": limits.tolist(),
        "bounds": np.stack([low, high], axis=1).tolist(),
        "places": _base64(places.round(), "<u2"),
    }


def _column_json(column: Column) -> dict[str, Any]:
    said: dict[str, Any] = {
        "name": visible(column.name),
        "label": column.label,
        "kind": column.kind,
        "period": column.period,
    }
    if column.values.dtype.kind == "U":
        names, codes = np.unique(column.values, return_inverse=True)
        said |= {"names": [visible(name) for name in names.tolist()], "codes": codes.tolist()}
    else:
        known = np.isfinite(column.values)
        values = np.round(column.values, DECIMALS).tolist()
        said["values"] = [value if is_known else None for value, is_known in zip(values, known, strict=True)]
    return said | {"coloring": None if column.coloring is None else _coloring_json(column.coloring)}


def _coloring_json(coloring: Coloring) -> dict[str, Any]:
    low, high = coloring.limits
    stops: list[list[int]] = []
    if coloring.colormap is not None:
        stops = coloring.colormap(np.linspace(0, 1, GRADIENT_STOPS), bytes=True)[:, :3].tolist()
    return {
        "colors": _base64(coloring.colors, "u1"),
        "stops": stops,
        "ticks": [
            [(tick - low) / (high - low), text] for tick, text in zip(coloring.ticks, coloring.tick_labels, strict=True)
        ],
        "legend": [[visible(name), list(color), _paled(color)] for name, color in coloring.legend],
        "unknown": int(coloring.missing.sum()),
    }
