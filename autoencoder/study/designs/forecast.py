"""How long a study will take, from a few updates of each kind of run."""

from __future__ import annotations

import dataclasses
import os
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass

import numpy as np

from autoencoder.config import RunConfig
from autoencoder.data.images import ImageSet
from autoencoder.machine.device import choose_device, prepare_machine
from autoencoder.runs.data import split_rows
from autoencoder.runs.folder import Run
from autoencoder.runs.snapshots import steps_of_snapshots
from autoencoder.study.designs.design import Member
from autoencoder.training.engines import WARM_UP_UPDATES, make_engine
from autoencoder.training.fitting import fit_encoders
from autoencoder.training.learner import make_learner

WARM_UP, TIMED = WARM_UP_UPDATES + 1, 12
"""Updates before the clock starts, in the last of which a GPU's are captured, and those that it times."""

FIT_IMAGES = 1000
"""Images that a fitted encoder is fitted to for a forecast; its time grows at least as fast as their number."""


@dataclass(frozen=True)
class Forecast:
    """What a study will take.

    Attributes:
        by_setting: seconds of one run of each setting.
        seconds: of all runs, with as many processes at a time as was asked for.
        on_gpu: they were timed on a GPU, where a run alone is timed also where several are trained together.
    """

    by_setting: dict[str, float]
    seconds: float
    on_gpu: bool


def forecast(members: Sequence[Member], images: ImageSet, jobs: int = 1) -> Forecast:
    """Time a few updates, a validation's share and a snapshot of each kind of run; nothing is written.

    Args:
        members: the runs.
        images: their data.
        jobs: processes at a time, which share the processor's cores.

    Raises:
        UserError: a run cannot be trained.
    """
    by_setting: dict[str, float] = {}
    for member in members:
        if member.setting not in by_setting:
            by_setting[member.setting] = _seconds(member.config, images, jobs)
    seconds = [by_setting[member.setting] for member in members]
    on_gpu = choose_device(members[0].config.training.device).type == "cuda"
    return Forecast(by_setting, max(sum(seconds) / jobs, *seconds), on_gpu)


def _seconds(config: RunConfig, images: ImageSet, jobs: int) -> float:
    training = config.training
    device = choose_device(training.device)
    threads = training.threads or (max(1, (os.cpu_count() or 1) // jobs) if jobs > 1 else None)
    prepare_machine(device, threads)
    split, encoder, fitting = split_rows(config, images), None, 0.0
    if config.model.is_fitted:
        some = _few(config, images, len(split.train))
        began = time.perf_counter()
        encoder = fit_encoders(some[0], some[1], [config.model.latent_dim])[0]
        fitting = (time.perf_counter() - began) * max(1.0, len(split.train) / FIT_IMAGES)
    learner = make_learner(Run("forecast"), config, images, split, device, encoder)
    engine = make_engine(learner, lambda _: None)
    batches = learner.batches(0)
    learner.network.train()
    began = time.perf_counter()
    with closing(engine):
        for step in range(WARM_UP + TIMED):
            if step == WARM_UP:
                began = time.perf_counter()
            if step % len(batches) == 0:
                engine.prepare(batches, step)
            float(engine.update(batches[step % len(batches)], step))
    update = (time.perf_counter() - began) / TIMED
    rows = split.snapshot[: training.snapshot_batch_size]
    learner.encode(rows)
    began = time.perf_counter()
    learner.encode(rows)
    encoding = (time.perf_counter() - began) / len(rows)
    per_epoch = 0 if config.model.is_fitted else training.snapshots_per_epoch
    snapshots = len(steps_of_snapshots(len(batches), training.epochs, per_epoch, training.snapshot_spacing)) + 1
    validations = 2 * len(learner.val_rows) * training.epochs / training.val_interval  # with a decoder behind the codes
    encoded = snapshots * len(split.snapshot) + validations
    return fitting + update * len(batches) * training.epochs + encoding * encoded


def _few(config: RunConfig, images: ImageSet, n_train: int) -> tuple[RunConfig, ImageSet]:
    """A part of the images, and the run on a random split of them."""
    n = min(len(images), max(FIT_IMAGES, 4 * config.model.latent_dim) * len(images) // max(n_train, 1))
    rows = np.linspace(0, len(images) - 1, n).astype(np.int64)
    data = dataclasses.replace(config.data, split="random", block_size=None, gap=None, hold_out=None)
    few = dataclasses.replace(
        images, images=images.images[rows], metadata=images.metadata.take(rows), clean=None, mask=None
    )
    return dataclasses.replace(config, data=data), few
