"""The run folder: the only module that knows the names of its files.

::

    RUN/config.json        what the run is
        split.npz          row numbers: train, val, and snapshot (the images whose codes are kept)
        reducer.npz        what a fitted encoder (pca, umap) was fitted to
        recipe.json        how the images were made, where their file says so
        environment.json   versions, device, threads, the data's hash
        metrics.csv        one row per epoch
        checkpoints/       last.pt, best.pt, epoch_0010.pt ...; early networks, to look at: step_00000000.pt ...
        latents/           step_00000120.npy ..., index.csv
        tensorboard/ comet/ wandb/   what these log, where they were asked for
        test/ visualize/   what later commands made
        .lock              held by the process that trains; .lock.json says which one that is, while it does
"""

from __future__ import annotations

import csv
import dataclasses
import hashlib
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from autoencoder.array_types import Rows
from autoencoder.config import RunConfig
from autoencoder.config.arguments import AnyPath, path_of
from autoencoder.config.formats import settings_from_json
from autoencoder.config.presets import Preset
from autoencoder.data.arrays import npz_headers, read_npz
from autoencoder.data.recipe import Recipe, checked_recipe
from autoencoder.errors import UserError
from autoencoder.machine.files import read_json, read_toml, write_arrays, write_csv, write_error, write_json, write_text
from autoencoder.machine.memory import refuse_too_large
from autoencoder.runs.moved import found_again

METRIC_COLUMNS = ("epoch", "step", "lr", "train_loss", "val_loss", "images_per_second", "seconds")
"""Columns of every `metrics.csv`; the objective adds its own metric, such as `val_mse_to_clean`, after `val_loss`."""

CSV_MEMORY = 25
"""Bytes of memory that reading a byte of these tables takes; 20 were measured."""

SNAPSHOT_COLUMNS = ("step", "epoch", "file")


@dataclass(frozen=True)
class RunSplit:
    """Row numbers of the images, all sorted int64: for training, held out, and those whose latent codes are kept."""

    train: Rows
    val: Rows
    snapshot: Rows

    def content_hash(self) -> str:
        """SHA-256 of the row numbers, in hexadecimal."""
        digest = hashlib.sha256()
        for rows in (self.train, self.val, self.snapshot):
            digest.update(f"{len(rows)} ".encode() + rows.astype("<i8").tobytes())
        return digest.hexdigest()

    def problem(self, n_images: int) -> str | None:
        """What makes this no split of `n_images` images; None where it is one."""
        for name, rows in vars(self).items():
            if rows.ndim != 1 or len(rows) == 0:
                return f"'{name}' names no rows"
            if rows[0] < 0 or rows[-1] >= n_images or (np.diff(rows) <= 0).any():
                return f"'{name}' does not hold row numbers of {n_images:,} images in ascending order"
        return "some images are both trained on and held out" if len(np.intersect1d(self.train, self.val)) else None


