"""IDX files, the format of MNIST and of its relatives, plain or gzipped."""

from __future__ import annotations

import gzip
import math
import struct
import zlib
from collections.abc import Callable
from io import BufferedIOBase
from pathlib import Path

import numpy as np

from autoencoder.data.arrays import check_readable
from autoencoder.data.dataset import Prepared, check_output, save_dataset
from autoencoder.data.images import depth_advice
from autoencoder.data.recipe import RECIPE_VERSION
from autoencoder.data.sources.resize import BLACK, Fitting, fit_image, refuse_unfitting, square_note
from autoencoder.errors import UserError, raise_if_any
from autoencoder.machine.memory import refuse_too_large

DTYPES = {0x08: "u1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
"""Codes of the types of values; those of more than one byte are big-endian."""

GZIP_MAGIC = b"\x1f\x8b"
MAX_GZIP_RATIO = 1032
"""How many bytes a byte of a gzip file stands for at most; a header that promises more is wrong."""

READ_BYTES = 2**20
MAX_DIMENSIONS = 8

TRANSPOSED_SET = "emnist"
"""What is in the names of the files of a well-known set that is stored column by column."""


def read_idx(path: Path) -> np.ndarray:
    """Read an IDX file, gzipped or not, whatever its name.

    The sizes in the header are compared with the size of the file before memory is taken for them.

    Returns:
        the array of the stored shape, in the machine's byte order: uint8, int16, int32, float32 or float64.

    Raises:
        UserError: the file is missing, no IDX file, cut short, or longer than its header says.
    """
    check_readable(path, "IDX values")
    with path.open("rb") as file:
        zipped = file.read(2) == GZIP_MAGIC
    try:
        with gzip.open(path, "rb") if zipped else path.open("rb") as file:
            dtype, shape = _read_header(file, path)
            values = _read_values(file, path, dtype, math.prod(shape), zipped)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise UserError(f"{path} is a damaged gzip file ({error}): download it again") from None
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror or error})") from None
    return np.frombuffer(values, dtype).reshape(shape).astype(dtype.newbyteorder("="), copy=False)


def _read_header(file: BufferedIOBase, path: Path) -> tuple[np.dtype[np.generic], tuple[int, ...]]:
    magic = file.read(4)
    if len(magic) < 4 or magic[:2] != b"\0\0" or not 1 <= magic[3] <= MAX_DIMENSIONS:
        raise UserError(f"{path} is not an IDX file: those start with two zero bytes, a type and a count of sizes")
    if magic[2] not in DTYPES:
        known = ", ".join(f"0x{code:02X}" for code in DTYPES)
        raise UserError(f"{path} holds values of the IDX type 0x{magic[2]:02X}; the types that can be read are {known}")
    sizes = file.read(4 * magic[3])
    if len(sizes) < 4 * magic[3]:
        raise UserError(f"{path} is cut short within its header: download it again")
    dtype, shape = np.dtype(DTYPES[magic[2]]), struct.unpack(f">{magic[3]}I", sizes)
    if 0 in shape:
        raise UserError(f"{path} holds no values (its header says {shape}): download it again")
    return dtype, shape


def _read_values(file: BufferedIOBase, path: Path, dtype: np.dtype[np.generic], n: int, zipped: bool) -> bytearray:
    """The bytes of `n` values, after making sure that the file holds that many and no more."""
    n_bytes = n * dtype.itemsize
    size = path.stat().st_size
    most = size * MAX_GZIP_RATIO if zipped else size - file.tell()
    promised = f"the header of {path} promises {n_bytes:,} bytes of values"
    if n_bytes > most:
        raise UserError(f"{promised} and a file of {size:,} bytes cannot hold them: it is cut short; download it again")
    # Twice, since values of several bytes are copied in the order of this machine.
    refuse_too_large(str(path), n_bytes if dtype.itemsize == 1 else 2 * n_bytes, "split it")
    values = bytearray()
    while len(values) <= n_bytes:  # up to one byte more than promised, which is how a surplus shows
        part = file.read(min(READ_BYTES, n_bytes + 1 - len(values)))
        if not part:
            break
        values += part
    if len(values) < n_bytes:
        raise UserError(f"{promised} and {len(values):,} are there: it is cut short; download it again")
    if len(values) > n_bytes:
        raise UserError(f"{promised} and there are more: it is damaged; download it again")
    return values


