from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import torch

from autoencoder.errors import UserError
from autoencoder.neighbors.place import place
from autoencoder.neighbors.umap import membership
from autoencoder.projections.reducers.base import embed_snapshots, make_projection
from autoencoder.registries import REDUCERS


def ring(n: int = 120, d: int = 6, seed: int = 0) -> np.ndarray:
    """A noisy ring in d dimensions."""
    rng = np.random.default_rng(seed)
    angle = rng.uniform(0, 2 * np.pi, n)
    plane = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return (plane @ rng.normal(size=(2, d)) + rng.normal(0, 0.02, (n, d))).astype(np.float32)


def test_names_are_known_without_heavy_imports() -> None:
    code = (
        "import sys, autoencoder.projections.reducers, autoencoder.registries as r;"
        "print(tuple(r.REDUCERS), {'umap', 'sklearn', 'scipy'} & set(sys.modules))"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.strip() == "('umap', 'pca', 'tsne', 'none') set()"


def test_pca_is_the_svd_of_the_centred_latent() -> None:
    X = ring()
    plane = make_projection("pca", 0).fit(X).transform(X)
    u, s, _ = np.linalg.svd(X - X.mean(axis=0), full_matrices=False)
    assert plane.dtype == np.float32
    np.testing.assert_allclose(np.abs(plane), np.abs(u[:, :2] * s[:2]), atol=1e-5)


def test_pca_of_one_unit_has_a_flat_second_coordinate() -> None:
    X = ring(d=1)
    plane = make_projection("pca", 0).fit(X).transform(X)
    assert np.ptp(plane[:, 0]) > 0
    assert not plane[:, 1].any()


def test_umap_is_deterministic_and_keeps_the_fitted_frame() -> None:
    X = ring()
    moved = X + np.float32(0.01)
    first = make_projection("umap", 3).fit(X)
    second = make_projection("umap", 3).fit(X)
    np.testing.assert_array_equal(first.transform(X), second.transform(X.copy()))
    np.testing.assert_array_equal(first.transform(moved), second.transform(moved))
    # A small move of the latent is a small move in the plane, near the fitted place.
    extent = np.ptp(first.transform(X), axis=0).max()
    assert np.median(np.linalg.norm(first.transform(moved) - first.transform(X), axis=1)) < 0.05 * extent
    # Order does not matter: each point is placed by itself.
    np.testing.assert_array_equal(first.transform(moved[::-1]), first.transform(moved)[::-1])


def test_new_points_have_the_weights_of_umap() -> None:
    """Independent reference: umap-learn's own membership strengths, as its `transform` asks for them."""
    from umap.umap_ import compute_membership_strengths, smooth_knn_dist

    X, new = ring(), ring()[:40] + np.float32(0.05)
    distances = np.sort(np.linalg.norm(new[:, None] - X[None], axis=2), axis=1)[:, :15].astype(np.float32)
    indices = np.tile(np.arange(15, dtype=np.int32), (40, 1))
    sigmas, rhos = smooth_knn_dist(distances, 15.0, local_connectivity=0.0)
    strengths = compute_membership_strengths(indices, distances, sigmas, rhos, bipartite=True)[2].reshape(40, 15)
    weights = membership(torch.from_numpy(distances)).numpy()
    np.testing.assert_allclose(weights, strengths / strengths.sum(axis=1, keepdims=True), atol=1e-4)


@pytest.mark.parametrize("n", [4, 7])
def test_umap_fits_few_points(n: int) -> None:
    X = ring(n)
    plane = make_projection("umap", 0).fit(X).transform(X)
    assert plane.shape == (n, 2)
    assert np.isfinite(plane).all()


@pytest.mark.parametrize("n", [30, 130])
def test_umap_of_a_latent_without_a_second_dimension(n: int) -> None:
    """One unit, or several that say the same."""
    one = ring(n, 1)
    for X in (one, np.repeat(one, 3, axis=1)):
        first, second = (make_projection("umap", 0).fit(X).transform(X) for _ in range(2))
        assert np.isfinite(first).all()
        np.testing.assert_array_equal(first, second)


def test_umap_survives_a_mostly_dead_latent() -> None:
    X = np.zeros((60, 4), np.float32)
    X[:5] = ring(5, 4)
    projection = make_projection("umap", 0).fit(X)
    assert np.isfinite(projection.transform(X)).all()
    assert np.ptp(projection.transform(np.zeros((9, 4), np.float32)), axis=0).max() == 0


def test_tsne_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openTSNE", None)
    with pytest.raises(UserError, match=r"autoencoder-objectives\[tsne\]"):
        make_projection("tsne", 0)


def test_tsne_is_deterministic_and_keeps_the_fitted_frame() -> None:
    pytest.importorskip("openTSNE")
    X = ring(60)
    planes = embed_snapshots([X * np.float32(0.9), X], X, "tsne", 1)
    np.testing.assert_array_equal(planes, embed_snapshots([X * np.float32(0.9), X], X, "tsne", 1))
    np.testing.assert_array_equal(planes[1], make_projection("tsne", 1).fit(X).transform(X))
    assert planes.dtype == np.float32


def test_without_a_projection_two_units_are_the_plane() -> None:
    X = ring(30)[:, :2].copy()
    np.testing.assert_array_equal(make_projection("none", 0).fit(X).transform(X), X)
    with pytest.raises(UserError, match="needs a latent of 2 units, and this one has 6: use umap or pca"):
        make_projection("none", 0).fit(ring(30))
    with pytest.raises(UserError, match="not finite"):
        make_projection("none", 0).fit(X).transform(X * np.nan)


@pytest.mark.parametrize("name", [name for name in REDUCERS if name != "none"])
def test_bad_latents_are_refused_with_the_reason(name: str) -> None:
    if name == "tsne":
        pytest.importorskip("openTSNE")
    X = ring(20)
    with pytest.raises(UserError, match="at least 4 points"):
        make_projection(name, 0).fit(X[:3])
    with pytest.raises(UserError, match="not finite"):
        make_projection(name, 0).fit(np.where(np.arange(20)[:, None] == 3, np.nan, X))
    with pytest.raises(UserError, match="every image has the same code"):
        make_projection(name, 0).fit(np.ones((20, 6), np.float32))


def test_unknown_reducer() -> None:
    with pytest.raises(UserError, match="choose from umap, pca, tsne"):
        make_projection("isomap", 0)


def test_snapshots_are_embedded_one_by_one() -> None:
    X = ring()
    scales = [0.0, 0.5, 1.0]  # a constant snapshot is a place like any other
    done: list[int] = []
    planes = embed_snapshots((X * np.float32(a) for a in scales), X, "pca", 0, done.append)
    assert planes.shape == (3, len(X), 2)
    assert planes.dtype == np.float32
    assert done == [1, 1, 1]
    assert np.ptp(planes[0], axis=0).max() == 0
    projection = make_projection("pca", 0).fit(X)
    np.testing.assert_array_equal(planes[2], projection.transform(X))


def test_snapshot_errors_say_which() -> None:
    X = ring()
    with pytest.raises(UserError, match=r"snapshot 1 cannot be placed: .*not finite"):
        embed_snapshots([X, X * np.float32(np.nan)], X, "pca", 0)
    with pytest.raises(UserError, match=r"snapshot 1 cannot be placed: .*fitted on latents of 6 units"):
        embed_snapshots([X, X[:, :3]], X, "pca", 0)
    with pytest.raises(UserError, match="snapshot 1 has 10 points"):
        embed_snapshots([X, X[:10]], X, "pca", 0)
    with pytest.raises(UserError, match="no snapshots"):
        embed_snapshots([], X, "pca", 0)


@pytest.mark.parametrize("k", [4, 15])
def test_places_are_means_by_the_weights_of_the_encoder(k: int) -> None:
    X, rng = ring(60), np.random.default_rng(2)
    fitted = X[:k] if k < 15 else X
    embedding = rng.normal(size=(len(fitted), 3)).astype(np.float32)
    points = np.concatenate([X[-20:], fitted[:3], np.repeat(fitted[:1], 2, axis=0) + 50]).astype(np.float32)
    distances = np.linalg.norm(points[:, None].astype(float) - fitted[None], axis=2)
    nearest = np.argsort(distances, axis=1, kind="stable")[:, :k]
    weights = membership(torch.from_numpy(np.take_along_axis(distances, nearest, axis=1))).numpy()
    expected = np.einsum("nk,nkc->nc", weights, embedding[nearest])
    np.testing.assert_allclose(place(points, fitted, embedding), expected, atol=2e-4)
