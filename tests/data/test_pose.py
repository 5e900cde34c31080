"""What becomes of files of other tools, and what a pose is in any case."""

import json
import re
import sys
from pathlib import Path

import numpy as np
import pytest

from autoencoder.data.sources.pose.pose import LIKELIHOOD, NO_SCORES, SCORE, Poses, make_poses
from autoencoder.data.sources.pose.readers import load_poses
from autoencoder.errors import UserError

HEADER = "scorer,net,net,net\nbodyparts,Nose,Nose,Nose\ncoords,x,y,likelihood\n"
PARTS = ("nose", "left ear", "tail")


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def test_a_half_missing_point_is_missing() -> None:
    xy = np.array([[[[1.5, np.nan], [3, 4], [5, 6]]]])
    poses = make_poses(["a", "b", "c"], [""], xy, np.array([[[0.9, np.nan, 0.8]]]), Path("p"), LIKELIHOOD)
    np.testing.assert_array_equal(poses.xy, [[[[np.nan, np.nan], [3, 4], [5, 6]]]])
    np.testing.assert_array_equal(poses.likelihood, [[[0, 0, 0.8]]])
    assert (poses.scores, poses.notes) == (LIKELIHOOD, ())


@pytest.mark.parametrize("value", [0.0, -1.0])
def test_a_placeholder_is_missing_however_sure_the_tracker_is(value: float) -> None:
    xy = np.random.default_rng(0).uniform(5, 90, (6, 1, 2, 2))
    xy[3, 0, 1], xy[4, 0, 0, 0] = value, value  # the second one is on the edge
    for scores in (LIKELIHOOD, NO_SCORES):
        poses = make_poses(("nose", "tail"), ("",), xy, np.ones((6, 1, 2)), Path("p.csv"), scores)
        assert np.argwhere(np.isnan(poses.xy).any(axis=3)).tolist() == [[3, 0, 1]]
        assert poses.likelihood[3].tolist() == [[1, 0]]
        assert "1 of 12 places in p.csv" in poses.notes[0]


def test_coordinates_that_are_no_pixels_are_refused() -> None:
    xy, likelihood = np.random.default_rng(0).uniform(0, 1, (20, 1, 3, 2)), np.ones((20, 1, 3))
    xy[4, 0, 0] = -0.2, 1.4  # beyond the edge of the picture
    given = ("a", "b", "c"), ("",)
    with pytest.raises(UserError, match=r"between -0\.2 and 1\.4: they seem to be fractions of the picture"):
        make_poses(*given, xy, likelihood, Path("p.csv"), LIKELIHOOD)
    with pytest.raises(UserError, match=r"go up to 99, .*divide them, by 100"):
        make_poses(*given, 300 * xy, 99 * likelihood, Path("p.csv"), LIKELIHOOD)
    assert make_poses(*given, 300 * xy, 99 * likelihood, Path("p.csv"), SCORE).notes == ()


@pytest.mark.parametrize("placeholder", [0.0, np.nan])
def test_likelihoods_that_say_nothing_are_not_used(placeholder: float) -> None:
    """Some smoothers write 0 for all that they found; by a threshold all of it would be lost."""
    xy = np.array([[[[1.0, 2], [np.nan, np.nan]]], [[[3, 4], [5, 6]]]])
    poses = make_poses(["a", "b"], [""], xy, np.full((2, 1, 2), placeholder), Path("p.csv"), LIKELIHOOD)
    np.testing.assert_array_equal(poses.likelihood, [[[1, 0]], [[1, 1]]])
    assert poses.scores == NO_SCORES
    assert any("every likelihood in p.csv is 0" in note for note in poses.notes)


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no file .*p\.slp"):
        load_poses(tmp_path / "p.slp")


def slp(path: Path, frames: list[object], **more: object) -> Path:
    import sleap_io

    sleap_io.Labels(frames, **more).save(str(path))
    return path


def made(sio: object, names: tuple[str, ...] = (), n_frames: int = 6, n_animals: int = 2) -> tuple[object, ...]:
    """Frames with instances of coordinates and scores that differ everywhere, some missing, in changing order."""
    rng = np.random.default_rng(3)
    xy = rng.uniform(0, 1500, (n_frames, n_animals, len(PARTS), 2))
    score = rng.uniform(0.01, 0.9, xy.shape[:3])
    missing = rng.random(score.shape) < 0.2
    xy[missing], score[missing] = np.nan, 0
    xy[2], score[2] = np.nan, 0
    skeleton, video = sio.Skeleton(list(PARTS)), sio.Video("absent.mp4", open_backend=False)
    tracks = [sio.Track(name) for name in names]
    frames = []
    for f in (f for f in range(n_frames) if f != 2):
        instances = [
            sio.PredictedInstance.from_numpy(
                xy[f, a], skeleton, point_scores=score[f, a], score=0.5, track=tracks[a] if tracks else None
            )
            for a in range(n_animals)
        ]
        frames.append(sio.LabeledFrame(video, f, instances[:: -1 if tracks and f % 2 else 1]))
    return frames, tracks, xy, score


