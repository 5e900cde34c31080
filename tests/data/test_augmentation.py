"""Augmentation: what is moved where, that masks go along, and what objectives refuse."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from autoencoder.config import NoiseConfig, ObjectiveConfig
from autoencoder.data.changes.augmentation import LIGHT_GAIN, LIGHT_OFFSET, MAX_SHIFT, Augmentation
from autoencoder.errors import UserError
from autoencoder.registries import OBJECTIVES

N = 400


def pictures(height: int = 5, width: int = 5, channels: int = 1) -> Tensor:
    """N times the same picture, whose pixels all differ."""
    one = torch.arange(channels * height * width, dtype=torch.float32).view(1, channels, height, width) / 100
    return one.expand(N, -1, -1, -1).contiguous(memory_format=torch.channels_last)


def changed(kinds: tuple[str, ...], images: Tensor, seed: int = 0) -> Tensor:
    return Augmentation(kinds, images.shape, torch.Generator().manual_seed(seed)).of_images(images)


def shares(images: Tensor, expected: list[Tensor]) -> list[float]:
    """How often each expected picture comes; together always."""
    found = [(images == picture).all(dim=(1, 2, 3)).float().mean().item() for picture in expected]
    assert sum(found) == pytest.approx(1)
    return found


def test_nothing_is_done_where_nothing_is_asked_for() -> None:
    images = pictures()
    generator = torch.Generator().manual_seed(3)
    before = generator.get_state()
    assert Augmentation((), images.shape, generator).of_images(images) is images
    assert torch.equal(before, generator.get_state())  # so runs without it are what they were


def test_flips_are_half_of_them() -> None:
    images = pictures(4, 7, 3)
    plain, flipped = shares(changed(("flip",), images), [images[0], images[0].flip(-1)])
    assert abs(plain - 0.5) < 0.1
    assert flipped > 0


def test_quarter_turns_are_a_quarter_each() -> None:
    images = pictures()
    turns = [torch.rot90(images[0], k, (-2, -1)) for k in range(4)]
    assert all(abs(share - 0.25) < 0.1 for share in shares(changed(("rotate",), images), turns))


def test_with_flips_all_eight_symmetries_of_the_square_come() -> None:
    images = pictures()
    turns = [torch.rot90(images[0], k, (-2, -1)) for k in range(4)]
    every = turns + [turn.flip(-1) for turn in turns]
    assert all(abs(share - 0.125) < 0.08 for share in shares(changed(("flip", "rotate"), images), every))


def test_shifts_repeat_the_edge() -> None:
    images = pictures(6, 9)
    padded = np.pad(images[0, 0].numpy(), MAX_SHIFT, mode="edge")
    offsets = range(2 * MAX_SHIFT + 1)
    every = [torch.from_numpy(padded[y : y + 6, x : x + 9])[None] for y in offsets for x in offsets]
    found = shares(changed(("shift",), images), every)
    assert min(found) > 0


def test_light_is_one_gain_and_one_offset_per_image() -> None:
    images = torch.linspace(0.3, 0.6, 25).view(1, 1, 5, 5).expand(N, -1, -1, -1)
    lit = changed(("light",), images)
    gains = (lit[:, 0, 4, 4] - lit[:, 0, 0, 0]) / 0.3
    offsets = lit[:, 0, 0, 0] - 0.3 * gains
    line = gains[:, None] * images[0].flatten() + offsets[:, None]
    assert torch.allclose(lit.flatten(1), line, atol=1e-5)
    for values, middle, most in ((gains, 1, LIGHT_GAIN), (offsets, 0, LIGHT_OFFSET)):
        assert (values - middle).abs().max() <= most + 1e-5
        assert (values - middle).abs().max() > 0.9 * most
    assert abs(np.corrcoef(gains, offsets)[0, 1]) < 0.2


def test_light_stays_within_what_a_sensor_gives() -> None:
    lit = changed(("light",), torch.rand(N, 1, 5, 5).round())
    assert lit.min() == 0
    assert lit.max() == 1


def test_masks_move_with_the_images_and_keep_their_light() -> None:
    images = pictures()
    change = Augmentation(("flip", "rotate", "shift", "light"), images.shape, torch.Generator().manual_seed(1))
    moved = change.of_places(images)
    gain_and_offset = change.of_images(images)
    assert set(moved.unique().tolist()) <= set(images.unique().tolist())
    order = moved.flatten(1).argsort(dim=1, stable=True)
    assert (gain_and_offset.flatten(1).gather(1, order).diff(dim=1) >= -1e-6).all()  # brighter where that is brighter


def test_a_batch_is_changed_the_same_way_every_time() -> None:
    images = torch.rand(N, 1, 8, 8)
    kinds = ("flip", "rotate", "shift", "light")
    assert torch.equal(changed(kinds, images, 5), changed(kinds, images, 5))
    assert not torch.equal(changed(kinds, images, 5), changed(kinds, images, 6))


@pytest.mark.parametrize("name", OBJECTIVES)
def test_an_objective_takes_what_its_targets_allow(name: str) -> None:
    allowed = OBJECTIVES[name].augmentations
    assert ObjectiveConfig(name, augment=allowed[::-1]).augment == allowed
    for kind in {"flip", "rotate", "shift", "light"} - set(allowed):
        with pytest.raises(UserError, match=f"--augment {kind} would make the targets of the objective '{name}' wrong"):
            ObjectiveConfig(name, augment=(kind,))


@pytest.mark.parametrize(("kinds", "said"), [(("spin",), "augment"), ((), "some of"), (("flip", "flip"), "each once")])
def test_other_names_are_refused(kinds: tuple[str, ...], said: str) -> None:
    with pytest.raises(UserError, match=said):
        ObjectiveConfig(augment=kinds, noise=NoiseConfig())
