"""Reading `.npy` and `.npz` files without pickle, with errors that name the file and say what to do.

Headers are read before contents: a file that is cut short, or that holds more than the memory does, is refused before
anything is allocated.
"""

from __future__ import annotations

import math
import os
import tokenize
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np

from autoencoder.errors import UserError

ZIP_MAGIC = b"PK"

_DAMAGED = (
    ValueError,
    EOFError,
    SyntaxError,
    TypeError,
    RuntimeError,
    NotImplementedError,
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
    """

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    offset: int

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
        UserError: it is missing, a folder, empty or not permitted to be read.
    """
    try:
        if path.is_dir():
            raise UserError(f"{path} is a folder, not a file of {what}")
        if path.stat().st_size == 0:
            raise UserError(f"{path} is empty (0 bytes): make it again")
        with path.open("rb"):
            pass
    except FileNotFoundError:
        raise UserError(f"there is no file {path}: check the path of the {what}") from None
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror or error})") from None


def open_npy(path: Path) -> np.ndarray:
    """Memory-map a `.npy` file, read-only, with the shape and dtype that are stored.

    Raises:
        UserError: the file is cut short, is no `.npy`, or holds Python objects.
    """
    with _naming(path), path.open("rb") as file:
        if file.read(2) == ZIP_MAGIC:
            raise UserError(f"{path} is an .npz under the name of an .npy: rename it")
        file.seek(0)
        header = _read_header(file)
    _refuse_objects(path.name, header, path)
    there = path.stat().st_size - header.offset
    if there < header.nbytes:
        raise UserError(
            f"{path} is cut short: its header promises {header.nbytes:,} bytes of values and {there:,} are there; "
            "copy or make it again"
        )
    if header.nbytes == 0:
        return np.empty(header.shape, header.dtype)  # the system maps no empty file
    with _naming(path):
        return np.lib.format.open_memmap(path, mode="r")


def npz_headers(path: Path) -> dict[str, ArrayHeader]:
    """Name and header of each array in an `.npz` file, in the file's order; no values are read.

    Raises:
        UserError: the file is cut short or is no `.npz`.
    """
    headers = {}
    with _naming(path), zipfile.ZipFile(path) as archive:
        for member in archive.infolist():
            name = member.filename.removesuffix(".npy")
            with archive.open(member) as file:
                header = _read_header(file)
            if not header.dtype.hasobject and member.file_size != header.offset + header.nbytes:
                raise UserError(f"{path} is damaged: '{name}' has another size than it promises; make it again")
            headers[name] = header
    return headers


def read_npz(path: Path, names: Iterable[str]) -> dict[str, np.ndarray]:
    """Read the arrays `names` of an `.npz` file into memory.

    Raises:
        UserError: the file is damaged, an array holds Python objects, or the arrays do not fit into memory.
    """
    headers = npz_headers(path)
    wanted = {name: headers[name] for name in names}
    for name, header in wanted.items():
        _refuse_objects(f"array '{name}'", header, path)
    _refuse_too_large(path, sum(header.nbytes for header in wanted.values()))
    arrays = {}
    with _naming(path), zipfile.ZipFile(path) as archive:
        members = {member.filename.removesuffix(".npy"): member for member in archive.infolist()}
        for name in wanted:
            with archive.open(members[name]) as file:
                arrays[name] = np.lib.format.read_array(file, allow_pickle=False)
                file.read(1)  # zipfile compares the checksum only where it meets the end
    return arrays


def available_memory() -> int | None:
    """Bytes of memory that can be used without swapping; None where the system does not say."""
    try:
        # Linux's own estimate counts the file cache, which is given up on demand, as available.
        for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return None


def _refuse_too_large(path: Path, needed: int) -> None:
    available = available_memory()
    if available is not None and needed > available:
        raise UserError(
            f"{path} needs {needed / 1e9:,.2f} GB of memory and {available / 1e9:,.2f} GB are available: "
            "save it as .npy, which is memory-mapped"
        )


def _refuse_objects(what: str, header: ArrayHeader, path: Path) -> None:
    if header.dtype.hasobject:
        raise UserError(
            f"{what} in {path} holds Python objects, which are not loaded because they can run code: "
            "save numbers or text, such as np.asarray(values, dtype='float32')"
        )


def _read_header(file: IO[bytes]) -> ArrayHeader:
    version = np.lib.format.read_magic(file)
    if version == (1, 0):
        shape, _, dtype = np.lib.format.read_array_header_1_0(file)
    elif version == (2, 0):
        shape, _, dtype = np.lib.format.read_array_header_2_0(file)
    else:
        raise ValueError(f"version {version} of the .npy format, which is for records")
    if any(side < 0 for side in shape):
        raise ValueError(f"the impossible shape {shape}")
    return ArrayHeader(shape, dtype, file.tell())


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Turn what numpy and zipfile raise into the error for `path`."""
    try:
        yield
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror or error})") from None
    except MemoryError:
        raise UserError(f"{path} does not fit into memory: save it as .npy, which is memory-mapped") from None
    except _DAMAGED as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise UserError(f"{path} is damaged, or no NumPy file ({reason}): copy or make it again") from None
