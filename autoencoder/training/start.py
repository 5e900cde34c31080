"""Starting and resuming: `train` makes a run, and `resume` continues one. Both leave a complete run folder."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from autoencoder.array_types import Integers
from autoencoder.config import WRITERS, ObjectiveConfig, RunConfig
from autoencoder.config.arguments import IMAGES, AnyPath, path_of
from autoencoder.data.batches import Pixels
from autoencoder.data.images import ImageSet, all_alike, depth_advice
from autoencoder.data.metadata_files import refuse_unknown_kinds
from autoencoder.data.timescales import label_warnings
from autoencoder.errors import UserError, number_of, problems_of, raise_if_any
from autoencoder.machine.device import choose_device, describe_environment, prepare_machine
from autoencoder.machine.progress import SILENT, Say
from autoencoder.machine.stopping import StopRequest
from autoencoder.models.fitted import FittedEncoder
from autoencoder.models.network import check_image_shape
from autoencoder.objectives.base import make_objective
from autoencoder.runs.checkpoint import Checkpoint, LoopState
from autoencoder.runs.columns import changed_table, column_hashes, since_started
from autoencoder.runs.data import (
    check_same_targets,
    load_data,
    load_run_data,
    refuse_other_data,
    resolve_split,
    split_rows,
    target_hash,
)
from autoencoder.runs.folder import Run, RunSplit, next_free_run
from autoencoder.runs.lock import hold
from autoencoder.runs.opened import RunLike
from autoencoder.runs.trained import Trained, load_encoder, load_own_checkpoint
from autoencoder.runs.writers.base import check_writers
from autoencoder.training.engines import engine_name, make_engine
from autoencoder.training.fitting import fit_encoders, fitting_problems
from autoencoder.training.keeper import open_keeper
from autoencoder.training.learner import Learner, balanced_values, make_learner, shown_per_epoch
from autoencoder.training.loop import Advance, TrainingLoop, is_finished

MAY_CHANGE = (
    "images",
    "metadata",
    "columns",
    "epochs",
    "device",
    "engine",
    "deterministic",
    "threads",
    "experiment_name",
    *WRITERS,
)
"""Settings in which a run may differ from its checkpoint when it is resumed; images are known by their hash."""

ROUNDING_DEPENDS_ON = {
    "torch",
    "numpy",
    "device",
    "device_name",
    "cpu_capability",
    "threads",
    "engine",
    "deterministic",
}
"""What a run's environment says that sums are rounded by."""


@dataclass(frozen=True)
class Training:
    """A run that is ready for its next update, and held.

    Attributes:
        run: its folder.
        learner: its network, and all that it learns from.
        loop: what trains it; None where nothing is left to train.
    """

    run: Run
    learner: Learner
    loop: TrainingLoop | None

    def finished(self) -> Trained:
        """Train to the end, and give the network, for encoding and reconstructing."""
        if self.loop is not None:
            self.loop.run()
        learner = self.learner
        learner.network.eval()
        return Trained(
            self.run, learner.config, learner.image_shape, learner.objective, learner.network, learner.device
        )

    def turns(self, stop: StopRequest, advance: Advance) -> Iterator[None]:
        """The same an update at a time; see `TrainingLoop.turns`."""
        if self.loop is not None:
            yield from self.loop.turns(stop, advance)


def train(
    config: RunConfig,
    run: AnyPath | None = None,
    *,
    data: ImageSet | None = None,
    encoder: FittedEncoder | None = None,
    quiet: bool = True,
    say: Say = SILENT,
) -> Trained:
    """Train a network from scratch and leave a run folder.

    Args:
        config: what to train, on what.
        run: folder to make; it must not exist. None for `runs/DATA-ENCODER[-OBJECTIVE]-001`, or the next number.
        data: the images that `config.data` names, where the caller has them loaded.
        encoder: a fitted encoder, where the caller has it; None for fitting one, if `config` names such an encoder.
        quiet: show no progress.
        say: is told what begins, and what the user should know of it, such as a loss of exactly zero.

    Returns:
        the trained network.

    Raises:
        UserError: the configuration, the data and the machine do not go together (everything that is wrong, and no
            folder is left), another process trains this run, the disk is full, or the loss is not finite.
        Interrupted: SIGINT or SIGTERM came; the run is saved and can be resumed.
    """
    if not isinstance(config, RunConfig):
        file = str(path_of(config, IMAGES))  # images in memory are refused by what is said of them there
        raise UserError(f"train takes a configuration, such as run_config({file!r}), and not {file!r} itself")
    folder = usual_run(config) if run is None else run
    with begin(config, folder, data=data, encoder=encoder, quiet=quiet, say=say) as training:
        return training.finished()


