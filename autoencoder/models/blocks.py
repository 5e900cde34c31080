"""Parts that networks share: a norm for maps, a norm for vectors, and activations by name."""

from __future__ import annotations

from torch import nn

from autoencoder.config import NORMS

ACTIVATIONS: dict[str, type[nn.Module]] = {
    "relu": nn.ReLU,
    "linear": nn.Identity,
    "sigmoid": nn.Sigmoid,
    "tanh": nn.Tanh,
    "silu": nn.SiLU,
}
"""Activations by name; "linear" is none at all."""


def norm_2d(kind: str, channels: int) -> nn.Module:
    """A norm for maps: (N, channels, H, W) to the same shape; `kind` is one of `config.NORMS`."""
    if kind == "batch":
        return nn.BatchNorm2d(channels)
    if kind == "layer":
        return nn.GroupNorm(1, channels)
    return _no_norm(kind)


def norm_1d(kind: str, features: int) -> nn.Module:
    """A norm for vectors: (N, features) to the same shape; `kind` is one of `config.NORMS`."""
    if kind == "batch":
        return nn.BatchNorm1d(features)
    if kind == "layer":
        return nn.LayerNorm(features)
    return _no_norm(kind)


def _no_norm(kind: str) -> nn.Module:
    if kind != "none":
        raise ValueError(f"a norm is one of {', '.join(NORMS)}, not {kind!r}")
    return nn.Identity()


def activation(name: str) -> nn.Module:
    """The activation called `name`, a key of `ACTIVATIONS`; it keeps the shape."""
    if name not in ACTIVATIONS:
        raise ValueError(f"an activation is one of {', '.join(ACTIVATIONS)}, not {name!r}")
    return ACTIVATIONS[name]()
