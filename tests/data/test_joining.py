"""`join`: rows at a rate of their own find their images, as pandas and a search of all pairs find them."""

import csv

import numpy as np
import pytest

from autoencoder.data.joining.matching import Places, match

RATE, TABLE_RATE = 30.0, 7.0
LENGTHS = {"mouse1": 900, "mouse2": 600}


@pytest.fixture(scope="module")
def images():
    """Columns of a data set: two recordings at 30 Hz, frames without an animal left out, one long gap."""
    rng = np.random.default_rng(0)
    columns = {"recording": [], "frame": [], "time_s": []}
    for name, n in LENGTHS.items():
        kept = np.flatnonzero((rng.random(n) > 0.1) & ~((np.arange(n) > 200) & (np.arange(n) < 290)))
        columns["recording"] += [name] * len(kept)
        columns["frame"] += kept.tolist()
        columns["time_s"] += (kept / RATE).round(4).tolist()
    return {name: np.array(values) for name, values in columns.items()}


@pytest.fixture(scope="module")
def data(images, tmp_path_factory):
    """The same as files."""
    path = tmp_path_factory.mktemp("joining") / "exp.npz"
    np.savez(path, images=np.random.default_rng(1).integers(0, 9, (len(images["frame"]), 4, 4), dtype=np.uint8))
    write(path.with_suffix(".csv"), images)
    return path


@pytest.fixture(scope="module")
def table():
    """Labels and a signal at 7 Hz with jitter, in another order of recordings, with a gap of 4 s; beyond both ends."""
    rng = np.random.default_rng(2)
    columns = {"recording": [], "time_s": [], "signal": [], "state": []}
    for name in reversed(LENGTHS):
        times = np.arange(-1, LENGTHS[name] / RATE + 1, 1 / TABLE_RATE)
        times = (times + rng.uniform(-0.02, 0.02, len(times)))[(times < 5) | (times > 9)]
        columns["recording"] += [name] * len(times)
        columns["time_s"] += times.tolist()
        columns["signal"] += rng.normal(size=len(times)).tolist()
        columns["state"] += rng.choice(["run", "rest"], len(times)).tolist()
    return {name: np.array(values) for name, values in columns.items()}


def write(path, columns, delimiter=","):
    with path.open("w", newline="") as file:
        writer = csv.writer(file, delimiter=delimiter)
        writer.writerow(columns)
        writer.writerows(zip(*(values.tolist() for values in columns.values()), strict=True))
    return path


def read(path):
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    return {name: [row[name] for row in rows] for name in rows[0]}


def numbers(texts):
    return np.array([float(text) if text else np.nan for text in texts])


def of_pandas(images, table, direction, tolerance):
    """What `pandas.merge_asof` joins, in the images' order."""
    pd = pytest.importorskip("pandas", reason="the reference is pandas.merge_asof")
    left = pd.DataFrame(images).assign(row=np.arange(len(images["frame"]))).sort_values("time_s")
    right = pd.DataFrame(table).sort_values("time_s")
    merged = pd.merge_asof(left, right, on="time_s", by="recording", direction=direction, tolerance=tolerance)
    return merged.sort_values("row")


@pytest.mark.parametrize(
    ("how", "direction", "tolerance"),
    [
        ("nearest", "nearest", None),
        ("nearest", "nearest", 0.03),
        ("previous", "backward", None),
        ("previous", "backward", 0.5),
    ],
)
def test_a_table_at_7_hz_is_right_to_the_row(how, direction, tolerance, images, table, data, tmp_path, succeed):
    out, flags = tmp_path / "out.csv", () if tolerance is None else ("--tolerance", tolerance)
    path = write(tmp_path / "table.csv", table)
    said = succeed("join", data, path, "--on", "recording,time_s", "--how", how, *flags, "--out", out).out
    steps = np.concatenate([np.diff(table["time_s"][table["recording"] == name]) for name in LENGTHS])
    usual = np.median(steps) if how == "nearest" else None
    expected = of_pandas(images, table, direction, usual if tolerance is None else tolerance)
    found = read(out)
    np.testing.assert_array_equal(numbers(found["signal"]), expected["signal"].to_numpy())
    assert found["state"] == expected["state"].fillna("").tolist()
    assert found["frame"] == [str(frame) for frame in images["frame"]]
    np.testing.assert_array_equal(numbers(found["time_s"]), images["time_s"])
    n = int(expected["signal"].notna().sum())
    assert f"{n:,} of {len(expected):,} images match a row of {path}" in said
    assert 0 < n < len(expected) or how == "previous"


