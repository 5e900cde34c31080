"""`visualize`: files, embedding, movies, and what the projection is fitted to."""

import json
import shutil

import imageio.v3 as iio
import numpy as np
import pytest
from PIL import Image
from sklearn.decomposition import PCA

import autoencoder as ae

QUICK = ("--reduce", "pca", "--color-by", "x")
PLAIN = ("--examples", 0, "--no-curves")
NUMBERS = ("embedding.npz", "scores.json", "visualize.json")


def load(folder):
    with np.load(folder / "embedding.npz", allow_pickle=False) as arrays:
        return dict(arrays)


def snapshots(run):
    return [np.load(file) for file in sorted((run / "latents").glob("step_*.npy"))]


@pytest.fixture
def drawn(finished, tmp_path, succeed):
    """Visualize `finished`, by default with PCA and a column, into a folder of the test."""

    def visualize(*flags, run=finished):
        succeed("visualize", "--run", run, *QUICK, "--out", tmp_path / "out", *flags)
        return tmp_path / "out"

    return visualize


def by_pca(fitted_on, codes):
    """The same embedding by hand, up to the sign of each axis."""
    return np.abs(PCA(2, svd_solver="full").fit(fitted_on).transform(codes))


def test_embedding(drawn, finished, tree):
    out = drawn("--seconds", 1)
    assert tree(out) == {*NUMBERS, "x.mp4", "x.png"}
    arrays = load(out)
    assert arrays.keys() == {"embeddings", "steps", "epochs", "rows"}
    assert arrays["embeddings"].shape == (10, 120, 2)
    assert arrays["steps"].tolist() == list(range(0, 19, 2))
    assert arrays["epochs"] == pytest.approx(np.arange(0, 19, 2) / 6, abs=1e-5)
    assert arrays["rows"].tolist() == np.load(finished / "split.npz")["snapshot"].tolist()
    codes = snapshots(finished)
    for embedding, code in zip(arrays["embeddings"], codes, strict=True):
        np.testing.assert_allclose(np.abs(embedding), by_pca(codes[-1], code), atol=1e-3)
    told = json.loads((out / "visualize.json").read_text())
    assert (told["reducer"], told["fit"], told["layer"], told["n_points"]) == ("pca", "last", "latent", 120)


def test_fit(drawn, finished):
    codes = snapshots(finished)
    first = load(drawn("--no-movies", "--fit", "first"))["embeddings"]
    np.testing.assert_allclose(np.abs(first[4]), by_pca(codes[0], codes[4]), atol=1e-3)
    every = load(drawn("--no-movies", "--fit", "every"))["embeddings"]
    np.testing.assert_allclose(np.abs(every[4]), by_pca(codes[4], codes[4]), atol=1e-3)
    path = load(drawn("--no-movies", "--fit", finished / "latents" / "step_00000006.npy"))["embeddings"]
    np.testing.assert_allclose(np.abs(path[4]), by_pca(codes[3], codes[4]), atol=1e-3)


@pytest.mark.slow
def test_several_fits_and_layers_each_have_their_folder(drawn, tree):
    out = drawn("--fit", "first", "last", "--layer", "latent", "fc2", "--seconds", 0.25, *PLAIN)
    files = {*NUMBERS, "x.mp4", "x.png"}
    folders = {"pca-first", "pca-last", "pca-first-fc2", "pca-last-fc2"}
    assert tree(out) == {f"{folder}/{file}" for folder in folders for file in files}


def test_default_folders_are_named_after_what_was_done(finished_copy, succeed):
    fit = finished_copy / "latents" / "step_00000006.npy"
    succeed("visualize", "--run", finished_copy, *QUICK, "--fit", "last", fit, "--no-movies")
    assert {path.name for path in (finished_copy / "visualize").iterdir()} == {
        "pca-last",
        f"pca-{finished_copy.name}-step_00000006",
    }


def test_the_layer_behind_the_latent_comes_from_checkpoints(drawn, finished, arena):
    arrays = load(drawn("--layer", "fc2", "--no-movies"))
    assert arrays["steps"].tolist() == [6, 12, 18]
    assert arrays["embeddings"].shape == (3, 120, 2)
    features = ae.load_run(finished).features("fc2", ae.load_images(arena).images[arrays["rows"]])
    scale = np.abs(arrays["embeddings"][-1]).max()
    np.testing.assert_allclose(np.abs(arrays["embeddings"][-1]), by_pca(features, features), atol=0.01 * scale)


def test_stop_index(drawn, finished):
    arrays = load(drawn("--stop-index", 4, "--no-movies"))
    assert arrays["steps"].tolist() == [0, 2, 4, 6]
    codes = snapshots(finished)
    np.testing.assert_allclose(np.abs(arrays["embeddings"][0]), by_pca(codes[3], codes[0]), atol=1e-3)


