"""Writing `.npz` files member by member: arrays may be larger than memory, and lie where they can be mapped."""

from __future__ import annotations

import io
import os
import struct
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from autoencoder.data.arrays import LOCAL_HEADER, chunks

ALIGNMENT = 64
"""Values of an uncompressed array begin at a multiple of so many bytes, as those of an `.npy` do."""

PADDING = struct.Struct("<HHH")
"""Beginning of an extra field that only pads: its kind, its length, and the alignment."""

PADDING_KIND = 0xD935
"""The kind of field that zipalign pads with."""

ZIP64_FIELD_BYTES = 20
"""Of the field that Python's zipfile puts behind all others in the header of a member of any size."""


class Joined:
    """Arrays as one along their first axis, without a copy: such as memory maps, one per recording.

    Args:
        parts: one or more, of one dtype and, but for the first axis, one shape.
    """

    def __init__(self, parts: Sequence[np.ndarray]) -> None:
        self._parts = list(parts)
        self._ends = np.cumsum([len(part) for part in parts])
        self.dtype = parts[0].dtype
        self.shape: tuple[int, ...] = (int(self._ends[-1]), *parts[0].shape[1:])
        assert all((part.dtype, part.shape[1:]) == (self.dtype, self.shape[1:]) for part in parts)

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    def __len__(self) -> int:
        """Rows of all parts."""
        return self.shape[0]

    def __getitem__(self, rows: NDArray[np.int64]) -> np.ndarray:
        """Some rows, (n, ...), as an array of their own."""
        parts = np.searchsorted(self._ends, rows, side="right")
        starts = self._ends - [len(part) for part in self._parts]
        taken = [self._parts[part][row - starts[part]] for part, row in zip(parts, rows, strict=True)]
        return np.array(taken, self.dtype).reshape(len(rows), *self.shape[1:])

    def chunks(self) -> Iterator[np.ndarray]:
        """All rows, a few at a time."""
        for part in self._parts:
            for _, chunk in chunks(part):
                yield chunk


@dataclass(frozen=True, eq=False)
class Streamed:
    """An array of float32 that is written as it comes.

    Attributes:
        shape: of all of it.
        parts: arrays that, one after the other, are its values.
    """

    shape: tuple[int, ...]
    parts: Iterable[NDArray[np.float32]]

    @property
    def dtype(self) -> np.dtype[np.float32]:
        """Of all parts."""
        return np.dtype(np.float32)

    def chunks(self) -> Iterator[np.ndarray]:
        """All parts; once."""
        return iter(self.parts)


def write_npz(path: Path, arrays: Mapping[str, np.ndarray | Joined | Streamed], *, compress: bool = False) -> None:
    """Write named arrays, none of which has to fit into memory; the same arrays give the same bytes.

    Args:
        path: the file, which is flushed to the disk.
        arrays: numbers or text.
        compress: write a smaller file in more time, which has to fit into memory when it is read.
    """
    with path.open("wb") as file:
        with zipfile.ZipFile(file, "w") as archive:
            for name, array in arrays.items():
                member = zipfile.ZipInfo(f"{name}.npy")
                member.compress_type = zipfile.ZIP_DEFLATED if compress else zipfile.ZIP_STORED
                before = file.tell() + LOCAL_HEADER.size + len(member.filename.encode()) + ZIP64_FIELD_BYTES
                member.extra = _padding(before)
                with archive.open(member, "w", force_zip64=True) as stream:
                    stream.write(_header(array))
                    for chunk in _chunks(array):
                        stream.write(chunk.tobytes())
        file.flush()
        os.fsync(file.fileno())


def _padding(before: int) -> bytes:
    """An extra field after which, where so many bytes lie before it, values are aligned: a header of numpy's is."""
    n = -(before + PADDING.size) % ALIGNMENT
    return PADDING.pack(PADDING_KIND, n + 2, ALIGNMENT) + bytes(n)


def _header(array: np.ndarray | Joined | Streamed) -> bytes:
    """What stands before the values of an `.npy`."""
    text = io.BytesIO()
    described = {
        "descr": np.lib.format.dtype_to_descr(array.dtype),
        "fortran_order": False,
        "shape": tuple(map(int, array.shape)),
    }
    np.lib.format.write_array_header_1_0(text, described)
    return text.getvalue()


def _chunks(array: np.ndarray | Joined | Streamed) -> Iterator[np.ndarray]:
    if isinstance(array, Joined | Streamed):
        return array.chunks()
    return iter([array]) if array.ndim == 0 else (chunk for _, chunk in chunks(array))
