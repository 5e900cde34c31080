import math
import subprocess
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import pytest

from autoencoder.data.dataset import checked_rows
from autoencoder.data.images import load_images
from autoencoder.data.sources.video.options import VideoOptions
from autoencoder.data.sources.video.prepare import prepare_video
from autoencoder.errors import UserError

WIDTH, HEIGHT, FPS, N_FRAMES = 160, 120, 20, 24
LENGTH = 20.0
"""From tail root to nose, in pixels."""


@dataclass
class Film:
    """A bright blob on a dark ground, at known places, and its pose."""

    video: Path
    pose: Path
    x: np.ndarray
    y: np.ndarray
    angle: np.ndarray


def write_pose(
    path: Path, nose: np.ndarray, tail: np.ndarray, likelihood: np.ndarray, names: str = "Nose,Tail-Root"
) -> None:
    front, back = names.split(",")
    lines = ["scorer" + ",net" * 6, "bodyparts" + f",{front}" * 3 + f",{back}" * 3, "coords" + ",x,y,likelihood" * 2]
    for i, (n, t, p) in enumerate(zip(nose, tail, likelihood, strict=True)):
        lines.append(f"{i},{n[0]},{n[1]},{p[0]},{t[0]},{t[1]},{p[1]}")
    path.write_text("\n".join(lines) + "\n")


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Film:
    folder = tmp_path_factory.mktemp("film")
    turn = np.linspace(0, 2 * np.pi, N_FRAMES, endpoint=False)
    x, y = 80 + 75 * np.cos(turn), 60 + 40 * np.sin(turn)  # near the left and right edges of the picture
    angle = np.degrees(turn * 3) % 360
    down, right = np.mgrid[:HEIGHT, :WIDTH]
    writer = imageio_ffmpeg.write_frames(
        str(folder / "film.mp4"), (WIDTH, HEIGHT), fps=FPS, pix_fmt_in="gray", quality=9, macro_block_size=1
    )
    writer.send(None)
    for cx, cy in zip(x, y, strict=True):
        blob = 220 * np.exp(-((right - cx) ** 2 + (down - cy) ** 2) / (2 * 4.0**2))
        writer.send(np.ascontiguousarray(20 + blob).astype(np.uint8))
    writer.close()
    offset = LENGTH / 2 * np.stack([np.cos(np.radians(angle)), -np.sin(np.radians(angle))], axis=1)
    center = np.stack([x, y], axis=1)
    write_pose(folder / "pose.csv", center + offset, center - offset, np.ones((N_FRAMES, 2)))
    return Film(folder / "film.mp4", folder / "pose.csv", x, y, angle)


def prepare(film, output, pose=None, video=None, **options):
    """`prepare_video` of the film, or of what takes the place of its video or its pose."""
    return prepare_video(video or film.video, pose or film.pose, output, VideoOptions(**options))


def change_rows(film: Film, target: Path, n_rows: int) -> Path:
    """The film's pose with its last row repeated, or cut, to `n_rows`."""
    lines = film.pose.read_text().splitlines()
    header, rows = lines[:3], [line.split(",", 1)[1] for line in lines[3:]]
    rows = (rows + [rows[-1]] * n_rows)[:n_rows]
    target.write_text("\n".join(header + [f"{i},{row}" for i, row in enumerate(rows)]) + "\n")
    return target


def test_the_blob_is_in_the_middle_of_each_crop(film: Film, tmp_path: Path) -> None:
    prepared = prepare(film, tmp_path / "m", crop=40, size=20)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["m.csv", "m.npz"]
    assert (prepared.n_images, prepared.image_shape) == (N_FRAMES, (1, 20, 20))
    images = load_images(prepared.npz).images[:, 0].astype(float)
    # Half of the squares pass the picture's edge, so look at the blob's top and not at its mean.
    weight = np.where(images > 120, images, 0)
    down, right = np.mgrid[:20, :20] - 9.5
    total = weight.sum(axis=(1, 2))
    inside = (film.x > 20) & (film.x < WIDTH - 20) & (film.y > 20) & (film.y < HEIGHT - 20)
    assert inside.sum() > 5
    assert np.abs((weight * right).sum(axis=(1, 2)) / total)[inside].max() < 0.35
    assert np.abs((weight * down).sum(axis=(1, 2)) / total)[inside].max() < 0.35
    assert images[:, 9:11, 9:11].min() > 150


