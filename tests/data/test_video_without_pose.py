from collections.abc import Callable, Iterable
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import pytest

from autoencoder.data.images import load_images
from autoencoder.data.sources.video.animal.moving import middle_of
from autoencoder.data.sources.video.frames import spread
from autoencoder.data.sources.video.options import VideoOptions
from autoencoder.data.sources.video.prepare import prepare_video
from autoencoder.errors import UserError

WIDTH, HEIGHT, FPS, N_FRAMES = 96, 64, 20, 40
GROUND, LONG, WIDE = 60, 7.0, 4.0
"""Gray value of the ground, and half-axes of the animal."""

DOWN, RIGHT = np.mgrid[:HEIGHT, :WIDTH].astype(float)
TURN = np.linspace(0, 2 * np.pi, N_FRAMES, endpoint=False)
X, Y = 48 + 30 * np.cos(TURN), 32 + 18 * np.sin(TURN)


def ellipse(x: float, y: float, turn: float = 0.0) -> np.ndarray:
    across, down = RIGHT - x, DOWN - y
    along, aside = across * np.cos(turn) + down * np.sin(turn), down * np.cos(turn) - across * np.sin(turn)
    return (along / LONG) ** 2 + (aside / WIDE) ** 2 <= 1


def write(path: Path, frames: Iterable[np.ndarray]) -> Path:
    writer = imageio_ffmpeg.write_frames(
        str(path), (WIDTH, HEIGHT), fps=FPS, pix_fmt_in="gray", quality=9, macro_block_size=1
    )
    writer.send(None)
    for frame in frames:
        writer.send(np.ascontiguousarray(frame).astype(np.uint8))
    writer.close()
    return path


def scene(gray: int = 160) -> np.ndarray:
    """The ground with a wall, and an animal of a gray value that goes round on it; (F, H, W)."""
    frames = np.full((N_FRAMES, HEIGHT, WIDTH), GROUND)
    frames[:, :, 90:] = 220
    for frame, x, y, turn in zip(frames, X, Y, TURN, strict=True):
        frame[ellipse(x, y, turn)] = gray
    return frames


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    folder, gray = tmp_path_factory.mktemp("films"), {"bright": 160, "dark": 5}
    made = {name: write(folder / f"{name}.mp4", scene(value)) for name, value in gray.items()}
    return made.__getitem__


def prepare(video: Path, output: Path, **options):
    return prepare_video(video, None, output, VideoOptions(**options))


@pytest.mark.parametrize(("name", "follow"), [("bright", "brightest"), ("dark", "darkest"), ("dark", "moving")])
def test_the_animal_is_followed_and_masked(films, tmp_path: Path, name: str, follow: str) -> None:
    prepared = prepare(films(name), tmp_path / "m", follow=follow, mask=True, crop=24, size=24, arena_center=(48, 32))
    loaded = load_images(prepared.npz)
    table = loaded.metadata
    assert table.names == (
        *("frame", "x", "y", "speed_px_per_s", "distance_from_center", "time_s", "area_px", "inside"),
    )
    assert np.abs(table.column("x") - X).max() < 1
    assert np.abs(table.column("y") - Y).max() < 1
    np.testing.assert_allclose(table.column("distance_from_center"), np.hypot(X - 48, Y - 32), atol=1.5)
    np.testing.assert_allclose(table.column("area_px"), np.pi * LONG * WIDE, rtol=0.25)
    # The mask is cut out with the image: back in the frame, it is where the animal was drawn.
    for row in range(0, N_FRAMES, 5):
        left, top = round(table.column("x")[row] - 11.5), round(table.column("y")[row] - 11.5)
        mask = np.zeros((HEIGHT + 48, WIDTH + 48), bool)
        mask[top + 24 : top + 48, left + 24 : left + 48] = loaded.mask[row, 0] > 0
        mask = mask[24:-24, 24:-24]
        drawn = ellipse(X[row], Y[row], TURN[row])
        assert (mask & drawn).sum() / (mask | drawn).sum() > 0.75
    assert prepared.sample.mask is not None
    assert prepared.warnings == ()


def test_the_wrong_sign_finds_nothing(films, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"nothing in .*bright\.mp4 differs .*\(darkest\).*--region X,Y,W,H"):
        prepare(films("bright"), tmp_path / "m", follow="darkest")


def test_frames_without_the_animal_are_left_out_and_limits_count_images(tmp_path: Path) -> None:
    frames = scene()
    empty = [3, 4, 20]
    frames[empty] = np.where(np.arange(WIDTH) < 90, GROUND, 220)
    video = write(tmp_path / "v.mp4", frames)
    prepared = prepare(video, tmp_path / "m", follow="moving", crop=24, size=8)
    assert load_images(prepared.npz).metadata.column("frame").tolist() == np.delete(np.arange(N_FRAMES), empty).tolist()
    assert any("left out 3 of 40 frames" in note for note in prepared.notes)
    fewer = load_images(prepare(video, tmp_path / "n", follow="moving", crop=24, size=8, every=2, limit=3).npz)
    assert fewer.metadata.column("frame").tolist() == [0, 2, 6]


def test_an_animal_that_rests_is_part_of_the_median_and_that_is_said(tmp_path: Path) -> None:
    frames = np.full((N_FRAMES, HEIGHT, WIDTH), GROUND)
    rests = np.arange(N_FRAMES) < 0.6 * N_FRAMES
    for frame, x, is_still in zip(frames, np.linspace(10, 60, N_FRAMES), rests, strict=True):
        frame[ellipse(80 if is_still else x, 32)] = 160
    prepared = prepare(write(tmp_path / "v.mp4", frames), tmp_path / "m", follow="brightest", crop=24)
    (said,) = prepared.warnings
    assert "left out 24 of 40 frames" in said
    assert "rests most of the time" in said


