"""The documented flags of the work that this project carries on, as they were used: through the files in scripts/."""

import contextlib
import io
import json
import os
import runpy
import subprocess
import sys

import numpy as np
import pytest

import autoencoder as ae
from autoencoder.cli.commands.train import build_config
from autoencoder.cli.flags.old_flags import OLD_FLAGS, SCRIPTS, translate, translate_with_documented_defaults
from autoencoder.cli.main import build_parser

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


def parsed(command, *flags):
    """What the parser makes of old flags."""
    return vars(build_parser().parse_args(translate([command, *flags])))


def config_of_script(script, *flags):
    """The configuration of what a file in scripts/ trains."""
    return build_config(build_parser().parse_args(translate_with_documented_defaults([script, *flags])))


def test_every_documented_flag_is_taken_by_a_command():
    taken = {name for names in OLD_FLAGS.values() for name in names}
    assert taken == {name for script in SCRIPTS.values() for name in script.flags}
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


@pytest.mark.parametrize(
    ("script", "flags", "encoder", "decoder", "objective"),
    [
        ("train", "", "conv", None, "reconstruct"),
        ("train_encoder_pca_umap", "--dim_reduction_algo PCA", "pca", "conv", "reconstruct"),
        ("train_encoder_pca_umap", "--dim_reduction_algo UMAP", "umap", "conv", "reconstruct"),
        ("train_encoder_pca_umap", "--dim_reduction_algo umap --latent_space_dim 16", "umap", "conv", "reconstruct"),
        ("train_predict_body_angle", "", "conv", None, "angle"),
    ],
)
def test_documented_defaults_of_each_way_to_train(script, flags, encoder, decoder, objective):
    config = config_of_script(script, "--file_name", "a.npy", *flags.split())
    assert (config.model.encoder, config.model.decoder, config.objective.name) == (encoder, decoder, objective)
    assert (config.model.latent_dim, config.data.val_fraction, config.data.max_pixel_value) == (16, 0.2, 255)
    training = config.training
    assert (training.epochs, training.batch_size, training.lr, training.seed) == (150, 64, 1e-3, 42)
    assert (training.val_interval, training.checkpoint_interval, training.snapshots_per_epoch) == (5, 5, 3)
    assert (training.snapshot_batch_size, training.schedule) == (128, "constant")


def test_flags_win_over_the_documented_defaults():
    flags = (
        "--dim_reduction_algo PCA --latent_space_dim 2 --epochs 3 --split_size 0.5 --max_pixel_value 7 --decoder dense"
    )
    config = config_of_script("train_encoder_pca_umap", "a.npy", *flags.split())
    assert (config.model.encoder, config.model.latent_dim, config.model.decoder) == ("pca", 2, "dense")
    assert (config.training.epochs, config.data.val_fraction, config.data.max_pixel_value) == (3, 0.5, 7)
    config = config_of_script("train_predict_body_angle", "a.npy", "--target", "head_deg", "--encoder", "strided")
    assert (config.model.encoder, config.objective.target) == ("strided", "head_deg")


def test_a_resumed_run_takes_no_defaults():
    for script in ("train", "train_encoder_pca_umap", "train_predict_body_angle"):
        arguments = translate_with_documented_defaults([script, "--resume", "r", "--epochs", "9"])
        assert arguments == ["train", "--resume", "r", "--epochs", "9"]


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
    arguments = translate_with_documented_defaults(["visualize_change_of_latent_space", "--run", "r"])
    args = build_parser().parse_args(arguments)
    assert (args.layer, args.reduce, args.fit, args.stop_index) == (["latent", "fc2"], "umap", ["last"], None)
    arguments = translate_with_documented_defaults(
        ["visualize_change_of_latent_space", "--run", "r", "--snapshot=last"]
    )
    assert "--fit" not in arguments  # which stills refuse


@pytest.mark.slow
def test_visualize_a_run_named_by_its_checkpoints(finished, tmp_path, succeed):
    flags = ("--dim_reduction_algo", "PCA", "--extract_latent_space_fc2", "False", "--color-by", "x", "--seconds", 1)
    place = ("--checkpoint_path", finished / "checkpoints", "--run_goal", "visualize_change_of_latent_space")
    succeed(
        *place,
        *flags,
        "--analysis_latent_space_stop_index",
        3,
        "--out",
        tmp_path / "out",
        program="visualize_change_of_latent_space",
    )
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
    ("train", "--dim_reduction_algo PCA", ["--dim_reduction_algo", "pca-decoder", "train_encoder_pca_umap.py"]),
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


