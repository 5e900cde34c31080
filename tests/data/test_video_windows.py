"""Windows of frames: the same pixels as in whole frames, and never others unnoticed."""

import re
import subprocess

import imageio_ffmpeg
import numpy as np
import pytest

from autoencoder.data.images import load_images
from autoencoder.data.sources.video import frames as video_frames
from autoencoder.data.sources.video.decoding import decode, windows
from autoencoder.data.sources.video.decoding.decode import Decoding, RestartedError
from autoencoder.data.sources.video.decoding.windows import ALIGNED, Windows, find_windows
from autoencoder.data.sources.video.options import VideoOptions
from autoencoder.data.sources.video.prepare import prepare_video

N_FRAMES = 30

pytestmark = pytest.mark.skipif(not decode.HAS_WINDOWS, reason="a second pipe needs POSIX")


def film(path, *options, size="251x190", n_frames=N_FRAMES, start=0):
    source = f"testsrc=size={size}:rate=25,format=gbrp,noise=alls=20:allf=t"
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-nostdin", "-y", "-f", "lavfi", "-i", source]
    subprocess.run([*command, "-frames:v", str(n_frames), *options, "-output_ts_offset", str(start), path], check=True)
    return path


def functions(text):
    """The expressions in a filter of ffmpeg, as functions of the frame's number."""
    names = {"choose": lambda yes, a, b: a if yes else b, "lt": lambda a, b: a < b}
    python = [re.sub(r"\bif\(", "choose(", expression) for expression in re.findall(r"'([^']*)'", text)]
    return [eval(f"lambda n: {expression}", names) for expression in python]


def walk(n, extent, picture, rng, step=4.0):
    """Boxes that wander over the picture, and jump now and then."""
    jumps = rng.integers(0, 300, (n, 2)) * (rng.random((n, 1)) < 0.02)
    places = np.cumsum(rng.normal(scale=step, size=(n, 2)) + jumps, axis=0)
    near = (places % (np.array(picture) - extent)).astype(np.int64)
    return np.hstack([near, near + extent])


@pytest.mark.parametrize("picture", [(1064, 1070), (641, 480), (333, 777)])
@pytest.mark.parametrize("step", [0.5, 4.0, 40.0])
def test_what_is_looked_at_lies_in_the_window_of_its_frame(picture, step):
    rng = np.random.default_rng(0)
    frames = np.sort(rng.choice(1000, 700, replace=False))
    boxes = walk(len(frames), 90, picture, rng, step)
    # Another animal, 50 pixels away, in some of the frames.
    frames, boxes = np.repeat(frames, 2)[: 2 * 300], np.repeat(boxes, 2, axis=0)[: 2 * 300]
    boxes[1::2, [0, 2]] += np.where(boxes[1::2, [2]] + 50 < picture[0], 50, -50)
    whole = np.unique(rng.choice(frames, 60))
    found = find_windows(frames, boxes, whole, picture)
    (x, y), (is_whole,) = functions(found.crop_filter()), functions(found.select_filter())
    for frame, (x0, y0, x1, y1) in zip(frames.tolist(), boxes.tolist(), strict=True):
        left, top = x(frame), y(frame)
        place = np.searchsorted(found.starts, frame, side="right") - 1
        assert (left, top) == (found.left[place], found.top[place])
        assert left % ALIGNED == top % ALIGNED == 0
        assert 0 <= left <= x0 < x1 <= left + found.side[0] <= picture[0]
        assert 0 <= top <= y0 < y1 <= top + found.side[1] <= picture[1]
    assert [n for n in range(1000) if is_whole(n)] == whole.tolist()


def test_no_windows_where_they_gain_nothing():
    frames, boxes = np.arange(100), np.tile([0, 0, 50, 50], (100, 1))
    assert find_windows(frames, boxes, frames[:3], (400, 400)) is not None
    assert find_windows(frames, boxes, frames[:3], (60, 60)) is None  # nearly the picture
    assert find_windows(frames, boxes, frames[:60], (400, 400)) is None  # most frames are needed whole


