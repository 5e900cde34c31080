"""Every learned encoder, with every norm and image shape, keeps the same contract."""

from __future__ import annotations

import io
import math
from dataclasses import dataclass

import pytest
import torch
from torch import Tensor, nn

from autoencoder.config import LATENT_ACTIVATIONS, NORMS, ModelConfig, ObjectiveConfig
from autoencoder.errors import UserError
from autoencoder.models.blocks import ACTIVATIONS, activation, latent_norm, norm_1d, norm_2d
from autoencoder.models.network import Network, architecture, check_image_shape, on_device
from autoencoder.objectives.base import make_objective
from autoencoder.registries import LEARNED_ENCODERS

Shape = tuple[int, int, int]

SHAPES: list[Shape] = [(1, 50, 50), (1, 51, 47), (3, 32, 40), (1, 28, 28), (2, 19, 33)]
SHAPES_OF_EVERY_NORM: list[Shape] = [(3, 20, 24), (2, 19, 33)]
LATENT_DIM = 6


def smallest(encoder: str) -> int:
    side: int = architecture(encoder).MIN_SIDE
    return side


@dataclass(frozen=True)
class Case:
    """A network: what it is made of, and the images that it is for."""

    encoder: str
    norm: str
    shape: Shape
    dim: int = LATENT_DIM
    depth: int | None = None

    def __str__(self) -> str:
        depth = "" if self.depth is None else f"{self.depth}"
        return f"{self.encoder}{depth}-{self.dim}-{self.norm}-{'x'.join(map(str, self.shape))}"


def small(encoder: str, norm: str = "batch", *, dim: int = LATENT_DIM) -> Case:
    """The smallest square images that the encoder takes."""
    return Case(encoder, norm, (1, smallest(encoder), smallest(encoder)), dim)


def cases() -> list[Case]:
    """Every encoder on every shape and with every norm; `deep` in other depths, `conv-small` without a linear layer."""
    found = []
    for encoder in LEARNED_ENCODERS:
        side = smallest(encoder)
        found += [Case(encoder, "batch", shape) for shape in [*SHAPES, (1, side, side + 1)]]
        found += [Case(encoder, norm, shape) for norm in NORMS[1:] for shape in SHAPES_OF_EVERY_NORM]
    found += [Case("deep", norm, (2, 19, 33), depth=depth) for norm in ("batch", "none") for depth in (1, 2, 3, 5)]
    found += [Case("deep", "batch", (1, 2, 3), depth=5, dim=40)]  # more units than pixels
    found += [Case("conv-small", norm, (2, 19, 33), dim=8 * 3 * 5) for norm in NORMS]
    return [*found, Case("conv-small", "batch", (1, 28, 28), dim=128)]


every_case = pytest.mark.parametrize("case", cases(), ids=str)
every_encoder = pytest.mark.parametrize("encoder", sorted(LEARNED_ENCODERS))


def model(case: Case, latent: str | None = None) -> ModelConfig:
    return ModelConfig(
        case.encoder,
        latent_dim=case.dim,
        depth=case.depth,
        norm=case.norm,  # type: ignore[arg-type]
        latent_activation=latent,  # type: ignore[arg-type]
    )


def make(case: Case, *, seed: int = 0, latent: str | None = None) -> Network:
    torch.manual_seed(seed)
    return make_objective(ObjectiveConfig()).build_network(model(case, latent), case.shape)


def images(shape: Shape, n: int = 3, seed: int = 1) -> Tensor:
    """Smooth pictures, as pictures are."""
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(n, shape[0], 5, 5, generator=generator)
    return nn.functional.interpolate(coarse, shape[1:], mode="bilinear")


def loss(network: Network, batch: Tensor) -> Tensor:
    return make_objective(ObjectiveConfig()).losses(network(batch), batch).mean()


