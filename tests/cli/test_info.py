"""`info` on everything that it describes."""

import csv
import json

import numpy as np
import pytest


@pytest.fixture
def told(succeed):
    def info(*arguments):
        return json.loads(succeed("info", *arguments, "--json").out)

    return info


def test_data(tiny, told):
    found = told(tiny)
    assert found["images"] == "60 of 1x16x16 uint8"
    assert found["clean images"] == found["masks"] == "yes"
    assert found["regions"] == "background, body, tail, walls and ports"
    assert set(found["columns"]) >= {"frame", "x", "y", "body_angle_deg", "distance_from_center", "nearest_port"}
    assert found["columns"]["frame"] == "linear: 0 to 59"
    assert found["columns"]["body_angle_deg"].startswith("circular: ")
    assert found["columns"]["nearest_port"].startswith("category: ")


def test_data_without_anything_else(images, told):
    found = told(images)
    assert found["images"] == "40 of 1x12x12 uint8"
    assert (found["clean images"], found["masks"], found["columns"]) == ("no", "no", "none")
    assert found["regions"] == "no"


def test_data_on_another_scale(images, told):
    np.save(images, np.load(images).astype(np.float32))
    assert told(images, "--max-pixel-value", 255)["pixels"].startswith("255 stands for 1; mean 0.")


def test_run(finished, arena, told):
    found = told(finished)
    assert found["data"] == str(arena)
    assert found["encoder"] == "narrow, learned, norm batch, 6 latent units"
    assert found["decoder"] == "narrow"
    assert found["objective"] == "reconstruct (mse); noise gaussian:0.2"
    assert "explained variance" not in found
    assert found["images"] == "84 for training, 24 held out (blocks)"
    assert found["progress"].startswith("epoch 3 of 3, 18 steps")
    assert found["checkpoints"] == "epoch_0001, epoch_0002, epoch_0003, best, last"
    assert found["snapshots"] == "10 of 120 images"
    assert found["configuration"]["seed"] == 7
    assert found["environment"]["seed"] == 7


def test_checkpoint(finished, told):
    found = told(finished / "checkpoints" / "epoch_0002.pt")
    assert found["progress"].startswith("epoch 2, step 12")
    assert found["images"] == "1x50x50"
    assert found["encoder"] == "narrow, learned, norm batch, 6 latent units"
    assert (found["decoder"], found["objective"]) == ("narrow", "reconstruct (mse); noise gaussian:0.2")


@pytest.fixture(scope="module")
def train(tiny, tmp_path_factory, succeed):
    """Trains a small network on `tiny` in a moment."""

    def run(*flags):
        folder = tmp_path_factory.mktemp("runs") / "run"
        flags = ("--encoder", "dense", "--epochs", 1, "--batch-size", 16, "--snapshots-per-epoch", 0, *flags)
        succeed("train", tiny, "--run", folder, *flags, "--quiet")
        return folder

    return run


@pytest.mark.parametrize(
    ("flags", "encoder", "decoder", "objective"),
    [
        (
            "--encoder deep --depth 2 --norm none --loss bce --noise masking:0.5 --sparsity log --latent-dim 3",
            "deep of depth 2, learned, norm none, 3 latent units (sigmoid)",
            "deep of depth 2",
            "reconstruct (bce); noise masking:0.5; sparsity log (weight 0.001)",
        ),
        (
            "--decoder deep --depth 1 --sparsity kl --sparsity-weight 0.5 --latent-dim 3",
            "dense, learned, norm batch, 3 latent units (sigmoid)",
            "deep of depth 1",
            "reconstruct (mse); noise none; sparsity kl (weight 0.5, target 0.05)",
        ),
        (
            "--objective angle --latent-dim 3 --shuffle-targets",
            "dense, learned, norm batch, 3 latent units",
            None,
            "angle of column 'body_angle_deg'; noise none; trained on shuffled targets (a control)",
        ),
        (
            "--objective angle --vector x,y,distance_from_center,frame --latent-dim 3",
            "dense, learned, norm batch, 3 latent units",
            None,
            "angle from (x, y) to (distance_from_center, frame); noise none",
        ),
        (
            "--objective mask --encoder pca --decoder dense --latent-dim 3",
            "pca, fitted to the training images, 3 latent units",
            "dense",
            "mask; noise none",
        ),
    ],
)
def test_what_a_run_is(train, told, flags, encoder, decoder, objective):
    """The same of a run and of its checkpoint."""
    run = train(*flags.split())
    for found in (told(run), told(run / "checkpoints" / "last.pt")):
        assert (found["encoder"], found.get("decoder"), found["objective"]) == (encoder, decoder, objective)


def test_classes_of_a_run(tiny, train, told):
    with tiny.with_suffix(".csv").open() as file:
        ports = sorted({row["nearest_port"] for row in csv.DictReader(file)}, key=int)
    listed = f"classify of column 'nearest_port'; {len(ports)} classes: {', '.join(ports)}; noise none"
    assert told(train("--objective", "classify", "--target", "nearest_port"))["objective"] == listed


def test_explained_variance(tiny, train, told):
    """Of the training images, against numpy's singular values."""
    run = train("--encoder", "pca", "--decoder", "dense", "--latent-dim", 4)
    with np.load(tiny) as arrays, np.load(run / "split.npz") as split:
        images = arrays["images"][split["train"]].reshape(len(split["train"]), -1) / 255
    variances = np.linalg.svd(images - images.mean(axis=0), compute_uv=False) ** 2
    explained = 100 * np.cumsum(variances) / variances.sum()
    enough = next(n for n, percent in enumerate(explained, start=1) if percent >= 95)
    said = told(run)["explained variance"]
    assert said.startswith(f"{explained[3]:.1f} % by 4 components; 95 % takes {enough} of ")


def test_a_reducer_without_variances(train, call):
    run = train("--encoder", "pca", "--decoder", "dense")
    with np.load(run / "reducer.npz") as arrays:
        kept = {name: arrays[name] for name in arrays if name != "explained_variance_ratio"}
    np.savez(run / "reducer.npz", **kept)
    call("info", run).refused("reducer.npz", "explained_variance_ratio")


def test_presets(told, succeed):
    presets = told("presets")
    rat, denoising = presets["rat-ae"], presets["denoising"]
    assert (rat["encoder"], rat["latent_dim"], rat["epochs"], rat["batch_size"]) == ("conv", 16, 150, 64)
    assert (denoising["noise"], presets["direction-tagger"]["objective"]) == ("salt-pepper:0.25", "angle")
    assert "--noise salt-pepper:0.25 --" in denoising["flags"]
    text = succeed("info", "presets").out
    for name, preset in presets.items():
        assert f"\n{name}\n" in text
        assert preset["is"] in " ".join(text.split())


@pytest.mark.parametrize("what", ["tiny", "finished"])
def test_text_says_the_same_as_json(request, succeed, told, what):
    path = request.getfixturevalue(what)
    text = succeed("info", path).out
    for name, value in told(path).items():
        assert name in text
        if isinstance(value, str):
            assert value in text
