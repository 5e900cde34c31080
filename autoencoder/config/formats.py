"""Configurations as JSON, in every format that there was."""

from __future__ import annotations

import dataclasses
import reprlib
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from autoencoder.config.data import DataConfig
from autoencoder.config.model import ModelConfig, own_types
from autoencoder.config.objective import NoiseConfig, ObjectiveConfig
from autoencoder.config.training import TrainingConfig
from autoencoder.config.value_types import is_a, types_of
from autoencoder.errors import UserError, did_you_mean, raise_if_any
from autoencoder.flags import values_of
from autoencoder.registries import FITTED_ENCODERS, OBJECTIVES

FORMAT_VERSION = 6
"""Raised when an older reader could not make sense of a newer file. 2 told the seed of the split from that of the run,
and added group splits, quantities to predict and where numbers are logged; 3 added the gap between blocks and another
default of the split; 4 added the spacing of snapshots and the share of shuffled targets; 5 added what columns are;
6 added the optimizer, augmentation and the column that epochs are balanced by."""

SEED_BEFORE_2 = 42
"""The default seed of format 1, for files that name none."""

SPLIT_BEFORE_3 = "random"
"""The default split of formats 1 and 2, for files that name none."""

NETWORK_BEFORE_6 = "strided"
"""The default encoder of formats 1 to 5, and the decoder behind a fitted one, for files that name none."""

TRAINING_BEFORE_6 = {"optimizer": "adam", "batch_size": 32}
"""Defaults of training of formats 1 to 5, for files that name none."""

_SECTIONS: dict[str, type[Any]] = {
    "data": DataConfig,
    "model": ModelConfig,
    "objective": ObjectiveConfig,
    "training": TrainingConfig,
}
_NESTED: dict[str, type[Any]] = {**_SECTIONS, "noise": NoiseConfig}

_Config = TypeVar("_Config")


def to_json(sections: Mapping[str, Any]) -> dict[str, Any]:
    """The sections of a run as plain dictionaries and lists; an encoder's own settings stand among the model's."""
    return {"format_version": FORMAT_VERSION, **{name: _plain(section) for name, section in sections.items()}}


def _plain(section: Any) -> dict[str, Any]:
    return {name: _plain(value) if dataclasses.is_dataclass(value) else value for name, value in values_of(section)}


def from_json(content: Mapping[str, Any]) -> dict[str, Any]:
    """The sections that `to_json` was given; those that are absent have their defaults.

    Raises:
        UserError: see `RunConfig.from_json`.
    """
    stored = _sections(upgraded(content))
    missing = [] if "data" in stored else ["entry 'data' is missing"]
    raise_if_any([f"unknown entry '{name}'" for name in stored if name not in _SECTIONS] + missing)
    sections = {}
    for name, section in stored.items():
        if not isinstance(section, Mapping):
            raise UserError(f"entry '{name}' is not a group of settings")
        sections[name] = _build(_SECTIONS[name], section, f"{name}.")
    return sections


