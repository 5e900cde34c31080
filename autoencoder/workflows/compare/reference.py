"""Train the reference table: one autoencoder, four fitted encoders with a decoder, one network that predicts.

What belongs together is one piece of work: PCA to 16 and to 2 units take one decomposition, UMAP to 16 and to 2 one
graph of neighbours. Pieces are independent and run one after the other, in several processes, or on a cluster.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autoencoder.config import (
    DataConfig,
    ModelConfig,
    NoiseConfig,
    ObjectiveConfig,
    RunConfig,
    TrainingConfig,
    differing_settings,
)
from autoencoder.data.images import ImageSet
from autoencoder.errors import UserError, raise_if_any
from autoencoder.machine.progress import Say
from autoencoder.machine.stopping import Interrupted
from autoencoder.objectives.base import make_objective
from autoencoder.runs.data import load_data, resolve_split, split_rows
from autoencoder.runs.folder import Run
from autoencoder.training.fitting import fit_encoders
from autoencoder.training.start import resume, train
from autoencoder.version import installing
from autoencoder.workflows.explained_variance import write_explained_variance

WIDE, NARROW = 16, 2
"""Latent units: those of the reference work's autoencoder, and a plane."""

CLUSTER_SECONDS = 5
"""How long the cluster's scheduler may take to answer."""

PREDICTING = {"angle": "direction-tagger", "classify": "classifier", "regress": "regressor"}
"""Objectives of the network that predicts, the first one that the data hold a target for, and what it is called."""

SELDOM_CHANGED = ("device", "threads")
"""Settings in which an earlier run may differ from what is asked for and still be resumed."""


@dataclass(frozen=True)
class Piece:
    """Runs that share a fit.

    Attributes:
        runs: folder and configuration of each.
    """

    runs: tuple[tuple[Path, RunConfig], ...]


def reference_runs(
    data: DataConfig,
    images: ImageSet,
    noise: NoiseConfig,
    training: TrainingConfig,
    *,
    encoder: str = "strided",
    target: str | None = None,
) -> tuple[dict[str, RunConfig], str | None]:
    """Configurations of the reference table.

    Args:
        data: names of the files, and the split.
        images: what the files hold.
        noise: corruption of the input.
        training: epochs, seed and everything else.
        encoder: of the autoencoder and of the network that predicts.
        target: the column to predict; None for the angle, else the label, else the quantity that can be meant.

    Returns:
        name of each run and its configuration, and, where nothing can be predicted, why the last one is left out.

    Raises:
        UserError: `target` is named and can be predicted by none of `PREDICTING`; or there is too little to split.
    """
    data = resolve_split(data, images).data
    wide, reconstruct = ModelConfig(encoder, WIDE), ObjectiveConfig(noise=noise)
    models = {
        f"ae-{WIDE}": wide,
        f"pca-{WIDE}": ModelConfig("pca", WIDE),
        f"pca-{NARROW}": ModelConfig("pca", NARROW),
        f"umap-{WIDE}": ModelConfig("umap", WIDE),
        f"umap-{NARROW}": ModelConfig("umap", NARROW),
    }
    runs = {name: RunConfig(data, model, reconstruct, training) for name, model in models.items()}
    train_rows = split_rows(runs[f"ae-{WIDE}"], images).train
    problems: list[str] = []
    for objective, name in PREDICTING.items():
        try:
            chosen = make_objective(ObjectiveConfig(objective, noise=noise, target=target)).resolved(images, train_rows)
        except UserError as error:
            problems += error.problems
            continue
        return {**runs, name: RunConfig(data, wide, chosen, training)}, None
    if target is not None:
        raise UserError(problems)
    return runs, f"no {', no '.join(PREDICTING.values())}: {'; '.join(problems)}"


