"""`study --leave-one-out`: what it would train, training it, and scoring each network on what it has not seen."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from autoencoder.config.arguments import IMAGES, AnyPath, names_of, path_of
from autoencoder.config.movies import AS_PNG_AND_SVG, FigureOptions
from autoencoder.config.signatures import takes_settings
from autoencoder.machine.progress import SILENT, Say
from autoencoder.plots.figures import Found
from autoencoder.study.designs.design import STUDY_TRAINING, parse_vary
from autoencoder.study.designs.design import base_of as study_base
from autoencoder.study.designs.folds import SEEDS
from autoencoder.study.designs.folds import leave_one_out as folds_of
from autoencoder.study.folder import StudyFolder
from autoencoder.study.wording import capitalized
from autoencoder.workflows.folds.measure import Folds, asked_groups, measure_folds, refuse_told
from autoencoder.workflows.folds.report import summary, write_folds
from autoencoder.workflows.groups.words import least_p_text
from autoencoder.workflows.study.plan import Plan, Vary, as_texts, begun, said_of, trained


class FoldsScored(Folds):
    """What `leave_one_out` found."""

    def _repr_html_(self) -> str:
        """What a notebook shows: the answer in sentences, the scores of the first setting, and the figure."""
        return summary(self).html()


@takes_settings(**STUDY_TRAINING)
def plan_folds(
    data: AnyPath,
    column: str,
    *,
    by: str | None = None,
    conditions: Sequence[str] = (),
    strata: Sequence[str] = (),
    same_as: Sequence[str] = (),
    vary: Vary = (),
    seeds: int | Sequence[int] | None = None,
    preset: str | None = None,
    config: str | Path | None = None,
    **settings: Any,
) -> Plan:
    """What `leave_one_out` would train; see there. Nothing is written."""
    data = str(path_of(data, IMAGES))
    given, base, images, chosen = begun(data, preset, config, seeds, SEEDS, settings)
    asked = {"by": by, "conditions": names_of(conditions), "strata": names_of(strata), "same_as": names_of(same_as)}
    design = folds_of(column, study_base(data, base, given), parse_vary(as_texts(vary)), chosen, images, asked)
    groups = asked_groups(images, {"column": column, **asked})
    refuse_told(design, images, groups)
    encoders = {member.config.model.encoder for member in design.members}
    said = [
        f"{len(design.members)} runs: each value of '{column}' is left out in turn, with seeds "
        f"{', '.join(map(str, chosen))} ({', '.join(sorted(encoders))})",
        *said_of(design),
    ]
    if groups is not None:
        relabelled = groups.cells.relabelled(design.members[0].config.data.split_seed)
        said.append(f"{capitalized(least_p_text(groups, relabelled))}.")
    return Plan(design, images, data, tuple(said))


@takes_settings(**STUDY_TRAINING)
def leave_one_out(
    data: AnyPath,
    column: str,
    *,
    by: str | None = None,
    conditions: Sequence[str] = (),
    strata: Sequence[str] = (),
    same_as: Sequence[str] = (),
    vary: Vary = (),
    seeds: int | Sequence[int] | None = None,
    preset: str | None = None,
    config: str | Path | None = None,
    out: str | Path | None = None,
    jobs: int = 1,
    together: int | str | None = None,
    backend: str = "loky",
    scheduler: str | None = None,
    figures: FigureOptions = AS_PNG_AND_SVG,
    quiet: bool = True,
    say: Say = SILENT,
    **settings: Any,
) -> Found[FoldsScored]:
    """Train networks that have not seen one value of a column, such as one animal, and score them on it.

    Args:
        data: images to train on.
        column: each of its values is left out in turn.
        by: tell this condition of what was left out from its codes, with a p; None for the scores alone.
        conditions: the two values of `by` that are told apart, where it has more.
        strata, same_as: see `compare_groups`.
        vary, preset, config, settings: see `plan_study`.
        seeds: how many, from the setting `seed` on, or which; None for 3.
        out: the study's folder; None for `studies/DATA-without-COLUMN`.
        jobs: pieces of work at a time, in a process each.
        together: runs that take turns in one process; "auto" for as many as the GPU's memory holds, on the processor a
            process for each core; None for that on a GPU, and one run after the other elsewhere.
        backend: "loky" for processes of this machine, or "dask" for a Dask cluster.
        scheduler: address of the Dask cluster's scheduler, such as `tcp://host:8786`.
        figures: formats and resolution of the figure.
        quiet: show no progress.
        say: is told what is trained, what begins and what is done.

    Returns:
        what was found, and the files: `report.html`, `report.md`, `folds.csv` (a row for each run), `folds.json`, and
        the figure `folds`.

    Raises:
        UserError: the column has too few values, runs would learn the condition, or as `run_study`.
        Interrupted: SIGINT or SIGTERM came; all is saved, and the same call goes on.
    """
    plan = plan_folds(
        data,
        column,
        by=by,
        conditions=conditions,
        strata=strata,
        same_as=same_as,
        vary=vary,
        seeds=seeds,
        preset=preset,
        config=config,
        **settings,
    )
    for text in plan.said:
        say(text)
    folder = trained(
        plan,
        folds_folder(data, column) if out is None else Path(out),
        jobs=jobs,
        together=together,
        backend=backend,
        scheduler=scheduler,
        quiet=quiet,
        say=say,
    )
    return score_folds(folder.path, figures=figures, device=settings.get("device", "auto"), quiet=quiet)


def score_folds(
    path: AnyPath, *, figures: FigureOptions = AS_PNG_AND_SVG, device: str = "auto", quiet: bool = True
) -> Found[FoldsScored]:
    """Score the networks of a study of `leave_one_out` again, without training.

    Args:
        path: the study's folder.
        figures: formats and resolution of the figure.
        device: where networks compute.
        quiet: show no progress.

    Raises:
        UserError: no run is there, or one cannot be tested.
    """
    folder = StudyFolder(path)
    found = FoldsScored(**vars(measure_folds(folder, device=device, quiet=quiet)))
    return Found(found, write_folds(found, folder, figures))


def folds_folder(data: AnyPath, column: str) -> Path:
    """Where such a study goes whose folder is not named."""
    return Path("studies") / f"{Path(data).stem}-without-{column}"