def test_a_table_that_is_too_slow_to_be_averaged_is_named(table, data, tmp_path, succeed):
    path = write(tmp_path / "table.csv", {name: table[name] for name in ("recording", "time_s", "signal")})
    for flags, is_said in ((("mean",), True), (("mean", "--tolerance", 0.1), False), (("nearest",), False)):
        out = ("--out", tmp_path / "out.csv", "--overwrite")
        said = succeed("join", data, path, "--on", "recording,time_s", "--how", *flags, *out).out
        assert ("so many images have no row to average: use --how nearest" in said) == is_said


def test_tables_with_tabs_of_parquet_and_of_arrays_say_the_same(table, data, tmp_path, succeed):
    arrow = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed")
    import pyarrow

    write(tmp_path / "a.csv", table)
    write(tmp_path / "a.tsv", table, "\t")
    arrow.write_table(pyarrow.table({name: values.tolist() for name, values in table.items()}), tmp_path / "a.parquet")
    np.savez(tmp_path / "a.npz", **table)
    texts = set()
    for kind in ("csv", "tsv", "parquet", "npz"):
        out = tmp_path / f"{kind}.csv"
        succeed("join", data, tmp_path / f"a.{kind}", "--on", "recording,time_s", "--out", out, "--quiet")
        texts.add(out.read_text())
    assert len(texts) == 1


def test_events_are_counted_in_the_interval_of_their_frame(images, data, tmp_path, succeed):
    """Each event is of the image whose time is nearest, where that is near: so says a search of all pairs."""
    rng = np.random.default_rng(3)
    events = {name: np.sort(rng.uniform(0, n / RATE, 400)) for name, n in LENGTHS.items()}
    columns = {
        "recording": np.repeat(list(events), 400),
        "time_s": np.concatenate(list(events.values())),
        "what": rng.choice(["lick", "poke"], 800),
    }
    path = write(tmp_path / "events.csv", columns)
    expected, lost = {what: np.zeros(len(images["frame"]), int) for what in ("lick", "poke")}, 0
    for recording, time, what in zip(*columns.values(), strict=True):
        own = np.flatnonzero(images["recording"] == recording)
        nearest = own[np.abs(images["time_s"][own] - time).argmin()]
        if abs(images["time_s"][nearest] - time) < 0.5 / RATE + 1e-4:
            expected[str(what)][nearest] += 1
        else:
            # Beside a frame that was left out the interval reaches half a frame, and nobody else has the event.
            lost += 1
    out = tmp_path / "out.csv"
    said = succeed("join", data, path, "--on", "recording,time_s", "--how", "count", "--out", out).out
    found = read(out)
    for what, counts in expected.items():
        differ = np.abs(numbers(found[f"what_{what}_count"]) - counts)
        assert differ.sum() <= 1  # one that lies within rounding of the edge of an interval
    assert abs(int(said.split("images match")[1].split("; ")[1].split(" of")[0]) - lost) <= 1
    alone = write(tmp_path / "licks.csv", {name: columns[name] for name in ("recording", "time_s")})
    succeed("join", data, alone, "--on", "recording,time_s", "--out", tmp_path / "licks-out.csv", "--quiet")
    counts = np.array(read(tmp_path / "licks-out.csv")["licks_count"], int)
    np.testing.assert_array_equal(counts, sum(np.array(found[f"what_{what}_count"], int) for what in expected))