def expect(poses: Poses, xy: np.ndarray, score: np.ndarray) -> None:
    assert poses.parts == PARTS
    np.testing.assert_allclose(poses.xy, xy, atol=1e-3)
    np.testing.assert_allclose(poses.likelihood, score, atol=1e-6)


def test_slp_with_tracks(tmp_path: Path) -> None:
    """Tracks are told apart by their names, in whatever order a frame has them."""
    sio = pytest.importorskip("sleap_io")
    frames, tracks, xy, score = made(sio, ("anna", "berta"))
    poses = load_poses(slp(tmp_path / "p.slp", frames, tracks=tracks))
    expect(poses, xy, score)
    assert (poses.individuals, poses.tracked, poses.notes) == (("anna", "berta"), True, ())
    assert poses.scores == SCORE


@pytest.mark.parametrize("n_animals", [1, 2])
def test_slp_without_tracks(tmp_path: Path, n_animals: int) -> None:
    sio = pytest.importorskip("sleap_io")
    frames, _, xy, score = made(sio, n_animals=n_animals)
    poses = load_poses(slp(tmp_path / "p.slp", frames))
    expect(poses, xy, score)
    assert poses.individuals == (("",) if n_animals == 1 else ("instance 0", "instance 1"))
    assert poses.tracked == (n_animals > 1)
    assert ["no tracks" in note for note in poses.notes] == [True] * (n_animals - 1)


def test_slp_under_another_name(tmp_path: Path) -> None:
    sio = pytest.importorskip("sleap_io")
    frames, _, xy, score = made(sio, n_animals=1)
    expect(load_poses(slp(tmp_path / "p.slp", frames).rename(tmp_path / "pose.h5")), xy, score)


def test_instances_without_a_track_are_counted(tmp_path: Path) -> None:
    sio = pytest.importorskip("sleap_io")
    frames, tracks, xy, _ = made(sio, ("anna", "berta"))
    for frame in frames[3:]:
        next(instance for instance in frame.instances if instance.track is tracks[1]).track = None
    poses = load_poses(slp(tmp_path / "p.slp", frames, tracks=tracks))
    np.testing.assert_allclose(poses.xy[:, 0], xy[:, 0], atol=1e-3)
    np.testing.assert_allclose(poses.xy[:4, 1], xy[:4, 1], atol=1e-3)
    assert np.isnan(poses.xy[4:, 1]).all()
    assert any("instances without a track (2)" in note for note in poses.notes)


@pytest.mark.parametrize("name", ["b.mp4", "b.avi", "c.mp4", "a.mp4"])
def test_of_several_videos_the_one_of_the_same_name_is_taken(tmp_path: Path, name: str) -> None:
    sio = pytest.importorskip("sleap_io")
    frames, _, xy, score = made(sio, n_animals=1)
    video, skeleton = frames[0].video, frames[0].instances[0].skeleton
    video.filename = "D:\\day\\b.mp4"
    more = [sio.Video(f"/{day}/a.mp4", open_backend=False) for day in "12"]
    others = [sio.LabeledFrame(one, 0, [sio.Instance.from_numpy(np.full((3, 2), 9.0), skeleton)]) for one in more]
    path = slp(tmp_path / "p.slp", [*others, *frames])
    if name[0] == "b":
        poses = load_poses(path, tmp_path / name)
        expect(poses, xy, score)
        assert len(poses.notes) == 1
        assert re.search(r"holds poses of 3 videos; those of 'D:.day.b\.mp4' were taken", poses.notes[0])
    else:
        with pytest.raises(UserError, match=f"poses of 3 videos .*not exactly one of them is called '{name}'"):
            load_poses(path, tmp_path / name)


def test_label_studio(tmp_path: Path) -> None:
    """sleap-io makes a video of every frame there, and puts the parts in any order."""
    sio = pytest.importorskip("sleap_io")
    frames, _, xy, _ = made(sio, n_animals=1)
    sio.save_labelstudio(sio.Labels(frames), str(tmp_path / "p.json"))
    poses = load_poses(tmp_path / "p.json")
    assert poses.parts == tuple(sorted(PARTS))
    np.testing.assert_allclose(poses.xy, xy[:, :, [PARTS.index(part) for part in poses.parts]], atol=1e-3)
    assert poses.scores == NO_SCORES


def test_coco_of_pictures_that_are_not_there(tmp_path: Path) -> None:
    """sleap-io leaves out such pictures with their poses; what it warns of is the reason that is given."""
    sio = pytest.importorskip("sleap_io")
    frames, *_ = made(sio, n_animals=1)
    sio.save_coco(sio.Labels(frames), str(tmp_path / "p.json"))
    with pytest.raises(UserError, match=r"p\.json holds no pose .*not found"):
        load_poses(tmp_path / "p.json")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"version": 1.3, "people": []}, "JSON with the keys 'version', 'people'"),
        ([{"keypoints": []}], "JSON with the keys 'keypoints'"),
        ([[1, 2], [3, 4]], "JSON without keys"),
    ],
)
def test_json_of_another_kind_is_named(tmp_path: Path, content: object, message: str) -> None:
    with pytest.raises(UserError, match=rf"p\.json is not a pose .*{message}"):
        load_poses(write(tmp_path / "p.json", json.dumps(content)))


