"""`encode`: the run's own codes, exactly, in files that pandas, xarray and pynwb open; and those of new videos."""

import csv
import json
import shutil

import imageio_ffmpeg
import numpy as np
import pytest

import autoencoder as ae
from autoencoder.config import NoiseConfig

WIDTH, HEIGHT, N_FRAMES = 64, 48, 40
SLOWLY = pytest.mark.slow

LAST = 18
"""The last step of the run `finished`, whose snapshots hold the codes of all images."""


def film(path, seed):
    """A bright blob that wanders over a dark ground, at 10 frames per second."""
    rng = np.random.default_rng(seed)
    way = np.cumsum(rng.normal(size=(N_FRAMES, 2)) * 2, axis=0)
    x, y = 32 + 12 * np.sin(way[:, 0] / 4), 24 + 8 * np.sin(way[:, 1] / 4)
    down, right = np.mgrid[:HEIGHT, :WIDTH]
    writer = imageio_ffmpeg.write_frames(
        str(path), (WIDTH, HEIGHT), fps=10, pix_fmt_in="gray", quality=9, macro_block_size=1
    )
    writer.send(None)
    for cx, cy in zip(x, y, strict=True):
        blob = np.exp(-(((right - cx) / 5) ** 2) - ((down - cy) / 3) ** 2)
        writer.send((20 + 200 * blob).astype(np.uint8))
    writer.close()
    return path


@pytest.fixture(scope="module")
def recorded(tmp_path_factory, succeed):
    """Two films, the data set of the first, and a run on it."""
    folder = tmp_path_factory.mktemp("recorded")
    first, second = film(folder / "first.mp4", 0), film(folder / "second.mp4", 1)
    options = ("--follow", "brightest", "--crop", 24, "--size", 16, "--mask")
    succeed("prepare", "video", first, *options, "--out", folder / "data", "--quiet")
    succeed("prepare", "video", second, *options, "--out", folder / "other", "--quiet")
    flags = ("--epochs", 1, "--batch-size", 8, "--latent-dim", 3, "--quiet")
    succeed("train", folder / "data.npz", "--run", folder / "run", *flags)
    return folder


@pytest.fixture(scope="module")
def own(finished):
    """Codes of the run's own images, as its last snapshot holds them."""
    return np.load(finished / "latents" / f"step_{LAST:08d}.npy")


def read(path):
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    return {name: [row[name] for row in rows] for name in rows[0]}


def of(columns, prefix="latent_"):
    names = [name for name in columns if name.startswith(prefix)]
    return np.stack([np.array(columns[name], np.float32) for name in names], axis=1)


def known(arena):
    return ae.load_images(arena).metadata.columns


def test_a_csv_is_opened_by_pandas(finished, arena, own, tmp_path, succeed, call):
    pd = pytest.importorskip("pandas", reason="pandas is not installed")
    said = succeed("encode", finished, "--out", tmp_path / "a.csv").out
    table = pd.read_csv(tmp_path / "a.csv")
    np.testing.assert_array_equal(of(table), own)
    for name, values in known(arena).items():
        np.testing.assert_array_equal(table[name], values)
    assert table.columns[-3:].tolist() == ["split", "code_distance", "unfamiliar"]
    call("compare", finished, tmp_path / "a.csv").refused("no column 'path'", "encode RUN --out NAME.npz")
    shutil.copy(tmp_path / "a.csv", tmp_path / "a.parquet")
    call("compare", finished, tmp_path / "a.parquet").refused("is a file, but neither", "encode RUN --out NAME.npz")
    assert f"{table['unfamiliar'].sum()} of 120 images are unfamiliar" in said
    assert f"made {tmp_path / 'a.csv'}" in said


def test_the_runs_own_images_are_told_apart_by_their_split(tiny, tmp_path, succeed):
    """Trained on, held out, or neither, in the words of `split`; images of another file have no such column."""
    run = tmp_path / "run"
    split = ("--split", "blocks", "--block-size", 10, "--gap", 2)
    flags = ("--epochs", 1, "--latent-dim", 2, "--batch-size", 32, "--quiet")
    succeed("train", tiny, "--run", run, *split, *flags)
    with np.load(run / "split.npz") as arrays:
        expected = np.full(60, "left-out")
        expected[arrays["train"]], expected[arrays["val"]] = "training", "held-out"
    assert set(expected) == {"training", "held-out", "left-out"}
    for given in ((), (tiny,)):
        succeed("encode", run, *given, "--out", tmp_path / "a.csv", "--overwrite", "--quiet")
        assert read(tmp_path / "a.csv")["split"] == expected.tolist()
    copy = shutil.copy(tiny, tmp_path / "copy.npz")
    succeed("encode", run, copy, "--out", tmp_path / "b.csv", "--quiet")
    assert "split" not in read(tmp_path / "b.csv")
    succeed("encode", run, tiny, copy, "--out", tmp_path / "c.csv", "--quiet")
    assert read(tmp_path / "c.csv")["split"] == [*expected, *[""] * 60]


