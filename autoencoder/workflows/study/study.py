"""A study from its design to its report: train what is missing, measure, say what was found."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from autoencoder.config import MATCHES, RunConfig
from autoencoder.config.arguments import AnyPath, names_of, path_of, paths_of
from autoencoder.config.movies import AS_PNG_AND_SVG, MOVIE_FORMATS, FigureOptions
from autoencoder.data.images import ImageSet
from autoencoder.errors import UserError, problems_of, raise_if_any
from autoencoder.evaluation.outside_codes import expand, read_list
from autoencoder.flags import not_one_of
from autoencoder.machine.device import all_gpus, choose_device, describe_environment
from autoencoder.machine.files import check_writable, write_json
from autoencoder.machine.progress import SILENT, WORTH_ESTIMATING, Say
from autoencoder.plots.figures import Files, Found
from autoencoder.runs.folder import Run
from autoencoder.study.cluster import connect
from autoencoder.study.described import describe
from autoencoder.study.designs.design import Design, Member
from autoencoder.study.designs.forecast import forecast_of_the_rest
from autoencoder.study.folder import StudyFolder
from autoencoder.study.measured.controls import with_controls
from autoencoder.study.measured.measure import MEASURES, measure
from autoencoder.study.population import Population, open_population, population_of
from autoencoder.study.sentences import verdict
from autoencoder.study.training import check_jobs, processes, refuse_others, share_of, train_members
from autoencoder.study.wording import section
from autoencoder.version import __version__
from autoencoder.workflows.explained_variance import write_explained_variance
from autoencoder.workflows.study.report import write_report
from autoencoder.workflows.study.results import Study, open_study

VERSIONS = ("torch", "numpy")


def train_study(
    design: Design,
    images: ImageSet,
    data: str,
    out: str | Path,
    *,
    control: bool = False,
    shard: tuple[int, int] | None = None,
    jobs: int = 1,
    together: int | str | None = None,
    backend: str = "loky",
    scheduler: str | None = None,
    say: Say = SILENT,
    quiet: bool = True,
) -> StudyFolder:
    """Train the runs of a design, or go on with them where they were cut off.

    Args:
        design: what is trained.
        images: the data of all runs.
        data: the path that they were loaded from.
        out: the study's folder.
        control: whether untrained networks are shown as controls.
        shard: train this share of the runs only, such as (1, 8), and leave it to the call without it to say which runs
            could not be trained; see `share_of`.
        jobs, together: runs at a time, in a process each or in this one; see `train_members`.
        backend, scheduler: see `connect`.
        say: is told about how long it takes, what begins, what is done, and which runs could not be trained.
        quiet: show no progress, and do not time how long it takes.

    Raises:
        UserError: as `folder_for` and `train_members`; or no run could be trained.
        Interrupted: SIGINT or SIGTERM came; all is saved, and the same call goes on.
    """
    members = design.members if shard is None else share_of(design.members, *shard)
    folder = folder_for(design, members, out)
    check_jobs(design.members, jobs, backend, together)
    check_writable(folder.path)
    cluster = connect(backend, scheduler)
    content: dict[str, Any] = {
        "data": str(Path(data).absolute()),
        **design.to_json(),
        "control": control,
        "versions": {"autoencoder": __version__, **_versions(design)},
    }
    folder.write_design(content)
    if not members:
        return folder
    if backend == "loky" and not quiet:
        _say_how_long(members, folder, images, processes(members, jobs, together), say)
    failed = train_members(
        members,
        folder.runs,
        finish=finish,
        images=images,
        jobs=jobs,
        together=together,
        backend=backend,
        cluster=cluster,
        say=say,
        quiet=quiet,
    )
    for name, why in failed.items():
        say(f"{name} could not be trained: {why}")
    if shard is not None:
        return folder
    if len(failed) == len(members):
        raise UserError(["no run of the study could be trained", *dict.fromkeys(failed.values())])
    folder.write_design({**content, "failed": failed})
    return folder


def folder_for(design: Design, members: Sequence[Member], out: str | Path) -> StudyFolder:
    """The folder of a study, if it is free for this one, or holds a part of it.

    Args:
        design: the study.
        members: those of its runs that are to be trained.
        out: the folder.

    Raises:
        UserError: the folder holds something else, a study with runs that are not in this one, or runs with other
            settings.
    """
    folder = StudyFolder(out)
    folder.refuse_foreign()
    folder.refuse_dropping({member.name for member in design.members})
    refuse_others(members, folder.runs)
    return folder


def _say_how_long(members: Sequence[Member], folder: StudyFolder, images: ImageSet, jobs: int, say: Say) -> None:
    """Say about how long training will take, where that is long; on several GPUs nobody knows beforehand."""
    if len(all_gpus(choose_device(members[0].config.training.device))) > 1:
        return
    found = forecast_of_the_rest(members, folder.runs, images, jobs)
    if found is not None and found.seconds >= WORTH_ESTIMATING:
        say(found.said())


def _versions(design: Design) -> dict[str, Any]:
    environment = describe_environment(choose_device(design.members[0].config.training.device))
    return {name: environment[name] for name in VERSIONS if name in environment}


def finish(folder: Path, config: RunConfig) -> None:
    """What is done with each finished run."""
    if config.model.explains_variance:
        write_explained_variance(Run(folder))


def measure_study(
    study: AnyPath | StudyFolder,
    *,
    only: str | Collection[str] | None = None,
    codes: AnyPath | Sequence[AnyPath] = (),
    by: str = "loss",
    beside: AnyPath | Sequence[AnyPath] = (),
    out: str | Path | None = None,
    figures: FigureOptions = AS_PNG_AND_SVG,
    movie_format: str = "mp4",
    device: str = "auto",
    quiet: bool = True,
) -> Found[Study]:
    """Measure the runs of a study, or those that a table lists, and write what came out.

    Args:
        study: a study's folder, or a table (`.csv`) of runs and files of codes with the column `path`, relative to the
            table, and if wanted `name`, `seed` and any settings.
        only: what is measured, one or more of `similarity`, `space`, `probes`, `topology`, `dimension`, `robustness`,
            `quality`, `convergence`, `units` and `embeddings`; of the others, what was measured before stays. None for
            all.
        codes: files of codes, (n, d) with a row for each image, to be measured beside the runs, or tables of them.
        by: "loss" or "steps": what says that runs are equally far in their training, where they are compared as well.
        beside: other measured studies, whose answers stand in the report.
        out: where to write what a table's runs give; None for `studies/TABLE`. A study is written to its own folder.
        figures: formats and resolution of the figures.
        movie_format: `mp4` or `gif`.
        device: where networks compute.
        quiet: show no progress.

    Returns:
        the study, and the files that were written.

    Raises:
        UserError: it is no study, has no run to measure, or names in `only` are none.
    """
    extra = expand(paths_of(codes, "codes"))
    raise_if_any(f"{entry.path} is no file of codes (.npy, .npz)" for entry in extra if not entry.is_codes)
    refuse_report(only, by, beside, movie_format)
    path = path_of(study, "a study")
    if not isinstance(study, StudyFolder) and path.suffix.lower() == ".csv":
        folder = StudyFolder(out or Path("studies") / path.stem)
        check_writable(folder.path)
        population = with_controls(population_of([*read_list(path), *extra]), untrained=True)
    elif out is not None:
        raise UserError("a study is written to its own folder: --out goes with a table of runs")
    else:
        folder = study if isinstance(study, StudyFolder) else StudyFolder(path)
        if "leave_one_out" in folder.design():
            raise UserError(
                f"the runs of {folder.path} each leave out something else, and are not compared with each other: "
                f"'autoencoder study report {folder.path}' scores them"
            )
        shown = bool(folder.design().get("control"))
        population = with_controls(open_population(folder, extra), untrained=shown)
    return measure_population(
        population,
        folder,
        only=only,
        by=by,
        beside=beside,
        figures=figures,
        movie_format=movie_format,
        device=device,
        quiet=quiet,
    )


def measure_population(
    population: Population,
    folder: StudyFolder,
    *,
    only: str | Collection[str] | None = None,
    by: str = "loss",
    beside: AnyPath | Sequence[AnyPath] = (),
    figures: FigureOptions = AS_PNG_AND_SVG,
    movie_format: str = "mp4",
    device: str = "auto",
    quiet: bool = True,
) -> Found[Study]:
    """Measure sources, and write what came out into a study's folder; see `measure_study`."""
    chosen = tuple(MEASURES if only is None else names_of(only))
    others = [_as_beside(open_study(path)) for path in paths_of(beside, "a study")]
    before = None
    if only is not None and folder.measures_file.exists() and folder.statistics_file.exists():
        before = open_study(folder.path).measured
    measured = measure(population, chosen, before, by=by, device=device, quiet=quiet)
    known = {} if before is None or others else {"beside": before.statistics.get("beside", [])}
    statistics = {
        **measured.statistics,
        "settings": {name: list(values) for name, values in population.vary.items()},
        "described": describe(population),
        "beside": others,
        **known,
    }
    statistics = {name: statistics[name] for name in sorted(statistics)}
    study = Study(folder.path, dataclasses.replace(measured, statistics=statistics))
    files = Files([folder.measures_file, folder.statistics_file])
    study.table.write(folder.measures_file)
    write_json(folder.statistics_file, statistics)
    if study.planes is None:
        folder.planes_file.unlink(missing_ok=True)
    else:
        study.planes.write(folder.planes_file)
        files.append(folder.planes_file)
    files += write_report(study, folder, population, options=figures, movie_format=movie_format, quiet=quiet)
    return Found(study, files)


