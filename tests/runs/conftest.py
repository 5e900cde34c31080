"""What tests of interrupted runs share: a way to interrupt, and a comparison of two runs bit for bit."""

import csv
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

TIMES = ("seconds", "images_per_second", "epoch_seconds")
"""What two equal runs may differ in."""


def _load(file):
    return torch.load(file, map_location="cpu", weights_only=True)


def _same(a, b):
    """Bit for bit, whatever is nested in whatever."""
    if isinstance(a, torch.Tensor):
        return a.dtype == b.dtype and torch.equal(a, b)
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(_same(a[key], b[key]) for key in a)
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(_same(x, y) for x, y in zip(a, b, strict=True))
    return type(a) is type(b) and a == b


def _read_csv(file):
    with file.open(newline="") as opened:
        return [{name: value for name, value in row.items() if name not in TIMES} for row in csv.DictReader(opened)]


def _assert_same_run(run, other):
    """Weights, optimizer, where the loop stands, what an encoder was fitted to, metrics and every snapshot."""

    def names(folder):
        return {str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file() and not p.name.startswith(".")}

    assert names(run) == names(other)
    for file in sorted((run / "checkpoints").glob("[!.]*.pt")):
        a, b = _load(file), _load(other / "checkpoints" / file.name)
        for part in ("model", "optimizer"):
            assert _same(a[part], b[part]), (file.name, part)
        for content in (a, b):
            content["state"] = {name: value for name, value in content["state"].items() if name not in TIMES}
        assert a["state"] == b["state"], file.name
    assert _read_csv(run / "metrics.csv") == _read_csv(other / "metrics.csv")
    assert _read_csv(run / "latents" / "index.csv") == _read_csv(other / "latents" / "index.csv")
    for file in (run / "latents").glob("step_*.npy"):
        np.testing.assert_array_equal(np.load(file), np.load(other / "latents" / file.name), err_msg=file.name)
    for file in run.glob("reducer.npz"):
        with np.load(file) as a, np.load(other / file.name) as b:
            assert a.files == b.files
            for name in a.files:
                np.testing.assert_array_equal(a[name], b[name], err_msg=name)


@pytest.fixture(scope="session")
def assert_same_run() -> Callable[[Path, Path], None]:
    """Two run folders hold the same, bit for bit, but for the times."""
    return _assert_same_run


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
