"""Training without a folder learns what a run learns, and leaves nothing."""

import csv
import dataclasses

import numpy as np
import pytest
import torch

import autoencoder as ae
from autoencoder.training.in_memory import train_in_memory


@pytest.fixture(scope="module")
def config(tiny):
    """Four epochs, each of them validated."""
    return ae.RunConfig(
        ae.DataConfig(str(tiny)),
        ae.ModelConfig("dense", 3),
        ae.ObjectiveConfig(noise=ae.NoiseConfig("gaussian", 0.2)),
        ae.TrainingConfig(epochs=4, batch_size=16, val_interval=1, lr=0.02, schedule="constant"),
    )


def test_it_is_the_training_of_a_run(config, tiny, tmp_path, monkeypatch):
    run = ae.train(config, tmp_path / "run").run
    with (tmp_path / "run" / "metrics.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    split = run.split()
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")
    said: list[str] = []
    learned = train_in_memory(config, ae.load_images(tiny), split.train, split.val, say=said.append)
    for name in ("train_loss", "val_loss"):
        assert [row[name] for row in learned.history] == [float(row[name]) for row in rows]
    best, weights = ae.load_run(run.path, "best").network.state_dict(), learned.network.state_dict()
    assert all(torch.equal(weights[name], best[name]) for name in best)
    assert list((tmp_path / "empty").iterdir()) == []
    assert len(said) == 4
    assert said[0].startswith("epoch 1 of 4: loss ")
    assert not learned.network.training
    assert all(parameter.grad is None for parameter in learned.network.parameters())


def test_without_held_out_images_the_last_weights_are_taken(config, tiny):
    images = ae.load_images(tiny)
    every = np.arange(len(images))
    one, other = (train_in_memory(config, images, every, every[:0]) for _ in range(2))
    assert [row["val_loss"] for row in one.history] == [None] * 4
    assert all(torch.equal(a, b) for a, b in zip(one.network.parameters(), other.network.parameters(), strict=True))


def test_what_is_refused(config, tiny):
    images = ae.load_images(tiny)
    every = np.arange(len(images))
    fitted = dataclasses.replace(config, model=ae.ModelConfig("pca", 3))
    with pytest.raises(ae.UserError, match="'pca' is fitted"):
        train_in_memory(fitted, images, every, every[:0])
    wild = dataclasses.replace(config, training=dataclasses.replace(config.training, lr=1e30))
    with pytest.raises(ae.UserError, match="nothing was kept; train with a lower --lr"):
        train_in_memory(wild, images, every, every[:0])