def refuse_report(
    only: str | Collection[str] | None, by: str, beside: AnyPath | Sequence[AnyPath], movie_format: str
) -> None:
    """Refuse, before anything is trained or measured, what a study cannot be measured or written by.

    Args:
        only, by, beside, movie_format: see `measure_study`.

    Raises:
        UserError: there is no such measure, no such way to compare runs or no such format of movies; or a study beside
            it is none, or was not measured yet.
    """
    nameless = [] if only is None else [name for name in names_of(only) if name not in MEASURES]
    raise_if_any(
        [
            *([f"a study measures {', '.join(MEASURES)}, not {', '.join(map(str, nameless))}"] if nameless else []),
            *not_one_of("matched", by, MATCHES),
            *not_one_of("format of movies", movie_format, MOVIE_FORMATS),
            *(problem for path in paths_of(beside, "a study") for problem in problems_of(open_study, path)),
        ]
    )


def _as_beside(other: Study) -> dict[str, Any]:
    """What the report of a study says of another one.

    Raises:
        UserError: representations were not compared there.
    """
    similarity = section(other.statistics, "similarity")
    if not similarity:
        raise UserError(f"{other.path} compared no representations: 'autoencoder study report {other.path}' does")
    return {
        "name": other.path.name,
        "data": other.statistics["described"]["data"]["name"],
        "verdict": verdict(similarity, other.statistics),
    }
