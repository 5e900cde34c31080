"""The optimizers that a run can name, and what a checkpoint keeps of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor

from autoencoder.config import TrainingConfig
from autoencoder.errors import number_of
from autoencoder.training.muon import Muon


def make_optimizer(
    training: TrainingConfig, parameters: Iterable[Tensor], device: torch.device
) -> torch.optim.Optimizer:
    """The optimizer that `training` names, for a network's parameters on `device`."""
    fused = device.type in ("cpu", "cuda")
    if training.optimizer == "muon":
        return Muon(parameters, training.lr, training.weight_decay, fused=fused)
    return torch.optim.AdamW(parameters, lr=training.lr, weight_decay=training.weight_decay, fused=fused)


def check_state(state: Mapping[int, Mapping[str, Any]], optimizer: torch.optim.Optimizer) -> None:
    """Refuse running means that are not those of this optimizer's parameters, after one update or more.

    Args:
        state: of a checkpoint, by the number of the parameter.
        optimizer: a new one.

    Raises:
        ValueError: a parameter has none, or others than the optimizer keeps, or such of another shape.
    """
    expected = [
        {"momentum": parameter.shape}
        if group.get("orthogonal")
        else {"step": torch.Size([]), "exp_avg": parameter.shape, "exp_avg_sq": parameter.shape}
        for group in optimizer.param_groups
        for parameter in group["params"]
    ]
    if state.keys() != set(range(len(expected))):
        raise ValueError(f"the optimizer's state has {number_of(len(state), 'parameter')}, not {len(expected)}")
    for number, shapes in enumerate(expected):
        found = {name: value.shape for name, value in state[number].items()}
        if found != shapes:
            raise ValueError(f"the optimizer's state {number} has the shapes {found}")
