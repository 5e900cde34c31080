"""Compare two conditions of animals by the codes of several networks, none of which was told the condition."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from autoencoder.config import RunConfig
from autoencoder.data.batches import Pixels
from autoencoder.errors import UserError, first_few, listed, raise_if_any
from autoencoder.evaluation.compare import refuse_different
from autoencoder.machine.progress import Progress
from autoencoder.objectives.base import make_objective
from autoencoder.runs.opened import OpenedRun
from autoencoder.runs.snapshots import encode_rows
from autoencoder.study.designs.design import setting_name
from autoencoder.study.groups.cells import SHOWN, Groups, groups_of, held_out_units, says_the_condition
from autoencoder.study.groups.effects import Effects, effects_of
from autoencoder.study.groups.summaries import CLUSTERS, MOST_FRAMES, Drawn, draw, summaries_of
from autoencoder.study.permanova import Relabellings
from autoencoder.workflows.compare.kinds import levels_of

FEWEST_SEEDS = 3
"""Networks that a comparison of animals takes: one of them may see anything."""

FEW_FRAMES = 100
"""With fewer frames of each animal its summaries say little, which is noted."""


@dataclass(frozen=True, eq=False)
class GroupsOpened:
    """Two conditions that can be compared, before any image is encoded.

    Attributes:
        runs: of one kind, which differ in their seeds.
        groups: who is compared.
        relabelled: the ways to exchange labels.
        drawn: the images that summaries are made of.
        clusters: how many clusters are made of the codes.
        checkpoint: of which moment the networks are.
    """

    runs: tuple[OpenedRun, ...]
    groups: Groups
    relabelled: Relabellings
    drawn: Drawn
    clusters: int
    checkpoint: str

    @property
    def seeds(self) -> list[int]:
        """Of the networks."""
        return [run.config().training.seed for run in self.runs]

    @property
    def split_seed(self) -> int:
        """Decides what is drawn at random, the same for all runs."""
        return self.runs[0].config().data.split_seed


@dataclass(frozen=True, eq=False, repr=False)
class GroupComparison:
    """What was found.

    Attributes:
        opened: what was compared.
        effects: of all summaries.
        notes: what the reader should know, a sentence each.
    """

    opened: GroupsOpened
    effects: Effects
    notes: tuple[str, ...]

    def __repr__(self) -> str:
        return f"<{type(self).__name__} by {self.opened.groups.by}, {len(self.opened.runs)} runs>"


def open_groups(
    runs: Sequence[OpenedRun],
    *,
    by: str,
    unit: str,
    strata: Sequence[str] = (),
    conditions: Sequence[str] = (),
    same_as: Sequence[str] = (),
    frames: int = MOST_FRAMES,
    clusters: int = CLUSTERS,
    checkpoint: str = "last",
) -> GroupsOpened:
    """Find out who is compared, and refuse what could not be.

    Args:
        runs: of one kind, with three seeds or more.
        by, unit, strata, conditions, same_as: see `groups_of`.
        frames: images of each animal in either condition, at most.
        clusters: of the codes, for their occupancy.
        checkpoint: `last`, `best`, or the number of an epoch.

    Raises:
        UserError: runs are not of one kind, data and split, are fewer than three seeds, or were told the condition; an
            animal was not trained on; or as `groups_of`.
    """
    refuse_different(runs)
    _refuse_other_kinds(runs)
    metadata = runs[0].images.metadata
    groups = groups_of(metadata, by, unit, strata=strata, conditions=conditions, same_as=same_as)
    _refuse_told(runs[0], groups)
    unseen = held_out_units(groups, runs[0].split().train)
    if unseen:
        raise UserError(
            f"{runs[0].path} was trained on no image of {first_few(unseen, SHOWN)} ('{unit}'): codes of animals that "
            "a network has not seen differ from those of others for that reason alone; train on all animals: --split "
            "blocks, "
            "with a smaller --block-size where recordings are short, or --split random"
        )
    drawn = draw(metadata, groups, runs[0].config().data.split_seed, frames)
    n = sum(map(len, drawn.frames))
    if n < clusters:
        raise UserError(f"--clusters {clusters}: there are {n} frames of all animals together; give fewer clusters")
    relabelled = groups.cells.relabelled(runs[0].config().data.split_seed)
    return GroupsOpened(tuple(runs), groups, relabelled, drawn, clusters, checkpoint)


def measure_groups(opened: GroupsOpened, *, device: str = "auto", quiet: bool = True) -> GroupComparison:
    """Encode the drawn images by every network, without noise, and compare the animals.

    Args:
        opened: what is compared.
        device: `auto`, `cpu`, `cuda` or `mps`.
        quiet: show no progress.

    Raises:
        UserError: a network cannot be loaded, or its codes are not finite.
    """
    rows, codes = opened.drawn.rows, []
    with Progress(f"Encoding with {len(opened.runs)} networks", len(opened.runs), "runs", quiet=quiet) as progress:
        for run in opened.runs:
            trained, images = run.network(opened.checkpoint, device), run.images
            pixels = Pixels(images.images, images.max_pixel_value, trained.device)
            codes.append(encode_rows(trained.network, pixels, rows, trained.encoded_at_once))
            if not np.isfinite(codes[-1]).all():
                raise UserError(f"codes of {run.path} are not all finite numbers: leave it out, and train it again")
            progress.advance()
    summaries, notes = summaries_of(opened.drawn, codes, opened.split_seed, opened.clusters)
    effects = effects_of(opened.groups.cells, summaries, opened.split_seed, opened.relabelled)
    n_frames = len(opened.drawn.frames[0])
    if n_frames < FEW_FRAMES:
        fewest = opened.groups.cells.units[int(np.argmin([len(own) for own in opened.groups.rows]))]
        notes.append(
            f"'{fewest}' has only {n_frames} images, and no more are used of any other animal: summaries are rough"
        )
    return GroupComparison(opened, effects, (*opened.groups.notes, *notes))


def _refuse_other_kinds(runs: Sequence[OpenedRun]) -> None:
    """Refuse runs that differ in more than their seeds, or are too few."""
    configs: list[RunConfig] = [run.config() for run in runs]
    levels, _ = levels_of(configs)
    if any(levels):
        names = [f"{run.path} ({setting_name(its)})" for run, its in zip(runs, levels, strict=True)]
        raise UserError(
            f"animals are compared by networks that differ in their seeds only, and these differ: {', '.join(names)}; "
            "compare the runs of each kind by themselves"
        )
    seeds: dict[int, Path] = {}
    problems = []
    for run, config in zip(runs, configs, strict=True):
        seed = config.training.seed
        if seed in seeds:
            problems.append(f"{seeds[seed]} and {run.path} have the same seed, {seed}: leave one of them out")
        seeds.setdefault(seed, run.path)
    raise_if_any(problems)
    if len(seeds) < FEWEST_SEEDS:
        raise UserError(
            f"animals are compared by {FEWEST_SEEDS} networks or more, and {listed([str(run.path) for run in runs])} "
            f"{'is' if len(runs) == 1 else 'are'} {len(runs)}: train others that differ in --seed only, such as by "
            "'autoencoder train --config RUN/config.json --seed N'"
        )


def _refuse_told(run: OpenedRun, groups: Groups) -> None:
    """Refuse networks whose training used the condition: that codes differ by it would be no finding."""
    config, metadata = run.config(), run.images.metadata
    objective = make_objective(config.objective)
    used = dict.fromkeys(objective.columns, f"objective '{config.objective.name}'")
    if config.training.balance is not None:
        used.setdefault(config.training.balance, "--balance")
    for name, what in used.items():
        if name in metadata.names and says_the_condition(metadata, name, groups):
            same = "" if name == groups.by else f", which says '{groups.by}'"
            raise UserError(
                f"{run.path} was trained with the column '{name}'{same} ({what}), so it is no finding that its codes "
                "differ by it: compare networks that were trained without it"
            )
