"""Several processes at one run: one trains, the others say so and leave; reading works at any time."""

import json
import os
import shutil
import signal
import threading

import pytest

OPTIONS = (
    "--epochs",
    40,
    "--batch-size",
    4,
    "--threads",
    1,
    "--checkpoint-interval",
    4,
    "--val-interval",
    4,
    "--quiet",
)
"""On `tiny`: several seconds of work."""

KIND = "two processes, one run"


@pytest.fixture(scope="module")
def straight(tiny, tmp_path_factory, succeed):
    run = tmp_path_factory.mktemp("alone") / "run"
    succeed("train", tiny, "--run", run, *OPTIONS)
    return run


@pytest.mark.slow
def test_two_start_the_same_run(tiny, tmp_path, start, straight, tally, judged, assert_same_run):
    """At the same moment, on a folder that is not there yet."""
    run = tmp_path / "run"
    both = [start("train", tiny, "--run", run, *OPTIONS) for _ in range(2)]
    said = [process.communicate(timeout=240) for process in both]
    tally(KIND, tried=1)
    with judged(KIND, "lost"):
        assert sorted(process.returncode for process in both) == [0, 2], said
        winner, loser = sorted(both, key=lambda process: process.returncode)
        out, err = said[both.index(loser)]
        assert out == ""
        assert err.startswith(f"error: process {winner.pid} on "), err
        assert f"has been training {run} since 20" in err
        assert "wait for it or stop it" in err
        assert err.count("\n") == 1
    with judged(KIND, "differences"):
        assert_same_run(run, straight)
    tally(KIND, survived=1)


@pytest.mark.slow
def test_runs_without_a_name_get_different_ones(tiny, tmp_path, start, tally):
    flags = ("--epochs", 1, "--batch-size", 16, "--threads", 1, "--quiet")
    both = [start("train", tiny, *flags, cwd=tmp_path) for _ in range(2)]
    for process in both:
        assert process.wait() == 0, process.communicate()
    assert sorted(path.name for path in (tmp_path / "runs").iterdir()) == ["tiny-strided-001", "tiny-strided-002"]
    tally(KIND, tried=1, survived=1)


@pytest.mark.slow
def test_reading_while_it_is_trained(
    tiny, tmp_path, start, wait_for, call, straight, tally, judged, count_whole, assert_same_run
):
    """Every other command works on what is complete; training and going on are refused."""
    run = tmp_path / "run"
    with start("train", tiny, "--run", run, *OPTIONS) as process:
        wait_for((run / "latents" / "index.csv").exists, process)
        tally(KIND, tried=1)
        with judged(KIND, "lost"):
            call("train", "--resume", run).refused(f"process {process.pid}", str(run))
            call("train", tiny, "--run", run).refused("exists", "--resume")
            commands = [
                ("info", run),
                ("visualize", "--run", run, "--reduce", "pca", "--no-movies"),
                ("visualize", "--run", run, "--snapshot", "last", "--show", "scatter", "--reduce", "pca"),
                ("test", "--run", run, "--no-movies", "--examples", 1),
                ("explore", run, "--reduce", "pca"),
                ("compare", run, "--out", tmp_path / "compare", "--reduce", "pca"),
            ]
            results = [call(*command) for command in commands if process.poll() is None]
            assert len(results) >= 3, "the training was over too soon to show anything"
            for result in results:
                # Before the first checkpoint there is no network to test; that is said.
                assert result.status == 0 or "none yet" in result.refused(str(run)), result
            tally(KIND, files_checked=count_whole(run))
        assert process.wait() == 0, process.communicate()
    with judged(KIND, "differences"):
        for made in ("visualize", "test"):
            shutil.rmtree(run / made, ignore_errors=True)
        assert_same_run(run, straight)
    tally(KIND, survived=1)


@pytest.mark.slow
def test_the_lock_of_a_dead_process_is_taken_over(tiny, tmp_path, start, wait_until_training, succeed, tally):
    run = tmp_path / "run"
    with start("train", tiny, "--run", run, *OPTIONS) as process:
        assert wait_until_training(run, process)
        process.send_signal(signal.SIGKILL)
        process.wait()
    note = run / ".lock.json"
    assert json.loads(note.read_text())["pid"] == process.pid
    resuming = (run / "config.json").exists()
    succeed(*(("train", "--resume", run) if resuming else ("train", tiny, "--run", run, *OPTIONS)))
    assert not note.exists()
    tally(KIND, tried=1, survived=1, resumed=1)


