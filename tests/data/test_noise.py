from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from autoencoder.config import NoiseConfig
from autoencoder.data.changes.noise import corrupt, corrupt_each

KINDS = (
    NoiseConfig("gaussian", 0.5),
    NoiseConfig("salt-pepper", 0.3),
    NoiseConfig("masking", 0.4),
    NoiseConfig("poisson", 20.0),
)
by_kind = pytest.mark.parametrize("noise", KINDS, ids=str)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def grey(value: float, n: int = 100_000) -> Tensor:
    return torch.full((10, 1, n // 10, 1), value)


def pictures(n: int = 6, channels: int = 3) -> Tensor:
    return torch.rand(n, channels, 16, 12, generator=generator(99))


def test_no_noise_is_the_images_themselves() -> None:
    images = pictures()
    assert corrupt(images, NoiseConfig(), generator()) is images
    assert corrupt_each(images, NoiseConfig(), np.arange(6), 0, "test") is images


@by_kind
def test_clipped_of_the_same_kind_and_the_input_untouched(noise: NoiseConfig) -> None:
    images = pictures()
    before = images.clone()
    seen = corrupt(images, noise, generator())
    assert torch.equal(images, before)
    assert (seen.shape, seen.dtype) == (images.shape, images.dtype)
    assert not torch.equal(seen, images)
    assert seen.min() >= 0
    assert seen.max() <= 1


@by_kind
def test_same_generator_same_noise_and_other_generator_other_noise(noise: NoiseConfig) -> None:
    images = pictures()
    assert torch.equal(corrupt(images, noise, generator(1)), corrupt(images, noise, generator(1)))
    assert not torch.equal(corrupt(images, noise, generator(1)), corrupt(images, noise, generator(2)))
    state = generator(1)
    assert not torch.equal(corrupt(images, noise, state), corrupt(images, noise, state))  # each batch its own


@by_kind
def test_the_global_generator_has_no_part_in_it(noise: NoiseConfig) -> None:
    torch.manual_seed(5)
    before = torch.get_rng_state()
    corrupt(pictures(), noise, generator())
    assert torch.equal(torch.get_rng_state(), before)


def test_gaussian_has_the_given_deviation() -> None:
    residual = corrupt(grey(0.5), NoiseConfig("gaussian", 0.05), generator()) - 0.5  # ten deviations from the clip
    assert abs(residual.mean()) < 5 * 0.05 / 1e5**0.5
    assert residual.std() == pytest.approx(0.05, rel=5 / (2e5) ** 0.5)
    kurtosis = (residual / residual.std()).pow(4).mean()
    assert kurtosis == pytest.approx(3.0, abs=0.1)


def test_gaussian_clips_half_of_it_in_black_and_white() -> None:
    for value in (0.0, 1.0):
        seen = corrupt(grey(value), NoiseConfig("gaussian", 0.1), generator())
        assert (seen == value).float().mean() == pytest.approx(0.5, abs=0.01)


def test_what_has_no_bounds_is_not_clipped() -> None:
    """Values on both sides of 0, such as standardised columns."""
    values, noise = 5 * torch.randn(1000, 1, 1, 3, generator=generator(1)), NoiseConfig("gaussian", 0.5)
    corrupted = corrupt(values, noise, generator(), bounded=False)
    assert float((corrupted - values).std()) == pytest.approx(0.5, rel=0.05)
    torch.testing.assert_close(corrupted.clamp(0, 1), corrupt(values, noise, generator()))
    each = corrupt_each(values, noise, np.arange(1000), 0, "test", bounded=False)
    assert float((each - values).std()) == pytest.approx(0.5, rel=0.05)


def test_gaussian_is_independent_between_channels() -> None:
    seen = corrupt(torch.full((1, 2, 100, 100), 0.5), NoiseConfig("gaussian", 0.05), generator()).flatten(2)[0]
    assert abs(torch.corrcoef(seen)[0, 1]) < 0.05


@pytest.mark.parametrize("fraction", [0.1, 0.5, 1.0])
def test_salt_and_pepper_have_equal_shares(fraction: float) -> None:
    seen = corrupt(grey(0.4), NoiseConfig("salt-pepper", fraction), generator())
    assert (seen == 1).float().mean() == pytest.approx(fraction / 2, abs=0.01)
    assert (seen == 0).float().mean() == pytest.approx(fraction / 2, abs=0.01)
    assert ((seen == 0) | (seen == 1) | (seen == 0.4)).all()
    assert (seen != 0.4).float().mean() == pytest.approx(fraction, abs=0.01)


@pytest.mark.parametrize("fraction", [0.1, 0.5, 1.0])
def test_masking_sets_the_given_fraction_to_zero(fraction: float) -> None:
    seen = corrupt(grey(0.4), NoiseConfig("masking", fraction), generator())
    assert (seen == 0).float().mean() == pytest.approx(fraction, abs=0.01)
    assert ((seen == 0) | (seen == 0.4)).all()


@pytest.mark.parametrize("kind", ["salt-pepper", "masking"])
def test_channels_of_a_pixel_share_its_fate(kind: str) -> None:
    images = 0.1 + 0.8 * pictures()
    seen = corrupt(images, NoiseConfig(kind, 0.5), generator())
    hit = seen != images
    assert torch.equal(hit.any(1), hit.all(1))
    struck = seen.movedim(1, -1)[hit.all(1)]
    assert torch.equal(struck.amin(1), struck.amax(1))
    assert not torch.equal(hit[0], hit[1])  # but each image has its own pixels


@pytest.mark.parametrize(("mean", "peak"), [(0.2, 50.0), (0.5, 30.0), (0.1, 1000.0)])
def test_poisson_has_the_mean_and_the_variance_of_counted_photons(mean: float, peak: float) -> None:
    seen = corrupt(grey(mean), NoiseConfig("poisson", peak), generator())
    assert seen.mean() == pytest.approx(mean, rel=0.01)
    assert seen.var() == pytest.approx(mean / peak, rel=0.03)
    counts = seen * peak
    assert torch.allclose(counts, counts.round(), atol=1e-3)


def test_poisson_leaves_black_black() -> None:
    assert not corrupt(grey(0.0), NoiseConfig("poisson", 5.0), generator()).any()


@by_kind
def test_an_image_gets_the_same_noise_in_every_batch(noise: NoiseConfig) -> None:
    images, rows = pictures(), np.array([3, 14, 15, 9, 2, 6])
    together = corrupt_each(images, noise, rows, 7, "test noise")
    one_by_one = [corrupt_each(images[i : i + 1], noise, rows[i : i + 1], 7, "test noise") for i in range(6)]
    assert torch.equal(together, torch.cat(one_by_one))
    shuffled = np.array([5, 0, 3, 1, 4, 2])
    assert torch.equal(corrupt_each(images[shuffled], noise, rows[shuffled], 7, "test noise"), together[shuffled])


@by_kind
def test_rows_seeds_and_purposes_have_noise_of_their_own(noise: NoiseConfig) -> None:
    images = pictures(1).expand(2, -1, -1, -1)
    first, second = corrupt_each(images, noise, np.array([0, 1]), 7, "test noise")
    assert not torch.equal(first, second)
    for seed, purpose in ((8, "test noise"), (7, "validation noise")):
        assert not torch.equal(corrupt_each(images[:1], noise, np.array([0]), seed, purpose)[0], first)


def test_corrupt_each_keeps_the_input_and_the_layout() -> None:
    images = pictures().contiguous(memory_format=torch.channels_last)
    before = images.clone()
    seen = corrupt_each(images, NoiseConfig("gaussian", 0.1), np.arange(6), 0, "test")
    assert torch.equal(images, before)
    assert seen.is_contiguous(memory_format=torch.channels_last)
