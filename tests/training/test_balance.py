"""Epochs in which each value of a column is shown equally often."""

from __future__ import annotations

import json
import shutil
import signal

import numpy as np
import pytest

from autoencoder.config import DataConfig, ModelConfig, RunConfig, TrainingConfig
from autoencoder.data.images import load_images
from autoencoder.study.designs.design import Member
from autoencoder.study.training import train_members
from autoencoder.training.engines import EagerEngine
from autoencoder.training.start import train

OPTIONS = ("--epochs", 3, "--batch-size", 16, "--encoder", "dense", "--latent-dim", 3, "--split", "random")
SIZES = {"long": 40, "short": 12, "none": 8}


@pytest.fixture(scope="module")
def uneven(tiny, tmp_path_factory):
    """Sixty images of three animals, two thirds of them of one."""
    folder = tmp_path_factory.mktemp("uneven")
    shutil.copy(tiny, folder / "data.npz")
    animals = np.repeat(list(SIZES), list(SIZES.values()))
    (folder / "data.csv").write_text("animal,one\n" + "".join(f"{animal},x\n" for animal in animals))
    return folder / "data.npz"


@pytest.fixture
def shown(monkeypatch):
    """Rows of every update that is done."""
    rows, update = list[np.ndarray](), EagerEngine.update

    def noting(self, batch, step):
        rows.append(np.array(batch))
        return update(self, batch, step)

    monkeypatch.setattr(EagerEngine, "update", noting)
    return rows


def test_animals_are_shown_equally_often(uneven, tmp_path, succeed, shown):
    succeed("train", uneven, "--run", tmp_path / "run", *OPTIONS, "--balance", "animal")
    config = json.loads((tmp_path / "run" / "config.json").read_text())
    assert (config["training"]["balance"], config["format_version"]) == ("animal", 6)
    animals = load_images(uneven).metadata.column("animal")
    seen, per_epoch = np.concatenate(shown), len(np.concatenate(shown)) // 3
    epochs = seen.reshape(3, per_epoch)
    for epoch in epochs:
        assert len({int((animals[epoch] == animal).sum()) for animal in SIZES}) == 1
    parts = [set(epoch[animals[epoch] == "long"].tolist()) for epoch in epochs]
    assert parts[0] != parts[1]  # another part of the long recording in each epoch


def test_stopped_and_resumed_exactly(uneven, tmp_path, call, succeed, signal_at, assert_same_run):
    command = ("train", uneven, *OPTIONS, "--balance", "animal", "--noise", "gaussian:0.2")
    succeed(*command, "--run", tmp_path / "straight")
    patch = signal_at(signal.SIGTERM, 5)
    assert call(*command, "--run", tmp_path / "run").status == 128 + signal.SIGTERM
    patch.undo()
    succeed("train", "--resume", tmp_path / "run")
    assert_same_run(tmp_path / "run", tmp_path / "straight")


def test_together_is_as_alone(uneven, tmp_path, assert_same_run):
    training = TrainingConfig(epochs=2, batch_size=16, balance="animal", threads=1)
    config = RunConfig(DataConfig(str(uneven), split="random"), ModelConfig("dense", 3), training=training)
    train(config, tmp_path / "alone")
    members = [Member(name, {}, 42, config) for name in ("one", "two")]
    assert not train_members(members, tmp_path, finish=lambda folder, config: None, together=2)
    for member in members:
        assert_same_run(tmp_path / member.name, tmp_path / "alone")


def test_a_column_that_has_changed_is_refused(uneven, tmp_path, call, signal_at):
    shutil.copy(uneven, tmp_path / "data.npz")
    table = tmp_path / "data.csv"
    table.write_text(uneven.with_suffix(".csv").read_text())
    patch = signal_at(signal.SIGTERM, 2)
    call("train", tmp_path / "data.npz", "--run", tmp_path / "run", *OPTIONS, "--balance", "animal")
    patch.undo()
    table.write_text(table.read_text().replace("long,x", "short,x", 3))
    call("train", "--resume", tmp_path / "run").refused("'animal'", "balanced", "restore that file")


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (("--balance", "cage"), "no column 'cage'"),
        (("--balance", "one"), "one value"),
        (("--balance", "animal", "--encoder", "pca"), "fitted to all training images"),
        (("--balance", "animal", "--val-fraction", 0.18, "--batch-size", 49), "48 training images"),
    ],
)
def test_what_cannot_be_balanced_is_refused(uneven, tmp_path, call, flags, said):
    call("train", uneven, "--run", tmp_path / "run", *OPTIONS, *flags).refused(said)
    assert not (tmp_path / "run").exists()
