"""What a GPU gains by captured updates and by several runs at once, and whether results stay what they are.

    python benchmarks/gpu.py [--long] [--only steps together ...] [--budget 220]

Needs torch, numpy and this package, neither umap-learn nor ffmpeg. Each line is printed when it is known, so that a
run that is cut off has said what it found. Parts for which the budget of seconds is too short are left out, and said.
Without a GPU the parts that need none are run on the processor.

    checks      losses of graph against eager and the processor, noise, images that are sent by batch, resuming,
                together against alone: to the bit
    steps       images per second of the plain loop, of eager and of captured updates, and of captured ones whose images
                are sent by batch, in alternation
    together    1, 2, 4, 8 and 16 runs in lockstep, each with its graph on a stream of its own
    busy        share of the time in which the GPU computes
    snapshots   what three snapshots of 4,000 images cost in an epoch of 25,600
    reference   10 of 150 epochs of the reference network on 32,000 images, with all that a run leaves
    study       3 objectives x 8 seeds, 8,000 images, 4 of 20 epochs, with all that the runs leave
"""

from __future__ import annotations

import argparse
import dataclasses
import gc
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch
from arguments import parse
from plain_loop import reference_network, shuffled_epochs, train_steps
from torch import Tensor

from autoencoder import (
    DataConfig,
    ImageSet,
    ModelConfig,
    NoiseConfig,
    ObjectiveConfig,
    RunConfig,
    TrainingConfig,
    load_images,
    load_run,
    resume,
    train,
)
from autoencoder.data import batches
from autoencoder.data.batches import Pixels, epoch_order, split_into_batches
from autoencoder.data.changes.noise import corrupt
from autoencoder.data.sources.arena import prepare_arena
from autoencoder.machine.device import VISIBLE_GPUS, prepare_machine
from autoencoder.machine.graphs import CudaGraphs
from autoencoder.machine.stopping import StopRequest
from autoencoder.machine.writing import Beside
from autoencoder.objectives import reconstruct
from autoencoder.objectives.base import make_objective
from autoencoder.runs.folder import Run, RunSplit
from autoencoder.seeding import numpy_stream, torch_stream
from autoencoder.study.designs.design import Member
from autoencoder.study.training import train_members
from autoencoder.training import start
from autoencoder.training.engines import EagerEngine, Engine, GraphEngine
from autoencoder.training.feeding import Feed, Source
from autoencoder.training.keeper import FolderKeeper
from autoencoder.training.learner import Learner, make_learner
from autoencoder.training.loop import TrainingLoop
from autoencoder.training.start import begin
from autoencoder.training.together import CudaRoom, PlainRoom

CPU = torch.device("cpu")

ENCODER, BATCH = ModelConfig().encoder, TrainingConfig().batch_size
"""The default network, and its batches."""

LOOK = 20
"""Updates between two looks at the losses, as in training on a GPU."""

EPOCHS_OF_THE_REFERENCE = 150

DETERMINISTIC = {"CUBLAS_WORKSPACE_CONFIG": ":4096:8"}
"""What has to stand in the environment before CUDA starts, so that matrix products are the same every time."""


# ------------------------------------------------------------------------------------------------------------ the frame


@dataclass
class Bench:
    """What all parts share.

    Attributes:
        args: the command line.
        device: the GPU, or the processor where there is none.
        folder: for runs; it is removed.
        arena: images with metadata and masks.
        many: so many of them as the reference run has, by repetition.
        began: when the clock started.
        failed: checks that failed, and parts that broke.
    """

    args: argparse.Namespace
    device: torch.device
    folder: Path
    arena: ImageSet
    many: ImageSet
    began: float
    failed: list[str]

    @property
    def has_gpu(self) -> bool:
        """Whether graphs can be captured."""
        return self.device.type == "cuda"

    def left(self) -> float:
        """Seconds of the budget."""
        return self.args.budget - (time.perf_counter() - self.began)

    def check(self, what: str, passed: bool, found: str) -> None:
        """Print whether a check passed, and remember if it did not."""
        say(f"  {'ok  ' if passed else 'FAIL'} {what}: {found}")
        if not passed:
            self.failed.append(what)


def say(text: str) -> None:
    print(text, flush=True)


