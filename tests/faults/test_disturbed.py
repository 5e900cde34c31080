"""A training is disturbed in other ways than by a kill: the disk fills, its folder is closed, its files vanish."""

import ctypes
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

OPTIONS = ("--epochs", 8, "--batch-size", 4, "--threads", 1, "--checkpoint-interval", 1, "--noise", "gaussian:0.3")
OPTIONS = (*OPTIONS, "--split", "random")

SLOWLY = pytest.mark.slow
"""Where the same is shown in this process, or of another command, a process of its own is for the long form."""

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="disturbs a process by Linux's means")


@pytest.fixture(scope="module")
def straight(tiny, tmp_path_factory, succeed):
    """The run that nothing disturbed."""
    run = tmp_path_factory.mktemp("straight") / "run"
    succeed("train", tiny, "--run", run, *OPTIONS, "--quiet")
    return run


@pytest.fixture
def at_work(start, wait_for):
    """Start a training and wait until its snapshot of step 4 is there, early in the first epoch."""
    started = []

    def begin(data, run, **options):
        process = start("train", data, "--run", run, *OPTIONS, "--quiet", **options)
        started.append(process)
        wait_for((run / "latents" / "step_00000004.npy").exists, process)
        return process

    yield begin
    for process in started:
        process.kill()
        process.communicate()


def refused(process, *words):
    """The process ended with one line that the user can act on."""
    out, err = process.communicate(timeout=120)
    assert (process.returncode, out) == (2, ""), (process.returncode, out, err)
    assert err.startswith("error: ")
    assert err.count("\n") == 1, err
    for word in words:
        assert word in err, (word, err)


@pytest.fixture
def ends_as_if_nothing_had_been(succeed, tally, judged, count_whole, assert_same_run, straight):
    """What is left is whole; the run is gone on with, and is the one that nothing disturbed."""

    def end(kind, run):
        tally(kind, tried=1)
        with judged(kind, "lost"):
            tally(kind, files_checked=count_whole(run))
            succeed("train", "--resume", run, "--quiet")
        tally(kind, survived=1, resumed=1)
        with judged(kind, "differences"):
            assert_same_run(run, straight)

    return end


# ------------------------------------------------------------------------------------------------------- disk, folder