class Run:
    """A run folder on disk.

    Args:
        path: the folder; it need not exist before `create`.
    """

    def __init__(self, path: AnyPath) -> None:
        self.path = path_of(path, "a run")

    def __fspath__(self) -> str:
        return str(self.path)

    @property
    def config_file(self) -> Path:
        """`config.json`."""
        return self.path / "config.json"

    @property
    def reducer_file(self) -> Path:
        """`reducer.npz`."""
        return self.path / "reducer.npz"

    @property
    def recipe_file(self) -> Path:
        """`recipe.json`."""
        return self.path / "recipe.json"

    @property
    def split_file(self) -> Path:
        """`split.npz`."""
        return self.path / "split.npz"

    @property
    def environment_file(self) -> Path:
        """`environment.json`."""
        return self.path / "environment.json"

    @property
    def metrics_file(self) -> Path:
        """`metrics.csv`."""
        return self.path / "metrics.csv"

    @property
    def lock_file(self) -> Path:
        """`.lock`; see `autoencoder.runs.lock`."""
        return self.path / ".lock"

    @property
    def holder_file(self) -> Path:
        """`.lock.json`, which process holds the lock."""
        return self.path / ".lock.json"

    @property
    def traceback_file(self) -> Path:
        """`traceback.txt`, where the run ended by an error of the program; it goes when the run goes on."""
        return self.path / "traceback.txt"

    @property
    def snapshot_index_file(self) -> Path:
        """`latents/index.csv`."""
        return self.path / "latents" / "index.csv"

    def writer_folder(self, name: str) -> Path:
        """Where the writer `name` ("tensorboard", "comet", "wandb") leaves its files."""
        return self.path / name

    def snapshot_file(self, step: int) -> Path:
        """Latent codes after update number `step`."""
        return self.path / "latents" / f"step_{step:08d}.npy"

    def checkpoint_file(self, name: str | int) -> Path:
        """Checkpoint `last`, `best`, or of the given number of finished epochs."""
        stem = f"epoch_{name:04d}" if isinstance(name, int) else name
        return self.path / "checkpoints" / f"{stem}.pt"

    def early_checkpoint_file(self, step: int) -> Path:
        """An early network, after update number `step`: weights alone, to look at and not to train on."""
        return self.path / "checkpoints" / f"step_{step:08d}.pt"

    def output_folder(self, command: str, *parts: str) -> Path:
        """Where `command` ("test", "visualize") leaves what it makes."""
        return self.path.joinpath(command, *parts)

    # ----------------------------------------------------------------------------------------------- making and opening

    def refuse_existing(self) -> None:
        """Refuse a folder that is there already, unless a run was killed while it was made.

        Raises:
            UserError: it exists.
        """
        if self.config_file.exists():
            raise UserError(
                f"the run {self.path} already exists: resume it with 'autoencoder train --resume {self.path}', or "
                "choose "
                "another --run"
            )
        if self.path.exists() and (not self.path.is_dir() or any(map(self._is_foreign, self.path.iterdir()))):
            raise UserError(f"{self.path} exists and is not a run: choose another --run")

    def _is_foreign(self, file: Path) -> bool:
        """Whether a file is no beginning of a run: `create` was killed where these are and `config.json` is not."""
        made = (self.split_file, self.environment_file, self.reducer_file, self.recipe_file)
        return file not in (*made, self.lock_file, self.holder_file) and ".partial" not in file.name

    def remove_leftovers(self) -> None:
        """Take away the temporary files of a process that was killed while it trained this run, and how it failed.

        To be called by the process that holds the run: nobody else writes to these folders. What `test` and
        `visualize` leave in folders of their own is theirs.
        """
        for folder in (self.path, self.checkpoint_file("last").parent, self.snapshot_index_file.parent):
            for file in folder.glob(".*.partial*"):
                file.unlink(missing_ok=True)
        self.traceback_file.unlink(missing_ok=True)

    def keep_traceback(self, text: str) -> bool:
        """Write by what error the run ended; whether it could be, as it cannot where no run was made yet.

        Raises:
            UserError: the file cannot be written.
        """
        if not self.config_file.exists():
            return False
        write_text(self.traceback_file, text)
        return True

    def create(
        self,
        config: RunConfig,
        split: RunSplit,
        environment: Mapping[str, Any],
        reducer: Mapping[str, np.ndarray] | None = None,
        recipe: Recipe | None = None,
    ) -> None:
        """Make the folder. `config.json` is written last, so a folder that has it is a run.

        Args:
            config, split, environment: what the run is.
            reducer: arrays of its fitted encoder, where it has one.
            recipe: of its images, where they have one.

        Raises:
            UserError: the folder exists, or cannot be written.
        """
        self.refuse_existing()
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise write_error(self.path, error) from error
        write_arrays(self.split_file, {"train": split.train, "val": split.val, "snapshot": split.snapshot})
        write_json(self.environment_file, environment)
        if reducer is not None:
            write_arrays(self.reducer_file, reducer)
        if recipe is not None:
            write_json(self.recipe_file, recipe)
        write_json(self.config_file, config.to_json())

    def recipe(self) -> Recipe | None:
        """How the images were made of frames; None for runs that do not know, as those of earlier versions.

        Raises:
            UserError: the file is damaged.
        """
        if not self.recipe_file.exists():
            return None
        remedy = "restore it, or delete it"
        try:
            content = read_json(self.recipe_file)
        except UserError as error:
            raise UserError(f"{error}: {remedy}") from None
        return checked_recipe(content, str(self.recipe_file), remedy)

    def reducer(self) -> dict[str, np.ndarray]:
        """Arrays of the run's fitted encoder.

        Raises:
            UserError: the file is missing or damaged.
        """
        try:
            return read_npz(self.reducer_file, npz_headers(self.reducer_file))
        except UserError as error:
            raise UserError(f"the fitted encoder of {self.path} cannot be read: {error}") from None

    def config(self) -> RunConfig:
        """What the run is; its data are where they lie now, if they were moved together with the run.

        Raises:
            UserError: the folder is no run, or its configuration is damaged.
        """
        self._refuse_missing()
        config = read_config(self.config_file)
        return dataclasses.replace(config, data=found_again(config.data, self.path))

    def _refuse_missing(self) -> None:
        """Say that there is no such run, which whatever file is read first would otherwise say of itself."""
        if self.path.is_file():
            raise UserError(f"{self.path} is a file, not the folder of a run: 'autoencoder train' makes one")
        if not self.path.is_dir():
            raise UserError(f"there is no run folder {self.path}: check the path; 'autoencoder train' makes one")

    def write_config(self, config: RunConfig) -> None:
        """Replace the configuration, when a resumed run is given more epochs."""
        write_json(self.config_file, config.to_json())

    def environment(self) -> dict[str, Any]:
        """What `create` was given as the environment, and in `resumed` what `note_resumed` was given.

        Raises:
            UserError: the folder is no run, or the file is missing or damaged.
        """
        self._refuse_missing()
        try:
            environment = read_json(self.environment_file)
        except UserError as error:
            raise UserError(f"{error}: restore it, or train again") from None
        resumed = environment.get("resumed", [])
        if type(environment.get("n_images")) is not int or not (
            isinstance(resumed, list) and all(isinstance(entry, dict) for entry in resumed)
        ):
            raise UserError(f"{self.environment_file} does not say what {self.path} was started with: restore it")
        return environment

    def note_resumed(self, entry: Mapping[str, Any]) -> None:
        """Add to the environment that the run was resumed, and what was different then."""
        before = self.environment()
        write_json(self.environment_file, {**before, "resumed": [*before.get("resumed", []), entry]})

    def split(self) -> RunSplit:
        """The run's split.

        Raises:
            UserError: the file is missing or damaged, or is not the one that the run was started with.
        """
        names = ("train", "val", "snapshot")
        try:
            arrays = read_npz(self.split_file, names)
        except UserError as error:
            raise UserError(f"the split of {self.path} cannot be read: {error}") from None
        except KeyError as error:
            raise UserError(f"{self.split_file} is not a split: it has no array {error}") from None
        if any(arrays[name].dtype.kind not in "iu" for name in names):
            raise UserError(f"{self.split_file} is not a split: its arrays are not row numbers")
        split = RunSplit(*(arrays[name].astype(np.int64) for name in names))
        environment = self.environment()
        problem = split.problem(environment["n_images"])
        if problem is None and environment.get("split_sha256", split.content_hash()) != split.content_hash():
            problem = "its hash differs from the one noted when the run was started"
        if problem is not None:
            raise UserError(
                f"{self.split_file} is not the split of {self.path} ({problem}): restore it, or train again"
            )
        return split

    # --------------------------------------------------------------------------------------------------------- metrics

    def write_metrics(self, rows: list[dict[str, Any]]) -> None:
        """Write all of `metrics.csv`; see `METRIC_COLUMNS`. The first row's keys are the columns."""
        write_csv(self.metrics_file, rows, list(rows[0]))

    def metrics(self) -> list[dict[str, Any]]:
        """Rows of `metrics.csv`; an empty entry is None. An empty list before the first epoch has ended.

        Raises:
            UserError: the file is damaged.
        """
        if not self.metrics_file.exists():
            return []
        rows = _read_csv(self.metrics_file)
        try:
            numbers = [{name: _number(value) if value else None for name, value in row.items()} for row in rows]
            if any(type(row[name]) is not int for row in numbers for name in ("epoch", "step")):
                raise ValueError("an epoch or a step is not a whole number")
            if any(not isinstance(row[name], (int, float)) for row in numbers for name in ("train_loss", "seconds")):
                raise ValueError("a training loss or a time is missing")
            return [row | {name: row.get(name) for name in METRIC_COLUMNS} for row in numbers]
        except (KeyError, TypeError, ValueError) as error:
            raise UserError(f"{self.metrics_file} is damaged ({error}): restore it, or train again") from None

    # ------------------------------------------------------------------------------------------------------ checkpoints

    def checkpoints(self) -> list[Path]:
        """Kept checkpoints, those of epochs in order, then `best` and `last`."""
        epochs = sorted((self.path / "checkpoints").glob("epoch_*.pt"))
        named = [self.checkpoint_file(name) for name in ("best", "last")]
        return epochs + [file for file in named if file.exists()]

    def early_checkpoints(self) -> list[Path]:
        """Networks that were kept before the first checkpoint of an epoch, in the order of steps."""
        return sorted((self.path / "checkpoints").glob("step_*.pt"))

    def find_checkpoint(self, name: str) -> Path:
        """The file of checkpoint `name`: `last`, `best`, an epoch's number, or a path.

        Raises:
            UserError: there is none; the message lists those that are.
        """
        if re.fullmatch("[0-9]{1,18}", name):
            file = self.checkpoint_file(int(name))
        elif name in ("last", "best"):
            file = self.checkpoint_file(name)
        else:
            file = Path(name)
        if not file.is_file():
            there = ", ".join(re.sub("^epoch_0*([0-9]+)$", r"\1", file.stem) for file in self.checkpoints())
            raise UserError(f"{self.path} has no checkpoint '{name}'; it has: {there or 'none yet'}")
        return file

    # -------------------------------------------------------------------------------------------------------- snapshots

    def snapshot_files(self) -> list[Path]:
        """Snapshots on the disk, in the order of steps, whether the index names them or not."""
        return sorted(self.snapshot_index_file.parent.glob("step_*.npy"))

    def write_snapshot_index(self, rows: list[dict[str, Any]]) -> None:
        """Write all of `latents/index.csv`; see `SNAPSHOT_COLUMNS`."""
        write_csv(self.snapshot_index_file, rows, SNAPSHOT_COLUMNS)

    def snapshot_index(self) -> list[dict[str, Any]]:
        """Rows of `latents/index.csv`, in the order of steps; an empty list where no snapshot was taken."""
        if not self.snapshot_index_file.exists():
            return []
        rows: list[dict[str, Any]]
        try:
            rows = [
                {"step": int(r["step"]), "epoch": float(r["epoch"]), "file": r["file"]}
                for r in _read_csv(self.snapshot_index_file)
            ]
            for row in rows:
                if row["file"] != self.snapshot_file(row["step"]).name or not 0 <= row["epoch"] < math.inf:
                    raise ValueError(f"step {row['step']}")
            if len({row["step"] for row in rows}) < len(rows):
                raise ValueError("a step is listed twice")
        except (KeyError, TypeError, ValueError) as error:
            raise UserError(
                f"{self.snapshot_index_file} is not an index of snapshots ({error}): restore it, or train again"
            ) from None
        return rows


