from __future__ import annotations

import numpy as np
import pytest
import torch
from skimage.metrics import structural_similarity
from torch import Tensor

from autoencoder.measures.image_quality import mse, pooled_psnr, psnr, ssim, summed_by_region


def pair(channels: int, height: int, width: int, n: int = 4) -> tuple[Tensor, Tensor]:
    """Images and images like them, from much alike to unrelated."""
    rng = np.random.default_rng(height * width)
    smooth = rng.random((n, channels, height // 4 + 1, width // 4 + 1)).repeat(4, 2).repeat(4, 3)[:, :, :height, :width]
    other = np.clip(
        smooth + np.array([0.02, 0.1, 0.4, 2.0])[:n, None, None, None] * rng.normal(size=smooth.shape), 0, 1
    )
    return torch.from_numpy(smooth.astype(np.float32)), torch.from_numpy(other.astype(np.float32))


@pytest.mark.parametrize("shape", [(1, 50, 50), (3, 32, 40), (1, 11, 11), (2, 12, 31), (1, 28, 28)])
def test_ssim_is_that_of_skimage_where_the_window_lies_inside(shape: tuple[int, int, int]) -> None:
    a, b = pair(*shape)
    ours = ssim(a, b)
    for image, other, found in zip(a.numpy(), b.numpy(), ours.tolist(), strict=True):
        _, map_of = structural_similarity(
            image.astype(np.float64),
            other.astype(np.float64),
            gaussian_weights=True,
            sigma=1.5,
            use_sample_covariance=False,
            data_range=1,
            channel_axis=0,
            full=True,
        )
        assert found == pytest.approx(map_of[:, 5 : shape[1] - 5, 5 : shape[2] - 5].mean(), abs=2e-5)
    assert ours[0] > 0.9
    assert ours[0] > ours[1] > ours[2] > ours[3]


@pytest.mark.parametrize(
    ("height", "width", "size"), [(8, 9, 7), (7, 20, 7), (10, 10, 9), (3, 3, 3), (1, 1, 1), (2, 5, 1)]
)
def test_smaller_images_take_the_largest_odd_window(height: int, width: int, size: int) -> None:
    """Wang et al.'s formula, place by place, in double precision."""
    a, b = (images.numpy().astype(np.float64) for images in pair(1, height, width))
    x = np.arange(size) - size // 2
    weights = np.exp(-(x[:, None] ** 2 + x[None] ** 2) / (2 * 1.5**2))
    weights /= weights.sum()
    c1, c2 = 0.01**2, 0.03**2
    for image, other, found in zip(a[:, 0], b[:, 0], ssim(*pair(1, height, width)).tolist(), strict=True):
        likeness = []
        for i in range(height - size + 1):
            for j in range(width - size + 1):
                p, q = image[i : i + size, j : j + size], other[i : i + size, j : j + size]
                m, k = (weights * p).sum(), (weights * q).sum()
                vp, vq = (weights * (p - m) ** 2).sum(), (weights * (q - k) ** 2).sum()
                cov = (weights * (p - m) * (q - k)).sum()
                likeness.append((2 * m * k + c1) * (2 * cov + c2) / ((m * m + k * k + c1) * (vp + vq + c2)))
        assert found == pytest.approx(np.mean(likeness), abs=5e-4)  # float32, E[x^2] - E[x]^2 of flat patches


@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 8, 6), (2, 4, 4)])
def test_identical_images(shape: tuple[int, int, int]) -> None:
    a, _ = pair(*shape)
    assert ssim(a, a).tolist() == pytest.approx([1.0] * 4, abs=1e-5)
    assert mse(a, a).tolist() == [0.0] * 4
    assert psnr(mse(a, a)).tolist() == pytest.approx([100.0] * 4)
    for value in (0.0, 0.5, 1.0):
        flat = torch.full((2, *shape), value)
        assert ssim(flat, flat).tolist() == pytest.approx([1.0, 1.0], abs=1e-4)


def test_ssim_is_symmetric_per_image_and_a_mean_over_channels() -> None:
    a, b = pair(3, 32, 40)
    assert torch.allclose(ssim(a, b), ssim(b, a), atol=1e-6)
    assert torch.allclose(ssim(a, b)[2:3], ssim(a[2:3], b[2:3]), atol=1e-6)
    by_channel = torch.stack([ssim(a[:, c : c + 1], b[:, c : c + 1]) for c in range(3)])
    assert torch.allclose(ssim(a, b), by_channel.mean(0), atol=1e-6)


