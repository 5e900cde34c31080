"""How an update is executed. What it computes is the learner's; an engine decides how that is sent to the device."""

from __future__ import annotations

from typing import Protocol

from torch import Tensor

from autoencoder.array_types import Rows
from autoencoder.training.learner import Learner


class Engine(Protocol):
    """Executes the updates of a learner. What comes out does not depend on which engine it is, beyond rounding."""

    def update(self, rows: Rows, step: int) -> Tensor:
        """One step of the optimizer.

        Args:
            rows: (n,) of the images in the batch.
            step: updates done before; decides the noise and the learning rate.

        Returns:
            the batch's mean loss, a scalar on the learner's device that does not wait for it, before the step.
        """
        ...


class EagerEngine:
    """One operation after the other, as PyTorch does it by itself.

    Args:
        learner: whose network is updated.
    """

    def __init__(self, learner: Learner) -> None:
        self.learner = learner

    def update(self, rows: Rows, step: int) -> Tensor:
        """See `Engine.update`."""
        learner, optimizer = self.learner, self.learner.optimizer
        for group in optimizer.param_groups:
            group["lr"] = learner.learning_rate(step)
        optimizer.zero_grad(set_to_none=True)
        loss = learner.loss(rows, step)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        return loss.detach()
