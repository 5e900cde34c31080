"""What the flags of `train` do to a run, and what it can be trained on."""

import csv
import json
import math
import shutil

import numpy as np
import pytest
import torch

import autoencoder as ae
from autoencoder.training.loop import TrainingLoop

FAST = ("--epochs", 1, "--batch-size", 16, "--snapshots-per-epoch", 0, "--quiet")


def metrics(run):
    with (run / "metrics.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def weights(run, checkpoint="last"):
    return ae.load_run(run, checkpoint).network.state_dict()


def equal(a, b):
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


@pytest.fixture
def validation_losses(monkeypatch):
    """Have the validations of a training come out as given."""

    def arrange(*losses):
        left = list(losses)
        monkeypatch.setattr(TrainingLoop, "_validate", lambda loop, asked: (left.pop(0), None))

    return arrange


def test_same_seed_same_run(tiny, tmp_path, succeed):
    """The run's seed makes the weights, that of the split which images are held out and whose codes are kept."""
    seeds = {"a": (5, 0), "b": (5, 0), "c": (6, 0), "d": (5, 1)}
    for name, (seed, split_seed) in seeds.items():
        flags = ("--noise", "gaussian:0.3", "--seed", seed, "--split-seed", split_seed, "--snapshot-samples", 9)
        succeed("train", tiny, "--run", tmp_path / name, *FAST, *flags)
    assert equal(weights(tmp_path / "a"), weights(tmp_path / "b"))
    assert not equal(weights(tmp_path / "a"), weights(tmp_path / "c"))
    assert not equal(weights(tmp_path / "a"), weights(tmp_path / "d"))
    for rows in ("val", "train", "snapshot"):
        found = {name: np.load(tmp_path / name / "split.npz")[rows].tolist() for name in seeds}
        assert found["a"] == found["b"] == found["c"] != found["d"]


def test_best_is_the_lowest_validation_loss(tiny, tmp_path, succeed, validation_losses):
    validation_losses(0.5, 0.3, 0.4, 0.2, 0.6)
    flags = ("--epochs", 5, "--batch-size", 16, "--val-interval", 1, "--checkpoint-interval", 1, "--quiet")
    succeed("train", tiny, "--run", tmp_path / "run", *flags)
    best = torch.load(tmp_path / "run" / "checkpoints" / "best.pt", weights_only=True)["state"]
    assert (best["epoch"], best["best_epoch"], best["best_loss"]) == (4, 4, 0.2)
    assert equal(weights(tmp_path / "run", "best"), weights(tmp_path / "run", "4"))
    assert not equal(weights(tmp_path / "run", "best"), weights(tmp_path / "run", "last"))


def test_patience(tiny, tmp_path, succeed, validation_losses):
    """Stops after the second validation in a row that is no better than the best; equal is no better."""
    validation_losses(0.5, 0.6, 0.4, 0.4, 0.41)
    flags = ("--epochs", 50, "--patience", 2, "--val-interval", 1, "--batch-size", 16, "--snapshots-per-epoch", 0)
    said = succeed("train", tiny, "--run", tmp_path / "run", *flags).out
    assert len(metrics(tmp_path / "run")) == 5
    assert "best validation loss 0.40000" in said
    assert torch.load(tmp_path / "run" / "checkpoints" / "best.pt", weights_only=True)["state"]["epoch"] == 3
    succeed("train", "--resume", tmp_path / "run")
    assert len(metrics(tmp_path / "run")) == 5  # it stays stopped


def test_validation_interval(tiny, tmp_path, succeed):
    flags = ("--epochs", 5, "--val-interval", 2, "--batch-size", 16, "--snapshots-per-epoch", 0, "--quiet")
    succeed("train", tiny, "--run", tmp_path / "run", *flags)
    validated = [int(row["epoch"]) for row in metrics(tmp_path / "run") if row["val_loss"]]
    assert validated == [2, 4, 5]  # the last epoch always


@pytest.mark.parametrize(("interval", "kept"), [(0, []), (1, [1, 2, 3, 4]), (3, [3])])
def test_checkpoint_interval(tiny, tmp_path, succeed, interval, kept):
    flags = (
        "--epochs",
        4,
        "--checkpoint-interval",
        interval,
        "--batch-size",
        24,
        "--snapshots-per-epoch",
        0,
        "--quiet",
    )
    succeed("train", tiny, "--run", tmp_path / "run", *flags)
    files = sorted(file.name for file in (tmp_path / "run" / "checkpoints").iterdir())
    assert files == sorted(["best.pt", "last.pt", *(f"epoch_{epoch:04d}.pt" for epoch in kept)])


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        ("constant", [1, 1, 1]),
        ("step", [1, 0.1, 0.01]),
        ("cosine", [(1 + math.cos(math.pi * done / 9)) / 2 for done in (2, 5, 8)]),
        ("onecycle", None),
    ],
)
def test_schedule(tiny, tmp_path, succeed, schedule, expected):
    """`lr` in metrics.csv is the rate of each epoch's last update; 9 updates in all."""
    flags = ("--epochs", 3, "--lr", 0.001, "--schedule", schedule, "--batch-size", 16, "--snapshots-per-epoch", 0)
    succeed("train", tiny, "--run", tmp_path / "run", *flags)
    rates = [float(row["lr"]) for row in metrics(tmp_path / "run")]
    if expected is None:
        assert rates[0] > rates[1] > rates[2] > 0
        assert rates[2] < 1e-6
    else:
        assert rates == pytest.approx([0.001 * factor for factor in expected])


