"""Every preset trains and tests through the command line; flags beside it win; on real MNIST it learns."""

import csv
import json
import math

import numpy as np
import pytest

from autoencoder import load_images
from autoencoder.cli.commands.train import build_config
from autoencoder.cli.main import build_parser
from autoencoder.config.presets import PRESETS

SHORT = ("--epochs", 1, "--batch-size", 16, "--snapshot-samples", 20)
SIDE = dict.fromkeys(PRESETS, 20) | {"mnist-conv": 28, "dense-40": 28}
SIDE |= dict.fromkeys(("simple", "deep", "denoising", "sparse"), 32)
"""Of the images for each: MNIST's, MNIST's padded, and small ones for the reference network, which takes its time."""


@pytest.fixture(scope="module")
def blobs(tmp_path_factory):
    """By side: 72 images of a blob off the centre, with the angle that it lies at, and the quarter as a label."""
    files, angles = {}, np.arange(72) * 5.0
    for side in set(SIDE.values()):
        files[side] = tmp_path_factory.mktemp("blobs") / f"blobs{side}.npz"
        y, x = np.mgrid[:side, :side]
        centre, turn = (side - 1) / 2, np.radians(angles)[:, None, None]
        dx, dy = x - centre - 6 * np.cos(turn), y - centre + 6 * np.sin(turn)
        np.savez(files[side], images=(255 * np.exp(-(dx**2 + dy**2) / 18)).astype(np.uint8))
        with files[side].with_suffix(".csv").open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["body_angle_deg", "label"])
            writer.writerows([angle, "abcd"[int(angle // 90)]] for angle in angles.tolist())
    return files


def parsed(*arguments):
    return build_config(build_parser().parse_args(["train", "data.npz", *map(str, arguments)]))


def config_of(run):
    return json.loads((run / "config.json").read_text())


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_trains_and_tests(blobs, tmp_path, succeed, name):
    run, data = tmp_path / "run", blobs[SIDE[name]]
    said = succeed("train", data, "--preset", name, *SHORT, "--run", run).out
    assert "left out" not in said
    config, preset = config_of(run), PRESETS[name]
    for section in ("data", "model", "objective", "training"):
        for field, value in getattr(preset, section).items():
            if field not in ("epochs", "batch_size", "noise"):
                assert config[section][field] == (list(value) if isinstance(value, tuple) else value), field
    assert (config["training"]["epochs"], config["training"]["batch_size"]) == (1, 16)
    assert (run / "reducer.npz").exists() == (name in ("pca-decoder", "umap-decoder"))
    assert len(np.load(run / "split.npz")["val"]) == round(72 * config["data"]["val_fraction"])

    succeed("test", "--run", run, "--no-movies", "--examples", 2)
    numbers = json.loads((run / "test" / "metrics.json").read_text())
    assert numbers["objective"] == preset.objective.get("name", "reconstruct")
    assert numbers["noise"] == str(preset.objective.get("noise", "none"))
    error = numbers["median_error_deg"] if name == "direction-tagger" else numbers["output"]["mse"]
    assert math.isfinite(error)
    assert numbers["control_pca"]["n_components"] == min(PRESETS[name].model["latent_dim"], 72 - numbers["n_images"])


def test_flags_win_over_a_preset(blobs, tmp_path, succeed):
    run = tmp_path / "run"
    flags = ("--latent-dim", 5, "--lr", 0.002, "--loss", "mse", "--noise", "gaussian:0.1", "--val-fraction", 0.5)
    succeed("train", blobs[20], "--preset", "sparse", *SHORT, *flags, "--run", run, "--quiet")
    config = config_of(run)
    assert (config["model"]["latent_dim"], config["training"]["lr"], config["objective"]["loss"]) == (5, 0.002, "mse")
    assert config["objective"]["noise"] == {"kind": "gaussian", "amount": 0.1}
    assert config["data"]["val_fraction"] == 0.5
    assert (config["model"]["encoder"], config["model"]["depth"]) == ("deep", 2)  # the rest of the preset holds
    assert (config["objective"]["sparsity"], config["model"]["latent_activation"]) == ("log", "sigmoid")


@pytest.mark.parametrize(
    ("name", "objective", "number", "left_out"),
    [
        ("direction-tagger", "reconstruct", "output", None),
        ("dense-40", "classify", "accuracy", "--loss"),
        ("pca-decoder", "angle", "median_error_deg", "--decoder"),
        ("fine", "angle", "median_error_deg", "--augment"),
    ],
)
def test_another_objective_than_the_presets(blobs, tmp_path, succeed, name, objective, number, left_out):
    """What only goes with the preset's own is left out, and the command says so."""
    run = tmp_path / "run"
    said = succeed("train", blobs[20], "--preset", name, "--objective", objective, *SHORT, "--run", run).out
    expected = f"not taken from the preset '{name}', because it does not fit the other flags: {left_out}\n"
    assert (expected in said) if left_out else ("not taken from" not in said)
    succeed("test", "--run", run, "--no-movies", "--examples", 2, "--quiet")
    assert number in json.loads((run / "test" / "metrics.json").read_text())


def test_what_a_preset_is_gives_no_way(blobs, tmp_path, call):
    run = tmp_path / "run"
    call("train", blobs[20], "--preset", "direction-tagger", "--loss", "bce", "--run", run).refused("loss", "'angle'")
    call("train", blobs[20], "--preset", "pca-decoder", "--sparsity", "kl", "--run", run).refused("'pca' is fitted")
    assert not run.exists()


@pytest.mark.parametrize("name", PRESETS)
def test_info_shows_a_preset_as_the_flags_that_make_it(succeed, name):
    shown = json.loads(succeed("info", "presets", "--json").out)[name]
    assert parsed(*shown["flags"].split()) == parsed("--preset", name)
    assert parsed(*shown["flags"].split()) != parsed()
    text = succeed("info", "presets").out
    assert max(map(len, text.splitlines())) <= 100
    assert f" {shown['flags']} " in " ".join(text.split()) + " "


# ------------------------------------------------------------------------------------------------------- the real MNIST


@pytest.fixture(scope="module")
def mnist(real_data, tmp_path_factory, succeed):
    """By side: 2,000 training images, and 300 test images."""
    folder, files = tmp_path_factory.mktemp("mnist"), {}
    for side, pad in ((28, 0), (32, 2)):
        files[side] = folder / f"train{side}.npz", folder / f"test{side}.npz"
        for path, prefix, limit in zip(files[side], ("train", "t10k"), (2000, 300), strict=True):
            source = real_data / "mnist" / f"{prefix}-images-idx3-ubyte.gz"
            out = path.with_suffix("")
            succeed("prepare", "idx", source, "--limit", limit, "--pad", pad, "--out", out, "--quiet")
    return files


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "flags", "share", "decibel"),
    [
        ("simple", ("--epochs", 10), 0.45, -0.5),
        ("dense-40", ("--epochs", 10), 0.4, None),
        ("deep", ("--epochs", 8), 0.75, None),
        ("denoising", ("--epochs", 8), 0.85, -0.5),
        ("sparse", ("--epochs", 10), 0.65, None),
        ("mnist-conv", ("--epochs", 12, "--batch-size", 32), 0.6, None),
    ],
)
def test_presets_learn_mnist(mnist, tmp_path, succeed, name, flags, share, decibel):
    """A hundredth of the documented training leaves less than `share` of the mean image's error.

    A PCA with as many components is a fair control where it is all that the network can be (`simple`, which is linear)
    or where noise is to be removed, so there the network is at most half a decibel behind.
    """
    train, test = mnist[SIDE[name]]
    run = tmp_path / "run"
    succeed("train", train, "--preset", name, *flags, "--snapshots-per-epoch", 0, "--run", run, "--quiet")
    succeed("test", "--run", run, "--data", test, "--no-movies", "--examples", 1, "--quiet")
    numbers = json.loads((run / "test" / test.stem / "metrics.json").read_text())
    mean = load_images(train).scaled(slice(None)).mean(axis=0)
    constant = float(((load_images(test).scaled(slice(None)) - mean) ** 2).mean())
    assert numbers["output"]["mse"] < share * constant
    if decibel is not None:
        assert numbers["output_closer_than_pca_db"] > decibel
    if numbers["input"] is not None:
        assert numbers["output"]["mse"] < 0.5 * numbers["input"]["mse"]
