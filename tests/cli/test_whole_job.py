"""Slow ones: the demo as a user starts it, and the memory that a large file takes."""

import time
from pathlib import Path

import numpy as np
import pytest

pytestmark = pytest.mark.slow


def test_demo(tmp_path, start, tree, frame_count):
    process = start("demo", "--out", tmp_path / "demo")
    out, err = process.communicate()
    assert process.returncode == 0, err
    made = tree(tmp_path / "demo")
    assert {"data/arena.npz", "data/arena.csv", "run/config.json", "run/test/metrics.json", "run/test/grid.png"} <= made
    for column in ("body_angle_deg", "distance_from_center"):
        movie = tmp_path / "demo" / "run" / "visualize" / "umap-joint" / f"{column}.mp4"
        assert f"made {movie}" in out
        assert frame_count(movie) > 60
    assert "look at" in out
    again = start("demo", "--out", tmp_path / "demo")
    assert again.communicate()[1].startswith("error: ")
    assert again.returncode == 2


def own_bytes(pid):
    """Resident memory of a process without the pages of files, which the system drops when it needs the room."""
    status = Path(f"/proc/{pid}/status")
    if not status.exists():
        pytest.skip("memory is measured by /proc, which only Linux has")
    lines = dict(line.split(":", 1) for line in status.read_text().splitlines())
    return int(lines["RssAnon"].split()[0]) * 1024


def test_memory_map_of_500_000_images(tmp_path, start):
    """1.25 GB of pixels: checks, the first snapshot (of 62,500 images) and half a minute of updates."""
    data, run = tmp_path / "large.npy", tmp_path / "run"
    np.lib.format.open_memmap(data, mode="w+", dtype=np.uint8, shape=(500_000, 50, 50)).flush()  # sparse on the disk
    process = start("train", data, "--epochs", 1, "--run", run, "--device", "cpu", "--quiet")
    largest, started = 0, None
    while started is None or time.monotonic() < started + 30:
        assert process.poll() is None, process.communicate()
        largest = max(largest, own_bytes(process.pid))
        if started is None and (run / "latents" / "index.csv").exists():
            started = time.monotonic()
        time.sleep(0.2)
    process.terminate()
    process.communicate()
    assert process.returncode == 143
    assert (run / "checkpoints" / "last.pt").exists()
    assert largest < 1.5e9
