"""Data sets made by hand, a test of given predictions, and a look at what a training is taught."""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from autoencoder.config import NoiseConfig, ObjectiveConfig
from autoencoder.data.batches import Rows
from autoencoder.data.images import ImageSet
from autoencoder.data.metadata import Metadata
from autoencoder.objectives.base import Objective, Predicted, Result, Tested, make_objective
from autoencoder.objectives.controls import PCAControl

CPU = torch.device("cpu")


def _data(
    columns: Mapping[str, Any] | None = None, *, images: NDArray[Any] | None = None, mask: NDArray[Any] | None = None
) -> ImageSet:
    columns = {name: np.asarray(values) for name, values in (columns or {}).items()}
    if images is None:
        n = len(next(iter(columns.values()))) if mask is None else len(mask)
        size = (8, 8) if mask is None else mask.shape[2:]
        images = np.random.default_rng(0).random((n, 1, *size), np.float32)
    return ImageSet(images, 1.0, Metadata(columns, Path("table.csv")), mask=mask, source=Path("images.npz"))


@pytest.fixture(scope="session")
def data() -> Callable[..., ImageSet]:
    """A data set with the given columns; random images where none are given."""
    return _data


def _resolved(config: ObjectiveConfig, data: ImageSet) -> Objective:
    return make_objective(make_objective(config).resolved(data))


@pytest.fixture(scope="session")
def resolved() -> Callable[[ObjectiveConfig, ImageSet], Objective]:
    """The objective, with what only the data can tell filled in."""
    return _resolved


@pytest.fixture(scope="session")
def measured() -> Callable[..., Result]:
    """What an objective measures of given predictions.

    The first `n_train` images are the training images, the others are tested on. `presented` holds for every image what
    `Objective.present` would give.
    """

    def measure(
        config: ObjectiveConfig, data: ImageSet, presented: NDArray[Any], n_train: int, *, latent_dim: int = 2
    ) -> Result:
        objective = _resolved(config, data)
        targets = objective.targets(data, CPU)
        rows, train_rows = np.arange(n_train, len(data)), np.arange(n_train)

        def predict(some: Rows) -> Predicted:
            seen = data.scaled(some)
            truth = targets.truth(some, torch.from_numpy(seen)).numpy()
            latent = np.zeros((len(some), latent_dim), np.float32)
            return Predicted(some, seen, latent, presented[some].astype(np.float32), truth, data.counted(some))

        return objective.measure(
            Tested(
                data=data,
                rows=rows[targets.known[rows]],
                own=data,
                train_rows=train_rows[targets.known[train_rows]],
                noise=NoiseConfig(),
                predict=predict,
                pca=lambda: PCAControl.fit(data.scaled(train_rows).reshape(n_train, -1), train_rows, latent_dim, 0),
                batch_size=7,
                seed=0,
                on_progress=lambda n: None,
            )
        )

    return measure


@pytest.fixture
def table(images: Path) -> Callable[[Mapping[str, Sequence[Any]]], Path]:
    """Write columns beside the 40 images of `images` and give the images' path."""

    def write(columns: Mapping[str, Sequence[Any]]) -> Path:
        with images.with_suffix(".csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(columns)
            writer.writerows(zip(*columns.values(), strict=True))
        return images

    return write


@dataclass
class Taught:
    """Row numbers of the images that a training showed its network, and the targets that it was to give for them."""

    rows: list[int] = field(default_factory=list)
    targets: list[Any] = field(default_factory=list)


@pytest.fixture
def taught(monkeypatch: pytest.MonkeyPatch) -> Taught:
    """Fills as a training in this process goes on."""
    from autoencoder.training.engines import EagerEngine

    seen = Taught()
    update = EagerEngine.update

    def update_and_note(engine, rows, step):
        losses = engine.learner.objective.losses

        def losses_and_note(output, target):
            seen.targets += target.tolist()
            return losses(output, target)

        seen.rows += rows.tolist()
        with monkeypatch.context() as patch:
            patch.setattr(engine.learner.objective, "losses", losses_and_note)
            return update(engine, rows, step)

    monkeypatch.setattr(EagerEngine, "update", update_and_note)
    return seen
