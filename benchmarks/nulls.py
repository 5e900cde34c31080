"""False positives of the nulls, coverage of the intervals, and power, on codes and labels whose truth is known.

    python benchmarks/nulls.py [--draws 1000] [--only nulls|intervals|power|speed]

Codes are 16-D AR(1) noise that forgets over tau frames, and labels likewise, with nothing in common; both may also
drift along a straight line through each recording. Each draw goes the way of `compare`: its split is the one that
`train` chooses, and labels are moved in time, or exchanged between recordings. Where p < 0.05 is found more often than
in one draw of twenty, a table of p values means less than it says.

Cases in which a recording has fewer than 20 correlation times get no p; with `forced` they are given one all the same.
"""

from __future__ import annotations

import argparse
import dataclasses
import resource
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from arguments import parse
from scipy.signal import lfilter

from autoencoder.config import DataConfig
from autoencoder.data.images import ImageSet
from autoencoder.data.metadata import Metadata
from autoencoder.data.split import Split
from autoencoder.data.timescales import timeline_of, timescale_of
from autoencoder.evaluation.probing import Probing
from autoencoder.measures.intervals import log_ratio, stretches_of
from autoencoder.measures.nulls import ENOUGH_TIME
from autoencoder.measures.probes import PROBES, Fold, inner_folds
from autoencoder.measures.timeline import Timeline, away_from
from autoencoder.runs.data import resolve_split, split_of

UNITS, ENDLESS = 16, 3_000
SIGNIFICANT = 0.05


@dataclasses.dataclass(frozen=True)
class Case:
    """A simulated experiment.

    Attributes:
        frames: of all recordings.
        tau: correlation time of codes and labels, in frames.
        drift: standard deviation of the slope of each unit and label through a recording, against that of the noise.
        recordings: of equal length.
        kind: of the labels: linear, angle, or label.
        forced: p values although there is too little time for them.
    """

    frames: int
    tau: float
    drift: float = 0.0
    recordings: int = 1
    kind: str = "linear"
    forced: bool = False

    def __str__(self) -> str:
        words = [f"{self.frames:,} frames, tau {self.tau:g}, {self.kind}"]
        words += [f"drift {self.drift:g}"] if self.drift else []
        words += [f"{self.recordings} recordings"] if self.recordings > 1 else []
        return ", ".join([*words, *(["forced"] if self.forced else [])])


NULL_CASES = (
    Case(500, 10),
    Case(1_000, 10),
    Case(2_000, 30),
    Case(2_000, 30, kind="angle"),
    Case(2_000, 30, kind="label"),
    Case(2_000, 100),
    Case(8_000, 100),
    Case(20_000, 300),
    Case(2_000, 30, drift=1),
    Case(8_000, 100, drift=1),
    Case(3_000, 30, recordings=3),
    Case(4_000, 20, recordings=8),
    Case(4_000, 20, drift=1, recordings=8),
    Case(600, 60, forced=True),
    Case(2_000, 200, forced=True),
)

INTERVAL_CASES = (Case(4_000, 20), Case(8_000, 20), Case(8_000, 10))


def memory(rng: np.random.Generator, frames: int, columns: int, tau: float) -> np.ndarray:
    """Noise (frames, columns) of variance 1 whose autocorrelation falls by 1/e in `tau` frames."""
    keep, before = np.exp(-1 / tau), int(10 * tau)
    steps = rng.standard_normal((frames + before, columns))
    noise: np.ndarray = lfilter([np.sqrt(1 - keep**2)], [1, -keep], steps, axis=0)[before:]
    return noise


def recorded(rng: np.random.Generator, case: Case, columns: int) -> np.ndarray:
    """Noise of all recordings, one after the other, each with its drift."""
    each = case.frames // case.recordings
    slope = np.linspace(-np.sqrt(3), np.sqrt(3), each)[:, None]
    return np.concatenate(
        [
            memory(rng, each, columns, case.tau) + case.drift * slope * rng.standard_normal(columns)
            for _ in range(case.recordings)
        ]
    )


