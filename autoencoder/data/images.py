"""A set of images as it is stored: checked when it is loaded, scaled to [0, 1] batch by batch."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from autoencoder.config import PIXEL_VALUES, kinds_of_columns, pixel_value_problems
from autoencoder.config.arguments import IMAGES, AnyPath, names_of, path_of
from autoencoder.data.arrays import ArrayHeader, check_readable, chunks, let_go, npz_headers, open_npy, read_npz
from autoencoder.data.metadata import SUMMARY_HEADER, Metadata, Rows, metadata_of
from autoencoder.data.metadata_files import load_metadata, refuse_unknown_kinds
from autoencoder.data.recipe import RECIPE, Recipe, is_recipe, read_recipe
from autoencoder.data.regions import REGION_NAMES, REGIONS, Regions, checked_regions, regions_of_mask
from autoencoder.errors import UserError, raise_if_any
from autoencoder.machine.memory import refuse_too_large

WHOLE_HASH_BYTES = 256 * 2**20
"""Sets up to this size are hashed whole."""

HASH_ROWS = 1024
"""Images at the head, at the tail and evenly between that stand for a larger set in its hash."""

BESIDE = ("clean", "mask", "inside", REGIONS)
"""Arrays of an `.npz` beside its images, which are of their height and width."""

MAX_CHANNELS = 16
"""More channels than this are taken for the height of images with their channels last."""


CAMERA_BITS = (8, 10, 12, 14, 16)
"""Bits that pixels usually have."""

CAMERA_NAMES = {2**8 - 1: "an 8-bit image", **{2**bits - 1: f"a {bits}-bit camera" for bits in CAMERA_BITS[1:-1]}}
"""What the largest values are those of."""

LITTLE_OF_THE_RANGE = 0.25
"""Integer pixels that use no more than this share of what stands for 1 were probably meant for something smaller."""

DEPTH_SAMPLE = 1000
"""Images of a set too large to be read whole whose largest pixel is looked for."""


SHOWN = 8
"""Images of a set that a notebook shows."""


@dataclass(frozen=True, eq=False, repr=False)
class ImageSet:
    """Images and what is known of them.

    Attributes:
        images: (N, C, H, W) in the stored dtype; a view of a memory map for an `.npy`, and for a large
            `.npz` that is not compressed.
        max_pixel_value: the pixel value that stands for 1.0.
        metadata: columns of N rows; without any column where nothing is known.
        clean: the images without noise, of the same shape; or None.
        mask: (N, 1, H, W) uint8, 1 where the animal is and 0 elsewhere; or None.
        source: the file they came from.
        inside: (N, 1, H, W) uint8, 0 where a pixel lay beyond the edge of the picture that the image was cut out of,
            and was filled in; such pixels are left out of what measures images. None where there are none.
        regions: the region that each pixel belongs to, such as body, tail or wall; or None.
        recipe: how the images were made, such as what was cut out; None where the file does not say so.
    """

    images: np.ndarray
    max_pixel_value: float
    metadata: Metadata
    clean: np.ndarray | None = None
    mask: np.ndarray | None = None
    source: Path | None = None
    inside: np.ndarray | None = None
    regions: Regions | None = None
    recipe: Recipe | None = None

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, name: str) -> np.ndarray:
        """The column `name` of the metadata, (N,): `images["label"]`.

        Raises:
            UserError: there is no such column, or `name` is not a text.
        """
        if not isinstance(name, str):
            raise UserError(f"images['label'] is a column, and images.images[0] a picture: not [{name!r}]")
        return self.metadata.column(name)

    __iter__: None = None
    """Neither columns nor pictures: which of them is said."""

    def __repr__(self) -> str:
        return f"<ImageSet of {self._in_short}, {self.source or 'in memory'}>"

    @property
    def _in_short(self) -> str:
        return f"{len(self):,} images of {'x'.join(map(str, self.image_shape))}, {self.images.dtype}"

    def _repr_html_(self) -> str:
        """What a notebook shows: what is in the set, its columns, and images from first to last."""
        from autoencoder.data.batches import evenly
        from autoencoder.display.summary import Summary, strip

        metadata = self.metadata
        beside = [name for name in (*BESIDE, RECIPE) if getattr(self, name) is not None]
        rows = evenly(np.arange(len(self)), SHOWN)
        return Summary(
            self._in_short,
            [("file", self.source or "in memory"), ("beside the images", ", ".join(beside) or "nothing")],
            SUMMARY_HEADER if metadata.names else (),
            metadata.summary_rows(),
            [strip(self.scaled(rows))] if len(rows) else [],
        ).html()

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Channels, height and width."""
        _, channels, height, width = self.images.shape
        return channels, height, width

    def scaled(self, rows: Rows, of: Literal["images", "clean", "mask"] = "images") -> NDArray[np.float32]:
        """Images of the given rows, (n, C, H, W) float32 in [0, 1]; a mask has one channel of 0 and 1.

        Raises:
            UserError: the set has no clean images, or no mask.
        """
        stored = {"images": self.images, "clean": self.clean, "mask": self.mask}[of]
        if stored is None:
            raise UserError(f"{self.source or 'the image set'} has no array '{of}': add it to the .npz")
        scale = 1.0 if of == "mask" else self.max_pixel_value
        batch = np.asarray(stored[rows]).astype(np.float32)
        if scale != 1.0:
            batch /= np.float32(scale)
        return batch

    def counted(self, rows: Rows) -> NDArray[np.float32] | None:
        """Which pixels of the given rows count, (n, 1, H, W) float32 of 1 and 0; None where all of the set do."""
        return None if self.inside is None else np.asarray(self.inside[rows]).astype(np.float32)

    def measured_regions(self) -> Regions | None:
        """The regions; where there are none, those of the mask; None where there is no mask either."""
        if self.regions is not None or self.mask is None:
            return self.regions
        return regions_of_mask(self.mask)

    def content_hash(self) -> str:
        """SHA-256 of shape, dtype and pixels of `images`, in hexadecimal.

        Of a set larger than 256 MB only the first, the last and evenly spaced images are read, `HASH_ROWS` of each, so
        a change in one of the others goes unseen. It is computed once.
        """
        return self._digest

    @cached_property
    def _digest(self) -> str:
        digest = hashlib.sha256(f"{self.images.shape} {self.images.dtype.str}".encode())
        n = len(self)
        if self.images.nbytes <= WHOLE_HASH_BYTES:
            for _, chunk in chunks(self.images):
                digest.update(chunk.tobytes())
        else:
            spread = np.linspace(0, n - 1, HASH_ROWS).astype(np.int64)
            head, tail = np.arange(min(n, HASH_ROWS)), np.arange(max(0, n - HASH_ROWS), n)
            for row in np.concatenate([head, spread, tail]).tolist():
                digest.update(self.images[row].tobytes())
                let_go(self.images)  # the system maps megabytes around every row
        return digest.hexdigest()


