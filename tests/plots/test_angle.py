from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from matplotlib.figure import Figure

from autoencoder.errors import UserError
from autoencoder.plots.predictions.angle import angle_arrows, angle_scatter

CheckTexts = Callable[[Figure], list[str]]
RNG = np.random.default_rng(0)
TRUE = RNG.uniform(0, 360, 300)
NOISE = RNG.normal(0, 8, 300)
PREDICTED = TRUE + NOISE


def test_scatter_shows_each_prediction_at_its_truth() -> None:
    fig = angle_scatter(PREDICTED - 720, TRUE, np.abs(NOISE), median_error_deg=5.4, title="tagger")
    scatter = fig.axes[0]
    np.testing.assert_allclose(scatter.collections[0].get_offsets(), np.stack([TRUE, PREDICTED % 360], axis=1))
    assert scatter.get_xlim() == scatter.get_ylim()
    assert scatter.get_xlim()[0] <= 0
    assert scatter.get_xlim()[1] >= 360


def test_identity_is_drawn_in_each_turn() -> None:
    scatter = angle_scatter(PREDICTED, TRUE, np.abs(NOISE), median_error_deg=5.4).axes[0]
    solid = [line for line in scatter.lines if line.get_linestyle() == "-"]
    offsets = {float(np.round(line.get_ydata()[0] - line.get_xdata()[0])) for line in solid}
    assert offsets == {-360.0, 0.0, 360.0}
    assert all(np.ptp(line.get_xdata()) == np.ptp(line.get_ydata()) for line in solid)


def test_histogram_holds_all_images_and_marks_median_and_constant(check_texts: CheckTexts) -> None:
    fig = angle_scatter(
        PREDICTED, TRUE, NOISE, median_error_deg=5.4, constant_error_deg=88.2, title="body angle on test images " * 3
    )
    histogram = fig.axes[2]
    assert sum(patch.get_height() for patch in histogram.patches) == pytest.approx(1)
    assert [line.get_xdata()[0] for line in histogram.lines] == [5.4, 88.2]
    texts = check_texts(fig)
    assert "median 5.4°" in texts
    assert "constant prediction 88°" in texts
    assert {"true angle (deg)", "predicted angle (deg)", "error (deg)"} <= set(texts)


def test_without_a_constant_only_the_median_is_marked(check_texts: CheckTexts) -> None:
    fig = angle_scatter(PREDICTED[:3], TRUE[:3], NOISE[:3], median_error_deg=np.float64(0.2))
    assert len(fig.axes[2].lines) == 1
    assert not any("constant" in text for text in check_texts(fig))


@pytest.mark.parametrize(("angle", "expected"), [(0, (1, 0)), (90, (0, -1)), (180, (-1, 0)), (270, (0, 1))])
def test_arrows_turn_counter_clockwise_as_one_sees_the_picture(angle: float, expected: tuple[int, int]) -> None:
    fig = angle_arrows(np.zeros((1, 20, 30)), np.array([angle + 360.0]), np.array([angle * 1.0]), np.zeros(1))
    (ax,) = fig.axes
    assert ax.yaxis_inverted()  # so up is towards smaller rows
    arrows = [text for text in ax.texts if not text.get_text()]
    assert len(arrows) == 2
    for arrow in arrows:
        start, end = np.array(arrow.xyann), np.array(arrow.xy)
        np.testing.assert_allclose(start, (14.5, 9.5))
        np.testing.assert_allclose((end - start) / np.linalg.norm(end - start), expected, atol=1e-9)


@pytest.mark.parametrize("n", [1, 6, 13])
def test_arrows_have_their_errors_and_one_legend(n: int, check_texts: CheckTexts) -> None:
    images = RNG.random((n, 12, 12, 3))
    errors = np.linspace(0, -150, n)
    fig = angle_arrows(images, PREDICTED[:n], TRUE[:n], errors, "examples of the test images")
    texts = check_texts(fig)
    assert [text for text in texts if text.startswith("error")] == [
        f"error {error:.1f}°" if error < 9.95 else f"error {error:.0f}°" for error in np.abs(errors)
    ]
    assert texts.count("true") == texts.count("predicted") == 1
    np.testing.assert_array_equal(fig.axes[-1].images[0].get_array(), images[-1])


def test_an_unknown_angle_has_no_arrow() -> None:
    fig = angle_arrows(np.zeros((1, 9, 9)), np.zeros(1), np.array([np.nan]), np.array([np.nan]))
    assert len([text for text in fig.axes[0].texts if not text.get_text()]) == 1


def test_inputs_stay_and_lengths_are_checked() -> None:
    images, predicted, true, errors = RNG.random((4, 8, 8)) * 2 - 0.5, PREDICTED[:4].copy(), TRUE[:4].copy(), NOISE[:4]
    before = [array.copy() for array in (images, predicted, true)]
    angle_arrows(images, predicted, true, errors)
    angle_scatter(predicted, true, errors, median_error_deg=1.0)
    for array, copy in zip((images, predicted, true), before, strict=True):
        np.testing.assert_array_equal(array, copy)
    with pytest.raises(UserError, match="4 images, 3 predictions"):
        angle_arrows(images, predicted[:3], true, errors)
    with pytest.raises(UserError, match="differs in number"):
        angle_scatter(predicted, true[:2], errors, median_error_deg=1.0)
    with pytest.raises(UserError, match="nothing to draw"):
        angle_scatter(predicted[:0], true[:0], errors[:0], median_error_deg=1.0)
    with pytest.raises(UserError, match="no finite"):
        angle_scatter(predicted, true, np.full(4, np.nan), median_error_deg=1.0)
