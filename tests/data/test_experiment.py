"""Many recordings to one data set: what the table says, what fails, and what is taken again."""

import shutil
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import pytest

from autoencoder.data.images import load_images
from autoencoder.data.sources.experiment import prepare as experiment
from autoencoder.data.sources.experiment.recordings import read_recordings, recordings_of
from autoencoder.data.sources.video.options import VideoOptions
from autoencoder.data.sources.video.prepare import prepare_video
from autoencoder.errors import UserError
from autoencoder.workflows.check import _captions

FPS, N_FRAMES = 20, 14
LENGTH_CM, SIGMA_CM = 2.0, 0.4
"""Of the animal, from tail to nose, and of its width."""


def film(folder: Path, name: str, scale: float = 10.0, n: int = N_FRAMES, picture=(160, 120), shift=0.0) -> None:
    """A bright blob that goes round, filmed at so many pixels per centimetre, and its pose."""
    width, height = picture
    turn = np.linspace(0, 2 * np.pi, n, endpoint=False)
    x = width / 2 + shift + width / 4 * np.cos(turn)
    y = height / 2 + height / 4 * np.sin(turn)
    down, right = np.mgrid[:height, :width]
    video = folder / f"{name}.mp4"
    writer = imageio_ffmpeg.write_frames(
        str(video), picture, fps=FPS, pix_fmt_in="gray", quality=9, macro_block_size=1, ffmpeg_log_level="error"
    )
    writer.send(None)
    for cx, cy in zip(x, y, strict=True):
        blob = 200 * np.exp(-((right - cx) ** 2 + (down - cy) ** 2) / (2 * (SIGMA_CM * scale) ** 2))
        writer.send(np.ascontiguousarray(20 + blob).astype(np.uint8))
    writer.close()
    half = LENGTH_CM * scale / 2
    lines = ["scorer" + ",net" * 6, "bodyparts" + ",Nose" * 3 + ",Tailroot" * 3, "coords" + ",x,y,likelihood" * 2]
    lines += [f"{i},{a + half},{b},1,{a - half},{b},1" for i, (a, b) in enumerate(zip(x, y, strict=True))]
    (folder / f"{name}.csv").write_text("\n".join(lines) + "\n")


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three recordings: two of one camera, and one of another, that is nearer."""
    folder = tmp_path_factory.mktemp("films")
    film(folder, "a")
    film(folder, "b", n=10, shift=9.0)
    film(folder, "near", scale=20.0, picture=(240, 180))
    return folder


@pytest.fixture
def folder(films: Path, tmp_path: Path) -> Path:
    """A copy of them that may be changed."""
    return Path(shutil.copytree(films, tmp_path / "films"))


def table(folder: Path, text: str, name: str = "recordings.csv") -> Path:
    path = folder / name
    path.write_text(text)
    return path


THREE = "video,pose,animal,dose,px_per_cm\na.mp4,a.csv,007,1.5,10\nb.mp4,b.csv,008,NA,10\nnear.mp4,near.csv,007,2,20\n"


def prepare(folder: Path, text: str = THREE, output: str = "set", options: VideoOptions | None = None, **others):
    """`prepare_experiment` of a table in a folder."""
    path = table(folder, text)
    return experiment.prepare_experiment(
        read_recordings(path), folder / output, options or VideoOptions(size=24), table=path, **others
    )


def contents(folder: Path, name: str = "set") -> list[bytes]:
    assert not (folder / f"{name}.parts").exists()
    return [(folder / f"{name}{suffix}").read_bytes() for suffix in (".npz", ".csv")]


# ------------------------------------------------------------------------------------------------------- what is made


def test_columns_and_images_are_those_of_each_video(folder: Path) -> None:
    """With the same crop and centre, each recording is what `prepare video` makes of it."""
    two = "video,pose,animal\nb.mp4,b.csv,y\na.mp4,a.csv,x\n"
    options = VideoOptions(size=24, crop=40, arena_center=(80, 60))
    prepared = prepare(folder, two, options=options).prepared
    assert prepared is not None
    images = load_images(prepared.npz)
    assert images.metadata.names[:3] == ("recording", "animal", "frame")
    assert images.metadata.column("recording").tolist() == ["b"] * 10 + ["a"] * N_FRAMES
    assert images.metadata.column("animal").tolist() == ["y"] * 10 + ["x"] * N_FRAMES
    start = 0
    for name in ("b", "a"):
        alone = load_images(
            prepare_video(folder / f"{name}.mp4", folder / f"{name}.csv", folder / f"{name}-alone", options).npz
        )
        rows = slice(start, start + len(alone))
        np.testing.assert_array_equal(images.images[rows], alone.images)
        for column in alone.metadata.names:
            np.testing.assert_array_equal(images.metadata.column(column)[rows], alone.metadata.column(column))
        start = rows.stop
    assert start == len(images)


def test_an_animal_is_equally_large_at_every_scale(folder: Path) -> None:
    """Centimetres where they are known; the columns of the table, with what is not known, and those in centimetres."""
    prepared = prepare(folder).prepared
    assert prepared is not None
    images = load_images(prepared.npz)
    metadata = images.metadata
    light = images.images[:, 0].astype(float) - 20
    light[light < 60] = 0  # videos are compressed
    inside = metadata.column("inside") == 1
    area = {
        name: (light[inside & (metadata.column("recording") == name)] > 0).sum(axis=(1, 2)).mean()
        for name in ("a", "near")
    }
    assert area["near"] == pytest.approx(area["a"], rel=0.03)
    assert metadata.column("animal").tolist() == ["007"] * N_FRAMES + ["008"] * 10 + ["007"] * N_FRAMES
    np.testing.assert_array_equal(np.isnan(metadata.column("dose")), metadata.column("recording") == "b")
    scale = np.where(metadata.column("recording") == "near", 20.0, 10.0)
    for name in ("speed_px_per_s", "distance_from_center"):
        in_cm = metadata.column({"speed_px_per_s": "speed_cm_per_s"}.get(name, f"{name}_cm"))
        np.testing.assert_allclose(in_cm, metadata.column(name) / scale, atol=1e-4)
    assert images.recipe is not None
    crops = {entry["recording"]: entry["crop"] for entry in images.recipe["recordings"]}
    assert crops["a"] == crops["b"]
    assert crops["near"] == pytest.approx(2 * crops["a"], abs=1)
    assert images.recipe["crop_cm"] == pytest.approx(1.75 * LENGTH_CM, rel=0.01)
    (said,) = (note for note in prepared.notes if "the arena's centre" in note)  # of both cameras at once
    assert said.count(") for ") == 2
    assert _captions(prepared.sample.metadata)[0] == "a, frame 0"


def test_crop_and_centre_are_decided_over_all_of_one_camera(folder: Path) -> None:
    prepared = prepare(folder, "video,pose\na.mp4,a.csv\nb.mp4,b.csv\n").prepared
    assert prepared is not None
    images = load_images(prepared.npz)
    x, y = (images.metadata.column(name) for name in ("x", "y"))
    center = (x.min() + x.max()) / 2, (y.min() + y.max()) / 2
    away = np.hypot(x - center[0], y - center[1])
    np.testing.assert_allclose(images.metadata.column("distance_from_center"), away, atol=1e-3)
    assert images.recipe is not None
    assert [entry["crop"] for entry in images.recipe["recordings"]] == [images.recipe["crop"]] * 2


def test_the_table_has_the_last_word(folder: Path) -> None:
    text = "video,pose,crop,arena_center,recording\na.mp4,a.csv,30,80 60,one\nb.mp4,b.csv,,,two\n"
    prepared = prepare(folder, text, options=VideoOptions(size=24, crop=44, arena_center=(0, 0))).prepared
    assert prepared is not None
    images = load_images(prepared.npz)
    assert images.recipe is not None
    assert [entry["crop"] for entry in images.recipe["recordings"]] == [30, 44]
    metadata = images.metadata
    centers = np.where(metadata.column("recording")[:, None] == "one", (80, 60), (0, 0))
    away = np.hypot(metadata.column("x") - centers[:, 0], metadata.column("y") - centers[:, 1])
    np.testing.assert_allclose(metadata.column("distance_from_center"), away, atol=1e-3)


@pytest.mark.parametrize(
    "options", [{"follow": "brightest", "mask": True}, {"region": (0, 0, 40, 40)}, {"color": True, "every": 3}]
)
def test_without_a_pose(folder: Path, options: dict) -> None:
    recordings = recordings_of([folder / "a.mp4", folder / "b.mp4"], None)
    done = experiment.prepare_experiment(recordings, folder / "set", VideoOptions(size=20, **options))
    assert done.prepared is not None
    images = load_images(done.prepared.npz)
    assert len(images) == (5 + 4 if "every" in options else N_FRAMES + 10)
    assert images.image_shape == (3 if "color" in options else 1, 20, 20)
    assert (images.mask is not None) == ("mask" in options)
    assert not (folder / "set.parts").exists()


def test_the_short_form(folder: Path, call) -> None:
    """Several videos on the command line are a table of these; poses go with them in their order."""
    videos, poses = ([folder / f"{name}.{kind}" for name in ("a", "b")] for kind in ("mp4", "csv"))
    done = call("prepare", "video", "--pose", *poses, *videos, "--out", folder / "short", "--every", 5, "--size", 24)
    assert done.status == 0, done.err
    prepare(folder, "video,pose\na.mp4,a.csv\nb.mp4,b.csv\n", options=VideoOptions(every=5, size=24))
    assert contents(folder, "short")[1] == contents(folder)[1]
    call("prepare", "video", *videos, "--pose", poses[0], "--out", folder / "x").refused("2 videos and 1 poses")
    call("prepare", "video", videos[0], "--out", folder / "x", "--jobs", 2).refused(
        "--jobs only applies to several videos"
    )


# ----------------------------------------------------------------------------------------------------- what is refused

REFUSED = {
    "video is missing": ("video,pose\nno.mp4,a.csv\n", ["line 2 of ", "there is no file", "no.mp4"]),
    "pose is missing": ("video,pose\na.mp4,no.csv\n", ["line 2 of ", "no.csv"]),
    "empty cell": ("video,pose,animal\na.mp4,a.csv,\n", ["line 2 of ", "column 'animal' is empty", "write NA"]),
    "empty cell of a pose": ("video,pose\na.mp4,\n", ["column 'pose' is empty"]),
    "one row twice": ("video,pose\na.mp4,a.csv\na.mp4,a.csv\n", ["2 rows describe the same recording"]),
    "same name twice": (
        "recording,video,pose\nx,a.mp4,a.csv\nx,b.mp4,b.csv\n",
        ["2 recordings have the name 'x'", "column 'recording'"],
    ),
    "scale": ("video,pose,px_per_cm\na.mp4,a.csv,ten\n", ["'px_per_cm' must be a number of pixels", "not 'ten'"]),
    "scale of some": ("video,pose,px_per_cm\na.mp4,a.csv,10\nb.mp4,b.csv,\n", ["line 3", "'px_per_cm' is empty"]),
    "centre": ("video,pose,arena_center\na.mp4,a.csv,40\n", ["'arena_center' must be x and y in pixels", "not '40'"]),
    "crop": ("video,pose,crop\na.mp4,a.csv,3.5\n", ["'crop' must be a whole number of pixels", "not '3.5'"]),
    "pose of another video": ("video,pose\na.mp4,b.csv\nb.mp4,a.csv\n", ["'a': ", "they do not belong", "'b': "]),
    "no video column": ("film,pose\na.mp4,a.csv\n", ["no column 'video'", "film, pose"]),
    "column of an image": ("video,pose,frame\na.mp4,a.csv,3\n", ["column 'frame'", "rename it"]),
    "ragged": ("video,pose\na.mp4\n", ["line 2", "1 fields", "header has 2"]),
    "no rows": ("video,pose\n", ["lists no recording"]),
    "two problems": ("video,pose,animal\nno.mp4,a.csv,\nb.mp4,no.csv,x\n", ["no.mp4", "'animal' is empty", "no.csv"]),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_wrong_with_the_table_is_said_before_any_work(folder: Path, call, tree, name: str) -> None:
    text, words = REFUSED[name]
    path = table(folder, text)
    before = tree(folder)
    call("prepare", "experiment", path, "--out", folder / "set").refused(*words)
    assert tree(folder) == before


def test_one_that_fails_is_named_and_the_others_are_made(folder: Path, call) -> None:
    """With --strict there is no set; when it is mended, the same command adds it."""
    whole = (folder / "b.mp4").read_bytes()
    (folder / "b.mp4").write_bytes(b"no video at all" * 100)
    path = table(folder, "video,pose\na.mp4,a.csv\nb.mp4,b.csv\n")
    command = ["prepare", "experiment", path, "--out", folder / "set", "--size", 24, "--limit", 3]
    call(*command, "--strict").refused("recording 'b' failed", "the images of the other 1 are kept")
    assert not (folder / "set.npz").exists()
    for said in ("3 grayscale images", "nothing to do"):
        done = call(*command)
        assert (done.status, said in done.out) == (3, True)
        assert done.err.startswith("error: recording 'b' failed: ")
        assert done.err.count("\n") == 1
    (folder / "b.mp4").write_bytes(whole)
    done = call(*command)
    assert done.status == 0, done.err
    assert "1 of 2 recordings were already prepared" in done.out
    assert load_images(folder / "set.npz").metadata.column("recording").tolist() == ["a"] * 3 + ["b"] * 3


def test_nothing_is_left_where_all_fail(folder: Path, tree) -> None:
    for name in ("a", "b", "near"):
        (folder / f"{name}.mp4").write_bytes(b"no video at all" * 100)
    path = table(folder, THREE)
    before = tree(folder)
    with pytest.raises(UserError, match=r"'a' failed.*'b' failed.*'near' failed"):
        experiment.prepare_experiment(read_recordings(path), folder / "set")
    assert tree(folder) == before


# -------------------------------------------------------------------------------------------------- what is taken again


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the recordings that are made, as they are."""
    names, make = [], experiment._make

    def note(work, on_progress=None):
        names.append(work.recording.name)
        make(work, on_progress)

    monkeypatch.setattr(experiment, "_make", note)
    return names


