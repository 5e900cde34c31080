"""Networks that are kept at the beginning, so that pictures of it can be made."""

import itertools

import pytest

from autoencoder.runs.snapshots import steps_of_early_networks, steps_of_snapshots


@pytest.mark.parametrize("batches", [1, 2, 3, 7, 100, 1000])
@pytest.mark.parametrize(("per_epoch", "spacing"), [(1, "even"), (3, "even"), (20, "even"), (2, "log")])
def test_early_networks_are_few_and_begin_before_the_first_update(batches, per_epoch, spacing):
    snapshots = steps_of_snapshots(batches, 30, per_epoch, spacing)
    early = sorted(steps_of_early_networks(snapshots, batches, 10))
    assert early[0] == 0
    assert len(early) <= 7
    assert set(early[1:]) <= snapshots
    assert early[-1] < 10 * batches  # from there on epochs keep theirs
    assert all(later >= 1.9 * earlier for earlier, later in itertools.pairwise(early[1:]))


def test_no_network_is_far_from_the_snapshot_that_shows_it():
    early = sorted(steps_of_early_networks(steps_of_snapshots(100, 30, 3, "even"), 100, 10))
    assert early == [0, 34, 67, 134, 267, 534]


def test_more_epochs_keep_the_same_ones_before():
    """A run that is given more epochs has kept what one of as many from the start has."""
    short, long = (steps_of_early_networks(steps_of_snapshots(50, n, 3, "even"), 50, 10) for n in (4, 20))
    assert short == {step for step in long if step <= 4 * 50}


def test_who_wants_no_checkpoints_has_no_early_ones():
    snapshots = steps_of_snapshots(100, 30, 3, "even")
    assert steps_of_early_networks(snapshots, 100, 0) == frozenset()
    assert steps_of_early_networks(frozenset(), 100, 10) == frozenset()
    assert steps_of_early_networks(snapshots, 100, 1) == {0, 34, 67}