def test_whole_numbers_that_would_be_taken_for_labels_are_named(data, images, tmp_path, succeed):
    """Spike counts per frame look like labels; counts that `join` makes itself do not."""
    spikes = np.random.default_rng(0).poisson(2.0, (len(images["frame"]), 2))
    table = {name: images[name] for name in ("recording", "frame")}
    path = write(tmp_path / "spikes.csv", {**table, "unit": spikes[:, 0], "rate": spikes[:, 1] / 7})
    said = succeed("join", data, path, "--on", "recording,frame", "--prefix", "ca1_", "--out", tmp_path / "a.csv").out
    assert "note: whole numbers with few different values are taken for labels (ca1_unit)" in said
    assert "(--column-kinds ca1_unit=quantity)" in said
    events = write(tmp_path / "licks.csv", {name: images[name] for name in ("recording", "time_s")})
    said = succeed("join", data, events, "--on", "recording,time_s", "--out", tmp_path / "b.csv").out
    assert "taken for labels" not in said


@pytest.mark.parametrize(("how", "name"), [("previous", "since_licks_s"), ("nearest", "from_nearest_licks_s")])
def test_how_far_events_are(how, name, images, data, tmp_path, succeed):
    times = np.array([3.01, 10.02, 18.5])
    columns = {"recording": np.repeat("mouse1", 3), "time_s": times}
    path, flags = write(tmp_path / "licks.csv", columns), ("--tolerance", 1000) if how == "nearest" else ()
    out = tmp_path / "out.csv"
    said = succeed("join", data, path, "--on", "recording,time_s", "--how", how, *flags, "--out", out).out
    away = images["time_s"][:, None] - times
    if how == "previous":
        expected = np.where(away >= 0, away, np.inf).min(axis=1)
        expected[np.isinf(expected)] = np.nan
    else:
        expected = np.take_along_axis(away, np.abs(away).argmin(axis=1)[:, None], axis=1)[:, 0]
    expected[images["recording"] == "mouse2"] = np.nan
    np.testing.assert_allclose(numbers(read(out)[name]), expected, atol=1e-9)
    assert f"1 not in the table: mouse2 ({(images['recording'] == 'mouse2').sum()} images)" in said


def test_means_are_those_of_the_rows_around(images, data, tmp_path, succeed):
    """Arrays at 1 kHz, against a mean of all rows that are nearer to an image than to any other; NaN are left out."""
    rng = np.random.default_rng(4)
    times = np.arange(0, 12, 0.001) + 0.00049
    spikes = rng.poisson(0.1, (len(times), 3)).astype(float)
    spikes[rng.random(spikes.shape) < 0.05] = np.nan
    np.savez(tmp_path / "spikes.npz", spikes=spikes, timestamps=times)
    out = tmp_path / "codes.npz"
    flags = ("--on", "recording,time_s=timestamps", "--recording", "mouse2", "--how", "mean", "--out", out)
    said = succeed("join", data, tmp_path / "spikes.npz", *flags).out
    with np.load(out) as arrays:
        codes, names = arrays["codes"], arrays["names"].tolist()
    assert names == ["spikes_0", "spikes_1", "spikes_2"]
    assert codes.dtype == np.float32
    assert codes.shape == (len(images["frame"]), 3)
    own = np.flatnonzero(images["recording"] == "mouse2")
    assert np.isnan(codes[np.setdiff1d(np.arange(len(codes)), own)]).all()
    shown = images["time_s"][own]
    nearest = np.abs(times[:, None] - shown).argmin(axis=1)
    near = np.abs(times - shown[nearest]) <= 0.5 / RATE
    for i in np.flatnonzero(shown < 11.9):
        expected = np.nanmean(spikes[(nearest == i) & near], axis=0)
        np.testing.assert_allclose(codes[own[i]], expected, atol=0.04)  # a row at the edge may be the neighbour's
    assert "1 not in the table: mouse1" in said
    np.save(tmp_path / "spikes.npy", spikes)
    np.save(tmp_path / "times.npy", times)
    plain = ("--on", "recording,time_s", "--times", tmp_path / "times.npy", *flags[2:-1], tmp_path / "codes.npy")
    succeed("join", data, tmp_path / "spikes.npy", *plain, "--quiet")
    np.testing.assert_array_equal(np.load(tmp_path / "codes.npy"), codes)


