"""Similarity of codes: against plain implementations, by what leaves it as it is, and between slow signals."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.linalg import subspace_angles
from scipy.signal import lfilter
from scipy.spatial import procrustes

from autoencoder.array_types import Reals, Rows
from autoencoder.measures import similarity
from autoencoder.measures.similarity import (
    DebiasedCKA,
    NeighborOverlap,
    ProcrustesAngle,
    Similarity,
    WhitenedProcrustesAngle,
    similarities,
)
from autoencoder.measures.timeline import Timeline
from autoencoder.neighbors.exact import nearest, nearest_apart

ALL = similarities()
BY_NAME = pytest.mark.parametrize("measure", ALL, ids=lambda measure: measure.name)


def some_codes(n: int, widths: Sequence[int], seed: int = 0) -> list[NDArray[np.float32]]:
    """Codes that share a signal, each with directions of its own widths, moved away from 0."""
    rng = np.random.default_rng(seed)
    signal = rng.normal(size=(n, 3))
    codes = []
    for width in widths:
        mixed = signal @ rng.normal(size=(3, width)) + rng.normal(size=(n, width)) @ rng.normal(size=(width, width))
        codes.append((mixed + rng.normal(size=width)).astype(np.float32))
    return codes


def ar1(n: int, d: int, tau: float, seed: int) -> NDArray[np.float32]:
    """Signals (n, d) whose autocorrelation falls by 1/e in `tau` rows; they begin as they go on."""
    keeps, noise = np.exp(-1 / tau), np.random.default_rng(seed).normal(size=(n + 10 * int(tau), d))
    return np.asarray(lfilter([np.sqrt(1 - keeps**2)], [1, -keeps], noise, axis=0)[-n:], np.float32)


def naive_procrustes(one: Reals, other: Reals) -> float:
    x, y = (code - code.mean(axis=0, dtype=np.float64) for code in (one, other))
    singular = np.linalg.svd((x / np.linalg.norm(x)).T @ (y / np.linalg.norm(y)))[1]
    return float(np.degrees(np.arccos(singular.sum())))


def naive_cka(one: Reals, other: Reals) -> float:
    kernels = []
    for code in (one, other):
        kernels.append(code.astype(np.float64) @ code.astype(np.float64).T)
        np.fill_diagonal(kernels[-1], 0.0)
    n, ones = len(one), np.ones(len(one))

    def hsic(k: NDArray[np.float64], m: NDArray[np.float64]) -> float:
        total = np.trace(k @ m) + (ones @ k @ ones) * (ones @ m @ ones) / ((n - 1) * (n - 2))
        return float(total - 2 / (n - 2) * (ones @ k @ m @ ones)) / (n * (n - 3))

    k, m = kernels
    return float(hsic(k, m) / np.sqrt(hsic(k, k) * hsic(m, m)))


def naive_overlap(one: Reals, other: Reals, k: int, timeline: Timeline | None = None, apart: float = 0.0) -> float:
    n, shares = len(one), []
    for row in range(n):
        near = np.arange(n) == row
        if timeline is not None and timeline.frames is not None:
            same = timeline.recordings == timeline.recordings[row]
            near |= same & (np.abs(timeline.frames - timeline.frames[row]) <= apart)
        sets = []
        for code in (one, other):
            distances = np.linalg.norm(code.astype(np.float64) - code[row], axis=1)
            distances[near] = np.inf
            sets.append(set(np.argsort(distances)[:k].tolist()))
        shares.append(len(sets[0] & sets[1]) / len(sets[0] | sets[1]))
    return float(np.mean(shares))


def test_measures_come_in_the_order_of_tables() -> None:
    assert [measure.name for measure in ALL] == ["procrustes", "procrustes_whitened", "cka", "knn_jaccard"]
    assert [measure.is_distance for measure in ALL] == [True, True, False, False]
    assert [measure.unit for measure in ALL] == ["deg", "deg", "", ""]
    assert len({measure.title for measure in ALL}) == 4


def test_the_angle_is_that_of_scipys_disparity() -> None:
    """Which is 1 - cos^2, of codes of one width."""
    codes = some_codes(120, [5, 5, 5, 5])
    cosines = np.cos(np.radians(ProcrustesAngle().pairwise(codes)))
    for i, j in zip(*np.triu_indices(4, 1), strict=True):
        disparity = procrustes(codes[i].astype(np.float64), codes[j].astype(np.float64))[2]
        assert cosines[i, j] ** 2 == pytest.approx(1 - disparity, abs=1e-6)
    assert cosines[np.triu_indices(4, 1)].std() > 0.01


def test_the_whitened_angle_is_that_of_canonical_correlations() -> None:
    codes = some_codes(200, [6, 4, 2])
    values = WhitenedProcrustesAngle().pairwise(codes)
    for i, j in [(0, 1), (0, 2), (1, 2)]:
        centred = [code - code.mean(axis=0, dtype=np.float64) for code in (codes[i], codes[j])]
        expected = np.cos(subspace_angles(*centred)).sum() / np.sqrt(codes[i].shape[1] * codes[j].shape[1])
        assert np.cos(np.radians(values[i, j])) == pytest.approx(expected, abs=1e-6)


def test_directions_within_rounding_do_not_count_when_codes_are_whitened() -> None:
    one, other = some_codes(300, [4, 5])
    again = np.hstack([one, one @ np.random.default_rng(1).normal(size=(4, 3)).astype(np.float32)])  # rank 4 still
    measure = WhitenedProcrustesAngle()
    assert measure.between(again, other) == pytest.approx(measure.between(one, other), abs=1e-2)
    narrow = one * np.array([1, 1, 1, 1e-4], np.float32)  # which is more than rounding
    assert measure.between(narrow, other) == pytest.approx(measure.between(one, other), abs=1e-2)
    assert ProcrustesAngle().between(again, other) != pytest.approx(ProcrustesAngle().between(one, other), abs=0.5)


@pytest.mark.parametrize("columns", [similarity.COLUMNS_AT_ONCE, 10])
def test_codes_of_different_widths_in_any_order(columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever pairs are computed in one block: of 10 columns a block has some codes of width 3 and one of width 16."""
    monkeypatch.setattr(similarity, "COLUMNS_AT_ONCE", columns)
    codes = some_codes(90, [3, 16, 1, 3, 7, 3, 3, 16])
    angles, kernels = ProcrustesAngle().pairwise(codes), DebiasedCKA().pairwise(codes)
    neighbors = NeighborOverlap(6).pairwise(codes)
    for values in (angles, kernels, neighbors):
        np.testing.assert_array_equal(values, values.T)
    for i, one in enumerate(codes):
        for j, other in enumerate(codes[:i]):
            assert angles[i, j] == pytest.approx(naive_procrustes(one, other), abs=1e-6)
            assert kernels[i, j] == pytest.approx(naive_cka(one, other), abs=1e-6)
            assert neighbors[i, j] == pytest.approx(naive_overlap(one, other, 6), abs=1e-12)


