"""Rows in time: segments, how long values stay the same, stretches of labels, and what lies away from held-out rows."""

from __future__ import annotations

import numpy as np
import pytest

from autoencoder.measures.timeline import Timeline, autocorrelation, away_from, correlation_time, stretches


def one_recording(n: int) -> Timeline:
    return Timeline(np.zeros(n, np.int64), np.arange(n))


def forgetting(n: int, tau: float, seed: int = 0, columns: int = 1) -> np.ndarray:
    """AR(1) noise whose autocorrelation falls by 1/e in tau."""
    rng, keep = np.random.default_rng(seed), np.exp(-1 / tau)
    values = rng.standard_normal((n, columns))
    for i in range(1, n):
        values[i] = keep * values[i - 1] + np.sqrt(1 - keep**2) * values[i]
    return values


@pytest.mark.parametrize("tau", [5, 20, 80])
def test_the_correlation_time_of_known_noise(tau: float) -> None:
    found = correlation_time(forgetting(40_000, tau), one_recording(40_000))
    assert found == pytest.approx(tau, rel=0.15)


def test_the_correlation_time_of_a_wave_is_that_of_its_cosine() -> None:
    """cos falls to 1/e after arccos(1/e) / 2 pi of a period."""
    turns = np.arange(100_000) / 1000 * 2 * np.pi
    wave = np.stack([np.cos(turns), np.sin(turns)], axis=1)
    assert correlation_time(wave, one_recording(len(wave))) == pytest.approx(
        1000 * np.arccos(1 / np.e) / (2 * np.pi), rel=0.02
    )


def test_autocorrelation_against_its_definition() -> None:
    values = np.random.default_rng(0).standard_normal((50, 3)).cumsum(axis=0)
    segments = [np.arange(30), np.arange(30, 50)]
    total = np.zeros(30)
    for rows in segments:
        part = values[rows] - values[rows].mean(axis=0)
        total[: len(rows)] += [(part[: len(rows) - lag] * part[lag:]).sum() for lag in range(len(rows))]
    np.testing.assert_allclose(autocorrelation(values, segments), total / total[0], atol=1e-12)


def test_units_of_time_are_frames() -> None:
    """Every third frame kept: a row is three frames."""
    values = forgetting(30_000, 30)
    kept = np.arange(0, 30_000, 3)
    thin = Timeline(np.zeros(len(kept), np.int64), kept)
    assert correlation_time(values[kept], thin) == pytest.approx(
        correlation_time(values, one_recording(30_000)), rel=0.1
    )


def test_what_never_changes_and_what_never_falls() -> None:
    assert correlation_time(np.ones((100, 1)), one_recording(100)) == 0
    assert correlation_time(np.array([[0.0], [1.0]]), one_recording(2)) > 0


def test_the_order_of_rows_makes_no_difference() -> None:
    values, order = forgetting(2_000, 20), np.random.default_rng(1).permutation(2_000)
    shuffled = Timeline(np.zeros(2_000, np.int64), order)
    assert correlation_time(values[order], shuffled) == pytest.approx(correlation_time(values, one_recording(2_000)))


def test_segments_end_at_recordings_and_at_long_gaps() -> None:
    frames = np.array([0, 1, 2, 50, 51, 0, 1, 2])
    timeline = Timeline(np.array([0, 0, 0, 0, 0, 1, 1, 1]), frames)
    assert [part.tolist() for part in timeline.segments()] == [[0, 1, 2, 3, 4], [5, 6, 7]]
    assert [part.tolist() for part in timeline.segments(10)] == [[0, 1, 2], [3, 4], [5, 6, 7]]
    assert timeline.usual_step == 1


def test_stretches_of_equal_labels() -> None:
    labels = np.array(list("aabbba") + list("aabb"))
    timeline = Timeline(np.repeat([0, 1], [6, 4]), np.concatenate([np.arange(6), np.arange(4)]))
    assert stretches(labels, timeline) == 3 + 2


def test_rows_away_from_held_out_ones() -> None:
    timeline = Timeline(np.repeat([0, 1], 20), np.tile(np.arange(20), 2))
    held_out = np.array([8, 9])
    fit = np.setdiff1d(np.arange(40), held_out)
    kept = away_from(timeline, fit, held_out, 3)
    assert kept.tolist() == [0, 1, 2, 3, 4, *range(13, 40)]  # the other recording keeps all
    assert away_from(timeline, fit, held_out, 0).tolist() == fit.tolist()
    assert away_from(Timeline(timeline.recordings, None), fit, held_out, 3).tolist() == fit.tolist()
