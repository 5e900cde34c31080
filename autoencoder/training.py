"""One training loop for every encoder and objective.

`train` starts a run and `resume` goes on with one; both leave a complete run folder (see `runs.py`). Every random draw
has a stream of its own (`seeding.py`) and the learning rate is a function of the step (`schedules.py`), so a run that
was stopped anywhere and resumed ends with the same weights, bit for bit on the CPU, as one that was not.
"""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from autoencoder.config import DataConfig, RunConfig, TrainingConfig
from autoencoder.data.batches import Pixels, Rows, epoch_order, split_into_batches
from autoencoder.data.images import ImageSet
from autoencoder.data.noise import corrupt, corrupt_each
from autoencoder.data.split import make_split
from autoencoder.errors import UserError, raise_if_any
from autoencoder.machine.device import choose_device, describe_environment, prepare_machine
from autoencoder.machine.progress import Progress, Say
from autoencoder.machine.stopping import Interrupted, StopRequest
from autoencoder.models.fitted import FittedEncoder
from autoencoder.models.network import Network, Output, architecture, check_image_shape, on_device
from autoencoder.objectives.base import Objective, make_objective
from autoencoder.runs.checkpoint import Checkpoint, LoopState
from autoencoder.runs.data import check_same_data, check_same_targets, load_data, load_run_data, target_hash
from autoencoder.runs.folder import Run, RunSplit
from autoencoder.runs.lock import Hold, hold
from autoencoder.runs.log import MetricsLog, check_tensorboard
from autoencoder.runs.snapshots import SnapshotWriter, batches_before_snapshots, choose_samples, encode_rows
from autoencoder.runs.trained import Trained, flat_inputs, load_encoder, load_own_checkpoint
from autoencoder.schedules import learning_rate
from autoencoder.seeding import draw_rows, numpy_stream, stream_seed, torch_stream

SECONDS_BETWEEN_SAVES = 60.0
"""An epoch that takes longer than this also saves `last.pt` on its way."""

MAY_CHANGE = ("images", "metadata", "columns", "epochs", "device", "threads", "tensorboard")
"""Settings in which a run may differ from its checkpoint when it is gone on with; images are known by their hash."""

ROUNDING_DEPENDS_ON = {"torch", "numpy", "device", "device_name", "cpu_capability", "threads"}
"""What `describe_environment` says that sums are rounded by."""

LOSS_CHECK_INTERVAL = {"cpu": 1, "cuda": 20, "mps": 20}
"""Updates between two looks at the loss; each look makes a GPU wait, so there they are rarer."""


def train(
    config: RunConfig,
    run: str | Path,
    *,
    data: ImageSet | None = None,
    encoder: FittedEncoder | None = None,
    quiet: bool = True,
    say: Say = lambda text: None,
) -> Trained:
    """Train a network from scratch and leave a run folder.

    Args:
        config: what to train, on what.
        run: folder to make; it must not exist.
        data: the images that `config.data` names, where the caller has them loaded.
        encoder: from `fit_encoders`, where the caller has it; None for fitting one, if `config` names a fitted encoder.
        quiet: show no progress.
        say: is told what begins, and what the user should know of it, such as a loss of exactly zero.

    Returns:
        the trained network.

    Raises:
        UserError: the configuration, the data and the machine do not go together (everything that is wrong, and no
            folder is left), another process trains this run, the disk is full, or the loss is not finite.
        Interrupted: SIGINT or SIGTERM came; the run is saved and can be resumed.
    """
    folder = Run(run)
    folder.refuse_existing()
    config = config.with_absolute_paths()
    if config.training.tensorboard:
        check_tensorboard()
    device = choose_device(config.training.device)
    with hold(folder) as held:
        folder.refuse_existing()  # another process may have made it meanwhile
        prepare_machine(device, config.training.threads)
        images = data if data is not None else load_data(config)
        split = _split_rows(config, len(images))
        config, known = _check_fit(config, images, split)
        environment = describe_environment(device) | {
            "seed": config.training.seed,
            "n_images": len(images),
            "image_shape": images.image_shape,
            "data_sha256": images.content_hash(),
            "split_sha256": split.content_hash(),
            "targets_sha256": target_hash(config.objective, images),
            "n_without_target": int((~known).sum()),
        }
        if config.model.is_fitted and encoder is None:
            encoder = fit_encoders(config, images, [config.model.latent_dim], quiet=quiet)[0]
        loop = TrainingLoop(folder, held, config, images, split, device, None, encoder, quiet=quiet, say=say)
        held.check()
        folder.create(config, split, environment, None if encoder is None else encoder.arrays())
        what = f"'{config.model.encoder}' to {config.objective.name} on {config.data.images}"
        say(f"Training {what}; the run goes to {folder.path}")
        loop.start()
        loop.fit()
        return loop.trained()


