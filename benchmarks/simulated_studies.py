"""False positives, power and intervals of a study's statistics, on simulated studies whose truth is known.

    python benchmarks/simulated_studies.py [--draws 1000] [--only effects|factors|moments|intervals]

Runs are points in 8-D: what the first weights of their seed give them, which runs of one seed share, and noise of their
own, of the same or another size under each setting. Unless there is an effect, settings only differ in that size. Each
study is tested as one with real runs is. So many relabellings being all that there are, p can't fall below 0.05 in just
one study of twenty, but in the next smaller share that they allow, which stands beside what was found.
"""

from __future__ import annotations

import argparse
import dataclasses
import math
from collections.abc import Iterator

import numpy as np
from arguments import parse

from autoencoder.study.paired import mean_interval, paired_differences
from autoencoder.study.permanova import Effect, Relabellings, effect_of, main_effects, permanova, relabellings

UNITS = 8
NAME = 60
"""Width of a case's name."""

SIGNIFICANT = 0.05
MOMENTS = 20
KEPT = 0.9
"""Of the noise of one moment, at the next."""

FREE = 1_000
"""Relabellings that ignore seeds."""


@dataclasses.dataclass(frozen=True)
class Case:
    """A study of one factor.

    Attributes:
        settings, seeds: how many.
        shared: standard deviation, in each unit, of what runs of one seed share.
        spreads: of the noise of each setting's runs; 1 where none are given.
        effect: how far the mean of each setting is from that of all seeds, in a direction of its own; it grows over
            moments from 0.
        missing: runs that failed, of the first settings, each of another seed and setting; no more than settings.
    """

    settings: int
    seeds: int
    shared: float = 1.0
    spreads: tuple[float, ...] = ()
    effect: float = 0.0
    missing: int = 0

    def __str__(self) -> str:
        words = [f"{self.settings} settings x {self.seeds} seeds, shared {self.shared:g}"]
        words += [f"spreads {':'.join(f'{spread:g}' for spread in self.spreads)}"] if self.spreads else []
        words += [f"effect {self.effect:g}"] if self.effect else []
        return ", ".join([*words, *([f"{self.missing} runs missing"] if self.missing else [])])


@dataclasses.dataclass(frozen=True, eq=False)
class Study:
    """Its runs.

    Attributes:
        points: (T, N, UNITS) what each of them represents at each moment.
        labels: (N,) setting of each.
        blocks: (N,) seed of each.
    """

    points: np.ndarray
    labels: np.ndarray
    blocks: np.ndarray

    @property
    def distances(self) -> np.ndarray:
        """(T, N, N) Euclidean."""
        distances: np.ndarray = np.linalg.norm(self.points[:, :, None] - self.points[:, None], axis=-1)
        return distances


EFFECT_CASES = (
    Case(2, 6),
    Case(2, 8),
    Case(3, 3),
    Case(3, 4),
    Case(3, 4, shared=0),
    Case(3, 4, shared=3),
    Case(3, 4, missing=2),
    Case(3, 6),
    Case(3, 8),
    Case(4, 3),
    Case(2, 8, spreads=(1, 4)),
    Case(3, 4, spreads=(1, 1, 2)),
    Case(3, 4, spreads=(1, 1, 4)),
    Case(3, 8, spreads=(1, 1, 4)),
    Case(3, 4, spreads=(4, 1, 1), missing=1),
    Case(3, 4, effect=1),
    Case(3, 4, effect=2),
    Case(3, 8, effect=1),
)

INTERVAL_CASES = (Case(2, 3), Case(3, 4), Case(3, 8), Case(3, 8, spreads=(1, 1, 4)), Case(3, 8, missing=2))


def simulated_study(case: Case, rng: np.random.Generator, moments: int = 1) -> Study:
    """One study; at a single moment the effect is there in full."""
    shape = (moments, case.settings, case.seeds, UNITS)
    noise = rng.standard_normal(shape)
    for moment in range(1, moments):
        noise[moment] = KEPT * noise[moment - 1] + math.sqrt(1 - KEPT**2) * noise[moment]
    own = noise * np.reshape(case.spreads or (1.0,) * case.settings, (-1, 1, 1))
    shared = case.shared * rng.standard_normal((case.seeds, UNITS))
    growth = np.linspace(0, 1, moments) if moments > 1 else np.ones(1)
    effect = case.effect * growth[:, None, None, None] * np.eye(case.settings, UNITS)[:, None]
    labels = np.repeat(np.arange(case.settings), case.seeds)
    blocks = np.tile(np.arange(case.seeds), case.settings)
    there = (labels != blocks) | (labels >= case.missing)
    points = (own + shared + effect).reshape(moments, -1, UNITS)
    return Study(points[:, there], labels[there], blocks[there])


def unrestricted(labels: np.ndarray) -> Relabellings:
    """Labels exchanged between any two runs, as they would be if seeds were ignored."""
    rng = np.random.default_rng(0)
    return Relabellings(np.stack([labels, *(rng.permutation(labels) for _ in range(FREE - 1))]), False)


def effects(case: Case, draws: int, free: bool = False, seed: int = 0) -> Effect:
    """The effect in each draw, in the place of a moment; with `free`, against labels exchanged between all runs."""
    studies = [simulated_study(case, np.random.default_rng([seed, draw])) for draw in range(draws)]
    one, distances = studies[0], np.concatenate([study.distances for study in studies])
    return effect_of(distances, unrestricted(one.labels) if free else relabellings(one.labels, one.blocks, seed))