def test_every_row_of_an_unbroken_recording_is_in_one_interval():
    """Also where times are rounded, so that steps between images differ."""
    images = Places(np.zeros(1000, np.int64), (np.arange(1000) / 30).round(4))
    table = Places(np.zeros(50_000, np.int64), np.random.default_rng(0).uniform(0, 999 / 30, 50_000))
    found = match(images, table, "count", None)
    assert found.counts.sum() == 50_000
    assert len(found.used()) == 50_000


def test_an_angle_is_averaged_on_the_circle(tmp_path, succeed):
    np.savez(tmp_path / "d.npz", images=np.zeros((2, 4, 4), np.uint8), frame=[0, 1])
    columns = {"frame": np.array([0, 0, 1, 1]), "heading_deg": np.array([350.0, 20.0, 80.0, 100.0])}
    path = write(tmp_path / "t.csv", columns)
    succeed("join", tmp_path / "d.npz", path, "--on", "frame", "--how", "mean", "--out", tmp_path / "o.csv", "--quiet")
    np.testing.assert_allclose(numbers(read(tmp_path / "o.csv")["heading_deg"]), [5, 90])


def test_individuals_of_a_frame_have_rows_of_their_own(tmp_path, succeed):
    columns = {"frame": np.repeat(np.arange(10), 2), "individual": np.tile(["a", "b"], 10)}
    np.savez(tmp_path / "d.npz", images=np.zeros((20, 4, 4), np.uint8), **columns)
    table = {"frame": np.tile(np.arange(9), 2), "individual": np.repeat(["b", "a"], 9), "v": np.arange(18)}
    path, out = write(tmp_path / "t.csv", table), tmp_path / "o.csv"
    succeed("join", tmp_path / "d.npz", path, "--on", "individual,frame", "--out", out, "--quiet")
    expected = [f * 1.0 + (9 if i == "a" else 0) if f < 9 else np.nan for f, i in zip(*columns.values(), strict=True)]
    np.testing.assert_array_equal(numbers(read(out)["v"]), expected)


def test_columns_keep_every_digit(tmp_path, succeed):
    """Of the data set's own, too: values are the same numbers when they are read again."""
    own = np.random.default_rng(0).normal(size=30) * 1e-6
    np.savez(tmp_path / "d.npz", images=np.zeros((30, 4, 4), np.uint8), frame=np.arange(30), own=own)
    path = write(tmp_path / "t.csv", {"frame": np.arange(30), "new": own[::-1]})
    succeed("join", tmp_path / "d.npz", path, "--on", "frame", "--out", tmp_path / "o.csv", "--prefix", "p_", "--quiet")
    found = read(tmp_path / "o.csv")
    np.testing.assert_array_equal(numbers(found["own"]), own)
    np.testing.assert_array_equal(numbers(found["p_new"]), own[::-1])
    again = tmp_path / "again.csv"
    flags = ("--on", "frame", "--metadata", tmp_path / "o.csv", "--out", again, "--quiet")
    succeed("join", tmp_path / "d.npz", path, *flags)
    assert list(read(again)) == ["frame", "own", "p_new", "new"]


def test_tables_of_several_recordings_are_taken_as_one(images, table, data, tmp_path, succeed):
    whole = write(tmp_path / "whole.csv", table)
    parts = []
    for name in LENGTHS:
        rows = table["recording"] == name
        part = {column: values[rows] for column, values in table.items() if column != "recording"}
        parts.append(write(tmp_path / f"{name}.csv", part))
    for out, tables in (("a.csv", [whole]), ("b.csv", [*parts, "--recording", *LENGTHS])):
        succeed("join", data, *tables, "--on", "recording,time_s", "--out", tmp_path / out, "--quiet")
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()


