from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from matplotlib.figure import Figure

from autoencoder.errors import UserError
from autoencoder.plots.variance import explained_variance

CheckTexts = Callable[[Figure], list[str]]


def ratio(k: int) -> np.ndarray:
    shares = 1.0 / np.arange(1, k + 1)
    return shares / shares.sum()


@pytest.mark.parametrize(("k", "scale"), [(1, "linear"), (8, "linear"), (30, "linear"), (31, "log"), (2500, "log")])
def test_curve_adds_up_and_marks_both_numbers(k: int, scale: str, check_texts: CheckTexts) -> None:
    total = np.cumsum(ratio(k))
    n_used, n_for_95 = max(1, k // 8), int(np.searchsorted(total, 0.95) + 1)
    fig = explained_variance(ratio(k), n_used=n_used, n_for_95=n_for_95, title="principal components of the images")
    (ax,) = fig.axes
    assert ax.get_xscale() == scale
    np.testing.assert_array_equal(ax.lines[0].get_xdata(), np.arange(1, k + 1))
    np.testing.assert_allclose(ax.lines[0].get_ydata(), total)
    marks = {
        line.get_label(): line.get_xydata().tolist() for line in ax.lines if line.get_label().startswith(("u", "9"))
    }
    plural = "" if n_used == 1 else "s"
    assert marks == {
        f"used: {n_used:,} component{plural}, {100 * total[n_used - 1]:.1f} %": [[n_used, total[n_used - 1]]],
        f"95 %: {n_for_95:,} component{'' if n_for_95 == 1 else 's'}": [[n_for_95, total[n_for_95 - 1]]],
    }
    texts = check_texts(fig)
    assert set(marks) <= set(texts)
    assert {"principal components", "explained variance"} <= set(texts)


@pytest.mark.parametrize("k", [1, 5, 30, 31, 2500])
def test_rings_at_the_ends_are_whole(k: int) -> None:
    for n_used in {1, k}:
        fig = explained_variance(ratio(k), n_used=n_used, n_for_95=k)
        fig.canvas.draw()
        (ax,) = fig.axes
        for line in ax.lines:
            if line.get_marker() != "o":
                continue
            places, reach = ax.transData.transform(line.get_xydata()), line.get_markersize() / 2 * fig.dpi / 72
            assert (places.min(axis=0) - reach >= [ax.bbox.x0, -1e9]).all()
            assert (places.max(axis=0) + reach <= [ax.bbox.x1, ax.bbox.y1]).all()


def test_too_few_components_for_95_percent_are_said(check_texts: CheckTexts) -> None:
    shares = np.full(16, 0.03)
    before = shares.copy()
    assert "95 %: more than 16 components" in check_texts(explained_variance(shares, n_used=2))
    np.testing.assert_array_equal(shares, before)


def test_numbers_lie_within_the_components() -> None:
    for n_used, n_for_95 in ((0, 3), (9, 3), (3, 9)):
        with pytest.raises(UserError, match="8 components"):
            explained_variance(ratio(8), n_used=n_used, n_for_95=n_for_95)
    with pytest.raises(UserError, match="0 components"):
        explained_variance(ratio(0), n_used=1)