BAD_SCRIPTS = [
    ("train", "a.npy --dim_reduction_algo PCA", ["--dim_reduction_algo", "train_encoder_pca_umap.py"]),
    ("train_encoder_pca_umap", "a.npy", ["--dim_reduction_algo UMAP or PCA"]),
    ("train_encoder_pca_umap", "a.npy --dim_reduction_algo ICA", ["--dim_reduction_algo", "UMAP or PCA", "'ICA'"]),
    ("train_encoder_pca_umap", "a.npy --dim_reduction_algo=", ["--dim_reduction_algo", "UMAP or PCA"]),
    ("train_encoder_pca_umap", "--resume r --dim_reduction_algo PCA", ["--resume", "leave --dim_reduction_algo out"]),
    ("train_encoder_pca_umap", "a.npy --dim_reduction_algo PCA --save_latent_space maybe", ["True or False", "maybe"]),
    ("train_encoder_pca_umap", "--dim_reduction_algo PCA --run_goal visualize", ["--run_goal"]),
    ("train_predict_body_angle", "a.npy --dim_reduction_algo PCA", ["does not take --dim_reduction_algo"]),
    ("train_predict_body_angle", "a.npy --open_new_folder perhaps", ["--open_new_folder", "True or False"]),
    ("train_predict_body_angle", "a.npy --loss bce", ["loss", "'angle'"]),
    ("test", "", ["--checkpoint_path", "--run"]),
    ("test", "--run nowhere", ["nowhere", "autoencoder train"]),
    ("test_pca_umap_as_encoder", "--run nowhere --dim_reduction_algo LDA", ["UMAP or PCA", "'LDA'"]),
    ("test_pca_umap_as_encoder", "--checkpoint_path nowhere --checkpoint_to_load last.pt", ["nowhere"]),
    ("test_predict_body_angle", "--checkpoint_path nowhere", ["--checkpoint_to_load"]),
    ("test_predict_body_angle", "--load_checkpoint False", ["--load_checkpoint"]),
    ("test_predict_body_angle", "--latent_space_dim 16", ["leave it out"]),
]


@pytest.mark.parametrize(
    ("script", "flags", "words"), BAD_SCRIPTS, ids=[f"{script} {flags}" for script, flags, _ in BAD_SCRIPTS]
)
def test_what_the_scripts_refuse(tmp_path, call, monkeypatch, script, flags, words):
    monkeypatch.chdir(tmp_path)
    call(*flags.split(), program=script).refused(*words)
    assert not list(tmp_path.iterdir())


# ---------------------------------------------------------------------------------------------- the files in scripts/

SLOW_TO_IMPORT = {"torch", "umap", "numba", "sklearn", "scipy", "matplotlib", "imageio"}
SMALL = (
    "--batch_size 16 --epochs 1 --batch_size_latent_space 30 --checkpoint_interval 1 --columns body_angle_deg,distance"
)


@pytest.fixture(scope="module")
def script(root):
    """Runs a file in scripts/ as its own program, in any folder; within this process, which has torch already."""

    def run(name, *arguments, cwd):
        out, err, path = io.StringIO(), io.StringIO(), str(root / "scripts" / f"{name}.py")
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sys, "argv", [path, *map(str, arguments)])
            patch.chdir(cwd)
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), pytest.raises(SystemExit) as leaving:
                runpy.run_path(path, run_name="__main__")
        return subprocess.CompletedProcess(path, leaving.value.code, out.getvalue(), err.getvalue())

    return run


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with 60 images of a blob that goes round, as .npy with metadata as .npy, and half of them to test on."""
    folder = tmp_path_factory.mktemp("place")
    degrees = np.arange(60) * 6.0
    y, x = np.mgrid[:18, :18]
    turn = np.radians(degrees)[:, None, None]
    images = 255 * np.exp(-((x - 8.5 - 5 * np.cos(turn)) ** 2 + (y - 8.5 + 5 * np.sin(turn)) ** 2) / 12)
    np.save(folder / "images.npy", images.astype(np.uint8))
    np.save(folder / "known.npy", np.stack([degrees, np.full(60, 5.0)], axis=1))
    np.save(folder / "others.npy", images[::2].astype(np.uint8))
    np.savetxt(folder / "others.csv", degrees[::2], header="body_angle_deg", comments="")
    return folder


@pytest.fixture(scope="module")
def trained(place, script):
    """What each training script made of it, by the script's name."""
    runs = {}
    for name, further in (
        ("train", ""),
        ("train_encoder_pca_umap", "--dim_reduction_algo PCA --latent_space_dim 4"),
        ("train_predict_body_angle", ""),
    ):
        flags = f"--train_data_dir {place} --file_name images.npy --meta_data_file_name known.npy {SMALL} {further}"
        (place / name).mkdir()
        done = script(name, *flags.split(), cwd=place / name)
        assert (done.returncode, done.stderr) == (0, ""), done
        (runs[name],) = (place / name / "runs").iterdir()
        assert f"made {runs[name].relative_to(place / name)}\n" in done.stdout
    return runs


TESTS = [
    ("train", "test", "", "output"),
    ("train_encoder_pca_umap", "test_pca_umap_as_encoder", "--dim_reduction_algo PCA", "output"),
    ("train_predict_body_angle", "test_predict_body_angle", "", "median_error_deg"),
]


