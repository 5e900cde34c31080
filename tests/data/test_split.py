import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoencoder.data.split import make_split
from autoencoder.errors import UserError


@given(
    n=st.integers(2, 400),
    method=st.sampled_from(["random", "blocks"]),
    fraction=st.floats(0.01, 0.99),
    seed=st.integers(0, 2**32),
)
def test_disjoint_complete_sorted_and_repeatable(n: int, method: str, fraction: float, seed: int) -> None:
    split = make_split(n, method, fraction, seed)
    assert split.train.dtype == split.val.dtype == np.int64
    assert len(split.train)
    assert len(split.val)
    np.testing.assert_array_equal(np.sort(np.concatenate([split.train, split.val])), np.arange(n))
    assert (np.diff(split.train) > 0).all()
    assert (np.diff(split.val) > 0).all()
    again = make_split(n, method, fraction, seed)
    np.testing.assert_array_equal(split.val, again.val)


@given(n=st.integers(20, 400), fraction=st.floats(0.05, 0.95), size=st.integers(1, 10), seed=st.integers(0, 99))
def test_blocks_stay_whole_and_the_share_is_near(n: int, fraction: float, size: int, seed: int) -> None:
    split = make_split(n, "blocks", fraction, seed, size)
    assert not set((split.train // size).tolist()) & set((split.val // size).tolist())
    assert abs(len(split.val) - fraction * n) <= size


def test_random_share_is_exact_and_the_seed_matters() -> None:
    split = make_split(1000, "random", 0.2, 0)
    assert len(split.val) == 200
    assert not np.array_equal(split.val, make_split(1000, "random", 0.2, 1).val)


def test_default_block_is_a_fiftieth() -> None:
    split = make_split(1000, "blocks", 0.2, 0)
    held_out = np.unique(split.val // 20)
    assert len(held_out) == 10
    assert len(split.val) == 200


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((1, "random", 0.2, 0), "1 images cannot be split"),
        ((10, "blocks", 0.2, 0, 10), "single block of 10: make the blocks smaller, at most 9"),
        ((10, "random", 1.0, 0), "between 0 and 1"),
        ((10, "stripes", 0.2, 0), "'random' or 'blocks', not 'stripes'"),
        ((10, "blocks", 0.2, 0, 0), "at least 1 row"),
    ],
)
def test_what_cannot_be_split(arguments: tuple[int, str, float, int], message: str) -> None:
    with pytest.raises(UserError, match=message):
        make_split(*arguments)
