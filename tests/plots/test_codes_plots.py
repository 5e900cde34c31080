from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from autoencoder.errors import UserError
from autoencoder.plots.codes import cluster_figure, code_scatter, generated_images, unit_influence
from autoencoder.plots.colors import color_by
from autoencoder.plots.movies.frames import Examples, choose_examples

CheckTexts = Callable[[Figure], list[str]]
RNG = np.random.default_rng(0)
ANGLE = np.linspace(0, 360, 200, endpoint=False)
RING = np.stack([np.cos(np.radians(ANGLE)), np.sin(np.radians(ANGLE))], axis=1)


# ------------------------------------------------------------------------------------------------------------- scatter


@pytest.mark.parametrize(
    ("values", "kind"), [(ANGLE, "circular"), (ANGLE**2, "linear"), (np.array(["wall", "port"] * 100), "category")]
)
def test_points_lie_where_they_are_in_their_colour(values: np.ndarray, kind: str, check_texts: CheckTexts) -> None:
    fig = code_scatter(RING, values, kind, label="value (px)", axes_names=("t-SNE 1", "t-SNE 2"), title="AE 16")
    points = fig.axes[0].collections[0]
    places, order = np.asarray(points.get_offsets()), np.lexsort(RING.T)
    drawn = np.lexsort(places.T)
    np.testing.assert_array_equal(places[drawn], RING[order])
    colors = (points.get_facecolors()[drawn, :3] * 255).round()
    np.testing.assert_array_equal(colors, color_by(values, kind).colors[order])
    texts = check_texts(fig)
    assert {"value (px)", "t-SNE 1", "t-SNE 2", "AE 16"} <= set(texts)
    assert ("wall" in texts) == (kind == "category")


def test_points_of_unknown_value_are_drawn_first() -> None:
    values = np.where(np.arange(200) % 2, np.nan, ANGLE)
    points = code_scatter(RING, values, "circular", label="angle").axes[0].collections[0]
    first = {tuple(place) for place in np.asarray(points.get_offsets())[:100].tolist()}
    assert first == {tuple(place) for place in RING[1::2].tolist()}


@pytest.mark.parametrize("n", [1, 3, 6])
@pytest.mark.parametrize("dtype", [np.uint8, np.float64])
def test_examples_are_tied_to_their_points(n: int, dtype: type, check_texts: CheckTexts) -> None:
    chosen = choose_examples(RING, n)
    images = np.full((n, 10, 16), 255 if dtype is np.uint8 else 1, dtype)
    fig = code_scatter(RING, ANGLE, "circular", label="angle", header="epoch 60", examples=Examples(chosen, images))
    assert "epoch 60" in check_texts(fig)
    ax, colors = fig.axes[0], color_by(ANGLE, "circular").colors / 255
    lines = [artist for artist in fig.artists if isinstance(artist, Line2D) and artist.get_linestyle() == "-"]
    tiles = fig.axes[2:]  # the colour bar is second
    assert len(lines) == len(tiles) == n
    for line, tile, index in zip(lines, tiles, chosen, strict=True):
        end = fig.transFigure.transform(line.get_xydata()[1])
        np.testing.assert_allclose(end, ax.transData.transform(RING[index]), atol=0.5)
        np.testing.assert_allclose(tile.spines["left"].get_edgecolor()[:3], colors[index])
        assert tile.images[0].get_array().max() == 1


def test_scatter_refuses_what_does_not_go_together() -> None:
    with pytest.raises(UserError, match="200 points, 10 values"):
        code_scatter(RING, ANGLE[:10], "circular", label="angle")
    with pytest.raises(UserError, match="not among the points"):
        code_scatter(RING, ANGLE, "circular", label="a", examples=Examples(np.array([200]), np.zeros((1, 8, 8))))
    with pytest.raises(UserError, match="up to 6"):
        code_scatter(RING, ANGLE, "circular", label="a", examples=Examples(np.arange(7), np.zeros((7, 8, 8))))
    with pytest.raises(UserError, match="two columns"):
        code_scatter(np.zeros((200, 3)), ANGLE, "circular", label="a")


# --------------------------------------------------------------------------------------------------------------- units