@pytest.mark.parametrize("n", [4, 5, 40])
def test_cka_of_few_images(n: int) -> None:
    """Fewer images than units among them."""
    codes = some_codes(n, [8, 3], seed=n)
    assert DebiasedCKA().between(*codes) == pytest.approx(naive_cka(*codes), abs=1e-6)


@pytest.mark.parametrize("apart", [0.0, 3.0, 7.5])
def test_neighbours_are_those_that_are_apart_in_time(apart: float) -> None:
    """In recordings whose frames are in no order, some of them skipped and one there twice."""
    rng = np.random.default_rng(2)
    frames = np.concatenate([rng.permutation(50)[:40], rng.permutation(30), [7, 7, 9]])
    timeline = Timeline(np.repeat([4, 1, 9], [40, 30, 3]), frames)
    codes = some_codes(73, [4, 4, 2])
    for code in codes:
        code[71] = code[70] + np.float32(1e-3)  # frame 7, both of them
    values = NeighborOverlap(5, timeline, apart).pairwise(codes)
    for i, j in [(0, 1), (0, 2), (1, 2)]:
        assert values[i, j] == pytest.approx(naive_overlap(codes[i], codes[j], 5, timeline, apart), abs=1e-12)
    assert np.any(values != NeighborOverlap(5).pairwise(codes))