def test_windows_grow_until_ffmpeg_can_be_told_of_them(monkeypatch):
    boxes = walk(5000, 60, (1000, 1000), np.random.default_rng(0), step=6)
    found = [find_windows(np.arange(5000), boxes, np.array([0]), (1000, 1000))]
    monkeypatch.setattr(windows, "MOST_TEXT", len(found[0].crop_filter()) // 2)
    found.append(find_windows(np.arange(5000), boxes, np.array([0]), (1000, 1000)))
    assert found[1].side > found[0].side
    assert len(found[1].starts) < len(found[0].starts)
    assert len(found[1].crop_filter()) <= windows.MOST_TEXT
    monkeypatch.setattr(windows, "MOST_TEXT", 30)
    assert find_windows(np.arange(5000), boxes, np.array([0]), (1000, 1000)) is None


KINDS = {
    "yuv420p": ("film.mp4", ("-c:v", "libx264", "-pix_fmt", "yuv420p", "-bf", "2"), "250x190"),
    "yuv444p": ("film.mkv", ("-c:v", "libx264", "-pix_fmt", "yuv444p"), "251x191"),
    "10 bits": ("film.mkv", ("-c:v", "libx264", "-pix_fmt", "yuv420p10le"), "250x190"),
    "full range": ("film.avi", ("-c:v", "mjpeg", "-pix_fmt", "yuvj422p"), "250x191"),
    "rgb": ("film.mkv", ("-c:v", "ffv1", "-pix_fmt", "bgr0"), "251x191"),
    "16 bits": ("film.mkv", ("-c:v", "ffv1", "-pix_fmt", "gray16le"), "251x191"),
}


@pytest.mark.parametrize(
    ("kind", "color"),
    [
        *[(kind, False) for kind in KINDS],
        *[pytest.param(kind, True, marks=pytest.mark.slow if kind not in ("yuv420p", "rgb") else ()) for kind in KINDS],
    ],
)
def test_windows_are_the_same_pixels(tmp_path, kind, color):
    name, options, size = KINDS[kind]
    video = film(tmp_path / name, *options, size=size)
    picture = tuple(int(side) for side in size.split("x"))
    boxes = walk(N_FRAMES, 40, picture, np.random.default_rng(1))
    found = find_windows(np.arange(N_FRAMES), boxes, np.array([0, 7, 8, 20]), picture)
    with Decoding(video, color=color) as frames:
        expected = [frame.copy() for frame in frames]
        times = frames.times(N_FRAMES)
    n_read = 0
    with Decoding(video, color=color, windows=found) as frames:
        for number, (frame, right) in enumerate(zip(frames, expected, strict=True)):
            if number in found.whole:
                np.testing.assert_array_equal(frame, right)
            left, top, behind, below = boxes[number]
            part = (..., slice(top, below), slice(left, behind))
            np.testing.assert_array_equal(frame[part], right[part])
            assert (frame != right).any() or number in found.whole  # no more than the window came
            n_read += 1
        assert frames.times(N_FRAMES) == times
    assert n_read == N_FRAMES


def test_frames_that_are_turned(tmp_path):
    plain, turned = film(tmp_path / "plain.mp4", size="250x190"), tmp_path / "turned.mp4"
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-display_rotation", "90", "-i", plain]
    subprocess.run([*command, "-c", "copy", turned], check=True)
    found = Windows((190, 250), (56, 48), *(np.array([n]) for n in (0, 64, 128, 5)))
    with Decoding(turned) as frames:
        expected = [frame.copy() for frame in frames]
    with Decoding(turned, windows=found) as frames:
        for frame, right in zip(frames, expected, strict=True):
            np.testing.assert_array_equal(frame[128:176, 64:120], right[128:176, 64:120])


def joined(tmp_path, options, n_frames=N_FRAMES):
    """A video of twice as many frames, whose second half has another format, or is as the first."""
    codec, common = ("-c:v", "libx264", "-bf", "0"), {"size": "256x192", "n_frames": n_frames}
    first = film(tmp_path / "first.ts", *codec, "-pix_fmt", "yuv420p", **common)
    second = film(tmp_path / "second.ts", *codec, *options, **common, start=(n_frames + 1) / 25)
    video = tmp_path / "film.ts"
    video.write_bytes(first.read_bytes() + second.read_bytes())
    return video


RANGES = {"same": ("-pix_fmt", "yuv420p"), "format": ("-pix_fmt", "yuv444p"), "range": ("-color_range", "pc")}


@pytest.mark.parametrize("change", RANGES)
def test_it_is_noticed_that_ffmpeg_counts_anew(tmp_path, change):
    """Where the format changes, it builds its filters anew, and their frame number begins at 0."""
    video = joined(tmp_path, RANGES[change])
    boxes = walk(2 * N_FRAMES, 40, (256, 192), np.random.default_rng(0))
    found = find_windows(np.arange(2 * N_FRAMES), boxes, np.array([0]), (256, 192))
    with Decoding(video, windows=found) as frames:
        n = sum(1 for _ in frames)
        if change == "same":
            assert len(frames.times(n)) == n
        else:
            with pytest.raises(RestartedError, match="not counted"):
                frames.times(n)


def test_a_whole_frame_that_does_not_come(tmp_path, monkeypatch):
    monkeypatch.setattr(decode, "PATIENCE", 0.2)
    video = film(tmp_path / "film.mp4", size="250x190", n_frames=200)
    found = find_windows(np.arange(200), np.tile([0, 0, 40, 40], (200, 1)), np.array([0, 3]), (250, 190))
    monkeypatch.setattr(Windows, "select_filter", lambda _: "select='eq(n,0)'")
    with pytest.raises(RestartedError, match="did not come"), Decoding(video, windows=found) as frames:
        for _ in frames:
            pass


def write_pose(path, n_frames, size):
    """An animal of 24 pixels that goes round, and is near the picture's edge twice."""
    turn = 2 * np.pi * np.arange(n_frames) / n_frames
    radius = 0.42 * min(size)
    x, y = size[0] / 2 + radius * np.cos(turn), size[1] / 2 + radius * np.sin(turn)
    lines = ["scorer" + ",net" * 6, "bodyparts" + ",Nose" * 3 + ",Tailroot" * 3, "coords" + ",x,y,likelihood" * 2]
    for i in range(n_frames):
        along, aside = 12 * np.cos(turn[i] * 3), 12 * np.sin(turn[i] * 3)
        lines.append(f"{i},{x[i] + along},{y[i] + aside},1,{x[i] - along},{y[i] - aside},1")
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture
def with_and_without(tmp_path, monkeypatch):
    """Prepares a video with windows and without them, and says which windows there were."""

    def prepare(video, pose, options):
        found, watch = [], video_frames.Film.watch

        def noted(film, n_frames, look, windows=None):
            found.append(windows)
            watch(film, n_frames, look, windows)

        monkeypatch.setattr(video_frames.Film, "watch", noted)
        made = []
        for name, has_windows in (("with", True), ("without", False)):
            monkeypatch.setattr(video_frames, "HAS_WINDOWS", has_windows)
            prepare_video(video, pose, tmp_path / name, options)
            made.append(load_images(tmp_path / f"{name}.npz").images)
        return *made, [windows for windows in found if windows is not None]

    return prepare


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"align": True},
        pytest.param({"color": True}, marks=pytest.mark.slow),
        pytest.param({"fill": "edge"}, marks=pytest.mark.slow),
        pytest.param({"fill": "mean", "normalise": "intensity"}, marks=pytest.mark.slow),
        pytest.param({"every": 2}, marks=pytest.mark.slow),
        pytest.param({"limit": 222}, marks=pytest.mark.slow),
        pytest.param({"mask": True}, marks=pytest.mark.slow),
    ],
)
def test_prepared_images_are_the_same(tmp_path, with_and_without, options):
    video = film(tmp_path / "film.mp4", size="320x240", n_frames=400)
    pose = write_pose(tmp_path / "pose.csv", 400, (320, 240))
    images, others, found = with_and_without(video, pose, VideoOptions(size=20, **options))
    np.testing.assert_array_equal(images, others)
    assert bool(found) == ("mask" not in options)  # masks are found in whole frames


@pytest.mark.parametrize("change", ["format", "range"])
def test_a_format_that_changes_amid_a_video_changes_no_image(tmp_path, with_and_without, change):
    n = 80
    video = joined(tmp_path, RANGES[change], n)
    pose = write_pose(tmp_path / "pose.csv", 2 * n, (256, 192))
    images, others, found = with_and_without(video, pose, VideoOptions(size=20))
    assert len(images) == 2 * n
    np.testing.assert_array_equal(images, others)
    assert found
