"""HDF5 files of strangers with poses: nothing in them runs, leads elsewhere, takes the memory or hangs the reader.

The command line reaches them by `load_poses`, which is called here; what it refuses is one line. Files are made with
h5py, as DeepLabCut, SLEAP, ndx-pose and movement lay them out.
"""

import os
import pickle
import random
import sys
import time
import zlib

import h5py
import numpy as np
import pytest
from h5py import h5pl

from autoencoder.data.sources.pose.hdf5 import opened
from autoencoder.data.sources.pose.hdf5.pickled_names import NotPlainError, read_plain
from autoencoder.data.sources.pose.readers import load_poses
from autoencoder.errors import UserError

F, A, P = 9, 2, 3
PARTS = ("nose", "ear", "tail")
N_DAMAGED = 25
"""Files that are damaged at random, of each format."""

RAN: list[str] = []
"""What Python did while a file was read, of what no reader does."""


class Mark:
    """Leaves a file behind, if it is unpickled."""

    def __init__(self, place):
        self.place = str(place)

    def __reduce__(self):
        return open, (self.place, "w")


@pytest.fixture(scope="session")
def watched():
    """Python's own record of what is unpickled or started; it cannot be taken away again."""
    watching = []

    def hook(event, arguments):
        if watching and event in {"pickle.find_class", "os.system", "os.exec", "os.posix_spawn", "subprocess.Popen"}:
            RAN.append(event)

    sys.addaudithook(hook)
    return watching


@pytest.fixture
def read(tally):
    """Read a file that may be bad: either it works, or it is refused by one line with all of `words`."""

    def attempt(kind, path, *words, may_work=False):
        began = time.monotonic()
        said = None
        try:
            load_poses(path)
        except UserError as error:
            said = str(error)
        except BaseException:
            tally(kind, tried=1, tracebacks=1)
            raise
        tally(kind, tried=1, **({"worked": 1} if said is None else {"clear_errors": 1}))
        assert may_work or said is not None, "it was read"
        if said is not None:
            assert "\n" not in said
            assert all(word in said for word in (str(path), *words)), said
        assert time.monotonic() - began < 20

    return attempt


# ------------------------------------------------------------------------------------------------------- files to spoil


def write_deeplabcut(path, **replaced):
    """A table of pandas; `replaced` are other pickles for its attributes."""
    titles = [("net", part, coordinate) for part in PARTS for coordinate in ("x", "y", "likelihood")]
    about = {1: {"names": ["scorer", "bodyparts", "coords"], "type": "MultiIndex"}, "index": {}}
    plain = {
        "info": about,
        "non_index_axes": [(1, titles)],
        "values_block_0_kind": titles,
        "values_block_0_meta": None,
        "data_columns": [],
        "index_cols": [(0, "index")],
    }
    pickled = {name: pickle.dumps(value, 0) for name, value in plain.items()} | replaced
    rows = np.zeros(F, np.dtype([("index", "<i8"), ("values_block_0", "<f8", (len(titles),))]))
    rows["index"], rows["values_block_0"] = np.arange(F), np.random.default_rng(0).uniform(2, 9, (F, len(titles)))
    with h5py.File(path, "w") as file:
        group = file.create_group("df_with_missing")
        group.attrs["pandas_type"] = np.bytes_(b"frame_table")
        table = group.create_dataset("table", data=rows, chunks=True, compression="gzip")
        for name, value in pickled.items():
            place = table if name.startswith("values_block") else group
            place.attrs[name] = np.bytes_(value)
    return path


def write_sleap(path):
    xy = np.random.default_rng(0).uniform(2, 9, (A, 2, P, F))
    with h5py.File(path, "w") as file:
        file.create_dataset("tracks", data=xy, compression="gzip")
        file["track_occupancy"] = np.ones((F, A), "u1")
        file["node_names"] = list(PARTS)
        file["track_names"] = ["one", "two"]
    return path


