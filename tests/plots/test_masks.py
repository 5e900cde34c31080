from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from autoencoder.errors import UserError
from autoencoder.plots.drawing import PREDICTED_COLOR, TRUE_COLOR
from autoencoder.plots.predictions.masks import mask_overlays

CheckTexts = Callable[[Figure], list[str]]
RNG = np.random.default_rng(0)


def square(top: int, left: int, size: int = 8) -> np.ndarray:
    mask = np.zeros((20, 24))
    mask[top : top + size, left : left + size] = 1
    return mask


def filled(ax: Axes, color: str) -> np.ndarray:
    """Where the disagreement is drawn in `color`."""
    layers = [np.asarray(image.get_array()) for image in ax.images[1:]]
    return np.any([(layer[..., 3] > 0) & np.isclose(layer[..., :3], to_rgb(color)).all(-1) for layer in layers], axis=0)


def test_outlines_lie_around_the_masks_and_the_difference_is_filled() -> None:
    true, predicted = square(4, 5), square(6, 5) * 0.9
    fig = mask_overlays(RNG.random((1, 20, 24)), predicted[None], true[None].astype(np.uint8), np.array([0.6]))
    plain, overlay = fig.axes
    assert len(plain.images) == 1
    np.testing.assert_array_equal(filled(overlay, TRUE_COLOR), (true > 0) & (predicted == 0))
    np.testing.assert_array_equal(filled(overlay, PREDICTED_COLOR), (true == 0) & (predicted > 0))
    for outline, mask in zip(overlay.collections, (true, predicted), strict=True):
        x, y = np.concatenate([path.vertices for path in outline.get_paths()]).T
        rows, columns = np.nonzero(mask)
        assert x.min() == pytest.approx(columns.min() - 0.5, abs=0.1)
        assert x.max() == pytest.approx(columns.max() + 0.5, abs=0.1)
        assert y.min() == pytest.approx(rows.min() - 0.5, abs=0.1)
        assert y.max() == pytest.approx(rows.max() + 0.5, abs=0.1)
    assert overlay.get_xlim() == plain.get_xlim()
    assert overlay.get_ylim() == plain.get_ylim()


def test_an_empty_mask_has_no_outline() -> None:
    empty = np.zeros((1, 20, 24))
    fig = mask_overlays(RNG.random((1, 20, 24, 3)), empty + 0.2, empty, np.array([np.nan]))
    assert len(fig.axes[1].collections) == 0
    assert [text.get_text() for text in fig.axes[1].texts] == ["no mask"]


def test_a_mask_at_the_edge_is_closed() -> None:
    fig = mask_overlays(np.zeros((1, 20, 24)), square(0, 0)[None], square(12, 16)[None], np.zeros(1))
    for outline in fig.axes[1].collections:
        (path,) = outline.get_paths()
        np.testing.assert_array_equal(path.vertices[0], path.vertices[-1])


@pytest.mark.parametrize("n", [1, 2, 6, 14])
def test_each_image_has_its_iou_and_the_legend_is_drawn_once(n: int, check_texts: CheckTexts) -> None:
    masks = np.stack([square(i % 10, 3) for i in range(n)])
    ious = np.linspace(0, 1, n)
    fig = mask_overlays(RNG.random((n, 20, 24)), masks, masks > 0, ious, "masks of the animal")
    texts = check_texts(fig)
    assert [text for text in texts if text.startswith("IoU")] == [f"IoU {iou:.2f}" for iou in ious]
    assert all(texts.count(name) == 1 for name in ("true outline", "predicted outline", "missed", "extra"))
    assert len(fig.axes) == 2 * n


def test_inputs_stay_and_shapes_are_checked() -> None:
    images, masks = RNG.random((2, 20, 24)), np.stack([square(1, 1), square(2, 2)])
    before = images.copy(), masks.copy()
    mask_overlays(images, masks, masks, np.ones(2))
    np.testing.assert_array_equal(images, before[0])
    np.testing.assert_array_equal(masks, before[1])
    with pytest.raises(UserError, match="2 predicted masks, 2 true masks, 1 values of IoU"):
        mask_overlays(images, masks, masks, np.ones(1))
    with pytest.raises(UserError, match="do not fit"):
        mask_overlays(images, masks[:, 1:], masks, np.ones(2))
