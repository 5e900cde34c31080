"""The flags of the script collection that this project carries on, as aliases of today's.

Old flags have underscores, today's have hyphens, so a command line may mix the two. `translate` rewrites the old ones
before the parser sees them. The files in `scripts/` use `translate_with_documented_defaults`, which also asks for what
was documented where the console command does something else, and refuses to test a run of another kind.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from autoencoder.cli.flags.options import Parser
from autoencoder.errors import UserError
from autoencoder.registries import OBJECTIVES

DATA = ("train_data_dir", "file_name", "meta_data_file_name")
CHECKPOINT = ("load_checkpoint", "checkpoint_path", "checkpoint_to_load")
TRAINING = (
    "batch_size",
    "batch_size_latent_space",
    "split_size",
    "max_pixel_value",
    "latent_space_dim",
    "open_new_folder",
    "save_model_checkpoints",
    "checkpoint_interval",
    "save_latent_space",
    "checkpoint_latent_space_interval",
    "val_check_interval",
)
VISUALIZING = (
    "dim_reduction_algo",
    "extract_latent_space",
    "extract_latent_space_fc2",
    "analysis_latent_space_stop_index",
    "save_plots_or_only_create_movie",
    "umap_dim_reduction_fit_according_to_specific_epoch",
    "alternative_latent_space_to_fit_dir",
)
GOAL = ("run_goal",)

OLD_FLAGS: dict[str, tuple[str, ...]] = {
    "train": (*DATA, *CHECKPOINT, *TRAINING, *GOAL),
    "test": (*DATA, *CHECKPOINT, *GOAL),
    "visualize": (*DATA, *CHECKPOINT, *VISUALIZING, *GOAL),
}
"""The old flags that each command takes. A test knows its run, so the flags of training do not go with it."""

FITTED_ONLY = ("dim_reduction_algo",)
"""Taken by the files in `scripts/` for PCA or UMAP as encoder, beside the flags of their command."""

FITTED_PRESETS = {"umap": "umap-decoder", "pca": "pca-decoder"}
"""`--dim_reduction_algo` in lower case to the preset of that system."""

NO_MOVIES = {"--snapshot", "--traverse", "--score"}
"""Flags with which nothing is fitted to all of training, and which `--fit` does not go with."""


@dataclass(frozen=True)
class Script:
    """A file in `scripts/`.

    Attributes:
        command: the command that does its work.
        defaults: what it does unless told otherwise, where the command does something else.
        encoders: of the runs that it makes or tests; empty for any.
        objective: of the runs that it tests; empty for any.
    """

    command: str
    defaults: tuple[str, ...] = ()
    encoders: tuple[str, ...] = ()
    objective: str = ""

    @property
    def flags(self) -> tuple[str, ...]:
        """The old flags that it takes."""
        return OLD_FLAGS[self.command] + (FITTED_ONLY if self.encoders else ())


_PIXELS = ("--max-pixel-value", "255")

SCRIPTS: dict[str, Script] = {
    "train": Script("train", ("--preset", "rat-ae", *_PIXELS)),
    "train_encoder_pca_umap": Script("train", _PIXELS, encoders=tuple(FITTED_PRESETS)),
    "train_predict_body_angle": Script("train", ("--preset", "direction-tagger", *_PIXELS)),
    "test": Script("test", objective="reconstruct"),
    "test_pca_umap_as_encoder": Script("test", encoders=tuple(FITTED_PRESETS), objective="reconstruct"),
    "test_predict_body_angle": Script("test", objective="angle"),
    "visualize_change_of_latent_space": Script("visualize", ("--layer", "latent", "fc2")),
}
"""The files in `scripts/`, without their suffix."""


def translate(arguments: Sequence[str]) -> list[str]:
    """The same command line in today's flags.

    Raises:
        UserError: an old flag has a value that it never had, or is unknown to the command.
    """
    if not arguments or arguments[0] not in OLD_FLAGS:
        return list(arguments)
    command = arguments[0]
    old, others = _parse(command, command, OLD_FLAGS[command], arguments[1:])
    return [command, *others, *_today(command, old)]


def translate_with_documented_defaults(arguments: Sequence[str]) -> list[str]:
    """The command line of a file in `scripts/`, whose name without suffix is in front, as that of a command.

    It starts from the old script's defaults; every flag that is given overrides them. A resumed run, and a call for
    help, take none of them.

    Raises:
        UserError: as with `translate`; or the run to be tested is not of the script's kind.
    """
    name, rest = arguments[0], arguments[1:]
    script = SCRIPTS[name]
    old, others = _parse(script.command, name, script.flags, rest)
    today = _today(script.command, old)
    if {"--help", "-h"} & _flags(rest):
        return [script.command, *others, *today]
    if "--resume" in _flags(rest):
        if script.encoders and old.dim_reduction_algo is not None:
            raise UserError("--resume continues the run as it is: leave --dim_reduction_algo out")
        return [script.command, *others, *today]
    defaults = list(script.defaults)
    if script.command == "train" and script.encoders:
        defaults += ["--preset", FITTED_PRESETS[_algorithm(old, script)]]
    if script.command == "visualize" and not NO_MOVIES & _flags(rest):
        defaults += ["--fit", "last"]
    translated = [script.command, *defaults, *others, *today]
    if script.command == "test":
        _check_run(name, old, translated)
    return translated


def _parse(command: str, name: str, flags: Sequence[str], rest: Sequence[str]) -> tuple[argparse.Namespace, list[str]]:
    """Values of the old flags, None for those that are not given; and the rest of the command line."""
    parser = Parser(prog=f"autoencoder {command}", add_help=False, allow_abbrev=False)
    for flag in flags:
        parser.add_argument(f"--{flag}", default=None)
    old, others = parser.parse_known_args(list(rest))
    _refuse_unknown(name, others)
    return old, others


def _today(command: str, old: argparse.Namespace) -> list[str]:
    _check_goal(old.run_goal, command)
    return {"train": _train, "test": _test, "visualize": _visualize}[command](old)


def _flags(arguments: Sequence[str]) -> set[str]:
    return {argument.partition("=")[0] for argument in arguments}


def _refuse_unknown(name: str, arguments: list[str]) -> None:
    everywhere = {f"--{flag}" for flags in OLD_FLAGS.values() for flag in flags}
    misplaced = [flag for flag in sorted(_flags(arguments)) if flag in everywhere]
    if name == "train" and "--dim_reduction_algo" in misplaced:
        raise UserError(
            "'train' does not take --dim_reduction_algo: for PCA or UMAP as the encoder use --preset pca-decoder or "
            "umap-decoder, or scripts/train_encoder_pca_umap.py"
        )
    if misplaced:
        raise UserError(f"'{name}' does not take {', '.join(misplaced)}, which the run has already: leave it out")


def _check_goal(goal: str | None, command: str) -> None:
    if goal is not None and not goal.lower().startswith(command):
        raise UserError(f"--run_goal {goal} is not what 'autoencoder {command}' does: use the command with that name")


# ----------------------------------------------------------------------------------------------------------- commands


def _train(old: argparse.Namespace) -> list[str]:
    data = _data_file(old)
    new = [] if data is None else [str(data)]
    new += _metadata(old)
    new += _renamed(
        old,
        batch_size="--batch-size",
        batch_size_latent_space="--snapshot-batch-size",
        split_size="--val-fraction",
        max_pixel_value="--max-pixel-value",
        latent_space_dim="--latent-dim",
        val_check_interval="--val-interval",
    )
    new += _interval(old, "save_model_checkpoints", "checkpoint_interval", "--checkpoint-interval")
    new += _interval(old, "save_latent_space", "checkpoint_latent_space_interval", "--snapshots-per-epoch")
    if not _truth(old, "open_new_folder", default=True):
        if data is None:
            raise UserError("--open_new_folder False needs --train_data_dir and --file_name")
        new += ["--run", str(Path("runs") / data.stem)]
    if _truth(old, "load_checkpoint", default=False):
        new += ["--init-from", str(_checkpoint_file(old))]
    return new


def _test(old: argparse.Namespace) -> list[str]:
    if not _truth(old, "load_checkpoint", default=True):
        raise UserError("--load_checkpoint False: a test needs the weights of a checkpoint; leave the flag out")
    new: list[str] = []
    data = _data_file(old)
    if data is not None:
        new += ["--data", str(data)]
    if old.checkpoint_path or old.checkpoint_to_load:
        file = _checkpoint_file(old)
        new += ["--run", str(_run_of(file)), "--checkpoint", str(file)]
    return new


def _visualize(old: argparse.Namespace) -> list[str]:
    _truth(old, "load_checkpoint", default=True)  # snapshots need no weights, whichever it is; but it must be a truth
    new = _metadata(old)
    data = _data_file(old)
    if old.checkpoint_path:
        new += ["--run", str(_run_of(Path(old.checkpoint_path) / "last.pt"))]
    elif data is not None:
        new += ["--latest-run-on", str(data)]
    if old.dim_reduction_algo is not None:
        new += ["--reduce", old.dim_reduction_algo.lower() or "none"]
    new += _layers(old)
    stop = old.analysis_latent_space_stop_index
    if stop is not None and stop.lower() != "all":
        new += ["--stop-index", stop]
    if old.save_plots_or_only_create_movie is not None:
        save = _truth(old, "save_plots_or_only_create_movie", default=False)
        new.append("--save-frames" if save else "--no-save-frames")
    return new + _fit(old)


def _algorithm(old: argparse.Namespace, script: Script) -> str:
    """The encoder that `--dim_reduction_algo` names; no document gives it a default."""
    if old.dim_reduction_algo is None:
        raise UserError("which encoder? Give --dim_reduction_algo UMAP or PCA")
    algorithm = str(old.dim_reduction_algo).lower()
    if algorithm not in script.encoders:
        raise UserError(f"--dim_reduction_algo must be UMAP or PCA here, not '{old.dim_reduction_algo}'")
    return algorithm


def _check_run(name: str, old: argparse.Namespace, translated: Sequence[str]) -> None:
    """Refuse a run that the script `name` was not made to test, so that nobody reads its numbers as something else."""
    script = SCRIPTS[name]
    parser = Parser(prog=name, add_help=False)
    parser.add_argument("--run")
    parser.add_argument("--data")
    known, _ = parser.parse_known_args(list(translated))
    if script.encoders and old.dim_reduction_algo is not None:
        script = replace(script, encoders=(_algorithm(old, script),))
    if known.run is None:
        raise UserError(
            "which run should be tested? Give --checkpoint_path and --checkpoint_to_load, or --run with its folder"
        )
    from autoencoder.runs.folder import Run  # imports numpy

    config = Run(known.run).config()
    found, encoder = config.objective.name, config.model.encoder
    if script.objective != found:
        tests = [name for name, other in SCRIPTS.items() if other.command == "test" and other.objective == found]
        instead = f"scripts/{tests[0]}.py" if tests else f"'autoencoder test --run {known.run}'"
        raise UserError(
            f"scripts/{name}.py tests runs that were trained for '{script.objective}', and {known.run} was trained for "
            f"'{found}': use {instead}"
        )
    if script.encoders and encoder not in script.encoders:
        raise UserError(
            f"scripts/{name}.py tests runs with the encoder {' or '.join(script.encoders)} here, and {known.run} has "
            f"'{encoder}': {'correct --dim_reduction_algo' if config.model.is_fitted else 'use scripts/test.py'}"
        )
    if "target" in OBJECTIVES[script.objective].settings and old.meta_data_file_name and known.data:
        _check_metadata(Path(known.data), Path(_metadata(old)[1]), Path(config.data.images))


def _check_metadata(data: Path, metadata: Path, trained_on: Path) -> None:
    """Refuse labels that a test would not read: it takes the run's own, or those beside the other data file."""
    beside = data.with_suffix(".csv")
    if data.resolve() != trained_on.resolve() and metadata.resolve() != beside.resolve():
        raise UserError(
            f"a test on other images reads what is known of them from {beside}, not from {metadata}: save the angles "
            "there, with a header that names the run's column, and leave --meta_data_file_name out"
        )


