"""The recordings of an experiment put together: images one after the other, columns of one kind, one recipe."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autoencoder.data.dataset import Marks, Prepared, checked_rows, save_dataset
from autoencoder.data.images import ImageSet
from autoencoder.data.metadata import RECORDING
from autoencoder.data.npz_files import Joined
from autoencoder.data.sources.experiment.parts import ARRAYS, Part
from autoencoder.data.sources.experiment.recordings import Recording
from autoencoder.data.sources.experiment.survey import middle_of
from autoencoder.data.sources.video.options import VideoOptions
from autoencoder.data.tables import parse_column
from autoencoder.errors import UserError, first_few

DISTANCE, SPEED = "distance_from_center", "speed_px_per_s"
IN_CM = {DISTANCE: "distance_from_center_cm", SPEED: "speed_cm_per_s"}
"""Columns in pixels, and what they are called in centimetres."""

SHOWN_CENTERS = 4
"""Centres that are shown of those that were decided."""

SHOWN_NOTES = 10
"""Notes of single recordings that are shown, before the rest is counted."""


@dataclass(frozen=True, eq=False)
class Source:
    """Images of one recording, and where they come from; M of them.

    Attributes:
        arrays: (M, ...) by the names of `ARRAYS`.
        columns: found out about each image, each (M,).
        entry: of the recipe: plain JSON.
        part: what was made now; None for images of a set that there was before.
        recording: the row of the table; None as well.
    """

    arrays: Mapping[str, np.ndarray]
    columns: Mapping[str, np.ndarray]
    entry: Mapping[str, Any]
    part: Part | None = None
    recording: Recording | None = None

    @property
    def scene(self) -> tuple[Any, ...]:
        """What recordings before one camera have in common: the size of the frames, and their scale."""
        return (*self.entry["picture"], self.entry["px_per_cm"])


def of_part(part: Part, recording: Recording, key: str) -> Source:
    """A recording that was made now.

    Args:
        part: its images.
        recording: its row.
        key: hash of all that they depend on.
    """
    entry = {
        "recording": recording.name,
        "video": recording.video.name,
        "pose": None if recording.pose is None else recording.pose.name,
        "px_per_cm": recording.px_per_cm,
        "arena_center": recording.arena_center,
        "columns": dict(recording.columns),
        "crop": part.about["recipe"]["crop"],
        "picture": part.about["picture"],
        "n_images": part.about["n_images"],
        "key": key,
    }
    light = part.about["recipe"].get("light")
    return Source(part.arrays, part.columns, entry | ({} if light is None else {"light": light}), part, recording)


def of_set(images: ImageSet, recordings: Mapping[str, Recording], keys: Mapping[str, str]) -> dict[str, Source]:
    """Recordings of a set that is there already, by name: those whose images would be the same.

    Args:
        images: of `prepare experiment`.
        recordings: of the table, by name.
        keys: hash of all that the images of each depend on.

    Raises:
        UserError: its table has other columns than the command wrote.
    """
    assert images.recipe is not None
    entries, made, there = images.recipe["recordings"], images.recipe["columns"], images.metadata.names
    own = {RECORDING, *made, *(name for entry in entries for name in entry["columns"])}
    others = [name for name in there if name not in own]
    if others or len(own) > len(there):
        what = f"has columns that this command did not write ({', '.join(others)})" if others else "lacks columns"
        raise UserError(
            f"the table of {images.source} {what}, so no recordings can be added to it: choose another name (--out), "
            "or start over (--overwrite)"
        )
    found, start = {}, 0
    for entry in entries:
        name, rows = entry["recording"], slice(start, start + entry["n_images"])
        start = rows.stop
        if keys.get(name) == entry["key"]:
            stored = {"images": images.images, "mask": images.mask, "inside": images.inside}
            arrays = {
                kind: array[rows, 0] if kind != "images" or images.image_shape[0] == 1 else array[rows]
                for kind, array in stored.items()
                if array is not None
            }
            columns = {name: images.metadata.column(name)[rows] for name in made}
            found[name] = Source(arrays, columns, entry | {"columns": dict(recordings[name].columns)})
    return found


def assemble(
    sources: Sequence[Source],
    npz: Path,
    recipe: Mapping[str, Any],
    known: ImageSet | None,
    options: VideoOptions,
    *,
    note: str | None,
    compress: bool,
) -> Prepared | None:
    """Write recordings as one data set.

    Args:
        sources: the recordings, in the table's order.
        npz: the file.
        recipe: of all of them.
        known: the set that is there already.
        options: for the arena's centre.
        note: about the crop.
        compress: write smaller files in more time.

    Returns:
        None where the set that is there holds the same.
    """
    entries, said = _with_centers(sources, options)
    columns = _columns(sources, entries)
    made_columns = [name for name in columns if name not in {RECORDING, *_own_names(sources)}]
    content = {**recipe, "columns": made_columns, "recordings": entries}
    if known is not None and known.recipe == content and all(source.part is None for source in sources):
        return None
    rows, marks = _shown(sources)
    notes = [*([] if note is None else [note]), *said, *_notes(sources)]
    warnings = [
        f"recording '{source.entry['recording']}': {warning}"
        for source in sources
        if source.part is not None
        for warning in source.part.about["warnings"]
    ]
    arrays = _arrays(sources)
    return save_dataset(
        npz,
        arrays["images"],
        columns,
        mask=arrays.get("mask"),
        inside=arrays.get("inside"),
        recipe=content,
        marks=marks,
        shown=rows,
        compress=compress,
        overwrite=True,
        notes=tuple(notes),
        warnings=tuple(warnings),
    )


# --------------------------------------------------------------------------------------------------------------- arrays


def _arrays(sources: Sequence[Source]) -> dict[str, Joined]:
    """Arrays of all images; what only some have is 1 in the others: those are inside the picture everywhere."""
    joined = {}
    for name in ARRAYS:
        if not any(name in source.arrays for source in sources):
            continue
        parts = []
        for source in sources:
            images = source.arrays["images"]
            shape = (len(images), *images.shape[-2:])
            parts.append(source.arrays.get(name, np.broadcast_to(np.uint8(1), shape)))
        joined[name] = Joined(parts)
    return joined


def _shown(sources: Sequence[Source]) -> tuple[NDArray[np.int64], Marks | None]:
    """Images for the check picture, of recordings that were made now, and the marks in them."""
    starts = np.cumsum([0, *(source.entry["n_images"] for source in sources)])
    made = [(start, source.part) for start, source in zip(starts, sources, strict=False) if source.part is not None]
    if not made:
        return checked_rows(int(starts[-1])), None
    own = [checked_rows(part.about["n_images"]) for _, part in made]
    rows = np.concatenate([start + rows for (start, _), rows in zip(made, own, strict=True)])
    chosen = checked_rows(len(rows))
    marks = [part.marks for _, part in made]
    if any(mark is None for mark in marks):
        return rows[chosen], None
    known = [mark for mark in marks if mark is not None]
    names = dict.fromkeys(name for mark in known for name in mark.points)
    missing = [np.full((len(rows), 2), np.nan) for rows in own]
    points = {
        name: np.concatenate([mark.points.get(name, none) for mark, none in zip(known, missing, strict=True)])[chosen]
        for name in names
    }
    pictures = [mark.picture for mark in known if mark.picture is not None]
    turned = [mark.turned for mark in known if mark.turned is not None]
    return rows[chosen], Marks(
        points,
        np.concatenate(pictures)[chosen] if len(pictures) == len(known) else None,
        np.concatenate(turned)[chosen] if len(turned) == len(known) else None,
    )


# -------------------------------------------------------------------------------------------------------------- columns


def _own_names(sources: Sequence[Source]) -> list[str]:
    """Columns of the table."""
    return list(dict.fromkeys(name for source in sources for name in source.entry["columns"]))


def _columns(sources: Sequence[Source], entries: Sequence[Mapping[str, Any]]) -> dict[str, np.ndarray]:
    """Metadata of all images."""
    n_images = [source.entry["n_images"] for source in sources]
    columns = {RECORDING: np.repeat([entry["recording"] for entry in entries], n_images)}
    for name in _own_names(sources):
        values = parse_column([entry["columns"].get(name, "") for entry in entries], f"column '{name}'")
        columns[name] = np.repeat(values, n_images)
    found = [_found_out(source, entry) for source, entry in zip(sources, entries, strict=True)]
    for name in dict.fromkeys(name for one in found for name in one):
        columns[name] = _joined([one.get(name) for one in found], n_images)
    return columns


def _found_out(source: Source, entry: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """Columns of one recording; of one that was made now distances are from the centre, and in centimetres, too."""
    columns = dict(source.columns)
    if source.part is None:
        return columns
    if DISTANCE in columns:
        x, y = entry["arena_center"]
        columns[DISTANCE] = np.hypot(columns["x"] - x, columns["y"] - y)
    if entry["px_per_cm"] is not None:
        columns |= {IN_CM[name]: columns[name] / entry["px_per_cm"] for name in IN_CM if name in columns}
    return columns


def _joined(values: Sequence[np.ndarray | None], n_images: Sequence[int]) -> np.ndarray:
    """A column of all images; NaN, or an empty text, where a recording has no such column."""
    known = [column for column in values if column is not None]
    filler: Any = "" if any(column.dtype.kind == "U" for column in known) else np.nan
    parts = [np.full(n, filler) if one is None else one for one, n in zip(values, n_images, strict=True)]
    return np.concatenate(parts)


def _with_centers(sources: Sequence[Source], options: VideoOptions) -> tuple[list[dict[str, Any]], list[str]]:
    """Entries with the arena's centre that distances are measured from, and notes about those that were decided."""
    entries = [dict(source.entry) for source in sources]
    scenes: dict[tuple[Any, ...], tuple[float, float]] = {}
    for source in sources:
        if source.part is None and not source.entry["center_given"] and source.entry["arena_center"] is not None:
            scenes.setdefault(source.scene, tuple(source.entry["arena_center"]))
    open_ones = defaultdict(list)
    for source, entry in zip(sources, entries, strict=True):
        if source.part is None:
            continue
        given = source.entry["arena_center"] or options.arena_center
        entry["center_given"] = given is not None
        entry["arena_center"] = None if given is None else list(given)
        if given is None and DISTANCE in source.columns:
            open_ones[source.scene].append((source, entry))
    decided = []
    for scene, members in open_ones.items():
        if scene not in scenes:
            tracks = [[source.columns[name] for source, _ in members] for name in ("x", "y")]
            scenes[scene] = middle_of(*tracks)
            x, y = scenes[scene]
            decided.append(f"({x:.1f}, {y:.1f}) for {len(members)}")
        for _, entry in members:
            entry["arena_center"] = list(scenes[scene])
    return entries, [_centers_decided(decided)] if decided else []


