"""A list of writers behind one small protocol: each is told of every epoch that has ended.

The first one keeps `metrics.csv`, without which a run is none; the others are asked for by a setting of the same name,
and may fail: they say so once, and training goes on without them.
"""

from __future__ import annotations

import importlib
import uuid
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any, TypeVar

from autoencoder.config import WRITERS, RunConfig
from autoencoder.errors import UserError, raise_if_any
from autoencoder.flags import values_of
from autoencoder.machine.files import read_json, write_json
from autoencoder.machine.progress import Say
from autoencoder.runs.folder import Run
from autoencoder.runs.writers.table import TableWriter

_T = TypeVar("_T")


class Writer(ABC):
    """A place that a training's numbers are written to, beside the run's own table.

    Attributes:
        title: what it is called.
    """

    title: str

    @classmethod
    def problems(cls, config: RunConfig) -> list[str]:
        """What stands in the way, in words for the user; before anything is begun. Nothing is sent for it."""
        return []

    @classmethod
    def secrets(cls) -> Collection[str]:
        """Texts that no message may hold, such as keys."""
        return ()

    @classmethod
    @abstractmethod
    def open(cls, run: Run, config: RunConfig, resumed_at: int | None, say: Say) -> Writer:
        """Begin, or go on after the update `resumed_at`: what was written of later ones comes again.

        Args:
            run: a run folder; files go to `run.writer_folder`.
            config: what the run is.
            resumed_at: the step of the checkpoint that training resumes from; None for the beginning.
            say: is told where the numbers can be seen.
        """

    @abstractmethod
    def write(self, row: Mapping[str, Any]) -> None:
        """Add an epoch; see `autoencoder.runs.folder.METRIC_COLUMNS`. What was not measured is None."""

    @abstractmethod
    def close(self) -> None:
        """Nothing more comes; called once, also where training failed."""


class Guarded:
    """A writer that is left out from its first failure on.

    Args:
        kind: of the writer.
        say: is told of the failure.
    """

    def __init__(self, kind: type[Writer], say: Say) -> None:
        self._kind, self._say = kind, say
        self._writer: Writer | None = None

    def open(self, run: Run, config: RunConfig, resumed_at: int | None) -> None:
        """See `Writer.open`."""
        self._writer = self._attempt(lambda: self._kind.open(run, config, resumed_at, self._say))

    def write(self, row: Mapping[str, Any]) -> None:
        """See `Writer.write`."""
        if (writer := self._writer) is not None:
            self._attempt(lambda: writer.write(row))

    def close(self) -> None:
        """See `Writer.close`."""
        if (writer := self._writer) is not None:
            self._attempt(writer.close)

    def _attempt(self, action: Callable[[], _T]) -> _T | None:
        try:
            return action()
        except Exception as error:  # whatever a library and its network come up with
            self._writer = None
            reason = f"{type(error).__name__}: {error}"
            for secret in self._kind.secrets():
                reason = reason.replace(secret, "***")
            self._say(
                f"note: {self._kind.title} failed and is not used from here on ({' '.join(reason.split())[:300]}); "
                "training continues, and metrics.csv has every number"
            )
            return None


def check_writers(config: RunConfig) -> None:
    """Refuse writers that cannot be had.

    Raises:
        UserError: a package is not installed, or a key is missing; all that is wrong with any of them.
    """
    raise_if_any(problem for kind in _asked_for(config) for problem in kind.problems(config))


def open_writers(run: Run, config: RunConfig, resumed_at: int | None, say: Say) -> list[TableWriter | Guarded]:
    """The writers of a run, the one of its own table first; see `Writer.open` for the arguments.

    Raises:
        UserError: the table of a run that is resumed is damaged.
    """
    table = TableWriter.open(run, resumed_at)
    others = [Guarded(kind, say) for kind in _asked_for(config)]
    for writer in others:
        writer.open(run, config, resumed_at)
    return [table, *others]


def _asked_for(config: RunConfig) -> list[type[Writer]]:
    names = [name for name in WRITERS if getattr(config.training, name)]
    return [importlib.import_module(WRITERS[name].module).Writer for name in names]


# ------------------------------------------------------------------------------------------- what several writers need


def experiment_name(run: Run, config: RunConfig) -> str:
    """What the run is called where it is logged."""
    return config.training.experiment_name or run.path.absolute().name


def experiment_id(folder: Path) -> str:
    """A number for a run that nobody else has, kept in `folder`: a run that is resumed goes on under it."""
    file = folder / "experiment.json"
    if not file.exists():
        write_json(file, {"id": uuid.uuid4().hex})
    known = read_json(file).get("id")
    if not (isinstance(known, str) and known.isalnum() and 8 <= len(known) <= 64):
        raise UserError(f"{file} does not say under which number the run is logged: delete it to start a new log")
    return known


def parameters(config: RunConfig) -> dict[str, Any]:
    """The settings of a run by their names; of files only what they are called, since paths tell who works where."""
    found: dict[str, Any] = {}
    for section in ("data", "model", "objective", "training"):
        for name, value in values_of(getattr(config, section)):
            if name in ("images", "metadata", "init_from"):
                value = value and Path(value).name
            found[f"{section}.{name}"] = value if isinstance(value, (int, float, bool)) else str(value)
    return found


def measured(row: Mapping[str, Any]) -> dict[str, float]:
    """What of an epoch's row was measured, without its place in training."""
    return {name: value for name, value in row.items() if name not in ("epoch", "step") and value is not None}