def synchronize(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=32_000, help="of the reference run; a fifth is held out")
    parser.add_argument("--seconds", type=float, default=1.2, help="for each measurement of a rate")
    parser.add_argument("--rounds", type=int, default=3, help="of measurements in alternation")
    parser.add_argument("--runs", type=int, nargs="+", default=[1, 2, 4, 8, 16], help="to train together")
    parser.add_argument("--samples", type=int, default=4000, help="images in a snapshot")
    parser.add_argument("--epochs", type=int, default=10, help="of the reference run")
    parser.add_argument("--updates", type=int, default=60, help="that checks compare")
    parser.add_argument("--budget", type=float, default=225, help="seconds; what would begin later is left out")
    parser.add_argument("--long", action="store_true", help=f"all {EPOCHS_OF_THE_REFERENCE} epochs, and no budget")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    args = parse(parser, images=48, seconds=0.01, rounds=1, runs=[1, 2], samples=9, epochs=1, updates=6, device="cpu")
    if args.long:
        args.epochs, args.budget = EPOCHS_OF_THE_REFERENCE, float("inf")
    began = time.perf_counter()
    if args.device != "cpu":  # one GPU, also where a study would be shared out among several; torch has not looked yet
        os.environ[VISIBLE_GPUS] = os.environ.get(VISIBLE_GPUS, "0").partition(",")[0]
    has_gpu = args.device != "cpu" and torch.cuda.is_available()
    device = torch.device("cuda" if has_gpu else "cpu")
    if not args.child:
        describe(device)
    prepare_machine(device)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        arena = load_images(prepare_arena(folder / "arena", min(8000, args.images), seed=0).npz)
        bench = Bench(args, device, folder, arena, repeated(arena, args.images), began, [])
        for name in args.only:
            run_part(bench, name)
    if args.child:
        sys.exit(1 if bench.failed else 0)
    say(f"\n{time.perf_counter() - began:.0f} s in all; " + ("; ".join(["FAILED", *bench.failed]) if bench.failed else
        "all checks passed"))  # fmt: skip
    if bench.failed:
        sys.exit(1)


def describe(device: torch.device) -> None:
    """The machine."""
    card = platform.processor() or platform.machine()
    if device.type == "cuda":
        name, memory = torch.cuda.get_device_name(device), torch.cuda.get_device_properties(device).total_memory
        card = f"{name}, {memory / 2**30:.0f} GiB, CUDA {torch.version.cuda}"
    say(f"{card}; torch {torch.__version__}, Python {platform.python_version()}, {os.cpu_count()} cores")
    if device.type != "cuda":
        say("there is no GPU: what needs one is left out")


def run_part(bench: Bench, name: str) -> None:
    part, needs_gpu, least = PARTS[name]
    if needs_gpu and not bench.has_gpu:
        return
    if not bench.args.child:
        say(f"\n{name}  (at {time.perf_counter() - bench.began:.0f} s)")
    if bench.left() < least:
        say(f"  left out: {bench.left():.0f} s are left, and it takes about {least}; run it by --only {name}")
        return
    if bench.has_gpu:
        torch.cuda.reset_peak_memory_stats()
    try:
        part(bench)
    except Exception:  # the other parts are still worth their time
        traceback.print_exc(file=sys.stdout)
        bench.failed.append(f"{name} broke")
    if bench.has_gpu and not bench.args.child:
        allocated, reserved = torch.cuda.max_memory_allocated(), torch.cuda.max_memory_reserved()
        say(f"  peak memory: {allocated / 2**30:.2f} GiB of tensors, {reserved / 2**30:.2f} GiB reserved")
        torch.cuda.empty_cache()


def repeated(images: ImageSet, n: int) -> ImageSet:
    """`n` images, by repetition."""
    rows = np.arange(n) % len(images)
    mask = None if images.mask is None else images.mask[rows]
    return ImageSet(images.images[rows], images.max_pixel_value, images.metadata.take(rows), mask=mask)


# ------------------------------------------------------------------------------------------------------------- learners


