from __future__ import annotations

import itertools
from pathlib import Path

import imageio.v3 as iio
import numpy as np
import pytest

from autoencoder.errors import UserError
from autoencoder.plots.movies.writer import MovieWriter


def frames(n: int = 6, height: int = 64, width: int = 96) -> list[np.ndarray]:
    """A white bar that moves to the right over colours."""
    made = []
    for i in range(n):
        frame = np.full((height, width, 3), (200, 60, 30), np.uint8)
        frame[:, 10 * i : 10 * i + 8] = 255
        made.append(frame)
    return made


def read_movie(path: Path) -> np.ndarray:
    plugin = "FFMPEG" if path.suffix == ".mp4" else "pillow"
    return np.stack([frame[..., :3] for frame in iio.imiter(path, plugin=plugin)])


def write(path: Path, shown: list[np.ndarray], fps: float = 15) -> None:
    with MovieWriter(path, fps) as movie:
        for frame in shown:
            movie.append(frame)


def test_mp4_reads_back(tmp_path: Path) -> None:
    path = tmp_path / "new folder" / "movie.mp4"
    write(path, frames(), fps=10)
    read = read_movie(path).astype(int)
    assert read.shape == (6, 64, 96, 3)
    assert np.abs(read - np.stack(frames())).mean() < 8  # lossy, with colour at half the resolution
    assert all(np.abs(a - b).mean() > 5 for a, b in itertools.pairwise(read))
    meta = iio.immeta(path, plugin="FFMPEG")
    assert meta["codec"] == "h264"
    assert meta["pix_fmt"].startswith("yuv420p")
    assert meta["fps"] == 10
    content = path.read_bytes()
    assert content.index(b"moov") < content.index(b"mdat")  # plays before it is wholly loaded
    assert [file.name for file in path.parent.iterdir()] == ["movie.mp4"]


def test_odd_frames_become_even_by_repeating_the_edge(tmp_path: Path) -> None:
    path = tmp_path / "odd.mp4"
    write(path, frames(height=65, width=97))
    read = read_movie(path)
    assert read.shape == (6, 66, 98, 3)
    assert np.abs(read[0, 65].astype(int) - read[0, 64].astype(int)).mean() < 8


def test_grey_frames(tmp_path: Path) -> None:
    path = tmp_path / "grey.mp4"
    write(path, [np.full((32, 32), level, np.uint8) for level in (0, 120, 240)])
    assert np.abs(read_movie(path).mean(axis=(1, 2, 3)) - [0, 120, 240]).max() < 4


def test_gif_reads_back_and_loops(tmp_path: Path) -> None:
    from PIL import Image

    path = tmp_path / "movie.gif"
    write(path, frames(height=33, width=75), fps=10)
    assert read_movie(path).shape == (6, 33, 75, 3)
    with Image.open(path) as gif:
        assert gif.info["loop"] == 0
        assert gif.info["duration"] == 100


@pytest.mark.parametrize("name", ["movie.mp4", "movie.gif"])
def test_nothing_is_left_when_the_block_raises(tmp_path: Path, name: str) -> None:
    with pytest.raises(RuntimeError, match="stop"), MovieWriter(tmp_path / name) as movie:  # noqa: PT012
        movie.append(frames()[0])
        raise RuntimeError("stop")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["movie.mp4", "movie.gif"])
def test_an_older_movie_survives_a_failure(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"older")
    with pytest.raises(UserError, match="no frames"), MovieWriter(tmp_path / name):
        pass
    assert (tmp_path / name).read_bytes() == b"older"
    assert len(list(tmp_path.iterdir())) == 1


def test_bad_use_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"\.mp4 or \.gif"):
        MovieWriter(tmp_path / "movie.avi")
    with pytest.raises(UserError, match="frames per second"):
        MovieWriter(tmp_path / "movie.mp4", fps=0)
    for frame, problem in (
        (np.zeros((64, 96, 3)), "uint8"),
        (np.zeros((64, 96, 4), np.uint8), "uint8"),
        (np.zeros((32, 32), np.uint8), "differ in size"),
    ):
        with pytest.raises(UserError, match=problem), MovieWriter(tmp_path / "movie.mp4") as movie:  # noqa: PT012
            movie.append(frames()[0])
            movie.append(frame)
    assert list(tmp_path.iterdir()) == []
