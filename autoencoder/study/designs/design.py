"""The design of a study: settings that vary, crossed with each other and with seeds, and the runs that this makes."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from autoencoder.config import (
    PROBE_SAMPLES,
    DataConfig,
    ModelConfig,
    NoiseConfig,
    ObjectiveConfig,
    RunConfig,
    TrainingConfig,
    own_settings,
)
from autoencoder.config.presets import NEVER_LEFT_OUT, Preset, Settings, configure
from autoencoder.config.settings import settings_by_name
from autoencoder.data.images import ImageSet
from autoencoder.errors import UserError, meant_or_choices, raise_if_any
from autoencoder.flags import Setting, settings_of
from autoencoder.machine.file_names import file_stem
from autoencoder.registries import OBJECTIVES
from autoencoder.runs.data import resolve_split, split_rows
from autoencoder.training.start import check_fit

SEEDS = 6
"""Two settings take as many seeds for p < 0.05."""

SHUFFLED = "shuffled targets"
"""The control of a network that predicts something: the same training, with targets dealt at random."""

SAME_FOR_ALL = tuple(setting.name for setting in settings_of(DataConfig))
"""Settings of what images are, which of them are held out and what is known of them: one for all runs of a study."""

MEASURED_BY = ("snapshots_per_epoch", "snapshot_spacing", "snapshot_samples")
"""Settings of the snapshots that runs are measured at: likewise."""

DEFAULT = "default"
"""Stands for a setting that is left out, where the setting's default is to have none."""


@dataclass(frozen=True)
class Member:
    """One run of a study.

    Attributes:
        name: of its folder in `runs/`.
        levels: value of each setting that varies, as it is written.
        seed: of weights, order and noise.
        config: what is trained, with everything filled in that only the data can tell.
        control: what it is a control by, such as `SHUFFLED`; None for a run of the design.
    """

    name: str
    levels: Mapping[str, str]
    seed: int
    config: RunConfig
    control: str | None = None

    @property
    def setting(self) -> str:
        """Its settings in short, with the control; all runs of one setting differ in their seeds only."""
        return setting_name(self.levels, self.control)


def setting_name(levels: Mapping[str, str], control: str | None = None) -> str:
    """Values of settings in short, such as "strided, 8", and what they are a control by."""
    return ", ".join([*levels.values(), *([control] if control else [])]) or "all runs"


@dataclass(frozen=True)
class LeftOut:
    """A combination of settings that cannot be trained, and why."""

    levels: Mapping[str, str]
    why: str

    def __str__(self) -> str:
        return f"{', '.join(f'{name}={value}' for name, value in self.levels.items())}: {self.why}"


@dataclass(frozen=True)
class Design:
    """The runs of a study.

    Attributes:
        vary: values of each setting that varies, as they are written.
        seeds: that each combination is trained with.
        members: the runs, controls last.
        left_out: combinations that do not go together.
        notes: what the user should know of how settings were filled in.
        preset: name of the preset whose runs these are; None for settings that are crossed.
        leave_one_out: where each run leaves out a value of a column: which column, and what is asked of the codes; see
            `autoencoder.study.designs.folds`.
    """

    vary: Mapping[str, tuple[str, ...]]
    seeds: tuple[int, ...]
    members: tuple[Member, ...]
    left_out: tuple[LeftOut, ...] = ()
    notes: tuple[str, ...] = ()
    preset: str | None = None
    leave_one_out: Mapping[str, Any] | None = None

    def to_json(self) -> dict[str, Any]:
        """The design in plain values, as `study.json` has it."""
        return {
            "vary": {name: list(values) for name, values in self.vary.items()},
            "seeds": list(self.seeds),
            "preset": self.preset,
            "runs": [
                {"name": m.name, "settings": dict(m.levels), "seed": m.seed, "control": m.control} for m in self.members
            ],
            "left_out": [{"settings": dict(out.levels), "why": out.why} for out in self.left_out],
            **({} if self.leave_one_out is None else {"leave_one_out": dict(self.leave_one_out)}),
        }


# -------------------------------------------------------------------------------------------------------- what varies


