"""`regress`: tell a quantity, such as the speed or the distance from the centre.

The network predicts the quantity in standard deviations from its mean, both of the training images and kept by the run;
its loss is the squared error of that.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from autoencoder.array_types import Rows
from autoencoder.config import ModelConfig, ObjectiveConfig
from autoencoder.data.batches import BatchRows, to_device
from autoencoder.data.images import ImageSet
from autoencoder.data.tables import parse_column
from autoencoder.errors import UserError
from autoencoder.measures.kinds import ColumnKind
from autoencoder.models.network import ImageShape, Output
from autoencoder.objectives import base
from autoencoder.objectives.base import Predicted, Score, Table, Targets, Tested, table_name
from autoencoder.objectives.controls import control_numbers
from autoencoder.objectives.heads import ReadOut
from autoencoder.seeding import numpy_stream

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Values = NDArray[np.float64]


class Objective(base.Objective):
    """Predict the quantity in a column, by its squared error."""

    metric_name = "val_rmse"

    @property
    def loss_name(self) -> str:
        """The loss in a word."""
        return "MSE, standardised"

    def resolved(self, data: ImageSet, train_rows: Rows | None = None) -> ObjectiveConfig:
        """Names the column, and what its values are standardised by; see `base.Objective.resolved`."""
        target = self.config.target or _only_quantity(data)
        if data.metadata.kind(target) is ColumnKind.CIRCULAR:
            raise UserError(
                f"column '{target}' is an angle, not a quantity: use --objective angle, or say --column-kind "
                f"{target}=quantity"
            )
        _refuse_text(data, target, data.metadata.column(target))
        values = _quantity(data, target)
        known = values if train_rows is None else values[train_rows]
        known = known[np.isfinite(known)]
        mean, deviation = (float(known.mean()), float(known.std())) if len(known) else (0.0, 0.0)
        if not deviation > abs(mean) * np.finfo(np.float64).eps:
            raise UserError(
                f"the quantity '{target}' in {table_name(data)} is the same for every training image, or missing: "
                "there is nothing to learn; choose another column (--target)"
            )
        return replace(self.config, target=target, target_mean=mean, target_deviation=deviation)

    def build_head(self, model: ModelConfig, image_shape: ImageShape) -> nn.Module:
        """A read-out of one number."""
        return ReadOut(model.latent_dim, 1, norm=model.norm)

    def targets(self, data: ImageSet, device: torch.device) -> Targets:
        """The quantity in its own unit; see `base.Objective.targets`."""
        return _Quantities(_quantity(data, self._target), *self._standard, device)

    def losses(self, output: Output, target: Tensor) -> Tensor:
        """(N,) squared errors of predictions (N, 1) against standardised quantities (N,)."""
        return (output.prediction[:, 0] - target).square()

    def present(self, prediction: Tensor) -> Tensor:
        """(N, 1) to the quantity (N,) in its own unit."""
        mean, deviation = self._standard
        return prediction[:, 0] * deviation + mean

    def metric(self, presented: Tensor, truth: Tensor) -> Tensor:
        """Squared error (N,) of quantities (N,), in the square of their unit."""
        return (presented - truth).square()

    def errors(self, presented: Tensor, truth: Tensor, counted: Tensor | None = None) -> Tensor:
        """Absolute errors, in the quantity's unit."""
        return (presented - truth).abs()

    def summarise(self, metrics: Tensor) -> float:
        """The root of the mean squared error, in the quantity's unit."""
        return float(metrics.double().mean().sqrt())

    def measure(self, tested: Tested) -> Regression:
        """R2 and typical errors of the network and of three controls."""
        parts = [(part.output, part.seen) for part in tested.batches()]
        mean, _ = self._standard
        predicted = np.concatenate([output for output, _ in parts]).astype(np.float64)
        true = _quantity(tested.data, self._target)[tested.rows]
        pca = tested.pca()
        own = _quantity(tested.own, self._target)
        read_out = pca.read_out(own[pca.rows][:, None])
        linear = np.concatenate([read_out(seen) for _, seen in parts])[:, 0]
        shuffled = numpy_stream(tested.seed, "shuffled truths").permutation(true)
        return Regression(
            f"the quantity '{self._target}' in {table_name(tested.data)}",
            self._target,
            predicted,
            true,
            np.abs(predicted - true),
            mean,
            {
                "constant": Errors.of(np.full_like(true, mean), true, mean),
                "shuffled": Errors.of(predicted, shuffled, mean),
                "pca": Errors.of(linear, true, mean),
            },
            pca.n_components,
        )

    @property
    def _target(self) -> str:
        assert self.config.target is not None, "the column is known once the settings are resolved"
        return self.config.target

    @property
    def _standard(self) -> tuple[float, float]:
        """Mean and deviation of the training images."""
        mean, deviation = self.config.target_mean, self.config.target_deviation
        assert mean is not None, "they are known once the settings are resolved"
        assert deviation is not None
        return mean, deviation


