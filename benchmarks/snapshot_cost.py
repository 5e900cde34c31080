"""What latent snapshots cost: an epoch on 32,000 images with three of them, and without, in alternation.

    python benchmarks/snapshot_cost.py [--pairs 3] [--images 32000] [--samples auto]

Prints the seconds of training of each, and the median cost as a share of the time without snapshots.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from pathlib import Path

from arguments import parse

from autoencoder import DataConfig, RunConfig, TrainingConfig, load_images, train
from autoencoder.data.sources.arena import prepare_arena


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--images", type=int, default=32_000)
    parser.add_argument("--samples", default="auto", help="a number, auto or all")
    args = parse(parser, pairs=1, images=300)
    samples = int(args.samples) if args.samples.isdigit() else args.samples
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        data = prepare_arena(folder / "arena", args.images, seed=0).npz
        images = load_images(data)
        costs = []
        for pair in range(args.pairs):
            seconds = {}
            for per_epoch in (0, 3):
                training = TrainingConfig(epochs=1, snapshots_per_epoch=per_epoch, snapshot_samples=samples)
                config = RunConfig(DataConfig(str(data)), training=training)
                run = train(config, folder / f"run-{pair}-{per_epoch}", data=images).run
                seconds[per_epoch] = run.metrics()[-1]["seconds"]
            costs.append(seconds[3] / seconds[0] - 1)
            n = len(run.split().snapshot)
            print(f"pair {pair + 1}: {seconds[0]:.1f} s without, {seconds[3]:.1f} s with 3 snapshots of {n:,} images: "
                  f"{costs[-1]:+.1%}", flush=True)  # fmt: skip
        print(f"cost of snapshots: median {statistics.median(costs):+.1%}")


if __name__ == "__main__":
    main()
