from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from matplotlib.figure import Figure

from autoencoder.errors import UserError
from autoencoder.plots.regions import RegionBars, region_bars

CheckTexts = Callable[[Figure], list[str]]


@pytest.mark.parametrize("n_kinds", [2, 3])
@pytest.mark.parametrize("n_regions", [1, 2, 5])
def test_a_bar_for_each_number(n_regions: int, n_kinds: int, check_texts: CheckTexts) -> None:
    regions = [RegionBars(f"a region of a long name {i}", 0.012, 0.5) for i in range(n_regions)]
    decibels = {f"kind {i}": np.linspace(10 + i, 30 + i, n_regions) for i in range(n_kinds)}
    figure = region_bars(regions, decibels)
    (ax,) = figure.axes
    heights = [[bar.get_height() for bar in bars] for bars in ax.containers]
    np.testing.assert_allclose(heights, list(decibels.values()))
    texts = check_texts(figure)
    assert {"PSNR by region", "PSNR (dB)", *decibels} <= set(texts)
    assert sum("1.2 % of pixels" in text and "50 % of the error" in text for text in texts) == n_regions


def test_numbers_that_fit_no_regions_are_refused() -> None:
    one = [RegionBars("a", 1, 1)]
    for regions, decibels in (([], {"a": np.zeros(0)}), (one, {}), (one, {"a": np.zeros(2)})):
        with pytest.raises(UserError):
            region_bars(regions, decibels)
