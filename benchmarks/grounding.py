"""Do the measures of similarity see what is known of representations by design?

    python benchmarks/grounding.py [--images 4000] [--epochs 10] [--seeds 4] [--study FOLDER]

Networks whose similarity is known beforehand, as in ReSi (Klabunde et al., ICLR 2025): those trained on more and more
shuffled targets go further and further from those trained on the right ones; networks of one objective are nearer to
each other than to those of another; and snapshots of a run come nearer to its last one, each being nearest to its
neighbours in time.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
from arguments import parse
from scipy.stats import spearmanr
from sklearn.metrics import average_precision_score

from autoencoder.config import DataConfig
from autoencoder.config.presets import NO_PRESET
from autoencoder.data.sources.arena import prepare_arena
from autoencoder.runs.opened import Shelf
from autoencoder.study.designs.design import base_of, crossed, parse_vary
from autoencoder.study.table import Row
from autoencoder.workflows.study.results import Study, open_study
from autoencoder.workflows.study.study import measure_study, train_study

MEASURES = ("procrustes", "procrustes_whitened", "cka", "knn_jaccard")
ALIKE = ("cka", "knn_jaccard")
"""Measures whose larger values are more alike."""

SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for flag, default in (("--images", 4000), ("--size", 50), ("--epochs", 10), ("--seeds", 4), ("--jobs", 2)):
        parser.add_argument(flag, type=int, default=default)
    parser.add_argument("--study", type=Path, help="a finished study of objectives, which is not trained again then")
    args = parse(parser, images=200, size=16, epochs=1, seeds=2, jobs=1)
    with tempfile.TemporaryDirectory() as folder:
        data = prepare_arena(Path(folder) / "arena", args.images, size=args.size).npz
        shares = ",".join(f"{share:g}" for share in SHARES)
        graded = study_of(args, data, f"shuffle_share={shares}", objective="angle", shuffle_targets=True)
        print_shares(graded)
        if args.study is None:
            objectives = study_of(args, data, "objective=reconstruct,angle,mask")
        else:
            objectives = open_study(args.study)
        print_objectives(objectives)
        print_time(objectives)


def study_of(args: argparse.Namespace, data: Path, vary: str, **given: object) -> Study:
    images = Shelf().images(DataConfig(str(data)))
    base = base_of(str(data), NO_PRESET, {"epochs": args.epochs, **given})
    design = crossed(base, parse_vary([vary]), range(args.seeds), images)
    folder = data.parent / vary.partition("=")[0]
    train_study(design, images, str(data), folder, jobs=args.jobs)
    return measure_study(folder, only=("similarity",))[0]


def at_the_end(study: Study, measure: str) -> list[Row]:
    """Pairs of runs of the design at their last snapshots."""
    runs = {run["name"]: run for run in study.statistics["similarity"]["runs"] if run["control"] is None}
    return [
        row | {"settings": (runs[row["run"]]["setting"], runs[row["other_run"]]["setting"])}
        for row in study.table.select(measure=measure)
        if row["run"] != row["other_run"]
        and {row["run"], row["other_run"]} <= runs.keys()
        and row["step"] == runs[row["run"]]["step"]
        and row["other_step"] == runs[row["other_run"]]["step"]
    ]


def print_shares(study: Study) -> None:
    print("Mean over pairs with a network trained on the right targets, by share of shuffled ones:")
    names = [f"{share:g}" for share in SHARES]
    for measure in MEASURES:
        means = []
        for name in names:
            pairs = [row for row in at_the_end(study, measure) if set(row["settings"]) == {"0", name}]
            means.append(float(np.mean([row["value"] for row in pairs])))
        rank = spearmanr(SHARES, means).statistic * (-1 if measure in ALIKE else 1)
        print(f"  {measure:22s}{'  '.join(f'{mean:7.3g}' for mean in means)}   Spearman of the distance {rank:.2f}")


def print_objectives(study: Study) -> None:
    print("Networks of one objective against those of others: area under precision and recall")
    for measure in MEASURES:
        rows = at_the_end(study, measure)
        same = [row["settings"][0] == row["settings"][1] for row in rows]
        likeness = [row["value"] * (1 if measure in ALIKE else -1) for row in rows]
        print(f"  {measure:22s}{average_precision_score(same, likeness):.3f} ({sum(same)} of {len(same)} pairs)")


def print_time(study: Study) -> None:
    print("Snapshots of one run: Spearman of number and distance to the last; nearest is a neighbour in time")
    for measure in MEASURES:
        ranks, neighbours = [], []
        for run in dict.fromkeys(row["run"] for row in study.table.select(measure=measure)):
            distances, steps = within(study, measure, run)
            if len(steps) < 3:
                continue
            ranks.append(spearmanr(np.arange(len(steps) - 1), distances[:-1, -1]).statistic)
            away = distances + np.diag(np.full(len(steps), np.inf))
            neighbours += [abs(int(away[i].argmin()) - i) == 1 for i in range(1, len(steps))]
        near = f"{100 * np.mean(neighbours):.1f} % of {len(neighbours)} snapshots"
        print(f"  {measure:22s}at most {max(ranks):.2f} in {len(ranks)} runs; {near}")


def within(study: Study, measure: str, run: str) -> tuple[np.ndarray, list[int]]:
    """Distances (t, t) between a run's snapshots, and their steps."""
    rows = study.table.select(measure=measure, run=run, other_run=run)
    steps = sorted({row[name] for row in rows for name in ("step", "other_step")})
    distances = np.zeros((len(steps), len(steps)))
    for row in rows:
        i, j = steps.index(row["step"]), steps.index(row["other_step"])
        distances[i, j] = distances[j, i] = -row["value"] if measure in ALIKE else row["value"]
    if measure in ALIKE:
        distances -= distances.min()
    return distances, steps


if __name__ == "__main__":
    main()
