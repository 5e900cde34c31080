"""Curves of a training: how the loss fell."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter
from numpy.typing import NDArray

from autoencoder.errors import UserError
from autoencoder.plots.figures import new_figure

LOSSES = {"train_loss": ("training", "tab:blue"), "val_loss": ("validation", "tab:orange")}
DECADE = 10.0

WIDE = 300.0
"""Above this ratio of the largest value to the smallest, a logarithmic axis has ticks at powers of ten only."""


def loss_curves(metrics: Mapping[str, NDArray[np.floating]], loss_name: str = "loss") -> Figure:
    """Training and validation loss over epochs, with the learning rate below.

    Args:
        metrics: arrays of one length: `epoch`, and any of `train_loss`, `val_loss` and `lr`. NaN where a value was
            not measured, as the validation loss is between two validations.
        loss_name: on the axis, such as "loss (MSE)".

    Raises:
        UserError: there is no `epoch`, or no loss with a finite value.
    """
    shown = [name for name in LOSSES if name in metrics and np.isfinite(metrics[name]).any()]
    if "epoch" not in metrics or not shown:
        raise UserError("there is nothing to draw: the metrics have no epochs or no finite loss")
    has_rate = "lr" in metrics and np.isfinite(metrics["lr"]).any()
    fig = new_figure(8, 6 if has_rate else 4.8, "constrained")
    axes = fig.subplots(2 if has_rate else 1, 1, sharex=True, squeeze=False, height_ratios=[4, 1] if has_rate else [1])
    ax = axes[0, 0]
    for name in shown:
        label, color = LOSSES[name]
        _draw_known(ax, metrics["epoch"], metrics[name], label=label, color=color)
    known = np.concatenate([metrics[name][np.isfinite(metrics[name])] for name in shown])
    if spans_a_decade(known):
        set_log_scale(ax, known)
    ax.set_title("loss during training", fontsize=16)
    ax.set_ylabel(loss_name, fontsize=14)
    ax.legend(frameon=False, fontsize=13)
    if has_rate:
        _draw_known(axes[1, 0], metrics["epoch"], metrics["lr"], label="learning rate", color="0.4")
        axes[1, 0].set_ylabel("learning\nrate", fontsize=12)
        highest = float(np.nanmax(metrics["lr"][np.isfinite(metrics["lr"])]))
        axes[1, 0].set_ylim(bottom=-0.12 * (highest or 1.0))  # a marker at 0 is whole
    axes[-1, 0].xaxis.set_major_locator(MaxNLocator(8, integer=True))
    axes[-1, 0].set_xlabel("epoch", fontsize=14)
    for panel in axes[:, 0]:
        panel.tick_params(labelsize=12)
        panel.spines[["top", "right"]].set_visible(False)
        panel.grid(alpha=0.3)
    return fig


def spans_a_decade(known: NDArray[np.floating]) -> bool:
    """Whether finite values are read more easily on a logarithmic scale."""
    return bool(known.min() > 0 and known.max() / known.min() > DECADE)


def set_log_scale(ax: Axes, known: NDArray[np.floating], subs: tuple[float, ...] = (1, 2, 5)) -> None:
    """Make the vertical axis logarithmic, with ticks whose numbers are written, two or more whatever it spans.

    Args:
        ax: with `known` drawn in it.
        known: finite values above 0 that span a decade or more.
        subs: where between powers of ten ticks are as well, while the values span less than `WIDE`.
    """
    ax.set_yscale("log")
    ax.yaxis.set_major_locator(LogLocator(subs=subs if known.max() / known.min() < WIDE else (1,), numticks=12))
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    ax.yaxis.set_minor_formatter(NullFormatter())


def _draw_known(ax: Any, epochs: NDArray[Any], values: NDArray[Any], *, label: str, color: str) -> None:
    """A line through the finite values, with markers where there are too few to see as a line."""
    known = np.isfinite(values)
    marker = "o" if known.sum() <= 30 else None
    ax.plot(epochs[known], values[known], label=label, color=color, lw=2, marker=marker, ms=4)
