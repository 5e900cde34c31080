"""`test`: its numbers are those of an independent computation, and its pictures and movies are there."""

import json
import math
import shutil

import numpy as np
import pytest
from sklearn.decomposition import PCA

import autoencoder as ae


@pytest.fixture(scope="module")
def plain(tiny, tmp_path_factory, succeed):
    """A run without added noise, so that everything can be computed again by hand."""
    run = tmp_path_factory.mktemp("plain") / "run"
    flags = ("--epochs", 3, "--batch-size", 16, "--latent-dim", 5, "--checkpoint-interval", 1, "--val-interval", 1)
    # After so few updates by Muon, all pictures are alike, and a GIF keeps frames that are alike once.
    succeed("train", tiny, "--run", run, *flags, "--optimizer", "adam", "--quiet")
    return run


@pytest.fixture
def tested(succeed, tmp_path):
    """The numbers that `test` writes."""

    def test(run, *flags):
        quick = ("--no-movies", "--examples", 1, "--out", tmp_path / "out")
        said = succeed("test", "--run", run, *quick, *flags).out
        return json.loads((tmp_path / "out" / "metrics.json").read_text()), " ".join(said.split())

    return test


def mse(a, b):
    return np.square(a.astype(np.float64) - b).mean(axis=(1, 2, 3))


def psnr(errors):
    return float((-10 * np.log10(errors)).mean())


@pytest.mark.parametrize("checkpoint", ["last", "best", "1"])
def test_numbers_by_hand(plain, tiny, tested, checkpoint):
    numbers, said = tested(plain, "--checkpoint", checkpoint)
    data, split = ae.load_images(tiny), np.load(plain / "split.npz")
    rows = split["val"]
    clean, seen = data.scaled(rows, "clean"), data.scaled(rows)
    assert (numbers["n_images"], numbers["reference"], numbers["checkpoint"]) == (len(rows), "clean images", checkpoint)
    assert f"{len(rows)} images; compared with clean images" in said

    assert numbers["input"]["mse"] == pytest.approx(mse(seen, clean).mean(), rel=1e-5)
    output = mse(ae.load_run(plain, checkpoint).reconstruct(data.images[rows]), clean)
    assert numbers["output"]["mse"] == pytest.approx(output.mean(), rel=1e-4)
    assert numbers["output"]["psnr_db"] == pytest.approx(psnr(output), rel=1e-4)

    pca = PCA(5, svd_solver="full").fit(data.scaled(split["train"]).reshape(len(split["train"]), -1))
    by_pca = pca.inverse_transform(pca.transform(seen.reshape(len(rows), -1))).clip(0, 1).reshape(clean.shape)
    assert numbers["control_pca"]["n_components"] == 5
    assert numbers["control_pca"]["mse"] == pytest.approx(mse(by_pca, clean).mean(), rel=1e-3)
    closer = 10 * math.log10(numbers["control_pca"]["mse"] / numbers["output"]["mse"])
    assert numbers["output_closer_than_pca_db"] == pytest.approx(closer)
    side = "above" if closer >= 0 else "below"
    assert f"the output's PSNR is {abs(closer):.2f} dB {side} that of the PCA control" in said


def test_regions_by_hand(plain, tiny, tested):
    numbers, said = tested(plain)
    data, rows = ae.load_images(tiny), np.load(plain / "split.npz")["val"]
    output, clean = ae.load_run(plain).reconstruct(data.images[rows]), data.scaled(rows, "clean")
    labels = data.regions.of(rows)
    assert "by region, pixels of all images together" in said
    for found in numbers["regions"]:
        pixels = labels == data.regions.names.index(found["name"])
        assert found["share_of_pixels"] == pytest.approx(pixels.mean())
        expected = -10 * math.log10(np.square(output - clean)[pixels].mean())
        assert found["output_psnr_db"] == pytest.approx(expected, abs=1e-3)
        psnr = [f"{found[f'{kind}_psnr_db']:.2f}" for kind in ("input", "pca", "output")]
        assert f"{found['name']} │ " in said
        assert all(value in said for value in psnr)


