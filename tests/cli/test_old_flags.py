"""The documented flags of the work that this project carries on, as they were used: through the files in scripts/."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest

import autoencoder as ae
from autoencoder.cli.main import build_parser
from autoencoder.cli.old_flags import OLD_FLAGS, translate, translate_with_documented_defaults

DOCUMENTED = {
    "train_data_dir",
    "file_name",
    "meta_data_file_name",
    "batch_size",
    "batch_size_latent_space",
    "seed",
    "epochs",
    "split_size",
    "lr",
    "open_new_folder",
    "max_pixel_value",
    "latent_space_dim",
    "save_model_checkpoints",
    "checkpoint_interval",
    "load_checkpoint",
    "checkpoint_path",
    "checkpoint_to_load",
    "save_latent_space",
    "checkpoint_latent_space_interval",
    "val_check_interval",
    "dim_reduction_algo",
    "extract_latent_space",
    "extract_latent_space_fc2",
    "analysis_latent_space_stop_index",
    "save_plots_or_only_create_movie",
    "umap_dim_reduction_fit_according_to_specific_epoch",
    "alternative_latent_space_to_fit_dir",
    "run_goal",
}


def config_of(run):
    return json.loads((run / "config.json").read_text())


def parsed(program, *flags):
    """What the parser makes of old flags."""
    return vars(build_parser().parse_args(translate([program, *flags])))


def test_every_documented_flag_is_taken_by_a_command():
    taken = {name for names in OLD_FLAGS.values() for name in names}
    same_today = {"seed", "epochs", "lr"}
    assert taken | same_today == DOCUMENTED


def test_documented_defaults_of_train(tiny, tmp_path, succeed, monkeypatch):
    """tiny is too small for a batch of 64 and for the reference network, which takes 18x18."""
    monkeypatch.chdir(tmp_path)
    images = np.random.default_rng(0).integers(0, 256, (90, 18, 18), dtype=np.uint8)
    np.save(tmp_path / "images.npy", images)
    said = succeed("--train_data_dir", tmp_path, "--file_name", "images.npy", "--epochs", 1, program="train").out
    assert "made runs/images-conv-001\n" in said
    config = config_of(tmp_path / "runs" / "images-conv-001")
    assert config["data"]["images"] == str(tmp_path / "images.npy")
    assert (config["data"]["max_pixel_value"], config["data"]["val_fraction"]) == (255, 0.2)
    assert (config["model"]["encoder"], config["model"]["latent_dim"]) == ("conv", 16)
    expected = {
        "epochs": 1,
        "batch_size": 64,
        "lr": 1e-3,
        "val_interval": 5,
        "checkpoint_interval": 5,
        "snapshots_per_epoch": 3,
        "snapshot_batch_size": 128,
        "seed": 42,
        "schedule": "constant",
        "init_from": None,
    }
    assert {name: config["training"][name] for name in expected} == expected


def test_documented_number_of_epochs():
    arguments = translate_with_documented_defaults(["train", "--file_name", "a.npy"])
    from autoencoder.cli.train import build_config

    assert build_config(build_parser().parse_args(arguments)).training.epochs == 150


def test_train_with_every_flag(tiny, tmp_path, succeed, monkeypatch):
    """Old ones, and some of today's among them."""
    monkeypatch.chdir(tmp_path)
    np.save(tmp_path / "known.npy", np.random.default_rng(0).random((60, 2)))
    flags = f"""
        --train_data_dir {tiny.parent} --file_name {tiny.name} --meta_data_file_name {tmp_path / "known.npy"}
        --columns a,b --batch_size 12 --batch_size_latent_space 7 --seed 5 --epochs 2 --split_size 0.4 --lr 0.002
        --open_new_folder False --max_pixel_value 300 --latent_space_dim 3 --save_model_checkpoints True
        --checkpoint_interval 1 --save_latent_space True --checkpoint_latent_space_interval 2 --val_check_interval 1
        --load_checkpoint False --run_goal train --encoder strided --noise gaussian:0.1
    """
    succeed(*flags.split(), program="train")
    run = tmp_path / "runs" / "tiny"  # not a new, numbered folder
    config = config_of(run)
    assert config["data"]["metadata"] == str(tmp_path / "known.npy")
    assert (config["data"]["columns"], config["data"]["max_pixel_value"]) == (["a", "b"], 300)
    assert len(np.load(run / "split.npz")["val"]) == 24
    assert (config["model"]["latent_dim"], config["model"]["encoder"]) == (3, "strided")
    assert config["objective"]["noise"] == {"kind": "gaussian", "amount": 0.1}
    training = config["training"]
    assert (training["batch_size"], training["snapshot_batch_size"]) == (12, 7)
    assert (training["seed"], training["epochs"], training["lr"]) == (5, 2, 0.002)
    assert (training["checkpoint_interval"], training["val_interval"]) == (1, 1)
    assert len(list((run / "latents").glob("step_*.npy"))) == 5
    assert (run / "checkpoints" / "epoch_0001.pt").exists()