def test_an_archive_stands_beside_runs_as_codes(finished, arena, own, tmp_path, succeed):
    succeed("encode", finished, arena, "--errors", "--out", tmp_path / "a.npz")
    with np.load(tmp_path / "a.npz", allow_pickle=False) as arrays:
        found = dict(arrays)
    np.testing.assert_array_equal(found["codes"], own)
    for name, values in known(arena).items():
        np.testing.assert_array_equal(found[f"metadata/{name}"], values)
    from autoencoder.evaluation.outside_codes import read_codes

    np.testing.assert_array_equal(read_codes(tmp_path / "a.npz", 120), own)


def test_a_parquet_table_is_opened_by_pandas(finished, arena, own, tmp_path, succeed):
    pd = pytest.importorskip("pandas", reason="pandas is not installed")
    pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    succeed("encode", finished, "--out", tmp_path / "a.parquet", "--quiet")
    table = pd.read_parquet(tmp_path / "a.parquet")
    np.testing.assert_array_equal(of(table), own)
    for name, values in known(arena).items():
        np.testing.assert_array_equal(table[name], values)


@pytest.mark.slow
def test_netcdf_is_opened_by_xarray(finished, recorded, arena, own, tmp_path, succeed):
    xarray = pytest.importorskip("xarray", reason="xarray is not installed")
    pytest.importorskip("h5netcdf", reason="h5netcdf is not installed")
    succeed("encode", finished, "--out", tmp_path / "a.nc", "--quiet")
    with xarray.open_dataset(tmp_path / "a.nc") as found:
        np.testing.assert_array_equal(found["codes"], own)
        assert found["codes"].dims == ("image", "unit")  # the arena knows no times
        np.testing.assert_array_equal(found["x"], known(arena)["x"])
        assert found.attrs["run"] == finished.name
    videos = (recorded / "first.mp4", recorded / "second.mp4")
    succeed("encode", recorded / "run", *videos, "--out", tmp_path / "b.nc", "--quiet")
    with xarray.open_dataset(tmp_path / "b.nc") as found:
        assert found["codes"].dims == ("time", "unit")
        assert found["unit"].values.tolist() == [0, 1, 2]
        second = found.where(found["recording"] == "second", drop=True)
        columns = ae.load_images(recorded / "other.npz").metadata.columns
        np.testing.assert_array_equal(second["time"], columns["time_s"])
        np.testing.assert_array_equal(second["area_px"], columns["area_px"])


@pytest.mark.slow
def test_nwb_is_opened_by_pynwb(recorded, tmp_path, succeed, call):
    pynwb = pytest.importorskip("pynwb", reason="pynwb is not installed")
    start = "2026-05-01T10:30:00+02:00"
    out = tmp_path / "a.nwb"
    succeed("encode", recorded / "run", "--errors", "--session-start", start, "--out", out, "--quiet")
    images = ae.load_images(recorded / "data.npz")
    codes = ae.load_run(recorded / "run").encode(images.images)
    assert not pynwb.validate(path=str(out))
    with pynwb.NWBHDF5IO(str(out), "r") as reader:
        file = reader.read()
        assert file.session_start_time.isoformat() == start
        module = file.processing["autoencoder"]
        np.testing.assert_array_equal(module["codes"].data[:], codes)
        np.testing.assert_array_equal(module["codes"].timestamps[:], images.metadata.column("time_s"))
        assert len(module["error"].data) == len(module["unfamiliar"].data) == len(codes)
        table = module["images"].to_dataframe()
        for name in ("frame", "x", "area_px"):
            np.testing.assert_array_equal(table[name], images.metadata.column(name))
    videos = (recorded / "first.mp4", recorded / "second.mp4")
    said = succeed("encode", recorded / "run", *videos, "--out", out, "--overwrite").out
    assert "says 1970" in said
    for name in ("first", "second"):
        assert f"made {tmp_path / f'a-{name}.nwb'}" in said
        with pynwb.NWBHDF5IO(str(tmp_path / f"a-{name}.nwb"), "r") as reader:
            table = reader.read().processing["autoencoder"]["images"].to_dataframe()
            assert set(table["recording"]) == {name}
    refused = call("encode", recorded / "run", *videos, "--session-start", start, "--out", tmp_path / "b.nwb")
    refused.refused("--session-start applies to one session", "2 recordings")