def usual_run(config: RunConfig) -> Path:
    """Where a run goes whose folder is not named; the objective is in its name where it is not the usual one."""
    named = [] if config.objective.name == ObjectiveConfig().name else [config.objective.name]
    stem = "-".join([Path(config.data.images).stem, config.model.encoder, *named])
    return next_free_run(Path("runs"), stem).path


@contextmanager
def begin(
    config: RunConfig,
    run: AnyPath,
    *,
    data: ImageSet | None = None,
    pixels: Pixels | None = None,
    encoder: FittedEncoder | None = None,
    patience: float = 0.0,
    quiet: bool = True,
    say: Say = SILENT,
) -> Iterator[Training]:
    """What `train` does before the first update: a run folder that is complete but for its training, and is held.

    Args:
        pixels: `data` on the device, where the caller has them there.
        patience: seconds to wait for another process that trains the run.
        config, run, data, encoder, quiet, say: see `train`.

    Raises:
        UserError: as `train`.
    """
    folder = Run(run)
    config = config.with_absolute_paths()
    if existing := problems_of(folder.refuse_existing):
        raise_if_any(existing + problems_of(lambda: _fit(config, load_data(config) if data is None else data)))
    check_writers(config)
    device = choose_device(config.training.device)
    executed_by = engine_name(config.training.engine, device)
    with hold(folder, patience) as held:
        folder.refuse_existing()  # another process may have made it meanwhile
        prepare_machine(device, config.training.threads, deterministic=config.training.deterministic)
        images, asked = data if data is not None else load_data(config), config.objective
        fitting = _fit(config, images)
        config, split = fitting.config, fitting.split
        environment = describe_environment(device) | {
            "engine": executed_by,
            "deterministic": config.training.deterministic,
            "seed": config.training.seed,
            "n_images": len(images),
            "image_shape": images.image_shape,
            "data_sha256": images.content_hash(),
            "split_sha256": split.content_hash(),
            "targets_sha256": target_hash(config.objective, images),
            "columns_sha256": column_hashes(images.metadata),
            "n_without_target": fitting.n_without_target,
        }
        if config.model.is_fitted and encoder is None:
            encoder = fit_encoders(config, images, [config.model.latent_dim], quiet=quiet)[0]
        learner = make_learner(folder, config, images, split, device, encoder, pixels=pixels)
        held.check()
        folder.create(config, split, environment, None if encoder is None else encoder.arrays(), images.recipe)
        what = f"encoder '{config.model.encoder}' for objective '{config.objective.name}' on {config.data.images}"
        say(f"Training {what}; the run goes to {folder.path}")
        if asked.target is None and asked.vector is None and config.objective.target is not None:
            say(f"the column to predict is '{config.objective.target}', since none was named (--target)")
        if fitting.said is not None:
            say(fitting.said)
        if (alike := all_alike(images)) is not None:
            say(f"note: {alike}: there is nothing to learn")
        if (advice := depth_advice(images.images, config.data.max_pixel_value)) is not None:
            say(f"note: {advice}")
        predicted = [] if config.objective.target is None else [config.objective.target]
        for warning in label_warnings(images.metadata, len(images), predicted):
            say(f"note: {warning}")
        keeper = open_keeper(folder, held, learner, split, None, say)
        executor = make_engine(learner, say)
        name = folder.path.name
        loop = TrainingLoop(learner, executor, keeper, split.snapshot, LoopState(), quiet=quiet, say=say, name=name)
        yield Training(folder, learner, loop)


