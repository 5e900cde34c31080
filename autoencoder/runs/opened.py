"""A run opened for a command: its files are read, checked and hashed once, however many steps work on them.

What it says does not change while it is open, also where the run is still being trained.
"""

from __future__ import annotations

import dataclasses
import itertools
import os
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from autoencoder.config import DataConfig, RunConfig, kinds_of_columns
from autoencoder.config.arguments import IMAGES, AnyPath, names_of, path_of
from autoencoder.data.images import ImageSet, load_images, with_metadata
from autoencoder.data.metadata_files import refuse_unknown_kinds
from autoencoder.errors import UserError
from autoencoder.models.fitted import FittedEncoder
from autoencoder.models.network import ImageShape
from autoencoder.runs.checkpoint import Checkpoint, LoopState
from autoencoder.runs.columns import changed_table, since_started
from autoencoder.runs.data import check_there, refuse_other_data
from autoencoder.runs.folder import Run, RunSplit
from autoencoder.runs.shown import run_summary
from autoencoder.runs.trained import NOT_OF_THE_NETWORK, Trained, load_encoder, load_own_checkpoint, trained_from

MOST_KEPT_BYTES = 2**30
"""Weights of checkpoints that are kept in memory; those of others are read again where they are needed again."""

_T = TypeVar("_T")


class Shelf:
    """What runs that are opened together share: each data set, and whatever is computed of it, once."""

    def __init__(self) -> None:
        self._images: dict[tuple[Any, ...], ImageSet] = {}
        self._made: dict[Hashable, Any] = {}

    def images(self, data: DataConfig) -> ImageSet:
        """The images and metadata that a configuration names; arrays are held once, whatever metadata go with them.

        Kinds of columns that the metadata lack are left out: a run's own are of its own table.

        Raises:
            UserError: a file is missing or damaged.
        """
        file = (Path(data.images).resolve(), data.max_pixel_value)
        metadata = None if data.metadata is None else Path(data.metadata)
        key = (*file, metadata and metadata.resolve(), data.columns, data.column_kinds)
        if key not in self._images:
            named = (data.images, metadata, data.columns, data.max_pixel_value, data.column_kinds)
            same = next((images for other, images in self._images.items() if other[: len(file)] == file), None)
            self._images[key] = (
                load_images(*named, kinds_may_miss=True)
                if same is None
                else with_metadata(same, Path(data.images), metadata, data.columns, data.column_kinds)
            )
        return self._images[key]

    def once(self, key: Hashable, make: Callable[[], _T]) -> _T:
        """What `make` gives, made when it is first asked for under this key."""
        if key not in self._made:
            self._made[key] = make()
        made: _T = self._made[key]
        return made


NUMBERS = itertools.count()
"""Of opened runs, by which their shelf tells them apart: an `id` is given again once a run is let go."""


