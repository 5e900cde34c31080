"""Recordings under different lamps, which `--normalise` makes alike."""

import imageio_ffmpeg
import numpy as np
import pytest
from scipy import ndimage

from autoencoder.data.images import load_images
from autoencoder.data.sources.video.animal.moving import Samples
from autoencoder.data.sources.video.cutting.light import CONTRAST, FINE, MIDDLE, see_light
from autoencoder.data.sources.video.options import VideoOptions
from autoencoder.data.sources.video.prepare import made_again, prepare_video
from autoencoder.errors import UserError
from autoencoder.runs.opened import load_run

SIDE, CROP, SIZE = 120, 36, 18
EVERYWHERE = (slice(None), slice(None))

_DOWN, _ACROSS = np.mgrid[:SIDE, :SIDE]

LIGHTS = {
    "the same lamp": lambda frame: frame,
    "a weaker lamp": lambda frame: 0.5 * frame,
    "another black level": lambda frame: frame + 40,
    "both": lambda frame: 0.6 * frame + 40,
    "light from one side": lambda frame: frame * (0.3 + 0.9 * _ACROSS / SIDE),
}
"""What a camera sees under them of what it sees under the first."""

ONE_SIDED = "light from one side"


class Scene:
    """A textured arena with a wall, and an animal with a head that is at random places and looks any way.

    Args:
        kind: "dark animal" on a bright ground, or "bright animal" on a dark one.
        n: number of frames.
    """

    def __init__(self, kind, n, seed=0):
        rng = np.random.default_rng(seed)
        texture = ndimage.gaussian_filter(rng.normal(size=(SIDE, SIDE)), 2)
        away = np.hypot(_DOWN - SIDE / 2, _ACROSS - SIDE / 2)
        ground, beyond, wall, self._fur = {"dark animal": (150, 60, 210, 40), "bright animal": (25, 12, 150, 110)}[kind]
        self._still = ground * (1 + 0.04 * texture / texture.std())
        self._still[away > 50] = wall
        self._still[away > 54] = beyond
        turn, radius = rng.uniform(0, 2 * np.pi, n), 40 * np.sqrt(rng.uniform(0, 1, n))
        self.places = SIDE / 2 + radius[:, None] * np.stack([np.cos(turn), np.sin(turn)], axis=1)
        self.angles = rng.uniform(0, 360, n)

    def frames(self, light, seed):
        """(n, SIDE, SIDE) uint8, with the noise of a camera: half a gray value."""
        rng = np.random.default_rng(seed)
        frames = np.empty((len(self.places), SIDE, SIDE), np.uint8)
        for frame, (x, y), angle in zip(frames, self.places, np.radians(self.angles), strict=True):
            u = (_ACROSS - x) * np.cos(angle) - (_DOWN - y) * np.sin(angle)
            v = (_ACROSS - x) * np.sin(angle) + (_DOWN - y) * np.cos(angle)
            body = np.clip(6 - 6 * np.hypot(u / 13, v / 5.5) + 0.5, 0, 1)
            head = np.clip(4 - 4 * np.hypot((u - 8) / 4, v / 3) + 0.5, 0, 1)
            seen = self._still * (1 - body) + self._fur * body
            seen = seen * (1 - head) + 1.5 * self._fur * head
            frame[:] = np.clip(np.rint(light(seen) + rng.normal(0, 0.5, seen.shape)), 0, 255)
        return frames

    def record(self, folder, light, seed=0):
        """A video and its pose."""
        folder.mkdir()
        options = {"codec": "libx264", "output_params": ["-qp", "10"], "macro_block_size": 1, "pix_fmt_in": "gray"}
        writer = imageio_ffmpeg.write_frames(str(folder / "film.mp4"), (SIDE, SIDE), fps=10, **options)
        writer.send(None)
        for frame in self.frames(light, seed):
            writer.send(frame)
        writer.close()
        turn = np.radians(self.angles)
        ahead = 10 * np.stack([np.cos(turn), -np.sin(turn)], axis=1)
        ones = np.ones((len(turn), 1))
        rows = np.concatenate([self.places + ahead, ones, self.places - ahead, ones], axis=1)
        lines = ["scorer" + ",net" * 6, "bodyparts" + ",Nose" * 3 + ",Tailroot" * 3, "coords" + ",x,y,likelihood" * 2]
        lines += [f"{i},{','.join(map(str, row))}" for i, row in enumerate(rows.tolist())]
        (folder / "pose.csv").write_text("\n".join(lines) + "\n")
        return folder / "film.mp4", folder / "pose.csv"


