"""A run that was stopped, in whatever way and at whatever moment, and resumed is the run that was not stopped."""

import json
import pathlib
import shutil
import signal

import pytest
import torch

OPTIONS = (
    "--epochs",
    4,
    "--batch-size",
    16,
    "--val-interval",
    2,
    "--checkpoint-interval",
    2,
    "--noise",
    "gaussian:0.3",
)
"""On `tiny`: 3 steps per epoch, each with a snapshot."""


@pytest.fixture(scope="module")
def straight(tiny, tmp_path_factory, succeed):
    """The run with OPTIONS that nothing stopped."""
    run = tmp_path_factory.mktemp("straight") / "run"
    succeed("train", tiny, "--run", run, *OPTIONS, "--quiet")
    return run


@pytest.mark.parametrize("step", [1, 5, 6], ids=["first step", "inside an epoch", "last step of an epoch"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_signal_saves_and_says_how_to_go_on(
    tiny, straight, tmp_path, call, succeed, signal_at, number, step, count_whole, assert_same_run
):
    run = tmp_path / "run"
    patch = signal_at(number, step)
    stopped = call("train", tiny, "--run", run, *OPTIONS)
    assert stopped.status == 128 + number
    assert f"autoencoder train --resume {run}" in stopped.err
    assert stopped.err.count("\n") == 1
    assert "made" not in stopped.out
    state = torch.load(run / "checkpoints" / "last.pt", weights_only=True)["state"]
    assert state["step"] == step
    count_whole(run)

    patch.undo()
    succeed("train", "--resume", run)
    assert_same_run(run, straight)


def test_stopped_again_and_again(tiny, straight, tmp_path, call, succeed, signal_at, assert_same_run):
    """A signal at every step: each resumed run does one step more."""
    run = tmp_path / "run"
    for step in range(1, 13):
        patch = signal_at(signal.SIGTERM, step)
        command = ("train", tiny, "--run", run, *OPTIONS) if step == 1 else ("train", "--resume", run)
        result = call(*command)
        patch.undo()
        # In the last epoch there is nothing left to stop once its last step is done.
        assert result.status == (128 + signal.SIGTERM if step < 12 else 0)
    assert_same_run(run, straight)


@pytest.mark.parametrize(
    ("threads", "noise", "more"),
    [
        (1, "none", ()),
        (1, "gaussian:0.3", ()),
        (2, "gaussian:0.3", ()),
        (1, "gaussian:0.3", ("--optimizer", "muon", "--augment", "light,rotate")),
    ],
)
def test_more_epochs(tiny, tmp_path, succeed, threads, noise, more, assert_same_run):
    """With a schedule that does not depend on the run's length, lengthening is the same as having planned it."""
    before = torch.get_num_threads()
    flags = ("--batch-size", 24, "--schedule", "constant", "--val-interval", 1, "--threads", threads, "--noise", noise)
    flags += more
    try:
        succeed("train", tiny, "--run", tmp_path / "long", "--epochs", 2, *flags)
        succeed("train", tiny, "--run", tmp_path / "run", "--epochs", 1, *flags)
        succeed("train", "--resume", tmp_path / "run", "--epochs", 2)
    finally:
        torch.set_num_threads(before)
    assert_same_run(tmp_path / "run", tmp_path / "long")
    assert json.loads((tmp_path / "run" / "config.json").read_text())["training"]["epochs"] == 2


def test_moved_run(straight, tiny, tmp_path, call, succeed, signal_at, assert_same_run):
    patch = signal_at(signal.SIGTERM, 7)
    assert call("train", tiny, "--run", tmp_path / "old", *OPTIONS).status == 143
    patch.undo()
    shutil.move(tmp_path / "old", tmp_path / "new")
    succeed("train", "--resume", tmp_path / "new")
    assert_same_run(tmp_path / "new", straight)


def test_resuming_a_finished_run_changes_nothing(straight, tmp_path, succeed, assert_same_run):
    run = tmp_path / "run"
    shutil.copytree(straight, run)
    before = (run / "config.json").read_text()
    assert "nothing left to train" in succeed("train", "--resume", run).out
    assert_same_run(run, straight)
    assert (run / "config.json").read_text() == before


class Killed(BaseException):
    """Stands for the end of the process: nothing in the package catches it."""


@pytest.mark.slow
def test_killed_before_any_rename(tiny, tmp_path, call, succeed, monkeypatch, count_whole, assert_same_run):
    """Files change by renames only, so to stop before each of them is to stop in every state that a kill can leave."""
    options = ("--epochs", 2, "--batch-size", 24, "--snapshots-per-epoch", 1, "--val-interval", 1)
    options += ("--checkpoint-interval", 1, "--quiet")
    straight = tmp_path / "straight"
    succeed("train", tiny, "--run", straight, *options)
    replace = pathlib.Path.replace
    remaining = 0

    def replace_or_die(path, target):
        nonlocal remaining
        if remaining == 0:
            raise Killed
        remaining -= 1
        return replace(path, target)

    seen_states = 0
    for n_renames in range(100):
        run = tmp_path / str(n_renames)
        remaining = n_renames
        with monkeypatch.context() as patch:
            patch.setattr(pathlib.Path, "replace", replace_or_die)
            try:
                succeed("train", tiny, "--run", run, *options)
                break
            except Killed:
                pass
        count_whole(run)
        if not (run / "config.json").exists():
            call("train", "--resume", run).refused(str(run))
            continue
        seen_states += 1
        succeed("train", "--resume", run)
        assert_same_run(run, straight)
        shutil.rmtree(run)
    assert seen_states >= 11  # 3 snapshots with their index; 2 epochs with metrics and last, and at least one best


LONG = (
    "--epochs",
    4,
    "--threads",
    1,
    "--batch-size",
    4,
    "--val-interval",
    3,
    "--checkpoint-interval",
    2,
    "--noise",
    "gaussian:0.3",
    "--split",
    "random",
)
"""Four epochs of 12 updates."""


@pytest.fixture(scope="module")
def straight_long(tiny, tmp_path_factory, succeed):
    run = tmp_path_factory.mktemp("long") / "run"
    succeed("train", tiny, "--run", run, *LONG, "--quiet")
    return run


@pytest.mark.slow
def test_real_process(tiny, straight_long, tmp_path, start, wait_for, succeed, count_whole, assert_same_run):
    """Killed, and interrupted when it went on; each time a little after a certain snapshot appeared."""
    run = tmp_path / "run"
    command = ("train", tiny, "--run", run, *LONG)
    for step, number in ((8, signal.SIGKILL), (28, signal.SIGINT)):
        with start(*command) as process:
            wait_for((run / "latents" / f"step_{step:08d}.npy").exists, process)
            process.send_signal(number)
            out, err = process.communicate()
        count_whole(run)
        assert "Traceback" not in out + err
        if number == signal.SIGKILL:
            assert process.returncode == -number
        else:
            assert process.returncode == 128 + number, err
            assert err.startswith("stopped at step ")
            assert err.endswith(f"resume with: autoencoder train --resume {run}\n")
        command = ("train", "--resume", run)
    succeed(*command)
    assert_same_run(run, straight_long)


def test_threads_may_change(tiny, straight, tmp_path, call, succeed, signal_at):
    """The run says so, keeps from which step on, and trains with as many from then on."""
    run = tmp_path / "run"
    patch = signal_at(signal.SIGTERM, 5)
    assert call("train", tiny, "--run", run, *OPTIONS, "--threads", 1).status == 143
    patch.undo()
    said = succeed("train", "--resume", run, "--threads", 2).out
    assert "this run was trained with threads 1, now 2; results agree up to rounding" in said
    assert torch.get_num_threads() == 2
    assert json.loads((run / "config.json").read_text())["training"]["threads"] == 2
    assert json.loads((run / "environment.json").read_text())["resumed"] == [{"at_step": 5, "threads": 2}]
    weights, others = (
        torch.load(folder / "checkpoints" / "last.pt", weights_only=True)["model"] for folder in (run, straight)
    )
    for name, weight in weights.items():
        torch.testing.assert_close(weight, others[name], rtol=1e-3, atol=1e-3)
