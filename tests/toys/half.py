"""An objective that predicts a category: whether a column's value is over its median of the images, "high" or "low"."""

import numpy as np
import torch
from matplotlib.figure import Figure

from autoencoder.measures.kinds import ColumnKind
from autoencoder.objectives import base
from autoencoder.objectives.heads import ReadOut


class Objective(base.Objective):
    metric_name = "val_right_half"
    loss_name = "cross-entropy"

    def build_head(self, model, image_shape):
        return ReadOut(model.latent_dim, 1, norm=model.norm)

    def column(self, presented):
        return base.Column(
            f"half_of_{self.config.target}", np.where(presented > 0.5, "high", "low"), ColumnKind.CATEGORY
        )

    def targets(self, data, device):
        return Halves(data.metadata.column(self.config.target))

    def losses(self, output, target):
        return torch.nn.functional.binary_cross_entropy_with_logits(output.prediction[:, 0], target, reduction="none")

    def present(self, prediction):
        return prediction[:, 0].sigmoid()

    def metric(self, presented, truth):
        return ((presented > 0.5) == (truth > 0.5)).float()

    def measure(self, tested):
        return Half(np.concatenate([np.abs(part.output - part.truth) for part in tested.batches()]))


class Halves(base.Targets):
    def __init__(self, values):
        self.known = np.ones(len(values), bool)
        self.values = torch.from_numpy((values > np.median(values)).astype(np.float32))

    def batch(self, rows, images):
        return self.values[rows]


class Half(base.Result):
    compared_with = "the true halves"

    def __init__(self, errors):
        self.errors = errors

    def numbers(self):
        return {"wrong": float((self.errors > 0.5).mean()), "control_constant": {"wrong": 0.5}}

    def table(self):
        return base.Table(("", "wrong"), (("network", f"{(self.errors > 0.5).mean():.2f}"),), "halves were told")

    def brief(self):
        return f"wrong {(self.errors > 0.5).mean():.2f}"

    def draw_examples(self, shown, pictures, title):
        return Figure()
