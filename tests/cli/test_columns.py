"""What columns are, said by `--column-kind`; other metadata of the same images; a CSV that changed since the run."""

import json

import numpy as np
import pytest

import autoencoder as ae
from autoencoder.config import DataConfig, RunConfig
from autoencoder.errors import UserError
from autoencoder.measures.kinds import ColumnKind
from autoencoder.runs.columns import changes_since_start, column_hashes
from autoencoder.runs.folder import Run
from autoencoder.runs.opened import Shelf, open_run, table_notes
from autoencoder.workflows import testing
from autoencoder.workflows.compare import runs as comparing
from autoencoder.workflows.explore import explore as page

N = 60
HEADINGS = np.random.default_rng(0).uniform(-np.pi, np.pi, N)
BASE = {"heading": HEADINGS, "tilt_deg": np.linspace(0, 300, N), "port": np.arange(N) % 3}

QUICK = ("--encoder", "dense", "--epochs", 1, "--batch-size", 16, "--latent-dim", 2, "--device", "cpu", "--threads", 1)
ANGLE = ("--objective", "angle", "--target", "heading", "--column-kind", "heading=radians")


def write_table(path, **columns):
    rows = zip(*(np.asarray(values).tolist() for values in columns.values()), strict=True)
    path.write_text("\n".join([",".join(columns), *(",".join(map(str, row)) for row in rows)]) + "\n")
    return path


def make_data(folder, **columns):
    folder.mkdir(exist_ok=True)
    pixels = np.random.default_rng(1).integers(0, 255, (N, 8, 8), np.uint8)
    np.savez(folder / "m.npz", images=pixels)
    write_table(folder / "m.csv", **{**BASE, **columns})
    return folder / "m.npz"


@pytest.fixture(scope="module")
def trained(tmp_path_factory, succeed):
    """A run that predicts a heading in radians, and its table, which tests put back as it was."""
    folder = tmp_path_factory.mktemp("columns")
    data = make_data(folder)
    succeed("train", data, "--run", folder / "run", *QUICK, *ANGLE)
    return folder


@pytest.fixture
def table(trained):
    """The run's table, which a test may change."""
    path = trained / "m.csv"
    before = path.read_bytes()
    yield path
    path.write_bytes(before)


@pytest.fixture
def undrawn(monkeypatch):
    """Commands say what they have to say, and draw nothing."""
    monkeypatch.setattr(testing, "report", lambda *args, **options: [])
    monkeypatch.setattr(page, "explore", lambda *args, **options: [])


# ---------------------------------------------------------------------------------------------------- what columns are


def test_what_columns_are_is_kept_by_the_run(trained, succeed):
    assert json.loads((trained / "run/config.json").read_text())["data"]["column_kinds"] == ["heading=radians"]
    assert open_run(trained / "run").images.metadata.period("heading") == pytest.approx(2 * np.pi)
    assert "heading=radians" in succeed("info", trained / "run").out
    assert "the angle 'heading'" in ae.evaluate(trained / "run").result.compared_with


def test_formats_before_are_read_and_say_nothing_of_columns():
    config = RunConfig.from_json({"format_version": 4, "data": {"images": "x.npz"}})
    assert config.data.column_kinds is None
    with_kinds = RunConfig(DataConfig("x.npz", column_kinds=("a=b=angle",)))
    assert RunConfig.from_json(json.loads(json.dumps(with_kinds.to_json()))) == with_kinds


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("heading=compass", ["--column-kind takes NAME=KIND", "angle, degrees, radians, quantity, category"]),
        ("heading", ["--column-kind takes NAME=KIND"]),
        ("=angle", ["--column-kind takes NAME=KIND"]),
        ("port=angle,port=quantity", ["column 'port' angle and quantity"]),
        ("haeding=radians", ["--column-kind", "no column 'haeding'", "its columns are heading, tilt_deg, port"]),
    ],
)
@pytest.mark.parametrize("command", ["info", "train"])
def test_what_is_said_wrongly_of_columns_is_refused(trained, call, tmp_path, command, said, words):
    more = () if command == "info" else ("--run", tmp_path / "run", *QUICK)
    call(command, trained / "m.npz", "--column-kind", said, *more).refused(*words)
    assert not (tmp_path / "run").exists()


def test_info_shows_columns_as_they_are_said_to_be(trained, call, succeed):
    found = json.loads(succeed("info", trained / "m.npz", "--column-kind", "heading=angle,port=quantity", "--json").out)
    assert found["columns"]["port"] == "linear: 0 to 2"
    assert found["columns"]["heading"].endswith(" radians")
    assert "'heading' is taken to be in radians" in found["notes"]["1"]
    twice = ("--column-kind", "heading=angle", "--column-kind", "port=quantity")
    assert json.loads(succeed("info", trained / "m.npz", *twice, "--json").out) == found
    call("info", trained / "run", "--column-kind", "heading=angle").refused("--column-kind only applies to a data file")


def test_later_commands_have_the_last_word(trained):
    opened = open_run(trained / "run", column_kinds=["port=quantity"])
    assert opened.images.metadata.kind("port") is ColumnKind.LINEAR
    assert opened.images.metadata.kind("heading") is ColumnKind.CIRCULAR  # as the run says
    with pytest.raises(UserError, match="no column 'prot'"):
        _ = open_run(trained / "run", column_kinds=["prot=quantity"]).images


def test_runs_that_are_opened_together_keep_their_kinds_apart(trained):
    shelf = Shelf()
    kinds = (None, ["port=quantity"])
    tables = [open_run(trained / "run", shelf=shelf, column_kinds=said).images.metadata for said in kinds]
    assert [table.kind("port").value for table in tables] == ["category", "linear"]