def resume(
    run: RunLike,
    *,
    epochs: int | None = None,
    device: str | None = None,
    engine: str | None = None,
    deterministic: bool | None = None,
    threads: int | None = None,
    images_file: AnyPath | None = None,
    metadata_file: AnyPath | None = None,
    data: ImageSet | None = None,
    quiet: bool = True,
    say: Say = SILENT,
) -> Trained:
    """Go on with a run where its last checkpoint stands; its own configuration holds. A finished one is left alone.

    Args:
        run: a run folder, or what `train` or `open_run` gave.
        epochs: train until this many epochs instead of the number that the run was started with.
        device: another device than the run was started on.
        engine, deterministic, threads: another way to execute updates than the run was started with; see
            `TrainingConfig`.
        images_file, metadata_file: where the run's data are now, if they were moved; the run remembers it, also where
            there is nothing left to train.
        data: the run's images, where the caller has them loaded.
        quiet: show no progress.
        say: is told what the user should know, such as that rounding may differ on this machine.

    Raises:
        UserError: there is no run, a file of it is damaged, another process trains it, or its data, targets, split,
            configuration or checkpoint are not those that belong together.
        Interrupted: as with `train`.
    """
    changes = Changes(epochs, device, engine, deterministic, threads, images_file, metadata_file)
    with go_on(run, changes, data=data, quiet=quiet, say=say) as training:
        return training.finished()


@dataclass(frozen=True)
class Changes:
    """In what a run that is resumed differs from how it was started, see `resume`; None where it does not."""

    epochs: int | None = None
    device: str | None = None
    engine: str | None = None
    deterministic: bool | None = None
    threads: int | None = None
    images_file: AnyPath | None = None
    metadata_file: AnyPath | None = None

    def applied(self, config: RunConfig) -> RunConfig:
        """The configuration with these changes."""
        files = {"images": self.images_file, "metadata": self.metadata_file}
        data: dict[str, Any] = {name: str(path_of(file, name)) for name, file in files.items() if file is not None}
        how = {name: getattr(self, name) for name in ("epochs", "device", "engine", "deterministic", "threads")}
        training = {name: value for name, value in how.items() if value is not None}
        return dataclasses.replace(
            config,
            data=dataclasses.replace(config.data, **data),
            training=dataclasses.replace(config.training, **training),
        ).with_absolute_paths()


@contextmanager
def go_on(
    run: RunLike,
    changes: Changes,
    *,
    data: ImageSet | None = None,
    pixels: Pixels | None = None,
    patience: float = 0.0,
    quiet: bool = True,
    say: Say = SILENT,
) -> Iterator[Training]:
    """What `resume` does before the next update: the run as its last checkpoint has it, held.

    Args:
        changes: in what it differs from then on.
        pixels: `data` on the device, where the caller has them there.
        patience: seconds to wait for another process that trains the run.
        run, data, quiet, say: see `resume`.

    Raises:
        UserError: as `resume`.
    """
    folder = Run(run)
    before = folder.config()
    config = changes.applied(before)
    target = choose_device(config.training.device)
    executed_by = engine_name(config.training.engine, target)
    check_writers(config)
    with hold(folder, patience) as held:
        prepare_machine(target, config.training.threads, deterministic=config.training.deterministic)
        if data is not None:
            refuse_other_data(folder, data)
        images = load_run_data(folder, config) if data is None else data
        check_same_targets(folder, config, images)
        refuse_other_balance(folder, config, images)
        if (changed := changed_table(folder, images)) is not None:
            say(f"note: {since_started([str(folder.path)], changed)}")
        checkpoint = _newest_checkpoint(folder, config, say)
        if checkpoint is not None:
            begun = checkpoint.state.epoch + (checkpoint.state.batch > 0)
            if config.training.epochs < begun:
                raise UserError(
                    f"{folder.path} has already been trained for {number_of(begun, 'epoch')}: give "
                    "--epochs a larger number"
                )
        encoder = load_encoder(folder, config, images.image_shape)
        split = folder.split()
        if checkpoint is not None:
            _note_missing(folder, checkpoint, say)
        learner = make_learner(folder, config, images, split, target, encoder, checkpoint, pixels=pixels)
        state = LoopState() if checkpoint is None else checkpoint.state
        held.check()
        folder.remove_leftovers()
        if is_finished(config.training, state):
            if config.data != before.data:
                folder.write_config(dataclasses.replace(before, data=config.data))
            yield Training(folder, learner, None)
            return
        how = {"engine": executed_by, "deterministic": config.training.deterministic}
        _note_machine(folder, state.step, describe_environment(target) | how, say)
        planned = (before if checkpoint is None else checkpoint.config).training.epochs
        if config.training.epochs != planned and config.training.schedule != "constant":
            say(
                f"note: the schedule '{config.training.schedule}' now runs over "
                f"{number_of(config.training.epochs, 'epoch')}; up to here it ran over {planned}: the result differs "
                f"from that of {number_of(config.training.epochs, 'epoch')} from the start"
            )
        folder.write_config(config)
        keeper = open_keeper(folder, held, learner, split, None if checkpoint is None else state.step, say)
        executor = make_engine(learner, say)
        name = folder.path.name
        loop = TrainingLoop(learner, executor, keeper, split.snapshot, state, quiet=quiet, say=say, name=name)
        yield Training(folder, learner, loop)


