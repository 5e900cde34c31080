"""What units, random codes and clusters are computed to be, where the answer is known."""

import numpy as np
import pytest

from autoencoder.latent.codes import (
    MAX_SHOWN,
    STEPS,
    agreement,
    cluster_means,
    cross_table,
    find_clusters,
    mixture_size,
    random_codes,
    sorted_by_class,
    sweep_units,
    typical_distance,
)

RNG = np.random.default_rng(0)
D = 5
WEIGHTS = RNG.normal(size=(D, 1, 4, 6)).astype(np.float32)


def linear(codes):
    """A decoder whose units have known influences."""
    return np.tensordot(codes, WEIGHTS, 1) + 0.3


def codes_of(n=400, d=D, seed=1):
    rng = np.random.default_rng(seed)
    return (rng.normal(size=(n, d)) * np.arange(1, d + 1) + 2).astype(np.float32)


# --------------------------------------------------------------------------------------------------------------- units


def test_influence_on_a_linear_decoder():
    codes = codes_of()
    sweep = sweep_units(codes, linear)
    rms = np.sqrt(np.square(WEIGHTS).reshape(D, -1).mean(axis=1))
    np.testing.assert_allclose(sweep.influence, codes.std(axis=0) * rms, rtol=1e-4)
    np.testing.assert_allclose(sweep.mean, codes.mean(axis=0), rtol=1e-5)
    np.testing.assert_allclose(sweep.deviations, codes.std(axis=0), rtol=1e-5)


def test_pictures_are_of_the_mean_code_with_one_unit_moved():
    codes = codes_of()
    sweep = sweep_units(codes, linear)
    assert sweep.shown.tolist() == list(range(D))
    assert sweep.pictures.shape == (D, len(STEPS), 1, 4, 6)
    for unit in range(D):
        for step, picture, value in zip(STEPS, sweep.pictures[unit], sweep.values[unit], strict=True):
            code = codes.mean(axis=0)
            code[unit] += step * codes[:, unit].std()
            assert value == pytest.approx(code[unit], rel=1e-4)
            np.testing.assert_allclose(picture, linear(code[None])[0], atol=1e-4)


def test_influence_does_not_depend_on_units_of_measurement():
    codes = codes_of()
    scale = np.array([10, 1, 0.1, 3, 1], np.float32)
    scaled = sweep_units(codes * scale, lambda z: linear(z / scale))
    np.testing.assert_allclose(scaled.influence, sweep_units(codes, linear).influence, rtol=1e-3)


def test_a_bounded_unit_stays_in_its_range():
    codes = np.maximum(codes_of() - 2, 0)
    seen = []

    def decode(z):
        seen.append(z)
        return linear(z)

    sweep = sweep_units(codes, decode, bounded=True)
    decoded = np.concatenate(seen)
    assert (decoded >= codes.min(axis=0) - 1e-6).all()
    assert (decoded <= codes.max(axis=0) + 1e-6).all()
    assert (sweep.values[:, 0] < 0).all()  # the steps that were asked for
    rms = np.sqrt(np.square(WEIGHTS).reshape(D, -1).mean(axis=1))
    np.testing.assert_allclose(sweep.influence, codes.std(axis=0) * rms, rtol=1e-4)  # per step that was made
    seen.clear()
    sweep_units(codes, decode)
    assert np.concatenate(seen).min() < 0


def test_dead_units_have_no_influence():
    codes = codes_of()
    codes[:, 1], codes[:, 3] = 0, 0.1 + 1e-8 * RNG.random(len(codes))
    sweep = sweep_units(codes, linear)
    assert sweep.dead.tolist() == [False, True, False, True, False]
    assert sweep.influence[[1, 3]].tolist() == sweep.deviations[[1, 3]].tolist() == [0, 0]
    assert (sweep.pictures[1] == sweep.pictures[1, 0]).all()
    all_dead = sweep_units(np.zeros((10, D), np.float32), linear)
    assert all_dead.dead.all()
    assert not all_dead.influence.any()


@pytest.mark.parametrize(("d", "k"), [(16, 16), (17, 17), (40, MAX_SHOWN)])
def test_many_units_are_shown_by_influence(d, k):
    strength = np.random.default_rng(d).permutation(d) + 1.0
    codes = np.random.default_rng(2).normal(size=(500, d)).astype(np.float32)
    codes = (codes - codes.mean(axis=0)) / codes.std(axis=0)
    sweep = sweep_units(codes, lambda z: (z * strength)[:, :, None])
    np.testing.assert_allclose(sweep.influence * np.sqrt(d), strength, rtol=1e-3)
    expected = list(range(d)) if d <= 16 else np.argsort(-strength)[:k].tolist()
    assert sweep.shown.tolist() == expected
    middle = len(STEPS) // 2
    ends = sweep.pictures[:, -1, sweep.shown, 0] - sweep.pictures[:, middle, sweep.shown, 0]
    np.testing.assert_allclose(np.diag(ends), 2 * strength[sweep.shown], rtol=1e-3)


# -------------------------------------------------------------------------------------------------------- random codes


def test_random_codes_follow_the_codes():
    mixing = RNG.normal(size=(4, 4))
    codes = (RNG.normal(size=(4000, 4)) @ mixing + [5, 0, -3, 100]).astype(np.float32)
    drawn = random_codes(codes, 20_000, seed=3)
    deviations = codes.std(axis=0)
    np.testing.assert_allclose((drawn.mean(axis=0) - codes.mean(axis=0)) / deviations, 0, atol=0.05)
    np.testing.assert_allclose(np.corrcoef(drawn.T), np.corrcoef(codes.T), atol=0.05)
    np.testing.assert_allclose(drawn.std(axis=0), deviations, rtol=0.05)


