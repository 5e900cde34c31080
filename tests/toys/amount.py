"""An objective that predicts a quantity: a column's values, by their absolute error."""

import numpy as np
import torch
from matplotlib.figure import Figure

from autoencoder.objectives import base
from autoencoder.objectives.heads import ReadOut


class Objective(base.Objective):
    metric_name = "val_amount_error"
    loss_name = "absolute error"

    def build_head(self, model, image_shape):
        return ReadOut(model.latent_dim, 1, norm=model.norm)

    def targets(self, data, device):
        return Amounts(data.metadata.column(self.config.target))

    def losses(self, output, target):
        return (output.prediction[:, 0] - target).abs()

    def present(self, prediction):
        return prediction[:, 0]

    def metric(self, presented, truth):
        return (presented - truth).abs()

    def measure(self, tested):
        parts = list(tested.batches())
        made, true = (np.concatenate([getattr(part, name) for part in parts]) for name in ("output", "truth"))
        return Amount(np.abs(made - true), np.abs(true - true.mean()))


class Amounts(base.Targets):
    def __init__(self, values):
        self.known = np.isfinite(values.astype(float))
        self.values = torch.from_numpy(np.nan_to_num(values.astype(np.float32)))

    def batch(self, rows, images):
        return self.values[rows]


class Amount(base.Result):
    compared_with = "the true amounts"

    def __init__(self, errors, control):
        self.errors, self.control = errors, float(control.mean())

    def numbers(self):
        return {"error": float(self.errors.mean()), "control_mean": self.control}

    def table(self):
        rows = (("mean (control)", f"{self.control:.3f}"), ("network", f"{self.errors.mean():.3f}"))
        return base.Table(("", "error"), rows, "amounts were told")

    def brief(self):
        return f"error {self.errors.mean():.3f}"

    def draw_examples(self, shown, pictures, title):
        figure = Figure()
        figure.suptitle(title)
        return figure
