"""One training loop for every encoder and objective: when to update, to validate, to keep, and to stop.

What is learned is the learner's, how an update is executed the engine's, and what is kept the keeper's. Every random
draw has a stream of its own (`seeding.py`) and the learning rate is a function of the step (`schedules.py`), so a run
that was stopped anywhere and resumed ends with the same weights, bit for bit on the CPU, as one that was not.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing

import numpy as np
from numpy.typing import NDArray

from autoencoder.array_types import Rows
from autoencoder.config import TrainingConfig
from autoencoder.errors import UserError, number_of
from autoencoder.machine.device import naming_what_is_not_deterministic
from autoencoder.machine.progress import Estimate, Progress, Say
from autoencoder.machine.stopping import Interrupted, StopRequest
from autoencoder.runs.checkpoint import LoopState
from autoencoder.runs.snapshots import steps_of_early_networks, steps_of_snapshots
from autoencoder.training.engines import WARM_UP_UPDATES, Engine
from autoencoder.training.keeper import Keeper
from autoencoder.training.learner import LargestWeights, Learner, Validation
from autoencoder.training.losses import Losses
from autoencoder.training.workload import Workload

SECONDS_BETWEEN_SAVES = 60.0
"""An epoch that takes longer than this also saves `last.pt` on its way."""

LOSS_CHECK_INTERVAL = {"cpu": 1, "cuda": 20, "mps": 20}
"""Updates between two looks at the loss; each look takes the processor's time, so on a GPU they are rarer."""

TURNS_TO_WAIT = 20
"""Turns of other runs for which an epoch's numbers are let come, before they are waited for."""

Advance = Callable[[int, str], None]
"""Is told of so many more images, with a note; see `Progress.advance`."""


def is_finished(training: TrainingConfig, state: LoopState) -> bool:
    """Whether the last epoch is done, or the validation loss has not improved for as long as the patience lasts."""
    stale = training.patience is not None and state.without_improvement >= training.patience
    return stale or state.epoch >= training.epochs


