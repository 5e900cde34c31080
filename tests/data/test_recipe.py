"""The recipe of a data set: what was chosen, kept in its file and in runs, and taken again for another video."""

import json
from fractions import Fraction

import imageio_ffmpeg
import numpy as np
import pytest
from PIL import Image

import autoencoder as ae
from autoencoder.data.images import load_images
from autoencoder.data.recipe import RECIPE_VERSION, recipe_array
from autoencoder.data.sources.video.options import VideoOptions, options_of
from autoencoder.data.sources.video.prepare import made_again, prepare_video
from autoencoder.errors import UserError
from autoencoder.runs.folder import Run

WIDTH, HEIGHT, N_FRAMES = 96, 64, 30


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    """A bright blob that runs to and fro on a dark ground, and its pose."""
    folder = tmp_path_factory.mktemp("film")
    x = 48 + 30 * np.sin(np.linspace(0, 6, N_FRAMES))
    down, right = np.mgrid[:HEIGHT, :WIDTH]
    writer = imageio_ffmpeg.write_frames(
        str(folder / "film.mp4"), (WIDTH, HEIGHT), fps=10, pix_fmt_in="gray", quality=9, macro_block_size=1
    )
    writer.send(None)
    for cx in x:
        writer.send((20 + 200 * np.exp(-((right - cx) ** 2 + (down - 32) ** 2) / 30)).astype(np.uint8))
    writer.close()
    rows = [f"{i},{cx + 6:.3f},32,1,{cx - 6:.3f},32,1" for i, cx in enumerate(x)]
    head = ["scorer" + ",net" * 6, "bodyparts" + ",Nose" * 3 + ",Tailroot" * 3, "coords" + ",x,y,likelihood" * 2]
    (folder / "pose.csv").write_text("\n".join(head + rows) + "\n")
    return folder


EVERYTHING = VideoOptions(
    front="Nose",
    center=("Nose", "Tailroot"),
    track=1,
    min_likelihood=0.5,
    pose_offset=(3.0, 4.5),
    crop=31,
    size=20,
    arena_center=(1.0, 2.0),
    fps=Fraction(30000, 1001),
    limit=7,
    every=3,
    color=True,
)


def test_options_come_back_from_a_recipe_but_for_the_limit():
    recipe = json.loads(str(recipe_array(EVERYTHING.recipe(with_pose=True))))
    assert (recipe["command"], recipe["version"], recipe["pose"]) == ("prepare video", RECIPE_VERSION, True)
    again = options_of(recipe)
    assert again.limit is None
    assert vars(again) | {"limit": 7} == vars(EVERYTHING)
    assert options_of(recipe, {"track": 2}).track == 2


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"size": "50"}, "option 'size' is '50'"),
        ({"region": [1, 2]}, r"option 'region' is \[1, 2\]"),
        ({"fps": "1/0"}, "option 'fps' is '1/0'"),
        ({"sise": 50}, "unknown option 'sise'.*size"),
        ({"version": RECIPE_VERSION + 1}, "update autoencoder"),
        ({"pose": None, "command": "prepare idx"}, "made by 'prepare idx'"),
    ],
)
def test_other_recipes_are_refused(change, said):
    with pytest.raises(UserError, match=said):
        options_of(VideoOptions().recipe(with_pose=False) | change)


@pytest.mark.parametrize(
    ("with_pose", "options"), [(True, {"mask": True}), (False, {"follow": "brightest"}), (False, {})]
)
def test_another_video_is_made_into_the_same_images_as_by_prepare(film, tmp_path, with_pose, options):
    video, pose = film / "film.mp4", film / "pose.csv" if with_pose else None
    first = prepare_video(video, pose, tmp_path / "few", VideoOptions(size=16, limit=3, every=2, **options))
    recipe = load_images(first.npz).recipe
    assert (recipe["crop"] is not None) == (with_pose or bool(options))
    full = prepare_video(video, pose, tmp_path / "all", VideoOptions(size=16, every=2, **options))
    expected = load_images(full.npz)
    with made_again(recipe, video, pose, folder=tmp_path) as again:
        assert again.images.recipe == expected.recipe | {"crop": recipe["crop"]}
        np.testing.assert_array_equal(again.images.images, expected.images)
        assert again.images.metadata.to_csv() == expected.metadata.to_csv()
        kept = [note.partition(" (--")[0] for note in full.notes if "crop is" not in note]
        assert set(again.notes) < set(full.notes) | set(kept)  # what the options stand for is not said again
        assert not any("--" in note for note in again.notes)
    assert not list(tmp_path.glob(".images*"))


