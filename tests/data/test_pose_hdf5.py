"""Poses in HDF5: what the tools' own packages write comes back, each number in its place, and nothing is guessed."""

import datetime
import json

import h5py
import numpy as np
import pytest

from autoencoder.data.sources.pose.hdf5 import deeplabcut, netcdf, nwb, opened, sleap
from autoencoder.data.sources.pose.pose import LIKELIHOOD, NO_SCORES, SCORE
from autoencoder.errors import UserError

PARTS = ("nose", "left ear", "Schwanzspitze ü")
ANIMALS = ("Ada", "bob")
F, A, P = 13, 2, 3


@pytest.fixture
def walk():
    """(F, A, P, 2) coordinates and (F, A, P) scores, all of them different; some parts are missing."""
    numbers = np.arange(F * A * P * 2).reshape(F, A, P, 2)
    xy = np.random.default_rng(1).permutation(numbers.ravel()).reshape(numbers.shape) + 0.25
    scores = (1 + np.random.default_rng(2).permutation(F * A * P).reshape(F, A, P)) / 100
    xy[2, 0, 1] = xy[5, 1, 0] = xy[7, 1] = np.nan
    return xy, np.where(np.isfinite(xy).all(axis=3), scores, 0.0)


def same(poses, xy, scores, parts=PARTS, animals=ANIMALS):
    assert (poses.parts, poses.individuals) == (parts, animals)
    np.testing.assert_allclose(poses.xy, xy, atol=1e-3)
    np.testing.assert_allclose(poses.likelihood, scores, atol=1e-6)


# ---------------------------------------------------------------------------------------------------------- DeepLabCut


def to_pandas(xy, scores, animals=ANIMALS, parts=PARTS, index=None):
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("tables")
    titles = [("net", a, p, c) for a in animals for p in parts for c in ("x", "y", "likelihood")]
    names = ["scorer", "individuals", "bodyparts", "coords"]
    if len(animals) == 1:
        titles, names = [(title[0], *title[2:]) for title in titles], [names[0], *names[2:]]
    table = np.concatenate([xy, scores[..., None]], axis=3).reshape(len(xy), -1)
    return pandas.DataFrame(table, columns=pandas.MultiIndex.from_tuples(titles, names=names), index=index)


@pytest.mark.parametrize("form", ["table", "fixed"])
def test_what_deeplabcut_writes_of_several_animals_comes_back(walk, tmp_path, form):
    path = tmp_path / "pose.h5"
    to_pandas(*walk).to_hdf(path, key="df_with_missing", mode="w", format=form)
    poses = deeplabcut.read(path)
    same(poses, *walk)
    assert (poses.scores, poses.first_frame, poses.tracked, poses.notes) == (LIKELIHOOD, 0, False, ())


@pytest.mark.parametrize("form", ["table", "fixed"])
def test_what_deeplabcut_writes_of_one_animal_comes_back(walk, tmp_path, form):
    path = tmp_path / "pose.h5"
    xy, scores = (values[:, :1] for values in walk)
    to_pandas(xy, scores, ("",)).to_hdf(path, key="any", mode="w", format=form, complib="zlib", complevel=5)
    same(deeplabcut.read(path), xy, scores, animals=("",))


@pytest.mark.parametrize("form", ["table", "fixed"])
def test_rows_of_deeplabcut_are_frames_by_their_numbers(walk, tmp_path, form):
    path = tmp_path / "pose.h5"
    kept = np.array([0, 1, 2, 3, 4, 8, 9, 10, 11, 12])
    to_pandas(walk[0][kept], walk[1][kept], index=kept + 20).to_hdf(path, key="df", mode="w", format=form)
    poses = deeplabcut.read(path)
    assert (poses.first_frame, len(poses), len(poses.notes)) == (20, 13, 1)
    same(poses, *(np.where(np.isin(np.arange(F), kept).reshape(-1, *one), v, e) for one, v, e in _filled(walk)))


def _filled(walk):
    return ((1, 1, 1), walk[0], np.nan), ((1, 1), walk[1], 0.0)


