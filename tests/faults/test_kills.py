"""Real processes are killed at random moments; what they leave is whole, and what goes on ends as if nothing had been.

The short form has 10 kills, the slow tests have 100 more.
"""

import csv
import shutil
import signal
import time

import h5py
import imageio_ffmpeg
import numpy as np
import pytest

COMMON = ("--batch-size", 4, "--threads", 1, "--val-interval", 1, "--quiet")

TRAININGS = {
    "noise": ("--noise", "gaussian:0.3", "--checkpoint-interval", 2),
    "one-cycle": ("--schedule", "onecycle", "--norm", "layer", "--checkpoint-interval", 10),
    "early stopping": ("--patience", 9, "--lr", 0.02, "--schedule", "constant"),
    "fitted encoder": ("--encoder", "pca", "--latent-dim", 4, "--noise", "masking:0.2"),
    "shuffled angles": ("--objective", "angle", "--target", "body_angle_deg", "--shuffle-targets"),
    "sparse": ("--encoder", "dense", "--sparsity", "kl", "--schedule", "cosine"),
}
"""On `tiny`: 12 updates in an epoch. Each writes some twenty files per second."""

EPOCHS_PER_KILL = 6
"""So that a training is not over before it was killed as often as it is to be."""

COMPARED = ("--epochs", 2, "--batch-size", 8, "--threads", 1, "--reduce", "pca", "--examples", 2, "--quiet")

SLOWLY = pytest.mark.slow

WORK = 0.8
"""Seconds of training within which it is killed, from the first file on that it writes."""

EARLY = 0.2
"""Share of the kills that come when the folder has just been taken."""


@pytest.fixture
def kill(start, wait_until_training, wait_until_writing, count_whole, moments, tally, judged):
    """Start a command and kill it at a random moment of its work; what it leaves must be whole.

    One in five is killed when it has just taken its folder, before or while it makes the run, the others amid training.
    Returns whether there was something to kill.
    """

    def at_random(kind, folder, longest, *command):
        with start(*command) as process:
            if wait_until_training(folder, process):
                early = moments.random() < EARLY
                if not early:
                    wait_until_writing(folder, process)
                time.sleep(moments.uniform(0, 0.3 if early else longest))
            process.send_signal(signal.SIGKILL)
            out, err = process.communicate()
        assert process.returncode in (0, -signal.SIGKILL), (out, err)
        assert "Traceback" not in err
        if process.returncode:
            tally(kind, tried=1)
            with judged(kind, "lost"):
                tally(kind, files_checked=count_whole(folder), survived=1)
        return process.returncode != 0

    return at_random


@pytest.mark.parametrize(
    ("name", "n_kills"),
    [
        pytest.param("noise", 2, marks=SLOWLY),
        ("fitted encoder", 2),
        *(pytest.param(name, 16, marks=SLOWLY) for name in TRAININGS),
    ],
)
def test_training(tiny, tmp_path, tally, judged, succeed, kill, assert_same_run, name, n_kills):
    run, straight, kind = tmp_path / "run", tmp_path / "straight", "killed: train"
    flags = ("--epochs", EPOCHS_PER_KILL * n_kills, *TRAININGS[name], *COMMON)

    def command():
        resuming = (run / "config.json").exists()
        return ("train", "--resume", run) if resuming else ("train", tiny, "--run", run, *flags)

    for _ in range(n_kills):
        if not kill(kind, run, WORK, *command()):
            break
        tally(kind, resumed=1)
    succeed(*command())
    succeed("train", tiny, "--run", straight, *flags)
    with judged(kind, "differences"):
        assert_same_run(run, straight)
    assert not list(run.rglob("*.partial*")), "what a killed process left is taken away"


@pytest.fixture(scope="module")
def compared(tiny, tmp_path_factory, succeed):
    """What `compare --train` leaves where nothing stops it, and the seconds that it works for, imports left out."""
    out = tmp_path_factory.mktemp("compared") / "out"
    begun = time.monotonic()
    succeed("compare", "--train", tiny, "--out", out, *COMPARED)
    return out, time.monotonic() - begun


@pytest.mark.slow
@pytest.mark.parametrize("n_kills", [1, *(pytest.param(10, marks=SLOWLY) for _ in range(2))])
def test_comparison(tiny, tmp_path, tally, judged, succeed, kill, compared, assert_same_run, n_kills):
    out, kind = tmp_path / "out", "killed: compare --train"
    straight, seconds = compared
    command = ("compare", "--train", tiny, "--out", out, *COMPARED)
    for _ in range(n_kills):
        if not kill(kind, out, seconds / (2 if n_kills < 5 else 6), *command):
            break
        tally(kind, resumed=1)
    succeed(*command)
    runs = sorted(path.parent.relative_to(out) for path in out.rglob("config.json"))
    assert len(runs) == 6
    with judged(kind, "differences"):
        for run in runs:
            assert_same_run(out / run, straight / run)
    tables = []
    for folder in (out, straight):
        with (folder / "comparison.csv").open(newline="") as file:
            tables.append([{k: v for k, v in row.items() if k != "training_seconds"} for row in csv.DictReader(file)])
    assert tables[0] == tables[1]


TOGETHER = (
    *("--vary", "objective=reconstruct,angle,mask", "--seeds", 1, "--together", 3, "--only", "dimension"),
    *("--batch-size", 4, "--threads", 1, "--val-interval", 1, "--noise", "gaussian:0.3", "--quiet"),
)


