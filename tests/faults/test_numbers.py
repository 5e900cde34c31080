"""Losses that are no numbers, losses of zero, and trainings that must not grow."""

import json
import subprocess
import sys

import numpy as np
import pytest
import torch

from autoencoder.training import loop

OPTIONS = ("--epochs", 6, "--batch-size", 16, "--val-interval", 1, "--lr", 0.004, "--schedule", "constant")
"""On `tiny`: 3 updates in an epoch, a snapshot after each."""

KIND = "numbers that are none"


@pytest.fixture(scope="module")
def straight(tiny, tmp_path_factory, succeed):
    run = tmp_path_factory.mktemp("straight") / "run"
    succeed("train", tiny, "--run", run, *OPTIONS, "--quiet")
    return run


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("looks", [1, 20], ids=["at each step, as on the CPU", "seldom, as on a GPU"])
def test_a_loss_that_is_no_number(
    tiny, tmp_path, call, succeed, monkeypatch, at_step, straight, assert_same_run, tally, value, looks
):
    """Training stops and names step and learning rate; what was kept before is kept, and can be gone on with."""
    run = tmp_path / "run"
    monkeypatch.setitem(loop.LOSS_CHECK_INTERVAL, "cpu", looks)
    patch = at_step(8, lambda learner, loss: loss * value)
    error = call("train", tiny, "--run", run, *OPTIONS, "--quiet").refused(
        f"the loss became {value} at step 8 (epoch 3, learning rate 0.004)", str(run), "--lr"
    )
    assert f"{run / 'checkpoints' / 'last.pt'} was saved before that and is kept" in error
    assert torch.load(run / "checkpoints" / "last.pt", weights_only=True)["state"]["step"] == 6
    assert not (run / "latents" / "step_00000009.npy").exists()
    patch.undo()
    succeed("train", "--resume", run, "--quiet")
    assert_same_run(run, straight)
    tally(KIND, tried=1, survived=1, resumed=1)


@pytest.mark.parametrize("which", ["weights", "statistics of a batch norm"])
def test_a_network_that_breaks_in_the_last_step_of_an_epoch(
    tiny, tmp_path, call, succeed, at_step, straight, assert_same_run, tally, which
):
    """The loss would show it one step later only; no such network is kept, although no snapshot looks at it either."""
    run = tmp_path / "run"

    def spoil(learner, loss):
        network = learner.network
        tensors = dict(network.named_parameters() if which == "weights" else network.named_buffers())
        name = next(name for name, values in tensors.items() if name.startswith("head") and values.is_floating_point())
        tensors[name].data.flatten()[0] = float("inf")
        return loss

    patch = at_step(9, spoil)
    call("train", tiny, "--run", run, *OPTIONS, "--quiet").refused("head", "at step 9 (epoch 3", str(run))
    for file in (run / "checkpoints").glob("*.pt"):  # of the end of an epoch, or early networks from before that step
        assert torch.load(file, weights_only=True)["state"]["step"] <= (8 if file.stem.startswith("step") else 6)
    patch.undo()
    succeed("train", "--resume", run, "--quiet")
    assert_same_run(run, straight)
    tally(KIND, tried=1, survived=1, resumed=1)


def test_codes_that_are_no_numbers_are_no_snapshot(tiny, tmp_path, call, at_step, tally):
    def spoil(learner, loss):
        next(learner.network.encoder.parameters()).data[:] = float("nan")
        return loss

    at_step(5, spoil)
    call("train", tiny, "--run", tmp_path / "run", *OPTIONS, "--quiet").refused("latent codes", "at step 5 (epoch 2")
    for file in (tmp_path / "run" / "latents").glob("*.npy"):
        assert np.isfinite(np.load(file)).all()
    assert not (tmp_path / "run" / "latents" / "step_00000005.npy").exists()
    tally(KIND, tried=1, survived=1)


def test_a_loss_of_exactly_zero_is_said(tiny, tmp_path, succeed, monkeypatch, tally):
    from autoencoder.objectives.reconstruct import Objective

    monkeypatch.setattr(Objective, "losses", lambda self, output, target: 0 * output.prediction.flatten(1).sum(1))
    said = succeed("train", tiny, "--run", tmp_path / "run", *OPTIONS).out
    assert said.count("the training loss of epoch 1 is exactly 0") == 1
    assert said.count("exactly 0") == 1, "once is enough"
    assert str(tiny) in said
    tally(KIND, tried=1, survived=1)


def test_an_ordinary_loss_is_not_called_zero(tiny, tmp_path, succeed):
    assert "exactly 0" not in succeed("train", tiny, "--run", tmp_path / "run", *OPTIONS).out


# ------------------------------------------------------------------------------------------------------- long trainings

LONG = """
import json, os, sys
from pathlib import Path
from autoencoder import DataConfig, ModelConfig, RunConfig, TrainingConfig, train
from autoencoder.training.engines import EagerEngine
from autoencoder.training.keeper import FolderKeeper

resident, handles = [], []
update, write = EagerEngine.update, FolderKeeper.write_snapshot

def measured_update(engine, rows, step):
    if step % 100 == 0:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        resident.append(pages * os.sysconf("SC_PAGE_SIZE") / 2**20)
    return update(engine, rows, step)

def measured_write(*arguments):
    write(*arguments)
    handles.append(len(os.listdir("/proc/self/fd")))

EagerEngine.update, FolderKeeper.write_snapshot = measured_update, measured_write
data, run = sys.argv[1:]
training = TrainingConfig(
    epochs=84, batch_size=2, snapshots_per_epoch=3, checkpoint_interval=0, val_interval=4, threads=1
)
train(RunConfig(DataConfig(data, split="random"), ModelConfig("dense", 4), training=training), run)
print(json.dumps({"resident": resident, "handles": handles}))
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_long_training_does_not_grow(tiny, tmp_path, root, tally):
    """2,016 steps, 253 snapshots: resident memory stays as it is after the first 500 steps, and no file stays open."""
    done = subprocess.run(
        [sys.executable, "-c", LONG, tiny, tmp_path / "run"], cwd=root, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    resident, handles = found["resident"], found["handles"]
    assert len(resident) == 21
    assert len(handles) == 253
    assert max(resident[5:]) - resident[5] < 3, f"MB every 100 steps: {resident}"
    assert max(handles) <= handles[0] + 1, handles
    tally("long trainings", tried=1, survived=1)
