"""Images that are turned with the animal: it looks to the right, whichever way it looked in the video."""

import imageio_ffmpeg
import numpy as np
import pytest

from autoencoder.data.images import load_images
from autoencoder.data.sources.video.crops import Squares
from autoencoder.data.sources.video.cutting.turned import TurnedSquares
from autoencoder.data.sources.video.options import VideoOptions
from autoencoder.data.sources.video.prepare import prepare_video
from autoencoder.errors import UserError
from autoencoder.workflows.check import _angle

SIDE = 150
FINER = 4
"""The animal is drawn so many times finer than the frame, on each axis."""


def animal(x, y, degrees, scale=1.0, side=SIDE):
    """A frame with an animal at any place and angle: hard edges, one side darker, a thin tail."""
    down, across = (np.mgrid[: side * FINER, : side * FINER] + 0.5) / FINER - 0.5
    along, aside = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    u = ((across - x) * along - (down - y) * aside) / scale
    v = ((across - x) * aside + (down - y) * along) / scale
    frame = np.full(u.shape, 60.0)
    frame[(u < -18) & (u > -38) & (abs(v) < 1)] = 150
    frame[(u / 22) ** 2 + (v / 10) ** 2 < 1] = 180
    frame[((u / 22) ** 2 + (v / 10) ** 2 < 1) & (v < -3)] = 80  # its left side is up in the image
    frame[((u - 16) / 6) ** 2 + ((v - 4) / 3) ** 2 < 1] = 240
    return np.rint(frame.reshape(side, FINER, side, FINER).mean(axis=(1, 3))).astype(np.uint8)


def squares(x, y, angle, crop, size, picture=(SIDE, SIDE)):
    x, y, angle = (np.atleast_1d(np.asarray(values, float)) for values in (x, y, angle))
    return TurnedSquares(x, y, crop, size, picture, angle)


@pytest.mark.parametrize(("crop", "size", "scale"), [(90, 30, 1.0), (90, 45, 1.0), (64, 50, 0.7), (40, 50, 0.45)])
def test_an_animal_turned_by_any_angle_gives_the_same_image(crop, size, scale):
    rng = np.random.default_rng(0)
    angles = [0, 90, 45, *rng.uniform(0, 360, 5)]
    places = SIDE / 2 + rng.uniform(-4, 4, (len(angles), 2))
    frames = [animal(*place, angle, scale) for place, angle in zip(places, angles, strict=True)]
    made = squares(*places.T, angles, crop, size)
    images = np.array([made.image(row, frame, "median") for row, frame in enumerate(frames)]).astype(float)
    assert images.std(axis=(1, 2)).min() > 20
    apart = np.abs(images[:, None] - images).mean(axis=(2, 3))
    assert apart.max() < 1
    upright = Squares(places[:1, 0], places[:1, 1], crop, size, (SIDE, SIDE)).image(0, frames[0], "median")
    assert np.abs(images - upright).mean(axis=(1, 2)).max() < 1  # the first animal looks to the right in its frame
    mirrored = images[:, ::-1]
    assert np.abs(images - mirrored).mean(axis=(1, 2)).min() > 3  # one side is darker: nothing is mirrored


def test_quarter_turns_are_exact():
    """Samples lie in the middle of pixels here, so nothing is interpolated."""
    frame = np.random.default_rng(0).integers(0, 256, (3, 60, 70), dtype=np.uint8)
    made = squares([30.5] * 4, [28.5] * 4, [0, 90, 180, 270], 24, 6, (70, 60))
    upright = Squares(made.x, made.y, 24, 6, (70, 60)).image(0, frame, "median")
    for row in range(4):  # what looked up (90) is turned clockwise
        np.testing.assert_array_equal(made.image(row, frame, "median"), np.rot90(upright, -row, axes=(1, 2)))


@pytest.mark.parametrize("fill", ["median", "mean", "edge"])
def test_what_is_beyond_the_edge_is_filled_and_marked(fill):
    """At 180 degrees, the left half of the upright square, which is beyond the edge, is the right half."""
    frame = np.full((16, 24), 30, np.uint8)
    frame[:, :8] = 90  # a third of the pixels that are looked at
    made = squares([-0.5, 12], [7.5, 8], [180, 45], 8, 8, (24, 16))
    image = made.image(0, frame, fill)
    np.testing.assert_array_equal(image[:, :4], 90)
    np.testing.assert_array_equal(image[:, 4:], {"median": 30, "mean": 50, "edge": 90}[fill])
    np.testing.assert_array_equal(made.inside()[0], np.repeat([[1] * 4 + [0] * 4], 8, axis=0))
    np.testing.assert_allclose(made.shares(), [0.5, 1])
    assert squares([12], [8], [45], 8, 8, (24, 16)).inside() is None


def test_shares_and_marking_are_those_of_many_points_at_any_angle():
    rng = np.random.default_rng(1)
    made = squares(rng.uniform(0, 29, 40), rng.uniform(0, 19, 40), rng.uniform(0, 360, 40), 14, 7, (30, 20))
    inside, shares = made.inside(), made.shares()
    offsets = 14 * ((np.arange(7 * 30) + 0.5) / (7 * 30) - 0.5)
    v, u = np.meshgrid(offsets, offsets, indexing="ij")
    for row, turn in enumerate(np.radians(made.angle)):
        x = made.x[row] + u * np.cos(turn) + v * np.sin(turn)
        y = made.y[row] - u * np.sin(turn) + v * np.cos(turn)
        points = (x > -0.5) & (x < 29.5) & (y > -0.5) & (y < 19.5)
        assert abs(points.mean() - shares[row]) < 0.02
        of_pixels = points.reshape(7, 30, 7, 30).mean(axis=(1, 3))
        assert (inside[row][of_pixels > 0.65] == 1).all()
        assert (inside[row][of_pixels < 0.35] == 0).all()


