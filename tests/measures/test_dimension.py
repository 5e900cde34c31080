"""Dimensions of clouds whose dimension is known, and against scikit-dimension."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from autoencoder.measures.dimension import components_for, dimension_curve, mle_dimension, participation_ratio
from autoencoder.measures.timeline import Timeline

Array = NDArray[np.float64]


def cloud(d: int, n: int = 1000, width: int = 16, seed: int = 0) -> Array:
    """A Gaussian ball of d dimensions in more."""
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, d)) @ np.linalg.qr(rng.normal(size=(width, width)))[0][:d]


def with_variances(variances: list[float], n: int = 200) -> Array:
    """Codes whose covariance has exactly these eigenvalues, up to a factor, in directions of no unit."""
    rng, d = np.random.default_rng(0), len(variances)
    white = np.linalg.qr(rng.normal(size=(n, d)) - rng.normal(size=(n, d)).mean(axis=0))[0]
    white = np.linalg.qr(white - white.mean(axis=0))[0]
    return white * np.sqrt(variances) @ np.linalg.qr(rng.normal(size=(d, d)))[0]


def naive_mle(codes: Array, k: int, times: Array, apart: float) -> float:
    inverse = []
    for i in range(len(codes)):
        others = codes[np.abs(times - times[i]) > apart]
        near = np.sort(np.linalg.norm(others - codes[i], axis=1))[:k]
        inverse.append(np.log(near[-1] / near[:-1]).mean())
    return 1 / float(np.mean(inverse))


def test_the_participation_ratio_is_that_of_the_eigenvalues() -> None:
    for variances in ([4.0, 1.0, 1.0], [1.0, 1.0, 1.0, 1.0], [9.0, 0.0], [16.0, 4.0, 1.0, 0.25]):
        codes = with_variances(variances)
        expected = sum(variances) ** 2 / sum(v**2 for v in variances)
        for moved in (codes, 1e-100 * codes, 1e3 * codes - 7):
            assert participation_ratio(moved) == pytest.approx(expected)


def test_components_are_counted_until_they_have_their_share() -> None:
    codes = with_variances([90.0, 6.0, 3.0, 1.0])
    assert [components_for(codes, share) for share in (0.5, 0.91, 0.95, 0.97, 0.995)] == [1, 2, 2, 3, 4]
    assert components_for(with_variances([3.0, 1.0]), 0.75 - 1e-6) == 1
    assert components_for(cloud(5), 1.0) == 5
    with pytest.raises(ValueError, match="share"):
        components_for(codes, 95)


@pytest.mark.parametrize("value", [0.0, 0.1, 1e6])
def test_constant_codes_have_no_dimension(value: float) -> None:
    codes = np.full((50, 3), value)
    assert math.isnan(participation_ratio(codes))
    assert components_for(codes) == 0
    assert math.isnan(mle_dimension(codes, 5))
    assert dimension_curve(codes) == []


@pytest.mark.parametrize("codes", [np.ones(5), np.ones((0, 3)), np.array([[0.0, np.nan], [1.0, 2.0]])])
def test_what_is_no_finite_matrix_is_refused(codes: Array) -> None:
    for measure in (participation_ratio, components_for, lambda x: mle_dimension(x, 2)):
        with pytest.raises(ValueError, match="finite"):
            measure(codes)


@pytest.mark.parametrize("k", [2, 5, 20, 100])
@pytest.mark.parametrize("d", [2, 8])
def test_the_likelihood_is_that_of_scikit_dimension(d: int, k: int) -> None:
    skdim = pytest.importorskip("skdim")
    codes = cloud(d, n=400)
    other = skdim.id.MLE(unbiased=False).fit(codes, n_neighbors=k, comb="mle").dimension_
    assert mle_dimension(codes, k) == pytest.approx(other, abs=1e-6)


def test_known_dimensions_are_found_by_few_neighbours() -> None:
    rng = np.random.default_rng(0)
    turn = rng.uniform(0, 2 * np.pi, 1000)
    ring = np.stack([np.cos(turn), np.sin(turn)], axis=1) @ rng.normal(size=(2, 16))
    flat = rng.uniform(size=(1000, 2)) @ rng.normal(size=(2, 16))
    assert mle_dimension(ring, 10) == pytest.approx(1, abs=0.1)
    assert mle_dimension(flat, 10) == pytest.approx(2, abs=0.15)
    assert mle_dimension(cloud(5, n=2000), 5) == pytest.approx(5, abs=0.5)
    assert participation_ratio(ring) < 2.1  # which is about 2 all the same


def test_rotation_scale_and_shift_change_no_dimension() -> None:
    codes, turn = cloud(4), np.linalg.qr(np.random.default_rng(1).normal(size=(16, 16)))[0]
    for measure in (participation_ratio, lambda x: mle_dimension(x, 10)):
        assert measure(1e4 * codes @ turn + 1e5) == pytest.approx(measure(codes), rel=1e-6)


def test_codes_that_coincide_count_once() -> None:
    codes = cloud(3, n=300)
    twice = np.concatenate([codes, codes, np.repeat(codes[:1], 100, axis=0)])
    assert mle_dimension(twice, 5) == mle_dimension(codes, 5)
    zeros = np.array([[0.0, 1.0], [-0.0, 1.0], [1.0, 0.0], [2.0, 5.0]])
    assert mle_dimension(zeros, 2) == mle_dimension(zeros[1:], 2)


def test_neighbours_at_one_distance_tell_no_dimension() -> None:
    assert math.isnan(mle_dimension(np.eye(10), 4))


def test_too_few_codes_tell_no_dimension() -> None:
    assert math.isnan(mle_dimension(cloud(3, n=5), 5))
    assert mle_dimension(cloud(3, n=6), 5) > 0
    assert math.isnan(mle_dimension(cloud(3, n=1), 2))
    with pytest.raises(ValueError, match="2 neighbours"):
        mle_dimension(cloud(3), 1)


def drift(n: int = 3000) -> tuple[Array, Timeline]:
    """A smooth walk in a ball of 3 dimensions, in two recordings whose rows are mixed."""
    steps = gaussian_filter1d(np.random.default_rng(0).normal(size=(n, 3)), 10, axis=0)
    order = np.random.default_rng(1).permutation(n)
    return steps[order], Timeline((order >= n // 2).astype(np.int64), order % (n // 2))


def test_a_walk_is_a_line_until_neighbours_in_time_are_left_out() -> None:
    codes, timeline = drift()
    assert mle_dimension(codes, 20) < 2.2
    assert mle_dimension(codes, 20, timeline=timeline, apart=30) == pytest.approx(3, abs=0.6)
    assert mle_dimension(codes, 20, timeline=Timeline(timeline.recordings, None), apart=30) == mle_dimension(codes, 20)


def test_rows_near_in_time_are_no_neighbours_within_a_recording() -> None:
    codes, timeline = drift(400)
    assert timeline.frames is not None
    times = timeline.frames + 1e6 * timeline.recordings
    for apart in (0.0, 1.0, 30.0):
        found = mle_dimension(codes, 7, timeline=timeline, apart=apart)
        assert found == pytest.approx(naive_mle(codes, 7, times, apart))
    alone = Timeline(np.zeros(400, np.int64), np.arange(400))
    assert math.isnan(mle_dimension(codes, 7, timeline=alone, apart=math.inf))


def test_a_code_that_comes_twice_is_where_it_comes_first() -> None:
    codes, timeline = drift(400)
    again = np.concatenate([[0], np.arange(400)])
    found = mle_dimension(codes[again], 7, timeline=timeline.take(again), apart=30)
    assert found == mle_dimension(codes, 7, timeline=timeline, apart=30)


def test_rows_without_enough_candidates_are_left_out() -> None:
    codes, timeline = cloud(3, n=21), Timeline(np.zeros(21, np.int64), np.arange(21))
    apart = 12  # row 10 has none, rows 0 and 20 have eight
    inverse = []
    for i, others in ((0, codes[13:]), (20, codes[:8])):
        near = np.sort(np.linalg.norm(others - codes[i], axis=1))
        inverse.append(np.log(near[-1] / near[:-1]).mean())
    assert mle_dimension(codes, 8, timeline=timeline, apart=apart) == pytest.approx(1 / np.mean(inverse))


def test_the_curve_is_of_single_estimates_by_neighbours_and_codes() -> None:
    codes, timeline = drift(400)
    curve = dimension_curve(codes, seed=3, timeline=timeline, apart=20)
    assert [(k, n) for k, n, _ in curve] == [(k, n) for n in (100, 200, 400) for k in (5, 10, 20, 50, 100) if k < n]
    for k, n, estimate in curve:
        assert mle_dimension(codes, k, 3, n, timeline, 20) == pytest.approx(estimate)
    assert dimension_curve(codes, ks=(4,), ns=(50,), seed=3) != dimension_curve(codes, ks=(4,), ns=(50,), seed=4)
    assert dimension_curve(codes[:3], ks=(2,))[0][:2] == (2, 3)


def test_noise_is_seen_by_few_neighbours_and_not_by_many() -> None:
    codes = cloud(2, width=8) + 0.02 * np.random.default_rng(5).normal(size=(1000, 8))
    by_k = {k: estimate for k, n, estimate in dimension_curve(codes, ns=(1000,))}
    assert by_k[5] > by_k[20] > by_k[100]
    assert by_k[100] == pytest.approx(2, abs=0.3)
