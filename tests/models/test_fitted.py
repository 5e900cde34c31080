"""Encoders that are fitted once: what they compute, what they were fitted to, and what is kept of them."""

from __future__ import annotations

import functools
import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from sklearn.decomposition import PCA
from torch import nn

import autoencoder as ae
from autoencoder.models.fitted import FittedEncoder, standardisation
from autoencoder.models.network import architecture, fitted_encoder
from autoencoder.registries import FITTED_ENCODERS

FloatArray = NDArray[np.float32]

N, SHAPE = 150, (1, 12, 10)

every_fitted = pytest.mark.parametrize("encoder", sorted(FITTED_ENCODERS))


@functools.cache
def flat_images(n: int = N, seed: int = 0) -> FloatArray:
    """Smooth pictures with some noise, (n, C*H*W)."""
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(n, SHAPE[0], 3, 3, generator=generator)
    smooth = nn.functional.interpolate(coarse, SHAPE[1:], mode="bilinear")
    noisy: FloatArray = (0.9 * smooth + 0.1 * torch.rand(smooth.shape, generator=generator)).flatten(1).numpy()
    return noisy


def fit(encoder: str, inputs: FloatArray, latent_dim: int, seed: int = 0) -> FittedEncoder:
    (made,) = architecture(encoder).Encoder.fit_several(inputs, [latent_dim], seed)
    assert isinstance(made, FittedEncoder)
    return made


def encode(encoder: FittedEncoder, flat: FloatArray, shape: tuple[int, ...] = SHAPE) -> FloatArray:
    with torch.no_grad():
        codes: FloatArray = encoder(torch.from_numpy(flat).reshape(-1, *shape)).numpy()
    return codes


def like(found: NDArray[np.floating], expected: NDArray[np.floating], atol: float) -> None:
    """The same but for the sign of each column."""
    signs = np.sign((found * expected).sum(axis=0))
    np.testing.assert_allclose(found * signs, expected, atol=atol)


# ---------------------------------------------------------------------------------------------------- what they compute


@pytest.mark.parametrize(
    ("n", "offset", "contrast"),
    [(N, 0.0, 1.0), (N, 0.9, 0.02), (60, 0.0, 1.0), (60, 0.9, 0.02)],
    ids=["wide", "wide, bright and flat", "fewer images than pixels", "fewer, bright and flat"],
)
def test_pca_codes_are_standardised_scores(n: int, offset: float, contrast: float) -> None:
    """Independent reference: scikit-learn's exact decomposition in double precision."""
    flat = (offset + contrast * flat_images()[:n]).astype(np.float32)
    new = (offset + contrast * flat_images(40, seed=1)).astype(np.float32)
    pca = PCA(8, svd_solver="full").fit(flat.astype(np.float64))
    scores = pca.transform(flat.astype(np.float64))
    made = fit("pca", flat, 8)
    like(encode(made, flat), scores / scores.std(axis=0), 2e-3)
    like(encode(made, new), pca.transform(new.astype(np.float64)) / scores.std(axis=0), 4e-3)


def test_explained_variance_is_that_of_all_components() -> None:
    made = fit("pca", flat_images(), 3)
    ratio = made.explained_variance_ratio
    assert ratio.shape == (120,)
    assert ratio.sum() == pytest.approx(1)
    assert (np.diff(ratio) <= 0).all()
    expected = PCA(svd_solver="full").fit(flat_images().astype(np.float64)).explained_variance_ratio_
    np.testing.assert_allclose(ratio, expected, atol=1e-6)


@pytest.mark.slow
def test_several_numbers_of_units_from_one_decomposition() -> None:
    """The first units are the same, and each encoder is as if it had been fitted alone."""
    for name in FITTED_ENCODERS:
        several = architecture(name).Encoder.fit_several(flat_images(), [2, 5], 0)
        assert [made.latent_dim for made in several] == [2, 5]
        for made in several:
            np.testing.assert_array_equal(
                encode(made, flat_images()), encode(fit(name, flat_images(), made.latent_dim), flat_images())
            )
        if name == "pca":
            np.testing.assert_allclose(
                encode(several[1], flat_images())[:, :2], encode(several[0], flat_images()), atol=1e-5
            )