def test_places_follow_the_turn():
    """A bright pixel is in the image where its mark is; the picture's corners are turned with it."""
    rng = np.random.default_rng(2)
    for angle in rng.uniform(0, 360, 10):
        frame = np.zeros((SIDE, SIDE), np.uint8)
        x, y = rng.integers(60, 90, 2)
        frame[y - 1 : y + 2, x - 1 : x + 2] = 250
        made = squares(75.2, 74.6, angle, 80, 40)
        image = made.image(0, frame, "median").astype(float)
        marks = made.marks(np.array([0]), {"spot": np.array([[x, y]], float)})
        down, across = np.mgrid[:40, :40] + 0.5
        found = (image * across).sum() / image.sum(), (image * down).sum() / image.sum()
        np.testing.assert_allclose(marks.points["spot"][0], found, atol=0.1)
        np.testing.assert_allclose(marks.turned, [angle])
        sides = np.hypot(*np.diff(marks.picture[0], axis=0).T)
        np.testing.assert_allclose(sides, SIDE / 2)


# ----------------------------------------------------------------------------------------------------------- of a video


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    """An animal that turns on the spot and walks, with its pose; in frame 5 nose and tail root are at one place."""
    folder, n = tmp_path_factory.mktemp("film"), 24
    angles = np.linspace(0, 700, n) % 360
    places = SIDE / 2 + 30 * np.stack([np.sin(np.linspace(0, 9, n)), np.cos(np.linspace(0, 5, n))], axis=1)
    writer = imageio_ffmpeg.write_frames(
        str(folder / "film.mp4"), (SIDE, SIDE), fps=10, pix_fmt_in="gray", quality=10, macro_block_size=1
    )
    writer.send(None)
    for place, angle in zip(places, angles, strict=True):
        writer.send(animal(*place, angle, 0.8))
    writer.close()
    ahead = 16 * np.stack([np.cos(np.radians(angles)), -np.sin(np.radians(angles))], axis=1)
    ahead[5] = 0
    rows = np.concatenate([places + ahead, np.ones((n, 1)), places - ahead, np.ones((n, 1))], axis=1)
    head = ["scorer" + ",net" * 6, "bodyparts" + ",Nose" * 3 + ",Tailroot" * 3, "coords" + ",x,y,likelihood" * 2]
    (folder / "pose.csv").write_text("\n".join(head + [f"{i},{','.join(map(str, row))}" for i, row in enumerate(rows)]))
    return folder, angles


def test_the_animal_of_a_video_always_looks_to_the_right(film, tmp_path):
    folder, angles = film
    options = VideoOptions(align=True, mask=True, crop=72, size=36)
    prepared = prepare_video(folder / "film.mp4", folder / "pose.csv", tmp_path / "turned", options)
    made = load_images(prepared.npz)
    kept = np.delete(np.arange(24), 5)
    assert made.metadata.column("frame").tolist() == kept.tolist()
    assert any("1 of 24 frames, because front and back are at the same place" in note for note in prepared.notes)
    np.testing.assert_allclose(made.metadata.column("body_angle_deg"), angles[kept], atol=1e-3)
    inside = made.inside[:, 0] if made.inside is not None else np.ones(made.images[:, 0].shape)
    images, whole = made.images[:, 0].astype(float), inside.all(axis=(1, 2))
    assert whole.sum() > 8
    assert np.abs(images[whole] - images[whole][0]).mean(axis=(1, 2)).max() < 2  # compression included
    bright = images > 110  # of the animal all but its darker side, which is too much like the ground
    assert (bright & (made.mask[:, 0] == 1)).sum() / (bright | (made.mask[:, 0] == 1)).sum() > 0.85
    area = made.metadata.column("area_px")
    assert area.max() / area.min() < 1.15
    marks = prepared.sample.marks
    assert (marks.points["Nose"][:, 0] > 20).all()
    np.testing.assert_allclose(marks.points["Nose"][:, 1], 18, atol=1e-6)
    np.testing.assert_allclose(_angle(prepared.sample.metadata, marks), 0, atol=1e-9)
    assert made.recipe["align"]


def test_without_align_an_unknown_angle_is_missing_and_the_frame_stays(film, tmp_path):
    folder, angles = film
    prepared = prepare_video(folder / "film.mp4", folder / "pose.csv", tmp_path / "upright", VideoOptions(crop=40))
    known = load_images(prepared.npz).metadata.column("body_angle_deg")
    assert np.isnan(known).nonzero()[0].tolist() == [5]
    np.testing.assert_allclose(np.delete(known, 5), np.delete(angles, 5), atol=1e-3)


def test_align_is_refused_where_no_angle_is_known(film, tmp_path, call):
    folder, _ = film
    video, align = folder / "film.mp4", ("--align", "--out", tmp_path / "m")
    for how in ((), ("--follow", "brightest"), ("--region", "0,0,50,50")):
        call("prepare", "video", video, *how, *align).refused("--align", "which only a pose gives", "--pose")
    text = (folder / "pose.csv").read_text().replace("Nose", "P1").replace("Tailroot", "P2")
    (tmp_path / "unnamed.csv").write_text(text)
    how = ("--pose", tmp_path / "unnamed.csv")
    call("prepare", "video", video, *how, *align).refused("unnamed.csv", "--align", "--front, --back", "P1, P2")
    with pytest.raises(UserError, match="only a pose gives"):
        prepare_video(video, None, tmp_path / "m", VideoOptions(align=True))