@pytest.mark.parametrize(
    ("flags", "name", "value"),
    [
        ("--save_model_checkpoints False", "checkpoint_interval", 0),
        ("--save_model_checkpoints False --checkpoint_interval 3", "checkpoint_interval", 0),
        ("--save_model_checkpoints True --checkpoint_interval 3", "checkpoint_interval", 3),
        ("--save_latent_space False", "snapshots_per_epoch", 0),
        ("--save_latent_space false --checkpoint_latent_space_interval 4", "snapshots_per_epoch", 0),
        ("--save_latent_space True --checkpoint_latent_space_interval 4", "snapshots_per_epoch", 4),
        ("--split_size=0.3", "val_fraction", 0.3),
        ("--load_checkpoint True --checkpoint_path p --checkpoint_to_load c.pt", "init_from", "p/c.pt"),
        ("--load_checkpoint False --checkpoint_path p --checkpoint_to_load c.pt", "init_from", None),
    ],
)
def test_flags_of_train(flags, name, value):
    assert parsed("train", "d.npy", *flags.split()).get(name) == value


@pytest.mark.parametrize(
    ("flags", "name", "value"),
    [
        ("--dim_reduction_algo UMAP", "reduce", "umap"),
        ("--dim_reduction_algo PCA", "reduce", "pca"),
        ("--extract_latent_space True --extract_latent_space_fc2 False", "layer", ["latent"]),
        ("--extract_latent_space False --extract_latent_space_fc2 True", "layer", ["fc2"]),
        ("--extract_latent_space True --extract_latent_space_fc2 True", "layer", ["latent", "fc2"]),
        ("--analysis_latent_space_stop_index All", "stop_index", None),
        ("--analysis_latent_space_stop_index 7", "stop_index", 7),
        ("--save_plots_or_only_create_movie True", "save_frames", True),
        ("--save_plots_or_only_create_movie False", "save_frames", False),
        ("--umap_dim_reduction_fit_according_to_specific_epoch last", "fit", ["last"]),
        ("--umap_dim_reduction_fit_according_to_specific_epoch first", "fit", ["first"]),
        ("--umap_dim_reduction_fit_according_to_specific_epoch every_epoch", "fit", ["every"]),
        ("--umap_dim_reduction_fit_according_to_specific_epoch All", "fit", ["last", "first", "every"]),
        (
            "--umap_dim_reduction_fit_according_to_specific_epoch alternative "
            "--alternative_latent_space_to_fit_dir other/step.npy",
            "fit",
            ["other/step.npy"],
        ),
        ("--seed 4", "seed", 4),
    ],
)
def test_flags_of_visualize(flags, name, value):
    assert parsed("visualize", "--run", "r", *flags.split())[name] == value


def test_documented_defaults_of_visualize():
    arguments = translate_with_documented_defaults(["visualize", "--run", "r"])
    args = build_parser().parse_args(arguments)
    assert (args.layer, args.reduce, args.fit, args.stop_index) == (["latent", "fc2"], "umap", ["last"], None)