def test_a_pose_is_asked_for_where_there_was_one(film):
    with (
        pytest.raises(UserError, match=r"cut out by a pose, .*film\.mp4 has none: give its file \(--pose\)"),
        made_again(VideoOptions().recipe(with_pose=True), film / "film.mp4"),
    ):
        pass
    with (
        pytest.raises(UserError, match=r"without a pose: leave out .*pose\.csv"),
        made_again(VideoOptions().recipe(with_pose=False), film / "film.mp4", film / "pose.csv"),
    ):
        pass


def test_every_way_to_prepare_says_how_the_images_were_made(tmp_path):
    ae.prepare_arena(tmp_path / "arena", images=np.int64(3), seed=2, size=16)
    Image.new("L", (6, 4)).save(tmp_path / "p.png")
    ae.prepare_images(tmp_path / "p.png", tmp_path / "pictures", resize=8, fit="crop")
    (tmp_path / "i.idx").write_bytes(bytes([0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 4, 0, 0, 0, 4]) + bytes(32))
    ae.prepare_idx(tmp_path / "i.idx", tmp_path / "idx", pad=2, transpose=True)
    made = {name: dict(load_images(tmp_path / f"{name}.npz").recipe) for name in ("arena", "pictures", "idx")}
    assert {recipe.pop("version") for recipe in made.values()} == {RECIPE_VERSION}
    fitting = {"background": 0, "limit": None, "pad": 0, "resize": None, "fit": None}
    assert made == {
        "arena": {"command": "prepare arena", "images": 3, "seed": 2, "size": 16},
        "pictures": {"command": "prepare images", "source": "p.png", "color": False}
        | fitting
        | {"resize": 8, "fit": "crop"},
        "idx": {"command": "prepare idx", "images": "i.idx", "labels": None, "transpose": True} | fitting | {"pad": 2},
    }


def test_files_without_a_recipe_have_none_and_other_arrays_of_that_name_stay_data(tmp_path):
    images = np.zeros((3, 4, 4), np.uint8)
    np.savez(tmp_path / "a.npz", images=images)
    assert load_images(tmp_path / "a.npz").recipe is None
    np.savez(tmp_path / "b.npz", images=images, recipe=np.array(["x", "y", "z"]))
    loaded = load_images(tmp_path / "b.npz")
    assert (loaded.recipe, loaded.metadata.names) == (None, ("recipe",))


@pytest.mark.parametrize("text", ["{", "[]", '{"command": 1, "version": 1}', '{"command": "x"}', "[" * 100_000])
def test_what_is_no_recipe_is_refused_by_name(tmp_path, text):
    np.savez(tmp_path / "a.npz", images=np.zeros((3, 4, 4), np.uint8), recipe=np.array(text))
    with pytest.raises(UserError, match=r"array 'recipe' in .*a\.npz is not a recipe of images"):
        load_images(tmp_path / "a.npz")


def test_runs_keep_the_recipe_of_their_images_and_info_prints_it(film, tmp_path, succeed):
    data, run = tmp_path / "data.npz", tmp_path / "run"
    succeed("prepare", "video", film / "film.mp4", "--pose", film / "pose.csv", "--size", 16, "--out", data)
    succeed("train", data, "--run", run, "--epochs", 1, "--batch-size", 8)
    recipe = load_images(data).recipe
    assert Run(run).recipe() == recipe
    assert recipe["crop"] > 2
    for path in (data, run):
        said = json.loads(succeed("info", path, "--json").out)["recipe"]
        assert said == {name: value for name, value in recipe.items() if value is not None}
    (run / "recipe.json").write_text("[]")
    with pytest.raises(UserError, match=r"recipe\.json does not hold a JSON object: restore it"):
        Run(run).recipe()
    (run / "recipe.json").unlink()
    assert Run(run).recipe() is None
