from __future__ import annotations

import numpy as np
import pytest

from autoencoder.errors import UserError
from autoencoder.plots.curves import loss_curves

EPOCHS = np.arange(1, 11, dtype=float)


def test_losses_and_rate_are_drawn_over_epochs() -> None:
    val = np.where(np.arange(10) % 2, 0.5 / EPOCHS**2, np.nan)
    fig = loss_curves(
        {"epoch": EPOCHS, "train_loss": 1 / EPOCHS**2, "val_loss": val, "lr": EPOCHS * 1e-3}, "loss (MSE)"
    )
    ax, rate = fig.axes
    assert [line.get_label() for line in ax.lines] == ["training", "validation"]
    np.testing.assert_array_equal(ax.lines[1].get_xdata(), EPOCHS[1::2])
    np.testing.assert_array_equal(rate.lines[0].get_ydata(), EPOCHS * 1e-3)
    assert ax.get_yscale() == "log"  # 1 to 0.005
    assert ax.get_ylabel() == "loss (MSE)"


def test_a_small_range_is_linear_and_the_rate_optional() -> None:
    fig = loss_curves({"epoch": EPOCHS, "train_loss": 2 - EPOCHS / 10})
    assert len(fig.axes) == 1
    assert fig.axes[0].get_yscale() == "linear"


@pytest.mark.parametrize("span", [1.0001, 1.3, 3, 9.9, 10.1, 12, 40, 299, 301, 1e4, 1e9])
@pytest.mark.parametrize("start", [0.011, 0.8, 3.7e-5])
def test_a_loss_of_any_span_has_ticks_with_numbers(span: float, start: float) -> None:
    fig = loss_curves({"epoch": EPOCHS, "train_loss": start * np.geomspace(span, 1, 10)})
    fig.canvas.draw()
    ax = fig.axes[0]
    low, high = ax.get_ylim()
    labels = zip(ax.get_yticks(), ax.get_yticklabels(), strict=True)
    assert sum(low <= place <= high and label.get_text() != "" for place, label in labels) >= 2


def test_markers_at_the_ends_are_whole_and_epochs_whole_numbers() -> None:
    fig = loss_curves({"epoch": EPOCHS[:4], "train_loss": 1 / EPOCHS[:4], "lr": np.array([4e-3, 3e-3, 1e-3, 0])})
    fig.canvas.draw()
    for ax in fig.axes:
        for line in ax.lines:
            reach = (line.get_markersize() + line.get_markeredgewidth()) / 2 * fig.dpi / 72
            places, box = ax.transData.transform(line.get_xydata()), ax.bbox
            assert (places.min(axis=0) - reach >= [box.x0, box.y0]).all()
            assert (places.max(axis=0) + reach <= [box.x1, box.y1]).all()
    assert all(tick == int(tick) for tick in fig.axes[-1].get_xticks())


def test_nothing_to_draw() -> None:
    with pytest.raises(UserError, match="nothing to draw"):
        loss_curves({"epoch": EPOCHS, "train_loss": np.full(10, np.nan)})
