"""Muon beside the singular value decomposition that it stands for, and beside torch's own Muon and Adam."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from autoencoder.config import TrainingConfig
from autoencoder.training.muon import Muon, orthogonalised
from autoencoder.training.optimizers import check_state, make_optimizer

CPU = torch.device("cpu")


@pytest.mark.parametrize("shape", [(20, 20), (64, 16), (16, 64), (1, 9), (9, 1)])
def test_orthogonalised_keeps_singular_vectors_and_evens_out_singular_values(shape: tuple[int, int]) -> None:
    torch.manual_seed(0)
    matrix = torch.randn(shape)
    u, _, v = torch.linalg.svd(matrix.double(), full_matrices=False)
    inner = u.T @ orthogonalised(matrix).double() @ v.T
    assert (inner - torch.diag(inner.diagonal())).abs().max() < 1e-3
    assert inner.diagonal().min() > 0.3
    assert inner.diagonal().max() < 1.25


def test_orthogonalised_is_the_plain_iteration() -> None:
    torch.manual_seed(0)
    matrix = torch.randn(24, 60, dtype=torch.float64)
    plain = matrix / matrix.norm()
    for _ in range(5):
        product = plain @ plain.T
        plain = 3.4445 * plain + (-4.7750 * product + 2.0315 * product @ product) @ plain
    assert torch.allclose(orthogonalised(matrix), plain, atol=1e-6)


def test_zero_gradient_makes_no_step() -> None:
    assert (orthogonalised(torch.zeros(4, 7)) == 0).all()


@pytest.mark.parametrize("shape", [(12, 30), (30, 12)])
@pytest.mark.parametrize("decay", [0.0, 0.1])
def test_matrices_take_the_steps_of_torchs_muon(decay: float, shape: tuple[int, int]) -> None:
    if not hasattr(torch.optim, "Muon"):
        pytest.skip("torch.optim.Muon came with torch 2.9")
    torch.manual_seed(0)
    ours, theirs = (nn.Parameter(torch.ones(shape)) for _ in range(2))
    first = Muon([ours], lr=0.005, weight_decay=decay, fused=True)
    # Decay goes by the learning rate, which is a quarter of the size of a step here.
    second = torch.optim.Muon([theirs], lr=0.02, weight_decay=decay / 4)
    for _ in range(3):
        ours.grad = torch.randn(shape)
        theirs.grad = ours.grad.clone()
        first.step()
        second.step()
    moved = (theirs - 1).norm()
    # torch's momentum is a mean and ours a sum, which the normalisation makes the same; it multiplies in bfloat16.
    assert (ours - theirs).norm() < 0.05 * moved


@pytest.mark.parametrize("fused", [True, False])
def test_vectors_take_the_steps_of_adam(fused: bool) -> None:
    torch.manual_seed(0)
    ours, theirs = (nn.Parameter(torch.ones(9)) for _ in range(2))
    first, second = Muon([ours], 0.01, 0.1, fused=fused), torch.optim.AdamW([theirs], 0.01, weight_decay=0.1)
    for _ in range(5):
        ours.grad = torch.randn(9)
        theirs.grad = ours.grad.clone()
        first.step()
        second.step()
    assert torch.allclose(ours, theirs, atol=1e-7)


def test_a_convolution_is_the_matrix_that_it_multiplies_patches_by() -> None:
    torch.manual_seed(0)
    gradient = torch.randn(8, 3, 3, 3)
    weights = [nn.Parameter(torch.zeros(8, 3, 3, 3)), nn.Parameter(torch.zeros(8, 27))]
    for weight in weights:
        weight.grad = gradient.reshape(weight.shape).clone()
    Muon(weights, 0.1, fused=True).step()
    assert torch.equal(weights[0].detach().flatten(1), weights[1].detach())
    laid_out = nn.Parameter(torch.zeros(8, 3, 3, 3).contiguous(memory_format=torch.channels_last))
    laid_out.grad = gradient.contiguous(memory_format=torch.channels_last)
    Muon([laid_out], 0.1, fused=True).step()
    assert torch.allclose(laid_out, weights[0], atol=1e-6)


def test_state_goes_through_a_checkpoint() -> None:
    torch.manual_seed(0)
    gradients = [torch.randn(4, 6), torch.randn(4)]

    def updated(network: nn.Linear, optimizer: torch.optim.Optimizer) -> None:
        for parameter, gradient in zip(network.parameters(), gradients, strict=True):
            parameter.grad = gradient.clone()
        optimizer.step()

    network, other = nn.Linear(6, 4), nn.Linear(6, 4)
    optimizer, again = (make_optimizer(TrainingConfig(optimizer="muon"), n.parameters(), CPU) for n in (network, other))
    updated(network, optimizer)
    other.load_state_dict(network.state_dict())
    kept = copy.deepcopy(optimizer.state_dict()["state"])
    check_state(kept, again)
    again.load_state_dict({**again.state_dict(), "state": kept})
    updated(network, optimizer)
    updated(other, again)
    assert all(torch.equal(a, b) for a, b in zip(network.parameters(), other.parameters(), strict=True))
    adam = make_optimizer(TrainingConfig(optimizer="adam"), network.parameters(), CPU)
    with pytest.raises(ValueError, match="shapes"):
        check_state(kept, adam)
    with pytest.raises(ValueError, match="has 1 parameter, not 2"):
        check_state({0: kept[0]}, again)