class TrainingLoop:
    """A run in training.

    Args:
        learner: what is trained.
        engine: executes its updates.
        keeper: keeps what is kept.
        snapshot_rows: (n,) of the images whose codes are kept.
        state: where training stands, and resumes.
        quiet: show no progress.
        say: is told what the user should know, such as a loss of exactly zero.
        name: of the run, beside its progress; "" where it has none.
    """

    def __init__(
        self,
        learner: Learner,
        engine: Engine,
        keeper: Keeper,
        snapshot_rows: Rows,
        state: LoopState,
        *,
        quiet: bool,
        say: Say,
        name: str = "",
    ) -> None:
        self.learner, self.engine, self.keeper, self.state = learner, engine, keeper, state
        self.training = learner.config.training
        self._snapshot_rows, self._quiet, self._say, self._name = snapshot_rows, quiet, say, name
        per_epoch = 0 if learner.config.model.is_fitted else self.training.snapshots_per_epoch  # fitted codes stay
        self._snapshot_steps = steps_of_snapshots(
            learner.batches_per_epoch, self.training.epochs, per_epoch, self.training.snapshot_spacing
        )
        self._workload = Workload(
            self.training, learner.images_per_epoch, len(learner.val_rows), len(snapshot_rows), self._snapshot_steps
        )
        self._losses = Losses(learner.device)
        self._early_steps = frozenset[int]()
        if learner.objective.makes_pictures:
            self._early_steps = steps_of_early_networks(
                self._snapshot_steps, learner.batches_per_epoch, self.training.checkpoint_interval
            )
        self._said_zero = False
        self._began = time.perf_counter()

    def run(self, stop: AbstractContextManager[StopRequest] | None = None) -> None:
        """Train until the last epoch, or until early stopping.

        Args:
            stop: is asked after each update; None for one that notes SIGINT and SIGTERM while training lasts.

        Raises:
            UserError: a loss, a weight or a code is not finite, or a file cannot be written.
            Interrupted: SIGINT or SIGTERM came; all is saved.
        """
        epochs = self.training.epochs
        which = f"{self._name}, " if self._name else ""  # of a study's runs, each has its own bar
        title, total = f"Training {which}{number_of(epochs, 'epoch')}", epochs * self.learner.images_per_epoch
        with stop or StopRequest() as asked, Progress(title, total, quiet=self._quiet) as progress:
            estimate = Estimate(title, "updates", progress.say, "in all" if self.state.step == 0 else "for the rest")
            for n_updates, _ in enumerate(self.turns(asked, progress.advance)):
                if n_updates > WARM_UP_UPDATES:  # these are compiled, or captured
                    estimate.note(self._work_done(), self._workload.in_all())

    def _work_done(self) -> float:
        return self._workload.done(self.state.epoch, self.state.images_seen, self.state.step)

    def turns(self, stop: StopRequest, advance: Advance) -> Iterator[None]:
        """What `run` does, an update and all that is due after it at a time, so that several runs can take turns.

        Args:
            stop: is asked after each update.
            advance: is told of each update's images, and of the loss where it was looked at.

        Raises:
            UserError, Interrupted: as `run`.
        """
        learner, state = self.learner, self.state
        with self.keeper, closing(self.engine), naming_what_is_not_deterministic():
            if state.step == 0 and self.training.snapshots_per_epoch:
                self._take_snapshot()
            self._began = time.perf_counter() - state.seconds
            advance(state.epoch * learner.images_per_epoch + state.images_seen, "")
            while not is_finished(self.training, state):
                yield from self._train_epoch(stop, advance)
                yield from self._end_epoch()
                self._leave_if_asked(stop)
            self.keeper.drain()

    def _train_epoch(self, stop: StopRequest, advance: Advance) -> Iterator[None]:
        """The updates of an epoch that are still to be done."""
        state, learner, losses = self.state, self.learner, self._losses
        batches = learner.batches(state.epoch)
        look = LOSS_CHECK_INTERVAL[learner.device.type]
        learner.network.train()
        self.engine.prepare(batches[state.batch :], state.step)
        started = time.perf_counter()
        for rows in batches[state.batch :]:
            loss = self.engine.update(rows, state.step)
            state.step += 1
            state.batch += 1
            state.images_seen += len(rows)
            losses.add(state.step, len(rows), loss)
            last = state.batch == len(batches)
            overdue = self.keeper.seconds_since_save() > SECONDS_BETWEEN_SAVES
            leaving = last or stop.signum is not None or overdue
            kept = state.step in self._snapshot_steps
            looked = leaving or state.batch % look == 0
            if looked or kept:
                self._look(wait=leaving and not last)
            state.epoch_seconds += time.perf_counter() - started
            if kept:
                self._take_snapshot()
            advance(len(rows), self._note() if looked else "")
            if leaving and not last:
                self._save_within_epoch()
                self._leave_if_asked(stop, saved=True)
            started = time.perf_counter()
            yield  # what others do meanwhile is a part of this run's time

    def _note(self) -> str:
        """The epoch's mean loss, as far as it is known, and its pace; beside the bar."""
        state = self.state
        known = state.images_seen - len(self._losses)
        loss = f"loss {state.loss_sum / known:.5f}  " if known else ""
        return f"{loss}{state.images_seen / state.epoch_seconds:.0f} images/s"

    def _end_epoch(self) -> Iterator[None]:
        """Validate when it is due, log the epoch, save its checkpoints. Others take turns while numbers come."""
        state = self.state
        started = time.perf_counter()
        yield from self._let_come(self._losses.have_come)
        self._look(wait=True)
        state.epoch_seconds += time.perf_counter() - started
        due = (state.epoch + 1) % self.training.val_interval == 0 or state.epoch + 1 == self.training.epochs
        due = due and len(self.learner.val_rows) > 0
        weights, validation = self.learner.largest_weights(), self.learner.validate() if due else None
        yield from self._let_come((validation or weights).sent.has_come)
        self._check_weights(weights, state.step)
        train_loss = state.loss_sum / state.images_seen
        rate = state.images_seen / state.epoch_seconds
        state.epoch += 1
        state.batch, state.images_seen, state.loss_sum, state.epoch_seconds = 0, 0, 0.0, 0.0
        val_loss, metric = (None, None) if validation is None else self._validate(validation)
        self._say_if_zero(train_loss)
        improved = self._note_validation(val_loss)
        state.seconds = time.perf_counter() - self._began
        self.keeper.log_epoch(
            {
                "epoch": state.epoch,
                "step": state.step,
                "lr": self.learner.optimizer.param_groups[0]["lr"],
                "train_loss": train_loss,
                "val_loss": val_loss,
                self.learner.objective.metric_name: metric,
                "images_per_second": round(rate, 1),
                "seconds": round(state.seconds, 3),
            }
        )
        interval = self.training.checkpoint_interval
        kept = [state.epoch] if interval and state.epoch % interval == 0 else []
        # `last` comes last: from there on, a run resumes from this epoch, so everything before it must be there.
        self.keeper.save(self.learner, state, *(["best"] if improved else []), *kept, "last")

    def _let_come(self, has_come: Callable[[], bool]) -> Iterator[None]:
        """Let others take their turns until something has come from the device, but not for long."""
        for _ in range(TURNS_TO_WAIT):
            if has_come():
                return
            yield

    def _validate(self, validation: Validation) -> tuple[float, float | None]:
        loss, metric = validation.result()
        if not math.isfinite(loss):
            raise self._diverged(f"the validation loss became {loss}", self.state.step)
        return loss, metric

    def _note_validation(self, val_loss: float | None) -> bool:
        """Whether a validation, where there was one, was the best so far."""
        state = self.state
        if val_loss is None:
            return False
        if state.best_loss is None or val_loss < state.best_loss:
            state.best_loss, state.best_epoch, state.without_improvement = val_loss, state.epoch, 0
            return True
        state.without_improvement += 1
        return False

    def _say_if_zero(self, train_loss: float) -> None:
        if train_loss == 0 and not self._said_zero:
            self._said_zero = True
            self._say(
                f"note: the training loss of epoch {self.state.epoch} is exactly 0: either there is nothing to learn, "
                "or the loss does not suit the targets; look at the images and targets of "
                f"{self.learner.config.data.images}"
            )

    def _take_snapshot(self) -> None:
        step = self.state.step
        sent = self.learner.encode(self._snapshot_rows)

        def codes() -> NDArray[np.float32]:
            values: NDArray[np.float32] = sent.content().numpy()
            if not np.isfinite(values).all():
                raise self._diverged("latent codes became NaN or infinite", max(step, 1))
            return values

        self.keeper.write_snapshot(step, step / self.learner.batches_per_epoch, codes)
        if step in self._early_steps:
            weights = self.learner.largest_weights()
            self.keeper.save_early(self.learner, step, lambda: self._check_weights(weights, step))

    def _save_within_epoch(self) -> None:
        self.state.seconds = time.perf_counter() - self._began
        self._check_weights(self.learner.largest_weights(), self.state.step)
        self.keeper.save(self.learner, self.state, "last")

    def _look(self, *, wait: bool) -> None:
        """Add the losses that have come, or wait for all; stop where one is not finite or a file was not written."""
        failed = self.keeper.has_failed()
        self._add_losses(every=wait or failed)  # a loss that is not finite is why codes after it are not
        if failed:
            self.keeper.drain()

    def _add_losses(self, *, every: bool) -> None:
        """Add the losses of the latest updates that have come, or of all; stop at the first that is not finite."""
        for loss in self._losses.read(every=every):
            if not math.isfinite(loss.value):
                raise self._diverged(f"the loss became {loss.value}", loss.step)
            self.state.loss_sum += float(np.float32(loss.value) * np.float32(loss.size))

    def _check_weights(self, weights: LargestWeights, step: int) -> None:
        """Refuse to keep a network with weights that are not finite after update number `step`."""
        name = weights.broken()
        if name is not None:
            raise self._diverged(f"weights ({name}) became NaN or infinite", step)

    def _diverged(self, what: str, step: int) -> UserError:
        """The error for numbers that are not finite after update number `step`."""
        lr = self.learner.learning_rate(step - 1)
        self.keeper.settle()
        return UserError(
            f"{what} at step {step} (epoch {math.ceil(step / self.learner.batches_per_epoch)}, learning rate {lr:.2g}) "
            f"of {self.keeper.name}: {self.keeper.kept()}; train with a lower --lr"
        )

    def _leave_if_asked(self, stop: StopRequest, *, saved: bool = False) -> None:
        if stop.signum is None or (self.state.epoch >= self.training.epochs and not saved):
            return
        self.keeper.drain()
        raise Interrupted(
            stop.signum,
            f"stopped at step {self.state.step} (epoch {self.state.epoch + 1} of {self.training.epochs}) and "
            f"{self.keeper.after_a_stop()}",
        )
