"""Writing a prepared data set: NAME.npz with the images and NAME.csv with one row for each."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from autoencoder.data.metadata import Metadata
from autoencoder.errors import UserError, raise_if_any
from autoencoder.files import replacing, write_error


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


def check_output(output: Path, *, overwrite: bool = False) -> tuple[Path, Path]:
    """Paths of the two files of the data set `output`, once it is sure that they can be written.

    Every function that prepares calls this before its work, which may take long.

    Args:
        output: path with or without `.npz`.
        overwrite: files of these names may be replaced.

    Returns:
        paths of the `.npz` and of the `.csv`.

    Raises:
        UserError: one of them exists, or the folder cannot be written to.
    """
    npz = output if output.suffix.lower() == ".npz" else output.with_name(f"{output.name}.npz")
    csv = npz.with_suffix(".csv")
    raise_if_any(f"{path} is a folder: choose another name" for path in (npz, csv) if path.is_dir())
    if not overwrite:
        raise_if_any(
            f"{path} is there already: choose another name, or allow it to be replaced (--overwrite)"
            for path in (npz, csv)
            if path.exists()
        )
    try:
        npz.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=npz.parent):
            pass
    except OSError as error:
        raise write_error(npz, error) from None
    return npz, csv


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
    """Write images and metadata; neither file appears under its name before both are written.

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
    # The large file is renamed first: where that fails, the small one is not left behind without it.
    with replacing(csv) as temporary_csv, replacing(npz) as temporary_npz:
        temporary_csv.write_text(metadata.to_csv(), encoding="utf-8")
        with temporary_npz.open("wb") as file:
            save(file, allow_pickle=False, **arrays)
    channels, height, width = images.shape[1:] if images.ndim == 4 else (1, *images.shape[1:])
    return Prepared(npz, csv, len(images), (channels, height, width), metadata.names, notes)
