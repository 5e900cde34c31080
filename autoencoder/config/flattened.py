"""What a configuration says, flat and by dotted names: for finding out in which settings runs differ."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from autoencoder.config.run import RunConfig

Flat = dict[str, Any]
"""Settings of a run by their dotted names, such as `training.epochs`."""

OF_EACH_RUN = ("data.images", "data.metadata", "training.seed", "training.experiment_name")
"""Settings in which runs of one setting differ, or that say where files lie."""


def flattened(config: RunConfig) -> Flat:
    """Everything that a configuration says but for what is each run's own (`OF_EACH_RUN`), as plain values."""
    return {
        name: value
        for section, values in config.to_json().items()
        if isinstance(values, Mapping)
        for name, value in _flat(values, f"{section}.")
        if name not in OF_EACH_RUN
    }


def _flat(values: Mapping[str, Any], prefix: str) -> Iterable[tuple[str, Any]]:
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield prefix + name, list(value) if isinstance(value, tuple) else value


def in_common(settings: Iterable[Flat]) -> Flat:
    """Settings that all have, with one value; there is at least one configuration."""
    first, *others = settings
    return {
        name: value for name, value in first.items() if all(name in other and other[name] == value for other in others)
    }
