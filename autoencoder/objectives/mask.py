"""`mask`: tell which pixels are the animal's."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from autoencoder.array_types import Frame, Rows
from autoencoder.config import ModelConfig, ObjectiveConfig
from autoencoder.data.batches import BatchRows, Pixels
from autoencoder.data.images import ImageSet
from autoencoder.errors import UserError
from autoencoder.models.network import ImageShape, Output, build_decoder
from autoencoder.objectives import base
from autoencoder.objectives.base import Pictures, Predicted, Score, Table, Targets, Tested
from autoencoder.objectives.controls import control_numbers
from autoencoder.seeding import numpy_stream

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Masks = NDArray[np.bool_]

MASKS_AT_ONCE = 10_000
"""Masks that are looked at in one go, so that those of a memory-mapped set are never in memory as a whole."""


class Objective(base.Objective):
    """Predict the `mask` of the data file, by binary cross-entropy; means over an image's pixels."""

    metric_name = "val_iou"
    pictures = Pictures("predicted mask", "masks", "mask")
    targets_are = "masks"

    @property
    def loss_name(self) -> str:
        """The loss in a word."""
        return "BCE"

    def resolved(self, data: ImageSet, train_rows: Rows | None = None) -> ObjectiveConfig:
        """Refuses data without masks; see `base.Objective.resolved`."""
        mask = _masks(data)
        if not mask.any() or mask.all():
            raise UserError(
                f"the masks in {data.source or 'the data'} are the same everywhere: there is nothing to learn; "
                "correct them, or choose another objective"
            )
        return self.config

    def stored_targets(self, data: ImageSet) -> list[NDArray[Any]]:
        """The masks; see `base.Objective.stored_targets`."""
        return [] if data.mask is None else [data.mask]

    def build_head(self, model: ModelConfig, image_shape: ImageShape) -> nn.Module:
        """The decoder that mirrors the encoder, with one channel."""
        return build_decoder(model, (1, *image_shape[1:]))

    def targets(self, data: ImageSet, device: torch.device) -> Targets:
        """Masks of 0 and 1; see `base.Objective.targets`."""
        return _MaskTargets(_masks(data), device)

    def losses(self, output: Output, target: Tensor) -> Tensor:
        """(N,) cross-entropies of logits (N, 1, H, W) and masks of the same shape."""
        return F.binary_cross_entropy_with_logits(output.prediction, target, reduction="none").flatten(1).mean(1)

    def present(self, prediction: Tensor) -> Tensor:
        """Logits to the probability of each pixel, (N, 1, H, W)."""
        return prediction.sigmoid()

    def metric(self, presented: Tensor, truth: Tensor) -> Tensor:
        """Intersection over union of each image, (N,)."""
        ours, true = (presented > 0.5).flatten(1), (truth > 0.5).flatten(1)
        both, either = (ours & true).sum(1), (ours | true).sum(1)
        if both.device.type == "mps":  # it has no float64
            both, either = both.cpu(), either.cpu()
        return torch.where(either == 0, 1.0, both.double() / either.clamp(min=1))

    def errors(self, presented: Tensor, truth: Tensor, counted: Tensor | None = None) -> Tensor:
        """1 - intersection over union."""
        return 1.0 - self.metric(presented, truth)

    def measure(self, tested: Tested) -> Segmentation:
        """IoU and Dice of the network and of three controls."""
        own = _masks(tested.own)
        pca = tested.pca()
        read_out = pca.read_out(own[pca.rows].reshape(len(pca.rows), -1))
        usual = _share_of(own, tested.train_rows)[None] > 0.5
        masks = _masks(tested.data)
        dealt = numpy_stream(tested.seed, "shuffled truths").permutation(tested.rows)
        scores: dict[str, list[NDArray[np.float64]]] = {"network": [], "constant": [], "shuffled": [], "pca": []}
        done = 0
        for part in tested.batches():
            true, predicted = part.truth > 0.5, part.output > 0.5
            others = masks[dealt[done : done + len(true)]] > 0
            done += len(true)
            linear = read_out(part.seen).reshape(true.shape) > 0.5
            for name, made, reference in (
                ("network", predicted, true),
                ("constant", np.broadcast_to(usual, true.shape), true),
                ("shuffled", predicted, others),
                ("pca", linear, true),
            ):
                scores[name].append(np.stack(overlap(made, reference), axis=1))
        per_image = {name: np.concatenate(parts) for name, parts in scores.items()}
        means = {name: Overlap(*values.mean(axis=0).tolist()) for name, values in per_image.items()}
        return Segmentation(
            f"the masks of {tested.data.source}",
            1.0 - per_image["network"][:, 0],
            means.pop("network"),
            means,
            pca.n_components,
        )