def learner_of(
    bench: Bench,
    images: ImageSet,
    encoder: str = ENCODER,
    batch_size: int = BATCH,
    *,
    objective: ObjectiveConfig | None = None,
    device: torch.device | None = None,
    **training: object,
) -> Learner:
    """A network to be trained on four fifths of `images`."""
    settings = {"batch_size": min(batch_size, len(images) // 8), **training}
    objective = objective or ObjectiveConfig()
    cut = len(images) - len(images) // 5
    rows = np.arange(len(images))
    objective = make_objective(objective).resolved(images, rows[:cut])
    config = RunConfig(DataConfig("arena.npz"), ModelConfig(encoder), objective, TrainingConfig(**settings))
    split = RunSplit(rows[:cut], rows[cut:], rows[: bench.args.samples])
    learner = make_learner(Run(bench.folder / "none"), config, images, split, device or bench.device, None)
    learner.network.train()
    return learner


def engine_of(learner: Learner, kind: str, tell: Callable[[str], None] = lambda text: say(f"  {text}")) -> Engine:
    if kind == "eager":
        return EagerEngine(learner)
    return GraphEngine(learner, CudaGraphs(learner.device), tell)


def updates_of(engine: Engine, look: int = LOOK) -> Iterator[tuple[int, list[float]]]:
    """Images of each update and, every `look` updates, their losses; as the training loop has it, without end."""
    learner = engine.learner  # type: ignore[attr-defined]
    seed, step, unseen = learner.config.training.seed, 0, list[Tensor]()
    while True:
        order = epoch_order(learner.train_rows, numpy_stream(seed, "order", step // learner.batches_per_epoch))
        batches = split_into_batches(order, learner.config.training.batch_size)
        engine.prepare(batches, step)
        for number, rows in enumerate(batches, 1):
            unseen.append(engine.update(rows, step))
            step += 1
            if step % look and number < len(batches):
                yield len(rows), []
            else:
                losses = torch.stack(unseen).tolist()
                unseen.clear()
                yield len(rows), losses


def losses_of(engine: Engine, n: int) -> list[float]:
    """Of the first `n` updates."""
    losses: list[float] = []
    for _, part in updates_of(engine):
        losses += part
        if len(losses) >= n:
            return losses[:n]
    raise AssertionError


class Clocked:
    """Updates of one engine that are timed now and then."""

    def __init__(self, engine: Engine, warm_up: int) -> None:
        self.device = engine.learner.device  # type: ignore[attr-defined]
        self._updates = updates_of(engine)
        for _ in range(warm_up):
            next(self._updates)

    def rate(self, seconds: float) -> float:
        """Images per second."""
        synchronize(self.device)
        began, images = time.perf_counter(), 0
        while True:
            size, losses = next(self._updates)
            images += size
            if losses and time.perf_counter() - began > seconds:
                synchronize(self.device)
                return images / (time.perf_counter() - began)


# ---------------------------------------------------------------------------------------------------------------- steps


def steps(bench: Bench) -> None:
    """The plain loop, eager and graph; and images that are sent batch by batch, as those that do not fit."""
    kinds = ["eager", "graph"] if bench.has_gpu else ["eager"]
    clocks: dict[str, Callable[[float], float]] = {"plain loop, conv 64": plain_clock(bench)}
    networks = (("conv", 64), (ENCODER, BATCH), (ENCODER, 256))
    for encoder, batch_size in networks if bench.has_gpu else networks[:2]:
        for kind in kinds:
            learner = learner_of(bench, bench.many, encoder, batch_size)
            warm_up = 10 if kind == "graph" else 3
            clocks[f"{kind}, {encoder} {batch_size}"] = Clocked(engine_of(learner, kind), warm_up).rate
    for encoder, batch_size in networks if bench.has_gpu else ():
        with nothing_resident():
            engine = engine_of(learner_of(bench, bench.many, encoder, batch_size), "graph")
        clocks[f"sent, {encoder} {batch_size}"] = Clocked(engine, 10).rate
    rates: dict[str, list[float]] = {name: [] for name in clocks}
    for _ in range(bench.args.rounds):
        for name, rate in clocks.items():
            rates[name].append(rate(bench.args.seconds))
    say(f"  images/s, median of {bench.args.rounds} rounds in alternation (lowest to highest)")
    for name, found in rates.items():
        say(f"  {name:22} {statistics.median(found):10,.0f}   ({min(found):,.0f} to {max(found):,.0f})")
    plain = rates["plain loop, conv 64"]
    for kind in kinds:
        say(f"  {kind} conv 64 / plain loop: {pairwise_ratio(rates[f'{kind}, conv 64'], plain)}")
    if bench.has_gpu:
        for net in (f"{ENCODER} {BATCH}", f"{ENCODER} 256"):
            say(f"  graph / eager, {net}: {pairwise_ratio(rates[f'graph, {net}'], rates[f'eager, {net}'])}")
        for net in ("conv 64", f"{ENCODER} {BATCH}", f"{ENCODER} 256"):
            say(f"  sent / graph, {net}: {pairwise_ratio(rates[f'sent, {net}'], rates[f'graph, {net}'])}")


def pairwise_ratio(ours: Sequence[float], theirs: Sequence[float]) -> str:
    ratios = [a / b for a, b in zip(ours, theirs, strict=True)]
    return f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"


def plain_clock(bench: Bench) -> Callable[[float], float]:
    """What one writes by hand; fetching the batch is not counted."""
    cut = len(bench.many) - len(bench.many) // 5
    pixels = torch.from_numpy(bench.many.images[:cut] / np.float32(255)).to(bench.device)
    batch_size = min(64, cut // 4)
    steps = train_steps(reference_network().to(bench.device), shuffled_epochs(pixels, batch_size))
    for _ in range(3):
        next(steps)

    def rate(seconds: float) -> float:
        spent, updates = 0.0, 0
        while spent < seconds:
            _, took = next(steps)
            began = time.perf_counter()
            synchronize(bench.device)  # the peer waits for each step
            spent += took + time.perf_counter() - began
            updates += 1
        return updates * batch_size / spent

    return rate


# ------------------------------------------------------------------------------------------------------------- together


class Lockstep:
    """Runs in training by the package's own loop, each with its folder, that take turns here instead of in `study`.

    Args:
        bench: of this benchmark.
        n: runs; they differ in their seeds.
    """

    def __init__(self, bench: Bench, n: int) -> None:
        self.device, self.images = bench.device, 0
        self._folders, self._stop = tempfile.TemporaryDirectory(dir=bench.folder), StopRequest()
        self._open = ExitStack()
        room = CudaRoom(bench.device, n) if bench.has_gpu else PlainRoom(n)
        pixels = Pixels(bench.many.images, bench.many.max_pixel_value, bench.device)
        self._lanes = []
        for seed in range(n):
            config = run_config(
                bench, epochs=1000, val_interval=1000, snapshots_per_epoch=0, checkpoint_interval=0, seed=seed
            )
            lane, folder = room.lane(), Path(self._folders.name) / str(seed)
            with lane():
                training = self._open.enter_context(begin(config, folder, data=bench.many, pixels=pixels))
            self._lanes.append((lane, training.turns(self._stop, self._advance)))

    def _advance(self, images: int, note: str) -> None:
        self.images += images

    def turn(self) -> None:
        """An update of each, and what is due after it."""
        for lane, turns in self._lanes:
            with lane():
                next(turns)

    def rate(self, seconds: float) -> float:
        """Images per second of all together."""
        synchronize(self.device)
        began, before, turns = time.perf_counter(), self.images, 0
        while turns % LOOK or time.perf_counter() - began < seconds:
            self.turn()
            turns += 1
        synchronize(self.device)
        return (self.images - before) / (time.perf_counter() - began)

    def close(self) -> None:
        """Leave the runs where they stand, and free their memory."""
        for _, turns in self._lanes:
            turns.close()  # type: ignore[attr-defined]
        self._open.close()
        self._lanes.clear()
        self._folders.cleanup()
        gc.collect()
        torch.cuda.empty_cache()


def run_config(
    bench: Bench, encoder: str = ENCODER, objective: ObjectiveConfig | None = None, **training: object
) -> RunConfig:
    """Of a run on images of the arena."""
    settings = {"batch_size": min(BATCH, len(bench.arena) // 8), "device": bench.device.type, **training}
    data = DataConfig(str(bench.folder / "arena.npz"), split="random")  # processes of other GPUs load them
    return RunConfig(data, ModelConfig(encoder), objective or ObjectiveConfig(), TrainingConfig(**settings))


def together(bench: Bench) -> None:
    """So many runs of the default network, with the ends of epochs that fall into the time."""
    rates: dict[int, float] = {}
    for n in bench.args.runs:
        began = time.perf_counter()
        runs = Lockstep(bench, n)
        for _ in range(10):
            runs.turn()
        synchronize(bench.device)
        ready = time.perf_counter() - began
        found = [runs.rate(bench.args.seconds) for _ in range(2)]
        rates[n] = max(found)
        host = host_time(runs)
        say(f"  {n:2} runs: {rates[n]:10,.0f} images/s in all, {rates[n] / rates[min(rates)]:.2f} of one; "
            f"ready after {ready:.1f} s; the processor takes {1e6 * host / n:.0f} us for each update; "
            f"{torch.cuda.memory_reserved() / 2**30:.2f} GiB reserved")  # fmt: skip
        runs.close()


def host_time(runs: Lockstep) -> float:
    """Seconds that the processor takes to ask for a turn, while the GPU has time enough."""
    took = []
    for _ in range(LOOK):
        synchronize(runs.device)
        began = time.perf_counter()
        runs.turn()
        took.append(time.perf_counter() - began)
    return statistics.median(took)


# ----------------------------------------------------------------------------------------------------------------- busy


def busy(bench: Bench) -> None:
    """Time in kernels, from the profiler, as a share of an update's time without the profiler."""
    for encoder, batch_size in (("conv", 64), (ENCODER, BATCH)):
        for kind in ("eager", "graph"):
            clock = Clocked(engine_of(learner_of(bench, bench.arena, encoder, batch_size), kind), 10)
            an_update = batch_size / clock.rate(0.5)
            kernels, seconds = profiled(lambda clock=clock: next(clock._updates), bench.device)
            say(f"  {kind}, {encoder} {batch_size}: {kernels / LOOK:.0f} kernels and copies in an update, "
                f"{1e3 * seconds / LOOK:.2f} of {1e3 * an_update:.2f} ms: busy "
                f"{seconds / LOOK / an_update:.0%}")  # fmt: skip
    runs = Lockstep(bench, 8)
    for _ in range(10):
        runs.turn()
    a_turn = 8 * BATCH / runs.rate(0.5)
    kernels, seconds = profiled(runs.turn, bench.device)
    say(f"  8 runs of {ENCODER} {BATCH}: busy {seconds / LOOK / a_turn:.0%} (kernels at the same time count once)")
    runs.close()


def profiled(work: Callable[[], object], device: torch.device) -> tuple[int, float]:
    """Of `LOOK` calls: kernels and copies on the GPU, and the seconds in which there was at least one."""
    from torch.profiler import ProfilerActivity, profile

    synchronize(device)
    on_gpu = device.type == "cuda"
    with profile(activities=[ProfilerActivity.CUDA if on_gpu else ProfilerActivity.CPU]) as found:
        for _ in range(LOOK):
            work()
        synchronize(device)
    spans = sorted(
        (event.time_range.start, event.time_range.end)
        for event in found.events()
        if (event.device_type == torch.autograd.DeviceType.CUDA) == on_gpu
        and not getattr(event, "is_user_annotation", False)  # these span what lies between kernels
        and not event.name.startswith("Optimizer.")
    )
    covered, until = 0.0, float("-inf")
    for begin_at, end in spans:
        covered += max(0.0, end - max(begin_at, until))
        until = max(until, end)
    return len(spans), covered / 1e6


# ------------------------------------------------------------------------------------------------ what surrounds a step


def trained(bench: Bench, name: str, images: ImageSet, encoder: str, **training: object) -> tuple[Run, float]:
    """A run with all that it leaves, and its seconds from the call to the return."""
    settings = {"batch_size": min(BATCH, len(images) // 8), "device": bench.device.type, **training}
    data = DataConfig("arena.npz", split="random")
    began = time.perf_counter()
    run = train(
        RunConfig(data, ModelConfig(encoder), training=TrainingConfig(**settings)), bench.folder / name, data=images
    ).run
    return run, time.perf_counter() - began


def snapshots(bench: Bench) -> None:
    """Training without and with them, in alternation; the first epoch of each is not counted."""
    for encoder, batch_size in ((ENCODER, BATCH), ("conv", 64))[: 2 if bench.has_gpu else 1]:
        for pair in range(2 if bench.has_gpu else 1):
            seconds = {}
            for per_epoch in (0, 3):
                run, _ = trained(
                    bench, f"{encoder}-{pair}-{per_epoch}", bench.many, encoder,
                    batch_size=min(batch_size, len(bench.many) // 8), epochs=3, snapshots_per_epoch=per_epoch,
                    snapshot_samples=bench.args.samples, val_interval=4,
                )  # fmt: skip
                rows = run.metrics()
                seconds[per_epoch] = (rows[2]["seconds"] - rows[0]["seconds"]) / 2
            say(f"  {encoder} {batch_size}: {seconds[0]:.3f} s an epoch ({rows[2]['images_per_second']:,.0f} images/s "
                f"in updates), {seconds[3]:.3f} s with 3 snapshots of {bench.args.samples:,}: "
                f"{seconds[3] / seconds[0] - 1:+.1%}")  # fmt: skip


def reference(bench: Bench) -> None:
    """The reference network on all images, validated and kept as by default."""
    epochs = bench.args.epochs
    run, wall = trained(
        bench, "reference", bench.many, "conv", batch_size=min(64, len(bench.many) // 8), epochs=epochs, lr=1e-3,
        snapshot_samples=bench.args.samples,
    )  # fmt: skip
    rows = run.metrics()
    say(f"  {len(bench.many):,} images, {epochs} epochs: {wall:.1f} s; {rows[-1]['images_per_second']:,.0f} images/s "
        f"in the last one, validation loss {rows[-1]['val_loss']:.6f}")  # fmt: skip
    if 2 < epochs < EPOCHS_OF_THE_REFERENCE:
        per_epoch = (rows[-1]["seconds"] - rows[1]["seconds"]) / (epochs - 2)
        whole = wall + (EPOCHS_OF_THE_REFERENCE - epochs) * per_epoch
        say(f"  {per_epoch:.2f} s an epoch, so {EPOCHS_OF_THE_REFERENCE} epochs would take {whole:.0f} s (multiplied)")


def study(bench: Bench) -> None:
    """24 runs, trained as `study` trains them, as many at a time as there is room for; with all that they leave."""
    objectives = [ObjectiveConfig(), ObjectiveConfig("angle", target="body_angle_deg"), ObjectiveConfig("mask")]
    seconds, where = {}, dict[int, str]()
    for epochs in (1, 4):
        members = [
            Member(
                f"{objective.name}-{seed}", {}, seed, run_config(bench, objective=objective, epochs=epochs, seed=seed)
            )
            for objective in objectives
            for seed in range(8)
        ]
        began = time.perf_counter()
        with Clocks() as clocks:
            failed = train_members(members, bench.folder / f"study-{epochs}", finish=leave, images=bench.arena)
        seconds[epochs] = time.perf_counter() - began
        where[epochs] = clocks.table(seconds[epochs])
        if failed:
            raise RuntimeError(failed)
    per_epoch = (seconds[4] - seconds[1]) / 3
    images = 24 * (len(bench.arena) - len(bench.arena) // 5) / per_epoch
    say(f"  24 runs, {len(bench.arena):,} images: {seconds[1]:.1f} s for 1 epoch, {seconds[4]:.1f} s for 4: "
        f"{images:,.0f} images/s; 20 epochs would take {seconds[4] + 16 * per_epoch:.0f} s (multiplied)")  # fmt: skip
    for epochs, text in where.items():
        say(f"  the processor's seconds, {epochs} epoch{'s' * (epochs > 1)}: {text}")


class Clocks:
    """Seconds that the processor spends in each part of a study, whatever the GPU does meanwhile; a context manager.

    What one part does within another counts for the inner one. Waiting for the GPU counts where it is waited for.
    What the threads that write files spend is given apart: it is beside all else.
    """

    PARTS: tuple[tuple[str, type | ModuleType, str], ...] = (
        ("opening runs", start, "make_learner"),
        ("opening runs", start, "check_fit"),
        ("opening runs", start, "split_rows"),
        ("opening runs", start, "describe_environment"),
        ("opening runs", start, "label_warnings"),
        ("opening runs", start, "open_keeper"),
        ("opening runs", Run, "create"),
        ("opening runs", CudaRoom, "lane"),
        ("engine and warm-up", start, "make_engine"),
        ("engine and warm-up", GraphEngine, "_work"),
        ("captures", CudaGraphs, "capture"),
        ("updates", EagerEngine, "update"),
        ("updates", GraphEngine, "update"),
        ("updates", GraphEngine, "prepare"),
        ("reading losses", TrainingLoop, "_look"),
        ("validation", Learner, "validate"),
        ("validation", TrainingLoop, "_validate"),
        ("weights", Learner, "largest_weights"),
        ("weights", TrainingLoop, "_check_weights"),
        ("snapshots", TrainingLoop, "_take_snapshot"),
        ("checkpoints", FolderKeeper, "save"),
        ("log", FolderKeeper, "log_epoch"),
        ("waiting for files", FolderKeeper, "drain"),
        ("closing", FolderKeeper, "__exit__"),
        ("closing", CudaRoom, "left"),
    )
    """Name, and what is timed."""

    def __init__(self) -> None:
        self._spent: Counter[str] = Counter()
        self._within: list[float] = []
        self._beside = 0.0
        self._undo = ExitStack()
        self._thread = threading.current_thread()

    def __enter__(self) -> Clocks:
        for name, owner, function in self.PARTS:
            self._replace(owner, function, partial(self._timed, name))
        self._replace(Beside, "do", self._timed_beside)
        return self

    def __exit__(self, *error: object) -> None:
        self._undo.close()

    def _replace(self, owner: Any, name: str, timed: Callable[..., Callable[..., Any]]) -> None:
        before = getattr(owner, name)
        setattr(owner, name, timed(before))
        self._undo.callback(setattr, owner, name, before)

    def _timed(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*args: Any, **options: Any) -> Any:
            if threading.current_thread() is not self._thread:
                return function(*args, **options)
            self._within.append(0.0)
            began = time.perf_counter()
            try:
                return function(*args, **options)
            finally:
                took = time.perf_counter() - began
                self._spent[name] += took - self._within.pop()
                if self._within:
                    self._within[-1] += took

        return timed

    def _timed_beside(self, do: Callable[..., Any]) -> Callable[..., Any]:
        def asked(writing: Beside, work: Callable[[], None]) -> None:
            def timed() -> None:
                began = time.perf_counter()
                try:
                    work()
                finally:
                    self._beside += time.perf_counter() - began  # of several threads: good enough for a look

            do(writing, timed)

        return asked

    def table(self, seconds: float) -> str:
        """All parts, of so many seconds, and what is left."""
        spent = {**self._spent, "all else": seconds - sum(self._spent.values())}
        return "; ".join(f"{name} {took:.2f}" for name, took in spent.items()) + f"; threads {self._beside:.2f}"


def leave(folder: Path, config: RunConfig) -> None:
    """Nothing is done with finished runs."""


# --------------------------------------------------------------------------------------------------------------- checks


def checks(bench: Bench) -> None:
    """In a process of their own, whose algorithms are deterministic."""
    if not bench.has_gpu or bench.args.child:
        run_checks(bench)
        return
    command = [sys.executable, __file__, "--child", "--only", "checks", "--images", "1600"]
    command += ["--updates", str(bench.args.updates)]
    status = subprocess.run(command, env={**os.environ, **DETERMINISTIC}, timeout=150, check=False).returncode
    if status:
        bench.failed.append("checks")


def run_checks(bench: Bench) -> None:
    if bench.has_gpu:
        torch.use_deterministic_algorithms(True, warn_only=True)
        check_noise(bench)
        check_engines(bench)
        check_processor(bench)
    check_feeding(bench)
    check_together(bench)
    check_resuming(bench)
    if bench.has_gpu:
        check_what_cannot_be_captured(bench)


def check_noise(bench: Bench) -> None:
    """Drawn in a graph, and eagerly."""
    pixels = torch.from_numpy(bench.arena.scaled(np.arange(32))).to(bench.device)
    for text in ("gaussian:0.3", "salt-pepper:0.2", "masking:0.4", "poisson:20"):
        noise, out = NoiseConfig.parse(text), torch.zeros_like(pixels)
        generator = torch.Generator(device=bench.device)

        def work(noise: NoiseConfig = noise, out: Tensor = out, generator: torch.Generator = generator) -> None:
            out.copy_(corrupt(pixels, noise, generator))

        graphs = CudaGraphs(bench.device)
        with graphs.aside():
            work()
        graph = graphs.capture(work, generator)
        equal = 0
        for step in (0, 7, 7, 100_000):
            seed = torch_stream(1, "noise", step).initial_seed()
            generator.manual_seed(seed)
            graph.replay()
            equal += torch.equal(out, corrupt(pixels, noise, torch_stream(1, "noise", step, bench.device)))
        bench.check(f"noise {text}, graph against eager", equal == 4, f"{equal} of 4 batches are equal to the bit")


CONSTANT = {"schedule": "constant", "lr": 2.0**-8}
"""A learning rate that is the same number in 32 bits, in which a graph reads it, and in 64."""


def check_engines(bench: Bench) -> None:
    """The same updates, captured and not: weights, moments and losses."""
    objectives = {
        "reconstruct": ObjectiveConfig(noise=NoiseConfig("gaussian", 0.1), augment=("flip", "light")),
        "angle": ObjectiveConfig("angle", target="body_angle_deg"),
        "mask": ObjectiveConfig("mask", augment=("flip", "rotate", "shift")),
    }
    cases = [(ENCODER, name, "muon") for name in objectives] + [
        (ENCODER, "mask", "adam"),
        ("conv", "reconstruct", "adam"),
    ]
    for encoder, name, optimizer in cases:
        found, states = dict[str, list[float]](), dict[str, dict[str, Tensor]]()
        for run in ("eager", "graph", "eager again"):
            learner = learner_of(
                bench, bench.arena, encoder, objective=objectives[name], optimizer=optimizer, **CONSTANT
            )
            found[run] = losses_of(engine_of(learner, run.split()[0]), bench.args.updates)
            states[run] = state_of(learner)
        ours, again = (Apart(found[other], found["eager"]) for other in ("graph", "eager again"))
        same = sum(torch.equal(states["graph"][key], value) for key, value in states["eager"].items())
        words = f"losses {ours} apart (eager from itself {again}), {same} of {len(states['eager'])} tensors equal"
        bench.check(
            f"{encoder}, {name}, {optimizer}, graph against eager", ours.most <= max(10 * again.most, 1e-6), words
        )


@contextmanager
def nothing_resident() -> Iterator[None]:
    """Have learners that are made here send their images batch by batch, as if they did not fit in the GPU's memory."""
    before = batches.RESIDENT_SHARE
    batches.RESIDENT_SHARE = 0.0
    try:
        yield
    finally:
        batches.RESIDENT_SHARE = before


class PlainSlot:
    """See `autoencoder.machine.sending.Slot`: on the processor, where nothing is late."""

    def __init__(self, like: Sequence[Tensor]) -> None:
        self.host = [torch.empty_like(values, device=CPU) for values in like]

    def settle(self) -> None:
        """See `Slot.settle`."""

    def deliver(self, n: int, into: Sequence[Tensor]) -> None:
        """See `Slot.deliver`."""
        for values, there in zip(self.host, into, strict=True):
            there[:n].copy_(values[:n])


def plain_slots(n: int, like: Sequence[Tensor], device: torch.device) -> list[PlainSlot]:
    return [PlainSlot(like) for _ in range(n)]


def check_feeding(bench: Bench) -> None:
    """The same updates with images that are in place, and with images that are sent batch by batch."""
    objectives = {
        "reconstruct": ObjectiveConfig(noise=NoiseConfig("gaussian", 0.1)),
        "mask": ObjectiveConfig("mask"),
    }
    for name, objective in objectives.items():
        for kind in ("eager", "graph") if bench.has_gpu else ("eager",):
            found, states = dict[str, list[float]](), dict[str, dict[str, Tensor]]()
            for where in ("in place", "in place again", "sent"):
                with nothing_resident() if where == "sent" else nullcontext():
                    learner = learner_of(bench, bench.arena, objective=objective, **CONSTANT)
                    engine = engine_of(learner, kind)
                if where == "sent" and not bench.has_gpu:
                    sources = [Source(learner.pixels), *map(Source, learner.targets.stored)]
                    engine = EagerEngine(learner, Feed(sources, len(learner.train_rows), CPU, plain_slots))
                found[where] = losses_of(engine, bench.args.updates)
                states[where] = state_of(learner)
                engine.close()
            ours, again = (Apart(found[other], found["in place"]) for other in ("sent", "in place again"))
            same = sum(torch.equal(states["sent"][key], value) for key, value in states["in place"].items())
            words = f"losses {ours} apart (from itself {again}), {same} of {len(states['sent'])} tensors equal"
            bench.check(f"{name}, {kind}, sent by batch", ours.most <= max(10 * again.most, 1e-6), words)


def state_of(learner: Learner) -> dict[str, Tensor]:
    moments = learner.optimizer.state_dict()["state"]
    return {
        **{name: value.clone() for name, value in learner.network.state_dict().items()},
        **{f"{number} {name}": value.clone() for number, part in moments.items() for name, value in part.items()},
    }


class Apart:
    """How far two lists of losses are apart, relatively: `most`, and from which update on."""

    def __init__(self, ours: Sequence[float], theirs: Sequence[float]) -> None:
        self._differences = [abs(a / b - 1) for a, b in zip(ours, theirs, strict=True)]
        self.most = max(self._differences)

    def __str__(self) -> str:
        if not self.most:
            return "0"
        first, by = next((number, by) for number, by in enumerate(self._differences, 1) if by)
        return f"{self.most:.1e} (update {first} is the first that differs, by {by:.1e})"


def check_together(bench: Bench) -> None:
    """Four runs side by side, and each of them alone, with deterministic algorithms."""
    noise = ObjectiveConfig(noise=NoiseConfig("gaussian", 0.1))
    kinds = [(ENCODER, noise), (ENCODER, ObjectiveConfig("mask")), (ENCODER, noise), ("conv", noise)]
    settings = {"epochs": 2, "snapshot_samples": 40, "deterministic": bench.has_gpu}
    members = [
        Member(str(seed), {}, seed, run_config(bench, encoder, objective, seed=seed, **settings))
        for seed, (encoder, objective) in enumerate(kinds[: 4 if bench.has_gpu else 2])
    ]
    together = len(members)
    failed = train_members(members, bench.folder / "beside", finish=leave, images=bench.arena, together=together)
    equal = 0
    for member in members:
        if member.name not in failed:
            train(member.config, bench.folder / "alone" / member.name, data=bench.arena)
            files = [bench.folder / where / member.name / "checkpoints" / "last.pt" for where in ("beside", "alone")]
            ours, its = (torch.load(file, map_location="cpu", weights_only=True)["model"] for file in files)
            equal += all(torch.equal(ours[name], its[name]) for name in its)
    words = f"{equal} of {together} runs have the same weights to the bit"
    bench.check("together against alone", equal == together, "; ".join([words, *failed.values()]))
    if bench.has_gpu:
        torch.use_deterministic_algorithms(True, warn_only=True)


def check_processor(bench: Bench) -> None:
    """The first losses, on the processor; without noise, which each device draws by itself."""
    found = {}
    for kind, device in (("graph", bench.device), ("eager", CPU)):
        found[kind] = losses_of(engine_of(learner_of(bench, bench.arena, device=device, **CONSTANT), kind), 6)
    far = Apart(found["graph"], found["eager"])
    bench.check("graph against the processor", far.most < 0.05, f"the first 6 losses are {far} apart")


def check_resuming(bench: Bench) -> None:
    """An epoch and another one, against two; and the checkpoint read on the processor."""
    noisy = dataclasses.replace(ObjectiveConfig(), noise=NoiseConfig("gaussian", 0.1))
    settings = {"batch_size": 16, "device": bench.device.type, "snapshot_samples": 40, **CONSTANT}
    data = DataConfig("arena.npz", split="random")

    def config(epochs: int) -> RunConfig:
        return RunConfig(data, objective=noisy, training=TrainingConfig(epochs=epochs, **settings))

    straight = train(config(2), bench.folder / "straight", data=bench.arena)
    train(config(1), bench.folder / "resumed", data=bench.arena)
    resumed = resume(bench.folder / "resumed", epochs=2, data=bench.arena)
    states = [trained.network.state_dict() for trained in (straight, resumed)]
    same = sum(torch.equal(states[0][name], states[1][name]) for name in states[0])
    bench.check("resumed against uninterrupted", same == len(states[0]), f"{same} of {len(states[0])} tensors equal")
    saved = torch.load(straight.run.checkpoint_file("last"), map_location="cpu", weights_only=True)["optimizer"]
    steps = [one["step"] for one in saved["state"].values() if "step" in one]  # matrices have none with Muon
    plain = type(saved["param_groups"][0]["lr"]) is float and all(step.shape == () for step in steps)
    bench.check("checkpoint's learning rate and count", plain, "a plain number and a scalar")
    there = load_run(straight.run.path, device="cpu").encode(bench.arena.images[:64])
    here = straight.encode(bench.arena.images[:64])
    far = float(np.abs(there - here).max() / np.abs(there).max())
    bench.check("codes of the checkpoint on the processor", far < 0.01, f"within {far:.1e} of the largest")


def check_what_cannot_be_captured(bench: Bench) -> None:
    """A loss that reads back a value: last, since a failed capture may leave something behind."""
    losses, said = reconstruct.Objective.losses, list[str]()

    def reading(objective: object, output: object, target: Tensor) -> Tensor:
        found = losses(objective, output, target)  # type: ignore[arg-type]
        return found * (1.0 if found.sum().item() > 0 else 2.0)

    noise = ObjectiveConfig(noise=NoiseConfig("gaussian", 0.1))
    found = {}
    reconstruct.Objective.losses = reading  # type: ignore[method-assign]
    try:
        for kind in ("eager", "graph"):
            learner = learner_of(bench, bench.arena, objective=noise, **CONSTANT)
            engine = engine_of(learner, kind, said.append)
            found[kind] = losses_of(engine, bench.args.updates)
            torch.cuda.synchronize()
    finally:
        reconstruct.Objective.losses = losses  # type: ignore[method-assign]
    far = Apart(found["graph"], found["eager"])
    words = f"losses {far} apart; said {len(said)} times: {' '.join(said)}"
    bench.check("what cannot be captured", len(said) == 1 and far.most < 1e-5, words)
    try:
        engine = engine_of(learner_of(bench, bench.arena, **CONSTANT), "graph")
        say(f"       after that another run is captured, loss {losses_of(engine, 20)[-1]:.5f}")
    except Exception as error:
        say(f"       after that another run is not captured: {error}")


PARTS: dict[str, tuple[Callable[[Bench], None], bool, float]] = {
    "checks": (checks, False, 0),
    "steps": (steps, False, 0),
    "together": (together, True, 20),
    "reference": (reference, False, 20),
    "snapshots": (snapshots, False, 25),
    "busy": (busy, True, 15),
    "study": (study, True, 25),
}
"""What measures each part, whether it needs a GPU, and about how many seconds it takes."""


if __name__ == "__main__":
    main()
