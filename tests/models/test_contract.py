"""Every encoder, with every norm and image shape, keeps the same contract."""

from __future__ import annotations

import io

import pytest
import torch
from torch import Tensor, nn

from autoencoder.config import LATENT_ACTIVATIONS, ModelConfig, ObjectiveConfig
from autoencoder.errors import UserError
from autoencoder.models.blocks import ACTIVATIONS, NORMS, activation, norm_1d, norm_2d
from autoencoder.models.network import Network, architecture, check_image_shape, on_device
from autoencoder.models.registry import ENCODERS
from autoencoder.objectives.base import make_objective

Shape = tuple[int, int, int]

SHAPES: list[Shape] = [(1, 50, 50), (1, 51, 47), (3, 32, 40), (1, 28, 28), (2, 19, 33)]
LATENT_DIM = 6


def smallest(encoder: str) -> int:
    side: int = architecture(encoder).MIN_SIDE
    return side


def cases() -> list[object]:
    return [
        pytest.param(encoder, norm, shape, id=f"{encoder}-{norm}-{'x'.join(map(str, shape))}")
        for encoder in ENCODERS
        for norm in NORMS
        for shape in [*SHAPES, (1, smallest(encoder), smallest(encoder) + 1)]
        if min(shape[1:]) >= smallest(encoder)
    ]


every_case = pytest.mark.parametrize(("encoder", "norm", "shape"), cases())
every_encoder = pytest.mark.parametrize("encoder", sorted(ENCODERS))


def make(
    encoder: str, norm: str, shape: Shape, *, seed: int = 0, latent: str | None = None, dim: int = LATENT_DIM
) -> Network:
    torch.manual_seed(seed)
    config = ModelConfig(encoder, dim, norm, latent)  # type: ignore[arg-type]
    return make_objective(ObjectiveConfig()).build_network(config, shape)


def images(shape: Shape, n: int = 3, seed: int = 1) -> Tensor:
    """Smooth pictures, as pictures are."""
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(n, shape[0], 5, 5, generator=generator)
    return nn.functional.interpolate(coarse, shape[1:], mode="bilinear")


def loss(network: Network, batch: Tensor) -> Tensor:
    return make_objective(ObjectiveConfig()).losses(network(batch), batch).mean()


@every_case
def test_shapes(encoder: str, norm: str, shape: Shape) -> None:
    network, batch = make(encoder, norm, shape).eval(), images(shape)
    with torch.no_grad():
        latent, prediction = network(batch)
        assert latent.shape == (3, LATENT_DIM)
        assert prediction.shape == batch.shape
        assert latent.isfinite().all()
        assert prediction.isfinite().all()
        assert torch.equal(network.encode(batch), latent)
        assert torch.equal(network.features("latent", batch), latent)
        assert torch.equal(network.features("pixels", batch), batch.flatten(1))
        fc2 = network.features("fc2", batch)
        assert fc2.ndim == 2
        assert fc2.shape[0] == 3
        assert fc2.shape[1] > LATENT_DIM
        assert torch.equal(fc2, network.head.first_layer(latent).flatten(1))  # type: ignore[operator]
    assert network.n_parameters() == sum(p.numel() for p in network.parameters() if p.requires_grad)


def cancelled_by_batch_norm(network: nn.Module) -> set[str]:
    """Biases that a batch norm right behind them subtracts again, so that their gradient is rounding only."""
    names, before = set(), ""
    for name, module in network.named_modules():
        if isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d)):
            names.add(f"{before}.bias")
        if not list(module.children()):
            before = name
    return names


@every_case
def test_a_finite_gradient_on_every_parameter(encoder: str, norm: str, shape: Shape) -> None:
    network = make(encoder, norm, shape)
    loss(network, images(shape, 4)).backward()
    cancelled = cancelled_by_batch_norm(network)
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        if name not in cancelled:
            assert parameter.grad.abs().max() > 0, name


