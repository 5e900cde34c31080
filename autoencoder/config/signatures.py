"""The settings of a run in the signature and the docstring of a function that takes them by their names.

They are made from what the fields' own flags say, so that completion, `help` and the command line agree.
"""

from __future__ import annotations

import inspect
import re
import textwrap
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from autoencoder.config.data import DataConfig
from autoencoder.config.model import ModelConfig, own_settings
from autoencoder.config.objective import NOISE, OBJECTIVE, ObjectiveConfig
from autoencoder.config.training import SNAPSHOT_SAMPLES, TrainingConfig
from autoencoder.flags import Setting, settings_of

WIDTH = 96
"""Characters of a line in the list of settings."""

HEADING = "Settings of "
"""What every part of the list of settings begins with."""

_Function = TypeVar("_Function", bound=Callable[..., Any])


def run_settings() -> dict[str, list[Setting]]:
    """Every setting of a run that has a flag, by what it is a setting of."""
    own = [Setting(name, flag) for name, flag in own_settings().items()]
    return {
        "the objective": [OBJECTIVE, NOISE, *settings_of(ObjectiveConfig)],
        "the model": [*settings_of(ModelConfig), *own],
        "training, and of what it keeps": [*settings_of(TrainingConfig), SNAPSHOT_SAMPLES],
        "the data": list(settings_of(DataConfig)),
    }


def takes_settings(*, listed: bool = False, **defaults: Any) -> Callable[[_Function], _Function]:
    """Put the settings of a run in place of `**settings` into what a function says of itself.

    Args:
        listed: whether its docstring lists them as well, with what they do.
        defaults: those that differ from a run's own.
    """

    def describe(function: _Function) -> _Function:
        signature = inspect.signature(function)
        named = [item for item in signature.parameters.values() if item.kind is not inspect.Parameter.VAR_KEYWORD]
        taken = {item.name for item in named}
        settings = [
            inspect.Parameter(
                setting.name, inspect.Parameter.KEYWORD_ONLY, default=defaults.get(setting.name, setting.default)
            )
            for group in run_settings().values()
            for setting in group
            if setting.name not in taken
        ]
        vars(function)["__signature__"] = signature.replace(parameters=[*named, *settings])
        if listed:
            function.__doc__ = f"{inspect.cleandoc(function.__doc__ or '')}\n\n{settings_text()}"
        return function

    return describe


def settings_text() -> str:
    """Every setting of a run: its name, its default, the values that it takes, and what it does."""
    return "\n\n".join(
        "\n".join([f"{HEADING}{of}:", *(line for setting in settings for line in _lines(setting))])
        for of, settings in run_settings().items()
    )


def _lines(setting: Setting) -> Iterator[str]:
    # Flags are named by the command line's names there, and settings by their own here.
    said = re.sub(r"--([a-z][a-z-]+)", lambda flag: flag[1].replace("-", "_"), setting.flag.help)
    choices = "" if setting.choices is None else f"; one of {', '.join(setting.choices)}"
    several = "; a text or a list of texts" if setting.values == "many" else ""
    text = f"{setting.name}={setting.default!r}: {said}{choices}{several}"
    yield from textwrap.wrap(text, WIDTH, initial_indent="    ", subsequent_indent="        ", break_on_hyphens=False)
