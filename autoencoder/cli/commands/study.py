"""Train a population of networks, measure their representations, and say what a setting changes in them.

autoencoder study data/arena.npz --vary objective=reconstruct,angle,mask --out studies/arena
autoencoder study data/arena.npz --vary encoder=strided,pca latent_dim=2,8,32 --seeds 3 --out studies/units --dry-run
autoencoder study data/exp.npz --leave-one-out animal --by condition
autoencoder study report studies/arena --only similarity topology
autoencoder study report studies/arena codes/cebra.npy
autoencoder study report runs.csv --out studies/mine

Every combination of the settings is trained with every seed, on one split; the same command continues where it was
cut off. `report` measures again, without training: a study, or runs and codes that a table names, with other codes
beside them.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from autoencoder import config as c
from autoencoder.cli.commands.compare import show_comparison
from autoencoder.cli.flags.options import (
    add_figure_flags,
    add_run_settings,
    figure_options,
    movie_format,
    number,
    positive_int,
)
from autoencoder.cli.reporting import made, say, table
from autoencoder.config.movies import AS_PNG_AND_SVG, FigureOptions
from autoencoder.config.presets import PRESETS
from autoencoder.errors import UserError
from autoencoder.flags import shortened

HELP = "train and measure a population of networks"

REPORT = "report"
"""Instead of a data file: measure again."""

DESIGN: dict[str, Any] = {
    "vary": [],
    "seeds": None,
    "control": False,
    "preset": None,
    "config": None,
    "leave_one_out": None,
    "by": None,
    "strata": None,
    "same_as": None,
    "dry_run": False,
    "shard": None,
    "jobs": 1,
    "together": None,
    "backend": "loky",
    "scheduler": None,
}
"""Arguments of a design, and what they are where they are not given."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of `study`: those of the design, of `report`, and every setting that all runs have."""
    parser.add_argument(
        "what",
        nargs="+",
        metavar="DATA | report STUDY [CODES ...]",
        help="images to train on; or 'report' and a study, or a table of runs and codes, to measure again, also with "
        "files of codes",
    )
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="the study's folder (default: studies/DATA)")
    group = parser.add_argument_group("design")
    group.add_argument(
        "--vary", nargs="+", default=[], metavar="SETTING=A,B,...", help="settings and their values, crossed"
    )
    group.add_argument(
        "--seeds",
        type=_seeds,
        metavar="N|A,B,...",
        help="how many seeds, counting from --seed, or which ones (default: 6, the fewest for p < 0.05 with two "
        "settings)",
    )
    group.add_argument("--control", action="store_true", help="add runs on shuffled targets, and untrained networks")
    group.add_argument(
        "--preset",
        choices=(c.REFERENCE, *PRESETS),
        help="reference: an autoencoder, decoders on PCA and UMAP, and a predicting network; or a documented system "
        "that all runs start from",
    )
    group.add_argument("--config", type=Path, metavar="FILE", help="settings that all runs start from")
    group.add_argument(
        "--leave-one-out",
        metavar="COLUMN",
        help="leave out each value of this column in turn, such as each animal: a network is trained on all others "
        "and scored on the one it has not seen (default: 3 seeds)",
    )
    group.add_argument(
        "--by",
        metavar="COLUMN[=A,B]",
        help="with --leave-one-out: predict this condition of whatever was left out from its codes, with a p value",
    )
    group.add_argument("--strata", nargs="+", metavar="COLUMN", help="with --by: as in 'compare'")
    group.add_argument("--same-as", nargs="+", metavar="COLUMN", help="with --by: as in 'compare'")
    group.add_argument(
        "--dry-run", action="store_true", help="only say what would be trained, and how long it would take"
    )
    group.add_argument(
        "--jobs",
        type=positive_int,
        default=1,
        metavar="N",
        help="runs to train at the same time on the processor, each in its own process (default: 1)",
    )
    group.add_argument(
        "--together",
        type=_together,
        metavar="N|auto",
        help="runs to train at the same time in one process, taking turns, on each GPU if there are several; auto, "
        "the default on a GPU: as many as its memory holds (without a GPU: one process per core)",
    )
    group.add_argument(
        "--backend", choices=c.BACKENDS, default="loky", help="processes of this machine, or a Dask cluster"
    )
    group.add_argument("--scheduler", metavar="ADDRESS", help="of the Dask cluster, such as tcp://host:8786")
    group.add_argument(
        "--shard",
        type=_shard,
        metavar="I/N",
        help="train share I of N, from 1/N to N/N, and measure nothing, as one job of an array; afterwards, the same "
        "command without --shard measures",
    )
    group = parser.add_argument_group("measures")
    group.add_argument(
        "--only", nargs="+", choices=c.STUDIED, help="measure only these again, and keep the other measures"
    )
    group.add_argument(
        "--matched",
        choices=c.MATCHES,
        default=c.MATCHES[0],
        help="also compare runs when they have come equally far: in their loss (the default), or in steps",
    )
    group.add_argument(
        "--beside",
        nargs="+",
        default=[],
        metavar="STUDY",
        help="other measured studies, such as of a second data set, whose answers are quoted in the report",
    )
    add_figure_flags(parser.add_argument_group("figures"), default="mp4, png and svg")
    add_run_settings(parser)


