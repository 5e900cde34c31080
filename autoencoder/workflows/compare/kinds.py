"""Which runs of a comparison are of one kind: those that differ in nothing but their seeds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from autoencoder.config import RunConfig, own_settings
from autoencoder.config.flattened import Flat, flattened
from autoencoder.errors import listed
from autoencoder.runs.opened import OpenedRun
from autoencoder.study.designs.design import DEFAULT, SHUFFLED, setting_name

FIRST = ("objective.name", "model.encoder", "model.latent_dim")
"""Of several settings that tell kinds apart, these name them."""

NO_MATTER = (
    *("training.device", "training.engine", "training.deterministic", "training.threads"),
    *("training.tensorboard", "training.comet", "training.wandb"),
    *("training.val_interval", "training.checkpoint_interval", "training.snapshot"),
)
"""Beginnings of settings of where a run computes and of what is kept of it, which make no other kind of it."""

SHUFFLING = "objective.shuffle_targets"

NOISE = "objective.noise"

CALLED = {"objective.name": "objective", SHUFFLING: "target_assignment"}
"""Settings whose last word does not say what they are."""

NAME = "name"
"""The one level of runs that each stand for themselves."""

Levels = Mapping[str, str]


@dataclass(frozen=True, eq=False)
class Group:
    """Runs that are compared with each other, such as those of one seed of a study.

    Attributes:
        runs: opened.
        names: what they are called, and behind them the codes from files; None for the names of their folders.
        settings: of each run, where a table or a design says what they are; empty for what their configurations say.
        seeds: of each run, likewise; None for its own.
    """

    runs: Sequence[OpenedRun]
    names: Sequence[str] | None = None
    settings: Sequence[Levels] = ()
    seeds: Sequence[int | None] = ()


@dataclass(frozen=True)
class Kinds:
    """The kinds of runs of all groups, one group after another.

    Attributes:
        levels: of each run: the settings in which kinds differ, with their values.
        seeds: of each run.
        notes: what a reader has to know of them.
    """

    levels: tuple[Levels, ...]
    seeds: tuple[int, ...]
    notes: tuple[str, ...] = ()

    @property
    def vary(self) -> dict[str, tuple[str, ...]]:
        """Values of each setting in which kinds differ."""
        names = dict.fromkeys(name for levels in self.levels for name in levels)
        return {
            name: tuple(dict.fromkeys(levels[name] for levels in self.levels if levels.get(name))) for name in names
        }

    @property
    def have_seeds(self) -> bool:
        """Whether there are two runs of some kind."""
        return max(Counter(map(setting_name, self.levels)).values()) > 1


def kinds_of(groups: Sequence[Group], names: Sequence[str]) -> Kinds:
    """The kind of each run.

    Two runs with the same settings and the same seed are no two seeds: then every run stands for itself.

    Args:
        groups: at least one run.
        names: of all runs, one group after another.
    """
    runs = [run for group in groups for run in group.runs]
    given = [levels for group in groups for levels in group.settings or [{}] * len(group.runs)]
    of_table = [seed for group in groups for seed in group.seeds or [None] * len(group.runs)]
    configs = [run.config() for run in runs]
    seeds = tuple(
        config.training.seed if seed is None else seed for config, seed in zip(configs, of_table, strict=True)
    )
    unnamed = [place for place, levels in enumerate(given) if not any(levels.values())]
    derived, notes = levels_of([configs[place] for place in unnamed])
    levels = list(given)
    for place, found in zip(unnamed, derived, strict=True):
        levels[place] = found
    if unnamed and not any(derived) and (len(unnamed) == 1 or len(unnamed) < len(runs)):
        for place in unnamed:
            levels[place] = {NAME: names[place]}
    twice = _twice(levels, seeds, names)
    if twice is not None:
        return Kinds(tuple({NAME: name} for name in names), seeds, (twice,))
    return Kinds(tuple(levels), seeds, tuple(notes))


def _twice(levels: Sequence[Levels], seeds: Sequence[int], names: Sequence[str]) -> str | None:
    found: dict[tuple[str, int], str] = {}
    for its, seed, name in zip(levels, seeds, names, strict=True):
        other = found.setdefault((setting_name(its), seed), name)
        if other != name:
            return f"{other} and {name} have the same settings and the same seed: every run stands for itself"
    return None


def levels_of(configs: Sequence[RunConfig]) -> tuple[list[Levels], list[str]]:
    """The settings in which configurations differ, as few as tell their kinds apart.

    Args:
        configs: of runs that learned from the same data.

    Returns:
        the levels of each, empty where all are of one kind; and notes, which name the settings that differ as well.
    """
    settings = [_of_a_kind(config) for config in configs]
    names = dict.fromkeys([*FIRST, *(name for its in settings for name in its)])
    differing = [name for name in names if any(its.get(name) != settings[0].get(name) for its in settings)]
    chosen, known = list[str](), 1
    for name in differing:
        if (number := _told_apart(settings, [*chosen, name])) > known:
            chosen, known = [*chosen, name], number
    levels = [{_called(name): _written(its.get(name)) for name in chosen} for its in settings]
    others = [_called(name) for name in differing if name not in chosen and not _comes_with(name, chosen, settings)]
    if not others:
        return list(levels), []
    return list(levels), [
        f"runs that differ in {listed([_called(name).replace('_', ' ') for name in chosen])} differ in "
        f"{listed([name.replace('_', ' ') for name in others])} as well: the effects cannot be told apart"
    ]


def _of_a_kind(config: RunConfig) -> Flat:
    """Settings that make a kind, the noise as one of them."""
    flat = {name: value for name, value in flattened(config).items() if not name.startswith((NOISE, *NO_MATTER))}
    targets = SHUFFLED if config.objective.shuffle_targets else "true targets"
    return {**flat, NOISE: str(config.objective.noise), SHUFFLING: targets}


def _told_apart(settings: Sequence[Flat], names: Sequence[str]) -> int:
    """How many kinds some settings tell apart."""
    return len({repr([its.get(name) for name in names]) for its in settings})


def _comes_with(name: str, chosen: Sequence[str], settings: Sequence[Flat]) -> bool:
    """Whether a setting is one that only some objectives or encoders have, and those with one value."""
    of_objective = name.startswith("objective.") and "objective.name" in chosen
    of_encoder = name.removeprefix("model.") in own_settings() and "model.encoder" in chosen
    values = {repr(its[name]) for its in settings if its.get(name) is not None}
    return (of_objective or of_encoder) and len(values) == 1


def _called(name: str) -> str:
    """Such as "encoder" for `model.encoder`."""
    return CALLED.get(name, name.rpartition(".")[2])


def _written(value: Any) -> str:
    """A value as `--vary` takes it."""
    if value is None:
        return DEFAULT
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return " ".join(map(str, value))
    return f"{value:g}" if isinstance(value, float) else str(value)
