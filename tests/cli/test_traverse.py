"""`visualize --traverse`: codes moved along columns and units, through the command line."""

import json
import shutil

import numpy as np
import pytest
from PIL import Image

import autoencoder as ae
from autoencoder.workflows.traversal_ground import Ground
from autoencoder.workflows.traversals import Pace, along_unit
from autoencoder.workflows.traversing import traverse

SHORT = ("--seconds", 1, "--fps", 4)
WAYS = {"transport", "shift", "straight", "stay", "shuffled"}


@pytest.fixture(scope="module")
def whole(finished, tmp_path_factory, succeed):
    """An angle, a class, a number and a unit of `finished`: their folder, and what was said."""
    out = tmp_path_factory.mktemp("traverse") / "out"
    along = ("body_angle_deg", "nearest_port", "distance_from_center", "2")
    return out, succeed("visualize", "--run", finished, "--traverse", *along, *SHORT, "--out", out).out


@pytest.fixture
def refused(finished, call, tmp_path):
    """The error of a traversal of `finished`, which leaves nothing behind."""

    def refuse(*flags, run=finished, words):
        text = call("visualize", "--run", run, "--out", tmp_path / "out", *flags).refused(*words)
        assert not (tmp_path / "out").exists()
        return text

    return refuse


def numbers(file):
    return json.loads(file.read_text())


def test_a_picture_a_movie_and_numbers_of_each(whole, tree, frame_count):
    out, said = whole
    names = ("body_angle_deg", "nearest_port", "distance_from_center", "unit-2")
    assert tree(out) == {f"{name}.{suffix}" for name in names for suffix in ("png", "mp4", "json")}
    made = [line for line in said.splitlines() if line.startswith("made ")]
    assert made == [f"made {out / name}.{suffix}" for name in names for suffix in ("png", "mp4", "json")]
    assert [frame_count(out / f"{name}.mp4") for name in names] == [4, 4, 4, 4]
    for word in ("body angle (deg): the value read", "codes not moved", "shuffled values", "straight line", "unit 2"):
        assert word in said


def test_numbers_of_a_column(whole, finished, arena):
    told = numbers(whole[0] / "body_angle_deg.json")
    assert told["targets"] == [0, 45, 90, 135, 180, 225, 270, 315]
    assert told["ways"].keys() == WAYS
    assert (told["step"], told["checkpoint"], told["kind"]) == (18, "last.pt", "circular")
    assert told["ways"]["stay"]["error"] == pytest.approx(90, abs=25)
    split, angles = np.load(finished / "split.npz"), ae.load_images(arena).metadata.column("body_angle_deg")
    assert (told["n_training_images"], told["n_measured_images"]) == (len(split["train"]), len(split["val"]))
    assert len(told["starts"]) == 4
    for start in told["starts"]:  # images that the network did not learn from
        assert start["row"] in split["val"]
        assert start["value"] == pytest.approx(angles[start["row"]])
        assert len(start["read"]) == 8


def test_numbers_of_a_class_are_its_labels(whole, arena):
    told = numbers(whole[0] / "nearest_port.json")
    labels = ae.load_images(arena).metadata.column("nearest_port")
    assert set(told["targets"]) <= set(labels.tolist())
    assert all(start["value"] == labels[start["row"]] for start in told["starts"])
    assert all(read in told["targets"] for start in told["starts"] for read in start["read"])
    assert 0 <= told["ways"]["transport"]["error"] <= 1


def test_a_unit_goes_where_the_training_images_have_it(whole, finished, arena):
    told = numbers(whole[0] / "unit-2.json")
    split, run = np.load(finished / "split.npz"), ae.load_run(finished)
    images = ae.load_images(arena).images
    unit = run.encode(images[split["train"]])[:, 2]
    assert told["targets"] == pytest.approx(np.linspace(*np.percentile(unit, (1, 99)), 9).tolist(), abs=1e-4)
    codes = run.encode(images[[start["row"] for start in told["starts"]]])
    assert [start["value"] for start in told["starts"]] == pytest.approx(codes[:, 2].tolist(), abs=1e-4)
    codes[:, 2] = told["targets"][-1]
    again = run.encode(run.decode(codes))[:, 2]
    assert [start["read"][-1] for start in told["starts"]] == pytest.approx(again.tolist(), abs=1e-4)


def test_where_it_goes_by_default_and_how_many_starts(finished_copy, succeed, tree):
    flags = ("--traverse", "unit:0", "--snapshot", 6, "--examples", 1, "--format", "gif", *SHORT)
    succeed("visualize", "--run", finished_copy, *flags)
    made = finished_copy / "visualize"
    assert tree(made) == {f"snapshot-6/traverse/unit-0.{suffix}" for suffix in ("png", "gif", "json")}
    told = numbers(made / "snapshot-6" / "traverse" / "unit-0.json")
    assert (told["step"], told["checkpoint"], len(told["starts"])) == (6, "epoch_0001.pt", 1)


def test_the_same_twice(finished, tmp_path):
    for name in ("one", "two"):
        traverse(finished, ["x"], seconds=0.5, out=tmp_path / name)
    assert numbers(tmp_path / "one" / "x.json") == numbers(tmp_path / "two" / "x.json")
    pictures = [np.asarray(Image.open(tmp_path / name / "x.png")) for name in ("one", "two")]
    np.testing.assert_array_equal(*pictures)