def settings_from_json(content: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The settings that a file names, which need not be all, by section; null is no setting.

    Raises:
        UserError: an entry is unknown or of another type than its field, or the format is a newer one.
    """
    stored = _sections(upgraded({"format_version": FORMAT_VERSION, **content}))
    problems, found = [f"unknown entry '{name}'" for name in stored if name not in _SECTIONS], {}
    for name, section in stored.items():
        try:
            values = _values(_SECTIONS[name], section, f"{name}.") if name in _SECTIONS else {}
        except UserError as error:
            problems += error.problems
            continue
        found[name] = {setting: value for setting, value in values.items() if value is not None}
    raise_if_any(problems)
    return found


def _sections(content: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in content.items() if key != "format_version"}


# ---------------------------------------------------------------------------------------------------------- upgrading


def upgraded(content: Mapping[str, Any]) -> dict[str, Any]:
    """The content as today's format has it.

    Raises:
        UserError: it is of a newer format, or of none that there was.
    """
    version = content.get("format_version")
    if type(version) is not int or not 1 <= version <= FORMAT_VERSION:
        raise UserError(
            f"format version {reprlib.repr(version)} cannot be read by this version, which reads 1 to {FORMAT_VERSION}"
        )
    changed = dict(content)
    for number in range(version, FORMAT_VERSION):
        changed = _UPGRADES[number](changed)
    return {**changed, "format_version": FORMAT_VERSION}


def _from_1(content: dict[str, Any]) -> dict[str, Any]:
    """The run's seed made its split, and goes on doing so."""
    data, training = content.get("data"), content.get("training", {})
    if not isinstance(data, Mapping) or not isinstance(training, Mapping):
        return content  # which is refused later, by the name of the section
    return {**content, "data": {**data, "split_seed": training.get("seed", SEED_BEFORE_2)}}


def _from_2(content: dict[str, Any]) -> dict[str, Any]:
    """Images were held out at random where nothing else was said, and blocks had no gap."""
    data = content.get("data")
    if not isinstance(data, Mapping):
        return content
    return {**content, "data": {"split": SPLIT_BEFORE_3, **data, "gap": 0}}


def _from_3(content: dict[str, Any]) -> dict[str, Any]:
    """What 4 added has the meaning of before where it is absent."""
    return content


def _from_4(content: dict[str, Any]) -> dict[str, Any]:
    """Columns were what their names and values say."""
    return content


def _from_5(content: dict[str, Any]) -> dict[str, Any]:
    """Every network was trained by Adam, on each image once an epoch; the one not named was `strided`."""
    model, training = content.get("model", {}), content.get("training", {})
    if not isinstance(model, Mapping) or not isinstance(training, Mapping):
        return content
    model = {"encoder": NETWORK_BEFORE_6, **model}
    if model["encoder"] in FITTED_ENCODERS and model.get("decoder") is None and _has_decoder(content.get("objective")):
        model["decoder"] = NETWORK_BEFORE_6
    return {**content, "model": model, "training": {**TRAINING_BEFORE_6, **training}}


def _has_decoder(objective: object) -> bool:
    name = objective.get("name", ObjectiveConfig.name) if isinstance(objective, Mapping) else ObjectiveConfig.name
    return name in OBJECTIVES and OBJECTIVES[name].has_decoder


_UPGRADES: dict[int, Callable[[dict[str, Any]], dict[str, Any]]] = {
    1: _from_1,
    2: _from_2,
    3: _from_3,
    4: _from_4,
    5: _from_5,
}
"""From each format to the next one."""


# ------------------------------------------------------------------------------------------------------------- reading


def _build(kind: type[_Config], content: Mapping[str, Any], where: str) -> _Config:
    fields = [item for item in dataclasses.fields(kind) if item.init]  # type: ignore[arg-type]
    needed = [
        item.name
        for item in fields
        if item.default is dataclasses.MISSING and item.default_factory is dataclasses.MISSING
    ]
    missing = [f"entry '{where}{name}' is missing" for name in needed if name not in content]
    unknown = [_unknown(where, name, _types(kind)) for name in content if name not in _types(kind)]
    raise_if_any(unknown + missing)
    return kind(**_values(kind, content, where))


def _values(kind: type[Any], content: Any, where: str) -> dict[str, Any]:
    """Values of a section, of the types that its fields have."""
    if not isinstance(content, Mapping):
        raise UserError(f"entry '{where.removesuffix('.')}' is not a group of settings")
    types = _types(kind)
    raise_if_any(_unknown(where, name, types) for name in content if name not in types)
    values: dict[str, Any] = {}
    problems = []
    for name, value in content.items():
        if name in _NESTED:
            if not isinstance(value, Mapping):
                raise UserError(f"entry '{where}{name}' is not a group of settings")
            value = _build(_NESTED[name], value, f"{where}{name}.")
        elif isinstance(value, list):
            value = tuple(value)
        if name not in _NESTED and not is_a(value, types[name]):
            problems.append(f"entry '{where}{name}' has the wrong type: {reprlib.repr(value)}")
        values[name] = value
    raise_if_any(problems)
    return values


def _unknown(where: str, name: object, known: Iterable[str]) -> str:
    return f"unknown entry '{where}{name}'{did_you_mean(str(name), known)}"


def _types(kind: type) -> Mapping[str, Any]:
    """The type of each setting of a section; those of encoders' own by their kind."""
    return {**types_of(kind), **own_types()} if kind is ModelConfig else types_of(kind)
