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


def test_nothing_to_draw() -> None:
    with pytest.raises(UserError, match="nothing to draw"):
        loss_curves({"epoch": EPOCHS, "train_loss": np.full(10, np.nan)})
