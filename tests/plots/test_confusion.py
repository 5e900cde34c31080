from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from autoencoder.errors import UserError
from autoencoder.plots.predictions.confusion import RIGHT_COLOR, WRONG_COLOR, confusion_matrix, labelled_images

CheckTexts = Callable[[Figure], list[str]]
RNG = np.random.default_rng(0)
LONG = "somewhere near the wall of the arena, class"


def counts(k: int) -> np.ndarray:
    return RNG.integers(0, 50, (k, k)) + 400 * np.eye(k, dtype=np.int64)


def test_rows_are_true_classes_and_add_up_to_one() -> None:
    table = np.array([[8, 2], [0, 0]])
    fig = confusion_matrix(table, ["cat", "dog"], accuracy=0.8)
    ax = fig.axes[0]
    np.testing.assert_allclose(ax.images[0].get_array()[0], [0.8, 0.2])
    assert ax.images[0].get_array().mask[1].all()  # no images of this class
    assert (ax.get_ylabel(), ax.get_xlabel()) == ("true", "predicted")
    assert [label.get_text() for label in ax.get_yticklabels()] == ["cat", "dog"]
    assert ax.yaxis_inverted()  # the first class is at the top
    assert any("80.0 % of 10 images" in text.get_text() for text in fig.texts)


@pytest.mark.parametrize("k", [1, 2, 3, 10, 12, 13, 40])
@pytest.mark.parametrize("long", [False, True])
def test_names_and_counts_do_not_overlap(k: int, long: bool, check_texts: CheckTexts) -> None:
    table = counts(k) * 100
    names = [f"{LONG} {i}" if long else str(i) for i in range(k)]
    fig = confusion_matrix(table, names, accuracy=0.5, title="places of the animal in the arena")
    check_texts(fig)
    ax = fig.axes[0]
    written = [text.get_text() for text in ax.texts]
    assert written == ([str(count) for count in table.flat] if k <= 12 else [])
    assert {label.get_rotation() for label in ax.get_xticklabels()} == {90.0 if long or k == 40 else 0.0}


def test_more_classes_make_a_larger_figure() -> None:
    small, large = (confusion_matrix(counts(k), [LONG] * k, accuracy=0.5) for k in (3, 12))
    assert (large.get_size_inches() > small.get_size_inches()).all()


def test_counts_are_not_changed_and_shapes_are_checked() -> None:
    table = counts(4)
    before = table.copy()
    confusion_matrix(table, list("abcd"), accuracy=0.5)
    np.testing.assert_array_equal(table, before)
    with pytest.raises(UserError, match=r"shape \(4, 4\), but there are 3"):
        confusion_matrix(table, list("abc"), accuracy=0.5)
    with pytest.raises(UserError, match="not 41"):
        confusion_matrix(counts(41), ["a"] * 41, accuracy=0.5)


def test_captions_say_what_is_right_and_what_it_is() -> None:
    images = RNG.random((3, 9, 9))
    fig = labelled_images(images, ["5", "5", "1"], ["5", "3", "1"], np.array([0.98, 0.6, 1.0]), "digits")
    captions = [ax.texts[0] for ax in fig.axes]
    assert [text.get_text() for text in captions] == ["5 (98 %)", "5 (60 %)\nis 3", "1 (100 %)"]
    assert [text.get_color() for text in captions] == [RIGHT_COLOR, WRONG_COLOR, RIGHT_COLOR]
    framed = [ax.spines["left"].get_visible() for ax in fig.axes]
    assert framed == [False, True, False]
    np.testing.assert_array_equal(fig.axes[1].images[0].get_array(), images[1])
    green, red = to_rgb(RIGHT_COLOR), to_rgb(WRONG_COLOR)
    assert green[1] == max(green)
    assert red[0] == max(red)


@pytest.mark.parametrize("n", [1, 9, 24])
def test_long_names_are_wrapped(n: int, check_texts: CheckTexts) -> None:
    names = [f"{LONG} {i}" for i in range(n)]
    fig = labelled_images(RNG.random((n, 9, 12)), names, names[::-1], np.full(n, 0.5), "where is the animal?")
    check_texts(fig)


def test_labelled_images_need_one_of_each() -> None:
    with pytest.raises(UserError, match="3 images, 2 predictions"):
        labelled_images(RNG.random((3, 9, 9)), ["a", "b"], ["a"] * 3, np.ones(3))
    with pytest.raises(UserError, match="between 0 and 1"):
        labelled_images(RNG.random((1, 9, 9)), ["a"], ["a"], np.array([98.0]))
