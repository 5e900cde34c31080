import subprocess

import imageio_ffmpeg
import numpy as np
import pytest

from autoencoder.data.sources.video.decoding.decode import Decoding
from autoencoder.data.sources.video.orientation import TURNS, UNTURNED, Orientation, Turn, read_orientation
from autoencoder.errors import UserError

PICTURE = np.zeros((32, 48), np.uint8)
PICTURE[4:8, 30:34] = 250  # a spot right of the middle, and above it
SPOT = np.array([31.5, 5.5])


def ffmpeg(*arguments, **options):
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-nostdin", "-y", *map(str, arguments)]
    subprocess.run(command, check=True, **options)


def place(picture):
    """The middle of what is bright, x and y."""
    down, across = np.nonzero(picture > 128)
    return np.array([across.mean(), down.mean()])


@pytest.fixture(scope="module")
def films(tmp_path_factory):
    """Two black frames and two with a spot; stored as that, and shown in the ways that the names say."""
    folder = tmp_path_factory.mktemp("films")
    raw = folder / "frames.raw"
    raw.write_bytes((np.stack([0 * PICTURE, 0 * PICTURE, PICTURE, PICTURE])).tobytes())
    source = ("-f", "rawvideo", "-pix_fmt", "gray", "-s", "48x32", "-r", "10", "-i", raw)
    ffmpeg(*source, "-c:v", "libx264", "-pix_fmt", "yuv420p", folder / "0.mp4")
    kinds = {"90": ["-display_rotation:v:0", "90"], "mirrored": ["-display_hflip:v:0"]}
    kinds["30"] = ["-display_rotation:v:0", "30"]
    for name, options in kinds.items():
        ffmpeg(*options, "-i", folder / "0.mp4", "-c", "copy", folder / f"{name}.mp4")
    return folder


@pytest.mark.parametrize(
    ("name", "turn"),
    [("0", UNTURNED), ("90", Turn(transposed=True, flipped=True)), ("mirrored", Turn(mirrored=True)), ("30", None)],
)
def test_the_turn_is_found_behind_black_frames(films, name, turn):
    video = films / f"{name}.mp4"
    orientation = read_orientation(video)
    assert orientation.turn == turn
    with Decoding(video) as frames:
        *_, shown = (frame.copy() for frame in frames)
    assert orientation.size == shown.shape[::-1]
    said = orientation.describe(video)
    if turn == UNTURNED:
        assert said is None
        with pytest.raises(UserError, match=r"0\.mp4 is stored the way players show it, .*leave out --pose-turned"):
            orientation.of_stored_places(SPOT, video)
    elif turn is None:
        assert "not a multiple of 90 degrees" in said
        with pytest.raises(UserError, match=r"30\.mp4 is turned by an angle .*\(--pose-turned\): convert"):
            orientation.of_stored_places(SPOT, video)
    else:
        assert TURNS[turn] in said
        assert "(--pose-turned, if" in said
        np.testing.assert_allclose(orientation.of_stored_places(SPOT, video), place(shown), atol=0.1)


@pytest.mark.parametrize("turn", TURNS, ids=TURNS.values())
def test_places_go_where_the_picture_goes(turn):
    shown = turn.of_picture(PICTURE)
    np.testing.assert_array_equal(turn.of_places(place(PICTURE), shown.shape[::-1]), place(shown))
    stack = np.stack([SPOT, SPOT * 2])[None]
    assert turn.of_places(stack, shown.shape[::-1]).shape == stack.shape


def test_names_of_turns():
    named = {name: turn.of_picture(PICTURE) for turn, name in TURNS.items()}
    np.testing.assert_array_equal(named["turned by 90 degrees clockwise"], np.rot90(PICTURE, -1))
    np.testing.assert_array_equal(named["turned by 90 degrees counter-clockwise"], np.rot90(PICTURE))
    np.testing.assert_array_equal(named["turned by 90 degrees clockwise and mirrored"], np.rot90(PICTURE, -1)[:, ::-1])
    np.testing.assert_array_equal(named["mirrored"], PICTURE[:, ::-1])
    assert len({Orientation((1, 1), turn).describe("x") for turn in TURNS}) == 8