@pytest.mark.parametrize(
    "content",
    [b'{"pid": 1, "host": "here", "since": "now"}', b"", b"\x00\xff", b"[" * 100_000, b'{"pid": 1}'],
    ids=["a process that lives", "empty", "no text", "nested deeply", "cut short"],
)
def test_what_a_dead_process_left_in_the_lock_does_not_matter(tiny, tmp_path, succeed, tally, content):
    """Its number may be another process's by now."""
    run, flags = tmp_path / "run", ("--epochs", 1, "--batch-size", 16, "--quiet")
    run.mkdir()
    for file in (".lock", ".lock.json"):
        (run / file).write_bytes(content)
    succeed("train", tiny, "--run", run, *flags)
    assert not (run / ".lock.json").exists()
    tally(KIND, tried=1, survived=1)


def test_a_comparison_of_which_a_run_is_trained_elsewhere(tiny, tmp_path, call, tally):
    from autoencoder.runs.folder import Run
    from autoencoder.runs.lock import hold

    run = tmp_path / "out" / "runs" / "ae-16-42"
    with hold(Run(run)):
        result = call(
            "compare", "--train", tiny, "--out", tmp_path / "out", "--epochs", 1, "--batch-size", 32, "--reduce", "pca"
        )
    assert f"ae-16-42 could not be trained: process {os.getpid()} on " in result.out
    assert f"has been training {run} since" in result.out
    rows = (tmp_path / "out" / "comparison.csv").read_text().splitlines()[1:]
    assert [row.split(",")[0] for row in rows] == ["pca-16", "pca-2", "umap-16", "umap-2", "direction-tagger"]
    assert not run.exists(), "what did not become a run is taken away by who made it"
    tally(KIND, tried=1, survived=1)


def test_who_has_just_taken_the_lock_is_waited_for(tiny, tmp_path, call, monkeypatch):
    """Between taking it and saying who one is there is a moment; a process that never says it is another one."""
    from autoencoder.runs import lock

    run = tmp_path / "run"
    run.mkdir()
    note = {"pid": 17, "host": "there", "since": "today"}
    with lock.FileLock(run / ".lock"):
        written = threading.Timer(0.3, lambda: (run / ".lock.json").write_text(json.dumps(note)))
        written.start()
        call("train", tiny, "--run", run).refused(f"process 17 on there has been training {run} since today")
        written.join()
        (run / ".lock.json").unlink()
        monkeypatch.setattr(lock, "SECONDS_TO_SAY_WHO", 0.05)
        call("train", tiny, "--run", run).refused(f"another process is training {run}")


def test_a_refused_training_leaves_no_folder(tiny, tmp_path, call):
    call("train", tiny, "--run", tmp_path / "a" / "b" / "run", "--batch-size", 1000).refused("--batch-size")
    assert not list(tmp_path.iterdir())
    (tmp_path / "a").mkdir()
    call("train", tiny, "--run", tmp_path / "a" / "run", "--batch-size", 1000).refused("--batch-size")
    assert [path.name for path in tmp_path.rglob("*")] == ["a"]


def test_a_folder_that_is_there_and_empty_stays(tiny, tmp_path, call, succeed):
    (tmp_path / "run").mkdir()
    call("train", tiny, "--run", tmp_path / "run", "--batch-size", 1000).refused("--batch-size")
    assert [path.name for path in tmp_path.rglob("*")] == ["run"]
    succeed("train", tiny, "--run", tmp_path / "run", "--epochs", 1, "--batch-size", 16)


def test_whoever_may_write_to_the_folder_may_go_on(tiny, tmp_path, succeed):
    """The lock is the only file that has to be opened for writing; the others are replaced."""
    run = tmp_path / "run"
    succeed("train", tiny, "--run", run, "--epochs", 1, "--batch-size", 16)
    assert (run / ".lock").stat().st_mode & 0o777 == 0o666 & run.stat().st_mode
    run.chmod(0o775)
    succeed("train", "--resume", run)
    assert (run / ".lock").stat().st_mode & 0o777 == 0o664


def test_a_file_system_without_locks_is_named(tiny, tmp_path, call, monkeypatch):
    from autoencoder.runs import lock as locking

    def acquire(self):
        raise NotImplementedError("flock")

    monkeypatch.setattr(locking.FileLock, "acquire", acquire)
    call("train", tiny, "--run", tmp_path / "run").refused(
        str(tmp_path / "run"), "does not support locks", "another one"
    )
    assert not list(tmp_path.iterdir())