@pytest.mark.parametrize(("made_by", "name", "flags", "number"), TESTS, ids=[name for _, name, *_ in TESTS])
def test_a_script_tests_what_its_twin_trained(trained, place, tmp_path, script, made_by, name, flags, number):
    """By the documented flags, on other images."""
    run = trained[made_by]
    data = f"--train_data_dir {place} --file_name others.npy --meta_data_file_name others.csv"
    which = f"--checkpoint_path {run}/checkpoints --checkpoint_to_load epoch_0001.pt --no-movies --examples 2"
    done = script(name, *f"{data} {which} {flags} --out {tmp_path}/out".split(), cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, ""), done
    numbers = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert number in numbers
    assert numbers["n_images"] == 30
    assert numbers["checkpoint"].endswith("epoch_0001.pt")


def test_the_script_to_visualize(trained, tmp_path, script):
    flags = "--dim_reduction_algo PCA --seconds 1 --extract_latent_space_fc2 False --color-by body_angle_deg"
    place = ("--checkpoint_path", trained["train"] / "checkpoints", "--out", tmp_path / "out")
    done = script("visualize_change_of_latent_space", *place, *flags.split(), cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, ""), done
    with np.load(tmp_path / "out" / "embedding.npz") as arrays:
        assert arrays["embeddings"].shape == (4, 60, 2)


OTHERS = [
    ("test_predict_body_angle", "train", "", ["trained for 'reconstruct'", "scripts/test.py"]),
    ("test_predict_body_angle", "train_encoder_pca_umap", "", ["trained for 'reconstruct'", "scripts/test.py"]),
    ("test", "train_predict_body_angle", "", ["trained for 'angle'", "scripts/test_predict_body_angle.py"]),
    ("test_pca_umap_as_encoder", "train_predict_body_angle", "", ["'angle'", "scripts/test_predict_body_angle.py"]),
    ("test_pca_umap_as_encoder", "train", "", ["pca", "umap", "'conv'", "scripts/test.py"]),
    (
        "test_pca_umap_as_encoder",
        "train_encoder_pca_umap",
        "--dim_reduction_algo UMAP",
        ["umap", "'pca'", "correct --dim_reduction_algo"],
    ),
]


@pytest.mark.parametrize(
    ("name", "made_by", "flags", "words"), OTHERS, ids=[f"{name} on {made} {f}" for name, made, f, _ in OTHERS]
)
def test_a_run_of_another_kind_is_refused(trained, tmp_path, call, tree, name, made_by, flags, words):
    """It and the script that tests it are named, whichever way the run is given."""
    run = trained[made_by]
    before = tree(run)
    by_checkpoint = ("--checkpoint_path", run / "checkpoints", "--checkpoint_to_load", "last.pt")
    for which in (("--run", run), (f"--run={run}",), by_checkpoint):
        call(*which, *flags.split(), program=name).refused(f"scripts/{name}.py", str(run), *words)
    assert tree(run) == before


def test_a_run_with_pca_is_tested_as_an_autoencoder_too(trained, tmp_path, succeed):
    flags = ("--no-movies", "--examples", 1, "--out", tmp_path / "out")
    succeed("--run", trained["train_encoder_pca_umap"], *flags, program="test")


def test_an_objective_without_a_script_is_for_todays_command(tiny, tmp_path, succeed, call):
    run = tmp_path / "run"
    flags = ("--objective", "mask", "--encoder", "dense", "--epochs", 1, "--batch-size", 16)
    succeed("train", tiny, *flags, "--run", run, "--quiet")
    call("--run", run, program="test").refused("'mask'", f"autoencoder test --run {run}")


def test_labels_that_a_test_would_not_read(trained, place, tmp_path, call, succeed):
    """A test on other images reads the .csv beside them; other labels are refused and not passed over in silence."""
    which = ("--run", trained["train_predict_body_angle"], "--out", tmp_path / "out", "--no-movies", "--examples", 1)
    data = ("--train_data_dir", place, "--meta_data_file_name", "known.npy", "--file_name")
    call(*which, *data, "others.npy", program="test_predict_body_angle").refused("others.csv", "known.npy")
    assert not (tmp_path / "out").exists()
    succeed(*which, *data, "images.npy", program="test_predict_body_angle")  # the run's own, whose labels it knows


def test_every_script_is_tested(root):
    assert {path.stem for path in (root / "scripts").glob("*.py")} - {"wrap_docs"} == set(SCRIPTS)


@pytest.mark.parametrize("name", SCRIPTS)
def test_scripts(tmp_path, root, name):
    """Started by their path from any folder; help imports nothing slow; a missing argument is one line and status 2."""
    environment = {**os.environ, "PYTHONPATH": str(root)}

    def started(*arguments):
        command = [sys.executable, "-X", "importtime", str(root / "scripts" / f"{name}.py"), *arguments]
        return subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)

    done = started("--help")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"usage: autoencoder {SCRIPTS[name].command} ")
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "argparse" in imported
    assert not SLOW_TO_IMPORT & imported
    done = started()
    assert (done.returncode, done.stdout) == (2, "")
    (error,) = (line for line in done.stderr.splitlines() if not line.startswith("import time:"))
    assert error.startswith("error: ")
