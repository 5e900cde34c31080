"""How near pictures come to their reference images in each region, beside the network's input and the PCA control."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import torch

from autoencoder.array_types import FloatArray
from autoencoder.data.regions import Regions
from autoencoder.measures.image_quality import summed_by_region
from autoencoder.objectives.base import Predicted, RegionQuality, Table


class RegionErrors:
    """Squared errors of several kinds of pictures, added up over batches and kept apart by region.

    Args:
        regions: of the data set whose images are added.
        kinds: what the pictures are called.
    """

    def __init__(self, regions: Regions, kinds: Sequence[str]) -> None:
        self._regions = regions
        self._pixels = torch.zeros(len(regions.names), dtype=torch.float64)
        self._sums = {kind: torch.zeros_like(self._pixels) for kind in kinds}

    def add(self, part: Predicted, pictures: Mapping[str, FloatArray]) -> None:
        """Add the errors of a batch.

        Args:
            part: the batch, with its reference images.
            pictures: (n, C, H, W) of each kind.
        """
        labels = torch.from_numpy(self._regions.of(part.rows))
        truth = torch.from_numpy(part.truth)
        counted = None if part.counted is None else torch.from_numpy(part.counted)
        for kind, images in pictures.items():
            pixels, sums = summed_by_region(torch.from_numpy(images), truth, labels, len(self._pixels), counted)
            self._sums[kind] += sums
        self._pixels += pixels

    def qualities(self) -> Iterator[RegionQuality]:
        """One for each region that has pixels; kinds are `input` (where it was added), `output` and `pca`."""
        all_pixels, all_errors = float(self._pixels.sum()), float(self._sums["output"].sum())
        for region, name in enumerate(self._regions.names):
            pixels = float(self._pixels[region])
            if pixels == 0:
                continue
            sums = {kind: float(values[region]) for kind, values in self._sums.items()}
            yield RegionQuality(
                name,
                pixels / all_pixels,
                sums["output"] / all_errors if all_errors else 0.0,
                sums["input"] / pixels if "input" in sums else None,
                sums["output"] / pixels,
                sums["pca"] / pixels,
            )


def region_table(whole: RegionQuality, regions: Sequence[RegionQuality], n_components: int) -> Table:
    """PSNR in each region beside that of input and control.

    Args:
        whole: of whole images.
        regions: at least one.
        n_components: of the PCA control.
    """
    has_input = whole.input_psnr_db is not None
    header = ("PSNR (dB)", "of pixels", "of the error", *(["input"] if has_input else []))
    return Table(
        (*header, f"PCA, {n_components} components (control)", "output"),
        tuple(_line(region) for region in (whole, *regions)),
        "",
    )


def _line(region: RegionQuality) -> tuple[str, ...]:
    decibels = (region.input_psnr_db, region.pca_psnr_db, region.output_psnr_db)
    shares = (f"{100 * share:.1f} %" for share in (region.share_of_pixels, region.share_of_error))
    return (region.name, *shares, *(f"{value:.2f}" for value in decibels if value is not None))


def worse_than_input(regions: Sequence[RegionQuality]) -> str:
    """The regions that come out worse than they went in, with their numbers; empty where there are none."""
    return ", ".join(region.in_words() for region in regions if region.is_worse_than_input)
