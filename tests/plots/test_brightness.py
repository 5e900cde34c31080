from __future__ import annotations

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text

from autoencoder.plots.brightness import AS_THEY_ARE, brightness_of
from autoencoder.plots.codes import cluster_figure, code_scatter, generated_images
from autoencoder.plots.comparison import ComparisonRow, comparison_figure
from autoencoder.plots.images import NOTE_HEIGHT, enlarged, image_grid, side_by_side
from autoencoder.plots.movies.frames import Examples
from autoencoder.plots.predictions.angle import angle_arrows
from autoencoder.plots.predictions.confusion import labelled_images
from autoencoder.plots.predictions.masks import mask_overlays
from autoencoder.plots.predictions.quantity import valued_images
from autoencoder.plots.traversal import traversal_strip

RNG = np.random.default_rng(0)
BRIGHT = RNG.random((4, 12, 10))
DARK = BRIGHT / 12
POINTS = RNG.normal(size=(4, 2))


def test_dark_images_fill_the_range_and_do_not_leave_it() -> None:
    for level in (0.004, 0.06, 0.2, 0.4):
        brightness = brightness_of(BRIGHT * level)
        bright = np.percentile(brightness(BRIGHT * level), 99.5)
        assert 0.5 <= bright <= 1, level
        assert brightness.note == f"brightness x {brightness.factor} for display"


def test_bright_images_stay_the_same_array() -> None:
    brightness = brightness_of(BRIGHT)
    assert brightness == AS_THEY_ARE
    assert brightness(BRIGHT) is BRIGHT
    assert brightness.note == ""
    assert brightness.below("title") == "title"
    assert brightness.below(None) is None


def test_a_few_lamps_do_not_hide_the_dark() -> None:
    with_lamp = np.full((10, 50, 50), 0.05)
    with_lamp[:, 3, 4:8] = 1.0
    assert brightness_of(with_lamp).factor == 16


def test_a_dark_video_with_bright_edges_is_stretched_and_a_small_bright_animal_is_not() -> None:
    video = np.full((10, 50, 50), 0.03)
    video[:, 20:30, 20:30] = 0.2  # the animal
    video[:, 0] = 0.9  # the wall
    assert video.mean() < 0.1
    assert np.percentile(video, 99.5) > 0.5
    assert 2 <= brightness_of(np.where(video > 0.5, 0.3, video)).factor <= 4
    assert brightness_of(video).factor == 1  # most of the light is the wall's
    video[:, 0, 20:] = 0.03  # and here less than a quarter of it
    assert brightness_of(video).factor == 4
    animal = np.full((10, 50, 50), 0.02)
    animal[:, 20:29, 20:29] = 0.8
    assert animal.mean() < 0.1
    assert brightness_of(animal) == AS_THEY_ARE


def test_bytes_are_stretched_as_numbers_are() -> None:
    levels = (DARK * 255).round().astype(np.uint8)
    brightness = brightness_of(levels)
    assert brightness == brightness_of(levels / 255)
    assert brightness(levels).dtype == np.uint8
    np.testing.assert_allclose(brightness(levels) / 255, brightness(levels / 255), atol=1e-9)


@pytest.mark.parametrize("images", [np.zeros((2, 4, 4)), np.full((2, 4, 4), np.nan), np.empty((0, 4, 4))])
def test_what_shows_nothing_is_left_as_it_is(images: np.ndarray) -> None:
    assert brightness_of(images) == AS_THEY_ARE


def everything(images: np.ndarray) -> dict[str, Figure]:
    """A figure of each kind that shows images, by what draws it."""
    masks = np.zeros((4, 12, 10))
    row = ComparisonRow("ae", "", images, POINTS, np.arange(4.0))
    return {
        "grid": image_grid([("input", images), ("output", images)], None, "held-out images"),
        "arrows": angle_arrows(images, *np.zeros((3, 4))),
        "labels": labelled_images(images, list("abab"), list("abab"), np.ones(4)),
        "values": valued_images(images, np.ones(4), np.ones(4), "x"),
        "masks": mask_overlays(images, masks, masks, np.full(4, np.nan)),
        "scatter": code_scatter(POINTS, np.arange(4.0), "linear", label="x", examples=Examples(np.arange(4), images)),
        "generated": generated_images(images, images),
        "clusters": cluster_figure(images, np.ones((4, 2), int), ari=0, nmi=0),
        "compare": comparison_figure([row], images, images, label="x", kind="linear"),
        "traversal": traversal_strip(images[:1], ["0"], images[None], list("1234"), [list("1234")]),
    }


def texts(figure: Figure) -> str:
    return " ".join(text.get_text() for text in figure.findobj(Text)).replace("\n", " ")


def test_every_figure_of_images_says_what_it_does_and_shares_one_factor() -> None:
    factor = brightness_of(DARK).factor
    for name, figure in everything(DARK).items():
        assert f"brightness x {factor} for display" in texts(figure), name
        shown = {round(float(np.max(image.get_array())), 6) for ax in figure.axes for image in ax.images}
        highest = {round(float(image.max() * factor), 6) for image in DARK}
        assert highest <= shown, name


def test_figures_of_bright_images_say_nothing() -> None:
    for name, figure in everything(BRIGHT).items():
        assert "brightness" not in texts(figure), name


def test_masks_are_not_stretched_with_the_images() -> None:
    faint = np.full((4, 12, 10), 0.1)
    row = ComparisonRow("mask", "", faint, POINTS, np.arange(4.0), like_inputs=False)
    figure = comparison_figure([row], DARK, None, label="x", kind="linear")
    drawn = [image.get_array() for ax in figure.axes for image in ax.images]
    assert any(np.array_equal(array, faint[0]) for array in drawn)


def test_a_note_below_a_movie_and_none_without() -> None:
    plain = next(side_by_side({"input": BRIGHT, "output": BRIGHT}))
    noted = next(side_by_side({"input": BRIGHT, "output": BRIGHT}, "brightness x 8 for display"))
    assert noted.shape[0] == plain.shape[0] + NOTE_HEIGHT
    np.testing.assert_array_equal(noted[: len(plain)], plain)
    assert noted[len(plain) :].min() < 100
    alone, below = next(enlarged(BRIGHT)), next(enlarged(BRIGHT, "brightness x 8 for display"))
    np.testing.assert_array_equal(below[: len(alone)], alone)
    edge = below[len(alone) :]
    assert (edge[:, :2] > 200).all()  # the note is made to fit
    assert (edge[:, -2:] > 200).all()