def test_hdf5_of_another_kind_is_named(tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "p.h5", "w") as file:
        file.create_dataset("spikes", data=np.arange(5))
    with pytest.raises(UserError, match=r"p\.h5 is not a pose .*holds 'spikes'") as caught:
        load_poses(tmp_path / "p.h5")
    assert not [name for name in ("DeepLabCut", "SLEAP", "sleap-io") if name in str(caught.value)]


def test_a_table_in_another_file_is_not_followed(tmp_path: Path) -> None:
    sio, h5py = pytest.importorskip("sleap_io"), pytest.importorskip("h5py")
    frames, *_ = made(sio, n_animals=1)
    slp(tmp_path / "other.slp", frames)
    with h5py.File(slp(tmp_path / "p.slp", frames), "a") as file:
        del file["pred_points"]
        file["pred_points"] = h5py.ExternalLink("other.slp", "/pred_points")
    with pytest.raises(UserError, match=r"p\.slp is a link to another file"):
        load_poses(tmp_path / "p.slp")


def test_without_sleap_io_the_error_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    h5py = pytest.importorskip("h5py")
    monkeypatch.setitem(sys.modules, "sleap_io", None)
    with h5py.File(tmp_path / "p.slp", "w") as file:
        for name in ("metadata", "frames", "instances"):
            file.create_group(name)
    with pytest.raises(
        UserError, match=r"p\.slp \(SLEAP's \.slp\) needs .*pip install 'autoencoder-objectives\[pose\]'"
    ):
        load_poses(tmp_path / "p.slp")


def test_scores_are_known_by_where_they_come_from(tmp_path: Path) -> None:
    """SLEAP's are no likelihoods: half of them lie below 0.6 where the parts are found well."""
    assert load_poses(write(tmp_path / "p.csv", HEADER + "0,1.5,2,0.9\n")).scores == LIKELIHOOD
    clicked = "scorer,me,me\nbodyparts,Nose,Nose\ncoords,x,y\n0,1,2\n"
    assert load_poses(write(tmp_path / "c.csv", clicked)).scores == NO_SCORES
    assert LIKELIHOOD.threshold > SCORE.threshold > 0
    assert NO_SCORES.threshold is None
    sio = pytest.importorskip("sleap_io")
    skeleton, video = sio.Skeleton(["nose", "tail"]), sio.Video("absent.mp4", open_backend=False)
    labelled = sio.LabeledFrame(video, 0, [sio.Instance.from_numpy(np.array([[7.0, 8], [9, 10]]), skeleton)])
    poses = load_poses(slp(tmp_path / "p.slp", [labelled]))
    assert poses.scores == NO_SCORES
    np.testing.assert_array_equal(poses.xy, [[[[7, 8], [9, 10]]]])
    np.testing.assert_array_equal(poses.likelihood, [[[1, 1]]])


@pytest.mark.parametrize("suffix", [".slp", ".h5", ".nwb", ".xyz", ".json", ".mat"])
@pytest.mark.parametrize("content", ["nothing of the kind", "\0\1\2" * 9, "[[1, 2", "{"])
def test_files_of_nothing(tmp_path: Path, suffix: str, content: str) -> None:
    pytest.importorskip("sleap_io")
    with pytest.raises(UserError, match=rf"p\{suffix}") as caught:
        load_poses(write(tmp_path / f"p{suffix}", content))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("start", "said"),
    [
        (b"PK\x03\x04", "an Excel workbook .*save the sheet of a workbook as a CSV"),
        (b"\x80\x04\x95", "a pickle, which is not loaded"),
    ],
)
def test_other_files_are_named_by_their_first_bytes(tmp_path: Path, start: bytes, said: str) -> None:
    (tmp_path / "p.xyz").write_bytes(start + bytes(40))
    with pytest.raises(UserError, match=said):
        load_poses(tmp_path / "p.xyz")


def test_a_file_of_matlab_is_named_by_what_it_holds(tmp_path: Path) -> None:
    from scipy.io import savemat

    savemat(tmp_path / "p.mat", {"pred": np.zeros((3, 3)), "data": np.ones(2)})
    with pytest.raises(UserError, match=r"p\.mat is not a pose .*MATLAB file that holds 'pred', 'data'"):
        load_poses(tmp_path / "p.mat")
    content = (tmp_path / "p.mat").read_bytes()
    (tmp_path / "p.mat").write_bytes(content[:140])
    with pytest.raises(UserError, match="MATLAB file that holds"):
        load_poses(tmp_path / "p.mat")