@pytest.mark.parametrize("form", ["table", "fixed"])
def test_a_header_that_has_lost_its_names_is_the_usual_one(walk, tmp_path, form):
    path = tmp_path / "pose.h5"
    for n in (2, 1):
        frame = to_pandas(walk[0][:, :n], walk[1][:, :n], ANIMALS[:n])
        frame.columns.names = [None] * frame.columns.nlevels
        frame.to_hdf(path, key="df", mode="w", format=form)
        same(deeplabcut.read(path), walk[0][:, :n], walk[1][:, :n], animals=ANIMALS if n == 2 else ("",))
    frame.index = np.arange(F).astype("timedelta64[ms]")
    frame.to_hdf(path, key="df", mode="w", format=form)
    with pytest.raises(UserError, match="have times instead of frame numbers"):
        deeplabcut.read(path)


def test_columns_of_several_blocks_find_their_places(walk, tmp_path):
    frame = to_pandas(*walk)
    likelihood = frame.columns.get_level_values("coords") == "likelihood"
    frame = frame.astype(dict.fromkeys(frame.columns[likelihood], "float32"))
    for form in ("table", "fixed"):
        path = tmp_path / f"{form}.h5"
        frame.to_hdf(path, key="df_with_missing", mode="w", format=form)
        same(deeplabcut.read(path), *walk)


def test_parts_of_no_animal_are_an_individual_of_their_own(walk, tmp_path):
    frame = to_pandas(*walk)
    there = [(a, p) in {("Ada", "nose"), ("bob", "left ear")} for _, a, p, _ in frame.columns]
    frame.loc[:, there].to_hdf(tmp_path / "pose.h5", key="df", format="table")
    poses = deeplabcut.read(tmp_path / "pose.h5")
    assert (poses.individuals, poses.parts) == (ANIMALS, PARTS[:2])
    np.testing.assert_allclose(poses.xy[:, 1, 1], walk[0][:, 1, 1])
    assert np.isnan(poses.xy[:, 0, 1]).all()
    assert not poses.likelihood[:, 0, 1].any()


@pytest.mark.parametrize("form", ["table", "fixed"])
def test_labels_that_people_clicked_are_no_pose(walk, tmp_path, form):
    pandas = pytest.importorskip("pandas")
    pictures = [f"labeled-data/day1/img{i:03}.png" for i in range(F)]
    indices = [pictures]
    if form == "fixed":
        indices.append(pandas.MultiIndex.from_tuples([tuple(name.split("/")) for name in pictures]))
    for index in indices:
        to_pandas(*walk, index=index).to_hdf(tmp_path / "labels.h5", key="df_with_missing", mode="w", format=form)
        with pytest.raises(UserError, match=r"labels of pictures \(13; .*img000\.png"):
            deeplabcut.read(tmp_path / "labels.h5")


def test_tables_of_other_kinds_are_refused_by_what_they_hold(walk, tmp_path):
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("tables")
    path = tmp_path / "pose.h5"
    pandas.DataFrame({"a": [1.0]}).to_hdf(path, key="a", mode="w", format="fixed")
    with pytest.raises(UserError, match="not a pose of DeepLabCut"):
        deeplabcut.read(path)
    frame = to_pandas(*walk)
    frame.to_hdf(path, key="a", mode="w")
    frame.to_hdf(path, key="b", mode="a")
    with pytest.raises(UserError, match="several tables"):
        deeplabcut.read(path)
    frame.rename(columns={"likelihood": "z"}, level="coords").to_hdf(path, key="a", mode="w", format="table")
    with pytest.raises(UserError, match="3D positions"):
        deeplabcut.read(path)
    frame.rename(columns={"x": "length", "y": "angle"}, level="coords").to_hdf(path, key="a", mode="w", format="table")
    with pytest.raises(UserError, match="no x or no y of 'nose' of 'Ada'"):
        deeplabcut.read(path)


def test_a_compression_that_needs_a_plugin_is_refused_by_its_name(walk, tmp_path):
    frame = to_pandas(*walk)
    for name in ("blosc", "bzip2"):
        frame.to_hdf(tmp_path / "pose.h5", key="df", mode="w", format="table", complib=name, complevel=5)
        with pytest.raises(UserError, match=f"compressed by {name}.*gzip"):
            deeplabcut.read(tmp_path / "pose.h5")


# --------------------------------------------------------------------------------------------------------------- SLEAP


