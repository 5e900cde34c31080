"""`reconstruct`: its losses, and what its result says, against what is known beforehand."""

import dataclasses
import json

import numpy as np
import pytest
import torch
from torch import Tensor

import autoencoder as ae
from autoencoder.data.regions import Regions
from autoencoder.models.network import Output
from autoencoder.objectives.base import make_objective
from autoencoder.objectives.reconstruct import decibel_closer


def images(shape: tuple[int, int, int], n: int, seed: int = 1) -> Tensor:
    return torch.rand(n, *shape, generator=torch.Generator().manual_seed(seed))


def losses(loss: str, made: Tensor, target: Tensor) -> Tensor:
    return make_objective(ae.ObjectiveConfig(loss=loss)).losses(Output(torch.zeros(len(made), 1), made), target)


def test_losses_are_means_of_each_image() -> None:
    target, made = images((2, 9, 7), 4), images((2, 9, 7), 4, seed=9)
    expected = {
        "mse": ((made - target) ** 2).mean((1, 2, 3)),
        "rmse": ((made - target) ** 2).mean((1, 2, 3)) ** 0.5,
        "bce": -(target * made.sigmoid().log() + (1 - target) * (1 - made.sigmoid()).log()).mean((1, 2, 3)),
    }
    for name, values in expected.items():
        torch.testing.assert_close(losses(name, made, target), values)


@pytest.mark.parametrize("loss", ["mse", "rmse", "bce"])
def test_what_is_shown_lies_between_0_and_1(loss: str) -> None:
    made = 4 * images((1, 5, 5), 3) - 2
    shown = make_objective(ae.ObjectiveConfig(loss=loss)).present(made)
    torch.testing.assert_close(shown, made.sigmoid() if loss == "bce" else made.clamp(0, 1))


def test_loss_of_a_perfect_reconstruction_is_0() -> None:
    target = (images((1, 6, 6), 3) > 0.5).float()
    torch.testing.assert_close(losses("mse", target, target), torch.zeros(3))
    torch.testing.assert_close(losses("rmse", target, target), torch.zeros(3), atol=2e-6, rtol=0)
    torch.testing.assert_close(losses("bce", 120 * target - 60, target), torch.zeros(3))


def test_rmse_has_a_finite_slope_at_perfection() -> None:
    target = images((1, 6, 6), 2)
    made = target.clone().requires_grad_()
    losses("rmse", made, target).sum().backward()  # type: ignore[no-untyped-call]
    assert made.grad is not None
    assert made.grad.isfinite().all()


def test_decibels() -> None:
    assert decibel_closer(0.01, 0.1) == pytest.approx(10)
    assert decibel_closer(0.1, 0.01) == pytest.approx(-10)
    assert decibel_closer(0.5, 0.5) == decibel_closer(0, 0) == 0
    assert decibel_closer(0, 0.1) == np.inf


def test_the_pca_control_is_exact_where_components_suffice(data, measured):
    """Images in a plane of image space; a network that gives back 0.5 everywhere is far from them."""
    rng = np.random.default_rng(0)
    flat = 0.5 + 0.1 * rng.uniform(-1, 1, (200, 2)) @ np.linalg.qr(rng.normal(size=(64, 2)))[0].T
    given = data(images=flat.astype(np.float32).reshape(-1, 1, 8, 8))
    result = measured(ae.ObjectiveConfig(), given, np.full((200, 1, 8, 8), 0.5), 150)
    assert result.compared_with == "the input itself (no clean images)"
    assert result.input_quality is None
    assert result.pca_quality.mse == pytest.approx(0, abs=1e-9)
    np.testing.assert_allclose(result.errors, np.square(flat[150:] - 0.5).mean(axis=1), rtol=1e-4)
    assert result.output_quality.mse == pytest.approx(result.errors.mean(), rel=1e-5)
    assert "dB below that of the PCA control" in result.table().closing
    one = measured(ae.ObjectiveConfig(), given, given.images, 150, latent_dim=1)
    assert one.output_quality.mse == 0 < one.pca_quality.mse
    assert "dB above that of the PCA control" in one.table().closing


def test_images_without_known_targets_are_all_taken(table, tmp_path, succeed):
    """A reconstruction needs no column: missing values in one leave no image out."""
    path = table({"a_deg": [""] * 40, "kind": ["x", *[""] * 39]})
    flags = ("--encoder", "dense", "--epochs", 1, "--batch-size", 8)
    succeed("train", path, "--run", tmp_path / "run", *flags)
    assert json.loads((tmp_path / "run" / "environment.json").read_text())["n_without_target"] == 0
    assert len(ae.evaluate(tmp_path / "run").rows) == 8


