"""`visualize --traverse`: codes moved along columns and units, through the command line."""

import json
import shutil

import numpy as np
import pytest
from PIL import Image

import autoencoder as ae
from autoencoder.data.metadata import Metadata
from autoencoder.workflows.traversals.ground import Ground
from autoencoder.workflows.traversals.traversal import Pace
from autoencoder.workflows.traversals.traverse import column_or_unit, traverse
from autoencoder.workflows.traversals.unit import along_unit

SHORT = ("--seconds", 1, "--fps", 4)
WAYS = {"transport", "shift", "straight", "stay", "shuffled"}
ALL = ("turn_deg", "side", "place", "2")
N = 160


@pytest.fixture(scope="module")
def bars(tmp_path_factory, succeed):
    """A run on bars at known places of 12x12 images, floats to 255; every third image says nothing of its side."""
    folder = tmp_path_factory.mktemp("bars")
    place = np.random.default_rng(0).uniform(0, 12, N)
    across = (np.arange(12) - place[:, None] + 6) % 12 - 6  # a bar that leaves at the right comes in at the left
    images = (200 * np.exp(-(across**2) / 2))[:, None, :].repeat(12, axis=1).astype(np.float32)
    side = np.where(np.arange(N) % 3 > 0, np.where(place < 6, "left", "right"), "")
    np.savez(folder / "bars.npz", images=images, place=place, turn_deg=place * 30, side=side)
    settings = ("--max-pixel-value", 255, "--epochs", 12, "--batch-size", 16, "--latent-dim", 4, "--lr", 0.01)
    flags = (*settings, "--checkpoint-interval", 4, "--seed", 3, "--quiet")
    succeed("train", folder / "bars.npz", "--run", folder / "run", *flags)
    return folder / "run"


@pytest.fixture(scope="module")
def columns(bars):
    """What is known of the bars."""
    return ae.load_images(bars.parent / "bars.npz", max_pixel_value=255).metadata.columns


@pytest.fixture(scope="module")
def whole(bars, tmp_path_factory, succeed):
    """An angle, a class, a number and a unit: their folder, and what was said."""
    out = tmp_path_factory.mktemp("traverse") / "out"
    return out, succeed("visualize", "--run", bars, "--traverse", *ALL, *SHORT, "--out", out).out


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


@pytest.mark.slow
def test_a_picture_a_movie_and_numbers_of_each(whole, tree, frame_count):
    out, said = whole
    names = ("turn_deg", "side", "place", "unit-2")
    assert tree(out) == {f"{name}.{suffix}" for name in names for suffix in ("png", "mp4", "json")}
    made = [line for line in said.splitlines() if line.startswith("made ")]
    assert made == [f"made {out / name}.{suffix}" for name in names for suffix in ("png", "mp4", "json")]
    assert [frame_count(out / f"{name}.mp4") for name in names] == [4, 4, 4, 4]
    for word in ("turn (deg): the value read", "codes not moved", "shuffled values", "straight line", "unit 2"):
        assert word in said


def test_pictures_have_the_value_that_was_asked_for(whole):
    """Read from the code of each picture, which is encoded on the scale that the data are stored on."""
    for name in ("turn_deg", "place", "side"):
        told = numbers(whole[0] / f"{name}.json")
        assert told["ways"].keys() == WAYS
        error = {way: outcome["error"] for way, outcome in told["ways"].items()}
        assert error["transport"] < 0.5 * error["stay"], name
        assert error["transport"] < 0.5 * error["shuffled"], name


def test_numbers_of_an_angle(whole, bars, columns):
    told = numbers(whole[0] / "turn_deg.json")
    assert told["targets"] == [0, 45, 90, 135, 180, 225, 270, 315]
    assert (told["checkpoint"], told["kind"]) == ("last.pt", "circular")
    assert told["ways"]["stay"]["error"] == pytest.approx(90, abs=15)
    split = np.load(bars / "split.npz")
    assert (told["n_training_images"], told["n_measured_images"]) == (len(split["train"]), len(split["val"]))
    assert len(told["starts"]) == 4
    for start in told["starts"]:  # images that the network did not learn from
        assert start["row"] in split["val"]
        assert start["value"] == pytest.approx(columns["turn_deg"][start["row"]])
        assert len(start["read"]) == 8


def test_numbers_of_a_class_are_its_labels(whole, bars, columns):
    """Images without a label are passed over."""
    told = numbers(whole[0] / "side.json")
    assert told["targets"] == ["left", "right"]
    assert told["n_training_images"] == (columns["side"][np.load(bars / "split.npz")["train"]] != "").sum()
    assert {start["value"] for start in told["starts"]} == {"left", "right"}
    assert all(start["value"] == columns["side"][start["row"]] for start in told["starts"])
    assert all(set(start["read"]) <= {"left", "right"} for start in told["starts"])


