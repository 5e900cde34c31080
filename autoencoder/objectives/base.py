"""What an objective is: a head behind the latent, a target, a loss."""

from __future__ import annotations

import importlib
from abc import ABC, abstractmethod

from torch import Tensor, nn

from autoencoder.config import ModelConfig, ObjectiveConfig
from autoencoder.models.network import ImageShape, Network, Output, build_encoder
from autoencoder.objectives.registry import OBJECTIVES


class Objective(ABC):
    """What a network is trained for.

    Args:
        config: the objective's own settings.
    """

    def __init__(self, config: ObjectiveConfig) -> None:
        self.config = config

    @abstractmethod
    def build_head(self, model: ModelConfig, image_shape: ImageShape) -> nn.Module:
        """A fresh head, see `autoencoder.models.network.Head`."""

    @abstractmethod
    def losses(self, output: Output, images: Tensor) -> Tensor:
        """Loss of each image, (N,), for the network's output and the uncorrupted `images` (N, C, H, W) in [0, 1]."""

    @abstractmethod
    def to_images(self, prediction: Tensor) -> Tensor:
        """The prediction as images (N, C, H, W) in [0, 1]."""

    def build_network(self, model: ModelConfig, image_shape: ImageShape) -> Network:
        """A network for this objective, with weights drawn from torch's global generator."""
        return Network(build_encoder(model, image_shape), self.build_head(model, image_shape))


def make_objective(config: ObjectiveConfig) -> Objective:
    """The objective that `config` names."""
    objective: Objective = importlib.import_module(OBJECTIVES[config.name]).Objective(config)
    return objective