def _layers(old: argparse.Namespace) -> list[str]:
    if old.extract_latent_space is None and old.extract_latent_space_fc2 is None:
        return []
    chosen = [
        layer
        for layer, flag in (("latent", "extract_latent_space"), ("fc2", "extract_latent_space_fc2"))
        if _truth(old, flag, default=True)
    ]
    if not chosen:
        raise UserError("--extract_latent_space and --extract_latent_space_fc2 are both False: nothing is left to draw")
    return ["--layer", *chosen]


def _fit(old: argparse.Namespace) -> list[str]:
    fit = old.umap_dim_reduction_fit_according_to_specific_epoch
    alternative = old.alternative_latent_space_to_fit_dir
    if fit is None:
        return ["--fit", alternative] if alternative else []
    known = {"last": ["last"], "first": ["first"], "every_epoch": ["every"], "all": ["last", "first", "every"]}
    if fit.lower() in known:
        return ["--fit", *known[fit.lower()]]
    if fit.lower().startswith("alternative") and alternative:
        return ["--fit", alternative]
    raise UserError(
        "--umap_dim_reduction_fit_according_to_specific_epoch is last, first, every_epoch, All, or alternative "
        f"together with --alternative_latent_space_to_fit_dir, not {fit}"
    )


# ------------------------------------------------------------------------------------------------------------- pieces