class OpenedRun(Run):
    """A run folder whose files are read once; `open_run` makes one.

    Args:
        path: the folder.
        shelf: shared with other runs.
        images: the file of its images, where that is not where the run knows it to be.
        metadata: other metadata than the run's, to colour by and the like.
        columns: names of their columns, where they are an `.npy`.
        column_kinds: what columns are, such as `heading=radians`, beside and before what the run says.
    """

    def __init__(
        self,
        path: AnyPath,
        shelf: Shelf,
        images: Path | None = None,
        metadata: Path | None = None,
        columns: Sequence[str] | None = None,
        column_kinds: Sequence[str] | None = None,
    ) -> None:
        super().__init__(path)
        self._number = next(NUMBERS)
        self.shelf, self._images, self._metadata, self._columns = shelf, images, metadata, columns
        self._asked_kinds = kinds_of_columns(column_kinds or ())
        self._states: dict[Path, LoopState] = {}
        self._kept: dict[Path, Checkpoint] = {}
        self._networks: dict[tuple[Path, str], Trained] = {}

    def __repr__(self) -> str:
        return f"<OpenedRun {self.path}>"

    def _repr_html_(self) -> str:
        """What a notebook shows: what the run is, how far it is, and how its loss fell."""
        return run_summary(self)

    def config(self) -> RunConfig:
        """See `Run.config`."""
        config = self.once("config", super().config)
        if self._images is None:
            return config
        return dataclasses.replace(config, data=dataclasses.replace(config.data, images=str(self._images)))

    def environment(self) -> dict[str, Any]:
        """See `Run.environment`."""
        return self.once("environment", super().environment)

    def split(self) -> RunSplit:
        """See `Run.split`."""
        return self.once("split", super().split)

    def metrics(self) -> list[dict[str, Any]]:
        """See `Run.metrics`."""
        return self.once("metrics", super().metrics)

    def snapshot_index(self) -> list[dict[str, Any]]:
        """See `Run.snapshot_index`."""
        return self.once("snapshot index", super().snapshot_index)

    def checkpoints(self) -> list[Path]:
        """See `Run.checkpoints`."""
        return self.once("checkpoints", super().checkpoints)

    def once(self, key: Hashable, make: Callable[[], _T]) -> _T:
        """What `make` gives, made when it is first asked for under this key of this run."""
        return self.shelf.once((self._number, key), make)

    @cached_property
    def images(self) -> ImageSet:
        """The run's images, with the metadata that it was opened with.

        Raises:
            UserError: a file is missing or damaged, a column is not what it was said to be, or the images are not those
                that the run was started with.
        """
        data = self.config().data
        if self.has_other_table:
            data = dataclasses.replace(
                data,
                metadata=data.metadata if self._metadata is None else str(self._metadata),
                columns=None if self._columns is None else tuple(names_of(self._columns)),
            )
        if self._asked_kinds:
            kinds = tuple(f"{name}={kind}" for name, kind in self.column_kinds.items())
            data = dataclasses.replace(data, column_kinds=kinds)
        check_there(self, data)
        images = self.shelf.images(data)
        refuse_unknown_kinds(images.metadata, [f"{name}={kind}" for name, kind in self._asked_kinds.items()])
        refuse_other_data(self, images)
        return images

    @property
    def has_other_table(self) -> bool:
        """Whether it was opened with other metadata than its own."""
        return self._metadata is not None or self._columns is not None

    @property
    def column_kinds(self) -> dict[str, str]:
        """What columns are said to be, by this run or by whoever opened it."""
        return kinds_of_columns(self.config().data.column_kinds or ()) | self._asked_kinds

    def changed_table(self) -> str | None:
        """What has changed in the run's own metadata since it was started, in a clause; None where nothing has.

        Raises:
            UserError: as `images`.
        """
        return None if self.has_other_table else changed_table(self, self.images, aside=self._asked_kinds)

    def state_of(self, checkpoint: Path) -> LoopState:
        """Where the loop stood when one of the run's checkpoints was taken.

        Raises:
            UserError: the file is damaged, or of another run.
        """
        if checkpoint not in self._states:
            self._checkpoint(checkpoint)
        return self._states[checkpoint]

    def find_step(self, step: int) -> Path:
        """The checkpoint, or the early network, that was kept after update number `step`.

        Raises:
            UserError: none was; the message lists the steps at which one was. Or a file is damaged.
        """
        kept = {self.state_of(path).step: path for path in (*self.early_checkpoints(), *self.checkpoints())}
        if step not in kept:
            steps = ", ".join(map(str, sorted(kept)))
            raise UserError(
                f"{self.path} kept no network after step {step}; it has those of steps {steps or 'none yet'}"
            )
        return kept[step]

    def network(self, checkpoint: str | Path = "last", device: str = "auto") -> Trained:
        """The network at one of the run's checkpoints.

        Args:
            checkpoint: `last`, `best`, the number of an epoch, or a path.
            device: `auto`, `cpu`, `cuda` or `mps`.

        Raises:
            UserError: there is no such checkpoint, it is damaged, or it is of another run.
        """
        config, file = self.config(), self.find_checkpoint(str(checkpoint))
        if (file, device) not in self._networks:
            saved = self._checkpoint(file, str(checkpoint))
            encoder = self._encoder(saved.image_shape)
            trained = trained_from(self, config, saved, str(checkpoint), encoder, device)
            self._kept.pop(file, None)
            if self._room_for(saved, beside=[t.network.state_dict() for t in self._networks.values()]):
                self._networks[file, device] = trained
            return trained
        return self._networks[file, device]

    def _encoder(self, image_shape: ImageShape) -> FittedEncoder | None:
        return self.once("fitted encoder", lambda: load_encoder(self, self.config(), image_shape))

    def _checkpoint(self, file: Path, name: str | None = None) -> Checkpoint:
        """A checkpoint without its optimizer, kept where there is room."""
        if file not in self._kept:
            saved = load_own_checkpoint(self, name or str(file), self.config(), may_differ=NOT_OF_THE_NETWORK)
            self._states[file] = saved.state
            saved = dataclasses.replace(saved, optimizer={})
            if not self._room_for(saved, beside=[kept.model for kept in self._kept.values()]):
                return saved
            self._kept[file] = saved
        return self._kept[file]

    def _room_for(self, saved: Checkpoint, beside: Sequence[dict[str, Any]]) -> bool:
        return sum(map(_bytes, [saved.model, *beside])) <= MOST_KEPT_BYTES


