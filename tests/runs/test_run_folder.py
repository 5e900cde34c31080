"""The run folder: its exact files, what is in them, and that later commands need nothing else."""

import csv
import json

import numpy as np
import pytest
import torch

import autoencoder as ae

METRIC_COLUMNS = ["epoch", "step", "lr", "train_loss", "val_loss", "val_mse_to_clean", "images_per_second", "seconds"]
AFTER_TRAINING = {
    ".lock",
    "config.json",
    "environment.json",
    "recipe.json",
    "split.npz",
    "metrics.csv",
    "checkpoints/last.pt",
    "checkpoints/best.pt",
    *(f"checkpoints/epoch_{epoch:04d}.pt" for epoch in (1, 2, 3)),
    *(f"checkpoints/step_{step:08d}.pt" for step in (0, 2, 4)),  # before the first epoch has ended
    "latents/index.csv",
    *(f"latents/step_{step:08d}.npy" for step in range(0, 19, 2)),  # 6 steps per epoch, 3 snapshots each, and step 0
}
TEST_FILES = {"metrics.json", "grid.png", "best.png", "worst.png", "regions.png", "loss.png"}
TEST_MOVIES = {"input.mp4", "output.mp4", "side_by_side.mp4"}


def read_csv(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_exact_files_of_each_command(finished_copy, succeed, tree):
    run = finished_copy
    assert tree(run) == AFTER_TRAINING

    said = succeed("test", "--run", run, "--movie-frames", 3, "--examples", 1).out
    after_test = AFTER_TRAINING | {f"test/{name}" for name in TEST_FILES | TEST_MOVIES}
    assert tree(run) == after_test
    for name in TEST_FILES | TEST_MOVIES:
        assert f"made {run / 'test' / name}\n" in said

    said = succeed(
        "visualize", "--run", run, "--reduce", "pca", "--color-by", "x", "nearest_port", "--seconds", 0.25
    ).out
    made = {"embedding.npz", "scores.json", "visualize.json"}
    made |= {f"{column}.{suffix}" for column in ("x", "nearest_port") for suffix in ("mp4", "png")}
    assert tree(run) == after_test | {f"visualize/pca-last/{name}" for name in made}
    for name in made - {"visualize.json"}:
        assert f"made {run / 'visualize' / 'pca-last' / name}\n" in said


@pytest.mark.slow
def test_the_run_knows_everything(arena, tmp_path, succeed, monkeypatch):
    """Trained through a relative path, then used from another folder with nothing but `--run`."""
    monkeypatch.chdir(arena.parent)
    options = ("--preset", "rat-ae", "--encoder", "strided", "--epochs", 1, "--batch-size", 32, "--latent-dim", 5)
    succeed("train", arena.name, "--run", tmp_path / "run", *options, "--noise", "masking:0.25", "--seed", 3)
    config = json.loads((tmp_path / "run" / "config.json").read_text())
    assert config["data"]["images"] == str(arena)
    said = {
        "model": {"encoder": "strided", "latent_dim": 5, "norm": "batch"},
        "objective": {
            "name": "reconstruct",
            "loss": "mse",
            "noise": {"kind": "masking", "amount": 0.25},
            "shuffle_targets": False,
            "sparsity": "none",
        },
    }
    for section, expected in said.items():  # what was not said and has no default of its own is there too, as null
        assert {name: value for name, value in config[section].items() if value is not None} == expected
    training = config["training"]
    assert (training["epochs"], training["batch_size"], training["seed"]) == (1, 32, 3)
    assert (training["lr"], training["schedule"], training["val_interval"]) == (1e-3, "constant", 5)

    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    succeed("test", "--run", "../run", "--no-movies", "--examples", 1)
    assert json.loads((tmp_path / "run" / "test" / "metrics.json").read_text())["noise"] == "masking:0.25"
    succeed("visualize", "--run", "../run", "--reduce", "pca", "--color-by", "frame", "--no-movies")
    succeed("info", "../run")
    succeed("train", "--resume", "../run", "--epochs", 2)


def test_metrics(finished):
    rows = read_csv(finished / "metrics.csv")
    assert list(rows[0]) == METRIC_COLUMNS
    assert [int(row["epoch"]) for row in rows] == [1, 2, 3]
    assert [int(row["step"]) for row in rows] == [6, 12, 18]
    for row in rows:
        assert all(float(row[name]) > 0 for name in METRIC_COLUMNS)
    seconds = [float(row["seconds"]) for row in rows]
    assert seconds == sorted(seconds)
    assert float(rows[-1]["train_loss"]) < float(rows[0]["train_loss"])


def test_validation_loss_is_that_of_the_held_out_images(tiny, tmp_path, succeed):
    succeed("train", tiny, "--run", tmp_path / "run", "--epochs", 2, "--batch-size", 16, "--val-interval", 1)
    trained, data = ae.load_run(tmp_path / "run"), ae.load_images(tiny)
    rows = trained.run.split().val
    output = trained.reconstruct(data.images[rows])
    last = read_csv(tmp_path / "run" / "metrics.csv")[-1]
    raw = trained.network(torch.from_numpy(data.scaled(rows))).prediction.detach().numpy()
    assert float(last["val_loss"]) == pytest.approx(np.square(raw - data.scaled(rows)).mean(), rel=1e-4)
    assert float(last["val_mse_to_clean"]) == pytest.approx(
        np.square(output - data.scaled(rows, "clean")).mean(), rel=1e-4
    )


def test_split(finished):
    split = np.load(finished / "split.npz")
    assert len(split["val"]) == 24
    apart = np.abs(split["train"][:, None] - split["val"]).min(axis=1)
    gap = json.loads((finished / "config.json").read_text())["data"]["gap"]
    assert apart.min() == gap + 1  # images are frames: their neighbours are left out
    assert set(split["train"]) == {row for row in range(120) if np.abs(row - split["val"]).min() > gap}
    assert list(split["snapshot"]) == list(range(120))


def test_blocks_keep_neighbouring_frames_together(tiny, tmp_path, succeed):
    options = ("--split", "blocks", "--block-size", 10, "--val-fraction", 0.3, "--epochs", 1, "--batch-size", 16)
    succeed("train", tiny, "--run", tmp_path / "run", *options)
    held_out = np.load(tmp_path / "run" / "split.npz")["val"]
    assert len(held_out) == 20  # a third of 60, the nearest to 0.3 that whole blocks of 10 come to
    blocks, counts = np.unique(held_out // 10, return_counts=True)
    assert len(blocks) == 2
    assert (counts == 10).all()


def test_environment(finished, arena):
    environment = json.loads((finished / "environment.json").read_text())
    assert environment["torch"] == torch.__version__
    assert environment["autoencoder"] == ae.__version__
    assert environment["seed"] == 7
    assert environment["n_images"] == 120
    assert environment["data_sha256"] == ae.load_images(arena).content_hash()
    assert {"python", "numpy", "platform", "device", "threads"} <= environment.keys()


def test_checkpoints_are_read_without_running_code(finished):
    for file in (finished / "checkpoints").iterdir():
        content = torch.load(file, map_location="cpu", weights_only=True)
        assert {"config", "model", "optimizer", "state", "rng"} <= content.keys()
    states = [
        torch.load(finished / "checkpoints" / f"epoch_{epoch:04d}.pt", weights_only=True)["state"]
        for epoch in (1, 2, 3)
    ]
    assert [(state["epoch"], state["step"], state["batch"]) for state in states] == [(1, 6, 0), (2, 12, 0), (3, 18, 0)]


def test_runs_are_numbered_where_no_name_is_given(tiny, tmp_path, succeed, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for _ in range(2):
        said = succeed("train", tiny, "--epochs", 1, "--batch-size", 16, "--snapshots-per-epoch", 0).out
    assert sorted(path.name for path in (tmp_path / "runs").iterdir()) == ["tiny-narrow-001", "tiny-narrow-002"]
    assert "made runs/tiny-narrow-002\n" in said
    assert "autoencoder test --run runs/tiny-narrow-002" in said
    succeed("visualize", "--latest-run-on", tiny, "--help")


def test_the_newest_run_on_a_file_is_found(tiny, images, tmp_path, succeed, call, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for data in (tiny, tiny, images):
        succeed("train", data, "--epochs", 1, "--batch-size", 16)
    options = ("--reduce", "pca", "--no-movies")
    assert "runs/tiny-narrow-002" in succeed("visualize", "--latest-run-on", tiny, *options).out
    call("visualize", "--latest-run-on", tmp_path / "other.npz").refused("other.npz", "--run")
