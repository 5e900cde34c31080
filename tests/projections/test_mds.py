"""Points of a plane by their distances: known answers, the stress by its formula, and scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.manifold import smacof

from autoencoder.projections.mds import scale_to_plane, stress_of


def distances_of(points):
    return np.linalg.norm(points[:, None] - points[None], axis=-1)


def any_distances(n, seed=0):
    """Symmetric, and far from those of a plane."""
    upper = np.triu(np.random.default_rng(seed).uniform(20, 70, (n, n)), 1)
    return upper + upper.T


@pytest.fixture(scope="module")
def given():
    return any_distances(12)


@pytest.fixture(scope="module")
def plane(given):
    return scale_to_plane(given, 3)


def pairs_of(matrix):
    return matrix[np.triu_indices(len(matrix), 1)]


def up_to_a_turn(points, other):
    """How far points are from others at most, after the best turn and reflection."""
    one, two = points - points.mean(axis=0), other - other.mean(axis=0)
    left, _, right = np.linalg.svd(one.T @ two)
    return np.abs(one @ left @ right - two).max()


def test_points_of_a_plane_come_back_up_to_a_turn():
    points = np.random.default_rng(0).normal(size=(20, 2)) * (30, 10)
    plane = scale_to_plane(distances_of(points), 0)
    assert plane.stress < 1e-6
    assert up_to_a_turn(plane.points, points) < 1e-4
    np.testing.assert_allclose(plane.drawn, distances_of(points), atol=1e-4)


def test_the_picture_does_not_depend_on_how_points_were_turned():
    points = np.random.default_rng(1).gamma(1.0, size=(15, 2)) * (30, 10)
    turn = np.array([[0.6, -0.8], [0.8, 0.6]])
    plane = scale_to_plane(distances_of(points), 0)
    np.testing.assert_allclose(scale_to_plane(distances_of(points @ turn * (1, -1)), 0).points, plane.points, atol=1e-4)
    np.testing.assert_allclose(plane.points.mean(axis=0), 0, atol=1e-9)
    covariance = np.cov(plane.points.T)
    assert covariance[0, 0] > covariance[1, 1]
    assert abs(covariance[0, 1]) < 1e-6 * covariance[0, 0]
    assert (plane.points.max(axis=0) >= -plane.points.min(axis=0)).all()


def test_stress_is_that_of_the_formula_at_the_best_scale(given, plane):
    drawn = distances_of(plane.points)
    by_hand = np.sqrt(np.sum((pairs_of(drawn) - pairs_of(given)) ** 2) / np.sum(pairs_of(given) ** 2))
    assert plane.stress == pytest.approx(by_hand, rel=1e-12)
    assert all(stress_of(factor * drawn, given) > plane.stress for factor in (0.99, 1.01))


def test_stress_agrees_with_scikit_learn(given, plane):
    """It divides by the drawn distances: s^2 / (1 - s^2) at the scale where s is least (Borg & Groenen, 11.1)."""
    _, kruskal = smacof(given, init=plane.points, n_init=1, max_iter=1, normalized_stress=True)
    assert kruskal == pytest.approx(plane.stress / np.sqrt(1 - plane.stress**2), rel=1e-4)


def test_no_single_start_of_scikit_learn_is_better(given, plane):
    for seed in range(5):
        points, _ = smacof(given, n_init=1, max_iter=300, random_state=seed, normalized_stress=False)
        assert plane.stress < stress_of(distances_of(points), given) + 2e-3


def test_points_that_are_all_equally_far_apart_do_not_fit_on_a_plane():
    triangle = scale_to_plane(60 * (1 - np.eye(3)), 0)
    assert triangle.stress < 1e-9
    simplex = scale_to_plane(60 * (1 - np.eye(10)), 0)
    assert 0.2 < simplex.stress < 0.34
    assert pairs_of(simplex.drawn).mean() == pytest.approx(60, rel=0.15)  # it is not shrunk


def test_a_permutation_of_points_permutes_the_picture():
    rng = np.random.default_rng(2)
    given = distances_of(rng.gamma(1.0, size=(15, 2)) * (30, 10)) + (noise := np.abs(any_distances(15) - 45) / 50)
    np.fill_diagonal(given, 0)
    order = rng.permutation(15)
    plane, permuted = scale_to_plane(given, 0), scale_to_plane(given[np.ix_(order, order)], 0)
    assert noise.max() > 0.1
    assert permuted.stress == pytest.approx(plane.stress, rel=1e-3)
    np.testing.assert_allclose(permuted.points, plane.points[order], atol=0.02)


def test_the_unit_changes_the_scale_only(given, plane):
    in_turns = scale_to_plane(given / 360, 3)
    np.testing.assert_allclose(in_turns.points * 360, plane.points, rtol=1e-9, atol=1e-9)


def test_the_same_distances_give_the_same_bits(given, plane):
    again = scale_to_plane(given.copy(), 3)
    assert again.points.tobytes() == plane.points.tobytes()
    assert again.stress == plane.stress
    rounded = given + 1e-9 * np.triu(given)  # symmetric up to rounding
    assert scale_to_plane(rounded, 3).stress == pytest.approx(plane.stress, rel=1e-6)


def test_the_worst_pair_is_the_worst(given, plane):
    i, j = plane.worst_pair(given)
    off = np.abs(plane.drawn - given)
    assert i < j
    assert off[i, j] == off.max() > np.sort(pairs_of(off))[-2]
    with pytest.raises(ValueError, match="no pair of 12"):
        plane.worst_pair(given[:5, :5])
    with pytest.raises(ValueError, match="no pair of 1 "):
        scale_to_plane(np.zeros((1, 1)), 0).worst_pair(np.zeros((1, 1)))


@pytest.mark.parametrize("n", [1, 2, 3, 6])
def test_points_that_are_all_the_same_lie_on_each_other(n):
    plane = scale_to_plane(np.zeros((n, n)), 0)
    assert plane.points.tolist() == [[0.0, 0.0]] * n
    assert plane.stress == 0.0
    assert plane.drawn.shape == (n, n)


def test_two_points_and_points_of_a_line_are_as_far_apart_as_they_are():
    two = scale_to_plane(np.array([[0.0, 7.0], [7.0, 0.0]]), 0)
    assert two.drawn[0, 1] == pytest.approx(7)
    line = distances_of(np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 0.0], [5.0, 0.0]]))
    plane = scale_to_plane(line, 0)
    np.testing.assert_allclose(plane.drawn, line, atol=1e-3)


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        (np.zeros((0, 0)), "n x n"),
        (np.zeros((2, 3)), "n x n"),
        (np.array([[0.0, np.nan], [np.nan, 0.0]]), "finite"),
        (np.array([[0.0, -1.0], [-1.0, 0.0]]), "negative"),
        (np.array([[0.0, 1.0], [2.0, 0.0]]), "either direction"),
        (np.eye(2), "similarities"),
    ],
)
def test_what_are_no_distances_is_refused(wrong, why):
    with pytest.raises(ValueError, match=why):
        scale_to_plane(wrong, 0)