def test_what_is_advised_works_as_it_stands(tmp_path, succeed, call):
    """Of a table that calls the frame `Frame`, and of a data set that has no times."""
    np.savez(tmp_path / "d.npz", images=np.zeros((10, 4, 4), np.uint8), frame=np.arange(10))
    rows = {"Frame": np.arange(10), "time_s": np.arange(10) / 5, "v": np.arange(10) / 7}
    path, out = write(tmp_path / "t.csv", rows), tmp_path / "o.csv"

    def joined(on):
        return "join", tmp_path / "d.npz", path, "--on", on, "--out", out

    call(*joined("frame")).refused("no column 'frame'", "did you mean --on frame=Frame?")
    call(*joined("time_s")).refused("no column 'time_s' in", "--on frame=NAME", "frames per second")
    succeed(*joined("frame=Frame"), "--only", "v")
    np.testing.assert_array_equal(numbers(read(out)["v"]), rows["v"])
    write(tmp_path / "timed.csv", {"frame": np.arange(10), "time_s": np.arange(10) / 5})
    flags = ("--metadata", tmp_path / "timed.csv", "--only", "v", "--overwrite")
    said = succeed(*joined("time_s"), *flags).out
    np.testing.assert_array_equal(numbers(read(out)["v"]), rows["v"])
    assert "nearest row within 0.2 s" in said
    said = succeed(*joined("frame=Frame"), "--only", "v", "--overwrite").out
    assert "note: an image takes the row of its own frame (--tolerance)" in said


def test_what_is_refused_is_refused_in_one_line(data, tmp_path, call):
    def refused(columns, *flags, name="t.csv", words=(), on="recording,time_s"):
        path = write(tmp_path / name, {key: np.array(values) for key, values in columns.items()})
        result = call("join", data, path, "--on", on, "--out", tmp_path / "o.csv", *flags)
        result.refused(*words)
        assert not (tmp_path / "o.csv").exists()

    row = {"recording": ["mouse1"], "time_s": [1.0], "v": [1]}
    other = {"recording": ["mouse1.mp4", "m2"], "time_s": [1.7e9, 1.8e9], "v": [1, 2]}
    refused(
        other, words=("no row of", "'m2', 'mouse1.mp4' in the table", "'mouse1', 'mouse2'", "from 1.7e+09 to 1.8e+09")
    )
    refused({**row, "time_s": [99.0]}, words=("no row of", "time_s goes from 99 to 99", "from 0 to 29."))
    refused({"time_s": [1.0], "v": [1]}, words=("no column 'recording'", "--recording NAME"))
    refused(
        {"recording": ["mouse1"], "time": [1.0], "v": [1]}, words=("no column 'time_s'", "--on recording,time_s=time?")
    )
    refused(row, "--recording", "mouse1", words=("a column 'recording' of its own",))
    refused({**row, "frame": [3]}, words=("already has 'frame'", "--prefix"))
    refused({**row, "v": ["a"]}, "--how", "mean", words=("'v'", "is text, which has no mean"))
    refused(row, "--how", "count", words=("holds numbers", "--how mean"))
    refused({"recording": ["mouse1"], "time_s": [1.0]}, "--how", "mean", words=("nothing to average", "--how count"))
    refused(row, "--only", "w", words=("no column 'w' (--only)",))
    refused({**row, "time_s": ["soon"]}, words=("'time_s'", "text"))
    refused({"time_s": [1.0], "v": [1]}, on="time_s", words=("has 2 recordings", "recording,time_s"))
    refused(row, on="time_s,recording", words=("--on time_s,recording", "must end in frame or time_s"))
    twice = {"recording": ["mouse1"] * 3, "time_s": [1.0, 1.0, 2.0], "v": [1, 2, 3]}
    refused(twice, words=("1 row with the same recording and time_s", "mouse1, time_s 1", "--how mean"))
    refused(row, "--times", data, "--recording", "a", "b", words=("--recording names 2 for 1 tables",))
    path = write(tmp_path / "t.csv", {key: np.array(values) for key, values in row.items()})
    call("join", data, path, "--on", "recording,time_s", "--out", path).refused("would be replaced")
    call("join", data, path, "--on", "recording,time_s", "--out", data.with_suffix(".csv")).refused("--overwrite")
    call("join", data, path, "--on", "recording,time_s", "--out", tmp_path / "o.xlsx").refused(".csv, .npz, .npy")
    call("join", data, tmp_path / "t.xlsx", "--on", "frame", "--out", tmp_path / "o.csv").refused("there is no file")