def test_columns_are_what_was_drawn(film: Film, tmp_path: Path) -> None:
    prepared = prepare(film, tmp_path / "m", arena_center=(80, 60))
    metadata = load_images(prepared.npz).metadata
    assert metadata.names == prepared.columns
    np.testing.assert_array_equal(metadata.column("frame"), np.arange(N_FRAMES))
    np.testing.assert_allclose(metadata.column("time_s"), np.arange(N_FRAMES) / FPS, atol=1e-4)
    np.testing.assert_allclose(metadata.column("x"), film.x, atol=1e-3)
    np.testing.assert_allclose(metadata.column("y"), film.y, atol=1e-3)
    off = (metadata.column("body_angle_deg") - film.angle + 180) % 360 - 180
    assert np.abs(off).max() < 0.01
    np.testing.assert_allclose(metadata.column("distance_from_center"), np.hypot(film.x - 80, film.y - 60), atol=1e-3)
    speed = np.hypot(np.diff(film.x), np.diff(film.y)) * FPS
    np.testing.assert_allclose(metadata.column("speed_px_per_s"), [speed[0], *speed], atol=1e-2)


def test_what_is_chosen_by_default_is_said(film: Film, tmp_path: Path) -> None:
    notes = " | ".join(prepare(film, tmp_path / "m").notes)
    for part in ("front of the body is 'Nose'", "back of the body is 'Tail-Root'", "(80.0, 60.0)", "crop is 3"):
        assert part in notes
    explicit = prepare(
        film, tmp_path / "n", front="nose", back="tail_root", center=("nose", "tail_root"), crop=30, arena_center=(0, 0)
    )
    rate, edges = explicit.notes
    assert rate.endswith("film.mp4 has 20 frames per second")
    assert "of the crops reach over the picture's edge" in edges
    assert "--fill" in edges


@pytest.mark.parametrize("change", [-1, 2])
def test_a_pose_of_one_or_two_rows_more_or_fewer_is_cut(film: Film, tmp_path: Path, change: int) -> None:
    pose = change_rows(film, tmp_path / "pose.csv", N_FRAMES + change)
    prepared = prepare(film, tmp_path / "m", pose, crop=30)
    assert prepared.n_images == N_FRAMES + min(change, 0)
    assert any(str(abs(change)) in note and ("cut" in note or "left out" in note) for note in prepared.notes)


@pytest.mark.parametrize("change", [-3, 3])
def test_a_pose_of_another_video_is_refused(film: Film, tmp_path: Path, change: int) -> None:
    pose = change_rows(film, tmp_path / "pose.csv", N_FRAMES + change)
    with pytest.raises(UserError, match=rf"film\.mp4 has 24 frames and .*pose\.csv has {24 + change} rows"):
        prepare(film, tmp_path / "m", pose)
    assert [path.name for path in tmp_path.iterdir()] == ["pose.csv"]


def test_unlikely_and_missing_frames_are_left_out_and_counted(film: Film, tmp_path: Path) -> None:
    center = np.stack([film.x, film.y], axis=1)
    ahead = np.array([5.0, 0.0])
    nose, tail, likelihood = center + ahead, center - ahead, np.ones((N_FRAMES, 2))
    likelihood[3, 0] = 0.5
    nose[4] = np.nan
    likelihood[4:6, 1] = 0.1
    nose[6], tail[6] = (-50, 10), (-60, 10)
    write_pose(tmp_path / "pose.csv", nose, tail, likelihood)
    prepared = prepare(film, tmp_path / "m", tmp_path / "pose.csv", crop=30)
    notes = " | ".join(prepared.notes)
    assert "left out 1 of 24 frames, because 'Nose' was not found" in notes
    assert "left out 1 of 24 frames, because 'Nose' scored below 0.6 (--min-likelihood)" in notes
    assert "left out 1 of 24 frames, because 'Tail-Root' scored below 0.6 (--min-likelihood)" in notes
    assert prepared.warnings == ()
    assert "left out 1 of 24 frames, because the animal's centre was outside the picture" in notes
    metadata = load_images(prepared.npz).metadata
    assert metadata.column("frame").tolist() == [0, 1, 2, *range(7, 24)]
    step = math.hypot(film.x[7] - film.x[2], film.y[7] - film.y[2])
    assert metadata.column("speed_px_per_s")[3] == pytest.approx(step * FPS / 5, abs=0.01)