def test_without_frames_every_other_image_may_be_a_neighbour() -> None:
    codes = some_codes(60, [4, 4])
    no_time = Timeline(np.zeros(60, np.int64), None)
    assert NeighborOverlap(5, no_time, 20.0).between(*codes) == NeighborOverlap(5).between(*codes)


def test_neighbours_apart_by_nothing_are_all_but_the_point_itself() -> None:
    points = np.random.default_rng(3).normal(size=(150, 3)).astype(np.float32)
    alone = nearest_apart(points, 9, np.arange(150), np.zeros(150, np.int64), 0.0)
    np.testing.assert_array_equal(alone, nearest(points, points, 10)[0][:, 1:])
    assert alone.dtype == np.int32


def test_a_recording_may_be_left_out_as_a_whole() -> None:
    """A correlation time without end leaves neighbours in other recordings only."""
    points = np.random.default_rng(4).normal(size=(90, 2)).astype(np.float32)
    recordings, frames = np.repeat([0, 1, 2], 30), np.tile(np.arange(30), 3)
    found = nearest_apart(points, 60, recordings, frames, np.inf)
    assert (recordings[found] != recordings[:, None]).all()
    with pytest.raises(ValueError, match=r"61 neighbours .* 90 of 90 rows have fewer candidates, down to 60"):
        nearest_apart(points, 61, recordings, frames, np.inf)
    with pytest.raises(ValueError, match="79 of 90 rows have fewer candidates, down to 11"):
        nearest_apart(points, 81, np.zeros(90, np.int64), np.where(np.arange(90) < 11, np.arange(90), 1000), 0.0)


@BY_NAME
def test_rotation_scale_and_shift_change_nothing(measure: Similarity) -> None:
    one, other = some_codes(400, [6, 6])
    rng = np.random.default_rng(5)
    rotation = np.linalg.qr(rng.normal(size=(6, 6)))[0]
    moved = (one.astype(np.float64) @ rotation * 37 + 1_000 * rng.normal(size=6)).astype(np.float32)
    same = measure.distances(np.array([measure.between(one, moved), measure.between(one, one)]))
    assert same[0] == pytest.approx(0, abs=0.02)  # what float32 keeps of a code that lies far from 0
    assert same[1] == pytest.approx(0, abs=1e-4)
    assert measure.between(moved, other) == pytest.approx(measure.between(one, other), abs=0.01)
    assert measure.distances(np.array(measure.between(one, other))) > 0.3


def test_an_invertible_map_changes_all_but_the_whitened_angle() -> None:
    one, other = some_codes(400, [6, 6])
    mapped = one @ (np.eye(6, dtype=np.float32) * [1, 2, 4, 8, 16, 32] + 0.5).astype(np.float32)
    for measure in ALL:
        apart, change = measure.between(one, mapped), measure.between(mapped, other) - measure.between(one, other)
        if measure.name == "procrustes_whitened":
            assert apart == pytest.approx(0, abs=0.01)
            assert change == pytest.approx(0, abs=0.01)
        else:
            assert measure.distances(np.array(apart)) > 0.1
            assert abs(change) > 0.003


@pytest.mark.parametrize("noise", [0.5, 1.0, 2.0])
def test_cka_of_a_signal_and_its_noisy_copy_is_that_of_theory(noise: float) -> None:
    """HSIC of linear kernels is |cov(x, y)|^2: of x and y = x + s e that is d, and (1 + s^2)^2 d of y with itself.

    So CKA is 1 / (1 + s^2), whatever d. The estimate that is not debiased adds up to d / n, which is 0.2 here.
    """
    rng, n, d, draws = np.random.default_rng(6), 80, 16, 200
    codes = []
    for _ in range(draws):
        signal = rng.normal(size=(n, d))
        codes += [signal, signal + noise * rng.normal(size=(n, d))]
    values = DebiasedCKA().pairwise(codes)[np.arange(0, 2 * draws, 2), np.arange(1, 2 * draws, 2)]
    expected, error = 1 / (1 + noise**2), values.std() / np.sqrt(draws)
    assert error < 0.005
    assert values.mean() == pytest.approx(expected, abs=4 * error)