def as_labels(sleap_io, xy, scores):
    nodes = [sleap_io.Node(name) for name in PARTS]
    skeleton = sleap_io.Skeleton(nodes, name="mouse")
    tracks = [sleap_io.Track(name) for name in ANIMALS]
    video = sleap_io.Video("clip.mp4")
    frames = []
    for f in range(F):
        instances = [
            sleap_io.PredictedInstance.from_numpy(
                xy[f, a], skeleton=skeleton, point_scores=scores[f, a], score=0.5, track=tracks[a]
            )
            for a in range(A)
            if np.isfinite(xy[f, a]).any()
        ]
        frames.append(sleap_io.LabeledFrame(video=video, frame_idx=f, instances=instances))
    return sleap_io.Labels(frames, videos=[video], skeletons=[skeleton], tracks=tracks)


CUSTOM = {"frame_dim": 1, "track_dim": 3, "node_dim": 0, "xy_dim": 2}


@pytest.mark.parametrize("order", [{}, {"preset": "standard"}, CUSTOM])
def test_analysis_files_of_sleap_come_back_whatever_their_order(walk, tmp_path, order):
    sleap_io = pytest.importorskip("sleap_io")
    path = tmp_path / "pose.analysis.h5"
    sleap_io.save_analysis_h5(as_labels(sleap_io, *walk), str(path), **order)
    poses = sleap.read(path)
    same(poses, *walk)
    assert (poses.tracked, poses.scores) == (True, SCORE)


def write_analysis(path, xy, scores=None, *, transposed=True, names=ANIMALS, parts=PARTS):
    """As SLEAP itself writes it: (frames, nodes, 2, tracks) and (tracks, frames), transposed or not, without a word."""
    arrays = {"tracks": xy.transpose(0, 2, 3, 1), "track_occupancy": np.isfinite(xy).any(axis=(2, 3)).T.astype("u1")}
    if scores is not None:
        arrays["point_scores"] = scores.transpose(0, 2, 1)
    with h5py.File(path, "w") as file:
        for name, array in arrays.items():
            file.create_dataset(name, data=array.T if transposed else array, compression="gzip", compression_opts=9)
        file["node_names"] = [name.encode() for name in parts]
        file["track_names"] = [name.encode() for name in names]


@pytest.mark.parametrize("transposed", [True, False])
@pytest.mark.parametrize(("n_frames", "n_animals", "n_parts"), [(13, 2, 3), (13, 2, 2), (2, 2, 3), (3, 1, 2)])
def test_the_order_of_axes_is_told_by_shapes_and_occupancy(walk, tmp_path, transposed, n_frames, n_animals, n_parts):
    xy, scores = (values[:n_frames, :n_animals, :n_parts].copy() for values in walk)
    xy[0, -1] = np.nan  # of the smallest, only the occupancy tells frames from tracks
    scores[0, -1] = 0
    names = {"names": ANIMALS[:n_animals], "parts": PARTS[:n_parts]}
    write_analysis(tmp_path / "a.h5", xy, scores, transposed=transposed, **names)
    same(sleap.read(tmp_path / "a.h5"), xy, scores, PARTS[:n_parts], ANIMALS[:n_animals])


def test_analysis_files_without_scores_or_names_of_tracks_are_read(walk, tmp_path):
    xy = walk[0]
    write_analysis(tmp_path / "a.h5", xy, names=())
    poses = sleap.read(tmp_path / "a.h5")
    same(poses, xy, np.isfinite(xy).all(axis=3), animals=("track_0", "track_1"))
    assert poses.scores is NO_SCORES
    write_analysis(tmp_path / "b.h5", xy[:, :1], names=())
    assert (sleap.read(tmp_path / "b.h5").individuals, sleap.read(tmp_path / "b.h5").tracked) == (("",), False)


def test_an_analysis_file_whose_shapes_contradict_its_names_is_refused(walk, tmp_path):
    write_analysis(tmp_path / "a.h5", walk[0], parts=("one", "two"))
    with pytest.raises(UserError, match="does not fit 2 parts, 2 tracks"):
        sleap.read(tmp_path / "a.h5")


# ----------------------------------------------------------------------------------------------------------------- NWB


def write_nwb(path, containers, *, skeleton=True, software="DeepLabCut"):
    """An NWB file with a `PoseEstimation` for each name, of series that are given as dicts of part: values.

    The layout is that of pynwb with ndx-pose 0.2, which take seconds to import; a slow test compares the two.
    """
    with h5py.File(path, "w") as file:
        file.attrs.update(neurodata_type="NWBFile", nwb_version="2.11.0")
        module = _typed(file, "processing/behavior", "ProcessingModule")
        if skeleton:
            _typed(module, "Skeletons", "Skeletons")
            _typed(module, "Skeletons/mouse", "Skeleton")["nodes"] = list(PARTS)
        for name, series in containers.items():
            container = _typed(module, name, "PoseEstimation")
            container["source_software"] = software
            if skeleton:
                container["skeleton"] = h5py.SoftLink("/processing/behavior/Skeletons/mouse")
            for part, given in series.items():
                _write_series(_typed(container, part, "PoseEstimationSeries"), next(iter(series)), series, **given)


