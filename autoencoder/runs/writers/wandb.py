"""Weights & Biases, online or offline.

The key is that of WANDB_API_KEY, or of `wandb login`; the project that of WANDB_PROJECT. Only the settings and numbers
of the run are sent: no code, no state of a git repository, nothing of the machine, no command line, no output.
"""

from __future__ import annotations

import importlib.util
import netrc
import os
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

from autoencoder.config import RunConfig
from autoencoder.machine.progress import Say
from autoencoder.runs.folder import Run
from autoencoder.runs.writers import base
from autoencoder.version import installing

DEFAULT_PROJECT = "autoencoder"

KEY = "WANDB_API_KEY"

HOSTS = {"api.wandb.ai"}
"""Names under which `wandb login` keeps a key, beside that of the server in use."""

SECONDS_TO_CONNECT = 30.0

QUIETLY = {"WANDB_SILENT": "true", "WANDB_ERROR_REPORTING": "false"}
"""What the package reads when it is imported."""

COLLECT_NOTHING: dict[str, Any] = {
    "disable_code": True,
    "disable_git": True,
    "save_code": False,
    "x_disable_stats": True,
    "x_disable_meta": True,
    "x_disable_machine_info": True,
    "x_save_requirements": False,
    "host": "",
    "console": "off",
    "silent": True,
}


class Writer(base.Writer):
    """A run of W&B's, which one of ours continues when it is resumed.

    Args:
        run: of `wandb`.
        closing: said when all is written.
        say: to whom.
    """

    title = "Weights & Biases"

    def __init__(self, run: Any, closing: str, say: Say) -> None:
        self._run, self._closing, self._say = run, closing, say

    @classmethod
    def problems(cls, config: RunConfig) -> list[str]:
        """The package, or the key, may be missing."""
        if importlib.util.find_spec("wandb") is None:
            return [f"--wandb needs the extra: {installing('wandb')}"]
        if config.training.wandb == "online" and not os.environ.get(KEY) and not _is_logged_in():
            return [f"--wandb needs a key: set {KEY}, run 'wandb login', or log to a file with --wandb offline"]
        return []

    @classmethod
    def secrets(cls) -> Collection[str]:
        """The key, where the environment has it."""
        return [os.environ[KEY]] if os.environ.get(KEY) else ()

    @classmethod
    def open(cls, run: Run, config: RunConfig, resumed_at: int | None, say: Say) -> Writer:
        """Begin, or go on; see `base.Writer.open`."""
        wandb, folder, mode = _wandb(), run.writer_folder("wandb"), config.training.wandb
        begun = wandb.init(
            project=os.environ.get("WANDB_PROJECT") or DEFAULT_PROJECT,
            name=base.experiment_name(run, config),
            id=base.experiment_id(folder),
            resume="allow",
            config=base.parameters(config),
            dir=str(run.path),  # it makes the folder `wandb` in it
            mode=mode,
            settings=wandb.Settings(init_timeout=SECONDS_TO_CONNECT, **COLLECT_NOTHING),
        )
        if mode == "online":
            say(f"Weights & Biases: {begun.url}")
        closing = "" if mode == "online" else f"Weights & Biases: upload the log with: wandb sync {begun.dir}/.."
        return cls(begun, closing, say)

    def write(self, row: Mapping[str, Any]) -> None:
        """Add an epoch."""
        self._run.log({**base.measured(row), "epoch": row["epoch"]}, step=row["step"])

    def close(self) -> None:
        """Wait until all is sent, or on the disk."""
        self._run.finish()
        if self._closing:
            self._say(self._closing)


def _is_logged_in() -> bool:
    """Whether `wandb login` left a key; nothing is asked, and nothing is sent, to find out."""
    hosts = HOSTS | {urlparse(_wandb().Settings().base_url).hostname}
    file = Path(os.environ.get("NETRC") or Path.home() / ".netrc")
    try:
        return bool(hosts & netrc.netrc(str(file)).hosts.keys())
    except (OSError, netrc.NetrcParseError):
        return False


def _wandb() -> Any:
    for name, value in QUIETLY.items():
        os.environ.setdefault(name, value)
    import wandb

    return wandb
