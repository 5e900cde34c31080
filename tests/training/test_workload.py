"""How long training takes is told by its pace and by how much work it is."""

from __future__ import annotations

import re

import pytest

from autoencoder.config import DataConfig, RunConfig, TrainingConfig
from autoencoder.errors import UserError
from autoencoder.machine import progress
from autoencoder.runs.folder import Run
from autoencoder.runs.snapshots import steps_of_snapshots
from autoencoder.study.designs import forecast
from autoencoder.study.designs.design import Member
from autoencoder.training.engines import EagerEngine
from autoencoder.training.learner import Learner
from autoencoder.training.workload import ENCODED, VALIDATED, Workload

SHORT = ("--batch-size", 16, "--schedule", "constant", "--device", "cpu", "--engine", "eager", "--split", "random")


@pytest.mark.parametrize(("epochs", "interval", "validations"), [(5, 2, 3), (4, 2, 2), (1, 3, 1), (3, 1, 3)])
def test_work_is_what_training_does(epochs, interval, validations, tiny, tmp_path, monkeypatch, succeed):
    """Counted where it is done, in a run."""
    done = {"validated": 0, "encoded": 0, "snapshots": 0}
    validate, encode = Learner.validate, Learner.encode

    def counting_validate(learner):
        done["validated"] += len(learner.val_rows)
        return validate(learner)

    def counting_encode(learner, rows):
        done["encoded"] += len(rows)
        return encode(learner, rows)

    monkeypatch.setattr(Learner, "validate", counting_validate)
    monkeypatch.setattr(Learner, "encode", counting_encode)
    options = ("--epochs", epochs, "--val-interval", interval, "--snapshots-per-epoch", 2, "--quiet")
    succeed("train", tiny, "--run", tmp_path / "run", *SHORT, *options)
    split, n_updates = Run(tmp_path / "run").split(), Run(tmp_path / "run").metrics()[-1]["step"]
    n_train, n_val, n_kept = len(split.train), len(split.val), len(split.snapshot)
    steps = steps_of_snapshots(n_updates // epochs, epochs, 2, "even")
    work = Workload(TrainingConfig(epochs=epochs, val_interval=interval), n_train, n_val, n_kept, steps)
    assert done["validated"] == work.validated(epochs) == validations * n_val
    assert done["encoded"] == work.encoded(n_updates) + n_kept  # with the one before the first update
    in_all = epochs * n_train + VALIDATED * done["validated"] + ENCODED * (done["encoded"] - n_kept)
    assert work.in_all() == pytest.approx(in_all)
    assert work.done(epochs, 0, n_updates) == pytest.approx(in_all)
    assert work.done(0, 16, 1) == 16


@pytest.fixture
def slow_updates(monkeypatch):
    """Each takes eight seconds of a clock that stands still otherwise."""
    clock, update = [100.0], EagerEngine.update

    def updated(engine, rows, step):
        clock[0] += 8.0
        return update(engine, rows, step)

    monkeypatch.setattr(progress.time, "monotonic", lambda: clock[0])
    monkeypatch.setattr(EagerEngine, "update", updated)


def estimates(text):
    return [line for line in text.splitlines() if ": about " in line]


@pytest.mark.slow
def test_training_says_how_long_it_takes(tiny, tmp_path, slow_updates, succeed):
    run = tmp_path / "run"  # 48 images to learn from, which are three updates
    (line,) = estimates(succeed("train", tiny, "--run", run, *SHORT, "--epochs", 10).err)
    assert line == "Training run, 10 epochs: about 4 minutes in all (measured over the first 5 updates)"
    (line,) = estimates(succeed("train", "--resume", run, "--epochs", 25).err)
    assert line == "Training run, 25 epochs: about 6 minutes for the rest (measured over the first 5 updates)"
    assert succeed("train", tiny, "--run", tmp_path / "quiet", *SHORT, "--epochs", 5, "--quiet").err == ""


DESIGN = ("--vary", "latent_dim=2,4", "--seeds", 1, "--shard", "1/1", "--epochs", 3, *SHORT)


@pytest.mark.slow
def test_a_study_says_how_long_it_takes_and_does_the_same(tiny, tmp_path, monkeypatch, succeed, assert_same_run):
    succeed("study", tiny, *DESIGN, "--out", tmp_path / "silent")
    monkeypatch.setattr(forecast, "WORTH_TIMING", 0)
    monkeypatch.setattr("autoencoder.workflows.study.study.WORTH_ESTIMATING", 0.0)
    said = re.compile(
        r"^about \d+ seconds? of training, 1 at a time \(measured over 12 updates of each of 2 kinds", re.M
    )
    command = ("study", tiny, *DESIGN, "--out", tmp_path / "said")
    assert len(said.findall(succeed(*command).out)) == 1
    for run in ("2-42", "4-42"):
        assert_same_run(tmp_path / "silent" / "runs" / run, tmp_path / "said" / "runs" / run)
    assert said.findall(succeed(*command).out) == []  # nothing is left
    assert said.findall(succeed(*command[:-1], tmp_path / "quiet", "--quiet").out) == []


def test_what_is_left_of_a_study_is_counted(tmp_path, monkeypatch):
    """Half of one run, nothing of another, and all of one whose table is damaged; two at a time."""
    config = RunConfig(DataConfig("a.npy"), training=TrainingConfig(epochs=4, device="cpu"))
    members = [Member(name, {"latent_dim": name}, 0, config) for name in ("half", "done", "damaged")]
    for name, row in {"half": "2,6,0.1,9", "done": "4,12,0.1,9", "damaged": "x,y,,"}.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "metrics.csv").write_text(f"epoch,step,train_loss,seconds\n{row}\n")
    monkeypatch.setattr(forecast, "_seconds", lambda config, images, jobs: 100.0)
    images = range(forecast.WORTH_TIMING)  # only their number counts here
    found = forecast.forecast_of_the_rest(members, tmp_path, images, jobs=2)
    assert found is not None
    assert found.seconds == 100.0  # the damaged one; 75 seconds of two processes are less than one of its runs
    assert (
        found.said() == "about 2 minutes of training, 2 at a time (measured over 12 updates of each of 2 kinds of runs)"
    )
    assert forecast.forecast_of_the_rest(members[1:2], tmp_path, images) is None
    assert forecast.forecast_of_the_rest(members, tmp_path, images[:10]) is None


def test_what_cannot_be_timed_is_left_to_training(tmp_path, monkeypatch):
    def refuse(config, images, jobs):
        raise UserError("it cannot be trained")

    monkeypatch.setattr(forecast, "_seconds", refuse)
    monkeypatch.setattr(forecast, "WORTH_TIMING", 0)
    member = Member("a", {}, 0, RunConfig(DataConfig("a.npy")))
    assert forecast.forecast_of_the_rest([member], tmp_path, range(9)) is None
