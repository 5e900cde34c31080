"""`study`: what it would train, from flat settings; training it, and measuring what was trained."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autoencoder.config import MATCHES, REFERENCE, DataConfig, TrainingConfig
from autoencoder.config.arguments import IMAGES, AnyPath, names_of, path_of
from autoencoder.config.movies import AS_PNG_AND_SVG, FigureOptions
from autoencoder.config.presets import Preset
from autoencoder.config.settings import checked_settings
from autoencoder.config.signatures import takes_settings
from autoencoder.config.value_types import typed
from autoencoder.data.images import ImageSet
from autoencoder.display.summary import Summary
from autoencoder.errors import UserError, problems_of, raise_if_any
from autoencoder.machine.progress import SILENT, Say, duration
from autoencoder.plots.figures import Found
from autoencoder.runs.opened import Shelf
from autoencoder.study.designs.design import DEFAULT, SEEDS, STUDY_TRAINING, Design, Member, crossed, parse_vary
from autoencoder.study.designs.design import base_of as study_base
from autoencoder.study.designs.forecast import forecast
from autoencoder.study.designs.reference import reference_design
from autoencoder.study.folder import StudyFolder
from autoencoder.study.permanova import fewest_seeds, smallest_p
from autoencoder.study.training import processes, refuse_running, share_of
from autoencoder.workflows.compare.runs import RunsCompared, compare_seeds, seeds_of
from autoencoder.workflows.settings import base_of
from autoencoder.workflows.study.results import Study
from autoencoder.workflows.study.study import measure_study, refuse_report, train_study

Vary = Mapping[str, Sequence[Any]] | Sequence[str]
"""Settings that vary: `{"objective": ["reconstruct", "angle"]}`, or as on the command line,
`["objective=reconstruct,angle"]`."""

Shard = tuple[int, int]
"""Which share of the runs, and of how many."""


@dataclass(frozen=True, eq=False, repr=False)
class Plan:
    """A study that is not trained yet.

    Attributes:
        design: its runs.
        images: the data.
        data: the path that they were loaded from.
        said: what it is, a sentence each.
        control: whether untrained networks are shown as controls.
    """

    design: Design
    images: ImageSet
    data: str
    said: tuple[str, ...]
    control: bool = False

    def __repr__(self) -> str:
        return f"<Plan of {len(self.design.members)} runs on {self.data}>"

    def _repr_html_(self) -> str:
        """What a notebook shows: its runs."""
        rows = [(member.name, member.setting, str(member.seed)) for member in self.design.members]
        return Summary(self.said[0], header=("run", "setting", "seed"), rows=rows, notes=self.said[1:]).html()

    def members(self, shard: Shard | None = None) -> list[Member]:
        """All of its runs, or those of a share."""
        return list(self.design.members if shard is None else share_of(self.design.members, *shard))

    def forecast(
        self,
        *,
        jobs: int = 1,
        together: int | str | None = None,
        backend: str = "loky",
        shard: Shard | None = None,
    ) -> list[str]:
        """How long training would take, by a few updates of each kind of run: a sentence for each run, and for all.

        Args:
            jobs, together, backend: as in `run_study`.
            shard: a share of the runs only.

        Raises:
            UserError: a run cannot be trained.
        """
        members = self.members(shard)
        if not members:
            return []
        at_once = 1 if backend == "dask" else processes(members, jobs, together)
        found = forecast(members, self.images, at_once)
        said = [f"  {member.name}: about {duration(found.by_setting[member.setting])}" for member in members]
        said.append(found.said())
        if backend == "dask":
            said.append(
                "on this machine, one run after the other: divide by the number of workers for a cluster of equally "
                "fast ones"
            )
        elif found.on_gpu and at_once == 1 and together != 1 and len(members) > 1:
            said.append("one after the other: together they take less, how much depends on the GPU")
        return said


@takes_settings(**STUDY_TRAINING)
def plan_study(
    data: AnyPath,
    *,
    vary: Vary = (),
    seeds: int | Sequence[int] | None = None,
    control: bool = False,
    preset: str | None = None,
    config: str | Path | None = None,
    **settings: Any,
) -> Plan:
    """What `run_study` would train; nothing is written.

    Args:
        data: images to train on.
        vary: settings and their values, which are crossed: `{"objective": ["reconstruct", "angle"]}`, or as on the
            command line, `["objective=reconstruct,angle"]`.
        seeds: how many, from the setting `seed` on, or which; None for 6, as many as two settings take for p < 0.05.
        control: add runs on shuffled targets, and untrained networks.
        preset: `reference` for an autoencoder, decoders on PCA and UMAP, and a network that predicts; or a documented
            system that all runs start from.
        config: file of settings that all runs start from.
        settings: of all runs, by their names, such as `epochs=20`; `run_config` says what there is.

    Raises:
        UserError: there is no such setting or value, nothing can be trained, or the data cannot be read.
    """
    data, varied = str(path_of(data, IMAGES)), parse_vary(as_texts(vary))
    given, base, images, chosen = begun(data, preset, config, seeds, SEEDS, settings)
    if preset == REFERENCE:
        if vary or control or config:
            raise UserError("the preset 'reference' names its runs itself: leave --vary, --control and --config out")
        design = reference_design(data, given, images, chosen)
    else:
        design = crossed(study_base(data, base, given), varied, chosen, images, control=control)
    return Plan(design, images, data, tuple(_described(design)), control)


@takes_settings(**STUDY_TRAINING)
def run_study(
    data: AnyPath,
    *,
    vary: Vary = (),
    seeds: int | Sequence[int] | None = None,
    control: bool = False,
    preset: str | None = None,
    config: str | Path | None = None,
    out: str | Path | None = None,
    jobs: int = 1,
    together: int | str | None = None,
    backend: str = "loky",
    scheduler: str | None = None,
    only: str | Collection[str] | None = None,
    matched: str = MATCHES[0],
    beside: AnyPath | Sequence[AnyPath] = (),
    figures: FigureOptions = AS_PNG_AND_SVG,
    movie_format: str = "mp4",
    quiet: bool = True,
    say: Say = SILENT,
    **settings: Any,
) -> Found[Study]:
    """Train a population of networks, measure their representations, and say what a setting changes in them.

    The same call continues where it was cut off.

    Args:
        data, vary, seeds, control, preset, config, settings: see `plan_study`.
        out: the study's folder; None for `studies/DATA`.
        jobs: pieces of work at a time, in a process each.
        together: runs that take turns in one process; "auto" for as many as the GPU's memory holds, on the processor a
            process for each core; None for that on a GPU, and one run after the other elsewhere.
        backend: "loky" for processes of this machine, or "dask" for a Dask cluster.
        scheduler: address of the Dask cluster's scheduler, such as `tcp://host:8786`.
        only: measures that are taken, see `measure_study`; None for all.
        matched: `loss` or `steps`: where runs are compared a second time.
        beside: other measured studies, whose answers stand in the report.
        figures: formats and resolution of the figures.
        movie_format: `mp4` or `gif`.
        quiet: show no progress.
        say: is told what is trained, what begins and what is done.

    Returns:
        what was found, and the files; of the preset `reference`, `compare_study` compares the runs as well.

    Raises:
        UserError: as `plan_study`; another process trains a run of the study; the folder holds something else; or no
            run could be trained.
        Interrupted: SIGINT or SIGTERM came; all is saved, and the same call goes on.
    """
    refuse_report(only, matched, beside, movie_format)
    plan = plan_study(data, vary=vary, seeds=seeds, control=control, preset=preset, config=config, **settings)
    for text in plan.said:
        say(text)
    folder = trained(
        plan,
        study_folder(data) if out is None else Path(out),
        jobs=jobs,
        together=together,
        backend=backend,
        scheduler=scheduler,
        quiet=quiet,
        say=say,
    )
    return measure_study(
        folder,
        only=only,
        by=matched,
        beside=beside,
        figures=figures,
        movie_format=movie_format,
        device=settings.get("device", "auto"),
        quiet=quiet,
    )


def train_shard(
    plan: Plan,
    shard: Shard,
    out: str | Path,
    *,
    jobs: int = 1,
    together: int | str | None = None,
    quiet: bool = True,
    say: Say = SILENT,
) -> Path:
    """Train a share of a study's runs, and measure nothing; `run_study` measures when all shares are done.

    Args:
        plan: from `plan_study` or `plan_folds`.
        shard: which share, from 1, and of how many.
        out: the study's folder, of all shares.
        jobs, together, quiet, say: as in `run_study`.

    Returns:
        the study's folder.

    Raises:
        UserError, Interrupted: as `run_study`.
    """
    names = ", ".join(member.name for member in plan.members(shard))
    number, of = shard
    say(f"shard {number} of {of} trains {names or 'nothing: there are more shards than pieces of work'}")
    folder = train_study(
        plan.design,
        plan.images,
        plan.data,
        out,
        control=plan.control,
        shard=shard,
        jobs=jobs,
        together=together,
        say=say,
        quiet=quiet,
    )
    return folder.path


def compare_study(
    path: AnyPath,
    *,
    figures: FigureOptions = AS_PNG_AND_SVG,
    device: str = "auto",
    quiet: bool = True,
) -> Found[RunsCompared]:
    """Compare the runs of each seed of a study of the preset `reference`, in its folder; see `compare_runs`.

    Raises:
        UserError: it is another study, or a run cannot be tested.
    """
    folder = StudyFolder(path)
    if folder.design().get("preset") != REFERENCE:
        raise UserError(f"{folder.path} is no study of the preset '{REFERENCE}': compare its runs by 'compare'")
    return compare_seeds(seeds_of(folder, Shelf()), folder.path, figures=figures, device=device, quiet=quiet)


def trained(plan: Plan, out: Path, *, say: Say, **how: Any) -> StudyFolder:
    """The folder of a plan whose runs are trained; `how` is that of `train_study`."""
    refuse_running(plan.design.members, StudyFolder(out).runs)
    return train_study(plan.design, plan.images, plan.data, out, control=plan.control, say=say, **how)


def as_texts(vary: Vary) -> list[str]:
    """Settings that vary as they are written on the command line."""
    if not isinstance(vary, Mapping):
        return names_of(vary)
    listed = {name: [values] if isinstance(values, str) else values for name, values in vary.items()}
    return [f"{name}={','.join(map(_as_text, values))}" for name, values in listed.items()]


def _as_text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return DEFAULT if value is None else str(value)


def begun(
    data: AnyPath,
    preset: str | None,
    config: str | Path | None,
    seeds: int | Sequence[int] | None,
    usual: int,
    settings: Mapping[str, Any],
) -> tuple[dict[str, Any], Preset, ImageSet, tuple[int, ...]]:
    """What every design starts from: settings, what they start from, the images, and the seeds.

    Raises:
        UserError: there is no such setting, preset or file, a value has another type than its setting, seeds are named
            twice, or the data cannot be read.
    """
    of_seeds, wrong = typed({"seeds": seeds}, {"seeds": int | tuple[int, ...] | None})
    raise_if_any([*problems_of(checked_settings, settings), *wrong.values()])
    given, seeds = checked_settings(settings), of_seeds["seeds"]
    base, _ = base_of(None if preset == REFERENCE else preset, config)
    if seeds is not None and not isinstance(seeds, int) and "seed" in given:
        raise UserError("--seeds names every seed, and --seed the first of several: leave one of them out")
    first = given.pop("seed", TrainingConfig().seed)
    chosen = range(first, first + (seeds or usual)) if seeds is None or isinstance(seeds, int) else seeds
    of_data = {name: given[name] for name in DataConfig.__dataclass_fields__ if name in given}
    return given, base, Shelf().images(DataConfig(str(path_of(data, IMAGES)), **of_data)), tuple(chosen)


def _described(design: Design) -> list[str]:
    settings = list(dict.fromkeys(member.setting for member in design.members))
    said = [
        f"{len(design.members)} runs: {len(settings)} settings ({'; '.join(settings)}), seeds "
        f"{', '.join(map(str, design.seeds))}",
        *said_of(design),
    ]
    tested = [setting for setting in settings if not any(m.setting == setting and m.control for m in design.members)]
    if len(tested) > 1 and len(design.seeds) > 1:
        least = smallest_p(len(tested), len(design.seeds))
        enough = fewest_seeds(len(tested))
        more = "" if least < 0.05 else f"; {enough} seeds are the fewest for p < 0.05"
        given = f"{len(tested)} settings and {len(design.seeds)} seeds"
        said.append(f"the smallest p possible with {given} is {least:.2g}{more}")
    return said


def said_of(design: Design) -> list[str]:
    """How settings were filled in, and what cannot be trained."""
    return [*design.notes, *(f"left out: {combination}" for combination in design.left_out)]


def study_folder(data: AnyPath) -> Path:
    """Where a study goes whose folder is not named."""
    return Path("studies") / Path(data).stem