def test_individuals_have_series_of_their_own(recorded, tmp_path, succeed):
    """Time stamps of a series ascend, also where a frame shows two animals, and rows are in no order."""
    pynwb = pytest.importorskip("pynwb", reason="pynwb is not installed")
    images = ae.load_images(recorded / "data.npz").images
    n = len(images) // 2
    order = np.random.default_rng(0).permutation(2 * n)
    columns = {"individual": np.repeat(["a/b", "c"], n)[order], "time_s": np.tile(np.arange(n) / 10, 2)[order]}
    np.savez(tmp_path / "two.npz", images=images[: 2 * n, 0], **columns)
    succeed("encode", recorded / "run", tmp_path / "two.npz", "--out", tmp_path / "a.nwb", "--quiet")
    codes = ae.load_run(recorded / "run").encode(images[: 2 * n])
    with pynwb.NWBHDF5IO(str(tmp_path / "a.nwb"), "r") as reader:
        module = reader.read().processing["autoencoder"]
        for series, name in (("codes_a_b", "a/b"), ("codes_c", "c")):
            np.testing.assert_array_equal(module[series].timestamps[:], np.arange(n) / 10)
            rows = np.flatnonzero(columns["individual"] == name)
            np.testing.assert_array_equal(module[series].data[:], codes[rows[np.argsort(columns["time_s"][rows])]])


def test_a_video_is_encoded_as_if_it_were_prepared_first(recorded, tmp_path, succeed):
    """Codes, errors and every column, bit for bit; and nothing of the images is left behind."""
    flags = ("--errors", "--quiet", "--out")
    succeed("encode", recorded / "run", recorded / "other.npz", *flags, tmp_path / "a.csv")
    succeed("encode", recorded / "run", recorded / "second.mp4", *flags, tmp_path / "b.csv")
    prepared, streamed = read(tmp_path / "a.csv"), read(tmp_path / "b.csv")
    assert set(streamed.pop("recording")) == {"second"}
    assert streamed == prepared
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.csv", "b.csv"]


def test_of_a_video_only_what_is_new_is_said(recorded, tmp_path, succeed):
    """Where the recipe lies, once; and notes on the video, without flags of `prepare` that `encode` does not take."""
    options = ("--follow", "brightest", "--crop", 24, "--size", 16, "--mask")
    before = succeed("prepare", "video", recorded / "second.mp4", *options, "--out", tmp_path / "data").out
    said = succeed("encode", recorded / "run", recorded / "second.mp4", "--out", tmp_path / "a.csv")
    assert said.out.count(str(recorded / "run" / "recipe.json")) == 1
    assert "note: the arena's centre is taken to be" in said.out
    assert "--arena-center" in before
    assert "--" not in said.out


def test_videos_of_another_scale_are_cut_out_by_another_crop(recorded, tmp_path, succeed, call):
    """A run whose crop is in centimetres asks how many pixels that is."""
    run = shutil.copytree(recorded / "run", tmp_path / "run")
    recipe = json.loads((run / "recipe.json").read_text())
    (run / "recipe.json").write_text(json.dumps(recipe | {"command": "prepare experiment", "crop": None, "crop_cm": 3}))
    video, flags = recorded / "second.mp4", ("--follow", "brightest", "--crop", 30, "--size", 16, "--mask", "--quiet")
    scale = ("--px-per-cm", 9.9)
    call("encode", run, video, "--out", tmp_path / "a.npz").refused("3 cm wide", "--crop", "--px-per-cm")
    call("encode", run, video, *scale, "--crop", 30, "--out", tmp_path / "a.npz").refused("both give the scale")
    call("encode", recorded / "run", video, *scale, "--out", tmp_path / "a.npz").refused("is in pixels", "--crop PX")
    succeed("encode", run, video, "--crop", 30, "--out", tmp_path / "a.npz", "--quiet")
    succeed("encode", run, video, *scale, "--out", tmp_path / "b.npz", "--quiet")
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    succeed("prepare", "video", video, *flags, "--out", tmp_path / "data")
    with np.load(tmp_path / "a.npz") as arrays:
        np.testing.assert_array_equal(
            arrays["codes"], ae.load_run(run).encode(ae.load_images(tmp_path / "data.npz").images)
        )


