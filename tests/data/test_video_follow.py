from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from autoencoder.data.sources.pose.pose import LIKELIHOOD, NO_SCORES, SCORE, Pose
from autoencoder.data.sources.video.animal.body import find_body
from autoencoder.data.sources.video.follow import default_crop, extents, follow, seen_parts
from autoencoder.data.sources.video.options import VideoOptions
from autoencoder.data.sources.video.timing import Clock
from autoencoder.errors import UserError

PICTURE = (100, 80)
N_FRAMES = 10


def pose(likelihood=1.0, scores=LIKELIHOOD, **places):
    """Of parts at places that change by one pixel a frame to the right."""
    steps = np.stack([np.arange(N_FRAMES), np.zeros(N_FRAMES)], axis=1)
    xy = np.stack([np.array(place, float) + steps for place in places.values()], axis=1)
    return Pose(tuple(places), xy, np.full(xy.shape[:2], likelihood), Path("pose.csv"), scores)


def followed(track, clock=None, **options):
    options = VideoOptions(front="nose", back="tail", **options)
    seen = seen_parts(track, len(track), options.min_likelihood)
    clock = clock or Clock(np.arange(len(track)), Fraction(1, 10))
    (path,), notes, warnings = follow([track], [seen], find_body(track, options), PICTURE, clock)
    return path, notes, warnings


@pytest.fixture
def track():
    return pose(nose=(30, 10), tail=(20, 20), ear=(40, 30))


@pytest.mark.parametrize(
    ("center", "x", "y"),
    [(None, 25, 15), (("nose",), 30, 10), (("Ear", "tail"), 30, 25), (("seen",), 30, 20), (("nose", "ear"), 35, 20)],
)
def test_the_centre_is_the_mean_of_the_named_parts(track, center, x, y):
    path, notes, warnings = followed(track, center=center)
    np.testing.assert_allclose(path.x, x + np.arange(N_FRAMES))
    np.testing.assert_allclose(path.y, y)
    np.testing.assert_allclose(path.speed, 10)
    np.testing.assert_allclose(path.angle, 45)
    assert (notes, warnings) == ([], [])


def test_a_part_that_comes_and_goes_moves_only_the_mean_of_what_is_seen(track):
    track.xy[::2, 2] = np.nan
    still, notes, _ = followed(track)
    assert notes == []
    np.testing.assert_allclose(still.speed, 10)
    jumping, notes, _ = followed(track, center=("seen",))
    assert notes == []
    assert jumping.speed.min() > 50  # the ear pulls the mean 5 to 7 pixels aside
    left, notes, warnings = followed(track, center=("ear",))
    assert notes == ["left out 5 of 10 frames, because 'ear' was not found"]
    assert left.frame.tolist() == [1, 3, 5, 7, 9]
    assert warnings == [
        "5 of 10 frames were left out: 'ear' was not found in 5. If you can, name parts that are found more often "
        "(--front, --back, --center)"
    ]


def test_speed_over_a_gap_is_over_the_time_that_it_took(track):
    track.xy[4:6, 0] = np.nan
    ticks = np.array([0, 1, 2, 3, 4, 5, 16, 17, 18, 19])  # the camera paused after frame 5
    path, _, _ = followed(track, Clock(ticks, Fraction(1, 10)))
    assert path.frame.tolist() == [0, 1, 2, 3, 6, 7, 8, 9]
    np.testing.assert_allclose(path.speed, [10, 10, 10, 10, 3 / 1.3, 10, 10, 10])


@pytest.mark.parametrize(("scores", "threshold"), [(LIKELIHOOD, 0.6), (SCORE, 0.2), (NO_SCORES, None)])
def test_what_counts_as_seen_depends_on_whose_scores_they_are(scores, threshold):
    track = pose(0.5, scores, nose=(30, 10), tail=(20, 20))
    if threshold == 0.6:
        with pytest.raises(UserError, match=r"no frame of pose.csv: 'nose' scored below 0.6 .*likelihood\) in 10"):
            followed(track)
    else:
        assert len(followed(track)[0]) == N_FRAMES
    assert len(followed(track, min_likelihood=0.5)[0]) == N_FRAMES
    assert seen_parts(track, 3, None).threshold == threshold


def test_losing_many_frames_is_a_warning_with_the_parts_to_blame(track):
    track.likelihood[:2, 0] = 0.4
    assert followed(track)[2] == []  # a fifth is not many
    track.likelihood[1:5, 1] = 0.4
    path, notes, (warning,) = followed(track)
    assert warning == (
        "5 of 10 frames were left out: 'tail' scored below 0.6 (--min-likelihood) in 4, 'nose' scored below 0.6 "
        "(--min-likelihood) in 2. Lower the threshold, or name parts that are found more often (--front, --back, "
        "--center)"
    )
    assert [note.split()[2] for note in notes] == ["2", "3"]  # each frame once
    assert len(path) == 5


def test_a_pose_beside_the_picture_is_a_warning_that_names_the_flags(track):
    track.xy[:] -= (30, 0)
    path, _, (warning,) = followed(track)
    assert path.frame.tolist() == [5, 6, 7, 8, 9]
    assert "outside the picture in 5. The pose may have been tracked in a window of the video (--pose-offset" in warning
    assert all(remedy in warning for remedy in ("(--pose-turned)", "multiply x and y", "y is counted upwards"))
    track.xy[:] -= (30, 0)
    with pytest.raises(UserError, match=r"in no frame of pose.csv: .*outside the picture in 10\. .*--pose-offset X,Y"):
        followed(track)


def test_parts_that_are_not_there(track):
    with pytest.raises(UserError, match=r"no part of pose.csv is called 'paw': choose one \(--center\) of nose, "):
        followed(track, center=("nose", "paw"))


def test_parts_whose_names_differ_in_capitals_or_signs_are_told_apart():
    track = pose(tail_1=(50, 10), Tail1=(30, 10), tail=(20, 20), nose=(30, 40))
    assert find_body(track, VideoOptions(back="Tail1", front="nose")).back == (1,)
    assert find_body(track, VideoOptions(back="TAIL", front="nose")).back == (2,)
    with pytest.raises(UserError, match=r"'tail1' could be any of tail_1, Tail1 in pose\.csv: .*\(--back\)"):
        find_body(track, VideoOptions(back="tail1", front="nose"))


def test_the_crop_does_not_depend_on_which_way_the_animal_looks():
    turn = np.linspace(0, 2 * np.pi, 50)
    xy = np.stack([np.stack([np.cos(turn), np.sin(turn)], axis=1) * 20, np.zeros((50, 2))], axis=1)
    lengths = extents(xy, np.ones((50, 2), bool))
    np.testing.assert_allclose(lengths, 20)
    assert default_crop(lengths) == 2 * round(1.75 * 20 / 2)
