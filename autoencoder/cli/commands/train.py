"""Train a network on the images in DATA, or resume a run, and leave a run folder.

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
from autoencoder.cli.flags.options import add_run_settings
from autoencoder.cli.reporting import made, say
from autoencoder.config.presets import PRESETS
from autoencoder.errors import UserError, number_of

HELP = "train a network and leave a run folder"

RESUME_TAKES = ("epochs", "device", "engine", "deterministic", "threads", "data", "metadata")
"""What may change when a run is resumed; DATA and metadata are the same files at another place."""


BASES = ("preset", "config")
"""What a run's settings can start from, instead of from the defaults."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of `train`. Those that set a field of the configuration are named after it and have no default here."""
    parser.add_argument("data", nargs="?", metavar="DATA", help="images: .npz, or .npy (memory-mapped)")
    parser.add_argument(
        "--run",
        type=Path,
        metavar="RUN",
        help="folder to make (default: runs/DATA-ENCODER[-OBJECTIVE]-001, or the next number)",
    )
    parser.add_argument(
        "--resume",
        type=Path,
        metavar="RUN",
        help="resume this run where it stopped; DATA says where its data are now, if they were moved",
    )
    parser.add_argument(
        "--preset", choices=PRESETS, help="start from a documented system; see 'autoencoder info presets'"
    )

    parser.add_argument(
        "--config",
        type=Path,
        metavar="FILE",
        help="take the settings from a run's config.json, or from a TOML file with the same names; flags override them",
    )
    add_run_settings(parser)


def run(args: argparse.Namespace) -> None:
    """Train, or resume, and say what was made."""
    run_folder = _resume(args) if args.resume is not None else _train(args)
    made(args, run_folder.path, f"next: autoencoder test --run {run_folder.path}")


def _train(args: argparse.Namespace) -> Any:
    if args.data is None and args.config is None:
        raise UserError("no data: give a data file, which 'autoencoder prepare' makes, or --resume RUN")
    config = build_config(args)
    from autoencoder.training.start import train

    folder = train(config, args.run, quiet=args.quiet, say=lambda text: say(args, text)).run
    left_out = folder.environment()["n_without_target"]
    if left_out:
        say(args, f"left out {number_of(left_out, 'image')} without a known target")
    _say_result(args, folder)
    return folder


def _resume(args: argparse.Namespace) -> Any:
    given = set(vars(args)) - {"command", "data", "run", "resume", "quiet", "debug", "has_subcommands", *BASES}
    given |= {name for name in ("data", "run", *BASES) if getattr(args, name) is not None}
    refused = sorted(given - set(RESUME_TAKES))
    if refused:
        from autoencoder.workflows.settings import listed_flags

        raise UserError(
            f"--resume continues the run as it is, so it does not take {listed_flags(refused)}: leave it out "
            "(--epochs and --device may change, --engine, --deterministic and --threads, and DATA and --metadata where "
            "they were moved), or start a new run"
        )
    from autoencoder.runs.folder import Run
    from autoencoder.training.start import resume

    before = Run(args.resume).metrics()
    trained = resume(
        args.resume,
        epochs=getattr(args, "epochs", None),
        device=getattr(args, "device", None),
        engine=getattr(args, "engine", None),
        deterministic=getattr(args, "deterministic", None),
        threads=getattr(args, "threads", None),
        images_file=args.data,
        metadata_file=getattr(args, "metadata", None),
        quiet=args.quiet,
        say=lambda text: say(args, text),
    )
    if trained.run.metrics() == before:
        training = trained.config.training
        if before and before[-1]["epoch"] < training.epochs:
            why = f"it stopped early, {number_of(training.patience or 0, 'validation')} after its best one"
        else:
            why = "it is already finished (--epochs N trains it for longer)"
        say(args, f"nothing left to train: {why}")
    _say_result(args, trained.run)
    return trained.run


def build_config(args: argparse.Namespace) -> c.RunConfig:
    """The run's configuration: defaults, then the preset or the file, then the flags that were given."""
    from autoencoder.config.settings import setting_types
    from autoencoder.workflows.settings import run_config

    known = setting_types()
    given = {name: value for name, value in vars(args).items() if name in known}
    return run_config(args.data, preset=args.preset, config=args.config, say=lambda text: say(args, text), **given)


def _say_result(args: argparse.Namespace, folder: Any) -> None:
    if folder.config().model.explains_variance:
        from autoencoder.workflows.explained_variance import write_explained_variance

        files, sentence = write_explained_variance(folder)
        say(args, sentence)
        made(args, files)
    rows = folder.metrics()
    if rows:
        last = rows[-1]
        best = min((row["val_loss"] for row in rows if row["val_loss"] is not None), default=None)
        epochs = number_of(last["epoch"], "epoch")
        best_text = "" if best is None else f", best validation loss {best:.5f}"
        say(args, f"{epochs}, {number_of(last['step'], 'step')}: training loss {last['train_loss']:.5f}{best_text}")
