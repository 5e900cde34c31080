"""Candidates for the default network beside today's: PSNR by region, over seeds, on all that a default has to serve.

    python benchmarks/candidates.py [--candidate encoder=strided,optimizer=adam,batch_size=32,augment=flip] ...
                                    [--mnist FOLDER] [--mouse FILE.npz] [--seeds 3] [--epochs N] [--arena-seed 1]

Each candidate is today's default with some settings changed; several in `augment` are joined by `+`. Data are an arena
and one of another make (choose candidates on other seeds than these), with `--mnist` the digits, with noise, and with
`--mouse` a video that was prepared. On the arena they also learn with other numbers of units, and other objectives. On
a GPU as many runs as it holds are trained together: 3 seeds of two candidates take about 4 minutes on one of 2024.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import statistics
import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from arguments import parse
from quality import MNIST_EPOCHS, SEEN, Case, prepare_case, result_of, tested_sets

from autoencoder import ModelConfig, RunConfig, TrainingConfig, UserError, evaluate, load_images
from autoencoder.cli.reporting import print_table
from autoencoder.config.presets import NO_PRESET, configure
from autoencoder.config.settings import setting_types
from autoencoder.errors import raise_if_any, unknown
from autoencoder.runs.opened import open_run
from autoencoder.study.designs.design import Member, value_of
from autoencoder.study.training import AUTO, train_members

TODAY = "today's default"

OTHER_OBJECTIVES: Mapping[str, tuple[dict[str, Any], ...]] = {
    "arena": ({"objective": "angle"}, {"objective": "mask"}),
    "mnist": ({"objective": "classify"},),
}

Settings = Mapping[str, Any]


@dataclass(frozen=True)
class Trial:
    """Runs that differ in the candidate and the seed.

    Attributes:
        title: what they have in common.
        settings: that all have.
    """

    title: str
    settings: Settings


@dataclass(frozen=True)
class Trained:
    """A run that is to be measured.

    Attributes:
        folder: of the run.
        case: what it is tested on.
        data: name of the data.
    """

    folder: Path
    case: Case
    data: str


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--candidate", action="append", type=_candidate, default=[], metavar="NAME=VALUE,...")
    parser.add_argument("--mnist", type=Path, metavar="FOLDER", help="with MNIST's four files")
    parser.add_argument("--mouse", type=Path, metavar="FILE", help="a video that was prepared, .npz")
    parser.add_argument("--images", type=int, default=8000, help="of an arena")
    parser.add_argument("--arena-seed", type=int, default=1, help="of the arenas (default: 1)")
    parser.add_argument("--units", type=int, nargs="*", default=[4, 8, 32], help="other latent sizes, on the arena")
    parser.add_argument("--epochs", type=int, help="default: those of train, and fewer for MNIST")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1, help="that measure")
    quick = [_candidate("optimizer=muon,batch_size=16,augment=flip+light")]
    args = parse(parser, images=40, epochs=1, seeds=1, processes=1, candidate=quick, units=[4])
    candidates = {TODAY: {}, **{_title(given): given for given in args.candidate}}
    sources = {"arena": None, "other": None, "mnist": args.mnist, "mouse": args.mouse}
    with tempfile.TemporaryDirectory() as temporary:
        for name, path in sources.items():
            if path is not None or name in ("arena", "other"):
                folder = Path(temporary) / name
                folder.mkdir()
                options = {"data": name, "path": path, "images": args.images, "arena_seed": args.arena_seed}
                case = prepare_case(argparse.Namespace(**options, quick=args.quick), folder)
                _compare(name, case, candidates, args, folder)


def _candidate(text: str) -> Settings:
    """Settings as they are written, such as `encoder=narrow,batch_size=64,augment=flip+light`."""
    texts = {name: value for name, _, value in (part.partition("=") for part in text.split(","))}
    try:
        raise_if_any(unknown("setting", list(texts), setting_types()))
        given = {
            name: tuple(value.split("+")) if name == "augment" else value_of(name, value)
            for name, value in texts.items()
        }
        configure(NO_PRESET, {"images": "any", **given})
    except (UserError, ValueError) as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return given


def _title(given: Settings) -> str:
    return ", ".join("+".join(value) if isinstance(value, tuple) else str(value) for value in given.values())


def _compare(name: str, case: Case, candidates: Mapping[str, Settings], args: argparse.Namespace, folder: Path) -> None:
    """Train all trials of a data set, measure them, and print a table for each trial."""
    trials = _trials(name, args.units)
    seeds = range(TrainingConfig().seed, TrainingConfig().seed + args.seeds)
    members = {
        (trial.title, candidate, seed): Member(
            f"{i}-{j}-{seed}", {}, seed, _config(name, case, {**trial.settings, **given, "seed": seed}, args.epochs)
        )
        for i, trial in enumerate(trials)
        for j, (candidate, given) in enumerate(candidates.items())
        for seed in seeds
    }
    failed = train_members(
        list(members.values()), folder, finish=_leave, images=load_images(case.training), together=AUTO
    )
    if failed:
        raise SystemExit("; ".join(f"{run}: {why}" for run, why in failed.items()))
    trained = [Trained(folder / member.name, case, name) for member in members.values()]
    found = dict(zip(members, _all_measured(trained, args.processes), strict=True))
    for trial in trials:
        by_candidate = {candidate: [found[trial.title, candidate, seed] for seed in seeds] for candidate in candidates}
        _print(f"{name}: {trial.title}", by_candidate)


def _trials(name: str, latent_dims: Sequence[int]) -> list[Trial]:
    trials = [Trial("reconstruct", {})]
    if name in ("arena", "other"):
        trials.append(Trial("a decoder on PCA codes", {"fitted": "pca"}))
    if name == "arena":
        trials += [Trial(f"reconstruct, {units} units", {"latent_dim": units}) for units in latent_dims]
    return trials + [Trial(str(given["objective"]), given) for given in OTHER_OBJECTIVES.get(name, ())]


def _config(name: str, case: Case, given: Settings, epochs: int | None) -> RunConfig:
    """Of a run; nothing is kept of it but its last network."""
    settings = {key: value for key, value in given.items() if key != "fitted"}
    if "fitted" in given:  # the candidate's own decoder stands behind it
        settings |= {"encoder": given["fitted"], "decoder": given.get("encoder", ModelConfig().encoder)}
    if settings.get("objective", "reconstruct") == "reconstruct":
        settings["noise"] = case.noise
    else:
        settings.pop("augment", None)  # other objectives may not allow it
    default = MNIST_EPOCHS if name == "mnist" else TrainingConfig().epochs
    settings |= {"epochs": epochs or default, "val_interval": 10**6, "snapshots_per_epoch": 0, "checkpoint_interval": 0}
    settings |= {"images": str(case.training), "split": "auto" if name == "mouse" else "random"}
    return configure(NO_PRESET, settings)[0]


def _leave(folder: Path, config: RunConfig) -> None:
    """Nothing more is done to a run that is finished."""


def _all_measured(trained: Sequence[Trained], processes: int) -> list[dict[str, float]]:
    if processes == 1:
        return [_measured(one) for one in trained]
    without_gpu = partial(os.environ.update, CUDA_VISIBLE_DEVICES="")  # a context for each would fill its memory
    with ProcessPoolExecutor(processes, multiprocessing.get_context("spawn"), without_gpu) as pool:
        return list(pool.map(_measured, trained))


def _measured(trained: Trained) -> dict[str, float]:
    """Numbers of a run by what they are: PSNR in dB, or the mean error in the unit of another objective."""
    run = open_run(trained.folder)
    seconds = float(run.metrics()[-1]["seconds"])
    if run.config().objective.name != "reconstruct":
        return {"mean error": float(np.mean(evaluate(run).result.errors)), "seconds": seconds}
    sets = tested_sets(trained.case, run, trained.data)
    _, tested = next((item for item in sets.items() if item[0] == SEEN), next(iter(sets.items())))
    result = result_of(trained.case, run, tested)
    return {
        "all": result.output_quality.pooled_psnr_db,
        **{region.name: region.output_psnr_db for region in result.regions},
        "over PCA": result.closer_than_pca_db,
        "seconds": seconds,
    }


def _print(title: str, found: Mapping[str, Sequence[Mapping[str, float]]]) -> None:
    """A row for each candidate: means over seeds, with the lowest and the highest."""
    columns = list(next(iter(found.values()))[0])
    rows = []
    for candidate, runs in found.items():
        values = [[run[column] for run in runs] for column in columns]
        rows.append([candidate, *(f"{statistics.fmean(v):.2f} ({min(v):.2f} to {max(v):.2f})" for v in values)])
    print_table(title, ["", *columns], rows)


if __name__ == "__main__":
    main()