@every_fitted
@pytest.mark.parametrize("latent_dim", [1, 2, 7])
def test_codes_of_training_images_have_mean_0_and_deviation_1(encoder: str, latent_dim: int) -> None:
    codes = encode(fit(encoder, flat_images(), latent_dim), flat_images())
    assert codes.shape == (N, latent_dim)
    np.testing.assert_allclose(codes.mean(axis=0), 0, atol=1e-4)
    np.testing.assert_allclose(codes.std(axis=0), 1, atol=1e-4)


@every_fitted
def test_codes_are_the_same_every_time_and_in_every_batch(encoder: str) -> None:
    first, second = (fit(encoder, flat_images(), 3) for _ in range(2))
    new = flat_images(40, seed=1)
    codes = encode(first, new)
    np.testing.assert_array_equal(codes, encode(second, new))
    alone = np.concatenate([encode(first, new[i : i + 1]) for i in range(len(new))])
    np.testing.assert_allclose(alone, codes, atol=1e-4)
    np.testing.assert_allclose(encode(first, new[::-1].copy())[::-1], codes, atol=1e-4)


@pytest.mark.slow
def test_umap_leaves_the_number_of_threads_alone(root: Path) -> None:
    """In a process of its own: numba sets it once, when it starts its threads, and sums would be rounded otherwise."""
    code = (
        "import numpy, torch; from autoencoder.models.umap import Encoder; torch.set_num_threads(1);"
        "Encoder.fit_several(numpy.random.default_rng(0).random((20, 30), numpy.float32), [2], 0);"
        "print(torch.get_num_threads())"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout == "1\n"


def test_umap_is_drawn_by_the_seed() -> None:
    codes = [encode(fit("umap", flat_images(), 2, seed), flat_images()) for seed in (1, 1, 2)]
    np.testing.assert_array_equal(codes[0], codes[1])
    assert not np.allclose(codes[0], codes[2], atol=0.1)


@every_fitted
def test_images_that_are_alike_have_codes_that_are_alike(encoder: str) -> None:
    made, rng = fit(encoder, flat_images(), 2), np.random.default_rng(0)
    new = flat_images(60, seed=1)
    codes = encode(made, new)
    near = encode(made, (new + rng.normal(0, 0.002, new.shape)).astype(np.float32))
    others = codes[rng.permutation(len(codes))]
    moved, apart = np.linalg.norm(near - codes, axis=1), np.linalg.norm(others - codes, axis=1)
    assert np.median(moved) < 0.05 * np.median(apart)
    # A training image lies among the codes of the images that look most like it.
    training = encode(made, flat_images())
    nearest = np.linalg.norm(flat_images()[:, None] - flat_images()[None], axis=2).argsort(axis=1)[:, 1:6]
    to_nearest = np.linalg.norm(training[:, None] - training[nearest], axis=2).mean(axis=1)
    to_any = np.linalg.norm(training[:, None] - training[None], axis=2).mean(axis=1)
    assert np.median(to_nearest / to_any) < 0.6


@every_fitted
def test_channels_are_in_the_order_of_the_images(encoder: str) -> None:
    """An image in any memory layout has the same code."""
    generator = torch.Generator().manual_seed(0)
    images = torch.rand(60, 3, 6, 7, generator=generator)
    made = fit(encoder, images.flatten(1).numpy(), 4)
    with torch.no_grad():
        np.testing.assert_array_equal(made(images), made(images.to(memory_format=torch.channels_last)))


@every_fitted
def test_units_without_variance_are_not_blown_up(encoder: str) -> None:
    """Five different images, many times over, fill four dimensions; rounding in the others is not made as large."""
    flat = np.tile(flat_images(5), (12, 1))
    made = fit(encoder, flat, 8)
    codes = encode(made, flat)
    assert np.isfinite(codes).all()
    alone = np.concatenate([encode(made, flat[i : i + 1]) for i in range(5)])
    np.testing.assert_allclose(alone, codes[:5], atol=1e-3)
    if encoder == "pca":
        np.testing.assert_allclose(codes.std(axis=0), [1, 1, 1, 1, 0, 0, 0, 0], atol=1e-4)
    assert np.abs(encode(made, flat_images(20, seed=3))).max() < 1e3


def test_standardisation_leaves_constant_units_alone() -> None:
    codes = np.array([[1.0, 5.0, 1e-9], [3.0, 5.0, -1e-9]])
    found = standardisation(codes)
    np.testing.assert_array_equal(found["code_mean"], [2, 5, 0])
    np.testing.assert_array_equal(found["code_scale"], [1, 1, 1])


@every_fitted
@pytest.mark.parametrize("n", [4, 5, 99, 100, 101])
def test_as_many_units_as_images_allow(encoder: str, n: int) -> None:
    inputs = flat_images()[:n]
    latent_dim = min(n - 1, 100)
    codes = encode(fit(encoder, inputs, latent_dim), inputs)
    assert codes.shape == (n, latent_dim)
    assert np.isfinite(codes).all()


def test_large_images_are_fitted_to_some_of_the_training_images(monkeypatch: pytest.MonkeyPatch) -> None:
    from autoencoder.models import pca

    monkeypatch.setattr(pca, "MAX_DENSE_FEATURES", 50)
    made = fit("pca", flat_images(), 3)
    some = flat_images()[np.linspace(0, N - 1, 50).astype(int)]
    np.testing.assert_array_equal(encode(made, flat_images()), encode(fit("pca", some, 3), flat_images()))


# --------------------------------------------------------------------------------------------------------- what is kept


@every_fitted
def test_plain_arrays_give_it_back_exactly(encoder: str, tmp_path: Path) -> None:
    made, config = fit(encoder, flat_images(), 3), ae.ModelConfig(encoder, latent_dim=3)
    np.savez(tmp_path / "reducer.npz", **made.arrays())
    with np.load(tmp_path / "reducer.npz", allow_pickle=False) as stored:
        again = fitted_encoder(config, dict(stored))
    new = flat_images(40, seed=1)
    np.testing.assert_array_equal(encode(again, new), encode(made, new))
    if encoder == "pca":
        np.testing.assert_array_equal(again.explained_variance_ratio, made.explained_variance_ratio)
    assert again.latent_dim == 3
    assert not list(again.parameters())
    assert not again.state_dict()
    for other in FITTED_ENCODERS:
        if other != encoder:
            with pytest.raises(ValueError, match="components"):
                fitted_encoder(ae.ModelConfig(other, latent_dim=3), made.arrays())


@pytest.fixture(scope="module")
def runs(tiny, tmp_path_factory, succeed):
    """A finished epoch on `tiny` by each fitted encoder."""
    folder = tmp_path_factory.mktemp("fitted")
    flags = ("--epochs", 1, "--batch-size", 16, "--latent-dim", 3, "--val-interval", 1, "--quiet")
    for encoder in FITTED_ENCODERS:
        succeed("train", tiny, "--run", folder / encoder, "--encoder", encoder, *flags)
    return folder


@every_fitted
def test_what_a_run_keeps(runs, tiny, encoder):
    """The encoder once and not in each checkpoint; its codes are those of the only snapshot."""
    run = runs / encoder
    with np.load(run / "reducer.npz", allow_pickle=False) as stored:
        assert {"center", "components", "code_mean", "code_scale"} <= set(stored.files)
        assert stored["center"].shape == (16 * 16,)
    content = torch.load(run / "checkpoints" / "last.pt", weights_only=True)
    assert all(name.startswith("head.") for name in content["model"])
    assert [file.name for file in (run / "latents").glob("*.npy")] == ["step_00000000.npy"]
    codes = ae.load_run(run).encode(ae.load_images(tiny).images)
    np.testing.assert_allclose(np.load(run / "latents" / "step_00000000.npy"), codes, atol=1e-5)
    train = codes[np.load(run / "split.npz")["train"]]
    np.testing.assert_allclose(train.mean(axis=0), 0, atol=1e-4)
    np.testing.assert_allclose(train.std(axis=0), 1, atol=1e-4)


def test_pca_of_a_run_is_that_of_its_training_images(runs, tiny):
    data, rows = ae.load_images(tiny), np.load(runs / "pca" / "split.npz")["train"]
    flat = data.scaled(np.arange(60)).reshape(60, -1).astype(np.float64)
    pca = PCA(3, svd_solver="full").fit(flat[rows])
    like(
        ae.load_run(runs / "pca").encode(data.images),
        pca.transform(flat) / pca.transform(flat[rows]).std(axis=0),
        1e-3,
    )


@every_fitted
def test_held_out_images_are_not_fitted_to(runs, tiny, tmp_path, succeed, encoder):
    """Others in their place leave what was fitted as it was, bit for bit."""
    data, rows = ae.load_images(tiny), np.load(runs / encoder / "split.npz")["val"]
    images = data.images.copy()
    images[rows] = 255 - images[rows][::-1]
    np.save(tmp_path / "others.npy", images)
    shutil.copy(tiny.with_suffix(".csv"), tmp_path / "others.csv")  # says that images are frames, as of the others
    flags = ("--epochs", 1, "--batch-size", 16, "--latent-dim", 3, "--quiet")
    succeed("train", tmp_path / "others.npy", "--run", tmp_path / "run", "--encoder", encoder, *flags)
    with np.load(runs / encoder / "reducer.npz") as a, np.load(tmp_path / "run" / "reducer.npz") as b:
        assert a.files == b.files
        for name in a.files:
            np.testing.assert_array_equal(a[name], b[name], err_msg=name)


@every_fitted
def test_many_images_are_fitted_to_some_of_the_training_images(tiny, tmp_path, succeed, monkeypatch, encoder):
    monkeypatch.setattr(architecture(encoder).Encoder, "MAX_IMAGES", 20)
    kind, given = architecture(encoder).Encoder, []
    fit_several = kind.fit_several
    monkeypatch.setattr(kind, "fit_several", lambda inputs, *rest: given.append(inputs) or fit_several(inputs, *rest))
    flags = ("--epochs", 1, "--batch-size", 16, "--latent-dim", 3, "--quiet", "--encoder", encoder)
    succeed("train", tiny, "--run", tmp_path / "run", *flags)
    train = np.load(tmp_path / "run" / "split.npz")["train"]
    flat = ae.load_images(tiny).scaled(train).reshape(len(train), -1)
    found = [int(np.abs(flat - one).max(axis=1).argmin()) for one in given[0]]
    assert len(set(found)) == len(given[0]) == 20
    assert sorted(found) == found != list(range(20))
    np.testing.assert_array_equal(flat[found], given[0])


def test_noise_is_fitted_with_as_it_is_seen(tiny, tmp_path, succeed):
    """The centre of noisy training images is brighter than that of the images themselves, which are mostly dark."""
    flags = ("--epochs", 1, "--batch-size", 16, "--latent-dim", 3, "--quiet", "--encoder", "pca")
    for name, noise in (("without", "none"), ("with", "gaussian:0.5"), ("again", "gaussian:0.5")):
        succeed("train", tiny, "--run", tmp_path / name, *flags, "--noise", noise)
    fitted = {name: dict(np.load(tmp_path / name / "reducer.npz")) for name in ("without", "with", "again")}
    assert not np.allclose(fitted["with"]["center"], fitted["without"]["center"], atol=0.01)
    assert all(np.array_equal(fitted["with"][name], fitted["again"][name]) for name in fitted["with"])


def test_checkpoints_stay_small(arena, tmp_path, succeed):
    """The head of a tagger has 128 units; what its encoder was fitted to is many times larger."""
    flags = ("--objective", "angle", "--encoder", "umap", "--epochs", 1, "--batch-size", 32, "--latent-dim", 4)
    succeed("train", arena, "--run", tmp_path / "run", *flags, "--quiet")
    reducer, checkpoint = tmp_path / "run" / "reducer.npz", tmp_path / "run" / "checkpoints" / "last.pt"
    assert checkpoint.stat().st_size < 40_000 < reducer.stat().st_size


# ------------------------------------------------------------------------------------------------------ what is refused


def changed(path: Path, **arrays: object) -> None:
    """Replace arrays, or leave out those that are None."""
    with np.load(path) as stored:
        kept = {**dict(stored), **arrays}
    np.savez(path, **{name: values for name, values in kept.items() if values is not None})  # type: ignore[arg-type]


DAMAGE = {
    "missing": lambda path: path.unlink(),
    "empty": lambda path: path.write_bytes(b""),
    "cut short": lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]),
    "garbage": lambda path: path.write_bytes(b"\x00\xff garbage" * 100),
    "an array missing": lambda path: changed(path, center=None),
    "another number of units": lambda path: changed(path, components=np.zeros((4, 256)), code_mean=np.zeros(4)),
    "other images": lambda path: changed(path, center=np.zeros(100)),
    "text": lambda path: changed(path, code_mean=np.array(["a", "b", "c"])),
    "not finite": lambda path: changed(path, code_mean=np.full(3, np.nan)),
    "objects": lambda path: changed(path, center=np.array([{}], object)),
}