def test_values_fall_as_noise_grows() -> None:
    rng = np.random.default_rng(7)
    signal, noise = rng.normal(size=(500, 8)), rng.normal(size=(500, 8))
    codes = [signal, *(signal + s * noise for s in (0.1, 0.3, 1.0, 3.0, 10.0))]
    for measure in ALL:
        assert (np.diff(measure.distances(measure.pairwise(codes)[0])) > 0).all(), measure.name


@BY_NAME
def test_moved_rows_are_those_of_codes_moved_by_hand(measure: Similarity) -> None:
    codes = some_codes(120, [5, 3, 5, 2])
    moved = np.random.default_rng(8).permutation(120)
    values = measure.pairwise(codes, moved)
    assert np.abs(values - values.T).max() > 1e-3  # the one that is moved is the second
    for i, one in enumerate(codes):
        for j, other in enumerate(codes):
            assert values[i, j] == pytest.approx(measure.between(one, other[moved]), abs=1e-5)
    np.testing.assert_allclose(measure.pairwise(codes, np.arange(120)), measure.pairwise(codes), atol=1e-5)


@pytest.mark.parametrize("measure", ALL[:3], ids=lambda measure: measure.name)
def test_rows_may_be_left_out_of_what_is_moved(measure: Similarity) -> None:
    codes = some_codes(60, [5, 3])
    twice = np.r_[0:40, 20:40]
    expected = measure.between(codes[0], codes[1][twice])
    assert measure.pairwise(codes, twice)[0, 1] == pytest.approx(expected, abs=1e-6)
    assert np.isnan(measure.pairwise(codes, np.zeros(60, np.int64))).all()


def test_neighbours_that_are_moved_keep_their_own_time() -> None:
    """Those of a row are left out that are near it in time, not near the place that it is moved to."""
    n, moved = 80, np.random.default_rng(9).permutation(80)
    timeline = Timeline(np.zeros(n, np.int64), np.arange(n))
    codes = some_codes(n, [3, 4])
    values = NeighborOverlap(4, timeline, 5.0).pairwise(codes, moved)
    neighbors = [nearest_apart(code, 4, timeline.recordings, np.arange(n), 5.0) for code in codes]
    shares = []
    for place in range(n):
        one = set(neighbors[0][place].tolist())
        other = {int(np.flatnonzero(moved == row)[0]) for row in neighbors[1][moved[place]]}
        shares.append(len(one & other) / len(one | other))
    assert values[0, 1] == pytest.approx(np.mean(shares), abs=1e-12)


@BY_NAME
def test_codes_that_never_change_have_no_value(measure: Similarity) -> None:
    good, other = some_codes(50, [4, 3])
    constant = np.full((50, 4), 0.1, np.float32)
    rounded = np.full((50, 2), 7.3, np.float32)
    rounded[::3] = np.nextafter(rounded[::3], np.float32(8))
    values = measure.pairwise([good, constant, other, rounded])
    missing = np.zeros((4, 4), bool)
    missing[[1, 3]] = missing[:, [1, 3]] = True
    np.testing.assert_array_equal(np.isnan(values), missing)
    assert values[0, 2] == pytest.approx(measure.between(good, other), abs=1e-9)
    assert np.isnan(measure.between(constant, constant))
    assert np.isnan(measure.pairwise([good, constant], np.arange(50)[::-1]))[:, 1].all()


def test_a_code_that_one_image_alone_changes_has_no_debiased_kernel() -> None:
    one = np.zeros((50, 3), np.float32)
    one[17] = 1
    good = some_codes(50, [3])[0]
    assert np.isnan(DebiasedCKA().between(one, good))
    assert ProcrustesAngle().between(one, good) == pytest.approx(naive_procrustes(one, good), abs=1e-6)


def test_a_unit_that_never_changes_counts_for_nothing() -> None:
    one, other = some_codes(100, [4, 4])
    beside = np.hstack([one, np.full((100, 1), 1e4, np.float32)])
    beside[::2, 4] = np.nextafter(np.float32(1e4), np.float32(2e4))
    for measure in ALL:
        assert measure.between(beside, other) == pytest.approx(measure.between(one, other), abs=1e-5), measure.name


