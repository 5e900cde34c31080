import numpy as np
import pytest

from autoencoder.data.sources.pose.frames import clocks_together, in_order, numbered, timed
from autoencoder.errors import UserError

KEPT = np.array([0, 1, 2, 5, 6, 9])


def test_values_lie_at_their_frames_and_gaps_are_nan(tmp_path):
    frames = numbered(KEPT + 4, tmp_path, 6)
    assert (frames.first, frames.count) == (4, 10)
    spread = frames.spread(np.arange(12.0).reshape(6, 2))
    np.testing.assert_array_equal(spread[KEPT], np.arange(12).reshape(6, 2))
    assert np.isnan(spread[[3, 4, 7, 8]]).all()
    assert len(frames.notes) == 1


@pytest.mark.parametrize("numbers", [[0, 1, 1], [0, 2, 1], [0.5, 1.5], [-1, 0], [0, np.nan], [0, 10**15], [0, np.inf]])
def test_rows_that_are_no_frames_are_refused(tmp_path, numbers):
    with pytest.raises(UserError, match=str(tmp_path)):
        numbered(np.array(numbers), tmp_path, 6)


@pytest.mark.parametrize("rate", [None, 29.97])
@pytest.mark.parametrize("start", [0.0, 1234.5])
def test_even_times_are_frames_over_a_long_recording(tmp_path, start, rate):
    numbers = np.delete(np.arange(100_000), [7, 8, 50_000])
    frames = timed(start + numbers / 29.97, tmp_path, 6, rate)
    assert (frames.first, frames.count) == (0, 100_000)
    np.testing.assert_array_equal(frames.rows, numbers)
    assert "3 of its 100,000 frames" in frames.notes[0]


def test_the_clock_of_a_camera_gives_rows_one_after_the_other(tmp_path):
    noise = np.random.default_rng(0).normal(0, 3e-4, 1000)
    even = timed(np.arange(1000) / 30 + noise, tmp_path, 6)
    assert (even.count, even.notes) == (1000, ())
    lost = timed(np.delete(np.arange(1001), 400) / 30 + noise, tmp_path, 6)
    assert lost.count == 1000
    assert "jump 1 times" in lost.notes[0]


@pytest.mark.parametrize("times", [[0, 1, 1], [0, np.nan], [1, 0]])
def test_times_that_do_not_rise_are_refused(tmp_path, times):
    with pytest.raises(UserError, match=str(tmp_path)):
        timed(np.array(times, float), tmp_path, 6)


def test_series_with_rows_of_their_own_are_put_on_one_grid(tmp_path):
    numbers = [np.arange(0, 3000), np.array([2, 700, 2999]), np.array([1500]), np.array([], int)]
    rounded = [np.round(some / 24, 6) for some in numbers]
    for clocks in ([some / 24 for some in numbers], rounded):
        for found, right in zip(clocks_together(clocks, tmp_path, 6), numbers, strict=True):
            np.testing.assert_array_equal(found, right)


def test_series_of_two_clocks_are_refused(tmp_path):
    with pytest.raises(UserError, match="no common grid"):
        clocks_together([np.arange(50) / 24, np.arange(50) / 30], tmp_path, 6)


def test_files_without_rows_have_no_frames(tmp_path):
    for frames in (numbered(np.array([]), tmp_path, 6), timed(np.array([]), tmp_path, 6), in_order(0)):
        assert (frames.first, frames.count, len(frames.rows)) == (0, 0, 0)
    assert [len(one) for one in clocks_together([np.array([]), np.array([])], tmp_path, 6)] == [0, 0]