def test_pixels_beyond_the_picture_are_left_out_of_every_number(data, measured):
    """Grey fill that is reconstructed to the bit would flatter; a wrong fill would harm: neither changes a number."""
    rng = np.random.default_rng(0)
    pictures = rng.random((60, 1, 16, 16), np.float32)
    inside = np.ones((60, 1, 16, 16), np.uint8)
    inside[:, :, :, 10:] = 0
    made = (pictures + 0.1 * rng.normal(size=pictures.shape)).clip(0, 1).astype(np.float32)
    images = dataclasses.replace(data({"index": np.arange(60)}, images=pictures), inside=inside)
    results = [
        measured(ae.ObjectiveConfig(), images, np.where(inside == 1, made, fill), 40).numbers()
        for fill in (pictures, 1)
    ]
    assert results[0] == results[1]
    part = np.square(made - pictures)[40:, :, :, :10]
    assert results[0]["output"]["mse"] == pytest.approx(part.mean(), rel=1e-5)
    assert results[0]["share_of_pixels_beyond_the_picture"] == pytest.approx(6 / 16)
    of_all = measured(ae.ObjectiveConfig(), dataclasses.replace(images, inside=None), made, 40)
    assert of_all.numbers()["share_of_pixels_beyond_the_picture"] == 0
    assert "beyond the picture" not in of_all.table().closing


@pytest.fixture
def with_regions(data):
    """60 clean images, noisy ones, a region of two columns that is called "thin", and which pixels count."""
    rng = np.random.default_rng(1)
    clean = rng.random((60, 1, 16, 16), np.float32)
    noisy = (clean + 0.05 * rng.normal(size=clean.shape)).clip(0, 1).astype(np.float32)
    labels = np.zeros(clean.shape, np.uint8)
    labels[..., 3:5] = 2
    inside = np.ones(clean.shape, np.uint8)
    inside[..., 8:] = 0
    images = data({"index": np.arange(60)}, images=noisy)
    return dataclasses.replace(images, clean=clean, regions=Regions(labels, ("rest", "nowhere", "thin")), inside=inside)


def test_errors_are_kept_apart_by_region(with_regions, measured):
    """A network that gives back clean images but for one region, which comes out worse than it went in."""
    clean = with_regions.clean
    made = np.where(with_regions.regions.labels == 2, (clean + 0.2).clip(0, 1), clean)
    made[..., 8:] = 0.9  # beyond the picture
    result = measured(ae.ObjectiveConfig(), with_regions, made, 40)
    rest, thin = result.regions
    assert (rest.name, thin.name) == ("rest", "thin")
    assert (rest.share_of_pixels, thin.share_of_pixels) == (0.75, 0.25)
    assert (rest.share_of_error, thin.share_of_error) == (0, 1)
    assert rest.output_psnr_db == 100
    assert thin.output_mse == pytest.approx(np.square(made - clean)[40:, :, :, 3:5].mean(), rel=1e-5)
    assert thin.input_mse == pytest.approx(np.square(with_regions.images - clean)[40:, :, :, 3:5].mean(), rel=1e-5)
    for kind, whole in (
        ("input", result.input_quality),
        ("output", result.output_quality),
        ("pca", result.pca_quality),
    ):
        parts = [getattr(region, f"{kind}_mse") * region.share_of_pixels for region in result.regions]
        assert sum(parts) == pytest.approx(whole.mse, rel=1e-5)

    numbers = [f"{value:.1f}" for value in (thin.output_psnr_db, thin.input_psnr_db, thin.pca_psnr_db)]
    said = "thin {} dB (noisy {}, PCA {})".format(*numbers)
    assert result.table().closing.endswith(
        f"; worse than the noisy input: {said}; 50.0 % of the pixels lie beyond the picture and do not count"
    )
    table = result.region_table()
    assert [row[0] for row in table.rows] == ["whole image", "rest", "thin"]
    assert len(table.header) == len(table.rows[0]) == 6
    assert set(result.draw_summary()) == {"regions"}
    assert [region["name"] for region in result.numbers()["regions"]] == ["rest", "thin"]


def test_regions_without_a_noisy_input_have_no_number_of_it(with_regions, measured):
    result = measured(ae.ObjectiveConfig(), dataclasses.replace(with_regions, clean=None), with_regions.images, 40)
    assert [region.input_psnr_db for region in result.regions] == [None, None]
    assert [region.share_of_error for region in result.regions] == [0, 0]
    assert "noisy" not in result.table().closing
    assert len(result.region_table().header) == 5


def test_a_mask_tells_animal_from_background_and_nothing_tells_nothing(with_regions, measured):
    mask = (with_regions.regions.labels > 0).astype(np.uint8)
    by_mask = dataclasses.replace(with_regions, regions=None, mask=mask)
    result = measured(ae.ObjectiveConfig(), by_mask, with_regions.clean, 40)
    assert [region.name for region in result.regions] == ["background", "animal"]
    assert measured(ae.ObjectiveConfig(name="mask"), by_mask, mask, 40).region_table() is None
    alone = measured(ae.ObjectiveConfig(), dataclasses.replace(with_regions, regions=None), with_regions.clean, 40)
    assert (alone.regions, alone.region_table(), alone.draw_summary()) == ((), None, {})
    assert alone.numbers()["regions"] == []
