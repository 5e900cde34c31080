"""Objectives on the command line: what does not go together is refused before any work, the rest works and learns."""

import csv
import json

import numpy as np
import pytest

import autoencoder as ae
from autoencoder.registries import OBJECTIVES

MISPLACED = [
    (["--objective", "angle", "--loss", "mse"], ["loss", "reconstruct", "'angle'", "leave it out"]),
    (["--objective", "classify", "--loss", "bce"], ["loss", "reconstruct", "'classify'"]),
    (["--objective", "mask", "--loss", "rmse"], ["loss", "reconstruct", "'mask'"]),
    (["--target", "x"], ["target", "angle, classify and regress", "'reconstruct'", "leave it out"]),
    (["--objective", "mask", "--target", "x"], ["target", "angle, classify and regress", "'mask'"]),
    (["--vector", "x,y,x,y"], ["vector", "angle", "'reconstruct'"]),
    (["--objective", "classify", "--vector", "x,y,x,y"], ["vector", "angle", "'classify'"]),
    (["--objective", "angle", "--vector", "x,y,frame"], ["vector", "4 columns", "base_x,base_y,tip_x,tip_y", "not 3"]),
    (["--objective", "angle", "--vector", "x,,y,frame"], ["--vector", "x,,y,frame"]),
    (
        ["--objective", "angle", "--vector", "x,y,x,frame", "--target", "body_angle_deg"],
        ["target", "vector", "not by both"],
    ),
    (["--shuffle-targets"], ["shuffle_targets", "angle, classify, mask and regress", "'reconstruct'"]),
    (["--encoder", "pca", "--sparsity", "log"], ["sparsity", "'pca'", "fitted", "learned one", "strided"]),
    (["--encoder", "umap", "--sparsity", "kl"], ["sparsity", "'umap'", "fitted"]),
    (["--sparsity", "kl", "--latent-activation", "tanh"], ["'kl'", "never negative", "tanh", "sigmoid"]),
    (["--sparsity", "log", "--latent-activation", "tanh"], ["'log'", "never negative", "sigmoid or relu"]),
    (["--sparsity", "log", "--latent-activation", "linear"], ["'log'", "never negative", "linear"]),
    (["--sparsity", "kl", "--latent-activation", "relu"], ["'kl'", "relu", "sigmoid"]),
    (["--sparsity-target", "0.1"], ["sparsity_target", "'kl'", "leave it out"]),
    (["--sparsity", "log", "--sparsity-target", "0.1"], ["sparsity_target", "'kl'"]),
    (["--sparsity", "kl", "--sparsity-target", "1"], ["--sparsity-target", "between 0 and 1"]),
    (["--sparsity-weight", "0.1"], ["sparsity_weight", "log or kl"]),
    (["--sparsity", "log", "--sparsity-weight", "0"], ["--sparsity-weight", "positive"]),
    (["--sparsity", "l1"], ["--sparsity", "log", "kl"]),
    (["--objective", "angle", "--decoder", "conv"], ["'angle'", "no decoder", "'conv'", "reconstruct or mask"]),
    (["--objective", "classify", "--decoder", "dense"], ["'classify'", "no decoder", "'dense'"]),
    (["--decoder", "pca"], ["--decoder", "strided"]),
    (["--encoder", "conv", "--depth", "2"], ["depth", "'deep'", "'conv'", "leave it out"]),
    (["--encoder", "deep", "--depth", "13"], ["depth", "1 to 12", "13"]),
    (["--encoder", "umap", "--latent-activation", "relu"], ["'umap'", "fitted", "leave 'relu' out"]),
    (["--encoder", "pca", "--latent-activation", "sigmoid"], ["'pca'", "fitted", "'sigmoid'"]),
    (["--encoder", "pca", "--init-from", "x.pt"], ["--init-from", "'pca'", "fitted", "leave it out"]),
    (["--encoder", "pca", "--latent-dim", "48"], ["'pca'", "39", "40 training images", "--latent-dim 39"]),
    (["--encoder", "umap", "--latent-dim", "1000"], ["'umap'", "39", "40 training images"]),
    (["--encoder", "conv"], ["16x16", "'conv'", "18x18", "--pad or --resize"]),
    (["--decoder", "conv"], ["16x16", "'conv'", "18x18"]),
    (["--objective", "classify", "--target", "frame"], ["'frame'", "60 different values", "not a class"]),
    (["--objective", "classify", "--target", "body_angle_deg"], ["'body_angle_deg'", "--objective angle"]),
    (["--objective", "classify", "--target", "species"], ["'species'", "frame, x, y, body_angle_deg"]),
    (["--objective", "angle", "--target", "nearest_port"], ["'nearest_port'", "not an angle", "_deg or _rad"]),
    (["--objective", "angle", "--vector", "nose_x,nose_y,x,y"], ["'nose_x'", "'nose_y'", "frame, x, y"]),
]