def _typed(parent, name, kind):
    group = parent.create_group(name)
    group.attrs["neurodata_type"] = kind
    return group


def _write_series(group, first, series, data, confidence, unit="pixels", timestamps=None, rate=None):
    group["data"], group["confidence"] = data, confidence
    group["data"].attrs.update(conversion=1.0, offset=0.0, resolution=-1.0, unit=unit)
    group["reference_frame"] = "(0,0) is the top left"
    is_first = group.name.endswith(f"/{first}")
    if rate is not None:
        group["starting_time"] = 0.0
        group["starting_time"].attrs["rate"] = rate
    elif not is_first and timestamps is series[first]["timestamps"]:
        group["timestamps"] = h5py.SoftLink(f"{group.parent.name}/{first}/timestamps")
    else:
        group["timestamps"] = timestamps


def write_nwb_by_pynwb(path, containers, software):
    """The same by the packages of the format."""
    pynwb = pytest.importorskip("pynwb")
    ndx_pose = pytest.importorskip("ndx_pose")
    start = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    file = pynwb.NWBFile(session_description="d", identifier="i", session_start_time=start)
    module = file.create_processing_module("behavior", "d")
    shared = ndx_pose.Skeleton(name="mouse", nodes=list(PARTS), edges=np.array([[0, 1]], dtype="uint8"))
    module.add(ndx_pose.Skeletons(skeletons=[shared]))
    common = {
        "description": "d",
        "reference_frame": "(0,0) is the top left",
        "confidence_definition": "softmax",
        "unit": "pixels",
    }
    for name, series in containers.items():
        made = []
        for part, given in series.items():
            shares = {"timestamps": made[0]} if made and "timestamps" in given else {}  # a link to those of the first
            made.append(ndx_pose.PoseEstimationSeries(name=part, **(common | given | shares)))
        estimation = {"pose_estimation_series": made, "source_software": software, "skeleton": shared}
        module.add(ndx_pose.PoseEstimation(name=name, **estimation))
    with pynwb.NWBHDF5IO(path, "w") as io:
        io.write(file)


def series_of(walk, a=0, rows=slice(None), **clock):
    xy, scores = walk
    return {part: {"data": xy[rows, a, p], "confidence": scores[rows, a, p], **clock} for p, part in enumerate(PARTS)}


def test_each_pose_of_an_nwb_file_is_an_individual(walk, tmp_path):
    write_nwb(tmp_path / "a.nwb", {name: series_of(walk, a, rate=30.0) for a, name in enumerate(ANIMALS)})
    poses = nwb.read(tmp_path / "a.nwb")
    same(poses, *walk)
    assert (poses.scores, poses.tracked, poses.notes) == (LIKELIHOOD, False, ())


@pytest.mark.slow
@pytest.mark.parametrize("clock", [{"rate": 30.0}, {"timestamps": 7 + np.arange(F) / 30}])
def test_what_pynwb_writes_comes_back_as_what_is_written_here(walk, tmp_path, clock):
    containers = {name: series_of(walk, a, **clock) for a, name in enumerate(ANIMALS)}
    for write in (write_nwb, write_nwb_by_pynwb):
        write(tmp_path / "a.nwb", containers, software="SLEAP")
        poses = nwb.read(tmp_path / "a.nwb")
        same(poses, *walk)
        assert (poses.scores, poses.tracked, poses.first_frame, poses.notes) == (SCORE, False, 0, ())


def test_the_only_pose_of_an_nwb_file_needs_no_name(walk, tmp_path):
    write_nwb(tmp_path / "a.nwb", {"PoseEstimation": series_of(walk, timestamps=7 + np.arange(F) / 30)})
    same(nwb.read(tmp_path / "a.nwb"), walk[0][:, :1], walk[1][:, :1], animals=("",))


