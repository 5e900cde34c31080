"""Tables at a rate of their own become columns, or codes, with a row for each image of a data set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autoencoder.data.column_kinds import meaning_of
from autoencoder.data.joining.matching import ONE_ROW, How, Match, Places, match
from autoencoder.data.joining.series import TIME, Keys, Series, as_labels
from autoencoder.data.metadata import RECORDING, Metadata
from autoencoder.data.timescales import FRAME
from autoencoder.errors import UserError, first_few, number_of, problems_of, raise_if_any
from autoencoder.machine.file_names import file_stem
from autoencoder.measures.kinds import ColumnKind

HOWS: tuple[How, ...] = ("nearest", "previous", "mean", "count")

MOST_COUNTED = 100
"""Different texts of a column, at most, that are counted in a column each."""

SHOWN = 5
"""How many recordings are named, before the rest is left out."""

UNITS = {True: "s", False: "frames"}
"""What places are counted in, by whether they are times."""

Column = NDArray[Any]


@dataclass(frozen=True, eq=False, repr=False)
class Joined:
    """What the rows of a table say of N images.

    Attributes:
        columns: (N,) numbers or text; NaN, or an empty text, where there is nothing.
        arrays: (N, d) float64, of values that have several numbers in a row; NaN likewise.
        n_images, n_matched: how many images there are, and how many go with a row of the table.
        n_rows, n_unused: how many rows the table has, and how many go with no image.
        images_without: images of each group, such as a recording, that the table does not have.
        rows_without: rows of each group that the data set does not have.
        notes: what was taken for granted, or left out, a sentence each.
    """

    columns: Mapping[str, Column]
    arrays: Mapping[str, NDArray[np.float64]]
    n_images: int
    n_matched: int
    n_rows: int
    n_unused: int
    images_without: Mapping[str, int] = field(default_factory=dict)
    rows_without: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"<Joined {self.n_matched:,} of {self.n_images:,} images, columns {', '.join(self.all_columns)}>"

    def _repr_html_(self) -> str:
        """What a notebook shows: how much was matched, and which columns came of it."""
        from autoencoder.display.summary import Summary  # and with it Pillow

        facts = [
            ("images matched", f"{self.n_matched:,} of {self.n_images:,}"),
            ("rows of the table used", f"{self.n_rows - self.n_unused:,} of {self.n_rows:,}"),
            ("columns", ", ".join(self.columns)),
            ("arrays", ", ".join(f"{name}, {values.shape[1]} wide" for name, values in self.arrays.items()) or "none"),
        ]
        return Summary("joined", facts, notes=self.notes).html()

    @property
    def all_columns(self) -> dict[str, Column]:
        """Every value as a column; those of an array are numbered: NAME_0, NAME_1, ..."""
        numbered = {f"{name}_{i}": values[:, i] for name, values in self.arrays.items() for i in range(values.shape[1])}
        return {**self.columns, **numbered}

    def codes(self) -> NDArray[np.float32]:
        """Every value as a unit, (N, d) float32.

        Raises:
            UserError: there is text among them.
        """
        columns = self.all_columns
        raise_if_any(
            f"'{name}' holds text, but codes must be numbers: write a .csv (--out), or leave the column out (--only)"
            for name, values in columns.items()
            if values.dtype.kind == "U"
        )
        return np.stack([values.astype(np.float32) for values in columns.values()], axis=1)


def join(metadata: Metadata, n: int, series: Series, keys: Keys, how: How | None, tolerance: float | None) -> Joined:
    """Bring the rows of a table to images.

    Args:
        metadata: of the data set.
        n: how many images it has.
        series: the table.
        keys: what rows and images have in common.
        how: `nearest` and `previous` take one row for each image, `mean` averages those in its interval (angles on the
            circle), `count` counts them, each text by itself. None: `count` for a table of nothing but places, and else
            `nearest`. Of such a table, `nearest` and `previous` give how far it is from the nearest, or the last, row.
        tolerance: how far a row may be from its image, in seconds or frames. None: for `nearest` a usual step of the
            table, for `previous` any distance, for `mean` and `count` up to the middle between neighbouring images. By
            frames, `nearest`, `mean` and `count` take rows of the image's own frame.

    Raises:
        UserError: the data set lacks a column, no row goes with any image, rows of one place leave open which is meant,
            or values cannot be averaged or counted.
    """
    raise_if_any(problem for name in keys.names for problem in _lacking(metadata, name))
    _refuse_several_recordings(metadata, keys)
    how = how or ("nearest" if series.values else "count")
    _refuse_values(series, how)
    images, table, groups = _places(metadata, series, keys)
    notes = []
    if n_lost := int(np.isnan(series.place).sum()):
        notes.append(f"{n_lost:,} of {len(series):,} rows of {series.source} have no {keys.place} and are left out")
    tolerance, said = _tolerance(table, keys, how, tolerance, series)
    notes.append(said)
    if how in ONE_ROW:
        _refuse_repeats(table, series, keys, groups)
    found = match(images, table, how, tolerance)
    if how == "mean" and keys.place == TIME and tolerance is None:
        notes += _slower(images, table, found)
    used = found.used()
    if not len(used):
        raise UserError(_nothing_found(metadata, series, keys, tolerance))
    columns, arrays = _values(found, images, table, series, keys, how)
    without = dict(_absent(images.groups, table.groups, groups))
    unknown = dict(_absent(table.groups, images.groups, groups))
    return Joined(
        columns,
        arrays,
        n,
        int((found.counts > 0).sum()),
        len(series),
        len(series) - len(used),
        without,
        unknown,
        tuple(notes),
    )


# -------------------------------------------------------------------------------------------------------------- places


def _places(metadata: Metadata, series: Series, keys: Keys) -> tuple[Places, Places, list[str]]:
    """Images and rows in the same groups, and what each group is called."""
    n, m = len(metadata), len(series)
    groups, names, is_known = np.zeros(n + m, np.int64), [""], np.ones(n + m, bool)
    for name in keys.alike:
        labels = np.concatenate([as_labels(metadata.column(name)), as_labels(series.alike[name])])
        is_known &= labels != ""
        unique, own = np.unique(labels, return_inverse=True)
        names = [f"{before}, {label}" if before else label for before in names for label in unique.tolist()]
        groups = groups * len(unique) + own
    groups[~is_known] = -1
    where = metadata.column(keys.place)
    if where.dtype.kind == "U":
        raise UserError(f"column '{keys.place}' in {metadata.source} holds text, but rows are joined by numbers")
    return Places(groups[:n], where.astype(np.float64)), Places(groups[n:], series.place), names


def _refuse_several_recordings(metadata: Metadata, keys: Keys) -> None:
    if RECORDING in metadata.names and RECORDING not in keys.names:
        known = metadata.known_values(RECORDING)
        if len(np.unique(known)) > 1:
            raise UserError(
                f"{metadata.source} has {len(np.unique(known)):,} recordings, each beginning at 0: join on "
                f"recording,{keys.place} (--on); for a table of one of them, say which (--recording NAME)"
            )


def _refuse_repeats(table: Places, series: Series, keys: Keys, groups: Sequence[str]) -> None:
    """Refuse several rows of one place where an image is to take one of them."""
    known = np.flatnonzero((table.groups >= 0) & np.isfinite(table.places))
    order = known[np.lexsort((table.places[known], table.groups[known]))]
    same = (np.diff(table.groups[order]) == 0) & (np.diff(table.places[order]) == 0)
    if same.any():
        first = order[int(np.argmax(same))]
        where = f"{groups[table.groups[first]]}, " if groups[table.groups[first]] else ""
        raise UserError(
            f"{series.source} has {number_of(int(same.sum()), 'row')} with the same {' and '.join(keys.names)} as "
            f"another (first: {where}{keys.place} {table.places[first]:g}), so it is unclear which of them an image "
            "takes: average or count them (--how mean, --how count), or keep one of each"
        )


def _lacking(metadata: Metadata, name: str) -> list[str]:
    """What is wrong where the data set has no column `name`, and how rows and images can go together all the same."""
    problems = problems_of(metadata.column, name)
    if name == TIME and FRAME in metadata.names:
        remedy = (
            f"join on the frame (--on frame, or --on frame=NAME as the table calls it), or add a column {TIME} to "
            f"{metadata.source}, the frame divided by the frames per second"
        )
        return [f"{problem}; {remedy}" for problem in problems]
    if name == FRAME and TIME in metadata.names:
        return [
            f"{problem}; join on the time (--on {TIME}, or --on {TIME}=NAME as the table calls it)"
            for problem in problems
        ]
    return problems


def _tolerance(table: Places, keys: Keys, how: How, given: float | None, series: Series) -> tuple[float | None, str]:
    """How far a row may be from its image, and the same in words."""
    by_time = keys.place == TIME
    unit = UNITS[by_time]
    if given is None and how == "previous":
        return None, "an image takes the last row before it, however long ago (--tolerance)"
    if how in ONE_ROW:
        if given is None:
            if not by_time:
                return 0.0, "an image takes the row of its own frame (--tolerance)"
            given = table.usual_step()
            why = f", the usual step of {series.source}"
            return given, f"an image takes the {how} row within {given:.4g} {unit}{why} (--tolerance)"
        return given, f"an image takes the {how} row within {given:.4g} {unit}"
    if by_time:
        if given is None:
            return None, "an image takes all rows up to the middle between it and its neighbours (--tolerance)"
        return given, f"an image takes all rows from {given:.4g} s before it to {given:.4g} s after it"
    within = 0.0 if given is None else given
    said = "of its own frame" if not within else f"within {within:g} frames"
    return within + 0.5, f"an image takes all rows {said}" + (" (--tolerance)" if given is None else "")


def _slower(images: Places, table: Places, found: Match) -> list[str]:
    """What is to be said where rows are further apart than images, so that many images have nothing to average."""
    step, own = table.usual_step(), images.usual_step()
    if step <= own or found.counts.all():
        return []
    return [
        f"rows are {step:.3g} s apart and images {own:.3g} s, so many images have no row to average: use --how "
        "nearest, or a --tolerance"
    ]


def _absent(ours: NDArray[np.int64], theirs: NDArray[np.int64], names: Sequence[str]) -> list[tuple[str, int]]:
    """Groups of the one side that the other one has no row of, with their rows."""
    there, counts = np.unique(ours[ours >= 0], return_counts=True)
    return [
        (names[group] or "all", int(n))
        for group, n in zip(there.tolist(), counts.tolist(), strict=True)
        if not (theirs == group).any()
    ]


def _nothing_found(metadata: Metadata, series: Series, keys: Keys, tolerance: float | None) -> str:
    """What a table and the images look like, of which none go together."""
    sides = []
    for name in keys.alike:
        sides.append(
            f"{name} is {_examples(series.alike[name])} in the table and {_examples(metadata.column(name))} in the "
            "data set"
        )
    ranges = (_range(series.place), _range(metadata.column(keys.place).astype(np.float64)))
    sides.append(f"{keys.place} goes {ranges[0]} in the table and {ranges[1]} in the data set")
    return f"no row of {series.source} matches an image of {metadata.source}: {'; '.join(sides)}"


def _examples(values: Column) -> str:
    texts = [f"'{text}'" for text in np.unique(as_labels(values)).tolist() if text]
    return first_few(texts, SHOWN) or "empty"


def _range(places: NDArray[np.float64]) -> str:
    known = places[np.isfinite(places)]
    return f"from {known.min():.6g} to {known.max():.6g}" if len(known) else "nowhere"


# -------------------------------------------------------------------------------------------------------------- values


def _refuse_values(series: Series, how: How) -> None:
    """Refuse what cannot be averaged or counted, before anything is looked for."""
    problems = []
    if how == "mean" and not series.values:
        problems.append(
            f"{series.source} holds only places in time, and nothing to average: count its rows (--how count)"
        )
    for name, values in series.values.items():
        is_text = values.dtype.kind == "U"
        if how == "mean" and is_text:
            problems.append(
                f"'{name}' in {series.source} is text, which has no mean: use --how nearest, previous or count, or "
                "choose other columns (--only NAME,...)"
            )
        if how == "count" and not is_text:
            problems.append(
                f"'{name}' in {series.source} holds numbers, which are averaged, not counted: use --how mean, or "
                "choose other columns (--only NAME,...)"
            )
        if how == "count" and is_text and (n := len(np.unique(values[values != ""]))) > MOST_COUNTED:
            problems.append(
                f"'{name}' in {series.source} has {n:,} different texts, each of which would be a column: there can "
                f"be at most {MOST_COUNTED}"
            )
    raise_if_any(problems)


def _values(
    found: Match, images: Places, table: Places, series: Series, keys: Keys, how: How
) -> tuple[dict[str, Column], dict[str, NDArray[np.float64]]]:
    """Columns and arrays of the images."""
    columns, arrays = dict[str, Column](), dict[str, NDArray[np.float64]]()
    if not series.values:
        columns |= _of_events(found, images, table, series, keys, how)
    for name, values in series.values.items():
        if how == "count":
            columns |= _counts_of_texts(found, images, table, name, values)
        elif values.ndim == 2:
            arrays[name] = _means(found, values) if how == "mean" else _taken(found, values.astype(np.float64))
        elif how == "mean":
            columns[name] = _mean_of(found, name, values)
        else:
            columns[name] = _taken(found, values)
    return columns, arrays


def _taken(found: Match, values: Column) -> Column:
    """The value of each image's one row; whole numbers stay so where none is missing."""
    rows = found.rows()
    is_there = rows >= 0
    if values.dtype.kind == "U":
        texts: Column = np.where(is_there, values[rows], "")
        return texts
    if values.dtype.kind == "i" and is_there.all():
        return values[rows]
    taken = values.astype(np.float64)[rows]
    taken[~is_there] = np.nan
    return taken


