"""Shares of a study that are trained apart are the study, and what is measured is measured of all of it."""

import json
import signal
from dataclasses import replace

import pytest

import autoencoder as ae
from autoencoder.config import DataConfig, ModelConfig, ObjectiveConfig, RunConfig, TrainingConfig
from autoencoder.machine import progress
from autoencoder.runs.folder import Run
from autoencoder.runs.lock import hold
from autoencoder.study.designs.design import Member
from autoencoder.study.training import processes, refuse_running, share_of

STUDY = (
    *("--vary", "objective=reconstruct,angle", "--seeds", "5,6", "--encoder", "dense", "--epochs", 2),
    *("--batch-size", 16, "--threads", 1),
)


def member(encoder, seed, dim=2):
    config = RunConfig(DataConfig("x.npz"), ModelConfig(encoder, dim), ObjectiveConfig(), TrainingConfig(seed=seed))
    return Member(f"{encoder}_{dim}-{seed}", {}, seed, config)


MEMBERS = tuple(
    member(encoder, seed, dim)
    for encoder, dim in (("dense", 2), ("pca", 2), ("pca", 3), ("strided", 2), ("umap", 2), ("umap", 3))
    for seed in (1, 2, 3)
)
"""Four pieces of work for each of three seeds."""


@pytest.mark.parametrize("of", [1, 2, 3, 5, 12, 40])
def test_all_shares_together_are_the_study(of):
    shares = [share_of(MEMBERS, number, of) for number in range(1, of + 1)]
    names = [run.name for part in shares for run in part]
    assert sorted(names) == sorted(run.name for run in MEMBERS)
    for encoder in ("pca", "umap"):
        fitted = [{run.seed for run in part if run.config.model.encoder == encoder} for part in shares]
        assert sum(map(len, fitted)) == 3, "runs that share a fit stay together"
    assert [share_of(MEMBERS, number, of) for number in range(1, of + 1)] == shares


def test_each_share_has_its_part_of_every_setting():
    """As many shares as seeds: what takes long is shared out, too."""
    for number in (1, 2, 3):
        assert {run.seed for run in share_of(MEMBERS, number, 3)} == {number}
        assert len(share_of(MEMBERS, number, 3)) == 6
    sizes = [
        len({(run.config.model.encoder, run.seed) for run in share_of(MEMBERS, number, 5)}) for number in range(1, 6)
    ]
    assert max(sizes) - min(sizes) <= 1


def test_progress_says_which_run_is_trained(tiny, tmp_path, capsys, monkeypatch):
    """With a line for each update, as a log has one now and then."""
    monkeypatch.setattr(progress, "SECONDS_BETWEEN_LINES", 0.0)
    settings = {"encoder": "dense", "epochs": 1, "batch_size": 16, "threads": 1, "device": "cpu"}
    plan = ae.plan_study(tiny, vary={"latent_dim": [2, 3]}, seeds=[5], **settings)
    ae.train_shard(plan, (1, 1), tmp_path / "study", quiet=False)
    said = capsys.readouterr().err
    for member in plan.members():
        assert f"Training {member.name}, 1 epoch: " in said


class MeasuredError(Exception):
    """Instead of measuring, which takes longer than all the rest."""


@pytest.fixture
def measures():
    """Folders of studies that came to be measured, which is where the command ends."""
    folders = []

    def measure(folder, **options):
        folders.append(folder.path)
        raise MeasuredError

    with pytest.MonkeyPatch.context() as patch:  # not that of the test, which takes other patches back on the way
        patch.setattr("autoencoder.workflows.study.plan.measure_study", measure)
        yield folders


