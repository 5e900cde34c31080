"""Figures of how well ways to project training do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from autoencoder.plots.figures import new_figure


@dataclass(frozen=True, eq=False)
class ScoredMethod:
    """One method.

    Attributes:
        name: such as "UMAP joint".
        stability: Spearman correlation of movements; None where it is not defined.
        preservation: (T,) share of neighbours kept in each frame; NaN where it is not defined.
    """

    name: str
    stability: float | None
    preservation: NDArray[np.float64]


def scores_figure(epochs: NDArray[np.floating], methods: Sequence[ScoredMethod]) -> Figure:
    """Left, stability against mean faithfulness, a numbered dot per method; right, faithfulness over epochs.

    Args:
        epochs: (T,) of the frames.
        methods: in the order of the legend.
    """
    fig = new_figure(12, 5.4, "constrained")
    plane, lines = fig.subplots(1, 2, width_ratios=[1, 1.1])
    colors = matplotlib.colormaps["tab20"](np.arange(len(methods)) % 20)
    for number, (method, color) in enumerate(zip(methods, colors, strict=True), start=1):
        known = np.isfinite(method.preservation)
        label = f"{number}  {method.name}"
        lines.plot(epochs[known], method.preservation[known], color=color, lw=2, label=label)
        if method.stability is None or not known.any():
            continue
        place = method.stability, float(method.preservation[known].mean())
        plane.plot(*place, "o", color=color, ms=11, mec="white")
        plane.annotate(str(number), place, xytext=(7, 5), textcoords="offset points", fontsize=11)
    plane.set_xlabel("stability (Spearman's rho)", fontsize=13)
    plane.set_ylabel("neighbours kept (share, mean of frames)", fontsize=13)
    plane.set_title("up and to the right is better", fontsize=13)
    lines.set_xlabel("epoch", fontsize=13)
    lines.set_ylabel("neighbours kept (share)", fontsize=13)
    lines.set_title("each frame", fontsize=13)
    fig.legend(*lines.get_legend_handles_labels(), loc="outside right center", frameon=False, fontsize=11)
    for ax in (plane, lines):
        ax.grid(alpha=0.3)
        ax.spines[["top", "right"]].set_visible(False)
        ax.tick_params(labelsize=11)
    return fig
