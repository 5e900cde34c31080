"""What a study measures: codes of the same images, by runs over training and from anywhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from autoencoder.array_types import FloatArray, Rows
from autoencoder.data.batches import evenly
from autoencoder.data.images import ImageSet
from autoencoder.data.timescales import timeline_of
from autoencoder.errors import UserError, raise_if_any
from autoencoder.evaluation.outside_codes import Listed, read_all
from autoencoder.measures.timeline import Timeline
from autoencoder.runs.opened import OpenedRun, Shelf, open_run
from autoencoder.runs.snapshots import Snapshot
from autoencoder.study.designs.design import setting_name
from autoencoder.study.folder import StudyFolder
from autoencoder.training.loop import is_finished

MOST_COMPARED = 2000
"""Of more held-out images than this, so many are compared, evenly spaced."""


@dataclass(frozen=True)
class Moment:
    """A moment of a run's training."""

    step: int
    epoch: float


ALWAYS = Moment(0, 0.0)
"""The moment of codes that do not change: of a fitted encoder, or from a file."""


@dataclass(frozen=True, eq=False)
class Source:
    """One that gives codes of images: a run over training, or a file.

    Attributes:
        name: of its folder or file.
        levels: value of each setting that varies.
        seed: of a run; None for a file without one.
        control: what it is a control by; None for what it is none.
        run: the run's folder; None for a file.
        snapshots: of a run, in the order of steps, by their moments.
        fixed: (p, d) codes of the probe images, of a file or of pixels; None for a run.
        kept: of a run, places of the probe images among those of its snapshots; None where these are the same.
    """

    name: str
    levels: Mapping[str, str]
    seed: int | None
    control: str | None = None
    run: OpenedRun | None = None
    snapshots: Mapping[Moment, Snapshot] = field(default_factory=dict)
    fixed: FloatArray | None = None
    kept: Rows | None = None

    @property
    def setting(self) -> str:
        """Its settings in short, with the control; a file is one of its own."""
        if self.run is None and not self.levels:
            return self.control or self.name
        return setting_name(self.levels, self.control)

    @property
    def moments(self) -> tuple[Moment, ...]:
        """At which there are codes."""
        return tuple(self.snapshots) or (ALWAYS,)

    @property
    def changes(self) -> bool:
        """Whether it is seen over training."""
        return len(self.moments) > 1

    @property
    def last(self) -> Moment:
        """The last one."""
        return self.moments[-1]

    def codes(self, moment: Moment, rows: Rows) -> FloatArray:
        """Codes (p, d) of the probe images `rows` at a moment.

        Raises:
            UserError: the snapshot is damaged.
        """
        if self.fixed is not None:
            return self.fixed
        codes = self.snapshots[moment].load()
        if self.kept is not None and len(self.kept) and self.kept[-1] < len(codes):
            codes = codes[self.kept]
        if len(codes) != len(rows):
            path = self.snapshots[moment].path
            raise UserError(f"the snapshot {path} holds {len(codes):,} codes of {len(rows):,} images: train again")
        return codes

    def at_epoch(self, epoch: float) -> Moment | None:
        """The moment of an epoch; codes that do not change have them all."""
        if not self.changes:
            return self.last
        return next((moment for moment in self.moments if abs(moment.epoch - epoch) < 1e-5), None)


@dataclass(frozen=True, eq=False)
class Population:
    """Codes of the same images by many sources.

    Attributes:
        sources: the runs of a design, its controls, and codes from files.
        vary: values of each setting that varies.
        images: the data set.
        rows: (p,) the probe images, of which there are codes.
        split_kind, split_seed: of the split that all share.
        train, held_out: places in `rows` of the images that were trained on, and that were held out.
        notes: what was left out, and why.
    """

    sources: tuple[Source, ...]
    vary: Mapping[str, tuple[str, ...]]
    images: ImageSet
    rows: Rows
    split_kind: str
    split_seed: int
    train: Rows
    held_out: Rows
    notes: tuple[str, ...] = ()

    @property
    def compared(self) -> Rows:
        """Places of the held-out images whose codes are compared between sources."""
        return evenly(self.held_out, MOST_COMPARED)

    @cached_property
    def timeline(self) -> Timeline:
        """The compared images in time."""
        return timeline_of(self.images.metadata, len(self.images)).take(self.rows[self.compared])

    def codes(self, source: Source, moment: Moment) -> FloatArray:
        """Codes (m, d) of the compared images."""
        return source.codes(moment, self.rows)[self.compared]

    def settings(self) -> dict[str, list[Source]]:
        """Sources by their setting, in order."""
        groups: dict[str, list[Source]] = {}
        for source in self.sources:
            groups.setdefault(source.setting, []).append(source)
        return groups


def open_population(study: StudyFolder, extra: Sequence[Listed] = ()) -> Population:
    """The runs of a study, with codes from files beside them.

    Runs that are missing, unfinished or damaged are left out, and named in the population's notes.

    Args:
        study: its folder.
        extra: files of codes.

    Raises:
        UserError: there is no run to measure, or runs do not share data and split.
    """
    design, shelf = study.design(), Shelf()
    notes, sources = list[str](), list[Source]()
    for entry in design["runs"]:
        try:
            sources.append(
                run_source(
                    open_run(study.runs / entry["name"], shelf=shelf),
                    entry["settings"],
                    entry["seed"],
                    entry.get("control"),
                    notes,
                )
            )
        except UserError as error:
            notes.append(f"{entry['name']} is left out: {error}")
    if not sources:
        raise UserError([f"{study.path} has no run to measure", *notes])
    vary = {name: tuple(map(str, values)) for name, values in design["vary"].items()}
    return gather(sources, vary, extra, notes)


