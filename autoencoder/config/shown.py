"""What a notebook shows of a run's configuration: its main settings, and whatever else is not as it usually is.

It needs no other room, unlike the summaries of what is found, since all of them know the configuration.
"""

from __future__ import annotations

import html
from typing import Any

from autoencoder.config.data import DataConfig
from autoencoder.config.model import ModelConfig
from autoencoder.config.objective import ObjectiveConfig
from autoencoder.config.training import TrainingConfig
from autoencoder.flags import values_of

Sections = tuple[DataConfig, ModelConfig, ObjectiveConfig, TrainingConfig]
"""Those of a run's configuration."""

MAIN = ("images", "objective", "encoder", "latent_dim", "noise", "epochs", "batch_size", "lr", "seed")
"""Settings that are always shown."""


def settings_shown(sections: Sections) -> dict[str, tuple[Any, Any]]:
    """The settings that are shown, by name: the value and the default.

    Defaults are those of the same objective and encoder; the images, which have none, have their own value there.
    """
    data, model, objective, _ = sections
    usual = DataConfig(data.images), ModelConfig(model.encoder), ObjectiveConfig(objective.name), TrainingConfig()
    values, defaults = _flat(sections), _flat(usual)
    defaults |= {"objective": ObjectiveConfig().name, "encoder": ModelConfig().encoder}
    changed = [name for name in values if values[name] != defaults.get(name)]
    return {name: (values[name], defaults.get(name)) for name in dict.fromkeys((*MAIN, *changed))}


def _flat(sections: Sections) -> dict[str, Any]:
    return {
        "objective" if name == "name" else name: value for section in sections for name, value in values_of(section)
    }


def settings_html(sections: Sections) -> str:
    """The settings that are shown as a table; a value that is not the default has the default beside it."""
    rows = [
        (name, _text(value), "" if value == usual else _text(usual))
        for name, (value, usual) in settings_shown(sections).items()
    ]
    cells = ("".join(f"<td>{html.escape(cell)}</td>" for cell in row) for row in (("setting", "", "default"), *rows))
    lines = "".join(f"<tr>{line}</tr>" for line in cells)
    return f"<div><strong>RunConfig</strong><table>{lines}</table><div>all others have their defaults</div></div>"


def _text(value: Any) -> str:
    """A value as one would write it; what does not print is seen, as Python writes it."""
    return repr(value) if isinstance(value, str | tuple | list | int | float | None) else repr(str(value))
