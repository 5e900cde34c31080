"""Read-outs: heads that make a few numbers of a latent code."""

from __future__ import annotations

from torch import Tensor, nn

from autoencoder.models.blocks import dense_layer

HIDDEN_UNITS = 128
"""Units of the read-out's first layer, its "fc2"."""


class ReadOut(nn.Module):
    """Latent (N, latent_dim) to outputs (N, n_outputs), through one hidden layer.

    Args:
        latent_dim: number of latent units.
        n_outputs: number of outputs.
        norm: one of `config.NORMS`.
    """

    def __init__(self, latent_dim: int, n_outputs: int, *, norm: str) -> None:
        super().__init__()
        self.fc2 = dense_layer(latent_dim, HIDDEN_UNITS, norm, "silu")
        self.out = nn.Linear(HIDDEN_UNITS, n_outputs)

    def first_layer(self, latent: Tensor) -> Tensor:
        """Latent (N, latent_dim) to "fc2", (N, HIDDEN_UNITS)."""
        features: Tensor = self.fc2(latent)
        return features

    def forward(self, latent: Tensor) -> Tensor:
        """Latent (N, latent_dim) to (N, n_outputs), without a final activation."""
        outputs: Tensor = self.out(self.first_layer(latent))
        return outputs
