"""Angles: how far two are apart, their mean, and the best guess without looking."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoencoder.measures.angles import circular_error_deg, circular_mean, constant_predictor


@pytest.mark.parametrize(
    ("a_deg", "b_deg", "error"),
    [(0, 0, 0), (350, 10, 20), (10, 350, 20), (0, 180, 180), (-90, 90, 180), (725, 0, 5), (90, 135, 45), (1, -1, 2)],
)
def test_circular_errors_that_are_known(a_deg: float, b_deg: float, error: float) -> None:
    assert circular_error_deg(np.radians([a_deg]), np.radians([b_deg])) == pytest.approx(error, abs=1e-9)


def test_circular_error_is_the_arc_between_unit_vectors() -> None:
    a, b = np.random.default_rng(0).uniform(-20, 20, (2, 1000))
    reference = np.degrees(np.arccos(np.clip(np.cos(a) * np.cos(b) + np.sin(a) * np.sin(b), -1, 1)))
    np.testing.assert_allclose(circular_error_deg(a, b), reference, atol=1e-5)
    np.testing.assert_allclose(circular_error_deg(a, b), circular_error_deg(b, a + 2 * np.pi), atol=1e-9)
    assert np.isnan(circular_error_deg(np.array([np.nan]), np.array([0.0]))).all()


def test_circular_mean_that_is_known() -> None:
    assert circular_mean(np.radians([350.0, 10.0, 30.0])) == pytest.approx(np.radians(10))
    assert abs(circular_mean(np.radians([170.0, 190.0]))) == pytest.approx(np.pi)
    with pytest.raises(ValueError, match="no angle"):
        circular_mean(np.array([]))


@given(st.lists(st.floats(-10, 10), min_size=1, max_size=30))
def test_no_angle_of_a_fine_grid_is_a_better_guess(values: list[float]) -> None:
    angles = np.array(values)
    grid = circular_error_deg(np.linspace(-np.pi, np.pi, 721)[:, None], angles)
    mean = circular_error_deg(np.array(constant_predictor(angles, "mean")), angles).mean()
    assert mean <= grid.mean(axis=1).min() + 1e-6
    upper_median = np.sort(circular_error_deg(np.array(constant_predictor(angles)), angles))[len(angles) // 2]
    assert upper_median <= np.sort(grid, axis=1)[:, len(angles) // 2].min() + 1e-6


def test_constant_predictors_that_are_known() -> None:
    angles = np.radians([350.0, 355.0, 0.0, 5.0, 100.0, 200.0, 220.0])
    assert constant_predictor(angles, "median") == pytest.approx(np.radians(-2.5))  # four of seven within 7.5 degrees
    assert constant_predictor(np.radians([350.0, 10.0, 80.0]), "mean") == pytest.approx(np.radians(10))
    ring = np.radians(np.arange(0.0, 360.0))
    assert circular_error_deg(np.array(constant_predictor(ring, "mean")), ring).mean() == pytest.approx(90)
    with pytest.raises(ValueError, match="'median' or 'mean', not 'mode'"):
        constant_predictor(angles, "mode")  # type: ignore[arg-type]
