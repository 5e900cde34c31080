from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from matplotlib.figure import Figure

from autoencoder.errors import UserError
from autoencoder.plots.figures import new_figure
from autoencoder.plots.movies.layout import Place
from autoencoder.plots.movies.marked_curves import Curve, MarkedCurves, by_axes

EPOCHS = np.arange(1, 11, dtype=float)
LOSS = Curve("training", EPOCHS, 1 / EPOCHS**2, "loss (MSE)", logarithmic=True)
SOMETIMES = Curve("validation", EPOCHS, np.where(EPOCHS % 2, np.nan, 2 / EPOCHS**2), "loss (MSE)", logarithmic=True)
SCORE = Curve("neighbours kept", np.arange(10.0), np.linspace(0.01, 0.6, 10))
PLACES = (Place(60, 30, 300, 96), Place(430, 30, 300, 96))


def drawn(curves: list[Curve], last_epoch: float = 0.0) -> tuple[Figure, MarkedCurves]:
    figure = new_figure(7.6, 1.8)
    groups = by_axes(curves)
    return figure, MarkedCurves(figure, groups, PLACES[: len(groups)], last_epoch)


def test_curves_of_one_name_share_axes(check_texts: Callable[[Figure], list[str]]) -> None:
    figure, _ = drawn([LOSS, SOMETIMES, SCORE])
    loss, score = figure.axes
    np.testing.assert_array_equal(loss.lines[1].get_xdata(), EPOCHS[1::2])
    assert loss.get_yscale() == "log"  # 1 to 0.01
    assert score.get_yscale() == "linear"  # as wide, but not asked for
    assert {"loss (MSE)", "training", "validation", "neighbours kept"} <= set(check_texts(figure))


def test_a_narrow_range_is_linear() -> None:
    figure, _ = drawn([Curve("training", EPOCHS, 2 - EPOCHS / 10, "loss", logarithmic=True)])
    assert figure.axes[0].get_yscale() == "linear"


def test_long_names_stay_over_their_axes(check_texts: Callable[[Figure], list[str]]) -> None:
    name = "loss (a very long name of what was measured here)"
    check_texts(drawn([Curve(label, EPOCHS, EPOCHS, name) for label in ("training", "validation")] + [SCORE])[0])


def pixels_of(figure: Figure, curves: MarkedCurves, epoch: float) -> np.ndarray:
    figure.canvas.draw()
    before = np.asarray(figure.canvas.buffer_rgba()).copy().astype(int)
    curves.draw(figure.canvas.get_renderer(), epoch)
    return np.abs(np.asarray(figure.canvas.buffer_rgba()).astype(int) - before).max(axis=2) > 60


def test_the_marker_stands_at_the_epoch() -> None:
    figure, curves = drawn([LOSS, SCORE])
    for epoch in (0.0, 2.5, 10.0):
        changed = pixels_of(figure, curves, epoch)
        for place, column in zip(PLACES, curves.marker_columns(), strict=True):
            assert column == pytest.approx(place.left + place.width * epoch / 10, abs=0.5)
            assert changed[40:120, round(column) - 1 : round(column) + 2].any(axis=1).mean() > 0.8  # a line


def test_a_dot_only_where_the_curve_is_known() -> None:
    figure, curves = drawn([SOMETIMES], last_epoch=12)
    line_only = pixels_of(figure, curves, 1.0).sum()  # before the first validation
    assert pixels_of(figure, curves, 11.0).sum() <= line_only + 10  # after the last
    assert pixels_of(figure, curves, 6.0).sum() > line_only + 20


def test_the_axes_go_to_the_movies_end() -> None:
    assert drawn([LOSS], last_epoch=40)[0].axes[0].get_xlim() == (0, 40)
    assert drawn([LOSS], last_epoch=3)[0].axes[0].get_xlim() == (0, 10)
    assert drawn([Curve("at once", np.zeros(1), np.ones(1))])[0].axes[0].get_xlim() == (0, 1)


def test_a_curve_without_values_is_left_out() -> None:
    assert by_axes([Curve("validation", EPOCHS, np.full(10, np.nan), "loss"), SCORE]).keys() == {"neighbours kept"}
    assert by_axes([Curve("training", np.empty(0), np.empty(0), "loss")]) == {}


def test_bad_use_is_refused() -> None:
    with pytest.raises(UserError, match="up to 2 axes"):
        by_axes([Curve(name, EPOCHS, EPOCHS) for name in "abc"])
    with pytest.raises(UserError, match="'a' has epochs"):
        by_axes([Curve("a", EPOCHS, EPOCHS[:3])])