def labels_of(case: Case, values: np.ndarray) -> dict[str, np.ndarray]:
    """A column of the case's kind from noise (n, 2)."""
    if case.kind == "angle":
        return {"told_deg": np.degrees(np.arctan2(values[:, 1], values[:, 0])) % 360}
    return {"told": values[:, 0] if case.kind == "linear" else np.where(values[:, 0] > 0, "up", "down")}


def probing_of(case: Case, columns: dict[str, np.ndarray], seed: int = 0) -> Probing:
    """The questions that `compare` would ask of such a data set, split as `train` splits it."""
    each = case.frames // case.recordings
    n = each * case.recordings
    named = {"frame": np.tile(np.arange(each), case.recordings), **columns}
    if case.recordings > 1:
        named["recording"] = np.repeat([f"r{number}" for number in range(case.recordings)], each)
    metadata = Metadata(named)
    images = ImageSet(np.zeros((n, 1, 1, 1), np.uint8), 255.0, metadata, source=Path("simulated"))
    data = resolve_split(DataConfig("simulated.npz", split_seed=seed), images).data
    split = split_of(data, images)
    least = 0.0 if case.forced else ENOUGH_TIME
    return Probing(metadata, n, split.train, split.val, data.split, seed, list(columns), least_time=least)


def p_values(case: Case, draws: int, shared: float = 0.0, seed: int = 0) -> Iterator[tuple[float, float]]:
    """p of ridge and of neighbours in each draw that has some, with labels that share this part of their variance with
    one direction of the codes."""
    for draw in range(draws):
        rng = np.random.default_rng([seed, draw])
        codes, labels = recorded(rng, case, UNITS), recorded(rng, case, 2)
        labels = np.sqrt(1 - shared) * labels + np.sqrt(shared) * codes[:, :2]
        scores = probing_of(case, labels_of(case, labels), draw).ask(codes).scores
        chances = [score.by_chance for score in scores]
        if len(chances) == 2 and all(chance is not None for chance in chances):
            yield tuple(chance.p for chance in chances)


def intervals(case: Case, draws: int, shared: float = 0.4) -> Iterator[tuple[bool, bool, bool, bool]]:
    """Whether the interval of ridge, and of neighbours, holds the score on endless frames; and whether two codes that
    are equally good are told apart by ridge, and by neighbours."""
    timeline = Timeline(np.zeros(case.frames + ENDLESS, np.int64), np.arange(case.frames + ENDLESS))
    endless = np.arange(case.frames, case.frames + ENDLESS)
    for draw in range(draws):
        rng = np.random.default_rng([1, draw])
        direction = rng.standard_normal(UNITS) / np.sqrt(UNITS)
        hidden, *noises = (_and_endless(rng, case, UNITS) for _ in range(3))
        along = hidden @ direction / np.linalg.norm(direction)
        told = np.sqrt(shared) * along + np.sqrt(1 - shared) * _and_endless(rng, case, 1)[:, 0]
        split, tau = _split(case, told[: case.frames], draw)
        stretches = stretches_of(timeline, split.val, tau)
        rows = Fold(away_from(timeline, split.train, split.val, tau), np.concatenate([split.val, endless]))
        folds = inner_folds(timeline, rows.fit, tau, draw)
        n, mean, true = len(split.val), told[rows.fit].mean(), told[rows.score]
        covered, apart = [], []
        for kind in PROBES:
            errors = []
            for noise in noises:
                probe = kind(hidden + 0.7 * noise, rows, folds)
                predicted = probe.predict(told[probe.used][:, None, None])[:, 0, 0]
                errors.append(np.square(predicted - true))
            interval = log_ratio(errors[0][:n], np.square(true[:n] - mean), stretches)
            between = log_ratio(errors[0][:n], errors[1][:n], stretches)
            if interval is not None and between is not None:
                truth = np.log(errors[0][n:].sum() / np.square(true[n:] - mean).sum())
                covered.append(interval.low <= truth <= interval.high)
                apart.append(between.p < SIGNIFICANT)
        if len(covered) == len(PROBES):
            yield (*covered, *apart)