def population_of(listed: Sequence[Listed]) -> Population:
    """Runs and codes that a table lists, as a population; what it cannot use is named in the notes.

    Raises:
        UserError: there is no run among them, or runs do not share data and split.
    """
    shelf, notes, sources = Shelf(), list[str](), list[Source]()
    for entry in listed:
        if entry.is_codes:
            continue
        try:
            run = open_run(entry.path, shelf=shelf)
            seed = run.config().training.seed if entry.seed is None else entry.seed
            sources.append(run_source(run, entry.settings, seed, None, notes, entry.name))
        except UserError as error:
            notes.append(f"{entry.name} is left out: {error}")
    names = dict.fromkeys(name for entry in listed for name in entry.settings)
    vary = {name: tuple(dict.fromkeys(e.settings[name] for e in listed if e.settings.get(name))) for name in names}
    return gather(sources, vary, [entry for entry in listed if entry.is_codes], notes)


def has_finished(run: OpenedRun) -> bool:
    """Whether a run was trained to its end, and not cut off.

    Raises:
        UserError: there is no run, or a file of it is damaged.
    """
    training, last = run.config().training, run.checkpoint_file("last")
    return last.exists() and is_finished(training, run.state_of(last))


def run_source(
    run: OpenedRun,
    levels: Mapping[str, str],
    seed: int | None,
    control: str | None,
    notes: list[str],
    name: str | None = None,
) -> Source:
    """A run as a source.

    Args:
        run: opened with the others.
        levels, seed, control: see `Source`.
        notes: is added what is missing of it.
        name: what it is called; None for the name of its folder.

    Raises:
        UserError: it is no run, or not finished, or has no snapshots.
    """
    if not has_finished(run):
        raise UserError("it is not finished: the command that made the study resumes it, or train --resume")
    folder, snapshots, missing = run.snapshot_index_file.parent, dict[Moment, Snapshot](), []
    for row in sorted(run.snapshot_index(), key=lambda row: int(row["step"])):
        snapshot = Snapshot(row["step"], row["epoch"], folder / Path(row["file"]).name)
        if snapshot.path.is_file():
            snapshots[Moment(snapshot.step, snapshot.epoch)] = snapshot
        else:
            missing.append(snapshot.path.name)
    if not snapshots:
        raise UserError("it has no latent snapshots: train with --snapshots-per-epoch 1 or more")
    if missing:
        notes.append(f"{run.path.name} is measured without {', '.join(missing)}, listed in its index but missing")
    return Source(name or run.path.name, levels, seed, control, run, snapshots)


def gather(
    sources: Sequence[Source],
    vary: Mapping[str, tuple[str, ...]],
    extra: Sequence[Listed],
    notes: Sequence[str],
    known: Rows | None = None,
) -> Population:
    """Runs, and codes from files beside them, as a population, of the images that all of them know.

    Args:
        sources: the runs.
        vary: values of each setting that varies.
        extra: files of codes.
        notes: what was left out so far.
        known: rows of images that are known to others that will stand beside these; None for all.

    Raises:
        UserError: runs do not share data and split, or codes are not one row for each image.
    """
    runs = [source.run for source in sources if source.run is not None]
    if not runs:
        raise UserError("codes are compared on the images of a run: name at least one run as well")
    first = runs[0]
    raise_if_any(why for run in runs[1:] if (why := _differing(run, first)) is not None)
    split, data, images = first.split(), first.config().data, first.images
    rows = split.snapshot
    paths = [(entry.name, entry.path) for entry in extra]
    outside = read_all(paths, len(images), np.intersect1d(rows, split.val))
    for there in (known, outside.known):
        if there is not None:
            rows = rows[np.isin(rows, there)]
    if len(rows) < len(split.snapshot):
        kept = np.flatnonzero(np.isin(split.snapshot, rows))
        sources = [replace(source, kept=kept) for source in sources]
    files = [
        Source(extra[i].name, extra[i].settings, extra[i].seed, fixed=codes[rows]) for i, codes in outside.codes.items()
    ]
    return Population(
        (*sources, *files),
        vary,
        images,
        rows,
        data.split,
        data.split_seed,
        np.flatnonzero(np.isin(rows, split.train)),
        np.flatnonzero(np.isin(rows, split.val)),
        (*notes, *outside.notes),
    )


def _differing(run: OpenedRun, first: OpenedRun) -> str | None:
    """Why two runs cannot be compared; None where they can."""
    if run.environment().get("data_sha256") != first.environment().get("data_sha256"):
        return f"{run.path} was trained on other data than {first.path}: a study uses one data set"
    if run.split().content_hash() != first.split().content_hash():
        return (
            f"{run.path} held out, or kept codes of, other images than {first.path}: train them with the same split, "
            "split seed and --snapshot-samples"
        )
    return None
