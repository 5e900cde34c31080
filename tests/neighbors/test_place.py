"""Places of new points: the widths of their weights, against a plain bisection."""

from __future__ import annotations

import math

import numpy as np
import pytest

from autoencoder.neighbors.place import _root, _width
from autoencoder.neighbors.umap import BISECTIONS, SIGMA_RANGE


def by_bisection(relative: np.ndarray, target: float) -> float:
    low, high = -SIGMA_RANGE, SIGMA_RANGE
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        if sum(math.exp(-x * math.exp(-middle)) for x in relative[1:].tolist()) > target:
            high = middle
        else:
            low = middle
    return high


@pytest.mark.parametrize("k", [1, 2, 3, 4, 8, 15])
@pytest.mark.parametrize("spread", [1e-3, 1.0, 4.0])
def test_widths_are_those_of_a_bisection_to_the_bit(k: int, spread: float) -> None:
    rng = np.random.default_rng(k)
    for distances in np.sort(rng.lognormal(0, spread, (40, k)), axis=1):
        relative, target = distances / distances.mean(), math.log2(k)
        assert _width(relative, target) == by_bisection(relative, target)


@pytest.mark.parametrize("n_at_zero", [1, 3, 6, 15])
def test_where_no_width_will_do_it_is_the_least(n_at_zero: int) -> None:
    relative, target = np.linspace(0, 2, 15), math.log2(15)
    relative[:n_at_zero] = 0
    width = _width(relative, target)
    assert width == by_bisection(relative, target)
    assert (width < -SIGMA_RANGE + 1e-6) == (n_at_zero - 1 > target)


def test_newtons_method_finds_nearly_all_of_them() -> None:
    rng = np.random.default_rng(0)
    among = np.linalg.norm(rng.normal(size=(300, 40, 16)), axis=2)
    nearest = np.sort(among, axis=1)[:, :15]
    found = [_root(row, math.log2(15)) for row in nearest / nearest.mean(axis=1, keepdims=True)]
    assert np.mean([error < 1e-8 for _, error in found]) > 0.99