def _together(text: str) -> int | str:
    if text == "auto":
        return text
    count: int = positive_int(text)
    return count


def _shard(text: str) -> tuple[int, int]:
    index, slash, count = text.partition("/")
    if not (slash and index.isdecimal() and count.isdecimal() and 1 <= int(index) <= int(count)):
        raise argparse.ArgumentTypeError(
            f"{shortened(text)!r} is not a share I/N: with 8 shares they are 1/8, 2/8 and so on up to 8/8"
        )
    return int(index), int(count)


def _seeds(text: str) -> int | tuple[int, ...]:
    if "," not in text:
        count: int = positive_int(text)
        return count
    seed = number(int, "a seed", 0, c.MAX_SEED)
    seeds = tuple(seed(part) for part in text.split(","))
    if len(set(seeds)) < len(seeds):
        raise argparse.ArgumentTypeError(f"{text!r} names a seed twice")
    return seeds


def run(args: argparse.Namespace) -> None:
    """Train and measure a study, or measure one again."""
    if args.what[0] == REPORT:
        _report(args)
    else:
        _study(args)


def _report(args: argparse.Namespace) -> None:
    if len(args.what) < 2:
        raise UserError("which study should be measured? Name its folder, or a table of runs")
    from autoencoder.config.settings import setting_types

    settings = setting_types().keys() - {"device"}
    given = [name for name in vars(args) if name in settings]
    given += [name for name, value in DESIGN.items() if getattr(args, name) != value]
    if given:
        flags = ", ".join(f"--{name.replace('_', '-')}" for name in given)
        raise UserError(f"'study report' trains nothing, and so does not take {flags}: leave it out")
    from autoencoder.workflows.study.study import measure_study

    if _report_of_folds(args):
        return
    _show(
        args,
        *measure_study(
            args.what[1],
            only=args.only,
            codes=args.what[2:],
            by=args.matched,
            beside=args.beside,
            out=args.out,
            figures=figure_options(args, AS_PNG_AND_SVG.formats),
            movie_format=movie_format(args),
            device=getattr(args, "device", "auto"),
            quiet=args.quiet,
        ),
    )


def _study(args: argparse.Namespace) -> None:
    if len(args.what) > 1:
        raise UserError(f"a study uses one data file: {args.what[1]} is one too many; codes are for 'study report'")
    if args.together is not None and (args.jobs > 1 or args.backend != DESIGN["backend"]):
        raise UserError(
            "--together trains runs in one process, --jobs and --backend dask in several: give only one of them"
        )
    if args.shard is not None:
        _refuse_with_shard(args)
    _refuse_with_folds(args)
    suffix, figures = movie_format(args), figure_options(args, AS_PNG_AND_SVG.formats)
    if args.dry_run or args.shard is not None:
        _plan(args)
    elif args.leave_one_out is not None:
        from autoencoder.workflows.folds.study import leave_one_out

        _show_folds(args, *leave_one_out(args.what[0], **_of_folds(args), **_how(args), figures=figures))
    else:
        _train_and_measure(args, figures, suffix)


def _train_and_measure(args: argparse.Namespace, figures: FigureOptions, suffix: str) -> None:
    from autoencoder.workflows.study.plan import compare_study, run_study

    found, files = run_study(
        args.what[0],
        **_design(args),
        **_how(args),
        control=args.control,
        only=args.only,
        matched=args.matched,
        beside=args.beside,
        figures=figures,
        movie_format=suffix,
    )
    _show(args, found, files)
    if args.preset == c.REFERENCE:
        compared, files = compare_study(
            found.path, figures=figures, device=getattr(args, "device", "auto"), quiet=args.quiet
        )
        show_comparison(args, compared)
        made(args, files)


def _plan(args: argparse.Namespace) -> None:
    """Say what would be trained, and how long it takes; or train a share of it."""
    from autoencoder.workflows.folds.study import folds_folder, plan_folds
    from autoencoder.workflows.study.plan import plan_study, study_folder, train_shard
    from autoencoder.workflows.study.study import folder_for

    data, column = args.what[0], args.leave_one_out
    plan = (
        plan_study(data, **_design(args), control=args.control)
        if column is None
        else plan_folds(data, **_of_folds(args))
    )
    usual = study_folder(data) if column is None else folds_folder(data, column)
    if args.dry_run:
        folder_for(plan.design, plan.members(args.shard), args.out or usual)
    for text in plan.said:
        say(args, text)
    if args.dry_run:
        for text in plan.forecast(jobs=args.jobs, together=args.together, backend=args.backend, shard=args.shard):
            say(args, text)
        return
    folder = train_shard(
        plan,
        args.shard,
        args.out or usual,
        jobs=args.jobs,
        together=args.together,
        quiet=args.quiet,
        say=lambda text: say(args, text),
    )
    made(args, folder, "next, when all shards are done: the same command without --shard, which measures")


