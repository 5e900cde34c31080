"""A training that writes its files beside it, as on a GPU, leaves what one does that writes them itself."""

import math
import signal

import numpy as np
import pytest
import torch

from autoencoder.config import DataConfig, ModelConfig, NoiseConfig, ObjectiveConfig, RunConfig, TrainingConfig
from autoencoder.data.images import load_images
from autoencoder.errors import UserError
from autoencoder.machine.copies import Sent
from autoencoder.machine.stopping import Interrupted
from autoencoder.machine.writing import Beside
from autoencoder.runs import checkpoint as checkpoint_module
from autoencoder.runs import snapshots as snapshots_module
from autoencoder.study.designs.design import Member
from autoencoder.study.training import train_members
from autoencoder.training import keeper
from autoencoder.training.engines import EagerEngine
from autoencoder.training.start import resume, train


@pytest.fixture(scope="module")
def images(tiny):
    return load_images(tiny)


@pytest.fixture
def beside(monkeypatch):
    """Have files written by a thread on the CPU too."""
    monkeypatch.setattr(keeper, "AtOnce", Beside)


def config_of(tiny, **training):
    settings = {"epochs": 3, "batch_size": 16, "val_interval": 1, "snapshots_per_epoch": 2, "checkpoint_interval": 2}
    objective = ObjectiveConfig(noise=NoiseConfig("gaussian", 0.2))
    training = TrainingConfig(**{**settings, **training})
    return RunConfig(DataConfig(str(tiny), split="random"), ModelConfig("dense", 3), objective, training)


def test_the_same_files(tiny, tmp_path, images, monkeypatch, assert_same_run):
    """Checkpoints and early networks too, though weights change while they wait to be written."""
    train(config_of(tiny), tmp_path / "itself", data=images)
    monkeypatch.setattr(keeper, "AtOnce", Beside)
    train(config_of(tiny), tmp_path / "beside", data=images)
    assert_same_run(tmp_path / "beside", tmp_path / "itself")
    for file in (tmp_path / "itself" / "checkpoints").iterdir():
        ours, its = (
            torch.load(folder / "checkpoints" / file.name, weights_only=True)
            for folder in (tmp_path / "beside", tmp_path / "itself")
        )
        assert all(torch.equal(ours["model"][name], its["model"][name]) for name in its["model"])


def test_stopped_and_resumed(tiny, tmp_path, images, beside, monkeypatch, assert_same_run):
    """What was asked for is written when the run is left."""
    train(config_of(tiny), tmp_path / "straight", data=images)
    update = EagerEngine.update

    def stopping(engine, rows, step):
        if step == 4:
            signal.raise_signal(signal.SIGTERM)
        return update(engine, rows, step)

    with monkeypatch.context() as patch:
        patch.setattr(EagerEngine, "update", stopping)
        with pytest.raises(KeyboardInterrupt) as stopped:  # which `except Exception` does not catch
            train(config_of(tiny), tmp_path / "run", data=images)
    assert isinstance(stopped.value, Interrupted)
    saved = torch.load(tmp_path / "run" / "checkpoints" / "last.pt", weights_only=True)["state"]
    assert saved["step"] == 5
    resume(tmp_path / "run", data=images)
    assert_same_run(tmp_path / "run", tmp_path / "straight")


def test_a_full_disk_ends_the_training(tiny, tmp_path, images, beside, monkeypatch):
    """And nothing is written after what could not be: the checkpoint that is there is from before."""
    write, written = snapshots_module.write_array, []

    def full(path, array):
        if path.name >= "step_00000005":
            raise UserError(f"no space left to write {path}")
        written.append(path.name)
        write(path, array)

    monkeypatch.setattr(snapshots_module, "write_array", full)
    with pytest.raises(UserError, match=r"no space left to write .*step_0000000"):
        train(config_of(tiny, epochs=50), tmp_path / "run", data=images)
    state = torch.load(tmp_path / "run" / "checkpoints" / "last.pt", weights_only=True)["state"]
    assert state["step"] < 5
    assert len(written) == len(list((tmp_path / "run" / "latents").glob("step_*.npy")))


def test_snapshots_come_before_the_checkpoint_that_knows_of_them(tiny, tmp_path, images, beside, monkeypatch):
    index, write = tmp_path / "run" / "latents" / "index.csv", checkpoint_module._write

    def noted(content, path):
        steps = {int(line.split(",")[0]) for line in index.read_text().splitlines()[1:]}
        due = {0, 2, 3, 5, 6, 8, 9} if content["optimizer"] else {0}
        assert {step for step in due if step <= content["state"]["step"]} <= steps
        write(content, path)

    monkeypatch.setattr(checkpoint_module, "_write", noted)
    train(config_of(tiny), tmp_path / "run", data=images)
    assert sorted(np.loadtxt(index, delimiter=",", skiprows=1, usecols=0)) == [0, 2, 3, 5, 6, 8, 9]


def test_a_folder_that_is_gone_is_not_made_anew(tiny, tmp_path, images, beside, monkeypatch):
    update = EagerEngine.update

    def moving(engine, rows, step):
        if step == 4:
            (tmp_path / "run").rename(tmp_path / "moved")
        return update(engine, rows, step)

    monkeypatch.setattr(EagerEngine, "update", moving)
    with pytest.raises(UserError, match="was removed, moved or replaced"):
        train(config_of(tiny, epochs=50), tmp_path / "run", data=images)
    assert not (tmp_path / "run").exists()


def test_codes_that_are_not_finite_are_not_written(tiny, tmp_path, images, beside, monkeypatch):
    encode, asked = snapshots_module.codes_of_rows, []

    def broken(network, *others):
        asked.append(encode(network, *others))
        return asked[-1] * math.nan if len(asked) == 4 else asked[-1]

    monkeypatch.setattr("autoencoder.training.learner.codes_of_rows", broken)
    with pytest.raises(UserError, match="latent codes became NaN or infinite at step 5 "):
        train(config_of(tiny, epochs=50), tmp_path / "run", data=images)
    files = sorted(file.name for file in (tmp_path / "run" / "latents").glob("*.npy"))
    assert files == ["step_00000000.npy", "step_00000002.npy", "step_00000003.npy"]


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_weight_that_is_not_finite_is_named(tiny, tmp_path, images, monkeypatch, value):
    update = EagerEngine.update

    def breaking(engine, rows, step):
        loss = update(engine, rows, step)
        if step == 2:
            list(engine.learner.network.parameters())[-1].data[0] = value
        return loss

    monkeypatch.setattr(EagerEngine, "update", breaking)
    config = config_of(tiny, snapshots_per_epoch=0)
    with pytest.raises(UserError, match=r"weights \(head\..*\) became NaN or infinite at step 3 "):
        train(config, tmp_path / "run", data=images)


def test_others_take_turns_while_numbers_come(tiny, tmp_path, images, beside, monkeypatch, assert_same_run):
    """A run goes on at the end of an epoch as if it had waited, however late its numbers come."""
    members = [Member(f"run-{seed}", {}, seed, config_of(tiny, seed=seed)) for seed in range(3)]
    for member in members:
        train(member.config, tmp_path / "alone" / member.name, data=images)
    asked = []

    def late(sent):
        asked.append(sent)
        return len(asked) % 3 == 0

    monkeypatch.setattr(Sent, "has_come", late)
    out = tmp_path / "beside"
    assert train_members(members, out, finish=lambda folder, config: None, images=images, together=3) == {}
    assert len(asked) > 2 * 9
    for member in members:
        assert_same_run(out / member.name, tmp_path / "alone" / member.name)
