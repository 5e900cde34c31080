"""Score networks on what each has not seen, and read a condition from their codes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from autoencoder.data.batches import Pixels
from autoencoder.data.images import ImageSet
from autoencoder.errors import UserError, first_few
from autoencoder.evaluation.evaluate import evaluate
from autoencoder.machine.progress import Progress
from autoencoder.objectives.base import Score, make_objective
from autoencoder.runs.opened import OpenedRun, Shelf, open_run
from autoencoder.runs.snapshots import encode_rows
from autoencoder.study.designs.design import Design, setting_name
from autoencoder.study.designs.folds import LEFT_OUT
from autoencoder.study.folder import StudyFolder
from autoencoder.study.groups.cells import SHOWN, Groups, groups_of, says_the_condition
from autoencoder.study.groups.effects import Array
from autoencoder.study.groups.folds import Told, told_of
from autoencoder.study.groups.summaries import draw
from autoencoder.study.permanova import Relabellings


@dataclass(frozen=True)
class FoldScore:
    """The score of one run on what it has not seen.

    Attributes:
        run: its name.
        setting: in short.
        left_out: the value that it has not seen.
        seed: of the run.
        n_images: that it was scored on.
        score: beside the control's.
    """

    run: str
    setting: str
    left_out: str
    seed: int
    n_images: int
    score: Score


@dataclass(frozen=True, eq=False, repr=False)
class Folds:
    """What was found of values left out in turn.

    Attributes:
        column: whose values were left out.
        values: these.
        scores: of every run.
        groups: the two conditions that were told; None where none was asked for.
        relabelled: the ways to exchange their labels.
        told: what is told of them, by setting.
        notes: what the reader should know, a sentence each.
    """

    column: str
    values: tuple[str, ...]
    scores: tuple[FoldScore, ...]
    groups: Groups | None = None
    relabelled: Relabellings | None = None
    told: Mapping[str, Told] | None = None
    notes: tuple[str, ...] = ()

    def __repr__(self) -> str:
        name = type(self).__name__
        return f"<{name} by {self.column}, {len(self.values)} values left out in turn, {len(self.scores)} runs>"

    @property
    def settings(self) -> list[str]:
        """In the order of the design."""
        return list(dict.fromkeys(one.setting for one in self.scores))

    def of_setting(self, setting: str) -> dict[str, list[FoldScore]]:
        """Scores of one setting by the values that were left out, in their order."""
        own = [one for one in self.scores if one.setting == setting]
        found = {value: [one for one in own if one.left_out == value] for value in self.values}
        return {value: scores for value, scores in found.items() if scores}


def asked_groups(images: ImageSet, asked: Mapping[str, Any]) -> Groups | None:
    """The animals whose condition is to be told; None where no column is asked for.

    Args:
        images: the data.
        asked: `column`, `by`, `conditions`, `strata` and `same_as`, as `study.json` keeps them.

    Raises:
        UserError: as `groups_of`.
    """
    if asked.get("by") is None:
        return None
    return groups_of(
        images.metadata,
        asked["by"],
        asked["column"],
        strata=asked["strata"],
        conditions=asked["conditions"],
        same_as=asked["same_as"],
    )


def refuse_told(design: Design, images: ImageSet, groups: Groups | None) -> None:
    """Refuse runs that learn the condition: then only training on exchanged labels would tell what chance does.

    Raises:
        UserError: some do; their settings are named.
    """
    if groups is None:
        return
    told = dict[str, None]()
    for member in design.members:
        config = member.config
        used = [
            *make_objective(config.objective).columns,
            *([config.training.balance] if config.training.balance else []),
        ]
        if any(says_the_condition(images.metadata, name, groups) for name in used):
            told.setdefault(f"{config.objective.name} ({', '.join(used)})")
    if told:
        raise UserError(
            f"--by {groups.by}: {first_few(list(told), SHOWN)} learns the condition itself, and what chance gives "
            "could only be found by training on exchanged labels: leave out --by (each score is of an animal that was "
            "left out), or the objective"
        )


def measure_folds(folder: StudyFolder, *, device: str = "auto", quiet: bool = True) -> Folds:
    """Score every run on the value that it has not seen and, where that was asked for, tell the condition.

    Args:
        folder: of a study with `--leave-one-out`, trained.
        device: `auto`, `cpu`, `cuda` or `mps`.
        quiet: show no progress.

    Raises:
        UserError: no run is there, or one cannot be tested.
    """
    design, shelf = folder.design(), Shelf()
    asked, failed = design["leave_one_out"], design.get("failed", {})
    entries = [entry for entry in design["runs"] if entry["name"] not in failed]
    notes = [f"{name} could not be trained: {why}" for name, why in failed.items()]
    runs: dict[tuple[str, int, str], OpenedRun] = {}
    scores = []
    with Progress(f"Testing {len(entries)} runs", len(entries), "runs", quiet=quiet) as progress:
        for entry in entries:
            run = open_run(folder.runs / entry["name"], shelf=shelf)
            levels = {name: value for name, value in entry["settings"].items() if name != LEFT_OUT}
            setting, value = setting_name(levels), entry["settings"][LEFT_OUT]
            tested = evaluate(run, device=device)
            scores.append(
                FoldScore(entry["name"], setting, value, entry["seed"], len(tested.rows), tested.result.score)
            )
            runs[setting, entry["seed"], value] = run
            progress.advance()
    if not runs:
        raise UserError(f"{folder.path} has no trained run: give the command that made it again")
    column, values = asked["column"], tuple(design["vary"][LEFT_OUT])
    images = next(iter(runs.values())).images
    groups = asked_groups(images, asked)
    if groups is None:
        return Folds(column, values, tuple(scores), notes=tuple(notes))
    split_seed = next(iter(runs.values())).config().data.split_seed
    relabelled = groups.cells.relabelled(split_seed)
    told = {}
    for setting in dict.fromkeys(one.setting for one in scores):
        codes, missing = _codes(runs, setting, groups, images, split_seed, device, quiet=quiet)
        notes += missing
        if codes:
            told[setting] = told_of(groups.cells, codes, relabelled)
    return Folds(column, values, tuple(scores), groups, relabelled, told, (*groups.notes, *notes))


def _codes(
    runs: Mapping[tuple[str, int, str], OpenedRun],
    setting: str,
    groups: Groups,
    images: ImageSet,
    split_seed: int,
    device: str,
    *,
    quiet: bool,
) -> tuple[list[list[Array]], list[str]]:
    """Mean codes of all cells by the network of each seed and animal; and which seeds lack one."""
    drawn = draw(images.metadata, groups, split_seed).frames
    rows, units = np.concatenate(drawn), np.unique(groups.cells.units).tolist()
    seeds = sorted({seed for its, seed, _ in runs if its == setting})
    whole = [seed for seed in seeds if all((setting, seed, unit) in runs for unit in units)]
    missing = [
        f"seed {seed} of {setting} lacks a network, and is left out of the read-out"
        for seed in seeds
        if seed not in whole
    ]
    codes = []
    with Progress("Encoding", len(whole) * len(units), "runs", quiet=quiet) as progress:
        for seed in whole:
            folds = []
            for unit in units:
                trained = runs[setting, seed, unit].network("last", device)
                pixels = Pixels(images.images, images.max_pixel_value, trained.device)
                found = encode_rows(trained.network, pixels, rows, trained.encoded_at_once)
                if not np.isfinite(found).all():
                    raise UserError(f"codes of {trained.run.path} are not all finite numbers: train it again")
                folds.append(_means(found, drawn))
                progress.advance()
            codes.append(folds)
    return codes, missing


def _means(codes: np.ndarray, drawn: Sequence[np.ndarray]) -> Array:
    parts = np.split(codes.astype(np.float64), np.cumsum([len(rows) for rows in drawn])[:-1])
    return np.stack([part.mean(axis=0) for part in parts])
