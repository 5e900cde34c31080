"""`prepare experiment` is killed at random moments; the same command ends with the same files."""

import signal
import time
from functools import partial
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import pytest

from autoencoder.data.sources.experiment.parts import read_part

pytestmark = pytest.mark.slow

N_RECORDINGS, N_FRAMES, SIDE = 5, 150, 200


@pytest.fixture(scope="module")
def table(tmp_path_factory) -> Path:
    """Recordings of a box that goes round, with their poses."""
    folder = tmp_path_factory.mktemp("films")
    lines = ["video,pose,animal"]
    for number in range(N_RECORDINGS):
        turn = np.linspace(0, 4 * np.pi, N_FRAMES) + number
        places = 100 + 40 * np.stack([np.cos(turn), np.sin(turn)], axis=1)
        video, pose = folder / f"{number}.mp4", folder / f"{number}.csv"
        writer = imageio_ffmpeg.write_frames(
            str(video), (SIDE, SIDE), fps=30, pix_fmt_in="gray", macro_block_size=1, ffmpeg_log_level="error"
        )
        writer.send(None)
        for x, y in places.astype(int):
            frame = np.full((SIDE, SIDE), 30, np.uint8)
            frame[y - 10 : y + 10, x - 15 : x + 15] = 200
            writer.send(frame)
        writer.close()
        rows = ["scorer" + ",net" * 6, "bodyparts" + ",Nose" * 3 + ",Tailroot" * 3, "coords" + ",x,y,likelihood" * 2]
        rows += [f"{i},{x + 15},{y},1,{x - 15},{y},1" for i, (x, y) in enumerate(places)]
        pose.write_text("\n".join(rows) + "\n")
        lines.append(f"{video.name},{pose.name},{number % 2}")
    path = folder / "recordings.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


def finished_in(parts):
    """Names of the parts that are whole; nothing where the set was put together, and they are gone."""
    try:
        return {part.name for part in parts.iterdir() if part.is_dir() and not part.name.startswith(".")}
    except FileNotFoundError:
        return set()


def has_finished(parts, least, process):
    """Whether so many parts are whole, as far as there are recordings, or the process has ended."""
    return process.poll() is not None or (parts.exists() and len(finished_in(parts)) >= min(least, N_RECORDINGS - 1))


def command(table, out, jobs):
    return ("prepare", "experiment", table, "--out", out, "--jobs", jobs, "--mask", "--quiet")


@pytest.mark.parametrize(("jobs", "n_kills"), [(1, 6), (2, 4)])
def test_experiment(table, tmp_path, tally, judged, start, succeed, wait_for, moments, tree, jobs, n_kills):
    """A kill loses at most what is in progress; whoever is left of the processes ends by itself."""
    straight, out, kind = tmp_path / "straight" / "set", tmp_path / "out" / "set", "killed: prepare experiment"
    begun = time.monotonic()
    succeed(*command(table, straight, 1))
    seconds = time.monotonic() - begun
    parts = out.with_name("set.parts")
    finished = set()
    for number in range(n_kills):
        with start(*command(table, out, jobs)) as process:
            wait_for(partial(has_finished, parts, number // 2, process), process)
            time.sleep(moments.uniform(0, seconds / N_RECORDINGS))
            process.send_signal(signal.SIGKILL)
            output = process.communicate()
        assert process.returncode in (0, -signal.SIGKILL), output
        if process.returncode == 0:
            break
        tally(kind, tried=1, resumed=1)
        with judged(kind, "lost"):
            whole = finished_in(parts)
            assert out.with_suffix(".npz").exists() or finished <= whole, "what was finished stays"
            for name in whole:
                read_part(parts / name)
            tally(kind, files_checked=len(whole), survived=1)
            finished = whole
    time.sleep(1.5)  # processes without their parent stop within a second
    succeed(*command(table, out, jobs))
    with judged(kind, "differences"):
        assert tree(out.parent) == tree(straight.parent)
        for suffix in (".npz", ".csv", "-check.png"):
            assert out.with_name(f"set{suffix}").read_bytes() == straight.with_name(f"set{suffix}").read_bytes()
