"""Sparsity: the penalty by hand, where its least value is, and that training goes there."""

import math

import numpy as np
import pytest
import torch

import autoencoder as ae
from autoencoder.objectives.base import make_objective, sparsity_penalty

FAST = ("--encoder", "dense", "--latent-dim", 8, "--batch-size", 16, "--val-interval", 1, "--threads", 1)


def config(kind, weight=1.0, target=None, name="reconstruct"):
    return ae.ObjectiveConfig(name, sparsity=kind, sparsity_weight=weight, sparsity_target=target)


def test_log_by_hand():
    latent = torch.tensor([[0.0, 1.0, 4.0], [0.0, 3.0, 2.0]])  # means 0, 2, 3
    expected = 0.5 * (math.log(1) + math.log(5) + math.log(10))
    assert sparsity_penalty(latent, config("log", 0.5)).item() == pytest.approx(expected)
    assert sparsity_penalty(torch.zeros(4, 3), config("log")).item() == 0


def test_kl_by_hand():
    latent = torch.tensor([[0.1, 0.9], [0.3, 0.7]])  # means 0.2, 0.8
    rho = 0.2
    expected = 0 + (rho * math.log(rho / 0.8) + (1 - rho) * math.log((1 - rho) / 0.2))
    assert sparsity_penalty(latent, config("kl", 1, rho)).item() == pytest.approx(expected, rel=1e-5)
    assert sparsity_penalty(latent, config("kl", 0.25, rho)).item() == pytest.approx(0.25 * expected, rel=1e-5)


@pytest.mark.parametrize("rho", [0.01, 0.05, 0.5, 0.9])
def test_kl_is_least_and_zero_at_its_target(rho):
    at = {p: sparsity_penalty(torch.full((5, 3), p), config("kl", 1, rho)).item() for p in (rho, 0.9 * rho, 1.1 * rho)}
    assert at[rho] == pytest.approx(0, abs=1e-6)
    assert at[0.9 * rho] > 1e-5
    assert at[1.1 * rho] > 1e-5


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_kl_of_dead_and_full_units_is_finite_with_a_finite_slope(value):
    latent = torch.full((4, 2), value, requires_grad=True)
    penalty = sparsity_penalty(latent, config("kl"))
    penalty.backward()
    assert penalty.isfinite()
    assert latent.grad.isfinite().all()


def test_none():
    penalty = make_objective(ae.ObjectiveConfig()).penalty(torch.rand(4, 3))
    assert penalty.shape == ()
    assert penalty.item() == 0


def test_every_objective_has_it():
    latent = torch.rand(6, 4)
    for name in ("reconstruct", "mask", "angle", "classify"):
        made = make_objective(config("log", 2.0, name=name))
        assert made.penalty(latent).item() == pytest.approx(2 * torch.log1p(latent.mean(0) ** 2).sum().item())


def test_the_activation_that_a_sparsity_needs():
    """Left out, it is the sigmoid; one that is never negative stays; of a fitted encoder it is refused elsewhere."""
    data = ae.DataConfig("a.npz")
    for kind in ("log", "kl"):
        assert ae.RunConfig(data, objective=config(kind)).model.latent_activation == "sigmoid"
    relu = ae.RunConfig(data, ae.ModelConfig(latent_activation="relu"), config("log"))
    assert relu.model.latent_activation == "relu"
    assert ae.RunConfig(data).model.latent_activation is None


def test_validation_loss_counts_the_penalty_of_all_held_out_images(tiny, tmp_path, succeed):
    """As one batch, whatever the size of the batches that they come in."""
    flags = ("--sparsity", "kl", "--sparsity-weight", 0.5, "--epochs", 2, "--snapshot-batch-size", 5)
    succeed("train", tiny, "--run", tmp_path / "run", *FAST, *flags)
    trained, data = ae.load_run(tmp_path / "run"), ae.load_images(tiny)
    rows = trained.run.split().val
    seen = data.scaled(rows)
    with torch.no_grad():
        latent, made = trained.network(torch.from_numpy(seen))
    p, rho = latent.numpy().mean(axis=0), 0.05
    penalty = 0.5 * (rho * np.log(rho / p) + (1 - rho) * np.log((1 - rho) / (1 - p))).sum()
    loss = np.square(made.numpy() - seen).mean() + penalty
    assert trained.run.metrics()[-1]["val_loss"] == pytest.approx(loss, rel=1e-4)


def mean_activation(run, data):
    return ae.load_run(run).encode(ae.load_images(data).images).mean(axis=0)


@pytest.mark.slow
def test_training_with_kl_draws_every_unit_to_the_target(tiny, tmp_path, succeed):
    flags = ("--epochs", 60, "--lr", 0.02, "--schedule", "constant", "--snapshots-per-epoch", 0, "--split", "random")
    succeed("train", tiny, "--run", tmp_path / "plain", *FAST, *flags, "--latent-activation", "sigmoid")
    for rho in (0.1, 0.7):
        sparse = ("--sparsity", "kl", "--sparsity-weight", 1, "--sparsity-target", rho)
        succeed("train", tiny, "--run", tmp_path / f"{rho}", *FAST, *flags, *sparse)
        found = np.abs(mean_activation(tmp_path / f"{rho}", tiny) - rho)
        assert found.max() < 0.1
        assert found.mean() < 0.3 * np.abs(mean_activation(tmp_path / "plain", tiny) - rho).mean()


@pytest.mark.parametrize("activation", ["sigmoid", "relu"])
def test_training_with_log_lowers_the_mean_activation(tiny, tmp_path, succeed, activation):
    flags = ("--epochs", 20, "--lr", 0.02, "--optimizer", "adam", "--snapshots-per-epoch", 0, "--split", "random")
    flags = (*flags, "--latent-activation", activation)
    succeed("train", tiny, "--run", tmp_path / "plain", *FAST, *flags)
    succeed("train", tiny, "--run", tmp_path / "sparse", *FAST, *flags, "--sparsity", "log", "--sparsity-weight", 1)
    sparse, plain = mean_activation(tmp_path / "sparse", tiny), mean_activation(tmp_path / "plain", tiny)
    assert (sparse >= 0).all()
    assert sparse.mean() < 0.7 * plain.mean()