def test_vectors_of_matlab_are_columns(walk, tmp_path):
    path = tmp_path / "a.nwb"
    write_nwb(path, {"PoseEstimation": series_of(walk, rate=30.0)})
    with h5py.File(path, "a") as file:
        series = file["processing/behavior/PoseEstimation/nose"]
        column = series["confidence"][()][:, None]
        del series["confidence"]
        series["confidence"] = column
    same(nwb.read(path), walk[0][:, :1], walk[1][:, :1], animals=("",))


def test_version_0_1_of_the_extension_has_its_nodes_in_the_container(walk, tmp_path):
    path = tmp_path / "a.nwb"
    write_nwb(path, {"PoseEstimation": series_of(walk, rate=30.0)}, skeleton=False)
    with h5py.File(path, "a") as file:
        file["processing/behavior/PoseEstimation"].create_dataset("nodes", data=list(PARTS), dtype=h5py.string_dtype())
    same(nwb.read(path), walk[0][:, :1], walk[1][:, :1], animals=("",))


def test_shared_times_are_links_within_the_file_and_even_times_with_gaps_are_frames(walk, tmp_path):
    kept = np.array([0, 1, 2, 3, 8, 9, 10, 11, 12])
    times = 100 + kept / 29.97
    write_nwb(tmp_path / "even.nwb", {"PoseEstimation": series_of(walk, rows=kept, timestamps=times)})
    poses = nwb.read(tmp_path / "even.nwb")
    assert len(poses) == 13
    assert len(poses.notes) == 1
    np.testing.assert_allclose(poses.xy[kept], walk[0][kept, :1])
    assert np.isnan(poses.xy[4:8]).all()


def test_a_gap_in_the_clock_of_a_camera_is_in_its_video_too(walk, tmp_path):
    kept = np.array([0, 1, 2, 3, 8, 9, 10, 11, 12])
    times = kept / 29.97 + np.random.default_rng(0).normal(0, 2e-4, len(kept))
    write_nwb(tmp_path / "uneven.nwb", {"PoseEstimation": series_of(walk, rows=kept, timestamps=times)})
    poses = nwb.read(tmp_path / "uneven.nwb")
    np.testing.assert_allclose(poses.xy, walk[0][kept, :1])
    assert "camera's clock" in poses.notes[0]


def write_sparse(path, xy, scores, rate):
    """As sleap-io does: each series has the rows where its part was found, and is left out where there are none."""
    containers = {}
    for a, name in enumerate(ANIMALS):
        found = {p: np.flatnonzero(np.isfinite(xy[:, a, p]).all(axis=1)) for p in range(P)}
        containers[f"track={name}"] = {
            PARTS[p]: {"data": xy[rows, a, p], "confidence": scores[rows, a, p], "timestamps": rows / (rate or 1.0)}
            for p, rows in found.items()
        }
    write_nwb(path, containers, software="SLEAP")


def write_sparse_by_sleap_io(path, xy, scores, rate):
    sleap_io = pytest.importorskip("sleap_io")
    pytest.importorskip("ndx_pose")
    from sleap_io.io.nwb_predictions import write_nwb as write

    clock = {"video_timestamps": np.arange(F) / rate} if rate else {}
    write(as_labels(sleap_io, xy, scores), str(path), pose_estimation_metadata=clock)


@pytest.mark.parametrize("rate", [None, 8])
@pytest.mark.parametrize("write", [write_sparse, pytest.param(write_sparse_by_sleap_io, marks=pytest.mark.slow)])
def test_series_that_leave_out_what_was_not_found_are_put_together(walk, tmp_path, write, rate):
    xy, scores = walk
    xy[:2, 0] = xy[0, 1, :2] = np.nan  # all series but one begin later than the video, and it has three rows
    xy[1:5, 1, 2] = xy[6:-1, 1, 2] = np.nan
    write(tmp_path / "a.nwb", xy, scores, rate)
    poses = nwb.read(tmp_path / "a.nwb")
    assert (poses.first_frame, poses.tracked, poses.scores) == (0, True, SCORE)
    found = np.isfinite(xy).all(axis=3)
    order = [poses.parts.index(part) for part in PARTS]
    np.testing.assert_allclose(poses.xy[:, :, order], xy, atol=1e-3)
    np.testing.assert_allclose(poses.likelihood[:, :, order], np.where(found, scores, 0), atol=1e-6)