def test_every_limit_and_colour(film: Film, tmp_path: Path) -> None:
    counts: list[int] = []
    totals: list[int] = []
    options = VideoOptions(crop=30, size=15, every=4, limit=3, color=True)
    prepared = prepare_video(
        film.video, film.pose, tmp_path / "m", options, on_progress=counts.append, on_total=totals.append
    )
    loaded = load_images(prepared.npz)
    assert loaded.image_shape == (3, 15, 15)
    assert loaded.metadata.column("frame").tolist() == [0, 4, 8]
    assert (sum(counts), totals) == (9, [9])  # decoding stops with the last frame that is wanted
    # Speeds are those of the whole track, not of the frames that were taken.
    speed = np.hypot(np.diff(film.x), np.diff(film.y)) * FPS
    np.testing.assert_allclose(loaded.metadata.column("speed_px_per_s")[1:], speed[[3, 7]], atol=0.01)
    gray = load_images(prepare(film, tmp_path / "g", crop=30, size=15, limit=1).npz)
    assert np.abs(loaded.images[0].astype(int) - gray.images[0]).max() <= 12  # video levels, 16-235, against full ones


def test_uneven_frame_times_keep_frames_and_rows_together(film: Film, tmp_path: Path) -> None:
    """A video in which the second half runs three times slower has as many frames as before."""
    uneven = tmp_path / "uneven.mp4"
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-i", str(film.video), "-fps_mode", "passthrough"]
    times = f"setpts='if(lt(N,12),N,12+(N-12)*3)/{FPS}/TB'"
    subprocess.run([*command, "-vf", times, str(uneven)], check=True, stdin=subprocess.DEVNULL)
    prepared = prepare(film, tmp_path / "m", video=uneven, crop=40, size=20)
    assert prepared.n_images == N_FRAMES
    assert load_images(prepared.npz).images[:, 0, 9:11, 9:11].min() > 150


def test_another_centre_and_what_that_changes_are_said(film: Film, tmp_path: Path) -> None:
    lines = film.pose.read_text().splitlines()
    places = zip(film.x, film.y, strict=True)
    ears = ["net,net,net", "Ear,Ear,Ear", "x,y,likelihood", *(f"{x - 30},{y},1" for x, y in places)]
    (tmp_path / "pose.csv").write_text("\n".join(f"{line},{ear}" for line, ear in zip(lines, ears, strict=True)))
    middle = prepare(film, tmp_path / "m", tmp_path / "pose.csv", limit=3)
    notes = " | ".join(middle.notes)
    assert "middle between 'Nose' and 'Tail-Root' (--center)" in notes
    assert "(--center seen), is 10 pixels away" in notes
    seen = prepare(film, tmp_path / "s", tmp_path / "pose.csv", limit=3, center=("seen",))
    apart = load_images(middle.npz).metadata.column("x") - load_images(seen.npz).metadata.column("x")
    np.testing.assert_allclose(apart, 10, atol=1e-3)
    assert "--center" not in " | ".join(seen.notes)


def test_what_lies_beyond_the_edge_is_counted_and_marked(film: Film, tmp_path: Path) -> None:
    prepared = prepare(film, tmp_path / "m", crop=40, size=20)
    inside = load_images(prepared.npz).metadata.column("inside")
    assert any(note.startswith(f"{100 * (inside < 1).mean():.0f} % of the crops reach") for note in prepared.notes)
    marked = np.load(prepared.npz)["inside"]
    assert (marked.shape, marked.dtype) == ((N_FRAMES, 20, 20), np.uint8)
    assert np.abs(marked.mean(axis=(1, 2)) - inside).max() < 0.03
    whole = prepare(film, tmp_path / "n", crop=8, size=20)
    assert np.load(whole.npz).files == ["images", "recipe"]
    assert not any("reach over" in note for note in whole.notes)


def test_marks_lie_where_the_parts_are_in_the_images(film: Film, tmp_path: Path) -> None:
    prepared = prepare(film, tmp_path / "m", crop=40, size=20)
    rows = checked_rows(N_FRAMES)
    marks = prepared.sample.marks
    assert list(marks.points) == ["Nose", "Tail-Root"]
    middle = (marks.points["Nose"] + marks.points["Tail-Root"]) / 2
    np.testing.assert_allclose(middle, np.full((len(rows), 2), 10), atol=1e-6)  # the image's centre
    (left, top), (right, bottom) = marks.picture[:, 0].T, marks.picture[:, 2].T
    np.testing.assert_allclose(left, 10 - (film.x[rows] + 0.5) / 2, atol=1e-6)
    np.testing.assert_allclose((right - left, bottom - top), np.tile([[WIDTH / 2], [HEIGHT / 2]], len(rows)))
    assert (top < bottom).all()


