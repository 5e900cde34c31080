"""HDF5 files of strangers: what lies in the file itself is read, and nothing that it leads to.

An HDF5 file can name other files, for a group, a data set or a part of one, and filters that are loaded as code. Of all
that nothing is followed here: `member` walks links within the file, and refuses data that lie elsewhere; plugins are
off while a file is open. Sizes are compared with the memory before anything is read, since a header can promise any.
"""

from __future__ import annotations

import json
import mmap
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from autoencoder.data.arrays import check_readable
from autoencoder.errors import UserError
from autoencoder.machine.memory import refuse_too_large
from autoencoder.machine.plain_text import one_line

if TYPE_CHECKING:
    import h5py

SIGNATURE = b"\x89HDF\r\n\x1a\n"
"""The first bytes; a block of the user's may come before, of 512 bytes, 1,024, 2,048 and so on."""

LONGEST_USER_BLOCK = 2**20
"""Bytes up to which the signature is looked for."""

FILTERS = {1: "gzip", 2: "shuffle", 3: "fletcher32", 4: "szip", 32000: "lzf"}
"""Filters that h5py brings along, by their registered number."""

KNOWN_FILTERS = {
    305: "LZO",
    307: "bzip2",
    32001: "blosc",
    32004: "lz4",
    32008: "bitshuffle",
    32015: "zstd",
    32026: "blosc2",
}
"""Filters that need a plugin, where the file does not say their name."""

MOST_NAMES = 10_000
"""No pose has as many parts, individuals or series."""

LONGEST_NAME = 10_000
"""Characters; longer texts are no names."""

LONGEST_ATTRIBUTE = 2**26
"""Bytes of an attribute of plain values."""

MOST_HOPS = 20
"""Soft links that may lead to one another."""

HEAP = b"GCOL\x01\0\0\0"
"""How a heap begins, where HDF5 keeps texts of any length; its length follows, in 8 bytes."""

HEAP_ENTRY = struct.Struct("<H6xQ")
"""Before each thing in a heap: its number and its length."""

TEXT = np.dtype([("length", "<u4"), ("heap", "<u8"), ("number", "<u4")])
"""What stands in a data set for a text of any length: how long it is, and where."""

LENGTHS_KIND = 3
"""The byte of an encoded type of any length whose lower half says whether it is lists (0) or texts (1)."""

MOST_LOOKED_THROUGH = 2**32
"""Bytes of a file in which heaps are looked for, which takes seconds; damage to larger ones is met when it is read."""

INFLATES = 1032
"""No bytes become more than this many times as many by gzip."""

HARMLESS = 2**26
"""Bytes that a chunk may take however it was packed."""

DAMAGED = (
    OSError,
    RuntimeError,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    OverflowError,
    NotImplementedError,
    zlib.error,
)
"""What h5py raises for a file that is cut short or overwritten, and what its content makes readers raise."""


def is_hdf5(path: Path) -> bool:
    """Whether a file has the signature of HDF5; h5py is not imported for that."""
    with path.open("rb") as file:
        place = 0
        while place <= LONGEST_USER_BLOCK:
            file.seek(place)
            found = file.read(len(SIGNATURE))
            if found == SIGNATURE:
                return True
            if len(found) < len(SIGNATURE):
                return False
            place = max(512, 2 * place)
    return False


@contextmanager
def open_hdf5(path: Path) -> Iterator[h5py.File]:
    """Open a file for reading, without plugins; what h5py raises while it is open becomes an error that names the file.

    Raises:
        UserError: the file is damaged or does not fit into memory.
    """
    check_readable(path, "poses")
    import h5py

    try:
        # Files on a read-only or a network disk often cannot be locked.
        with _no_plugins(), h5py.File(path, "r", locking=False) as file:
            _check_heaps(path, file.id.get_create_plist().get_sizes())
            yield file
    except UserError:
        raise
    except MemoryError:
        raise UserError(f"{path} does not fit into memory: split it") from None
    except DAMAGED as error:
        reason = one_line(str(error))[:200] or type(error).__name__
        raise UserError(f"{path} is damaged ({reason}): copy or export it again") from None


