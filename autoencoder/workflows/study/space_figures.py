"""The space of representations as a figure, as a movie, and as the paths of the report's map."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from autoencoder.plots.movies.writer import MovieWriter
from autoencoder.plots.study.panels import CONTROL_COLORS, color_of
from autoencoder.plots.study.space import Trail, space_figure, space_frames
from autoencoder.study.wording import Found, degrees, section

FRAMES_OF_A_STEP = 4
"""From one snapshot to the next, up to `MOST_FRAMES` in all."""

MOST_FRAMES = 96

HOLD = 24
"""Frames for which the end is shown."""

FPS = 12.0


@dataclass(frozen=True, eq=False)
class Thumbnails:
    """Small pictures of runs.

    Attributes:
        pictures: (t, side, side, 3) uint8 by the run's name.
        epochs: (t,) of each.
        colored_by: the column that they are coloured by, in words.
    """

    pictures: Mapping[str, NDArray[np.uint8]]
    epochs: Mapping[str, Sequence[float]]
    colored_by: str


def trails_of(found: Found) -> list[Trail]:
    """Paths of all runs, in the colours of their settings; none where there is no map."""
    groups: dict[str, list[Found]] = {}
    for point in section(found, "space").get("points", []):
        groups.setdefault(point["run"], []).append(point)
    firsts = [points[0] for points in groups.values()]
    design = list(dict.fromkeys(p["setting"] for p in firsts if p["control"] is None and p["seed"] is not None))
    others = [setting for setting in dict.fromkeys(p["setting"] for p in firsts) if setting not in design]
    colors = {setting: color_of(number) for number, setting in enumerate(design)}
    colors |= {setting: CONTROL_COLORS[number % len(CONTROL_COLORS)] for number, setting in enumerate(others)}
    return [
        Trail(
            run,
            points[0]["setting"],
            colors[points[0]["setting"]],
            None if points[0]["step"] is None else [point["epoch"] for point in points],
            np.array([(point["x"], point["y"]) for point in points]),
            points[0]["setting"] not in design,
        )
        for run, points in groups.items()
    ]


def stress_text(found: Found) -> str:
    """What the map cannot show; nothing where there is none."""
    space = section(found, "space")
    if not space:
        return ""
    worst = space["worst"]
    return (
        f"A plane cannot show all distances as they are: the stress of this one is {space['stress']:.2f} (0 is exact). "
        f"Worst drawn are {_place(worst['one'])} and {_place(worst['other'])}: {degrees(worst['distance'])} degrees "
        f"apart, drawn {degrees(worst['drawn'])} apart. The evidence is the distances themselves."
    )


def _place(place: Found) -> str:
    run: str = place["run"]
    return run if place["epoch"] is None else f"{run} at epoch {place['epoch']:.3g}"


def space_figure_of(found: Found) -> Figure | None:
    """The map; None where there is none."""
    trails = trails_of(found)
    return space_figure(trails, title=_title(found), footnote=stress_text(found)) if trails else None


def write_space_movie(found: Found, path: Path) -> bool:
    """Write the map over training; returns whether there is one: nothing is written where nothing changes."""
    trails = trails_of(found)
    moments = max((len(trail.epochs) for trail in trails if trail.epochs is not None), default=0)
    if moments < 2:
        return False
    n_frames = min(MOST_FRAMES, FRAMES_OF_A_STEP * (moments - 1) + 1)
    with MovieWriter(path, FPS) as writer:
        for frame in space_frames(trails, title=_title(found), n_frames=n_frames, hold=HOLD):
            writer.append(frame)
    return True


def _title(found: Found) -> str:
    points = found["space"]["points"]
    n = len({point["run"] for point in points})
    return f"{n} runs and controls, {len(points)} representations, by the Procrustes angle between their codes"
