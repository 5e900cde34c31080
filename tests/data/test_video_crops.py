import numpy as np
import pytest

from autoencoder.data.sources.video.crops import Squares, crop_square


def test_a_crop_of_whole_pixels_is_a_slice() -> None:
    frame = np.random.default_rng(0).integers(0, 256, (40, 50), dtype=np.uint8)
    # An even crop has its centre between pixels: half a pixel right of and below the centre of pixel (20, 15).
    np.testing.assert_array_equal(crop_square(frame, 20.5, 15.5, 10, 10), frame[11:21, 16:26])
    means = frame[11:21, 16:26].reshape(5, 2, 5, 2).mean(axis=(1, 3))
    assert np.abs(crop_square(frame, 20.5, 15.5, 10, 5) - means).max() <= 0.5


def test_beyond_the_edge_is_the_median_of_the_picture() -> None:
    frame = np.random.default_rng(0).integers(0, 256, (3, 20, 30), dtype=np.uint8)
    padded = np.pad(frame, [(0, 0), (10, 10), (10, 10)])
    beyond = np.pad(np.zeros(frame.shape, bool), [(0, 0), (10, 10), (10, 10)], constant_values=True)
    ground = np.median(frame[:, ::8, ::8], axis=(1, 2)).astype(np.uint8)
    padded = np.where(beyond, ground[:, None, None], padded)
    np.testing.assert_array_equal(crop_square(frame, -0.5, 19.5, 12, 12), padded[:, 24:36, 4:16])


def test_every_fraction_of_a_pixel_can_be_cropped() -> None:
    frame = np.full((30, 30), 77, np.uint8)
    for x in np.random.default_rng(0).uniform(0, 29, 200):
        assert (crop_square(frame, x, 29 - x, 7, 5) == 77).all()


@pytest.mark.parametrize(("fill", "value"), [("median", 30), ("mean", 50), ("edge", 90)])
def test_what_can_stand_beyond_the_edge(fill, value):
    frame = np.full((16, 24), 30, np.uint8)
    frame[:, :8] = 90  # a third of the pixels that are looked at: one column of three
    image = crop_square(frame, -0.5, 7.5, 8, 8, fill)
    np.testing.assert_array_equal(image[:, :4], value)
    np.testing.assert_array_equal(image[:, 4:], 90)


def squares(x, y, crop, size, picture=(30, 20)):
    return Squares(np.array(x, float), np.array(y, float), crop, size, picture)


def test_the_share_within_the_picture():
    # In the middle; half over the left edge; over the corner; a quarter of a pixel over the right edge.
    made = squares([14.5, -0.5, 29.5, 24.75], [9.5, 9.5, 19.5, 9.5], 10, 5)
    np.testing.assert_allclose(made.shares(), [1, 0.5, 0.25, 0.975])


def test_new_pixels_are_inside_if_half_of_them_is():
    inside = squares([14.5, 0.5, -0.5, -1.5], [9.5] * 4, 8, 4).inside()
    assert inside.dtype == np.uint8
    # The square begins 11 pixels right of the edge, then 3, 4 and 5 left of it; new pixels are 2 wide.
    np.testing.assert_array_equal(inside[:, 0], [[1, 1, 1, 1], [0, 1, 1, 1], [0, 0, 1, 1], [0, 0, 1, 1]])
    assert (inside == inside[:, :1]).all()


def test_marking_agrees_with_cropping():
    rng = np.random.default_rng(0)
    frame = np.full((20, 30), 200, np.uint8)
    made = squares(rng.uniform(0, 29, 50), rng.uniform(0, 19, 50), 13, 6)
    ones = np.pad(frame // 200, 20)
    for x, y, inside in zip(made.x, made.y, made.inside(), strict=True):
        # Of a picture of 0 and 100, the mean over a new pixel is the share of it that is inside.
        shares = crop_square(ones * 100, x + 20, y + 20, 13, 6)
        assert (inside[shares > 51] == 1).all()
        assert (inside[shares < 49] == 0).all()


def test_squares_that_stay_in_the_picture_need_no_marking():
    assert squares([10, 15.5], [9.5, 10], 12, 7).inside() is None


def test_marks_follow_the_square():
    made = squares([10, 20], [5, 10], 10, 20)
    marks = made.marks(np.array([1]), {"nose": np.array([[20.0, 10.0]]), "tail": np.array([[15.5, np.nan]])})
    np.testing.assert_allclose(marks.points["nose"], [[10, 10]])
    np.testing.assert_allclose(marks.points["tail"], [[1, np.nan]])
    # The square begins at 15.5 and 5.5 from the picture's corner, and a pixel of the frame is two of the image.
    np.testing.assert_allclose(marks.picture, [[[-31, -11], [29, -11], [29, 29], [-31, 29]]])