class _MaskTargets(Targets):
    lie_upon_images = True

    def __init__(self, masks: NDArray[np.uint8], device: torch.device) -> None:
        self.known = np.ones(len(masks), bool)
        self._masks = Pixels(masks, 1.0, device)
        self.stored = (self._masks,)

    def batch(self, rows: BatchRows, images: Tensor) -> Tensor:
        """(n, 1, H, W) of 0 and 1."""
        return self._masks.batch(rows)


def _masks(data: ImageSet) -> NDArray[np.uint8]:
    if data.mask is None:
        raise UserError(
            f"the objective 'mask' needs the animal's mask for each image, and {data.source or 'the data'} has none: "
            "add an array 'mask' (N, height, width) of 0 and 1 to the .npz, or choose another objective"
        )
    return data.mask


def _share_of(masks: NDArray[np.uint8], rows: Rows) -> NDArray[np.float64]:
    """Share of some masks (N, 1, H, W) in which each pixel is the animal's, (1, H, W)."""
    total = np.zeros(masks.shape[1:], np.int64)
    for start in range(0, len(rows), MASKS_AT_ONCE):
        total += masks[rows[start : start + MASKS_AT_ONCE]].sum(axis=0, dtype=np.int64)
    return total / len(rows)


def overlap(predicted: Masks, true: Masks) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Intersection over union and Dice of each mask, (n,) each, for bool (n, ...); 1 where both masks are empty."""
    axes = tuple(range(1, predicted.ndim))
    both, either = (predicted & true).sum(axes), (predicted | true).sum(axes)
    empty = either == 0
    iou = np.where(empty, 1.0, both / np.maximum(either, 1))
    dice = np.where(empty, 1.0, 2 * both / np.maximum(either + both, 1))
    return iou, dice


@dataclass(frozen=True)
class Overlap:
    """Means over images."""

    iou: float
    dice: float


@dataclass(frozen=True, eq=False)
class Segmentation(base.Result):
    """How well predicted masks cover the true ones.

    Attributes:
        compared_with: the true masks, in words.
        errors: (n,) 1 - intersection over union.
        network: of the network.
        controls: of the pixels that more than half of the training masks cover (`constant`), of the predictions against
            the masks of other images (`shuffled`), and of a linear read-out of a PCA (`pca`).
        pca_components: of the last one.
    """

    compared_with: str
    errors: NDArray[np.float64]
    network: Overlap
    controls: Mapping[str, Overlap]
    pca_components: int

    @property
    def score(self) -> Score:
        """See `Result.score`."""
        return Score("IoU", self.network.iou, self.controls["pca"].iou)

    def numbers(self) -> dict[str, Any]:
        """See `Result.numbers`."""
        return {
            "reference": self.compared_with,
            **vars(self.network),
            **control_numbers({name: vars(errors) for name, errors in self.controls.items()}, self.pca_components),
        }

    def table(self) -> Table:
        """See `Result.table`."""
        named = {
            "majority mask (control)": self.controls["constant"],
            "shuffled masks (control)": self.controls["shuffled"],
            f"PCA, {self.pca_components} components, linear (control)": self.controls["pca"],
            "network": self.network,
        }
        return Table(
            ("", "IoU", "Dice"),
            tuple((name, f"{value.iou:.3f}", f"{value.dice:.3f}") for name, value in named.items()),
            f"predicted and true masks overlap in {100 * self.network.iou:.1f} % of the pixels that either of them "
            "covers",
        )

    def brief(self) -> str:
        """See `Result.brief`."""
        return f"IoU {self.network.iou:.3f}"

    def draw_examples(self, shown: Predicted, pictures: NDArray[np.floating], title: str) -> Figure:
        """Outlines over the images."""
        from autoencoder.plots.predictions.masks import mask_overlays

        ious, _ = overlap(shown.output > 0.5, shown.truth > 0.5)
        return mask_overlays(pictures, shown.output[:, 0], shown.truth[:, 0], ious, title)

    def movies(self, shown: Predicted, pictures: NDArray[np.floating]) -> Mapping[str, Callable[[], Iterator[Frame]]]:
        """`side_by_side`: the input, the predicted mask and the true one."""
        from autoencoder.plots.brightness import brightness_of
        from autoencoder.plots.images import side_by_side

        brightness = brightness_of(pictures)
        parts = {"input": brightness(pictures), "predicted": shown.output[:, 0], "mask": shown.truth[:, 0]}
        note = f"input: {brightness.note}" if brightness.note else ""
        return {"side_by_side": lambda: side_by_side(parts, note)}
