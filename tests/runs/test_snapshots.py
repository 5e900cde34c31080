"""Latent snapshots: how many, of which images, and that they are codes of the network at that step."""

import csv
import math

import numpy as np
import pytest
import torch

import autoencoder as ae
from autoencoder.models.network import on_device
from autoencoder.objectives.base import make_objective
from autoencoder.seeding import stream_seed


def snapshot_files(run):
    return sorted((run / "latents").glob("step_*.npy"))


def index(run):
    with (run / "latents" / "index.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_index_names_every_snapshot_in_order(finished):
    rows = index(finished)
    assert list(rows[0]) == ["step", "epoch", "file"]
    assert [row["file"] for row in rows] == [file.name for file in snapshot_files(finished)]
    assert [int(row["step"]) for row in rows] == list(range(0, 19, 2))
    assert [float(row["epoch"]) for row in rows] == pytest.approx([step / 6 for step in range(0, 19, 2)], abs=1e-6)


def test_every_snapshot_has_the_same_shape_and_dtype(finished):
    for file in snapshot_files(finished):
        codes = np.load(file, allow_pickle=False)
        assert codes.shape == (120, 6)
        assert codes.dtype == np.float32


def test_the_first_snapshot_is_of_the_untrained_network(finished, arena):
    config = ae.load_run(finished).config
    objective = make_objective(config.objective)
    torch.manual_seed(stream_seed(config.training.seed, "weights"))
    network = on_device(objective.build_network(config.model, (1, 50, 50)), torch.device("cpu")).eval()
    images = torch.from_numpy(ae.load_images(arena).scaled(np.arange(120)))
    with torch.no_grad():
        expected = network.encode(images).numpy()
    np.testing.assert_allclose(np.load(snapshot_files(finished)[0]), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("epoch", [1, 2, 3])
def test_the_snapshot_at_the_end_of_an_epoch_is_what_its_checkpoint_encodes(finished, arena, epoch):
    """Row i is image `split.snapshot[i]`, in every snapshot."""
    rows = np.load(finished / "split.npz")["snapshot"]
    expected = ae.load_run(finished, str(epoch)).encode(ae.load_images(arena).images[rows])
    np.testing.assert_allclose(
        np.load(finished / "latents" / f"step_{6 * epoch:08d}.npy"), expected, rtol=1e-4, atol=1e-5
    )


@pytest.mark.parametrize(("per_epoch", "expected"), [(1, 1), (2, 2), (5, 3)])
def test_count(tiny, tmp_path, succeed, per_epoch, expected):
    """`per_epoch` in each epoch and one before; never more than the epoch has steps (48 images are 3 batches)."""
    options = ("--epochs", 2, "--batch-size", 16, "--snapshots-per-epoch", per_epoch)
    succeed("train", tiny, "--run", tmp_path / "run", *options)
    steps = [int(file.stem[5:]) for file in snapshot_files(tmp_path / "run")]
    assert len(steps) == 2 * expected + 1
    assert steps == [0, *(3 * epoch + math.ceil(k * 3 / expected) for epoch in (0, 1) for k in range(1, expected + 1))]


def test_none(tiny, tmp_path, succeed):
    options = ("--epochs", 1, "--batch-size", 16, "--snapshots-per-epoch", 0)
    succeed("train", tiny, "--run", tmp_path / "run", *options)
    assert not (tmp_path / "run" / "latents").exists()


@pytest.mark.parametrize(("wanted", "n"), [("all", 60), ("7", 7), ("auto", 60), ("1000", 60)])
def test_samples(tiny, tmp_path, succeed, wanted, n):
    options = ("--epochs", 1, "--batch-size", 16, "--snapshot-samples", wanted)
    succeed("train", tiny, "--run", tmp_path / "run", *options)
    rows = np.load(tmp_path / "run" / "split.npz")["snapshot"]
    assert len(rows) == len(set(rows.tolist())) == n
    assert (np.diff(rows) > 0).all()
    last = np.load(snapshot_files(tmp_path / "run")[-1])
    expected = ae.load_run(tmp_path / "run").encode(ae.load_images(tiny).images[rows])
    np.testing.assert_allclose(last, expected, rtol=1e-4, atol=1e-5)


def test_snapshots_leave_training_unchanged(tiny, tmp_path, succeed):
    """How many are taken, of which images, and in which batches, changes no weight."""
    weights = []
    for number, options in enumerate([(0, "auto", 512), (3, "all", 7), (1, 5, 512)]):
        flags = (
            "--snapshots-per-epoch",
            options[0],
            "--snapshot-samples",
            options[1],
            "--snapshot-batch-size",
            options[2],
        )
        run = tmp_path / str(number)
        succeed("train", tiny, "--run", run, "--epochs", 2, "--batch-size", 16, *flags)
        weights.append(ae.load_run(run).network.state_dict())
    for other in weights[1:]:
        assert all(torch.equal(value, other[name]) for name, value in weights[0].items())
