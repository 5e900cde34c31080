"""Where libraries keep what they compile, on machines whose home folder can't be written to, such as containers."""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
from pathlib import Path

NUMBA, MATPLOTLIB = "NUMBA_CACHE_DIR", "MPLCONFIGDIR"
"""Variables by which these libraries are told where to keep their files."""

FOLDERS = {NUMBA: "numba", MATPLOTLIB: "matplotlib"}
"""What their temporary folders are called after."""


def settle_caches() -> None:
    """Send numba's and matplotlib's files to a temporary folder, where they have no other place to write to.

    This must come before numba is imported: it fails where a function is to be kept and no folder can be written to.
    What the user has set stays.
    """
    for variable, folders in _usual_folders().items():
        if variable not in os.environ and not all(map(_may_be_written, folders)):
            # Where there is no temporary folder either, what needs neither library still works, such as help.
            with contextlib.suppress(OSError):
                os.environ[variable] = str(_temporary_folder(FOLDERS[variable]))


def cache_folders() -> dict[str, list[Path]]:
    """Where these libraries keep their files now, by the variable that decides it."""
    return {
        variable: [Path(os.environ[variable])] if os.environ.get(variable) else folders
        for variable, folders in _usual_folders().items()
    }


def _usual_folders() -> dict[str, list[Path]]:
    """Where they do unless a variable says otherwise."""
    return {
        NUMBA: [_home("XDG_CACHE_HOME", ".cache") / "numba"],
        MATPLOTLIB: [
            _home("XDG_CONFIG_HOME", ".config") / "matplotlib",
            _home("XDG_CACHE_HOME", ".cache") / "matplotlib",
        ],
    }


def _home(variable: str, otherwise: str) -> Path:
    """The user's folder of one kind, by the rules of freedesktop.org, which both libraries follow."""
    folder = Path(os.environ.get(variable) or f"~/{otherwise}")
    try:
        return folder.expanduser()
    except RuntimeError:  # the user has no home, as numbers without a name in containers
        return folder


def _may_be_written(folder: Path) -> bool:
    """Whether `folder` can be written to, or made; nothing is made, since the libraries do so if they need it."""
    there = nearest_existing(folder)
    return there is not None and there.is_dir() and there.is_absolute() and _takes_files(there)


def nearest_existing(path: Path) -> Path | None:
    """`path`, or the nearest one above it that exists; None where there is none."""
    return next((one for one in (path, *path.parents) if one.exists()), None)


def _takes_files(folder: Path) -> bool:
    """Tried, since neither permissions nor `os.access` tell of a disk that is mounted for reading only."""
    if not os.access(folder, os.W_OK | os.X_OK):
        return False
    try:
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


def _temporary_folder(name: str) -> Path:
    """This user's own folder for `name` below the temporary one: the same for the next process, where it is safe.

    Numba's files are programs, so a folder that somebody else could have put there is not taken.
    """
    user = os.getuid() if hasattr(os, "getuid") else "user"
    folder = Path(tempfile.gettempdir()) / f"autoencoder-{name}-{user}"
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        status = folder.lstat()
        own = user in (status.st_uid, "user") and stat.S_ISDIR(status.st_mode)
        if own and not stat.S_IMODE(status.st_mode) & 0o022 and _takes_files(folder):
            return folder
    except OSError:
        pass
    return Path(tempfile.mkdtemp(prefix=f"autoencoder-{name}-"))
