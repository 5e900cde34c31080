"""The check picture: arrows, parts and edges lie where they are in the images."""

import numpy as np
import pytest
from matplotlib.patches import FancyArrowPatch

from autoencoder.plots.check import Overlay, check_figure

SIZE = 20


def figure(overlay, n=1, level=0.9):
    return check_figure(np.full((n, SIZE, SIZE), level), [str(i) for i in range(n)], "a title", overlay)


@pytest.mark.parametrize(("degrees", "way"), [(0, (1, 0)), (90, (0, -1)), (180, (-1, 0)), (270, (0, 1))])
def test_an_arrow_points_where_the_animal_looks(degrees, way):
    """Angles are counter-clockwise as one sees them, and y is down."""
    (ax,) = figure(Overlay(angle=np.radians([degrees]))).axes
    (arrow,) = [patch for patch in ax.patches if isinstance(patch, FancyArrowPatch)]
    start, end = map(np.array, arrow._posA_posB)
    np.testing.assert_allclose((end - start) / np.linalg.norm(end - start), way, atol=0.02)
    np.testing.assert_allclose((start + end) / 2, (SIZE - 1) / 2, atol=0.2)


def test_an_angle_that_is_not_known_has_no_arrow():
    (ax,) = figure(Overlay(angle=np.array([np.nan]))).axes
    assert not ax.patches


def test_parts_and_edges_lie_on_their_pixels():
    """A place on the border between the first two pixels is 1 from the corner, and 0.5 on the axes."""
    overlay = Overlay(
        points={"nose": np.array([[1.0, 5.0]])},
        picture=np.array([[[-3.0, 2.0], [15.0, 2.0], [15.0, 40.0], [-3.0, 40.0]]]),
    )
    fig = figure(overlay)
    point, edge = fig.axes[0].lines
    assert point.get_xydata().tolist() == [[0.5, 4.5]]
    assert edge.get_xdata().min() == -3.5
    assert edge.get_ydata().min() == 1.5
    assert fig.axes[0].get_xlim() == (-0.5, SIZE - 0.5)  # what lies beyond the image does not widen it
    assert [text.get_text() for text in fig.legends[0].get_texts()] == ["edge of the picture", "nose"]


def test_the_outline_of_a_mask_runs_along_the_edges_of_its_pixels():
    """Also along the image's own edge; each side of a pixel is drawn once."""
    mask = np.zeros((1, SIZE, SIZE), bool)
    mask[0, 0:2, 3:6] = True
    fig = figure(Overlay(mask=mask))
    (outline,) = fig.axes[0].collections
    sides = {tuple(map(tuple, np.sort(segment, axis=0).tolist())) for segment in outline.get_segments()}
    across = {((x - 0.5, y - 0.5), (x + 0.5, y - 0.5)) for x in (3, 4, 5) for y in (0, 2)}
    down = {((x - 0.5, y - 0.5), (x - 0.5, y + 0.5)) for x in (3, 6) for y in (0, 1)}
    assert sides == across | down
    assert [text.get_text() for text in fig.legends[0].get_texts()] == ["edge of the mask"]


def test_dark_images_are_said_to_be_shown_brighter():
    assert "for display" in figure(Overlay(), level=0.02).get_suptitle()
    assert figure(Overlay()).get_suptitle() == "a title"


@pytest.mark.parametrize("n", [1, 2, 7, 12])
def test_every_image_is_drawn(n):
    drawn = [ax for ax in figure(Overlay(), n).axes if ax.images]
    assert [ax.get_xlabel() for ax in drawn] == [str(i) for i in range(n)]
