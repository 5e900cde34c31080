"""Train a network on the images in DATA, or go on with a run, and leave a run folder.

autoencoder train data/arena.npz --run runs/arena
autoencoder train data/mnist.npz --noise gaussian:0.5 --epochs 5
autoencoder train --resume runs/arena --epochs 80
autoencoder train elsewhere/arena.npz --resume runs/arena
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from autoencoder import config as c
from autoencoder.cli.options import (
    add_field,
    count,
    fraction,
    names,
    noise,
    number_type,
    positive_float,
    positive_int,
    samples,
)
from autoencoder.cli.reporting import made, say
from autoencoder.errors import UserError
from autoencoder.presets import NO_PRESET, PRESETS, configure
from autoencoder.registries import ENCODERS, LEARNED_ENCODERS, OBJECTIVES

HELP = "train a network and leave a run folder"

RESUME_TAKES = ("epochs", "device", "data", "metadata")
"""What may change when a run is resumed; DATA and metadata are the same files at another place."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of `train`. Those that set a field of the configuration are named after it and have no default here."""
    parser.add_argument("data", nargs="?", metavar="DATA", help="images: .npz, or .npy, which is memory-mapped")
    parser.add_argument(
        "--run", type=Path, help="folder to make (default: runs/DATA-ENCODER[-OBJECTIVE]-001, or the next number)"
    )
    parser.add_argument(
        "--resume",
        type=Path,
        metavar="RUN",
        help="go on with this run where it stopped; DATA says where its data are now, if they were moved",
    )
    parser.add_argument(
        "--preset", choices=PRESETS, help="start from a documented system; see 'autoencoder info presets'"
    )

    group = parser.add_argument_group("data")
    add_field(group, c.DataConfig, "metadata", "metadata file (default: the .csv beside DATA)", metavar="FILE")
    add_field(group, c.DataConfig, "columns", "names of the columns of .npy metadata", type=names, metavar="A,B,...")
    add_field(
        group,
        c.DataConfig,
        "max_pixel_value",
        "pixel value that stands for 1 (default: the dtype's largest; 1 for floats)",
        type=positive_float,
        metavar="X",
    )
    add_field(
        group, c.DataConfig, "split", "hold out random images, or blocks of neighbouring video frames", choices=c.SPLITS
    )
    add_field(group, c.DataConfig, "val_fraction", "share of the images held out", type=fraction, metavar="F")
    add_field(
        group,
        c.DataConfig,
        "block_size",
        "images per block (default: a fiftieth of all)",
        type=positive_int,
        metavar="N",
    )

    group = parser.add_argument_group("model")
    add_field(group, c.ModelConfig, "encoder", "the network; pca and umap are fitted, not learned", choices=ENCODERS)
    add_field(group, c.ModelConfig, "latent_dim", "number of latent units", type=positive_int, metavar="N")
    add_field(
        group,
        c.ModelConfig,
        "decoder",
        "another encoder's decoder (default: the encoder's own)",
        choices=LEARNED_ENCODERS,
    )
    add_field(group, c.ModelConfig, "depth", "linear layers of 'deep' (default: 3)", type=positive_int, metavar="N")
    add_field(group, c.ModelConfig, "norm", "normalisation after each layer", choices=c.NORMS)
    add_field(
        group,
        c.ModelConfig,
        "latent_activation",
        "of the latent units (default: the encoder's own)",
        choices=c.LATENT_ACTIVATIONS,
    )

    group = parser.add_argument_group("objective")
    group.add_argument(
        "--objective",
        dest="objective",
        choices=OBJECTIVES,
        default=argparse.SUPPRESS,
        help="what the network is trained for (default: reconstruct)",
    )
    add_field(
        group, c.ObjectiveConfig, "loss", "loss of a reconstruction (default: mse)", choices=c.RECONSTRUCTION_LOSSES
    )
    add_field(
        group, c.ObjectiveConfig, "target", "column to predict (default: the one that can be meant)", metavar="COLUMN"
    )
    add_field(
        group,
        c.ObjectiveConfig,
        "vector",
        "predict the angle from one point to another, y pointing down: names of their columns",
        type=names,
        metavar="BASE_X,BASE_Y,TIP_X,TIP_Y",
    )
    group.add_argument(
        "--shuffle-targets",
        action=argparse.BooleanOptionalAction,
        default=argparse.SUPPRESS,
        help="control: deal the targets at random to the training images (default: no)",
    )
    add_field(
        group, c.ObjectiveConfig, "sparsity", "penalty on the latent units' mean activation", choices=c.SPARSITIES
    )
    add_field(
        group,
        c.ObjectiveConfig,
        "sparsity_weight",
        "factor of the penalty (default: 0.001)",
        type=positive_float,
        metavar="X",
    )
    add_field(
        group,
        c.ObjectiveConfig,
        "sparsity_target",
        "mean activation that kl draws units to (default: 0.05)",
        type=fraction,
        metavar="F",
    )
    group.add_argument(
        "--noise",
        type=noise,
        default=argparse.SUPPRESS,
        metavar="KIND:AMOUNT",
        help="corrupt the input: gaussian:STD, salt-pepper:FRACTION, masking:FRACTION or poisson:PEAK, "
        "for pixels scaled to [0, 1] (default: none)",
    )

    group = parser.add_argument_group("training")
    add_field(group, c.TrainingConfig, "epochs", "passes over the training images", type=positive_int, metavar="N")
    add_field(group, c.TrainingConfig, "batch_size", "images per update", type=positive_int, metavar="N")
    add_field(
        group, c.TrainingConfig, "lr", "learning rate, the largest of the schedule", type=positive_float, metavar="X"
    )
    add_field(group, c.TrainingConfig, "schedule", "course of the learning rate", choices=c.SCHEDULES)
    add_field(
        group,
        c.TrainingConfig,
        "weight_decay",
        "decoupled weight decay; 0 is plain Adam",
        type=_non_negative,
        metavar="X",
    )
    add_field(
        group,
        c.TrainingConfig,
        "patience",
        "stop after so many validations without improvement (default: never)",
        type=positive_int,
        metavar="N",
    )
    add_field(
        group, c.TrainingConfig, "seed", "of the split, the weights, the order and the noise", type=count, metavar="N"
    )
    add_field(group, c.TrainingConfig, "init_from", "start from the weights of this checkpoint", metavar="CHECKPOINT")
    add_field(
        group,
        c.TrainingConfig,
        "threads",
        "processor threads (default: torch's choice)",
        type=positive_int,
        metavar="N",
    )
    add_field(group, c.TrainingConfig, "device", "where to train; auto takes a GPU if there is one", choices=c.DEVICES)

    group = parser.add_argument_group("what is kept")
    add_field(group, c.TrainingConfig, "val_interval", "epochs between two validations", type=positive_int, metavar="N")
    add_field(
        group,
        c.TrainingConfig,
        "checkpoint_interval",
        "epochs between two kept checkpoints; 0 keeps only last and best",
        type=count,
        metavar="N",
    )
    add_field(
        group,
        c.TrainingConfig,
        "snapshots_per_epoch",
        "latent snapshots in each epoch; 0 for none",
        type=count,
        metavar="N",
    )
    add_field(
        group,
        c.TrainingConfig,
        "snapshot_samples",
        "images in a snapshot: N, all, or auto (an eighth, at least 2,000)",
        type=samples,
        metavar="N",
    )
    add_field(
        group,
        c.TrainingConfig,
        "snapshot_batch_size",
        "batch size for snapshots and validation",
        type=positive_int,
        metavar="N",
    )
    group.add_argument(
        "--tensorboard",
        action=argparse.BooleanOptionalAction,
        default=argparse.SUPPRESS,
        help="write TensorBoard's event files too (extra 'tensorboard')",
    )
    for flag, title, extra in (("--comet", "Comet", "comet"), ("--wandb", "Weights & Biases", "wandb")):
        group.add_argument(
            flag,
            nargs="?",
            choices=c.LOGGING_MODES,
            const="online",
            default=argparse.SUPPRESS,
            help=f"log to {title} too; offline for files that can be uploaded later (extra '{extra}')",
        )
    group.add_argument(
        "--experiment-name",
        "--namestr",
        metavar="NAME",
        default=argparse.SUPPRESS,
        help="what these call the run (default: the name of its folder)",
    )


