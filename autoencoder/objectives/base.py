"""What an objective is: a head behind the latent, a target, a loss, and how well it was met."""

from __future__ import annotations

import importlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from autoencoder.array_types import FloatArray, Frame, Rows
from autoencoder.config import ModelConfig, NoiseConfig, ObjectiveConfig
from autoencoder.data.batches import BatchRows, Pixels
from autoencoder.data.images import ImageSet
from autoencoder.measures.image_quality import pooled_psnr
from autoencoder.measures.kinds import ColumnKind
from autoencoder.models.network import ImageShape, Network, Output, build_encoder
from autoencoder.registries import OBJECTIVES

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from autoencoder.objectives.controls import PCAControl


class Targets(ABC):
    """What the network is to give for each image of a data set.

    Attributes:
        known: (N,) bool, the images whose target is known; the others are neither trained nor tested on.
        measurable: whether `truth` says more than the input does, so that `Objective.metric` means something.
        stored: images that `batch` takes the targets from, by its rows; they are sent to a GPU ahead of their batch
            where its memory does not hold all.
        lie_upon_images: whether targets say what is where in the images, as masks do, and move with them.
    """

    known: NDArray[np.bool_]
    measurable = True
    lie_upon_images = False
    stored: Sequence[Pixels] = ()

    @abstractmethod
    def batch(self, rows: BatchRows, images: Tensor) -> Tensor:
        """Targets (n, ...) of `rows`, whose uncorrupted `images` (n, C, H, W) are on the device already.

        Rows are an array, or a tensor on the device where the update is to be captured. Nothing may be drawn at random
        here, nor depend on anything but the arguments: a captured update repeats what was computed once. Targets that
        take no tensor are trained on eagerly.
        """

    def truth(self, rows: BatchRows, images: Tensor) -> Tensor:
        """What predictions are measured against, where that is better known than the training target is."""
        return self.batch(rows, images)


@dataclass(frozen=True, eq=False)
class Predicted:
    """What a network was shown and what it made of it.

    Attributes:
        rows: (n,) row numbers in the data file.
        seen: (n, C, H, W) float32 in [0, 1], the network's input, with noise.
        latent: (n, latent_dim) float32.
        output: (n, ...) what the objective presents; see `Objective.present`.
        truth: (n, ...) what it is measured against.
        counted: (n, 1, H, W) float32, 1 for pixels that count and 0 for those beyond the edge of a picture; None where
            all count.
    """

    rows: Rows
    seen: FloatArray
    latent: FloatArray
    output: FloatArray
    truth: NDArray[Any]
    counted: FloatArray | None = None


@dataclass(frozen=True, eq=False)
class Tested:
    """Images that a network is tested on, and what its controls may learn from.

    Attributes:
        data: the data set tested on, and `rows` (n,) of it, all with a known target.
        own: the run's data set, and `train_rows` of it, all with a known target.
        noise: corruption of the input.
        predict: what the network makes of rows of `data`; the noise of an image is the same every time.
        pca: a PCA of what the network saw of some of these, with as many components as the latent has units; it is
            fitted when it is first asked for.
        batch_size: images to predict at a time.
        seed: of what controls draw at random; the same for all runs with the same split.
        on_progress: called with the number of images that are done.
    """

    data: ImageSet
    rows: Rows
    own: ImageSet
    train_rows: Rows
    noise: NoiseConfig
    predict: Callable[[Rows], Predicted]
    pca: Callable[[], PCAControl]
    batch_size: int
    seed: int
    on_progress: Callable[[int], None]

    def batches(self) -> Iterator[Predicted]:
        """What the network makes of all rows, in batches."""
        for start in range(0, len(self.rows), self.batch_size):
            part = self.predict(self.rows[start : start + self.batch_size])
            yield part
            self.on_progress(len(part.rows))


@dataclass(frozen=True)
class Table:
    """Numbers beside their controls, as text.

    Attributes:
        header: names of the columns; the first one is empty.
        rows: a name and its values.
        closing: what the table says, in a sentence.
    """

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    closing: str