def test_random_codes_keep_to_clusters():
    """One Gaussian would put most of its codes where there are none."""
    centers = np.array([[-10, -10], [-10, 10], [10, 10]])
    codes = (centers[RNG.integers(0, 3, 1500)] + RNG.normal(size=(1500, 2))).astype(np.float32)
    drawn = random_codes(codes, 1000, seed=0)
    distances = np.linalg.norm(drawn[:, None] - centers, axis=2).min(axis=1)
    assert (distances < 5).mean() > 0.99
    near = np.linalg.norm(drawn[:, None] - centers, axis=2).argmin(axis=1)
    np.testing.assert_allclose(np.bincount(near) / 1000, 1 / 3, atol=0.06)
    assert len(set(near[:20].tolist())) == 3  # not sorted by component


def test_random_codes_stay_in_range_and_repeat():
    codes = np.maximum(codes_of(300) - 2, 0)
    codes[:, 2] = 0.7
    drawn = random_codes(codes, 500, seed=5)
    assert drawn.dtype == np.float32
    assert (drawn >= codes.min(axis=0)).all()
    assert (drawn <= codes.max(axis=0)).all()
    assert (drawn[:, 2] == np.float32(0.7)).all()
    np.testing.assert_array_equal(drawn, random_codes(codes, 500, seed=5))
    assert (drawn != random_codes(codes, 500, seed=6)).any()


@pytest.mark.parametrize("n", [1, 2, 30])
def test_random_codes_of_few_or_equal_codes(n):
    assert random_codes(np.full((n, 3), 2.0, np.float32), 4, seed=0).tolist() == [[2.0] * 3] * 4
    assert np.isfinite(random_codes(codes_of(n), 4, seed=0)).all()


def test_the_mixture_grows_with_the_codes():
    assert [mixture_size(n, 16) for n in (10, 339, 340, 5000, 10**6)] == [1, 1, 2, 10, 10]
    assert mixture_size(5000, 512) == 1


# ------------------------------------------------------------------------------------------------------------- clusters


def blobs(n=600, k=4, seed=0):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, k, n)
    return (np.eye(k)[labels] * 20 + rng.normal(size=(n, k))).astype(np.float32), labels


def test_clusters_that_are_the_classes():
    codes, labels = blobs()
    found = find_clusters(codes, 4, seed=0)
    scores = agreement(found, labels, seed=0)
    assert (scores.ari, scores.nmi) == pytest.approx((1, 1))
    assert abs(scores.shuffled_ari) < 0.01
    assert 0 <= scores.shuffled_nmi < 0.02
    assert np.bincount(found).tolist() == sorted(np.bincount(labels), reverse=True)
    renumbered = sorted_by_class(found, labels, np.ones(len(labels), bool))
    np.testing.assert_array_equal(renumbered, labels)
    np.testing.assert_array_equal(find_clusters(codes, 4, seed=0), found)


def test_agreement_by_hand():
    """Two classes that each cluster halves: no agreement. Two of three clusters within a class: known values."""
    labels, clusters = np.array([0, 0, 1, 1] * 10), np.array([0, 1, 0, 1] * 10)
    scores = agreement(clusters, labels, seed=0)
    assert scores.ari == pytest.approx(-0.0263, abs=1e-3)
    assert scores.nmi == pytest.approx(0, abs=1e-9)
    labels, clusters = np.array([0, 0, 0, 0, 1, 1]), np.array([0, 0, 1, 1, 2, 2])
    scores = agreement(clusters, labels, seed=0)
    # 3 of 15 pairs are together in both, 7 by labels, 3 by clusters: (3 - 21/15) / (5 - 21/15).
    assert scores.ari == pytest.approx((3 - 1.4) / (5 - 1.4))
    by_labels, by_clusters = 0.6365, np.log(3)  # entropies; what is known of the labels from the clusters is all
    assert scores.nmi == pytest.approx(by_labels / ((by_labels + by_clusters) / 2), abs=1e-3)


def test_clusters_of_noise_agree_by_chance_only():
    codes = RNG.normal(size=(800, 6)).astype(np.float32)
    scores = agreement(find_clusters(codes, 5, seed=1), RNG.integers(0, 5, 800), seed=1)
    assert abs(scores.ari - scores.shuffled_ari) < 0.01
    assert abs(scores.nmi - scores.shuffled_nmi) < 0.01


def test_fewer_different_codes_than_clusters():
    codes = np.repeat(np.eye(3, dtype=np.float32), [5, 3, 2], axis=0)
    assert find_clusters(codes, 6, seed=0).tolist() == [0] * 5 + [1] * 3 + [2] * 2


def test_table_of_clusters_and_known_classes():
    clusters = np.array([0, 0, 1, 1, 2, 2])
    labels = np.array(["b", "a", "b", "", "a", "a"])
    table, classes = cross_table(clusters, labels, labels != "")
    assert classes.tolist() == ["a", "b"]
    assert table.tolist() == [[1, 1], [0, 1], [2, 0]]
    # Clusters of a: number 2 (two of them) before 0; then that of b.
    assert sorted_by_class(clusters, labels, labels != "").tolist() == [1, 1, 2, 2, 0, 0]


def test_means_of_clusters():
    values = np.array([[0.0, 2.0], [4.0, 4.0], [2.0, 0.0]], np.float32)
    np.testing.assert_array_equal(cluster_means(values, np.array([1, 0, 1])), [[4, 4], [1, 1]])


def test_typical_distance():
    line = np.array([[0.0], [1.0], [3.0], [10.0]], np.float32)
    assert typical_distance(line) == 1.5  # of 1, 1, 2 and 7
    assert typical_distance(line[:1]) == 0
    assert typical_distance(np.repeat(line, 2, axis=0)) == 0  # every one has an equal one
