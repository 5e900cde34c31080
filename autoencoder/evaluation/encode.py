"""Codes of every image of a data set by a trained network, and what it says of them, batch by batch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from autoencoder.array_types import FloatArray, Rows
from autoencoder.data.batches import Pixels, evenly
from autoencoder.data.images import ImageSet
from autoencoder.evaluation.evaluate import to_numpy
from autoencoder.evaluation.familiar import MOST_IMAGES, Familiar
from autoencoder.models.network import Output
from autoencoder.runs.opened import OpenedRun
from autoencoder.runs.trained import Trained

ERROR, DISTANCE, UNFAMILIAR = "error", "code_distance", "unfamiliar"
"""Columns of what is found: how far off the network is, how far a code is from those of the training images, and
whether it, or the error, is beyond those of 99.9 % of them, 1 or 0."""


@dataclass(frozen=True, eq=False)
class Encoded:
    """What a network makes of N images.

    Attributes:
        codes: (N, d) float32.
        columns: (N,) what it says of them, where that was asked for: its prediction, `error`; `code_distance` and
            `unfamiliar` where it is known what is familiar.
        n_far, n_wrong: images whose code, or whose reconstruction, is beyond those of the training images; None where
            that is not known.
    """

    codes: FloatArray
    columns: Mapping[str, NDArray[Any]]
    n_far: int | None
    n_wrong: int | None


@torch.no_grad()
def encode(
    trained: Trained,
    images: ImageSet,
    familiar: Familiar | None,
    *,
    errors: bool = False,
    predictions: bool = False,
    pictures: NDArray[np.float32] | None = None,
    on_progress: Callable[[int], None] | None = None,
) -> Encoded:
    """Encode images as snapshots are encoded: in the order of rows, in batches of the same size, without noise.

    Args:
        trained: a run's network.
        images: of its size.
        familiar: what it knows, see `find_familiar`; None where that is not to be told.
        errors: how far off it is for each image, as `test` measures that; NaN where the truth is not known.
        predictions: what it predicts of each image, where that is no picture.
        pictures: (N, C, H, W) float32, which the pictures that it makes are written to.
        on_progress: called with the number of images that are done.

    Raises:
        UserError: the truth of errors is not in the data.
    """
    n, device, objective = len(images), trained.device, trained.objective
    pixels = Pixels(images.images, images.max_pixel_value, device)
    targets = objective.targets(images, device) if errors else None
    by_error = familiar is not None and familiar.most_error is not None
    with_head = errors or predictions or pictures is not None or by_error
    codes = np.empty((n, trained.config.model.latent_dim), np.float32)
    error, surprise = np.full(n, np.nan, np.float32), np.empty(n, np.float32)
    presented = list[FloatArray]()
    for rows, batch in pixels.batches(np.arange(n), trained.encoded_at_once):
        output = trained.network(batch) if with_head else Output(trained.network.encode(batch), batch)
        codes[rows] = to_numpy(output.latent)
        made = objective.present(output.prediction) if with_head else batch
        if predictions:
            presented.append(to_numpy(made))
        if pictures is not None:
            pictures[rows] = to_numpy(made)
        counted = _counted(images, rows, device)
        if targets is not None:
            known = targets.known[rows]
            found = objective.errors(made, targets.truth(rows, batch), counted)
            error[rows] = np.where(known, to_numpy(found), np.nan)
        if by_error:
            surprise[rows] = to_numpy(objective.errors(made, batch, counted))
        if on_progress is not None:
            on_progress(len(rows))
    columns: dict[str, NDArray[Any]] = {}
    if predictions:
        column = objective.column(np.concatenate(presented))
        columns[column.name] = column.values
    if targets is not None:
        columns[ERROR] = error
    if familiar is None:
        return Encoded(codes, columns, None, None)
    distances = familiar.distances(codes)
    far, wrong = familiar.far(distances), familiar.wrong(surprise) if by_error else None
    columns[DISTANCE] = distances.astype(np.float32)
    columns[UNFAMILIAR] = (far if wrong is None else far | wrong).astype(np.int64)
    return Encoded(codes, columns, int(far.sum()), None if wrong is None else int(wrong.sum()))


def find_familiar(run: OpenedRun, trained: Trained) -> Familiar:
    """What a network knows, of its training images without noise.

    Raises:
        UserError: the run's images are not there, or are others.
    """
    rows = evenly(run.split().train, MOST_IMAGES)
    codes, errors = _look(trained, run.images, rows)
    return Familiar.of(codes, errors)


@torch.no_grad()
def _look(trained: Trained, images: ImageSet, rows: Rows) -> tuple[FloatArray, FloatArray | None]:
    """Codes of some images, and the errors of their reconstructions where there are such."""
    pixels = Pixels(images.images, images.max_pixel_value, trained.device)
    codes = np.empty((len(rows), trained.config.model.latent_dim), np.float32)
    errors = np.empty(len(rows), np.float32) if trained.objective.reconstructs else None
    done = 0
    for part, batch in pixels.batches(rows, trained.encoded_at_once):
        here = slice(done, done := done + len(part))
        if errors is None:
            codes[here] = to_numpy(trained.network.encode(batch))
            continue
        output = trained.network(batch)
        codes[here] = to_numpy(output.latent)
        made = trained.objective.present(output.prediction)
        errors[here] = to_numpy(trained.objective.errors(made, batch, _counted(images, part, trained.device)))
    return codes, errors


def _counted(images: ImageSet, rows: Rows, device: torch.device) -> Tensor | None:
    counted = images.counted(rows)
    return None if counted is None else torch.from_numpy(counted).to(device)


def what_is_missing(run: OpenedRun) -> str | None:
    """Why it cannot be told what a run's network knows; None where it can."""
    own = Path(run.config().data.images)
    if own.exists():
        return None
    return (
        f"it cannot be judged which images are familiar to the network, because {own}, which it was trained on, is "
        f"missing; the columns '{DISTANCE}' and '{UNFAMILIAR}' are left out"
    )
