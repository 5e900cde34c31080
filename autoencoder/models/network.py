"""A network is an encoder and a head; the head is what the objective asks for, such as the mirrored decoder."""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import NamedTuple, Protocol

import torch
from torch import Tensor, nn

from autoencoder.config import ModelConfig
from autoencoder.errors import UserError
from autoencoder.models.registry import ENCODERS

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
    """The module of the encoder `name`, with its `Encoder`, `Decoder`, `MIN_SIDE` and `DEFAULT_LATENT_ACTIVATION`."""
    return importlib.import_module(ENCODERS[name])


def check_image_shape(encoder: str, image_shape: ImageShape) -> None:
    """Refuse images that the encoder cannot halve as often as it does.

    Raises:
        UserError: a side is too short.
    """
    smallest = architecture(encoder).MIN_SIDE
    _, height, width = image_shape
    if min(height, width) < smallest:
        raise UserError(
            f"images of {height}x{width} pixels are smaller than the encoder '{encoder}' can halve: it takes "
            f"{smallest}x{smallest} or more; prepare them with --pad or --resize"
        )


def build_encoder(config: ModelConfig, image_shape: ImageShape) -> nn.Module:
    """The encoder that `config` names, for images of `image_shape`, with freshly drawn weights."""
    module = architecture(config.encoder)
    activation = config.latent_activation or module.DEFAULT_LATENT_ACTIVATION
    encoder: nn.Module = module.Encoder(image_shape, config.latent_dim, norm=config.norm, latent_activation=activation)
    return encoder


def build_decoder(config: ModelConfig, image_shape: ImageShape) -> nn.Module:
    """The decoder that mirrors the encoder of `config`."""
    decoder: nn.Module = architecture(config.encoder).Decoder(image_shape, config.latent_dim, norm=config.norm)
    return decoder


def on_device(network: Network, device: torch.device) -> Network:
    """Move to `device`, in the channels-last layout that convolutions run fastest in on CPU and CUDA."""
    return network.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]
