"""Which rows are neighbours in time, how long columns stay the same, and labels that can't be told from time."""

from __future__ import annotations

import math

import numpy as np
import pytest

from autoencoder.data.metadata import Metadata
from autoencoder.data.timescales import label_warnings, rows_of_a_frame, slowest, timeline_of, timescales

N = 2_000


def slow(n: int, tau: float, seed: int = 0) -> np.ndarray:
    rng, keep = np.random.default_rng(seed), math.exp(-1 / tau)
    values = rng.standard_normal(n)
    for i in range(1, n):
        values[i] = keep * values[i - 1] + math.sqrt(1 - keep**2) * values[i]
    return values


def scales_of(**columns: np.ndarray):
    metadata = Metadata({"frame": np.arange(N), **columns})
    return timescales(metadata, timeline_of(metadata, N))


def test_the_timescales_of_columns() -> None:
    found = scales_of(
        quick=slow(N, 5), lasting=slow(N, 40, 1), turn_deg=(np.cumsum(np.full(N, 3.0)) % 360), time_s=np.arange(N) / 25
    )
    assert set(found) == {"quick", "lasting", "turn_deg"}  # what counts time has no time of its own
    assert found["quick"].tau == pytest.approx(5, rel=0.3)
    assert found["lasting"].tau == pytest.approx(40, rel=0.5)
    assert found["turn_deg"].tau == pytest.approx(120 * math.acos(1 / math.e) / (2 * math.pi), rel=0.05)
    assert found["quick"].n_taus == pytest.approx(N / found["quick"].tau)
    assert slowest(found) == max(found["lasting"].tau, found["turn_deg"].tau)


def test_too_slow_columns_do_not_count() -> None:
    found = scales_of(quick=slow(N, 5), trend=np.linspace(0, 1, N) + 0.01 * slow(N, 5, 2))
    assert not found["trend"].is_enough
    assert slowest(found) == found["quick"].tau


def test_labels_have_no_more_moments_than_stretches() -> None:
    found = scales_of(half=np.where(np.arange(N) < N // 2, "control", "drug"), often=np.where(slow(N, 5) > 0, "a", "b"))
    assert found["half"].n_taus == pytest.approx(2, abs=2)
    assert not found["half"].is_enough
    assert found["often"].is_enough


def test_what_never_changes_within_a_recording_is_told_by_its_stretches() -> None:
    metadata = Metadata({"frame": np.tile(np.arange(N // 2), 2), "animal": np.repeat(["a", "b"], N // 2)})
    found = timescales(metadata, timeline_of(metadata, N))["animal"]
    assert str(found) == "2 stretches of equal values, T/tau 2"


@pytest.mark.parametrize(
    ("columns", "timed", "recordings"),
    [
        ({"label": np.arange(6) % 2}, False, 1),
        ({"frame": np.arange(6)}, True, 1),
        ({"frame": np.array([0, 1, 2, 0, 1, 2])}, True, 2),  # starts again: another recording
        ({"frame": np.array([0, 1, 2, 0, 1, 2]), "recording": np.repeat(["a", "b"], 3)}, True, 2),
        ({"frame": np.array([0, 0, 1, 1, 2, 2]), "recording": np.repeat(["a", "b"], 3)}, False, 2),
        ({"frame": np.array([0, 0, 1, 1, 2, 2]), "individual": np.tile(["a", "b"], 3)}, True, 2),
        (
            {
                "frame": np.tile([0, 1], 3),
                "individual": np.array(list("aabbaa")),
                "recording": np.repeat([1, 2], [4, 2]),
            },
            True,
            3,
        ),
        ({"frame": np.array([0.0, 1.0, np.nan, 3.0, 4.0, 5.0])}, False, 1),
        ({"frame": np.array(list("abcdef"))}, False, 1),
    ],
)
def test_where_frames_are_neighbours(columns, timed: bool, recordings: int) -> None:
    found = timeline_of(Metadata(columns), 6)
    assert (found.frames is not None) == timed
    assert found.n_recordings == recordings


def test_individuals_in_a_frame_are_held_out_together() -> None:
    """A block of rows is as long in time as it would be of one individual."""
    frames, who = np.repeat(np.arange(N), 3), np.tile(["a", "b", "c"], N)
    columns = {"frame": frames, "individual": who, "x": np.repeat(slow(N, 5), 3)}
    metadata = Metadata(columns)
    timeline = timeline_of(metadata, 3 * N)
    assert rows_of_a_frame(metadata, timeline) == 3
    assert label_warnings(metadata, 3 * N) == []  # which individual it is can be told at any time
    alone = Metadata({"frame": np.arange(N), "x": columns["x"][::3]})
    assert rows_of_a_frame(alone, timeline_of(alone, N)) == 1
    tau = timescales(metadata, timeline)["x"].tau
    assert tau == pytest.approx(timescales(alone, timeline_of(alone, N))["x"].tau)
    sex = {**columns, "sex": np.tile(["f", "m", "m"], N)}
    (said,) = label_warnings(Metadata(sex), 3 * N)
    assert "'sex' has one individual for one of its values" in said


def test_a_treatment_of_half_a_recording_is_named() -> None:
    metadata = Metadata(
        {
            "frame": np.arange(N),
            "treatment": np.where(np.arange(N) < N // 2, "control", "drug"),
            "port": np.where(slow(N, 5) > 0, "left", "right"),
        }
    )
    (said,) = label_warnings(metadata, N)
    assert "'treatment' has 2 stretches of equal values in 2,000 frames" in said
    assert label_warnings(metadata, N, ["port"]) == []


def test_labels_of_whole_recordings_are_named() -> None:
    frames, recording = np.tile(np.arange(100), 4), np.repeat(list("abcd"), 100)
    two = {"frame": frames, "recording": recording, "drug": np.repeat(["no", "yes", "no", "yes"], 100)}
    (said,) = label_warnings(Metadata(two), 400)
    assert "'drug' is the same all through each recording" in said
    (said,) = label_warnings(Metadata({**two, "animal": np.repeat(["x", "x", "y", "y"], 100)}), 400)
    assert "columns 'drug', 'animal' are the same all through each recording" in said
    one = {**two, "drug": np.repeat(["no", "yes", "no", "no"], 100)}
    (said,) = label_warnings(Metadata(one), 400)
    assert "no split can tell the label and the recording apart" in said


def test_the_name_of_a_file_is_no_question_to_its_recording() -> None:
    """Each stack of a folder is a recording, so that `file` says the same as `recording` does."""
    names = np.repeat(["a.tif", "b.tif", "c.tif"], 30)
    columns = {"recording": names, "frame": np.tile(np.arange(30), 3)}
    assert label_warnings(Metadata({**columns, "file": names}), 90) == []
    assert len(label_warnings(Metadata({**columns, "animal": names}), 90)) == 1