def two_factors(draws: int, levels: tuple[int, int] = (2, 3), seeds: int = 4, works: int = 1) -> tuple[Effect, ...]:
    """Main effects in each draw of a design of two factors of which only one, number `works`, does something."""
    labels = np.array([(a, b) for a in range(levels[0]) for b in range(levels[1]) for _ in range(seeds)])
    blocks, points = np.tile(np.arange(seeds), levels[0] * levels[1]), []
    for draw in range(draws):
        rng = np.random.default_rng([2, draw])
        shared, own = rng.standard_normal((seeds, UNITS)), rng.standard_normal((len(labels), UNITS))
        points.append(shared[blocks] + own + 2 * np.eye(levels[works], UNITS)[labels[:, works]])
    return main_effects(Study(np.array(points), labels, blocks).distances, labels, blocks, 0)


def over_moments(case: Case, draws: int, moments: int = MOMENTS) -> Iterator[tuple[bool, bool]]:
    """Whether any moment has p < 0.05, by itself, and among all moments."""
    for draw in range(draws):
        study = simulated_study(case, np.random.default_rng([3, draw]), moments)
        found = permanova(study.distances, study.labels, study.blocks, 0)
        yield bool((found.p < SIGNIFICANT).any()), bool((found.p_over_moments < SIGNIFICANT).any())


def intervals(case: Case, draws: int) -> tuple[np.ndarray, np.ndarray]:
    """Whether intervals hold the truth, 0: those of each setting's mean (draws, K), and of differences (draws, pairs).

    Values are those of the points in their first unit; where a run is missing, so is its value.
    """
    means, differences = [], []
    for draw in range(draws):
        study = simulated_study(case, np.random.default_rng([4, draw]))
        values = np.full((case.settings, case.seeds), np.nan)
        values[study.labels, study.blocks] = study.points[0, :, 0]
        found = [mean_interval(row) for row in values], [pair.over_seeds for pair in paired_differences(values)]
        for into, intervals_of in zip((means, differences), found, strict=True):
            into.append([one.low is not None and one.low <= 0 <= one.high for one in intervals_of])
    return np.array(means), np.array(differences)


def expected(found: Effect) -> float:
    """How often p < 0.05 is found where settings change nothing."""
    return (math.ceil(SIGNIFICANT * found.relabellings) - 1) / found.relabellings


def standard_error(share: float, draws: int) -> float:
    """Of a share of so many draws."""
    return math.sqrt(share * (1 - share) / draws)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--draws", type=int, default=1_000)
    parser.add_argument("--only", choices=("effects", "factors", "moments", "intervals"))
    args = parse(parser, draws=5)
    parts = {"effects": _effects, "factors": _factors, "moments": _moments, "intervals": _intervals}
    for name, part in parts.items():
        if args.only in (None, name):
            part(args)


def _effects(args: argparse.Namespace) -> None:
    print(f"p < {SIGNIFICANT}, in % of {args.draws:,} studies; R2, omega2 and R2 by chance are means")
    print(f"{'':{NAME}} relabellings  least p  expected        found  ignoring seeds     R2  omega2  by chance")
    for case in EFFECT_CASES[:4] if args.quick else EFFECT_CASES:
        found, free = effects(case, args.draws), effects(case, args.draws, free=True)
        size = f"{found.r2.mean():5.3f}  {found.omega2.mean():6.3f}  {found.r2_by_chance.mean():9.3f}"
        ignoring = f"{100 * (free.p < SIGNIFICANT).mean():14.1f}"
        print(f"{case!s:{NAME}} {_found(found, args.draws)}  {ignoring}  {size}", flush=True)


def _factors(args: argparse.Namespace) -> None:
    print(f"p < {SIGNIFICANT} of each factor of 2 x 3 settings with 4 seeds, only one of which works")
    for works in (0, 1):
        for factor, found in enumerate(two_factors(args.draws, works=works)):
            name = f"factor of {(2, 3)[factor]} levels, which {'works' if factor == works else 'does not'}"
            print(f"{name:{NAME}} {_found(found, args.draws)}", flush=True)


def _found(found: Effect, draws: int) -> str:
    share, below = expected(found), (found.p < SIGNIFICANT).mean()
    shares = f"{100 * share:4.1f} +- {100 * standard_error(share, draws):3.1f}  {100 * below:8.1f}"
    return f"{found.relabellings:>12,}  {found.least_p:7.4f}  {shares}"


def _moments(args: argparse.Namespace) -> None:
    print(f"studies in % with p < {SIGNIFICANT} at any of {MOMENTS} moments: each by itself / among all of them")
    for case in (Case(3, 4), Case(3, 4, effect=2)):
        shares = np.array(list(over_moments(case, args.draws))).mean(axis=0)
        print(f"{case!s:{NAME}} {100 * shares[0]:.1f} / {100 * shares[1]:.1f}", flush=True)


def _intervals(args: argparse.Namespace) -> None:
    print("95 % intervals that hold the truth, in %: of means over seeds / of differences within seeds")
    for case in INTERVAL_CASES[:2] if args.quick else INTERVAL_CASES:
        means, differences = intervals(case, args.draws)
        print(f"{case!s:{NAME}} {100 * means.mean():.1f} / {100 * differences.mean():.1f}", flush=True)


if __name__ == "__main__":
    main()