def influence(n: int, steps: int = 5) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    deviations = np.linspace(2, 0, n + 1)[:-1]
    values = 0.7 + np.linspace(-2, 2, steps) * deviations[:, None]
    return RNG.random((n, steps, 8, 8)), values, deviations, np.linspace(0.2, 0, n)


@pytest.mark.parametrize("n", [1, 8, 9, 16, 17, 32])
def test_each_unit_has_its_row_in_the_order_given(n: int, check_texts: CheckTexts) -> None:
    pictures, values, deviations, spread = influence(n)
    units = RNG.permutation(n).tolist()
    fig = unit_influence(pictures, values, deviations, spread, "what the units do", units=units)
    texts = check_texts(fig)
    assert [text for text in texts if text.startswith("unit ")] == [f"unit {unit}" for unit in units]
    steps = ("\N{MINUS SIGN}2 sd", "\N{MINUS SIGN}1", "mean", "+1", "+2 sd")
    assert all(texts.count(name) == (1 if n <= 16 else 2) for name in steps)
    rows = [ax for ax in fig.axes if str(ax.get_label()).startswith("unit ")]
    np.testing.assert_array_equal(rows[-1].images[3].get_array(), pictures[-1, 3])
    lefts = [image.get_extent()[0] for image in rows[0].images]
    assert lefts == sorted(lefts)
    bars = np.concatenate([[bar.get_width() for bar in ax.patches] for ax in fig.axes if ax.patches])
    np.testing.assert_allclose(bars, spread)


def test_bars_stand_beside_their_rows() -> None:
    fig = unit_influence(*influence(20))
    rows = [ax for ax in fig.axes if str(ax.get_label()).startswith("unit ")]
    panels = [ax for ax in fig.axes if ax.patches]
    bars = [ax.transData.transform((0, bar.get_y() + bar.get_height() / 2)) for ax in panels for bar in ax.patches]
    for row, bar in zip(rows, bars, strict=True):
        box = row.get_window_extent()
        assert bar[1] == pytest.approx((box.y0 + box.y1) / 2, abs=3)
        assert box.x1 < bar[0]


@pytest.mark.parametrize(("n", "colors"), [(1, (3,)), (6, ()), (17, ())])
def test_differences_from_the_mean_stand_beside_their_pictures(
    n: int, colors: tuple[int, ...], check_texts: CheckTexts
) -> None:
    _, values, deviations, spread = influence(n, 3)
    pictures, mean = RNG.random((n, 3, 8, 8, *colors)), RNG.random((8, 8, *colors))
    fig = unit_influence(pictures, values, deviations, spread, "units", mean=mean)
    check_texts(fig)
    rows = [ax for ax in fig.axes if str(ax.get_label()).startswith("unit ")]
    beside = [ax for ax in fig.axes if str(ax.get_label()).startswith("differences")]
    assert len(rows) == len(beside) == n
    expected = pictures - mean
    expected = expected.mean(axis=-1) if colors else expected
    for row, ax, differences in zip(rows, beside, expected, strict=True):
        assert row.get_window_extent().x1 < ax.get_window_extent().x0
        assert row.get_window_extent().y0 == pytest.approx(ax.get_window_extent().y0)
        for image, difference in zip(ax.images, differences, strict=True):
            np.testing.assert_allclose(image.get_array(), difference)
            assert image.get_clim() == pytest.approx((-np.abs(expected).max(), np.abs(expected).max()))  # one scale
    bar = next(ax for ax in fig.axes if "difference (share" in ax.get_xlabel())
    assert bar.get_xlim() == pytest.approx(beside[0].images[0].get_clim())
    assert fig.get_size_inches().max() < 23


def test_numbers_of_any_length_stay_beside_their_bars(check_texts: CheckTexts) -> None:
    pictures, values, deviations, _ = influence(5)
    for spread in (np.array([1.6e-4, 2.1e-7, 0, 1.2e-4, 3e-5]), np.array([0.061, 0.5, 0.3, 12.0, 0.0])):
        check_texts(unit_influence(pictures, values, deviations, spread, mean=pictures[0, 2]))


def test_dead_units_and_colours_are_drawn(check_texts: CheckTexts) -> None:
    pictures, values, _, spread = influence(3)
    fig = unit_influence(np.stack([pictures] * 3, axis=-1), values * 0, np.zeros(3), spread * 0)
    assert "mean" not in check_texts(fig)