def test_a_column_that_nobody_named_is_named(tiny, tmp_path, succeed):
    """Which of them a network learned to predict can be read where it was trained."""
    flags = ("--objective", "classify", "--epochs", 1, "--latent-dim", 2, "--batch-size", 32)
    said = succeed("train", tiny, "--run", tmp_path / "a", *flags).out
    assert "the column to predict is 'nearest_port', since none was named (--target)" in said
    named = succeed("train", tiny, "--run", tmp_path / "b", *flags, "--target", "nearest_port").out
    assert "the column to predict" not in named


def refused(call, folder, data, flags, words):
    """In one line; nothing is left."""
    call("train", data, "--run", folder / "runs" / "run", "--batch-size", 16, *flags).refused(*words)
    assert not list(folder.iterdir())


@pytest.mark.parametrize(("flags", "words"), MISPLACED, ids=[" ".join(flags) for flags, _ in MISPLACED])
def test_what_does_not_go_together(tiny, tmp_path, call, flags, words):
    refused(call, tmp_path, tiny, flags, words)


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (
            ["--encoder", "conv", "--depth", "2", "--objective", "angle", "--loss", "mse", "--sparsity-weight", "1"],
            ["depth only applies to", "loss only applies to", "sparsity_weight needs"],
        ),
        (
            ["--target", "x", "--vector", "x,y", "--shuffle-targets", "--sparsity-target", "0.2"],
            [
                "target only applies to the objectives angle, classify and regress, not to 'reconstruct'",
                "vector only applies to",
                "shuffle_targets only applies to",
                "sparsity_target only applies to",
                "not 2",
            ],
        ),
        (
            ["--encoder", "pca", "--objective", "angle", "--decoder", "dense", "--sparsity", "kl", "--init-from", "x"],
            ["has no decoder", "sparsity needs", "--init-from takes over"],
        ),
        (
            [
                "--encoder",
                "umap",
                "--latent-dim",
                "99",
                "--decoder",
                "conv",
                "--objective",
                "mask",
                "--batch-size",
                "64",
            ],
            ["--latent-dim 39", "18x18", "fewer than a batch"],
        ),
        (
            ["--encoder", "conv", "--objective", "angle", "--target", "species", "--batch-size", "64"],
            ["'species'", "18x18", "--batch-size 40"],
        ),
    ],
)
def test_several_problems_are_said_in_one_line(tiny, tmp_path, call, flags, words):
    refused(call, tmp_path, tiny, flags, words)


GO_TOGETHER = [
    ["--objective", "mask", "--encoder", "umap", "--decoder", "dense"],
    ["--objective", "angle", "--encoder", "pca", "--latent-activation", "linear"],
    ["--objective", "angle", "--sparsity", "kl", "--shuffle-targets"],
    [
        "--objective",
        "classify",
        "--sparsity",
        "log",
        "--latent-activation",
        "relu",
        "--encoder",
        "deep",
        "--depth",
        "1",
    ],
    ["--encoder", "pca", "--decoder", "deep", "--depth", "2", "--loss", "bce"],
    ["--encoder", "dense", "--decoder", "conv-small", "--norm", "local-response"],
    ["--objective", "mask", "--noise", "masking:0.3", "--no-shuffle-targets"],
    ["--objective", "angle", "--vector", "x,y,polar_angle_deg,frame"],  # any columns of numbers are points
]