@pytest.mark.parametrize("how", DAMAGE)
def test_damaged_file(runs, tiny, tmp_path, call, tree, how):
    run = Path(shutil.copytree(runs / "pca", tmp_path / "run"))
    DAMAGE[how](run / "reducer.npz")
    before = tree(run)
    call("test", "--run", run).refused("reducer.npz", str(run))
    call("train", "--resume", run, "--epochs", 2).refused("reducer.npz", str(run))
    with pytest.raises(ae.UserError, match=r"reducer\.npz"):
        ae.load_run(run)
    assert tree(run) == before
    assert json.loads((run / "config.json").read_text())["training"]["epochs"] == 1


def test_the_file_of_another_run(runs, arena, tmp_path, call, succeed):
    flags = ("--encoder", "pca", "--epochs", 1, "--batch-size", 16, "--quiet")
    succeed("train", arena, "--run", tmp_path / "run", *flags, "--latent-dim", 3)
    for other in ("pca", "umap"):
        shutil.copy(runs / other / "reducer.npz", tmp_path / "run" / "reducer.npz")
        call("test", "--run", tmp_path / "run").refused("reducer.npz", "'pca'", "(1, 50, 50)", "restore")


@every_fitted
def test_more_units_than_can_be_made(tiny, images, tmp_path, call, encoder):
    flags = ("--encoder", encoder, "--batch-size", 16, "--epochs", 1)
    for wanted in (48, 500):
        call("train", tiny, "--run", tmp_path / "run", *flags, "--latent-dim", wanted).refused(
            f"'{encoder}'", str(tiny), "40 training images", str(wanted), "--latent-dim 39 or less"
        )
    small = np.random.default_rng(0).integers(0, 256, (40, 1, 2, 9), dtype=np.uint8)
    np.save(tmp_path / "small.npy", small)
    decoder = ("--decoder", "dense")  # which takes images of any size
    call("train", tmp_path / "small.npy", "--run", tmp_path / "run", *flags, *decoder, "--latent-dim", 19).refused(
        f"'{encoder}'", "18 values", "--latent-dim 18 or less"
    )
    assert not (tmp_path / "run").exists()


def test_too_few_images_for_neighbours(tmp_path, call, succeed):
    images = np.random.default_rng(0).integers(0, 256, (6, 16, 16), dtype=np.uint8)
    flags = ("--batch-size", 2, "--latent-dim", 1, "--epochs", 1, "--val-fraction", 0.3)
    np.save(tmp_path / "few.npy", images[:4])
    call("train", tmp_path / "few.npy", "--run", tmp_path / "run", "--encoder", "umap", *flags).refused(
        "few.npy", "'umap'", "4 training images", "has 3"
    )
    succeed("train", tmp_path / "few.npy", "--run", tmp_path / "pca", "--encoder", "pca", *flags)
    np.save(tmp_path / "enough.npy", images)
    succeed("train", tmp_path / "enough.npy", "--run", tmp_path / "umap", "--encoder", "umap", *flags)


@every_fitted
def test_images_that_are_all_the_same(tmp_path, call, encoder):
    np.save(tmp_path / "same.npy", np.full((40, 16, 16), 77, np.uint8))
    call("train", tmp_path / "same.npy", "--run", tmp_path / "run", "--encoder", encoder, "--batch-size", 16).refused(
        "same.npy", "all the same", f"'{encoder}'"
    )
    assert not (tmp_path / "run").exists()