def _and_endless(rng: np.random.Generator, case: Case, columns: int) -> np.ndarray:
    """The case's noise, and then frames that have nothing to do with each other, which stand for endless ones."""
    return np.concatenate([memory(rng, case.frames, columns, case.tau), rng.standard_normal((ENDLESS, columns))])


def _split(case: Case, told: np.ndarray, seed: int) -> tuple[Split, float]:
    metadata = Metadata({"frame": np.arange(case.frames), "told": told})
    images = ImageSet(np.zeros((case.frames, 1, 1, 1), np.uint8), 255.0, metadata, source=Path("simulated"))
    data = resolve_split(DataConfig("simulated.npz", split_seed=seed), images).data
    tau = timescale_of(metadata, "told", timeline_of(metadata, case.frames)).tau
    return split_of(data, images), tau


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--draws", type=int, default=1_000)
    parser.add_argument("--only", choices=("nulls", "intervals", "power", "speed"))
    parser.add_argument("--images", type=int, nargs="+", default=[8_000, 54_000], help="of the timed data sets")
    args = parse(parser, draws=3, images=[500])
    parts = {"nulls": _nulls, "intervals": _intervals, "power": _power, "speed": _speed}
    for name, part in parts.items():
        if args.only in (None, name):
            part(args)


def _nulls(args: argparse.Namespace) -> None:
    print(f"false positives at p < {SIGNIFICANT}, ridge / neighbours")
    for case in NULL_CASES[:2] if args.quick else NULL_CASES:
        _print_share(case, np.array(list(p_values(case, args.draws))) < SIGNIFICANT, args.draws)


def _intervals(args: argparse.Namespace) -> None:
    print("95 % intervals that hold the truth, ridge / neighbours; equal codes told apart, ridge / neighbours")
    for case in INTERVAL_CASES[:1] if args.quick else INTERVAL_CASES:
        _print_share(case, np.array(list(intervals(case, max(3, args.draws // 3)))), max(3, args.draws // 3))


def _power(args: argparse.Namespace) -> None:
    print(f"p < {SIGNIFICANT} where labels share a part of their variance with the codes, ridge / neighbours")
    for shared in (0.1, 0.2, 0.37):
        found = np.array(list(p_values(Case(2_000, 30), max(3, args.draws // 5), shared))) < SIGNIFICANT
        _print_share(f"{Case(2_000, 30)}, R2 {shared}", found, max(3, args.draws // 5))


def _print_share(name: object, found: np.ndarray, draws: int) -> None:
    shares = " / ".join(f"{100 * share:.1f} %" for share in found.mean(axis=0)) if len(found) else "none"
    print(f"{name}: {shares} of {len(found):,} (of {draws:,} draws)", flush=True)


def _speed(args: argparse.Namespace) -> None:
    """Eight columns, 16 units, with both probes, nulls and intervals."""
    for n in args.images:
        rng, case = np.random.default_rng(0), Case(n, 20)
        columns = {f"column_{i}": memory(rng, n, 1, 20)[:, 0] for i in range(5)}
        columns |= {f"angle_{i}_deg": np.degrees(np.cumsum(memory(rng, n, 1, 5)[:, 0] / 5)) % 360 for i in range(2)}
        columns["label"] = np.array(list("abcdef"))[np.digitize(columns["column_0"], [-1, -0.5, 0, 0.5, 1])]
        codes = memory(rng, n, UNITS, 20)
        started = time.perf_counter()
        scores = probing_of(case, columns).ask(codes).scores
        seconds = time.perf_counter() - started
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
        print(f"{n:,} images, {len(columns)} columns, {len(scores)} scores: {seconds:.1f} s, peak memory {peak:.2f} GB")


if __name__ == "__main__":
    main()
