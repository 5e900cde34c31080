"""The settings of a run by the names of their flags, from all of its sections together, and what types they have."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from autoencoder.config.data import DataConfig
from autoencoder.config.model import ModelConfig, own_settings, own_types
from autoencoder.config.objective import OBJECTIVE, ObjectiveConfig
from autoencoder.config.training import TrainingConfig
from autoencoder.config.value_types import typed, types_of
from autoencoder.errors import did_you_mean, raise_if_any
from autoencoder.flags import Setting, problems_of_setting, settings_of

SECTIONS = (DataConfig, ModelConfig, ObjectiveConfig, TrainingConfig)

NOT_FLAT = ("images", "name", "classes")
"""Fields of the sections that are no settings of their own: they are given otherwise, or filled in."""


def setting_types() -> Mapping[str, Any]:
    """The type of every setting that a run has, by the name of its flag; the objective's name is `objective`."""
    fields = {name: hint for section in SECTIONS for name, hint in types_of(section).items() if name not in NOT_FLAT}
    return {"objective": str, **fields, **own_types()}


def checked_settings(given: Mapping[str, Any]) -> dict[str, Any]:
    """Settings as a configuration holds them; see `one_by_one`.

    Raises:
        UserError: there are no settings of these names, or values are of another type; everything in one error.
    """
    known = sorted(setting_types())
    nameless = [f"there is no setting '{name}'{did_you_mean(name, known)}" for name in given if name not in known]
    values, problems = one_by_one(given)
    raise_if_any([*nameless, *problems])
    return values


def one_by_one(given: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Settings as a configuration holds them, see `typed`, and what is wrong with them where one has another type.

    In that case it is everything that is wrong with any of them by itself. Where all types are right, bounds and
    whether settings go together are left to the sections. Other names are passed over.
    """
    values, wrong = typed(given, setting_types())
    if not wrong:
        return values, []
    settings = {**settings_by_name(*SECTIONS), OBJECTIVE.name: OBJECTIVE}
    of_values = [
        problem
        for name, value in values.items()
        if name in settings and name not in wrong
        for problem in problems_of_setting(settings[name], value)
    ]
    return values, [*wrong.values(), *of_values]


def settings_by_name(*sections: type) -> dict[str, Setting]:
    """The settings of some of `SECTIONS` by the names of their flags, with those that are encoders' own."""
    found = {setting.name: setting for section in sections for setting in settings_of(section)}
    return found | {name: Setting(name, flag) for name, flag in own_settings().items()}