def test_series_are_known_by_their_parts_in_camel_case_too(walk, tmp_path):
    names = ("PoseEstimationSeriesNose", "PoseEstimationSeriesLeftEar", "PoseEstimationSeriesSchwanzspitzeÜ")
    series = dict(zip(names, series_of(walk, rate=30.0).values(), strict=True))
    write_nwb(tmp_path / "a.nwb", {"PoseEstimation": series})
    same(nwb.read(tmp_path / "a.nwb"), walk[0][:, :1], walk[1][:, :1], animals=("",))


def test_positions_that_are_no_pixels_are_refused(walk, tmp_path):
    xy, scores = walk
    meters = {"nose": {"data": xy[:, 0, 0], "confidence": scores[:, 0, 0], "rate": 30.0, "unit": "meters"}}
    write_nwb(tmp_path / "meters.nwb", {"PoseEstimation": meters})
    with pytest.raises(UserError, match="in meters, not in pixels"):
        nwb.read(tmp_path / "meters.nwb")
    space = {"nose": {"data": np.zeros((F, 3)), "confidence": scores[:, 0, 0], "rate": 30.0}}
    write_nwb(tmp_path / "space.nwb", {"PoseEstimation": space})
    with pytest.raises(UserError, match="3D positions"):
        nwb.read(tmp_path / "space.nwb")
    write_nwb(tmp_path / "none.nwb", {})
    with pytest.raises(UserError, match="without a PoseEstimation"):
        nwb.read(tmp_path / "none.nwb")


def test_poses_of_two_videos_are_said_to_be_that(walk, tmp_path):
    path = tmp_path / "a.nwb"
    write_nwb(path, {name: series_of(walk, a, rate=30.0) for a, name in enumerate(ANIMALS)})
    with h5py.File(path, "a") as file:
        for name in ANIMALS:
            place = file["processing/behavior"][name]
            place.create_dataset("original_videos", data=[f"/data/{name}.mp4"], dtype=h5py.string_dtype())
    assert "poses of 2 videos ('Ada.mp4', 'bob.mp4')" in nwb.read(path).notes[0]


# ------------------------------------------------------------------------------------------------------------ movement


def as_dataset(
    xy, scores, order=("time", "space", "keypoints", "individuals"), rows=slice(None), fps=30.0, **attributes
):
    xarray = pytest.importorskip("xarray")
    pytest.importorskip("h5netcdf")
    axes = ("time", "individuals", "keypoints", "space")
    seconds = {"time_unit": "seconds", "fps": fps} if fps else {"time_unit": "frames"}
    position = xarray.DataArray(xy[rows], dims=axes).transpose(*order)
    confidence = xarray.DataArray(scores[rows], dims=axes[:3]).transpose(*(name for name in order if name != "space"))
    return xarray.Dataset(
        {"position": position, "confidence": confidence},
        coords={
            "time": np.arange(len(xy))[rows] / (fps or 1),
            "individuals": list(ANIMALS),
            "keypoints": list(PARTS),
            "space": ["x", "y"],
        },
        attrs={"source_software": "SLEAP", "ds_type": "poses", **seconds, **attributes},
    )


@pytest.mark.parametrize(
    "order", [("time", "space", "keypoints", "individuals"), ("time", "individuals", "keypoints", "space")]
)
@pytest.mark.parametrize("fps", [29.97, None])
def test_data_sets_of_movement_come_back_in_any_order_of_axes(walk, tmp_path, order, fps):
    as_dataset(*walk, order, fps=fps).to_netcdf(tmp_path / "a.nc", engine="h5netcdf")
    poses = netcdf.read(tmp_path / "a.nc")
    same(poses, *walk)
    assert (poses.scores, poses.first_frame, poses.notes) == (SCORE, 0, ())


@pytest.mark.parametrize("fps", [29.97, None])
def test_times_of_movement_are_numbers_of_frames(walk, tmp_path, fps):
    kept = np.array([3, 4, 5, 9, 10])
    as_dataset(*walk, rows=kept, fps=fps).to_netcdf(tmp_path / "a.nc", engine="h5netcdf")
    poses = netcdf.read(tmp_path / "a.nc")
    assert (poses.first_frame, len(poses)) == (3, 8)
    np.testing.assert_allclose(poses.xy[kept - 3], walk[0][kept])
    assert np.isnan(poses.xy[3:6]).all()


def test_x_and_y_are_what_their_axis_says(walk, tmp_path):
    turned = as_dataset(*walk).isel(space=[1, 0])
    turned.to_netcdf(tmp_path / "a.nc", engine="h5netcdf")
    same(netcdf.read(tmp_path / "a.nc"), *walk)