def with_metadata(
    images: ImageSet,
    path: Path,
    metadata: Path | None = None,
    columns: Sequence[str] | None = None,
    column_kinds: Sequence[str] | None = None,
) -> ImageSet:
    """The same images with other metadata; see `load_images` for the arguments. No array is read or copied.

    Kinds of columns that are not there are left out.

    Raises:
        UserError: the metadata cannot be read, or do not go with the images.
    """
    metadata_path = metadata or _sibling(path, columns)
    arrays = {} if metadata_path is not None else _read_arrays(path, with_columns=True)
    _pop_regions(arrays)
    one_dimensional = {name: array for name, array in arrays.items() if array.ndim == 1}
    table = _load_table(metadata_path, columns, path, one_dimensional, len(images), column_kinds)
    other = replace(images, metadata=table)
    if "_digest" in vars(images):
        vars(other)["_digest"] = images.content_hash()  # of the same pixels
    return other


def _load_table(
    metadata_path: Path | None,
    columns: Sequence[str] | None,
    path: Path,
    arrays: dict[str, np.ndarray],
    n_images: int,
    column_kinds: Sequence[str] | None,
) -> Metadata:
    """The metadata of a file, or of the arrays beside the images of `path`."""
    if metadata_path is not None:
        return load_metadata(metadata_path, n_images, columns, images_path=path, column_kinds=column_kinds)
    if columns is not None:
        raise UserError(f"--columns names columns, and {path} has no metadata: give its path (--metadata)")
    return _table_within(arrays, n_images, path, column_kinds)


