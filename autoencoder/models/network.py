"""A network is an encoder and a head; the head is what the objective asks for, such as the mirrored decoder."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from types import ModuleType
from typing import Any, NamedTuple, Protocol, TypeVar

import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from autoencoder.config import ModelConfig
from autoencoder.errors import raise_if_any
from autoencoder.models.fitted import FittedEncoder
from autoencoder.registries import DEFAULT_DECODER, ENCODERS

ImageShape = tuple[int, int, int]
"""Channels, height and width."""


class Output(NamedTuple):
    """What a network makes of a batch: latent (N, d), and prediction, whose shape the objective defines."""

    latent: Tensor
    prediction: Tensor


class Head(Protocol):
    """What stands behind the latent; a decoder or a read-out."""

    def first_layer(self, latent: Tensor) -> Tensor:
        """(N, d) to the features of the head's first layer, "fc2", (N, features)."""
        ...

    def __call__(self, latent: Tensor) -> Tensor:
        """(N, d) to the prediction."""
        ...


class Network(nn.Module):
    """Encoder and head.

    Args:
        encoder: (N, C, H, W) float in [0, 1] to latent (N, d).
        head: a `Head`.
    """

    def __init__(self, encoder: nn.Module, head: nn.Module) -> None:
        super().__init__()
        self.encoder = encoder
        self.head = head

    def encode(self, images: Tensor) -> Tensor:
        """Latent codes (N, d) of `images` (N, C, H, W) in [0, 1]."""
        latent: Tensor = self.encoder(images)
        return latent

    def forward(self, images: Tensor) -> Output:
        """Latent codes and the head's prediction for `images` (N, C, H, W) in [0, 1]."""
        latent = self.encode(images)
        return Output(latent, self.head(latent))

    def features(self, layer: str, images: Tensor) -> Tensor:
        """Activations (N, features) of a named layer: "latent", "fc2" (the head's first layer) or "pixels"."""
        if layer == "pixels":
            return images.flatten(1)
        if layer == "latent":
            return self.encode(images)
        if layer == "fc2":
            features: Tensor = self.head.first_layer(self.encode(images))  # type: ignore[operator]
            return features.flatten(1)
        raise ValueError(f"layer is latent, fc2 or pixels, not {layer!r}")

    def n_parameters(self) -> int:
        """Number of trained parameters."""
        return sum(parameter.numel() for parameter in self.parameters())


def architecture(name: str) -> ModuleType:
    """The module of the encoder `name`; see `autoencoder/registries.py` for what it defines."""
    return importlib.import_module(ENCODERS[name].module)


def decoder_name(config: ModelConfig) -> str:
    """The learned encoder whose decoder `config` asks for."""
    return config.decoder or (DEFAULT_DECODER if config.is_fitted else config.encoder)


def check_image_shape(config: ModelConfig, image_shape: ImageShape) -> None:
    """Refuse images that the encoder, or the decoder, cannot halve as often as it does.

    Raises:
        UserError: a side is too short.
    """
    _, height, width = image_shape
    names = dict.fromkeys([decoder_name(config)] if config.is_fitted else [config.encoder, decoder_name(config)])
    raise_if_any(
        f"images of {height}x{width} pixels are too small for the network '{name}', which needs "
        f"{architecture(name).MIN_SIDE}x{architecture(name).MIN_SIDE} or more; prepare them with --pad or --resize"
        for name in names
        if min(height, width) < architecture(name).MIN_SIDE
    )


def build_encoder(config: ModelConfig, image_shape: ImageShape) -> nn.Module:
    """The learned encoder that `config` names, for images of `image_shape`, with freshly drawn weights."""
    module = architecture(config.encoder)
    activation = config.latent_activation or module.DEFAULT_LATENT_ACTIVATION
    encoder: nn.Module = module.Encoder(
        image_shape,
        config.latent_dim,
        norm=config.norm,
        latent_activation=activation,
        **config.own_of(config.encoder),
    )
    return encoder


def build_decoder(config: ModelConfig, image_shape: ImageShape) -> nn.Module:
    """The decoder of `config`, which makes images of `image_shape`."""
    name = decoder_name(config)
    decoder: nn.Module = architecture(name).Decoder(
        image_shape, config.latent_dim, norm=config.norm, **config.own_of(name)
    )
    return decoder


def fitted_encoder(config: ModelConfig, arrays: Mapping[str, NDArray[Any]]) -> FittedEncoder:
    """The fitted encoder that `FittedEncoder.arrays` came from.

    Raises:
        ValueError: the arrays are not those of this encoder.
    """
    encoder: FittedEncoder = architecture(config.encoder).Encoder(arrays)
    return encoder


_Module = TypeVar("_Module", bound=nn.Module)


def on_device(network: _Module, device: torch.device) -> _Module:
    """Move to `device`, in the channels-last layout that convolutions run fastest in on CPU and CUDA."""
    return network.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]
