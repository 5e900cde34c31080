"""What tests of interrupted runs share: a way to interrupt."""

import os
from collections.abc import Callable

import pytest


@pytest.fixture
def signal_at(monkeypatch: pytest.MonkeyPatch) -> Callable[[int, int], pytest.MonkeyPatch]:
    """Have this process send itself a signal during update number `step` of a training."""
    from autoencoder import training

    def arrange(number, step):
        update = training.TrainingLoop.update

        def update_and_signal(loop, *arguments):
            if loop.state.step + 1 == step:
                os.kill(os.getpid(), number)
            return update(loop, *arguments)

        monkeypatch.setattr(training.TrainingLoop, "update", update_and_signal)
        return monkeypatch

    return arrange