@dataclass(frozen=True)
class Quality:
    """Of pictures: means over images, each against its reference image, on a scale of [0, 1].

    Attributes:
        mse: mean squared error.
        psnr_db: mean of the PSNR of each image; where one PSNR is given, it is `pooled_psnr_db`.
        ssim: structural similarity.
    """

    mse: float
    psnr_db: float
    ssim: float

    @property
    def pooled_psnr_db(self) -> float:
        """PSNR of all pixels of all images, -10 log10(MSE), at most 100 dB as that of an image."""
        return pooled_psnr(self.mse)

    def numbers(self) -> dict[str, float]:
        """All of it in plain values."""
        return {**vars(self), "pooled_psnr_db": self.pooled_psnr_db}


@dataclass(frozen=True)
class RegionQuality:
    """Of pictures within one region, such as the tail: errors are means over its pixels in all images.

    Attributes:
        name: of the region.
        share_of_pixels: of all pixels that count.
        share_of_error: of the output's squared error.
        input_mse: of the network's input; None where that is the reference.
        output_mse: of the output.
        pca_mse: of the PCA control.
    """

    name: str
    share_of_pixels: float
    share_of_error: float
    input_mse: float | None
    output_mse: float
    pca_mse: float

    @property
    def input_psnr_db(self) -> float | None:
        """PSNR of the network's input."""
        return None if self.input_mse is None else pooled_psnr(self.input_mse)

    @property
    def output_psnr_db(self) -> float:
        """PSNR of the output."""
        return pooled_psnr(self.output_mse)

    @property
    def pca_psnr_db(self) -> float:
        """PSNR of the PCA control."""
        return pooled_psnr(self.pca_mse)

    @property
    def is_worse_than_input(self) -> bool:
        """Whether the output is farther from the reference than the network's input is."""
        return self.input_mse is not None and self.output_mse > self.input_mse

    def in_words(self) -> str:
        """Such as "tail 16.5 dB (noisy 22.6, PCA 14.1)"."""
        noisy = "" if self.input_psnr_db is None else f"noisy {self.input_psnr_db:.1f}, "
        return f"{self.name} {self.output_psnr_db:.1f} dB ({noisy}PCA {self.pca_psnr_db:.1f})"

    def numbers(self) -> dict[str, Any]:
        """All of it in plain values."""
        psnr = {name: getattr(self, name) for name in ("input_psnr_db", "output_psnr_db", "pca_psnr_db")}
        return vars(self) | psnr


@dataclass(frozen=True)
class Score:
    """The one number that an objective is judged by, beside that of the PCA control.

    Attributes:
        name: with its unit, such as "median error (deg)".
        value: of the network.
        control: of the control; None where the objective has none.
    """

    name: str
    value: float
    control: float | None = None


class Result(ABC):
    """How well an objective was met.

    Attributes:
        errors: (n,) of each tested image, lower is better.
        compared_with: what outputs are compared with, in words.
        regions: the same kept apart by region, where outputs are pictures of images whose regions are known.
    """

    errors: NDArray[np.floating]
    compared_with: str
    regions: tuple[RegionQuality, ...] = ()

    @property
    def quality(self) -> Quality | None:
        """Of pictures that are compared with reference images, pixel by pixel; None where there are no such."""
        return None

    @property
    def closer_than_pca_db(self) -> float | None:
        """How many decibel their pooled PSNR is above that of a PCA with as many components; likewise."""
        return None

    @property
    def ssim_over_pca(self) -> float | None:
        """How much their SSIM is above that of this PCA; likewise."""
        return None

    @property
    def score(self) -> Score:
        """The number that stands for all; the mean of `errors`, unless the objective says otherwise."""
        return Score("mean error", float(np.mean(self.errors)))

    @abstractmethod
    def numbers(self) -> dict[str, Any]:
        """The numbers and those of the controls, as written to `metrics.json`."""

    @abstractmethod
    def table(self) -> Table:
        """The same for people."""

    def region_table(self) -> Table | None:
        """The numbers of `regions` for people; None where there are none."""
        return None

    @abstractmethod
    def brief(self) -> str:
        """The result in a few words, such as "PSNR 30.4 dB"."""

    @abstractmethod
    def draw_examples(self, shown: Predicted, pictures: NDArray[np.floating], title: str) -> Figure:
        """A figure of some images and what the network made of them.

        Args:
            shown: the network's view of these images.
            pictures: (n, H, W) or (n, H, W, 3), what it saw, as it is drawn.
            title: of the figure.
        """

    def draw_summary(self) -> Mapping[str, Figure]:
        """Figures of all tested images together, by file name without suffix."""
        return {}

    def movies(self, shown: Predicted, pictures: NDArray[np.floating]) -> Mapping[str, Callable[[], Iterator[Frame]]]:
        """Frames of movies of consecutive images, by file name without suffix; see `draw_examples`."""
        return {}


