"""From snapshots to a finished, scored movie, beside umap-learn's own fit and transform and matplotlib's own drawing.

    python benchmarks/evolution.py [--snapshots 100] [--images 8000] [--pairs 3]

Invented codes of 16 units, of synthetic arena images, go from noise to the positions and directions they stand for. A
run of 4 snapshots, not timed, imports and compiles everything; then the default movie of one column is made, and timed.
Umap-learn's `fit` on the last snapshot is timed whole, and its `transform` on a few of the others, since all of them
would take too long; what the whole would take is extrapolated. Prints seconds, also those of the parts, peak memory and
ratios.
"""

from __future__ import annotations

import argparse
import itertools
import json
import resource
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
from arguments import parse
from evolution_drawing import FRAMES_AT_A_TIME, matplotlibs, ours, ring, speed

from autoencoder import DataConfig, ImageSet, RunConfig, TrainingConfig, load_images, train, visualize
from autoencoder.config import ModelConfig
from autoencoder.data.sources.arena import prepare_arena
from autoencoder.runs.folder import Run
from autoencoder.runs.snapshots import SnapshotWriter

COLUMN = "body_angle_deg"
UNITS = 16


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--snapshots", type=int, default=100)
    parser.add_argument("--images", type=int, default=8000)
    parser.add_argument("--pairs", type=int, default=3, help="snapshots that umap-learn transforms")
    parser.add_argument("--peer", action=argparse.BooleanOptionalAction, default=True, help="time the peers as well")
    args = parse(parser, snapshots=3, images=200, pairs=1)
    with tempfile.TemporaryDirectory() as temporary:
        run, codes = invented_run(Path(temporary), args.images, args.snapshots)
        visualize(run, color_by=[COLUMN], stop_index=4, out=Path(temporary) / "compiled")
        print(f"{args.snapshots} snapshots of {args.images:,} images, {UNITS} units")
        seconds = finished_movie(run, Path(temporary) / "out")
        if args.peer:
            peers(codes, seconds, args.snapshots, args.pairs)


def finished_movie(run: Path, out: Path) -> float:
    """Seconds from the snapshots to the finished movie; prints them, and those of the parts."""
    scored: list[float] = []

    def say(line: str) -> None:  # the scores are said when they are there, before anything is drawn
        scored.append(time.perf_counter())
        print(line)

    start, busy = time.perf_counter(), cpu_seconds()
    visualize(run, color_by=[COLUMN], out=out, say=say)
    end = time.perf_counter()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    projected = json.loads((out / "scores.json").read_text(encoding="utf-8"))["methods"][0]["seconds"]
    print(
        f"a finished movie after {end - start:.1f} s, {cpu_seconds() - busy:.1f} s of CPU; peak memory {peak:.2f} GB\n"
        f"parts: read and projected {projected:.1f} s, scored {scored[0] - start - projected:.1f} s, drawn and written "
        f"{end - scored[0]:.1f} s"
    )
    return end - start


def cpu_seconds() -> float:
    """Of this process and those that it waited for, which write the movie; user and system together."""
    return sum(
        used.ru_utime + used.ru_stime
        for used in (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    )


def invented_run(folder: Path, n_images: int, n_snapshots: int) -> tuple[Path, list[np.ndarray]]:
    """A run of one epoch whose snapshots are replaced; its folder and the codes of a few of them, the last one last."""
    images = load_images(prepare_arena(folder / "arena", n_images, seed=0, size=20).npz)
    training = TrainingConfig(
        epochs=1, batch_size=min(512, n_images // 2), snapshots_per_epoch=1, snapshot_samples="all"
    )
    config = RunConfig(DataConfig(str(images.source)), ModelConfig(latent_dim=UNITS), training=training)
    train(config, folder / "run", data=images)
    writer = SnapshotWriter(Run(folder / "run"))
    rng = np.random.default_rng(0)
    target, walk = meaning(images, rng), rng.normal(size=(n_images, UNITS)).astype(np.float32)
    kept = []
    for number in range(n_snapshots):
        share = 1 - np.exp(-5 * number / n_snapshots)
        walk += rng.normal(0, 0.1, walk.shape).astype(np.float32)
        codes = (share * target + (1 - share) * walk).astype(np.float32)
        writer.write(number, number / n_snapshots, codes)
        kept = [*kept[-3:], codes]
    return folder / "run", kept


def meaning(images: ImageSet, rng: np.random.Generator) -> np.ndarray:
    """Codes (n, UNITS) in which the direction and the position lie on a curved surface, with a little noise."""
    angle = np.radians(images.metadata.column(COLUMN).astype(float))
    distance = images.metadata.column("distance_from_center").astype(float)
    waves = [wave(k * angle) for k in (1, 2, 3) for wave in (np.cos, np.sin)]
    features = np.stack([*waves, distance / distance.std()], axis=1)
    return features @ rng.normal(0, 0.6, (features.shape[1], UNITS)) + rng.normal(0, 0.1, (len(features), UNITS))


def peers(codes: list[np.ndarray], seconds: float, n_snapshots: int, pairs: int) -> None:
    """What umap-learn and matplotlib take for the same."""
    import umap

    start = time.perf_counter()
    model = umap.UMAP(random_state=0, n_jobs=1).fit(codes[-1])
    fitted = time.perf_counter() - start
    model.transform(codes[0][:50])  # compiles
    transforms = []
    for snapshot in itertools.islice(itertools.cycle(codes[:-1]), pairs):
        start = time.perf_counter()
        model.transform(snapshot)
        transforms.append(time.perf_counter() - start)
    placed = statistics.median(transforms) * (n_snapshots - 1)
    print(f"umap-learn: fit {fitted:.1f} s, transform {statistics.median(transforms):.1f} s for each other snapshot")
    angle, embeddings = ring(len(codes[-1]), n_snapshots)
    draw, shape = ours(angle, embeddings)
    theirs = matplotlibs(angle, embeddings, shape)
    drawn: dict[str, list[float]] = {"ours": [], "matplotlib": []}
    moments = [number % n_snapshots for number in range(FRAMES_AT_A_TIME)]
    for _ in range(pairs):
        for name, function in (("ours", draw), ("matplotlib", theirs)):
            drawn[name].append(1 / speed(function, moments))
    ours_, theirs_ = (statistics.median(drawn[name]) for name in ("ours", "matplotlib"))
    print(
        f"a frame: {1000 * ours_:.0f} ms with everything beside the points, matplotlib {1000 * theirs_:.0f} ms without"
    )
    total = fitted + placed + theirs_ * n_snapshots
    print(f"the peers' whole, not scored and not written: {total:.0f} s, {total / seconds:.1f} times as long")


if __name__ == "__main__":
    main()
