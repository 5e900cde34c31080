import sys
from pathlib import Path

import numpy as np
import pytest

from autoencoder.data.sources.pose.pose import LIKELIHOOD, NO_SCORES, SCORE, Pose
from autoencoder.data.sources.pose.readers import load_poses
from autoencoder.errors import UserError

HEADER = (
    "scorer,net,net,net,net,net,net\nbodyparts,Nose,Nose,Nose,Tail,Tail,Tail\ncoords,x,y,likelihood,x,y,likelihood\n"
)


def load_pose(path: Path) -> Pose:
    return load_poses(path).one(0)


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def test_deeplabcut(tmp_path: Path) -> None:
    pose = load_pose(write(tmp_path / "p.csv", HEADER + "0,1.5,2,0.9,3,4,0.25\n1,5,6,1.0,,,\n"))
    assert pose.parts == ("Nose", "Tail")
    assert pose.source == tmp_path / "p.csv"
    np.testing.assert_array_equal(pose.xy, [[[1.5, 2], [3, 4]], [[5, 6], [np.nan, np.nan]]])
    np.testing.assert_array_equal(pose.likelihood, [[0.9, 0.25], [1.0, 0.0]])


def test_a_half_missing_point_is_missing(tmp_path: Path) -> None:
    pose = load_pose(write(tmp_path / "p.csv", HEADER + "0,1.5,,0.9,3,4,\n"))
    assert np.isnan(pose.xy[0, 0]).all()
    np.testing.assert_array_equal(pose.likelihood, [[0, 0]])


def test_clicked_labels_have_no_likelihood(tmp_path: Path) -> None:
    text = "scorer,me,me\nbodyparts,Nose,Nose\ncoords,x,y\n0,1,2\n1,,\n"
    np.testing.assert_array_equal(load_pose(write(tmp_path / "p.csv", text)).likelihood, [[1], [0]])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "scorer,a\nindividuals,m1\nbodyparts,Nose\ncoords,x\n",
            r"several animals .*split it into one file per animal",
        ),
        ("frame,x,y\n0,1,2\n", "not a pose file of DeepLabCut"),
        (HEADER, "holds no pose: it has 0 frames"),
        (HEADER + "0,1,2,1,3,4\n", "row 4 of .* has 6 fields and its header has 7"),
        (HEADER + "0,1,2,1,3,4,high\n", "row 4 of .* no number .*'high'"),
        (HEADER + "7,1,2,1,3,4,1\n", "not numbered 0, 1, 2"),
        (HEADER.replace("coords,x,y", "coords,x,x"), "column 3 of .* is 'x' of 'Nose'"),
        (HEADER.replace("Tail,Tail,Tail", "Tail,Tail,Ear"), "likelihood' of 'Ear'|no x or no y of 'Ear'"),
        ("", "is empty"),
    ],
)
def test_what_is_no_pose(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(UserError, match=message) as caught:
        load_pose(write(tmp_path / "bad.csv", text))
    assert "bad.csv" in str(caught.value)


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no file .*p\.slp"):
        load_pose(tmp_path / "p.slp")


def test_without_sleap_io_the_error_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sleap_io", None)
    with pytest.raises(UserError, match=r"pip install 'autoencoder-objectives\[pose\]'"):
        load_pose(write(tmp_path / "p.slp", "x"))


def test_slp_written_by_sleap_io(tmp_path: Path) -> None:
    sio = pytest.importorskip("sleap_io")
    skeleton = sio.Skeleton(["nose", "tail"])
    video = sio.Video("absent.mp4", open_backend=False)

    def predicted(points: list[list[float]], scores: list[float]) -> object:
        return sio.PredictedInstance.from_numpy(np.array(points), skeleton, point_scores=np.array(scores), score=1.0)

    frames = [
        sio.LabeledFrame(video, 0, [predicted([[1, 2], [3, 4]], [0.5, 0.75])]),
        sio.LabeledFrame(video, 2, [predicted([[5, 6], [np.nan, np.nan]], [0.25, 0.75])]),
        sio.LabeledFrame(video, 3, [sio.Instance.from_numpy(np.array([[7.0, 8], [9, 10]]), skeleton)]),
    ]
    sio.Labels(frames).save(str(tmp_path / "p.slp"))
    pose = load_pose(tmp_path / "p.slp")
    assert pose.parts == ("nose", "tail")
    nan = [np.nan, np.nan]
    np.testing.assert_allclose(pose.xy, [[[1, 2], [3, 4]], [nan, nan], [[5, 6], nan], [[7, 8], [9, 10]]])
    np.testing.assert_allclose(pose.likelihood, [[0.5, 0.75], [0, 0], [0.25, 0], [1, 1]])
    assert pose.notes == ()
    assert pose.scores == SCORE


def test_scores_are_known_by_where_they_come_from(tmp_path):
    """SLEAP's are no likelihoods: half of them lie below 0.6 where the parts are found well."""
    assert load_pose(write(tmp_path / "p.csv", HEADER + "0,1.5,2,0.9,3,4,0.25\n")).scores == LIKELIHOOD
    clicked = "scorer,me,me\nbodyparts,Nose,Nose\ncoords,x,y\n0,1,2\n"
    assert load_pose(write(tmp_path / "c.csv", clicked)).scores == NO_SCORES
    assert LIKELIHOOD.threshold > SCORE.threshold > 0
    assert NO_SCORES.threshold is None
    sio = pytest.importorskip("sleap_io")
    skeleton, video = sio.Skeleton(["nose", "tail"]), sio.Video("absent.mp4", open_backend=False)
    labelled = sio.LabeledFrame(video, 0, [sio.Instance.from_numpy(np.array([[7.0, 8], [9, 10]]), skeleton)])
    sio.Labels([labelled]).save(str(tmp_path / "p.slp"))
    assert load_pose(tmp_path / "p.slp").scores == NO_SCORES


def test_the_first_track_of_several_is_taken_and_said(tmp_path: Path) -> None:
    sio = pytest.importorskip("sleap_io")
    skeleton, video = sio.Skeleton(["nose", "tail"]), sio.Video("absent.mp4", open_backend=False)
    tracks = [sio.Track("anna"), sio.Track("berta")]
    frames = [
        sio.LabeledFrame(
            video,
            frame,
            [
                sio.PredictedInstance.from_numpy(np.full((2, 2), 10.0 * k + frame), skeleton, score=1.0, track=track)
                for k, track in enumerate(tracks)
            ][:: 1 if frame else -1],  # stored in another order in the first frame
        )
        for frame in range(2)
    ]
    sio.Labels(frames, tracks=tracks).save(str(tmp_path / "p.slp"))
    pose = load_pose(tmp_path / "p.slp")
    np.testing.assert_array_equal(pose.xy[:, 0, 0], [0, 1])
    assert len(pose.notes) == 1
    assert "holds 2 animals; the first ('anna') was taken" in pose.notes[0]


@pytest.mark.parametrize("suffix", [".slp", ".h5", ".nwb", ".xyz"])
def test_files_that_sleap_io_cannot_read(tmp_path: Path, suffix: str) -> None:
    pytest.importorskip("sleap_io")
    with pytest.raises(UserError, match=rf"cannot read a pose from .*p\{suffix}") as caught:
        load_pose(write(tmp_path / f"p{suffix}", "nothing of the kind"))
    assert "\n" not in str(caught.value)
