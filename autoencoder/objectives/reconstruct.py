"""`reconstruct`: give back the image from the latent; with `--noise`, the uncorrupted one.

The target is the stored image. Where a data file also holds `clean` images (the synthetic arena's truth), training
never sees them: they serve to measure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from autoencoder.array_types import FloatArray, Frame
from autoencoder.config import ModelConfig
from autoencoder.data.batches import BatchRows, Pixels
from autoencoder.data.images import ImageSet
from autoencoder.measures import image_quality as metrics
from autoencoder.models.network import ImageShape, Output, build_decoder
from autoencoder.objectives import base
from autoencoder.objectives.base import Pictures, Predicted, Quality, RegionQuality, Score, Table, Targets, Tested
from autoencoder.objectives.regions import RegionErrors, region_table, worse_than_input

if TYPE_CHECKING:
    from matplotlib.figure import Figure

RMSE_FLOOR = 1e-12
"""Added under the root, whose slope is infinite at zero."""

CLEAN, BEFORE_NOISE, INPUT_ITSELF = (
    "clean images",
    "images before the added noise",
    "the input itself (no clean images)",
)


class Objective(base.Objective):
    """Mean squared error, its root per image, or binary cross-entropy of pixels; means over an image's pixels."""

    metric_name = "val_mse_to_clean"
    pictures = Pictures("reconstruction", "images", "images")

    @property
    def loss_name(self) -> str:
        """MSE, RMSE or BCE."""
        return str(self.config.loss).upper()

    def build_head(self, model: ModelConfig, image_shape: ImageShape) -> nn.Module:
        """The decoder that mirrors the encoder, or the one that `model` names."""
        return build_decoder(model, image_shape)

    def targets(self, data: ImageSet, device: torch.device) -> Targets:
        """The stored images; the truth is the clean ones, where there are such."""
        return _Images(data, device)

    def losses(self, output: Output, target: Tensor) -> Tensor:
        """(N,) losses of the reconstructions of `target`."""
        if self.config.loss == "bce":
            per_pixel = F.binary_cross_entropy_with_logits(output.prediction, target, reduction="none")
            return per_pixel.flatten(1).mean(1)
        squared = metrics.mse(output.prediction, target)
        return (squared + RMSE_FLOOR).sqrt() if self.config.loss == "rmse" else squared

    def present(self, prediction: Tensor) -> Tensor:
        """Probabilities with the cross-entropy, which works on logits; else the prediction, clipped to [0, 1]."""
        return prediction.sigmoid() if self.config.loss == "bce" else prediction.clamp(0.0, 1.0)

    def metric(self, presented: Tensor, truth: Tensor) -> Tensor:
        """Mean squared error of each image to the clean one."""
        return metrics.mse(presented, truth)

    def errors(self, presented: Tensor, truth: Tensor, counted: Tensor | None = None) -> Tensor:
        """Mean squared error of each image, of the pixels that count."""
        return metrics.mse(presented, truth, counted)

    def measure(self, tested: Tested) -> Reconstruction:
        """MSE, PSNR and SSIM of the input, of the output, and of a PCA fitted on the training images."""
        pca, compared_with = tested.pca(), _compared_with(tested)
        kinds = ("output", "pca") if compared_with == INPUT_ITSELF else ("input", "output", "pca")
        scores: dict[str, list[Tensor]] = {kind: [] for kind in kinds}
        regions = tested.data.measured_regions()
        by_region = None if regions is None else RegionErrors(regions, kinds)
        for part in tested.batches():
            made = {"input": part.seen, "output": part.output, "pca": pca.pictures(part.seen)}
            pictures = {kind: made[kind] for kind in kinds}
            for kind, images in pictures.items():
                scores[kind].append(_score(images, part.truth, part.counted))
            if by_region is not None:
                by_region.add(part, pictures)
        quality = {kind: torch.cat(parts) for kind, parts in scores.items()}
        return Reconstruction(
            compared_with,
            _mean(quality["input"]) if "input" in quality else None,
            _mean(quality["output"]),
            _mean(quality["pca"]),
            pca.n_components,
            quality["output"][:, 0].numpy(),
            _share_left_out(tested),
            () if by_region is None else tuple(by_region.qualities()),
        )