def content_of(file: h5py.File) -> str:
    """What lies at the top of a file, for a message."""
    names = [f"'{one_line(name)[:60]}'" for name in islice(file, 10)]
    more = f" and {len(file) - len(names):,} more" if len(file) > len(names) else ""
    return ", ".join(names) + more if names else "nothing"


# --------------------------------------------------------------------------------------------------- groups, data sets


def member(group: h5py.Group, path: str) -> h5py.Group | h5py.Dataset | None:
    """What lies at a path below a group, or None.

    Soft links are followed within the file.

    Raises:
        UserError: the path leads to another file, or in a circle.
    """
    import h5py

    here: Any = group
    steps = _steps(path)
    hops = 0
    while steps:
        if not isinstance(here, h5py.Group):
            return None
        step = steps.pop(0)
        if not _has_link(here, step):
            return None
        link = here.get(step, getlink=True)
        if isinstance(link, h5py.HardLink):
            here = here[step]
        elif isinstance(link, h5py.SoftLink):
            hops += 1
            if hops > MOST_HOPS:
                raise UserError(
                    f"'{one_line(step)}' in {_name(group)} is a link that leads in a circle: export it again"
                )
            here = group.file if link.path.startswith("/") else here
            steps = _steps(link.path) + steps
        else:
            raise UserError(
                f"'{one_line(step)}' in {_name(group)} is a link to another file, which is not followed: put the data "
                "into the file itself"
            )
    if isinstance(here, h5py.Dataset):
        _refuse_elsewhere(here)
    return here if isinstance(here, (h5py.Group, h5py.Dataset)) else None


def members(group: h5py.Group) -> tuple[dict[str, h5py.Group | h5py.Dataset], tuple[str, ...]]:
    """What lies in a group, by its name, and the names of what is said to lie in other files."""
    found = {}
    elsewhere = []
    for name in names_in(group):
        try:
            one = member(group, name)
        except UserError:
            elsewhere.append(name)
        else:
            if one is not None:
                found[name] = one
    return found, tuple(elsewhere)


def groups(group: h5py.Group, depth: int) -> Iterator[h5py.Group]:
    """All groups below a group that lie in it and are not linked to, in the order of their names."""
    import h5py

    seen = set()
    pending = [(group, 0)]
    while pending:
        here, level = pending.pop()
        address = h5py.h5o.get_info(here.id).addr
        if address in seen:
            continue  # a group may lie in itself
        seen.add(address)
        if level:
            yield here
        if level < depth:
            names = [name for name in names_in(here) if isinstance(here.get(name, getlink=True), h5py.HardLink)]
            inner = [here[name] for name in names if here.get(name, getclass=True) is h5py.Group]
            pending.extend((one, level + 1) for one in reversed(inner))


def names_in(group: h5py.Group) -> list[str]:
    """Names of what lies in a group."""
    if len(group) > MOST_NAMES:
        raise UserError(f"{_name(group)} holds {len(group):,} things at '{_place(group)}', and so is not a pose")
    return list(group)


def dataset(group: h5py.Group, path: str) -> h5py.Dataset:
    """The data set at a path.

    Raises:
        UserError: there is none, or it lies in another file.
    """
    import h5py

    found = member(group, path)
    if not isinstance(found, h5py.Dataset):
        raise UserError(f"{_name(group)} has no data '{path}' in '{_place(group)}': export it again")
    return found


# ---------------------------------------------------------------------------------------------------- values and texts


def read_numbers(data: h5py.Dataset) -> NDArray[Any]:
    """The values of a data set of numbers, as they are stored.

    Raises:
        UserError: they are no numbers, do not fit into memory, or are packed by a filter that needs a plugin.
    """
    if data.dtype.kind not in "fiub":
        raise UserError(f"'{_place(data)}' in {_name(data)} holds no numbers ({data.dtype}): export it again")
    return np.asarray(_read(data))


