"""What a network knows: the share of codes that is beyond it, and codes that leave what training spanned."""

import numpy as np
import pytest

from autoencoder.evaluation.familiar import SHARE, Familiar


def drawn(n, seed):
    """Codes of three units with covariances, and a fourth that is silent."""
    codes = np.random.default_rng(seed).normal(size=(n, 3)) @ np.array([[5, 0, 0], [2, 1, 0], [0, 0, 0.1]])
    return np.concatenate([codes + 3, np.zeros((n, 1))], axis=1).astype(np.float32)


def test_one_in_a_thousand_of_the_same_kind_is_beyond_it():
    familiar = Familiar.of(drawn(10_000, 0), None)
    own, others = (familiar.far(familiar.distances(drawn(10_000, seed))).mean() for seed in (0, 1))
    assert own <= 1 - SHARE
    assert others == pytest.approx(1 - SHARE, abs=3 * np.sqrt((1 - SHARE) / 10_000) + 2e-4)


def test_distances_are_those_of_mahalanobis():
    codes = drawn(5000, 0)[:, :3]
    centred = codes.astype(float) - codes.mean(axis=0, dtype=float)
    expected = np.sqrt(np.einsum("ni,ij,nj->n", centred, np.linalg.inv(np.cov(centred.T, bias=True)), centred))
    np.testing.assert_allclose(Familiar.of(codes, None).distances(codes), expected, rtol=1e-6)


def test_a_silent_unit_that_speaks_up_is_noticed():
    codes = drawn(5000, 0)
    familiar = Familiar.of(codes, None)
    louder = codes.copy()
    louder[:, 3] = 0.1  # a fiftieth of what the loudest unit varies by
    assert familiar.far(familiar.distances(louder)).all()
    rounding = codes.copy()
    rounding[:, 3] = 1e-6
    assert not familiar.far(familiar.distances(rounding)).mean() > 2 * (1 - SHARE)


def test_errors_have_a_bound_of_their_own():
    errors = np.linspace(0, 1, 5000, dtype=np.float32)
    familiar = Familiar.of(drawn(5000, 0), errors)
    assert (errors > familiar.most_error).mean() <= 1 - SHARE
    assert familiar.wrong(np.array([0.5, 2], np.float32)).tolist() == [False, True]
    assert Familiar.of(drawn(50, 0), None).wrong(errors) is None
