"""How an update is executed. What it computes is the learner's; an engine decides how that is sent to the device."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol, cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from autoencoder.array_types import Rows
from autoencoder.errors import UserError
from autoencoder.machine.graphs import CudaGraphs, Graph, Graphs
from autoencoder.machine.progress import Say
from autoencoder.training.feeding import Feed, make_feed
from autoencoder.training.learner import Learner

EAGER, GRAPH = "eager", "graph"
"""Names of the engines; the setting `engine` has `auto` beside them."""

WARM_UP_UPDATES = 3
"""Updates of each size of a batch before it is captured: the first ones take memory and choose algorithms."""


class Engine(Protocol):
    """Executes the updates of a learner. What comes out does not depend on which engine it is, beyond rounding."""

    def prepare(self, batches: Sequence[Rows], step: int) -> None:
        """Say what the next updates will be, so that it can be sent to the device in one piece; they may still differ.

        Args:
            batches: rows of each update, the same arrays that `update` will be called with; at most an epoch's.
            step: updates done before the first of them.
        """
        ...

    def update(self, rows: Rows, step: int) -> Tensor:
        """One step of the optimizer.

        Args:
            rows: (n,) of the images in the batch.
            step: updates done before; decides the noise and the learning rate.

        Returns:
            the batch's mean loss, a scalar on the learner's device that does not wait for it, before the step. It may
            be overwritten by the next `prepare`, and by the next update that was not prepared.
        """
        ...

    def close(self) -> None:
        """No update comes before the next `prepare`: end what works beside the updates."""
        ...


def engine_name(wanted: str, device: torch.device) -> str:
    """Which engine the setting `engine` stands for on `device`: `EAGER` or `GRAPH`.

    Raises:
        UserError: it is one that the device has not.
    """
    if wanted == GRAPH and device.type != "cuda":
        raise UserError(
            f"--engine graph: updates can only be captured on an NVIDIA GPU, and this run is on '{device.type}'; "
            "use --engine auto or eager"
        )
    return GRAPH if wanted != EAGER and device.type == "cuda" else EAGER


def make_engine(learner: Learner, say: Say) -> Engine:
    """The engine that a run's settings ask for.

    Args:
        learner: as it is before its next update; nothing replaces its tensors from here on.
        say: is told if updates are not captured though they were to be.

    Raises:
        UserError: see `engine_name`.
    """
    if engine_name(learner.config.training.engine, learner.device) == GRAPH:
        return GraphEngine(learner, CudaGraphs(learner.device), say)
    return EagerEngine(learner)


class EagerEngine:
    """One operation after the other, as PyTorch does it by itself.

    Args:
        learner: whose network is updated.
        feed: of its batches; None for one of its own.
    """

    def __init__(self, learner: Learner, feed: Feed | None = None) -> None:
        self.learner = learner
        self._feed = make_feed(learner) if feed is None else feed

    def prepare(self, batches: Sequence[Rows], step: int) -> None:
        """See `Engine.prepare`."""
        self._feed.announce(batches)

    def close(self) -> None:
        """See `Engine.close`."""
        self._feed.close()

    def update(self, rows: Rows, step: int) -> Tensor:
        """See `Engine.update`."""
        learner, optimizer = self.learner, self.learner.optimizer
        self._feed.bring(rows)
        for group in optimizer.param_groups:
            group["lr"] = learner.learning_rate(step)
        optimizer.zero_grad(set_to_none=True)
        with self._feed.serving(len(rows)):
            loss = learner.loss(rows, step)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        return loss.detach()


class GraphEngine:
    """Each update is one CUDA graph, captured once for each size of a batch.

    A graph repeats the same kernels on the same memory. All that differs between updates is read from tensors on the
    device (`_Plan`; and the feed's, where images are sent by batch), and noise is drawn from one generator that is
    seeded before each replay. Before an update of some size is captured, a few of that size are done eagerly, by the
    same code; these are updates like all others.

    Args:
        learner: whose network is updated; nothing may replace its tensors from here on.
        graphs: captures the updates.
        say: is told why updates are not captured, where they cannot be; they are then done eagerly.
        feed: of the learner's batches; None for one of its own.
    """

    def __init__(self, learner: Learner, graphs: Graphs, say: Say, feed: Feed | None = None) -> None:
        self.learner = learner
        self._graphs, self._say = graphs, say
        self._feed = make_feed(learner) if feed is None else feed
        self._generator = torch.Generator(device=learner.device)
        self._plan = _Plan(learner)
        self._warm_ups: Counter[int] = Counter()
        self._captured: dict[int, Graph] = {}
        self._eager: EagerEngine | None = None
        problem = _problem(learner, self._feed)
        if problem is not None:
            self._give_up(problem)

    def prepare(self, batches: Sequence[Rows], step: int) -> None:
        """See `Engine.prepare`."""
        self._feed.announce(batches)
        if self._eager is None:
            self._plan.send(batches, step)

    def close(self) -> None:
        """See `Engine.close`."""
        self._feed.close()

    def update(self, rows: Rows, step: int) -> Tensor:
        """See `Engine.update`."""
        if self._eager is not None:
            return self._eager.update(rows, step)
        plan, size = self._plan, len(rows)
        planned = plan.holds(rows, step)
        if not planned:
            plan.send([rows], step)
        number = plan.go_to(step)
        if size not in self._captured and self._warm_ups[size] >= WARM_UP_UPDATES and not self._capture(size):
            return self.update(rows, step)
        self._feed.bring(rows)
        for group in self.learner.optimizer.param_groups:
            group["lr"] = plan.rates[number]
        self._generator.manual_seed(self.learner.noise_seed(step))
        if size in self._captured:
            self._captured[size].replay()
        else:
            with self._graphs.aside():
                self._work(size)
            self._warm_ups[size] += 1
        plan.went_on()
        loss = plan.losses[number]
        return loss if planned else loss.clone()

    def _work(self, size: int) -> None:
        """An update of so many images; only this is captured. All it reads and writes is on the device and stays."""
        learner, optimizer, plan = self.learner, self.learner.optimizer, self._plan
        rows = plan.rows(size)
        optimizer.zero_grad(set_to_none=True)
        with _counted_at_once(learner.network), self._feed.serving(size):
            loss = learner.loss_of(rows, plan.target_rows[rows], self._generator)
        loss.backward()  # type: ignore[no-untyped-call]
        with _rate_on_device(optimizer, plan.rate()):
            optimizer.step()
        plan.note(loss.detach(), size)

    def _capture(self, size: int) -> bool:
        """Whether updates of so many images could be captured; from where they could not, all are done eagerly."""
        try:
            self._captured[size] = self._graphs.capture(lambda: self._work(size), self._generator)
        except Exception as error:  # whatever a network or an objective does that a graph cannot hold
            first = error.__context__ or error  # the end of a failed capture fails as well, and says less
            self._give_up(str(first).strip().partition("\n")[0] or type(first).__name__)
            return False
        return True

    def _give_up(self, why: str) -> None:
        self._say(f"note: updates are not captured as a CUDA graph, and so take several times as long: {why}")
        self._eager = EagerEngine(self.learner, self._feed)
        self._captured.clear()
        self.learner.optimizer.zero_grad(set_to_none=True)  # gradients of a capture lie in its memory


class _Plan:
    """What the updates of an epoch are, as tensors on the device that stay where they are.

    Attributes:
        target_rows: (N,) int64, see `Learner.target_rows`.
        losses: (updates,) float32 of those that are done.
        rates: learning rate of each update, as Python computes it.
    """

    def __init__(self, learner: Learner) -> None:
        self._learner = learner
        device, updates = learner.device, learner.batches_per_epoch
        self.target_rows = torch.from_numpy(learner.target_rows).to(device)
        self.losses = torch.zeros(updates, device=device)
        self.rates: list[float] = []
        self._batches: Sequence[Rows] = []
        self._starts: list[int] = []
        self._first = self._next = 0
        self._order = torch.zeros(learner.images_per_epoch, dtype=torch.int64, device=device)
        self._positions = torch.arange(learner.images_per_epoch, device=device)
        self._rates = torch.zeros(updates, device=device)
        self._rate = torch.zeros((), device=device)
        self._start = torch.zeros(1, dtype=torch.int64, device=device)
        self._numbers = torch.arange(updates, device=device)
        self._number = torch.zeros(1, dtype=torch.int64, device=device)

    def send(self, batches: Sequence[Rows], step: int) -> None:
        """Send the rows and learning rates of updates to the device; `step` were done before."""
        self._batches, self._first = batches, step
        self.rates = [self._learner.learning_rate(step + number) for number in range(len(batches))]
        order = np.concatenate(batches)
        self._starts = [0, *np.cumsum([len(rows) for rows in batches]).tolist()]
        # Copies from ordinary memory are staged before they return, so these need not wait for what the device does.
        self._order[: len(order)].copy_(torch.from_numpy(order), non_blocking=True)
        self._rates[: len(batches)].copy_(torch.tensor(self.rates), non_blocking=True)
        self._start.zero_()
        self._number.zero_()
        self._next = 0

    def holds(self, rows: Rows, step: int) -> bool:
        """Whether the update after `step` others was sent, with these rows."""
        number = step - self._first
        return 0 <= number < len(self._batches) and self._batches[number] is rows

    def go_to(self, step: int) -> int:
        """Have the next update be that after `step` others; it was sent. Returns its number among those sent."""
        number = step - self._first
        if number != self._next:
            self._start.fill_(self._starts[number])
            self._number.fill_(number)
            self._next = number
        return number

    def went_on(self) -> None:
        """An update was done, or is on its way."""
        self._next += 1

    def rows(self, size: int) -> Tensor:
        """(size,) int64, of the next update; like all that follows, only the device knows which."""
        return self._order[self._start + self._positions[:size]]

    def rate(self) -> Tensor:
        """() float32, of the next update."""
        return self._rate.copy_(self._rates.index_select(0, self._number).squeeze(0))

    def note(self, loss: Tensor, size: int) -> None:
        """Keep the loss of the update of so many images, and go on to the one after it."""
        here = self._numbers == self._number  # an indexed copy would need sorting where algorithms are deterministic
        self.losses.copy_(torch.where(here, loss, self.losses))
        self._start += size
        self._number += 1


@contextmanager
def _counted_at_once(network: nn.Module) -> Iterator[None]:
    """Have all batch norms count the batch by one operation; a kernel for each is 2 % of an update of `strided`."""
    norms = [module for module in network.modules() if isinstance(module, _BatchNorm) and module.momentum is not None]
    norms = [norm for norm in norms if norm.training and norm.num_batches_tracked is not None]
    counts = [cast(Tensor, norm.num_batches_tracked) for norm in norms]
    for norm in norms:
        norm.num_batches_tracked = None
    try:
        yield
    finally:
        for norm, count in zip(norms, counts, strict=True):
            norm.num_batches_tracked = count
    if counts:
        torch._foreach_add_(counts, 1)


@contextmanager
def _rate_on_device(optimizer: torch.optim.Optimizer, rate: Tensor) -> Iterator[None]:
    """Have the optimizer read its learning rate from the device; before and after, it holds it as a plain number.

    So it goes to logs and checkpoints as such, and loading an optimizer's state cannot take the captured tensor away.
    """
    before = [(group["lr"], group["capturable"]) for group in optimizer.param_groups]
    for group in optimizer.param_groups:
        group["lr"], group["capturable"] = rate, True
    try:
        yield
    finally:
        for group, (lr, capturable) in zip(optimizer.param_groups, before, strict=True):
            group["lr"], group["capturable"] = lr, capturable


def _problem(learner: Learner, feed: Feed) -> str | None:
    """Why updates cannot be captured, as far as that shows without the network; None where nothing does."""
    rows = torch.from_numpy(learner.train_rows[:2]).to(learner.device)
    try:
        with feed.serving(len(rows)):
            learner.targets.batch(rows, learner.pixels.batch(rows))
    except Exception as error:  # an objective of the user's own that knows nothing of tensors of rows
        reason = str(error).strip().partition("\n")[0]
        return f"the targets of '{learner.objective.config.name}' are not chosen by rows on the device ({reason})"
    return None
