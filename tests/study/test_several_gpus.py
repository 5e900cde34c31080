"""A study on several GPUs: who trains what, and what becomes of it. The processor stands in for the GPUs."""

import dataclasses
import signal

import pytest
import torch

from autoencoder.config import DataConfig, ModelConfig, RunConfig, TrainingConfig
from autoencoder.errors import UserError
from autoencoder.machine.processes import Answers, Lost
from autoencoder.machine.stopping import Interrupted
from autoencoder.runs.folder import Run
from autoencoder.study import training
from autoencoder.study.designs.design import Member
from autoencoder.study.training import train_members
from autoencoder.training.start import train


def leave(folder, config):
    """Nothing is done with finished runs."""


def sent():
    """The same, sent as it stands, since other processes find no tests by their names."""
    return lambda folder, config: None


@pytest.fixture
def members(tiny):
    def member(seed):
        settings = TrainingConfig(epochs=1, batch_size=16, device="cpu", seed=seed)
        config = RunConfig(DataConfig(str(tiny), split="random"), ModelConfig("dense", 3), training=settings)
        return Member(f"dense-{seed}", {}, seed, config)

    return [member(seed) for seed in range(5)]


@pytest.fixture
def gpus(monkeypatch):
    """Have the device be so many GPUs, each named by a letter."""

    def have(names):
        monkeypatch.setattr(training, "all_gpus", lambda device: list(names))

    return have


@pytest.fixture
def here(monkeypatch):
    """Have shares done in this process, one after the other; what each was given comes back."""
    given = []

    def do(work, shares, environments):
        given.extend(
            (environment, [name for piece in share for name, _, _ in piece.runs])
            for share, environment in zip(shares, environments, strict=True)
        )
        return Answers([work(share) for share in shares], None)

    monkeypatch.setattr(training, "in_processes", do)
    return given


def test_runs_are_dealt_out_and_all_are_trained(members, tmp_path, gpus, here):
    """Each process sees one GPU alone; as many runs on each as on any other, but for one."""
    gpus("ab")
    said = []
    assert train_members(members, tmp_path / "study", finish=leave, together=2, say=said.append) == {}
    names = [member.name for member in members]
    assert here == [({"CUDA_VISIBLE_DEVICES": "a"}, names[::2]), ({"CUDA_VISIBLE_DEVICES": "b"}, names[1::2])]
    assert said[0] == "training 5 runs on 2 GPUs, in a process for each"
    assert sum("Training encoder 'dense'" in text for text in said) == 5
    for name in names:
        assert Run(tmp_path / "study" / name).metrics()[-1]["epoch"] == 1


def test_no_more_processes_than_pieces(members, tmp_path, gpus, here):
    gpus("abcd")
    train_members(members[:2], tmp_path / "study", finish=leave, together=1)
    assert [environment["CUDA_VISIBLE_DEVICES"] for environment, _ in here] == ["a", "b"]
    here.clear()
    train_members(members[2:3], tmp_path / "study", finish=leave, together=1)
    assert here == []  # one run needs no process


def test_what_fails_on_each_is_told(members, tmp_path, gpus, here):
    gpus("ab")
    for number in (0, 3):
        broken = dataclasses.replace(members[number].config.training, lr=1e18, schedule="constant", epochs=3)
        config = dataclasses.replace(members[number].config, training=broken)
        members[number] = dataclasses.replace(members[number], config=config)
    failed = train_members(members, tmp_path / "study", finish=leave, together=3)
    assert set(failed) == {"dense-0", "dense-3"}


