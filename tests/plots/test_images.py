from __future__ import annotations

import numpy as np
import pytest

from autoencoder.errors import UserError
from autoencoder.plots.images import CAPTION_HEIGHT, SEPARATOR, image_grid, side_by_side

RNG = np.random.default_rng(0)
IMAGES = RNG.random((5, 20, 30))


def test_grid_shows_each_image_under_its_title() -> None:
    fig = image_grid(
        [("input", IMAGES), ("latent code", RNG.normal(size=(5, 16))), ("output", IMAGES / 2)],
        [f"PSNR {i}" for i in range(5)],
        "title",
    )
    assert len(fig.axes) == 15
    assert [ax.get_ylabel() for ax in fig.axes[::5]] == ["input", "latent code", "output"]
    np.testing.assert_array_equal(fig.axes[12].images[0].get_array(), IMAGES[2] / 2)
    assert fig.axes[6].images[0].get_array().shape == (4, 4)
    assert [ax.get_xlabel() for ax in fig.axes[10:]] == [f"PSNR {i}" for i in range(5)]


@pytest.mark.parametrize("n", [1, 2, 8])
def test_nothing_overlaps_and_all_lies_in_the_figure(n: int) -> None:
    fig = image_grid(
        [("input", IMAGES[:1].repeat(n, axis=0)), ("latent code", RNG.normal(size=(n, 5)))], ["PSNR 31.2"] * n
    )
    fig.canvas.draw()
    boxes = [ax.get_tightbbox(fig.canvas.get_renderer()) for ax in fig.axes]
    for i, box in enumerate(boxes):
        assert box.x0 >= -1
        assert box.y0 >= -1
        assert box.x1 <= fig.bbox.x1 + 1
        assert box.y1 <= fig.bbox.y1 + 1
        for other in boxes[:i]:
            assert not box.padded(-1).overlaps(other)


def test_codes_share_a_symmetric_scale() -> None:
    latent = np.array([[1.0, -4.0, np.nan], [2.0, 0.0, 0.5]])
    fig = image_grid([("latent code", latent)])
    assert all(ax.images[0].get_clim() == (-4, 4) for ax in fig.axes)


def test_grid_refuses_rows_that_do_not_match() -> None:
    with pytest.raises(UserError, match="samples"):
        image_grid([("a", IMAGES), ("b", IMAGES[:2])])
    with pytest.raises(UserError, match="captions"):
        image_grid([("a", IMAGES)], ["one"])
    with pytest.raises(UserError, match="samples"):
        image_grid([])


def test_side_by_side_enlarges_by_a_whole_number() -> None:
    frames = list(side_by_side({"input": IMAGES, "output": IMAGES * 0.5, "clean": IMAGES * 2}))
    assert len(frames) == 5
    frame = frames[1]
    assert frame.shape == (CAPTION_HEIGHT + 200, 3 * 300 + 2 * SEPARATOR, 3)
    assert frame.dtype == np.uint8
    expected = (np.clip(IMAGES[1] * 2, 0, 1) * 255 + 0.5).astype(np.uint8)
    np.testing.assert_array_equal(frame[CAPTION_HEIGHT + 5 :: 10, 2 * (300 + SEPARATOR) + 5 :: 10, 0], expected)
    assert frame[:CAPTION_HEIGHT].min() < 100  # there is a caption


def test_side_by_side_takes_colour_beside_grey_and_any_number_of_tiles() -> None:
    colour = RNG.random((2, 8, 8, 3))
    frame = next(side_by_side({"input": colour, "mask": colour[..., 0]}))
    assert frame.shape[1] == 2 * 200 + SEPARATOR
    grey = frame[CAPTION_HEIGHT:, 200 + SEPARATOR :]
    np.testing.assert_array_equal(grey[..., 1], frame[CAPTION_HEIGHT:, :200, 0])
    np.testing.assert_array_equal(grey[..., 1], grey[..., 2])
    assert next(side_by_side({"input": colour})).shape[1] == 200
    with pytest.raises(UserError, match="one shape"):
        next(side_by_side({"input": IMAGES, "output": IMAGES[:2]}))
