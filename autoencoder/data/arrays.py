"""Reading `.npy` and `.npz` files without pickle, with errors that name the file and say what to do.

Headers are read before contents: a file that is cut short, or that holds more than the memory does, is refused before
anything is allocated. Large arrays stay in their files, as memory maps: of an `.npy`, and of an `.npz` that is not
compressed.
"""

from __future__ import annotations

import io
import math
import mmap
import stat
import struct
import tokenize
import warnings
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, BinaryIO, Literal

import numpy as np

from autoencoder.errors import UserError, raise_if_any
from autoencoder.machine.memory import refuse_too_large

ZIP_MAGIC = b"PK"

LONGEST_NAME = 200
"""Characters of a file's name, beyond which no other name is tried."""

MAX_HEADER_BYTES = 10_000
"""Longer headers are no images: numpy refuses them too, but only once it has read them, which can be gigabytes."""

MAPPED_BYTES = 16 * 2**20
"""Arrays in an `.npz` of at least this size are memory-mapped where they lie; smaller ones are read."""

CHUNK_BYTES = 32 * 2**20
"""Bytes that are looked at in one go, so that a memory-mapped array is never in memory as a whole."""

LOCAL_HEADER = struct.Struct("<26x2H")
"""Of a member in a zip file: 26 bytes, and the lengths of the name and of the extra field, which follow."""