def test_visualize_a_run_named_by_its_checkpoints(finished, tmp_path, succeed):
    flags = ("--dim_reduction_algo", "PCA", "--extract_latent_space_fc2", "False", "--color-by", "x", "--seconds", 1)
    place = ("--checkpoint_path", finished / "checkpoints", "--run_goal", "visualize_change_of_latent_space")
    succeed(*place, *flags, "--analysis_latent_space_stop_index", 3, "--out", tmp_path / "out", program="visualize")
    with np.load(tmp_path / "out" / "embedding.npz") as arrays:
        assert arrays["steps"].tolist() == [0, 2, 4]


def test_test_with_a_checkpoint_and_other_data(finished, arena, tmp_path, succeed):
    flags = f"""
        --train_data_dir {arena.parent} --file_name {arena.name} --checkpoint_path {finished / "checkpoints"}
        --checkpoint_to_load epoch_0001.pt --load_checkpoint True --run_goal test
    """
    succeed(*flags.split(), "--no-movies", "--examples", 1, "--out", tmp_path / "out", program="test")
    numbers = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert numbers["checkpoint"].endswith("epoch_0001.pt")
    data = ae.load_images(arena)
    rows = np.load(finished / "split.npz")["val"]
    assert numbers["n_images"] == len(rows)
    assert numbers["data"] == str(data.source)


def test_init_from_a_checkpoint(tiny, tmp_path, succeed, monkeypatch):
    monkeypatch.chdir(tmp_path)
    flags = ("--encoder", "strided", "--epochs", 1, "--batch_size", 16)
    data = ("--train_data_dir", tiny.parent, "--file_name", tiny.name)
    succeed(*data, *flags, "--run", "first", program="train")
    load = ("--load_checkpoint", "True", "--checkpoint_path", "first/checkpoints", "--checkpoint_to_load", "last.pt")
    succeed(*data, *flags, *load, "--run", "second", program="train")
    assert config_of(tmp_path / "second")["training"]["init_from"] == str(
        tmp_path / "first" / "checkpoints" / "last.pt"
    )


BAD = [
    ("train", "--save_latent_space maybe", ["--save_latent_space", "True or False", "maybe"]),
    ("train", "--load_checkpoint 2", ["--load_checkpoint", "True or False"]),
    ("train", "--load_checkpoint True", ["--checkpoint_to_load"]),
    ("train", "--open_new_folder No_thanks", ["--open_new_folder"]),
    ("train", "--open_new_folder False", ["--train_data_dir"]),
    ("train", "--train_data_dir somewhere", ["--file_name"]),
    ("train", "--run_goal test", ["--run_goal"]),
    ("train", "--batch_size many", ["--batch-size"]),
    ("train", "--dim_reduction_algo PCA", ["--dim_reduction_algo"]),
    ("test", "--latent_space_dim 16", ["--latent_space_dim", "leave it out"]),
    ("test", "--run r --seed 1", ["--seed"]),
    ("visualize", "--run r --save_plots_or_only_create_movie movie", ["--save_plots_or_only_create_movie"]),
    ("visualize", "--run r --extract_latent_space False --extract_latent_space_fc2 False", ["nothing is left"]),
    ("visualize", "--run r --umap_dim_reduction_fit_according_to_specific_epoch middle", ["every_epoch", "middle"]),
    ("visualize", "--run r --umap_dim_reduction_fit_according_to_specific_epoch alternative", ["alternative"]),
    ("visualize", "--run r --dim_reduction_algo LDA", ["umap"]),
]


@pytest.mark.parametrize(("program", "flags", "words"), BAD, ids=[f"{program} {flags}" for program, flags, _ in BAD])
def test_what_the_old_flags_never_meant(tmp_path, call, monkeypatch, program, flags, words):
    monkeypatch.chdir(tmp_path)
    call(program, *flags.split()).refused(*words)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("script", ["train.py", "test.py", "visualize_change_of_latent_space.py"])
def test_scripts(root, tmp_path, script):
    """Started by their path from any folder; a missing argument is one line and status 2, as with the command."""
    command = [sys.executable, str(root / "scripts" / script)]
    options = {"cwd": tmp_path, "env": {**os.environ, "PYTHONPATH": str(root)}, "capture_output": True, "text": True}
    done = subprocess.run([*command, "--help"], **options, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("usage: autoencoder ")
    done = subprocess.run(command, **options, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
