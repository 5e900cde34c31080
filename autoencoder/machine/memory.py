"""How much memory there is, and refusing what does not fit before any of it is taken.

Whatever takes memory by what a header or a flag says asks `refuse_too_large` first: Linux hands out more than there is,
and then kills the process that uses it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from autoencoder.errors import UserError

PROC = Path("/proc")
CGROUPS = Path("/sys/fs/cgroup")

CGROUP_FILES = {
    "": ("memory.max", "memory.current", "inactive_file"),
    "memory": ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
}
"""By the controller that `/proc/self/cgroup` names (none in version 2): the files of a group's limit and of what it
uses, and how much of that is a cache of files, which is given up on demand."""

BEYOND_ALL = 10**15
"""Bytes that no machine has; larger numbers are not written out."""


def refuse_too_large(what: str, needed: int, remedy: str) -> None:
    """Refuse to take memory that is not there.

    Args:
        what: what needs the memory, for the message.
        needed: bytes.
        remedy: what to do about it, for the message.

    Raises:
        UserError: fewer bytes are available.
    """
    available = available_memory()
    if available is not None and needed > available:
        raise UserError(f"{what} would take {_said(needed)} of memory, and {_said(available)} is available: {remedy}")


def available_memory() -> int | None:
    """Bytes that this process can take without swapping and without being killed; None where the system says nothing.

    On shared machines and in containers that is often less than the machine has: what the process's groups may take.
    """
    of_machine = _left_on_the_machine()
    known = [left for _, left in _limits_of_the_groups()] + ([] if of_machine is None else [of_machine])
    return max(0, min(known)) if known else None


def memory_of_machine() -> int | None:
    """Bytes of memory that the machine has; None where the system does not say."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return None


def memory_limit() -> int | None:
    """Bytes that the process's groups may take in all, as in a container; None where nothing limits them."""
    # The first version of groups writes "no limit" as a number that no machine has.
    return min((limit for limit, _ in _limits_of_the_groups() if limit < BEYOND_ALL), default=None)


def _said(n_bytes: int) -> str:
    if n_bytes > BEYOND_ALL:
        return f"over {BEYOND_ALL / 1e9:,.0f} GB"
    return f"{n_bytes / 1e9:,.2f} GB"


def _left_on_the_machine() -> int | None:
    try:
        # Linux's own estimate counts the file cache, which is given up on demand, as available.
        for line in (PROC / "meminfo").read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    except (OSError, ValueError):
        pass
    return memory_of_machine()


def _limits_of_the_groups() -> Iterator[tuple[int, int]]:
    """Each memory limit on the process, and what is left of it: a limit holds for all groups below it as well."""
    try:
        lines = (PROC / "self" / "cgroup").read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError):
        return
    for line in lines:
        _, controllers, place = (*line.split(":", 2), "", "")[:3]
        for controller in {"", "memory"} & set(controllers.split(",")):
            root = CGROUPS / controller
            group = root / place.lstrip("/")
            # Within a container the path may be the host's; there the root is the process's own group.
            for folder in (group, *group.parents):
                found = _limit(folder, *CGROUP_FILES[controller])
                if found is not None:
                    yield found
                if folder == root:
                    break


def _limit(folder: Path, limit_file: str, usage_file: str, cache: str) -> tuple[int, int] | None:
    """Bytes that a group may take in all, and those that it may still take; None where it has no limit."""
    try:
        limit = int((folder / limit_file).read_text(encoding="ascii"))
        usage = int((folder / usage_file).read_text(encoding="ascii"))
        statistics = (folder / "memory.stat").read_text(encoding="ascii").split()
    except (OSError, ValueError):  # such as "max"
        return None
    given_up = statistics[statistics.index(cache) + 1] if cache in statistics else "0"
    return limit, limit - usage + int(given_up)
