"""How much work a training is, and how much of it is done: what says how long it takes, beside its pace."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection

from autoencoder.config import TrainingConfig

VALIDATED, ENCODED = 0.12, 0.04
"""What an image costs in a validation and in a snapshot, as a part of what it costs in an update, as measured with
`strided` and `conv` on two cores. Both are a few percent of a training, so others need no numbers of their own."""


class Workload:
    """The work of a whole training, in images that are trained on.

    Args:
        training: epochs, and epochs between validations.
        images_per_epoch: images that are trained on in an epoch.
        n_validated: images of a validation.
        n_encoded: images of a snapshot.
        snapshot_steps: after which updates there is one, beside that before the first.
    """

    def __init__(
        self,
        training: TrainingConfig,
        images_per_epoch: int,
        n_validated: int,
        n_encoded: int,
        snapshot_steps: Collection[int],
    ) -> None:
        self._training, self._images_per_epoch = training, images_per_epoch
        self._n_validated, self._n_encoded = n_validated, n_encoded
        self._snapshot_steps = sorted(snapshot_steps)

    def validated(self, epochs: int) -> int:
        """Images of all validations up to the end of so many epochs; the last epoch of the training has one."""
        interval, last = self._training.val_interval, self._training.epochs
        return self._n_validated * (epochs // interval + (epochs == last and epochs % interval > 0))

    def encoded(self, step: int) -> int:
        """Images of all snapshots up to so many updates, without the one before the first."""
        return self._n_encoded * bisect_right(self._snapshot_steps, step)

    def done(self, epochs: int, images: int, step: int) -> float:
        """The work after so many whole epochs, images of the one after them, and updates in all."""
        trained = epochs * self._images_per_epoch + images
        return trained + VALIDATED * self.validated(epochs) + ENCODED * self.encoded(step)

    def in_all(self) -> float:
        """The work of the whole training."""
        last = self._snapshot_steps[-1] if self._snapshot_steps else 0
        return self.done(self._training.epochs, 0, last)