def write_nwb(path):
    with h5py.File(path, "w") as file:
        file.attrs["neurodata_type"] = "NWBFile"
        container = file.create_group("processing/behavior/PoseEstimation")
        container.attrs["neurodata_type"] = "PoseEstimation"
        container["nodes"] = list(PARTS)
        for i, part in enumerate(PARTS):
            series = container.create_group(part)
            series.attrs["neurodata_type"] = "PoseEstimationSeries"
            series["data"] = np.random.default_rng(i).uniform(2, 9, (F, 2))
            series["data"].attrs["unit"] = "pixels"
            series["confidence"] = np.random.default_rng(9 + i).random(F)
            series["timestamps"] = np.arange(F) / 30
    return path


def write_movement(path):
    names = {"time": np.arange(F) / 30, "space": ["x", "y"], "keypoints": list(PARTS), "individuals": ["one", "two"]}
    with h5py.File(path, "w") as file:
        file.attrs["fps"] = 30.0
        for name, values in names.items():
            file[name] = values
            file[name].make_scale(name)
        file["position"] = np.random.default_rng(0).uniform(2, 9, (F, 2, P, A))
        for axis, name in enumerate(names):
            file["position"].dims[axis].attach_scale(file[name])
    return path


WRITERS = {"DeepLabCut": write_deeplabcut, "SLEAP": write_sleap, "NWB": write_nwb, "movement": write_movement}


@pytest.mark.parametrize("tool", WRITERS)
def test_the_files_to_spoil_are_read_as_they_are(tool, tmp_path):
    poses = load_poses(WRITERS[tool](tmp_path / "pose.h5"))
    assert (len(poses), poses.parts) == (F, PARTS)
    assert np.isfinite(poses.xy).all()


# -------------------------------------------------------------------------------------------------- nothing in it runs


@pytest.mark.parametrize(
    "name", ["info", "values_block_0_kind", "non_index_axes", "values_block_0_meta", "data_columns", "index_cols"]
)
def test_no_pickle_of_a_table_runs(read, watched, tmp_path, name):
    mark = tmp_path / "mark"
    path = write_deeplabcut(tmp_path / "pose.h5", **{name: pickle.dumps([Mark(mark)], 0)})
    RAN.clear()
    watched.append(True)
    try:
        read("pose: pickles", path, may_work=name not in ("info", "values_block_0_kind"))
    finally:
        watched.clear()
    assert not mark.exists(), "code of the file has run"
    assert RAN == []


def test_texts_of_a_pickle_are_what_pickle_reads():
    titles = [("net", "nose", "x"), ("net", "Schwanz ü \u9f3b", "y"), ("net", "a\"b'c\\n\nd", "likelihood")]
    for value in (titles, {1: {"names": ["a", None], "n": [1, -5, 2**70, 1.5, True]}}, [], (), {}, [[["deep"]], (1,)]):
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
            assert read_plain(pickle.dumps(value, protocol)) == value


def test_what_is_no_text_of_a_pickle_is_refused():
    twice = "a"
    for _ in range(60):
        twice = (twice, twice)  # 2**60 things for whoever takes them one by one
    laughs = pickle.dumps(twice, 2)[:-1]
    damaged = [
        b"",
        b".",
        b"(",
        b"(lp0\n",
        b"a.",
        b"g7\n.",
        b"(dp0\nVa\np1\ns.",
        b"I" + b"9" * 5000 + b"\n.",
        b"\x80\x7f.",
    ]
    objects = [pickle.dumps(value, protocol) for value in (print, np.zeros(2), {1, 2}, 1j) for protocol in range(5)]
    began = time.monotonic()
    for pickled in (*damaged, *objects, b"}" + laughs[2:] + b"Va\ns."):
        with pytest.raises(NotPlainError):
            read_plain(pickled)
    assert read_plain(laughs + b".")[0][1] is not None
    assert time.monotonic() - began < 2


def test_no_plugin_is_loaded_while_a_file_is_open(tmp_path):
    path = write_sleap(tmp_path / "pose.h5")
    h5pl.append(os.fsencode(tmp_path))
    try:
        before = [h5pl.get(i) for i in range(h5pl.size())]
        with opened.open_hdf5(path):
            assert h5pl.size() == 0
        assert [h5pl.get(i) for i in range(h5pl.size())] == before
    finally:
        h5pl.remove(h5pl.size() - 1)


# --------------------------------------------------------------------------------------------------- nothing leads away


