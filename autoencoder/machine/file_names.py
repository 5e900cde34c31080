"""Names of files for texts that may hold anything: short, without regard to case different, and harmless."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Callable, Container, Iterable

LONGEST_STEM = 100
"""Bytes of a file's name; most file systems take 255, and the name of a temporary file is longer."""

COUNTED_DIGITS = 1000
"""Digits of a number in a name that are compared as one; Python refuses to read longer ones."""

RESERVED_STEMS = {"con", "prn", "aux", "nul", *(f"{port}{number}" for port in ("com", "lpt") for number in range(10))}
"""Names of devices on Windows, with any suffix."""


def file_stem(name: str) -> str:
    """A name, reduced to what any file system takes as the name of a file, and no program as a hidden one or a flag.

    Long names are shortened, and digits keep them apart; otherwise different names may have the same stem.
    """
    stem = re.sub(r"[^\w.-]+", "_", unicodedata.normalize("NFC", name))
    stem = re.sub(r"^[.-]+", "_", stem)
    if stem.partition(".")[0].casefold() in RESERVED_STEMS:
        stem = f"_{stem}"
    if len(stem.encode()) <= LONGEST_STEM:
        return stem
    digits = hashlib.sha256(stem.encode()).hexdigest()[:6]
    return f"{beginning(stem, LONGEST_STEM - len(digits) - 1)}-{digits}"


def beginning(stem: str, room: int) -> str:
    """As much of a stem as fits into `room` bytes."""
    return stem.encode()[:room].decode(errors="ignore")


def file_stems(names: Iterable[str], taken: Iterable[str] = ()) -> dict[str, str]:
    """A stem for each name that no other one has, also where upper and lower case are the same to a file system.

    A name that can be that of a file keeps it; one that has to be changed gives way.

    Args:
        names: all columns of a table, whichever of them are drawn, so that a column's files are called the same
            whenever they are written.
        taken: stems that no name may have.
    """
    stems: dict[str, str] = {}
    folded = {stem.casefold() for stem in taken}
    for name in sorted(dict.fromkeys(names), key=lambda name: file_stem(name) != name):
        stems[name] = unused(file_stem(name), folded, str.casefold)
        folded.add(stems[name].casefold())
    return stems


def unused(name: str, taken: Container[str], key: Callable[[str], str] = str) -> str:
    """`name`, or the same with `_column` after it, as often as it takes until its `key` is not among `taken`."""
    while key(name) in taken:
        name += "_column"
    return name


def numbers_apart(name: str) -> list[str | int]:
    """A key to sort names by the numbers in them, such as ["frame_", 10, ""] of "frame_10".

    Text and numbers take turns, so that like is compared with like.
    """
    pieces = re.split(rf"([0-9]{{1,{COUNTED_DIGITS}}})", name)
    return [int(piece) if i % 2 else piece for i, piece in enumerate(pieces)]
