"""Runs that were begun on another machine, or by another version."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

STORED = Path(__file__).parent / "stored"
"""Runs that earlier versions left, as they were, but for the path of their data."""

KIND = "other machines, versions"

OPTIONS = ("--epochs", 2, "--batch-size", 16, "--threads", 1, "--snapshots-per-epoch", 1, "--quiet")


# ---------------------------------------------------------------------------------------------------------------- CUDA


@pytest.fixture
def as_saved_on_cuda(monkeypatch):
    """Save a checkpoint again as a machine with a GPU does: its tensors are marked as lying there."""

    def save(file):
        content = torch.load(file, weights_only=True)
        content["rng_cuda"] = [torch.zeros(16, dtype=torch.uint8)]
        with monkeypatch.context() as patch:
            patch.setattr(torch.serialization, "location_tag", lambda storage: "cuda:0")
            torch.save(content, file)
        with pytest.raises(RuntimeError, match="CUDA"):
            torch.load(file, weights_only=True)  # the mark is there

    return save


@pytest.mark.slow
@pytest.mark.skipif(torch.cuda.is_available(), reason="shows what a machine without a GPU does")
def test_a_checkpoint_from_cuda_opens_on_the_cpu(tiny, tmp_path, succeed, as_saved_on_cuda, assert_same_run, tally):
    run, straight = tmp_path / "run", tmp_path / "straight"
    for folder in (run, straight):
        succeed("train", tiny, "--run", folder, "--schedule", "constant", *OPTIONS)
    for file in (run / "checkpoints").glob("*.pt"):
        as_saved_on_cuda(file)
    succeed("info", run / "checkpoints" / "last.pt")
    succeed("test", "--run", run, "--no-movies", "--out", tmp_path / "test")
    for folder in (run, straight):
        succeed("train", "--resume", folder, "--epochs", 3, "--quiet")
    assert_same_run(run, straight)
    tally(KIND, tried=1, survived=1, resumed=1)


@pytest.mark.slow
@pytest.mark.skipif(torch.cuda.is_available(), reason="shows what a machine without a GPU does")
def test_a_run_that_asks_for_cuda_can_go_on_elsewhere(tiny, tmp_path, succeed, call, tally):
    run = tmp_path / "run"
    succeed("train", tiny, "--run", run, *OPTIONS)
    config = json.loads((run / "config.json").read_text())
    config["training"]["device"] = "cuda"
    (run / "config.json").write_text(json.dumps(config))
    call("train", "--resume", run, "--epochs", 3).refused("--device cuda", "--device cpu")
    succeed("train", "--resume", run, "--epochs", 3, "--device", "cpu", "--quiet")
    succeed("test", "--run", run, "--no-movies", "--quiet")
    tally(KIND, tried=1, survived=1, resumed=1)


# ---------------------------------------------------------------------------------------------------------- moved data


def test_a_run_whose_data_lie_elsewhere_now(tiny, tmp_path, succeed, call, tally):
    """A run and its data were copied to another machine: it says what is missing and how to mend that, once for all."""
    there, here, run = tmp_path / "there", tmp_path / "here", tmp_path / "run"
    for folder in (there, here):
        folder.mkdir()
    for file in (tiny, tiny.with_suffix(".csv")):
        shutil.copy(file, there)
    succeed("train", there / "tiny.npz", "--run", run, "--objective", "angle", *OPTIONS)
    for file in there.iterdir():
        file.rename(here / file.name)
    for command in (("train", "--resume", run), ("test", "--run", run), ("visualize", "--run", run)):
        call(*command).refused(str(there / "tiny.npz"), f"'autoencoder train FILE --resume {run}'")
    before = json.loads((run / "config.json").read_text())
    assert "nothing left to train" in succeed("train", here / "tiny.npz", "--resume", run).out
    succeed("test", "--run", run, "--no-movies", "--quiet")
    after = json.loads((run / "config.json").read_text())
    assert after["data"].pop("images") == str(here / "tiny.npz")
    assert before["data"].pop("images") == str(there / "tiny.npz")
    assert after == before
    succeed("train", "--resume", run, "--epochs", 3, "--quiet")
    tally(KIND, tried=1, survived=1, resumed=1)


# ----------------------------------------------------------------------------------------------------- earlier versions


@pytest.fixture
def format_1(tmp_path):
    """A run of checkpoint format 1, which knows no hash of its split; its data lie beside it."""
    shutil.copytree(STORED / "format-1", tmp_path / "old")
    file = tmp_path / "old" / "run" / "config.json"
    file.write_text(file.read_text().replace("/data/images.npy", str(tmp_path / "old" / "images.npy")))
    return tmp_path / "old" / "run"


def test_a_run_of_an_earlier_version_is_read_and_gone_on_with(format_1, succeed, tally):
    content = torch.load(format_1 / "checkpoints" / "last.pt", weights_only=True)
    assert content["format_version"] == 1
    succeed("info", format_1)
    succeed("info", format_1 / "checkpoints" / "best.pt")
    succeed("test", "--run", format_1, "--no-movies", "--quiet")
    succeed("visualize", "--run", format_1, "--reduce", "pca", "--no-movies", "--quiet")
    succeed("train", "--resume", format_1, "--epochs", 4, "--quiet")
    content = torch.load(format_1 / "checkpoints" / "last.pt", weights_only=True)
    assert content["format_version"] == 2
    assert content["state"]["epoch"] == 4
    with (format_1 / "metrics.csv").open() as file:
        assert len(file.readlines()) == 5
    tally(KIND, tried=1, survived=1, resumed=1)


@pytest.mark.parametrize(
    ("file", "change", "words"),
    [
        (
            "checkpoints/last.pt",
            {"format_version": 3, "written_by": {"autoencoder": "9.1"}},
            ["format 3", "9.1", "update"],
        ),
        ("checkpoints/last.pt", {"format_version": None}, ["format None", "1 to 2"]),
        ("config.json", {"format_version": 7}, ["7"]),
    ],
    ids=["a newer checkpoint", "no format", "a newer run"],
)
def test_a_version_that_is_not_known_is_refused_by_name(format_1, call, tally, file, change, words):
    path = format_1 / file
    if path.suffix == ".pt":
        torch.save({**torch.load(path, weights_only=True), **change}, path)
    else:
        path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    for command in (("train", "--resume", format_1, "--epochs", 9), ("test", "--run", format_1)):
        call(*command).refused(str(path), *words)
    tally(KIND, tried=1, survived=1)


# ------------------------------------------------------------------------------------------------------- same and other


@pytest.mark.slow
def test_the_same_seed_gives_the_same_run_and_the_run_says_where(tiny, tmp_path, start, assert_same_run, tally):
    """In processes of their own, with as many threads."""
    for name in "ab":
        process = start("train", tiny, "--run", tmp_path / name, *OPTIONS)
        assert process.wait() == 0, process.communicate()
    assert_same_run(tmp_path / "a", tmp_path / "b")
    said = [json.loads((tmp_path / name / "environment.json").read_text()) for name in "ab"]
    assert said[0] == said[1]
    assert said[0]["threads"] == 1
    for name in ("autoencoder", "python", "torch", "numpy", "platform", "device", "cpu_capability", "seed"):
        assert said[0][name] is not None, name
    for name in ("data_sha256", "split_sha256"):
        assert len(said[0][name]) == 64
    tally(KIND, tried=1, survived=1)


def test_going_on_elsewhere_is_kept_and_said(tiny, tmp_path, succeed):
    """Another torch and another number of threads round sums in another way."""
    run = tmp_path / "run"
    succeed("train", tiny, "--run", run, *OPTIONS)
    file = run / "environment.json"
    before = json.loads(file.read_text())
    file.write_text(json.dumps({**before, "torch": "1.0", "threads": 64}))
    said = succeed("train", "--resume", run, "--epochs", 3).out
    assert "note: this run was trained with torch 1.0, now" in said
    assert "threads 64, now 1" in said
    assert "not bit for bit" in said
    assert "not bit for bit" not in succeed("train", "--resume", run, "--epochs", 4).out, "it is known by now"
    resumed = json.loads(file.read_text())["resumed"]
    assert resumed == [{"at_step": 6, "torch": torch.__version__, "threads": 1}, {"at_step": 9}]


def test_the_same_values_stored_in_another_way_are_another_file(tmp_path, succeed, call):
    """The data's hash is of what is stored, so a file of the other byte order is refused, not taken for the same."""
    images = np.random.default_rng(0).random((40, 12, 12)).astype("<f4")
    np.save(tmp_path / "images.npy", images)
    succeed("train", tmp_path / "images.npy", "--run", tmp_path / "run", *OPTIONS)
    np.save(tmp_path / "images.npy", images.astype(">f4"))
    call("test", "--run", tmp_path / "run").refused("images.npy", "hash")
