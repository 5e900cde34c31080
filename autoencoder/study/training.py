"""Train the runs of a study: one after the other, together in one process or in one for each GPU, in several processes,
or on a cluster.

What belongs together is one piece of work: PCA to 16 and to 2 units take one decomposition, UMAP to 16 and to 2 one
graph of neighbours. Pieces are independent of each other. A run that fails is named, and the others are trained.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import torch

from autoencoder.config import RunConfig, differing_settings
from autoencoder.data.batches import Pixels
from autoencoder.data.images import ImageSet
from autoencoder.errors import UserError
from autoencoder.machine.device import PART_OF_GPU, VISIBLE_GPUS, all_gpus, choose_device, prepare_machine
from autoencoder.machine.graphs import MOST_RUNS
from autoencoder.machine.processes import Lost, in_processes, share_of_cores
from autoencoder.machine.progress import SILENT, Say
from autoencoder.machine.stopping import Interrupted
from autoencoder.runs.data import load_data
from autoencoder.runs.folder import Run
from autoencoder.runs.lock import trained_by
from autoencoder.study.cluster import DEATHS, done_by_workers
from autoencoder.study.designs.design import Member
from autoencoder.training.fitting import fit_encoders
from autoencoder.training.start import Changes, begin, go_on
from autoencoder.training.together import MOST, CudaRoom, Entry, PlainRoom, train_together, why_failed

Finish = Callable[[Path, RunConfig], None]
"""What is done with each run's folder when the run is finished."""

AUTO = "auto"
"""Instead of a number of runs at a time."""

LOCK_SECONDS = 150.0
"""How long a run on a cluster waits for its lock: that of a node that died is free when its lease has run out (a minute
and a half on NFS 4), and a worker that lost its scheduler may train on for a while."""

SELDOM_CHANGED = ("device", "engine", "deterministic", "threads")
"""Settings in which an earlier run may differ from what is asked for and still be resumed."""


@dataclass(frozen=True)
class Piece:
    """Runs that share a fit.

    Attributes:
        runs: name, folder and configuration of each.
        finish: see `Finish`.
        patience: seconds to wait for another process that still holds a run.
    """

    runs: tuple[tuple[str, Path, RunConfig], ...]
    finish: Finish
    patience: float = 0.0


@dataclass
class Outcome:
    """What came of a piece, as plain values, whatever becomes of exceptions in another process.

    Attributes:
        failed: why, for the name of each run that could not be trained.
        said: what the user should know.
        signum: of the signal that stopped it; None where none did.
    """

    failed: dict[str, str] = field(default_factory=dict)
    said: list[str] = field(default_factory=list)
    signum: int | None = None


