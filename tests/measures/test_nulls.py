"""Nulls: which row takes whose label, p values, and their adjustment for many columns."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoencoder.measures.nulls import Null, NullKind, exchanges, make_null, permutations, shifts, turns
from autoencoder.measures.timeline import Timeline


def timeline(*lengths: int) -> Timeline:
    frames = np.concatenate([np.arange(n) for n in lengths])
    return Timeline(np.repeat(np.arange(len(lengths)), lengths), frames)


@given(st.lists(st.integers(16, 300), min_size=1, max_size=4))
def test_a_shift_moves_all_labels_of_a_recording_by_as_many_frames(lengths: list[int]) -> None:
    rows = timeline(*lengths)
    null = shifts(rows.segments())
    assert null.kind is NullKind.SHIFT
    np.testing.assert_array_equal(null.sources[0], null.rows)  # the data
    assert len(np.unique(null.rows)) == len(null.rows)
    for number, length in enumerate(lengths):
        inside = rows.recordings[null.rows] == number
        assert inside.sum() == length - 2 * (length // 8)  # the middle three quarters
        assert (rows.recordings[null.sources[:, inside]] == number).all()
        moved = null.sources[:, inside] - null.rows[inside]
        assert (moved == moved[:, :1]).all()
        assert moved.min() == -(length // 8)
        assert moved.max() == length // 8
        assert sorted(set(-moved[:, 0])) == sorted(set(moved[:, 0]))  # as far one way as the other


def test_equally_spaced_shifts_each_way() -> None:
    null = shifts(timeline(8_000).segments())
    assert len(null.sources) == 201
    moved = np.sort(null.sources[:, 0] - null.rows[0])
    assert set(np.diff(moved)) == {10}
    assert shifts(timeline(80).segments()).sources.shape[0] == 21  # 10 rows each way are all there are


def test_short_segments_and_long_gaps() -> None:
    frames = np.concatenate([np.arange(100), 500 + np.arange(100), [900, 901]])
    rows = Timeline(np.zeros(len(frames), np.int64), frames)
    null = make_null(rows, tau=20, seed=0)
    assert set(null.rows) == set(range(12, 88)) | set(range(112, 188))  # two segments; the third has two rows
    assert len(make_null(rows, tau=1_000, seed=0).rows) == len(frames) - 2 * (len(frames) // 8)


def test_every_order_of_five_recordings() -> None:
    rows = timeline(30, 32, 30, 31, 40)
    null = make_null(rows, tau=5, seed=0)
    assert null.kind is NullKind.EXCHANGE
    assert len(null.sources) == 120
    np.testing.assert_array_equal(null.sources[0], null.rows)
    for source in null.sources:
        np.testing.assert_array_equal(rows.frames[source], rows.frames[null.rows])  # the same frame of another one
        given_by = rows.recordings[source].reshape(5, 30)
        assert (given_by == given_by[:, :1]).all()
        assert sorted(given_by[:, 0]) == [0, 1, 2, 3, 4]


def test_many_recordings_are_exchanged_at_random() -> None:
    null = exchanges(timeline(*[20] * 8), seed=3)
    assert len(null.sources) == 201
    np.testing.assert_array_equal(null.sources[0], null.rows)
    assert not np.array_equal(null.sources[1], null.sources[2])
    np.testing.assert_array_equal(null.sources, exchanges(timeline(*[20] * 8), seed=3).sources)


def test_recordings_of_other_lengths_are_no_one_protocol() -> None:
    assert make_null(timeline(100, 100, 100, 100, 30), 5, 0).kind is NullKind.SHIFT
    assert make_null(timeline(100, 100, 100, 100), 5, 0).kind is NullKind.SHIFT


def test_rows_without_time_are_permuted_within_groups() -> None:
    groups = np.repeat([0, 1, 2], [5, 7, 3])
    null = make_null(Timeline(np.zeros(15, np.int64), None), 0.0, 1, groups)
    assert null.kind is NullKind.PERMUTATION
    for source in null.sources:
        assert sorted(source) == list(range(15))
        np.testing.assert_array_equal(groups[source], groups)
    assert (null.sources[1:] != null.sources[0]).any()


def test_p_is_the_share_of_draws_that_reach_the_data() -> None:
    null = Null(NullKind.SHIFT, np.arange(3), np.tile(np.arange(3), (201, 1)))
    statistics = np.zeros((201, 1))
    statistics[0], statistics[5:9] = 1.0, 2.0
    assert null.p_values(statistics)[0] == pytest.approx(5 / 201)
    assert null.guaranteed(5 / 201) == pytest.approx(5 / 101)  # m / (N + 1)
    assert null.guaranteed(0.9) == 1.0
    assert permutations(np.zeros(3, np.int64), 0).guaranteed(5 / 201) == pytest.approx(5 / 201)


def test_the_adjusted_p_is_that_of_the_largest_column() -> None:
    """With columns that are independent, the smallest of adjusted p values is uniform; on any scale of the columns."""
    rng, smallest = np.random.default_rng(0), []
    null = Null(NullKind.PERMUTATION, np.arange(1), np.zeros((201, 1), np.int64))
    scale = np.array([1.0, 100.0, 1e-3, 5.0, 7.0, 0.1])
    for _ in range(1_000):
        smallest.append(null.adjusted(rng.standard_normal((201, 6)) * scale).min())
    assert (np.array(smallest) < 0.05).mean() == pytest.approx(0.05, abs=0.02)
    strong = rng.standard_normal((201, 6)) * scale
    strong[0, 2] = 1.0  # a thousand deviations
    assert null.adjusted(strong)[2] == pytest.approx(1 / 201)  # which Holm's six times 1/201 could not give
    assert null.adjusted(strong).min() == null.adjusted(strong)[2]


def test_turned_rows_are_far_from_themselves_and_near_their_neighbours():
    rng = np.random.default_rng(0)
    frames = rng.permutation(400)
    timeline = Timeline(np.zeros(400, np.int64), frames)
    draws = turns(timeline, 10, 0)
    assert draws.shape == (10, 400)
    for draw in draws:
        np.testing.assert_array_equal(np.sort(draw), np.arange(400))
        moved = (frames[draw] - frames) % 400
        assert len(set(moved.tolist())) == 1  # all by as much, the last to the beginning
        assert 100 <= moved[0] <= 300


def test_rows_without_time_are_permuted():
    draws = turns(Timeline(np.zeros(300, np.int64), None), 20, 3)
    assert all((np.sort(draw) == np.arange(300)).all() for draw in draws)
    assert (draws == np.arange(300)).mean() < 0.02
    np.testing.assert_array_equal(draws, turns(Timeline(np.zeros(300, np.int64), None), 20, 3))
