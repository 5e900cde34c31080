"""A run's configuration from flat settings, which start from the defaults, a preset or a file."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from autoencoder.config import RunConfig
from autoencoder.config.arguments import IMAGES, AnyPath, path_of
from autoencoder.config.presets import NO_PRESET, PRESETS, Preset, configure
from autoencoder.config.settings import checked_settings
from autoencoder.config.signatures import takes_settings
from autoencoder.errors import UserError, raise_if_any, unknown
from autoencoder.machine.progress import SILENT, Say
from autoencoder.runs.folder import read_settings


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
    data: AnyPath | None = None,
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
        UserError: there is no such setting, a value has another type than its setting, settings do not go together, or
            no images are named.
    """
    given = checked_settings(settings)
    base, called = base_of(preset, config)
    if data is not None:
        given["images"] = str(path_of(data, IMAGES))
        # Metadata that the file names are of the images that it names, and say nothing of others.
        of_other_images = {name: value for name, value in base.data.items() if name in ("metadata", "columns")}
        base = dataclasses.replace(
            base, data={name: value for name, value in base.data.items() if name not in of_other_images}
        )
        if of_other_images:
            say(f"not taken from {called}, because other images are given: {listed_flags(of_other_images)}")
    elif "images" not in base.data:
        raise UserError(
            f"{called} names no images: give a data file as well"
            if called
            else "no images are named: the first argument is their data file, such as run_config('mnist.npz'), also "
            "where train is given the images"
        )
    found, left_out = configure(base, given)
    if left_out:
        say(f"not taken from {called}, because it does not fit the other flags: {listed_flags(left_out)}")
    return found


def listed_flags(settings: Iterable[str]) -> str:
    """Names of settings as flags, such as `--epochs, --val-interval`."""
    return ", ".join(f"--{name.replace('_', '-')}" for name in settings)