def test_one_individual_or_one_part_may_have_no_axis(walk, tmp_path):
    as_dataset(*walk).isel(individuals=1).to_netcdf(tmp_path / "a.nc", engine="h5netcdf")
    same(netcdf.read(tmp_path / "a.nc"), walk[0][:, 1:], walk[1][:, 1:], animals=("bob",))
    as_dataset(*walk).isel(keypoints=2).to_netcdf(tmp_path / "b.nc", engine="h5netcdf")
    same(netcdf.read(tmp_path / "b.nc"), walk[0][:, :, 2:], walk[1][:, :, 2:], parts=PARTS[2:])


def test_boxes_are_their_centres(walk, tmp_path):
    boxes = as_dataset(*walk).isel(keypoints=0, drop=True)
    boxes.assign(shape=boxes.position * 0 + 5).to_netcdf(tmp_path / "a.nc", engine="h5netcdf")
    poses = netcdf.read(tmp_path / "a.nc")
    same(poses, walk[0][:, :, :1], walk[1][:, :, :1], parts=("centroid",))
    assert "boxes" in poses.notes[0]


def test_packed_values_and_missing_scores_are_undone(walk, tmp_path):
    packed = {"position": {"dtype": "int32", "scale_factor": 0.25, "add_offset": -3.0, "_FillValue": -999}}
    as_dataset(*walk).drop_vars("confidence").to_netcdf(tmp_path / "a.nc", engine="h5netcdf", encoding=packed)
    poses = netcdf.read(tmp_path / "a.nc")
    same(poses, walk[0], np.isfinite(walk[0]).all(axis=3))
    assert poses.scores is NO_SCORES


def test_netcdf_that_holds_no_pixels_is_refused(walk, tmp_path):
    xarray = pytest.importorskip("xarray")
    flat = as_dataset(*walk)
    space = xarray.concat([flat, flat.isel(space=[0]).assign_coords(space=["z"])], dim="space", data_vars="minimal")
    space.to_netcdf(tmp_path / "space.nc", engine="h5netcdf")
    with pytest.raises(UserError, match="3D positions"):
        netcdf.read(tmp_path / "space.nc")
    scaled = as_dataset(*walk)
    scaled.position.attrs["space_unit"] = "cm"
    scaled.to_netcdf(tmp_path / "cm.nc", engine="h5netcdf")
    with pytest.raises(UserError, match="in 'cm', not in pixels"):
        netcdf.read(tmp_path / "cm.nc")
    as_dataset(*walk).to_netcdf(tmp_path / "old.nc", engine="scipy")
    assert netcdf.is_netcdf3(tmp_path / "old.nc")
    assert not netcdf.is_netcdf3(tmp_path / "cm.nc")
    with pytest.raises(UserError, match=r"netCDF-3.*h5netcdf"):
        netcdf.refuse_netcdf3(tmp_path / "old.nc")


# ---------------------------------------------------------------------------------------------------- who reads what


def test_each_file_is_recognised_by_its_own_reader_only(walk, tmp_path):
    sleap_io = pytest.importorskip("sleap_io")
    readers = [deeplabcut, sleap, nwb, netcdf]
    to_pandas(*walk).to_hdf(tmp_path / "0.h5", key="df", format="table")
    write_analysis(tmp_path / "1.h5", *walk)
    write_nwb(tmp_path / "2.nwb", {"PoseEstimation": series_of(walk, rate=30.0)})
    as_dataset(*walk).to_netcdf(tmp_path / "3.h5", engine="h5netcdf")
    as_labels(sleap_io, *walk).save(str(tmp_path / "4.slp"))
    with h5py.File(tmp_path / "5.h5", "w") as file:  # JABS
        file["poseest/points"] = np.zeros((5, 12, 2), "u2")
        file["poseest/confidence"] = np.zeros((5, 12), "f4")
    for i, path in enumerate(sorted(tmp_path.iterdir())):
        with opened.open_hdf5(path) as file:
            assert [reader.recognises(file) for reader in readers] == [i == j for j in range(len(readers))], path


def test_a_signature_behind_a_block_of_the_users_is_found(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w", userblock_size=1024) as file:
        file["a"] = 1
    assert opened.is_hdf5(tmp_path / "a.h5")
    (tmp_path / "b.h5").write_bytes(json.dumps(list(range(2000))).encode())
    assert not opened.is_hdf5(tmp_path / "b.h5")