def _data_file(old: argparse.Namespace) -> Path | None:
    if old.file_name is None:
        if old.train_data_dir is not None:
            raise UserError("--train_data_dir needs --file_name, the data file in that folder")
        return None
    return Path(old.train_data_dir or ".", old.file_name)


def _metadata(old: argparse.Namespace) -> list[str]:
    if not old.meta_data_file_name:
        return []
    return ["--metadata", str(Path(old.train_data_dir or ".", old.meta_data_file_name))]


def _checkpoint_file(old: argparse.Namespace) -> Path:
    if not old.checkpoint_to_load:
        raise UserError("--checkpoint_to_load is needed: the checkpoint's file name, in --checkpoint_path")
    return Path(old.checkpoint_path or ".", old.checkpoint_to_load)


def _run_of(checkpoint: Path) -> Path:
    """The run folder that a checkpoint lies in."""
    folder = checkpoint.parent
    return folder.parent if folder.name == "checkpoints" else folder


def _renamed(old: argparse.Namespace, **today: str) -> list[str]:
    return [
        part for name, flag in today.items() if getattr(old, name) is not None for part in (flag, getattr(old, name))
    ]


def _interval(old: argparse.Namespace, switch: str, interval: str, flag: str) -> list[str]:
    """A switch and an interval to one flag, for which 0 is off."""
    if not _truth(old, switch, default=True):
        return [flag, "0"]
    return _renamed(old, **{interval: flag})


def _truth(old: argparse.Namespace, name: str, *, default: bool) -> bool:
    text = getattr(old, name)
    if text is None:
        return default
    if text.lower() in ("true", "1", "yes"):
        return True
    if text.lower() in ("false", "0", "no"):
        return False
    raise UserError(f"--{name} must be True or False, not {text}")
