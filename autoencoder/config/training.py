"""How a network is trained, and what is kept on the way."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal, get_type_hints

from autoencoder.config.choices import (
    MAX_SEED,
    MAX_THREADS,
    SAMPLES,
    Device,
    Engine,
    LoggingMode,
    Optimizer,
    Schedule,
    Spacing,
)
from autoencoder.config.value_types import check_types
from autoencoder.errors import raise_if_any
from autoencoder.flags import Flag, Real, Setting, Whole, not_one_of, path_problems, problems_of_settings, shown_plainly

KEPT = "what is kept"
"""Heading of the flags that say what training leaves."""

SNAPSHOT_SAMPLES = Setting(
    "snapshot_samples",
    Flag(
        "images in a snapshot: N, all, auto (an eighth, at least 2,000), or probes (1,600 held-out and 2,400 other "
        "images at most; the default of a study)",
        "N",
        group=KEPT,
    ),
    default="auto",
)
"""A number or a name, of which no type of flag makes one."""


@dataclass(frozen=True)
class WrittenBy:
    """Beside the flag of a setting: what writes the numbers of each epoch, where the setting asks for it.

    Attributes:
        module: defines `Writer`; see `runs/writers/base.py`.
        by_name: what the service is called, where it shows runs by an `experiment_name`.
    """

    module: str
    by_name: str | None = None


@shown_plainly
@dataclass(frozen=True)
class TrainingConfig:
    """How the network is trained, and what is kept on the way."""

    epochs: Annotated[int, Flag("passes over the training images", "N", Whole())] = 30
    batch_size: Annotated[int, Flag("images per update", "N", Whole())] = 64
    balance: Annotated[
        str | None,
        Flag("show each value of this column equally often, so that a long recording does not dominate", "COLUMN"),
    ] = None
    """Column whose values are each shown equally often in an epoch; None for each image once. See
    `autoencoder.data.batches.balanced_order`."""
    lr: Annotated[float, Flag("learning rate; the largest of the schedule", "X", Real())] = 5e-3
    """Learning rate; the largest one of the schedule."""
    schedule: Annotated[Schedule, Flag("course of the learning rate")] = "onecycle"
    optimizer: Annotated[
        Optimizer,
        Flag("muon: orthogonalised updates for weight matrices, Adam for the rest; adam: Adam for everything"),
    ] = "muon"
    """What makes steps of gradients; see `autoencoder.training.optimizers`."""
    weight_decay: Annotated[float, Flag("decoupled weight decay", "X", Real(with_zero=True))] = 0.0
    """Decoupled weight decay; 0 makes AdamW the same as Adam."""
    val_interval: Annotated[int, Flag("epochs between two validations", "N", Whole(), group=KEPT)] = 2
    """Epochs between two validations; the last epoch is always validated."""
    patience: Annotated[
        int | None, Flag("stop after this many validations without improvement (default: never)", "N", Whole())
    ] = None
    """Stop when the validation loss has not improved for this many validations; None for never."""
    checkpoint_interval: Annotated[
        int, Flag("epochs between two kept checkpoints; 0 keeps only last and best", "N", Whole(0), group=KEPT)
    ] = 10
    """Epochs between two kept checkpoints, beside `last` and `best`; 0 for none."""
    snapshots_per_epoch: Annotated[
        int,
        Flag(
            "latent snapshots per epoch, or, with the spacing log, per doubling of the updates; 0 for none",
            "N",
            Whole(0),
            group=KEPT,
        ),
    ] = 3
    """Latent snapshots in each epoch, or with the spacing `log` in each doubling of the updates; one more is taken
    before the first step. 0 for none."""
    snapshot_spacing: Annotated[
        Spacing,
        Flag(
            "spread snapshots evenly over each epoch, or (log) densely at first, with 8 or more in the first epoch",
            group=KEPT,
        ),
    ] = "even"
    """`even` within each epoch; `log` at steps that grow by a constant factor, see
    `autoencoder.runs.snapshots.steps_of_snapshots`."""
    snapshot_samples: int | Literal["auto", "all", "probes"] = "auto"
    """Images whose latent codes are kept: a number, `all`, `auto` (an eighth, at least 2,000), or `probes` (1,600
    held-out ones and 2,400 others, at most)."""
    snapshot_batch_size: Annotated[int, Flag("batch size for snapshots and validation", "N", Whole(), group=KEPT)] = 512
    """Batch size for codes and validation, on a GPU up to four times as many; changes the speed, and rounding there."""
    seed: Annotated[int, Flag("seed of the weights, the order and the noise", "N", Whole(0, MAX_SEED))] = 42
    init_from: Annotated[str | None, Flag("start from the weights of this checkpoint", "CHECKPOINT")] = None
    """Checkpoint whose weights the network starts from; None for freshly drawn ones."""
    device: Annotated[Device, Flag("where to train; auto takes a GPU if there is one")] = "auto"
    engine: Annotated[
        Engine, Flag("graph: capture the update once and replay it, on an NVIDIA GPU; auto does so where it can")
    ] = "auto"
    """How updates are executed: as captured CUDA graphs, or `eager`, one operation after the other. It changes results
    by rounding only."""
    deterministic: Annotated[
        bool,
        Flag(
            "on a GPU: the same bits every time, alone or beside other runs; slower, and refused where it is not "
            "possible"
        ),
    ] = False
    """On a GPU, only algorithms that give the same bits every time; on the CPU all do."""
    threads: Annotated[
        int | None, Flag("processor threads (default: torch's choice)", "N", Whole(most=MAX_THREADS))
    ] = None
    """Processor threads; None for torch's own choice."""
    tensorboard: Annotated[
        bool,
        Flag("write TensorBoard's event files too (extra 'tensorboard')", group=KEPT),
        WrittenBy("autoencoder.runs.writers.tensorboard"),
    ] = False
    """Also write TensorBoard's event files (needs the extra `tensorboard`)."""
    comet: Annotated[
        LoggingMode | None,
        Flag(
            "log to Comet too; offline for files that can be uploaded later (extra 'comet')", group=KEPT, bare="online"
        ),
        WrittenBy("autoencoder.runs.writers.comet", by_name="Comet"),
    ] = None
    """Also log to Comet, or to an archive that can be uploaded later (needs the extra `comet`)."""
    wandb: Annotated[
        LoggingMode | None,
        Flag(
            "log to Weights & Biases too; offline for files that can be uploaded later (extra 'wandb')",
            group=KEPT,
            bare="online",
        ),
        WrittenBy("autoencoder.runs.writers.wandb", by_name="Weights & Biases"),
    ] = None
    """Also log to Weights & Biases, or to files that can be uploaded later (needs the extra `wandb`)."""
    experiment_name: Annotated[
        str | None,
        Flag("name of the run there (default: the name of its folder)", "NAME", group=KEPT, also="--namestr"),
    ] = None
    """What Comet and Weights & Biases call the run; None for the name of its folder."""

    def __post_init__(self) -> None:
        check_types(self)
        problems = problems_of_settings(self) + path_problems("init_from", self.init_from)
        by_name = {name: writer.by_name for name, writer in WRITERS.items() if writer.by_name is not None}
        if self.experiment_name is not None and not any(getattr(self, name) for name in by_name):
            problems.append(
                f"experiment_name is only used by {' and '.join(by_name.values())}: log to one of them, or leave it out"
            )
        if self.balance is not None and not self.balance:
            problems.append("balance names no column: it is empty")
        if self.experiment_name is not None and not self.experiment_name.strip():
            problems.append("experiment_name is empty")
        if isinstance(self.snapshot_samples, str):
            problems += not_one_of("snapshot_samples", self.snapshot_samples, SAMPLES)
        elif problem := Whole().problem("snapshot_samples", self.snapshot_samples):
            problems.append(problem)
        raise_if_any(problems)


WRITERS: dict[str, WrittenBy] = {
    name: marker
    for name, hint in get_type_hints(TrainingConfig, include_extras=True).items()
    for marker in getattr(hint, "__metadata__", ())
    if isinstance(marker, WrittenBy)
}
"""Where the numbers of each epoch go beside the run's own table, by the setting that asks for it."""