def test_ssim_of_the_input_is_that_of_scikit_image(plain, tiny, tested):
    metrics = pytest.importorskip("skimage.metrics", reason="scikit-image is not installed")
    numbers, _ = tested(plain)
    data, rows = ae.load_images(tiny), np.load(plain / "split.npz")["val"]
    options = {"data_range": 1.0, "gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
    expected = [
        metrics.structural_similarity(a[0], b[0], **options)
        for a, b in zip(data.scaled(rows), data.scaled(rows, "clean"), strict=True)
    ]
    assert numbers["input"]["ssim"] == pytest.approx(np.mean(expected), abs=0.02)  # up to the treatment of the edge


def test_what_is_compared_with(plain, images, tiny, tmp_path, tested, succeed):
    """Clean images where there are; else the images before the noise; else the input, which then has no error."""
    with np.load(tiny) as arrays:
        np.savez(tmp_path / "noisy.npz", images=arrays["images"])
    numbers, said = tested(plain, "--data", tmp_path / "noisy.npz")
    assert numbers["reference"] == "the input itself (no clean images)"
    assert numbers["input"] is None
    assert "compared with the input itself (no clean images)" in said
    numbers, said = tested(plain, "--data", tmp_path / "noisy.npz", "--noise", "gaussian:0.2")
    assert numbers["reference"] == "images before the added noise"
    assert 0 < numbers["input"]["mse"] < 0.04
    numbers, _ = tested(plain, "--data", tiny, "--noise", "gaussian:0.2")
    assert numbers["reference"] == "clean images"


@pytest.mark.slow
def test_the_noise_is_the_runs_own_unless_another_is_given(finished, tested):
    assert tested(finished)[0]["noise"] == "gaussian:0.2"
    assert tested(finished, "--noise", "none")[0]["noise"] == "none"
    assert tested(finished, "--noise", "masking:0.5")[0]["noise"] == "masking:0.5"


def test_twice_is_the_same(plain, tested):
    flags = ("--noise", "gaussian:0.2")
    assert tested(plain, *flags)[0] == tested(plain, *flags)[0]


@pytest.mark.slow
def test_its_own_data_file_is_tested_on_held_out_images_only(plain, tiny, tested, monkeypatch, tmp_path):
    """By whatever path the file is named: its training images would flatter the result."""
    own, _ = tested(plain)
    (tmp_path / "link.npz").symlink_to(tiny)
    monkeypatch.chdir(tiny.parent)
    for name in (tiny, tiny.name, tmp_path / "link.npz"):
        numbers, _ = tested(plain, "--data", name)
        assert numbers["n_images"] == 12
        assert numbers["output"] == own["output"]


def test_another_file_is_tested_on_all_its_images(plain, tiny, tested, tmp_path):
    shutil.copy(tiny, tmp_path / "other.npz")
    numbers, _ = tested(plain, "--data", tmp_path / "other.npz")
    assert numbers["n_images"] == 60
    assert numbers["data"] == str(tmp_path / "other.npz")
    assert tested(plain, "--data", tmp_path / "other.npz", "--limit", 7)[0]["n_images"] == 7


def test_results_on_another_file_do_not_replace_those_on_its_own(plain, tiny, tmp_path, succeed, tree):
    run = shutil.copytree(plain, tmp_path / "run")
    shutil.copy(tiny, tmp_path / "other.npz")
    quick = ("--no-movies", "--examples", 1, "--quiet")
    succeed("test", "--run", run, *quick)
    own = (run / "test" / "metrics.json").read_bytes()
    succeed("test", "--run", run, "--data", tmp_path / "other.npz", *quick)
    assert (run / "test" / "metrics.json").read_bytes() == own
    pictures = {"grid.png", "best.png", "worst.png", "regions.png", "loss.png", "metrics.json"}
    assert tree(run / "test") == pictures | {f"other/{name}" for name in pictures}


@pytest.mark.parametrize(("suffix", "wanted", "n_frames"), [("mp4", 5, 5), ("gif", 100, 12)])
def test_movies(plain, tmp_path, succeed, frame_count, tree, suffix, wanted, n_frames):
    flags = ("--format", suffix, "--movie-frames", wanted, "--examples", 3)
    succeed("test", "--run", plain, "--out", tmp_path / "out", *flags)
    movies = {f"{name}.{suffix}" for name in ("input", "output", "side_by_side")}
    assert movies < tree(tmp_path / "out")
    for movie in movies:
        assert frame_count(tmp_path / "out" / movie) == n_frames


def test_more_examples_than_images(plain, tmp_path, succeed):
    succeed("test", "--run", plain, "--out", tmp_path / "out", "--limit", 2, "--examples", 20, "--no-movies")
    assert json.loads((tmp_path / "out" / "metrics.json").read_text())["n_images"] == 2