def load_images(
    path: AnyPath,
    metadata: AnyPath | None = None,
    columns: Sequence[str] | None = None,
    max_pixel_value: float | None = None,
    column_kinds: Sequence[str] | None = None,
    *,
    kinds_may_miss: bool = False,
) -> ImageSet:
    """Load images with their metadata, and check both.

    Args:
        path: `.npy` (memory-mapped), or `.npz` with `images`, `arr_0` or one array of 3 or 4 dimensions, and with
            `clean`, `mask`, `inside`, and `regions` with `region_names` where there are such; (N, H, W) or
            (N, C, H, W), uint8, uint16 or float.
        metadata: file of the metadata; None for NAME.csv beside the images, then NAME_metadata.npy if `columns` names
            its columns, then the arrays of shape (N,) in the `.npz`.
        columns: names of the columns of a metadata file in `.npy`.
        max_pixel_value: the pixel value that stands for 1.0; None for the largest of uint8 and uint16, and 1.0 for
            floats.
        column_kinds: what columns are, where their names and values don't tell, `("heading=radians",)`: each one
            `angle`, `degrees`, `radians`, `quantity` or `category`.
        kinds_may_miss: leave out those of columns that are not there, which are refused otherwise.

    Raises:
        UserError: everything that is wrong with the files, in one error.
    """
    path = path_of(path, IMAGES)
    metadata = None if metadata is None else path_of(metadata, "metadata")
    columns = None if columns is None else names_of(columns)
    metadata_path = metadata or _sibling(path, columns)
    try:
        arrays = _read_arrays(path, with_columns=metadata_path is None)
    except UserError as error:
        problems = list(error.problems)
        if metadata is not None and not metadata.exists():
            problems.append(f"there is no file {metadata}: check the path of the metadata")
        raise UserError(problems) from None
    images = arrays.pop("images")
    clean, mask, inside = (arrays.pop(name, None) for name in ("clean", "mask", "inside"))
    of_regions = _pop_regions(arrays)
    stored_recipe = arrays.pop(RECIPE) if RECIPE in arrays and arrays[RECIPE].ndim == 0 else None

    problems = _form_problems(images, path)
    n_images = len(images) if images.ndim else 0
    table = Metadata({}, path)
    try:
        table = _load_table(metadata_path, columns, path, arrays, n_images, column_kinds)
        if not kinds_may_miss:
            refuse_unknown_kinds(table, column_kinds)
    except UserError as error:
        problems += error.problems
    raise_if_any(problems + pixel_value_problems(max_pixel_value))

    images = _with_channels(images)
    refuse_too_large(f"one image of {path}", 4 * images[0].size, "resize the images, as 'autoencoder prepare' does")
    top = max_pixel_value if max_pixel_value is not None else default_max_pixel_value(images.dtype)
    problems = _pixel_problems(images, "pixels", path, top)
    if clean is not None:
        clean = _with_channels(clean)
        problems += _clean_problems(clean, images, path, top)
    if mask is not None:
        mask = _with_channels(mask)
        problems += _mask_problems(mask, images, path)
    if inside is not None:
        inside = _with_channels(inside)
        problems += _inside_problems(inside, images, path)
    regions = None
    recipe = None
    try:
        regions = checked_regions(of_regions, images.shape, path)
        recipe = read_recipe(stored_recipe, path)
    except UserError as error:
        problems += error.problems
    raise_if_any(problems)
    mask = None if mask is None else _binary(mask)
    return ImageSet(images, float(top), table, clean, mask, path, inside, regions, recipe)