@every_case
def test_shapes(case: Case) -> None:
    network, batch = make(case).eval(), images(case.shape)
    with torch.no_grad():
        latent, prediction = network(batch)
        assert latent.shape == (3, case.dim)
        assert prediction.shape == batch.shape
        assert latent.isfinite().all()
        assert prediction.isfinite().all()
        assert torch.equal(network.encode(batch), latent)
        assert torch.equal(network.features("latent", batch), latent)
        assert torch.equal(network.features("pixels", batch), batch.flatten(1))
        fc2 = network.features("fc2", batch)
        assert fc2.ndim == 2
        assert fc2.shape[0] == 3
        if case.dim == LATENT_DIM < math.prod(case.shape):
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
def test_a_finite_gradient_on_every_parameter(case: Case) -> None:
    network = make(case)
    loss(network, images(case.shape, 4)).backward()
    cancelled = cancelled_by_batch_norm(network)
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        if name not in cancelled:
            assert parameter.grad.abs().max() > 0, name


@every_case
def test_evaluation_of_an_image_does_not_depend_on_its_batch(case: Case) -> None:
    network = on_device(make(case), torch.device("cpu"))
    with torch.no_grad():
        network(images(case.shape, 4, seed=5))  # a training pass, so that batch statistics are not at their start
        network.eval()
        batch = images(case.shape)
        latent, prediction = network(batch)
        for i in range(3):
            alone = network(batch[i : i + 1])
            torch.testing.assert_close(alone.latent[0], latent[i], atol=1e-5, rtol=1e-4)
            torch.testing.assert_close(alone.prediction[0], prediction[i], atol=1e-5, rtol=1e-4)
        turned = network(batch.flip(0))
        torch.testing.assert_close(turned.prediction.flip(0), prediction, atol=1e-5, rtol=1e-4)


@every_case
def test_saved_and_loaded_weights_compute_the_same(case: Case) -> None:
    network, other = make(case), make(case, seed=7)
    batch = images(case.shape)
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
def test_a_small_step_down_the_gradient_lowers_the_loss(case: Case) -> None:
    """In double precision, by the amount that the gradient foretells."""
    network = make(case).double()
    batch = images(case.shape).double()
    before = loss(network, batch)
    before.backward()  # type: ignore[no-untyped-call]
    gradients = [p.grad for p in network.parameters() if p.grad is not None]
    foretold = 1e-6 * before.item()
    rate = foretold / sum(g.square().sum().item() for g in gradients)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter -= rate * parameter.grad  # type: ignore[operator]
        fall = before.item() - loss(network, batch).item()
    assert fall == pytest.approx(foretold, rel=0.05)


@every_encoder
@pytest.mark.parametrize("latent", LATENT_ACTIVATIONS)
def test_latent_activations_keep_their_range(encoder: str, latent: str) -> None:
    case = small(encoder, dim=64)
    network = make(case, latent=latent)
    with torch.no_grad():
        codes = network.encode(images(case.shape, 16))
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
    case = small(encoder)
    by_default, named = make(case), make(case, latent=own)
    assert torch.equal(by_default.encode(images(case.shape)), named.encode(images(case.shape)))
    torch.manual_seed(0)
    without_names = architecture(encoder).Encoder(case.shape, case.dim)
    assert torch.equal(by_default.encode(images(case.shape)), without_names(images(case.shape)))


@pytest.mark.parametrize(
    "case",
    [*map(small, LEARNED_ENCODERS), Case("conv-small", "batch", (1, 16, 16), dim=32)],
    ids=str,
)
def test_units_of_a_non_linear_latent_can_become_sparse(case: Case) -> None:
    """A sigmoid's units are pulled down to a mean of 0.05, which a norm that holds the mean at 0 would not allow."""
    network, batch = make(case, latent="sigmoid"), images(case.shape, 32)
    optimizer = torch.optim.Adam(network.encoder.parameters(), 0.1)
    for _ in range(60):
        optimizer.zero_grad()
        (network.encode(batch).mean(0) - 0.05).square().sum().backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    assert network.encode(batch).mean() < 0.15


@every_encoder
def test_too_small_images_are_refused_by_size(encoder: str) -> None:
    side = smallest(encoder)
    config = model(small(encoder))
    check_image_shape(config, (1, side, side))
    if side == 1:
        return
    for shape in ((1, side - 1, 100), (3, 100, side - 1)):
        with pytest.raises(UserError, match=f"{shape[1]}x{shape[2]}.*'{encoder}'.*{side}x{side}"):
            check_image_shape(config, shape)