def test_a_pose_of_a_window_of_the_video(film: Film, tmp_path: Path) -> None:
    center = np.stack([film.x, film.y], axis=1)
    write_pose(tmp_path / "pose.csv", center - [35, 10], center - [45, 20], np.ones((N_FRAMES, 2)))
    right = prepare(film, tmp_path / "m", tmp_path / "pose.csv", pose_offset=(40, 15), crop=40, size=20)
    np.testing.assert_allclose(load_images(right.npz).metadata.column("x"), film.x, atol=1e-3)
    assert right.warnings == ()
    wrong = prepare(film, tmp_path / "n", tmp_path / "pose.csv", crop=40, size=20)
    assert any("does not seem to be where" in warning for warning in wrong.warnings)
    assert all("--pose-offset X,Y" in warning and "--pose-turned" in warning for warning in wrong.warnings)


def test_a_video_that_players_turn(film: Film, tmp_path: Path) -> None:
    """Frames come upright; a pose of the stored ones is turned with them, one of the upright ones is right as it is."""
    turned = tmp_path / "turned.mp4"
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-display_rotation:v:0", "90", "-i", str(film.video)]
    subprocess.run([*command, "-c", "copy", str(turned)], check=True, stdin=subprocess.DEVNULL)
    stored = prepare(film, tmp_path / "m", video=turned, pose_turned=True, crop=40, size=20)
    assert any(
        "turned by 90 degrees counter-clockwise from how they are stored, and the pose" in note for note in stored.notes
    )
    loaded = load_images(stored.npz)
    assert loaded.images[:, 0, 9:11, 9:11].min() > 150
    np.testing.assert_allclose(loaded.metadata.column("x"), film.y, atol=1e-3)
    np.testing.assert_allclose(loaded.metadata.column("y"), WIDTH - 1 - film.x, atol=1e-3)
    off = (loaded.metadata.column("body_angle_deg") - film.angle - 90 + 180) % 360 - 180
    assert np.abs(off).max() < 0.01
    center = np.stack([film.y, WIDTH - 1 - film.x], axis=1)
    write_pose(tmp_path / "upright.csv", center + 5, center - 5, np.ones((N_FRAMES, 2)))
    upright = prepare(film, tmp_path / "n", tmp_path / "upright.csv", video=turned, crop=40, size=20)
    assert np.abs(load_images(upright.npz).images.astype(int) - loaded.images).max() <= 1
    assert upright.warnings == ()


def test_times_are_those_of_the_frames_or_of_the_rate_that_is_given(film: Film, tmp_path: Path) -> None:
    slow = load_images(prepare(film, tmp_path / "m", fps=Fraction(1000), crop=30).npz).metadata
    np.testing.assert_allclose(slow.column("time_s"), np.arange(N_FRAMES) / 1000, atol=1e-4)
    speed = np.hypot(np.diff(film.x), np.diff(film.y)) * 1000
    np.testing.assert_allclose(slow.column("speed_px_per_s")[1:], speed, rtol=1e-4)


def test_a_frame_that_cannot_be_decoded_shifts_no_row(film: Film, tmp_path: Path) -> None:
    """The file announces it, and only decoding shows that it is not there."""
    whole, damaged = tmp_path / "whole.avi", tmp_path / "damaged.avi"
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-i", str(film.video), "-c:v", "mjpeg", str(whole)]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
    start = -1
    data = bytearray(whole.read_bytes())
    for _ in range(8):
        start = data.index(b"\xff\xd8\xff", start + 1)
    data[start : start + 300] = bytes(300)
    damaged.write_bytes(data)
    lines = film.pose.read_text().splitlines()
    rows = [line.split(",", 1)[1] for i, line in enumerate(lines[3:]) if i != 7]
    (tmp_path / "pose.csv").write_text("\n".join(lines[:3] + [f"{i},{row}" for i, row in enumerate(rows)]) + "\n")
    totals: list[int] = []
    options = VideoOptions(crop=40, size=20)
    prepared = prepare_video(damaged, tmp_path / "pose.csv", tmp_path / "m", options, on_total=totals.append)
    loaded = load_images(prepared.npz)
    np.testing.assert_allclose(loaded.metadata.column("time_s"), np.delete(np.arange(N_FRAMES), 7) / FPS, atol=1e-4)
    assert loaded.images[:, 0, 9:11, 9:11].min() > 150
    assert totals == [N_FRAMES - 1, 2 * (N_FRAMES - 1)]  # it was decoded twice