def test_init_from(tiny, tmp_path, succeed):
    succeed("train", tiny, "--run", tmp_path / "first", *FAST)
    checkpoint = tmp_path / "first" / "checkpoints" / "last.pt"
    flags = ("--epochs", 1, "--batch-size", 16, "--init-from", checkpoint, "--seed", 9, "--quiet")
    succeed("train", tiny, "--run", tmp_path / "second", *flags)
    before = np.load(tmp_path / "second" / "latents" / "step_00000000.npy")
    rows = np.load(tmp_path / "second" / "split.npz")["snapshot"]
    expected = ae.load_run(tmp_path / "first").encode(ae.load_images(tiny).images[rows])
    np.testing.assert_allclose(before, expected, rtol=1e-4, atol=1e-5)


def test_tensorboard(tiny, tmp_path, succeed):
    pytest.importorskip("tensorboard", reason="the extra 'tensorboard' is not installed")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    flags = ("--epochs", 2, "--batch-size", 16, "--val-interval", 1, "--tensorboard", "--snapshots-per-epoch", 0)
    succeed("train", tiny, "--run", tmp_path / "run", *flags)
    events = EventAccumulator(str(tmp_path / "run" / "tensorboard")).Reload()
    logged = {tag: [(e.step, e.value) for e in events.Scalars(tag)] for tag in ("train_loss", "val_loss", "lr")}
    for tag, values in logged.items():
        assert values == [(int(r["step"]), pytest.approx(float(r[tag]))) for r in metrics(tmp_path / "run")], tag


def test_tensorboard_is_off_unless_asked_for(finished):
    assert not (finished / "tensorboard").exists()


@pytest.mark.parametrize("n_train", [31, 32, 33])
def test_one_image_left_over_trains_with_batch_norm(tmp_path, succeed, n_train):
    images = np.random.default_rng(0).integers(0, 256, (n_train + 7, 16, 16), dtype=np.uint8)
    np.save(tmp_path / "images.npy", images)
    fraction = 7 / (n_train + 7)
    succeed("train", tmp_path / "images.npy", "--run", tmp_path / "run", *FAST, "--val-fraction", fraction)
    assert len(np.load(tmp_path / "run" / "split.npz")["train"]) == n_train
    assert int(metrics(tmp_path / "run")[-1]["step"]) == 2  # the one left over joins the batch before it


def test_a_batch_of_all_images(tiny, tmp_path, succeed):
    succeed("train", tiny, "--run", tmp_path / "run", *FAST, "--batch-size", 40)
    assert int(metrics(tmp_path / "run")[-1]["step"]) == 1


def test_a_batch_of_one_image_without_batch_norm(images, tmp_path, succeed):
    flags = ("--batch-size", 1, "--norm", "layer")
    succeed("train", images, "--run", tmp_path / "run", *FAST, *flags)
    assert int(metrics(tmp_path / "run")[-1]["step"]) == 31  # the one left over joins the batch before it, here too


SHAPES = {
    "grey": (40, 18, 18),
    "three channels": (40, 3, 18, 18),
    "wide": (40, 1, 18, 27),
    "odd": (40, 2, 23, 19),
}


@pytest.mark.parametrize("encoder", ["strided", "conv"])
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_any_shape(tmp_path, succeed, shape, encoder):
    np.save(tmp_path / "images.npy", np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8))
    run = tmp_path / "run"
    succeed("train", tmp_path / "images.npy", "--run", run, *FAST, "--encoder", encoder, "--latent-dim", 3)
    assert len(ae.evaluate(run).rows) == 8
    trained = ae.load_run(run)
    images = np.load(tmp_path / "images.npy")
    assert trained.encode(images).shape == (40, 3)
    assert trained.reconstruct(images).shape == (40, *(shape[1:] if len(shape) == 4 else (1, *shape[1:])))


