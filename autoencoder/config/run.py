"""What a run is: four sections that are checked when they are made. `formats.py` takes them to JSON and back.

Nothing here imports torch, so the command line can build its parser, print help and refuse a bad option at once. A
field with a `Flag` has a flag of `train`, which is made from it.
"""

from __future__ import annotations

import dataclasses
import html
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from autoencoder.config.choices import SPARSE_ACTIVATIONS
from autoencoder.config.data import DataConfig
from autoencoder.config.formats import from_json, to_json
from autoencoder.config.model import ModelConfig
from autoencoder.config.objective import ObjectiveConfig
from autoencoder.config.training import TrainingConfig
from autoencoder.errors import raise_if_any
from autoencoder.flags import values_of
from autoencoder.registries import LEARNED_ENCODERS, OBJECTIVES

MAIN = ("images", "objective", "encoder", "latent_dim", "noise", "epochs", "batch_size", "lr", "seed")
"""Settings that a notebook always shows."""


@dataclass(frozen=True)
class RunConfig:
    """All that defines a run."""

    data: DataConfig
    model: ModelConfig = field(default_factory=ModelConfig)
    objective: ObjectiveConfig = field(default_factory=ObjectiveConfig)
    training: TrainingConfig = field(default_factory=TrainingConfig)

    def __post_init__(self) -> None:
        if self.objective.sparsity != "none" and self.model.latent_activation is None and not self.model.is_fitted:
            object.__setattr__(self, "model", dataclasses.replace(self.model, latent_activation="sigmoid"))
        problems = []
        if self.model.norm == "batch" and self.training.batch_size == 1:
            problems.append(
                "a batch norm cannot train on batches of 1 image: use --batch-size 2 or more, or --norm layer"
            )
        if not OBJECTIVES[self.objective.name].has_decoder and self.model.decoder is not None:
            with_decoder = [name for name, entry in OBJECTIVES.items() if entry.has_decoder]
            problems.append(
                f"the objective '{self.objective.name}' has no decoder: leave '{self.model.decoder}' out, or choose "
                f"the objective {' or '.join(with_decoder)}"
            )
        problems += self._sparsity_problems()
        if self.training.init_from is not None and self.model.is_fitted:
            problems.append(
                f"--init-from takes over a learned network, and the encoder '{self.model.encoder}' is fitted: "
                "leave it out"
            )
        raise_if_any(problems)

    def _repr_html_(self) -> str:
        """What a notebook shows: the main settings, and those that differ from their defaults."""
        return settings_html(self)

    def _sparsity_problems(self) -> list[str]:
        kind, activation = self.objective.sparsity, self.model.latent_activation
        if kind == "none":
            return []
        if self.model.is_fitted:
            return [
                f"sparsity needs an encoder that learns, and '{self.model.encoder}' is fitted: choose a learned one "
                f"({', '.join(LEARNED_ENCODERS)}), or leave sparsity out"
            ]
        if activation not in SPARSE_ACTIVATIONS[kind]:
            return [
                f"the sparsity '{kind}' needs latent units that are never negative: leave --latent-activation "
                f"{activation} out, or give {' or '.join(SPARSE_ACTIVATIONS[kind])}"
            ]
        return []

    def with_absolute_paths(self) -> RunConfig:
        """The same, so that later commands find the files from whatever folder they are started in."""
        data, training = self.data, self.training
        return dataclasses.replace(
            self,
            data=dataclasses.replace(
                data, images=_absolute(data.images), metadata=data.metadata and _absolute(data.metadata)
            ),
            training=dataclasses.replace(training, init_from=training.init_from and _absolute(training.init_from)),
        )

    def to_json(self) -> dict[str, Any]:
        """Plain dictionaries and lists, as written to `config.json`; see `formats.py`."""
        return to_json({item.name: getattr(self, item.name) for item in dataclasses.fields(self)})

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> RunConfig:
        """The configuration that `to_json` came from; see `formats.py`.

        Raises:
            UserError: a section or a field is missing, unknown or out of range, or the format is a newer one.
        """
        return cls(**from_json(content))


def _absolute(path: str) -> str:
    return str(Path(path).absolute())


def differing_settings(one: RunConfig, other: RunConfig) -> dict[str, tuple[Any, Any]]:
    """Settings in which two configurations differ, by name, with the value of each."""
    found = {}
    for section in dataclasses.fields(RunConfig):
        a, b = (dict(values_of(getattr(config, section.name))) for config in (one, other))
        for name in {**a, **b}:
            if a.get(name) != b.get(name):
                found[name] = a.get(name), b.get(name)
    return found


def settings_shown(config: RunConfig) -> dict[str, tuple[Any, Any]]:
    """The main settings, and those that are not as they usually are, by name: the value and the default.

    Defaults are those of the same objective and encoder; the images, which have none, have their own value there.
    """
    usual = RunConfig(
        DataConfig(config.data.images), ModelConfig(config.model.encoder), ObjectiveConfig(config.objective.name)
    )
    values, defaults = _flat(config), _flat(usual)
    defaults |= {"objective": ObjectiveConfig().name, "encoder": ModelConfig().encoder}
    changed = [name for name in values if values[name] != defaults.get(name)]
    return {name: (values[name], defaults.get(name)) for name in dict.fromkeys((*MAIN, *changed))}


def _flat(config: RunConfig) -> dict[str, Any]:
    sections = (getattr(config, section.name) for section in dataclasses.fields(RunConfig))
    return {
        "objective" if name == "name" else name: value for section in sections for name, value in values_of(section)
    }


def settings_html(config: RunConfig) -> str:
    """What a notebook shows: a table of `settings_shown`, where what is not the default has the default beside it.

    The summaries of other objects are made in a room above, which knows the configuration.
    """
    rows = [
        (name, _text(value), "" if value == usual else _text(usual))
        for name, (value, usual) in settings_shown(config).items()
    ]
    cells = ("".join(f"<td>{html.escape(cell)}</td>" for cell in row) for row in (("setting", "", "default"), *rows))
    lines = "".join(f"<tr>{line}</tr>" for line in cells)
    return f"<div><strong>RunConfig</strong><table>{lines}</table><div>all others have their defaults</div></div>"


def _text(value: Any) -> str:
    """A value as one would write it; what does not print is seen, as Python writes it."""
    return repr(value) if isinstance(value, str | tuple | list | int | float | None) else repr(str(value))