@dataclass(frozen=True, eq=False)
class _Fitting:
    """A configuration that the images have filled in, their split, and what is said of it."""

    config: RunConfig
    split: RunSplit
    said: str | None
    n_without_target: int


def _fit(config: RunConfig, images: ImageSet) -> _Fitting:
    """Split the images of a new run, and fill in what only they can tell.

    Raises:
        UserError: configuration and images do not go together.
    """
    refuse_unknown_kinds(images.metadata, config.data.column_kinds)
    resolved = resolve_split(config.data, images)
    config = dataclasses.replace(config, data=resolved.data)
    split = split_rows(config, images)
    config, known = check_fit(config, images, split)
    return _Fitting(config, split, resolved.said, int((~known).sum()))


def check_fit(config: RunConfig, images: ImageSet, split: RunSplit) -> tuple[RunConfig, NDArray[np.bool_]]:
    """Refuse, with everything that is wrong, what can only be seen with the data at hand.

    Args:
        config: of a run whose split leaves nothing open.
        images: the run's.
        split: of them.

    Returns:
        the configuration with what only the data could tell, and (N,) which images have a known target.
    """
    where, problems = images.source or "the data", []
    try:
        check_image_shape(config.model, images.image_shape)
    except UserError as error:
        problems += [f"{where}: {problem}" for problem in error.problems]
    _, height, width = images.image_shape
    if "rotate" in (config.objective.augment or ()) and height != width:
        problems.append(
            f"--augment rotate: quarter turns need square images, and {where} has {height}x{width}: leave it out"
        )
    known = np.ones(len(images), bool)
    try:
        objective = make_objective(config.objective).resolved(images, split.train)
        config = dataclasses.replace(config, objective=objective)
        known = make_objective(objective).targets(images, torch.device("cpu")).known
    except UserError as error:
        problems += error.problems
    n_train, n_val = int(known[split.train].sum()), int(known[split.val].sum())
    try:
        balanced = balanced_values(config, images, split.train[known[split.train]])
        n_train = n_train if balanced is None else shown_per_epoch(balanced)
        problems += [] if balanced is None else _balance_problems(config, balanced, str(where))
    except UserError as error:
        problems += error.problems
    if n_train < config.training.batch_size:
        problems.append(
            f"{where} has {number_of(n_train, 'training image')}{'' if known.all() else ' with a known target'}, "
            "fewer than a batch"
            + (f": use --batch-size {n_train} or less, or more images" if n_train > 1 else "; more are needed")
        )
    if n_val == 0:
        problems.append(f"{where} has no held-out image with a known target: hold out more (--val-fraction)")
    if config.model.is_fitted:
        problems += fitting_problems(config.model.encoder, config.model.latent_dim, len(split.train), images)
    raise_if_any(problems)
    return config, known