@dataclass(frozen=True)
class Pictures:
    """The pictures that a head makes of latent codes.

    Attributes:
        one: what one of them is called beside its image, such as "reconstruction".
        several: what they are called together, such as "images".
        like: the array of a data set that they are like.
    """

    one: str
    several: str
    like: Literal["images", "mask"]


@dataclass(frozen=True, eq=False)
class Column:
    """What a network says of each image, as a column of the metadata: (n,) values, and of which kind they are."""

    name: str
    values: NDArray[Any]
    kind: ColumnKind


class Objective(ABC):
    """What a network is trained for, and all that other rooms ask about it.

    Args:
        config: the objective's own settings.
    """

    metric_name: str
    """Column of `metrics.csv` for `metric` on the held-out images."""

    pictures: Pictures | None = None
    """Where the head makes an image of a latent code: what these are."""

    targets_are = "columns to predict"
    """What `stored_targets` are, in words."""

    @property
    def makes_pictures(self) -> bool:
        """Whether the head makes an image of a latent code."""
        return self.pictures is not None

    @property
    def reconstructs(self) -> bool:
        """Whether these are images as the network sees them, which it can encode again."""
        return self.pictures is not None and self.pictures.like == "images"

    def __init__(self, config: ObjectiveConfig) -> None:
        self.config = config

    @property
    @abstractmethod
    def loss_name(self) -> str:
        """The loss in a word, for the axis of a figure."""

    def resolved(self, data: ImageSet, train_rows: Rows | None = None) -> ObjectiveConfig:
        """The settings with everything filled in that only the data can tell, such as the names of the classes.

        Args:
            data: the run's.
            train_rows: its training images; None for all.

        Raises:
            UserError: the data hold no such target.
        """
        return self.config

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns of the metadata that targets are made of; none where that is the images themselves."""
        return (self.config.target,) if self.config.target is not None else tuple(self.config.vector or ())

    def stored_targets(self, data: ImageSet) -> list[NDArray[Any]]:
        """What is to be predicted of the images, as it is stored; nothing where that is the images themselves."""
        return [data.metadata.column(name) for name in self.columns]

    def column(self, presented: NDArray[Any]) -> Column:
        """What the network says of images, where it makes no pictures of them; a quantity, unless it says otherwise.

        Args:
            presented: (n, ...) what `present` gives for them.
        """
        assert presented.ndim == 1, f"the objective '{self.config.name}' must say what kind its column is"
        return Column(f"predicted_{self.config.target or self.config.name}", presented, ColumnKind.LINEAR)

    @abstractmethod
    def build_head(self, model: ModelConfig, image_shape: ImageShape) -> nn.Module:
        """A fresh head, see `autoencoder.models.network.Head`."""

    @abstractmethod
    def targets(self, data: ImageSet, device: torch.device) -> Targets:
        """The targets of a data set.

        Raises:
            UserError: the data hold no such target.
        """

    @abstractmethod
    def losses(self, output: Output, target: Tensor) -> Tensor:
        """Loss of each image, (N,), for the network's output and its target, from `Targets.batch`."""

    @abstractmethod
    def present(self, prediction: Tensor) -> Tensor:
        """The head's output in the units of the truth: images or probabilities in [0, 1], angles in radians."""

    def exported(self, presented: Tensor) -> Tensor:
        """What an exported network gives for what `present` gives: the same, unless `column` has another unit.

        Only operations that can be traced: the result becomes a part of the exported graph.
        """
        return presented

    @property
    def exported_as(self) -> str:
        """What that is, with its unit, in words."""
        if self.pictures is not None:
            return f"{self.pictures.one}, in [0, 1]"
        target = self.config.target
        return f"what '{self.config.name}' predicts" if target is None else f"'{target}', in the unit of that column"

    @abstractmethod
    def metric(self, presented: Tensor, truth: Tensor) -> Tensor:
        """How well each image was met, (N,), for what `present` gives and the truth from `Targets.truth`."""

    def errors(self, presented: Tensor, truth: Tensor, counted: Tensor | None = None) -> Tensor:
        """How far off each image is, (N,), 0 at best, as `Result.errors` are: `metric`, unless said otherwise.

        Args:
            presented: what `present` gives.
            truth: from `Targets.truth`.
            counted: (N, 1, H, W), 1 for pixels that count and 0 for others; None where all count.
        """
        return self.metric(presented, truth)

    def summarise(self, metrics: Tensor) -> float:
        """One number for the metrics of many images: their mean, unless the objective says otherwise."""
        return float(metrics.double().mean())

    @abstractmethod
    def measure(self, tested: Tested) -> Result:
        """Numbers on the tested images beside those of controls."""

    def penalty(self, latent: Tensor) -> Tensor:
        """What is added to the mean loss of a batch with latent codes (N, d)."""
        return sparsity_penalty(latent, self.config)

    def build_network(self, model: ModelConfig, image_shape: ImageShape, encoder: nn.Module | None = None) -> Network:
        """A network for this objective, with weights drawn from torch's global generator.

        Args:
            model: what it is made of.
            image_shape: channels, height and width of the images.
            encoder: the fitted encoder, where `model` names one.
        """
        return Network(
            build_encoder(model, image_shape) if encoder is None else encoder, self.build_head(model, image_shape)
        )


