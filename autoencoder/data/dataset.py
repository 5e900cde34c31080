"""Writing a prepared data set: NAME.npz with the images and NAME.csv with one row for each."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from autoencoder.data.metadata import Metadata
from autoencoder.errors import UserError, raise_if_any
from autoencoder.machine.files import replacing, write_error


@dataclass(frozen=True)
class Prepared:
    """What was prepared, and where it lies.

    Attributes:
        npz: file of the images, with `clean` and `mask` where there are such.
        csv: file of the metadata.
        n_images: number of images.
        image_shape: channels, height and width.
        columns: names of the columns of metadata.
        notes: what was cut, left out or chosen by default, one sentence each.
    """

    npz: Path
    csv: Path
    n_images: int
    image_shape: tuple[int, int, int]
    columns: tuple[str, ...]
    notes: tuple[str, ...] = ()


def check_output(output: Path, *, overwrite: bool = False, inputs: Iterable[Path] = ()) -> tuple[Path, Path]:
    """Paths of the two files of the data set `output`, once it is sure that they can be written.

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
        raise UserError(f"'{output}' is no name of a data set: choose one, such as data/mouse")
    npz = output if output.suffix.lower() == ".npz" else output.with_name(f"{output.name}.npz")
    csv = npz.with_suffix(".csv")
    try:
        _check_free((npz, csv), overwrite, inputs)
        npz.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(prefix=f".{npz.stem}.", suffix=f".partial{npz.suffix}", dir=npz.parent):
            pass
    except OSError as error:
        raise write_error(npz, error) from None
    return npz, csv


def _check_free(files: Sequence[Path], overwrite: bool, inputs: Iterable[Path]) -> None:
    raise_if_any(f"{path} is a folder: choose another name" for path in files if path.is_dir())
    there = [path for path in files if path.exists()]
    if not overwrite:
        raise_if_any(
            f"{path} is there already: choose another name, or allow it to be replaced (--overwrite)" for path in there
        )
    raise_if_any(
        f"{path} is what the data set is to be made from, and would be replaced: choose another name"
        for path in there
        if any(source.exists() and path.samefile(source) for source in inputs)
    )


def save_dataset(
    output: Path,
    images: np.ndarray,
    metadata_columns: Mapping[str, np.ndarray],
    clean: np.ndarray | None = None,
    mask: np.ndarray | None = None,
    *,
    compress: bool = False,
    overwrite: bool = False,
    notes: tuple[str, ...] = (),
) -> Prepared:
    """Write images and metadata; neither file appears under its name before both are on the disk.

    A data set is there when its `.npz` is: that is renamed last, and an old one is taken away first, so that whenever
    the process is killed no `.npz` lies beside metadata of other images.

    Args:
        output: path with or without `.npz`.
        images: (N, H, W) or (N, C, H, W).
        metadata_columns: arrays of shape (N,), by name; where there is none, the images are numbered as `index`.
        clean: the images without noise, of the same shape.
        mask: (N, H, W) or (N, 1, H, W), 1 where the animal is.
        compress: a third of the size for images with clean ones and masks, and ten times the time to write.
        overwrite: files of these names may be replaced.
        notes: what the user should know about how the set was made.

    Raises:
        UserError: a file exists, cannot be written, or an array does not have one row per image.
    """
    npz, csv = check_output(output, overwrite=overwrite)
    metadata = Metadata(dict(metadata_columns) or {"index": np.arange(len(images))}, csv)
    arrays = {"images": images}
    arrays |= {name: array for name, array in (("clean", clean), ("mask", mask)) if array is not None}
    lengths = {name: len(array) for name, array in (arrays | metadata.columns).items()}
    if len(set(lengths.values())) > 1:
        listed = ", ".join(f"{name} {length:,}" for name, length in lengths.items())
        raise UserError(f"{npz} needs as many rows of each array as images: {listed}")
    save = np.savez_compressed if compress else np.savez
    with replacing(npz) as temporary_npz:
        with temporary_npz.open("wb") as file:
            save(file, allow_pickle=False, **arrays)
            os.fsync(file.fileno())
        with replacing(csv) as temporary_csv:
            with temporary_csv.open("w", encoding="utf-8", newline="") as table:
                table.write(metadata.to_csv())
                table.flush()
                os.fsync(table.fileno())
            npz.unlink(missing_ok=True)  # now that nothing but names is missing
    channels, height, width = images.shape[1:] if images.ndim == 4 else (1, *images.shape[1:])
    return Prepared(npz, csv, len(images), (channels, height, width), metadata.names, notes)
