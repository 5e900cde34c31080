"""What the user can fix: one line that names the file or the flag, exit status 2, and nothing under a final name.

Here are run folders and what does not go together; bad files and bad flags of every kind are in `tests/faults`.
"""

import csv
import json
import resource
import shutil

import numpy as np
import pytest
import torch

RNG = np.random.default_rng(0)


def pixels(*shape, dtype=np.uint8):
    return RNG.integers(0, 256, shape).astype(dtype)


def truncated(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def save(path, array):
    np.save(path, array, allow_pickle=True)
    return path


# ---------------------------------------------------------------------------------------------------------- data files


DATA = {
    "missing": (lambda p: None, "images.npy", ["there is no file"]),
    "truncated npz": (
        lambda p: (np.savez(p, images=pixels(40, 16, 16)), truncated(p)),
        "images.npz",
        ["damaged", "again"],
    ),
    "two dimensions": (lambda p: save(p, pixels(40, 256)), "images.npy", ["(40, 256)", "(N, height, width)"]),
    "NaN": (lambda p: save(p, np.full((40, 16, 16), np.nan)), "images.npy", ["NaN", "image 0", "nan_to_num"]),
}


@pytest.mark.parametrize("kind", DATA)
def test_data_to_test_on(tmp_path, call, finished_copy, kind, tree):
    make, name, words = DATA[kind]
    make(tmp_path / name)
    before = tree(finished_copy)
    call("test", "--run", finished_copy, "--data", tmp_path / name).refused(str(tmp_path / name), *words)
    assert tree(finished_copy) == before


def test_test_data_of_another_size(images, call, finished_copy, tree):
    before = tree(finished_copy)
    call("test", "--run", finished_copy, "--data", images).refused(
        str(images), "(1, 12, 12)", "(1, 50, 50)", "--resize"
    )
    assert tree(finished_copy) == before


def test_values_over_max_pixel_value(images, tmp_path, call):
    call("train", images, "--run", tmp_path / "run", "--max-pixel-value", 100).refused(
        str(images), "over the largest pixel value 100", "--max-pixel-value 255"
    )
    assert not (tmp_path / "run").exists()


# ------------------------------------------------------------------------------------------------------------ metadata


def write_table(path, header, rows):
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    return path


def test_every_problem_is_said_at_once(tmp_path, call):
    """Of file, metadata and flags, in one line."""
    save(tmp_path / "images.npy", pixels(40, 256))
    write_table(tmp_path / "images.csv", ["x"], [[1]])
    call("train", tmp_path / "images.npy", "--run", tmp_path / "run").refused("(40, 256)", "1 rows")
    save(tmp_path / "images.npy", np.where(pixels(40, 16, 16) > 100, np.nan, -1))
    (tmp_path / "images.csv").unlink()
    call("train", tmp_path / "images.npy", "--run", tmp_path / "run").refused("NaN", "negative")
    np.save(tmp_path / "images.npy", pixels(20, 7, 7))
    call("train", tmp_path / "images.npy", "--run", tmp_path / "run").refused("7x7", "--batch-size 16")


def test_a_column_that_is_not_there(finished_copy, call):
    error = call("visualize", "--run", finished_copy, "--reduce", "pca", "--color-by", "x", "colour", "size").refused(
        "'colour'", "'size'", "body_angle_deg", "distance_from_center", "nearest_port"
    )
    assert "'x'" not in error
    assert not (finished_copy / "visualize").exists()


# ---------------------------------------------------------------------------------------------------------- the command


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has CUDA")
def test_cuda_where_there_is_none(images, finished, tmp_path, call):
    call("train", images, "--run", tmp_path / "run", "--device", "cuda").refused("--device cuda", "--device cpu")
    assert not (tmp_path / "run").exists()
    call("test", "--run", finished, "--device", "cuda", "--out", tmp_path / "out").refused("--device cuda")
    assert not (tmp_path / "out").exists()


# ---------------------------------------------------------------------------------------------------------- run folders


def test_a_run_that_exists(images, finished_copy, tmp_path, call, tree):
    before = {name: (finished_copy / name).read_bytes() for name in tree(finished_copy)}
    call("train", images, "--run", finished_copy).refused(str(finished_copy), "--resume", "another --run")
    assert {name: (finished_copy / name).read_bytes() for name in tree(finished_copy)} == before


def test_a_folder_that_is_no_run(images, tmp_path, call):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")
    call("train", images, "--run", tmp_path / "mine").refused(str(tmp_path / "mine"), "another --run")
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["letter.txt"]
    call("train", images, "--run", images).refused(str(images))
    call("train", images, "--run", images / "run").refused(str(images / "run"))


def test_resume_takes_no_other_settings(finished, images, tmp_path, call):
    for flags in (
        ["--lr", "0.1"],
        ["--seed", "1"],
        ["--batch-size", "8"],
        ["--tensorboard"],
        ["--run", tmp_path / "r"],
    ):
        name = str(flags[0]).strip("-")
        error = call("train", "--resume", finished, *flags).refused("--resume", "--epochs and --device")
        assert name in error.replace("_", "-")
    call("train", images, "--resume", finished).refused(str(images), str(finished), "hash")
    call("train", "--resume", finished, "--preset", "rat-ae").refused("preset")


def test_resume_what_is_no_run(tmp_path, images, call):
    call("train", "--resume", tmp_path).refused(str(tmp_path), "config.json")
    call("train", "--resume", tmp_path / "nowhere").refused("nowhere")
    call("train", "--resume", images).refused(str(images))


def test_resume_with_fewer_epochs_than_done(finished, call):
    call("train", "--resume", finished, "--epochs", 2).refused(
        str(finished), "already been trained for 3 epochs", "--epochs"
    )
    assert json.loads((finished / "config.json").read_text())["training"]["epochs"] == 3


@pytest.fixture
def own_run(images, tmp_path, succeed):
    """A run on a file that the test may change."""
    succeed("train", images, "--run", tmp_path / "run", "--epochs", 1, "--batch-size", 16)
    return tmp_path / "run"


def test_data_that_changed_since(images, own_run, call, tree):
    before = tree(own_run)
    changed = np.load(images)
    changed[3, 4, 5] ^= 1
    np.save(images, changed)
    call("train", "--resume", own_run, "--epochs", 2).refused(str(images), str(own_run), "hash", "new run")
    np.save(images, changed[:30])
    call("train", "--resume", own_run, "--epochs", 2).refused(str(images))
    for command in (["test"], ["visualize", "--reduce", "pca"]):
        call(*command, "--run", own_run).refused(str(images), str(own_run), "hash")
    images.unlink()
    for command in (["train", "--resume", own_run], ["test", "--run", own_run], ["visualize", "--run", own_run]):
        call(*command).refused(str(images))
    assert tree(own_run) == before
    assert json.loads((own_run / "config.json").read_text())["training"]["epochs"] == 1


DAMAGE = {
    "config.json": [("test",), ("train",), ("visualize",), ("info",)],
    "split.npz": [("test",), ("train",), ("visualize",), ("info",)],
    "environment.json": [("train",), ("info",)],
    "checkpoints/last.pt": [("test",), ("train",)],
    "latents/index.csv": [("visualize",), ("train",), ("info",)],
    "latents/step_00000004.npy": [("visualize",)],
    "metrics.csv": [("train",), ("info",)],
}
HOW = {
    "truncated": truncated,
    "empty": lambda path: path.write_bytes(b""),
    "garbage": lambda path: path.write_bytes(b"\x00\xff\xfe garbage" * 100),
    "a zip": lambda path: path.write_bytes(b"PK\x03\x04" + b"garbage" * 100),
}


# A table that is cut short at a line's end is a shorter table, so for tables only garbage counts.
DAMAGED = [(name, how) for name in DAMAGE for how in HOW if how == "garbage" or not name.endswith(".csv")]


@pytest.mark.parametrize(("name", "how"), DAMAGED)
def test_damaged_file_of_a_run(finished_copy, call, name, how):
    HOW[how](finished_copy / name)
    for (command,) in DAMAGE[name]:
        where = {"train": ["--resume"], "info": []}.get(command, ["--run"])
        more = {"train": ["--epochs", 4], "visualize": ["--reduce", "pca", "--color-by", "x"]}.get(command, [])
        call(command, *where, finished_copy, *more).refused(name.split("/")[-1])
        assert not (finished_copy / command).exists()


@pytest.mark.parametrize(
    ("entry", "value"),
    [
        (("training", "epochs"), "ten"),
        (("model", "encoder"), "none"),
        (("model", "width"), 3),
        (("format_version",), 99),
    ],
    ids=lambda value: str(value),
)
def test_config_that_makes_no_sense(finished_copy, call, entry, value):
    file = finished_copy / "config.json"
    config = json.loads(file.read_text())
    place = config
    for name in entry[:-1]:
        place = place[name]
    place[entry[-1]] = value
    file.write_text(json.dumps(config))
    call("test", "--run", finished_copy).refused(str(file), entry[-1].replace("format_version", "version"))


def test_a_checkpoint_that_is_not_there(finished, call, tmp_path):
    call("test", "--run", finished, "--checkpoint", "7", "--out", tmp_path / "out").refused(
        "'7'", "1, 2, 3, best, last"
    )
    call("test", "--run", finished, "--checkpoint", "first", "--out", tmp_path / "out").refused("'first'", "best, last")
    assert not (tmp_path / "out").exists()


def test_a_checkpoint_of_another_network(finished, own_run, arena, call, tmp_path):
    other = own_run / "checkpoints" / "last.pt"
    call("test", "--run", finished, "--checkpoint", other, "--out", tmp_path / "out").refused(str(other), "another")
    call("train", arena, "--run", tmp_path / "new", "--init-from", other).refused(str(other), "--init-from")
    assert not (tmp_path / "out").exists()
    assert not (tmp_path / "new").exists()


def test_a_pickle_is_not_run(finished_copy, tmp_path, call):
    """A checkpoint that would run code when unpickled is refused, and the code does not run."""

    class Evil:
        def __reduce__(self):
            return (open, (str(tmp_path / "proof"), "w"))

    torch.save({"model": Evil()}, finished_copy / "checkpoints" / "last.pt")
    call("test", "--run", finished_copy).refused("last.pt")
    call("train", "--resume", finished_copy, "--epochs", 4).refused("last.pt")
    assert not (tmp_path / "proof").exists()


def test_a_run_without_snapshots(images, tmp_path, succeed, call):
    flags = ("--epochs", 1, "--batch-size", 16, "--snapshots-per-epoch", 0)
    succeed("train", images, "--run", tmp_path / "run", *flags)
    call("visualize", "--run", tmp_path / "run").refused(str(tmp_path / "run"), "--snapshots-per-epoch")
    assert not (tmp_path / "run" / "visualize").exists()


def test_a_run_without_checkpoints_of_the_layer(own_run, call):
    call("visualize", "--run", own_run, "--layer", "fc2", "--reduce", "pca").refused("fc2", "--checkpoint-interval")


def test_visualize_with_too_many_examples(finished, tmp_path, call):
    call("visualize", "--run", finished, "--examples", 9, "--out", tmp_path / "out").refused("9", "6")
    assert not (tmp_path / "out").exists()


def test_visualize_fitted_to_what_is_no_snapshot(finished, own_run, images, tmp_path, call):
    other = tmp_path / "other.npy"
    np.save(other, np.zeros((10, 3), np.float32))
    flags = ("visualize", "--run", finished, "--reduce", "pca", "--color-by", "x", "--out", tmp_path / "out", "--fit")
    call(*flags, "middle").refused("--fit", "middle", "last, first, every")
    call(*flags, tmp_path / "nothing.npy").refused("--fit", "nothing.npy")
    call(*flags, images).refused("--fit", str(images))
    call(*flags, other).refused(str(other), "3", "6")
    call(*flags, finished / "split.npz").refused("--fit", "split.npz")
    assert not (tmp_path / "out").exists()


def test_a_latent_that_is_not_two_dimensional_is_not_drawn_as_it_is(finished, tmp_path, call):
    call("visualize", "--run", finished, "--reduce", "none", "--out", tmp_path / "out").refused("6", "umap")
    assert not (tmp_path / "out").exists()


# ------------------------------------------------------------------------------------------------------------- prepare


def test_a_data_set_that_exists(tiny, call, succeed, tmp_path):
    shutil.copy(tiny, tmp_path / "set.npz")
    before = (tmp_path / "set.npz").read_bytes()
    call("prepare", "arena", "--out", tmp_path / "set", "--images", 10).refused("set.npz", "--overwrite")
    assert (tmp_path / "set.npz").read_bytes() == before
    assert not (tmp_path / "set.csv").exists()
    succeed("prepare", "arena", "--out", tmp_path / "set", "--images", 10, "--overwrite")
    assert (tmp_path / "set.csv").exists()


def test_pose_of_another_video(real_data, tmp_path, call):
    pose = tmp_path / "pose.csv"
    lines = (real_data / "arena-mouse" / "pose.csv").read_text().splitlines(keepends=True)
    pose.write_text("".join(lines[:500]))
    video = real_data / "arena-mouse" / "video.mp4"
    call("prepare", "video", video, "--pose", pose, "--out", tmp_path / "set").refused(
        "749 frames", "497 rows", str(pose)
    )
    assert [path.name for path in tmp_path.iterdir()] == ["pose.csv"]


def test_truncated_idx(real_data, tmp_path, call):
    cut = tmp_path / "images.gz"
    cut.write_bytes((real_data / "mnist" / "t10k-images-idx3-ubyte.gz").read_bytes()[:100_000])
    call("prepare", "idx", cut, "--out", tmp_path / "set").refused(str(cut), "again")
    assert [path.name for path in tmp_path.iterdir()] == ["images.gz"]


def test_labels_of_another_set(real_data, tmp_path, call):
    mnist = real_data / "mnist"
    images, labels = mnist / "t10k-images-idx3-ubyte.gz", mnist / "train-labels-idx1-ubyte.gz"
    call("prepare", "idx", images, "--labels", labels, "--out", tmp_path / "set").refused("10,000", "60,000")
    assert not list(tmp_path.iterdir())


# ------------------------------------------------------------------------------------------------------------ full disk


def limit_files(n_bytes):
    """For a process to be: no file of it may grow beyond `n_bytes`, which is how a full disk looks."""

    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, n_bytes))

    return limit


def partial_files(folder):
    return [path for path in folder.rglob("*") if ".partial" in path.name]


@pytest.mark.parametrize("n_bytes", [100, 100_000])
def test_disk_full_while_preparing(tmp_path, start, n_bytes):
    flags = ("--images", 200, "--quiet")
    process = start("prepare", "arena", "--out", tmp_path / "set", *flags, preexec_fn=limit_files(n_bytes))
    _, err = process.communicate()
    assert process.returncode == 2
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
@pytest.mark.parametrize("command", ["test", "visualize"])
def test_disk_full_while_writing_movies(finished_copy, tmp_path, start, command):
    flags = ("--reduce", "pca", "--color-by", "x") if command == "visualize" else ()
    process = start(command, "--run", finished_copy, *flags, "--quiet", preexec_fn=limit_files(20_000))
    _, err = process.communicate()
    assert process.returncode == 2, err
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert not partial_files(finished_copy)