@every_encoder
def test_any_decoder_makes_images_of_any_encoders_codes(encoder: str) -> None:
    shape = (2, 19, 33)
    for decoder in LEARNED_ENCODERS:
        config = ModelConfig(encoder, LATENT_DIM, decoder=decoder)
        network = make_objective(ObjectiveConfig()).build_network(config, shape)
        assert type(network.encoder) is architecture(encoder).Encoder
        assert type(network.head) is architecture(decoder).Decoder
        assert network(images(shape)).prediction.shape == (3, *shape)


@every_encoder
def test_weights_come_from_the_seed(encoder: str) -> None:
    first, same, other = (make(small(encoder), seed=seed) for seed in (0, 0, 1))
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), same.parameters(), strict=True))
    assert not all(torch.equal(a, b) for a, b in zip(first.parameters(), other.parameters(), strict=True))


@every_encoder
def test_layers_are_asked_for_by_their_names(encoder: str) -> None:
    case = small(encoder)
    with pytest.raises(ValueError, match="latent, fc2 or pixels"):
        make(case).features("fc3", images(case.shape))


# --------------------------------------------------------------------------------------------------------------- blocks


def by_local_response(values: Tensor) -> Tensor:
    """Channel by channel: x_c / (1 + 1e-4 / 5 * sum of x_j^2 for j from c - 2 to c + 2)^0.75."""
    made = torch.empty_like(values)
    for c in range(values.shape[1]):
        sums = values[:, max(c - 2, 0) : c + 3].square().sum(1)
        made[:, c] = values[:, c] / (1 + 1e-4 / 5 * sums) ** 0.75
    return made


@pytest.mark.parametrize("kind", NORMS)
def test_norms_keep_the_shape_and_do_what_they_say(kind: str) -> None:
    torch.manual_seed(0)
    maps, vectors = 30 + 50 * torch.randn(8, 4, 6, 6), 30 + 50 * torch.randn(8, 10)
    for norm, values, whole_batch in ((norm_2d(kind, 4), maps, (0, 2, 3)), (norm_1d(kind, 10), vectors, (0,))):
        found = norm(values)
        assert found.shape == values.shape
        if kind == "none":
            assert torch.equal(found, values)
        elif kind == "local-response":
            assert not list(norm.parameters())
            assert (found / values).min() < 0.8  # at this size of values it does something
            torch.testing.assert_close(found, by_local_response(values))
        else:
            axes = whole_batch if kind == "batch" else tuple(range(1, values.ndim))
            torch.testing.assert_close(found.mean(axes), torch.zeros_like(found.mean(axes)), atol=1e-5, rtol=0)
            spread = found.std(axes, correction=0)
            torch.testing.assert_close(spread, torch.ones_like(spread), atol=1e-3, rtol=0)
    for make_norm in (norm_1d, norm_2d):
        with pytest.raises(ValueError, match="'instance'"):
            make_norm("instance", 4)


def test_local_response_is_the_same_for_one_feature_and_for_maps_in_any_layout() -> None:
    maps = 100 * torch.randn(2, 7, 3, 5)
    in_layout = maps.contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(norm_2d("local-response", 7)(in_layout), by_local_response(maps))
    lone = 100 * torch.randn(4, 1)
    torch.testing.assert_close(norm_1d("local-response", 1)(lone), by_local_response(lone))


@pytest.mark.parametrize("kind", NORMS)
def test_only_a_batch_norm_touches_the_latent(kind: str) -> None:
    values = 3 + 5 * torch.randn(32, 10)
    linear, bent = latent_norm(kind, 10, "linear"), latent_norm(kind, 10, "sigmoid")
    if kind != "batch":
        assert torch.equal(linear(values), values)
        assert torch.equal(bent(values), values)
        return
    assert not list(linear.parameters())
    assert [p.shape for p in bent.parameters()] == [(10,), (10,)]
    for norm in (linear, bent):
        torch.testing.assert_close(norm(values).mean(0), torch.zeros(10), atol=1e-5, rtol=0)
        torch.testing.assert_close(norm(values).std(0, correction=0), torch.ones(10), atol=1e-3, rtol=0)


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