def _centers_decided(decided: Sequence[str]) -> str:
    """What was taken for the arena's centre, once for all cameras."""
    return (
        "the arena's centre is taken to be the middle of the tracks of all recordings with frames of one size and "
        f"scale: {first_few(decided, SHOWN_CENTERS)}; give it if you know it (--arena-center, or a column "
        "'arena_center')"
    )


# ---------------------------------------------------------------------------------------------------------------- notes


def _notes(sources: Sequence[Source]) -> list[str]:
    """What is to be said of recordings that were made now: once where it is the same of several."""
    said = defaultdict(list)
    for source in sources:
        if source.part is None or source.recording is None:
            continue
        for note in source.part.about["notes"]:
            text = note.replace(str(source.recording.video), "the video")
            if source.recording.pose is not None:
                text = text.replace(str(source.recording.pose), "the pose")
            said[text].append(source.entry["recording"])
    n = sum(source.part is not None for source in sources)
    shared = [
        f"{'all' if len(names) == n else len(names)} recordings: {text}"
        for text, names in said.items()
        if len(names) > 1
    ]
    own = [f"recording '{names[0]}': {text}" for text, names in said.items() if len(names) == 1]
    more = len(own) - SHOWN_NOTES
    return [*shared, *own[:SHOWN_NOTES], *([f"and {more:,} more notes on single recordings"] if more > 0 else [])]