@pytest.mark.slow
def test_frames(drawn, frame_count):
    """12 frames per second: a second of rest, then one frame per snapshot, then a second of rest."""
    out = drawn("--save-frames", *PLAIN)
    frames = sorted((out / "x_frames").iterdir())
    assert [frame.name for frame in frames] == [f"frame_{i:05d}.png" for i in range(12 + 10 + 12)]
    assert frame_count(out / "x.mp4") == 34
    assert frames[-1].read_bytes() == (out / "x.png").read_bytes()
    assert frames[0].read_bytes() != frames[-1].read_bytes()
    last = list(iio.imiter(out / "x.mp4", plugin="FFMPEG"))[-1].astype(float)
    picture = np.asarray(Image.open(out / "x.png").convert("RGB"), float)
    assert last.shape == (*(side + side % 2 for side in picture.shape[:2]), 3)
    assert np.abs(last[: picture.shape[0], : picture.shape[1]] - picture).mean() < 3


def test_length(drawn, frame_count):
    assert frame_count(drawn("--seconds", 4, "--fps", 10, *PLAIN) / "x.mp4") == 40


def test_gif(drawn, frame_count, tree):
    out = drawn("--format", "gif", "--seconds", 2.5, "--fps", 4, *PLAIN)
    assert tree(out) == {*NUMBERS, "x.gif", "x.png"}
    assert 2 <= frame_count(out / "x.gif") <= 10  # Pillow joins frames that are alike


def test_other_metadata(drawn, tmp_path):
    np.save(tmp_path / "extra.npy", np.random.default_rng(0).random((120, 2)))
    flags = ("--metadata", tmp_path / "extra.npy", "--columns", "mood,taste", "--color-by", "mood", "--seconds", 0.25)
    out = drawn(*flags, *PLAIN)
    assert (out / "mood.mp4").exists()
    assert not (out / "x.mp4").exists()


@pytest.mark.slow
def test_all_columns_by_default(tiny, tmp_path, succeed, tree):
    run = tmp_path / "run"
    succeed("train", tiny, "--run", run, "--epochs", 1, "--batch-size", 40, "--snapshots-per-epoch", 1, "--quiet")
    succeed("visualize", "--run", run, "--reduce", "pca", "--seconds", 0.25, *PLAIN, "--quiet")
    columns = ae.load_images(tiny).metadata.names
    made = {f"visualize/pca-last/{name}.{suffix}" for name in columns for suffix in ("mp4", "png")}
    assert made <= tree(run)


def test_no_metadata_at_all(images, tmp_path, succeed, tree):
    run = tmp_path / "run"
    succeed("train", images, "--run", run, "--epochs", 1, "--batch-size", 16, "--quiet")
    succeed("visualize", "--run", run, "--reduce", "pca", "--seconds", 0.25, *PLAIN)
    assert {"visualize/pca-last/row.mp4", "visualize/pca-last/row.png"} <= tree(run)


def test_two_units_as_they_are(tiny, tmp_path, succeed):
    run = tmp_path / "run"
    succeed("train", tiny, "--run", run, "--epochs", 1, "--batch-size", 16, "--latent-dim", 2, "--quiet")
    succeed("visualize", "--run", run, "--reduce", "none", "--no-movies")
    embeddings = load(run / "visualize" / "none-last")["embeddings"]
    np.testing.assert_array_equal(embeddings, np.stack(snapshots(run)))


def test_a_run_in_training(finished_copy, succeed):
    """Before its first epoch has ended: snapshots and no checkpoint."""
    shutil.rmtree(finished_copy / "checkpoints")
    (finished_copy / "metrics.csv").unlink()
    succeed("visualize", "--run", finished_copy, *QUICK, "--seconds", 0.25)
    succeed("info", finished_copy)


@pytest.mark.slow  # numba compiles for more than ten seconds
def test_umap_is_the_default_and_repeats(tiny, tmp_path, succeed):
    run = tmp_path / "run"
    succeed("train", tiny, "--run", run, "--epochs", 1, "--batch-size", 40, "--snapshots-per-epoch", 1, "--quiet")
    for name in ("a", "b"):
        succeed("visualize", "--run", run, "--color-by", "x", "--seconds", 0.5, "--out", tmp_path / name, "--quiet")
    a, b = load(tmp_path / "a")["embeddings"], load(tmp_path / "b")["embeddings"]
    np.testing.assert_array_equal(a, b)
    assert a.shape == (2, 60, 2)
    assert json.loads((tmp_path / "a" / "visualize.json").read_text())["reducer"] == "umap"