# --------------------------------------------------------------------------------------------------------------- files


def _sibling(path: Path, columns: Sequence[str] | None) -> Path | None:
    """The metadata file beside the images, or None."""
    beside = path.with_suffix(".csv")
    if beside.exists():
        return beside
    beside = path.with_name(f"{path.stem}_metadata.npy")
    return beside if columns is not None and beside.exists() else None


def _read_arrays(path: Path, *, with_columns: bool) -> dict[str, np.ndarray]:
    """`images`, and of an `.npz` also those of `BESIDE` and (with `with_columns`) the arrays of one dimension."""
    check_readable(path, "images")
    suffix = path.suffix.lower()
    if suffix == ".npy":
        return {"images": open_npy(path)}
    if suffix != ".npz":
        raise UserError(
            f"{path} is not a data file: images are read from .npz or .npy, which 'autoencoder prepare' makes"
        )
    headers = npz_headers(path)
    key = _images_key(headers, path)
    wanted = _beside(headers)
    if RECIPE in headers and is_recipe(headers[RECIPE]):
        wanted.append(RECIPE)
    if with_columns:
        wanted += [name for name, header in headers.items() if len(header.shape) == 1]
    arrays = read_npz(path, dict.fromkeys([key, *wanted]))
    return {"images": arrays[key], **{name: arrays[name] for name in wanted if name != key}}


def _beside(headers: dict[str, ArrayHeader]) -> list[str]:
    """Arrays that go with the images, by name; one called `regions` of other dimensions is something else."""
    names = [name for name in BESIDE if name in headers]
    if REGIONS in names and len(headers[REGIONS].shape) not in (3, 4):
        names.remove(REGIONS)
    return [*names, REGION_NAMES] if REGIONS in names and REGION_NAMES in headers else names