def parse_vary(texts: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """`["objective=angle,mask", "latent-dim=2,4"]` as values by the names of settings.

    Raises:
        UserError: a text is not SETTING=A,B,..., there is no such setting, it cannot vary, or a value is none of its.
    """
    vary: dict[str, tuple[str, ...]] = {}
    problems: list[str] = []
    for text in texts:
        given, equals, listed = text.partition("=")
        name = given.strip().replace("-", "_")
        values = tuple(value.strip() for value in listed.split(","))
        if not equals or not all(values):
            problems.append(f"--vary must be SETTING=A,B,..., not {text!r}")
        elif why := _why_not_varied(name):
            problems.append(f"--vary {given.strip()}: {why}")
        elif name in vary:
            problems.append(f"--vary names {name} twice: list all of its values once")
        elif len(set(values)) < len(values):
            problems.append(f"--vary {text}: a value is listed twice")
        else:
            vary[name] = values
            problems += [problem for value in values if (problem := _problem_of(name, value))]
    raise_if_any(problems)
    return vary


def _settings() -> dict[str, Setting]:
    """Every setting of what is trained on given data, by the name of its flag."""
    return settings_by_name(ModelConfig, ObjectiveConfig, TrainingConfig)


def _why_not_varied(name: str) -> str | None:
    settings = _settings()
    known = {*settings, "objective", "noise"}
    if name in SAME_FOR_ALL:
        return "runs of a study see the same images and share one split, so that they are compared on the same ones"
    if name in MEASURED_BY:
        return "runs of a study are measured at the same moments and on the same images"
    if name == "seed":
        return "every combination is trained with all --seeds"
    if name not in known:
        names = sorted(known - {*MEASURED_BY, "seed"})
        return f"there is no such setting{meant_or_choices(name, names)}"
    if name in settings and settings[name].values == "many":
        return "its value is itself a list: train one study for each"
    return None


def value_of(name: str, text: str) -> Any:
    """The value of a setting that a text stands for.

    Raises:
        ValueError: it is none of the setting's values.
    """
    if name == "objective":
        if text not in OBJECTIVES:
            raise ValueError(f"unknown objective {text!r}{meant_or_choices(text, OBJECTIVES)}")
        return text
    if name == "noise":
        return NoiseConfig.parse(text)
    setting = _settings()[name]
    if setting.values == "switch":
        if text not in ("yes", "no"):
            raise ValueError(f"it must be yes or no, not {text!r}")
        return text == "yes"
    if setting.choices is not None and text not in setting.choices:
        raise ValueError(f"unknown value {text!r}{meant_or_choices(text, setting.choices)}")
    return text if setting.flag.kind is None else setting.flag.kind.parse(text)


def _problem_of(name: str, text: str) -> str | None:
    if text == DEFAULT:
        return None
    try:
        value_of(name, text)
    except (ValueError, UserError) as error:
        return f"--vary {name}: {error}"
    return None


# ------------------------------------------------------------------------------------------------------------- crossing


def crossed(
    base: Preset,
    vary: Mapping[str, tuple[str, ...]],
    seeds: Sequence[int],
    images: ImageSet,
    *,
    control: bool = False,
) -> Design:
    """Every combination of the settings that vary, trained with every seed.

    A setting of the base that does not go with a combination, such as the target of a network that reconstructs, is
    left out of its runs.

    Args:
        base: settings of all runs, the path of the data among them.
        vary: from `parse_vary`.
        seeds: at least one.
        images: the data, which decide what can be trained.
        control: add a run on shuffled targets for each run that predicts something.

    Raises:
        UserError: no combination can be trained, or a setting of the base goes with none of them.
    """
    chosen, left_out = list[tuple[dict[str, str], RunConfig]](), list[LeftOut]()
    dropped: dict[str, list[str]] = {}
    resolved = resolve_split(DataConfig(**base.data), images)
    for values in itertools.product(*vary.values()):
        levels = dict(zip(vary, values, strict=True))
        try:
            config, without = _configured(base, levels, seeds[0])
            config = _checked(dataclasses.replace(config, data=resolved.data), images)
        except UserError as error:
            left_out.append(LeftOut(levels, str(error)))
            continue
        chosen.append((levels, config))
        for name in without:
            dropped.setdefault(name, []).append(setting_name(levels))
    if not chosen:
        raise UserError(["no combination of these settings can be trained", *map(str, left_out)])
    raise_if_any(
        f"--{name.replace('_', '-')} applies to none of the runs: leave it out"
        for name, settings in dropped.items()
        if len(settings) == len(chosen)
    )
    notes = [] if resolved.said is None else [resolved.said]
    notes += [f"{name} is left out of the runs of {', '.join(settings)}" for name, settings in dropped.items()]
    members = [_member(levels, config, seed) for levels, config in chosen for seed in seeds]
    if control:
        members += [_shuffled(member) for member in members if can_be_shuffled(member.config)]
        without_control = [setting_name(levels) for levels, config in chosen if not can_be_shuffled(config)]
        if without_control:
            notes.append(f"no shuffled targets for {', '.join(without_control)}: what is learned is the image itself")
    members = with_names_apart(members)
    return Design(dict(vary), tuple(seeds), tuple(members), tuple(left_out), tuple(notes))


def _configured(base: Preset, levels: Mapping[str, str], seed: int) -> tuple[RunConfig, tuple[str, ...]]:
    """The configuration of a combination, and which settings of the base do not go with it."""
    given = {name: value_of(name, text) for name, text in levels.items() if text != DEFAULT}
    varied = {"name" if name == "objective" else name for name in levels}

    def others(section: Settings) -> Settings:
        return {name: value for name, value in section.items() if name not in varied}

    model, objective, training = map(others, (base.model, base.objective, base.training))
    config, without = configure(
        dataclasses.replace(base, model=model, objective=objective, training=training), {**given, "seed": seed}
    )
    return config, tuple(name for name in without if name not in NEVER_LEFT_OUT)


def _checked(config: RunConfig, images: ImageSet) -> RunConfig:
    """The configuration with everything filled in, or an error with what the data do not allow."""
    return check_fit(config, images, split_rows(config, images))[0]


def _member(levels: Mapping[str, str], config: RunConfig, seed: int) -> Member:
    config = dataclasses.replace(config, training=dataclasses.replace(config.training, seed=seed))
    return Member(f"{file_stem('_'.join(levels.values()) or 'run')}-{seed}", levels, seed, config)


def can_be_shuffled(config: RunConfig) -> bool:
    """Whether the run has a target other than the image, which is not shuffled already."""
    return "shuffle_targets" in OBJECTIVES[config.objective.name].settings and not config.objective.shuffle_targets


def _shuffled(member: Member) -> Member:
    objective = dataclasses.replace(member.config.objective, shuffle_targets=True)
    name = f"{member.name.removesuffix(f'-{member.seed}')}_shuffled-{member.seed}"
    return dataclasses.replace(
        member, name=name, control=SHUFFLED, config=dataclasses.replace(member.config, objective=objective)
    )


def with_names_apart(members: Sequence[Member]) -> list[Member]:
    """Members whose names differ, also where upper and lower case are the same to a file system."""
    taken, named = set[str](), []
    for member in members:
        name, number = member.name, 2
        while name.casefold() in taken:
            name, number = f"{member.name}_{number}", number + 1
        taken.add(name.casefold())
        named.append(dataclasses.replace(member, name=name))
    return named


def base_of(data: str, preset: Preset, given: Mapping[str, Any]) -> Preset:
    """Settings of all runs of a study: those of a preset, those that are given, and how often snapshots are taken.

    Args:
        data: path of the images.
        preset: where to start from.
        given: values by the names of the configuration's fields, `objective` for the objective's name.
    """
    fields = {
        "data": set(DataConfig.__dataclass_fields__),
        "model": {*ModelConfig.__dataclass_fields__, *own_settings()},
        "objective": {*ObjectiveConfig.__dataclass_fields__, "objective"},
        "training": set(TrainingConfig.__dataclass_fields__),
    }
    sections: dict[str, dict[str, Any]] = {}
    for section, names in fields.items():
        values = dict(getattr(preset, section))
        for name in names & given.keys():
            values["name" if name == "objective" else name] = given[name]
        sections[section] = values
    sections["data"]["images"] = data
    sections["training"] = {**STUDY_TRAINING, **sections["training"]}
    return Preset("the settings of all runs", **sections)


STUDY_TRAINING: dict[str, Any] = {
    "snapshot_spacing": "log",
    "snapshots_per_epoch": 2,
    "snapshot_samples": PROBE_SAMPLES,
    "checkpoint_interval": 0,
}
"""How runs of a study differ from others where nothing is said: snapshots are dense when representations change most,
hold what measures need, and no checkpoints are kept but the last and the best."""
