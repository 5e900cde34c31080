"""Writing a prepared data set: NAME.npz with the images and NAME.csv with one row for each."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from autoencoder.data.metadata import Metadata
from autoencoder.data.npz_files import Joined, write_npz
from autoencoder.data.recipe import RECIPE, Recipe, recipe_array
from autoencoder.data.regions import REGION_NAMES, REGIONS, Regions
from autoencoder.errors import UserError, raise_if_any
from autoencoder.machine.files import replacing, write_error

CHECKED_IMAGES = 12
"""Images of a prepared set that are shown to whoever made it."""


@dataclass(frozen=True, eq=False)
class Marks:
    """What a source knows of places in m images, in pixels from the image's top left corner, y down.

    Attributes:
        points: (m, 2) float64 by the part's name; NaN where it was not seen.
        picture: (m, 4, 2) float64: the corners of the picture that the images were cut out of, clockwise from its top
            left one.
        turned: (m,) float64, degrees by which the images were turned clockwise; None where they were not.
    """

    points: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)
    picture: NDArray[np.float64] | None = None
    turned: NDArray[np.float64] | None = None


@dataclass(frozen=True, eq=False)
class Sample:
    """A few images of a prepared set, for a picture of them.

    Attributes:
        images: (m, H, W) or (m, C, H, W), as they are stored.
        metadata: their rows.
        marks: places in them; None where the source knows of none.
        mask: (m, H, W) or (m, 1, H, W), 1 where the animal is; None where there are no masks.
    """

    images: np.ndarray
    metadata: Metadata
    marks: Marks | None = None
    mask: np.ndarray | None = None


def checked_rows(n_images: int) -> NDArray[np.int64]:
    """Rows of the images that are shown of a set of `n_images`, from all over it, (m,) int64."""
    return np.unique(np.linspace(0, n_images - 1, CHECKED_IMAGES).round().astype(np.int64))


@dataclass(frozen=True, eq=False)
class Prepared:
    """What was prepared, and where it lies.

    Attributes:
        npz: file of the images, with `clean`, `mask` and `regions` where there are such.
        csv: file of the metadata.
        n_images: number of images.
        image_shape: channels, height and width.
        columns: names of the columns of metadata.
        sample: a few of the images, for a picture of them.
        notes: what was cut, left out or chosen by default, one sentence each.
        warnings: what is probably not as it should be, one sentence each.
    """

    npz: Path
    csv: Path
    n_images: int
    image_shape: tuple[int, int, int]
    columns: tuple[str, ...]
    sample: Sample
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def check_output(output: Path, *, overwrite: bool = False, inputs: Iterable[Path] = ()) -> tuple[Path, Path]:
    """Paths of the two files of the data set `output`, once it is sure that they and their picture can be written.

    Every function that prepares calls this before its work, which may take long.

    Args:
        output: path with or without `.npz`.
        overwrite: files of these names may be replaced.
        inputs: files that the set is made from, which are never replaced.

    Returns:
        paths of the `.npz` and of the `.csv`.

    Raises:
        UserError: one of them exists, is an input, or the folder cannot be written to.
    """
    if output.name in ("", ".."):
        raise UserError(f"'{output}' is not a name for a data set: choose one, such as data/mouse (--out)")
    npz = npz_file(output)
    csv = npz.with_suffix(".csv")
    try:
        _check_free((npz, csv, check_file(npz)), overwrite, inputs)
        npz.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(prefix=f".{npz.stem}.", suffix=f".partial{npz.suffix}", dir=npz.parent):
            pass
    except OSError as error:
        raise write_error(npz, error) from None
    return npz, csv


def npz_file(output: Path) -> Path:
    """Where the images of the data set `output` lie; it may be given with `.npz` or without."""
    return output if output.suffix.lower() == ".npz" else output.with_name(f"{output.name}.npz")


def check_file(npz: Path) -> Path:
    """Where the check picture of a data set lies."""
    return npz.with_name(f"{npz.stem}-check.png")


def _refuse_to_replace(there: Sequence[Path]) -> None:
    if there:
        verb, it = ("exists", "it") if len(there) == 1 else ("exist", "them")
        raise UserError(
            f"{', '.join(map(str, there))} already {verb}: choose another name (--out), or replace {it} (--overwrite)"
        )


def _check_free(files: Sequence[Path], overwrite: bool, inputs: Iterable[Path]) -> None:
    raise_if_any(f"{path} is a folder: choose another name (--out)" for path in files if path.is_dir())
    there = [path for path in files if path.exists()]
    if not overwrite:
        _refuse_to_replace(there)
    raise_if_any(
        f"{path} is an input of the data set, and would be replaced: choose another name (--out)"
        for path in there
        if any(source.exists() and path.samefile(source) for source in inputs)
    )


def save_dataset(
    output: Path,
    images: np.ndarray | Joined,
    metadata_columns: Mapping[str, np.ndarray],
    clean: np.ndarray | None = None,
    mask: np.ndarray | Joined | None = None,
    *,
    inside: np.ndarray | Joined | None = None,
    regions: Regions | None = None,
    recipe: Recipe | None = None,
    marks: Marks | None = None,
    shown: NDArray[np.int64] | None = None,
    compress: bool = False,
    overwrite: bool = False,
    notes: tuple[str, ...] = (),
    warnings: tuple[str, ...] = (),
) -> Prepared:
    """Write images and metadata; neither file appears under its name before both are on the disk.

    A data set is there when its `.npz` is: that is renamed last, and an old one is taken away first, so that whenever
    the process is killed no `.npz` lies beside metadata of other images.

    Args:
        output: path with or without `.npz`.
        images: (N, H, W) or (N, C, H, W); these and others may be memory maps, and are written a few rows at a time.
        metadata_columns: arrays of shape (N,), by name; where there is none, the images are numbered as `index`.
        clean: the images without noise, of the same shape.
        mask: (N, H, W) or (N, 1, H, W), 1 where the animal is.
        inside: (N, H, W) or (N, 1, H, W) uint8, 1 where a pixel was in the picture that the image was cut out of, 0
            where it was filled in; None where all were.
        regions: the region that each pixel belongs to, with names.
        recipe: how the images were made.
        marks: places in the images that are shown.
        shown: (m,) rows of these; None for `checked_rows`.
        compress: a third of the size for images with clean ones and masks, and ten times the time to write.
        overwrite: files of these names may be replaced.
        notes: what the user should know about how the set was made.
        warnings: what is probably not as it should be.

    Raises:
        UserError: a file exists, cannot be written, or an array does not have one row per image.
    """
    npz, csv = check_output(output, overwrite=overwrite)
    metadata = Metadata(dict(metadata_columns) or {"index": np.arange(len(images))}, csv)
    arrays: dict[str, np.ndarray | Joined] = {"images": images}
    arrays |= {
        name: array for name, array in (("clean", clean), ("mask", mask), ("inside", inside)) if array is not None
    }
    if regions is not None:
        arrays |= {REGIONS: regions.labels}
    lengths = {name: len(array) for name, array in (arrays | metadata.columns).items()}
    if len(set(lengths.values())) > 1:
        listed = ", ".join(f"{name} {length:,}" for name, length in lengths.items())
        raise UserError(f"every array of {npz} needs one row per image: {listed}")
    if regions is not None:
        arrays |= {REGION_NAMES: np.array(regions.names)}
    if recipe is not None:
        arrays |= {RECIPE: recipe_array(recipe)}
    with replacing(npz) as temporary_npz:
        write_npz(temporary_npz, arrays, compress=compress)
        with replacing(csv) as temporary_csv:
            with temporary_csv.open("w", encoding="utf-8", newline="") as table:
                table.write(metadata.to_csv())
                table.flush()
                os.fsync(table.fileno())
            npz.unlink(missing_ok=True)  # now that nothing but names is missing
    channels, height, width = images.shape[1:] if images.ndim == 4 else (1, *images.shape[1:])
    rows = checked_rows(len(images)) if shown is None else shown
    shown_mask = None if mask is None else np.array(mask[rows])
    sample = Sample(np.array(images[rows]), metadata.take(rows), marks, shown_mask)
    return Prepared(npz, csv, len(images), (channels, height, width), metadata.names, sample, notes, warnings)