def test_figure_grows_with_units_up_to_a_page() -> None:
    heights = [unit_influence(*influence(n)).get_size_inches()[1] for n in (2, 4, 8)]
    assert heights == sorted(heights)
    assert len(set(heights)) == 3
    assert unit_influence(*influence(32, 9)).get_size_inches().max() < 18
    with pytest.raises(UserError, match="up to 32"):
        unit_influence(*influence(33))
    pictures, values, deviations, spread = influence(4)
    with pytest.raises(UserError, match="3 deviations"):
        unit_influence(pictures, values, deviations[:3], spread)
    with pytest.raises(UserError, match=r"\(4, 4\) values"):
        unit_influence(pictures, values[:, :4], deviations, spread)


# -------------------------------------------------------------------------------------------------------- random codes


@pytest.mark.parametrize("n", [1, 8, 20])
def test_nearest_images_stand_below_the_generated_ones(n: int, check_texts: CheckTexts) -> None:
    pictures, nearest = RNG.random((2, n, 9, 12))
    before = pictures.copy()
    fig = generated_images(pictures, nearest, "images decoded from random codes")
    assert any("nearest" in text for text in check_texts(fig))
    tops, belows = fig.axes[::2], fig.axes[1::2]
    for top, below, picture, near in zip(tops, belows, pictures, nearest, strict=True):
        np.testing.assert_array_equal(top.images[0].get_array(), picture)
        np.testing.assert_array_equal(below.images[0].get_array(), near)
        assert top.get_position().x0 == pytest.approx(below.get_position().x0)
        assert top.get_position().y0 > below.get_position().y1
    assert len(generated_images(pictures).axes) == n
    np.testing.assert_array_equal(pictures, before)
    with pytest.raises(UserError, match="nearest"):
        generated_images(pictures, nearest[: n - 1])


# ------------------------------------------------------------------------------------------------------------- clusters


@pytest.mark.parametrize(("k", "n_classes"), [(1, 2), (3, 2), (10, 10), (24, 30)])
def test_clusters_stand_below_their_centres(k: int, n_classes: int, check_texts: CheckTexts) -> None:
    table = RNG.integers(0, 900, (k, n_classes))
    table[0] = 0
    before = table.copy()
    names = [f"class with a name {i}" for i in range(n_classes)]
    fig = cluster_figure(RNG.random((k, 9, 9)), table, names, ari=0.42, nmi=0.5, title="clusters of the latent codes")
    texts = check_texts(fig)
    assert "adjusted Rand index 0.42, normalised mutual information 0.50" in " ".join(texts).replace("\n", " ")
    heat_map = next(ax for ax in fig.axes if ax.get_xlabel() == "cluster")
    shares = heat_map.images[0].get_array()
    assert shares.shape == (n_classes, k)
    assert shares.mask[:, 0].all()
    np.testing.assert_allclose(shares.sum(axis=0)[1:], 1)
    for i, ax in enumerate(fig.axes[:k]):
        middle = ax.get_window_extent().x0 / 2 + ax.get_window_extent().x1 / 2
        assert middle == pytest.approx(heat_map.transData.transform((i, 0))[0], abs=1)
    np.testing.assert_array_equal(table, before)


def test_clusters_are_written_where_they_fit_and_classes_numbered() -> None:
    table = np.arange(12).reshape(3, 4)
    fig = cluster_figure(np.zeros((3, 8, 8, 3)), table, ari=0.0, nmi=0.0)
    heat_map = next(ax for ax in fig.axes if ax.get_xlabel() == "cluster")
    assert [text.get_text() for text in heat_map.texts] == [str(count) for count in table.T.flat]
    assert [label.get_text() for label in heat_map.get_yticklabels()] == ["0", "1", "2", "3"]
    with pytest.raises(UserError, match="2 names"):
        cluster_figure(np.zeros((3, 8, 8)), table, ["a", "b"], ari=0.0, nmi=0.0)
    with pytest.raises(UserError, match="2 pictures, 3 rows of the table"):
        cluster_figure(np.zeros((2, 8, 8)), table, ari=0.0, nmi=0.0)
