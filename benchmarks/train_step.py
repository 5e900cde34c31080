"""Images per second of a training step: the plain loop against the project's, same network, weights and batches.

    python benchmarks/train_step.py [--pairs 3] [--steps 60]

The two run in alternation, one process each, on the CPU. The project's time includes fetching and scaling the batch,
the plain loop's does not. Prints each pair, the median ratio, and how far the losses are apart after the same steps;
beside it the control, how far the plain loop is from itself when its first weights are changed by a ten-millionth. The
control is not timed, and runs in this process.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from arguments import parse


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--warm-up", type=int, default=5, help="steps before those that are timed")
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    args = parse(parser, pairs=1, steps=2, warm_up=1, batch_size=4)
    if args.child:
        kind, folder = args.child
        measure = {"plain": _plain, "project": _project}[kind]
        print(json.dumps(measure(Path(folder), args)))
        return
    with tempfile.TemporaryDirectory() as folder:
        _write_inputs(Path(folder), (args.warm_up + args.steps) * args.batch_size)
        pairs = []
        for number in range(args.pairs):
            pair = {kind: _run(kind, folder, args) for kind in ("plain", "project")}
            pairs.append(pair)
            rates = {kind: result["images_per_second"] for kind, result in pair.items()}
            plain, project = rates["plain"], rates["project"]
            ratio = f"ratio {project / plain:.2f}"
            print(f"pair {number + 1}: plain {plain:.1f}, project {project:.1f} images/s, {ratio}", flush=True)
        control = _plain(Path(folder), args, scale=1 + 1e-7)["losses"]
    ratios = [pair["project"]["images_per_second"] / pair["plain"]["images_per_second"] for pair in pairs]
    plain, project = (pairs[0][kind]["losses"] for kind in ("plain", "project"))
    print(f"ratio: median {statistics.median(ratios):.2f}, from {min(ratios):.2f} to {max(ratios):.2f}")
    for step in (0, len(plain) // 2, len(plain) - 1):
        apart = abs(project[step] / plain[step] - 1)
        own = abs(control[step] / plain[step] - 1)
        losses = f"plain {plain[step]:.6f}, project {project[step]:.6f}"
        print(f"loss at step {step + 1}: {losses}, apart {apart:.2%}; plain and its control {own:.2%}")


def _run(kind: str, folder: str, args: argparse.Namespace) -> dict:
    command = [sys.executable, __file__, "--child", kind, folder]
    for flag, number in (("--warm-up", args.warm_up), ("--steps", args.steps), ("--batch-size", args.batch_size)):
        command += [flag, str(number)]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def _write_inputs(folder: Path, n_images: int) -> None:
    """Images, and the weights that both start from."""
    import torch
    from plain_loop import reference_network

    from autoencoder.data.sources.arena import prepare_arena

    prepare_arena(folder / "arena", n_images, seed=0)
    torch.manual_seed(0)
    torch.save(reference_network().state_dict(), folder / "weights.pt")


def _plain(folder: Path, args: argparse.Namespace, scale: float = 1.0) -> dict:
    import numpy as np
    import torch
    from plain_loop import reference_network, train_steps

    network = reference_network()
    weights = torch.load(folder / "weights.pt")
    network.load_state_dict({name: w * scale if w.is_floating_point() else w for name, w in weights.items()})
    images = torch.tensor(np.load(folder / "arena.npz")["images"] / np.float32(255)).unsqueeze(1)
    results = list(train_steps(network, iter(images.split(args.batch_size))))
    spent = sum(seconds for _, seconds in results[args.warm_up :])
    return {"images_per_second": args.steps * args.batch_size / spent, "losses": [loss for loss, _ in results]}


def _project(folder: Path, args: argparse.Namespace) -> dict:
    import numpy as np
    import torch

    from autoencoder.config import DataConfig, ModelConfig, RunConfig, TrainingConfig
    from autoencoder.machine.device import prepare_machine
    from autoencoder.runs.data import load_data
    from autoencoder.runs.folder import Run, RunSplit
    from autoencoder.training.engines import EagerEngine
    from autoencoder.training.learner import make_learner

    settings = {"lr": 1e-3, "schedule": "constant", "optimizer": "adam", "snapshots_per_epoch": 0}
    training = TrainingConfig(batch_size=args.batch_size, **settings)
    config = RunConfig(DataConfig(str(folder / "arena.npz")), ModelConfig("conv"), training=training)
    data = load_data(config)
    prepare_machine(torch.device("cpu"))
    rows = np.arange(len(data))
    split = RunSplit(rows, rows[:0], rows[:0])
    learner = make_learner(Run(folder / "run"), config, data, split, torch.device("cpu"), None)
    reference = torch.load(folder / "weights.pt")
    own = learner.network.state_dict()
    learner.network.load_state_dict(dict(zip(own, reference.values(), strict=True)))  # the same layers, the same order
    learner.network.train()
    engine = EagerEngine(learner)
    losses = []
    for step, batch in enumerate(rows.reshape(-1, args.batch_size)):
        if step == args.warm_up:
            started = time.perf_counter()
        losses.append(float(engine.update(batch, step)))
    return {"images_per_second": args.steps * args.batch_size / (time.perf_counter() - started), "losses": losses}


if __name__ == "__main__":
    main()
