"""Scores with known answers: what a ring that turns, shuffled rows and standing snapshots must give."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import spearmanr
from sklearn.manifold import trustworthiness

from autoencoder.projections.fits import embed_series
from autoencoder.projections.scores import (
    Null,
    faithfulness,
    neighborhood,
    null_motion,
    score,
    stability,
)
from autoencoder.projections.series import Series


def series_of(array: np.ndarray) -> Series:
    return Series([lambda t=t: array[t] for t in range(len(array))], [f"moment {t}" for t in range(len(array))])


def turning_ring(T: int = 6, n: int = 150, seed: int = 0) -> np.ndarray:
    """A ring in six dimensions, (T, n, 6), that turns in its own plane, more and more, each point at its own pace."""
    rng = np.random.default_rng(seed)
    angle, pace = np.sort(rng.uniform(0, 2 * np.pi, n)), rng.uniform(0.2, 1, n)
    plane = np.linalg.qr(rng.normal(size=(6, 2)))[0].T
    angles = angle + 0.05 * np.arange(T)[:, None] ** 1.5 * pace
    return (np.stack([np.cos(angles), np.sin(angles)], axis=2) @ plane).astype(np.float32)


def test_a_projection_that_keeps_a_turning_ring_is_stable_and_faithful() -> None:
    ring = series_of(turning_ring())
    scores = score(ring, embed_series(ring, "pca", "last", 0), "pca", "last", 0, 1.5)
    assert scores.stability.spearman > 0.999
    assert scores.stability.pearson > 0.999
    assert scores.stability.stress < 1e-5
    for frames in (scores.faithfulness.preservation, scores.faithfulness.continuity):
        np.testing.assert_allclose(frames, 1, atol=0.01)
    numbers = scores.numbers()
    assert numbers["n_scored"] == 150
    assert numbers["k"] == 8
    assert numbers["seconds"] == 1.5
    assert len(numbers["frames"]["preservation"]) == 6
    assert numbers["null"]["mean_share"] == 0


def test_shuffled_rows_are_neither() -> None:
    ring = turning_ring()
    rng = np.random.default_rng(3)
    shuffled = np.stack([plane[rng.permutation(150)] for plane in embed_series(series_of(ring), "pca", "last", 0)])
    scores = stability(shuffled, series_of(ring).movement())
    assert abs(scores.spearman) < 0.15
    found = faithfulness(series_of(ring), shuffled, np.arange(150))
    np.testing.assert_allclose(found.preservation, 8 / 149, atol=0.04)  # chance
    np.testing.assert_allclose(found.trustworthiness, 0.5, atol=0.06)


def test_stability_is_the_correlation_of_all_movements() -> None:
    rng = np.random.default_rng(0)
    codes, plane = rng.normal(size=(4, 30, 5)).astype(np.float32), rng.normal(size=(4, 30, 2)).astype(np.float32)
    true = np.linalg.norm(np.diff(codes, axis=0), axis=2).ravel()
    seen = np.linalg.norm(np.diff(plane, axis=0), axis=2).ravel()
    scores = stability(plane, series_of(codes).movement())
    assert scores.spearman == pytest.approx(spearmanr(true, seen).statistic)
    assert scores.pearson == pytest.approx(np.corrcoef(true, seen)[0, 1])
    a, b = true / true.max(), seen / seen.max()
    assert scores.stress == pytest.approx(np.square(a - b).sum() / np.square(a).sum())


def test_faithfulness_is_that_of_independent_definitions() -> None:
    rng = np.random.default_rng(5)
    codes, plane = rng.normal(size=(2, 80, 4)).astype(np.float32), rng.normal(size=(2, 80, 2)).astype(np.float32)
    plane[1] = codes[1, :, :2]
    found = faithfulness(series_of(codes), plane, np.arange(80))
    k = neighborhood(80)
    assert k == found.k == 4
    for t in range(2):
        assert found.trustworthiness[t] == pytest.approx(trustworthiness(codes[t], plane[t], n_neighbors=k))
        # Continuity is trustworthiness with the two spaces exchanged.
        assert found.continuity[t] == pytest.approx(trustworthiness(plane[t], codes[t], n_neighbors=k))
        near = [np.argsort(np.linalg.norm(x - x[:, None], axis=2), axis=1)[:, 1 : k + 1] for x in (codes[t], plane[t])]
        kept = np.mean([len(set(a) & set(b)) / k for a, b in zip(*near, strict=True)])
        assert found.preservation[t] == pytest.approx(kept)


def test_of_points_at_equal_distances_the_lower_row_is_nearer() -> None:
    rng = np.random.default_rng(6)
    codes = rng.integers(0, 3, (1, 200, 3)).astype(np.float32)
    plane = codes[..., :2] + (rng.random((1, 200, 1)) < 0.3)
    found = faithfulness(series_of(codes), plane, np.arange(200))
    k, ranks = neighborhood(200), []
    for points in (codes[0], plane[0]):
        squares = np.square(points[:, None] - points[None]).sum(axis=2)
        np.fill_diagonal(squares, -1)
        ranks.append(np.argsort(np.argsort(squares, axis=1, kind="stable"), axis=1))
    latent, seen = ranks
    near_latent, near_seen = (latent > 0) & (latent <= k), (seen > 0) & (seen <= k)
    worst = 200 * k * (2 * 200 - 3 * k - 1) / 2
    assert found.preservation[0] == (near_latent & near_seen).sum() / (200 * k)
    assert found.trustworthiness[0] == pytest.approx(1 - (latent[near_seen & ~near_latent] - k).sum() / worst)
    assert found.continuity[0] == pytest.approx(1 - (seen[near_latent & ~near_seen] - k).sum() / worst)


def test_standing_snapshots_do_not_move_and_have_no_stability() -> None:
    still = series_of(np.repeat(turning_ring(1), 4, axis=0))
    for fit in ("last", "pooled", "every+procrustes"):
        plane = embed_series(still, "pca", fit, 0)
        np.testing.assert_array_equal(plane, np.repeat(plane[:1], 4, axis=0))
    scores = stability(plane, still.movement())
    assert scores == type(scores)(None, None, None)


def test_one_moment_has_faithfulness_only() -> None:
    one = series_of(turning_ring(1))
    scores = score(one, embed_series(one, "pca", "last", 0), "pca", "last", 0, 0.0)
    assert scores.stability.spearman is None
    numbers = scores.numbers()
    assert numbers["mean"]["preservation"] > 0.99
    assert numbers["null"]["mean_share"] is None


def test_a_moment_of_equal_codes_has_no_neighbours_to_keep() -> None:
    codes = turning_ring(3)
    codes[1] = 1.0
    numbers = score(series_of(codes), embed_series(series_of(codes), "pca", "last", 0), "pca", "last", 0, 0.0).numbers()
    kept = numbers["frames"]["preservation"]
    assert kept[1] is None
    assert kept[0] > 0.9
    assert numbers["mean"]["preservation"] == pytest.approx((kept[0] + kept[2]) / 2)


def test_the_null_of_pca_is_zero_and_a_trembling_method_has_one(monkeypatch: pytest.MonkeyPatch) -> None:
    ring = series_of(turning_ring())
    for fit in ("last", "first", "every", "pooled"):
        null = null_motion(ring, "pca", fit, 0)
        np.testing.assert_array_equal(null.still, 0)
        np.testing.assert_array_equal(null.share, 0)
    rng = np.random.default_rng(0)

    def trembling(series: Series, *_: object) -> np.ndarray:
        return np.stack([series[t][:, :2] for t in range(len(series))]) + rng.normal(size=(len(series), 150, 2))

    monkeypatch.setattr("autoencoder.projections.scores.embed_series", trembling)
    assert null_motion(ring, "pca", "last", 0).share.mean() > 0.95


def test_the_share_is_within_0_and_1() -> None:
    null = Null(still=np.array([0.0, 2.0, 0.0, 1.0]), moved=np.array([1.0, 0.0, 4.0]))
    np.testing.assert_array_equal(null.share, [1, 0, 0.25])