class _Quantities(Targets):
    def __init__(self, values: Values, mean: float, deviation: float, device: torch.device) -> None:
        self.known = np.isfinite(values)
        known = np.where(self.known, values, mean)
        self._values = torch.from_numpy(known.astype(np.float32)).to(device)
        self._standardised = torch.from_numpy(((known - mean) / deviation).astype(np.float32)).to(device)

    def batch(self, rows: BatchRows, images: Tensor) -> Tensor:
        """(n,) standard deviations from the mean."""
        return self._standardised[to_device(rows, self._standardised.device)]

    def truth(self, rows: BatchRows, images: Tensor) -> Tensor:
        """(n,) in the quantity's unit."""
        return self._values[to_device(rows, self._values.device)]


@dataclass(frozen=True)
class Errors:
    """Of predicted quantities; `r2` is 1 - sum (y - prediction)^2 / sum (y - training mean)^2."""

    r2: float
    rmse: float
    median_error: float

    @classmethod
    def of(cls, predicted: Values, true: Values, training_mean: float) -> Errors:
        """Of (n,) predictions against (n,) true values."""
        squared = np.square(true - predicted)
        spread = float(np.square(true - training_mean).sum())
        r2 = 1 - float(squared.sum()) / spread if spread > 0 else float("nan")
        return cls(r2, float(np.sqrt(squared.mean())), float(np.median(np.abs(true - predicted))))


@dataclass(frozen=True, eq=False)
class Regression(base.Result):
    """How near predicted quantities are.

    Attributes:
        compared_with: the true quantity, in words.
        column: its name.
        predicted, true: (n,) in its unit.
        errors: (n,) absolute errors.
        training_mean: of the quantity.
        controls: errors of that mean (`constant`), of the predictions against the quantities of other images
            (`shuffled`), and of a linear read-out of a PCA (`pca`).
        pca_components: of the last one.
    """

    compared_with: str
    column: str
    predicted: Values
    true: Values
    errors: Values
    training_mean: float
    controls: Mapping[str, Errors]
    pca_components: int

    @property
    def network(self) -> Errors:
        """Of the network."""
        return Errors.of(self.predicted, self.true, self.training_mean)

    @property
    def score(self) -> Score:
        """See `Result.score`."""
        return Score("RMSE", self.network.rmse, self.controls["pca"].rmse)

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
            "mean of the training images (control)": self.controls["constant"],
            "shuffled quantities (control)": self.controls["shuffled"],
            f"PCA, {self.pca_components} components, linear (control)": self.controls["pca"],
            "network": self.network,
        }
        return Table(
            ("", "R2", "RMSE", "median error"),
            tuple((name, f"{e.r2:.3f}", f"{e.rmse:.4g}", f"{e.median_error:.4g}") for name, e in named.items()),
            f"half of the images are within {self.network.median_error:.4g} of '{self.column}'; the training images' "
            f"mean is within {self.controls['constant'].median_error:.4g}",
        )

    def brief(self) -> str:
        """See `Result.brief`."""
        return f"R2 {self.network.r2:.3f}"

    def draw_examples(self, shown: Predicted, pictures: NDArray[np.floating], title: str) -> Figure:
        """Images with the predicted and the true quantity."""
        from autoencoder.plots.predictions.quantity import valued_images

        return valued_images(pictures, shown.output, shown.truth, title)

    def draw_summary(self) -> Mapping[str, Figure]:
        """Prediction against truth, as `quantity`."""
        from autoencoder.plots.predictions.quantity import quantity_scatter

        title = f"'{self.column}' of {len(self.errors):,} images, R2 {self.network.r2:.2f}"
        return {
            "quantity": quantity_scatter(
                self.predicted, self.true, constant=self.training_mean, label=self.column, title=title
            )
        }


def _only_quantity(data: ImageSet) -> str:
    names = [name for name in data.metadata.names if data.metadata.kind(name) is ColumnKind.LINEAR]
    if len(names) == 1:
        return names[0]
    if names:
        raise UserError(f"which quantity? {table_name(data)} has {', '.join(names)}: name one with --target")
    raise UserError(
        f"the objective 'regress' needs a quantity for each image, and {table_name(data)} has none: add a column of "
        "numbers"
    )


def _quantity(data: ImageSet, target: str) -> Values:
    """The quantity of each image; NaN where it is not known.

    A run that learned from a column goes on doing so where it is an angle, or a code such as 007, for this version.
    """
    values = data.metadata.column(target)
    if values.dtype.kind == "U":
        values = parse_column(values.tolist(), f"column '{target}'", with_codes=False)
        _refuse_text(data, target, values)
    return values.astype(np.float64)


def _refuse_text(data: ImageSet, target: str, values: NDArray[Any]) -> None:
    if values.dtype.kind == "U":
        raise UserError(
            f"column '{target}' in {table_name(data)} holds text, not a quantity: use --objective classify, or "
            "correct the column"
        )
