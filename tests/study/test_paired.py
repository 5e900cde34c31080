"""Differences within seeds, and intervals over seeds."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from autoencoder.study.paired import mean_interval, paired_differences


def test_the_interval_is_that_of_the_t_test() -> None:
    values = np.random.default_rng(0).standard_normal(6)
    found = mean_interval(values)
    low, high = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    assert (found.mean, found.low, found.high, found.n) == pytest.approx((values.mean(), low, high, 6))
    assert mean_interval(np.append(values, np.nan)) == found


def test_paired_differences_are_those_of_common_seeds() -> None:
    rng = np.random.default_rng(0)
    values = rng.standard_normal((3, 5)) + 10 * rng.standard_normal(5)
    values[0, 1] = values[2, 4] = np.nan
    found = paired_differences(values)
    assert [(pair.first, pair.second) for pair in found] == [(0, 1), (0, 2), (1, 2)]
    for pair in found:
        np.testing.assert_array_equal(pair.differences, values[pair.first] - values[pair.second])
        known = ~np.isnan(pair.differences)
        reference = stats.ttest_rel(values[pair.first, known], values[pair.second, known]).confidence_interval(0.95)
        assert (pair.over_seeds.low, pair.over_seeds.high) == pytest.approx(tuple(reference))
        assert pair.over_seeds.n == known.sum()
    assert [pair.over_seeds.n for pair in found] == [4, 3, 4]


def test_one_common_seed_gives_no_interval() -> None:
    (pair,) = paired_differences(np.array([[1.0, np.nan, 3.0], [0.5, 2.0, np.nan]]))
    assert (pair.over_seeds.mean, pair.over_seeds.low, pair.over_seeds.high, pair.over_seeds.n) == (0.5, None, None, 1)
    np.testing.assert_array_equal(pair.differences, [0.5, np.nan, np.nan])
    none = mean_interval(np.full(3, np.nan))
    assert math.isnan(none.mean)
    assert (none.low, none.n) == (None, 0)
    assert paired_differences(np.ones((1, 4))) == ()


def test_seeds_that_agree_give_an_interval_without_length() -> None:
    found = mean_interval(np.full(4, 2.0))
    assert (found.mean, found.low, found.high) == (2, 2, 2)


def test_refused_values() -> None:
    with pytest.raises(ValueError, match="infinite"):
        mean_interval(np.array([1.0, np.inf]))
    with pytest.raises(ValueError, match="infinite"):
        paired_differences(np.array([[1.0, np.inf], [1.0, np.inf]]))
    with pytest.raises(ValueError, match="a value for each seed"):
        mean_interval(np.ones((2, 2)))
    with pytest.raises(ValueError, match="settings x seeds"):
        paired_differences(np.ones(3))


@pytest.mark.parametrize(("draws", "within"), [(150, 0.04), pytest.param(1_000, 0.02, marks=pytest.mark.slow)])
@pytest.mark.parametrize("more", [{}, {"spreads": (1, 1, 4)}, {"missing": 2}])
def test_intervals_hold_the_truth_as_often_as_they_say(simulation, more, draws: int, within: float) -> None:
    for held in simulation.intervals(simulation.Case(3, 5, **more), draws):
        assert held.mean() == pytest.approx(0.95, abs=within)
