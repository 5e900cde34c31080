"""Time to quality: when does the default run reach the error to clean that the plain loop has after 300 s?

    python benchmarks/time_to_quality.py [--seconds 300] [--images 8000]

Both train on the same noisy arena images and are judged by the mean squared error to the clean images of the same
held-out ones. The default run follows its full schedule, and is stopped when it gets there; it validates after every
epoch here, and the time of that counts against it. The plain loop's validation is not counted.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from arguments import parse
from plain_loop import reference_network, shuffled_epochs, train_steps

from autoencoder import TrainingConfig, load_images
from autoencoder.data.sources.arena import prepare_arena
from autoencoder.data.split import make_split
from autoencoder.runs.folder import Run
from autoencoder.seeding import stream_seed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=300)
    parser.add_argument("--images", type=int, default=8000)
    args = parse(parser, seconds=0.1, images=100)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        data = prepare_arena(folder / "arena", args.images, seed=0).npz
        error, images_per_second = _plain_error(data, args.seconds)
        rate = f"{images_per_second:.0f} images/s"
        print(f"plain loop: error to clean {error:.5f} after {args.seconds:g} s ({rate})", flush=True)
        reached = _train_until(error, data, folder / "run")
        seconds = reached["seconds"]
        print(f"default run: {reached['val_mse_to_clean']:.5f} after {seconds:.1f} s (epoch {reached['epoch']})")
        print(f"ratio of times: {args.seconds / seconds:.1f}")


def _train_until(error: float, data: Path, folder: Path) -> dict[str, Any]:
    """The first row of a default run's metrics that is as good as `error`; the run is stopped there."""
    command = [sys.executable, "-m", "autoencoder", "train", str(data), "--run", str(folder), "--val-interval", "1"]
    process = subprocess.Popen([*command, "--quiet"])
    while True:
        reached = next((row for row in Run(folder).metrics() if row["val_mse_to_clean"] <= error), None)
        if reached is not None:
            process.terminate()
            process.wait()
            return reached
        if process.poll() is not None:
            raise SystemExit("default run: never reached the plain loop's error")
        time.sleep(0.2)


def _plain_error(data: Path, seconds: float) -> tuple[float, float]:
    """Error to clean on the held-out images after `seconds` of the plain loop's training, and its images per second."""
    images = load_images(data)
    split = make_split(len(images), "random", 0.2, stream_seed(TrainingConfig().seed, "split"))
    torch.manual_seed(42)
    network = reference_network()
    batches = shuffled_epochs(torch.from_numpy(images.scaled(split.train)), 64)
    spent, n_steps, started = 0.0, 0, time.monotonic()
    for _, step_seconds in train_steps(network, batches):
        spent, n_steps = spent + step_seconds, n_steps + 1
        if spent >= seconds:
            break
        if n_steps % 500 == 0:
            print(f"  plain loop: {n_steps} steps, {time.monotonic() - started:.0f} s", flush=True)
    network.eval()
    with torch.no_grad():
        outputs = [network(part) for part in torch.from_numpy(images.scaled(split.val)).split(256)]
    clean = images.scaled(split.val, of="clean")
    return float(np.square(torch.cat(outputs).numpy() - clean).mean()), n_steps * 64 / spent


if __name__ == "__main__":
    main()