@pytest.mark.slow
@pytest.mark.parametrize("n_kills", [1, *(pytest.param(10, marks=SLOWLY) for _ in range(2))])
def test_runs_together(tiny, tmp_path, tally, judged, succeed, kill, assert_same_run, n_kills):
    """Killed amid three runs that take turns: all three are resumed."""
    out, straight, kind = tmp_path / "out", tmp_path / "straight", "killed: study --together"
    flags = ("--epochs", EPOCHS_PER_KILL * n_kills, *TOGETHER)
    for _ in range(n_kills):
        if not kill(kind, out, 3 * WORK, "study", tiny, "--out", out, *flags):
            break
        tally(kind, resumed=1)
    succeed("study", tiny, "--out", out, *flags)
    succeed("study", tiny, "--out", straight, *flags)
    runs = sorted(path.parent.relative_to(out) for path in out.rglob("config.json"))
    assert len(runs) == 3
    with judged(kind, "differences"):
        for run in runs:
            assert_same_run(out / run, straight / run)


def drawing(run, reduce, out):
    return ("visualize", "--run", run, "--reduce", reduce, "--color-by", "x", "--seconds", 2, "--out", out, "--quiet")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("reduce", "n_kills"), [("pca", 1), pytest.param("pca", 14, marks=SLOWLY), pytest.param("umap", 6, marks=SLOWLY)]
)
def test_movies(
    finished, tmp_path, tally, judged, start, succeed, moments, tree, frame_count, count_whole, reduce, n_kills
):
    """There is no folder that says when the work begins, so moments are spread over all of a process's time."""
    straight, out, kind = tmp_path / "straight", tmp_path / "out", "killed: visualize"
    run = shutil.copytree(finished, tmp_path / "run")
    begun = time.monotonic()
    with start(*drawing(run, reduce, straight)) as process:
        assert process.wait() == 0
    seconds = time.monotonic() - begun
    for _ in range(n_kills):
        with start(*drawing(run, reduce, out)) as process:
            time.sleep(moments.uniform(0.6, 1) * seconds)
            process.send_signal(signal.SIGKILL)
            out_and_err = process.communicate()
        assert process.returncode in (0, -signal.SIGKILL), out_and_err
        if process.returncode == 0:
            continue  # it was done before, so this was no kill
        tally(kind, tried=1, resumed=1)
        with judged(kind, "lost"):
            tally(kind, files_checked=count_whole(out) if out.exists() else 0, survived=1)
    succeed(*drawing(run, reduce, out))
    whole = {name for name in tree(out) if ".partial" not in name}
    assert whole == tree(straight)
    with judged(kind, "differences"):
        with np.load(out / "embedding.npz") as a, np.load(straight / "embedding.npz") as b:
            for name in b.files:
                np.testing.assert_array_equal(a[name], b[name], err_msg=name)
        assert frame_count(out / "x.mp4") == frame_count(straight / "x.mp4")
        assert (out / "x.png").read_bytes() == (straight / "x.png").read_bytes()
    assert tree(run) == tree(finished)


def same_codes(file, other):
    """Two files of codes are whole, and hold the same; NWB gives each object a number of its own."""
    if file.suffix == ".npz":
        assert file.read_bytes() == other.read_bytes()
        return
    with h5py.File(file) as a, h5py.File(other) as b:
        for name in ("codes", "error", "code_distance"):
            for part in ("data", "timestamps"):
                place = f"processing/autoencoder/{name}/{part}"
                np.testing.assert_array_equal(a[place][:], b[place][:])


@pytest.mark.slow
@pytest.mark.parametrize("suffix", ["npz", "nwb"])
def test_encoding(suffix, tmp_path, tally, judged, start, succeed, moments):
    """Amid frames, images or files: there is the whole file or none, and the same command makes the same one."""
    if suffix == "nwb":
        pytest.importorskip("pynwb", reason="pynwb is not installed")
    rng, video, kind = np.random.default_rng(0), tmp_path / "film.mp4", "killed: encode"
    writer = imageio_ffmpeg.write_frames(str(video), (64, 48), fps=10, pix_fmt_in="gray", macro_block_size=1)
    writer.send(None)
    for _ in range(400):
        writer.send(rng.integers(0, 256, (48, 64), dtype=np.uint8))
    writer.close()
    run, straight, out = tmp_path / "run", tmp_path / f"straight.{suffix}", tmp_path / "out" / f"out.{suffix}"
    succeed("prepare", "video", video, "--size", 32, "--out", tmp_path / "data", "--quiet")
    succeed("train", tmp_path / "data.npz", "--run", run, "--epochs", 1, "--latent-dim", 3, "--quiet")
    flags = ("--errors", *(("--predictions",) if suffix == "npz" else ()), "--quiet", "--out")
    begun = time.monotonic()
    with start("encode", run, video, *flags, straight) as process:
        assert process.wait() == 0
    seconds = time.monotonic() - begun
    for _ in range(5):
        with start("encode", run, video, *flags, out) as process:
            time.sleep(moments.uniform(0.6, 1) * seconds)
            process.send_signal(signal.SIGKILL)
            process.communicate()
        if process.returncode == 0:
            out.unlink()
            continue  # it was done before, so this was no kill
        tally(kind, tried=1, resumed=1)
        with judged(kind, "lost"):
            if out.exists():  # killed on its way out
                same_codes(out, straight)
                out.unlink()
            tally(kind, survived=1)
    succeed("encode", run, video, *flags, out)
    same_codes(out, straight)
    assert [path.name for path in out.parent.iterdir() if not path.name.startswith(".")] == [out.name]