def _balance_problems(config: RunConfig, balanced: Integers, where: str) -> list[str]:
    """Why epochs cannot be balanced by a column, in words."""
    name, problems = config.training.balance, []
    if config.model.is_fitted:
        problems.append(
            f"--balance {name}: the encoder '{config.model.encoder}' is fitted to all training images at once, which "
            "are not balanced: leave --balance out, or choose an encoder that learns"
        )
    if len(np.unique(balanced)) < 2:
        problems.append(
            f"--balance {name}: the training images of {where} have one value in this column: leave --balance out"
        )
    return problems


def refuse_other_balance(run: Run, config: RunConfig, images: ImageSet) -> None:
    """Refuse to resume a run whose epochs are balanced by a column that has changed: they would be others.

    Raises:
        UserError: its values are not those of the start.
    """
    name = config.training.balance
    if name is None:
        return
    before, now = run.environment().get("columns_sha256", {}).get(name), column_hashes(images.metadata).get(name)
    if before != now:
        raise UserError(
            f"column '{name}' in {images.metadata.source or images.source}, by which the epochs of {run.path} are "
            "balanced, has changed since the run was started (its hash differs): restore that file, or start a "
            "new run"
        )


def _newest_checkpoint(run: Run, config: RunConfig, say: Say) -> Checkpoint | None:
    """Where a run is to be resumed: its last checkpoint or, where that is gone, the newest that it kept.

    Raises:
        UserError: a checkpoint is damaged, or of another run.
    """

    def load(name: str) -> Checkpoint:
        try:
            return load_own_checkpoint(run, name, config, may_differ=MAY_CHANGE, restore_rng=True)
        except UserError as error:
            if len(kept) == 1:
                raise
            hint = "if it is lost, delete it, and --resume continues from the newest other one"
            raise UserError([*error.problems, hint]) from None

    kept = [str(file) for file in run.checkpoints()]
    if run.checkpoint_file("last").exists():
        return load("last")
    # The first epoch's row comes before its checkpoints, of which `last` comes last: a process that was killed between
    # them has lost nothing by starting anew, and would not know which others it still has to write.
    if len(run.metrics()) <= 1:
        return None
    if not kept:
        raise UserError(
            f"{run.path} was past its first epoch and all its checkpoints are gone: put back "
            f"{run.checkpoint_file('last')} or another one, or start a new run"
        )
    newest = max(kept, key=lambda name: load(name).state.step)
    say(f"note: {run.checkpoint_file('last')} is missing; continuing from {newest}")
    return load(newest)


def _note_missing(run: Run, checkpoint: Checkpoint, say: Say) -> None:
    """Say what tables of a run have lost; a table that is damaged is refused by name."""
    rows, state = run.metrics(), checkpoint.state
    if state.epoch > 0 and not any(row["epoch"] == state.epoch for row in rows):
        say(f"note: {run.metrics_file} has no row for epoch {state.epoch}: its rows up to there are lost")
    indexed = {row["file"] for row in run.snapshot_index()}
    lost = [file for file in run.snapshot_files() if file.name not in indexed]
    if lost and not indexed:
        say(f"note: {run.snapshot_index_file} is missing: the {len(lost)} earlier snapshots are no longer shown")


def _note_machine(run: Run, step: int, now: dict[str, Any], say: Say) -> None:
    """Keep in the run that it was resumed, and say where rounding may differ from then on."""
    known = run.environment()
    before = {name: known.get(name) for name in now}
    for earlier in known.get("resumed", []):
        before |= {name: value for name, value in earlier.items() if name in now}
    differing = {name: value for name, value in now.items() if before[name] not in (None, value)}
    run.note_resumed({"at_step": step, **differing})
    if differing.keys() & ROUNDING_DEPENDS_ON:
        listed = ", ".join(f"{name} {before[name]}, now {value}" for name, value in differing.items())
        say(f"note: this run was trained with {listed}; results agree up to rounding, but not bit for bit")
