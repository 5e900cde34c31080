import subprocess
from fractions import Fraction
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import pytest

from autoencoder.data.sources.video.decoding.decode import Decoding
from autoencoder.data.sources.video.timing import Clock, decoded_clock, read_clock
from autoencoder.errors import UserError

N_FRAMES = 24


def ffmpeg(*arguments):
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-nostdin", "-y", *map(str, arguments)]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)


def film(path, *options, times="N", rate=20, clock="1/12000"):
    """Frames that differ, at `times` in units of 1 / rate."""
    times = f"settb=1/12000,setpts='round(({times})*12000/({rate}))'"
    source = f"testsrc=s=64x48,trim=end_frame={N_FRAMES},{times}"
    ffmpeg("-f", "lavfi", "-i", source, "-fps_mode", "passthrough", "-enc_time_base", clock, *options, path)
    return path


def seconds(clock):
    return clock.seconds(np.arange(len(clock)))


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("mp4", ("-c:v", "libx264", "-bf", "3")),
        ("mkv", ("-c:v", "libx264", "-bf", "3")),
        ("avi", ("-c:v", "mpeg4", "-bf", "2")),  # which keeps no times of such frames
        (
            "ts",
            (
                "-c:v",
                "libx264",
            ),
        ),  # which does not begin at 0
        ("webm", ("-c:v", "libvpx", "-cpu-used", "8")),
        ("gif", ()),
    ],
)
def test_times_of_every_kind_of_file(tmp_path, name, options):
    path = film(tmp_path / f"film.{name}", *options, clock="1/20" if name == "avi" else "1/12000")
    clock = read_clock(path)
    np.testing.assert_array_equal(seconds(clock), np.arange(N_FRAMES) / 20)
    assert clock.describe(path) == f"{path} has 20 frames per second"
    np.testing.assert_array_equal(seconds(decoded_clock(path)), seconds(clock))
    with Decoding(path) as frames:
        assert clock.agrees(frames.times(sum(1 for _ in frames)))


def test_a_rate_that_varies(tmp_path):
    clock = read_clock(film(tmp_path / "film.mp4", times="if(lt(N,12),N,12+(N-12)*3)"))
    expected = np.concatenate([np.arange(12), 12 + 3 * np.arange(12)]) / 20
    np.testing.assert_array_equal(seconds(clock), expected)
    assert not clock.counted  # it took no decoding
    frames = np.array([0, 10, 14, 15])
    np.testing.assert_allclose(clock.per_second(np.full(3, 6.0), frames), 6 / np.diff(expected[frames]))
    assert "varies, from 6.667 frames per second to 20 frames per second, with" in clock.describe(Path("film.mp4"))


@pytest.mark.parametrize(
    ("rate", "said"), [(1000, "has 1,000 frames per second"), (Fraction(1, 30), "frame every 30 s")]
)
def test_rates_that_ffmpeg_rounds_in_words(tmp_path, rate, said):
    path = film(tmp_path / "film.mp4", rate=rate)
    clock = read_clock(path)
    np.testing.assert_array_equal(seconds(clock), np.arange(N_FRAMES) / float(rate))
    assert said in clock.describe(path)


def test_a_video_that_was_cut_without_coding_it_anew(tmp_path):
    """Its file has packets before the cut, which are decoded and not shown."""
    whole = film(tmp_path / "whole.mp4", "-c:v", "libx264", "-g", "12")
    cut = tmp_path / "cut.mp4"
    ffmpeg("-ss", "0.3", "-i", whole, "-c", "copy", cut)
    clock = read_clock(cut)
    with Decoding(cut) as frames:
        n_shown = sum(1 for _ in frames)
    assert n_shown < N_FRAMES
    assert clock.counted
    np.testing.assert_array_equal(seconds(clock), np.arange(n_shown) / 20)


def test_files_without_times_ask_for_them(tmp_path):
    bare = film(tmp_path / "film.h264", "-c:v", "libx264")
    with pytest.raises(UserError, match=r"film\.h264 does not say when its frames were taken .*h264.* \(--fps 30\)"):
        read_clock(bare)
    clock = read_clock(bare, Fraction(30000, 1001))
    np.testing.assert_allclose(seconds(clock), np.arange(N_FRAMES) * 1001 / 30000, rtol=1e-15)
    assert "times are those of 29.97 frames per second (--fps)" in clock.describe(bare)


def test_a_clock_too_coarse_for_its_frames(tmp_path):
    fast = film(tmp_path / "film.mkv", rate=5000)  # in whole milliseconds
    with pytest.raises(UserError, match=r"frame 1 does not come after frame 0 .*1/1000 s.*--fps"):
        read_clock(fast)
    assert seconds(read_clock(fast, Fraction(5000)))[-1] == pytest.approx((N_FRAMES - 1) / 5000)


def test_a_picture_is_no_video(tmp_path):
    ffmpeg("-f", "lavfi", "-i", "testsrc=s=16x16", "-frames:v", "1", tmp_path / "a.png")
    with pytest.raises(UserError, match=r"a\.png is a single picture"):
        read_clock(tmp_path / "a.png")


# --------------------------------------------------------------------------------------------------------------- rates


def clock_at(times, unit=Fraction(1, 1000)):
    return Clock(np.array(times, np.int64), unit)


@pytest.mark.parametrize(
    ("times", "said"),
    [
        (np.rint(np.arange(49) * 1000 / 240), "has 240 frames per second"),  # 4 or 5 ms, which are 20 % apart
        (np.rint(np.arange(50) * 1000 / 29.97), "has 29.97 frames per second"),
        (np.delete(np.arange(50) * 2, 20), "varies, from 250 frames per second to 500"),
        (np.r_[:20:2, 20:50:3], "varies, from 333.3 frames per second to 500"),
        (np.r_[np.arange(10) * 100, 1000 + np.arange(10) * 105], "has 9.7"),  # within a tenth
    ],
)
def test_rounding_is_no_variation(times, said):
    assert said in clock_at(times).describe(Path("film.mkv"))


def test_a_clock_that_disagrees_with_what_was_decoded():
    clock = clock_at([0, 40, 80, 120])
    assert clock.agrees([b"7000 7000 1/1000\n", b"7040 7040 1/1000\n"])
    assert clock.agrees([b"0 0 1/90000\n", b"3600 3600 1/90000\n"])
    assert clock.agrees([b"0 0 1/1000\n", b"%d 40 1/1000\n" % -(2**63)])
    assert not clock.agrees([b"0 0 1/1000\n", b"80 80 1/1000\n"])
    assert not clock.agrees([b"0 0 1/1000\n", b"40 40 1/90000\n"])


def test_large_ticks_do_not_overflow():
    clock = Clock(np.arange(3) * 10**15 // 30, Fraction(1, 10**9))
    np.testing.assert_allclose(seconds(clock), np.arange(3) * 1e6 / 30)
    assert clock.agrees([b"0 0 1/1000000000\n", b"33333333333333 0 1/1000000000\n"])
