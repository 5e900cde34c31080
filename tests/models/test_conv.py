"""The reference network, and the two transposed convolutions that are computed another way."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from autoencoder.config import ModelConfig, ObjectiveConfig
from autoencoder.models.conv import MIN_SIDE, Decoder
from autoencoder.models.convolutions import DoublingConv2d
from autoencoder.models.network import Network
from autoencoder.objectives.base import make_objective


@pytest.mark.parametrize("shape", [(2, 5, 7, 4), (1, 5, 1, 1)])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_computed_another_way_doubling_is_a_transposed_convolution(
    shape: tuple[int, ...], layout: torch.memory_format
) -> None:
    torch.manual_seed(0)
    ours = DoublingConv2d(5, 3).double()
    reference = nn.ConvTranspose2d(5, 3, 2, 2).double()
    reference.load_state_dict(ours.state_dict())
    maps = torch.randn(shape, dtype=torch.float64).contiguous(memory_format=layout)
    inputs = [maps.clone().requires_grad_() for _ in range(2)]
    outputs = [layer(x) for layer, x in zip((ours, reference), inputs, strict=True)]
    torch.testing.assert_close(outputs[0], outputs[1])
    weights = torch.randn_like(outputs[1])
    for output in outputs:
        (output * weights).sum().backward()
    torch.testing.assert_close(inputs[0].grad, inputs[1].grad)
    torch.testing.assert_close(ours.weight.grad, reference.weight.grad)
    torch.testing.assert_close(ours.bias.grad, reference.bias.grad)


class Reference(nn.Module):
    """The reference network as it is described, layer by layer, for 1x50x50 images and 16 latent units."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.norm1 = nn.Conv2d(1, 64, kernel_size=3), nn.BatchNorm2d(64)
        self.conv2, self.norm2 = nn.Conv2d(64, 64, kernel_size=3), nn.BatchNorm2d(64)
        self.conv3, self.norm3 = nn.Conv2d(64, 128, kernel_size=3), nn.BatchNorm2d(128)
        self.fc1, self.norm4 = nn.Linear(128 * 9 * 9, 16), nn.BatchNorm1d(16)
        self.fc2, self.norm5 = nn.Linear(16, 128 * 9 * 9), nn.BatchNorm1d(128 * 9 * 9)
        self.up1, self.norm6 = nn.ConvTranspose2d(128, 64, kernel_size=3), nn.BatchNorm2d(64)
        self.up2, self.norm7 = nn.ConvTranspose2d(64, 64, kernel_size=2, stride=2), nn.BatchNorm2d(64)
        self.up3, self.norm8 = nn.ConvTranspose2d(64, 64, kernel_size=3), nn.BatchNorm2d(64)
        self.up4, self.norm9 = nn.ConvTranspose2d(64, 64, kernel_size=2, stride=2), nn.BatchNorm2d(64)
        self.up5 = nn.ConvTranspose2d(64, 1, kernel_size=3)
        self.pool = nn.MaxPool2d(2)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        x = self.pool(self.norm1(self.conv1(images)).relu())
        x = self.pool(self.norm2(self.conv2(x)).relu())
        x = self.norm3(self.conv3(x)).relu()
        latent = self.norm4(self.fc1(x.reshape(len(x), -1))).relu()
        fc2 = self.norm5(self.fc2(latent)).relu()
        x = fc2.reshape(-1, 128, 9, 9)
        for up, norm in (
            (self.up1, self.norm6),
            (self.up2, self.norm7),
            (self.up3, self.norm8),
            (self.up4, self.norm9),
        ):
            x = norm(up(x)).relu()
        return latent, fc2, self.up5(x)


def pair() -> tuple[Network, Reference]:
    torch.manual_seed(0)
    ours = make_objective(ObjectiveConfig()).build_network(ModelConfig("conv", 16), (1, 50, 50)).double()
    reference = Reference().double()
    weights, names = ours.state_dict(), reference.state_dict()
    assert [value.shape for value in weights.values()] == [value.shape for value in names.values()]
    reference.load_state_dict(dict(zip(names, weights.values(), strict=True)))
    return ours, reference


def test_conv_is_the_reference_network_values_and_gradients() -> None:
    ours, reference = pair()
    images = torch.rand(3, 1, 50, 50, dtype=torch.float64)
    found = ours(images)
    latent, _, made = reference(images)
    torch.testing.assert_close(found.latent, latent)
    torch.testing.assert_close(found.prediction, made)
    (found.prediction - images).square().mean().backward()
    (made - images).square().mean().backward()
    for a, b in zip(ours.parameters(), reference.parameters(), strict=True):
        torch.testing.assert_close(a.grad, b.grad, atol=1e-9, rtol=1e-6)
    # The training pass moved the running statistics of both alike.
    for a, b in zip(ours.buffers(), reference.buffers(), strict=True):
        torch.testing.assert_close(a, b)
    ours.eval()
    reference.eval()
    with torch.no_grad():
        latent, fc2, made = reference(images)
        torch.testing.assert_close(ours.encode(images), latent)
        torch.testing.assert_close(ours.features("fc2", images), fc2)
        torch.testing.assert_close(ours(images).prediction, made)


def test_conv_has_the_reference_networks_number_of_parameters() -> None:
    ours, _ = pair()
    down = (9 * 1 * 64 + 64) + (9 * 64 * 64 + 64) + (9 * 64 * 128 + 128) + 2 * (64 + 64 + 128)
    dense = (10368 * 16 + 16) + 2 * 16 + (16 * 10368 + 10368) + 2 * 10368
    up = (9 * 128 * 64 + 64) + 2 * (4 * 64 * 64 + 64) + (9 * 64 * 64 + 64) + 2 * 4 * 64 + (9 * 64 * 1 + 1)
    assert ours.n_parameters() == down + dense + up


def way_down() -> nn.Sequential:
    """The layers that change the size, as torch has them."""
    return nn.Sequential(nn.Conv2d(1, 1, 3), nn.MaxPool2d(2), nn.Conv2d(1, 1, 3), nn.MaxPool2d(2), nn.Conv2d(1, 128, 3))


def test_smallest_side_is_the_smallest_that_leaves_a_pixel() -> None:
    assert way_down()(torch.zeros(1, 1, MIN_SIDE, MIN_SIDE)).shape == (1, 128, 1, 1)
    with pytest.raises(RuntimeError):
        way_down()(torch.zeros(1, 1, MIN_SIDE - 1, MIN_SIDE - 1))


@pytest.mark.parametrize(("height", "width"), [(50, 50), (51, 47), (18, 19), (28, 33), (64, 20)])
def test_sides_are_those_of_the_layers_on_the_way_down(height: int, width: int) -> None:
    """The decoder starts from the map that torch's own convolutions and poolings leave."""
    left = way_down()(torch.zeros(1, 1, height, width)).numel()
    decoder = Decoder((1, height, width), 4, norm="none")
    with torch.no_grad():
        assert decoder.first_layer(torch.zeros(2, 4)).shape == (2, left)
        assert decoder(torch.zeros(2, 4)).shape == (2, 1, height, width)
