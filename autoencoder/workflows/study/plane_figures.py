"""What the latent spaces of a study look like: figures, and a thumbnail of each run at each moment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from autoencoder.array_types import Frame
from autoencoder.data.metadata import Metadata
from autoencoder.errors import UserError
from autoencoder.plots.colors import Coloring, color_by
from autoencoder.plots.study.planes import (
    MOST_COLUMNS,
    THUMBNAIL_SIDE,
    PlaneCourse,
    PlaneRow,
    course_planes_figure,
    planes_figure,
    thumbnail,
)
from autoencoder.study.planes import Planes
from autoencoder.workflows.columns import NO_COLUMN, column_values, readable, telling_columns

AS_IT_IS_NOTE = "2 units, as they are"
"""Below a plane that nothing was projected to."""

FEWEST_BESIDE = 4
"""Controls beside each other, where there are fewer seeds than that."""


@dataclass(frozen=True)
class _Shown:
    """A source of planes.

    Attributes:
        name: its own.
        setting: that it belongs to.
        seed: None of what has none.
        control: whether it is one.
    """

    name: str
    setting: str
    seed: int | None
    control: bool

    @property
    def in_grid(self) -> bool:
        """Whether it has a place among settings and seeds."""
        return self.seed is not None and not self.control


def plane_figures(
    planes: Planes,
    metadata: Metadata,
    found: Mapping[str, Any],
    color_by: str | None = None,
    settings: Mapping[str, tuple[str, int | None]] | None = None,
) -> dict[str, Figure]:
    """Draw the planes of a study.

    Args:
        planes: of its sources.
        metadata: of all images of the data set.
        found: statistics of the study: `similarity` says which setting and seed a source is of, and `embeddings` what
            became of rings in the plane.
        color_by: the column that points are coloured by; None for the most telling one.
        settings: setting and seed of sources, where `similarity` is not to be asked; those without a seed are drawn
            below the others. A source that is named nowhere is a setting of its own, without a seed.

    Returns:
        `embeddings`, the end of training of every run, and `embeddings_over_training`, one run of each setting, where
        something changes. Empty where there are no planes.

    Raises:
        UserError: there is no such column, or the planes are of other images than the metadata.
    """
    if not planes.names:
        return {}
    column = telling_column(metadata) if color_by is None else color_by
    coloring, label = _coloring(planes, metadata, column), readable(column)
    sources, notes = _sources(planes, found, settings), _notes(planes, found)
    n = f"{len(planes.rows):,} held-out images"
    # Where one is named below a plane, the others have none, whatever the reducer makes of them.
    explained = "\nA ring is named below a plane where the codes form one" if any(_rings(found).values()) else ""
    figures = {
        "embeddings": planes_figure(
            _grid(planes, sources, notes) + _others(planes, sources, notes),
            coloring,
            label,
            title=f"Codes of {n} at the end of training, by {planes.method}{explained}",
        )
    }
    courses = _courses(planes, sources)
    if courses:
        title = f"Codes of {n} over training, by PCA of each moment, each panel at its own scale"
        figures["embeddings_over_training"] = course_planes_figure(courses, coloring, label, title=title)
    return figures


def thumbnails(
    planes: Planes, metadata: Metadata, column: str | None = None, side: int = THUMBNAIL_SIDE
) -> dict[str, Frame]:
    """A small picture of every source at every moment.

    Args:
        planes: of the sources.
        metadata: of all images of the data set.
        column: that points are coloured by; None for the most telling one.
        side: of each picture, in pixels.

    Returns:
        (t, side, side, 3) uint8 by the name of each source.

    Raises:
        UserError: as `plane_figures`.
    """
    colors = _coloring(planes, metadata, telling_column(metadata) if column is None else column).colors
    return {name: np.stack([thumbnail(plane, colors, side) for plane in planes.courses[name]]) for name in planes.names}


def telling_column(metadata: Metadata) -> str:
    """The column that points are coloured by where none is named."""
    return next(iter(telling_columns(metadata)), NO_COLUMN)


def _coloring(planes: Planes, metadata: Metadata, column: str) -> Coloring:
    if metadata.names and planes.rows.max(initial=-1) >= len(metadata):
        raise UserError(
            f"the planes are of other images than {metadata.source or 'the metadata'}, which has {len(metadata):,} "
            "rows: 'autoencoder study report' makes them again"
        )
    values, kind, period = column_values(metadata, column, planes.rows)
    return color_by(values, kind.value, period)


def _sources(
    planes: Planes, found: Mapping[str, Any], settings: Mapping[str, tuple[str, int | None]] | None
) -> list[_Shown]:
    """Sources of planes, those of one setting together, in the order of seeds."""
    runs = {run["name"]: run for run in found.get("similarity", {}).get("runs", ())}
    sources = []
    for name in planes.names:
        run = runs.get(name, {"setting": name, "seed": None, "control": None})
        setting, seed = (settings or {}).get(name, (run["setting"], run["seed"]))
        sources.append(_Shown(name, setting, seed, run["control"] is not None))
    order = list(dict.fromkeys(source.setting for source in sources))
    return sorted(sources, key=lambda source: (order.index(source.setting), source.seed or 0))


def _notes(planes: Planes, found: Mapping[str, Any]) -> dict[str, str]:
    """What is said below the plane of each source."""
    as_it_is = found.get("embeddings", {}).get("as_it_is", ())
    return {name: AS_IT_IS_NOTE if name in as_it_is else _rings(found).get(name) or "" for name in planes.names}


def _rings(found: Mapping[str, Any]) -> Mapping[str, str | None]:
    """What became of a ring of codes in the plane of each source; None where there is none."""
    rings: Mapping[str, str | None] = found.get("embeddings", {}).get("rings", {})
    return rings


def _grid(planes: Planes, sources: Sequence[_Shown], notes: Mapping[str, str]) -> list[PlaneRow]:
    """A row for each setting, a column for each seed."""
    shown = [source for source in sources if source.in_grid]
    seeds = sorted({source.seed for source in shown if source.seed is not None})
    rows = []
    for setting in dict.fromkeys(source.setting for source in shown):
        names = {source.seed: source.name for source in shown if source.setting == setting}
        rows.append(
            PlaneRow(
                setting,
                [f"seed {seed}" for seed in seeds],
                [planes.ends[names[seed]] if seed in names else None for seed in seeds],
                [notes[names[seed]] if seed in names else "" for seed in seeds],
            )
        )
    return rows


def _others(planes: Planes, sources: Sequence[_Shown], notes: Mapping[str, str]) -> list[PlaneRow]:
    """A panel for each control, by the first seed that there is of it, and for each of what has no seed."""
    seeds = {source.seed for source in sources if source.in_grid}
    n_columns = min(max(len(seeds), FEWEST_BESIDE), MOST_COLUMNS)
    rows = []
    for label, control in (("controls", True), ("others", False)):
        first = {source.setting: source for source in reversed(sources) if not source.in_grid}
        chosen = [source for source in sources if source in first.values() and source.control is control]
        for start in range(0, len(chosen), n_columns):
            part = chosen[start : start + n_columns]
            rows.append(
                PlaneRow(
                    "" if start else label,
                    [_heading(source) for source in part],
                    [planes.ends[source.name] for source in part],
                    [notes[source.name] for source in part],
                )
            )
    return rows


def _heading(source: _Shown) -> str:
    """Its setting, and in a line below its seed."""
    return source.setting if source.seed is None else f"{source.setting}\nseed {source.seed}"


def _courses(planes: Planes, sources: Sequence[_Shown]) -> list[PlaneCourse]:
    """The course of the first seed of each setting that changes."""
    changing = [source for source in sources if len(planes.epochs[source.name]) > 1]
    first = {source.setting: source for source in reversed(changing)}
    return [
        PlaneCourse(
            _heading(source),
            planes.epochs[source.name],
            planes.courses[source.name],
        )
        for source in changing
        if source is first[source.setting]
    ]