def test_missing_values_and_classes_are_passed_over(finished, tmp_path, arena):
    known = np.arange(120) % 3 > 0
    columns = {"a b": np.where(known, np.arange(120.0), np.nan), "a_b": np.where(known, ["l", "r"] * 60, "")}
    np.savez(tmp_path / "other.npz", **columns)
    files = traverse(finished, list(columns), metadata=tmp_path / "other.npz", seconds=0.5, out=tmp_path / "out")
    assert [file.name for file in files if file.suffix == ".json"] == ["a_b.json", "a_b_column.json"]
    train = np.load(finished / "split.npz")["train"]
    for file in files[2::3]:
        told = numbers(file)
        assert told["n_training_images"] == known[train].sum()
        assert all(known[start["row"]] for start in told["starts"])


def test_a_column_that_is_called_as_a_unit(finished, tmp_path, refused):
    np.savez(tmp_path / "other.npz", **{"3": np.arange(120.0), "9": np.arange(120.0)})
    flags = ("--metadata", tmp_path / "other.npz", "--traverse")
    refused(*flags, "3", words=("'3' is a column and a unit", "column:3", "unit:3"))
    asked = ["column:3", "unit:3", "9"]
    files = traverse(finished, asked, metadata=tmp_path / "other.npz", seconds=0.5, out=tmp_path / "new")
    assert [file.name for file in files[::3]] == ["3.png", "unit-3.png", "9.png"]


def test_images_that_are_floats_on_a_scale_of_their_own(tmp_path, succeed):
    """Pictures are encoded again on the scale that the data are stored on."""
    rng = np.random.default_rng(0)
    place = rng.uniform(0, 10, 120)
    images = 200 * np.exp(-((np.arange(12) - place[:, None]) ** 2))[:, None, :].repeat(12, axis=1)
    np.savez(tmp_path / "images.npz", images=images.astype(np.float32), place=place)
    run = tmp_path / "run"
    flags = ("--max-pixel-value", 255, "--epochs", 8, "--batch-size", 16, "--latent-dim", 3, "--lr", 0.01, "--quiet")
    succeed("train", tmp_path / "images.npz", "--run", run, *flags)
    traverse(run, ["place"], seconds=0.5, out=tmp_path / "out")
    told = numbers(tmp_path / "out" / "place.json")
    error = {way: outcome["error"] for way, outcome in told["ways"].items()}
    assert error["transport"] < 0.5 * error["stay"]
    assert error["transport"] < 0.5 * error["shuffled"]


def test_masks_are_not_encoded_again(tiny, tmp_path, succeed):
    run = tmp_path / "run"
    settings = ("--objective", "mask", "--epochs", 1, "--batch-size", 16, "--latent-dim", 4, "--quiet")
    succeed("train", tiny, "--run", run, *settings)
    said = succeed("visualize", "--run", run, "--traverse", "x", *SHORT, "--out", tmp_path / "out").out
    assert "read from the moved code" in said
    assert numbers(tmp_path / "out" / "x.json")["value_read_from"] == "the moved code"


# ------------------------------------------------------------------------------------------------------------ refusals


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (("--traverse", "speed", "16", "unit:9"), ("'speed'", "'16'", "'unit:9'", "body_angle_deg", "0 to 5")),
        (("--traverse", "x", "--snapshot", "8"), ("step 8", "6, 12, 18")),
        (("--traverse", "x", "--snapshot", "7"), ("step 7", "6 and 8")),
        (("--traverse", "x", "--examples", "0"), ("1 to 6", "0")),
        (("--traverse", "x", "--format", "gif", "--fps", "60"), ("50 frames",)),
        (("--traverse", "x", "--fit", "first", "--save-frames"), ("--fit, --save-frames do not go with traversals",)),
        (("--traverse", "x", "--show", "units", "--color-by", "x"), ("--show, --color-by do not go",)),
        (("--traverse", "x", "--layer", "fc2", "--reduce", "pca"), ("--layer, --reduce do not go",)),
    ],
    ids=lambda value: " ".join(value),
)
def test_refused_by_name(refused, flags, words):
    refused(*flags, words=words)


def test_columns_that_lead_nowhere(tmp_path, refused):
    np.savez(tmp_path / "other.npz", same=np.ones(120), few=np.where(np.arange(120) < 9, np.arange(120.0), np.nan))
    words = ("'same' is constant", "'few'", "20 are needed")
    refused("--metadata", tmp_path / "other.npz", "--traverse", "same", "few", words=words)


def test_a_dead_unit(finished, tmp_path):
    """An encoder whose unit 4 gives the same for every image."""
    trained, images = ae.load_run(finished), ae.load_images(ae.load_run(finished).config.data.images)
    ground = Ground.of(trained, images, seed=0)
    ground.training[1][:, 4] = 0.5
    with pytest.raises(ae.UserError, match="unit 4 is dead"):
        along_unit(ground, 4, 1, Pace(12, 1), lambda _: None)


def test_a_head_that_makes_no_pictures(tiny, tmp_path, succeed, refused):
    run = tmp_path / "run"
    settings = ("--objective", "angle", "--target", "body_angle_deg", "--epochs", 1, "--batch-size", 16, "--quiet")
    succeed("train", tiny, "--run", run, *settings)
    refused("--traverse", "x", run=run, words=("'angle'", "no pictures", "reconstruct"))


def test_a_run_without_checkpoints(finished_copy, refused):
    shutil.rmtree(finished_copy / "checkpoints")
    refused("--traverse", "x", run=finished_copy, words=("no checkpoint yet",))