@pytest.fixture
def decoy(tmp_path):
    """A good file elsewhere, which says by its time of access whether somebody opened it, where the disk keeps that."""
    path = tmp_path / "elsewhere.h5"
    write_sleap(path)
    with h5py.File(path, "a") as file:
        file["raw"] = np.zeros((A, 2, P, F))

    def opened_since():
        return path.stat().st_atime_ns > 10**9

    os.utime(path, ns=(10**9, 2 * 10**9))
    path.read_bytes()
    if not opened_since():
        pytest.skip("this disk keeps no times of access")
    os.utime(path, ns=(10**9, 2 * 10**9))
    yield path
    assert not opened_since(), "the file elsewhere was opened"


LEADING = {
    "external link": lambda file, decoy: h5py.ExternalLink(decoy.name, "/tracks"),
    "external link with a whole path": lambda file, decoy: h5py.ExternalLink(str(decoy), "/tracks"),
    "link by way of an external one": lambda file, decoy: h5py.SoftLink("/away/tracks"),
    "circle": lambda file, decoy: h5py.SoftLink("/tracks"),
    "link to nothing": lambda file, decoy: h5py.SoftLink("/nowhere"),
}


@pytest.mark.parametrize("kind", LEADING)
def test_links_to_other_files_are_not_followed(read, decoy, tmp_path, kind):
    path = write_sleap(tmp_path / "pose.h5")
    with h5py.File(path, "a") as file:
        del file["tracks"]
        file["away"] = h5py.ExternalLink(decoy.name, "/")
        file["tracks"] = LEADING[kind](file, decoy)
    read("pose: leads elsewhere", path)


def test_values_in_other_files_are_not_read(read, decoy, tmp_path):
    path = write_sleap(tmp_path / "virtual.h5")
    with h5py.File(path, "a") as file:
        del file["tracks"]
        layout = h5py.VirtualLayout((A, 2, P, F), "f8", maxshape=(None, 2, P, F))
        source = h5py.VirtualSource(str(decoy), "raw", (A, 2, P, F), maxshape=(None, 2, P, F))
        layout[: h5py.h5s.UNLIMITED] = source[: h5py.h5s.UNLIMITED]
        file.create_virtual_dataset("tracks", layout)
    read("pose: leads elsewhere", path, "other files")
    path = write_sleap(tmp_path / "external.h5")
    with h5py.File(path, "a") as file:
        del file["tracks"]
        file.create_dataset("tracks", (A, 2, P, F), "f8", external=[(str(decoy), 0, h5py.h5f.UNLIMITED)])
    os.utime(decoy, ns=(10**9, 2 * 10**9))  # h5py may have opened both when they were made
    read("pose: leads elsewhere", path, "other files")


def test_a_group_that_lies_in_itself_is_met_once(tmp_path):
    path = write_nwb(tmp_path / "pose.h5")
    with h5py.File(path, "a") as file:
        file["processing/again"] = file["processing"]
        file["processing/behavior/up"] = file["/"]
    assert load_poses(path).individuals == ("",)


# ------------------------------------------------------------------------------------------------------ nothing is huge


def test_shapes_beyond_the_memory_are_refused_before_it_is_taken(read, tmp_path):
    n = 10**13
    path = write_sleap(tmp_path / "shape.h5")
    with h5py.File(path, "a") as file:
        del file["tracks"], file["track_occupancy"]
        file.create_dataset("tracks", (A, 2, P, n), "f8", chunks=(A, 2, P, 64))
        file.create_dataset("track_occupancy", (n, A), "u1", chunks=(64, A))
    read("pose: huge", path, "memory")
    path = write_deeplabcut(tmp_path / "rows.h5")
    with h5py.File(path, "a") as file:
        kind = file["df_with_missing/table"].dtype
        attributes = dict(file["df_with_missing/table"].attrs)
        del file["df_with_missing/table"]
        file["df_with_missing"].create_dataset("table", (n,), kind, chunks=(64,)).attrs.update(attributes)
    read("pose: huge", path, "memory")