def test_parts_without_telling_names(film: Film, tmp_path: Path) -> None:
    center = np.stack([film.x, film.y], axis=1)
    write_pose(tmp_path / "pose.csv", center + 5, center - 5, np.ones((N_FRAMES, 2)), "p1,p2")
    prepared = prepare(film, tmp_path / "m", tmp_path / "pose.csv")
    assert "body_angle_deg" not in prepared.columns
    assert any("name them (--front, --back), from p1, p2" in note for note in prepared.notes)
    np.testing.assert_allclose(load_images(prepared.npz).metadata.column("x"), film.x, atol=1e-3)
    with pytest.raises(UserError, match=r"which part is the back .*\(--back\) of p1, p2"):
        prepare(film, tmp_path / "n", tmp_path / "pose.csv", front="p1")
    with pytest.raises(UserError, match=r"no part of .*pose\.csv is called 'tail': choose one \(--back\) of p1, p2"):
        prepare(film, tmp_path / "n", tmp_path / "pose.csv", front="p1", back="tail")
    with pytest.raises(UserError, match="front and back are both 'p1'"):
        prepare(film, tmp_path / "n", tmp_path / "pose.csv", front="p1", back="P_1")


def test_an_animal_that_is_never_seen(film: Film, tmp_path: Path) -> None:
    write_pose(tmp_path / "p.csv", *(np.full((N_FRAMES, 2), 9.0),) * 2, np.full((N_FRAMES, 2), 0.1))
    with pytest.raises(UserError, match="the animal is in no frame of"):
        prepare(film, tmp_path / "m", tmp_path / "p.csv")


def test_what_is_no_video(film: Film, tmp_path: Path) -> None:
    text = tmp_path / "text.mp4"
    text.write_text("this is a letter, not a film\n" * 50)
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(film.video.read_bytes()[:500])
    for video in (text, cut, tmp_path / "absent.mp4"):
        with pytest.raises(UserError, match=rf"{video.name}") as caught:
            prepare(film, tmp_path / "m", video=video)
        assert len(str(caught.value).splitlines()) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cut.mp4", "text.mp4"]


def test_existing_output_is_refused_before_the_work(film: Film, tmp_path: Path) -> None:
    (tmp_path / "m.npz").write_text("mine")
    with pytest.raises(UserError, match=r"m\.npz already exist"):
        prepare_video(film.video, film.pose, tmp_path / "m", on_progress=lambda _: pytest.fail("decoded"))
    assert (tmp_path / "m.npz").read_text() == "mine"


def test_all_bad_options_in_one_error(film: Film, tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        prepare(
            film,
            tmp_path / "m",
            center=(),
            crop=1,
            size=0,
            fill="white",
            min_likelihood=2,
            arena_center=(0, math.nan),
            pose_offset=(math.inf, 0),
            fps=Fraction(0),
            limit=0,
            every=0,
        )
    assert len(caught.value.problems) == 10


# ---------------------------------------------------------------------------------------------------------- real video


def test_the_real_mouse(tmp_path: Path) -> None:
    folder = Path(__file__).parents[2].parent / "shared" / "data" / "arena-mouse"
    if not folder.is_dir():
        pytest.skip(f"the mouse video is not at {folder}")
    prepared = prepare_video(folder / "video.mp4", folder / "pose.csv", tmp_path / "mouse", VideoOptions(limit=30))
    notes = " | ".join(prepared.notes)
    assert "'Nose'" in notes
    assert "'Tailroot'" in notes
    assert "cut the last 1 of 750 rows" in notes
    loaded = load_images(prepared.npz)
    assert (len(loaded), loaded.image_shape) == (30, (1, 50, 50))
    # The mouse and its paws are brighter than the ground, so the crop's middle is brighter than the picture's floor.
    middle = loaded.images[:, 0, 18:32, 18:32].mean(axis=(1, 2))
    assert (middle > 1.5 * np.median(loaded.images, axis=(1, 2, 3))).mean() > 0.9
    # Ten degrees a frame is a fast turn for a mouse: an angle of the wrong sign or part would jump about.
    turn = np.abs((np.diff(loaded.metadata.column("body_angle_deg")) + 180) % 360 - 180)
    assert np.median(turn) < 10