@every_case
def test_evaluation_of_an_image_does_not_depend_on_its_batch(encoder: str, norm: str, shape: Shape) -> None:
    network = on_device(make(encoder, norm, shape), torch.device("cpu"))
    with torch.no_grad():
        network(images(shape, 4, seed=5))  # a training pass, so that batch statistics are not at their start
        network.eval()
        batch = images(shape)
        latent, prediction = network(batch)
        for i in range(3):
            alone = network(batch[i : i + 1])
            torch.testing.assert_close(alone.latent[0], latent[i], atol=1e-5, rtol=1e-4)
            torch.testing.assert_close(alone.prediction[0], prediction[i], atol=1e-5, rtol=1e-4)
        turned = network(batch.flip(0))
        torch.testing.assert_close(turned.prediction.flip(0), prediction, atol=1e-5, rtol=1e-4)


@every_case
def test_saved_and_loaded_weights_compute_the_same(encoder: str, norm: str, shape: Shape) -> None:
    network, other = make(encoder, norm, shape), make(encoder, norm, shape, seed=7)
    batch = images(shape)
    with torch.no_grad():
        network(batch)
        file = io.BytesIO()
        torch.save(network.state_dict(), file)
        file.seek(0)
        before = other.eval()(batch).prediction
        other.load_state_dict(torch.load(file, weights_only=True))
        expected, found = network.eval()(batch), other(batch)
    assert not torch.equal(before, expected.prediction)
    assert torch.equal(found.latent, expected.latent)
    assert torch.equal(found.prediction, expected.prediction)


@every_case
def test_a_small_step_down_the_gradient_lowers_the_loss(encoder: str, norm: str, shape: Shape) -> None:
    """In double precision, by the amount that the gradient foretells."""
    network = make(encoder, norm, shape).double()
    batch = images(shape).double()
    before = loss(network, batch)
    before.backward()  # type: ignore[no-untyped-call]
    gradients = [p.grad for p in network.parameters() if p.grad is not None]
    foretold = 1e-4 * before.item()
    rate = foretold / sum(g.square().sum().item() for g in gradients)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter -= rate * parameter.grad  # type: ignore[operator]
        fall = before.item() - loss(network, batch).item()
    assert fall == pytest.approx(foretold, rel=0.3)


@every_encoder
@pytest.mark.parametrize("latent", LATENT_ACTIVATIONS)
def test_latent_activations_keep_their_range(encoder: str, latent: str) -> None:
    side = smallest(encoder)
    network = make(encoder, "batch", (1, side, side), latent=latent, dim=64)
    with torch.no_grad():
        codes = network.encode(images((1, side, side), 16))
    low, high = {"relu": (0, None), "tanh": (-1, 1), "sigmoid": (0, 1), "linear": (None, None)}[latent]
    assert codes.std() > 0
    if low is not None:
        assert codes.min() >= low
    if high is not None:
        assert codes.max() <= high
    if latent == "relu":
        assert (codes == 0).any()
    if latent in ("linear", "tanh"):
        assert codes.min() < 0 < codes.max()


@every_encoder
def test_default_latent_activation_is_the_modules_own(encoder: str) -> None:
    own = architecture(encoder).DEFAULT_LATENT_ACTIVATION
    assert own in LATENT_ACTIVATIONS
    side = smallest(encoder)
    shape = (1, side, side)
    by_default, named = make(encoder, "batch", shape), make(encoder, "batch", shape, latent=own)
    assert torch.equal(by_default.encode(images(shape)), named.encode(images(shape)))


@every_encoder
def test_too_small_images_are_refused_by_size(encoder: str) -> None:
    side = smallest(encoder)
    check_image_shape(encoder, (1, side, side))
    if side == 1:
        return
    for shape in ((1, side - 1, 100), (3, 100, side - 1)):
        with pytest.raises(UserError, match=f"{shape[1]}x{shape[2]}.*'{encoder}'.*{side}x{side}"):
            check_image_shape(encoder, shape)


