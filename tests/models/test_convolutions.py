"""The forms that a GPU computes are the same functions, with the same gradients; here in float64 on the CPU."""

import copy

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from autoencoder.config import ModelConfig
from autoencoder.models import convolutions, strided
from autoencoder.models.convolutions import Conv2d, ConvTranspose2d, DoublingConv2d, NormOverBias
from autoencoder.models.network import build_decoder, build_encoder, on_device

CLOSE = {"rtol": 1e-9, "atol": 1e-10}


@pytest.fixture
def as_on_gpu(monkeypatch):
    """Switches between the forms."""

    def switch(gpu):
        for module in (convolutions, strided):
            monkeypatch.setattr(module, "on_gpu", lambda maps: gpu)

    return switch


def passes(network, inputs, updates=3):
    """Outputs and gradients in training, then outputs in evaluation."""
    network, found = copy.deepcopy(network).train(), []
    for number in range(updates):
        inputs = inputs.detach().roll(number, 0).requires_grad_()
        network.zero_grad()
        output = network(inputs)
        (output * torch.linspace(-1, 1, output.numel(), dtype=torch.float64).view_as(output)).sum().backward()
        found += [output.detach(), inputs.grad, *(parameter.grad for parameter in network.parameters())]
    state = network.state_dict()
    with torch.no_grad():
        return [*found, network.eval()(inputs)], state


def network_of(encoder, side, norm="batch", channels=1):
    torch.manual_seed(0)
    config, shape = ModelConfig(encoder, 3, norm=norm), (channels, side, side)
    network = nn.Sequential(build_encoder(config, shape), build_decoder(config, shape)).double()
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
    return on_device(network, torch.device("cpu"))


def images_of(side, channels=1):
    generator = torch.Generator().manual_seed(1)
    return torch.rand(6, channels, side, side, dtype=torch.float64, generator=generator)


@pytest.mark.parametrize(
    ("encoder", "side", "norm", "channels"),
    [
        ("conv", 23, "batch", 1), ("conv", 20, "layer", 1), ("conv", 20, "batch", 3), ("conv", 18, "none", 1),
        ("strided", 16, "batch", 1), ("strided", 13, "batch", 1), ("strided", 11, "none", 3),
    ],
)  # fmt: skip
def test_whole_networks(as_on_gpu, encoder, side, norm, channels):
    """Outputs, gradients of weights and images, running statistics, and evaluation by them; odd sizes are cropped."""
    network, images = network_of(encoder, side, norm, channels), images_of(side, channels)
    as_on_gpu(False)
    plain, plain_state = passes(network, images)
    as_on_gpu(True)
    ours, our_state = passes(network, images)
    for mine, its in zip(ours, plain, strict=True):
        torch.testing.assert_close(mine, its, **CLOSE)
    assert list(our_state) == list(plain_state)
    for name, values in our_state.items():
        torch.testing.assert_close(values, plain_state[name], **CLOSE)


@pytest.mark.parametrize(
    ("ours", "its"),
    [
        (Conv2d(1, 5, stride=2, padding=1), nn.Conv2d(1, 5, 3, stride=2, padding=1)),
        (Conv2d(1, 4, bias=False), nn.Conv2d(1, 4, 3, bias=False)),
        (Conv2d(2, 4, padding=1), nn.Conv2d(2, 4, 3, padding=1)),
        (ConvTranspose2d(4, 1), nn.ConvTranspose2d(4, 1, 3)),
        (ConvTranspose2d(4, 3), nn.ConvTranspose2d(4, 3, 3)),
        (DoublingConv2d(4, 3), nn.ConvTranspose2d(4, 3, 2, stride=2)),
    ],
)
def test_modules_are_those_of_torch(as_on_gpu, ours, its):
    ours, its = ours.double(), its.double()
    its.load_state_dict(ours.state_dict())
    as_on_gpu(True)
    maps = torch.rand(3, ours.in_channels, 9, 6, dtype=torch.float64)
    for mine, theirs in zip(passes(ours, maps)[0], passes(its, maps)[0], strict=True):
        torch.testing.assert_close(mine, theirs, **CLOSE)


def test_maps_stay_channels_last(as_on_gpu):
    """Without which the norm behind them takes three times as long."""
    as_on_gpu(True)
    maps = torch.rand(3, 4, 6, 5).contiguous(memory_format=torch.channels_last)
    doubled = DoublingConv2d(4, 8)(maps)
    assert doubled.shape == (3, 8, 12, 10)
    assert doubled.is_contiguous(memory_format=torch.channels_last)
    assert Conv2d(1, 4)(maps[:, :1]).is_contiguous(memory_format=torch.channels_last)


def test_a_bias_in_front_of_a_norm_is_left_out_in_training_only(as_on_gpu):
    """Its gradient is exactly 0, so that the optimizer leaves it; the running mean is that of maps with it."""
    as_on_gpu(True)
    convolution = Conv2d(2, 3).double()
    nn.init.constant_(convolution.bias, 7.0)
    layer, maps = nn.Sequential(convolution, NormOverBias(convolution).double()), images_of(8, 2)
    bare = F.conv2d(maps, convolution.weight)
    torch.testing.assert_close(convolution(maps), bare)
    layer(maps).square().sum().backward()
    assert convolution.bias.grad.tolist() == [0, 0, 0]
    torch.testing.assert_close(layer[1].running_mean, 0.1 * (bare.mean((0, 2, 3)) + 7))
    layer.eval()
    torch.testing.assert_close(convolution(maps), bare + 7)
    assert sorted(layer.state_dict()) == sorted(nn.Sequential(nn.Conv2d(2, 3, 3), nn.BatchNorm2d(3)).state_dict())
