"""`reconstruct`: give back the image from the latent; with `--noise`, the uncorrupted one.

The target is the stored image. Where a data file also holds `clean` images (the synthetic arena's truth), training
never sees them: they serve to measure.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from autoencoder.config import ModelConfig
from autoencoder.models.network import ImageShape, Output, build_decoder
from autoencoder.objectives import base

RMSE_FLOOR = 1e-12
"""Added under the root, whose slope is infinite at zero."""


class Objective(base.Objective):
    """Mean squared error, its root per image, or binary cross-entropy of pixels; means over an image's pixels."""

    def build_head(self, model: ModelConfig, image_shape: ImageShape) -> nn.Module:
        """The decoder that mirrors the encoder."""
        return build_decoder(model, image_shape)

    def losses(self, output: Output, images: Tensor) -> Tensor:
        """(N,) losses of the reconstructions of `images`."""
        if self.config.loss == "bce":
            per_pixel = F.binary_cross_entropy_with_logits(output.prediction, images, reduction="none")
            return per_pixel.flatten(1).mean(1)
        squared = (output.prediction - images).square().flatten(1).mean(1)
        return (squared + RMSE_FLOOR).sqrt() if self.config.loss == "rmse" else squared

    def to_images(self, prediction: Tensor) -> Tensor:
        """Probabilities with the cross-entropy, which works on logits; else the prediction, clipped to [0, 1]."""
        return prediction.sigmoid() if self.config.loss == "bce" else prediction.clamp(0.0, 1.0)
