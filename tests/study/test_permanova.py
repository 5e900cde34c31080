"""PERMANOVA: its relabellings, against scikit-bio, and on simulated studies whose truth is known."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autoencoder.study.permanova import (
    dispersion,
    dispersion_ratio,
    fewest_seeds,
    interaction_omega2,
    main_effects,
    permanova,
    relabellings,
    smallest_p,
)

DRAWS = [100, pytest.param(1_000, marks=pytest.mark.slow)]


def design(n_settings: int, n_seeds: int) -> tuple[np.ndarray, np.ndarray]:
    """Labels and blocks of a full design, in an order of no meaning."""
    order = np.random.default_rng(7).permutation(n_settings * n_seeds)
    labels, blocks = np.repeat(np.arange(n_settings), n_seeds), np.tile(np.arange(n_seeds), n_settings)
    return labels[order], blocks[order]


def distances_of(points: np.ndarray) -> np.ndarray:
    return np.linalg.norm(points[:, None] - points[None], axis=-1)


def any_distances(n: int, seed: int = 0) -> np.ndarray:
    """Symmetric, and far from Euclidean."""
    upper = np.triu(np.random.default_rng(seed).uniform(0.1, 1, (n, n)), 1)
    return upper + upper.T


def partition(labels: np.ndarray) -> frozenset[frozenset[int]]:
    return frozenset(frozenset(np.flatnonzero(labels == label).tolist()) for label in np.unique(labels))


def by_brute_force(labels: np.ndarray, blocks: np.ndarray) -> set[frozenset[frozenset[int]]]:
    """Every partition of the runs that some exchange of labels within blocks gives."""
    members = [np.flatnonzero(blocks == block) for block in np.unique(blocks)]
    found = set()
    for orders in itertools.product(*(set(itertools.permutations(labels[rows].tolist())) for rows in members)):
        relabelled = np.empty_like(labels)
        for rows, order in zip(members, orders, strict=True):
            relabelled[rows] = order
        found.add(partition(relabelled))
    return found


# --------------------------------------------------------------------------------------------------------- relabellings


def test_three_settings_with_four_seeds() -> None:
    labels, blocks = design(3, 4)
    found = relabellings(labels, blocks, 0)
    assert found.complete
    assert found.labels.shape == (216, 12)
    assert found.least_p == pytest.approx(1 / 216) == smallest_p(3, 4)
    np.testing.assert_array_equal(found.labels[0], labels)


def test_seeds_that_a_plan_needs() -> None:
    assert fewest_seeds(2) == 6
    assert fewest_seeds(3) == 3
    assert fewest_seeds(4) == 2
    assert smallest_p(2, 5) == 1 / 16
    assert smallest_p(3, 12) == 1 / 10_000
    assert smallest_p(2, 2_000) == 1 / 10_000  # a power that no float holds
    with pytest.raises(ValueError, match="two settings"):
        fewest_seeds(1)
    with pytest.raises(ValueError, match="never below"):
        fewest_seeds(3, 1e-4)


UNEVEN = (
    ([0, 1, 0, 1, 2, 0, 1], [0, 0, 1, 1, 1, 2, 2]),  # 2 is in one block only
    ([0, 1, 1, 0, 1, 0, 1], [0, 0, 0, 1, 1, 2, 2]),  # 1 is there twice in the first
    ([5, 3, 3, 5, 5, 3, 3, 5], [0, 0, 0, 0, 1, 1, 1, 1]),  # both are there twice
    ([0, 1, 2, 1, 2, 1, 2, 0], [0, 0, 0, 1, 1, 2, 2, 2]),
    ([0, 0, 1, 1], [0, 0, 1, 1]),  # nothing can be exchanged
    ([0, 1, 2, 3, 2, 3], [0, 0, 1, 1, 2, 2]),  # two pairs of names that can be exchanged
)


@pytest.mark.parametrize(("labels", "blocks"), [design(2, 3), design(3, 3), design(4, 2), *UNEVEN])
def test_every_distinct_partition_once(labels, blocks) -> None:
    labels, blocks = np.array(labels), np.array(blocks)
    found = relabellings(labels, blocks, 0)
    partitions = [partition(row) for row in found.labels]
    assert found.complete
    assert len(set(partitions)) == len(partitions)
    assert set(partitions) == by_brute_force(labels, blocks)
    np.testing.assert_array_equal(found.labels[0], labels)


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), min_size=3, max_size=8))
@settings(max_examples=60, deadline=None)
def test_every_distinct_partition_of_any_design(runs: list[tuple[int, int]]) -> None:
    labels, blocks = np.array(runs).T
    if min(len(np.unique(labels)), len(np.unique(blocks))) < 2:
        return
    found = relabellings(labels, blocks, 0)
    partitions = {partition(row) for row in found.labels}
    assert partitions == by_brute_force(labels, blocks)
    assert len(partitions) == len(found.labels)


def test_too_many_are_drawn_within_blocks() -> None:
    labels, blocks = design(3, 8)
    found = relabellings(labels, blocks, 3)
    assert not found.complete
    assert found.labels.shape == (10_000, 24)
    assert found.least_p == 1e-4
    np.testing.assert_array_equal(found.labels[0], labels)
    for block in range(8):
        within = found.labels[:, blocks == block]
        np.testing.assert_array_equal(np.sort(within, axis=1), np.tile(np.arange(3), (10_000, 1)))
        orders = np.unique(within, axis=0, return_counts=True)[1]
        assert len(orders) == 6
        assert (abs(orders - 10_000 / 6) < 6 * math.sqrt(10_000 / 6)).all()
    np.testing.assert_array_equal(found.labels, relabellings(labels, blocks, 3).labels)
    assert (found.labels != relabellings(labels, blocks, 4).labels).any()


def test_drawn_ones_say_what_all_of_them_say() -> None:
    labels, blocks = design(2, 16)
    distances = any_distances(32, 4)
    every, drawn = (permanova(distances, labels, blocks, 0, most) for most in (2**15, 10_000))
    assert (every.relabellings, every.complete) == (2**15, True)
    assert (drawn.relabellings, drawn.complete) == (10_000, False)
    assert drawn.p[0] == pytest.approx(every.p[0], abs=0.02)
    assert drawn.r2_by_chance[0] == pytest.approx(every.r2_by_chance[0], rel=0.02)


# -------------------------------------------------------------------------------------------------------------- effects


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("missing", [0, 3])
def test_pseudo_f_is_that_of_scikit_bio(seed: int, missing: int) -> None:
    reference = pytest.importorskip("skbio.stats.distance")
    labels, blocks = (column[missing:] for column in design(3, 5))
    distances = any_distances(len(labels), seed)
    found = permanova(distances, labels, blocks, 0)
    said = reference.permanova(reference.DistanceMatrix(distances), labels, permutations=0)
    assert found.pseudo_f[0] == pytest.approx(said["test statistic"], abs=1e-6)
    n, k = len(labels), 3
    f = found.pseudo_f[0]
    assert found.r2[0] == pytest.approx(f * (k - 1) / (f * (k - 1) + n - k))
    assert found.omega2[0] == pytest.approx(
        (k - 1) * (f - 1) / ((k - 1) * (f - 1) + n)
    )  # that of an analysis of variance


def test_p_is_that_of_pseudo_f_counted_one_by_one() -> None:
    reference = pytest.importorskip("skbio.stats.distance")
    labels, blocks = design(3, 3)
    distances = any_distances(9, 5)
    every = relabellings(labels, blocks, 0).labels
    matrix = reference.DistanceMatrix(distances)
    statistics = np.array([reference.permanova(matrix, row, permutations=0)["test statistic"] for row in every])
    found = permanova(distances, labels, blocks, 0)
    assert found.p[0] == pytest.approx((statistics >= statistics[0] - 1e-9).mean())
    shares = statistics * 2 / (statistics * 2 + 6)
    assert found.r2_by_chance[0] == pytest.approx(shares.mean())


def test_chance_is_what_blocks_leave_to_it() -> None:
    """The mean R2 of all relabellings of complete blocks is the share within blocks, over the number of blocks."""
    labels, blocks = design(3, 4)
    points = (
        np.random.default_rng(1).standard_normal((12, 5)) + 3 * np.random.default_rng(2).standard_normal((4, 5))[blocks]
    )
    means = np.stack([points[blocks == block].mean(axis=0) for block in range(4)])
    share = np.square(points - means[blocks]).sum() / np.square(points - points.mean(axis=0)).sum()
    found = permanova(distances_of(points), labels, blocks, 0)
    assert found.r2_by_chance[0] == pytest.approx(share / 4)


def test_moments_are_those_of_single_matrices() -> None:
    labels, blocks = design(3, 4)
    moments = np.stack([any_distances(12, seed) for seed in range(5)])
    together = permanova(moments, labels, blocks, 0)
    alone = [permanova(matrix, labels, blocks, 0) for matrix in moments]
    for name in ("pseudo_f", "r2", "omega2", "r2_by_chance", "p"):
        np.testing.assert_allclose(getattr(together, name), np.concatenate([getattr(one, name) for one in alone]))
    assert (together.p_over_moments >= together.p).all()
    assert all(one.p_over_moments == one.p for one in alone)


def test_memory_is_bounded_without_another_result(monkeypatch) -> None:
    labels, blocks = design(3, 4)
    moments = np.stack([any_distances(12, seed) for seed in range(3)])
    at_once = permanova(moments, labels, blocks, 0)
    monkeypatch.setattr("autoencoder.study.permanova.ENTRIES_AT_ONCE", 1_000)
    in_parts = permanova(moments, labels, blocks, 0)
    np.testing.assert_allclose(in_parts.r2_by_chance, at_once.r2_by_chance)
    np.testing.assert_array_equal(in_parts.p, at_once.p)


def test_ties_by_rounding_do_not_lower_p() -> None:
    """All runs equally far apart: every relabelling is as good as the data, however sums are rounded."""
    labels, blocks = design(3, 4)
    rng = np.random.default_rng(0)
    for side in rng.uniform(0.1, 10, 20):
        alike = side * (1 - np.eye(12))
        noise = np.triu(rng.choice([-1e-15, 0, 1e-15], (12, 12)), 1)
        assert permanova(alike, labels, blocks, 0).p[0] == 1
        assert permanova(alike * (1 + noise + noise.T), labels, blocks, 0).p[0] == 1
        assert permanova(alike.astype(np.float32), labels, blocks, 0).p[0] == 1


def test_ties_of_a_symmetric_study_are_all_counted(monkeypatch) -> None:
    """Two settings that differ by one step, the same way with three seeds and the other way with the fourth: of eight
    relabellings one has all four the same way, and four have three of them."""
    labels, blocks = design(2, 4)
    steps = np.where(labels == 1, 1, -1) * np.where(blocks == 3, -1, 1)
    studies = []
    for seed in range(30):
        rng = np.random.default_rng(seed)
        turned = np.linalg.qr(rng.standard_normal((6, 6)))[0]
        apart = np.repeat(rng.standard_normal((4, 1)), 5, axis=1)[blocks]
        studies.append(distances_of(np.column_stack([steps, apart]) @ turned))
    assert permanova(np.stack(studies), labels, blocks, 0).p.tolist() == [5 / 8] * 30
    monkeypatch.setattr("autoencoder.study.permanova.TIE", 0.0)
    assert (permanova(np.stack(studies), labels, blocks, 0).p < 5 / 8).any()  # as it would be


def test_before_training_runs_of_a_seed_are_the_same() -> None:
    labels, blocks = design(3, 4)
    weights = np.random.default_rng(0).standard_normal((4, 6))
    found = permanova(distances_of(weights[blocks]), labels, blocks, 0)
    assert found.p[0] == 1
    assert found.r2[0] == pytest.approx(0, abs=1e-12)
    nothing = permanova(np.zeros((12, 12)), labels, blocks, 0)
    assert (nothing.p[0], nothing.r2[0], nothing.omega2[0], nothing.pseudo_f[0]) == (1, 0, 0, 0)
    only_settings = permanova(distances_of(weights[labels]), labels, blocks, 0)
    assert only_settings.r2[0] == 1
    assert only_settings.p[0] == pytest.approx(1 / 216)


def test_labels_that_blocks_do_not_let_go_have_no_p() -> None:
    labels, blocks = np.array([0, 0, 1, 1]), np.array([0, 0, 1, 1])
    found = permanova(any_distances(4), labels, blocks, 0)
    assert (found.p[0], found.least_p, found.relabellings) == (1, 1, 1)


def with_value(value: float, where: tuple[int, int] = (0, 1)) -> np.ndarray:
    distances = any_distances(12)
    distances[where] = value
    return distances


@pytest.mark.parametrize(
    ("distances", "words"),
    [
        (with_value(np.nan), "not all finite"),
        (with_value(np.inf), "not all finite"),
        (with_value(-1), "negative"),
        (with_value(2), "either direction"),
        (with_value(1, (3, 3)), "similarities"),
        (any_distances(11), "12 x 12"),
        (np.empty((0, 12, 12)), "12 x 12"),
        (np.zeros(12), "12 x 12"),
    ],
)
def test_refused_distances(distances, words) -> None:
    labels, blocks = design(3, 4)
    with pytest.raises(ValueError, match=words):
        permanova(distances, labels, blocks, 0)
    with pytest.raises(ValueError, match=words):
        main_effects(distances, np.stack([labels, labels], axis=1), blocks, 0)
    if np.ndim(distances) == 2:
        with pytest.raises(ValueError, match=words):
            dispersion(distances, labels)


def test_refused_designs() -> None:
    labels, blocks = design(3, 4)
    one = np.zeros(12, np.int64)
    for refused, words in (
        ((one, blocks), "all runs have the same"),
        ((labels, one), "two blocks"),
        ((labels[1:], blocks), "a label and a block"),
        ((np.arange(12), blocks), "a single run"),
    ):
        with pytest.raises(ValueError, match=words):
            permanova(any_distances(12), *refused, 0)
    with pytest.raises(ValueError, match="all runs have the same"):
        main_effects(any_distances(12), np.stack([labels, one], axis=1), blocks, 0)
    with pytest.raises(ValueError, match="level in each factor"):
        main_effects(any_distances(12), labels, blocks, 0)
    with pytest.raises(ValueError, match="itself"):
        interaction_omega2(any_distances(12), np.stack([labels, one], axis=1), blocks, 0, 0)
    with pytest.raises(ValueError, match="all runs have the same"):
        dispersion(any_distances(12), one)
    with pytest.raises(ValueError, match="one moment"):
        dispersion(any_distances(12)[None], labels)


# ------------------------------------------------------------------------------------------------------ several factors


def two_by_three(seeds: int = 4) -> tuple[np.ndarray, np.ndarray]:
    full = np.array(list(itertools.product(range(2), range(3), range(seeds))))
    return full[:, :2], full[:, 2]


def test_each_factor_has_the_effect_that_it_has() -> None:
    labels, blocks = two_by_three()
    rng = np.random.default_rng(0)
    points = rng.standard_normal((24, 6)) + 2 * rng.standard_normal((4, 6))[blocks] + 3 * np.eye(6)[labels[:, 1]]
    distances = distances_of(points)
    first, second = main_effects(distances, labels, blocks, 0)
    assert first.relabellings == 2 ** (12 - 1)
    assert first.p[0] > 0.05
    assert second.p[0] <= 0.001
    assert second.pseudo_f[0] == pytest.approx(permanova(distances, labels[:, 1], blocks, 0).pseudo_f[0])


def test_one_factor_is_a_design_without_others() -> None:
    labels, blocks = design(3, 4)
    (alone,) = main_effects(any_distances(12), labels[:, None], blocks, 0)
    assert alone.p == permanova(any_distances(12), labels, blocks, 0).p


def test_no_interaction_where_effects_add_up() -> None:
    labels, blocks = two_by_three()
    rng = np.random.default_rng(0)
    both = [rng.standard_normal((n, 5))[column] for n, column in zip((2, 3, 4), (*labels.T, blocks), strict=True)]
    found = interaction_omega2(distances_of(sum(both)), labels, blocks, 0, 1)
    assert found == pytest.approx(0, abs=1e-9)


def test_an_interaction_where_one_factor_turns_the_other_round() -> None:
    labels, blocks = two_by_three()
    rng = np.random.default_rng(0)
    noise = 0.3 * rng.standard_normal((24, 3)) + rng.standard_normal((4, 3))[blocks]
    crossing = np.where(labels[:, :1] == 0, 1, -1) * np.eye(3)[labels[:, 1]] * 2
    found = interaction_omega2(np.stack([distances_of(noise + crossing), distances_of(noise)]), labels, blocks, 0, 1)
    assert found[0] > 0.2
    assert found[1] == pytest.approx(0, abs=0.05)
    np.testing.assert_allclose(
        found, interaction_omega2(np.stack([distances_of(noise + crossing), distances_of(noise)]), labels, blocks, 1, 0)
    )


def test_the_interaction_is_zero_on_average_where_there_is_none(simulation) -> None:
    labels, blocks = two_by_three()
    rng = np.random.default_rng(0)
    points = rng.standard_normal((300, 24, 8)) + 2 * rng.standard_normal((300, 4, 8))[:, blocks]
    points += 2 * np.eye(8)[labels[:, 1]] + np.eye(8)[3 + labels[:, 0]]
    found = interaction_omega2(simulation.Study(points, labels, blocks).distances, labels, blocks, 0, 1)
    assert found.mean() == pytest.approx(0, abs=4 * found.std() / math.sqrt(300))


def test_sums_of_an_interaction_are_those_of_an_analysis_of_variance() -> None:
    """On a single number, by the means of cells, rows and columns."""
    labels, blocks = two_by_three()
    cube = np.random.default_rng(3).standard_normal((2, 3, 4))
    cells, grand = cube.mean(axis=2), cube.mean()
    rows, columns = cells.mean(axis=1, keepdims=True), cells.mean(axis=0, keepdims=True)
    together = 4 * np.square(cells - rows - columns + grand).sum()
    rest = np.square(cube - cells[:, :, None] - cube.mean(axis=(0, 1)) + grand).sum() / (6 * 4 - 6 - 4 + 1)
    expected = (together - 2 * rest) / (np.square(cube - grand).sum() + rest)
    found = interaction_omega2(distances_of(cube.reshape(-1, 1)), labels, blocks, 0, 1)
    assert found == pytest.approx(expected)


def test_no_interaction_is_told_of_a_design_with_holes() -> None:
    labels, blocks = two_by_three()
    for kept in (np.arange(23), np.flatnonzero((labels[:, 0] == 0) | (labels[:, 1] > 0))):
        distances = any_distances(24)[np.ix_(kept, kept)]
        assert interaction_omega2(distances, labels[kept], blocks[kept], 0, 1) is None


# ----------------------------------------------------------------------------------------------------------- dispersion


def by_principal_coordinates(distances: np.ndarray, labels: np.ndarray) -> list[float]:
    """Anderson (2006): distances to centroids in real coordinates, less those in imaginary ones."""
    n = len(distances)
    centre = np.eye(n) - 1 / n
    values, vectors = np.linalg.eigh(-centre @ distances**2 @ centre / 2)
    coordinates, signs = vectors * np.sqrt(np.abs(values)), np.sign(values)
    found = []
    for label in np.unique(labels):
        own = coordinates[labels == label]
        found.append(np.sqrt(np.abs(np.square(own - own.mean(axis=0)) @ signs)).mean())
    return found


@pytest.mark.parametrize("seed", range(5))
def test_dispersion_is_that_in_principal_coordinates(seed: int) -> None:
    labels = np.random.default_rng(seed).permutation(np.repeat([0, 1, 2], [4, 5, 7]))
    distances = any_distances(16, seed)
    np.testing.assert_allclose(dispersion(distances, labels), by_principal_coordinates(distances, labels))


def test_dispersion_of_points_is_that_of_points_and_of_scikit_bio() -> None:
    reference = pytest.importorskip("skbio.stats.distance")
    from scipy.stats import f_oneway

    labels, _ = design(3, 6)
    points = np.random.default_rng(0).standard_normal((18, 4)) * (1 + labels[:, None])
    far = [np.linalg.norm(points[labels == label] - points[labels == label].mean(axis=0), axis=1) for label in range(3)]
    found = dispersion(distances_of(points), labels)
    np.testing.assert_allclose(found, [part.mean() for part in far])
    said = reference.permdisp(
        reference.DistanceMatrix(distances_of(points)), labels, test="centroid", permutations=0, dimensions=4
    )
    assert said["test statistic"] == pytest.approx(f_oneway(*far).statistic)
    assert dispersion_ratio(found) == pytest.approx(found.max() / found.min())


def test_a_setting_with_one_run_has_no_dispersion() -> None:
    labels = np.array([0, 0, 0, 1, 2, 2])
    found = dispersion(any_distances(6), labels)
    assert np.isnan(found).tolist() == [False, True, False]
    assert dispersion_ratio(found) == pytest.approx(np.nanmax(found) / np.nanmin(found))
    assert math.isnan(dispersion_ratio(found[:2]))
    assert math.isnan(dispersion_ratio(np.zeros(2)))
    assert dispersion_ratio(np.array([0.0, 1.0])) == math.inf


# --------------------------------------------------------------------------------------------------------- simulations


@pytest.mark.parametrize("draws", DRAWS)
@pytest.mark.parametrize(
    ("n_settings", "n_seeds", "more"),
    [
        (2, 8, {}),
        (3, 4, {}),
        (3, 4, {"shared": 3}),
        (3, 4, {"missing": 2}),
        (4, 3, {}),
        (2, 8, {"spreads": (1, 4)}),  # noise is as likely one way as the other: an exchange of two settings stays exact
    ],
)
def test_false_positives_are_as_many_as_the_relabellings_allow(simulation, n_settings, n_seeds, more, draws) -> None:
    found = simulation.effects(simulation.Case(n_settings, n_seeds, **more), draws)
    share = simulation.expected(found)
    assert (found.p < 0.05).mean() == pytest.approx(share, abs=3 * simulation.standard_error(share, draws))
    assert found.p.mean() == pytest.approx(0.5, abs=4 * math.sqrt(1 / 12 / draws) + found.least_p)


@pytest.mark.slow
def test_unequal_dispersion_finds_a_little_too_much(simulation) -> None:
    """With three settings or more; `benchmarks/simulated_studies.py` says how much."""
    for spreads, most in (((1, 1, 2), 0.09), ((1, 1, 4), 0.14)):
        found = simulation.effects(simulation.Case(3, 4, spreads=spreads), 1_000)
        assert simulation.expected(found) - 0.02 < (found.p < 0.05).mean() < most


def test_a_run_missing_where_dispersion_is_large_finds_far_too_much(simulation) -> None:
    found = simulation.effects(simulation.Case(3, 4, spreads=(4, 1, 1), missing=1), 200)
    assert (found.p < 0.05).mean() > 0.12


def test_to_ignore_seeds_is_to_find_nothing(simulation) -> None:
    """Labels of the data are spread evenly over seeds; those exchanged freely are not, and so seem to do more."""
    nothing, something = simulation.Case(3, 4), simulation.Case(3, 4, effect=2)
    assert (simulation.effects(nothing, 200, free=True).p < 0.05).mean() <= 0.01
    blocked, free = (simulation.effects(something, 50, free=free).p < 0.05 for free in (False, True))
    assert blocked.mean() > 0.75
    assert free.mean() < 0.5
    without = simulation.effects(simulation.Case(3, 4, shared=0), 100, free=True)
    assert 0 < (without.p < 0.05).mean() < 0.12  # where seeds share nothing it is right


@pytest.mark.parametrize("draws", [30, pytest.param(1_000, marks=pytest.mark.slow)])
def test_a_factor_is_not_given_what_the_other_does(simulation, draws: int) -> None:
    first, second = simulation.two_factors(draws)
    share = simulation.expected(first)
    assert (first.p < 0.05).mean() <= share + 3 * simulation.standard_error(share, draws)
    assert (second.p < 0.05).all()


@pytest.mark.parametrize("draws", DRAWS)
def test_over_moments_an_effect_is_found_by_chance_as_often_as_said(simulation, draws: int) -> None:
    alone, together = np.array(list(simulation.over_moments(simulation.Case(3, 4), draws))).mean(axis=0)
    assert together == pytest.approx(10 / 216, abs=3 * simulation.standard_error(10 / 216, draws))
    assert alone > 0.2
    found = np.array(list(simulation.over_moments(simulation.Case(3, 4, effect=3), 20)))
    assert found[:, 1].mean() > 0.9