def run(args: argparse.Namespace) -> None:
    """Train, or resume, and say what was made."""
    run_folder = _resume(args) if args.resume is not None else _train(args)
    made(args, run_folder.path, f"next: autoencoder test --run {run_folder.path}")


def _train(args: argparse.Namespace) -> Any:
    if args.data is None:
        raise UserError("what to train on? give a data file, or --resume RUN; 'autoencoder prepare --help' makes one")
    config = build_config(args)
    from autoencoder.runs.folder import Run, next_free_run
    from autoencoder.training.start import train

    objective = config.objective.name
    stem = "-".join([Path(args.data).stem, config.model.encoder, *([] if objective == "reconstruct" else [objective])])
    folder = Run(args.run) if args.run is not None else next_free_run(Path("runs"), stem)
    train(config, folder.path, quiet=args.quiet, say=lambda text: say(args, text))
    left_out = folder.environment()["n_without_target"]
    if left_out:
        say(args, f"{left_out:,} images without a known target were left out")
    _say_result(args, folder)
    return folder


def _resume(args: argparse.Namespace) -> Any:
    given = set(vars(args)) - {"command", "data", "run", "resume", "preset", "quiet", "debug", "has_subcommands"}
    given |= {name for name in ("data", "run", "preset") if getattr(args, name) is not None}
    refused = sorted(given - set(RESUME_TAKES))
    if refused:
        raise UserError(
            f"--resume goes on with the run as it is, so it does not take {', '.join(refused)}: leave those out "
            "(--epochs and --device may change, and DATA and --metadata where they were moved), or start a new run"
        )
    from autoencoder.runs.folder import Run
    from autoencoder.training.start import resume

    before = Run(args.resume).metrics()
    trained = resume(
        args.resume,
        epochs=getattr(args, "epochs", None),
        device=getattr(args, "device", None),
        images_file=args.data,
        metadata_file=getattr(args, "metadata", None),
        quiet=args.quiet,
        say=lambda text: say(args, text),
    )
    if trained.run.metrics() == before:
        training = trained.config.training
        if before and before[-1]["epoch"] < training.epochs:
            why = f"it stopped early, {training.patience} validations after its best one"
        else:
            why = "it was finished before (--epochs N makes it longer)"
        say(args, f"nothing was left to train: {why}")
    _say_result(args, trained.run)
    return trained.run


def build_config(args: argparse.Namespace) -> c.RunConfig:
    """The run's configuration: defaults, then the preset, then the flags that were given; see `presets.configure`."""
    preset = PRESETS[args.preset] if args.preset else NO_PRESET
    config, left_out = configure(preset, {**vars(args), "images": args.data})
    if left_out:
        listed = ", ".join(f"--{name.replace('_', '-')}" for name in left_out)
        say(args, f"left out of the preset '{args.preset}', as it does not go with the other flags: {listed}")
    return config


def _say_result(args: argparse.Namespace, folder: Any) -> None:
    if folder.config().model.encoder == "pca":
        from autoencoder.workflows.explained_variance import write_explained_variance

        files, sentence = write_explained_variance(folder)
        say(args, sentence)
        made(args, files)
    rows = folder.metrics()
    if rows:
        last = rows[-1]
        best = min((row["val_loss"] for row in rows if row["val_loss"] is not None), default=None)
        best_text = "" if best is None else f", best validation loss {best:.5f}"
        say(args, f"{last['epoch']} epochs, {last['step']} steps: training loss {last['train_loss']:.5f}{best_text}")


_non_negative = number_type(float, "a number of 0 or more", lambda value: 0 <= value < float("inf"))
