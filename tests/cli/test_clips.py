"""`clips`: which frames are in a movie, when, and where; on videos whose frames carry their number as brightness."""

from fractions import Fraction
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import pytest

import autoencoder as ae
from autoencoder.data.metadata import Metadata
from autoencoder.data.sources.video.cutting.clips import NO_FRAME, Clip, Way, cut_clips, frames_at
from autoencoder.data.sources.video.decoding.decode import Decoding
from autoencoder.data.sources.video.frames import Tally, WrongClockError
from autoencoder.data.sources.video.options import VideoOptions
from autoencoder.data.sources.video.prepare import open_video
from autoencoder.data.sources.video.timing import Clock
from autoencoder.errors import UserError
from autoencoder.plots.movies.clips import EMPTY, MARK, MARK_COLOR, clip_frames, side_of_tiles, tile_corner
from autoencoder.workflows.clips.images import THE_ONLY_ONE, apart
from autoencoder.workflows.clips.rows import read_rows
from autoencoder.workflows.clips.videos import find_videos

FPS, N_FRAMES, STEP = 10, 30, 8
SIDE = 64
SLOWLY = pytest.mark.slow


def film(path: Path, *, fps: int = FPS, n: int = N_FRAMES, step: int = STEP, size=(SIDE, SIDE)) -> Path:
    """Frame i has the brightness i * step on its left half, and 255 less that on its right."""
    width, height = size
    writer = imageio_ffmpeg.write_frames(
        str(path), size, fps=fps, pix_fmt_in="gray", quality=9, macro_block_size=1, ffmpeg_log_level="error"
    )
    writer.send(None)
    for i in range(n):
        left = np.full((height, width // 2), i * step, np.uint8)
        writer.send(np.ascontiguousarray(np.concatenate([left, 255 - left], axis=1)))
    writer.close()
    return path


@pytest.fixture(scope="module")
def recorded(tmp_path_factory, succeed):
    """Two films, a data set of both, and a run on it; the second has frames twice as often."""
    folder = tmp_path_factory.mktemp("recorded")
    film(folder / "slow.mp4")
    film(folder / "fast.mp4", fps=2 * FPS, n=2 * N_FRAMES, step=STEP // 2)
    (folder / "recordings.csv").write_text("video,animal\nslow.mp4,one\nfast.mp4,two\n")
    options = ("--size", 16, "--out", folder / "data" / "set", "--quiet")
    succeed("prepare", "experiment", folder / "recordings.csv", *options)
    flags = ("--encoder", "dense", "--epochs", 1, "--latent-dim", 2, "--split", "random", "--batch-size", 8, "--quiet")
    succeed("train", folder / "data" / "set.npz", "--run", folder / "run", *flags)
    return folder


def rows_file(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def numbers(movie: Path, i: int, n: int) -> np.ndarray:
    """(T,) the brightness that tile i of n begins with, at each moment of a movie; NaN where it is empty."""
    side = side_of_tiles(n)
    left, top = tile_corner(i, n, side)
    with Decoding(movie) as frames:
        tiles = [frame[top : top + side, left : left + side].astype(float) for frame in frames]
    halves = np.array([(tile[:, : side // 2 - 9].mean(), tile[:, side // 2 + 9 :].mean()) for tile in tiles])
    is_empty = np.abs(halves - EMPTY).max(axis=1) < 4
    return np.where(is_empty, np.nan, halves[:, 0])


@pytest.mark.slow
def test_the_image_s_frame_is_in_the_middle_and_clips_are_equally_long(recorded, tmp_path, succeed):
    """Frames 0, 15 and 29 of one video, 40 of one that is twice as fast: 1 s around each, at the fast one's rate."""
    rows = rows_file(tmp_path / "rows.csv", "recording,frame\nslow,0\nslow,15\nslow,29\nfast,40\n")
    out = tmp_path / "clips.mp4"
    succeed("clips", recorded / "run", "--rows", rows, "--video", recorded, "--seconds", 1, "--out", out)
    moments = np.arange(-10, 11) / (2 * FPS)
    for i, (step, fps, frame, last) in enumerate(
        [(STEP, FPS, 0, 29), (STEP, FPS, 15, 29), (STEP, FPS, 29, 29), (STEP // 2, 2 * FPS, 40, 59)]
    ):
        found = numbers(out, i, 4) / step
        assert len(found) == len(moments)
        wanted = frame + moments * fps
        there = (wanted >= -0.5) & (wanted <= last + 0.5)
        np.testing.assert_array_equal(np.isfinite(found), there)
        # A frame of the slow video stands for two moments; half-way between two frames either is right.
        np.testing.assert_allclose(found[there], wanted[there].clip(0, last), atol=0.5 + 4 / step)
        assert found[10] == pytest.approx(frame, abs=4 / step)


@SLOWLY
def test_clips_play_as_fast_as_they_were_or_by_a_factor(recorded, tmp_path, succeed):
    rows = rows_file(tmp_path / "rows.csv", "recording,frame\nfast,30\n")
    for speed, seconds, fps in ((1, 21 / 20, 20), (0.5, 21 / 10, 10), (4, 31 / 60, 60)):
        out = tmp_path / f"{speed}.mp4"
        flags = ("--seconds", 1 if speed < 2 else 2, "--speed", speed, "--out", out, "--quiet")
        succeed("clips", recorded / "run", "--rows", rows, "--recordings", recorded / "recordings.csv", *flags)
        read, expected = imageio_ffmpeg.count_frames_and_secs(str(out)), (round(seconds * fps), seconds)
        assert read == pytest.approx(expected, abs=0.02)


def test_frames_at_moments_of_an_uneven_clock():
    """Each moment takes the frame that is nearest in time, as looking at all of them tells."""
    rng = np.random.default_rng(0)
    clock = Clock(np.cumsum(np.concatenate([[0], rng.integers(20, 60, 40)])), Fraction(1, 1000))
    times, moments = clock.ticks / 1000, np.linspace(-0.5, 0.5, 41)
    for frame in (0, 3, 20, 40):
        found = frames_at(clock, frame, moments)
        wanted = times[frame] + moments
        nearest = np.abs(wanted[:, None] - times).min(axis=1)
        shown = found != NO_FRAME
        np.testing.assert_allclose(np.abs(wanted - times[found])[shown], nearest[shown])
        assert shown[(wanted >= 0) & (wanted <= times[-1])].all()
        assert not shown[(wanted < -0.06) | (wanted > times[-1] + 0.06)].any()
        assert found[20] == frame


def test_windows_follow_the_animal_or_stay(tmp_path):
    """A point that wanders one pixel a frame stays in the middle of a window that follows, and wanders in one that
    stays."""
    path = tmp_path / "point.mp4"
    writer = imageio_ffmpeg.write_frames(
        str(path), (96, 48), fps=FPS, pix_fmt_in="gray", quality=10, macro_block_size=1, ffmpeg_log_level="error"
    )
    writer.send(None)
    for i in range(N_FRAMES):
        frame = np.zeros((48, 96), np.uint8)
        frame[20:23, 30 + i : 33 + i] = 255
        writer.send(frame)
    writer.close()
    known = np.array([0, 10, 29])  # in between it is on the line
    way = Way(known, 31.0 + known, np.full(3, 21.0), 24)
    opened, moments = open_video(path, None, VideoOptions(), Tally()), np.arange(-5, 6) / FPS
    tiles = np.full((2, 11, 24, 24), EMPTY, np.uint8)
    clips = [Clip(12, way), Clip(12, way.staying(12))]
    opened.with_right_clock(lambda opened: cut_clips(opened.film, clips, moments, tiles))
    across = (tiles > 128) @ np.arange(24.0)
    columns = across.sum(axis=2) / (tiles > 128).sum(axis=(2, 3))
    np.testing.assert_allclose(columns[0], 11.5, atol=0.51)
    np.testing.assert_allclose(columns[1], 11.5 + np.arange(-5, 6), atol=0.51)


def test_a_clock_that_is_wrong_is_noticed(tmp_path):
    opened = open_video(film(tmp_path / "a.mp4"), None, VideoOptions(), Tally())
    clock = Clock(opened.film.clock.ticks[:-3] * 2, opened.film.clock.unit)
    wrong = type(opened.film)(opened.film.video, opened.film.picture, clock, color=False, tally=Tally())
    with pytest.raises(WrongClockError):
        cut_clips(wrong, [Clip(5, None)], np.zeros(1), np.zeros((1, 1, 8, 8), np.uint8))


@pytest.mark.parametrize("n", [1, 2, 3, 7, 16, 31, 100])
def test_tiles_lie_apart_and_within_the_frame(n):
    side = side_of_tiles(n)
    rng = np.random.default_rng(n)
    tiles = rng.integers(1, 9, (n, 3, side, side), np.uint8)
    marked = np.array([False, True, False])
    before, middle, after = clip_frames(tiles, [f"row {i}" for i in range(n)], "some rows", marked)
    assert before.shape == middle.shape == after.shape
    seen = np.zeros(before.shape[:2], int)
    for i in range(n):
        left, top = tile_corner(i, n, side)
        for moment, frame in enumerate((before, middle, after)):
            np.testing.assert_array_equal(frame[top : top + side, left : left + side, 1], tiles[i, moment])
        assert (middle[top - MARK, left : left + side] == MARK_COLOR).all()
        seen[top - MARK : top + side + MARK, left - MARK : left + side + MARK] += 1
    assert seen.max() == 1
    assert not (before == MARK_COLOR).all(axis=2).any()
    np.testing.assert_array_equal(before[seen == 0], middle[seen == 0])


def test_images_whose_clips_would_overlap_are_shown_once_and_evenly(recorded, tmp_path, succeed):
    """Of every frame of a video of 3 s there are clips of 1 s around frames 0, 10 and 20."""
    text = "recording,frame\n" + "".join(f"slow,{frame}\n" for frame in range(N_FRAMES))
    rows, out = rows_file(tmp_path / "rows.csv", text), tmp_path / "clips.mp4"
    flags = ("--video", recorded / "slow.mp4", "--seconds", 1, "--out", out)
    said = succeed("clips", recorded / "run", "--rows", rows, *flags).out
    assert "27 of the 30 images" in said
    middles = [numbers(out, i, 3)[5] / STEP for i in range(3)]
    np.testing.assert_allclose(middles, (0, 10, 20), atol=4 / STEP)
    said = succeed("clips", recorded / "run", "--rows", rows, *flags, "--clips", 2).out
    assert "2 of 3 clips are shown" in said
    np.testing.assert_allclose([numbers(out, i, 2)[5] / STEP for i in range(2)], (0, 20), atol=4 / STEP)


def test_apart():
    rng = np.random.default_rng(1)
    times = np.sort(rng.uniform(0, 20, 200))
    kept = times[apart(times, 1.5)]
    assert (np.diff(kept) >= 1.5).all()
    since = times[:, None] - kept
    assert np.where(since >= 0, since, np.inf).min(axis=1).max() < 1.5  # each is in the time of one before it


@SLOWLY
def test_the_same_movie_again(recorded, tmp_path, succeed):
    rows = rows_file(tmp_path / "rows.csv", "row\n3\n80\n")
    for name in ("a.gif", "b.gif"):
        flags = ("--video", recorded, "--clips", 2, "--seconds", 0.4, "--out", tmp_path / name, "--quiet")
        succeed("clips", recorded / "run", "--rows", rows, *flags)
    assert (tmp_path / "a.gif").read_bytes() == (tmp_path / "b.gif").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.gif", "b.gif", "rows.csv"]


# ----------------------------------------------------------------------------------------------------------------- rows


def metadata_of(n: int = 12) -> Metadata:
    """Frames 0, 2, 4, ... of two recordings, of two animals each."""
    recording = np.repeat(["a", "b"], n // 2)
    individual, frame = np.tile(["m", "f"], n // 2), np.tile(np.arange(n // 4).repeat(2) * 2, 2)
    return Metadata({"recording": recording, "individual": individual, "frame": frame})


def test_rows_by_number_and_by_name_are_the_same(tmp_path):
    metadata = metadata_of()
    by_row = rows_file(tmp_path / "a.csv", "x,row\n,7\n,0\n,7\n")
    by_name = rows_file(tmp_path / "b.csv", "frame,recording,individual,z\n0.0,a,m,1\n0,b,f,2\n")
    np.testing.assert_array_equal(read_rows(by_row, metadata, 12), [0, 7])
    np.testing.assert_array_equal(read_rows(by_name, metadata, 12), [0, 7])
    of_both = rows_file(tmp_path / "c.csv", "frame,recording\n2,b\n")
    np.testing.assert_array_equal(read_rows(of_both, metadata, 12), [8, 9])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("name,x\na,1\n", ["does not name images", "row", "name, x"]),
        ("row\n", ["names no image"]),
        ("row\n12\n", ["line 2", "row 12", "0 to 11"]),
        ("row\n1.5\n", ["line 2", "row 1.5"]),
        ("row,frame\n3,0\n", ["line 2", "frame 0 of row 3", "which is 2", "another data set"]),
        ("frame\n2\n", ["several recordings", "'recording'"]),
        ("frame,recording\n2,c\n", ["recording c, frame 2", "no image"]),
        ("frame,recording\n3,a\n", ["recording a, frame 3", "no image"]),
        ("row,frame\n1\n", ["line 2", "1 fields", "header has 2"]),
        ("row\n" + "99\n" * 9, ["line 6", "4 more lines"]),
    ],
)
def test_tables_that_name_no_images(tmp_path, text, words):
    with pytest.raises(UserError) as error:
        read_rows(rows_file(tmp_path / "rows.csv", text), metadata_of(), 12)
    for word in words:
        assert word in str(error.value)


# --------------------------------------------------------------------------------------------------------------- videos


def test_videos_are_found_by_the_names_of_recordings(tmp_path):
    for name in ("a.mp4", "a.csv", "b.avi", "other.mp4"):
        (tmp_path / name).write_bytes(b"x")
    found = find_videos(["a", "b"], None, folder=tmp_path, is_only=False)
    assert found == {"a": tmp_path / "a.mp4", "b": tmp_path / "b.avi"}
    recipe = {
        "command": "prepare experiment",
        "version": 1,
        "recordings": [{"recording": "a", "video": "other.mp4"}, {"recording": "b", "video": "b.avi"}],
    }
    found = find_videos(["a", "b"], recipe, folder=tmp_path / "elsewhere", is_only=False, given=[tmp_path])
    assert found["a"] == tmp_path / "other.mp4"
    renamed = find_videos(["a"], None, folder=tmp_path, is_only=True, given=[tmp_path / "other.mp4"])
    assert renamed == {"a": tmp_path / "other.mp4"}


def test_the_video_of_a_set_that_names_no_recording(tmp_path):
    """`prepare video` notes its name."""
    recipe = {"command": "prepare video", "video": "mouse.mp4"}
    with pytest.raises(UserError, match=r"^there is no video mouse\.mp4 \(looked for in"):
        find_videos([THE_ONLY_ONE], recipe, folder=tmp_path, is_only=True)
    for name in ("other.mp4", "mouse.mp4"):
        (tmp_path / name).write_bytes(b"x")
    assert find_videos([THE_ONLY_ONE], recipe, folder=tmp_path, is_only=True) == {THE_ONLY_ONE: tmp_path / "mouse.mp4"}


def test_missing_videos_are_named_before_any_work(recorded, tmp_path, call):
    rows = rows_file(tmp_path / "rows.csv", "row\n3\n80\n")
    run = recorded / "run"
    said = call("clips", run, "--rows", rows).refused("slow.mp4 of recording 'slow'", "fast.mp4 of recording 'fast'")
    assert "--video" in said
    assert not (run / "clips").exists()
    call("clips", run, "--rows", rows, "--video", recorded / "slow.mp4").refused("fast.mp4")
    call("clips", run, "--rows", rows, "--video", tmp_path / "none.mp4").refused("none.mp4")
    call("clips", run, "--rows", rows, "--video", recorded, "--window", "follow").refused("--window frame")
    call("clips", run, "--rows", rows, "--video", recorded, "--out", tmp_path / "a.avi").refused(".mp4 or .gif")
    call("clips", run, "--rows", rows, "--video", recorded, "--out", recorded / "slow.mp4").refused("be replaced")


@pytest.mark.parametrize(
    ("change", "word"),
    [({"n": 20}, "0 to 19"), ({"size": (48, SIDE)}, "48x64"), ({"fps": 25}, "another time")],
)
def test_another_video_of_that_name_is_refused(recorded, tmp_path, call, change, word):
    film(tmp_path / "slow.mp4", **change)
    rows = rows_file(tmp_path / "rows.csv", "recording,frame\nslow,25\n")
    call("clips", recorded / "run", "--rows", rows, "--video", tmp_path).refused("slow.mp4", word, "--video")


@SLOWLY
def test_a_data_set_that_names_no_recording(tmp_path, succeed, call):
    """Of one video, whose name is known; with places of an animal it is followed, in the crop of the images."""
    path = tmp_path / "blob.mp4"
    writer = imageio_ffmpeg.write_frames(
        str(path), (96, 64), fps=FPS, pix_fmt_in="gray", quality=9, macro_block_size=1, ffmpeg_log_level="error"
    )
    writer.send(None)
    down, right = np.mgrid[:64, :96]
    for i in range(N_FRAMES):
        blob = 220 * np.exp(-((right - 20 - 2 * i) ** 2 + (down - 30) ** 2) / 32)
        writer.send(np.ascontiguousarray(20 + blob).astype(np.uint8))
    writer.close()
    options = ("--follow", "brightest", "--crop", 24, "--size", 16, "--out", tmp_path / "set", "--quiet")
    succeed("prepare", "video", path, *options)
    flags = ("--encoder", "dense", "--epochs", 1, "--latent-dim", 2, "--split", "random", "--batch-size", 8, "--quiet")
    succeed("train", tmp_path / "set.npz", "--run", tmp_path / "run", *flags)
    rows = rows_file(tmp_path / "rows.csv", "frame\n12\n")
    moved = path.rename(tmp_path / "moved.mp4")
    call("clips", tmp_path / "run", "--rows", rows).refused("there is no video blob.mp4 (looked for in", "--video")
    succeed("clips", tmp_path / "run", "--rows", rows, "--video", moved, "--seconds", 1, "--quiet")
    movie, side = tmp_path / "run" / "clips" / "rows.mp4", side_of_tiles(1)
    left, top = tile_corner(0, 1, side)
    with Decoding(movie) as frames:
        tiles = np.array([frame[top : top + side, left : left + side] for frame in frames])
    images = ae.load_images(tmp_path / "set.npz")
    shown = images.metadata.column("frame").tolist()
    for moment, tile in enumerate(tiles):
        small = tile[: side // 16 * 16, : side // 16 * 16].reshape(16, side // 16, 16, side // 16).mean(axis=(1, 3))
        image = images.images[shown.index(7 + moment), 0]
        assert np.corrcoef(small.ravel(), image.ravel())[0, 1] > 0.995