@BY_NAME
def test_what_cannot_be_compared_is_refused(measure: Similarity) -> None:
    codes = some_codes(30, [4, 4, 4])
    codes[1][3, 2] = np.nan
    codes[2][0, 0] = np.inf
    with pytest.raises(ValueError, match="in 2 of 3 codes: number 1, 2"):
        measure.pairwise(codes)
    good = codes[0]
    with pytest.raises(ValueError, match=r"\(30, 4\), \(29, 4\)"):
        measure.between(good, good[1:])
    with pytest.raises(ValueError, match="a row for each image"):
        measure.between(good[:, 0], good[:, 0])
    with pytest.raises(ValueError, match=f"{measure.fewest_rows} images or more, not 1"):
        measure.between(good[:1], good[:1])
    refused: list[Rows] = [np.arange(29), np.arange(30) - 1, np.arange(30) + 1]
    for moved in refused:
        with pytest.raises(ValueError, match="30 numbers from 0 to 29"):
            measure.pairwise([good], moved)
    assert measure.pairwise([]).shape == (0, 0)


def test_neighbours_that_there_are_not_are_refused() -> None:
    codes = some_codes(30, [4, 4])
    timeline = Timeline(np.zeros(30, np.int64), np.arange(30))
    with pytest.raises(ValueError, match=r"10 neighbours more than 12 frames apart .* 14 of 30 rows .* down to 5"):
        NeighborOverlap(10, timeline, 12.0).pairwise(codes)
    with pytest.raises(ValueError, match="some row is taken twice"):
        NeighborOverlap(5).pairwise(codes, np.zeros(30, np.int64))
    with pytest.raises(ValueError, match="the timeline is of 29 rows, and codes of 30"):
        NeighborOverlap(5, timeline.take(np.arange(29))).pairwise(codes)
    for k, apart in [(0, 0.0), (5, -1.0), (5, np.nan)]:
        with pytest.raises(ValueError, match="neighbours are 1 or more"):
            NeighborOverlap(k, timeline, apart).pairwise(codes)


def test_cka_and_shared_neighbours_become_distances() -> None:
    values = np.array([[1.0 + 1e-12, 0.5], [0.0, -0.5]])
    np.testing.assert_allclose(DebiasedCKA().distances(values), [[0, 60], [90, 120]])
    np.testing.assert_allclose(NeighborOverlap().distances(np.array([1.0, 0.25])), [0, 0.75])
    np.testing.assert_array_equal(ProcrustesAngle().distances(values), values)


def test_slow_signals_are_alike_by_chance_and_moved_in_time_say_so() -> None:
    """Ten codes that have nothing to do with each other, each unit of which remembers 100 frames."""
    n, tau = 1_600, 100.0
    codes = [ar1(n, 16, tau, seed) for seed in range(10)]
    timeline = Timeline(np.zeros(n, np.int64), np.arange(n))
    rolled = np.roll(np.arange(n), n // 3)
    permuted = np.random.default_rng(10).permutation(n)
    others = ~np.eye(10, dtype=bool)

    def means(measure: Similarity) -> list[float]:
        return [float(measure.pairwise(codes, moved)[others].mean()) for moved in (None, rolled, permuted)]

    angle, angle_rolled, angle_permuted = means(ProcrustesAngle())
    assert 45 < angle < 60
    assert angle_rolled == pytest.approx(angle, abs=2)
    assert angle_permuted > 80
    cka, cka_rolled, cka_permuted = means(DebiasedCKA())
    assert 0.3 < cka < 0.6
    assert cka_rolled == pytest.approx(cka, abs=0.05)
    assert cka_permuted == pytest.approx(0, abs=0.01)
    near, near_rolled, near_permuted = means(NeighborOverlap(10))
    assert near > 0.3
    assert near_rolled == pytest.approx(near, abs=0.03)
    assert near_permuted == pytest.approx(10 / n / 2, abs=0.002)
    apart, apart_rolled, _ = means(NeighborOverlap(10, timeline, 3 * tau))
    assert apart < 0.05
    assert apart_rolled == pytest.approx(apart, abs=0.02)