def _bytes(weights: dict[str, Any]) -> int:
    return sum(int(values.numel() * values.element_size()) for values in weights.values())


RunLike = AnyPath | Run | Trained
"""What stands for a run wherever one is asked for: its folder, what `open_run` gave, or what `train` did."""

RunLikes = RunLike | Sequence[RunLike] | Mapping[Any, RunLike]
"""One or several of them; of runs by name, the names are not used."""


def open_run(
    run: RunLike,
    *,
    shelf: Shelf | None = None,
    images: AnyPath | None = None,
    metadata: AnyPath | None = None,
    columns: Sequence[str] | None = None,
    column_kinds: Sequence[str] | None = None,
) -> OpenedRun:
    """Open a run, or hand on one that is open already. Nothing is read before it is asked for.

    Args:
        run: a run folder, finished or in training; or what `train` and `load_run` give.
        shelf: that of other runs, to be opened together; None for one of its own.
        images: the file of its images, where that was moved.
        metadata: file of other metadata than the run's.
        columns: names of its columns, where it is an `.npy`.
        column_kinds: what columns are, such as `heading=radians`, where it is not what the run says.

    Raises:
        UserError: what columns are is not said in this form.
    """
    run = run.run if isinstance(run, Trained) else run
    if isinstance(run, OpenedRun):
        return run
    return OpenedRun(
        run,
        shelf or Shelf(),
        None if images is None else path_of(images, IMAGES),
        None if metadata is None else path_of(metadata, "metadata"),
        columns,
        column_kinds,
    )


def several_runs(runs: RunLikes) -> list[RunLike]:
    """Runs as a list, where one may be given by itself, and several by name."""
    if isinstance(runs, Mapping):
        return list(runs.values())
    if isinstance(runs, Iterable) and not isinstance(runs, str | os.PathLike):
        return list(runs)
    return [runs]


def table_notes(runs: Sequence[OpenedRun]) -> list[str]:
    """What has changed in the metadata of runs since they were started, a sentence for all that say the same.

    Raises:
        UserError: as `OpenedRun.images`.
    """
    changed: dict[str, list[str]] = {}
    for run in runs:
        if (said := run.changed_table()) is not None:
            changed.setdefault(said, []).append(str(run.path))
    return [since_started(paths, said) for said, paths in changed.items()]


def load_run(run: RunLike, checkpoint: str = "last", *, device: str = "auto") -> Trained:
    """Load a run's network.

    Args:
        run: a run folder, or what `open_run` gave.
        checkpoint: `last`, `best`, the number of an epoch, or a path.
        device: `auto`, `cpu`, `cuda` or `mps`.

    Raises:
        UserError: there is no such run or checkpoint, or a file is damaged.
    """
    return open_run(run).network(checkpoint, device)
