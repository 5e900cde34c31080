"""Strips and movies of moved codes: what is drawn where, and texts that stay apart."""

import numpy as np
import pytest

from autoencoder.errors import UserError
from autoencoder.plots.traversal import TraversalMovie, traversal_strip

STARTS = np.linspace(0, 1, 3)[:, None, None].repeat(8, axis=1).repeat(10, axis=2)
LONG = "a class with quite a long name"


def strip(k=9, *, starts=STARTS, text="0.25", title="codes moved along x\nstrided", note="above and below"):
    pictures = np.repeat(starts[:, None], k, axis=1)
    m = len(starts)
    return traversal_strip(starts, [text] * m, pictures, [text] * k, [[text] * k] * m, title=title, note=note)


@pytest.mark.parametrize("k", [2, 9, 20])
@pytest.mark.parametrize("text", ["0.25", LONG])
@pytest.mark.parametrize("shape", [(3, 8, 10), (1, 50, 20), (6, 9, 9, 3)])
def test_texts_stay_apart(check_texts, k, text, shape):
    starts = np.random.default_rng(0).random(shape)
    written = check_texts(strip(k, starts=starts, text=text))
    short = text if text == "0.25" else f"{LONG[:11]}…"
    assert written.count(short) == k + len(starts) * (k + 1)
    assert "start" in written


def test_each_picture_has_its_place():
    """Rows are starts, columns steps; the start is the first."""
    starts = np.zeros((2, 4, 4))
    pictures = np.linspace(0.1, 0.9, 6).reshape(2, 3, 1, 1).repeat(4, axis=2).repeat(4, axis=3)
    fig = traversal_strip(starts, ["a", "b"], pictures, ["x", "y", "z"], [["1"] * 3] * 2)
    fig.canvas.draw()
    drawn = np.asarray(fig.canvas.buffer_rgba())[:, :, 0]
    places = {}
    for image in fig.axes[0].get_images():
        left, right, bottom, top = image.get_extent()
        places[left, top] = image.get_array()[0, 0]
        middle = drawn[round(100 * (top + bottom) / 2), round(100 * (left + right) / 2)]
        assert middle == pytest.approx(255 * image.get_array()[0, 0], abs=2)
    by_place = [places[place] for place in sorted(places, key=lambda place: (place[1], place[0]))]
    assert by_place == pytest.approx([0, 0.1, 0.26, 0.42, 0, 0.58, 0.74, 0.9])


@pytest.mark.parametrize("wrong", ["texts", "found", "targets", "empty"])
def test_numbers_that_differ(wrong):
    texts, found, targets = ["a"] * (2 if wrong == "texts" else 3), [["1"] * 4] * 3, ["x"] * 4
    if wrong == "found":
        found = [["1"] * 4, ["1"] * 3, ["1"] * 4]
    if wrong == "targets":
        targets = ["x"] * 5
    starts = STARTS[:0] if wrong == "empty" else STARTS
    with pytest.raises(UserError):
        traversal_strip(starts, texts, np.repeat(STARTS[:, None], 4, axis=1), targets, found)


# --------------------------------------------------------------------------------------------------------------- movie


@pytest.mark.parametrize("names", [["0°", "90°", "180°"], [f"{LONG} {i}" for i in range(20)]])
def test_texts_of_a_movie(check_texts, names):
    ticks = list(zip(np.linspace(0, 1, len(names)), names, strict=True))
    movie = TraversalMovie(STARTS, ticks, "body angle (deg)")
    written = check_texts(movie._figure)
    assert "start" in written
    assert "decoded" in written


def test_frames_show_the_pictures_and_the_place():
    movie = TraversalMovie(STARTS, [(0.0, "left"), (1.0, "right")], "place")
    first, again, later = movie.frame(STARTS, 0.0), movie.frame(STARTS, 0.0), movie.frame(1 - STARTS, 0.5)
    assert first.dtype == np.uint8
    np.testing.assert_array_equal(first, again)
    top, bottom = np.split(np.arange(len(first)), [len(first) // 2])
    assert (first[bottom] != later[bottom]).any()
    orange = (first == (230, 159, 0)).all(axis=2), (later == (230, 159, 0)).all(axis=2)
    assert orange[0][top].any()
    across = [np.nonzero(seen)[1].mean() for seen in orange]
    assert across[1] - across[0] == pytest.approx((first.shape[1] - 160) / 2, abs=2)


def test_as_many_pictures_as_starts():
    with pytest.raises(UserError, match="2 pictures"):
        TraversalMovie(STARTS, [(0.0, "a")], "x").frame(STARTS[:2], 0)
    with pytest.raises(UserError, match="nothing to draw"):
        TraversalMovie(STARTS[:0], [(0.0, "a")], "x")