def table_name(data: ImageSet) -> str:
    """Where the columns of a data set are, for messages."""
    return str(data.metadata.source or data.source or "the data")


def make_objective(config: ObjectiveConfig) -> Objective:
    """The objective that `config` names."""
    objective: Objective = importlib.import_module(OBJECTIVES[config.name].module).Objective(config)
    return objective


def sparsity_penalty(latent: Tensor, config: ObjectiveConfig) -> Tensor:
    """Penalty on the mean activation p_j of each latent unit over a batch, times its weight.

    `log` is sum_j log(1 + p_j^2), which draws every mean to zero. `kl` is sum_j KL(rho || p_j), the divergence of two
    coins with the odds rho (`sparsity_target`) and p_j (Ng, Sparse Autoencoder, CS294A lecture notes, 2011).

    Args:
        latent: (N, d), not negative; for `kl` in [0, 1].
        config: kind, weight and target.

    Returns:
        a scalar; zero without sparsity.
    """
    if config.sparsity == "none":
        return latent.new_zeros(())
    assert config.sparsity_weight is not None
    mean = latent.mean(0)
    if config.sparsity == "log":
        return config.sparsity_weight * torch.log1p(mean.square()).sum()
    assert config.sparsity_target is not None
    rho = config.sparsity_target
    p = mean.clamp(1e-6, 1 - 1e-6)
    divergence = rho * torch.log(rho / p) + (1 - rho) * torch.log((1 - rho) / (1 - p))
    return config.sparsity_weight * divergence.sum()
