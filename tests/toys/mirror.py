"""An objective that makes pictures: give back the image as a mirror shows it."""

import numpy as np
import torch

from autoencoder.measures.image_quality import mse, psnr, ssim
from autoencoder.models.network import build_decoder
from autoencoder.objectives import base
from autoencoder.plots.images import image_grid, to_picture


class Objective(base.Objective):
    metric_name = "val_mirrored_mse"
    pictures = base.Pictures("mirror image", "mirror images", "images")
    loss_name = "MSE"

    def build_head(self, model, image_shape):
        return build_decoder(model, image_shape)

    def targets(self, data, device):
        return Mirrored(len(data))

    def losses(self, output, target):
        return mse(output.prediction, target)

    def present(self, prediction):
        return prediction.clamp(0, 1)

    def metric(self, presented, truth):
        return mse(presented, truth)

    def measure(self, tested):
        parts = [(part.output, part.truth, tested.pca().pictures(part.seen)[..., ::-1]) for part in tested.batches()]
        output, truth, by_pca = (torch.from_numpy(np.concatenate(found).copy()) for found in zip(*parts, strict=True))
        return Mirror(output, truth, by_pca)


class Mirrored(base.Targets):
    def __init__(self, n):
        self.known = np.ones(n, bool)

    def batch(self, rows, images):
        return images.flip(3)


class Mirror(base.Result):
    compared_with = "the images in a mirror"

    def __init__(self, output, truth, by_pca):
        self.errors = mse(output, truth).numpy()
        self.mse, self.control = float(self.errors.mean()), float(mse(by_pca, truth).mean())
        self.psnr, self.ssim = float(psnr(mse(output, truth)).mean()), float(ssim(output, truth).mean())

    @property
    def quality(self):
        return base.Quality(self.mse, self.psnr, self.ssim)

    @property
    def closer_than_pca_db(self):
        return float(10 * np.log10(self.control / self.mse))

    def numbers(self):
        return {"mirrored_mse": self.mse, "control_pca": {"mirrored_mse": self.control}}

    def table(self):
        rows = (("PCA (control)", f"{self.control:.4f}"), ("network", f"{self.mse:.4f}"))
        return base.Table(("", "MSE"), rows, "the mirror was tried")

    def brief(self):
        return f"MSE {self.mse:.4f}"

    def draw_examples(self, shown, pictures, title):
        return image_grid([("input", pictures), ("output", to_picture(shown.output))], title=title)
