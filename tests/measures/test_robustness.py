"""How far noise moves codes."""

from __future__ import annotations

import numpy as np

from autoencoder.measures.robustness import displacement
from autoencoder.measures.timeline import Timeline


def rows(n, frames=None):
    return Timeline(np.zeros(n, np.int64), frames)


def test_displacement_is_the_share_of_the_way_to_the_nearest_other():
    clean = np.array([[0.0, 0], [2, 0], [2, 3], [2, 8]])
    noisy = clean + np.array([[0, 1.0], [0.5, 0], [0, 0], [0, -5]])
    np.testing.assert_allclose(displacement(clean, noisy, rows(4)), [0.5, 0.25, 0, 1])


def test_it_has_no_unit():
    rng = np.random.default_rng(0)
    clean = rng.normal(size=(60, 4))
    noisy = clean + 0.1 * rng.normal(size=clean.shape)
    turn = np.linalg.qr(rng.normal(size=(4, 4)))[0]
    one, other = (
        displacement(*codes, rows(60)) for codes in ((clean, noisy), (7 * clean @ turn + 5, 7 * noisy @ turn + 5))
    )
    np.testing.assert_allclose(one, other, rtol=1e-5)


def test_neighbours_in_time_are_no_other_images():
    frames = np.arange(50)
    clean = np.stack([frames % 10, frames / 100], axis=1).astype(float)  # comes back every 10 frames, 0.1 away
    noisy = clean + np.array([0.0, 0.05])
    np.testing.assert_allclose(displacement(clean, noisy, rows(50, frames), 9), 0.5, rtol=1e-4)
    np.testing.assert_allclose(displacement(clean, noisy, rows(50, frames), 19)[25], 0.25, rtol=1e-4)


def test_codes_that_coincide_are_infinitely_near():
    clean = np.array([[1.0], [1.0], [5.0]])
    found = displacement(clean, clean + np.array([[0.5], [0], [1]]), rows(3))
    assert np.isinf(found[0])
    assert np.isnan(found[1])
    assert found[2] == 0.25
