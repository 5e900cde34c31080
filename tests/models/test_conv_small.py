"""The small MNIST network: the documented layers, and a code that is the coarsest map itself."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from autoencoder.config import ModelConfig, ObjectiveConfig
from autoencoder.models.conv_small import Decoder, Encoder
from autoencoder.models.network import Network
from autoencoder.objectives.base import make_objective

MNIST = (1, 28, 28)


def network(dim: int = 128, norm: str = "none", shape: tuple[int, int, int] = MNIST) -> Network:
    torch.manual_seed(0)
    config = ModelConfig("conv-small", dim, norm=norm)  # type: ignore[arg-type]
    return make_objective(ObjectiveConfig()).build_network(config, shape)


def documented() -> tuple[nn.Sequential, nn.Sequential, nn.Sequential]:
    """Encoder, first layer of the decoder and rest of it as they are described: the convolution 8-16 has no padding."""
    encoder = nn.Sequential(
        nn.Conv2d(1, 16, 3, padding="same"),
        nn.ReLU(),
        nn.MaxPool2d(2),  # 28 to 14
        nn.Conv2d(16, 8, 3, padding="same"),
        nn.ReLU(),
        nn.MaxPool2d(2),  # 7
        nn.Conv2d(8, 8, 3, stride=2, padding=1),  # 4
        nn.ReLU(),
    )
    first = nn.Sequential(nn.Conv2d(8, 8, 3, padding="same"), nn.ReLU())
    rest = nn.Sequential(
        nn.UpsamplingNearest2d(scale_factor=2),  # 8
        nn.Conv2d(8, 8, 3, padding="same"),
        nn.ReLU(),
        nn.UpsamplingNearest2d(scale_factor=2),  # 16
        nn.Conv2d(8, 16, 3, padding="valid"),  # 14
        nn.ReLU(),
        nn.UpsamplingNearest2d(scale_factor=2),  # 28
        nn.Conv2d(16, 1, 3, padding="same"),
    )
    return encoder, first, rest


def take_over(source: nn.Module, target: nn.Module) -> None:
    """The weights of `source`, in order, into `target`; every shape must agree."""
    theirs, ours = target.state_dict(), source.state_dict()
    assert [value.shape for value in theirs.values()] == [value.shape for value in ours.values()]
    target.load_state_dict(dict(zip(theirs, ours.values(), strict=True)))


def test_without_norm_and_with_128_units_it_is_the_documented_network() -> None:
    ours, reference = network().double(), nn.Sequential(*documented()).double()
    take_over(ours, reference)
    encoder, first, _ = reference
    images = torch.rand(4, *MNIST, dtype=torch.float64)
    latent, made = ours(images)
    torch.testing.assert_close(made, reference(images))
    torch.testing.assert_close(ours.features("fc2", images), first(encoder(images)).flatten(1))
    (made - images).square().mean().backward()
    (reference(images) - images).square().mean().backward()
    for a, b in zip(ours.parameters(), reference.parameters(), strict=True):
        torch.testing.assert_close(a.grad, b.grad, atol=1e-12, rtol=1e-9)
    # The code is the map of 8 channels and 4x4 places, flattened, and nothing else.
    maps = encoder(images)
    assert maps.shape == (4, 8, 4, 4)
    assert latent.shape == (4, 128)
    torch.testing.assert_close(latent, maps.reshape(4, 128))
    torch.testing.assert_close(latent[:, 16 * 3 + 4 * 2 + 1], maps[:, 3, 2, 1])
    assert latent.min() == 0


def test_without_norm_and_with_128_units_it_has_the_documented_number_of_parameters() -> None:
    down = (9 * 1 * 16 + 16) + (9 * 16 * 8 + 8) + (9 * 8 * 8 + 8)
    up = 2 * (9 * 8 * 8 + 8) + (9 * 8 * 16 + 16) + (9 * 16 * 1 + 1)
    assert down + up == 4385
    assert network().n_parameters() == down + up


def test_number_of_parameters_with_batch_norm_and_with_linear_layers() -> None:
    convolutions = 9 * (1 * 16 + 16 * 8 + 8 * 8 + 8 * 8 + 8 * 8 + 8 * 16 + 16 * 1)
    last_bias = 1
    norms = 2 * (16 + 8 + 8 + 8 + 8 + 16)
    assert network(128, "batch").n_parameters() == convolutions + last_bias + norms
    dense = 128 * 16 + 2 * 16 + 16 * 128 + 2 * 128
    assert network(16, "batch").n_parameters() == convolutions + last_bias + norms + dense
    biases = 16 + 8 + 8 + 8 + 8 + 16 + last_bias
    assert network(16, "none").n_parameters() == convolutions + biases + (128 * 16 + 16) + (16 * 128 + 128)


def test_any_other_number_of_units_is_reached_by_a_linear_layer_and_left_by_another() -> None:
    ours = network(10).double()
    encoder, first, rest = documented()
    down = nn.Sequential(encoder, nn.Flatten(), nn.Linear(128, 10), nn.ReLU())
    up = nn.Sequential(nn.Linear(10, 128), nn.ReLU())
    reference = nn.Sequential(down, up, nn.Unflatten(1, (8, 4, 4)), first, rest).double()
    take_over(ours, reference)
    images = torch.rand(4, *MNIST, dtype=torch.float64)
    latent, made = ours(images)
    torch.testing.assert_close(latent, down(images))
    torch.testing.assert_close(ours.features("fc2", images), up(down(images)))
    torch.testing.assert_close(made, reference(images))


def test_batch_norm_stands_behind_every_convolution_but_the_last() -> None:
    """Also behind the one whose output is the code: one mean and one variance for each of its 8 channels."""
    ours = network(128, "batch")
    assert [m.num_features for m in ours.modules() if isinstance(m, nn.BatchNorm2d)] == [16, 8, 8, 8, 8, 16]
    assert not [m for m in ours.modules() if isinstance(m, nn.BatchNorm1d)]
    codes = Encoder(MNIST, 128, latent_activation="linear")(torch.rand(64, *MNIST)).reshape(64, 8, 16)
    torch.testing.assert_close(codes.mean((0, 2)), torch.zeros(8), atol=1e-5, rtol=0)
    torch.testing.assert_close(codes.std((0, 2), correction=0), torch.ones(8), atol=1e-2, rtol=0)


@pytest.mark.parametrize("norm", ["layer", "local-response"])
def test_other_norms_leave_a_map_that_is_the_code_alone(norm: str) -> None:
    encoder = Encoder(MNIST, 128, norm=norm, latent_activation="linear")
    images = torch.rand(4, *MNIST)
    torch.testing.assert_close(encoder(images), encoder.maps(images).flatten(1))


@pytest.mark.parametrize(("height", "width"), [(28, 28), (8, 8), (9, 22), (50, 47), (33, 19), (13, 15)])
def test_sides_halve_rounded_up_and_come_back(height: int, width: int) -> None:
    way_down = nn.Sequential(
        nn.MaxPool2d(2, ceil_mode=True), nn.MaxPool2d(2, ceil_mode=True), nn.MaxPool2d(2, ceil_mode=True)
    )
    units = 8 * way_down(torch.zeros(1, height, width)).numel()
    assert units == 8 * math.ceil(height / 8) * math.ceil(width / 8)
    for dim in (units, 5):
        encoder, decoder = Encoder((3, height, width), dim).eval(), Decoder((3, height, width), dim).eval()
        with torch.no_grad():
            latent = encoder(torch.rand(2, 3, height, width))
            assert latent.shape == (2, dim)
            assert decoder.first_layer(latent).shape == (2, units)
            assert decoder(latent).shape == (2, 3, height, width)


def test_what_is_too_much_on_the_way_up_is_cropped_evenly_and_the_odd_row_at_the_end() -> None:
    """9x22: halved 5x11, 3x6, 2x3; doubled twice 8x12, of which 5x11 are left, and of their 10x22 the images."""
    decoder = Decoder((1, 9, 22), 8 * 2 * 3, norm="none")
    first, second, third, last = (m for m in decoder.modules() if isinstance(m, nn.Conv2d))
    double = nn.UpsamplingNearest2d(scale_factor=2)
    latent = torch.rand(2, 48)
    with torch.no_grad():
        maps = double(second(double(first(latent.reshape(2, 8, 2, 3)).relu())).relu())
        maps = third(maps)[:, :, 1:6, 0:11].relu()
        torch.testing.assert_close(decoder(latent), last(double(maps))[:, :, :9, :22])
