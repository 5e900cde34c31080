"""Numbers on a run's held-out images, or on any other data file, beside their controls."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor

from autoencoder.array_types import FloatArray, Rows
from autoencoder.config import DataConfig, NoiseConfig, kinds_of_columns
from autoencoder.config.arguments import IMAGES, AnyPath, names_of, path_of
from autoencoder.data.batches import Pixels, evenly
from autoencoder.data.changes.noise import corrupt_each
from autoencoder.data.images import ImageSet
from autoencoder.data.metadata_files import refuse_unknown_kinds
from autoencoder.display.summary import DPI, Summary
from autoencoder.errors import UserError, raise_if_any
from autoencoder.machine.progress import Progress
from autoencoder.models.network import Network
from autoencoder.objectives.base import Predicted, Result, Tested, make_objective
from autoencoder.objectives.controls import PCAControl
from autoencoder.plots.figures import rendered
from autoencoder.plots.images import to_picture
from autoencoder.runs.data import has_same_targets
from autoencoder.runs.opened import OpenedRun, RunLike, open_run
from autoencoder.runs.trained import Trained, flat_inputs
from autoencoder.seeding import draw_rows

CONTROL_MAX_IMAGES = 10_000
"""Controls are fitted on at most this many of the training images."""


SHOWN = 6
"""Tested images that a notebook shows."""


@dataclass(frozen=True, eq=False, repr=False)
class Evaluation:
    """The test of a run.

    Attributes:
        trained: the run's network.
        data: the images tested on.
        rows: (n,) row numbers of the tested images.
        n_without_target: images that were left out, because it is not known what the network should tell of them.
        noise: corruption added to the input.
        checkpoint: the checkpoint's name.
        result: what the objective measured, with its controls; its type is the objective's own.
        predict: what the network makes of rows of `data`; the noise of an image is the same every time.
        held_out: whether `rows` are those that were held out of the run's own images.
        notes: what the user should know of the targets, a sentence each.
    """

    trained: Trained
    data: ImageSet
    rows: Rows
    n_without_target: int
    noise: NoiseConfig
    checkpoint: str
    result: Result
    predict: Predictor
    held_out: bool
    notes: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"<Evaluation of {self.trained.run.path} on {self._in_short}>"

    @property
    def _in_short(self) -> str:
        noise = "" if self.noise.kind == "none" else f", noise {self.noise}"
        return f"{len(self.rows):,} {self.images_name}{noise}; compared with {self.result.compared_with}"

    def examples(self, n: int = SHOWN) -> Figure:
        """A few tested images, evenly chosen, with what the network makes of them."""
        shown = self.predict(evenly(self.rows, n))
        return self.result.draw_examples(shown, to_picture(shown.seen), self.images_name)

    def _repr_html_(self) -> str:
        """What a notebook shows: the numbers beside their controls, and a few images."""
        numbers = self.result.table()
        return Summary(
            f"{self.trained.run.path}: {self._in_short}",
            header=numbers.header,
            rows=numbers.rows,
            pictures=[rendered(self.examples(), "examples", dpi=DPI)],
            notes=[numbers.closing, *self.notes],
        ).html()

    @property
    def images_name(self) -> str:
        """What was tested on, in words."""
        if self.held_out:
            return "held-out images"
        return "images" if self.data.source is None else f"images of {self.data.source.name}"

    def codes(self, rows: Rows) -> FloatArray:
        """Latent codes (n, latent_dim) of rows of `data`, with the noise of the test."""
        return noisy_codes(self.trained.network, self.trained, self.data, rows, self.noise)

    def summary(self) -> dict[str, Any]:
        """The numbers, as written to `metrics.json`."""
        return {
            "run": str(self.trained.run.path),
            "objective": self.trained.config.objective.name,
            "checkpoint": self.checkpoint,
            "data": str(self.data.source),
            "metadata": str(self.data.metadata.source),
            "n_images": len(self.rows),
            "n_without_target": self.n_without_target,
            "noise": str(self.noise),
            **self.result.numbers(),
        }


def evaluate(
    run: RunLike,
    *,
    data: AnyPath | ImageSet | None = None,
    metadata: AnyPath | None = None,
    columns: Sequence[str] | None = None,
    column_kinds: Sequence[str] | None = None,
    checkpoint: str = "last",
    noise: NoiseConfig | str | None = None,
    limit: int | None = None,
    device: str = "auto",
    quiet: bool = True,
) -> Evaluation:
    """Measure how well a run meets its objective, beside controls.

    A reconstruction is compared with the data file's clean image where it has one; else, with added noise, with the
    image before that; else with the input itself. Its control is a PCA with as many components as the latent has units,
    fitted on the run's training images as the network saw them and applied to the same inputs. An angle, a class and a
    mask are compared with the true ones; their controls are a constant prediction, the truth of other images, and a
    linear read-out of that PCA. Pixels beyond the edge of a picture are left out of what measures reconstructions.

    Args:
        run: a run folder, or what `open_run` gave.
        data: another data file, or images in memory, all of whose images are tested; None, or the run's own images, in
            memory or as their file, also where that was moved, for those of them that were held out.
        metadata: other metadata of the run's images, or metadata of another data file; None for the run's own, or the
            file beside that data file.
        columns: names that are given to their columns, in order, where they are an `.npy`, which has none; it does not
            choose columns.
        column_kinds: what columns are, such as `heading=radians`, where it is not what the run says.
        checkpoint: `last`, `best`, the number of an epoch, or a path.
        noise: corruption of the input, also as text such as `gaussian:0.3`; None for the one that the run was trained
            with.
        limit: test at most this many images, evenly spaced.
        device: `auto`, `cpu`, `cuda` or `mps`.
        quiet: show no progress.

    Raises:
        UserError: the run, the checkpoint or the data cannot be used.
    """
    opened, noise = open_run(run), None if noise is None else NoiseConfig.of(noise)
    has_other_table = metadata is not None or columns is not None or column_kinds is not None
    if has_other_table and isinstance(data, ImageSet):
        raise UserError("images in memory have their own metadata: leave metadata, columns and column kinds out")
    other: ImageSet | None = None
    if not isinstance(data, ImageSet):
        opened, other = open_data(opened, data, metadata, columns, column_kinds)
    trained, own, split = opened.network(checkpoint, device), opened.images, opened.split()
    config, objective = trained.config, trained.objective
    check_same_size(own, trained)
    if isinstance(data, ImageSet) and data.content_hash() != own.content_hash():
        other = data
    held_out = other is None
    if other is None:
        # Its training images would flatter the result.
        images, rows = data if isinstance(data, ImageSet) else own, split.val
    else:
        images, rows = other, np.arange(len(other))
        check_same_size(images, trained)
    if len(rows) == 0 or int(rows.max()) >= len(images):
        raise UserError(f"{images.source} has {len(images)} images, fewer than {trained.run.split_file} refers to")
    noise = config.objective.noise if noise is None else noise
    predict = Predictor(trained, images, noise)
    known = predict.targets.known[rows]
    rows, n_without_target = rows[known], int((~known).sum())
    if len(rows) == 0:
        raise UserError(f"none of the images to test in {images.source} has a known target: test on other --data")
    if limit is not None:
        rows = evenly(rows, limit)
    train_rows = split.train[objective.targets(own, torch.device("cpu")).known[split.train]]
    with Progress("Testing", len(rows), quiet=quiet) as progress:
        tested = Tested(
            data=images,
            rows=rows,
            own=own,
            train_rows=train_rows,
            noise=noise,
            predict=predict,
            pca=lambda: pca_control(opened, train_rows, noise, trained.device, config.model.latent_dim),
            batch_size=trained.encoded_at_once,
            seed=config.data.split_seed,
            on_progress=progress.advance,
        )
        result = objective.measure(tested)
    notes = () if has_same_targets(opened, config, own) else (_other_targets(opened, own),)
    return Evaluation(trained, images, rows, n_without_target, noise, checkpoint, result, predict, held_out, notes)


class Predictor:
    """The network's view of rows of a data set.

    Args:
        trained: the network.
        data: the images.
        noise: corruption of the input, the same for an image every time.

    Raises:
        UserError: the data do not hold what the objective is measured against.
    """

    def __init__(self, trained: Trained, data: ImageSet, noise: NoiseConfig) -> None:
        self._trained, self._data, self._noise = trained, data, noise
        self._pixels = Pixels(data.images, data.max_pixel_value, trained.device)
        self.targets = trained.objective.targets(data, trained.device)

    @torch.no_grad()
    def __call__(self, rows: Rows) -> Predicted:
        """Input, latent, output and truth of some rows."""
        trained = self._trained
        images = self._pixels.batch(rows)
        seen = corrupt_each(images, self._noise, rows, trained.config.data.split_seed, "test noise")
        output = trained.network(seen)
        truth = self.targets.truth(rows, images)
        made = trained.objective.present(output.prediction)
        return Predicted(
            rows,
            seen=to_numpy(seen),
            latent=to_numpy(output.latent),
            output=to_numpy(made),
            truth=to_numpy(truth),
            counted=self._data.counted(rows),
        )


@torch.no_grad()
def noisy_codes(network: Network, trained: Trained, data: ImageSet, rows: Rows, noise: NoiseConfig) -> FloatArray:
    """Latent codes (n, latent_dim) of rows of `data`, with the noise of a test.

    Args:
        network: the one of `trained`, or another of its kind.
        trained: a run's network.
        data: images.
        rows: (n,) of them.
        noise: corruption of the input, the same for an image every time.
    """
    pixels, config = Pixels(data.images, data.max_pixel_value, trained.device), trained.config
    parts = []
    for part, batch in pixels.batches(rows, trained.encoded_at_once):
        seen = corrupt_each(batch, noise, part, config.data.split_seed, "test noise")
        parts.append(to_numpy(network.features("latent", seen)))
    return np.concatenate(parts)


def pca_control(
    run: OpenedRun, train_rows: Rows, noise: NoiseConfig, device: torch.device, n_components: int
) -> PCAControl:
    """The control of a run; runs that are opened together and saw the same of the same images share it."""
    own, seed = run.images, run.config().data.split_seed

    def fit() -> PCAControl:
        rows = draw_rows(train_rows, CONTROL_MAX_IMAGES, seed, "pca control")
        inputs = flat_inputs(own, rows, noise, seed, "pca noise", device)
        return PCAControl.fit(inputs, rows, n_components, seed)

    seen = (own.content_hash(), own.max_pixel_value, train_rows.tobytes(), noise, seed)
    return run.shelf.once(("PCA control", *seen, n_components), fit)


def open_data(
    run: OpenedRun,
    data: AnyPath | None,
    metadata: AnyPath | None = None,
    columns: Sequence[str] | None = None,
    column_kinds: Sequence[str] | None = None,
) -> tuple[OpenedRun, ImageSet | None]:
    """A run with the data that are asked for.

    Args:
        run: the run.
        data: a data file; None for the run's own.
        metadata, columns, column_kinds: see `evaluate`.

    Returns:
        the run, opened anew where its own images have moved or are seen with other metadata; and the images of another
        file, None for its own.

    Raises:
        UserError: another file cannot be read.
    """
    moved_to, data = None, None if data is None else path_of(data, IMAGES)
    if data is not None and _are_own(run, data, metadata, columns, column_kinds):
        moved_to, data = data, None
    if data is not None:
        images = run.shelf.images(_other_data(run, data, metadata, columns, column_kinds))
        refuse_unknown_kinds(images.metadata, column_kinds)
        return run, images
    if (moved_to, metadata, columns, column_kinds) == (None,) * 4:
        return run, None
    anew = open_run(
        run.path, shelf=run.shelf, images=moved_to, metadata=metadata, columns=columns, column_kinds=column_kinds
    )
    return anew, None


def _are_own(
    run: OpenedRun,
    data: Path,
    metadata: AnyPath | None,
    columns: Sequence[str] | None,
    column_kinds: Sequence[str] | None,
) -> bool:
    """Whether a data file is the one that the run learned from, or stands for it where that is nowhere to be found."""
    known = Path(run.config().data.images)
    if data.resolve() == known.resolve():
        return True
    if known.exists():
        return False  # a copy is another file
    images = run.shelf.images(_other_data(run, data, metadata, columns, column_kinds))
    return images.content_hash() == run.environment().get("data_sha256")


def _other_data(
    run: OpenedRun,
    data: Path,
    metadata: AnyPath | None,
    columns: Sequence[str] | None,
    column_kinds: Sequence[str] | None,
) -> DataConfig:
    """Another data file, whose columns are what the run says of its own, unless something else is said."""
    kinds = run.column_kinds | kinds_of_columns(column_kinds or ())
    return DataConfig(
        str(data),
        None if metadata is None else str(path_of(metadata, "metadata")),
        None if columns is None else tuple(names_of(columns)),
        max_pixel_value=run.config().data.max_pixel_value,
        column_kinds=tuple(f"{name}={kind}" for name, kind in kinds.items()) or None,
    )


def _other_targets(run: OpenedRun, own: ImageSet) -> str:
    what = make_objective(run.config().objective).targets_are
    return (
        f"the {what} in {own.metadata.source or own.source} differ from those that {run.path} was trained on: the "
        "network is measured, and the controls are fitted, by what that file says now"
    )


def to_numpy(values: Tensor) -> FloatArray:
    """The same values in the processor's memory, float32."""
    array: FloatArray = values.float().cpu().contiguous().numpy()
    return array


def check_same_size(images: ImageSet, trained: Trained) -> None:
    """Refuse images of another size than a network takes.

    Raises:
        UserError: they are.
    """
    if images.image_shape != trained.image_shape:
        raise_if_any(
            [
                f"{images.source} has images of (channels, height, width) {images.image_shape} and {trained.run.path} "
                f"was trained on {trained.image_shape}: prepare them with the same --size, --resize or --pad"
            ]
        )