def test_a_process_that_is_lost_is_named_with_its_runs(members, tmp_path, gpus, monkeypatch):
    """When the others have ended; the same call goes on."""
    gpus("ab")

    def one_lost(work, shares, environments):
        return Answers([work(shares[0]), Lost("it was killed, or crashed")], None)

    with monkeypatch.context() as patch:
        patch.setattr(training, "in_processes", one_lost)
        with pytest.raises(UserError, match=r"GPU b .*killed.* dense-1, dense-3; the same command continues"):
            train_members(members, tmp_path / "study", finish=leave, together=3)
    assert (tmp_path / "study" / "dense-2" / "checkpoints" / "last.pt").exists()
    gpus("")
    assert train_members(members, tmp_path / "study", finish=leave, together=3) == {}


def test_stopped(members, tmp_path, gpus, monkeypatch):
    """By a signal to this process, whatever the processes then say."""
    gpus("ab")
    outcome = training.Outcome(signum=signal.SIGTERM)
    answers = Answers([outcome, Lost("it was killed, or crashed")], signal.SIGINT)
    monkeypatch.setattr(training, "in_processes", lambda *arguments: answers)
    with pytest.raises(Interrupted) as stopped:
        train_members(members, tmp_path / "study", finish=leave)
    assert stopped.value.signum == signal.SIGINT


def test_a_gpu_that_its_process_cannot_use_is_named(members, tmp_path, monkeypatch):
    """Such as one that is divided: with `--device auto` its share would be trained on the processor."""
    monkeypatch.setattr(training, "all_gpus", lambda device: ["0", "1"])
    seen = iter(["cuda", "cuda", "cpu", "cpu"])  # the parent looks twice
    monkeypatch.setattr(training, "choose_device", lambda name: torch.device(next(seen)))

    def do(work, shares, environments):
        with pytest.raises(UserError) as refused:
            work(shares[0])
        return Answers([training.Outcome(), Lost(str(refused.value))], None)

    monkeypatch.setattr(training, "in_processes", do)
    with pytest.raises(UserError, match=r"GPU 1 .*torch finds no GPU there.*CUDA_VISIBLE_DEVICES"):
        train_members(members, tmp_path / "study", finish=leave)
    assert not (tmp_path / "study").exists()


@pytest.mark.slow
def test_in_processes(members, tmp_path, gpus, assert_same_run):
    """With two workers, and the network of one of them is broken by its learning rate."""
    gpus("01")
    broken = dataclasses.replace(members[1].config.training, lr=1e18, schedule="constant", epochs=3)
    config = dataclasses.replace(members[1].config, training=broken)
    members[1] = dataclasses.replace(members[1], config=config)
    assert list(train_members(members, tmp_path / "study", finish=sent(), together=2)) == ["dense-1"]
    for member in (members[0], *members[2:]):
        train(member.config, tmp_path / "alone" / member.name)
        assert_same_run(tmp_path / "study" / member.name, tmp_path / "alone" / member.name)


# ---------------------------------------------------------------------------------------------------------------- jobs


@pytest.mark.parametrize("command", ["study", "compare"])
def test_jobs_on_a_gpu_are_refused_before_anything_is_made(tiny, tmp_path, call, monkeypatch, command):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    what = [tiny] if command == "study" else ["--train", tiny]
    flags = ("--epochs", 1, "--batch-size", 32, "--device", "cuda")
    result = call(command, *what, "--out", tmp_path / "out", "--jobs", 2, *flags)
    result.refused("--jobs", "leave --jobs out", "--device cpu")
    assert not (tmp_path / "out").exists()


def test_more_together_than_a_gpu_has_streams_for(tiny, tmp_path, call, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    flags = ("--epochs", 1, "--batch-size", 32, "--device", "cuda")
    result = call("study", tiny, "--out", tmp_path / "out", "--together", 17, *flags)
    result.refused("--together 17", "--together 16 or less")
    assert not (tmp_path / "out").exists()


def test_jobs_on_a_cluster_are_its_workers(members):
    on_gpu = dataclasses.replace(members[0].config.training, device="cuda")
    member = dataclasses.replace(members[0], config=dataclasses.replace(members[0].config, training=on_gpu))
    training.check_jobs([member], 6, "dask")
    training.check_jobs([members[0]], 6, "loky")
