"""The networks of linear layers, `dense` and `deep`: widths, numbers of parameters and values."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from torch import nn

from autoencoder.config import ModelConfig, ObjectiveConfig
from autoencoder.models import deep
from autoencoder.models.network import Network
from autoencoder.objectives.base import make_objective


def network(
    encoder: str, dim: int, shape: tuple[int, int, int], *, norm: str = "batch", depth: int | None = None
) -> Network:
    torch.manual_seed(0)
    config = ModelConfig(encoder, dim, norm=norm, depth=depth)  # type: ignore[arg-type]
    return make_objective(ObjectiveConfig()).build_network(config, shape)


def linear_widths(part: nn.Module) -> list[int]:
    """Units from a part's input to its output."""
    layers = [module for module in part.modules() if isinstance(module, nn.Linear)]
    for before, after in pairwise(layers):
        assert before.out_features == after.in_features
    return [layers[0].in_features, *(layer.out_features for layer in layers)]


def reference(widths: list[int], norm: str, shape: tuple[int, int, int]) -> tuple[nn.Sequential, list[nn.Module]]:
    """Encoder and layers of the decoder for units from the pixels to the latent."""

    def linear(a: int, b: int) -> list[nn.Module]:
        return [nn.Linear(a, b, bias=norm == "none")] + ([nn.BatchNorm1d(b)] if norm == "batch" else [])

    down: list[nn.Module] = [nn.Flatten()]
    for a, b in pairwise(widths[:-1]):
        down += [*linear(a, b), nn.ReLU()]
    down.append(nn.Linear(*widths[-2:], bias=norm == "none"))
    if norm == "batch":
        down.append(nn.BatchNorm1d(widths[-1], affine=False))
    up: list[nn.Module] = []
    for a, b in pairwise(widths[:0:-1]):
        up.append(nn.Sequential(*linear(a, b), nn.ReLU()))
    return nn.Sequential(*down), [*up, nn.Sequential(nn.Linear(widths[1], widths[0]), nn.Unflatten(1, shape))]


def test_dense_40_has_the_documented_widths_and_number_of_parameters() -> None:
    made = network("dense", 40, (1, 28, 28), norm="none")
    assert linear_widths(made.encoder) == [784, 256, 40]
    assert linear_widths(made.head) == [40, 256, 784]
    down, up = (784 * 256 + 256) + (256 * 40 + 40), (40 * 256 + 256) + (256 * 784 + 784)
    assert made.n_parameters() == down + up == 423_224
    # Batch norms bring a scale and a shift for each hidden unit, and take the biases in front of them away.
    with_norm = network("dense", 40, (1, 28, 28))
    assert with_norm.n_parameters() == down + up - (256 + 40 + 256) + 2 * (256 + 256)


@pytest.mark.parametrize("norm", ["batch", "none"])
@pytest.mark.parametrize(
    ("encoder", "depth", "shape", "widths"),
    [
        ("dense", None, (3, 7, 5), [105, 256, 6]),
        ("dense", None, (1, 1, 1), [1, 256, 6]),
        ("deep", 1, (2, 6, 5), [60, 6]),
        ("deep", 2, (2, 6, 5), [60, 19, 6]),
        ("deep", None, (1, 32, 32), [1024, 185, 33, 6]),
        ("deep", 5, (1, 1, 2), [2, 2, 3, 4, 5, 6]),
    ],
)
def test_values_and_gradients_are_those_of_the_described_layers(
    encoder: str, depth: int | None, shape: tuple[int, int, int], widths: list[int], norm: str
) -> None:
    ours = network(encoder, 6, shape, norm=norm, depth=depth).double()
    down, up = reference(widths, norm, shape)
    whole = nn.Sequential(down, *up).double()
    theirs, values = whole.state_dict(), ours.state_dict()
    assert [value.shape for value in theirs.values()] == [value.shape for value in values.values()]
    whole.load_state_dict(dict(zip(theirs, values.values(), strict=True)))

    images = torch.rand(5, *shape, dtype=torch.float64)
    found, expected = ours(images), whole(images)
    torch.testing.assert_close(found.prediction, expected)
    for made in (found.prediction, expected):
        (made - images).square().mean().backward()
    for a, b in zip(ours.parameters(), whole.parameters(), strict=True):
        torch.testing.assert_close(a.grad, b.grad, atol=1e-10, rtol=1e-7)
    ours.eval()
    whole.eval()
    with torch.no_grad():
        torch.testing.assert_close(ours.encode(images), down(images))
        torch.testing.assert_close(ours.features("fc2", images), up[0](down(images)).flatten(1))


@pytest.mark.parametrize(
    ("shape", "dim", "depth", "widths"),
    [
        ((1, 32, 32), 20, 3, [1024, 276, 74, 20]),
        ((1, 32, 32), 30, 2, [1024, 175, 30]),
        ((1, 32, 32), 20, 1, [1024, 20]),
        ((1, 16, 16), 1, 4, [256, 64, 16, 4, 1]),
        ((3, 4, 5), 60, 3, [60, 60, 60, 60]),
        ((1, 2, 2), 32, 3, [4, 8, 16, 32]),
    ],
)
def test_widths_of_deep_shrink_by_the_same_factor(
    shape: tuple[int, int, int], dim: int, depth: int, widths: list[int]
) -> None:
    made = network("deep", dim, shape, depth=depth)
    assert linear_widths(made.encoder) == widths
    assert linear_widths(made.head) == widths[::-1]


def test_widths_of_deep_lie_between_pixels_and_latent_in_order() -> None:
    for shape in ((1, 1, 1), (1, 3, 5), (3, 50, 47), (1, 96, 96)):
        for dim in (1, 2, 16, 1000):
            for depth in range(1, 13):
                widths = deep.widths(shape, dim, depth)
                pixels = shape[0] * shape[1] * shape[2]
                assert (widths[0], widths[-1], len(widths)) == (pixels, dim, depth + 1)
                assert widths == sorted(widths, reverse=pixels > dim)


def test_number_of_parameters_of_deep() -> None:
    made = network("deep", 20, (1, 32, 32), norm="none")
    weights = 1024 * 276 + 276 * 74 + 74 * 20
    assert made.n_parameters() == 2 * weights + (276 + 74 + 20) + (74 + 276 + 1024)
    with_norm = network("deep", 20, (1, 32, 32))
    assert with_norm.n_parameters() == 2 * weights + 2 * 2 * (276 + 74) + 1024


def test_a_depth_of_1_is_one_linear_map_each_way_and_fc2_is_its_image() -> None:
    made = network("deep", 5, (2, 6, 7), norm="none", depth=1)
    images = torch.rand(3, 2, 6, 7)
    with torch.no_grad():
        latent, pictures = made(images)
        code, back = made.encoder.latent[0], made.head.fc2
        torch.testing.assert_close(latent, images.flatten(1) @ code.weight.T + code.bias)
        torch.testing.assert_close(pictures.flatten(1), latent @ back.weight.T + back.bias)
        assert torch.equal(made.features("fc2", images), pictures.flatten(1))
    assert made.n_parameters() == 84 * 5 + 5 + 5 * 84 + 84
