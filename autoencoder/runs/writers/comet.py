"""Comet, online or offline.

Where to and with which key: from the environment (COMET_API_KEY, COMET_WORKSPACE, COMET_PROJECT_NAME); else from
`settings.json` in the current folder, `{"username": ..., "apikey": ..., "restapikey": ..., "project": ...}`; else from
Comet's own files, which only Comet reads. Nothing is written to any of them. Only the settings and numbers of the run
are sent: no code, no state of a git repository, nothing of the machine, no command line, no output.
"""

from __future__ import annotations

import importlib.util
import logging
import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from autoencoder.config import RunConfig
from autoencoder.errors import UserError
from autoencoder.machine.files import read_json
from autoencoder.machine.progress import Say
from autoencoder.runs.folder import Run
from autoencoder.runs.writers import base
from autoencoder.version import installing

SETTINGS_FILE = Path("settings.json")

SETTINGS = ("username", "apikey", "restapikey", "project")
"""What stands in that file; `restapikey` is for reading Comet's results, which is not done here."""

DEFAULT_PROJECT = "autoencoder"

QUIETLY = {
    "COMET_DISABLE_AUTO_LOGGING": "1",
    "COMET_ERROR_TRACKING_ENABLE": "false",
    "COMET_INTERNAL_REPORTING": "false",
    "COMET_DISABLE_ANNOUNCEMENT": "true",
}
"""What Comet reads when it is imported: it changes nothing of torch, and reports nothing of its own."""

COLLECT_NOTHING: dict[str, Any] = dict.fromkeys(
    (
        "log_code",
        "log_graph",
        "parse_args",
        "log_git_metadata",
        "log_git_patch",
        "log_env_details",
        "log_env_host",
        "log_env_cpu",
        "log_env_gpu",
        "log_env_network",
        "log_env_disk",
        "auto_param_logging",
        "auto_metric_logging",
        "auto_output_logging",
        "auto_log_co2",
    ),
    False,
)


@dataclass(frozen=True)
class Account:
    """Where to log, and with which key; None for what Comet finds itself."""

    workspace: str | None
    project: str
    api_key: str | None = field(repr=False)
    rest_key: str | None = field(repr=False)


class Writer(base.Writer):
    """An experiment of Comet's, which a run continues when it is resumed.

    Args:
        experiment: of `comet_ml`.
        closing: said when all is written.
        say: to whom.
    """

    title = "Comet"

    def __init__(self, experiment: Any, closing: str, say: Say) -> None:
        self._experiment, self._closing, self._say = experiment, closing, say

    @classmethod
    def problems(cls, config: RunConfig) -> list[str]:
        """The package, or the key, may be missing, and `settings.json` may be another program's."""
        if importlib.util.find_spec("comet_ml") is None:
            return [f"--comet needs the extra: {installing('comet')}"]
        try:
            account = find_account()
        except UserError as error:
            return list(error.problems)
        if (
            config.training.comet == "online"
            and account.api_key is None
            and _comet().get_config("comet.api_key") is None
        ):
            return [
                "--comet needs a key: set COMET_API_KEY, put 'apikey' into settings.json in this folder, or log to a "
                "file with --comet offline"
            ]
        return []

    @classmethod
    def secrets(cls) -> Collection[str]:
        """The keys that are known here."""
        try:
            account = find_account()
        except UserError:
            return ()
        return [key for key in (account.api_key, account.rest_key) if key]

    @classmethod
    def open(cls, run: Run, config: RunConfig, resumed_at: int | None, say: Say) -> Writer:
        """Begin, or go on; see `base.Writer.open`.

        Raises:
            RuntimeError: Comet cannot be reached, or does not take the key.
        """
        comet_ml, account, folder = _comet(), find_account(), run.writer_folder("comet")
        online = config.training.comet == "online"
        experiment = comet_ml.start(
            api_key=account.api_key,
            workspace=account.workspace,
            project=account.project,
            online=online,
            mode="get_or_create",
            experiment_key=base.experiment_id(folder),
            experiment_config=comet_ml.ExperimentConfig(
                name=base.experiment_name(run, config),
                offline_directory=str(folder),
                display_summary_level=0,
                **COLLECT_NOTHING,
            ),
        )
        if not experiment.alive:
            raise RuntimeError("it cannot be reached, or it refuses the key")
        if resumed_at is None:
            experiment.log_parameters(base.parameters(config))
        if online:
            say(f"Comet: {experiment.url}")
        closing = "" if online else f"Comet: upload the log with: comet upload {folder}/*.zip"
        return cls(experiment, closing, say)

    def write(self, row: Mapping[str, Any]) -> None:
        """Add an epoch."""
        self._experiment.log_metrics(base.measured(row), step=row["step"], epoch=row["epoch"])

    def close(self) -> None:
        """Wait until all is sent, or in the archive."""
        self._experiment.end()
        if self._closing:
            self._say(self._closing)


def find_account() -> Account:
    """From the environment and `settings.json`; the environment wins.

    Raises:
        UserError: the file is there and is not what it should be; its content is not repeated.
    """
    stored: dict[str, Any] = {}
    if SETTINGS_FILE.exists():
        stored = read_json(SETTINGS_FILE)
        wrong = [name for name in SETTINGS if not isinstance(stored.get(name, ""), str)]
        if wrong or not set(SETTINGS) & stored.keys():
            raise UserError(
                f"{SETTINGS_FILE.absolute()} is not a file of Comet's settings, which holds texts called "
                f"{', '.join(SETTINGS)}: fix it, or train from another folder"
            )
    said = {name: value.strip() for name, value in stored.items() if name in SETTINGS and value.strip()}
    return Account(
        os.environ.get("COMET_WORKSPACE") or said.get("username"),
        os.environ.get("COMET_PROJECT_NAME") or said.get("project") or DEFAULT_PROJECT,
        os.environ.get("COMET_API_KEY") or said.get("apikey"),
        said.get("restapikey"),
    )


def _comet() -> Any:
    """Comet's package, which says nothing on the terminal: what a user should read, its writer says."""
    for name, value in QUIETLY.items():
        os.environ.setdefault(name, value)
    logging.getLogger("comet_ml").setLevel(logging.CRITICAL)
    import comet_ml

    logging.getLogger("comet_ml").setLevel(logging.CRITICAL)
    return comet_ml
