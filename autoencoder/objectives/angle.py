"""`angle`: tell the direction that the animal points to.

The network predicts a point (cos, sin); its loss is half the squared distance to the true point on the unit circle,
which for a prediction on the circle is 1 - cos(error), and which has no seam at 360 degrees.
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
from autoencoder.data.column_kinds import split_unit
from autoencoder.data.images import ImageSet
from autoencoder.errors import UserError, raise_if_any
from autoencoder.measures.angles import circular_error_deg, constant_predictor
from autoencoder.measures.kinds import ColumnKind
from autoencoder.models.network import ImageShape, Output
from autoencoder.objectives import base
from autoencoder.objectives.base import Column, Predicted, Score, Table, Targets, Tested, table_name
from autoencoder.objectives.controls import control_numbers
from autoencoder.objectives.heads import ReadOut
from autoencoder.seeding import numpy_stream

if TYPE_CHECKING:
    from matplotlib.figure import Figure

USUAL_COLUMN = "body_angle_deg"
"""The angle that is meant where a data set has several and none is named; `prepare` writes it."""

SAME = 1e-9
"""Points on the unit circle that are nearer to each other are the same."""

Radians = NDArray[np.float64]


class Objective(base.Objective):
    """Predict the angle in a column, or that of the vector between two points."""

    metric_name = "val_median_error_deg"

    @property
    def loss_name(self) -> str:
        """The loss in a word."""
        return "circular"

    def resolved(self, data: ImageSet, train_rows: Rows | None = None) -> ObjectiveConfig:
        """Names the column where there is one that can be meant; see `base.Objective.resolved`."""
        config = self.config
        if config.vector is None and config.target is None:
            config = replace(config, target=_only_angle(data))
        if config.target is not None and (doubt := data.metadata.doubt(config.target)) and doubt.is_plain:
            raise UserError(f"{doubt.said} ({table_name(data)})")
        angles = _angles(config, data)
        points = _to_point(angles[np.isfinite(angles)])
        if not len(points) or np.ptp(points, axis=0).max() < SAME:
            raise UserError(
                f"the angle {_named(config)} in {table_name(data)} is the same for every image, or missing: there is "
                "nothing to learn; choose another column (--target)"
            )
        return config

    def build_head(self, model: ModelConfig, image_shape: ImageShape) -> nn.Module:
        """A read-out of two numbers."""
        return ReadOut(model.latent_dim, 2, norm=model.norm)

    def targets(self, data: ImageSet, device: torch.device) -> Targets:
        """Points on the circle; see `base.Objective.targets`."""
        return _Points(_angles(self.config, data), device)

    def column(self, presented: NDArray[Any]) -> Column:
        """Degrees, in a column called after the one that is predicted."""
        name, _ = split_unit(self.config.target or self.config.name)
        return Column(f"predicted_{name}_deg", np.degrees(presented) % 360, ColumnKind.CIRCULAR)

    def losses(self, output: Output, target: Tensor) -> Tensor:
        """(N,) half squared distances of predictions (N, 2) to points on the circle (N, 2)."""
        return (output.prediction - target).square().sum(1) / 2

    def present(self, prediction: Tensor) -> Tensor:
        """(N, 2) to the angle (N,) in radians."""
        return torch.atan2(prediction[:, 1], prediction[:, 0])

    def exported(self, presented: Tensor) -> Tensor:
        """Degrees from 0 to 360, as in `column`."""
        return torch.rad2deg(presented) % 360

    @property
    def exported_as(self) -> str:
        """See `base.Objective.exported_as`."""
        return f"the angle {_named(self.config)} in degrees, from 0 to 360"

    def metric(self, presented: Tensor, truth: Tensor) -> Tensor:
        """Circular error in degrees (N,), of angles in radians (N,) against points on the circle (N, 2)."""
        true = torch.atan2(truth[:, 1], truth[:, 0])
        difference = presented - true
        return torch.atan2(difference.sin(), difference.cos()).abs().rad2deg()

    def summarise(self, metrics: Tensor) -> float:
        """The median, which a few animals seen back to front do not move."""
        return float(np.median(metrics.cpu().numpy()))

    def measure(self, tested: Tested) -> Tagging:
        """Circular errors of the network and of three controls."""
        parts = [(part.output, part.truth, part.seen) for part in tested.batches()]
        predicted = np.concatenate([output for output, _, _ in parts]).astype(np.float64)
        true = _to_angle(np.concatenate([truth for _, truth, _ in parts]))
        pca = tested.pca()
        own = _angles(self.config, tested.own)
        read_out = pca.read_out(_to_point(own[pca.rows]))
        linear = _to_angle(np.concatenate([read_out(seen) for _, _, seen in parts]))
        shuffled = numpy_stream(tested.seed, "shuffled truths").permutation(true)
        constant = constant_predictor(own[tested.train_rows])
        return Tagging(
            f"the angle {_named(self.config)} in {table_name(tested.data)}",
            predicted,
            true,
            circular_error_deg(predicted, true),
            {
                "constant": _Errors.of(np.full_like(true, constant), true),
                "shuffled": _Errors.of(predicted, shuffled),
                "pca": _Errors.of(linear, true),
            },
            pca.n_components,
        )


@dataclass(frozen=True)
class _Errors:
    """Circular errors in degrees."""

    median_error_deg: float
    mean_error_deg: float

    @classmethod
    def of(cls, predicted: Radians, true: Radians) -> _Errors:
        errors = circular_error_deg(predicted, true)
        return cls(float(np.median(errors)), float(errors.mean()))


@dataclass(frozen=True, eq=False)
class Tagging(base.Result):
    """How near predicted angles are.

    Attributes:
        compared_with: the true angle, in words.
        predicted, true: (n,) radians.
        errors: (n,) circular errors in degrees.
        controls: errors of the one angle nearest to the training images' (`constant`), of the predictions against the
            angles of other images (`shuffled`), and of a linear read-out of a PCA (`pca`).
        pca_components: of the last one.
    """

    compared_with: str
    predicted: Radians
    true: Radians
    errors: NDArray[np.float64]
    controls: Mapping[str, _Errors]
    pca_components: int

    @property
    def median_error_deg(self) -> float:
        """Median circular error in degrees."""
        return float(np.median(self.errors))

    @property
    def mean_error_deg(self) -> float:
        """Mean circular error in degrees."""
        return float(self.errors.mean())

    @property
    def score(self) -> Score:
        """See `Result.score`."""
        return Score("median error (deg)", self.median_error_deg, self.controls["pca"].median_error_deg)

    def numbers(self) -> dict[str, Any]:
        """See `Result.numbers`."""
        return {
            "reference": self.compared_with,
            "median_error_deg": self.median_error_deg,
            "mean_error_deg": self.mean_error_deg,
            **control_numbers({name: vars(errors) for name, errors in self.controls.items()}, self.pca_components),
        }

    def table(self) -> Table:
        """See `Result.table`."""
        named = {
            "constant prediction (control)": self.controls["constant"],
            "shuffled angles (control)": self.controls["shuffled"],
            f"PCA, {self.pca_components} components, linear (control)": self.controls["pca"],
            "network": _Errors(self.median_error_deg, self.mean_error_deg),
        }
        return Table(
            ("", "median error (deg)", "mean error (deg)"),
            tuple((name, f"{e.median_error_deg:.2f}", f"{e.mean_error_deg:.2f}") for name, e in named.items()),
            f"half of the angles are within {self.median_error_deg:.1f} degrees; a constant prediction is within "
            f"{self.controls['constant'].median_error_deg:.1f}",
        )

    def brief(self) -> str:
        """See `Result.brief`."""
        return f"median error {self.median_error_deg:.1f} deg"

    def draw_examples(self, shown: Predicted, pictures: NDArray[np.floating], title: str) -> Figure:
        """Arrows over the images."""
        from autoencoder.plots.predictions.angle import angle_arrows

        predicted, true = shown.output.astype(np.float64), _to_angle(shown.truth)
        return angle_arrows(
            pictures, np.degrees(predicted) % 360, np.degrees(true) % 360, circular_error_deg(predicted, true), title
        )

    def draw_summary(self) -> Mapping[str, Figure]:
        """Prediction against truth, as `angles`."""
        from autoencoder.plots.predictions.angle import angle_scatter

        return {
            "angles": angle_scatter(
                np.degrees(self.predicted) % 360,
                np.degrees(self.true) % 360,
                self.errors,
                median_error_deg=self.median_error_deg,
                constant_error_deg=self.controls["constant"].median_error_deg,
                title=f"predicted and true angle of {len(self.errors):,} images",
            )
        }


class _Points(Targets):
    def __init__(self, angles: Radians, device: torch.device) -> None:
        self.known = np.isfinite(angles)
        points = _to_point(np.where(self.known, angles, 0.0))
        self._points = torch.from_numpy(points.astype(np.float32)).to(device)

    def batch(self, rows: BatchRows, images: Tensor) -> Tensor:
        """(n, 2) points on the unit circle."""
        return self._points[to_device(rows, self._points.device)]


def _to_point(angles: Radians) -> NDArray[np.float64]:
    return np.stack([np.cos(angles), np.sin(angles)], axis=1)


def _to_angle(points: NDArray[np.floating]) -> Radians:
    angles: Radians = np.arctan2(points[:, 1], points[:, 0]).astype(np.float64)
    return angles


def _only_angle(data: ImageSet) -> str:
    names = [name for name in data.metadata.names if data.metadata.kind(name) is ColumnKind.CIRCULAR]
    if USUAL_COLUMN in names:
        return USUAL_COLUMN
    if len(names) == 1:
        return names[0]
    if names:
        raise UserError(f"which angle? {table_name(data)} has {', '.join(names)}: name one with --target")
    raise UserError(
        f"the objective 'angle' needs an angle for each image, and {table_name(data)} has none: add a column whose "
        "name ends in _deg or _rad, say --column-kind NAME=degrees (or radians) of one that is there, or name the "
        "columns of two points by --vector base_x,base_y,tip_x,tip_y"
    )


def _named(config: ObjectiveConfig) -> str:
    return f"'{config.target}'" if config.vector is None else f"of ({', '.join(config.vector)})"


def _angles(config: ObjectiveConfig, data: ImageSet) -> Radians:
    """The angle of each image in radians, counter-clockwise as one sees the picture; NaN where it is not known."""
    if config.vector is None:
        assert config.target is not None
        period = data.metadata.period(config.target)
        turns: Radians = data.metadata.column(config.target).astype(np.float64) * (2 * np.pi / period)
        return turns
    problems: list[str] = []
    columns = []
    for name in config.vector:
        try:
            values = data.metadata.column(name)
        except UserError as error:
            problems += error.problems
            continue
        if values.dtype.kind == "U":
            problems.append(f"column '{name}' in {table_name(data)} holds text: a point's columns are numbers")
        else:
            columns.append(values.astype(np.float64))
    raise_if_any(problems)
    base_x, base_y, tip_x, tip_y = columns
    dx, dy = tip_x - base_x, base_y - tip_y  # y points down in a picture
    return np.where((dx == 0) & (dy == 0), np.nan, np.arctan2(dy, dx))
