"""A run's configuration from flat settings, which start from the defaults, a preset or a file."""

from __future__ import annotations

import dataclasses
import os
import reprlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, get_args, get_origin

import numpy as np

from autoencoder.config import (
    DataConfig,
    ModelConfig,
    NoiseConfig,
    ObjectiveConfig,
    RunConfig,
    TrainingConfig,
    own_settings,
)
from autoencoder.config.formats import is_a, setting_types, type_in_words
from autoencoder.config.presets import NO_PRESET, PRESETS, Preset, configure
from autoencoder.config.signatures import takes_settings
from autoencoder.errors import UserError, did_you_mean, raise_if_any, unknown
from autoencoder.machine.file_names import path_of
from autoencoder.machine.progress import SILENT, Say
from autoencoder.runs.folder import read_settings

NOT_FLAT = ("images", "name", "own", "classes")
"""Fields of the sections that are no settings of their own: they are given otherwise, or filled in."""


NO_IMAGES = "no images are named: the first argument is their data file"
"""Where neither the caller nor what settings start from names any."""


def setting_names() -> set[str]:
    """Every setting that a run has, by the name of its flag; the objective's name is `objective`."""
    sections = (DataConfig, ModelConfig, ObjectiveConfig, TrainingConfig)
    fields = {name for section in sections for name in section.__dataclass_fields__}
    return {*fields, *own_settings(), "objective"} - {*NOT_FLAT}


def refuse_unknown_settings(settings: Mapping[str, Any]) -> None:
    """Refuse names that are no setting.

    Raises:
        UserError: there are such; the nearest setting is named.
    """
    known = sorted(setting_names())
    raise_if_any(f"there is no setting '{name}'{did_you_mean(name, known)}" for name in settings if name not in known)


def base_of(preset: str | None, config: str | Path | None) -> tuple[Preset, str]:
    """What settings start from, and what that is called in messages.

    Args:
        preset: a name in `PRESETS`; None for none.
        config: a run's `config.json`, or a TOML file with the same names; None for none.

    Raises:
        UserError: both are given, there is no such preset, or the file cannot be read.
    """
    if preset is not None and config is not None:
        raise UserError("--preset and --config both say what to start from: give only one of them")
    if preset is not None:
        raise_if_any(unknown("preset", [preset], PRESETS))
        return PRESETS[preset], f"the preset '{preset}'"
    return (NO_PRESET, "") if config is None else (read_settings(Path(config)), str(config))


@takes_settings(listed=True)
def run_config(
    data: str | os.PathLike[str] | None = None,
    *,
    preset: str | None = None,
    config: str | Path | None = None,
    say: Say = SILENT,
    **settings: Any,
) -> RunConfig:
    """What `train` takes: the defaults, then a preset or a file, then the settings that are given.

    Args:
        data: the images, or what a `prepare_` function gave; None for those that `config` names.
        preset: name of a documented system whose settings these start from, such as "mnist-conv"; None for none.
            `autoencoder info presets` lists them.
        config: file whose settings these start from, a run's `config.json` or a TOML file with the same names; None
            for none.
        say: is told which settings of the preset or file do not go with the others, and are left out.
        settings: by their names, such as `epochs=5`, `objective="angle"` and `noise="gaussian:0.2"`.

    Raises:
        UserError: there is no such setting, one has the wrong type, settings do not go together, or no images are
            named.
    """
    given = checked_settings(settings)
    base, called = base_of(preset, config)
    if data is not None:
        given["images"] = str(path_of(data, "the images"))
        # Metadata that the file names are of the images that it names, and say nothing of others.
        of_other_images = {name: value for name, value in base.data.items() if name in ("metadata", "columns")}
        base = dataclasses.replace(
            base, data={name: value for name, value in base.data.items() if name not in of_other_images}
        )
        if of_other_images:
            say(f"not taken from {called}, because other images are given: {listed_flags(of_other_images)}")
    elif "images" not in base.data:
        raise UserError(f"{called} names no images: give a data file as well" if called else NO_IMAGES)
    found, left_out = configure(base, given)
    if left_out:
        say(f"not taken from {called}, because it does not fit the other flags: {listed_flags(left_out)}")
    return found


def checked_settings(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings as a configuration holds them: numbers of numpy as Python's, lists as tuples, paths and noise as such.

    Raises:
        UserError: there is no such setting, or one has another type than its field; all of them are named.
    """
    refuse_unknown_settings(settings)
    types, given, problems = setting_types(), dict[str, Any](), list[str]()
    for name, value in settings.items():
        try:
            given[name] = _as_held(value, types[name])
        except UserError as error:
            problems += error.problems
            continue
        if not is_a(given[name], types[name]):
            problems.append(f"{name} must be {type_in_words(types[name])}, not {reprlib.repr(value)}")
    raise_if_any(problems)
    return given


def _as_held(value: Any, hint: Any) -> Any:
    if hint is NoiseConfig and isinstance(value, str):
        return NoiseConfig.parse(value)
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    takes_several = any(get_origin(option) is tuple for option in (hint, *get_args(hint)))
    if takes_several and isinstance(value, str):
        return (value,)
    return tuple(value) if takes_several and isinstance(value, list) else value


def listed_flags(settings: Iterable[str]) -> str:
    """Names of settings as flags, such as `--epochs, --val-interval`."""
    return ", ".join(f"--{name.replace('_', '-')}" for name in settings)