def read_records(data: h5py.Dataset) -> NDArray[Any]:
    """The rows of a data set that is a table, whose fields are numbers or texts of a fixed length.

    Raises:
        UserError: it is no such table, does not fit into memory, or is packed by a filter that needs a plugin.
    """
    fields = data.dtype.fields or {}
    if not fields or any(kind[0].base.kind not in "fiubS" for kind in fields.values()):
        raise UserError(f"'{_place(data)}' in {_name(data)} is not a table of numbers: export it again")
    return np.asarray(_read(data))


def is_text(data: h5py.Dataset) -> bool:
    """Whether a data set holds texts."""
    import h5py

    return h5py.check_string_dtype(data.dtype) is not None


def read_names(data: h5py.Dataset) -> tuple[str, ...]:
    """Texts of a data set of no axis or one, or of rows of single characters.

    Raises:
        UserError: they are no texts, too many or too long.
    """
    if data.dtype.kind == "S" and data.dtype.itemsize == 1 and data.ndim == 2:
        return tuple(text_of(b"".join(row)) for row in _read(data)[:MOST_NAMES])
    if data.ndim > 1 or data.size > MOST_NAMES:
        raise UserError(f"'{_place(data)}' in {_name(data)} is not a list of names: its shape is {data.shape}")
    if data.dtype.kind == "S":
        return tuple(_short(value, data) for value in np.atleast_1d(_read(data)))
    if data.size and not is_text(data):
        raise UserError(f"'{_place(data)}' in {_name(data)} holds no names ({data.dtype}): export it again")
    _refuse_filters(data)
    _refuse_long_texts(data)
    # One by one: many of them may share one long text.
    places: Any = [()] if data.ndim == 0 else range(data.size)
    return tuple(_short(data[i], data) for i in places)


def read_text(group: h5py.Group, path: str) -> str:
    """The text at a path; empty where there is none."""
    import h5py

    found = member(group, path)
    if not isinstance(found, h5py.Dataset) or found.size != 1:
        return ""
    return read_names(found)[0]


def attribute(node: h5py.Group | h5py.Dataset, name: str) -> Any:
    """An attribute, as h5py gives it; None where it is missing, empty or larger than an attribute should be."""
    import h5py

    if name not in node.attrs:
        return None
    stored = node.attrs.get_id(name)
    _refuse_damaged_type(stored.get_type())
    n_values = int(np.prod(stored.shape, dtype=float))
    if n_values * stored.dtype.itemsize > LONGEST_ATTRIBUTE or (stored.dtype.kind == "O" and n_values > 64):
        return None
    value = node.attrs[name]
    return None if isinstance(value, h5py.Empty) else value


def text_attribute(node: h5py.Group | h5py.Dataset, name: str) -> str:
    """An attribute that is a text; empty where it is missing or none."""
    value = attribute(node, name)
    if isinstance(value, np.ndarray) and value.size == 1:
        value = value.ravel()[0]
    return text_of(value) if isinstance(value, (str, bytes)) else ""


def number_attribute(node: h5py.Group | h5py.Dataset, name: str) -> float | None:
    """An attribute that is a finite number; None where it is missing or none."""
    value = np.asarray(attribute(node, name))
    if value.size != 1 or value.dtype.kind not in "fiu" or not np.isfinite(value).all():
        return None
    return float(value.ravel()[0])


def list_attribute(node: h5py.Group | h5py.Dataset, name: str) -> list[str]:
    """An attribute that is a list of texts in JSON; empty where it is missing or none."""
    try:
        found = json.loads(text_attribute(node, name))
    except (ValueError, RecursionError):
        return []
    return found if isinstance(found, list) and all(isinstance(one, str) for one in found) else []


def scales_of(data: h5py.Dataset) -> tuple[str, ...]:
    """Names of the scales of a data set's axes, which lie at the top of its file; empty for an axis that has none.

    They are read where the scales say what they belong to. The library's own functions read the reverse, lists of any
    length, and crash where their type is damaged.
    """
    import h5py

    names = [""] * data.ndim
    for name in names_in(data.file):
        scale = member(data.file, name)
        if not isinstance(scale, h5py.Dataset) or text_attribute(scale, "CLASS") != "DIMENSION_SCALE":
            continue
        uses = attribute(scale, "REFERENCE_LIST")
        fields = uses.dtype.names if isinstance(uses, np.ndarray) else None
        for reference, axis in uses.tolist() if fields and len(fields) == 2 else []:
            belongs = isinstance(reference, h5py.Reference) and data.file[reference].name == data.name
            if belongs and isinstance(axis, int) and 0 <= axis < data.ndim:
                names[axis] = name
    return tuple(names)