def prepare_idx(
    images: Path,
    output: Path,
    labels: Path | None = None,
    pad: int = 0,
    resize: int | None = None,
    limit: int | None = None,
    *,
    fit: str | None = None,
    background: int = BLACK,
    transpose: bool = False,
    overwrite: bool = False,
    on_progress: Callable[[int], None] | None = None,
    on_total: Callable[[int], None] | None = None,
) -> Prepared:
    """Turn IDX images into a data set, with the column `label` where there are labels and `index` where there are not.

    Args:
        images: IDX file of shape (N, H, W), uint8.
        output: path with or without `.npz`.
        labels: IDX file of shape (N,), integers.
        pad: pixels of background to add on every side; 2 makes MNIST 32 x 32.
        resize: side of the square to resize to, after padding.
        limit: take the first so many images; None for all.
        fit: one of `SQUARES`: how images that are not square are resized to squares; None for padding them.
        background: what is added, 0 (black) to 255 (white).
        transpose: rows of the file are columns of the images, as in EMNIST.
        overwrite: files of these names may be replaced.
        on_progress: called with the number of images done since the last call.
        on_total: called with the number of images, as soon as it is known.

    Raises:
        UserError: a file is not what it should be, images and labels differ in number, or the output cannot be written.
    """
    fitting = Fitting(pad, resize, fit, background, limit)
    raise_if_any(fitting.problems)
    check_output(output, overwrite=overwrite, inputs=(images, *([] if labels is None else [labels])))
    pictures, columns = _read_pair(images, labels)
    notes = []
    if limit is not None and limit < len(pictures):
        notes.append(f"took the first {limit:,} of {len(pictures):,} images")
    pictures, columns = pictures[:limit], {name: values[:limit] for name, values in columns.items()}
    if transpose:
        pictures = pictures.swapaxes(1, 2)
    elif TRANSPOSED_SET in images.name.lower():
        notes.append(
            f"{images.name} is EMNIST by its name, whose images are stored on their side: --transpose turns "
            "them upright"
        )
    if on_total is not None:
        on_total(len(pictures))
    refuse_unfitting(len(pictures), pictures[0], fitting, f"{len(pictures):,} images of {images}")
    fitted = np.empty((len(pictures), *fit_image(pictures[0], fitting).shape), np.uint8)
    for i, picture in enumerate(pictures):
        fitted[i] = fit_image(picture, fitting)
        if on_progress is not None:
            on_progress(1)
    said = square_note([(pictures.shape[2], pictures.shape[1])], fitting), depth_advice(fitted)
    notes += [note for note in said if note is not None]
    recipe = {
        "command": "prepare idx",
        "version": RECIPE_VERSION,
        "images": images.name,
        "labels": None if labels is None else labels.name,
        "transpose": transpose,
        **vars(fitting),
    }
    return save_dataset(output, fitted, columns, recipe=recipe, overwrite=overwrite, notes=tuple(notes))


def _read_pair(images: Path, labels: Path | None) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Images (N, H, W) uint8, and the column of their labels where there are such.

    Raises:
        UserError: a file is not what it should be, or they differ in number.
    """
    pictures = read_idx(images)
    problems = []
    if pictures.ndim != 3 or pictures.dtype != np.uint8 or 0 in pictures.shape:
        problems.append(f"{images} holds {pictures.dtype} of shape {pictures.shape}: images must be uint8, (N, H, W)")
        if pictures.ndim == 1:
            problems.append(
                "these seem to be labels: name the file of images first, and give that of labels with --labels"
            )
    columns = {}
    if labels is not None:
        values = read_idx(labels)
        if values.ndim != 1 or values.dtype.kind not in "ui":
            problems.append(f"{labels} holds {values.dtype} of shape {values.shape}: labels must be integers, (N,)")
        elif len(values) != len(pictures):
            problems.append(
                f"{images} has {len(pictures):,} images and {labels} has {len(values):,} labels: "
                "they do not belong together"
            )
        columns["label"] = values
    raise_if_any(problems)
    return pictures, columns
