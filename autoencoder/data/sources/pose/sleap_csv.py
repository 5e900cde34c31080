"""SLEAP's analysis CSV: a row for each instance, `track,frame_idx,instance.score,nose.x,nose.y,nose.score,...`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from autoencoder.data.sources.pose.frames import numbered
from autoencoder.data.sources.pose.pose import NO_SCORES, SCORE, Poses, make_poses, untracked
from autoencoder.data.sources.pose.text_table import TextTable, read_frame_numbers, read_values
from autoencoder.data.tables import Line
from autoencoder.errors import UserError
from autoencoder.machine.memory import refuse_too_large

FRAME, TRACK = "frame_idx", "track"


def recognises(table: TextTable) -> bool:
    """Whether a table has a row for each instance, with the frame's number and columns `NAME.x` and `NAME.y`.

    sleap-io also writes a row for each frame, with the instances side by side (`inst0.track`, `inst0.nose.x`).
    """
    fields = table.lines[0].fields if table.lines else []
    return FRAME in fields and "inst0.track" not in fields and bool(_parts(fields))


def read(table: TextTable) -> Poses:
    """Read the poses of all tracks.

    Args:
        table: one that `recognises` accepts.

    Raises:
        UserError: the file is damaged, or holds a track twice in a frame.
    """
    path, (header, *lines) = table.path, table.lines
    fields = header.fields
    lines, names, tracks, notes = _tracks(lines, fields, path)
    parts = _parts(fields)
    scored = [part for part in parts if f"{part}.score" in fields]
    wanted = [f"{part}.{axis}" for part in parts for axis in "xy"] + [f"{part}.score" for part in scored]
    numbers = read_frame_numbers(lines, fields.index(FRAME), path)
    # SLEAP counts from 0, and writes no row for a frame in which it found nothing: the first may be one of those.
    frames = numbered(np.union1d([0], numbers), path, len(names) * len(wanted))
    rows = numbers.astype(np.int64)
    values = read_values(lines, [fields.index(name) for name in wanted], len(fields), path)
    if tracks is None:
        tracks = _order_in_frame(rows)
        names, notes = untracked(1 + int(tracks.max(initial=0)), path)
    _check_once(rows, tracks, lines, path)
    shape = (frames.count, len(names), len(parts))
    refuse_too_large(f"{path}, as a table of all tracks in all frames,", 3 * 8 * math.prod(shape), "split it")
    xy, score = np.full((*shape, 2), np.nan), np.ones(shape)
    n_coordinates = 2 * len(parts)
    xy[rows, tracks] = values[:, :n_coordinates].reshape(len(lines), len(parts), 2)
    for i, part in enumerate(scored):
        known = values[:, n_coordinates + i]
        # What a person put right has no score.
        score[rows, tracks, parts.index(part)] = np.where(np.isnan(known), 1.0, known)
    return make_poses(
        parts,
        names,
        xy,
        score,
        path,
        SCORE if scored else NO_SCORES,
        tracked=names != ("",),
        notes=[*frames.notes, *notes],
    )


def _parts(fields: Sequence[str]) -> list[str]:
    """Names of the parts that have both coordinates, in the file's order."""
    return [field[:-2] for field in fields if len(field) > 2 and field.endswith(".x") and f"{field[:-2]}.y" in fields]


def _tracks(
    lines: list[Line], fields: Sequence[str], path: Path
) -> tuple[list[Line], tuple[str, ...], NDArray[np.int64] | None, tuple[str, ...]]:
    """The rows that belong to tracks, the tracks' names, the number of each row's, and what was left out.

    Where no row has a track, all rows and None instead of numbers.
    """
    place = fields.index(TRACK) if TRACK in fields else None
    texts = ["" if place is None or place >= len(line.fields) else line.fields[place] for line in lines]
    names = tuple(dict.fromkeys(text for text in texts if text))
    if not names:
        return lines, ("",), None, ()
    kept = [line for line, text in zip(lines, texts, strict=True) if text]
    numbers = np.array([names.index(text) for text in texts if text], np.int64)
    n_lost = len(lines) - len(kept)
    notes = (f"{path} has instances without a track ({n_lost:,}), which were left out",) if n_lost else ()
    return kept, names, numbers, notes


def _order_in_frame(rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """(R,) how many rows of the same frame come before each row."""
    order = np.argsort(rows, kind="stable")
    ranked = rows[order]
    numbers = np.empty(len(rows), np.int64)
    numbers[order] = np.arange(len(rows)) - np.searchsorted(ranked, ranked)
    return numbers


def _check_once(rows: NDArray[np.int64], tracks: NDArray[np.int64], lines: Sequence[Line], path: Path) -> None:
    seen: dict[tuple[int, int], int] = {}
    for i, key in enumerate(zip(rows.tolist(), tracks.tolist(), strict=True)):
        if key in seen:
            raise UserError(
                f"rows {lines[seen[key]].number} and {lines[i].number} of {path} are of the same track in the same "
                "frame: export it again, of one video"
            )
        seen[key] = i