def text_of(value: str | bytes) -> str:
    """A text from how h5py gives it."""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


# ------------------------------------------------------------------------------------------------------------- refusals


@contextmanager
def _no_plugins() -> Iterator[None]:
    """No folder for HDF5 to look for plugins in, whatever the environment says."""
    from h5py import h5pl

    folders = [h5pl.get(i) for i in range(h5pl.size())]
    for _ in folders:
        h5pl.remove(0)
    try:
        yield
    finally:
        for folder in folders:
            h5pl.append(folder)


def _check_heaps(path: Path, sizes: tuple[int, int]) -> None:
    """Refuse a file in which texts overlap: the HDF5 library goes from one to the next, and may never reach the end.

    Args:
        path: the file.
        sizes: bytes of an address and of a length in it.

    Raises:
        ValueError: it is damaged.
    """
    n_bytes = path.stat().st_size
    if sizes != (8, 8):
        raise ValueError(f"addresses and lengths of {sizes} bytes, which nobody writes")
    if n_bytes > MOST_LOOKED_THROUGH:
        return
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        place = content.find(HEAP)
        while place >= 0:
            end = place + int.from_bytes(content[place + 8 : place + 16], "little")
            if end <= n_bytes:
                _check_heap(content, place + 16, end)
            place = content.find(HEAP, place + 1)