def _pop_regions(arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Take regions and their names out of the arrays of a file; a column called `regions` stays."""
    if REGIONS not in arrays or arrays[REGIONS].ndim == 1:
        return {}
    return {name: arrays.pop(name) for name in (REGIONS, REGION_NAMES) if name in arrays}


def _images_key(headers: dict[str, ArrayHeader], path: Path) -> str:
    for name in ("images", "arr_0"):
        if name in headers:
            return name
    likely = [name for name, header in headers.items() if len(header.shape) in (3, 4) and name not in BESIDE]
    if len(likely) == 1:
        return likely[0]
    listed = ", ".join(f"{name} {header.shape}" for name, header in headers.items()) or "none"
    raise UserError(f"which array of {path} holds the images? Call it 'images'; its arrays are {listed}")


def _table_within(
    arrays: dict[str, np.ndarray], n_images: int, path: Path, column_kinds: Sequence[str] | None
) -> Metadata:
    """Metadata from the arrays that an `.npz` has beside its images."""
    raise_if_any(
        f"array '{name}' in {path} has {len(values):,} values for {n_images:,} images: there must be one per image"
        for name, values in arrays.items()
        if len(values) != n_images
    )
    return metadata_of(arrays, path, kinds_of_columns(column_kinds or ()))


# -------------------------------------------------------------------------------------------------------------- checks


def _form_problems(images: np.ndarray, path: Path) -> list[str]:
    """What is wrong with shape and dtype."""
    problems = []
    shape, dtype = images.shape, images.dtype
    if len(shape) not in (3, 4):
        problems.append(f"{path} has shape {shape}: images must be (N, height, width) or (N, channels, height, width)")
    elif 0 in shape:
        problems.append(f"{path} has shape {shape}, and so no pixels: create it again")
    elif len(shape) == 4 and shape[1] > MAX_CHANNELS and shape[3] <= 4:
        problems.append(f"{path} has shape {shape}, with channels last: save images.transpose(0, 3, 1, 2)")
    if not (dtype.kind == "f" and dtype.itemsize <= 8) and not (dtype.kind == "u" and dtype.itemsize <= 2):
        problems.append(
            f"{path} holds pixels of type {dtype}, but must hold uint8, uint16 or floats: save "
            f"images.astype('{'uint8' if dtype.kind == 'b' else 'float32'}')"
        )
    return problems


def _with_channels(images: np.ndarray) -> np.ndarray:
    """(N, H, W) to (N, 1, H, W), without a copy; anything else unchanged."""
    return images[:, None] if images.ndim == 3 else images


def default_max_pixel_value(dtype: np.dtype[Any]) -> float:
    """The pixel value that stands for 1.0 where none is given: the largest of an integer type, and 1.0 of floats."""
    return float(np.iinfo(dtype).max) if dtype.kind == "u" else 1.0


def likely_max_pixel_value(largest: float) -> float:
    """What probably stands for 1 in images whose largest pixel is known, and is over 0.

    That is the most of 8, 10, 12, 14 or 16 bits, where over half of their range is used, and the next whole number
    otherwise. Floats that pass 1 by little, as resampling and rounding leave them, are not halved.
    """
    bits = next((bits for bits in CAMERA_BITS if largest <= 2**bits - 1), None)
    if bits is not None and largest > (2**bits - 1) / 2:
        return float(2**bits - 1)
    return math.ceil(100 * largest) / 100 if 1 < largest < 2 else float(math.ceil(largest))


def depth_advice(images: np.ndarray, given: float | None = None) -> str | None:
    """What to say of integer pixels that use little of the range of their type, such as 12 bits of 16.

    Args:
        images: (N, ...) of uint8, uint16 or floats; of a set over 256 MB, a sample is looked at.
        given: the pixel value that stands for 1, where the user said so.

    Returns:
        one sentence with the value to train with; None where nothing is to be said.
    """
    if given is not None or images.dtype.kind != "u":
        return None
    top = default_max_pixel_value(images.dtype)
    is_small = images.nbytes <= WHOLE_HASH_BYTES
    sample = np.unique(np.linspace(0, len(images) - 1, DEPTH_SAMPLE).astype(np.int64))
    parts = (chunk for _, chunk in chunks(images)) if is_small else (images[row] for row in sample)
    largest = 0
    for part in parts:
        largest = max(largest, int(part.max()))
        let_go(images)
        if largest > LITTLE_OF_THE_RANGE * top:
            return None
    if largest == 0:
        return None  # black, whatever stands for 1
    likely = int(likely_max_pixel_value(largest))
    camera = f", as from {CAMERA_NAMES[likely]}" if likely in CAMERA_NAMES else ""
    return (
        f"the largest pixel{'' if is_small else f' of {len(sample):,} images'} is {largest:,} of {top:,.0f}{camera}: "
        f"train with --max-pixel-value {likely}, otherwise images are nearly black"
    )


def all_alike(images: ImageSet) -> str | None:
    """That all images are the same, as a clause such as "all 200 images of m.npz are the same"; None where they differ.

    It looks no further than to the first chunk that holds another image.
    """
    pixels = images.images
    if len(pixels) < 2 or (pixels[0] != pixels[-1]).any():
        return None
    if not all((chunk == pixels[0]).all() for _, chunk in chunks(pixels)):
        return None
    return f"all {len(pixels):,} images of {images.source or 'the data'} are the same"


def _pixel_problems(images: np.ndarray, what: str, path: Path, top: float) -> list[str]:
    """What is wrong with the values: not finite, negative, or over `top`."""
    if images.dtype.kind == "u" and top >= np.iinfo(images.dtype).max:
        return []
    n_broken, first_broken, low, high = 0, -1, 0.0, 0.0
    for start, chunk in chunks(images):
        chunk_low, chunk_high = float(chunk.min()), float(chunk.max())
        if not (math.isfinite(chunk_low) and math.isfinite(chunk_high)):
            finite = np.isfinite(chunk)
            n_broken += int(chunk.size - finite.sum())
            if first_broken < 0:
                first_broken = start + int((~finite).any(axis=(1, 2, 3)).argmax())
            chunk_low = float(chunk.min(where=finite, initial=0.0))
            chunk_high = float(chunk.max(where=finite, initial=0.0))
        low, high = min(low, chunk_low), max(high, chunk_high)
    problems = []
    if n_broken:
        problems.append(
            f"{path} has {n_broken:,} {what} that are NaN or infinite, the first in image {first_broken}: "
            "replace them, such as by np.nan_to_num, or leave those images out"
        )
    if low < 0:
        problems.append(f"{path} has negative {what} (down to {low:g}): shift and scale them to 0 and above")
    if high > PIXEL_VALUES[1]:
        problems.append(f"{path} has {what} up to {high:g}: scale them to at most {PIXEL_VALUES[1]:g}, or to 1")
    elif high > top:
        problems.append(
            f"{path} has {what} up to {high:g}, over the largest pixel value {top:g}: give --max-pixel-value "
            f"{likely_max_pixel_value(high):.15g}"
        )
    return problems


def _clean_problems(clean: np.ndarray, images: np.ndarray, path: Path, top: float) -> list[str]:
    if clean.shape != images.shape:
        return [f"array 'clean' in {path} has shape {clean.shape} and the images {images.shape}: they must be the same"]
    if clean.dtype.kind != images.dtype.kind or (clean.dtype.kind == "u" and clean.dtype != images.dtype):
        return [f"array 'clean' in {path} is {clean.dtype} and the images {images.dtype}: save both as the same type"]
    return _pixel_problems(clean, "values of 'clean'", path, top)


def _mask_problems(mask: np.ndarray, images: np.ndarray, path: Path) -> list[str]:
    expected = (len(images), 1, *images.shape[2:])
    if mask.shape != expected:
        return [f"array 'mask' in {path} has shape {mask.shape}: for these images it must be {expected}"]
    if mask.dtype.kind not in "buif":
        return [f"array 'mask' in {path} is of type {mask.dtype}: save 1 for the animal and 0 elsewhere, as uint8"]
    return [] if mask.dtype.kind == "b" else _pixel_problems(mask, "values of 'mask'", path, math.inf)


def _inside_problems(inside: np.ndarray, images: np.ndarray, path: Path) -> list[str]:
    expected = (len(images), 1, *images.shape[2:])
    if inside.shape != expected:
        return [f"array 'inside' in {path} has shape {inside.shape}: for these images it must be {expected}"]
    if inside.dtype.kind not in "bu" or any(chunk.max() > 1 for _, chunk in chunks(inside)):
        return [f"array 'inside' in {path} holds values other than 0 and 1: save it as uint8, 0 for filled-in pixels"]
    empty = np.concatenate([~chunk.any(axis=(1, 2, 3)) for _, chunk in chunks(inside)])
    if empty.any():
        n, first = int(empty.sum()), int(empty.argmax())
        return [f"array 'inside' in {path} marks no pixel at all in {n:,} images, the first of which is {first}"]
    return []


def _binary(mask: np.ndarray) -> NDArray[np.uint8]:
    """1 where `mask` is over half of its largest value, so that masks of 0 and 255 mean the same as of 0 and 1."""
    largest = max(float(chunk.max()) for _, chunk in chunks(mask))
    if mask.dtype == np.uint8 and largest <= 1:
        return mask
    refuse_too_large("the mask", mask.size, "save it as uint8 of 0 and 1, which is memory-mapped")
    binary = np.empty(mask.shape, np.uint8)
    for start, chunk in chunks(mask):
        binary[start : start + len(chunk)] = chunk > largest / 2
    return binary
