"""Numbers on a run's held-out images, or on any other data file, beside their controls."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.decomposition import PCA
from torch import Tensor

from autoencoder import metrics
from autoencoder.config import NoiseConfig
from autoencoder.data.batches import Pixels, Rows
from autoencoder.data.images import ImageSet, load_images
from autoencoder.errors import UserError, raise_if_any
from autoencoder.noise import corrupt_each
from autoencoder.progress import Progress
from autoencoder.run_data import load_run_data
from autoencoder.seeding import numpy_stream
from autoencoder.trained import Trained, load_run

PCA_MAX_IMAGES = 10_000
"""The control is fitted on at most this many of the training images."""

FloatArray = NDArray[np.float32]


@dataclass(frozen=True)
class Quality:
    """Means over images, each against the reference image, on a scale of [0, 1]."""

    mse: float
    psnr_db: float
    ssim: float


def decibel_closer(mse: float, control_mse: float) -> float:
    """How many decibel an error is below that of its control; 0 where both are 0."""
    if mse == control_mse:
        return 0.0
    with np.errstate(divide="ignore"):
        return float(10 * (np.log10(control_mse) - np.log10(mse)))


@dataclass(frozen=True, eq=False)
class Predicted:
    """What a network was shown and what it made of it; images are (n, C, H, W) float32 in [0, 1].

    Attributes:
        rows: (n,) row numbers in the data file.
        seen: the network's input, with noise.
        latent: (n, latent_dim).
        output: the reconstruction.
        reference: what it is compared with.
    """

    rows: Rows
    seen: FloatArray
    latent: FloatArray
    output: FloatArray
    reference: FloatArray


@dataclass(frozen=True, eq=False)
class Evaluation:
    """The test of a run.

    Attributes:
        trained: the run's network.
        data: the images tested on.
        rows: (n,) row numbers of the tested images.
        noise: corruption added to the input.
        reference: what images are compared with, in words.
        input_quality: of the network's input; None where the input is the reference.
        output_quality: of the reconstruction.
        pca_quality: of the control, a PCA with as many components as the latent has units.
        pca_components: their number.
        output_mse: (n,) error of each reconstruction.
        checkpoint: the checkpoint's name.
        predictor: makes the network's output for rows of `data`.
    """

    trained: Trained
    data: ImageSet
    rows: Rows
    noise: NoiseConfig
    reference: str
    input_quality: Quality | None
    output_quality: Quality
    pca_quality: Quality
    pca_components: int
    output_mse: FloatArray
    checkpoint: str
    predictor: Predictor

    def predict(self, rows: Rows) -> Predicted:
        """Input, latent, output and reference of some rows; the noise of an image is the same every time."""
        return self.predictor(rows)

    @property
    def images_name(self) -> str:
        """What was tested on, in words."""
        own, source = Path(self.trained.config.data.images), self.data.source
        if source is None or source.resolve() == own.resolve():
            return "held-out images"
        return f"images of {source.name}"

    def summary(self) -> dict[str, Any]:
        """The numbers, as written to `metrics.json`."""
        return {
            "run": str(self.trained.run.path),
            "checkpoint": self.checkpoint,
            "data": str(self.data.source),
            "n_images": len(self.rows),
            "noise": str(self.noise),
            "reference": self.reference,
            "training_target": "the stored images; never the data file's clean ones",
            "input": None if self.input_quality is None else vars(self.input_quality),
            "output": vars(self.output_quality),
            "control_pca": {"n_components": self.pca_components, **vars(self.pca_quality)},
            "output_closer_than_pca_db": decibel_closer(self.output_quality.mse, self.pca_quality.mse),
        }


def evaluate(
    run: str | Path,
    *,
    data: str | Path | ImageSet | None = None,
    checkpoint: str = "last",
    noise: NoiseConfig | None = None,
    limit: int | None = None,
    device: str = "auto",
    quiet: bool = True,
) -> Evaluation:
    """Measure how well a run reconstructs.

    The reference is the data file's clean image where it has one; else, with added noise, the image before that; else
    the input itself. The control is a PCA with as many components as the latent has units, fitted on the run's training
    images as the network saw them and applied to the same inputs.

    Args:
        run: a run folder.
        data: another data file, all of whose images are tested; None, or the run's own file, for its held-out images.
        checkpoint: `last`, `best`, the number of an epoch, or a path.
        noise: corruption of the input; None for the one that the run was trained with.
        limit: test at most this many images, evenly spaced.
        device: `auto`, `cpu`, `cuda` or `mps`.
        quiet: show no progress.

    Raises:
        UserError: the run, the checkpoint or the data cannot be used.
    """
    trained = load_run(run, checkpoint, device=device)
    config = trained.config
    split = trained.run.split()
    own = load_run_data(trained.run)
    _check_same_size(own, trained)
    if isinstance(data, (str, Path)) and Path(data).resolve() == Path(config.data.images).resolve():
        data = None  # its training images would flatter the result
    if data is None:
        images, rows = own, split.val
    else:
        images = (
            data if isinstance(data, ImageSet) else load_images(Path(data), max_pixel_value=config.data.max_pixel_value)
        )
        _check_same_size(images, trained)
        rows = np.arange(len(images))
    if limit is not None and limit < len(rows):
        rows = rows[np.linspace(0, len(rows) - 1, limit).astype(np.int64)]
    if len(rows) == 0 or int(rows.max()) >= len(images):
        raise UserError(f"{images.source} has {len(images)} images, fewer than {trained.run.split_file} names")
    noise = config.objective.noise if noise is None else noise

    with Progress("Fitting the PCA control", 1, "fits", quiet=quiet):
        pca = _fit_pca(trained, own, split.train, noise)
    predictor, batch_size = Predictor(trained, images, noise), config.training.snapshot_batch_size
    scores: dict[str, list[Tensor]] = {"input": [], "output": [], "pca": []}
    with Progress("Testing", len(rows), quiet=quiet) as progress:
        for start in range(0, len(rows), batch_size):
            part = predictor(rows[start : start + batch_size])
            flat = part.seen.reshape(len(part.seen), -1)
            by_pca = pca.inverse_transform(pca.transform(flat)).reshape(part.seen.shape).clip(0, 1)
            for name, made in (("input", part.seen), ("output", part.output), ("pca", by_pca.astype(np.float32))):
                scores[name].append(_score(made, part.reference))
            progress.advance(len(part.rows))
    quality = {name: torch.cat(parts) for name, parts in scores.items()}
    reference = predictor.reference_name
    return Evaluation(
        trained,
        images,
        rows,
        noise,
        reference,
        None if reference == INPUT_ITSELF else _mean(quality["input"]),
        _mean(quality["output"]),
        _mean(quality["pca"]),
        int(pca.n_components_),
        quality["output"][:, 0].numpy(),
        checkpoint,
        predictor,
    )


CLEAN, BEFORE_NOISE, INPUT_ITSELF = (
    "clean images",
    "images before the added noise",
    "the input itself (no clean images)",
)


class Predictor:
    """The network's view of some rows of a data set."""

    def __init__(self, trained: Trained, data: ImageSet, noise: NoiseConfig) -> None:
        self._trained, self._noise = trained, noise
        self._pixels = Pixels(data.images, data.max_pixel_value, trained.device)
        self._clean = None if data.clean is None else Pixels(data.clean, data.max_pixel_value, trained.device)
        if data.clean is not None:
            self.reference_name = CLEAN
        else:
            self.reference_name = INPUT_ITSELF if noise.kind == "none" else BEFORE_NOISE

    @torch.no_grad()
    def __call__(self, rows: Rows) -> Predicted:
        """See `Evaluation.predict`."""
        trained = self._trained
        images = self._pixels.batch(rows)
        seen = corrupt_each(images, self._noise, rows, trained.config.training.seed, "test noise")
        output = trained.network(seen)
        reference = images if self._clean is None else self._clean.batch(rows)
        made = trained.objective.to_images(output.prediction)
        return Predicted(rows, *(_to_numpy(values) for values in (seen, output.latent, made, reference)))


