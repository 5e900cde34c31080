"""When something is told: onsets, what is kept, lost and folded, and the order of onsets."""

from __future__ import annotations

import math

import numpy as np
import pytest

from autoencoder.measures.emergence import Fate, emergence, fate_of, order, skill, times_before
from autoencoder.measures.kinds import ColumnKind


def course(*skills, above_chance=True):
    return emergence(np.array(skills, float), above_chance=above_chance)


def test_skills_of_all_kinds_go_from_nothing_to_all():
    np.testing.assert_allclose(skill(np.array([-0.5, 0.3, 1.0]), ColumnKind.LINEAR), [0, 0.3, 1])
    np.testing.assert_allclose(skill(np.array([90, 120, 9.0, 0]), ColumnKind.CIRCULAR), [0, 0, 0.9, 1])
    np.testing.assert_allclose(skill(np.array([0.25, 0.1, 1.0, 0.625]), ColumnKind.CATEGORY, 4), [0, 0, 1, 0.5])
    assert np.isnan(skill(np.array([np.nan]), ColumnKind.LINEAR)).all()


def test_the_onset_is_where_half_of_the_peaks_gain_is_passed():
    found = course(0.2, 0.25, 0.45, 0.8, 0.7)
    assert (found.first, found.peak, found.final, found.peak_at) == (0.2, 0.8, 0.7, 3)
    assert found.onset == (2, 3)  # 0.5 is half of the way from 0.2 to 0.8
    assert found.retained == pytest.approx(5 / 6)
    assert course(0.2, 0.51, 0.8).onset == (0, 1)


def test_there_is_no_onset_below_chance_or_of_a_small_gain():
    assert course(0.0, 0.9, above_chance=False).onset is None
    assert course(0.5, 0.59).onset is None
    assert course(0.5, 0.61).onset == (0, 1)
    assert course(0.8, 0.3, 0.1).onset is None  # its first snapshot is its best
    assert math.isnan(course(0.5, 0.55).retained)


def test_lost_takes_both_probes_and_folded_only_the_ridge():
    kept, sunk, never = course(0.1, 0.8, 0.7), course(0.1, 0.8, 0.3), course(0.0, 0.05)
    assert fate_of(kept, kept) is Fate.KEPT
    assert fate_of(sunk, sunk) is Fate.LOST
    assert fate_of(sunk, never) is Fate.LOST
    assert fate_of(never, never) is Fate.NEVER
    assert fate_of(course(0.1, 0.8, above_chance=False), never) is Fate.NEVER
    assert fate_of(sunk, kept) is Fate.KEPT  # neighbours have fallen as well, if less
    ridge, near = course(0.8, 0.94, 0.57), course(0.98, 0.99, 0.99)  # the angle under mask: 5 to 39 degrees, and 1
    assert fate_of(ridge, near) is Fate.FOLDED


def test_onsets_come_in_an_order_only_where_they_do_not_overlap():
    early, late, wide = (0.1, 0.5), (0.5, 2.0), (0.2, 3.0)
    assert order(early, late) == -1
    assert order(late, early) == 1
    assert order(early, wide) == order(wide, late) == 0
    assert order(early, None) == -1
    assert order(None, early) == 1
    assert order(None, None) == 0
    assert times_before([early, early, None], [late, wide, late]) == (1, 1, 1)


@pytest.mark.parametrize("skills", [[], [0.1, np.nan]])
def test_skills_have_to_be_numbers(skills):
    with pytest.raises(ValueError, match="finite"):
        emergence(np.array(skills, float), above_chance=True)