@pytest.mark.slow
def test_two_shards_at_once_and_the_plain_command(tiny, tmp_path, start, call, measures):
    out = tmp_path / "study"
    both = [start("study", tiny, "--out", out, *STUDY, "--shard", f"{number}/2") for number in (1, 2)]
    said = [process.communicate(timeout=240) for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    for number, (text, _) in enumerate(said, 1):
        names = [f"reconstruct-{number + 4}", f"angle-{number + 4}"]
        assert f"shard {number} of 2 trains {', '.join(names)}" in text
        assert "without --shard" in text
    assert sorted(path.name for path in out.iterdir()) == ["runs", "study.json"], "a shard measures nothing"
    weights = {run: run.stat().st_mtime_ns for run in out.glob("runs/*/checkpoints/last.pt")}
    assert len(weights) == 4
    with hold(Run(out / "runs" / "angle-6")):
        call("study", tiny, "--out", out, *STUDY).refused("has been training", "angle-6", "this command again")
    assert measures == []
    with pytest.raises(MeasuredError):
        call("study", tiny, "--out", out, *STUDY)
    assert measures == [out]
    assert {run: run.stat().st_mtime_ns for run in weights} == weights, "finished runs are left alone"
    assert json.loads((out / "study.json").read_text())["failed"] == {}


def test_the_note_of_a_killed_process_does_not_keep_a_study_from_being_measured(tmp_path):
    runs = [member("dense", 1)]
    folder = tmp_path / runs[0].name
    folder.mkdir()
    for file in (".lock", ".lock.json"):
        (folder / file).write_text('{"pid": 1, "host": "here", "since": "now"}')
    refuse_running(runs, tmp_path)


def test_a_run_that_diverges_fails_no_shard(tiny, tmp_path, succeed):
    """The command that measures says so again; a failed job would keep it from being started."""
    flags = ("--lr", 1e18, "--schedule", "constant", "--seeds", 1, "--epochs", 1, "--batch-size", 16)
    said = succeed("study", tiny, "--out", tmp_path / "study", "--encoder", "dense", *flags, "--shard", "1/1").out
    assert "run-42 could not be trained: " in said


def test_more_shards_than_work(tiny, tmp_path, succeed):
    said = succeed("study", tiny, "--out", tmp_path / "study", *STUDY, "--shard", "1/9").out
    assert "trains nothing: there are more shards than pieces of work" in said
    assert not (tmp_path / "study" / "runs").exists()


def test_a_dry_run_lists_the_share(tiny, tmp_path, succeed):
    said = succeed("study", tiny, "--out", tmp_path / "study", *STUDY, "--shard", "2/2", "--dry-run").out
    assert [line.split(":")[0].strip() for line in said.splitlines() if ": about" in line] == [
        "reconstruct-6",
        "angle-6",
    ]
    assert not (tmp_path / "study").exists()


@pytest.mark.parametrize("text", ["0/3", "4/3", "3", "1/", "a/b", "-1/3", "1/3/3", "1.0/2"])
def test_what_is_no_shard(tiny, call, text):
    call("study", tiny, f"--shard={text}").refused("--shard", text, "1/8")


@pytest.mark.parametrize(
    ("flags", "word"),
    [
        (("--only", "dimension"), "--only"),
        (("--beside", "x"), "--beside"),
        (("--matched", "steps"), "--matched"),
        (("--format", "svg"), "--format"),
        (("--backend", "dask", "--scheduler", "tcp://x:1"), "--scheduler"),
    ],
)
def test_what_does_not_go_with_a_shard(tiny, tmp_path, call, flags, word):
    call("study", tiny, "--out", tmp_path / "study", "--shard", "1/2", *flags).refused("--shard", word)
    assert not (tmp_path / "study").exists()


def test_a_report_takes_no_shard(tmp_path, call):
    call("study", "report", tmp_path, "--shard", "1/2").refused("--shard", "trains nothing")


def test_threads_may_change(tiny, tmp_path, call, signal_at, measures):
    """Of a run that the study resumes."""
    out = tmp_path / "study"
    flags = ("--encoder", "dense", "--seeds", 1, "--epochs", 2, "--batch-size", 16)
    patch = signal_at(signal.SIGTERM, 2)
    assert call("study", tiny, "--out", out, *flags, "--threads", 1).status == 143
    patch.undo()
    with pytest.raises(MeasuredError):
        call("study", tiny, "--out", out, *flags, "--threads", 2)
    assert Run(out / "runs" / "run-42").environment()["resumed"] == [{"at_step": 2, "threads": 2}]
    assert Run(out / "runs" / "run-42").config().training.threads == 2


def test_how_many_processes_train_at_a_time():
    cpu = [replace(run, config=on_the_processor(run.config)) for run in MEMBERS]
    assert processes(cpu, 3, None) == 3
    assert processes(cpu[:1], 1, "auto") == 1
    assert processes(cpu, 1, 4) == 1, "runs that take turns on the processor take as long as one after the other"


def on_the_processor(config):
    return replace(config, training=replace(config.training, device="cpu"))