def test_stopped_anywhere_it_ends_with_the_same_files(folder: Path, monkeypatch, made: list[str]) -> None:
    """A recording in progress is lost, and no other; several processes make the same bytes."""
    prepare(folder, output="straight")
    straight = contents(folder, "straight")
    made.clear()
    counted = 0
    cut = experiment.fill_part

    def dies(*arguments):
        nonlocal counted
        counted += 1
        if counted == 2:
            raise KeyboardInterrupt
        cut(*arguments)

    monkeypatch.setattr(experiment, "fill_part", dies)
    with pytest.raises(KeyboardInterrupt):
        prepare(folder)
    assert not (folder / "set.npz").exists()
    assert made == ["a", "b"]
    prepare(folder)
    assert made == ["a", "b", "b", "near"]
    assert contents(folder) == straight
    assert prepare(folder).prepared is None
    assert contents(folder) == straight


@pytest.mark.slow
def test_processes_make_the_same_bytes(folder: Path) -> None:
    prepare(folder, output="straight")
    frames = []
    prepare(folder, jobs=2, on_progress=frames.append)
    assert contents(folder) == contents(folder, "straight")
    assert sum(frames) == 2 * N_FRAMES + 10


@pytest.mark.slow
def test_rows_are_added_changed_and_taken_away(folder: Path, made: list[str]) -> None:
    """Only what is new, or has changed, is made; what was decided first stays."""
    header, a, b, near = THREE.splitlines()
    prepare(folder, "\n".join([header, a, near]))
    first = load_images(folder / "set.npz")
    made.clear()
    prepare(folder, "\n".join([header, a, b.replace("008", "nine"), near]))
    assert made == ["b"]
    added = load_images(folder / "set.npz")
    is_old = added.metadata.column("recording") != "b"
    np.testing.assert_array_equal(added.images[is_old], first.images)
    for name in first.metadata.names:
        expected = first.metadata.column(name)
        np.testing.assert_array_equal(added.metadata.column(name)[is_old].astype(expected.dtype), expected)
    assert set(added.metadata.column("animal")) == {"007", "nine"}
    made.clear()
    prepare(folder, "\n".join([header, b.replace("008", "ten"), a.replace("10", "11")]))
    assert made == ["a"]  # another scale is another crop; the other's images stay as they are
    changed = load_images(folder / "set.npz")
    assert changed.metadata.column("animal").tolist() == ["ten"] * 10 + ["007"] * N_FRAMES
    np.testing.assert_array_equal(changed.images[:10], added.images[~is_old])
    made.clear()
    film(folder, "a", shift=4.0)  # another video under the name
    prepare(folder, "\n".join([header, b.replace("008", "ten"), a.replace("10", "11")]))
    assert made == ["a"]


def test_what_is_not_its_own_is_left_alone(folder: Path) -> None:
    """A set of another command or with other options; a table to which columns were added; the table itself."""
    prepare_video(folder / "a.mp4", folder / "a.csv", folder / "set", VideoOptions(size=24))
    with pytest.raises(UserError, match="already exist"):
        prepare(folder)
    prepare(folder, overwrite=True)
    with pytest.raises(UserError, match=r"begun with other options \(size 24, not 20\)"):
        prepare(folder, options=VideoOptions(size=20))
    lines = (folder / "set.csv").read_text().splitlines()
    (folder / "set.csv").write_text("\n".join([lines[0] + ",mine", *(f"{line},1" for line in lines[1:])]) + "\n")
    with pytest.raises(UserError, match=r"columns that this command did not write \(mine\)"):
        prepare(folder, THREE.replace("dose", "amount"))
    with pytest.raises(UserError, match="would be replaced"):
        prepare(folder, output="recordings", overwrite=True)
