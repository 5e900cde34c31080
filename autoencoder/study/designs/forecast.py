"""How long a study will take, from a few updates of each kind of run."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from autoencoder.config import RunConfig
from autoencoder.data.images import ImageSet
from autoencoder.errors import UserError
from autoencoder.machine.device import choose_device, prepare_machine
from autoencoder.machine.processes import share_of_cores
from autoencoder.machine.progress import duration
from autoencoder.runs.data import split_rows
from autoencoder.runs.folder import Run
from autoencoder.runs.snapshots import steps_of_snapshots
from autoencoder.study.designs.design import Member
from autoencoder.training.engines import WARM_UP_UPDATES, make_engine
from autoencoder.training.fitting import fit_encoders
from autoencoder.training.learner import make_learner
from autoencoder.training.workload import Workload

WARM_UP, TIMED = WARM_UP_UPDATES + 1, 12
"""Updates before the clock starts, in the last of which a GPU's are captured, and those that it times."""

FIT_IMAGES = 1000
"""Images that a fitted encoder is fitted to for a forecast; its time grows at least as fast as their number."""


WORTH_TIMING = 50_000
"""Images that are trained on in all; fewer rarely take a minute, of which a forecast would take its share."""


@dataclass(frozen=True)
class Forecast:
    """What a study will take.

    Attributes:
        by_setting: seconds of one run of each setting, from its beginning.
        seconds: of all runs, with as many processes at a time as was asked for.
        jobs: how many these are.
        on_gpu: they were timed on a GPU, where a run alone is timed also where several are trained together.
    """

    by_setting: dict[str, float]
    seconds: float
    jobs: int
    on_gpu: bool

    def said(self) -> str:
        """How long all take, in words."""
        n = len(self.by_setting)
        kinds = f"{TIMED} updates of each of {n} kinds of runs" if n > 1 else f"{TIMED} updates"
        return f"about {duration(self.seconds)} of training, {self.jobs} at a time (measured over {kinds})"


def forecast(
    members: Sequence[Member], images: ImageSet, jobs: int = 1, left: Mapping[str, float] | None = None
) -> Forecast:
    """Time a few updates, a validation's share and a snapshot of each kind of run; nothing is written.

    Args:
        members: the runs.
        images: their data.
        jobs: processes at a time, which share the processor's cores.
        left: the share of each run that is still to be trained, by its name; None for all of all.

    Raises:
        UserError: a run cannot be trained.
    """
    by_setting: dict[str, float] = {}
    threads = torch.get_num_threads()
    try:
        for member in members:
            if member.setting not in by_setting:
                by_setting[member.setting] = _seconds(member.config, images, jobs)
    finally:
        torch.set_num_threads(threads)  # what comes after is not to be one of so many processes
    seconds = [by_setting[member.setting] * (1.0 if left is None else left[member.name]) for member in members]
    on_gpu = choose_device(members[0].config.training.device).type == "cuda"
    if on_gpu:
        torch.cuda.empty_cache()
    return Forecast(by_setting, max(sum(seconds) / jobs, *seconds), jobs, on_gpu)


def forecast_of_the_rest(members: Sequence[Member], runs: Path, images: ImageSet, jobs: int = 1) -> Forecast | None:
    """The forecast for those of a study's runs that are not finished, and for what is left of them.

    Args:
        members: all runs.
        runs: the folder of their folders.
        images, jobs: see `forecast`.

    Returns:
        None where little is left (see `WORTH_TIMING`), or where it cannot be timed: training names what fails, and why.
    """
    left = {member.name: _left(member, runs) for member in members}
    open_ones = [member for member in members if left[member.name]]
    n_images = sum(left[one.name] * one.config.training.epochs * len(images) for one in open_ones)
    if not open_ones or n_images < WORTH_TIMING:
        return None
    try:
        return forecast(open_ones, images, jobs, left)
    except (UserError, RuntimeError):  # the latter where memory is full
        return None


def _left(member: Member, runs: Path) -> float:
    """The share of a run's epochs that are still to be trained, if it does not stop early."""
    try:
        rows = Run(runs / member.name).metrics()
    except UserError:  # the table is damaged, which training says
        return 1.0
    return max(0.0, 1 - rows[-1]["epoch"] / member.config.training.epochs) if rows else 1.0


def _seconds(config: RunConfig, images: ImageSet, jobs: int) -> float:
    training = config.training
    device = choose_device(training.device)
    threads = training.threads or (share_of_cores(jobs) if jobs > 1 else None)
    prepare_machine(device, threads, deterministic=training.deterministic)
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
    steps = steps_of_snapshots(len(batches), training.epochs, per_epoch, training.snapshot_spacing)
    work = Workload(training, learner.images_per_epoch, len(learner.val_rows), len(split.snapshot), steps)
    n_updates = len(batches) * training.epochs
    encoded = len(split.snapshot) + work.encoded(n_updates)  # the first before any update
    encoded += 2 * work.validated(training.epochs)  # with a decoder behind the codes
    return fitting + update * n_updates + encoding * encoded


def _few(config: RunConfig, images: ImageSet, n_train: int) -> tuple[RunConfig, ImageSet]:
    """A part of the images, and the run on a random split of them."""
    n = min(len(images), max(FIT_IMAGES, 4 * config.model.latent_dim) * len(images) // max(n_train, 1))
    rows = np.linspace(0, len(images) - 1, n).astype(np.int64)
    data = dataclasses.replace(config.data, split="random", block_size=None, gap=None, hold_out=None)
    few = dataclasses.replace(
        images, images=images.images[rows], metadata=images.metadata.take(rows), clean=None, mask=None
    )
    return dataclasses.replace(config, data=data), few