def _design(args: argparse.Namespace) -> dict[str, Any]:
    """What is trained."""
    from autoencoder.config.settings import setting_types

    known = setting_types()
    settings = {name: value for name, value in vars(args).items() if name in known}
    return {"vary": args.vary, "seeds": args.seeds, "preset": args.preset, "config": args.config, **settings}


def _how(args: argparse.Namespace) -> dict[str, Any]:
    """How, and where to."""
    return {
        "out": args.out,
        "jobs": args.jobs,
        "together": args.together,
        "backend": args.backend,
        "scheduler": args.scheduler,
        "quiet": args.quiet,
        "say": lambda text: say(args, text),
    }


def _refuse_with_folds(args: argparse.Namespace) -> None:
    """What a study of folds does not take, and what only such a study does."""
    of_folds = [
        f"--{name.replace('_', '-')}" for name in ("by", "strata", "same_as") if getattr(args, name) is not None
    ]
    if args.leave_one_out is None:
        if of_folds:
            raise UserError(
                f"{', '.join(of_folds)} goes with --leave-one-out COLUMN: leave it out, or say what is left"
            )
        return
    if args.by is None and of_folds:
        raise UserError(f"{', '.join(of_folds)} only applies with --by COLUMN: leave it out")
    given = {
        "--control": args.control,
        "--preset reference": args.preset == c.REFERENCE,
        "--only": args.only is not None,
        "--matched": args.matched != c.MATCHES[0],
        "--beside": bool(args.beside),
    }
    flags = [flag for flag, is_given in given.items() if is_given]
    if flags:
        raise UserError(
            f"--leave-one-out scores networks on what each has not seen, and does not take {', '.join(flags)}: leave "
            "it out"
        )


def _of_folds(args: argparse.Namespace) -> dict[str, Any]:
    """What is trained, and what is asked of codes."""
    column, equals, values = (args.by or "").partition("=")
    conditions = [value.strip() for value in values.split(",")] if equals else []
    if args.by is not None and (not column or not all(conditions)):
        raise UserError(f"--by must be COLUMN or COLUMN=A,B, not {args.by!r}")
    return {
        "column": args.leave_one_out,
        "by": column or None,
        "conditions": conditions,
        "strata": args.strata or (),
        "same_as": args.same_as or (),
        **_design(args),
    }


def _show_folds(args: argparse.Namespace, found: Any, files: Any) -> None:
    from autoencoder.workflows.folds.report import sentences
    from autoencoder.workflows.folds.report import table as folds_table

    for text in sentences(found):
        say(args, text)
    for setting in found.settings:
        table(args, f"{setting}: averaged over seeds", *folds_table(found, setting))
    for text in found.notes:
        say(args, f"note: {text}")
    made(args, files)


def _report_of_folds(args: argparse.Namespace) -> bool:
    """Whether the study that is to be measured again is one of folds, which then is."""
    from autoencoder.study.folder import StudyFolder

    folder = StudyFolder(args.what[1])
    if not folder.design_file.is_file() or "leave_one_out" not in folder.design():
        return False
    given = {"codes": args.what[2:], "--only": args.only, "--beside": args.beside, "--out": args.out}
    flags = [flag for flag, value in given.items() if value]
    if flags:
        raise UserError(
            f"{folder.path} was made by --leave-one-out, and does not take {', '.join(flags)}: leave it out"
        )
    from autoencoder.workflows.folds.study import score_folds

    figures, device = figure_options(args, AS_PNG_AND_SVG.formats), getattr(args, "device", "auto")
    _show_folds(args, *score_folds(folder.path, figures=figures, device=device, quiet=args.quiet))
    return True


def _refuse_with_shard(args: argparse.Namespace) -> None:
    """A shard trains and does not measure; a cluster deals the runs out by itself."""
    given = {
        "--only": args.only is not None,
        "--matched": args.matched != c.MATCHES[0],
        "--beside": bool(args.beside),
        "--format": args.format is not None,
        "--dpi": args.dpi is not None,
    }
    flags = [flag for flag, is_given in given.items() if is_given]
    if flags:
        raise UserError(
            f"--shard measures nothing, so it does not take {', '.join(flags)}: give it to the command without --shard"
        )
    if args.backend != DESIGN["backend"]:
        raise UserError(
            "a Dask cluster distributes the runs by itself: leave --shard out, or --backend and --scheduler"
        )


def _show(args: argparse.Namespace, study: Any, files: Any) -> None:
    from autoencoder.workflows.study.tables import notes, terminal_tables, too_wide

    for text in study.sentences():
        say(args, text)
    for question, said in study.doubts().items():
        say(args, f"{question} {' '.join(said)}")
    for title, (header, rows) in terminal_tables(study.statistics):
        table(args, title, header, rows)
    if n := too_wide(study.statistics):
        say(args, f"{n} tables are too wide for a terminal: see report.md")
    for text in notes(study.statistics):
        say(args, f"note: {text}")
    made(args, files)
