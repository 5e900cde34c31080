from __future__ import annotations

import itertools

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from autoencoder.seeding import numpy_stream, stream_seed, torch_stream

PURPOSES = (
    "split",
    "weights",
    "order",
    "noise",
    "validation noise",
    "test noise",
    "pca noise",
    "pca control",
    "snapshot samples",
    "test examples",
)
"""All that the package draws for."""


@settings(deadline=None)
@given(st.integers(0, 2**70), st.sampled_from(PURPOSES), st.integers(0, 2**40))
def test_same_arguments_same_numbers(seed: int, purpose: str, position: int) -> None:
    number = stream_seed(seed, purpose, position)
    assert number == stream_seed(seed, purpose, position)
    assert 0 <= number < 2**63
    assert (numpy_stream(seed, purpose, position).random(4) == numpy_stream(seed, purpose, position).random(4)).all()
    first, second = (torch.rand(4, generator=torch_stream(seed, purpose, position)) for _ in range(2))
    assert torch.equal(first, second)


def test_seed_purpose_and_position_each_make_another_stream() -> None:
    keys = list(itertools.product((0, 1, 42, 2**40), PURPOSES, (0, 1, 2, 1000)))
    assert len({stream_seed(*key) for key in keys}) == len(keys)
    assert len({tuple(numpy_stream(*key).random(2)) for key in keys}) == len(keys)
    assert len({tuple(torch.rand(2, generator=torch_stream(*key)).tolist()) for key in keys}) == len(keys)


def test_neighbouring_positions_are_uncorrelated() -> None:
    draws = torch.stack([torch.randn(2000, generator=torch_stream(0, "noise", step)) for step in range(10)])
    off_diagonal = torch.corrcoef(draws) - torch.eye(10)
    assert off_diagonal.abs().max() < 5 / 2000**0.5


def test_global_generators_are_left_alone() -> None:
    torch.manual_seed(0)
    before = torch.get_rng_state()
    torch.rand(3, generator=torch_stream(1, "noise"))
    numpy_stream(1, "noise").random()
    assert torch.equal(torch.get_rng_state(), before)


def test_streams_are_part_of_the_format() -> None:
    """A run that is resumed draws what it drew when it was begun, so these numbers never change."""
    assert stream_seed(0, "weights") == 3699729803252847382
    assert stream_seed(42, "split") == 5959021060328222938
    assert stream_seed(42, "noise", 1000) == 6067505386678744005
    assert stream_seed(7, "fitting noise") == 754310885646615321
    assert stream_seed(2**64 - 1, "order", 3) == 4929117063480554985