def _means(found: Match, values: Column) -> NDArray[np.float64]:
    """The mean of the rows of each image, (n, ...), of those that are known."""
    numbers = values.astype(np.float64)
    known = np.isfinite(numbers)
    counts = found.sums(known.astype(np.float64))
    total = found.sums(np.where(known, numbers, 0.0))
    return np.divide(total, counts, out=np.full_like(total, np.nan), where=counts > 0)


def _mean_of(found: Match, name: str, values: Column) -> NDArray[np.float64]:
    """The mean of a column; of an angle on the circle, from 0 to once round."""
    numbers = values.astype(np.float64)
    meaning = meaning_of(name, numbers)
    if meaning.kind is not ColumnKind.CIRCULAR:
        return _means(found, numbers)
    turns = numbers * (2 * np.pi / meaning.period)
    points = _means(found, np.stack([np.cos(turns), np.sin(turns)], axis=1))
    mean = np.arctan2(points[:, 1], points[:, 0]) * (meaning.period / (2 * np.pi))
    low = numbers[np.isfinite(numbers)].min(initial=0.0)
    return np.where(mean < 0, mean + meaning.period, mean) if low >= 0 else mean


def _counted(counts: NDArray[np.int64], images: Places, table: Places) -> Column:
    """Counts, NaN where nothing can have been counted: in groups that the table does not have."""
    is_known = np.isin(images.groups, table.groups[table.groups >= 0]) & np.isfinite(images.places)
    return counts if is_known.all() else np.where(is_known, counts.astype(np.float64), np.nan)


def _counts_of_texts(found: Match, images: Places, table: Places, name: str, values: Column) -> dict[str, Column]:
    """How many rows of each text go with each image, in a column `NAME_TEXT_count` for each."""
    counts = {}
    for text in np.unique(values[values != ""]).tolist():
        n = found.sums((values == text).astype(np.float64)).astype(np.int64)
        counts[f"{name}_{text}_count"] = _counted(n, images, table)
    return counts


def _of_events(found: Match, images: Places, table: Places, series: Series, keys: Keys, how: How) -> dict[str, Column]:
    """What is known of images beside rows that have but a place: how many, or how far away."""
    name, unit = file_stem(series.name), UNITS[keys.place == TIME]
    if how == "count":
        return {f"{name}_count": _counted(found.counts, images, table)}
    rows = found.rows()
    away = np.where(rows >= 0, images.places - table.places[rows], np.nan)
    return {f"since_{name}_{unit}" if how == "previous" else f"from_nearest_{name}_{unit}": away}
