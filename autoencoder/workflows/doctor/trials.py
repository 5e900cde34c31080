"""What commands do, done once in the small: training on the device, and a movie that is written and decoded."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from autoencoder.workflows.doctor.found import Found

N_IMAGES, SIZE, BATCH_SIZE = 80, 16, 32
"""Of the synthetic arena that a network is trained on: two updates."""

N_FRAMES = 8

TOLERANCE = 8
"""By how much frames may come back brighter or darker; of 255."""


def training() -> Found:
    """Train a small network for an epoch on the device that `--device auto` takes, into a temporary folder."""
    from autoencoder.config import DataConfig, RunConfig, TrainingConfig
    from autoencoder.data.sources.arena import prepare_arena
    from autoencoder.training.start import train

    began = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="autoencoder-doctor-") as place:
        prepared = prepare_arena(Path(place) / "arena", N_IMAGES, 0, SIZE)
        config = RunConfig(DataConfig(str(prepared.npz)), training=TrainingConfig(epochs=1, batch_size=BATCH_SIZE))
        trained = train(config, Path(place) / "run")
        (row,) = trained.run.metrics()
        steps, seconds = row["step"], time.perf_counter() - began
        return Found({"training": f"works: {steps} updates on {trained.device}, written and read, {seconds:.1f} s"})


def movie() -> Found:
    """Write a movie of gray frames, and decode them as `prepare video` does."""
    import numpy as np

    from autoencoder.data.sources.video.decoding.decode import Decoding
    from autoencoder.plots.movies.writer import MovieWriter

    began, shades = time.perf_counter(), np.linspace(40, 200, N_FRAMES).astype(np.uint8)
    with tempfile.TemporaryDirectory(prefix="autoencoder-doctor-") as place:
        path = Path(place) / "movie.mp4"
        with MovieWriter(path) as writer:
            for shade in shades:
                writer.append(np.full((32, 32), shade, np.uint8))
        with Decoding(path) as frames:
            means = np.array([frame.mean() for frame in frames])
    if len(means) != N_FRAMES or np.abs(means - shades).max() > TOLERANCE:
        what = f"ffmpeg decodes other frames than it encoded ({len(means)} of {N_FRAMES})"
        return Found({"movie": "comes back wrong"}, [f"{what}: set IMAGEIO_FFMPEG_EXE to another one"])
    seconds = time.perf_counter() - began
    return Found({"movie": f"works: {N_FRAMES} frames, written and decoded, {seconds:.1f} s"})
