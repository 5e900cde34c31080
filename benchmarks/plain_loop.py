"""The peer: what one writes by hand for the reference autoencoder, with everything at its default.

A float32 `TensorDataset` in a `DataLoader`, an eager network in torch's default layout, Adam at 1e-3, `loss.item()`
after each step.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset


def reference_network(latent_dim: int = 16) -> nn.Sequential:
    """1x50x50 to a 16-D code and back; see "The reference network" in docs/architecture.md."""

    def down(inputs: int, outputs: int) -> list[nn.Module]:
        return [nn.Conv2d(inputs, outputs, 3), nn.BatchNorm2d(outputs), nn.ReLU(True)]

    def up(inputs: int, outputs: int, kernel: int, stride: int) -> list[nn.Module]:
        return [nn.ConvTranspose2d(inputs, outputs, kernel, stride), nn.BatchNorm2d(outputs), nn.ReLU(True)]

    pool = nn.MaxPool2d(2)
    encoder = [*down(1, 64), pool, *down(64, 64), pool, *down(64, 128), nn.Flatten()]
    code = [nn.Linear(128 * 9 * 9, latent_dim), nn.BatchNorm1d(latent_dim), nn.ReLU(True)]
    fc2 = [nn.Linear(latent_dim, 128 * 9 * 9), nn.BatchNorm1d(128 * 9 * 9), nn.ReLU(True)]
    decoder = [
        *up(128, 64, 3, 1),
        *up(64, 64, 2, 2),
        *up(64, 64, 3, 1),
        *up(64, 64, 2, 2),
        nn.ConvTranspose2d(64, 1, 3),
    ]
    return nn.Sequential(*encoder, *code, *fc2, nn.Unflatten(1, (128, 9, 9)), *decoder)


def train_steps(network: nn.Module, batches: Iterator[Tensor]) -> Iterator[tuple[float, float]]:
    """Loss and seconds of one update per batch (N, 1, 50, 50); the time to fetch the batch is not counted."""
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3)
    loss_of = nn.MSELoss()
    network.train()
    for batch in batches:
        started = time.perf_counter()
        optimizer.zero_grad()
        loss = loss_of(network(batch), batch)
        value = loss.item()
        loss.backward()
        optimizer.step()
        yield value, time.perf_counter() - started


def shuffled_epochs(images: Tensor, batch_size: int) -> Iterator[Tensor]:
    """Batches of `images`, epoch after epoch, without end."""
    loader = DataLoader(TensorDataset(images), batch_size, shuffle=True)
    while True:
        for (batch,) in loader:
            yield batch
