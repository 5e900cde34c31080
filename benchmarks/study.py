"""Measuring a population of representations: seconds and memory, beside a plain loop over pairs.

    python benchmarks/study.py [--runs 24] [--snapshots 20] [--images 1600] [--units 16]

Codes are made up: each run's is a smooth path from random numbers to its setting's own mixture of slow signals, with
columns that these signals drive, so that there are rings, tau and onsets to be found. What is timed is everything that
`study report` measures of snapshots, reading them included, and beyond that the similarities of all pairs of all
snapshots. The peer is numpy's own way to write these: a loop over pairs with one SVD, one CKA and one overlap of
neighbours each.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from pathlib import Path

import numpy as np
from arguments import parse
from scipy.signal import lfilter

from autoencoder.data.images import ImageSet
from autoencoder.data.metadata import Metadata
from autoencoder.measures.similarity import similarities
from autoencoder.runs.snapshots import Snapshot
from autoencoder.study.measured.measure import MEASURES, measure
from autoencoder.study.population import Moment, Population, Source

SETTINGS = ("reconstruct", "angle", "mask")
TAU, TRAINED_ON = 15.0, 2
"""Frames that signals last, and images that were trained on for each held-out one."""

OF_NETWORKS = ("robustness", "quality", "convergence", "units")

MEASURED = tuple(name for name in MEASURES if name not in OF_NETWORKS)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for flag, default in (("--runs", 24), ("--snapshots", 20), ("--images", 1600), ("--units", 16), ("--pairs", 300)):
        parser.add_argument(flag, type=int, default=default)
    args = parse(parser, runs=6, snapshots=3, images=200, units=4, pairs=4)
    with tempfile.TemporaryDirectory() as folder:
        population = made_up(args.runs, args.snapshots, args.images, args.units, Path(folder))
        began = time.perf_counter()
        measured = measure(population, MEASURED)
        seconds = time.perf_counter() - began
        test = measured.statistics["similarity"]["measures"]["procrustes"]["test"]
        print(f"{args.runs} runs x {args.snapshots} snapshots x {args.images} held-out images x {args.units} units")
        print(f"all measures: {seconds:.1f} s, {len(measured.table.rows):,} numbers, p = {test['p']:.2g}")
        for name in MEASURED:
            began = time.perf_counter()
            measure(population, (name,))
            print(f"  {name}: {time.perf_counter() - began:.1f} s")
        compare_with_loop(population, args.pairs)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"peak memory: {peak:.2f} GB")


def compare_with_loop(population: Population, n_pairs: int) -> None:
    """All pairs of all snapshots at once, against a loop over some pairs."""
    codes = [population.codes(source, moment) for source in population.sources for moment in source.moments]
    measures = similarities(population.timeline, 3 * TAU)
    n = len(codes) * (len(codes) - 1) // 2
    began = time.perf_counter()
    values = [one.pairwise(codes) for one in measures]
    ours = time.perf_counter() - began
    some = np.random.default_rng(0).integers(0, len(codes), (n_pairs, 2))
    near = {i: near_each_other(codes[i]) for i in np.unique(some)}
    began = time.perf_counter()
    plain = [loop_over(codes[i], codes[j], near[i], near[j]) for i, j in some]
    loop = (time.perf_counter() - began) * n / n_pairs
    apart = max(abs(values[0][i, j] - angle) for (i, j), (angle, _, _) in zip(some, plain, strict=True) if i != j)
    print(
        f"all {n:,} pairs by {len(measures)} measures: {ours:.1f} s; a plain loop with three of them would take "
        f"{loop:.0f} s (by {n_pairs} pairs): {loop / ours:.0f} times as long; angles differ by {apart:.0e} degrees"
    )


def near_each_other(code: np.ndarray) -> np.ndarray:
    """(n, n) whether a row is one of the 10 nearest of another."""
    squares = np.square(code).sum(axis=1)
    distances = squares[:, None] - 2 * code @ code.T + squares
    np.fill_diagonal(distances, np.inf)
    near = np.zeros(distances.shape, bool)
    np.put_along_axis(near, np.argpartition(distances, 10, axis=1)[:, :10], True, axis=1)
    return near


def loop_over(
    one: np.ndarray, other: np.ndarray, near: np.ndarray, near_other: np.ndarray
) -> tuple[float, float, float]:
    """Procrustes angle, linear CKA and overlap of 10 neighbours of two codes, as one would write them."""
    x, y = (code - code.mean(axis=0, dtype=np.float64) for code in (one, other))
    x, y = x / np.linalg.norm(x), y / np.linalg.norm(y)
    angle = np.degrees(np.arccos(np.clip(np.linalg.svd(x.T @ y, compute_uv=False).sum(), 0, 1)))
    cka = np.square(x.T @ y).sum() / np.sqrt(np.square(x.T @ x).sum() * np.square(y.T @ y).sum())
    overlap = np.mean((near & near_other).sum(axis=1) / (near | near_other).sum(axis=1))
    return float(angle), float(cka), float(overlap)


def made_up(n_runs: int, n_snapshots: int, n_held_out: int, units: int, folder: Path) -> Population:
    """Runs whose codes turn from noise to what their setting represents; snapshots are files of `folder`."""
    generator = np.random.default_rng(0)
    n = n_held_out * (1 + TRAINED_ON)
    keep = np.exp(-1 / TAU)
    slow = lfilter([np.sqrt(1 - keep**2)], [1, -keep], generator.normal(size=(n + 500, 6)), axis=0)[500:]
    heading = np.cumsum(generator.normal(0, 0.4, n))
    signals = np.column_stack([np.cos(heading), np.sin(heading), slow[:, :4]])
    columns = {"frame": np.arange(n), "heading_deg": np.degrees(heading) % 360} | {
        f"q{i}": slow[:, i] + generator.normal(0, 0.3, n) for i in range(6)
    }
    images = ImageSet(np.zeros((n, 1, 2, 2), np.uint8), 255, Metadata(columns))
    per_setting = n_runs // len(SETTINGS)
    shown = {"reconstruct": [0, 1, 2, 3, 4, 5], "angle": [0, 1], "mask": [0, 1, 2]}
    sources = []
    for setting in SETTINGS:
        mixing = np.random.default_rng(len(setting)).normal(size=(len(shown[setting]), units))
        for seed in range(per_setting):
            own = np.random.default_rng(seed)  # first weights, the same under every setting
            start = np.tanh(signals @ own.normal(size=(6, units)))
            end = signals[:, shown[setting]] @ (mixing + 0.5 * generator.normal(size=mixing.shape))
            end += generator.normal(0, 0.2, (n, units))
            snapshots = {}
            for i in range(n_snapshots):
                step, way = int(2**i / 2), i / (n_snapshots - 1)
                file = folder / f"{setting}-{seed}-{i}.npy"
                np.save(file, ((1 - way) * start + way * end).astype(np.float32))
                snapshots[Moment(step, step / 100)] = Snapshot(step, step / 100, file)
            sources.append(Source(f"{setting}-{seed}", {"objective": setting}, seed, snapshots=snapshots))
    blocks = np.arange(n) // round(5 * TAU)
    held_out = np.flatnonzero(np.isin(blocks, generator.permutation(blocks.max() + 1)[: round(blocks.max() / 3)]))
    train = np.setdiff1d(np.arange(n), held_out)
    return Population(tuple(sources), {"objective": SETTINGS}, images, np.arange(n), "blocks", 0, train, held_out)


if __name__ == "__main__":
    main()