def apart(one, other):
    """The mean distance of rows of the same number, as a share of that of rows of others."""
    one, other = (np.asarray(rows, float).reshape(len(rows), -1) for rows in (one, other))
    same = np.linalg.norm(one - other, axis=1).mean()
    return same / np.linalg.norm(one - np.roll(one, len(one) // 3, axis=0), axis=1).mean()


def unlike(one, other):
    """The mean difference of pixels, gray values."""
    return np.abs(one.astype(float) - other).mean()


def evened(frames, how, whole=None):
    """Frames in gray values, as images show them."""
    light = see_light(Samples(np.arange(len(frames)), frames), how, "film.mp4", whole=whole)
    return np.array([light.even(frame, EVERYWHERE) for frame in frames]) / FINE


@pytest.fixture(scope="module", params=["dark animal", "bright animal"])
def scene(request):
    return Scene(request.param, 50)


@pytest.mark.parametrize("how", ["intensity", "background"])
@pytest.mark.parametrize("name", LIGHTS)
def test_frames_under_two_lamps_become_alike(scene, how, name):
    first, second = (scene.frames(light, seed) for seed, light in enumerate((LIGHTS["the same lamp"], LIGHTS[name])))
    noise = apart(*(evened(scene.frames(LIGHTS["the same lamp"], seed), how) for seed in (0, 1)))
    before, after = apart(first, second), apart(evened(first, how), evened(second, how))
    if how == "intensity" and name == ONE_SIDED:
        assert after > 0.2  # brightness and contrast are the same everywhere in the picture
    else:
        assert after < 2 * noise  # noise is enlarged with what it lies on
        assert name == "the same lamp" or after < before / 4


def test_what_moves_has_its_contrast_and_the_ground_its_level(scene):
    """Also where most of the picture lies around the arena, which changes nothing."""
    for how in ("intensity", "background"):
        frames = scene.frames(LIGHTS["both"], 0)
        around = np.pad(frames, [(0, 0), (0, 0), (60, 60)], constant_values=250)
        numbers = [see_light(Samples(np.arange(50), f), how, "film.mp4").numbers() for f in (frames, around)]
        if how == "intensity":
            assert numbers[0] == pytest.approx(numbers[1], rel=0.02)
        images = evened(frames, how)
        ground = np.median(images, axis=0)[40:80, 40:80]
        assert abs(ground.mean() - MIDDLE) < 6
        differences = np.abs(images - np.median(images, axis=0))
        assert 0.6 * CONTRAST < np.quantile(differences, 0.99) < 1.3 * CONTRAST


def test_whole_frames_have_the_brightness_and_contrast_of_the_picture():
    """Of a face that hardly moves, the range of the picture counts, and not how little it changes."""
    rng = np.random.default_rng(0)
    face = 60 + 40 * ndimage.gaussian_filter(rng.normal(size=(60, 60)), 4) / 0.07
    frames = np.clip(np.rint(face + rng.normal(0, 1, (20, 60, 60))), 0, 255).astype(np.uint8)
    images = evened(frames, "intensity", EVERYWHERE)
    assert abs(images.mean() - MIDDLE) < 1
    assert 20 < images.std() < CONTRAST
    assert ((images == 0) | (images == 255)).mean() < 0.01


def test_a_picture_without_contrast_is_refused():
    for how in ("intensity", "background"):
        with pytest.raises(UserError, match=f"film.mp4 are all of one brightness.*--normalise {how}"):
            evened(np.full((5, 20, 20), 80, np.uint8), how)


@pytest.mark.parametrize(
    "options",
    [
        pytest.param({}, marks=pytest.mark.slow),
        pytest.param({"align": True}, marks=pytest.mark.slow),
        {"mask": True},
        {"color": True},
    ],
)
@pytest.mark.parametrize("how", ["intensity", "background"])
def test_a_recording_with_a_pose(tmp_path, how, options):
    if how == "background" and options.get("color"):
        with pytest.raises(UserError, match=r"--normalise background shows differences .*--color"):
            prepare_video(tmp_path, tmp_path, tmp_path, VideoOptions(normalise=how, color=True))
        return
    scene = Scene("dark animal", 30)
    options = VideoOptions(crop=CROP, size=SIZE, normalise=how, **options)
    made = []
    for name in ("the same lamp", "both"):
        video, pose = scene.record(tmp_path / name, LIGHTS[name])
        prepared = prepare_video(video, pose, tmp_path / name / "m", options)
        assert any(f"--normalise {how}" in note for note in prepared.notes)
        made.append(load_images(prepared.npz))
    assert unlike(made[0].images, made[1].images) < 2.5
    recipes = [images.recipe for images in made]
    assert recipes[0]["normalise"] == how
    dark, bright = (recipe["light"]["film"] for recipe in recipes)
    assert bright["contrast"] == pytest.approx(0.6 * dark["contrast"], rel=0.03)
    assert bright["brightness"] == pytest.approx(0.6 * dark["brightness"] + 40, rel=0.03)
    with made_again(recipes[0], video, pose) as again:  # which measures the light of its own video
        np.testing.assert_array_equal(again.images.images, made[1].images)
        assert again.images.recipe == recipes[1]


@pytest.mark.parametrize("how", ["intensity", "background"])
@pytest.mark.parametrize(
    "options",
    [
        {"follow": "darkest", "crop": CROP},
        pytest.param({}, marks=pytest.mark.slow),
        pytest.param({"region": (20, 20, 80, 80), "mask": True}, marks=pytest.mark.slow),
    ],
)
def test_a_recording_without_a_pose(tmp_path, how, options):
    scene, made = Scene("dark animal", 30), []
    for name in ("the same lamp", "both"):
        video, _ = scene.record(tmp_path / name, LIGHTS[name])
        made.append(
            prepare_video(video, None, tmp_path / name / "m", VideoOptions(size=SIZE, normalise=how, **options))
        )
    images = [load_images(prepared.npz).images for prepared in made]
    assert unlike(*images) < 2.5


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["dark animal", "bright animal"])
def test_codes_of_the_same_moments_under_two_lamps_are_alike(tmp_path, succeed, kind, record_property):
    """Distances of codes as shares of those of independent moments; the network was trained under the first lamp."""
    scene, shares = Scene(kind, 400), {}
    films = {name: scene.record(tmp_path / name, light, seed) for seed, (name, light) in enumerate(LIGHTS.items())}
    for how in ("none", "intensity", "background"):
        options, codes = VideoOptions(crop=CROP, size=SIZE, normalise=how), {}
        for name, film in films.items():
            data = prepare_video(*film, tmp_path / name / how, options).npz
            if name == "the same lamp":
                run = tmp_path / how
                succeed("train", data, "--run", run, "--encoder", "dense", "--latent-dim", 8, "--epochs", 40)
            codes[name] = load_run(run).encode(load_images(data).images)
        shares[how] = {name: apart(codes["the same lamp"], codes[name]) for name in films if name != "the same lamp"}
    record_property("shares", shares)
    print({how: {name: f"{share:.1%}" for name, share in of.items()} for how, of in shares.items()})
    for how, other in (("intensity", None), ("background", ONE_SIDED)):
        for name in shares[how]:
            if name != ONE_SIDED or other is not None:
                assert shares[how][name] < 0.05, (how, name)
                assert shares[how][name] < shares["none"][name] / 10, (how, name)