@every_encoder
def test_weights_come_from_the_seed(encoder: str) -> None:
    side = smallest(encoder)
    first, same, other = (make(encoder, "batch", (1, side, side), seed=seed) for seed in (0, 0, 1))
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), same.parameters(), strict=True))
    assert not all(torch.equal(a, b) for a, b in zip(first.parameters(), other.parameters(), strict=True))


@every_encoder
def test_layers_are_asked_for_by_their_names(encoder: str) -> None:
    side = smallest(encoder)
    with pytest.raises(ValueError, match="latent, fc2 or pixels"):
        make(encoder, "batch", (1, side, side)).features("fc3", images((1, side, side)))


# --------------------------------------------------------------------------------------------------------------- blocks


@pytest.mark.parametrize("kind", NORMS)
def test_norms_keep_the_shape_and_do_what_they_say(kind: str) -> None:
    maps, vectors = 3 + 5 * torch.randn(8, 4, 6, 6), 3 + 5 * torch.randn(8, 10)
    for norm, values, whole_batch in ((norm_2d(kind, 4), maps, (0, 2, 3)), (norm_1d(kind, 10), vectors, (0,))):
        found = norm(values)
        assert found.shape == values.shape
        if kind == "none":
            assert torch.equal(found, values)
        else:
            axes = whole_batch if kind == "batch" else tuple(range(1, values.ndim))
            torch.testing.assert_close(found.mean(axes), torch.zeros_like(found.mean(axes)), atol=1e-5, rtol=0)
            spread = found.std(axes, correction=0)
            torch.testing.assert_close(spread, torch.ones_like(spread), atol=1e-3, rtol=0)
    for make_norm in (norm_1d, norm_2d):
        with pytest.raises(ValueError, match="'instance'"):
            make_norm("instance", 4)


def test_activations_by_name() -> None:
    x = torch.linspace(-3, 3, 13)
    expected = {
        "relu": x.clamp(min=0),
        "linear": x,
        "sigmoid": 1 / (1 + (-x).exp()),
        "tanh": (x.exp() - (-x).exp()) / (x.exp() + (-x).exp()),
        "silu": x / (1 + (-x).exp()),
    }
    assert expected.keys() == ACTIVATIONS.keys()
    for name, values in expected.items():
        torch.testing.assert_close(activation(name)(x), values)
    with pytest.raises(ValueError, match="'gelu'"):
        activation("gelu")


# ----------------------------------------------------------------------------------------------------------- objectives


def test_reconstruction_losses_are_means_of_each_image() -> None:
    from autoencoder.models.network import Output

    target, made = images((2, 9, 7), 4), images((2, 9, 7), 4, seed=9)
    latent = torch.zeros(4, 1)
    expected = {
        "mse": ((made - target) ** 2).mean((1, 2, 3)),
        "rmse": ((made - target) ** 2).mean((1, 2, 3)) ** 0.5,
        "bce": -(target * made.sigmoid().log() + (1 - target) * (1 - made.sigmoid()).log()).mean((1, 2, 3)),
    }
    for name, values in expected.items():
        objective = make_objective(ObjectiveConfig(loss=name))  # type: ignore[arg-type]
        torch.testing.assert_close(objective.losses(Output(latent, made), target), values)
        shown = objective.to_images(4 * made - 2)
        assert shown.min() >= 0
        assert shown.max() <= 1
        torch.testing.assert_close(shown, (4 * made - 2).sigmoid() if name == "bce" else (4 * made - 2).clamp(0, 1))


def test_rmse_has_a_finite_slope_at_perfection() -> None:
    from autoencoder.models.network import Output

    target = images((1, 6, 6), 2)
    made = target.clone().requires_grad_()
    make_objective(ObjectiveConfig(loss="rmse")).losses(Output(torch.zeros(2, 1), made), target).sum().backward()
    assert made.grad is not None
    assert made.grad.isfinite().all()
