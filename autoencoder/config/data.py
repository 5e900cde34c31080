"""Which images a run learns from, and how they are split."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from autoencoder.config.arguments import names_of
from autoencoder.config.choices import (
    AUTO_SPLIT,
    BLOCK_SPLIT,
    COLUMN_KINDS,
    GROUP_SPLIT,
    MAX_SEED,
    PIXEL_VALUES,
    SPLITS,
)
from autoencoder.config.value_types import check_types
from autoencoder.errors import raise_if_any
from autoencoder.flags import (
    Flag,
    Fraction,
    Real,
    Whole,
    not_one_of,
    path_problems,
    problems_of_settings,
    shortened,
    shown_plainly,
)


@shown_plainly
@dataclass(frozen=True)
class DataConfig:
    """Which images a run learns from, and how they are split."""

    images: str
    """Path of the `.npz` or `.npy` file."""
    metadata: Annotated[str | None, Flag("metadata file (default: the .csv beside DATA)", "FILE")] = None
    """Path of the metadata; None for the sibling of the images with the same stem, where there is one."""
    columns: Annotated[tuple[str, ...] | None, Flag("names of the columns of .npy metadata", "A,B,...")] = None
    """Names of the columns of a `.npy` metadata file."""
    max_pixel_value: Annotated[
        float | None, Flag("pixel value that stands for 1 (default: the dtype's largest; 1 for floats)", "X", Real())
    ] = None
    """The pixel value that stands for 1.0; None for the largest of the dtype, and 1.0 for floats."""
    split: Annotated[
        str,
        Flag(
            "hold out random images, blocks of neighbouring video frames, or with group:COLUMN all images of some "
            "values of a column, such as animals; auto takes recordings where there are three or more, blocks where "
            "images are frames, else random ones",
            "auto|random|blocks|group:COLUMN",
        ),
    ] = AUTO_SPLIT
    """`random` images; whole `blocks` of neighbouring rows, for video frames that resemble their neighbours;
    `group:COLUMN`, whole values of a column; `auto` for what the data allow, which the run then stores."""
    val_fraction: Annotated[float, Flag("share of the images, or of the groups, to hold out", "F", Fraction())] = 0.2
    """Share of the images held out for validation; of the groups, where whole ones are."""
    block_size: Annotated[
        int | None, Flag("images per block (default: 5 times the gap; without one a fiftieth of all)", "N", Whole())
    ] = None
    """Rows per block with `blocks`; None for five times the gap, or a fiftieth of the images where that is 0."""
    gap: Annotated[
        int | None,
        Flag(
            "images left out of training at each border of a held-out block (default: the correlation time of the "
            "slowest column; without frames 0)",
            "N",
            Whole(0),
        ),
    ] = None
    """Rows at the borders of held-out blocks that are not learned from; None for the correlation time of the slowest
    column that has room for it."""
    hold_out: Annotated[
        tuple[str, ...] | None,
        Flag("hold out the images of these values of a column, and no others", "COLUMN=VALUE,..."),
    ] = None
    """`("animal=m3", "m7")`: the column and its values; with them the split is that of this column's groups."""
    split_seed: Annotated[
        int, Flag("seed of the split, and of the choice of images in snapshots", "N", Whole(0, MAX_SEED))
    ] = 0
    """Decides which images are held out, and which ones' codes are kept: the same for runs of any `seed`."""
    column_kinds: Annotated[
        tuple[str, ...] | None,
        Flag(
            "kinds of columns that differ from what their names and values suggest: angle, degrees, radians, quantity "
            "or "
            "category",
            "NAME=KIND,...",
            also="--column-kind",
            adds_up=True,
        ),
    ] = None
    """`("heading=radians", "day=quantity")`: what columns are, each one of `COLUMN_KINDS`."""

    def __post_init__(self) -> None:
        check_types(self)
        if self.hold_out is not None and self.split == AUTO_SPLIT:
            object.__setattr__(self, "split", f"{GROUP_SPLIT}:{self.held_out_column}")
        problems = self._split_problems()
        problems += path_problems("images", self.images) + path_problems("metadata", self.metadata)
        # The bounds of a pixel value are narrower than those of its flag, and are said instead of them.
        problems += [p for p in problems_of_settings(self) if not p.startswith("max_pixel_value")]
        problems += pixel_value_problems(self.max_pixel_value) + column_kind_problems(self.column_kinds or ())
        raise_if_any(problems)

    def _split_problems(self) -> list[str]:
        problems = []
        if self.group_column is None:
            problems += not_one_of("split", self.split, (*SPLITS, f"{GROUP_SPLIT}:COLUMN"))
        elif not self.group_column:
            problems.append(f"split {GROUP_SPLIT}: names no column: write {GROUP_SPLIT}:COLUMN")
        if self.split != BLOCK_SPLIT:
            sizes = {"block_size": self.block_size, "gap": self.gap}
            problems += [f"{name} only applies to the split 'blocks'" for name, size in sizes.items() if size]
        if self.hold_out is None:
            return problems
        if not self.hold_out or "=" not in self.hold_out[0] or not all(self.held_out_values):
            return [*problems, f"hold_out must be COLUMN=VALUE,..., not {','.join(self.hold_out)!r}"]
        if self.group_column != self.held_out_column:
            problems.append(
                f"hold_out names values of '{self.held_out_column}', but the split is '{self.split}': leave --split out"
            )
        return problems

    @property
    def group_column(self) -> str | None:
        """The column whose whole values are held out; None with another split."""
        kind, separator, column = self.split.partition(":")
        return column if kind == GROUP_SPLIT and separator else None

    @property
    def held_out_column(self) -> str:
        """The column of `hold_out`."""
        return "" if not self.hold_out else self.hold_out[0].partition("=")[0].strip()

    @property
    def held_out_values(self) -> tuple[str, ...]:
        """The values of `hold_out`."""
        if not self.hold_out:
            return ()
        return (self.hold_out[0].partition("=")[2].strip(), *(value.strip() for value in self.hold_out[1:]))


def pixel_value_problems(value: float | None) -> list[str]:
    """What is wrong with the pixel value that is to stand for 1.0; empty where nothing is, and for None."""
    if value is None or PIXEL_VALUES[0] <= value <= PIXEL_VALUES[1]:
        return []
    least, most = PIXEL_VALUES
    return [f"max_pixel_value must be a positive number (from {least:g} to {most:g}), not {value}"]


def kinds_of_columns(said: Sequence[str]) -> dict[str, str]:
    """What columns are said to be, by their names: `("heading=radians",)` to `{"heading": "radians"}`.

    Raises:
        UserError: see `column_kind_problems`.
    """
    raise_if_any(column_kind_problems(said))
    return dict(_named_kind(text) for text in names_of(said))


def column_kind_problems(said: Sequence[str]) -> list[str]:
    """What is wrong with what columns are said to be; empty where nothing is."""
    problems, kinds = [], dict[str, str]()
    for text in names_of(said):
        name, kind = _named_kind(text)
        if not name or kind not in COLUMN_KINDS:
            problems.append(
                f"--column-kind takes NAME=KIND, and KIND is one of {', '.join(COLUMN_KINDS)}, not {shortened(text)!r}"
            )
        elif kinds.setdefault(name, kind) != kind:
            problems.append(f"--column-kind makes column '{name}' {kinds[name]} and {kind}: say one of them")
    return problems


def _named_kind(text: str) -> tuple[str, str]:
    """Name and kind of `NAME=KIND`; a name can hold a `=` itself."""
    name, _, kind = text.rpartition("=")
    return name.strip(), kind.strip().lower()
