"""Intervals over stretches: their length, the jackknife, and what is refused."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from autoencoder.measures.intervals import FEWEST_BLOCKS, Stretches, jackknife, log_ratio, stretches_of
from autoencoder.measures.timeline import Timeline


def test_stretches_are_three_correlation_times_long_at_least() -> None:
    timeline = Timeline(np.zeros(1_000, np.int64), np.arange(1_000))
    rows = np.concatenate([np.arange(100, 300), np.arange(500, 700)])
    found = stretches_of(timeline, rows, tau=10)
    lengths = np.bincount(found.numbers)
    assert found.count == 13
    assert lengths.min() >= 30
    assert (np.diff(found.numbers) >= 0).all()
    assert stretches_of(timeline, rows, tau=math.inf).count == 1


def test_no_stretch_is_of_two_recordings() -> None:
    timeline = Timeline(np.repeat([0, 1, 2], 50), np.tile(np.arange(50), 3))
    found = stretches_of(timeline, np.arange(150), tau=4)
    for number in np.unique(found.numbers):
        assert len(np.unique(timeline.recordings[found.numbers == number])) == 1


def test_rows_without_time_stand_for_themselves_or_for_their_group() -> None:
    alone = Timeline(np.zeros(60, np.int64), None)
    assert stretches_of(alone, np.arange(60), 0.0).count == 60
    groups = np.repeat(np.arange(12), 5)
    assert stretches_of(alone, np.arange(60), 0.0, groups).numbers.tolist() == groups.tolist()


def test_the_widening_of_known_noise() -> None:
    """The variance of the mean, from stretches of AR(1) noise, is as much too small as the widening says."""
    rng, tau, length, n = np.random.default_rng(0), 20.0, 60, 60 * 400
    keep = math.exp(-1 / tau)
    noise = rng.standard_normal(n)
    for i in range(1, n):
        noise[i] = keep * noise[i - 1] + math.sqrt(1 - keep**2) * noise[i]
    between = noise.reshape(-1, length).mean(axis=1).var(ddof=1) * length
    true = (1 + keep) / (1 - keep)
    found = stretches_of(Timeline(np.zeros(n, np.int64), np.arange(n)), np.arange(60 * 100), tau)
    assert found.widening**2 == pytest.approx(true / between, rel=0.12)


def test_the_jackknife_of_a_mean_is_the_t_test() -> None:
    values = np.random.default_rng(0).standard_normal(25) + 0.3
    without = (values.sum() - values) / 24
    low, high, p = jackknife(without, float(values.mean()))
    reference = stats.ttest_1samp(values, 0)
    assert p == pytest.approx(reference.pvalue)
    assert (low, high) == pytest.approx(tuple(reference.confidence_interval(0.95)))


def test_a_ratio_of_sums() -> None:
    rng = np.random.default_rng(0)
    over, under = rng.random(200), rng.random(200) + 1
    numbers = np.repeat(np.arange(20), 10)
    found = log_ratio(over, under, Stretches(numbers))
    assert found is not None
    assert found.estimate == pytest.approx(math.log(over.sum() / under.sum()))
    assert found.low < found.estimate < found.high
    assert found.blocks == 20
    wider = log_ratio(over, under, Stretches(numbers, 1.5))
    assert wider is not None
    assert wider.high - wider.low == pytest.approx(1.5 * (found.high - found.low))


def test_too_few_stretches_and_errors_of_none_give_no_interval() -> None:
    ones = np.ones(90)
    few = Stretches(np.repeat(np.arange(FEWEST_BLOCKS - 1), 10))
    assert log_ratio(ones, ones, few) is None
    many = Stretches(np.repeat(np.arange(15), 6))
    assert log_ratio(np.zeros(90), ones, many) is None
    once = np.zeros(90)
    once[0] = 1.0  # all of the error in one stretch: without it there is none
    assert log_ratio(once, ones, many) is None
