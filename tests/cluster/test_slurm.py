"""The scripts of the documentation, on a real Slurm: what was signalled and requeued ends as if nothing had been."""

import json
import os
import signal
import sys

import pytest

pytestmark = pytest.mark.slow

TRAINED = ("--encoder", "dense", "--noise", "gaussian:0.3", "--batch-size", 4, "--val-interval", 1)

SMALL = ("--cpus-per-task=1", "--mem-per-cpu=1G", "--time=20")
"""Instead of what a script asks for."""

DESIGN = ("--vary", "objective=reconstruct,angle", "--seeds", 2, "--epochs", 3, "--only", "dimension")


@pytest.fixture
def submit(slurm, root, tmp_path, monkeypatch):
    """Submit a script of the documentation, with `autoencoder` and `dask` those of this interpreter."""
    programs = tmp_path / "programs"
    programs.mkdir()
    for name in ("autoencoder", "dask"):
        program = programs / name
        program.write_text(f'#!/bin/sh\nexec {sys.executable} -m {name} "$@"\n')
        program.chmod(0o755)
    monkeypatch.setitem(slurm.environment, "PATH", f"{programs}:{slurm.environment['PATH']}")

    def sbatch(name, flags, *arguments):
        script = root / "docs" / "clusters" / f"{name}.sbatch"
        return slurm.submit(*SMALL, *flags, script, *arguments, cwd=tmp_path)

    return sbatch


def completed(state):
    return state["JobState"] == "COMPLETED"


def test_a_run_that_is_signalled_and_requeued(slurm, submit, tiny, tmp_path, succeed, assert_same_run):
    run, straight, log = tmp_path / "run", tmp_path / "straight", tmp_path / "log.txt"
    flags = (*TRAINED, "--epochs", 150)
    job = submit("train", [f"--output={log}"], run, tiny, *flags)
    slurm.wait(job, lambda state: any(run.glob("latents/*.npy")), log)
    slurm.ask("scancel", "--batch", "--signal=USR1", job)
    slurm.wait(job, lambda state: state["Restarts"] == "1" and state["JobState"] == "PENDING", log)
    assert (run / "checkpoints" / "last.pt").exists()
    slurm.ask("scontrol", "update", f"jobid={job}", "StartTime=now")
    slurm.wait(job, completed, log)
    resumed = json.loads((run / "environment.json").read_text())["resumed"]
    assert len(resumed) == 1
    assert resumed[0]["at_step"] > 0
    succeed("train", tiny, "--run", straight, *flags, "--threads", 1, "--quiet")
    assert_same_run(run, straight)


@pytest.fixture
def straight(tiny, tmp_path, succeed):
    """The runs of the study that no cluster trained."""
    succeed("study", tiny, "--out", tmp_path / "straight", *TRAINED, *DESIGN[:-2], "--threads", 1, "--shard", "1/1")
    return tmp_path / "straight" / "runs"


def assert_same_study(study, straight, assert_same_run):
    runs = sorted(folder.name for folder in straight.iterdir())
    assert len(runs) == 4
    assert (study / "measures.csv").exists()
    assert json.loads((study / "study.json").read_text())["failed"] == {}
    for run in runs:
        assert_same_run(study / "runs" / run, straight / run)


def test_a_study_in_one_job(slurm, submit, tiny, tmp_path, straight, assert_same_run):
    """One of its workers is killed as soon as it trains."""
    study, log = tmp_path / "study", tmp_path / "log.txt"
    flags = ["--ntasks=2", f"--output={log}"]
    job = submit("study", flags, tiny, "--out", study, *TRAINED, *DESIGN)
    slurm.wait(job, lambda state: any(study.glob("runs/*/.lock.json")), log)
    killed = next(study.glob("runs/*/.lock.json"))
    os.kill(json.loads(killed.read_text())["pid"], signal.SIGKILL)
    slurm.wait(job, completed, log)
    assert_same_study(study, straight, assert_same_run)


def test_an_array_of_shards(slurm, submit, tiny, tmp_path, straight, assert_same_run):
    study, log = tmp_path / "study", tmp_path / "log.txt"
    arguments = (tiny, "--out", study, *TRAINED, *DESIGN[:-2])
    array = submit("shards", ["--array=1-3", f"--output={tmp_path}/shard-%a.txt"], *arguments)
    job = submit("shards", [f"--dependency=afterok:{array}", f"--output={log}"], *arguments, *DESIGN[-2:])
    slurm.wait(job, lambda state: completed(state) or state["Reason"] == "DependencyNeverSatisfied", log)
    shards = [(tmp_path / f"shard-{number}.txt").read_text() for number in (1, 2, 3)]
    assert all("measures" in said for said in shards), shards
    assert_same_study(study, straight, assert_same_run)