def test_a_unit_goes_where_the_training_images_have_it(whole, bars):
    told = numbers(whole[0] / "unit-2.json")
    split, run = np.load(bars / "split.npz"), ae.load_run(bars)
    images = np.load(bars.parent / "bars.npz")["images"]
    unit = run.encode(images[split["train"]])[:, 2]
    assert told["targets"] == pytest.approx(np.linspace(*np.percentile(unit, (1, 99)), 9).tolist(), abs=1e-4)
    codes = run.encode(images[[start["row"] for start in told["starts"]]])
    assert [start["value"] for start in told["starts"]] == pytest.approx(codes[:, 2].tolist(), abs=1e-4)
    codes[:, 2] = told["targets"][-1]
    again = run.encode(255 * run.decode(codes))[:, 2]
    assert [start["read"][-1] for start in told["starts"]] == pytest.approx(again.tolist(), abs=1e-4)


def test_where_it_goes_by_default_and_how_many_starts(bars, tmp_path, succeed, tree):
    run = shutil.copytree(bars, tmp_path / "run")
    step = 4 * 8
    flags = ("--traverse", "unit:0", "--snapshot", step, "--examples", 1, "--format", "gif", *SHORT)
    succeed("visualize", "--run", run, *flags)
    assert tree(run / "visualize") == {f"snapshot-{step}/traverse/unit-0.{suffix}" for suffix in ("png", "gif", "json")}
    told = numbers(run / "visualize" / f"snapshot-{step}" / "traverse" / "unit-0.json")
    assert (told["step"], told["checkpoint"], len(told["starts"])) == (step, "epoch_0004.pt", 1)


def test_the_same_twice(whole, bars, tmp_path):
    traverse(bars, ["side"], movie=ae.MovieOptions(seconds=1, fps=4), out=tmp_path)
    assert numbers(tmp_path / "side.json") == numbers(whole[0] / "side.json")
    pictures = [np.asarray(Image.open(folder / "side.png")) for folder in (tmp_path, whole[0])]
    np.testing.assert_array_equal(*pictures)


def test_a_column_that_is_called_as_a_unit(bars, tmp_path, refused):
    np.savez(tmp_path / "other.npz", **{"3": np.arange(1.0 * N), "9": np.arange(1.0 * N)})
    flags = ("--metadata", tmp_path / "other.npz", "--traverse")
    refused(*flags, "3", run=bars, words=("'3' is both a column and a unit", "column:3", "unit:3"))
    metadata = Metadata({"3": np.arange(9.0), "9": np.arange(9.0), "a": np.arange(9.0)})
    asked = {"column:3": "3", "unit:3": 3, "9": "9", "2": 2, "a": "a", "column:a": "a", "unit:0": 0}
    assert {name: column_or_unit(name, metadata, 4) for name in asked} == asked


def test_columns_that_differ_in_what_no_file_name_holds(bars, tmp_path):
    place = np.arange(1.0 * N)
    np.savez(tmp_path / "other.npz", **{"a b": place, "a_b": np.where(place % 3, place, np.nan)})
    files = traverse(
        ae.open_run(bars, metadata=tmp_path / "other.npz"),
        ["a b", "a_b"],
        movie=ae.MovieOptions(seconds=0.2),
        out=tmp_path / "out",
    )
    assert [file.name for file in files if file.suffix == ".json"] == ["a_b_column.json", "a_b.json"]


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
        (
            ("--traverse", "x", "--fit", "first", "--save-frames"),
            ("--fit, --save-frames cannot be used with --traverse",),
        ),
        (("--traverse", "x", "--show", "units", "--color-by", "x"), ("--show, --color-by cannot be used",)),
        (("--traverse", "x", "--layer", "fc2", "--reduce", "pca"), ("--layer, --reduce cannot be used",)),
    ],
    ids=lambda value: " ".join(value),
)
def test_refused_by_name(refused, flags, words):
    refused(*flags, words=words)


def test_columns_that_lead_nowhere(tmp_path, refused):
    np.savez(tmp_path / "other.npz", same=np.ones(120), few=np.where(np.arange(120) < 9, np.arange(120.0), np.nan))
    words = ("'same' is constant", "'few'", "20 are needed")
    refused("--metadata", tmp_path / "other.npz", "--traverse", "same", "few", words=words)


def test_a_dead_unit(bars):
    trained = ae.load_run(bars)
    ground = Ground.of(trained, ae.load_images(bars.parent / "bars.npz", max_pixel_value=255), seed=0)
    ground.training[1][:, 3] = 0.5
    with pytest.raises(ae.UserError, match="unit 3 is dead"):
        along_unit(ground, 3, 1, Pace(12, 1), lambda _: None)


def test_a_head_that_makes_no_pictures(tiny, tmp_path, succeed, refused):
    run = tmp_path / "run"
    settings = ("--objective", "angle", "--target", "body_angle_deg", "--epochs", 1, "--batch-size", 16, "--quiet")
    succeed("train", tiny, "--run", run, *settings)
    refused("--traverse", "x", run=run, words=("'angle'", "no pictures", "reconstruct"))


def test_a_run_without_checkpoints(finished_copy, refused):
    shutil.rmtree(finished_copy / "checkpoints")
    refused("--traverse", "x", run=finished_copy, words=("no checkpoint yet",))
