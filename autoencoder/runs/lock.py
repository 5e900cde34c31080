"""One process at a time trains a run.

The lock is the operating system's own (`filelock`): it ends with the process that holds it, however that ends, so a
killed one leaves nothing that has to be taken away before the run can be resumed. Commands that only read a run
take no lock; what they read is whole at any time, since files appear by renames.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path

from filelock import FileLock, Timeout

from autoencoder.errors import UserError
from autoencoder.machine.files import read_json, write_error, write_json
from autoencoder.runs.folder import Run

SECONDS_TO_SAY_WHO = 1.0
"""How long the note of a process that has just taken the lock is waited for."""


class Hold:
    """This process's hold on a run folder, as `hold` gives it."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._file = _identity(run.lock_file)

    def lasts(self) -> bool:
        """Whether the folder is still the one that is held."""
        return self._file is not None and _identity(self._run.lock_file) == self._file

    def check(self) -> None:
        """Refuse to write into a folder that is no longer the one that is held.

        Raises:
            UserError: it was removed, moved or replaced.
        """
        if not self.lasts():
            raise UserError(
                f"the folder {self._run.path} was removed, moved or replaced while it was trained, so nothing more is "
                "written there: if it was moved, resume it in its new place ('autoencoder train --resume RUN')"
            )


@contextmanager
def hold(run: Run, patience: float = 0.0) -> Iterator[Hold]:
    """Keep other processes from training `run`; its folder is made where there is none.

    Whoever writes asks `Hold.check` before each file, since writing one makes folders that are missing. A folder that
    did not become a run, because the block was left by an error before that, is taken away again.

    Args:
        run: the run to hold.
        patience: seconds to wait for a process that trains it.

    Raises:
        UserError: another process trains the run, the folder cannot be written to, or is gone in the end.
    """
    made = [folder for folder in (run.path, *run.path.parents) if not folder.exists()]
    lock = FileLock(run.lock_file, timeout=patience)
    try:
        run.path.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except Timeout:
        raise UserError(f"{_holder(run)}: wait for it or stop it, or choose another run") from None
    except NotImplementedError:
        _remove_empty(made)
        raise UserError(
            f"the file system of {run.path} does not support locks: choose a folder on another one"
        ) from None
    except OSError as error:
        _remove_empty(made)
        raise write_error(run.lock_file, error) from error
    held = Hold(run)
    try:
        with suppress(OSError):  # whoever may write to the folder may resume the run; only its owner can say so
            run.lock_file.chmod(0o666 & run.path.stat().st_mode)
        holder = {"pid": os.getpid(), "host": socket.gethostname(), "since": datetime.now().isoformat(" ", "seconds")}
        write_json(run.holder_file, holder)
        yield held
    except UserError:
        held.check()  # where the folder is gone, that is why it cannot be written to
        raise
    finally:
        if held.lasts():  # else these files are another process's
            with suppress(OSError):  # the folder may have become read-only: what was in the way is said already
                run.holder_file.unlink(missing_ok=True)
                if not run.config_file.exists():
                    run.lock_file.unlink()
        lock.release()
        _remove_empty(made)


def trained_by(run: Run) -> str | None:
    """Which process trains `run` at this moment, in words; None where none does."""
    if not run.holder_file.exists():  # so that a lock is hardly ever taken from somebody who is about to take it
        return None
    try:
        with FileLock(run.lock_file, blocking=False):
            return None  # the note is that of a process that was killed
    except Timeout:
        return _holder(run)


def _holder(run: Run) -> str:
    """Who trains a run, in words; its note is missing for a moment when it begins, which is waited for."""
    end = time.monotonic() + SECONDS_TO_SAY_WHO
    while True:
        try:
            note = read_json(run.holder_file)
            return f"process {note['pid']} on {note['host']} has been training {run.path} since {note['since']}"
        except (UserError, KeyError):
            if time.monotonic() >= end:
                return f"another process is training {run.path}"
            time.sleep(0.02)


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _remove_empty(folders: list[Path]) -> None:
    """Take away folders that nothing was put into, the deepest first."""
    with suppress(OSError):  # one that is not empty, or not there, and all above it
        for folder in folders:
            folder.rmdir()