def test_several_sources_are_one_table(recorded, tmp_path, succeed, call):
    sources = (recorded / "data.npz", recorded / "second.mp4")
    succeed("encode", recorded / "run", *sources, "--out", tmp_path / "a.csv", "--quiet")
    found = read(tmp_path / "a.csv")
    n = len(ae.load_images(sources[0]))
    assert found["recording"][:n] == ["data"] * n
    assert set(found["recording"][n:]) == {"second"}
    expected = [
        ae.load_run(recorded / "run").encode(ae.load_images(recorded / name).images)
        for name in ("data.npz", "other.npz")
    ]
    np.testing.assert_array_equal(of(found), np.concatenate(expected))
    twice = call("encode", recorded / "run", sources[1], sources[1], "--out", tmp_path / "b.csv")
    twice.refused("has a recording second", "different names")


OBJECTIVES = {
    "reconstruct": (),
    "angle": ("--objective", "angle", "--target", "body_angle_deg"),
    "classify": ("--objective", "classify", "--target", "nearest_port"),
    "mask": ("--objective", "mask"),
    "regress": ("--objective", "regress", "--target", "distance_from_center"),
    "pca": ("--encoder", "pca"),
    "umap": ("--encoder", "umap"),
}


@pytest.mark.parametrize("name", [*list(OBJECTIVES)[:-1], pytest.param("umap", marks=SLOWLY)])
def test_errors_are_those_of_the_test_and_predictions_those_of_the_network(name, tiny, tmp_path, succeed):
    run, out = tmp_path / "run", tmp_path / "a.npz"
    flags = ("--epochs", 1, "--batch-size", 16, "--latent-dim", 3, "--split", "random", "--quiet")
    succeed("train", tiny, "--run", run, *flags, *OBJECTIVES[name])
    succeed("encode", run, "--errors", "--predictions", "--out", out)
    trained, images = ae.load_run(run), ae.load_images(tiny)
    tested = ae.evaluate(run, noise=NoiseConfig("none"))
    predicted = trained.predict(images.images)
    with np.load(out, allow_pickle=False) as arrays:
        np.testing.assert_array_equal(arrays["codes"], trained.encode(images.images))
        np.testing.assert_allclose(arrays["error"][tested.rows], tested.result.errors, rtol=1e-5, atol=1e-6)
        if trained.objective.makes_pictures:
            np.testing.assert_array_equal(arrays["pictures"], predicted)
        else:
            column = trained.objective.column(predicted)
            np.testing.assert_array_equal(arrays[column.name], column.values)


def test_errors_are_empty_where_the_truth_is_not_known(tiny, tmp_path, succeed, call):
    run = tmp_path / "run"
    flags = ("--epochs", 1, "--objective", "regress", "--target", "x", "--latent-dim", 3, "--batch-size", 32, "--quiet")
    succeed("train", tiny, "--run", run, *flags)
    columns = dict(known(tiny))
    columns["x"] = np.where(np.arange(60) < 7, np.nan, columns["x"])
    np.savez(tmp_path / "other.npz", images=ae.load_images(tiny).images, **columns)
    succeed("encode", run, tmp_path / "other.npz", "--errors", "--out", tmp_path / "a.csv", "--quiet")
    errors = np.array(read(tmp_path / "a.csv")["error"])
    assert (errors[:7] == "").all()
    assert (errors[7:] != "").all()
    np.savez(tmp_path / "bare.npz", images=ae.load_images(tiny).images)
    call("encode", run, tmp_path / "bare.npz", "--errors", "--out", tmp_path / "b.csv").refused("no column 'x'")
    succeed("encode", run, tmp_path / "bare.npz", "--out", tmp_path / "b.csv", "--quiet")


def test_images_of_another_kind_are_unfamiliar(finished, arena, tmp_path, succeed):
    """Inverted ones all are, the training images hardly ever."""
    images = ae.load_images(arena)
    np.savez(tmp_path / "inverted.npz", images=255 - images.images)
    said = succeed("encode", finished, arena, tmp_path / "inverted.npz", "--out", tmp_path / "a.csv").out
    found = np.array(read(tmp_path / "a.csv")["unfamiliar"], int)
    train = ae.open_run(finished).split().train
    assert found[train].sum() == 0  # of fewer than a thousand, all are within 99.9 %
    assert found[120:].all()
    assert f"{found.sum()} of 240 images are unfamiliar to the network" in said