def test_frames_beyond_the_memory_are_refused_before_it_is_taken(read, tmp_path):
    path = write_deeplabcut(tmp_path / "frames.h5")
    with h5py.File(path, "a") as file:
        rows = file["df_with_missing/table"][()]
        rows["index"][-1] = 10**13
        file["df_with_missing/table"][...] = rows
    read("pose: huge", path, "memory")
    path = write_nwb(tmp_path / "times.h5")
    with h5py.File(path, "a") as file:
        for part in PARTS:
            times = file[f"processing/behavior/PoseEstimation/{part}/timestamps"]
            times[-1] = 10**13 / 30
    read("pose: huge", path, may_work=True)  # at such numbers the even times are no longer even


def test_names_without_number_or_end_are_refused(read, tmp_path, monkeypatch):
    path = write_sleap(tmp_path / "many.h5")
    with h5py.File(path, "a") as file:
        del file["node_names"]
        file.create_dataset("node_names", (10**9,), h5py.string_dtype(), chunks=(1000,))
    read("pose: huge", path, "not a list of names")
    path = write_sleap(tmp_path / "long.h5")
    with h5py.File(path, "a") as file:
        file["node_names"][1] = "x" * 10**6
    read("pose: huge", path, "holds a name of 1,000,000")
    path = write_nwb(tmp_path / "groups.h5")
    with h5py.File(path, "a") as file:
        for i in range(1001):
            file["processing"][str(i)] = h5py.SoftLink("/")
    monkeypatch.setattr(opened, "MOST_NAMES", 1000)
    read("pose: huge", path, "holds 1,00")


def test_a_chunk_that_unpacks_to_more_than_it_should_is_refused(read, tmp_path):
    path = write_sleap(tmp_path / "bomb.h5")
    packer = zlib.compressobj(9)
    start = packer.compress(bytes(2**20)) + packer.flush(zlib.Z_FULL_FLUSH)
    bomb = start + (packer.compress(bytes(2**20)) + packer.flush(zlib.Z_FULL_FLUSH)) * 90
    with h5py.File(path, "a") as file:
        file["tracks"].id.write_direct_chunk((0, 0, 0, 0), bomb)
    read("pose: huge", path, "larger than it should be")


# --------------------------------------------------------------------------------------------------- nothing is damaged


@pytest.mark.parametrize("tool", WRITERS)
def test_damage_anywhere_is_one_line(read, moments, tmp_path, tool):
    good = WRITERS[tool](tmp_path / "good.h5").read_bytes()
    path = tmp_path / "bad.h5"
    for i in range(N_DAMAGED):
        bad = bytearray(good)
        if i % 4 == 0:
            del bad[moments.randrange(1, len(bad)) :]
        for _ in range(moments.choice([1, 3, 30]) if i % 4 else 0):
            bad[moments.randrange(len(bad))] = moments.choice([0, 255, moments.randrange(256)])
        path.write_bytes(bad)
        read(f"pose: damaged, {tool}", path, may_work=True)


def test_a_damaged_heap_of_texts_does_not_hang(read, tmp_path):
    good = write_sleap(tmp_path / "good.h5").read_bytes()
    heap = good.index(b"GCOL")
    assert int.from_bytes(good[heap + 24 : heap + 32], "little") == len(PARTS[0])
    for size in (170, 4096, 2**63, 2**64 - 1):
        path = tmp_path / "bad.h5"
        path.write_bytes(good[: heap + 24] + size.to_bytes(8, "little") + good[heap + 32 :])
        read("pose: damaged heap", path, "overlap")


def test_a_text_that_says_it_is_gigabytes_long_takes_no_memory(read, tmp_path):
    path = write_sleap(tmp_path / "pose.h5")
    with h5py.File(path) as file:
        place = file["node_names"].id.get_offset()
    content = bytearray(path.read_bytes())
    content[place : place + 4] = (2**32 - 7).to_bytes(4, "little")
    path.write_bytes(content)
    read("pose: huge", path, "holds a name of 4,294,967,289 bytes")


def test_random_bytes_behind_the_signature_are_no_pose(read, tmp_path):
    for seed in range(20):
        path = tmp_path / "noise.h5"
        path.write_bytes(opened.SIGNATURE + random.Random(seed).randbytes(4000))
        read("pose: noise", path)