COMPRESSIONS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""What numpy writes. Python unpacks the others without a bound: a few kilobytes of bzip2 become gigabytes at once."""

_DAMAGED = (
    ValueError,
    EOFError,
    SyntaxError,
    TypeError,
    RuntimeError,
    NotImplementedError,
    OverflowError,
    LookupError,
    AttributeError,
    struct.error,
    tokenize.TokenError,
    zipfile.BadZipFile,
    zlib.error,
)
"""What numpy and zipfile raise for a file that is cut short, overwritten or of another kind."""


@dataclass(frozen=True)
class ArrayHeader:
    """What a stored array says about itself.

    Attributes:
        shape: its shape.
        dtype: its dtype, byte order included.
        offset: bytes of the header, before the values.
        order: whether the last axis runs fastest (C), or the first (F).
    """

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    offset: int
    order: Literal["C", "F"]

    @property
    def nbytes(self) -> int:
        """Bytes of the values."""
        return math.prod(self.shape) * self.dtype.itemsize


def check_readable(path: Path, what: str) -> None:
    """Refuse a path that cannot hold anything.

    Args:
        path: the file.
        what: what it should hold, such as "images".

    Raises:
        UserError: it is missing, a folder, a pipe or a device, empty, or not permitted to be read.
    """
    try:
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            raise UserError(f"{path} is a folder, not a file of {what}{_instead(path, what)}")
        _check_regular(path)
        if status.st_size == 0:
            raise UserError(f"{path} is empty (0 bytes): create it again")
        with path.open("rb"):
            pass
    except FileNotFoundError:
        archive = path.parent / f"{path.name}.npz"
        is_there = len(archive.name) < LONGEST_NAME and archive.is_file()
        advice = f"did you mean {archive}?" if is_there else f"check the path of the {what}"
        raise UserError(f"there is no file {path}: {advice}") from None
    except (OSError, ValueError) as error:  # ValueError: no file has such a name
        reason = (isinstance(error, OSError) and error.strerror) or error
        raise UserError(f"{path} cannot be read ({reason}): check its path and permissions") from None


def _instead(path: Path, what: str) -> str:
    """What a folder under `path` may have been given for, where it takes images or a run."""
    if (path / "config.json").is_file():
        return ": it is a run, whose folder is given by --run or --resume"
    return ": 'autoencoder prepare images' makes a data set of a folder of pictures" if what == "images" else ""


def _check_regular(path: Path) -> None:
    """Refuse what would keep a reader waiting, or never end; says nothing of a missing file."""
    if path.exists() and not path.is_file():
        raise UserError(f"{path} is a folder, a pipe or a device, not a file: save its content to a file first")


def open_npy(path: Path) -> np.ndarray:
    """Memory-map a `.npy` file, read-only, with the shape and dtype that are stored.

    Raises:
        UserError: the file is cut short, is no `.npy`, or holds Python objects.
    """
    _check_regular(path)
    with _naming(path), path.open("rb") as file:
        if file.read(2) == ZIP_MAGIC:
            raise UserError(f"{path} is an .npz under the name of an .npy: rename it")
        file.seek(0)
        header = _read_header(file)
    _refuse_objects(path.name, header, path)
    there = path.stat().st_size - header.offset
    if there < header.nbytes:
        raise UserError(
            f"{path} is cut short: its header promises {header.nbytes:,} bytes of values, and there are {there:,}; "
            "copy or create it again"
        )
    with _naming(path):
        if header.nbytes == 0:
            return np.empty(header.shape, header.dtype)  # the system maps no empty file
        return np.lib.format.open_memmap(path, mode="r")


def chunks(array: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    """Number of the first row, and the rows, of runs of rows of an array that take at most `CHUNK_BYTES`.

    Of a memory map none of them stays resident.
    """
    step = max(1, CHUNK_BYTES // max(1, array.nbytes // max(1, len(array))))
    for start in range(0, len(array), step):
        yield start, array[start : start + step]
        let_go(array)


def let_go(array: np.ndarray) -> None:
    """Take what was read of a memory map out of this process; it stays in the system's cache, and is there if needed.

    The system does so by itself only when memory is short, and until then a process looks as large as its files. Other
    arrays are left alone, and so is a map whose changes are its own.
    """
    mapped = map_of(array)
    if mapped is None or mapped.mode == "c":
        return
    if isinstance(mapped.base, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):
        mapped.base.madvise(mmap.MADV_DONTNEED)


def map_of(array: np.ndarray) -> np.memmap[Any, Any] | None:
    """The memory map that an array is a view of; None for any other array."""
    mapped, base = None, array
    while isinstance(base, np.ndarray):
        if isinstance(base, np.memmap):
            mapped = base
        base = base.base  # type: ignore[assignment]
    return mapped


def npz_headers(path: Path) -> dict[str, ArrayHeader]:
    """Name and header of each array in an `.npz` file, in the file's order; no values are read.

    Raises:
        UserError: the file is cut short or is no `.npz`.
    """
    headers = {}
    _check_regular(path)
    with _naming(path), zipfile.ZipFile(path) as archive:
        members = [(member.filename.removesuffix(".npy"), member) for member in archive.infolist()]
        raise_if_any(
            f"{path} holds {n} arrays called '{name}': save it again with one of each"
            for name, n in Counter(name for name, _ in members).items()
            if n > 1
        )
        for name, member in members:
            if member.compress_type not in COMPRESSIONS:
                raise ValueError(f"'{name}' is compressed in a way that numpy does not write")
            with archive.open(member) as file:
                header = _read_header(file)
            if not header.dtype.hasobject and member.file_size != header.offset + header.nbytes:
                raise UserError(
                    f"{path} is damaged: the size of '{name}' differs from what its header says; create it again"
                )
            headers[name] = header
    return headers


def read_npz(path: Path, names: Iterable[str]) -> dict[str, np.ndarray]:
    """Read the arrays `names` of an `.npz` file: large ones as memory maps, where they are not compressed.

    Of either kind the checksum is compared, so that a damaged file is never used.

    Raises:
        UserError: the file is damaged, an array holds Python objects, or the arrays do not fit into memory.
    """
    headers = npz_headers(path)
    wanted = {name: headers[name] for name in names}
    for name, header in wanted.items():
        _refuse_objects(f"array '{name}'", header, path)
    arrays = {}
    # One opened file for all: whoever replaces it meanwhile replaces a name.
    with _naming(path), path.open("rb") as opened, zipfile.ZipFile(opened) as archive:
        members = {member.filename.removesuffix(".npy"): member for member in archive.infolist()}
        places = {name: _place_in(opened, members[name], header) for name, header in wanted.items()}
        needed = sum(header.nbytes for name, header in wanted.items() if places[name] is None)
        refuse_too_large(str(path), needed, "save it by np.savez without compressing, or as .npy: both are mapped")
        for name, header in wanted.items():
            with archive.open(members[name]) as file:
                place = places[name]
                if place is None:
                    arrays[name] = np.lib.format.read_array(file, allow_pickle=False)
                # zipfile compares the checksum only where it meets the end
                while file.read(CHUNK_BYTES):
                    pass
            if place is not None:
                arrays[name] = np.memmap(opened, header.dtype, "r", place, header.shape, header.order)
    return arrays


def _place_in(opened: BinaryIO, member: zipfile.ZipInfo, header: ArrayHeader) -> int | None:
    """Where the values of an array begin in the file, if it can be mapped there; None if it has to be read."""
    if member.compress_type != zipfile.ZIP_STORED or header.nbytes < MAPPED_BYTES:
        return None
    opened.seek(member.header_offset)
    name, extra = LOCAL_HEADER.unpack(opened.read(LOCAL_HEADER.size))
    place = member.header_offset + LOCAL_HEADER.size + name + extra + header.offset
    return int(place) if place % header.dtype.alignment == 0 else None


def _refuse_objects(what: str, header: ArrayHeader, path: Path) -> None:
    if header.dtype.hasobject:
        raise UserError(
            f"{what} in {path} holds Python objects, which are not loaded because they can run code: "
            "save numbers or text, such as np.asarray(values, dtype='float32')"
        )


def _read_header(file: IO[bytes]) -> ArrayHeader:
    version = np.lib.format.read_magic(file)
    if version not in ((1, 0), (2, 0)):
        raise ValueError(f"version {version} of the .npy format, which is for records")
    form = "<H" if version == (1, 0) else "<I"
    size = file.read(struct.calcsize(form))
    (n_bytes,) = struct.unpack(form, size)
    if n_bytes > MAX_HEADER_BYTES:
        raise ValueError(f"a header of {n_bytes:,} bytes")
    text = file.read(n_bytes)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, is_fortran, dtype = read(io.BytesIO(size + text))
    if any(side < 0 for side in shape):
        raise ValueError(f"the impossible shape {shape}")
    if dtype.itemsize == 0:
        raise ValueError(f"values of no size, {dtype}")  # numpy would make some of them larger than the file says
    return ArrayHeader(shape, dtype, np.lib.format.MAGIC_LEN + len(size) + len(text), "F" if is_fortran else "C")


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Turn what numpy and zipfile raise into the error for `path`."""
    try:
        with warnings.catch_warnings():
            # An error is one line; and what was written by Python 2 is read all the same.
            warnings.simplefilter("ignore")
            yield
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror or error})") from None
    except MemoryError:
        raise UserError(f"{path} does not fit into memory: save it uncompressed, or as .npy: both are mapped") from None
    except _DAMAGED as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise UserError(f"{path} is damaged, or not a NumPy file ({reason}): copy or create it again") from None
