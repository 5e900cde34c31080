from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text


def _texts(fig: Figure) -> Iterator[Text]:
    """Every text that is drawn."""
    yield from fig.texts
    legends: list[Any] = list(fig.legends)
    for ax in fig.axes:
        yield from ax.texts
        yield from (ax.title, ax.xaxis.label, ax.yaxis.label)
        for axis, (low, high) in ((ax.xaxis, sorted(ax.get_xlim())), (ax.yaxis, sorted(ax.get_ylim()))):
            for place, label in zip(axis.get_majorticklocs(), axis.get_majorticklabels(), strict=True):
                if low <= place <= high:
                    yield label
        if ax.get_legend() is not None:
            legends.append(ax.get_legend())
    for legend in legends:
        yield from (*legend.get_texts(), legend.get_title())


def _check_texts(fig: Figure) -> list[str]:
    """Texts lie in the figure, none over another; what is written."""
    fig.canvas.draw()
    renderer = fig.canvas.get_renderer()
    texts = [text for text in _texts(fig) if text.get_visible() and text.get_text().strip()]
    boxes = np.array([text.get_window_extent(renderer).extents for text in texts]).reshape(-1, 4)
    full = fig.bbox
    for text, (x0, y0, x1, y1) in zip(texts, boxes, strict=True):
        assert x0 >= -1, text
        assert y0 >= -1, text
        assert x1 <= full.x1 + 1, text
        assert y1 <= full.y1 + 1, text
    slack = 1.0  # pixels
    for i, (x0, y0, x1, y1) in enumerate(boxes):
        others = boxes[i + 1 :]
        across = np.minimum(x1, others[:, 2]) - np.maximum(x0, others[:, 0])
        upright = np.minimum(y1, others[:, 3]) - np.maximum(y0, others[:, 1])
        hit = np.flatnonzero((across > slack) & (upright > slack))
        assert not len(hit), (texts[i], [texts[i + 1 + j] for j in hit])
    return [text.get_text() for text in texts]


@pytest.fixture
def check_texts() -> Callable[[Figure], list[str]]:
    """Fails if a text leaves the figure or overlaps another; returns all texts."""
    return _check_texts