def train_reference(
    runs: dict[str, RunConfig],
    out: Path,
    *,
    jobs: int = 1,
    backend: str = "loky",
    scheduler: str | None = None,
    say: Say = lambda _: None,
    quiet: bool = True,
) -> list[Run]:
    """Train runs, or resume those that were cut off; finished ones are left alone.

    Args:
        runs: name of each run and its configuration; with several seeds, names such as `seed-0042/ae-16`.
        out: folder that holds the run folders.
        jobs: pieces of work at a time.
        backend: one of `config.BACKENDS`.
        scheduler: address of the Dask scheduler, such as `tcp://host:8786`. Its workers must see `out` and the data
            under the same paths, and have this package.
        say: is told what begins and what is done.
        quiet: show no progress.

    Returns:
        the runs, in the order given.

    Raises:
        UserError: a folder holds another run than the one that is asked for, the cluster cannot be reached, or training
            fails.
        Interrupted: SIGINT or SIGTERM came; all is saved, and the same call goes on.
    """
    if (scheduler is None) == (backend == "dask"):
        raise UserError(
            "--backend dask and --scheduler, the address of the cluster's scheduler, go together: give both"
        )
    folders = {name: out.absolute() / name for name in runs}
    runs = {name: config.with_absolute_paths() for name, config in runs.items()}
    _refuse_others(folders, runs)
    cluster = _cluster(backend, scheduler)
    if jobs > 1:
        share = max(1, (os.cpu_count() or 1) // jobs)
        runs = {name: _with_threads(config, share) for name, config in runs.items()}
    pieces = _pieces(folders, runs)
    if jobs == 1 and backend == "loky":
        for piece in pieces:
            _do(piece, quiet, say)
    else:
        say(f"training {len(runs)} runs in {len(pieces)} pieces, {jobs} at a time")
        _do_all(pieces, jobs, backend, cluster, say)
    return [Run(folder) for folder in folders.values()]


def _pieces(folders: dict[str, Path], runs: dict[str, RunConfig]) -> list[Piece]:
    """Fitted encoders of one kind, noise and seed go together; each other run is a piece of its own."""
    groups: dict[Any, list[tuple[Path, RunConfig]]] = {}
    for name, config in runs.items():
        shared = (config.model.encoder, config.objective.noise, config.training.seed)
        groups.setdefault(shared if config.model.is_fitted else name, []).append((folders[name], config))
    return [Piece(tuple(group)) for group in groups.values()]


def _do(piece: Piece, quiet: bool, say: Say) -> None:
    """Train the runs of a piece. Images are loaded once, and a fitted encoder is fitted once for all that lack one."""
    images = load_data(piece.runs[0][1])
    begun = [(folder, config) for folder, config in piece.runs if Run(folder).config_file.exists()]
    fresh = [(folder, config) for folder, config in piece.runs if not Run(folder).config_file.exists()]
    try:
        for folder, config in begun:
            resume(folder, device=config.training.device, data=images, quiet=quiet, say=say)
            _finish(folder, config)
        encoders: Sequence[Any] = [None] * len(fresh)
        if fresh and fresh[0][1].model.is_fitted:
            dims = [config.model.latent_dim for _, config in fresh]
            encoders = fit_encoders(fresh[0][1], images, dims, quiet=quiet)
        for (folder, config), encoder in zip(fresh, encoders, strict=True):
            train(config, folder, data=images, encoder=encoder, quiet=quiet, say=say)
            _finish(folder, config)
    except Interrupted as stopped:
        raise Interrupted(stopped.signum, "stopped and saved; the same command goes on where it stopped") from None


def _finish(folder: Path, config: RunConfig) -> None:
    if config.model.explains_variance:
        write_explained_variance(Run(folder))


def _do_all(pieces: list[Piece], jobs: int, backend: str, cluster: AbstractContextManager[Any], say: Say) -> None:
    import joblib

    with cluster, joblib.parallel_config(backend=backend, n_jobs=jobs):
        outcomes = joblib.Parallel()(joblib.delayed(_outcome)(piece) for piece in pieces)
    for _, said in outcomes:
        for text in said:
            say(text)
    stopped = [outcome for outcome, _ in outcomes if isinstance(outcome, int)]
    if stopped:
        raise Interrupted(stopped[0], "stopped and saved; the same command goes on where it stopped")
    raise_if_any(problem for outcome, _ in outcomes if isinstance(outcome, list) for problem in outcome)


def _outcome(piece: Piece) -> tuple[list[str] | int | None, list[str]]:
    """`_do` in another process: what went wrong, as plain values whatever becomes of exceptions there, and was said."""
    said: list[str] = []
    try:
        _do(piece, True, said.append)
    except UserError as error:
        return list(error.problems), said
    except Interrupted as stopped:
        return stopped.signum, said
    return None, said


def _cluster(backend: str, scheduler: str | None) -> AbstractContextManager[Any]:
    if backend != "dask":
        return nullcontext()
    try:
        from distributed import Client
    except ImportError:
        raise UserError(f"--backend dask needs the extra: {installing('cluster')}") from None
    try:
        client: AbstractContextManager[Any] = Client(scheduler, timeout=CLUSTER_SECONDS)  # type: ignore[no-untyped-call]
    except (OSError, ValueError) as error:
        reason = str(error).strip().splitlines()[0]
        raise UserError(f"no Dask scheduler answers at {scheduler} ({reason}): check the address") from None
    return client


def _refuse_others(folders: dict[str, Path], runs: dict[str, RunConfig]) -> None:
    """Refuse folders that hold runs with other settings, which would be compared as if they were these."""
    problems = []
    for name, folder in folders.items():
        run = Run(folder)
        if run.config_file.exists():
            differing = [
                f"{setting} was {was}, and is now {wanted}"
                for setting, (was, wanted) in differing_settings(run.config(), runs[name]).items()
                if setting not in SELDOM_CHANGED
            ]
            if differing:
                problems.append(f"{folder} was trained with other settings ({'; '.join(differing)})")
    if problems:
        raise UserError([*problems, "choose another --out, or the settings of before"])


def _with_threads(config: RunConfig, threads: int) -> RunConfig:
    if config.training.threads is not None:
        return config
    return dataclasses.replace(config, training=dataclasses.replace(config.training, threads=threads))