def read_config(path: Path) -> RunConfig:
    """Read a `config.json`.

    Raises:
        UserError: the file is missing, is not JSON, or does not describe a run.
    """
    if not path.exists():
        raise UserError(f"{path} is missing, so {path.parent} is not a run folder")
    try:
        content = read_json(path)
    except UserError as error:
        raise UserError(f"{error}: restore it, or train again") from None
    try:
        return RunConfig.from_json(content)
    except UserError as error:
        raise UserError([f"{path}: {problem}" for problem in error.problems]) from None


def read_settings(path: Path) -> Preset:
    """A run's `config.json`, or a TOML file with the same names, as something that a run can start from.

    Raises:
        UserError: the file is missing or damaged, or names a setting that there is not.
    """
    if path.is_dir():
        raise UserError(f"{path} is a folder: give the file of settings in it (--config {path / 'config.json'})")
    try:
        content = read_toml(path) if path.suffix.lower() == ".toml" else read_json(path)
    except UserError as error:
        raise UserError(f"{error}; --config takes a run's config.json, or a .toml") from None
    try:
        return Preset(f"the settings in {path}", **settings_from_json(content))
    except UserError as error:
        raise UserError([f"{path}: {problem}" for problem in error.problems]) from None


def next_free_run(parent: Path, stem: str) -> Run:
    """The first of `parent/stem-001`, `-002`, ... that does not exist."""
    number = 1
    while (parent / f"{stem}-{number:03d}").exists():
        number += 1
    return Run(parent / f"{stem}-{number:03d}")


def latest_run_on(data: Path, parent: Path) -> Run:
    """The run below `parent` that was last started on the file `data`.

    Raises:
        UserError: there is none.
    """
    found = []
    for config_file in parent.glob("*/config.json"):
        run = Run(config_file.parent)
        if Path(run.config().data.images).resolve() == data.resolve():
            found.append((run.split_file.stat().st_mtime_ns, run))
    if not found:
        raise UserError(f"no run in {parent} was trained on {data}: name the run's folder with --run")
    return max(found, key=lambda pair: pair[0])[1]


def _read_csv(path: Path) -> list[dict[str, str]]:
    if not path.is_file():  # a pipe would be waited for
        raise UserError(f"{path} is not a file: restore it, or train again")
    refuse_too_large(str(path), CSV_MEMORY * path.stat().st_size, "restore it, or train again")
    try:
        with path.open(newline="", encoding="utf-8") as file:
            return list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{path} cannot be read ({error})") from None


def _number(text: str) -> float | int:
    return int(text) if re.fullmatch(r"-?\d+", text) else float(text)