def test_the_same_pixels_in_any_type_give_the_same_run(tmp_path, succeed):
    """uint8 of 0..255, floats in [0, 1], floats and uint16 of 0..255 with --max-pixel-value; .npy and .npz."""
    pixels = np.random.default_rng(0).integers(0, 256, (40, 16, 16), dtype=np.uint8)
    np.save(tmp_path / "uint8.npy", pixels)
    np.savez(tmp_path / "uint8z.npz", images=pixels)
    np.savez_compressed(tmp_path / "only.npz", anything=pixels)
    np.save(tmp_path / "unit.npy", pixels.astype(np.float32) / np.float32(255))
    np.save(tmp_path / "float64.npy", pixels.astype(np.float64))
    np.save(tmp_path / "uint16.npy", pixels.astype(np.uint16))
    np.save(tmp_path / "bigendian.npy", pixels.astype(">u2"))
    top = ("--max-pixel-value", 255)
    files = {"uint8.npy": (), "uint8z.npz": (), "only.npz": (), "unit.npy": (), "float64.npy": top, "uint16.npy": top}
    files["bigendian.npy"] = top
    runs = []
    for name, options in files.items():
        run = tmp_path / f"run-{name}"
        succeed("train", tmp_path / name, "--run", run, *FAST, *options)
        runs.append(weights(run))
    for name, other in zip(files, runs, strict=True):
        assert equal(runs[0], other), name


def test_uint16_uses_its_whole_range_by_default(tmp_path, succeed):
    pixels = np.random.default_rng(0).integers(0, 65536, (40, 16, 16), dtype=np.uint16)
    np.save(tmp_path / "images.npy", pixels)
    succeed("train", tmp_path / "images.npy", "--run", tmp_path / "run", *FAST)
    data = ae.load_images(tmp_path / "images.npy")
    assert data.max_pixel_value == 65535
    assert 0.9 < data.scaled(np.arange(40)).max() <= 1


@pytest.mark.parametrize("loss", ["mse", "rmse", "bce"])
def test_losses(tiny, tmp_path, succeed, loss):
    flags = ("--epochs", 4, "--batch-size", 16, "--snapshots-per-epoch", 0, "--loss", loss)
    succeed("train", tiny, "--run", tmp_path / "run", *flags)
    losses = [float(row["train_loss"]) for row in metrics(tmp_path / "run")]
    assert losses[-1] < losses[0]
    output = ae.load_run(tmp_path / "run").reconstruct(ae.load_images(tiny).images)
    assert 0 <= output.min() <= output.max() <= 1


def test_a_rate_that_is_far_too_high(tiny, tmp_path, call, succeed):
    """What was kept before stays whole."""
    run = tmp_path / "run"
    flags = ("--batch-size", 16, "--schedule", "constant", "--lr", 1e18)
    error = call("train", tiny, "--run", run, "--epochs", 3, *flags).refused("--lr", str(run))
    assert "at step 1 (epoch 1, learning rate 1e+18)" in error
    assert json.loads((run / "config.json").read_text())["training"]["lr"] == 1e18
    succeed("info", run)


def test_a_network_that_only_validation_shows_to_be_broken(tiny, tmp_path, call):
    """One update per epoch: its loss is finite, and what it leaves is not. No such network is kept."""
    run = tmp_path / "run"
    flags = ("--batch-size", 40, "--epochs", 1, "--lr", 1e18, "--snapshots-per-epoch", 0)
    call("train", tiny, "--run", run, *flags).refused("validation loss", "at step 1 (epoch 1", "--lr")
    assert not (run / "checkpoints" / "best.pt").exists()
    assert not (run / "checkpoints" / "last.pt").exists()


def test_clean_images_are_not_learned_from(tiny, tmp_path, succeed):
    """The same noisy images without their clean ones give the same network."""
    with np.load(tiny) as arrays:
        np.savez(tmp_path / "noisy.npz", images=arrays["images"])
    shutil.copy(tiny.with_suffix(".csv"), tmp_path / "noisy.csv")
    succeed("train", tiny, "--run", tmp_path / "with", *FAST)
    succeed("train", tmp_path / "noisy.npz", "--run", tmp_path / "without", *FAST)
    assert equal(weights(tmp_path / "with"), weights(tmp_path / "without"))