def test_without_the_runs_data_nothing_is_called_unfamiliar(recorded, tmp_path, succeed):
    run, data = tmp_path / "run", tmp_path / "gone.npz"
    data.write_bytes((recorded / "data.npz").read_bytes())
    succeed("train", data, "--run", run, "--epochs", 1, "--latent-dim", 3, "--batch-size", 32, "--quiet")
    data.unlink()
    said = succeed("encode", run, recorded / "other.npz", "--out", tmp_path / "a.csv").out
    assert f"it cannot be judged which images are familiar to the network, because {data}" in said
    assert "unfamiliar" not in read(tmp_path / "a.csv")


@pytest.mark.parametrize("suffix", ["npz", *(pytest.param(kind, marks=SLOWLY) for kind in ("csv", "parquet", "nc"))])
def test_the_same_is_written_in_the_same_bytes(suffix, recorded, tmp_path, succeed):
    if suffix in ("parquet", "nc"):
        pytest.importorskip({"parquet": "pyarrow", "nc": "h5netcdf"}[suffix])
    files = [tmp_path / f"{name}.{suffix}" for name in ("a", "b")]
    for file in files:
        succeed("encode", recorded / "run", recorded / "second.mp4", "--errors", "--out", file, "--quiet")
    assert files[0].read_bytes() == files[1].read_bytes()


def test_names_that_are_taken_give_way(tiny, tmp_path, succeed):
    run, n = tmp_path / "run", 60
    succeed("train", tiny, "--run", run, "--epochs", 1, "--latent-dim", 2, "--batch-size", 32, "--quiet")
    columns = {"latent_0": np.arange(n), "unfamiliar": np.full(n, 'no, "never"\n'), "plain": np.arange(n) / 7}
    np.savez(tmp_path / "d.npz", images=ae.load_images(tiny).images, **columns)
    succeed("encode", run, tmp_path / "d.npz", "--out", tmp_path / "a.csv", "--quiet")
    found = read(tmp_path / "a.csv")
    assert found["latent_0_column"] == [str(i) for i in range(n)]
    assert set(found["unfamiliar_column"]) == {'no, "never"\n'}
    np.testing.assert_array_equal(np.array(found["plain"], float), columns["plain"])


def test_what_is_refused_is_refused_before_the_work(recorded, finished, tiny, tmp_path, call):
    run, out = recorded / "run", tmp_path / "a.csv"
    call("encode", run, "--out", tmp_path / "a.xlsx").refused(".csv, .npz, .parquet, .nwb, .nc")
    call("encode", run, tmp_path / "no.mp4", "--out", out).refused("there is no file", "no.mp4")
    call("encode", finished, recorded / "first.mp4", "--out", out).refused("were made by 'prepare arena'")
    unknown = shutil.copytree(run, tmp_path / "unknown")
    (unknown / "recipe.json").unlink()
    call("encode", unknown, recorded / "first.mp4", "--out", out).refused("does not know how its images were made")
    shutil.rmtree(unknown)
    call("encode", run, recorded / "first.mp4", "--pose", tiny, tiny, "--out", out).refused("2 files for 1 videos")
    call("encode", run, recorded / "first.mp4", "--crop", 8, 8, "--out", out).refused("2 sides for 1 videos")
    call("encode", run, "--predictions", "--out", out).refused("predicts images", "choose .npz")
    call("encode", run, tiny, recorded / "data.npz", "--metadata", out, "--out", out).refused("a single data set")
    call("encode", finished, "--out", tmp_path / "a.nwb").refused("time_s", "choose another one")
    call("encode", run, "--session-start", "2026-05-01T10:30:00+02:00", "--out", out).refused("only applies to .nwb")
    call("encode", run, "--session-start", "2026-05-01", "--out", tmp_path / "a.nwb").refused("with a time zone")
    call("encode", finished, tiny, "--out", out).refused("(1, 16, 16)", "(1, 50, 50)")
    call("encode", finished, "--out", tmp_path).refused("is not a file for codes")
    out.write_text("mine")
    call("encode", run, "--out", out).refused("--overwrite")
    call("encode", run, recorded / "data.npz", "--out", recorded / "data.npz", "--overwrite").refused("is an input")
    assert [path.name for path in tmp_path.iterdir()] == ["a.csv"]
    assert out.read_text() == "mine"