def _to_numpy(values: Tensor) -> FloatArray:
    array: FloatArray = values.float().cpu().contiguous().numpy()
    return array


def _check_same_size(images: ImageSet, trained: Trained) -> None:
    if images.image_shape != trained.image_shape:
        raise_if_any(
            [
                f"{images.source} has images of (channels, height, width) {images.image_shape} and {trained.run.path} "
                f"was trained on {trained.image_shape}: prepare them with the same --size, --resize or --pad"
            ]
        )


def _fit_pca(trained: Trained, data: ImageSet, train_rows: Rows, noise: NoiseConfig) -> PCA:
    """A PCA of what the network saw of (at most `PCA_MAX_IMAGES` of) the training images."""
    seed = trained.config.training.seed
    rows = train_rows
    if len(rows) > PCA_MAX_IMAGES:
        rows = np.sort(numpy_stream(seed, "pca control").choice(rows, PCA_MAX_IMAGES, replace=False))
    pixels = Pixels(data.images, data.max_pixel_value, trained.device)
    seen = [
        _to_numpy(corrupt_each(batch, noise, part, seed, "pca noise")).reshape(len(part), -1)
        for part, batch in pixels.batches(rows, trained.config.training.snapshot_batch_size)
    ]
    X = np.concatenate(seen)
    n_components = min(trained.config.model.latent_dim, *X.shape)
    return PCA(n_components, svd_solver="randomized", random_state=seed % 2**32).fit(X)


def _score(images: FloatArray, reference: FloatArray) -> Tensor:
    """(n, 3): MSE, PSNR and SSIM of each image."""
    a, b = torch.from_numpy(images), torch.from_numpy(reference)
    error = metrics.mse(a, b)
    return torch.stack([error, metrics.psnr(error), metrics.ssim(a, b)], dim=1)


def _mean(scores: Tensor) -> Quality:
    return Quality(*scores.double().mean(0).tolist())