@pytest.fixture
def small_disk(tmp_path):
    """A file system of its own of 24 MB, and a way to make it larger."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", place], capture_output=True, check=False
    ).returncode
    if mounted:
        pytest.skip("only root can mount a small file system")
    yield place, lambda: subprocess.run(["mount", "-o", "remount,size=512m", place], check=True)
    subprocess.run(["umount", "-l", place], check=True)


@pytest.mark.slow
def test_full_disk(tiny, small_disk, start, ends_as_if_nothing_had_been):
    place, enlarge = small_disk
    run = place / "run"
    process = start("train", tiny, "--run", run, *OPTIONS, "--quiet")
    refused(process, "no space left", str(run), "free some")
    assert not list(run.rglob("*.partial*"))
    enlarge()
    ends_as_if_nothing_had_been("disk full", run)


@pytest.mark.slow
def test_file_size_limit(tiny, tmp_path, start, ends_as_if_nothing_had_been):
    """No file may grow beyond so much: checkpoints cannot be written, snapshots and tables can."""
    import resource

    run = tmp_path / "run"
    limit = {"preexec_fn": lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))}
    refused(start("train", tiny, "--run", run, *OPTIONS, "--quiet", **limit), ".pt", "file size limit")
    assert not list((run / "checkpoints").iterdir())
    assert not list(run.rglob("*.partial*"))
    ends_as_if_nothing_had_been("disk full", run)


CAP_DAC_OVERRIDE, PR_CAPBSET_DROP = 1, 24


def obey_permissions():
    """For a process to be: not even root may write where permissions forbid it."""
    if os.getuid() == 0:
        ctypes.CDLL(None).prctl(PR_CAPBSET_DROP, CAP_DAC_OVERRIDE)


@SLOWLY
@pytest.mark.parametrize("later_commands", [False, True])
def test_read_only_folder(tiny, tmp_path, at_work, start, tree, ends_as_if_nothing_had_been, later_commands):
    """It becomes so while it is trained; then it can be neither gone on with nor written into by other commands."""
    run = tmp_path / "run"
    process = at_work(tiny, run, preexec_fn=obey_permissions)
    folders = [run, *(path for path in run.iterdir() if path.is_dir())]
    for folder in folders:
        folder.chmod(0o555)
    refused(process, "no permission to write", str(run))
    before = tree(run)
    for command in ("train --resume", "visualize --reduce pca --run", "explore --reduce pca")[: 3 * later_commands]:
        refused(start(*command.split(), run, preexec_fn=obey_permissions), str(run))
    assert tree(run) == before
    for folder in folders:
        folder.chmod(0o755)
    ends_as_if_nothing_had_been("read-only folder", run)


# ------------------------------------------------------------------------------------------------------- files removed


def remove(path):
    if not path.is_dir():
        path.unlink()
    while path.is_dir():  # a process may write into it between the last of its files and itself
        shutil.rmtree(path, ignore_errors=True)


@pytest.mark.slow
@pytest.mark.parametrize("what", ["checkpoints", "metrics.csv", "latents/step_00000008.npy"])
def test_files_removed_between_two_steps(tiny, tmp_path, at_step, call, succeed, tally, straight, what):
    """What is taken away is written anew when its time comes, or is missed by who reads it, which names it."""
    run = tmp_path / "run"
    at_step(30, lambda learner, loss: (remove(run / what), loss)[1])
    succeed("train", tiny, "--run", run, *OPTIONS, "--quiet")
    last, expected = ((folder / "checkpoints" / "last.pt") for folder in (run, straight))
    assert weights(last) == weights(expected)
    assert (run / "metrics.csv").read_text().count("\n") == 9
    succeed("test", "--run", run, "--no-movies", "--quiet")
    drawn = ("visualize", "--run", run, "--reduce", "pca", "--no-movies", "--quiet")
    if "latents" in what:
        call(*drawn).refused(Path(what).name, "missing")
    else:
        succeed(*drawn)
    tally("files removed", tried=1, survived=1)


@pytest.mark.parametrize("what", ["removed", "moved", "replaced"])
def test_the_folder_gone_between_two_steps(
    tiny, tmp_path, at_step, call, succeed, tally, straight, assert_same_run, what
):
    run, elsewhere = tmp_path / "run", tmp_path / "elsewhere"

    def happen(learner, loss):
        if what == "removed":
            shutil.rmtree(run)
        else:
            run.rename(elsewhere)
        if what == "replaced":
            shutil.copytree(straight, run)
        return loss

    patch = at_step(30, happen)
    call("train", tiny, "--run", run, *OPTIONS, "--quiet").refused("removed, moved or replaced", str(run))
    if what == "replaced":
        assert_same_run(run, straight)  # nothing of the other training was written into it
    else:
        assert not run.exists()
    if what != "removed":
        patch.undo()
        succeed("train", "--resume", elsewhere, "--quiet")
        assert_same_run(elsewhere, straight)
    tally("files removed", tried=1, survived=1, resumed=what != "removed")


def test_the_folder_gone_between_two_files(
    tiny, tmp_path, call, succeed, monkeypatch, straight, assert_same_run, tally
):
    """A snapshot is an array and its line in the index; between the two the folder is moved."""
    from autoencoder.runs import snapshots

    run, elsewhere, write = tmp_path / "run", tmp_path / "elsewhere", snapshots.write_array

    def write_and_move(file, codes):
        write(file, codes)
        if file.name == "step_00000016.npy":
            run.rename(elsewhere)

    with monkeypatch.context() as patch:
        patch.setattr(snapshots, "write_array", write_and_move)
        call("train", tiny, "--run", run, *OPTIONS, "--quiet").refused("removed, moved or replaced", str(run))
    assert not run.exists()
    succeed("train", "--resume", elsewhere, "--quiet")
    assert_same_run(elsewhere, straight)
    tally("files removed", tried=1, survived=1, resumed=1)


@SLOWLY
@pytest.mark.parametrize("what", ["checkpoints", "metrics.csv"])
def test_files_removed(tiny, tmp_path, at_work, wait_for, succeed, tally, judged, straight, what):
    """What is taken away is written anew when its time comes; the network does not depend on it.

    A process that was just writing there stops, and is gone on with.
    """
    run, kind = tmp_path / "run", "files removed"
    process = at_work(tiny, run)
    wait_for((run / what).exists, process)
    remove(run / what)
    if process.wait():
        refused(process, f"cannot write {run / what}")
        succeed("train", "--resume", run, "--quiet")
    tally(kind, tried=1)
    with judged(kind, "lost"):
        last, expected = ((folder / "checkpoints" / "last.pt") for folder in (run, straight))
        assert weights(last) == weights(expected)
        assert (run / "metrics.csv").read_text().count("\n") == 9
        succeed("test", "--run", run, "--no-movies", "--quiet")
    tally(kind, survived=1)


def weights(file):
    import torch

    return {name: values.tolist() for name, values in torch.load(file, weights_only=True)["model"].items()}


@SLOWLY
@pytest.mark.parametrize("what", ["removed", "moved"])
def test_the_whole_folder_gone(tiny, tmp_path, at_work, tally, ends_as_if_nothing_had_been, what):
    """Nothing is written into a folder that may be another run's by now.

    One that is removed goes file by file, so a process may miss the folder that it writes to before it misses the run.
    """
    run = tmp_path / "run"
    process = at_work(tiny, run)
    if what == "removed":
        while run.exists():
            shutil.rmtree(run, ignore_errors=True)
    else:
        run.rename(tmp_path / "elsewhere")
    refused(process, "removed, moved or replaced" if what == "moved" else "removed", str(run))
    assert not run.exists()
    if what == "moved":
        ends_as_if_nothing_had_been("files removed", tmp_path / "elsewhere")
    else:
        tally("files removed", tried=1, survived=1)


@SLOWLY
def test_data_cut_short(tiny, tmp_path, at_work, call, succeed, assert_same_run, tally):
    """A memory-mapped file that shrinks ends the process, as the system does it; the run is whole and goes on."""
    data, run = tmp_path / "data.npy", tmp_path / "run"
    with np.load(tiny) as arrays:
        np.save(data, arrays["images"])
    content = data.read_bytes()
    process = at_work(data, run)
    with data.open("rb+") as file:
        file.truncate(len(content) // 2)
    process.communicate(timeout=120)
    assert process.returncode in (0, -signal.SIGBUS)
    call("train", "--resume", run).refused(str(data), "cut short")
    data.write_bytes(content)
    succeed("train", "--resume", run, "--quiet")
    succeed("train", data, "--run", tmp_path / "straight", *OPTIONS, "--quiet")
    assert_same_run(run, tmp_path / "straight")
    tally("files removed", tried=1, survived=1, resumed=1)


# ------------------------------------------------------------------------------------------------ stopped and continued


@SLOWLY
def test_stopped_and_continued(tiny, tmp_path, at_work, moments, ends_as_if_nothing_had_been):
    run = tmp_path / "run"
    process = at_work(tiny, run)
    for _ in range(4):
        process.send_signal(signal.SIGSTOP)
        time.sleep(moments.uniform(0, 0.3))
        process.send_signal(signal.SIGCONT)
        time.sleep(moments.uniform(0, 0.2))
    assert process.wait() == 0, process.communicate()
    ends_as_if_nothing_had_been("stopped and continued", run)
