"""Writing files so that none is ever half there under its final name.

Everything that the toolkit writes goes through `replacing`: the content is written to a temporary file in the same
folder, flushed to the disk, and only then renamed. A process that is killed leaves a temporary file (its name starts
with a dot and ends in `.partial` before the suffix), never a broken one with the final name.
"""

from __future__ import annotations

import contextlib
import csv
import errno
import io
import json
import os
import shutil
import tempfile
import threading
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from autoencoder.errors import UserError

CANNOT_FLUSH_NAMES = {errno.EINVAL, errno.EBADF, errno.ENOTSUP, errno.ENOSYS}
"""What file systems of other machines and of user space answer, where they cannot flush a folder."""

MAX_TEXT_BYTES = 16 * 2**20
"""Larger JSON and TOML files are none of ours."""


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; rename it to `path` when the block ends without an error.

    The temporary name keeps the suffix of `path`, because writers of movies and arrays choose the format by it.

    Raises:
        UserError: the folder cannot be written to, or the disk is full.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.stem}.", suffix=f".partial{path.suffix}", dir=path.parent)
    except OSError as error:
        raise write_error(path, error) from error
    temporary = Path(name)
    try:
        os.close(handle)
        temporary.chmod(0o666 & ~_umask())  # mkstemp makes it private; the user's own default is what is wanted
        yield temporary
        with temporary.open("rb+") as written:
            os.fsync(written.fileno())
        temporary.replace(path)
        _flush_names(path.parent)
    except OSError as error:
        raise write_error(path, error) from error
    finally:
        with contextlib.suppress(OSError):  # a folder that was closed meanwhile: why is being said already
            temporary.unlink(missing_ok=True)


def _flush_names(folder: Path) -> None:
    """Have a rename in `folder` outlast a loss of power; renames that are done in order then are kept in order."""
    if not hasattr(os, "O_DIRECTORY"):
        return  # Windows, which keeps names in its journal and opens no folders
    try:
        handle = os.open(folder, os.O_DIRECTORY)
    except PermissionError:
        return  # it may be written to and not read
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in CANNOT_FLUSH_NAMES:
            raise
    finally:
        os.close(handle)


_UMASK_LOCK = threading.Lock()
"""Two threads that read the mask by changing it would leave it changed."""


def _umask() -> int:
    with contextlib.suppress(OSError, ValueError):  # Linux tells it without a moment in which it is another one
        for line in Path("/proc/self/status").read_text("utf-8", "replace").splitlines():
            if line.startswith("Umask:"):
                return int(line.split()[1], 8)
    with _UMASK_LOCK:
        mask = os.umask(0)
        os.umask(mask)
    return mask


def write_error(path: Path, error: OSError) -> UserError:
    """The user's view of an `OSError` met while writing `path`."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return UserError(f"no space left to write {path}: free some, or choose another folder")
    if error.errno == errno.EFBIG:
        return UserError(f"{path} would be larger than the file size limit: raise the limit, or choose another folder")
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return UserError(f"no permission to write {path}: choose another folder")
    if error.errno == errno.ENOENT:  # its folder was there, or made, just before
        return UserError(
            f"cannot write {path}: its folder was removed in the meantime; start again, or choose another folder"
        )
    if error.errno is None:  # numpy's own, "50000 requested and 2484 written"
        return UserError(f"cannot write {path} ({error}): is the disk full? Free some space, or choose another folder")
    return UserError(f"cannot write {path}: {error.strerror or error}")


def write_text(path: Path, text: str) -> None:
    """Write `text` as UTF-8."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write `content` as indented JSON; NaN and infinity become null, since JSON has neither."""
    with replacing(path) as temporary:
        text = json.dumps(_plain(content), indent=2, ensure_ascii=False, allow_nan=False)
        # Half a letter, as in names of files that are no UTF-8, is escaped as JSON itself does, and read back the same.
        temporary.write_text(text + "\n", encoding="utf-8", errors="backslashreplace")


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object, as `write_json` writes it.

    Raises:
        UserError: the file is missing, larger than `MAX_TEXT_BYTES`, no JSON, or no object.
    """
    content = _parsed(path, "JSON", json.loads)
    if not isinstance(content, dict):
        raise UserError(f"{path} does not hold a JSON object")
    return content


def read_toml(path: Path) -> dict[str, Any]:
    """Read a TOML table.

    Raises:
        UserError: the file is missing, larger than `MAX_TEXT_BYTES`, or no TOML.
    """
    content: dict[str, Any] = _parsed(path, "TOML", tomllib.loads)
    return content


def _parsed(path: Path, language: str, parse: Callable[[str], Any]) -> Any:
    try:
        if not path.is_file():
            raise UserError(f"{path} is not a file" if path.exists() else f"there is no file {path}: check the path")
        if path.stat().st_size > MAX_TEXT_BYTES:
            raise UserError(f"{path} has {path.stat().st_size:,} bytes, more than the {MAX_TEXT_BYTES:,} that are read")
        return parse(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:  # no JSON, no UTF-8, 5,000 digits, 100,000 brackets
        raise UserError(f"{path} cannot be read as {language} ({error})") from None


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, np.ndarray):
        return _plain(value.tolist())
    if isinstance(value, np.generic):
        return _plain(value.item())
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, float) and not np.isfinite(value):
        return None
    return value


def write_csv(path: Path, rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> None:
    """Write `rows` under the header `columns`; a missing or None entry is left empty."""
    cells = [*columns, *(cell for row in rows for cell in row.values())]
    # A carriage return ends a line for every reader, and Python's writer quotes it from 3.13 on only.
    returns = any("\r" in cell for cell in cells if isinstance(cell, str))
    text = io.StringIO()
    writer = csv.DictWriter(
        text,
        list(columns),
        restval="",
        lineterminator="\n",
        quoting=csv.QUOTE_ALL if returns else csv.QUOTE_MINIMAL,
    )
    writer.writeheader()
    writer.writerows(rows)
    with replacing(path) as temporary:
        temporary.write_text(text.getvalue(), encoding="utf-8", errors="backslashreplace", newline="")


def write_array(path: Path, array: np.ndarray) -> None:
    """Write `array` as `.npy`, without pickle."""
    with replacing(path) as temporary, temporary.open("wb") as file:
        np.save(file, array, allow_pickle=False)


def write_arrays(path: Path, arrays: Mapping[str, np.ndarray], *, compress: bool = False) -> None:
    """Write named `arrays` as `.npz`, without pickle."""
    save = np.savez_compressed if compress else np.savez
    with replacing(path) as temporary, temporary.open("wb") as file:
        save(file, **arrays, allow_pickle=False)


def copy_file(source: Path, path: Path) -> None:
    """Write what is in the file `source` to `path` as well."""
    with replacing(path) as temporary:
        shutil.copyfile(source, temporary)


def check_writable(folder: Path) -> None:
    """Refuse a folder that no file can be written into, before work that may take long; nothing is made.

    Raises:
        UserError: a file is in its way, or it cannot be made or written to.
    """
    above = folder.absolute()
    while not os.path.lexists(above) and above != above.parent:
        above = above.parent
    if not above.is_dir():
        raise UserError(f"{above} is not a folder, so nothing can be written to {folder}: choose another folder")
    try:
        with tempfile.TemporaryFile(dir=above):
            pass
    except OSError as error:
        raise write_error(folder, error) from None