def test_a_hole_that_the_animal_leaves_in_the_median_is_named(tmp_path: Path) -> None:
    """Where it rests it is part of the median, and while it goes about, the place where it rested is darker."""
    frames = np.full((N_FRAMES, HEIGHT, WIDTH), GROUND)
    for i, frame in enumerate(frames):
        frame[ellipse(80 if i < 0.6 * N_FRAMES else 2 * i - 40, 32)] = 160
    prepared = prepare(write(tmp_path / "v.mp4", frames), tmp_path / "m", follow="moving", crop=24)
    assert any("leaves a hole there. Say which of the two" in said for said in prepared.warnings)


def test_other_things_than_one_animal_are_warnings(tmp_path: Path) -> None:
    def warned(frames: np.ndarray, follow: str) -> str:
        video = write(tmp_path / f"{len(list(tmp_path.iterdir()))}.mp4", frames)
        return " ".join(prepare(video, video.with_suffix(""), follow=follow, crop=24).warnings)

    late = np.arange(N_FRAMES) >= N_FRAMES / 2
    assert warned(scene(), "brightest") == ""
    two = np.maximum(scene(), np.roll(scene(), N_FRAMES // 3, axis=0))
    assert "two pieces of about the same weight" in warned(two, "brightest")
    sunny = scene()
    sunny[late, :, :28] += 90
    assert "of the picture, which is too much for an animal" in warned(sunny, "moving")
    lamp = scene()
    lamp[late, 20:44, 32:62] += 70
    assert "the area of what was followed varies from" in warned(lamp, "brightest")


def test_a_difference_that_is_hardly_more_than_noise_is_a_warning(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).normal(0, 8, (N_FRAMES, HEIGHT, WIDTH))
    prepared = prepare(write(tmp_path / "v.mp4", scene(100) + noise), tmp_path / "m", follow="brightest", crop=24)
    assert any("noise and shadows may be taken for the animal" in said for said in prepared.warnings)


def test_the_middle_of_a_body_does_not_depend_on_its_tail() -> None:
    down, right = np.mgrid[:120, :160]
    body = ((right - 60) / 30.0) ** 2 + ((down - 60) / 14.0) ** 2 <= 1
    tail = (np.abs(down - 60) <= 2) & (right >= 88) & (right < 150)
    found = middle_of(body | tail, 14.0)
    np.testing.assert_allclose(found.center, (60, 60), atol=1.5)
    assert abs(found.length - 60) < 8


@pytest.mark.parametrize(("fit", "edge"), [(None, 0), ("stretch", GROUND), ("crop", GROUND)])
def test_whole_frames(films, tmp_path: Path, fit: str | None, edge: int) -> None:
    prepared = prepare(films("bright"), tmp_path / "m", size=32, fit=fit, every=4)
    loaded = load_images(prepared.npz)
    assert loaded.metadata.names == ("frame", "time_s", "motion_energy")
    np.testing.assert_allclose(loaded.metadata.column("time_s"), np.arange(0, N_FRAMES, 4) / FPS, atol=1e-4)
    assert abs(int(loaded.images[0, 0, 0, 5]) - edge) < 6
    if fit is None:  # 96x64 in a square of 96: the first and last sixth are padding
        assert loaded.inside is not None
        assert loaded.inside[:, 0, :, 0].sum(axis=1).tolist() == [22] * 10
    else:
        assert loaded.inside is None


def test_motion_energy_is_the_mean_change_from_the_frame_before(tmp_path: Path) -> None:
    frames = np.full((6, HEIGHT, WIDTH), 100)
    frames[3:, :, :48] = 140
    frames[:, :8] = np.arange(6)[:, None, None] * 40  # outside the region
    video = write(tmp_path / "v.mp4", frames)
    loaded = load_images(prepare(video, tmp_path / "m", region=(0, 16, 96, 48), fit="stretch").npz)
    np.testing.assert_allclose(loaded.metadata.column("motion_energy"), [0, 0, 0, 20, 0, 0], atol=1)


def test_a_region_is_a_slice_of_the_frames(tmp_path: Path) -> None:
    frames = np.full((3, HEIGHT, WIDTH), 30)
    frames[:, 20:40, 50:70] = 200
    video = write(tmp_path / "v.mp4", frames)
    loaded = load_images(prepare(video, tmp_path / "m", region=(50, 20, 20, 20), size=20).npz)
    assert np.abs(loaded.images[:, 0, 2:-2, 2:-2].astype(int) - 200).max() < 10
    with pytest.raises(UserError, match=r"reaches beyond the frames of .*v\.mp4, which are 96x64"):
        prepare(video, tmp_path / "n", region=(80, 0, 20, 20))


def test_what_cannot_be_together_is_said_at_once() -> None:
    options = VideoOptions(
        follow="moving", region=(0, 0, 5, 5), front="a", track=1, individual="b", arena_center=(1, 1), fit="pad"
    )
    with_pose, without = options.problems(), options.problems(with_pose=False)
    assert with_pose[0] == "--pose, --follow and --region each say what is cut out: choose one of them"
    assert without[0] == "--follow and --region each say what is cut out: choose one of them"
    assert any("--front, --individual and --track say something about a pose" in said for said in without)
    assert any("--individual and --track each say which individuals" in said for said in with_pose)
    whole = VideoOptions(crop=20, fill="edge").problems(with_pose=False)
    assert len(whole) == 1
    assert whole[0].startswith("--crop and --fill say something about an animal that is followed")
    assert VideoOptions(mask=True).problems(with_pose=False) == []


def test_numbers_are_spread_from_the_first_to_the_last() -> None:
    assert spread(10, 4).tolist() == [0, 3, 6, 9]
    assert spread(2, 4).tolist() == [0, 1]