def resume(
    run: str | Path,
    *,
    epochs: int | None = None,
    device: str | None = None,
    images_file: str | Path | None = None,
    metadata_file: str | Path | None = None,
    data: ImageSet | None = None,
    quiet: bool = True,
    say: Say = lambda text: None,
) -> Trained:
    """Go on with a run where its last checkpoint stands; its own configuration holds. A finished one is left alone.

    Args:
        run: a run folder.
        epochs: train until this many epochs instead of the number that the run was started with.
        device: another device than the run was started on.
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
    folder = Run(run)
    before = folder.config()
    config = dataclasses.replace(
        before,
        data=_changed(
            before.data, images=images_file and str(images_file), metadata=metadata_file and str(metadata_file)
        ),
        training=_changed(before.training, epochs=epochs, device=device),
    ).with_absolute_paths()
    target = choose_device(config.training.device)
    if config.training.tensorboard:
        check_tensorboard()
    with hold(folder) as held:
        prepare_machine(target, config.training.threads)
        if data is not None:
            check_same_data(folder, data)
        images = load_run_data(folder, config) if data is None else data
        check_same_targets(folder, config, images)
        checkpoint = _newest_checkpoint(folder, config, say)
        if checkpoint is not None:
            begun = checkpoint.state.epoch + (checkpoint.state.batch > 0)
            if config.training.epochs < begun:
                raise UserError(f"{folder.path} is at {begun} epochs already: give --epochs a larger number")
        encoder = load_encoder(folder, config, images.image_shape)
        split = folder.split()
        if checkpoint is not None:
            _note_missing(folder, checkpoint, say)
        loop = TrainingLoop(folder, held, config, images, split, target, checkpoint, encoder, quiet=quiet, say=say)
        held.check()
        folder.remove_leftovers()
        if loop.is_finished():
            if config.data != before.data:
                folder.write_config(dataclasses.replace(before, data=config.data))
            return loop.trained()
        _note_machine(folder, loop.state.step, describe_environment(target), say)
        planned = (before if checkpoint is None else checkpoint.config).training.epochs
        if config.training.epochs != planned and config.training.schedule != "constant":
            say(
                f"note: the schedule '{config.training.schedule}' is now that of {config.training.epochs} epochs, and "
                f"was that of {planned} up to here: the run is not the one that {config.training.epochs} epochs from "
                "the start would have given"
            )
        folder.write_config(config)
        loop.start()
        loop.fit()
        return loop.trained()


_Section = TypeVar("_Section", DataConfig, TrainingConfig)


def _changed(section: _Section, **settings: Any) -> _Section:
    """A section of a configuration with those of `settings` that are not None."""
    return dataclasses.replace(section, **{name: value for name, value in settings.items() if value is not None})


def _newest_checkpoint(run: Run, config: RunConfig, say: Say) -> Checkpoint | None:
    """Where a run is to be gone on with: its last checkpoint or, where that is gone, the newest that it kept.

    Raises:
        UserError: a checkpoint is damaged, or of another run.
    """

    def load(name: str) -> Checkpoint:
        try:
            return load_own_checkpoint(run, name, config, may_differ=MAY_CHANGE, restore_rng=True)
        except UserError as error:
            if len(kept) == 1:
                raise
            hint = "if it is lost, take it away, and --resume goes on from the newest other one"
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
            f"{run.path} was past its first epoch and all its checkpoints are gone: put "
            f"{run.checkpoint_file('last')} or another one back, or start a new run"
        )
    newest = max(kept, key=lambda name: load(name).state.step)
    say(f"note: {run.checkpoint_file('last')} is missing; going on from {newest}")
    return load(newest)


def _note_missing(run: Run, checkpoint: Checkpoint, say: Say) -> None:
    """Say what tables of a run have lost; a table that is damaged is refused by name."""
    rows, state = run.metrics(), checkpoint.state
    if state.epoch > 0 and not any(row["epoch"] == state.epoch for row in rows):
        say(f"note: {run.metrics_file} knows nothing of epoch {state.epoch}: its rows up to there are lost")
    indexed = {row["file"] for row in run.snapshot_index()}
    lost = [file for file in run.snapshot_files() if file.name not in indexed]
    if lost and not indexed:
        say(f"note: {run.snapshot_index_file} is missing: the {len(lost)} snapshots before this are not shown any more")


def _note_machine(run: Run, step: int, now: dict[str, Any], say: Say) -> None:
    """Keep in the run that it was gone on with, and say where rounding may differ from then on."""
    known = run.environment()
    before = {name: known.get(name) for name in now}
    for earlier in known.get("resumed", []):
        before |= {name: value for name, value in earlier.items() if name in now}
    differing = {name: value for name, value in now.items() if before[name] not in (None, value)}
    run.note_resumed({"at_step": step, **differing})
    if differing.keys() & ROUNDING_DEPENDS_ON:
        listed = ", ".join(f"{name} {before[name]}, now {value}" for name, value in differing.items())
        say(f"note: earlier this run was trained with {listed}; results are the same up to rounding, not to the bit")


def _split_rows(config: RunConfig, n_images: int) -> RunSplit:
    data, seed = config.data, config.training.seed
    split = make_split(n_images, data.split, data.val_fraction, stream_seed(seed, "split"), data.block_size)
    samples = choose_samples(n_images, config.training.snapshot_samples, seed)
    return RunSplit(split.train, split.val, samples)


def _check_fit(config: RunConfig, images: ImageSet, split: RunSplit) -> tuple[RunConfig, NDArray[np.bool_]]:
    """Refuse, with everything that is wrong, what can only be seen with the data at hand.

    Returns:
        the configuration with what only the data could tell, and (N,) which images have a known target.
    """
    where, problems = images.source or "the data", []
    try:
        check_image_shape(config.model, images.image_shape)
    except UserError as error:
        problems += [f"{where}: {problem}" for problem in error.problems]
    known = np.ones(len(images), bool)
    try:
        objective = make_objective(config.objective).resolved(images)
        config = dataclasses.replace(config, objective=objective)
        known = make_objective(objective).targets(images, torch.device("cpu")).known
    except UserError as error:
        problems += error.problems
    n_train, n_val = int(known[split.train].sum()), int(known[split.val].sum())
    if n_train < config.training.batch_size:
        problems.append(
            f"{where} has {n_train} training images{'' if known.all() else ' with a known target'}, fewer than a batch"
            + (f": use --batch-size {n_train} or less, or more images" if n_train > 1 else "; more are needed")
        )
    if n_val == 0:
        problems.append(f"{where} has no held-out image with a known target: hold out more (--val-fraction)")
    if config.model.is_fitted:
        problems += _fitting_problems(config.model.encoder, config.model.latent_dim, len(split.train), images)
    raise_if_any(problems)
    return config, known


def _fitting_problems(encoder: str, latent_dim: int, n_train: int, images: ImageSet) -> list[str]:
    where, values, fewest = images.source or "the data", math.prod(images.image_shape), _fitted(encoder).MIN_IMAGES
    if n_train < fewest:
        return [f"the encoder '{encoder}' is fitted to {fewest} training images or more, and {where} has {n_train}"]
    most = min(n_train - 1, values)
    if latent_dim <= most:
        return []
    return [
        f"the encoder '{encoder}' makes at most {most} latent units of {n_train} training images of {values} values "
        f"({where}), not {latent_dim}: give --latent-dim {most} or less, or more images"
    ]


def _fitted(encoder: str) -> type[FittedEncoder]:
    kind: type[FittedEncoder] = architecture(encoder).Encoder
    return kind


def fit_encoders(
    config: RunConfig, images: ImageSet, latent_dims: Sequence[int], *, quiet: bool = True
) -> list[FittedEncoder]:
    """Fit the encoder that `config` names to (some of) the run's training images, with the noise that it sees them in.

    Args:
        config: encoder, split, noise and seed.
        images: the images that `config.data` names.
        latent_dims: numbers of latent units; one encoder is made for each, in one pass.
        quiet: show no progress.

    Raises:
        UserError: there are too few training images for so many units, or they are all the same.
    """
    encoder, seed, device = config.model.encoder, config.training.seed, choose_device(config.training.device)
    rows, limit = _split_rows(config, len(images)).train, _fitted(encoder).MAX_IMAGES
    raise_if_any(_fitting_problems(encoder, max(latent_dims), len(rows), images))
    rows = draw_rows(rows, limit, seed, "fitted images")
    with Progress(f"Fitting {encoder} to {len(rows):,} images", 1, "fits", quiet=quiet) as progress:
        inputs = flat_inputs(images, rows, config.objective.noise, seed, "fitting noise", device)
        if (inputs == inputs[0]).all():
            raise UserError(
                f"the training images of {images.source or 'the data'} are all the same: there is nothing to fit the "
                f"encoder '{encoder}' to"
            )
        encoders = _fitted(encoder).fit_several(inputs, latent_dims, seed)
        progress.advance()
    return encoders


def _moments(state: dict[int, Any], parameters: list[Tensor]) -> dict[int, dict[str, Tensor]]:
    """The optimizer's running means in a checkpoint of one update or more, by the number of their parameter.

    Raises:
        ValueError: they are not those of `parameters`.
    """
    if state.keys() != set(range(len(parameters))):
        raise ValueError(f"the optimizer's state is of {len(state)} parameters, not of {len(parameters)}")
    for number, values in state.items():
        shapes, shape = {name: value.shape for name, value in values.items()}, parameters[number].shape
        if shapes != {"step": torch.Size([]), "exp_avg": shape, "exp_avg_sq": shape}:
            raise ValueError(f"the optimizer's state {number} has the shapes {shapes}")
    return state


class TrainingLoop:
    """A run in training: the network, its optimizer, and where the loop stands."""

    def __init__(
        self,
        run: Run,
        held: Hold,
        config: RunConfig,
        images: ImageSet,
        split: RunSplit,
        device: torch.device,
        checkpoint: Checkpoint | None,
        encoder: FittedEncoder | None,
        *,
        quiet: bool,
        say: Say,
    ) -> None:
        self.run, self.held, self.config, self.split, self.device = run, held, config, split, device
        self.quiet, self.say = quiet, say
        self.training = config.training
        self.image_shape = images.image_shape
        self.pixels = Pixels(images.images, images.max_pixel_value, device)
        self.objective: Objective = make_objective(config.objective)
        self.targets = self.objective.targets(images, device)
        self.train_rows = split.train[self.targets.known[split.train]]
        self.val_rows = split.val[self.targets.known[split.val]]
        self.target_rows = np.arange(len(images))
        if config.objective.shuffle_targets:
            stream = numpy_stream(self.training.seed, "shuffled targets")
            self.target_rows[self.train_rows] = stream.permutation(self.train_rows)
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(stream_seed(self.training.seed, "weights"))  # a GPU's stays as it is
            network = self.objective.build_network(config.model, self.image_shape, encoder)
        self.network: Network = on_device(network, device)
        self.optimizer = torch.optim.AdamW(
            self.network.parameters(),
            lr=self.training.lr,
            weight_decay=self.training.weight_decay,
            fused=device.type in ("cpu", "cuda"),
        )
        self.batches_per_epoch = len(split_into_batches(self.train_rows, self.training.batch_size))
        self.state = LoopState()
        self.resumed_at: int | None = None
        if checkpoint is not None:
            self._go_on_from(checkpoint)
        elif self.training.init_from is not None:
            self._take_weights(Path(self.training.init_from))
        self.codes: Tensor | None = None
        if encoder is not None and config.objective.noise.kind == "none":  # the codes of an image never change
            batch_size = self.training.snapshot_batch_size
            codes = encode_rows(self.network, self.pixels, np.arange(len(images)), batch_size)
            self.codes = torch.from_numpy(codes).to(device)
        self.snapshots_after: set[int] = set()
        if self.training.snapshots_per_epoch and encoder is None:  # fitted codes stay as they are
            self.snapshots_after = batches_before_snapshots(self.batches_per_epoch, self.training.snapshots_per_epoch)

    def start(self) -> None:
        """Open the run's logs and, at the beginning, take the snapshot of the untrained network."""
        self.data_sha256 = self.run.environment().get("data_sha256")
        self.snapshots = SnapshotWriter(self.run, self.resumed_at, self.held.check)
        self.log = MetricsLog(self.run, resumed_at=self.resumed_at, tensorboard=self.training.tensorboard)
        if self.resumed_at is None and self.training.snapshots_per_epoch:
            self._take_snapshot()

    def _go_on_from(self, checkpoint: Checkpoint) -> None:
        problem = checkpoint.state.problem(self.batches_per_epoch)
        if problem is not None:
            raise UserError(
                f"{checkpoint.path} does not go with {self.run.path} ({problem}): restore it, or start a new run"
            )
        own = self.optimizer.state_dict()
        try:
            self.network.load_state_dict(checkpoint.model)
            moments = _moments(checkpoint.optimizer["state"], list(self.network.parameters()))
            # Settings are the configuration's: nothing but the moments is taken from the file.
            self.optimizer.load_state_dict({**own, "state": moments})
        except (RuntimeError, ValueError, KeyError, TypeError, AttributeError):
            raise UserError(
                f"{checkpoint.path} is not of this version's network '{self.config.model.encoder}', or is damaged: use "
                f"the version that began the run (see {self.run.environment_file}), or start a new one"
            ) from None
        self.state = checkpoint.state
        self.resumed_at = self.state.step

    def _take_weights(self, path: Path) -> None:
        other = Checkpoint.load(path)
        try:
            self.network.load_state_dict(other.model)
        except (RuntimeError, AttributeError, TypeError, ValueError):
            its, own = (
                {"objective": config.objective.name, "classes": config.objective.classes, "images": shape}
                | vars(config.model)
                for config, shape in ((other.config, other.image_shape), (self.config, self.image_shape))
            )
            differ = [f"{name} {its[name]}, not {own[name]}" for name in own if its[name] != own[name]]
            raise UserError(
                f"--init-from {path}: its network is not this run's ({', '.join(differ) or 'it is damaged'}): start "
                "from a checkpoint of such a network, or leave --init-from out"
            ) from None

    def trained(self) -> Trained:
        """The network as it now is, for encoding and reconstructing."""
        self.network.eval()
        return Trained(self.run, self.config, self.image_shape, self.objective, self.network, self.device)

    # ------------------------------------------------------------------------------------------------------------- loop

    def fit(self) -> None:
        """Train until the last epoch, or until early stopping."""
        total = self.training.epochs * len(self.train_rows)
        title = f"Training {self.training.epochs} epochs"
        done = self.state.epoch * len(self.train_rows) + self.state.images_seen
        self._clock = time.perf_counter() - self.state.seconds
        self._last_save = time.monotonic()
        self._said_zero = False
        with self.log, StopRequest() as stop, Progress(title, total, quiet=self.quiet) as progress:
            progress.advance(done)
            while not self.is_finished():
                self._train_epoch(progress, stop)
                self._end_epoch()
                self._leave_if_asked(stop)

    def is_finished(self) -> bool:
        """Whether the last epoch is done, or the validation loss has not improved for as long as the patience lasts."""
        patience = self.training.patience
        stale = patience is not None and self.state.without_improvement >= patience
        return stale or self.state.epoch >= self.training.epochs

    def _train_epoch(self, progress: Progress, stop: StopRequest) -> None:
        state = self.state
        order = epoch_order(self.train_rows, numpy_stream(self.training.seed, "order", state.epoch))
        batches = split_into_batches(order, self.training.batch_size)
        total_steps = self.training.epochs * len(batches)
        look = LOSS_CHECK_INTERVAL[self.device.type]
        self.network.train()
        exact = torch.float32 if self.device.type == "mps" else torch.float64  # Apple's GPUs have no float64
        pending = torch.zeros((), dtype=exact, device=self.device)
        unseen: list[Tensor] = []
        for rows in batches[state.batch :]:
            started = time.perf_counter()
            loss = self.update(rows, total_steps)
            pending += loss * len(rows)
            unseen.append(loss)
            state.step += 1
            state.batch += 1
            state.images_seen += len(rows)
            last = state.batch == len(batches)
            leaving = last or stop.signum is not None or time.monotonic() - self._last_save > SECONDS_BETWEEN_SAVES
            note = ""
            if leaving or state.batch % look == 0:
                self._check_losses(unseen)
                state.loss_sum += float(pending)
                pending.zero_()
                unseen.clear()
                note = f"loss {state.loss_sum / state.images_seen:.5f}"
            state.epoch_seconds += time.perf_counter() - started
            if state.batch in self.snapshots_after:
                self._take_snapshot()
            progress.advance(
                len(rows), f"{note}  {state.images_seen / state.epoch_seconds:.0f} images/s" if note else ""
            )
            if leaving and not last:
                self._save_last()
                self._leave_if_asked(stop, saved=True)

    def update(self, rows: Rows, total_steps: int) -> Tensor:
        """One step of the optimizer on the images `rows`; returns their mean loss, detached."""
        training, step = self.training, self.state.step
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate(training.schedule, training.lr, step, total_steps)
        images = self.pixels.batch(rows)
        self.optimizer.zero_grad(set_to_none=True)
        output = self._forward(rows, images)
        target = self.targets.batch(self.target_rows[rows], images)
        loss = self.objective.losses(output, target).mean() + self.objective.penalty(output.latent)
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimizer.step()
        return loss.detach()

    def _forward(self, rows: Rows, images: Tensor) -> Output:
        """What the network makes of a training batch, with noise where there is any."""
        if self.codes is not None:
            latent = self.codes[torch.from_numpy(rows).to(self.device)]
            return Output(latent, self.network.head(latent))
        noise, step = self.config.objective.noise, self.state.step
        return self.network(corrupt(images, noise, torch_stream(self.training.seed, "noise", step, self.device)))  # type: ignore[no-any-return]

    def _check_losses(self, losses: list[Tensor]) -> None:
        """Stop at the first of the latest updates whose loss is not finite."""
        values = torch.stack(losses).tolist()
        for step, value in enumerate(values, self.state.step - len(values) + 1):
            if not math.isfinite(value):
                raise self._diverged(f"the loss became {value}", step)

    def _check_weights(self) -> None:
        """Refuse to keep a network with weights that are not finite; the loss shows them one update later."""
        for name, values in self.network.state_dict().items():
            if not bool(values.isfinite().all()):
                raise self._diverged(f"weights ({name}) became NaN or infinite", self.state.step)

    def _diverged(self, what: str, step: int) -> UserError:
        """The error for numbers that are not finite after update number `step`."""
        total = self.training.epochs * self.batches_per_epoch
        lr = learning_rate(self.training.schedule, self.training.lr, step - 1, total)
        kept = "nothing was kept before"
        if self.run.checkpoint_file("last").exists():
            kept = f"{self.run.checkpoint_file('last')} is from before and is kept"
        return UserError(
            f"{what} at step {step} (epoch {math.ceil(step / self.batches_per_epoch)}, learning rate {lr:.2g}) of "
            f"{self.run.path}: {kept}; train with a lower --lr"
        )

    def _end_epoch(self) -> None:
        """Validate when it is due, write the epoch's row, keep its checkpoints."""
        state = self.state
        self._check_weights()
        train_loss = state.loss_sum / state.images_seen
        rate = state.images_seen / state.epoch_seconds
        state.epoch += 1
        state.batch, state.images_seen, state.loss_sum, state.epoch_seconds = 0, 0, 0.0, 0.0
        due = state.epoch % self.training.val_interval == 0 or state.epoch == self.training.epochs
        val_loss, metric = self._validate() if due else (None, None)
        if val_loss is not None and not math.isfinite(val_loss):
            raise self._diverged(f"the validation loss became {val_loss}", state.step)
        if train_loss == 0 and not self._said_zero:
            self._said_zero = True
            self.say(
                f"note: the training loss of epoch {state.epoch} is exactly 0: there is nothing to learn, or targets "
                f"and loss do not go together; look at the images and targets of {self.config.data.images}"
            )
        self.held.check()
        improved = val_loss is not None and (state.best_loss is None or val_loss < state.best_loss)
        if improved:
            state.best_loss, state.best_epoch, state.without_improvement = val_loss, state.epoch, 0
        elif val_loss is not None:
            state.without_improvement += 1
        state.seconds = time.perf_counter() - self._clock
        self.log.write(
            {
                "epoch": state.epoch,
                "step": state.step,
                "lr": self.optimizer.param_groups[0]["lr"],
                "train_loss": train_loss,
                "val_loss": val_loss,
                self.objective.metric_name: metric,
                "images_per_second": round(rate, 1),
                "seconds": round(state.seconds, 3),
            }
        )
        checkpoint = self._checkpoint()
        interval = self.training.checkpoint_interval
        if improved:
            self._save(checkpoint, "best")
        if interval and state.epoch % interval == 0:
            self._save(checkpoint, state.epoch)
        # Last of all: from here on a resumed run goes on from this epoch, so everything before it must be there.
        self._save(checkpoint, "last")

    @torch.no_grad()
    def _validate(self) -> tuple[float, float | None]:
        """Loss on the held-out images, and the objective's metric where the truth is known."""
        noise, seed, objective = self.config.objective.noise, self.training.seed, self.objective
        loss_sum = 0.0
        latents, metrics = [], []
        self.network.eval()
        for rows, images in self.pixels.batches(self.val_rows, self.training.snapshot_batch_size):
            output = self.network(corrupt_each(images, noise, rows, seed, "validation noise"))
            loss_sum += float(objective.losses(output, self.targets.batch(rows, images)).sum())
            latents.append(output.latent.cpu())
            if self.targets.measurable:
                truth = self.targets.truth(rows, images)
                metrics.append(objective.metric(objective.present(output.prediction), truth).cpu())
        loss = loss_sum / len(self.val_rows) + float(objective.penalty(torch.cat(latents)))
        return loss, objective.summarise(torch.cat(metrics)) if metrics else None

    # ----------------------------------------------------------------------------------------------------- what is kept

    def _take_snapshot(self) -> None:
        codes = encode_rows(self.network, self.pixels, self.split.snapshot, self.training.snapshot_batch_size)
        if not np.isfinite(codes).all():
            raise self._diverged("latent codes became NaN or infinite", max(self.state.step, 1))
        self.snapshots.write(self.state.step, self.state.step / self.batches_per_epoch, codes)

    def _checkpoint(self) -> Checkpoint:
        return Checkpoint(
            self.config,
            self.image_shape,
            self.network.state_dict(),
            self.optimizer.state_dict(),
            dataclasses.replace(self.state),
            self.data_sha256,
            self.split.content_hash(),
        )

    def _save_last(self) -> None:
        self.state.seconds = time.perf_counter() - self._clock
        self._check_weights()
        self._save(self._checkpoint(), "last")

    def _save(self, checkpoint: Checkpoint, name: str | int) -> None:
        self.held.check()
        checkpoint.save(self.run.checkpoint_file(name))
        self._last_save = time.monotonic()

    def _leave_if_asked(self, stop: StopRequest, *, saved: bool = False) -> None:
        if stop.signum is None or (self.state.epoch >= self.training.epochs and not saved):
            return
        raise Interrupted(
            stop.signum,
            f"stopped at step {self.state.step} (epoch {self.state.epoch + 1} of {self.training.epochs}) and saved; "
            f"go on with: autoencoder train --resume {self.run.path}",
        )