def test_a_target_whose_unit_is_contradicted_is_refused_and_any_other_column_is_said(tmp_path, call, succeed):
    data = make_data(tmp_path / "data", heading_deg=np.random.default_rng(0).permutation(np.linspace(-3.14, 3.14, N)))
    angle = ("--objective", "angle", "--target", "heading_deg")
    ways_out = ["in degrees by its name", "rename it to heading_rad", "convert it", "--column-kind heading_deg=radians"]
    call("train", data, "--run", tmp_path / "a", *QUICK, *angle).refused("m.csv", *ways_out)
    said = succeed("train", data, "--run", tmp_path / "b", *QUICK).out
    assert all(way in said for way in ways_out)
    said = succeed("train", data, "--run", tmp_path / "c", *QUICK, *angle, "--column-kind", "heading_deg=radians").out
    assert "in degrees by its name" not in said
    call("compare", tmp_path / "b", tmp_path / "c", "--quiet", "--out", tmp_path / "d").refused(
        "disagree about what column 'heading_deg' is", "--column-kind heading_deg=radians"
    )


# --------------------------------------------------------------------------------------------------------- other tables


def test_a_run_is_tested_by_another_table_of_its_images(trained, undrawn, tmp_path, call, succeed):
    test = ("test", "--run", trained / "run", "--metadata")
    same = write_table(tmp_path / "same.csv", note=["x"] * N, **BASE)
    assert "note:" not in succeed(*test, same).out
    other = write_table(tmp_path / "other.csv", heading=-HEADINGS)
    said = succeed(*test, other).out
    assert f"the columns to predict in {other} differ from those that {trained / 'run'} was trained on" in said
    assert f"'heading' in {other}" in said
    short = write_table(tmp_path / "short.csv", heading=HEADINGS[:-1])
    call(*test, short).refused(f"short.csv has {N - 1} rows and", f"has {N} images", "one row per image")
    np.save(tmp_path / "t.npy", np.stack([HEADINGS, HEADINGS], axis=1))
    assert "note:" not in succeed(*test, tmp_path / "t.npy", "--columns", "heading,b").out
    mirrored = ae.evaluate(trained / "run", metadata=other)
    assert mirrored.summary()["metadata"] == str(other)
    np.testing.assert_allclose(mirrored.result.true, -ae.evaluate(trained / "run").result.true, atol=1e-6)


def test_runs_are_compared_by_another_table(trained, tmp_path, monkeypatch, succeed, call):
    other = write_table(tmp_path / "other.csv", heading=HEADINGS, arm=np.arange(N) % 2)
    compare = ("compare", trained / "run", "--color-by", "arm", "--out", tmp_path / "out")
    call(*compare).refused("no column 'arm'")
    compared = []
    nothing = (comparing.RunsCompared((), None, {}), [])
    monkeypatch.setattr(comparing.RunsCompared, "tables", lambda self: [])
    monkeypatch.setattr(comparing, "compare_seeds", lambda runs, *rest, **options: compared.extend(runs) or nothing)
    succeed(*compare, "--metadata", other, "--column-kind", "arm=quantity")
    metadata = compared[0].runs[0].images.metadata
    assert metadata.names == ("heading", "arm")
    assert (metadata.kind("heading").value, metadata.kind("arm").value) == ("circular", "linear")


# --------------------------------------------------------------------------------------------------------- what changed


def test_a_table_that_changed_is_a_note_once(trained, table, undrawn, succeed):
    write_table(table, heading=HEADINGS, tilt_deg=np.linspace(0, 299, N), arm=np.arange(N))
    changes = f"{table} has changed: column 'arm' is new; column 'port' is gone; column 'tilt_deg' has changed values"
    assert changes_since_start(Run(trained / "run"), open_run(trained / "run").images.metadata) in changes
    commands = [
        ("test", "--run", trained / "run"),
        ("train", "--resume", trained / "run"),
        ("explore", trained / "run"),
    ]
    for command in commands:
        assert succeed(*command).out.count(changes) == 1, command
    opened = [open_run(trained / "run"), open_run(trained / "run")]
    assert len(table_notes(opened)) == 1
    assert table_notes([open_run(trained / "run", metadata=table)]) == []  # another table was asked for


def test_numbers_that_are_written_in_another_way_are_no_change(trained, table, succeed):
    write_table(table, heading=[f"{x:+.20f}" for x in HEADINGS], tilt_deg=BASE["tilt_deg"], port=BASE["port"] * 1.0)
    assert "note" not in succeed("train", "--resume", trained / "run").out
    assert (
        column_hashes(open_run(trained / "run").images.metadata) == Run(trained / "run").environment()["columns_sha256"]
    )


def test_targets_that_changed_are_refused_where_training_goes_on_and_said_where_it_is_tested(
    trained, table, undrawn, call, succeed
):
    write_table(table, heading=HEADINGS[::-1], tilt_deg=BASE["tilt_deg"], port=BASE["port"])
    call("train", "--resume", trained / "run").refused("m.csv", "are not those that", "was started with")
    said = succeed("test", "--run", trained / "run").out
    assert "column 'heading' has changed values" in said
    assert "differ from those that" in said


def test_a_run_that_knows_no_hashes_says_nothing(trained, table, monkeypatch):
    write_table(table, heading=HEADINGS)
    known = {name: value for name, value in Run(trained / "run").environment().items() if name != "columns_sha256"}
    monkeypatch.setattr(Run, "environment", lambda run: known)
    assert changes_since_start(Run(trained / "run"), ae.load_images(trained / "m.npz").metadata) is None


def test_a_table_without_a_column_that_the_run_named_is_opened(trained, table):
    write_table(table, port=BASE["port"])
    assert open_run(trained / "run").images.metadata.names == ("port",)
