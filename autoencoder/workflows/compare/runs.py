"""`compare`: runs and codes of the same images, from their folders and files to the page; or trained first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from autoencoder.config import DataConfig, NoiseConfig, TrainingConfig
from autoencoder.config.arguments import IMAGES, AnyPath, names_of, path_of
from autoencoder.config.movies import AS_PNG_AND_SVG, FigureOptions
from autoencoder.config.settings import checked_settings
from autoencoder.display.summary import DPI, Summary
from autoencoder.errors import UserError
from autoencoder.evaluation.compare import Comparison, compare
from autoencoder.evaluation.outside_codes import Listed, expand
from autoencoder.machine.files import check_writable
from autoencoder.machine.progress import SILENT, Say
from autoencoder.plots.figures import Found, rendered
from autoencoder.registries import DEFAULT_REDUCER
from autoencoder.runs.folder import Run
from autoencoder.runs.opened import OpenedRun, RunLikes, Shelf, open_run, several_runs, table_notes
from autoencoder.runs.trained import Trained
from autoencoder.study.designs.reference import SYSTEM, reference_design
from autoencoder.study.folder import StudyFolder
from autoencoder.workflows.compare.alike import alike_sections, measure_codes
from autoencoder.workflows.compare.kinds import Group
from autoencoder.workflows.compare.numbers import over_seeds
from autoencoder.workflows.compare.report import (
    caption,
    probe_sections,
    quality_table,
    region_sections,
    table_of,
    write_comparison,
)
from autoencoder.workflows.markdown import TextTable
from autoencoder.workflows.study.results import Study
from autoencoder.workflows.study.study import train_study


@dataclass(frozen=True, eq=False, repr=False)
class RunsCompared:
    """What `compare_runs` found.

    Attributes:
        comparisons: one for each seed; a single one where runs were named.
        alike: how alike representations are; None where there is a single one.
        figures: as they were saved, by name.
    """

    comparisons: tuple[Comparison, ...]
    alike: Study | None
    figures: Mapping[str, Figure]

    def __repr__(self) -> str:
        return f"<RunsCompared {', '.join(run.name for one in self.comparisons for run in one.runs)}>"

    def _repr_html_(self) -> str:
        """What a notebook shows: how well each run meets its objective, and the first figure."""
        (title, found), *_ = self.tables()
        header, rows = found or ((), ())
        drawn = [rendered(figure, name, dpi=DPI) for name, figure in islice(self.figures.items(), 1)]
        return Summary(title, header=header, rows=rows, pictures=drawn, notes=self.notes).html()

    @property
    def notes(self) -> list[str]:
        """What the reader should know of the tests, a sentence each."""
        return list(
            dict.fromkeys(note for one in self.comparisons for run in one.runs for note in run.evaluation.notes)
        )

    def tables(self) -> list[tuple[str, TextTable | None]]:
        """What was found: captions with their tables, over seeds; a caption alone is a sentence."""
        first = self.comparisons[0]
        rows = over_seeds([row for comparison in self.comparisons for row in table_of(comparison)])
        return [
            (caption(first), quality_table(rows)),
            *region_sections(rows, first),
            *probe_sections(rows, first, full=False),
            *([] if self.alike is None else alike_sections(self.alike)),
        ]


def compare_runs(
    runs: RunLikes,
    *,
    checkpoint: str = "last",
    noise: NoiseConfig | str | None = None,
    given: Sequence[str] = (),
    metadata: AnyPath | None = None,
    columns: Sequence[str] | None = None,
    column_kinds: Sequence[str] | None = None,
    rows: str = "all",
    color_by: Sequence[str] | None = None,
    reducer: str = DEFAULT_REDUCER,
    examples: int = 5,
    figures: FigureOptions = AS_PNG_AND_SVG,
    out: str | Path = "compare",
    device: str = "auto",
    quiet: bool = True,
    say: Say = SILENT,
) -> Found[RunsCompared]:
    """Compare runs, and codes from elsewhere, on the images that all of them held out, and write all of it.

    `compare` does it in memory, for numbers alone.

    Args:
        runs: run folders with the same data and split, or what `open_run` gave; files of codes (`.npy`, `.npz`: a row
            for each image); a `.csv` that lists such, with columns `path` and `name`. Of a dictionary, the values.
        checkpoint, noise, given: as in `compare`.
        metadata, columns, column_kinds: other metadata than that of the runs; see `open_run`.
        rows: points in the figure: `all`, with those that were trained on in pale colours, or the `held-out` ones.
        color_by: columns, a figure each; None for the most telling one.
        reducer: of the latent spaces in the figure: `umap`, `pca`, `tsne`, or `none` for two units.
        examples: images in the figure.
        figures: formats and resolution of the figures.
        out: folder.
        device: `auto`, `cpu`, `cuda` or `mps`.
        quiet: show no progress.
        say: is told what has changed in the metadata since the runs were started.

    Returns:
        what was found, and the files: `comparison.csv` (a row per run), `comparison.md`, `comparison.json`, and a
        figure for each column; of two or more also `comparison.html`, `measures.csv`, and, where runs were compared
        over training, the figure `distances`.

    Raises:
        UserError: there is no run, runs differ in data or split, one cannot be tested, there is no such column, or
            `out` cannot be written to.
    """
    shelf = Shelf()
    asked = [open_run(run) if isinstance(run, Run | Trained) else run for run in several_runs(runs)]
    listed = list[OpenedRun | Listed]()
    for run in asked:
        listed += [run] if isinstance(run, OpenedRun) else expand([path_of(run, "a run")])
    codes = [entry for entry in listed if isinstance(entry, Listed) and entry.is_codes]
    sources = [entry for entry in listed if entry not in codes]
    if codes and not sources:
        raise UserError(
            f"{codes[0].path} is not a run folder, so it is taken to be a file of codes, which are compared "
            "on the images of a run: name at least one run as well; to train on a data file, use --train"
        )
    if not sources:
        raise UserError("name the run folders to compare, or a data file with --train, and not both")
    opened = [
        entry
        if isinstance(entry, OpenedRun)
        else open_run(entry.path, shelf=shelf, metadata=metadata, columns=columns, column_kinds=column_kinds)
        for entry in sources
    ]
    color_by, given = None if color_by is None else names_of(color_by), names_of(given)
    for name in (*(color_by or ()), *given):
        opened[0].images.metadata.column(name)
    check_writable(Path(out))
    for note in table_notes(opened):
        say(f"note: {note}")
    in_a_list = any(not isinstance(run, OpenedRun) and path_of(run, "a run").suffix.lower() == ".csv" for run in asked)
    names = [entry.path.name if isinstance(entry, OpenedRun) else entry.name for entry in (*sources, *codes)]
    group = Group(
        opened,
        names if in_a_list else None,
        [entry.settings if isinstance(entry, Listed) else {} for entry in sources],
        [entry.seed if isinstance(entry, Listed) else None for entry in sources],
    )
    return compare_seeds(
        [group],
        out,
        codes=[entry.path for entry in codes],
        checkpoint=checkpoint,
        noise=noise,
        given=given,
        rows=rows,
        color_by=color_by,
        reducer=reducer,
        examples=examples,
        figures=figures,
        device=device,
        quiet=quiet,
    )


def compare_reference(
    data: AnyPath,
    *,
    seeds: int = 1,
    jobs: int = 1,
    backend: str = "loky",
    scheduler: str | None = None,
    checkpoint: str = "last",
    noise: NoiseConfig | str | None = None,
    given: Sequence[str] = (),
    rows: str = "all",
    color_by: Sequence[str] | None = None,
    reducer: str = DEFAULT_REDUCER,
    examples: int = 5,
    figures: FigureOptions = AS_PNG_AND_SVG,
    out: str | Path | None = None,
    device: str = "auto",
    quiet: bool = True,
    say: Say = SILENT,
    **settings: Any,
) -> Found[RunsCompared]:
    """Train the reference table, or resume it, and compare its runs.

    That is an autoencoder, decoders on PCA and UMAP to 16 and 2 units, and a network that predicts.

    Args:
        data: images to train on.
        seeds: train everything so many times, with seeds from `seed` on.
        jobs: pieces of work at a time, in a process each.
        backend: "loky" for processes of this machine, or "dask" for a Dask cluster.
        scheduler: address of the Dask cluster's scheduler, such as `tcp://host:8786`.
        noise: of the input, in training and in the test.
        checkpoint, given, rows, color_by, reducer, examples, figures, quiet: see `compare_runs`.
        out: folder; None for `runs/reference-DATA`.
        device: where networks are trained and compared.
        say: is told what begins and what is done.
        settings: of all runs, by their names: those of data and training, `encoder` and `target`; `run_config` says
            what there is.

    Returns:
        what was found, and the files, as `compare_runs` writes them.

    Raises:
        UserError: the preset does not take a setting, a run cannot be trained, or as `compare_runs`.
    """
    noisy = {} if noise is None else {"noise": noise}
    asked = {**settings, "device": device, **noisy}
    chosen = checked_settings({name: value for name, value in asked.items() if value is not None})
    of_data = {name: value for name, value in chosen.items() if name in DataConfig.__dataclass_fields__}
    noise = chosen.get("noise")
    shelf, data = Shelf(), str(path_of(data, IMAGES))
    images = shelf.images(DataConfig(data, **of_data))
    color_by, given = None if color_by is None else names_of(color_by), names_of(given)
    for name in (*(color_by or ()), *given):
        images.metadata.column(name)
    out = Path("runs") / f"reference-{Path(data).stem}" if out is None else Path(out)
    check_writable(out)
    first = chosen.pop("seed", TrainingConfig().seed)
    design = reference_design(data, chosen, images, range(first, first + seeds))
    for note in design.notes:
        say(note)
    folder = train_study(
        design, images, data, out, jobs=jobs, backend=backend, scheduler=scheduler, say=say, quiet=quiet
    )
    return compare_seeds(
        seeds_of(folder, shelf),
        out,
        checkpoint=checkpoint,
        noise=noise,
        given=given,
        rows=rows,
        color_by=color_by,
        reducer=reducer,
        examples=examples,
        figures=figures,
        device=device,
        quiet=quiet,
    )


def seeds_of(study: StudyFolder, shelf: Shelf) -> list[Group]:
    """The runs of each seed of the reference study, with what they are called."""
    return [
        Group(
            [open_run(folder, shelf=shelf) for folder in runs.values()], list(runs), [{SYSTEM: name} for name in runs]
        )
        for runs in study.by_seed()
    ]


def compare_seeds(
    groups: Sequence[Group],
    out: str | Path,
    *,
    codes: Sequence[Path] = (),
    checkpoint: str = "last",
    noise: NoiseConfig | str | None = None,
    given: Sequence[str] = (),
    rows: str = "all",
    color_by: Sequence[str] | None = None,
    reducer: str = DEFAULT_REDUCER,
    examples: int = 5,
    figures: FigureOptions = AS_PNG_AND_SVG,
    device: str = "auto",
    quiet: bool = True,
) -> Found[RunsCompared]:
    """Compare the runs of each seed, and write all of it; see `compare` and `write_comparison` for the arguments."""
    comparisons = [
        compare(
            group.runs,
            codes=codes,
            names=group.names,
            checkpoint=checkpoint,
            noise=noise,
            given=given,
            device=device,
            quiet=quiet,
        )
        for group in groups
    ]
    out = Path(out)
    several = sum(len(group.runs) for group in groups) + len(codes) > 1
    alike = measure_codes(comparisons, groups, out, quiet=quiet) if several else None
    files = write_comparison(
        comparisons,
        out,
        color_by=color_by,
        reducer=reducer,
        examples=examples,
        rows=rows,
        seed=comparisons[0].runs[0].evaluation.trained.config.training.seed,
        alike=alike,
        options=figures,
    )
    return Found(RunsCompared(tuple(comparisons), alike, files.figures), files)