def test_ssim_of_black_and_white_is_almost_zero() -> None:
    black, white = torch.zeros(1, 1, 20, 20), torch.ones(1, 1, 20, 20)
    assert ssim(black, white).item() == pytest.approx(0.01**2 / (1 + 0.01**2), rel=1e-3)


def test_mse_is_a_mean_per_image() -> None:
    a = torch.zeros(3, 2, 4, 5)
    b = a.clone()
    b[1] = 0.5
    b[2, 0, 0, 0] = 1.0
    assert mse(a, b).tolist() == pytest.approx([0.0, 0.25, 1 / 40])


@pytest.mark.parametrize(("error", "decibel"), [(1.0, 0.0), (0.1, 10.0), (0.01, 20.0), (1e-4, 40.0), (0.25, 6.0206)])
def test_psnr_of_known_errors(error: float, decibel: float) -> None:
    assert psnr(torch.tensor([error])).item() == pytest.approx(decibel, abs=1e-4)


def test_psnr_of_a_uniform_shift() -> None:
    a = torch.full((2, 1, 8, 8), 0.5)
    assert psnr(mse(a, a + 0.1)).tolist() == pytest.approx([20.0, 20.0], abs=1e-3)


def edges(shape: tuple[int, int, int], n: int = 4) -> Tensor:
    """(n, 1, H, W): other parts of each image count; never less than a corner of 4 x 5 pixels."""
    counted = torch.zeros(n, 1, *shape[1:])
    for i in range(n):
        counted[i, :, : 4 + 6 * i, 3 * i : 3 * i + 5 + 7 * i] = 1
    return counted


@pytest.mark.parametrize("shape", [(1, 50, 50), (3, 32, 40)])
def test_pixels_that_do_not_count_change_nothing(shape: tuple[int, int, int]) -> None:
    a, b = pair(*shape)
    counted = edges(shape)
    filled = torch.where(counted > 0, b, torch.rand(b.shape, generator=torch.Generator().manual_seed(0)))
    for measure in (mse, ssim):
        assert torch.allclose(measure(a, b, counted), measure(a, filled, counted), atol=1e-6)
        assert not torch.allclose(measure(a, b), measure(a, filled), atol=1e-2)


def test_where_all_pixels_count_nothing_changes() -> None:
    a, b = pair(3, 32, 40)
    counted = torch.ones(4, 1, 32, 40)
    assert torch.allclose(mse(a, b, counted), mse(a, b), rtol=1e-6)
    assert torch.allclose(ssim(a, b, counted), ssim(a, b), atol=1e-6)


def test_mse_is_that_of_the_part_that_counts() -> None:
    a, b = pair(3, 32, 40)
    counted = torch.zeros(4, 1, 32, 40)
    counted[:, :, 5:20, 7:40] = 1
    part = (slice(None), slice(None), slice(5, 20), slice(7, 40))
    assert torch.allclose(mse(a, b, counted), mse(a[part], b[part]), rtol=1e-5)


def test_ssim_in_windows_that_count_wholly_is_the_usual_one() -> None:
    """Three quarters of the image count; their SSIM is near that of the part alone, and far from that with the fill."""
    a, b = pair(1, 50, 50)
    counted = torch.zeros(4, 1, 50, 50)
    counted[:, :, :, :38] = 1
    filled = [torch.where(counted > 0, images, 0.5) for images in (a, b)]
    alone = ssim(a[..., :38], b[..., :38])
    assert torch.allclose(ssim(*filled, counted), alone, atol=0.01)
    assert (ssim(*filled) - alone).abs().max() > 0.05


def test_regions_add_up_to_the_whole() -> None:
    """Pixels and errors of regions against a loop over them, with pixels that do not count and a region without any."""
    a, b = pair(3, 12, 9)
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, (4, 1, 12, 9))
    counted = rng.random((4, 1, 12, 9)) < 0.7
    pixels, sums = summed_by_region(a, b, torch.from_numpy(labels), 4, torch.from_numpy(counted).float())
    squares = np.square(a.double().numpy() - b.double().numpy()).mean(axis=1, keepdims=True)
    for region in range(4):
        of_it = (labels == region) & counted
        assert pixels[region] == of_it.sum()
        assert sums[region].item() == pytest.approx(squares[of_it].sum(), rel=1e-6)
    all_pixels, all_sums = summed_by_region(a, b, torch.from_numpy(labels), 3)
    assert float(all_sums.sum() / all_pixels.sum()) == pytest.approx(float(mse(a, b).mean()), rel=1e-5)


def test_psnr_of_pooled_pixels() -> None:
    assert pooled_psnr(0.01) == pytest.approx(20)
    assert pooled_psnr(0.0) == 100 == float(psnr(torch.zeros(1)))
