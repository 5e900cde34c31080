from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import pytest
from matplotlib.figure import Figure

from autoencoder.errors import UserError
from autoencoder.plots.colors import color_by
from autoencoder.plots.comparison import ComparisonRow, comparison_figure

CheckTexts = Callable[[Figure], list[str]]
RNG = np.random.default_rng(0)
RESULT = "predicts angles: median error 3.1°"


def rows(n_rows: int, images: np.ndarray, m: int = 50) -> list[ComparisonRow]:
    """Every second one makes no images."""
    return [
        ComparisonRow(
            name=f"network number {i}",
            details="strided, reconstruct, 22.9 dB",
            reconstructions=None if i % 2 else images * (i + 1) / 20,
            embedding=RNG.normal(size=(m + i, 2)),
            values=RNG.uniform(0, 360, m + i),
            result=RESULT if i % 2 else "",
        )
        for i in range(n_rows)
    ]


@pytest.mark.parametrize("n_rows", [1, 2, 12])
@pytest.mark.parametrize("shape", [(3, 9, 9), (8, 9, 12, 3)])
def test_all_runs_are_named_and_nothing_overlaps(n_rows: int, shape: tuple[int, ...], check_texts: CheckTexts) -> None:
    images = RNG.random(shape)
    runs = rows(n_rows, images)
    fig = comparison_figure(runs, images, images / 2, label="body angle (deg)", kind="circular", title="objectives")
    texts = check_texts(fig)
    assert [text for text in texts if text.startswith("network")] == [row.name for row in runs]
    assert texts.count(RESULT) == n_rows // 2
    assert all(
        texts.count(name) == 1 for name in ("input", "clean", "latent space", "body angle (deg)", "UMAP 1", "360")
    )
    pictures = [ax.images[0].get_array() for ax in fig.axes if ax.images][:-1]  # the colour bar is last
    assert len(pictures) == len(images) * (2 + (n_rows + 1) // 2)
    np.testing.assert_array_equal(pictures[0], images[0])
    np.testing.assert_array_equal(pictures[len(images)], images[0] / 2)
    np.testing.assert_array_equal(pictures[2 * len(images) + 1], images[1] / 20)


def test_the_same_image_stands_in_one_column() -> None:
    images = RNG.random((4, 9, 9))
    fig = comparison_figure(rows(3, images), images, label="angle", kind="circular")
    lefts = [ax.get_position().x0 for ax in fig.axes if ax.images][:-1]
    np.testing.assert_allclose(np.reshape(lefts, (3, 4)), np.tile(lefts[:4], (3, 1)))


@pytest.mark.parametrize("kind", ["circular", "linear", "category"])
def test_all_embeddings_share_their_colours(kind: str) -> None:
    images = np.zeros((3, 9, 9))
    runs = rows(3, images)
    if kind == "category":
        names = np.array(["a", "b", "c", "d"])
        runs = [
            dataclasses.replace(row, values=names[: i + 2][np.arange(len(row.values)) % (i + 2)])
            for i, row in enumerate(runs)
        ]
    fig = comparison_figure(runs, images, label="value", kind=kind)
    expected = color_by(np.concatenate([row.values for row in runs]), kind).colors
    panels = [ax for ax in fig.axes if ax.collections]
    start = 0
    for row, ax in zip(runs, panels, strict=True):
        places = np.asarray(ax.collections[0].get_offsets())
        drawn, order = np.lexsort(places.T), np.lexsort(row.embedding.T)
        np.testing.assert_array_equal(places[drawn], row.embedding[order])
        colors = (ax.collections[0].get_facecolors()[drawn, :3] * 255).round()
        np.testing.assert_array_equal(colors, expected[start + order])
        start += len(row.values)
        (x0, x1), (y0, y1) = ax.get_xlim(), ax.get_ylim()
        assert x1 - x0 == pytest.approx(y1 - y0)


@pytest.mark.parametrize("n_rows", [1, 3])
def test_many_long_names_of_categories_fit(n_rows: int, check_texts: CheckTexts) -> None:
    images = np.zeros((5, 9, 9))
    runs = [
        dataclasses.replace(
            row,
            name="network with a name that is long",
            details="attention-over-patches, reconstruct_the_clean_image_and_more, 22.9 dB, " * 3,
            values=np.array([f"individual called number {k % 19}" for k in range(len(row.values))]),
        )
        for row in rows(n_rows, images)
    ]
    texts = check_texts(comparison_figure(runs, images, label="individual", kind="category", title="long title " * 30))
    assert len([text for text in texts if text.startswith("individual called")]) == 19


def test_a_long_label_stays_at_its_bar(check_texts: CheckTexts) -> None:
    images = np.zeros((3, 9, 9))
    check_texts(comparison_figure(rows(1, images), images, label="distance from the wall (px) " * 3, kind="linear"))


def test_figure_grows_with_rows_and_texts_keep_their_size() -> None:
    images = np.zeros((3, 9, 9))
    figures = [comparison_figure(rows(n, images), images, label="angle", kind="circular") for n in (1, 4, 8, 12)]
    heights = [fig.get_size_inches()[1] for fig in figures]
    assert heights == sorted(heights)
    assert len(set(heights)) == 4
    for fig in figures:
        assert min(text.get_fontsize() for text in fig.texts) >= 11


def test_inputs_stay_and_shapes_are_checked() -> None:
    images = RNG.random((3, 9, 9))
    runs = rows(2, images)
    before = images.copy(), runs[0].embedding.copy(), runs[0].values.copy()
    comparison_figure(runs, images, images, label="angle", kind="circular")
    for array, copy in zip((images, runs[0].embedding, runs[0].values), before, strict=True):
        np.testing.assert_array_equal(array, copy)
    with pytest.raises(UserError, match="not 13"):
        comparison_figure(rows(13, images), images, label="a", kind="circular")
    with pytest.raises(UserError, match="not 9"):
        comparison_figure(runs[1:], np.zeros((9, 5, 5)), label="a", kind="circular")
    wrong = dataclasses.replace(runs[0], reconstructions=images[:2], values=runs[0].values[:3])
    with pytest.raises(UserError, match=r"number 0: images \(2, 9, 9\)") as caught:
        comparison_figure([wrong], images, images[:1], label="a", kind="circular")
    assert len(caught.value.problems) == 3