def _check_heap(content: mmap.mmap, place: int, end: int) -> None:
    """Of one heap: each thing in it, and the free space, has to end where the next one begins, or the heap does."""
    while end - place >= HEAP_ENTRY.size:
        number, n_bytes = HEAP_ENTRY.unpack_from(content, place)
        # The free space has the number 0, and its length includes these 16 bytes.
        step = n_bytes if number == 0 else HEAP_ENTRY.size + -(-n_bytes // 8) * 8
        if step < HEAP_ENTRY.size or step > end - place:
            raise ValueError("a heap of texts that overlap")
        place += step


def _refuse_damaged_type(kind: h5py.h5t.TypeID) -> None:
    """Refuse values of any length that are neither lists nor texts: the library crashes when it reads them.

    Raises:
        ValueError: the type is damaged.
    """
    import h5py

    parts = []
    if kind.get_class() == h5py.h5t.VLEN:
        if kind.encode()[LENGTHS_KIND] & 0x0F > 1:
            raise ValueError("values of an unknown type")
        parts = [kind.get_super()]
    elif kind.get_class() == h5py.h5t.COMPOUND:
        parts = [kind.get_member_type(i) for i in range(kind.get_nmembers())]
    elif kind.get_class() == h5py.h5t.ARRAY:
        parts = [kind.get_super()]
    for part in parts:
        _refuse_damaged_type(part)


def _refuse_elsewhere(data: h5py.Dataset) -> None:
    """Before its shape is asked for, which opens the other files of some virtual data sets."""
    import h5py

    _refuse_damaged_type(data.id.get_type())

    layout = data.id.get_create_plist()
    if layout.get_layout() == h5py.h5d.VIRTUAL or layout.get_external_count():
        raise UserError(
            f"the values of '{_place(data)}' in {_name(data)} lie in other files, which are not opened: put them into "
            "the file itself"
        )


def _read(data: h5py.Dataset) -> Any:
    """All values, once nothing stands against it."""
    _refuse_filters(data)
    _refuse_size(data)
    return data[()]


def _refuse_filters(data: h5py.Dataset) -> None:
    layout = data.id.get_create_plist()
    for i in range(layout.get_nfilters()):
        number, _, _, said = layout.get_filter(i)
        if number not in FILTERS:
            name = KNOWN_FILTERS.get(number) or one_line(text_of(said))[:60] or f"filter {number}"
            raise UserError(
                f"'{_place(data)}' in {_name(data)} is compressed by {name}, which is not read: write it again without "
                "compression, or with gzip (also called zlib)"
            )


def _refuse_size(data: h5py.Dataset) -> None:
    # As it is stored, and as float64, in a few copies.
    n_values = int(np.prod(data.shape, dtype=object))
    needed = n_values * (data.dtype.itemsize + 24)
    refuse_too_large(f"'{_place(data)}' in {_name(data)}", needed, "split or correct it")
    if data.chunks is not None:
        chunk = int(np.prod(data.chunks, dtype=object)) * data.dtype.itemsize
        refuse_too_large(f"a chunk of '{_place(data)}' in {_name(data)}", chunk, "write it again in smaller chunks")
        _refuse_bombs(data, chunk)


def _refuse_bombs(data: h5py.Dataset, n_bytes: int) -> None:
    """HDF5 unpacks a chunk to its end, however long that gets: refuse one that is longer than it should be."""
    layout = data.id.get_create_plist()
    packing = [layout.get_filter(i)[0] for i in range(layout.get_nfilters())]
    if 1 not in packing:
        return
    for i in range(data.id.get_num_chunks()):
        chunk = data.id.get_chunk_info(i)
        if chunk.size * INFLATES <= HARMLESS:
            continue
        fits = chunk.size <= 2 * n_bytes + 1024 and packing[packing.index(1) + 1 :] in ([], [3])
        if fits:
            _, packed = data.id.read_direct_chunk(chunk.chunk_offset)
            fits = chunk.filter_mask != 0 or len(zlib.decompressobj().decompress(packed, n_bytes + 1)) <= n_bytes
        if not fits:
            raise UserError(f"{_name(data)} is damaged: a chunk of '{_place(data)}' is larger than it should be")


def _refuse_long_texts(data: h5py.Dataset) -> None:
    """Of texts of any length: by where the file says how long each is, since HDF5 takes that memory before it looks.

    Texts that are packed, or small enough to lie in the header, are not looked at here.
    """
    import h5py

    layout = data.id.get_create_plist()
    if data.file.userblock_size or layout.get_nfilters():
        return
    places = []
    if layout.get_layout() == h5py.h5d.CONTIGUOUS and data.id.get_offset() is not None:
        places = [(data.id.get_offset(), data.size * TEXT.itemsize)]
    elif layout.get_layout() == h5py.h5d.CHUNKED:
        chunks = [data.id.get_chunk_info(i) for i in range(data.id.get_num_chunks())]
        places = [(chunk.byte_offset, chunk.size) for chunk in chunks]
    refuse_too_large(f"'{_place(data)}' in {_name(data)}", sum(size for _, size in places), "split or correct it")
    with Path(text_of(data.file.filename)).open("rb") as file:
        for offset, size in places:
            file.seek(offset)
            stored = file.read(size // TEXT.itemsize * TEXT.itemsize)
            longest = int(np.frombuffer(stored, TEXT)["length"].max(initial=0))
            if longest > 4 * LONGEST_NAME:
                raise UserError(f"'{_place(data)}' in {_name(data)} holds a name of {longest:,} bytes: export it again")


def _has_link(group: h5py.Group, name: str) -> bool:
    """Whether there is such a link, wherever it leads: `name in group` would follow it."""
    return bool(group.id.links.exists(name.encode()))


def _steps(path: str) -> list[str]:
    return [step for step in path.split("/") if step not in ("", ".")]


def _short(value: Any, data: h5py.Dataset) -> str:
    text = text_of(value) if isinstance(value, (str, bytes)) else ""
    if len(text) > LONGEST_NAME:
        raise UserError(f"'{_place(data)}' in {_name(data)} holds a name of {len(text):,} characters: export it again")
    return text


def _name(node: h5py.Group | h5py.Dataset) -> str:
    return one_line(text_of(node.file.filename))


def _place(node: h5py.Group | h5py.Dataset) -> str:
    return one_line(str(node.name or "?"))[:200]