@pytest.mark.parametrize("flags", GO_TOGETHER, ids=" ".join)
def test_what_goes_together(tiny, tmp_path, succeed, flags):
    quick = ("--batch-size", 16, "--latent-dim", 4, "--epochs", 1, "--threads", 1)
    succeed("train", tiny, "--run", tmp_path / "run", *quick, *flags)
    said = succeed("test", "--run", tmp_path / "run", "--no-movies", "--examples", 1).out
    assert "(control)" in said


@pytest.mark.parametrize(
    ("objective", "channels"),
    [
        pytest.param(name, channels, marks=() if (name == "reconstruct") == (channels == 2) else pytest.mark.slow)
        for name in OBJECTIVES
        for channels in (2, 3)
    ],
)
def test_images_of_several_channels(tmp_path, succeed, tree, objective, channels):
    """In every figure and movie, and where a single image is tested."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (40, channels, 9, 14), dtype=np.uint8)
    columns = {"turn_deg": rng.uniform(0, 360, 40), "kind": np.array(["a", "b"] * 20), "speed": rng.random(40)}
    np.savez(tmp_path / "images.npz", images=images, mask=images[:, :1] > 127, **columns)
    quick = ("--objective", objective, "--batch-size", 16, "--epochs", 1, "--latent-dim", 3)
    succeed("train", tmp_path / "images.npz", "--run", tmp_path / "run", *quick)
    for limit in (1, 5):
        succeed("test", "--run", tmp_path / "run", "--limit", limit, "--format", "gif", "--out", tmp_path / f"{limit}")
    assert tree(tmp_path / "1") == tree(tmp_path / "5")
    assert json.loads((tmp_path / "1" / "metrics.json").read_text())["n_images"] == 1


def test_the_only_column_of_its_kind_need_not_be_named(tiny, tmp_path, succeed):
    succeed("train", tiny, "--run", tmp_path / "run", "--batch-size", 16, "--epochs", 1, "--objective", "classify")
    assert json.loads((tmp_path / "run" / "config.json").read_text())["objective"]["target"] == "nearest_port"


def test_resume_takes_no_other_objective(tiny, tmp_path, succeed, call):
    succeed("train", tiny, "--run", tmp_path / "run", "--batch-size", 16, "--epochs", 1, "--objective", "angle")
    for flags in (["--objective", "mask"], ["--target", "x"], ["--shuffle-targets"], ["--sparsity", "log"]):
        call("train", "--resume", tmp_path / "run", *flags).refused("--resume", flags[0])


def test_weights_of_another_objective(tiny, tmp_path, call, succeed):
    """They are refused by what differs; those of the same objective are taken over."""
    quick = ("--batch-size", 16, "--epochs", 1, "--objective", "angle")
    succeed("train", tiny, "--run", tmp_path / "first", *quick)
    weights = ("--init-from", tmp_path / "first" / "checkpoints" / "last.pt")
    error = call("train", tiny, "--run", tmp_path / "run", "--batch-size", 16, *weights).refused(
        str(weights[1]), "objective angle, not reconstruct", "leave --init-from out"
    )
    assert "encoder" not in error
    call("train", tiny, "--run", tmp_path / "run", *quick, *weights, "--norm", "layer", "--latent-dim", 3).refused(
        "norm batch, not layer", "latent_dim 16, not 3"
    )
    assert not (tmp_path / "run").exists()
    succeed("train", tiny, "--run", tmp_path / "run", *quick, *weights)


def test_a_run_that_makes_no_pictures_decodes_nothing(tiny, tmp_path, succeed):
    quick = ("--batch-size", 16, "--epochs", 1, "--latent-dim", 4)
    succeed("train", tiny, "--run", tmp_path / "run", *quick, "--objective", "angle")
    trained = ae.load_run(tmp_path / "run")
    with pytest.raises(ae.UserError, match="'angle' and has no decoder"):
        trained.decode(np.zeros((2, 4), np.float32))
    with pytest.raises(ae.UserError, match="'angle' and reconstructs nothing: use predict"):
        trained.reconstruct(ae.load_images(tiny).images)


# ------------------------------------------------------------------------------------------------------------- learning


@pytest.fixture(scope="module")
def facing(tmp_path_factory, succeed):
    """400 images of the arena, 24x24, and which way the animal faces, as text."""
    stem = tmp_path_factory.mktemp("facing") / "arena"
    succeed("prepare", "arena", "--out", stem, "--images", 400, "--size", 24, "--quiet")
    table = stem.with_suffix(".csv")
    with table.open(newline="") as file:
        rows = list(csv.DictReader(file))
    with table.open("w", newline="") as file:
        writer = csv.DictWriter(file, [*rows[0], "facing"])
        writer.writeheader()
        for row in rows:
            quarter = int((float(row["body_angle_deg"]) + 45) // 90) % 4
            writer.writerow({**row, "facing": ("east", "north", "west", "south")[quarter]})
    return stem.with_suffix(".npz")


@pytest.fixture(scope="module")
def learned(facing, tmp_path_factory, succeed):
    """Numbers of the test of a run after a few epochs."""

    def train_and_test(*flags):
        run = tmp_path_factory.mktemp("learned") / "run"
        quick = ("--epochs", 6, "--snapshots-per-epoch", 0, "--threads", 1)
        succeed("train", facing, "--run", run, *quick, *flags)
        succeed("test", "--run", run, "--no-movies", "--examples", 1)
        return json.loads((run / "test" / "metrics.json").read_text())

    return train_and_test


@pytest.mark.slow
def test_a_tagger_beats_its_controls_unless_its_targets_are_shuffled(learned):
    numbers = learned("--objective", "angle")
    constant, shuffled = (numbers[f"control_{name}"]["median_error_deg"] for name in ("constant", "shuffled"))
    assert numbers["median_error_deg"] < 0.2 * min(constant, shuffled)
    control = learned("--objective", "angle", "--shuffle-targets")
    assert control["control_constant"]["median_error_deg"] == constant
    assert control["median_error_deg"] > 0.6 * min(constant, control["control_shuffled"]["median_error_deg"])


@pytest.mark.slow
def test_a_classifier_beats_its_controls_unless_its_targets_are_shuffled(learned):
    flags = ("--objective", "classify", "--target", "facing")
    numbers = learned(*flags)
    constant, shuffled = (numbers[f"control_{name}"]["accuracy"] for name in ("constant", "shuffled"))
    assert numbers["accuracy"] > max(constant, shuffled) + 0.2
    assert learned(*flags, "--shuffle-targets")["accuracy"] < constant + 0.15


QUICKLY = ("--optimizer", "adam")
"""In so few updates Muon has only begun to learn masks."""


@pytest.mark.slow
def test_masks_are_learned_unless_they_are_shuffled(learned):
    numbers = learned("--objective", "mask", *QUICKLY)
    constant, shuffled = (numbers[f"control_{name}"]["iou"] for name in ("constant", "shuffled"))
    assert numbers["iou"] > max(constant, shuffled) + 0.2
    assert learned("--objective", "mask", "--shuffle-targets", *QUICKLY)["iou"] < max(constant, shuffled) + 0.1


@pytest.mark.parametrize("encoder", ["pca", "umap"])
def test_an_angle_is_read_from_fitted_codes(learned, encoder):
    numbers = learned("--objective", "angle", "--encoder", encoder, "--latent-dim", 8)
    assert numbers["median_error_deg"] < 0.5 * numbers["control_constant"]["median_error_deg"]
