"""Parts that networks share: norms for maps, vectors and the latent, a dense layer, and activations by name.

The norm "local-response" divides a value by (1 + 1e-4/5 * sum of squares)^0.75 over itself and the two channels on each
side (Krizhevsky, Sutskever and Hinton 2012, with torch's constants); in a vector the neighbours are features. It has no
parameters and takes no mean away, so a layer in front of it keeps its bias, as every layer but one before a batch norm.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from autoencoder.config import NORMS

ACTIVATIONS: dict[str, type[nn.Module]] = {
    "relu": nn.ReLU,
    "linear": nn.Identity,
    "sigmoid": nn.Sigmoid,
    "tanh": nn.Tanh,
    "silu": nn.SiLU,
}
"""Activations by name; "linear" is none at all."""

LOCAL_RESPONSE_SIZE = 5
"""Neighbouring channels that "local-response" sums over."""


def norm_2d(kind: str, channels: int) -> nn.Module:
    """A norm for maps: (N, channels, H, W) to the same shape; `kind` is one of `config.NORMS`."""
    if kind == "batch":
        return nn.BatchNorm2d(channels)
    if kind == "layer":
        return nn.GroupNorm(1, channels)
    if kind == "local-response":
        return nn.LocalResponseNorm(LOCAL_RESPONSE_SIZE)
    return _no_norm(kind)


def norm_1d(kind: str, features: int) -> nn.Module:
    """A norm for vectors: (N, features) to the same shape; `kind` is one of `config.NORMS`."""
    if kind == "batch":
        return nn.BatchNorm1d(features)
    if kind == "layer":
        return nn.LayerNorm(features)
    if kind == "local-response":
        return _LocalResponseNorm1d()
    return _no_norm(kind)


def latent_norm(kind: str, features: int, latent_activation: str) -> nn.Module:
    """The norm in front of the latent's activation: (N, features) to the same shape; `kind` is one of `config.NORMS`.

    "batch" gives units of mean 0 and variance 1 over the batch: none rules the distances between codes by its scale
    alone. It learns a scale and shift of its own only where a non-linear activation follows: with the mean held at 0 in
    front of it, no unit could become sparse or saturate. Every other norm leaves the latent as it is: a norm over one
    image's own units would take dimensions away.
    """
    if kind == "batch":
        return nn.BatchNorm1d(features, affine=latent_activation != "linear")
    return nn.Identity()


def dense_layer(inputs: int, features: int, norm: str, nonlinearity: str = "relu") -> nn.Sequential:
    """(N, inputs) to (N, features), after norm and the activation `nonlinearity`."""
    return nn.Sequential(
        nn.Linear(inputs, features, bias=norm != "batch"), norm_1d(norm, features), activation(nonlinearity)
    )


def latent_layer(inputs: int, latent_dim: int, norm: str, latent_activation: str) -> nn.Sequential:
    """(N, inputs) to the latent (N, latent_dim), after `latent_norm` and the activation."""
    return nn.Sequential(
        nn.Linear(inputs, latent_dim, bias=norm != "batch"),
        latent_norm(norm, latent_dim, latent_activation),
        activation(latent_activation),
    )


class _LocalResponseNorm1d(nn.Module):
    """`torch.nn.LocalResponseNorm` across neighbouring features: (N, features) to the same shape."""

    def forward(self, vectors: Tensor) -> Tensor:
        return F.local_response_norm(vectors.unsqueeze(2), LOCAL_RESPONSE_SIZE).squeeze(2)


def _no_norm(kind: str) -> nn.Module:
    if kind != "none":
        raise ValueError(f"a norm is one of {', '.join(NORMS)}, not {kind!r}")
    return nn.Identity()


def activation(name: str) -> nn.Module:
    """The activation called `name`, a key of `ACTIVATIONS`; it keeps the shape."""
    if name not in ACTIVATIONS:
        raise ValueError(f"an activation is one of {', '.join(ACTIVATIONS)}, not {name!r}")
    return ACTIVATIONS[name]()