class _Images(Targets):
    def __init__(self, data: ImageSet, device: torch.device) -> None:
        self.known = np.ones(len(data), bool)
        self.measurable = data.clean is not None
        self._clean = None if data.clean is None else Pixels(data.clean, data.max_pixel_value, device)

    def batch(self, rows: BatchRows, images: Tensor) -> Tensor:
        """The images themselves."""
        return images

    def truth(self, rows: BatchRows, images: Tensor) -> Tensor:
        """The clean images, or the images themselves."""
        return images if self._clean is None else self._clean.batch(rows)


def decibel_closer(mse: float, control_mse: float) -> float:
    """How many decibel an error is below that of its control; 0 where both are 0."""
    if mse == control_mse:
        return 0.0
    with np.errstate(divide="ignore"):
        return float(10 * (np.log10(control_mse) - np.log10(mse)))


@dataclass(frozen=True, eq=False)
class Reconstruction(base.Result):
    """How near reconstructions are.

    Attributes:
        compared_with: what images are compared with, in words.
        input_quality: of the network's input; None where the input is the reference.
        output_quality: of the reconstruction.
        pca_quality: of the control, a PCA with as many components as the latent has units.
        pca_components: their number.
        errors: (n,) mean squared error of each reconstruction.
        left_out: share of the pixels that lay beyond the edge of a picture, and are left out of all of these.
        regions: the same kept apart by region; empty where no regions are known.
    """

    compared_with: str
    input_quality: Quality | None
    output_quality: Quality
    pca_quality: Quality
    pca_components: int
    errors: FloatArray
    left_out: float = 0.0
    regions: tuple[RegionQuality, ...] = ()

    @property
    def score(self) -> Score:
        """See `Result.score`."""
        return Score("PSNR (dB)", self.output_quality.pooled_psnr_db, self.pca_quality.pooled_psnr_db)

    def numbers(self) -> dict[str, Any]:
        """See `Result.numbers`."""
        return {
            "reference": self.compared_with,
            "training_target": "the stored images; never the data file's clean ones",
            "input": None if self.input_quality is None else self.input_quality.numbers(),
            "output": self.output_quality.numbers(),
            "control_pca": {"n_components": self.pca_components, **self.pca_quality.numbers()},
            "output_closer_than_pca_db": self.closer_than_pca_db,
            "share_of_pixels_beyond_the_picture": self.left_out,
            "regions": [region.numbers() for region in self.regions],
        }

    @property
    def quality(self) -> Quality:
        """Of the reconstructions; see `Result.quality`."""
        return self.output_quality

    @property
    def closer_than_pca_db(self) -> float:
        """How many decibel the output's pooled PSNR is above that of the PCA control."""
        return decibel_closer(self.output_quality.mse, self.pca_quality.mse)

    @property
    def ssim_over_pca(self) -> float:
        """How much the output's SSIM is above that of the PCA control."""
        return self.output_quality.ssim - self.pca_quality.ssim

    def table(self) -> Table:
        """See `Result.table`."""
        gain, worse = self.closer_than_pca_db, worse_than_input(self.regions)
        named = (
            ("input", self.input_quality),
            (f"PCA, {self.pca_components} components (control)", self.pca_quality),
            ("output", self.output_quality),
        )
        return Table(
            ("", "MSE", "PSNR (dB)", "mean of images' PSNR (dB)", "SSIM"),
            tuple(
                (name, f"{q.mse:.5f}", f"{q.pooled_psnr_db:.2f}", f"{q.psnr_db:.2f}", f"{q.ssim:.3f}")
                for name, q in named
                if q is not None
            ),
            f"the output's PSNR is {abs(gain):.2f} dB {'above' if gain >= 0 else 'below'} that of the PCA control"
            + (", and its SSIM is lower" if gain > 0 > self.ssim_over_pca else "")
            + (f"; worse than the noisy input: {worse}" if worse else "")
            + (
                f"; {100 * self.left_out:.1f} % of the pixels lie beyond the picture and do not count"
                if self.left_out
                else ""
            ),
        )

    def region_table(self) -> Table | None:
        """See `Result.region_table`."""
        if not self.regions:
            return None
        noisy, made, control = self.input_quality, self.output_quality, self.pca_quality
        whole = RegionQuality("whole image", 1.0, 1.0, None if noisy is None else noisy.mse, made.mse, control.mse)
        return region_table(whole, self.regions, self.pca_components)

    def brief(self) -> str:
        """See `Result.brief`."""
        return f"PSNR {self.output_quality.pooled_psnr_db:.1f} dB"

    def draw_examples(self, shown: Predicted, pictures: NDArray[np.floating], title: str) -> Figure:
        """Input, latent code, output and clean image, one below the other."""
        from autoencoder.plots.brightness import brightness_of
        from autoencoder.plots.images import image_grid, to_picture

        decibels = _score(shown.output, shown.truth, shown.counted)[:, 1]
        captions = [f"PSNR {value:.1f} dB" for value in decibels.tolist()]
        lines: list[tuple[str, NDArray[np.floating]]] = [
            ("input", pictures),
            ("latent code", shown.latent),
            ("output", to_picture(shown.output)),
        ]
        if self.compared_with != INPUT_ITSELF:
            lines.append(("clean", to_picture(shown.truth)))
        brightness = brightness_of(*(images for name, images in lines if name in ("input", "clean")))
        return image_grid(lines, captions, title, brightness)

    def draw_summary(self) -> Mapping[str, Figure]:
        """PSNR by region, where regions are known."""
        from autoencoder.plots.regions import RegionBars, region_bars

        if not self.regions:
            return {}
        kinds = ("input", "pca", "output")
        decibels = {kind: [getattr(region, f"{kind}_psnr_db") for region in self.regions] for kind in kinds}
        names = {"input": "noisy input", "pca": f"PCA, {self.pca_components} components", "output": "output"}
        bars = [RegionBars(region.name, region.share_of_pixels, region.share_of_error) for region in self.regions]
        known = {names[kind]: np.array(values, float) for kind, values in decibels.items() if None not in values}
        return {"regions": region_bars(bars, known)}

    def movies(self, shown: Predicted, pictures: NDArray[np.floating]) -> Mapping[str, Callable[[], Iterator[Frame]]]:
        """`input`, `output`, and `side_by_side` with the clean image where there is one."""
        from autoencoder.plots.brightness import brightness_of
        from autoencoder.plots.images import enlarged, side_by_side, to_picture

        seen = {"input": pictures, "output": to_picture(shown.output)}
        if self.compared_with != INPUT_ITSELF:
            seen["clean"] = to_picture(shown.truth)
        brightness = brightness_of(*(images for name, images in seen.items() if name != "output"))
        parts, note = {name: brightness(images) for name, images in seen.items()}, brightness.note
        return {
            "input": lambda: enlarged(parts["input"], note),
            "output": lambda: enlarged(parts["output"], note),
            "side_by_side": lambda: side_by_side(parts, note),
        }


def _score(images: FloatArray, reference: FloatArray, counted: FloatArray | None) -> Tensor:
    """(n, 3): MSE, PSNR and SSIM of each image, of the pixels that count."""
    a, b = torch.from_numpy(images), torch.from_numpy(reference)
    weight = None if counted is None else torch.from_numpy(counted)
    error = metrics.mse(a, b, weight)
    return torch.stack([error, metrics.psnr(error), metrics.ssim(a, b, weight)], dim=1)


def _compared_with(tested: Tested) -> str:
    """What pictures are compared with, in words."""
    if tested.data.clean is not None:
        return CLEAN
    return INPUT_ITSELF if tested.noise.kind == "none" else BEFORE_NOISE


def _share_left_out(tested: Tested) -> float:
    """Share of the tested images' pixels that do not count."""
    inside = tested.data.inside
    return 0.0 if inside is None else 1.0 - float(inside[tested.rows].mean())


def _mean(scores: Tensor) -> Quality:
    return Quality(*scores.double().mean(0).tolist())