def train_members(
    members: Sequence[Member],
    out: Path,
    *,
    finish: Finish,
    images: ImageSet | None = None,
    jobs: int = 1,
    together: int | str | None = None,
    backend: str = "loky",
    cluster: AbstractContextManager[Any] | None = None,
    say: Say = SILENT,
    quiet: bool = True,
) -> dict[str, str]:
    """Train runs, or resume those that were cut off; finished ones are left alone.

    Args:
        members: the runs; `refuse_others` says whether their folders hold others.
        out: folder that holds the run folders.
        finish: is called with each run when it is finished; to be found by its name in other processes.
        images: the data of all runs, where the caller has them loaded.
        jobs: pieces of work at a time, in a process each; see `check_jobs`.
        together: runs at a time in this process, or `AUTO`: on a GPU as many as its memory holds, and on the processor
            a process for each core. None for `AUTO` on a GPU, and one run after the other elsewhere. Where there are
            several GPUs, each has a process, and so many runs at a time.
        backend: one of `config.BACKENDS`.
        cluster: from `cluster.connect`, with the backend `dask`.
        say: is told what begins and what is done.
        quiet: show no progress.

    Returns:
        why, for the name of each run that could not be trained.

    Raises:
        UserError: see `check_jobs`; or a GPU failed, or a process of one: the same call goes on.
        Interrupted: SIGINT or SIGTERM came; all is saved, and the same call goes on.
    """
    check_jobs(members, jobs, backend, together)
    runs = {member.name: (out.absolute() / member.name, member.config.with_absolute_paths()) for member in members}
    device = choose_device(members[0].config.training.device)
    jobs = processes(members, jobs, together)
    if together == AUTO and device.type == "cpu":
        together = None
    if jobs > 1:
        share = share_of_cores(jobs)
        runs = {name: (folder, _with_threads(config, share)) for name, (folder, config) in runs.items()}
    pieces = _pieces(runs, finish)
    gpus = all_gpus(device)[: len(pieces)]
    if jobs == 1 and backend == "loky" and len(gpus) > 1:
        outcomes = _done_on_each(pieces, device.type, gpus, together, say)
    elif jobs == 1 and backend == "loky" and (together or device.type == "cuda"):
        outcomes = [_done_together(pieces, images or load_data(members[0].config), device, together, quiet, say)]
    elif jobs == 1 and backend == "loky":
        outcomes = [_done(piece, quiet, say, images) for piece in pieces]
    else:
        at_a_time = "as many at a time as the cluster has workers" if backend == "dask" else f"{jobs} at a time"
        say(f"training {len(runs)} runs in {len(pieces)} pieces, {at_a_time}")
        outcomes = _all_done(pieces, jobs, backend, cluster or nullcontext())
        for outcome in outcomes:
            for text in outcome.said:
                say(text)
    stopped = [outcome.signum for outcome in outcomes if outcome.signum is not None]
    if stopped:
        raise _stopped(stopped[0])
    return {name: why for outcome in outcomes for name, why in outcome.failed.items()}


def processes(members: Sequence[Member], jobs: int, together: int | str | None) -> int:
    """How many processes train at a time.

    Without a GPU `AUTO` is one for each core, with a thread each: that is faster than all threads for one run.

    Args:
        members, jobs, together: see `train_members`.
    """
    if together == AUTO and choose_device(members[0].config.training.device).type == "cpu":
        return min(os.cpu_count() or 1, len(members))
    return jobs


def _stopped(signum: int) -> Interrupted:
    return Interrupted(signum, "stopped and saved; the same command resumes it")


def _pieces(runs: dict[str, tuple[Path, RunConfig]], finish: Finish) -> list[Piece]:
    """The runs by what they are fitted with; see `_fit`."""
    groups: dict[Any, list[tuple[str, Path, RunConfig]]] = {}
    for name, (folder, config) in runs.items():
        groups.setdefault(_fit(name, config), []).append((name, folder, config))
    return [Piece(tuple(group), finish) for group in groups.values()]


def _fit(name: str, config: RunConfig) -> Any:
    """Fitted encoders of one kind, noise, seed and split go together; each other run is a piece of its own."""
    shared = (config.model.encoder, config.objective.noise, config.training.seed, config.data.hold_out)
    return shared if config.model.is_fitted else name


