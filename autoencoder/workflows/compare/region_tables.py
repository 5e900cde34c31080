"""How near the reconstructions of compared runs are in each region of the images: cells of the CSV, and a table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from autoencoder.objectives.base import RegionQuality
from autoencoder.workflows.compare.numbers import Cells, text_of
from autoencoder.workflows.markdown import TextTable

REGIONS_CAPTION = (
    "PSNR by region, in dB, pixels of all images together: output (noisy input / PCA control), and the region's share "
    "of the output's error"
)
OUTPUT, CONTROLS = "output_psnr_db", ("input_psnr_db", "pca_psnr_db")


def region_cells(regions: Sequence[RegionQuality]) -> dict[str, Any]:
    """What a row holds of regions.

    Returns:
        for each region, columns REGION/WHAT with its shares and PSNR, see `RegionQuality`.
    """
    shown = ("share_of_pixels", "share_of_error", OUTPUT, *CONTROLS)
    return {f"{region.name}/{what}": getattr(region, what) for region in regions for what in shown}


def regions_table(rows: Cells, regions: Sequence[RegionQuality]) -> TextTable:
    """A row for each run that makes pictures of the images, a column for each region.

    Args:
        rows: with the columns of `region_cells`, over seeds.
        regions: in the order of the columns.
    """
    header = ["run", *(f"{region.name} ({100 * region.share_of_pixels:.1f} % of pixels)" for region in regions)]
    first = f"{regions[0].name}/{OUTPUT}"
    body = [[str(row["run"]), *(_cell(row, region.name) for region in regions)] for row in rows if first in row]
    return header, body


def _cell(row: dict[str, Any], region: str) -> str:
    output = text_of(row[f"{region}/{OUTPUT}"], ".1f")
    controls = " / ".join(text_of(row[f"{region}/{what}"], ".1f") for what in CONTROLS)
    return f"{output} ({controls}), {text_of(row[f'{region}/share_of_error'], '.0%').replace('%', ' %')}"