def share_of(members: Sequence[Member], number: int, of: int) -> tuple[Member, ...]:
    """The runs that one job of an array trains; all jobs together train each run once.

    Pieces are dealt out seed by seed, in equal numbers: what takes long takes long with every seed.

    Args:
        members: all runs.
        number: of the share, from 1 on.
        of: how many shares there are.

    Returns:
        the runs of the share, which are none where there are fewer pieces than shares.
    """
    groups: dict[Any, list[Member]] = {}
    for member in sorted(members, key=lambda member: member.seed):
        groups.setdefault(_fit(member.name, member.config), []).append(member)
    pieces = list(groups.values())
    first, end = ((number + step) * len(pieces) // of for step in (-1, 0))
    return tuple(member for piece in pieces[first:end] for member in piece)


def _done(piece: Piece, quiet: bool, say: Say, images: ImageSet | None) -> Outcome:
    """Train the runs of a piece. Images are loaded once, and a fitted encoder is fitted once for all that lack one."""
    outcome, images = Outcome(), load_data(piece.runs[0][2]) if images is None else images
    for entry in _entries(piece, images, None, outcome, quiet, say):
        with _noting(outcome, say, (entry.name, entry.folder)):
            with entry.begin() as training:
                training.finished()
            entry.finish()
    return outcome


def _entries(
    piece: Piece, images: ImageSet, pixels: Pixels | None, outcome: Outcome, quiet: bool, say: Say
) -> Iterator[Entry]:
    """The runs of a piece, those that were begun before first; what cannot be fitted is noted, and left out."""
    known: dict[str, Any] = {"data": images, "pixels": pixels, "patience": piece.patience, "quiet": quiet, "say": say}
    begun = [entry for entry in piece.runs if Run(entry[1]).config_file.exists()]
    fresh = [entry for entry in piece.runs if not Run(entry[1]).config_file.exists()]
    for name, folder, config in begun:
        how = config.training
        changes = Changes(**{name: getattr(how, name) for name in SELDOM_CHANGED})
        yield Entry(name, folder, partial(go_on, folder, changes, **known), partial(piece.finish, folder, config))
    encoders: Sequence[Any] = [None] * len(fresh)
    if fresh and fresh[0][2].model.is_fitted:
        dims = [config.model.latent_dim for _, _, config in fresh]
        with _noting(outcome, say, *((name, folder) for name, folder, _ in fresh)):
            encoders = fit_encoders(fresh[0][2], images, dims, quiet=quiet)
    for (name, folder, config), encoder in zip(fresh, encoders, strict=True):
        if name not in outcome.failed:
            made = partial(begin, config, folder, encoder=encoder, **known)
            yield Entry(name, folder, made, partial(piece.finish, folder, config))


def _done_together(
    pieces: list[Piece], images: ImageSet, device: torch.device, together: int | str | None, quiet: bool, say: Say
) -> Outcome:
    """Train the runs of all pieces in turns, in this process. Images are sent to the device once."""
    outcome, most = Outcome(), together if isinstance(together, int) else None
    runs = [config for piece in pieces for _, _, config in piece.runs]
    prepare_machine(device, runs[0].training.threads, deterministic=runs[0].training.deterministic)
    pixels = Pixels(images.images, images.max_pixel_value, device)
    room = CudaRoom(device, most) if device.type == "cuda" else PlainRoom(most or 1)
    entries = (entry for piece in pieces for entry in _entries(piece, images, pixels, outcome, True, say))
    result = train_together(entries, len(runs), room, quiet=quiet, say=say)
    return Outcome(outcome.failed | result.failed, signum=result.signum)


def _done_on_each(
    pieces: list[Piece], kind: str, gpus: list[str], together: int | str | None, say: Say
) -> list[Outcome]:
    """Train the runs of all pieces, dealt out evenly, in a process for each GPU."""
    n_runs = sum(len(piece.runs) for piece in pieces)
    say(f"training {n_runs} runs on {len(gpus)} GPUs, in a process for each")
    shares = [pieces[number :: len(gpus)] for number in range(len(gpus))]
    answers = in_processes(partial(_share_done, kind, together), shares, [{VISIBLE_GPUS: gpu} for gpu in gpus])
    outcomes, problems = [Outcome(signum=answers.signum)], []
    for gpu, share, answer in zip(gpus, shares, answers.each, strict=True):
        if isinstance(answer, Lost):
            names = ", ".join(name for piece in share for name, _, _ in piece.runs)
            problems.append(f"the process of GPU {gpu} did not finish its work ({answer.why}); its runs are {names}")
            continue
        outcomes.append(answer)
        for text in answer.said:
            say(text)
    if problems and answers.signum is None:
        raise UserError([*problems, "the same command continues with those that are not finished"])
    return outcomes


def _share_done(kind: str, together: int | str | None, share: list[Piece]) -> Outcome:
    """`_done_together` in another process, which sees one GPU, of the `kind` that `torch.device.type` names."""
    said, config = list[str](), share[0].runs[0][2]
    device = choose_device(config.training.device)
    if device.type != kind:  # `--device auto` would train on the processor
        raise UserError(
            f"torch finds no GPU there: say in {VISIBLE_GPUS} which ones to use, and name a part of a divided one as "
            f"'nvidia-smi -L' does, with {PART_OF_GPU}..."
        )
    try:
        outcome = _done_together(share, load_data(config), device, together, True, said.append)
    except Interrupted as stopped:
        outcome = Outcome(signum=stopped.signum)
    outcome.said = said
    return outcome


@contextmanager
def _noting(outcome: Outcome, say: Say, *runs: tuple[str, Path]) -> Iterator[None]:
    """Note what makes the block fail as that of these runs, by name and folder."""
    try:
        yield
    except Interrupted as stopped:
        raise _stopped(stopped.signum) from None
    except Exception as error:
        outcome.failed |= {name: why_failed(error, folder, say) for name, folder in runs}


def _all_done(pieces: list[Piece], jobs: int, backend: str, cluster: AbstractContextManager[Any]) -> list[Outcome]:
    if backend == "dask":
        waiting = [dataclasses.replace(piece, patience=LOCK_SECONDS) for piece in pieces]
        with cluster as client:
            return list(done_by_workers(client, _done_elsewhere, waiting, _given_up))
    import joblib

    with cluster, joblib.parallel_config(backend=backend, n_jobs=jobs):
        outcomes: list[Outcome] = joblib.Parallel()(joblib.delayed(_done_elsewhere)(piece) for piece in pieces)
    return outcomes


def _given_up(piece: Piece) -> Outcome:
    why = (
        f"its workers died {DEATHS} times or more, perhaps because they have too little memory; the same command "
        "resumes it"
    )
    return Outcome({name: why for name, _, _ in piece.runs})


def _done_elsewhere(piece: Piece) -> Outcome:
    """`_done` in another process."""
    said: list[str] = []
    try:
        outcome = _done(piece, True, said.append, None)
    except UserError as error:
        outcome = Outcome({name: str(error) for name, _, _ in piece.runs})
    except Interrupted as stopped:
        outcome = Outcome(signum=stopped.signum)
    outcome.said = said
    return outcome


def check_jobs(members: Sequence[Member], jobs: int, backend: str, together: int | str | None = None) -> None:
    """Refuse more at a time than a GPU can do.

    Args:
        members, jobs, backend, together: see `train_members`.

    Raises:
        UserError: processes of this machine would share a GPU, where they compute by turns and none is faster for it;
            or more runs would be trained together than a GPU has streams for.
    """
    if backend != "loky" or choose_device(members[0].config.training.device).type != "cuda":
        return
    if isinstance(together, int) and together > MOST_RUNS:
        raise UserError(
            f"--together {together}: at most {MOST_RUNS} runs can be trained at the same time on a GPU, and together "
            f"they are hardly faster than {MOST}; give --together {MOST_RUNS} or less"
        )
    if jobs > 1:
        raise UserError(
            "--jobs is for processes that share a processor; on a GPU, runs are trained together in one process, "
            "which is faster: leave --jobs out, or give 'study' --together N, or train with --device cpu"
        )


def refuse_others(members: Sequence[Member], out: Path) -> None:
    """Refuse folders that hold runs with other settings, which would be compared as if they were these.

    Raises:
        UserError: some do; each is named, with the settings that differ.
    """
    problems = []
    for member in members:
        folder, config = out.absolute() / member.name, member.config.with_absolute_paths()
        run = Run(folder)
        if run.config_file.exists():
            differing = [
                f"{setting} was {was}, and is now {wanted}"
                for setting, (was, wanted) in differing_settings(run.config(), config).items()
                if setting not in SELDOM_CHANGED
            ]
            if differing:
                problems.append(f"{folder} was trained with other settings ({'; '.join(differing)})")
    if problems:
        raise UserError([*problems, "choose another --out, or give the earlier settings"])


def refuse_running(members: Sequence[Member], out: Path) -> None:
    """Refuse to complete a study of which other processes are training runs.

    Raises:
        UserError: some do; each run is named, with the process.
    """
    busy = [text for member in members if (text := trained_by(Run(out.absolute() / member.name))) is not None]
    if busy:
        runs = "a run" if len(busy) == 1 else f"{len(busy)} runs"
        raise UserError(
            [*busy, f"{runs} of this study would be missing from the measures: wait, then run this command again"]
        )


def _with_threads(config: RunConfig, threads: int) -> RunConfig:
    if config.training.threads is not None:
        return config
    return dataclasses.replace(config, training=dataclasses.replace(config.training, threads=threads))
